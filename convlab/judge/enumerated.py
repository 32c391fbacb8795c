"""What a claim measures of enumerated states: the expectation with its floating-point resolution, or the worst state of every case."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.judge.bounds import bound_along
from convlab.judge.compare import HUGE, Comparison, compared
from convlab.judge.grid import floor_of
from convlab.judge.words import badness
from convlab.metrics import Case
from convlab.run.cases import Batch
from convlab.run.enumeration import Cloud, by_state
from convlab.run.recorder import ROUNDINGS, Record, recent_size, size_of
from convlab.theorem import RateBound, Relation, every_iterate


def expectations(claim: RateBound, found: list[Cloud], eps: float) -> Record:
    """E metric after every update and, in floats, its resolution: that of the state known worst. Every cloud has states of every case."""
    means, floors, recent = [], [], None
    for cloud in found:
        case = cloud.case
        means.append(_mean(claim, cloud, case))
        if eps:
            floor, recent = floor_at(claim, cloud, case, eps, recent)
            floors.append(np.maximum.reduceat(floor.reshape(len(floor), -1).max(axis=1), cloud.first))
    return Record(np.arange(len(found)), np.stack(means), np.stack(floors) if eps else None)


def floor_at(claim: RateBound, cloud: Cloud, case: Case, eps: float, recent: Any = None) -> tuple[Array, Array]:
    """The resolution of the metric at every state, known to the rounding of the largest state of its case (the last ones included), and that size."""
    recent = recent_size(np.maximum.reduceat(size_of(cloud.state, case), cloud.first), recent)
    low = np.asarray(floor_of(claim)(cloud.state, case, (ROUNDINGS + cloud.k) * eps * recent[cloud.owner]))
    return (np.broadcast_to(low, cloud.owner.shape) if low.ndim <= 1 else low), recent


def _mean(claim: RateBound, cloud: Cloud, case: Case) -> Array:
    assert claim.metric is not None
    assert cloud.weights is not None
    values = np.asarray(claim.metric(cloud.state, case))
    weights = cloud.weights.reshape((-1,) + (1,) * (values.ndim - 1))
    return np.asarray(np.add.reduceat(weights * values, cloud.first, axis=0))


def worst_states(claim: RateBound, batch: Batch, found: list[Cloud]) -> Comparison:
    """A claim on every path: each reachable state is compared with its own bound, and at each k the worst of every case is kept, (checkpoints, cases).

    Raises Inexact where the claim speaks of what a state does not tell.
    """
    assert claim.metric is not None
    if claim.mode != every_iterate or any(s.summed for s in claim.reads):
        raise Inexact("a state tells nothing of the best, the mean or the sum along the paths that lead to it")
    initial = np.asarray(claim.metric(found[0].state, found[0].case))
    return worst_of_paths([(_compared(claim, batch, cloud, initial), cloud.first) for cloud in found], claim.relation)


def _compared(claim: RateBound, batch: Batch, cloud: Cloud, initial: Array) -> Comparison:
    """Every state against its bound: (1, states)."""
    assert claim.metric is not None
    case, eps = cloud.case, batch.arithmetic.eps
    measured = np.asarray(claim.metric(cloud.state, case))
    record = Record(np.array([cloud.k]), measured[None], None, {s.name: s.read(cloud.state, case)[None] for s in claim.reads})
    states = replace(batch, settings=batch.settings[:1], case=case, values=by_state(batch.values, cloud.owner))
    bound = bound_along(claim, states, record, initial[cloud.owner])
    floor = floor_at(claim, cloud, case, eps)[0][None] if eps else None
    return compared(record.k, record.measured, bound, floor, claim.relation, eps)


def worst_of_paths(rows: list[tuple[Comparison, Array]], relation: Relation) -> Comparison:
    """One comparison (checkpoints, cases) that keeps, at each k, the worst state of every case. With each row: where the states of every case begin."""
    picked = [row for row, _ in rows]
    chosen = [_worst(row, first, relation) for row, first in rows]
    kind = picked[0].ratio.dtype
    ratio, measured, bound = (np.array([getattr(row, name)[0, c] for row, c in zip(picked, chosen, strict=True)], dtype=kind) for name in ("ratio", "measured", "bound"))
    violated = np.array([row.violated[0, c] for row, c in zip(picked, chosen, strict=True)])
    return Comparison(np.array([int(row.k[0]) for row in picked]), ratio, violated, measured, bound, *_lost_paths(rows))


def _worst(row: Comparison, first: Array, relation: Relation) -> Array:
    """Which state of every case is the worst: a violation before none, then by ratio, then the first."""
    owner = np.searchsorted(first, np.arange(row.ratio.shape[1]), side="right")
    return np.lexsort((-badness(row.ratio, relation)[0], ~row.violated[0], owner))[first]


def _lost_paths(rows: list[tuple[Comparison, Array]]) -> tuple[Array, Array]:
    """The first k at which some path of a case met no finite number (-1 if none), and whether it had grown without bound before."""
    cases = len(rows[0][1])
    broke, diverged, largest = np.full(cases, -1), np.zeros(cases, dtype=bool), np.zeros(cases)
    for row, first in rows:
        if row.measured.dtype.kind != "f":
            continue
        finite = np.isfinite(row.measured[0])
        largest = np.maximum(largest, np.maximum.reduceat(np.where(finite, np.abs(row.measured[0]), 0), first))
        now = (broke < 0) & ~np.logical_and.reduceat(finite, first)
        broke = np.where(now, row.k[0], broke)
        diverged = np.where(now, (largest > HUGE) | np.logical_or.reduceat(row.diverged, first), diverged)
    return broke, diverged
