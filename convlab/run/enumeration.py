"""Exact expectations of any metric: the law of the state is pushed forward over all draws, equal states merged by exact keys.

Serves what the lift cannot: kinks, unsquared distances, draws whose probabilities depend on the state, and adversaries (whose states carry no weight).
All cases of a batch go together, since an update of the few states of one case costs little but its calls. The states of a case stand in a row, and each
entry of them is contiguous in memory: sums over the few entries of many states are then as fast as the states' own arithmetic.
"""
from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.draws import Draws, Inexact
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.engine import flattened, initial_state, keep_memory, steps, unflattened
from convlab.run.frozen import frozen

STATES = 1 << 13       # distinct states kept of one case; where they would exceed it its enumeration ends and says at which k
WORK = 1 << 20         # states stepped in all, shared by the cases of a problem: a second or two
CALL = 200             # what one call of a step costs, in states
LEAST = 4              # updates below which an enumeration is not worth the name
TOGETHER = 1 << 16     # numbers that the draws of one update make, before equal states are merged: more would leave the processor's cache


@dataclass(frozen=True)
class Cloud:
    """Distinct states of the cases after k updates, with probabilities (None where an adversary chose). `owner` numbers the case of each, ascending."""

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

    @cached_property
    def present(self) -> Array:
        """The cases that have states."""
        return self.owner[self.first]

    @property
    def counts(self) -> Array:
        """How many states each of them has."""
        return np.diff(self.first, append=len(self.owner))

    def of(self, kept: Array) -> Cloud:
        """The states of some cases (a mask) alone."""
        rows = kept[self.owner]
        if rows.all():
            return self
        state = _state(_columns(self.state).compress(rows, axis=1), self.state)
        return replace(self, state=state, weights=None if self.weights is None else self.weights[rows], owner=self.owner[rows])


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


def cases_reaching(found: list[Cloud], k: int) -> int:
    """How many cases were enumerated up to k."""
    return len(found[k].present) if k < len(found) else 0


def of_every_case(draws: Draws) -> bool:
    """Whether all cases draw from the same values: else these come as arrays, one a case, and cases cannot go together."""
    return not any(getattr(value, "ndim", 0) for law in draws.values() for value in getattr(law, "values", ()))


def _updated(cloud: Cloud, declared: Any, bound: Any, batch: Batch, size: int) -> Cloud:
    """One update of all states, in parts of whole cases."""
    columns = _columns(cloud.state)
    ends = np.append(cloud.first[1:], columns.shape[1])
    part = (ends - 1) * (size * len(columns)) // TOGETHER
    cuts = [*ends[:-1][np.diff(part) > 0].tolist(), columns.shape[1]]
    pieces = []
    for start, end in zip([0, *cuts[:-1]], cuts, strict=True):
        owner, weights = cloud.owner[start:end], None if cloud.weights is None else cloud.weights[start:end]
        pieces.append(_pushed(_state(columns[:, start:end], cloud.state), weights, owner, _of_states(bound, declared, owner), batch))
    states, masses, owners = zip(*pieces, strict=True)
    state = _state(np.concatenate(states, axis=1), cloud.state)
    return replace(cloud, k=cloud.k + 1, state=state, weights=None if cloud.weights is None else np.concatenate(masses), owner=np.concatenate(owners))


def _pushed(state: Any, weights: Array | None, owner: Array, algorithm: Any, batch: Batch) -> tuple[Array, Array | None, Array]:
    """The states after every draw, merged: entries (entries, states), weights, owners."""
    outs, masses = [], []
    for draw, weight in algorithm.draws(batch.case.problem).branches(len(owner), state):
        outs.append(_columns(algorithm.step(state, batch.case.problem, draw)))
        if weights is not None:
            masses.append(weights * _in(weight, batch))
    return merged(np.concatenate(outs, axis=1), np.concatenate(masses) if masses else None, np.tile(owner, len(outs)))


def _in(weight: Any, batch: Batch) -> Any:
    if getattr(weight, "ndim", 0) == 0:
        return batch.arithmetic.number(weight)
    return weight if weight.dtype == object and batch.arithmetic.eps == 0 else weight.astype(float)


def _columns(state: Any) -> Array:
    """A state as (entries, states), each entry contiguous."""
    return np.ascontiguousarray(flattened(state).T)


def _state(columns: Array, like: Any) -> Any:
    """The inverse, frozen."""
    return frozen(unflattened(columns.T, like))


def by_state(values: Any, owner: Array) -> dict[Any, Any]:
    """Values of which some are arrays over the cases, as arrays over the states."""
    return {s: v.take(owner) if getattr(v, "ndim", 0) == 1 else v for s, v in values.items()}


def _of_states(bound: Any, declared: Any, owner: Array) -> Any:
    """The algorithm with parameters for every state: what binding made an array of, one row a case, is repeated for the states of the case."""
    if bound is declared:
        return bound
    if isinstance(bound, np.ndarray):
        return bound.take(owner, axis=0) if bound.ndim else bound
    if isinstance(bound, tuple):
        return tuple(_of_states(b, d, owner) for b, d in zip(bound, declared, strict=True))
    if not is_dataclass(bound) or isinstance(bound, type):
        return bound
    found = {f.name: (getattr(bound, f.name), getattr(declared, f.name)) for f in fields(bound)}
    return replace(bound, **{name: _of_states(b, d, owner) for name, (b, d) in found.items() if b is not d})


def merged(columns: Array, weights: Array | None, owner: Array) -> tuple[Array, Array | None, Array]:
    """The distinct states of each case (`columns` is (entries, states)), their weights added; states of weight zero dropped. Sorted by case."""
    if columns.dtype == object:
        return _merged_exact(columns, weights, owner)
    columns = columns + 0.0                                  # -0.0 and 0.0 are one state
    order, new = side_by_side(np.ascontiguousarray(columns, dtype=np.float64).view(np.uint64), owner)
    first, mass = order[new], None
    if weights is not None:
        mass = np.add.reduceat(weights.take(order), np.flatnonzero(new))
        first, mass = first[mass > 0], mass[mass > 0]
    return columns.take(first, axis=1), mass, owner.take(first)


def side_by_side(bits: Array, owner: Array) -> tuple[Array, Array]:
    """An order, by case, in which equal states (columns of bits) of a case are neighbours, and where in it another state begins.

    Numbers are sorted that hold the case, a hash of the state and its place, in this order; neighbours are then compared bit by bit (a collision of hashes
    falls back to sorting by every entry).
    """
    count = bits.shape[1]
    places, cases = (int(n).bit_length() for n in (count - 1, owner.max(initial=0)))
    keys = hashed(bits) >> np.uint64(cases + places) << np.uint64(places) | np.arange(count, dtype=np.uint64)
    keys = np.sort(keys | owner.astype(np.uint64) << np.uint64(64 - cases) if cases else keys)
    order = (keys & np.uint64((1 << places) - 1)).astype(np.intp)
    alike = np.diff(keys >> np.uint64(places)) == 0
    if (bits.take(order[1:][alike], axis=1) != bits.take(order[:-1][alike], axis=1)).any():
        order = np.lexsort((*bits, owner))
        alike = (np.diff(owner[order]) == 0) & (np.diff(bits[:, order], axis=1) == 0).all(axis=0)
    return order, np.append(True, ~alike)[:count]


def hashed(bits: Array) -> Array:
    """A number of 64 bits for every column, of which the upper ones tell columns apart: a random odd multiple of every entry, summed."""
    odd = np.random.default_rng(0).integers(1 << 63, size=len(bits), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return np.asarray(odd @ (bits ^ bits >> np.uint64(31)))


def _merged_exact(columns: Array, weights: Array | None, owner: Array) -> tuple[Array, Array | None, Array]:
    mass: dict[tuple[Any, ...], Any] = {}
    for row, weight in zip(zip(owner.tolist(), *columns, strict=True), weights if weights is not None else [1] * len(owner), strict=True):
        mass[row] = mass.get(row, 0) + weight
    kept = sorted(((row, weight) for row, weight in mass.items() if weight != 0), key=lambda pair: pair[0][0])
    rows, masses = np.array([row for row, _ in kept], dtype=object).T, np.array([weight for _, weight in kept], dtype=object)
    return rows[1:], None if weights is None else masses, rows[0].astype(int)
