"""The affine maps of a step, read off the code that runs: `step` is fed a reference state and its neighbours along each axis, as a batch.

Where a step is affine in the state for each draw, s+ = A s + c in deviations from a reference (the state at x*), so that nothing cancels near the optimum.
Random probes verify it. Laws known by mean and covariance only are carried through the step as one more affine direction. Integer fields (counters) go
their own way: the maps are read off at their value. Updates that differ in real numbers only, as decreasing steps do, are one batch.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic
from convlab.constants import Array
from convlab.draws import Draws, Inexact, Law, Noise
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.counters import Counters, joined, key_of, split
from convlab.run.frozen import frozen

BRANCHES = 4096         # draws of one step that are enumerated
PROBES = (1e-8, 1e-6, 1e-4, 0.01, 1.0, 100.0)      # affinity is tested at these multiples of the start's deviation: a dead zone may lie near the optimum
TOGETHER = 2**17        # numbers of a batch of several updates: a megabyte, which caches hold
KEPT = 2**24            # numbers of the maps that are remembered (128 MB): those of a periodic schedule are met again
ALIKE = 1e-12           # of the largest entry: how far maps read together may be from those read alone, for rounding


@dataclass(frozen=True)
class Maps:
    """The affine maps of one step in deviations from the reference: (branches, cases, m + 1, m + 1), with weights (branches, cases)."""

    matrices: Array
    weights: Array
    noise: Array | None = None      # (branches, cases, m + 1, m + 1): covariance that laws known by moments add
    counters: Counters = ()         # after the step

    def propagated(self, moments: Array) -> Array:
        """One step of M -> sum p (T M T^T + noise), (cases, m + 1, m + 1): two products for each case, the sum over branches inside the second."""
        cases, size = moments.shape[:2]
        left, right, added = self._factors
        images = (left @ moments).reshape(cases, size, -1) @ right
        return images if added is None else images + added

    @cached_property
    def _factors(self) -> tuple[Array, Array, Array | None]:
        """T with the rows (i, branch), p T^T with the rows (branch, j), and the noise in all."""
        branches, cases, size, _ = self.matrices.shape
        weights = self.weights[:, :, None, None]
        left = self.matrices.transpose(1, 2, 0, 3).reshape(cases, size * branches, size)
        right = (weights * self.matrices).transpose(1, 0, 3, 2).reshape(cases, branches * size, size)
        return left, right, None if self.noise is None else (weights * self.noise).sum(axis=0)


@dataclass
class Reader:
    """The maps of one update after another of a run of `last` updates. Those that differ in real numbers only are read as one batch, ahead of the run.

    A step may not stand that (it asks whether a share is 1, where the share is now an array): then all are read one by one, which is also how the last of
    each batch is read again.
    """

    binder: Binder
    batch: Batch
    base: Array              # the real entries of the reference, (cases, m)
    like: Any                # a state, for its fields and their shapes
    start: Array             # the real entries of the initial state
    last: int
    _apart: bool = False
    _found: dict[Any, Maps] = field(default_factory=dict)

    def maps(self, k: int, counters: Counters) -> Maps:
        """Those of update k, at these counters. Raises Inexact as `affine_maps` does."""
        key = (self.binder.key(k), key_of(counters))               # periodic schedules and counters meet the same maps again
        if key not in self._found:
            if len(self._found) * self.base.size * self.base.shape[1] > KEPT:
                self._found.clear()
            self._found.update(self._read(k, counters))
        return self._found[key]

    def _read(self, k: int, counters: Counters) -> dict[Any, Maps]:
        reference = joined(self.base, counters, self.like)
        new = {} if counters or self._apart else self._ahead(k)
        if len(new) > 1:
            try:
                return dict(zip(new, self._together(list(new.values()), reference), strict=True))
            except (ValueError, TypeError, AttributeError, IndexError):      # whatever is wrong with update k itself, reading it alone will tell
                self._apart = True
        return {(self.binder.key(k), key_of(counters)): affine_maps(self.binder, k, self.batch, reference, self.start)}

    def _ahead(self, k: int) -> dict[Any, int]:
        """The next updates whose maps are new, by their keys."""
        length = max(1, TOGETHER // (self.base.size * rows_of(self.base.shape[1])))
        new: dict[Any, int] = {}
        for later in range(k, min(k + length, self.last)):
            key = (self.binder.key(later), ())
            if key not in self._found:
                new.setdefault(key, later)
        return new

    def _together(self, updates: Sequence[int], reference: Any) -> list[Maps]:
        found = maps_over(self.binder, updates, self.batch, reference, self.start)
        if not alike(found[-1], affine_maps(self.binder, updates[-1], self.batch, reference, self.start), self.batch.arithmetic):
            raise Inexact("maps read together are not those read alone")
        return found


def alike(one: Maps, other: Maps, arithmetic: Arithmetic) -> bool:
    """Whether two readings of the same maps agree, up to rounding."""
    def same(left: Array | None, right: Array | None) -> bool:
        if left is None or right is None or left.shape != right.shape:
            return left is right
        off, size = np.abs((left - right).astype(float)), np.abs(right.astype(float)).max(initial=0.0)
        return bool(np.all(off <= (0 if arithmetic.eps == 0 else ALIKE) * size))

    return same(one.matrices, other.matrices) and same(one.weights, other.weights) and same(one.noise, other.noise)


def affine_maps(binder: Binder, k: int, batch: Batch, reference: Any, start: Array) -> Maps:
    """Reads the maps of update k off `step`, at the counters of the reference; `start` are the real entries of the initial state, which set the scale.

    Raises Inexact, saying why, where a step is not affine for each draw or has too many draws.
    """
    return maps_over(binder, [k], batch, reference, start)[0]


def rows_of(m: int) -> int:
    """How many states of m numbers are stepped to read one map."""
    return m + 2 + 3 * len(PROBES)


def maps_over(binder: Binder, updates: Sequence[int], batch: Batch, reference: Any, start: Array) -> list[Maps]:
    """`affine_maps` of several updates, read as one batch (updates x cases x states). Raises Unsupported where they differ in more than real numbers.

    Several updates are read of states without counters only: these move from one to the next.
    """
    base, counters = split(reference, reference)
    alone, m = base.shape
    base, start = (np.concatenate([part] * len(updates)) for part in (base, start))
    cases, rows = len(base), rows_of(m)
    shifts = np.concatenate([np.zeros_like(base)[:, None], _identity(cases, m, batch.arithmetic), probes(start - base, batch.arithmetic)], axis=1)
    state = frozen(joined((base[:, None] + shifts).reshape(cases * rows, m), counters, reference))
    algorithm = binder.over(updates, alone, rows)
    draws = algorithm.draws(batch.case.problem) if hasattr(algorithm, "draws") else Draws()
    by_moments = [name for name, law in draws.items() if law.size() is None]
    size = draws.without(*by_moments).size()
    if size is None or size > BRANCHES:
        raise Inexact(f"one step has {size} draws, too many to enumerate")
    matrices, weights, noises, moved = [], [], [], []
    for draw, weight in _branches(draws, by_moments, cases * rows, state):
        if weight is None:
            raise Inexact("an adversary has no expectation")
        if not hasattr(algorithm, "draws"):
            after = algorithm.step(state, batch.case.problem)
        elif by_moments:
            after = algorithm.step(state, batch.case.problem, draws.draw(**_with_noise(draws, by_moments, draw, {}, cases * rows, batch.arithmetic)))
        else:
            after = algorithm.step(state, batch.case.problem, draw)
        reals, counted = split(after, reference)
        moved.append(_counted(counted, cases, rows))
        out = reals.reshape(cases, rows, m)
        matrices.append(_affine(out, base, shifts, m, batch.arithmetic))
        weights.append(_weights(weight, cases, rows, batch.arithmetic))
        if by_moments:
            noises.append(_noise(algorithm, batch, draws, by_moments, draw, state, out, cases, rows, m))
    if len(set(map(key_of, moved))) > 1:
        raise Inexact("an integer field of the state depends on the draw")
    stacked = [_by_update(np.stack(parts), len(updates)) if parts else [None] * len(updates) for parts in (matrices, weights, noises)]
    return [Maps(matrix, weight, noise, moved[0]) for matrix, weight, noise in zip(*stacked, strict=True)]


def _by_update(parts: Array, updates: int) -> list[Any]:
    """(branches, updates x cases, ...) as one array (branches, cases, ...) for each update."""
    return list(np.swapaxes(parts.reshape(len(parts), updates, -1, *parts.shape[2:]), 0, 1))


def _counted(counters: Counters, cases: int, rows: int) -> Counters:
    """The counters after a step, one a case. Raises Inexact where they are no integers any more, or hang on the real entries of the state."""
    for counter in counters:
        each = counter.reshape(cases, rows, -1)
        if counter.dtype.kind not in "iub" or not np.array_equal(each, np.broadcast_to(each[:, :1], each.shape)):
            raise Inexact("an integer field of the state depends on its real ones")
    return tuple(counter.reshape(cases, rows, *counter.shape[1:])[:, 0] for counter in counters)


def _branches(draws: Draws, by_moments: list[str], count: int, state: Any) -> Iterator[tuple[Any, Any]]:
    return draws.without(*by_moments).branches(count, state) if len(draws) > len(by_moments) or not draws else iter([(None, 1)])


def _identity(cases: int, m: int, arithmetic: Arithmetic) -> Array:
    return np.broadcast_to(arithmetic.array(np.eye(m, dtype=int).astype(object)), (cases, m, m))


def probes(deviation: Array, arithmetic: Arithmetic) -> Array:
    """Points at which affinity is tested: the start itself, and random directions at several scales, (cases, probes, m)."""
    rng = np.random.default_rng(0)                           # the probes are part of the method, not of the experiment
    size = float(np.abs(deviation.astype(float)).max()) or 1.0
    directions = np.round(rng.standard_normal((len(PROBES) * 3, deviation.shape[1])) * 64) / 64
    scales = np.repeat([s * 2.0 ** np.round(np.log2(size)) for s in PROBES], 3)
    random = arithmetic.array(directions * (2.0 ** np.round(np.log2(scales)))[:, None])
    return np.concatenate([deviation[:, None], np.broadcast_to(random, (len(deviation), *random.shape))], axis=1)


def _affine(out: Array, base: Array, shifts: Array, m: int, arithmetic: Arithmetic) -> Array:
    constant = out[:, 0] - base
    linear = np.swapaxes(out[:, 1:m + 1] - out[:, :1], 1, 2)                 # columns are images of the axes
    predicted = constant[:, None] + shifts[:, m + 1:] @ np.swapaxes(linear, 1, 2) + base[:, None]
    off = np.abs((predicted - out[:, m + 1:]).astype(float))
    size = sum(np.abs(part[:, m + 1:].astype(float)).max(axis=2, keepdims=True) for part in (out, shifts))      # a step to x* is 0 up to the rounding of where it began
    size = size + np.abs(base.astype(float)).max(initial=0.0)
    if not np.all(off <= (0 if arithmetic.eps == 0 else 1e-10) * size):      # floats: rounding of the read-off grows with m, far below ten digits
        raise Inexact("a step is not affine in the state")
    matrix = np.zeros((len(base), m + 1, m + 1), dtype=out.dtype)
    matrix[:, :m, :m], matrix[:, :m, m], matrix[:, m, m] = linear, constant, arithmetic.number(1)
    return matrix if out.dtype != object else arithmetic.array(matrix)


def _weights(weight: Any, cases: int, rows: int, arithmetic: Arithmetic) -> Array:
    if getattr(weight, "ndim", 0) == 0:
        return np.full(cases, arithmetic.number(weight))
    each = np.asarray(weight).reshape(cases, rows)
    if not np.all(each == each[:, :1]):
        raise Inexact("the law of a draw depends on the state")
    return np.array([arithmetic.number(w) for w in each[:, 0]], dtype=object if arithmetic.eps == 0 else None)


def _with_noise(draws: Draws, names: list[str], draw: Any, values: dict[str, Array], count: int, arithmetic: Arithmetic) -> dict[str, Array]:
    """The draw with given values for the laws known by moments, zero (of the run's arithmetic: a float would spoil fractions) where none is given."""
    found = {} if draw is None else draw._asdict()
    for name in names:
        found[name] = values[name] if name in values else arithmetic.array(np.zeros((count, *draws[name].shape), dtype=int).astype(object))
    return found


def _noise(algorithm: Any, batch: Batch, draws: Draws, names: list[str], draw: Any, state: Any, quiet: Array, cases: int, rows: int, m: int) -> Array:
    """The covariance that the laws known by moments add to the state, per case; refuses a step in which their effect depends on the state."""
    total = np.zeros((cases, m + 1, m + 1), dtype=quiet.dtype)
    if quiet.dtype == object:
        total = batch.arithmetic.array(total.astype(int).astype(object))
    for name in names:
        columns = []
        for cell in range(int(np.prod(draws[name].shape))):
            unit = np.zeros((cases * rows, *draws[name].shape), dtype=int)
            unit.reshape(cases * rows, -1)[:, cell] = 1
            values = _with_noise(draws, names, draw, {name: batch.arithmetic.array(unit.astype(object))}, cases * rows, batch.arithmetic)
            moved = split(algorithm.step(state, batch.case.problem, draws.draw(**values)), state)[0].reshape(cases, rows, m) - quiet
            spread = np.abs((moved - moved[:, :1]).astype(float)).max()
            if spread > (0 if batch.arithmetic.eps == 0 else 1e-10) * (np.abs(quiet.astype(float)).max() + np.abs(moved.astype(float)).max()):   # as in _affine
                raise Inexact(f"the effect of {name!r}, of which only moments are declared, depends on the state")
            columns.append(moved[:, 0])
        effect = np.stack(columns, axis=2)                                    # (cases, m, cells)
        covariance = np.asarray(_law_by_moments(draws[name]).covariance).reshape(effect.shape[2], -1)
        total[:, :m, :m] = total[:, :m, :m] + effect @ covariance @ np.swapaxes(effect, 1, 2)
    return total


def _law_by_moments(law: Law) -> Noise:
    if not isinstance(law, Noise):
        raise Inexact(f"{type(law).__name__} declares neither a finite support nor a covariance")
    return law


