"""Means of n quadratics: separable ones, and least squares. Everything about them is closed form, and exact second moments exist for every method."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import (
    BoundedVariance,
    Convex,
    ConvexSamples,
    FiniteSum,
    Isotropic,
    Minimum,
    PolyakLojasiewicz,
    Quadratic,
    Smooth,
    SmoothSamples,
    StronglyConvex,
)
from convlab.constants import Array, Constant, Number, exact
from convlab.draws import Draws, Uniform
from convlab.operations import norm_squared, solve
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, matching, number, root_constant, starts_around


@dataclass(frozen=True, eq=False)
class QuadraticSum:
    """f = mean of f_i(x) = <x - c_i, H_i (x - c_i)>/2, each H_i positive semidefinite.

    The minimum is where (sum H_i) x = sum H_i c_i. Curvatures in {0, L} with a common centre are the extremal case of interpolation; one component that
    carries all the curvature makes L_max = n L; different centres make the noise at the minimiser that only variance reduction removes.
    """

    hessians: Array              # (n, dimension, dimension)
    centres: Array               # (n, dimension)
    minimiser: Array             # (dimension,)
    L: Constant
    mu: Constant
    L_max: Constant
    steep: Array                 # (n,): the ends of the spectrum of every H_i
    flat: Array                  # (n,)
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of components."""
        return int(self.hessians.shape[0])

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """H_i (x - c_i) for each replicate's own i."""
        return _apply(self.hessians[index], x - self.centres[index])

    def sample_gradients(self, x: Array) -> Array:
        """All of them, (replicates, n, dimension)."""
        return _apply(self.hessians, x[:, None, :] - self.centres)

    def sample_gap(self, x: Array, index: Array) -> Array:
        """<x - c_i, H_i (x - c_i)>/2 for each replicate's own i, (replicates,): no component falls below 0."""
        apart = x - self.centres[index]
        return (apart * _apply(self.hessians[index], apart)).sum(axis=-1) / 2

    def sample_smoothness(self) -> Array:
        """The largest curvature of every component, (n,)."""
        return self.steep

    def sample_convexity(self) -> Array:
        """The least curvature of every component, (n,)."""
        return self.flat

    def gradient_draws(self) -> Draws:
        """A component."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient of the drawn component."""
        return self.sample_gradient(x, draw.index)

    def _curvature(self) -> Array:
        return self.hessians.sum(axis=0) / self.n

    def gradient(self, x: Array) -> Array:
        """H (x - x*), H the mean Hessian."""
        return _apply(self._curvature(), x - self.minimiser)

    def value(self, x: Array) -> Array:
        """The mean of the components, (replicates,)."""
        apart = x[:, None, :] - self.centres
        return (apart * _apply(self.hessians, apart)).sum(axis=-1).sum(axis=-1) / (2 * self.n)

    def gap(self, x: Array) -> Array:
        """<x - x*, H (x - x*)>/2: nothing cancels."""
        apart = x - self.minimiser
        return (apart * _apply(self._curvature(), apart)).sum(axis=-1) / 2

    def noise_at_minimiser(self) -> Number:
        """sigma_*^2: the mean squared component gradient at the minimiser."""
        return norm_squared(self.sample_gradients(self.minimiser[None]))[0] / self.n

    def facts(self) -> tuple[Any, ...]:
        """A finite sum of smooth convex components; strongly convex where the mean Hessian is regular; its noise where that does not depend on x."""
        minimum = exact(self.value(self.minimiser[None])[0], how="the value at the solution of the normal equations; every component is convex")
        growth = PolyakLojasiewicz(self.mu)
        shape = (StronglyConvex(self.mu), growth) if self.mu.value > 0 else (Convex(),)
        isotropic = (Isotropic(self.L),) if self.L.value == self.mu.value else ()
        return (FiniteSum(self.n), SmoothSamples(self.L_max), ConvexSamples(), Smooth(self.L), *shape, Quadratic(), *isotropic,
                *self._noise(), Minimum(minimum, at=self.minimiser))

    def _noise(self) -> tuple[Any, ...]:
        if not (self.hessians == self.hessians[:1]).all():
            return ()
        return (BoundedVariance(root_constant(self.noise_at_minimiser(), how="all Hessians are equal, so the noise is the same everywhere: its mean square at x*")),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances from the minimiser."""
        return starts_around(self.minimiser, rng, self.start)


def _apply(matrices: Array, vectors: Array) -> Array:
    return (matrices @ vectors[..., None])[..., 0]


def make(curvatures: Any, centres: Any, start: Any = None) -> QuadraticSum:
    """The separable sum f_i(x) = sum_j curvatures[i, j] (x_j - centres[i, j])^2/2; lists of n numbers are one-dimensional.

    Raises ValueError for shapes that differ, a negative curvature, or a coordinate in which every component is flat (no unique minimiser).
    """
    a, b = _table(curvatures), _table(centres)
    if a.shape != b.shape:
        raise ValueError(f"curvatures are {a.shape}, centres {b.shape}: give both as (n,) or (n, dimension).")
    if min(a.reshape(-1)) < 0 or min(a.sum(axis=0)) <= 0:
        raise ValueError("curvatures must be >= 0, and positive for some component in every coordinate.")
    mean = a.sum(axis=0) / len(a)
    return QuadraticSum(_diagonals(a), b, (a * b).sum(axis=0) / a.sum(axis=0),
                        L=exact(max(mean), how="the largest mean curvature of a coordinate"),
                        mu=exact(min(mean), how="the smallest mean curvature of a coordinate"),
                        L_max=exact(max(a.reshape(-1)), how="the largest curvature of a component"),
                        steep=array_of([max(row) for row in a]), flat=array_of([min(row) for row in a]),
                        start=None if start is None else _point(start))


def least_squares(rows: Any, targets: Any, start: Any = None) -> QuadraticSum:
    """f_i(x) = (<rows_i, x> - targets_i)^2/2 in the plane, for rows of equal second moments: the eigenvectors of the mean Hessian are then (1, 1) and (1, -1).

    So L and mu are rational although the components share no eigenbasis. Raises ValueError for other rows.
    """
    A, y = _table(rows), array_of([number(v) for v in targets])
    second = A.T @ A / len(A)
    if A.shape[1] != 2 or second[0, 0] != second[1, 1] or abs(second[0, 1]) == second[0, 0]:
        raise ValueError("least_squares takes rows in the plane, not all parallel, with sum a_1^2 = sum a_2^2.")
    square = (A * A).sum(axis=1)
    centres = A * (y / square)[:, None]
    return QuadraticSum(A[:, :, None] * A[:, None, :], centres, solve(second, (y[:, None] * A).sum(axis=0)[None] / len(A))[0],
                        L=exact(second[0, 0] + abs(second[0, 1]), how="the larger eigenvalue of the mean Hessian [[p, q], [q, p]], p + |q|"),
                        mu=exact(second[0, 0] - abs(second[0, 1]), how="its smaller eigenvalue, p - |q|"),
                        L_max=exact(max(square), how="the largest squared length of a row"), steep=square, flat=square * 0,
                        start=None if start is None else _point(start))


def _table(values: Any) -> Array:
    table = np.asarray(values, dtype=object)
    return array_of([[number(v) for v in row] for row in (table[:, None] if table.ndim == 1 else table)])


def _point(start: Any) -> Array:
    return _table(np.atleast_1d(np.asarray(start, dtype=object)))[:, 0]


def _diagonals(a: Array) -> Array:
    return a[:, :, None] * matching(np.array([[Fraction(int(i == j)) for j in range(a.shape[1])] for i in range(a.shape[1])], dtype=object), a)


def members() -> Iterator[Member]:
    """From equal curvatures to one component that carries everything, n = 2 to 7, in one dimension and in the plane."""
    third, half = Fraction(1, 3), Fraction(1, 2)
    yield Member("sum-interpolation-2", make((Fraction(15, 2), 0), (Fraction(-4), Fraction(-4))))
    yield Member("sum-equal-curvatures-4", make((Fraction(5, 2),) * 4, (Fraction(17, 2), Fraction(5, 2), half, Fraction(-11, 2))))
    yield Member("sum-spread-3", make((4, third, 9), (-7, 20, Fraction(5, 2))))
    yield Member("sum-one-hot-5", make((0, 0, Fraction(35, 4), 0, 0), (3, -8, Fraction(11, 2), 6, 1)))
    yield Member("sum-wide-7", make((half, 3, 8, 3, third, 6, 2), (-10, 4, 3, Fraction(-17, 2), 30, 0, 5)))
    yield Member("sum-plane-3", make(((6, 3), (0, 5), (9, Fraction(7, 2))), ((4, -6), (100, Fraction(13, 2)), (-5, 8))))
    yield Member("sum-plane-coordinates-2", make(((12, 0), (0, 7)), ((-3, 50), (40, Fraction(9, 4)))))
    yield Member("least-squares-3", least_squares(((3, 1), (1, 3), (2, -2)), (14, -9, Fraction(15, 2))))
    yield Member("least-squares-5", least_squares(((2, 1), (-1, 2), (half, half), (3, 0), (0, -3)), (5, -21, Fraction(3, 4), 10, -8)))


CENTRE = Fraction(-9, 4)      # about where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L_max": (1 / 8, 64), "smallest_over_L_max": (1e-3, 1), "apart_over_R": (-2, 2), "R": (1 / 8, 64)},
                lambda n: {"curvatures": (n["L_max"], n["smallest_over_L_max"] * n["L_max"]), "centres": (CENTRE, CENTRE + n["apart_over_R"] * n["R"]),
                           "start": CENTRE + n["R"]}, random=True),)
FAMILY = Family("finite_sum", make, members, SEARCH)
