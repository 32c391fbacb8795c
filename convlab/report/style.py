"""The one style of all figures: colours that tell apart what they name, a serif that goes with mathematics, and files with the same bytes each time.

Colours are Okabe and Ito's, and nothing is told by colour alone. No state of Matplotlib's is changed: what is drawn is drawn inside `rc_context`.
"""
from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499")
MARKERS = ("o", "s", "^", "D")
INK, GREY, RULE = "#222222", "#777777", "#DDDDDD"
WIDTH = 6.5              # inches: the text width of an A4 page with margins of 2.2 cm
STYLE: Any = {      # of rc_context
    "font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 9, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK, "xtick.color": GREY, "ytick.color": GREY, "xtick.labelcolor": INK,
    "ytick.labelcolor": INK, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5, "ytick.minor.size": 1.5, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": RULE,
    "grid.linewidth": 0.5, "axes.axisbelow": True, "lines.solid_capstyle": "round", "legend.frameon": False, "legend.fontsize": 8,
    "axes.unicode_minus": True, "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "convlab", "path.simplify": True, "agg.path.chunksize": 0,
}
FORMATS: Mapping[str, Mapping[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "png": {"dpi": 200, "metadata": {"Software": None}},
}


@dataclass(frozen=True)
class Drawn:
    """A figure's files by ending: pdf, svg, png, csv; and its caption (plain text)."""

    files: Mapping[str, bytes]
    caption: str


def files_of(make: Callable[[], Figure], style: Any = STYLE) -> dict[str, bytes]:
    """A figure as pdf, svg and png, by ending; `make` draws it in the style of all."""
    with mpl.rc_context(style):
        figure = make()
        return {ending: _bytes(figure, ending, options) for ending, options in FORMATS.items()}


def _bytes(figure: Figure, ending: str, options: Mapping[str, Any]) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=ending, **options)
    return out.getvalue()


def apart(ends: list[tuple[float, int]], gap: float) -> list[tuple[float, int]]:
    """Heights (0 to 1) of names in ascending order, moved up where two would touch."""
    placed: list[tuple[float, int]] = []
    for at, i in ends:
        placed.append((max(at, placed[-1][0] + gap) if placed else at, i))
    over = max(0.0, placed[-1][0] - 0.98)
    return [(at - over, i) for at, i in placed] if over and len(placed) * gap < 1 else placed
