"""Pairs of quadratic tasks on one variable, convex and not, with the constants of their sum."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, Minimum, Smooth, Tasks
from convlab.constants import Array, Constant, exact, upper
from convlab.operations import solve
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, orthogonal, starts_around, vector

EIGENVALUE_SLACK = Fraction(1, 10**9)     # relative: eigvalsh of matrices of order 5 is right to about 1e-14


@dataclass(frozen=True, eq=False)
class TaskPair:
    """f_i(x) = <x - c_i, A_i (x - c_i)>/2 for i = 1, 2; the objective is their sum, L the spectral norm of A_1 + A_2. A_i may have negative eigenvalues.

    With A_1 + A_2 = L I, gradients of one length and step 1/L, PCGrad decreases the sum by no more than its theorem says.
    """

    matrices: Array                # (2, dimension, dimension), symmetric
    centres: Array                 # (2, dimension)
    start: Array | None = None

    def task_gradients(self, x: Array) -> Array:
        """A_i (x - c_i), (replicates, 2, dimension)."""
        return ((x[:, None, :] - self.centres)[:, :, None, :] * self.matrices).sum(axis=-1)

    def task_values(self, x: Array) -> Array:
        """f_i(x), (replicates, 2)."""
        return ((x[:, None, :] - self.centres) * self.task_gradients(x)).sum(axis=-1) / 2

    def value(self, x: Array) -> Array:
        """f_1(x) + f_2(x), (replicates,)."""
        return self.task_values(x).sum(axis=-1)

    def gradient(self, x: Array) -> Array:
        """The sum of the task gradients."""
        return self.task_gradients(x).sum(axis=1)

    def facts(self) -> tuple[Any, ...]:
        """Smooth with the constant of the sum, and two tasks; where the sum is strictly convex, its minimum."""
        total = self.matrices.sum(axis=0)
        return (Smooth(_spectral_norm(total)), Tasks(2), *(self._minimum(total) if _least_eigenvalue(total) > 0 else ()))

    def _minimum(self, total: Array) -> tuple[Any, ...]:
        pulls = (self.matrices * self.centres[:, None, :]).sum(axis=-1).sum(axis=0)
        best = solve(total, pulls[None])[0]
        return (Convex(), Minimum(exact(self.value(best[None])[0], how="the sum of the tasks at the zero of its gradient"), at=best))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """A random direction from the midpoint of the centres, and a point between the centres, where the tasks conflict."""
        if self.start is not None:
            return (Start("given", self.start),)
        first, second = self.centres
        return (starts_around((first + second) / 2, rng)[1], Start("between", first + (second - first) * 3 / 8))


def _least_eigenvalue(matrix: Array) -> float:
    """Exact for a diagonal; else 0 where float64 cannot tell the sign."""
    if _is_diagonal(matrix):
        return float(min(matrix[i, i] for i in range(len(matrix))))
    found = np.linalg.eigvalsh(matrix.astype(np.float64))
    return float(found.min()) if found.min() > float(EIGENVALUE_SLACK) * float(np.abs(found).max()) else 0.0


def _is_diagonal(matrix: Array) -> bool:
    return all(matrix[i, j] == 0 for i in range(len(matrix)) for j in range(len(matrix)) if i != j)


def _spectral_norm(matrix: Array) -> Constant:
    diagonal = [matrix[i, i] for i in range(len(matrix))]
    if _is_diagonal(matrix):
        return exact(max(abs(v) for v in diagonal), how="the largest entry of the diagonal Hessian of the sum, in magnitude")
    largest = float(np.abs(np.linalg.eigvalsh(matrix.astype(np.float64))).max())
    if matrix.dtype != object:
        return exact(largest, how="the largest eigenvalue of the Hessian of the sum, in magnitude (float64)")
    return upper(Fraction(largest) * (1 + EIGENVALUE_SLACK), how="the largest float64 eigenvalue of the Hessian of the sum, in magnitude, raised by 1e-9")


def make(matrices: Any, centres: Any, start: Any = None) -> TaskPair:
    """Two tasks; a matrix given as a number a is a I. Raises ValueError for other than two tasks, or a matrix that is not symmetric."""
    points = array_of([vector(c) for c in centres])
    if len(points) != 2 or len(matrices) != 2:
        raise ValueError(f"a pair has two tasks: given {len(matrices)} matrices and {len(points)} centres.")
    dimension = points.shape[1]
    square = [vector(m, dimension) * np.eye(dimension, dtype=int) if np.ndim(m) == 0 else array_of([vector(row, dimension) for row in m]) for m in matrices]
    if any((m != m.T).any() for m in square):
        raise ValueError("the matrices of quadratic tasks must be symmetric.")
    return TaskPair(array_of(square), points, None if start is None else vector(start, dimension))


def rotated(spectra: Any, centres: Any, seed: int) -> TaskPair:
    """Two tasks of these spectra in two different rational eigenbases."""
    bases = [orthogonal(seed + i, len(spectrum)) for i, spectrum in enumerate(spectra)]
    return make([basis @ (vector(spectrum)[:, None] * basis.T) for basis, spectrum in zip(bases, spectra, strict=True)], centres)


def members() -> Iterator[Member]:
    """Isotropic, well and badly conditioned in unrelated eigenbases, and with negative curvature."""
    half = Fraction(1, 2)
    yield Member("tasks-isotropic-2", make((Fraction(7, 2), 5), ((4, -1), (-6, 2))))
    yield Member("tasks-line", make((Fraction(3, 2), 6), ((5,), (-2,))))
    yield Member("tasks-rotated-2", rotated(((Fraction(1, 3), 9), (2, Fraction(13, 4))), ((1, 8), (-5, half)), seed=3))
    yield Member("tasks-negative-3", rotated(((-half, 2, 7), (Fraction(1, 5), 4, 11)), ((2, -3, 7), (-1, 6, half)), seed=17))
    yield Member("tasks-negative-5", rotated(((-half, -half, 1, 3, 6), (-half, Fraction(2, 3), 2, 3, 5)), ((9, 0, -4, 1, 2), (0, half, 3, -8, -1)), seed=29))


CENTRE = Fraction(7, 2)      # near which the searched ones have their minima: not at 0, which a method might know
SEARCH = (Space({"a": (1 / 8, 64), "b_over_a": (1e-3, 1), "c_over_a": (1e-3, 1), "d_over_a": (1e-3, 1), "apart": (1 / 8, 64), "down": (-1, 1),
                 "first": (-2, 2), "second": (-2, 2)},
                lambda n: {"matrices": (_diagonal(n["a"], n["b_over_a"] * n["a"]), _diagonal(n["c_over_a"] * n["a"], n["d_over_a"] * n["a"])),
                           "centres": ((CENTRE, -CENTRE), (CENTRE + n["apart"], -CENTRE + n["down"] * n["apart"])),
                           "start": (CENTRE + n["first"] * n["apart"], -CENTRE + n["second"] * n["apart"])}, asked=(Tasks,)),)


def _diagonal(first: Any, second: Any) -> Any:
    return ((first, 0), (0, second))


FAMILY = Family("task-pairs", make, members, SEARCH)
