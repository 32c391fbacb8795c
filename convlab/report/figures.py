"""A claim's figure: measured against bound, and below it their ratio.

Curves are told apart by colour, dash and marker, and by the name at the end of each; the bound is dashed in its problem's colour.
"""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from convlab.constants import Array
from convlab.judge.verdict import Verdict, Word, log10, short
from convlab.report.curves import Line, Scale, csv_of, lines_of, ratio_text, scale_of
from convlab.report.style import COLOURS, GREY, INK, MARKERS, RULE, WIDTH, Drawn, apart, files_of
from convlab.theorem import Identity, Law, Relation

WORDS = {Word.HOLDS: "#0072B2", Word.REFUTED: "#D55E00", Word.INCONCLUSIVE: "#777777", Word.NOT_APPLICABLE: "#BBBBBB"}
DECADES = 30             # of a vertical axis: float64 resolves no distance beyond


def claim_figure(claim: Any, verdicts: Sequence[Verdict]) -> Drawn | None:
    """The figure of one claim: a rate plot where there are curves, ratios by problem where there are ratios of several, else None."""
    if isinstance(claim, Identity):
        return None                          # both sides lie on each other: nothing to see
    lines = lines_of(verdicts, getattr(claim, "relation", Relation.AT_MOST))
    if lines:
        return Drawn({**files_of(lambda: rate_plot(lines, claim)), "csv": csv_of(lines).encode()}, _caption(lines, len({v.problem for v in verdicts})))
    sized = tuple(v for v in verdicts if log10(v.worst_ratio) is not None)
    if len(sized) < 2 or max(map(_ratio, sized)) - min(map(_ratio, sized)) < 0.02:      # the width of a dot: the table says as much
        return None
    return Drawn({**files_of(lambda: ratio_plot(sized)), "csv": _ratio_csv(sized)}, "Worst ratio of measured to bound on each problem; 1 is equality.")


def quantity_of(claim: Any) -> str:
    """What the vertical axis measures, in words."""
    metric = getattr(claim, "metric", None)
    name = str(getattr(metric, "name", "") or getattr(metric, "__name__", "").replace("_", " ") or "measured")
    mode = getattr(claim, "mode", None)
    before, after = {"best": ("best ", " so far"), "mean": ("mean ", " so far"), "sum": ("sum of ", " so far")}.get(getattr(mode, "statistic", ""), ("", ""))
    return ("expected " if getattr(claim, "law", None) is Law.EXPECTATION else "") + before + name + after


def rate_plot(lines: Sequence[Line], claim: Any) -> Figure:
    """Two panels over one k axis: the curves with their bounds, and the ratios. Call inside the style's `rc_context`."""
    figure = Figure(figsize=(WIDTH, 3.1))
    FigureCanvasAgg(figure)
    scale = scale_of(lines)
    right = 1 - min(2.0, 0.14 + 0.056 * max(len(_label(line)) for line in lines)) / WIDTH
    grid = figure.add_gridspec(2, 1, height_ratios=(2.5, 1), hspace=0.12, left=0.105, right=right, top=0.97, bottom=0.125)
    top: Axes = figure.add_subplot(grid[0])
    below: Axes = figure.add_subplot(grid[1], sharex=top)
    top.set_yscale("log")
    if scale is Scale.SUBLINEAR:
        top.set_xscale("log")
    view = _view(lines, scale)
    for i, line in enumerate(lines):
        _draw(top, line, i, scale, view)
        _draw_ratio(below, line, i, scale, view, getattr(claim, "relation", Relation.AT_MOST))
    _limits(top, view)
    _dress(top, below, lines, claim)
    _name_ends(figure, top, lines, scale, view)
    figure.align_ylabels()
    return figure


def ratio_plot(verdicts: Sequence[Verdict]) -> Figure:
    """One dot a problem on a line of ratios: distance to 1 is what the bound gives away there. Call inside the style's `rc_context`."""
    shown = sorted(verdicts, key=lambda v: -(log10(v.worst_ratio) or 0))[:16]
    names = [shorten(v.problem, 46, placeholder=" ...") for v in shown]
    height = 0.62 + 0.19 * len(shown)
    left = min(0.45, 0.02 + 0.0095 * max(map(len, names)))
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    axes: Axes = figure.add_axes((left, 0.42 / height, 0.95 - left, 1 - 0.5 / height))
    for row, v in enumerate(shown):
        _dot(axes, row, v)
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, max(1.15, 1.15 * max(_ratio(v) for v in shown)))
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("worst measured / bound")
    return figure


def _ratio(verdict: Verdict) -> float:
    return float(10 ** min(max(log10(verdict.worst_ratio) or 0.0, -12.0), 12.0))


def _dot(axes: Axes, row: int, verdict: Verdict) -> None:
    ratio = _ratio(verdict)
    axes.plot([0, ratio], [row, row], color=RULE, linewidth=1.2, zorder=1)
    axes.plot([ratio], [row], marker="o", markersize=4.5, color=WORDS[verdict.word], zorder=3)
    axes.annotate(ratio_text(verdict.worst_ratio), (ratio, row), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7, color=INK,
                  bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}, zorder=4)


def _label(line: Line) -> str:
    if "(" in line.label:                    # a declared instance goes by its family
        return f"{line.family} ({'witness' if line.word is Word.REFUTED else 'tight'})"
    return shorten(line.label.replace("-", "- "), 34, placeholder="...").replace("- ", "-")


def _visible(line: Line, scale: Scale) -> Array:
    return (line.k >= 1) if scale is Scale.SUBLINEAR else (line.k >= 0)


def _power(values: Array) -> Array:
    return 10 ** np.clip(values, -300, 300)


def _some(positions: Array, k: Array, scale: Scale) -> list[int]:
    """About a dozen of these positions, evenly spread on the axis: enough to show that a curve touches its bound."""
    if len(positions) == 0:
        return []
    at = np.log10(np.maximum(k[positions], 1)) if scale is Scale.SUBLINEAR else k[positions]
    wanted = np.linspace(at[0], at[-1], 12)
    return sorted({int(positions[int(np.argmin(np.abs(at - w)))]) for w in wanted})


def _draw(axes: Axes, line: Line, i: int, scale: Scale, view: View) -> None:
    seen = _visible(line, scale)
    colour, k = COLOURS[i], line.k
    if line.low is not None and line.high is not None:
        axes.fill_between(k[seen], _power(np.nan_to_num(line.low, nan=-300.0))[seen], _power(line.high)[seen], color=colour, alpha=0.18, linewidth=0)
    axes.plot(k[seen], _power(line.bound)[seen], color=colour, linewidth=1.0, dashes=(4, 2), alpha=0.9)
    axes.plot(k[seen], _power(line.measured)[seen], color=colour, linewidth=1.6)
    if line.sampled is not None:
        axes.plot(k[seen], _power(line.sampled)[seen], color=colour, linewidth=0.7, dashes=(1, 1))
    touching = _some(np.flatnonzero(line.attained & seen & view.holds(line)), k, scale)
    axes.plot(k[touching], _power(line.measured)[touching], linestyle="none", marker=MARKERS[i], markersize=4, markerfacecolor="white",
              markeredgecolor=colour, markeredgewidth=1.0, zorder=5, clip_on=False)


def _draw_ratio(axes: Axes, line: Line, i: int, scale: Scale, view: View, relation: Relation) -> None:
    seen = _visible(line, scale)
    ratio = -line.ratio if relation is Relation.AT_LEAST else line.ratio
    axes.plot(line.k[seen], _power(ratio)[seen], color=COLOURS[i], linewidth=1.3)
    touching = _some(np.flatnonzero(line.attained & seen & view.holds(line)), line.k, scale)
    axes.plot(line.k[touching], _power(ratio)[touching], linestyle="none", marker=MARKERS[i], markersize=4, markerfacecolor="white",
              markeredgecolor=COLOURS[i], markeredgewidth=1.0, zorder=5, clip_on=False)


@dataclass(frozen=True)
class View:
    """The part of the curves that is shown: log10 of the vertical ends, and the k at both ends."""

    bottom: float
    top: float
    first: float
    last: float

    def holds(self, line: Line) -> Array:
        """Which points of a curve lie in it."""
        return (line.measured >= self.bottom) & (line.measured <= self.top) & (line.k <= self.last)


def _view(lines: Sequence[Line], scale: Scale) -> View:
    """The bounds fill the panel, thirty decades of them at most; a curve that leaves them four decades behind may run out at the bottom."""
    seen = [_visible(line, scale) & np.isfinite(line.bound) for line in lines]
    bounds = [line.bound[part] for line, part in zip(lines, seen, strict=True)]
    measured = np.concatenate([line.measured[_visible(line, scale) & np.isfinite(line.measured)] for line in lines])
    low, high = min(b.min() for b in bounds), max(b.max() for b in bounds)
    bottom, top = max(low - 4, measured.min(initial=low)), measured.max(initial=high)
    if sum(b[-1] - b[0] for b in bounds) > 0:
        top = min(top, bottom + DECADES)
    else:
        bottom = max(bottom, top - DECADES)
    inside = [line.k[part & (line.bound >= bottom) & (line.bound <= top)] for line, part in zip(lines, seen, strict=True)]
    return View(float(bottom), float(top), float(min(line.k[_visible(line, scale)].min() for line in lines)), float(max(k.max(initial=0) for k in inside)))


def _limits(axes: Axes, view: View) -> None:
    pad = 0.06 * max(view.top - view.bottom, 0.3)
    if view.top - view.bottom < 0.7:         # less than a decade: a logarithmic axis would have no ticks worth reading
        axes.set_yscale("linear")
    axes.set_ylim(10 ** max(view.bottom - pad, -300.0), 10 ** min(view.top + pad, 300.0))
    if view.last > view.first:
        axes.set_xlim(view.first, view.last)


def _dress(top: Axes, below: Axes, lines: Sequence[Line], claim: Any) -> None:
    top.set_ylabel(quantity_of(claim))
    relation = getattr(claim, "relation", Relation.AT_MOST)
    below.set_ylabel("bound / measured" if relation is Relation.AT_LEAST else "measured / bound", fontsize=7.5)
    below.set_xlabel("$k$", labelpad=1)
    top.tick_params(labelbottom=False)
    if top.get_yscale() == "log":
        low, high = np.log10(top.get_ylim())
        top.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high - low < 2 else (1,), numticks=7))
        top.yaxis.set_minor_locator(NullLocator())
    else:
        top.yaxis.set_major_locator(MaxNLocator(5))
    top.xaxis.set_minor_formatter(NullFormatter())
    ratios = np.concatenate([line.ratio[(line.k >= 1) & np.isfinite(line.ratio)] for line in lines])
    ratios = -ratios if relation is Relation.AT_LEAST else ratios
    below.axhline(1, color=INK, linewidth=0.7)
    if ratios.size and ratios.min() < -1.3:                      # under a twentieth: a linear axis would lay the curve on its floor
        below.set_yscale("log")
        below.set_ylim(10 ** max(ratios.min() - 0.1, -4.0), 10 ** max(0.25, min(ratios.max() + 0.1, 3.0)))
        below.yaxis.set_major_locator(LogLocator(numticks=5))
        below.yaxis.set_minor_locator(NullLocator())
    else:
        below.set_ylim(0, 1.12 if not ratios.size else max(1.12, min(1.1 * 10 ** float(ratios.max()), 10.0)))
        below.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]) if below.get_ylim()[1] < 1.6 else MaxNLocator(4))
    _legend(top, lines)


def _legend(axes: Axes, lines: Sequence[Line]) -> None:
    keys: list[Artist] = [axes.plot([], [], color=GREY, linewidth=1.6, label="measured")[0], axes.plot([], [], color=GREY, linewidth=1, dashes=(4, 2), label="bound")[0]]
    if any(line.attained[line.k >= 1].any() for line in lines):
        keys += axes.plot([], [], linestyle="none", marker="o", markersize=4, markerfacecolor="white", markeredgecolor=GREY, label="attained")
    if any(line.sampled is not None for line in lines):
        keys += axes.plot([], [], color=GREY, linewidth=0.7, dashes=(1, 1), label="sampled mean")
    if any(line.low is not None for line in lines):
        keys.append(axes.fill_between([], [], [], color=GREY, alpha=0.25, linewidth=0, label="95 % band of the mean"))
    axes.legend(handles=keys, loc="best", handlelength=2.2, borderaxespad=0.4, labelspacing=0.3)


def _name_ends(figure: Figure, axes: Axes, lines: Sequence[Line], scale: Scale, view: View) -> None:
    """Each curve's name at the height where it leaves the panel, moved apart where two would touch."""
    height = figure.get_figheight() * axes.get_position().height
    gap = 0.145 / height
    ends = []
    for i, line in enumerate(lines):
        seen = np.flatnonzero(_visible(line, scale) & view.holds(line))
        at = axes.transAxes.inverted().transform(axes.transData.transform((1, 10 ** line.measured[seen[-1]])))[1] if len(seen) else 0.0
        ends.append((float(np.clip(at, 0.02, 0.98)), i))
    for at, i in apart(sorted(ends), gap):
        axes.text(1.012, at, _label(lines[i]), transform=axes.transAxes, color=COLOURS[i], fontsize=8, va="center", ha="left")


def _caption(lines: Sequence[Line], problems: int) -> str:
    where = f", on {len(lines)} of {problems} problems: those that stay closest" if problems > len(lines) else ""
    touching = "; open marks: attained" if any(line.attained[line.k >= 1].any() for line in lines) else ""
    return f"Measured (solid) and bound (dashed){where}{touching}."


def _ratio_csv(verdicts: Sequence[Verdict]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["problem", "judged_by", "verdict", "worst_ratio_log10", "worst_k"])
    writer.writerows([v.problem, v.judged_by.value, v.word.value, short(log10(v.worst_ratio)), "" if v.worst_k is None else v.worst_k] for v in verdicts)
    return out.getvalue().encode()
