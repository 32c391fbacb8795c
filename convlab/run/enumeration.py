"""Exact expectations of any metric: the law of the state is pushed forward over all draws, equal states merged by exact keys.

Serves what the lift cannot: kinks, unsquared distances, draws whose probabilities depend on the state, and adversaries (whose states carry no weight).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.engine import flattened, initial_state, steps, unflattened
from convlab.run.frozen import frozen

STATES = 1 << 13       # distinct states kept of one case; where they would exceed it the enumeration ends and says at which k
WORK = 1 << 20         # states stepped in all, shared by the cases of a problem: a second or two
CALL = 200             # what one call of a step costs, in states
LEAST = 4              # updates below which an enumeration is not worth the name


@dataclass(frozen=True)
class Cloud:
    """Distinct states after k updates, with probabilities (None where an adversary chose)."""

    k: int
    state: Any
    weights: Array | None
    case: Case


def clouds(binder: Binder, batch: Batch, last: int, states: int = STATES, work: int = WORK) -> list[Cloud]:
    """The law of the state for k = 0 .. last, or as far as it stays small; `batch` is a single case. Raises Inexact where the first step is too large."""
    state = frozen(initial_state(binder, batch))
    adversarial = binder.at(0).draws(batch.case.problem).adversarial
    weights: Array | None = None if adversarial else np.array([batch.arithmetic.number(1)], dtype=object if batch.arithmetic.eps == 0 else None)
    found = [Cloud(0, state, weights, batch.case)]
    algorithms = steps(binder)
    for k in range(1, last + 1):
        algorithm = next(algorithms)
        count = len(flattened(state))
        draws = algorithm.draws(batch.case.problem)
        size = draws.size()
        if size is None:
            raise Inexact("a law without finite support cannot be enumerated")
        work -= (count + CALL) * size
        if count * size > 8 * states or work < 0:
            break
        outs, masses = [], []
        for draw, weight in draws.branches(count, state):
            outs.append(flattened(algorithm.step(state, batch.case.problem, draw)))
            if weights is not None:
                masses.append(weights * _in(weight, batch))
        flat, weights = merged(np.concatenate(outs), np.concatenate(masses) if masses else None)
        if len(flat) > states:
            break
        state = frozen(unflattened(flat, state))
        found.append(Cloud(k, state, weights, batch.case))
    if len(found) <= min(LEAST, last):
        raise Inexact(f"{LEAST} updates already have too many draws to enumerate")
    return found


def _in(weight: Any, batch: Batch) -> Any:
    if getattr(weight, "ndim", 0) == 0:
        return batch.arithmetic.number(weight)
    return weight if weight.dtype == object and batch.arithmetic.eps == 0 else weight.astype(float)


def merged(flat: Array, weights: Array | None) -> tuple[Array, Array | None]:
    """Distinct rows, their weights added; rows of weight zero dropped."""
    if flat.dtype == object:
        return _merged_exact(flat, weights)
    unique, where = distinct_rows(flat + 0.0)       # + 0.0: -0.0 and 0.0 are one state
    if weights is None:
        return unique, None
    mass = np.bincount(where.reshape(-1), weights=weights.astype(float), minlength=len(unique))
    return unique[mass > 0], mass[mass > 0]


def distinct_rows(flat: Array) -> tuple[Array, Array]:
    """The distinct rows and where each row went. Sorted by a hash of their bits, then compared bit by bit (a collision falls back to sorting rows)."""
    bits = np.ascontiguousarray(flat).view(np.uint64).reshape(len(flat), -1)
    odd = np.random.default_rng(0).integers(1 << 63, size=bits.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    mixed = (bits ^ (bits >> np.uint64(31))) * odd
    _, first, where = np.unique((mixed ^ (mixed >> np.uint64(29))).sum(axis=1, dtype=np.uint64), return_index=True, return_inverse=True)
    where = where.reshape(-1)
    if np.array_equal(flat[first][where], flat):
        return flat[first], where
    unique, where = np.unique(flat, axis=0, return_inverse=True)
    return unique, where.reshape(-1)


def _merged_exact(flat: Array, weights: Array | None) -> tuple[Array, Array | None]:
    mass: dict[tuple[Any, ...], Any] = {}
    for row, weight in zip(map(tuple, flat), weights if weights is not None else [1] * len(flat), strict=True):
        mass[row] = mass.get(row, 0) + weight
    kept = [(row, weight) for row, weight in mass.items() if weight != 0]
    return np.array([row for row, _ in kept], dtype=object), np.array([weight for _, weight in kept], dtype=object) if weights is not None else None
