"""Measured against bound at every k: ratios, what lies below the floating-point resolution, and what violates the claim.

Relative resolution of float64: (64 (k + 1) + (k + 1)^2) eps, the rounding of k updates of a few dozen operations each, and of the products of two slow modes
that meet in one double root; below the metric's own floor nothing is
judged. Exact arithmetic has neither. Ratios are formed in extended precision, since linear rates leave the range of float64.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.theorem import Relation

OPERATIONS = 64           # roundings an update
CLEAR = 1000              # ratios are told where a side stands this far above the floor: rounding then moves them by a thousandth at most
OVERFLOW = 1e290          # a bound beyond this is outside float64: the measured side overflowed on its way there
HUGE = 1e100              # a run that passed this before it became NaN has diverged; one that did not met a NaN


@dataclass(frozen=True)
class Comparison:
    """Arrays (checkpoints, cases): the ratio (measured/bound; bound/measured for a lower bound; nan where not judged), and where it is violated."""

    k: Array
    ratio: Array
    violated: Array
    measured: Array
    bound: Array
    broke: Array              # (cases,): first k at which the measured value is no finite number, -1 if none
    diverged: Array           # (cases,): whether that was a divergence rather than a NaN out of nowhere

    def at(self, rows: Array) -> Comparison:
        """These checkpoints alone."""
        return replace(self, k=self.k[rows], ratio=self.ratio[rows], violated=self.violated[rows], measured=self.measured[rows], bound=self.bound[rows])

    def of(self, cases: Array) -> Comparison:
        """These cases alone."""
        return Comparison(self.k, *(getattr(self, f.name)[..., cases] for f in fields(self)[1:]))

    def with_cases(self, cases: Array, other: Comparison) -> Comparison:
        """The same, but of these cases what another comparison, of them alone, says."""
        def put(here: Array, there: Array) -> Array:
            mixed = here.copy()
            mixed[..., cases] = there
            return mixed

        return Comparison(self.k, *(put(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)[1:]))


def compared(k: Array, measured: Array, bound: Array, floor: Array | None, relation: Relation, eps: float) -> Comparison:
    """Compares (checkpoints, cases, *cells); of the cells the worst is kept."""
    if measured.dtype == object:
        return _compared_exactly(k, measured, bound, relation)
    steps = (k + 1).reshape((-1,) + (1,) * (measured.ndim - 1))
    slack = (OPERATIONS * steps + steps**2) * eps
    m, b = measured.astype(np.longdouble), np.broadcast_to(np.asarray(bound, dtype=np.longdouble), measured.shape)
    low = np.zeros(measured.shape) if floor is None else np.broadcast_to(floor.reshape(floor.shape + (1,) * (measured.ndim - floor.ndim)), measured.shape)
    low = np.where(np.isfinite(low), low, 0)                 # a point that ran away has no resolution: what it measures counts as it is
    broke, diverged = _broken(k, m)
    with np.errstate(all="ignore"):
        lost = ~np.isfinite(m)
        m = np.where(lost, np.inf, m)
        known = ~np.isnan(b) & ~(lost & (~np.isfinite(b) | (np.abs(b) > OVERFLOW))) & ~np.isnan(measured_or(measured, lost, diverged))
        if relation is Relation.AT_MOST:
            ratio, violated = m / b, m > b + slack * np.abs(b) + low
            judged = known & ((np.maximum(m, b) > CLEAR * low) | violated)         # a method that is at x* after one update is judged: its bound is above the floor
            ratio = np.where(b <= 0, np.where(violated, np.inf, 0), ratio)
        elif relation is Relation.AT_LEAST:
            ratio, violated = b / m, m < b - slack * np.abs(b) - low
            judged = known & ((np.maximum(m, b) > CLEAR * low) | violated)
            ratio = np.where(m <= 0, np.where(violated, np.inf, 0), ratio)
        elif relation is Relation.ORDER:                     # no single k violates an order: `growth` looks at how the ratio grows
            ratio, violated = m / b, np.zeros(measured.shape, dtype=bool)
            judged = known & (m > CLEAR * low) & (b > 0)
        else:
            largest = np.maximum(np.abs(m), np.abs(b)).max(axis=tuple(range(2, m.ndim)), keepdims=True)     # a step mixes the cells, and so their roundings
            ratio, violated = m / b, np.abs(m - b) > slack * largest + low
            judged = known & ((np.maximum(np.abs(m), np.abs(b)) > CLEAR * low) | violated | (m == b))
            ratio = np.where(b == 0, np.where(violated, np.inf, 1), ratio)
    return _worst_cells(k, np.where(judged, ratio, np.nan), violated & known, m, b, relation, broke, diverged)


def as_float(value: Any) -> float:
    """A number as a float, infinite beyond their range (a fraction raises there)."""
    try:
        with np.errstate(over="ignore"):
            return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def measured_or(measured: Array, lost: Array, diverged: Array) -> Array:
    """The measured values with the lost ones of diverged cases counted as known (infinite), the others as unknown (nan)."""
    return np.where(lost & diverged.reshape((1, -1) + (1,) * (measured.ndim - 2)), 0.0, measured)


def _broken(k: Array, m: Array) -> tuple[Array, Array]:
    """First k with a non-finite value in each case, and whether the run had grown without bound before it. Leading nan (an empty window) is no break."""
    cells = m.reshape(m.shape[0], m.shape[1], -1)
    finite = np.isfinite(cells).all(axis=2)
    started = np.cumsum(finite, axis=0) > 0
    lost = ~finite & (started | np.isposinf(cells).any(axis=2))
    broke = np.where(lost.any(axis=0), k[np.argmax(lost, axis=0)], -1)
    grown = np.where(np.isfinite(cells), np.abs(cells), 0).max(axis=(0, 2)) > HUGE
    return broke, grown | np.isposinf(cells).any(axis=(0, 2))


def _worst_cells(k: Array, ratio: Array, violated: Array, m: Array, b: Array, relation: Relation, broke: Array, diverged: Array) -> Comparison:
    if m.ndim == 2:                                          # one cell
        return Comparison(k, ratio, violated, m, b, broke, diverged)
    flat = [x.reshape(x.shape[0], x.shape[1], -1) for x in (ratio, violated, m, b)]
    with np.errstate(all="ignore"):
        badness = np.round(np.abs(np.log(np.abs(flat[0]))), 9) if relation is Relation.EQUAL else flat[0]      # equal cells stay in order: a curve keeps to one
    badness = np.where(flat[1], np.inf, np.where(np.isnan(badness), -1, badness))
    cell = np.argmax(badness, axis=2)[:, :, None]
    chosen = [np.take_along_axis(x, cell, axis=2)[:, :, 0] for x in flat]
    return Comparison(k, chosen[0], flat[1].any(axis=2), chosen[2], chosen[3], broke, diverged)


def _compared_exactly(k: Array, measured: Array, bound: Array, relation: Relation) -> Comparison:
    shape = measured.shape[:2]
    cells = measured.reshape(*shape, -1)
    limits = np.broadcast_to(np.asarray(bound, dtype=object), measured.shape).reshape(*shape, -1)
    ratio, violated = np.full(shape, None, dtype=object), np.zeros(shape, dtype=bool)
    kept_m, kept_b = np.full(shape, None, dtype=object), np.full(shape, None, dtype=object)
    for index in np.ndindex(*shape):
        judged = [_exactly(m, b, relation) for m, b in zip(cells[index], limits[index], strict=True) if m is not None and b is not None]
        if judged:
            worst = max(range(len(judged)), key=lambda i: (judged[i][1], _far(judged[i][0], relation)))
            ratio[index], violated[index] = judged[worst]
            kept_m[index], kept_b[index] = cells[index][worst], limits[index][worst]
    none = np.full(shape[1], -1)
    return Comparison(k, ratio, violated, kept_m, kept_b, none, none > 0)


def _far(ratio: Any, relation: Relation) -> Any:
    return abs(ratio - 1) if relation is Relation.EQUAL else ratio


def _exactly(m: Any, b: Any, relation: Relation) -> tuple[Any, bool]:
    if isinstance(b, float):                 # a bound that is irrational here: float rounding of the bound is all the doubt
        m, b = as_float(m), as_float(b)
        close = abs(m - b) <= 1e-13 * max(abs(m), abs(b))      # some hundred roundings of the closed form
        violated = {Relation.AT_MOST: m > b, Relation.AT_LEAST: m < b, Relation.EQUAL: True, Relation.ORDER: False}[relation] and not close
    else:
        violated = {Relation.AT_MOST: m > b, Relation.AT_LEAST: m < b, Relation.EQUAL: m != b, Relation.ORDER: False}[relation]
    top, bottom = (b, m) if relation is Relation.AT_LEAST else (m, b)
    ratio: Any = (Fraction(1) if not violated else np.inf) if bottom == 0 and (top == 0 or violated) else (Fraction(0) if bottom == 0 else top / bottom)
    return ratio, violated
