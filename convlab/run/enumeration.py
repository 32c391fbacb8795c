"""Exact expectations of any metric: the law of the state is pushed forward over all draws, equal states merged by exact keys.

Serves what the lift cannot: kinks, unsquared distances, draws whose probabilities depend on the state, and adversaries (whose states carry no weight).
All cases of a batch go together, since one update of the few states of one case costs little but its calls. Rows are states, those of a case in a row.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Draws, Inexact
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.cases import Batch, batch_of
from convlab.run.engine import flattened, initial_state, keep_memory, steps, unflattened
from convlab.run.frozen import frozen

STATES = 1 << 13       # distinct states kept of one case; where they would exceed it its enumeration ends and says at which k
WORK = 1 << 20         # states stepped in all, shared by the cases of a problem: a second or two
CALL = 200             # what one call of a step costs, in states
LEAST = 4              # updates below which an enumeration is not worth the name
TOGETHER = 1 << 18     # numbers in the states that one step is shown after another, before they are merged: more would leave the processor's cache
OWNED = 48             # bits of a key left to the state; those above number its case


@dataclass(frozen=True)
class Cloud:
    """Distinct states of every case after k updates, with probabilities (None where an adversary chose); `owner` numbers the case of each, ascending."""

    k: int
    state: Any
    weights: Array | None
    owner: Array
    cases: Case

    @property
    def case(self) -> Case:
        """The case of each state."""
        return replace(self.cases, values=by_state(self.cases.values, self.owner))

    @cached_property
    def first(self) -> Array:
        """Where the states of each case begin that has some."""
        return np.flatnonzero(np.diff(self.owner, prepend=-1))

    def of(self, kept: Array) -> Cloud:
        """The states of some cases (a mask) alone."""
        rows = kept[self.owner]
        if rows.all():
            return self
        flat = flattened(self.state)[rows]
        return replace(self, state=frozen(unflattened(flat, self.state)), weights=None if self.weights is None else self.weights[rows], owner=self.owner[rows])


def clouds(binder: Binder, batch: Batch, last: int, states: int = STATES, work: int = WORK) -> list[Cloud]:
    """The law of the state of every case for k = 0 .. last, or as far as it stays small: a case that outgrows its `work` leaves, the others go on.

    Raises Inexact where the first updates of a case are too many already.
    """
    adversarial = binder.at(0).draws(batch.case.problem).adversarial
    sure = np.full(len(batch.settings), batch.arithmetic.number(1))
    cloud = Cloud(0, frozen(initial_state(binder, batch)), None if adversarial else sure, np.arange(len(sure)), batch.case)
    found, left, algorithms = [cloud], np.full(len(sure), work), steps(binder)
    keep_memory()
    for k in range(1, last + 1):
        algorithm = next(algorithms)
        size = algorithm.draws(batch.case.problem).size()
        if size is None:
            raise Inexact("a law without finite support cannot be enumerated")
        size = min(size, 8 * states + 1)                     # n! of some n is no machine integer, and too large for any state
        count = np.bincount(cloud.owner, minlength=len(sure))
        left -= (count + CALL) * size
        cloud = cloud.of((count * size <= 8 * states) & (left >= 0))
        if len(cloud.owner):
            cloud = _updated(cloud, binder.algorithm, algorithm, batch, size)
            cloud = cloud.of(np.bincount(cloud.owner, minlength=len(sure)) <= states)
        if k <= LEAST and len(cloud.first) < len(sure):
            raise Inexact(f"{LEAST} updates already have too many draws to enumerate")
        if not len(cloud.owner):
            break
        found.append(cloud)
    return found


def ending_together(batch: Batch, found: list[Cloud]) -> Iterator[tuple[Batch, list[Cloud]]]:
    """The cases that were enumerated equally far, as batches of their own in which every cloud has states of every case."""
    ends = np.zeros(len(batch.settings), dtype=int)
    for cloud in found:
        ends[cloud.owner] = cloud.k
    for end in dict.fromkeys(ends.tolist()):
        kept = ends == end
        if kept.all():
            yield batch, found
            continue
        part = replace(batch_of([s for s, chosen in zip(batch.settings, kept, strict=True) if chosen], FLOAT64), arithmetic=batch.arithmetic)
        renamed = np.cumsum(kept) - 1
        yield part, [replace(cloud, owner=renamed[cloud.owner], cases=part.case) for cloud in (c.of(kept) for c in found[:end + 1])]


def of_every_case(draws: Draws) -> bool:
    """Whether all cases draw from the same values: else these come as arrays, one a case, and cases cannot go together."""
    return not any(getattr(value, "ndim", 0) for law in draws.values() for value in getattr(law, "values", ()))


def _updated(cloud: Cloud, declared: Any, bound: Any, batch: Batch, size: int) -> Cloud:
    """One update of all states, in parts of whole cases."""
    flat = flattened(cloud.state)
    ends = np.append(cloud.first[1:], len(flat))
    part = (ends - 1) * (size * flat.shape[1]) // TOGETHER
    cuts = np.append(ends[:-1][np.diff(part) > 0], len(flat))
    pieces = []
    for start, end in zip(np.append(0, cuts[:-1]), cuts, strict=True):
        rows = slice(start, end)
        state, owner = frozen(unflattened(flat[rows], cloud.state)), cloud.owner[rows]
        pieces.append(_pushed(state, None if cloud.weights is None else cloud.weights[rows], owner, _of_states(bound, declared, owner), batch))
    states, weights, owners = zip(*pieces, strict=True)
    joined = frozen(unflattened(np.concatenate(states), cloud.state))
    return replace(cloud, k=cloud.k + 1, state=joined, weights=None if weights[0] is None else np.concatenate(weights), owner=np.concatenate(owners))


def _pushed(state: Any, weights: Array | None, owner: Array, algorithm: Any, batch: Batch) -> tuple[Array, Array | None, Array]:
    outs, masses = [], []
    for draw, weight in algorithm.draws(batch.case.problem).branches(len(owner), state):
        outs.append(flattened(algorithm.step(state, batch.case.problem, draw)))
        if weights is not None:
            masses.append(weights * _in(weight, batch))
    return merged(np.concatenate(outs), np.concatenate(masses) if masses else None, np.tile(owner, len(outs)))


def _in(weight: Any, batch: Batch) -> Any:
    if getattr(weight, "ndim", 0) == 0:
        return batch.arithmetic.number(weight)
    return weight if weight.dtype == object and batch.arithmetic.eps == 0 else weight.astype(float)


def by_state(values: Any, owner: Array) -> dict[Any, Any]:
    """Values of which some are arrays over the cases, as arrays over the states."""
    return {s: v[owner] if getattr(v, "ndim", 0) == 1 else v for s, v in values.items()}


def _of_states(bound: Any, declared: Any, owner: Array) -> Any:
    """The algorithm with parameters for every state: what binding made an array of, one row a case, is repeated for the states of the case."""
    if bound is declared:
        return bound
    if isinstance(bound, np.ndarray):
        return bound[owner] if bound.ndim else bound
    if isinstance(bound, tuple):
        return tuple(_of_states(b, d, owner) for b, d in zip(bound, declared, strict=True))
    if not is_dataclass(bound) or isinstance(bound, type):
        return bound
    found = {f.name: (getattr(bound, f.name), getattr(declared, f.name)) for f in fields(bound)}
    return replace(bound, **{name: _of_states(b, d, owner) for name, (b, d) in found.items() if b is not d})


def merged(flat: Array, weights: Array | None, owner: Array) -> tuple[Array, Array | None, Array]:
    """Distinct rows of each case (`owner` numbers it), their weights added; rows of weight zero dropped. Sorted by case."""
    if flat.dtype == object:
        return _merged_exact(flat, weights, owner)
    flat = flat + 0.0                                        # -0.0 and 0.0 are one state
    first, where = distinct_rows(flat, owner)
    if weights is None:
        return flat[first], None, owner[first]
    mass = np.bincount(where, weights=weights, minlength=len(first))
    first, mass = first[mass > 0], mass[mass > 0]
    return flat[first], mass, owner[first]


def distinct_rows(flat: Array, owner: Array) -> tuple[Array, Array]:
    """Where each distinct row of a case stands first, by case, and which of these every row is.

    Sorted by the case and a hash of the row's bits, then compared bit by bit (a collision falls back to sorting rows).
    """
    bits = np.ascontiguousarray(flat, dtype=np.float64).view(np.uint64).reshape(len(flat), -1)
    odd = np.random.default_rng(0).integers(1 << 63, size=bits.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = ((bits ^ bits >> np.uint64(31)) @ odd) >> np.uint64(64 - OWNED) | owner.astype(np.uint64) << np.uint64(OWNED)
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(bits[first][where], bits):
        _, first, where = np.unique(np.column_stack([owner.astype(np.uint64), bits]), axis=0, return_index=True, return_inverse=True)
    return first, where.reshape(-1)


def _merged_exact(flat: Array, weights: Array | None, owner: Array) -> tuple[Array, Array | None, Array]:
    mass: dict[tuple[Any, ...], Any] = {}
    for row, weight in zip(zip(owner.tolist(), *flat.T, strict=True), weights if weights is not None else [1] * len(flat), strict=True):
        mass[row] = mass.get(row, 0) + weight
    kept = sorted(((row, weight) for row, weight in mass.items() if weight != 0), key=lambda pair: pair[0][0])
    rows, masses = np.array([row for row, _ in kept], dtype=object), np.array([weight for _, weight in kept], dtype=object)
    return rows[:, 1:], None if weights is None else masses, rows[:, 0].astype(int)
