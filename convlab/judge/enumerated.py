"""What a claim measures of enumerated states: the expectation with its floating-point resolution, or the worst state of every case."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.judge.bounds import bound_along
from convlab.judge.compare import HUGE, Comparison, compared
from convlab.judge.grid import floor_of
from convlab.judge.words import badness
from convlab.metrics import Case
from convlab.run.cases import Batch, batch_of
from convlab.run.enumeration import Cloud, by_state
from convlab.run.recorder import ROUNDINGS, Record, recent_size, size_of
from convlab.theorem import RateBound, Relation, every_iterate


def ending_together(batch: Batch, found: list[Cloud]) -> Iterator[tuple[Batch, Array, int]]:
    """The cases that were enumerated equally far as batches of their own, each with its mask and its last k."""
    ends = np.zeros(len(batch.settings), dtype=int)
    for cloud in found:
        ends[cloud.present] = cloud.k
    for end in dict.fromkeys(ends.tolist()):
        kept = ends == end
        chosen = [setting for setting, is_kept in zip(batch.settings, kept, strict=True) if is_kept]
        yield batch if kept.all() else replace(batch_of(chosen, FLOAT64), arithmetic=batch.arithmetic), kept, end


def record_of(every: Record, kept: Array, end: int) -> Record:
    """What was recorded of some cases (a mask) up to their last k."""
    rows = slice(end + 1)
    return Record(every.k[rows], every.measured[rows][:, kept], None if every.floor is None else every.floor[rows][:, kept])


def comparison_of(worst: Comparison, kept: Array, end: int) -> Comparison:
    """What was compared of some cases (a mask) up to their last k."""
    ratio, violated, measured, bound = (values[:end + 1, kept] for values in (worst.ratio, worst.violated, worst.measured, worst.bound))
    return Comparison(worst.k[:end + 1], ratio, violated, measured, bound, worst.broke[kept], worst.diverged[kept])


def expectations(claim: RateBound, batch: Batch, found: list[Cloud]) -> Record:
    """E metric after every update and, in floats, its resolution: that of the state known worst. Of cases that have left nan."""
    means, floors, eps, recent = [], [], batch.arithmetic.eps, np.zeros(len(batch.settings))
    for cloud in found:
        case = cloud.case
        means.append(_laid(_mean(claim, cloud, case), cloud, recent))
        if eps:
            recent[cloud.present] = recent_size(_largest(cloud, case), recent[cloud.present])
            low = floor_at(claim, cloud, case, eps, recent[cloud.owner])
            floors.append(_laid(np.maximum.reduceat(low.reshape(len(low), -1).max(axis=1), cloud.first), cloud, recent))
    return Record(np.arange(len(found)), np.stack(means), np.stack(floors) if eps else None)


def _largest(cloud: Cloud, case: Case) -> Array:
    """What the largest state of each present case is rounded at."""
    return np.asarray(np.maximum.reduceat(size_of(cloud.state, case), cloud.first))


def floor_at(claim: RateBound, cloud: Cloud, case: Case, eps: float, size: Array) -> Array:
    """The resolution of the metric at every state, known to the rounding of this size."""
    low = np.asarray(floor_of(claim)(cloud.state, case, (ROUNDINGS + cloud.k) * eps * size))
    return np.broadcast_to(low, cloud.owner.shape) if low.ndim <= 1 else low


def _mean(claim: RateBound, cloud: Cloud, case: Case) -> Array:
    assert claim.metric is not None
    assert cloud.weights is not None
    values = np.asarray(claim.metric(cloud.state, case))
    weights = cloud.weights.reshape((-1,) + (1,) * (values.ndim - 1))
    return np.asarray(np.add.reduceat(weights * values, cloud.first, axis=0))


def _laid(values: Array, cloud: Cloud, like: Array, missing: Any = np.nan) -> Array:
    """Values of the cases that have states among all cases."""
    if len(values) == len(like):
        return values
    laid = np.full((len(like), *values.shape[1:]), missing, dtype=values.dtype)
    laid[cloud.present] = values
    return laid


def worst_states(claim: RateBound, batch: Batch, found: list[Cloud]) -> Comparison:
    """A claim on every path: each reachable state is compared with its own bound, and at each k the worst of every case is kept, (checkpoints, cases).

    Raises Inexact where the claim speaks of what a state does not tell.
    """
    assert claim.metric is not None
    if claim.mode != every_iterate or any(s.summed for s in claim.reads):
        raise Inexact("a state tells nothing of the best, the mean or the sum along the paths that lead to it")
    initial = np.asarray(claim.metric(found[0].state, found[0].case))
    return worst_of_paths([(_compared(claim, batch, cloud, initial), cloud) for cloud in found], claim.relation)


def _compared(claim: RateBound, batch: Batch, cloud: Cloud, initial: Array) -> Comparison:
    """Every state against its bound: (1, states)."""
    assert claim.metric is not None
    case, eps = cloud.case, batch.arithmetic.eps
    measured = np.asarray(claim.metric(cloud.state, case))
    record = Record(np.array([cloud.k]), measured[None], None, {s.name: s.read(cloud.state, case)[None] for s in claim.reads})
    states = replace(batch, settings=batch.settings[:1], case=case, values=by_state(batch.values, cloud.owner))
    bound = bound_along(claim, states, record, initial[cloud.owner])
    floor = floor_at(claim, cloud, case, eps, np.repeat(_largest(cloud, case), cloud.counts))[None] if eps else None
    return compared(record.k, record.measured, bound, floor, claim.relation, eps)


def worst_of_paths(rows: list[tuple[Comparison, Cloud]], relation: Relation) -> Comparison:
    """One comparison (checkpoints, cases) that keeps, at each k, the worst state of every case; of cases that have left nan."""
    cases = rows[0][1].present
    chosen = [_worst(row, cloud, relation) for row, cloud in rows]

    def picked(name: str, missing: Any) -> Array:
        return np.stack([_laid(getattr(row, name)[0, which], cloud, cases, missing) for (row, cloud), which in zip(rows, chosen, strict=True)])

    kept = {name: picked(name, missing) for name, missing in {"ratio": np.nan, "violated": False, "measured": np.nan, "bound": np.nan}.items()}
    broke, diverged = _lost_paths(rows)
    return Comparison(np.array([cloud.k for _, cloud in rows]), **kept, broke=broke, diverged=diverged)


def _worst(row: Comparison, cloud: Cloud, relation: Relation) -> Array:
    """Which state of every case is the worst: a violation before none, then by ratio, then the first."""
    return np.lexsort((-badness(row.ratio, relation)[0], ~row.violated[0], cloud.owner))[cloud.first]


def _lost_paths(rows: list[tuple[Comparison, Cloud]]) -> tuple[Array, Array]:
    """The first k at which some path of a case met no finite number (-1 if none), and whether it had grown without bound before."""
    cases = len(rows[0][1].present)
    broke, diverged, largest = np.full(cases, -1), np.zeros(cases, dtype=bool), np.zeros(cases)
    for row, cloud in rows:
        if row.measured.dtype.kind != "f":
            continue
        finite, here = np.isfinite(row.measured[0]), cloud.present
        largest[here] = np.maximum(largest[here], np.maximum.reduceat(np.where(finite, np.abs(row.measured[0]), 0), cloud.first))
        now = (broke[here] < 0) & ~np.logical_and.reduceat(finite, cloud.first)
        broke[here[now]] = cloud.k
        diverged[here[now]] = ((largest[here] > HUGE) | np.logical_or.reduceat(row.diverged, cloud.first))[now]
    return broke, diverged
