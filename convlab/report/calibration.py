"""The figure of a calibration: how often statements that are false by so much are refuted, against the number of replicates, by the judge and by hand."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.judge.calibration import METHODS, Rates
from convlab.report.style import COLOURS, GREY, MARKERS, WIDTH, files_of

LEVEL = 0.01       # the alpha that is drawn
DRAWN = {"refuted": "e-value", "bonferroni": "Bonferroni", "t_test": "each t-test"}      # a row of panels each
SHOWN = 3          # numbers of replicates that are written below a panel


def power_figure(rates: Sequence[Rates]) -> Mapping[str, bytes]:
    """The figure by ending: pdf, svg, png; a column of panels for each law that was looked at more than once, a row for each method."""
    return files_of(lambda: _drawn(rates))


def _drawn(rates: Sequence[Rates]) -> Figure:
    names = [law for law in dict.fromkeys(rate.law for rate in rates) if any(rate.excess > 0 for rate in rates if rate.law == law)]
    figure = Figure(figsize=(WIDTH, 1.1 * len(DRAWN) + 0.7), layout="constrained")
    panels: Any = figure.subplots(len(DRAWN), len(names), sharey=True, sharex="col", squeeze=False)
    for row, (method, label) in zip(panels, DRAWN.items(), strict=True):
        for axes, name in zip(row, names, strict=True):
            _panel(axes, [rate for rate in rates if rate.law == name and rate.alpha == LEVEL], METHODS.index(method))
        row[0].set_ylabel(label)
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(name, fontsize=8)
    figure.supxlabel("replicates", fontsize=9)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLOURS))
    return figure


def _panel(axes: Axes, rates: Sequence[Rates], method: int) -> None:
    for excess, colour, marker in zip(sorted({rate.excess for rate in rates}), COLOURS, MARKERS, strict=False):
        line = [rate for rate in rates if rate.excess == excess]
        axes.plot([rate.replicates for rate in line], [rate.counts[method] / rate.repeats for rate in line], color=colour, marker=marker, markersize=2.5,
                  linewidth=1, label=f"false by {100 * excess:.0f} %" if excess else "true")
    axes.axhline(LEVEL, color=GREY, linewidth=0.7, dashes=(3, 2))
    sizes = sorted({rate.replicates for rate in rates})
    axes.set_xscale("log")
    kept = sizes[::-(-len(sizes) // SHOWN)]
    axes.set_xticks(kept, [str(size) for size in kept])
    axes.minorticks_off()
    axes.set_ylim(-0.04, 1.04)
