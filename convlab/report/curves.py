"""What a rate plot shows of a claim's verdicts: at most four problems, one curve each, as floats, on the scale on which the bound is straight."""
from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.judge.verdict import Curve, Verdict, Word, log10, short
from convlab.theorem import Relation, Source

SHOWN = 4                # more curves than this nobody tells apart
ATTAINED = 1e-9          # relative: float64 curves that equal their bound do so up to rounding, rational ones exactly
ROUNDING = 1e-6          # log10: the judge's own allowance for rounding stays below it
UNSEEN = -290.0          # log10: below it a float64 axis ends


class Scale(Enum):
    """Axes of a rate plot."""

    SUBLINEAR = "log-log"      # k^-p is straight
    LINEAR = "semilog"         # q^k is straight


@dataclass(frozen=True, eq=False)
class Line:
    """One problem's curve in log10 (NaN where there is nothing to show)."""

    label: str
    k: Array
    measured: Array
    bound: Array
    low: Array | None
    high: Array | None
    sampled: Array | None
    source: Source
    word: Word
    passes: Array | None = None      # not a logarithm

    @property
    def family(self) -> str:
        """The problem's name up to what tells members of a family apart."""
        return re.split(r"[-(]", self.label, maxsplit=1)[0]

    @property
    def ratio(self) -> Array:
        """log10 of measured/bound."""
        return self.measured - self.bound

    @property
    def closeness(self) -> float:
        """Mean over k of the ratio, what cannot be seen counting as 0: how near the curve stays to its bound."""
        return float(np.nan_to_num(10 ** np.clip(self.ratio, UNSEEN, 0)).mean())

    @property
    def attained(self) -> Array:
        """Where the bound is met with equality."""
        return np.abs(self.ratio) < ATTAINED


def lines_of(verdicts: Sequence[Verdict], relation: Relation = Relation.AT_MOST) -> tuple[Line, ...]:
    """The refuted, then those that stay closest to their bound, at most four; of one problem the exact source, with the sampled mean of the same run."""
    best: dict[str, tuple[Any, Line]] = {}
    for v in verdicts:
        if v.curve is None or len(v.curve.k) == 0:
            continue
        line = _judged(_line(v, v.curve), v, relation)
        key = (v.word is Word.REFUTED, v.judged_by is not Source.MONTE_CARLO, v.judged_by is Source.RATIONAL, round(line.closeness, 6))
        if len(set(line.k[np.isfinite(line.bound) & (line.k >= 1)])) > 1 and (v.problem not in best or key > best[v.problem][0]):
            best[v.problem] = (key, line)
    ranked = sorted(sorted(best.values(), key=lambda item: item[1].label), key=lambda item: item[0], reverse=True)
    return tuple(_with_samples(line, verdicts) for line in _varied([line for _, line in ranked]))


def _varied(ranked: Sequence[Line]) -> list[Line]:
    """At most four in their order: of the families of problems one each, and at most two that attain the bound, while there are others."""
    first: list[Line] = []
    for line in ranked:
        fresh = line.family not in {other.family for other in first}
        if len(first) < SHOWN and fresh and (not line.attained[line.k >= 1].any() or sum(bool(other.attained[other.k >= 1].any()) for other in first) < 2):
            first.append(line)
    chosen = first + [line for line in ranked if line not in first][:SHOWN - len(first)]
    return [line for line in ranked if line in chosen]


def _with_samples(line: Line, verdicts: Sequence[Verdict]) -> Line:
    """The sampled mean and its band, where they belong to this very curve: same problem, same bound."""
    for v in verdicts:
        if v.problem == line.label and v.judged_by is Source.MONTE_CARLO and v.curve is not None and line.source is not Source.MONTE_CARLO:
            sampled = _line(v, v.curve)
            if np.array_equal(sampled.k, line.k) and np.allclose(sampled.bound, line.bound, equal_nan=True, atol=1e-9):
                return replace(line, sampled=sampled.measured, low=sampled.low, high=sampled.high)
    return line


def scale_of(lines: Sequence[Line]) -> Scale:
    """Where the bounds of most problems are straighter: against log k, or against k."""
    votes = [_bent(np.log10(line.k[seen]), line.bound[seen]) <= _bent(line.k[seen], line.bound[seen])
             for line in lines if (seen := (line.k >= 1) & np.isfinite(line.bound)).sum() > 2]
    return Scale.LINEAR if votes and sum(votes) * 2 < len(votes) else Scale.SUBLINEAR


def csv_of(lines: Sequence[Line]) -> str:
    """The plotted data, a row for each problem and k; logarithms, since linear rates leave the range of floats."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["problem", "judged_by", "k", "measured_log10", "bound_log10", "ratio", "low_log10", "high_log10", "sampled_log10", "effective_passes"])
    for line in lines:
        for i, k in enumerate(line.k):
            ratio = 10 ** line.ratio[i] if line.ratio[i] > UNSEEN else np.nan
            extra = [_cell(series[i]) if series is not None else "" for series in (line.low, line.high, line.sampled, line.passes)]
            writer.writerow([line.label, line.source.value, int(k), _cell(line.measured[i]), _cell(line.bound[i]), _cell(ratio), *extra])
    return out.getvalue()


def logs(values: Array) -> Array:
    """log10 of nonnegative numbers of any arithmetic; NaN for zero and what is no number."""
    values = np.asarray(values)
    if values.dtype == object:
        return np.array([np.nan if (size := log10(_plain(value))) is None else size for value in values], dtype=float)
    safe = np.where(np.isfinite(values) & (values > 0), values, 1.0)
    return np.where(np.isfinite(values) & (values > 0), np.log10(safe), np.nan)


def ratio_text(ratio: Any) -> str:
    """A ratio to three digits, near 1 as its distance from it, 1 - 3e-7; empty where there is none."""
    size = log10(ratio)
    if size is None:
        return "" if ratio is None else "0"
    if abs(size) < ATTAINED:
        return "1"
    if abs(size) > 4:
        return f"{10 ** (size - np.floor(size)):.1f}e{int(np.floor(size)):+d}"
    ratio = 10 ** size
    if abs(ratio - 1) < 5e-3:
        return f"1 {'-' if ratio < 1 else '+'} {abs(ratio - 1):.0e}".replace("e-0", "e-")
    return f"{ratio:.3g}"


def _plain(value: Any) -> Any:
    return Fraction(value) if isinstance(value, int) else value


def _line(verdict: Verdict, curve: Curve) -> Line:
    optional = [logs(series) if series is not None else None for series in (curve.low, curve.high, curve.sampled)]
    return Line(verdict.problem, np.asarray(curve.k, dtype=float), logs(curve.measured), logs(curve.bound), optional[0], optional[1], optional[2],
                verdict.judged_by, verdict.word, curve.passes)


def _judged(line: Line, verdict: Verdict, relation: Relation) -> Line:
    """The curve without what breaks the bound further than the verdict's worst: that was not judged, for it lies below the floating-point resolution."""
    if verdict.word is not Word.HOLDS or not np.isfinite(_size(verdict.worst_ratio)):
        return line
    broken = {Relation.AT_MOST: line.ratio, Relation.AT_LEAST: -line.ratio, Relation.EQUAL: np.abs(line.ratio), Relation.ORDER: np.zeros_like(line.ratio)}[relation]
    worst = abs(_size(verdict.worst_ratio)) if relation is Relation.EQUAL else max(0.0, _size(verdict.worst_ratio))
    return replace(line, measured=np.where(broken > worst + ROUNDING, np.nan, line.measured))


def _size(ratio: Any) -> float:
    size = log10(ratio)
    return -np.inf if size is None else size


def _bent(x: Array, y: Array) -> float:
    """Largest distance of y from its least-squares line in x, relative to its range."""
    x, y = x - x.mean(), y - y.mean()
    slope = (x @ y) / max(float(x @ x), 1e-300)                                  # all at one k: no slope
    return float(np.abs(y - slope * x).max() / max(float(np.ptp(y)), 1e-12))     # a constant bound is straight on both


def _cell(value: float) -> str:
    return short(float(value)) if np.isfinite(value) else ""
