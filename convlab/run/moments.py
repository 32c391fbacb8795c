"""Exact expectations of quadratic metrics: the affine map of each draw is read off `step`, then E [s 1][s 1]^T is propagated.

Where a step is affine in the state for each draw, s+ = A s + c, the matrix T = [[A, c], [0, 1]] gives M+ = sum_draws p T M T^T, exact at every k, in
floats and in rationals. The matrices come from the very code that runs: `step` is fed a reference state and its neighbours along each axis, as a
batch. Coordinates are deviations from a reference (the state at x*), so that nothing cancels near the optimum. Laws known by mean and covariance
only are carried through the step as one more affine direction. Integer fields (counters) go their own way: the maps are read off at their value.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic
from convlab.assumptions import Quadratic, Smooth
from convlab.constants import Array
from convlab.draws import Draws, Inexact, Law, Noise
from convlab.metrics import Case, Measure
from convlab.problem import fact
from convlab.run.bind import Binder, field_key
from convlab.run.cases import Batch
from convlab.run.counters import Counters, joined, key_of, split
from convlab.run.engine import initial_state
from convlab.run.frozen import frozen
from convlab.run.recorder import FORGOTTEN, ROUNDINGS, Record, measured_floor, size_of

HOPELESS = 10**18       # draws, from which on it does not matter how many there are: n! leaves the floats at n = 171
BUDGET = 2e9            # multiplications of a batch: cases x maps x dimension^3 x updates, about a second or two
READING = 4e5           # what reading one map costs beside them: 0.4 ms, the median over SVRG, decreasing steps and averages; only maps that are new are read
LEAST = 8               # updates below which exact moments are not worth the name
BRANCHES = 4096         # draws of one step that are enumerated
PROBES = (1e-8, 1e-6, 1e-4, 0.01, 1.0, 100.0)      # affinity is tested at these multiples of the start's deviation: a dead zone may lie near the optimum


@dataclass(frozen=True)
class Maps:
    """The affine maps of one step in deviations from the reference: (branches, cases, m + 1, m + 1), with weights (branches, cases)."""

    matrices: Array
    weights: Array
    noise: Array | None = None      # (branches, cases, m + 1, m + 1): covariance that laws known by moments add
    counters: Counters = ()         # after the step


def reference_state(binder: Binder, batch: Batch) -> Any:
    """The algorithm's state started at the minimiser (at the start where there is none), for every case."""
    point = batch.x0 if batch.case.minimiser is None or batch.case.minimiser.shape != batch.x0.shape[1:] else batch.x0 * 0 + batch.case.minimiser
    return binder.at(0).init(point, batch.case.problem)


def affine_maps(binder: Binder, k: int, batch: Batch, reference: Any, start: Array) -> Maps:
    """Reads the maps of update k off `step`, at the counters of the reference; `start` are the real entries of the initial state, which set the scale.

    Raises Inexact, saying why, where a step is not affine for each draw or has too many draws.
    """
    base, counters = split(reference, reference)
    cases, m = base.shape
    probes = _probes(start - base, batch.arithmetic)
    rows = m + 1 + probes.shape[1]
    shifts = np.concatenate([np.zeros_like(base)[:, None], _identity(cases, m, batch.arithmetic), probes], axis=1)
    state = frozen(joined((base[:, None] + shifts).reshape(cases * rows, m), counters, reference))
    algorithm = binder.repeated(rows).at(k)
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
    return Maps(np.stack(matrices), np.stack(weights), np.stack(noises) if noises else None, moved[0])


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


def _probes(deviation: Array, arithmetic: Arithmetic) -> Array:
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


@dataclass(frozen=True)
class QuadraticForm:
    """A metric read off as a quadratic form in [deviation, 1]: (cases, cells, m + 1, m + 1)."""

    matrix: Array
    cells: tuple[int, ...]

    def expectation(self, moments: Array) -> Array:
        """E metric, (cases, *cells), from E [s 1][s 1]^T (cases, m + 1, m + 1)."""
        values = (self.matrix * moments[:, None]).sum(axis=(2, 3))
        return values.reshape(values.shape[0], *self.cells)


def quadratic_form(metric: Measure, case: Case, reference: Any, start: Array, arithmetic: Arithmetic) -> QuadraticForm:
    """Reads a metric off at the reference, along each axis and each pair of axes. Raises Inexact where it is no quadratic function of the state."""
    base, counters = split(reference, reference)
    cases, m = base.shape
    upper, lower = np.triu_indices(m, 1)
    eye = np.eye(m, dtype=int)
    shifts = np.concatenate([np.zeros((1, m), dtype=int), eye, -eye, eye[upper] + eye[lower]])
    shifts = np.concatenate([np.broadcast_to(arithmetic.array(shifts.astype(object)), (cases, *shifts.shape)), _probes(start - base, arithmetic)], axis=1)
    rows = shifts.shape[1]
    state = frozen(joined((base[:, None] + shifts).reshape(cases * rows, m), counters, reference))
    repeated = Case(case.problem, {s: np.repeat(v, rows, axis=0) if getattr(v, "ndim", 0) else v for s, v in case.values.items()}, case.minimiser, case.minimum)
    values = np.asarray(metric(state, repeated))
    cells = values.shape[1:]
    values = np.swapaxes(values.reshape(cases, rows, -1), 1, 2)               # (cases, cells, rows)
    at_zero, plus, minus, both = values[:, :, 0], values[:, :, 1:m + 1], values[:, :, m + 1:2 * m + 1], values[:, :, 2 * m + 1:2 * m + 1 + len(upper)]
    matrix = np.zeros((cases, values.shape[1], m + 1, m + 1), dtype=values.dtype)
    two = arithmetic.number(2)
    matrix[:, :, range(m), range(m)] = (plus + minus) / two - at_zero[:, :, None]
    cross = (both - plus[:, :, upper] - plus[:, :, lower] + at_zero[:, :, None]) / two
    matrix[:, :, upper, lower], matrix[:, :, lower, upper] = cross, cross
    linear = (plus - minus) / (two * two)
    matrix[:, :, :m, m], matrix[:, :, m, :m] = linear, linear
    matrix[:, :, m, m] = at_zero
    if matrix.dtype == object:
        matrix = arithmetic.array(matrix)
    probes = np.concatenate([shifts[:, 2 * m + 1 + len(upper):], np.ones((cases, rows - 2 * m - 1 - len(upper), 1), dtype=int)], axis=2)
    predicted = ((probes[:, None] @ matrix) * probes[:, None]).sum(axis=3)
    truth = values[:, :, 2 * m + 1 + len(upper):]
    scale = np.abs(truth.astype(float)) + np.abs(values.astype(float)).max(axis=(1, 2), keepdims=True) * (0 if arithmetic.eps == 0 else 1e-3)
    if not np.all(np.abs((predicted - truth).astype(float)) <= (0 if arithmetic.eps == 0 else 1e-9) * scale):   # floats: probes span four decades, the form twelve digits
        raise Inexact(f"the metric {getattr(metric, 'name', metric)!r} is not quadratic in the state")
    return QuadraticForm(matrix, cells)


def refuse_nonquadratic(problem: Any) -> None:
    """Raises Inexact for a smooth problem that does not declare itself quadratic: probing alone could miss a bend far away."""
    if fact(problem, Smooth) is not None and fact(problem, Quadratic) is None:
        raise Inexact("the problem is not quadratic: a step is not affine in the state")


def refuse_large(size: int, steps: int) -> None:
    """Raises Inexact where one map a step would already be too many multiplications: before the metric is read off along every pair of axes."""
    if (size + 1) ** 3 * steps > BUDGET:
        raise Inexact(f"exact moments of {size} numbers would cost at least {(size + 1) ** 3 * steps:.1e} multiplications")


def exact_moments(binder: Binder, batch: Batch, metric: Measure, points: Array) -> Record:
    """E metric at the given k (checkpoints, cases, ...), exact up to rounding. Raises Inexact, saying why, where it cannot."""
    refuse_nonquadratic(batch.case.problem)
    points = affordable(binder, batch, points)
    arithmetic = batch.arithmetic
    reference, state = reference_state(binder, batch), initial_state(binder, batch)
    start, counters = split(state, state)
    refuse_large(start.shape[1], int(points[-1]))
    base = split(reference, state)[0]
    deviation = np.concatenate([start - base, np.broadcast_to(arithmetic.array(np.ones((1, 1), dtype=int).astype(object)), (len(start), 1))], axis=1)
    moments = deviation[:, :, None] * deviation[:, None, :]
    seen: dict[Any, Maps] = {}
    forms: dict[Any, QuadraticForm] = {}
    wanted, measured, kept = set(points.tolist()), [], []
    with np.errstate(all="ignore"):
        for k in range(int(points[-1]) + 1):
            if k in wanted:
                if (counted := key_of(counters)) not in forms:
                    forms[counted] = quadratic_form(metric, batch.case, joined(base, counters, state), start, arithmetic)
                kept.append(k)
                measured.append(forms[counted].expectation(moments))
            if k == int(points[-1]):
                break
            key = (field_key(binder.at(k)) if binder.scheduled else (), key_of(counters))      # periodic schedules and counters meet the same maps again
            if key not in seen:
                seen[key] = affine_maps(binder, k, batch, joined(base, counters, state), start)
            moments, counters = propagated(moments, seen[key]), seen[key].counters
    floor = None if arithmetic.eps == 0 else _floors(metric, batch.case, reference, state, kept, arithmetic.eps)
    return Record(np.array(kept), np.stack(measured), floor)


def affordable(binder: Binder, batch: Batch, points: Array) -> Array:
    """The checkpoints up to which exact moments stay within BUDGET. Raises Inexact where that is hardly any."""
    algorithm = binder.at(0)
    size = algorithm.draws(batch.case.problem).size() if hasattr(algorithm, "draws") else 1
    state = initial_state(binder, batch)
    width = split(state, state)[0].shape[1] + 1
    draws = min(size or 1, HOPELESS)
    kept = points[points <= _updates(binder, int(points[-1]), draws * len(batch.settings) * width**3, draws * READING)]
    if len(kept) < 2 or kept[-1] < LEAST <= points[-1]:
        raise Inexact(f"exact moments of {size} draws on a state of {width - 1} numbers cost too much")
    return kept


def _updates(binder: Binder, last: int, carrying: float, reading: float) -> int:
    """How many of `last` updates BUDGET pays for: each is carried on, and its maps are read where its fields are new (a periodic schedule meets them again)."""
    if not binder.scheduled:
        return min(last, int(max(BUDGET - reading, 0) / carrying))
    seen: set[Any] = set()
    spent = 0.0
    for k in range(last):
        key = field_key(binder.at(k))
        spent += carrying + (reading if key not in seen else 0)
        seen.add(key)
        if spent > BUDGET:
            return k
    return last


def propagated(moments: Array, maps: Maps) -> Array:
    """One step of M -> sum p (T M T^T + noise)."""
    images = maps.matrices @ moments @ np.swapaxes(maps.matrices, 2, 3)
    if maps.noise is not None:
        images = images + maps.noise
    return (maps.weights[:, :, None, None] * images).sum(axis=0)


def _floors(metric: Measure, case: Case, reference: Any, start: Any, kept: list[int], eps: float) -> Array:
    """The metric's floor at the size of the reference, and of the start as far as it is not forgotten."""
    floor_of = getattr(metric, "floor", None) or measured_floor(metric)
    near, far = size_of(reference, case), size_of(start, case)
    return np.stack([np.asarray(floor_of(reference, case, ROUNDINGS * eps * np.maximum(near, far * float(FORGOTTEN) ** -k))) for k in kept])


def mean_square_radius(maps: Maps) -> Array:
    """Spectral radius of M -> sum p A M A^T (the affine part left out), for each case: below 1 iff second moments stay bounded and forget their start."""
    linear = maps.matrices[:, :, :-1, :-1].astype(float)
    basis = _symmetric_basis(linear.shape[-1])                 # the operator preserves the cone of second moments: its radius belongs to one of them
    radii = []
    for case in range(linear.shape[1]):
        operator = sum(float(w) * np.kron(a, a) for a, w in zip(linear[:, case], maps.weights[:, case], strict=True))
        radii.append(float(np.abs(np.linalg.eigvals(basis.T @ operator @ basis)).max()))
    return np.array(radii)


def _symmetric_basis(m: int) -> Array:
    """An orthonormal basis of the symmetric matrices among all, (m^2, m (m + 1)/2): half the size is an eighth of the work."""
    rows, columns = np.triu_indices(m)
    basis = np.zeros((m, m, len(rows)))
    basis[rows, columns, range(len(rows))] = basis[columns, rows, range(len(rows))] = np.where(rows == columns, 1.0, np.sqrt(0.5))
    return basis.reshape(m * m, -1)


def sure_radius(maps: Maps) -> Array:
    """Spectral radius of the linear part of a map without draws, for each case."""
    return np.array([float(np.abs(np.linalg.eigvals(a.astype(float))).max()) for a in maps.matrices[0, :, :-1, :-1]])
