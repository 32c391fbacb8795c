"""From a run to the smallest constants: at every k, by how much a part of the bound could be multiplied before the judge refuted it."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import sympy as sp

from convlab.constants import Array
from convlab.falsify.sharpen_terms import Part
from convlab.judge.bounds import bound_along
from convlab.judge.compare import OPERATIONS
from convlab.judge.words import Evidence
from convlab.operations import Unsupported
from convlab.theorem import RateBound, Relation

Objective: TypeAlias = Callable[[RateBound, Evidence], Array]      # (checkpoints, cases), nan where nothing can be said: what a search makes large

CLEAR = 1000        # a factor is told where rounding moves it by a thousandth at most
SAME = 1e-9         # relative: that a bound is the largest of its branches


class Top(NamedTuple):
    """The largest value of an objective, and where it stands."""

    value: Any
    evidence: Evidence
    row: int
    case: int

    @property
    def k(self) -> int:
        """The iteration."""
        return int(self.evidence.result.k[self.row])


def largest(objective: Objective, claim: RateBound, evidence: Sequence[Evidence], first: int = 1) -> Top | None:
    """The largest value at k >= first in all the evidence; None where nothing is told."""
    best: Top | None = None
    for e in evidence:
        values = objective(claim, e)
        plain = floats(values)
        plain[e.result.k < first] = np.nan
        if not np.isnan(plain).all():
            row, case = np.unravel_index(int(np.nanargmax(plain)), plain.shape)
            if best is None or plain[row, case] > float(best.value):
                best = Top(values[row, case], e, int(row), int(case))
    return best


def floats(values: Array) -> Array:
    """Numbers of any arithmetic as floats, what is missing as nan."""
    if values.dtype != object:
        return values.astype(float)
    return np.array([[np.nan if v is None else float(v) for v in row] for row in values])


def factor_of(part: Part) -> Objective:
    """The smallest multiple of a part that the judge does not refute, at each point: any smaller one it does. Of a lower bound 1 over the largest one."""
    def objective(claim: RateBound, evidence: Evidence) -> Array:
        whole = part.value is None or claim.relation is not Relation.AT_MOST
        return evidence.result.ratio if whole else _factor(part, claim, evidence)

    return objective


def only(objective: Objective, keep: Callable[[Array], Array]) -> Objective:
    """The objective at some k alone, those for which `keep` is true."""
    def masked(claim: RateBound, evidence: Evidence) -> Array:
        left_out = ~keep(evidence.result.k)
        found = objective(claim, evidence)
        if left_out.all():
            return np.full(found.shape, None if found.dtype == object else np.nan, dtype=found.dtype)
        if left_out.any():
            found = found.copy()
            found[left_out] = None if found.dtype == object else np.nan
        return found

    return masked


def _factor(part: Part, claim: RateBound, evidence: Evidence) -> Array:
    value, others, rest = (part_along(expr, claim, evidence) for expr in (part.value, part.others, part.rest))
    if evidence.result.ratio.dtype == object:
        return np.array([[_exactly(*entries) for entries in zip(*row, strict=True)]
                         for row in zip(evidence.result.ratio, evidence.result.measured, value, others, rest, strict=True)], dtype=object)
    return _in_floats(evidence, value, others, rest)


def _exactly(ratio: Any, measured: Any, value: Any, others: Any, rest: Any) -> Any:
    if ratio is None or None in (value, others, rest) or value <= 0:
        return None
    return max(0, measured - others) / value if measured - others > rest else 0 * measured


def _in_floats(evidence: Evidence, value: Array, others: Array, rest: Array) -> Array:
    result = evidence.result
    low = _floor(evidence)
    steps = (result.k + 1)[:, None]
    slack = (OPERATIONS * steps + steps**2) * np.finfo(float).eps      # the judge's own
    with np.errstate(all="ignore"):
        needed = (result.measured - low) / (1 + slack) - others
        factor = np.where(needed > rest, np.maximum(0, needed) / value, 0)
        clear = value > CLEAR * (slack * np.maximum(np.abs(result.measured), np.abs(others)) + low)
        factor = np.where(np.isnan(result.ratio.astype(float)) | ~clear | ~np.isfinite(needed), np.nan, factor)
        return np.where(result.violated & (result.bound <= 0), np.inf, factor)        # no multiple of nothing is enough


def _floor(evidence: Evidence) -> Array:
    """The metric's floating-point floor at the checkpoints that are compared."""
    record = evidence.record
    if record is None or record.floor is None:
        return np.zeros(evidence.result.measured.shape)
    floor = record.floor[np.searchsorted(record.k, evidence.result.k)]
    floor = np.broadcast_to(floor.reshape(*floor.shape[:2], -1).max(axis=-1), evidence.result.measured.shape)
    return np.where(np.isfinite(floor), floor, 0)


def part_along(expr: Any, claim: RateBound, evidence: Evidence) -> Array:
    """A part of the bound along the run, (checkpoints, cases). Raises Unsupported where the evidence keeps no single run."""
    shape = evidence.result.measured.shape
    if expr == 0:
        return np.zeros(shape) if evidence.result.measured.dtype != object else np.full(shape, 0, dtype=object)
    batch, record = evidence.batch, evidence.record
    if batch is None or record is None:
        raise Unsupported("each path of an adversary has a bound of its own: only the whole is told")
    found = bound_along(replace(claim, bound=expr), batch, record, record.measured[0])
    found = found.reshape(*found.shape[:2], -1)[:, :, 0]
    return found[np.searchsorted(record.k, evidence.result.k)]


def increases(part: Part, claim: RateBound, evidence: Sequence[Evidence]) -> bool:
    """Whether the bound is indeed the others and the larger of the part and the rest (a decreasing function of a Max is not)."""
    for e in evidence:
        if part.value is None or part.rest == sp.S.Zero or e.result.measured.dtype == object or e.record is None:
            continue
        value, others, rest = (part_along(expr, claim, e) for expr in (part.value, part.others, part.rest))
        whole = e.result.bound
        with np.errstate(all="ignore"):
            off = np.abs(others + np.maximum(value, rest) - whole) > SAME * np.abs(whole)
        if (off & np.isfinite(whole)).any():
            return False
    return True
