"""The figure of a calibration: how often statements that are false by so much are refuted, against the number of replicates."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.judge.calibration import Rates
from convlab.report.figures import COLOURS, GREY, MARKERS, WIDTH, files_of

LEVEL = 0.01       # the alpha that is drawn


def power_figure(rates: Sequence[Rates]) -> Mapping[str, bytes]:
    """The figure by ending: pdf, svg, png; one panel a law."""
    return files_of(lambda: _drawn(rates))


def _drawn(rates: Sequence[Rates]) -> Figure:
    names = list(dict.fromkeys(rate.law for rate in rates))
    figure = Figure(figsize=(WIDTH, 1.9), layout="constrained")
    panels: Any = figure.subplots(1, len(names), sharey=True, squeeze=False)
    for axes, name in zip(panels[0], names, strict=True):
        _panel(axes, name, [rate for rate in rates if rate.law == name and rate.alpha == LEVEL])
    panels[0][0].set_ylabel("refuted")
    figure.supxlabel("replicates", fontsize=9)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLOURS))
    return figure


def _panel(axes: Axes, name: str, rates: Sequence[Rates]) -> None:
    for excess, colour, marker in zip(sorted({rate.excess for rate in rates}), COLOURS, MARKERS, strict=False):
        line = [rate for rate in rates if rate.excess == excess]
        axes.plot([rate.replicates for rate in line], [rate.counts[0] / rate.repeats for rate in line], color=colour, marker=marker, markersize=3, linewidth=1,
                  label=f"false by {100 * excess:.0f} %" if excess else "true")
    axes.axhline(LEVEL, color=GREY, linewidth=0.7, dashes=(3, 2))
    sizes = sorted({rate.replicates for rate in rates})
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.03)
    axes.set_title(name, fontsize=8)
