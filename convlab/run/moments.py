"""Exact expectations of quadratic metrics: the affine map of each draw is read off `step`, then E [s 1][s 1]^T is propagated.

Where a step is affine in the state for each draw, s+ = A s + c, the matrix T = [[A, c], [0, 1]] gives M+ = sum_draws p T M T^T, exact at every k, in
floats and in rationals. The matrices come from the very code that runs: `step` is fed a reference state and its neighbours along each axis, as a
batch. Coordinates are deviations from a reference (the state at x*), so that nothing cancels near the optimum. Laws known by mean and covariance
only are carried through the step as one more affine direction. Integer fields (counters) go their own way: the maps are read off at their value.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic
from convlab.assumptions import Quadratic, Smooth
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.metrics import Case, Measure
from convlab.problem import fact
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.counters import joined, key_of, split
from convlab.run.engine import initial_state
from convlab.run.frozen import frozen
from convlab.run.maps import Maps, Reader, probes
from convlab.run.recorder import FORGOTTEN, ROUNDINGS, Record, measured_floor, size_of

HOPELESS = 10**18       # draws, from which on it does not matter how many there are: n! leaves the floats at n = 171
BUDGET = 2e9            # multiplications of a batch: cases x maps x dimension^3 x updates, about a second or two
READING = 4e5           # what reading one map costs beside them: 0.4 ms, the median over SVRG, decreasing steps and averages; only maps that are new are read
LEAST = 8               # updates below which exact moments are not worth the name


def reference_state(binder: Binder, batch: Batch) -> Any:
    """The algorithm's state started at the minimiser (at the start where there is none), for every case."""
    point = batch.x0 if batch.case.minimiser is None or batch.case.minimiser.shape != batch.x0.shape[1:] else batch.x0 * 0 + batch.case.minimiser
    return binder.at(0).init(point, batch.case.problem)


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
    shifts = np.concatenate([np.broadcast_to(arithmetic.array(shifts.astype(object)), (cases, *shifts.shape)), probes(start - base, arithmetic)], axis=1)
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
    tested = np.concatenate([shifts[:, 2 * m + 1 + len(upper):], np.ones((cases, rows - 2 * m - 1 - len(upper), 1), dtype=int)], axis=2)
    predicted = ((tested[:, None] @ matrix) * tested[:, None]).sum(axis=3)
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
    reader = Reader(binder, batch, base, state, start, int(points[-1]))
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
            maps = reader.maps(k, counters)
            moments, counters = maps.propagated(moments), maps.counters
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
        key = binder.key(k)
        spent += carrying + (reading if key not in seen else 0)
        seen.add(key)
        if spent > BUDGET:
            return k
    return last


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
