"""A declared figure on paper: one drawing a kind, in the style of all figures, at the size of a slide or of a column.

Every curve carries its name at its end; the margins are measured from what is written there, so that nothing is cut off.
"""
from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from convlab.arithmetic import FLOAT64, cast
from convlab.constants import Array
from convlab.errors import BadInput
from convlab.figure import Axis, Contour, Curves, Figure, Scatter, Sweep
from convlab.problem import Family
from convlab.report.declared import mathematics
from convlab.report.latex import latex
from convlab.report.notation import Notation
from convlab.report.scene import Scene, scene
from convlab.report.style import COLOURS, GREY, INK, MARKERS, STYLE, Drawn, apart, files_of
from convlab.report.traces import Trace, csv_of, traces
from convlab.run.cases import minimum_of

AWAY = 1e6                   # how far above the picture a curve is drawn
FINEST = 1e-16               # of the first value: float64 tells no more
SEEN = 3.0                   # distances of the start from the minimiser that a plane shows
ROOM = 1.16                  # of a plane around its points


@dataclass(frozen=True)
class Size:
    """Inches, points, and how many letters of a curve's name stand on one line."""

    name: str
    width: float
    height: float
    font: float
    letters: int

    @property
    def style(self) -> Mapping[str, Any]:
        """The style of all figures with fonts and lines grown in proportion."""
        grown = self.font / STYLE["font.size"]
        sized = [key for key, value in STYLE.items() if isinstance(value, int | float) and not isinstance(value, bool)
                 and any(word in key for word in ("size", "width")) and "chunk" not in key]
        return {**STYLE, **{key: STYLE[key] * grown for key in sized}}

    def line(self, width: float) -> float:
        """A line's width at this size, of what it is at nine points."""
        return width * self.font / float(STYLE["font.size"])


SIZES: Mapping[str, Size] = {size.name: size for size in (Size("slide", 8.0, 4.5, 15, 22), Size("column", 3.4, 2.5, 8, 16))}


def draw(figure: Figure, size: str = "slide", parameters: Mapping[str, str] | None = None, families: Mapping[str, Family] | None = None,
         notation: Notation | None = None) -> Drawn:
    """The figure's files (pdf, svg, png, csv) and its caption. `parameters` go by name, as text ("1/4") or numbers; `notation` renames symbols.

    Raises BadInput for an unknown size or parameter, and for what cannot be run.
    """
    if size not in SIZES:
        raise BadInput(f"--size {size}: the sizes are {' and '.join(SIZES)}.")
    made = scene(figure, parameters, families, notation)
    found = traces(made)
    return Drawn({**files_of(lambda: canvas(made, found, SIZES[size]), SIZES[size].style), "csv": csv_of(figure, found)}, made.notation.text(figure.caption))


def canvas(made: Scene, found: Sequence[Trace], size: Size) -> Canvas:
    """The picture. Call inside the size's `rc_context`."""
    picture = Canvas(figsize=(size.width, size.height))
    FigureCanvasAgg(picture)
    axes = picture.add_axes((0.15, 0.18, 0.6, 0.78))
    {Curves: _curves, Sweep: _sweep, Contour: _contour, Scatter: _scatter}[type(made.figure.kind)](axes, made, found, size)
    return picture


# ---- the four kinds
def _curves(axes: Axes, made: Scene, found: Sequence[Trace], size: Size) -> None:
    kind: Curves = made.figure.kind                 # type: ignore[assignment]    # `canvas` has looked
    axes.set_yscale("log")
    if kind.logarithmic:
        axes.set_xscale("log")
    bottom, top = _range(found)
    found = [_tamed(trace, AWAY * top) for trace in found]
    for i, trace in enumerate(found):
        _curve(axes, trace, i, size)
    axes.set_ylim(bottom, top)
    axes.set_xlim(min(t.x[0] for t in found), max(t.x[-1] for t in found))
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(made.notation.label("effective passes (gradients / $n$)" if kind.axis is Axis.PASS else "iteration $k$"))
    axes.set_ylabel(_quantity(made, kind))
    names = [(trace.label, COLOURS[i], float(trace.y[np.isfinite(trace.y)][-1])) for i, trace in enumerate(found)]
    _fit(axes, size, names)
    for i, trace in enumerate(found):
        if trace.bound is not None and trace.bound_label and np.isfinite(trace.bound[1][0]):
            axes.annotate(trace.bound_label, (axes.get_xlim()[0], float(trace.bound[1][0])), xytext=(4, -3), textcoords="offset points", va="top", ha="left",
                          color=COLOURS[i], fontsize=0.9 * size.font)


def _tamed(trace: Trace, most: float) -> Trace:
    """Values far above the picture cut off there: a curve still runs out of it, and no axis overflows."""
    cut = {name: values if values is None else np.minimum(values, most) for name, values in
           {"y": trace.y, "low": trace.low, "high": trace.high, "one_run": trace.one_run}.items()}
    return replace(trace, **cut)    # type: ignore[arg-type]    # y is never None


def _curve(axes: Axes, trace: Trace, i: int, size: Size) -> None:
    colour = COLOURS[i]
    if trace.low is not None and trace.high is not None:
        axes.fill_between(trace.x, trace.low, trace.high, color=colour, alpha=0.18, linewidth=0)
    if trace.one_run is not None:
        axes.plot(trace.x, trace.one_run, color=colour, linewidth=size.line(0.4), alpha=0.35, zorder=1.5)
    if trace.bound is not None:
        axes.plot(*trace.bound, color=colour, linewidth=size.line(0.9), dashes=(4, 2), zorder=2.5)
    axes.plot(trace.x, trace.y, color=colour, linewidth=size.line(1.6), zorder=3)
    every = max(1, len(trace.x) // 7)
    axes.plot(trace.x[every // 2::every], trace.y[every // 2::every], linestyle="none", marker=MARKERS[i], markersize=size.line(3.6), color=colour,
              markeredgecolor="white", markeredgewidth=size.line(0.4), zorder=4)


def _sweep(axes: Axes, made: Scene, found: Sequence[Trace], size: Size) -> None:
    kind: Sweep = made.figure.kind                  # type: ignore[assignment]
    low, high = 0.0 if made.value(kind.low) > 0 else made.value(kind.low), made.value(kind.high)
    top = 1.12 * max(float(np.max(t.y)) for t in found)
    for mark in kind.marks:
        _mark(axes, made.value(mark.at), replace(mark, label=made.notation.label(mark.label)), (low, high), top, size)
    names = []
    for i, trace in enumerate(found):
        if trace.bound is not None:
            axes.plot(*trace.bound, color=COLOURS[i], linewidth=size.line(1.6))
        axes.plot(trace.x, trace.y, linestyle="none", marker=MARKERS[i], markersize=size.line(3.6), markerfacecolor="white", markeredgecolor=COLOURS[i],
                  markeredgewidth=size.line(1.0), zorder=4)
        names.append((trace.label, COLOURS[i], float(trace.y[-1])))
    axes.axhline(1, color=INK, linewidth=size.line(0.7))
    axes.set_xlim(low, high + 0.02 * (high - low))
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(made.notation.label(f"{kind.over.meaning} ${latex(kind.over.typeset)}$") + _unit(kind.over.unit))
    axes.set_ylabel("factor per step" if size.letters < 20 else f"{_metric_name(kind.metric)}: factor per step")
    _legend(axes, found, size)
    _margins(axes, size)


def _mark(axes: Axes, at: float, mark: Any, limits: tuple[float, float], top: float, size: Size) -> None:
    if not limits[0] <= at <= limits[1]:
        return
    axes.axvline(at, ymax=1.0 if mark.beyond else 1 / top, color=GREY, linewidth=size.line(0.8), dashes=(2, 2))
    if mark.beyond:
        axes.axvspan(at, 2 * limits[1] - limits[0], color=COLOURS[1], alpha=0.10, linewidth=0)
    left = (at - limits[0]) > (limits[1] - at)
    text = axes.annotate(mark.label, (at, top if mark.beyond else 0.0), xytext=(-4 if left else 4, -4 if mark.beyond else 5), textcoords="offset points",
                         ha="right" if left else "left", va="top" if mark.beyond else "bottom", fontsize=0.9 * size.font, color=COLOURS[1] if mark.beyond else INK)
    _on_white(text)


def _contour(axes: Axes, made: Scene, found: Sequence[Trace], size: Size) -> None:
    kind: Contour = made.figure.kind                # type: ignore[assignment]
    best = _minimiser(made)
    places = np.concatenate([np.stack([t.x, t.y], axis=1) for t in found] + ([] if best is None else [best[None]]))
    away = np.hypot(*(places - (places[0] if best is None else best)).T)
    away[~np.isfinite(away)] = np.inf
    first, second = places[away <= max(SEEN * away[0], away[:2].min())].T      # a run that flies off leaves the picture
    far = AWAY * max(float(np.abs(first).max()), float(np.abs(second).max()))
    for i, trace in enumerate(found):
        x, y = np.clip(trace.x, -far, far), np.clip(trace.y, -far, far)
        axes.plot(x, y, color=COLOURS[i], linewidth=size.line(1.2), zorder=3)
        axes.plot(x, y, linestyle="none", marker=MARKERS[i], markersize=size.line(3.2), color=COLOURS[i], markeredgecolor="white",
                  markeredgewidth=size.line(0.35), zorder=4)
    start = axes.annotate("$x_0$", (found[0].x[0], found[0].y[0]), xytext=(-4, 4), textcoords="offset points", ha="right", va="bottom")
    _on_white(start)
    if best is not None:
        axes.plot(*best, marker="+", color=INK, markersize=size.line(6), markeredgewidth=size.line(1.1), zorder=5)
        _on_white(axes.annotate(r"$x^{\ast}$", tuple(best), xytext=(5, -5), textcoords="offset points", ha="left", va="top", zorder=6))
    _plane(axes, size, found, (first, second))
    _levels(axes, made, kind, size)


def _levels(axes: Axes, made: Scene, kind: Contour, size: Size) -> None:
    """Level sets whose gaps to the least value shown grow by one factor: steep and flat parts alike get their lines."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    x, y = np.meshgrid(np.linspace(left, right, 241), np.linspace(low, high, 201))
    f = cast(made.problem, FLOAT64).value(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    least, most = float(f.min()), float(f.max())
    if not most > least:
        return
    shares = np.geomspace(2e-3, 1, kind.levels + 1)[:-1]
    axes.contour(x, y, f, levels=least + (most - least) * shares, colors=GREY, linewidths=size.line(0.6), alpha=0.7, zorder=1)


def _scatter(axes: Axes, made: Scene, found: Sequence[Trace], size: Size) -> None:
    for i, trace in enumerate(found):
        axes.plot(trace.x, trace.y, linestyle="none", marker=MARKERS[i], markersize=size.line(2.4), color=COLOURS[i], alpha=0.45, markeredgewidth=0)
        if trace.bound is not None:
            axes.plot(*trace.bound, color=COLOURS[i], linewidth=size.line(1.6), zorder=4)
    best = _minimiser(made)
    if best is not None:
        axes.plot(*best[:2], marker="+", color=INK, markersize=size.line(7), markeredgewidth=size.line(1.2), zorder=5)
    _plane(axes, size, found, [np.concatenate([part[i] for t in found for part in ((t.x, t.y), t.bound or (t.x, t.y))]) for i in (0, 1)])


# ---- pieces
def _plane(axes: Axes, size: Size, found: Sequence[Trace], inside: Sequence[Array]) -> None:
    """A panel of the plane that holds these points, one unit as long on both axes, names beside it."""
    (left, right), (low, high) = ((part[np.isfinite(part)].min(), part[np.isfinite(part)].max()) for part in inside)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.grid(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("$x_1$")
    axes.set_ylabel("$x_2$", rotation=0, labelpad=size.font * 0.6, va="center")
    named = _named_beside(axes, found, size)
    for _ in range(2):                              # the limits change the ticks, and these the panel
        _margins(axes, size, [named])
        box = axes.get_position()
        unit = ROOM * max((right - left) / (box.width * size.width), (high - low) / (box.height * size.height), 1e-12)       # of the plane, an inch
        wide, tall = unit * box.width * size.width / 2, unit * box.height * size.height / 2
        axes.set_xlim((left + right) / 2 - wide, (left + right) / 2 + wide)
        axes.set_ylim((low + high) / 2 - tall, (low + high) / 2 + tall)


def _named_beside(axes: Axes, found: Sequence[Trace], size: Size) -> Artist:
    """Names in their colours beside a panel whose curves have no right end, each with its mark."""
    handles = [axes.plot([], [], color=COLOURS[i], marker=MARKERS[i], markersize=size.line(3.6), linewidth=size.line(1.2), label=_wrapped(trace.label, size))[0]
               for i, trace in enumerate(found)]
    return axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0.0, handlelength=1.2, labelcolor="linecolor",
                         fontsize=0.95 * size.font, labelspacing=0.7, handletextpad=0.5)


def _legend(axes: Axes, found: Sequence[Trace], size: Size) -> None:
    """Dots and lines of a sweep, told in the panel."""
    handles = []
    for i, trace in enumerate(found):
        handles += axes.plot([], [], linestyle="none", marker=MARKERS[i], markersize=size.line(3.6), markerfacecolor="white", markeredgecolor=COLOURS[i],
                             markeredgewidth=size.line(1.0), label=trace.label)
        if trace.bound is not None and trace.bound_label:
            handles += axes.plot([], [], color=COLOURS[i], linewidth=size.line(1.6), label=trace.bound_label)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, 1.0), fontsize=0.95 * size.font, handlelength=1.3, handletextpad=0.5, borderaxespad=0.2)


def _fit(axes: Axes, size: Size, names: Sequence[tuple[str, str, float]]) -> None:
    """The panel as wide as the names at the curves' ends leave it, each name at the height of its end, moved apart where two would touch."""
    texts = [axes.text(1.015, 0.5, _wrapped(label, size), transform=axes.transAxes, color=colour, va="center", ha="left", linespacing=1.0) for label, colour, _ in names]
    _margins(axes, size, texts)
    tall = [_extent(text).height / (axes.get_position().height * size.height * axes.figure.dpi) for text in texts]
    heights = [axes.transAxes.inverted().transform(axes.transData.transform((1.0, np.clip(y, *axes.get_ylim()))))[1] for _, _, y in names]
    ends = sorted((float(np.clip(height, 0.0, 1.0)), i) for i, height in enumerate(heights))
    for at, i in apart(ends, 1.08 * max(tall)):
        texts[i].set_y(float(np.clip(at, tall[i] / 2, 1 - tall[i] / 2)))


def _margins(axes: Axes, size: Size, beside: Sequence[Artist] = ()) -> None:
    """The panel between what is written at its left, below it and at its right, all of it measured."""
    dpi, pad = axes.figure.dpi, 0.06
    for _ in range(3):                              # ticks change with the panel's size, and with them the room that they need
        tight, panel = axes.get_tightbbox(_renderer(axes), bbox_extra_artists=[], for_layout_only=True), axes.get_window_extent()
        assert tight is not None
        left, below, above = (panel.x0 - tight.x0) / dpi + pad, (panel.y0 - tight.y0) / dpi + pad, max(0.0, (tight.y1 - panel.y1) / dpi) + pad
        right = max([tight.x1, *(_extent(artist).x1 for artist in beside)]) / dpi - panel.x1 / dpi + pad
        axes.set_position((left / size.width, below / size.height, 1 - (left + right) / size.width, 1 - (below + above) / size.height))


def _renderer(artist: Artist) -> Any:
    assert artist.figure is not None
    return artist.figure.canvas.get_renderer()      # type: ignore[attr-defined]


def _extent(artist: Artist) -> Any:
    return artist.get_window_extent(_renderer(artist))


def _wrapped(label: str, size: Size) -> str:
    """A name on as many lines as it needs; mathematics is never broken."""
    pieces = [piece.replace(" ", "\0") if i % 2 else piece for i, piece in enumerate(label.split("$"))]
    return "\n".join(textwrap.wrap("$".join(pieces), size.letters, break_long_words=False, break_on_hyphens=False)).replace("\0", " ")


def _on_white(text: Any) -> None:
    text.set_bbox({"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75})


def _range(found: Sequence[Trace]) -> tuple[float, float]:
    """From the least to the largest value that means something: below the rounding of the first value there is nothing."""
    seen = np.concatenate([t.y[np.isfinite(t.y) & (t.y > 0)] for t in found])
    top = max(float(t.y[0]) for t in found)
    bottom = max(float(seen.min()), FINEST * top)
    return bottom / 1.8, 1.6 * min(float(seen.max()), 1e6 * top)


def _minimiser(made: Scene) -> Array | None:
    known = minimum_of(made.problem)
    return None if known is None else np.asarray(known.at, dtype=float)


def _quantity(made: Scene, kind: Curves) -> str:
    formula, unit = getattr(kind.metric, "formula", ""), getattr(kind.metric, "unit", "")
    expected = all(hasattr(run.algorithm, "draws") for run in made.figure.runs)
    if not formula:
        return str(getattr(kind.metric, "__name__", "measured")).replace("_", " ")
    mean = r"\mathrm{E}\," if expected else ""
    return made.notation.label(f"${mean}{latex(mathematics(formula))}$") + _unit(unit)


def _metric_name(metric: Any) -> str:
    return str(getattr(metric, "name", "") or getattr(metric, "__name__", "metric")).replace("_", " ")


def _unit(unit: str) -> str:
    """The unit in brackets, in lengths of x and values of f; nothing where there is none."""
    return "" if unit in ("", "1") else f"  [${unit}$]"
