"""A function through given points, gradients and values: the worst case as a problem on which the algorithm really runs.

Smooth with curvature in [low, high], and with c_i, h_i the data less low |x|^2/2 and a gradient step of 1/(high - low) further down:

    f(x) = low |x|^2/2 + min over the simplex of (high - low)/2 |x - sum a_i c_i|^2 + sum a_i h_i,

nonsmooth: f(x) = max_i f_i + <g_i, x - x_i>. A feasible set is the hull of its points. In rationals f is known at the points of its own run.
"""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import holds_objects
from convlab.assumptions import ConstrainedMinimum, Convex, Lipschitz, Minimum, Proximable, Smooth, StronglyConvex
from convlab.constants import Array, exact, lower, upper
from convlab.operations import Unsupported
from convlab.problem import Start

NEAR = 1e-7            # relative to the largest point: a float run is at a point of the data, up to rounding
INEQUALITIES = "its interpolation inequalities hold between all points of the data, checked in rationals"


@dataclass(frozen=True, eq=False)
class Interpolant:
    """The data: points, gradients (count, d) and values (count,); with x* = points[0], values[0] = 0.

    `implicit` (count,): 1 where a prox gave the gradient. `feasible`, `normals` (places, d): points of the set with outer normals, empty without a set.
    """

    points: Array
    gradients: Array
    values: Array
    implicit: Array
    feasible: Array
    normals: Array
    low: Any
    high: Any
    slope: Any
    start: Array
    minimiser: Array
    assumptions: tuple[type, ...]

    def facts(self) -> tuple[Any, ...]:
        """What the interpolation theorem says, and the minimum."""
        made: dict[type, Any] = {
            Smooth: lambda: Smooth(upper(self.high, INEQUALITIES)), StronglyConvex: lambda: StronglyConvex(lower(self.low, INEQUALITIES)), Convex: Convex,
            Lipschitz: lambda: Lipschitz(upper(self.slope, "no gradient of the data is longer, checked in rationals")), Proximable: Proximable,
            Minimum: lambda: Minimum(exact(self._zero(), "the gradient there is 0, or no descent from the data falls below"), at=self.minimiser),
            ConstrainedMinimum: lambda: ConstrainedMinimum(exact(self._zero(), "minus the gradient there is a normal of the hull"), at=self.minimiser)}
        return tuple(make() for kind, make in made.items() if any(issubclass(a, kind) for a in self.assumptions))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The start of the worst run."""
        return (Start("worst", self.start),)

    def _zero(self) -> Any:
        return Fraction(0) if holds_objects(self.points) else 0.0

    # ---- oracles
    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        return np.array([self._one(row, "value") for row in x], dtype=self.points.dtype)

    def gap(self, x: Array) -> Array:
        """f(x) - f*, f* being 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """The gradient, or the subgradient that the data give."""
        return np.array([self._one(row, "gradient") for row in x], dtype=self.points.dtype)

    def prox(self, x: Array, step_size: Any) -> Array:
        """argmin_y f(y) + |y - x|^2/(2 step_size)."""
        steps = np.broadcast_to(np.asarray(step_size).reshape(-1), len(x)) if getattr(step_size, "ndim", 0) else [step_size] * len(x)
        return np.array([self._prox(row, step) for row, step in zip(x, steps, strict=True)], dtype=self.points.dtype)

    def project(self, x: Array) -> Array:
        """The nearest point of the hull."""
        return np.array([self._project(row) for row in x], dtype=self.points.dtype)

    def _one(self, x: Array, what: str) -> Any:
        data = self.values if what == "value" else self.gradients
        if holds_objects(self.points):
            return data[_found(self.points, x, lambda i: what == "value" or self.high is not None or not self.implicit[i])]
        if self.high is None:
            heights = self.values + ((x - self.points) * self.gradients).sum(axis=1)
            return heights.max() if what == "value" else data[self._nearest(x, heights)]
        centres, heights, bend = self._pieces()
        weights = simplex_minimum(bend * centres @ centres.T, heights - bend * centres @ x)
        away = x - weights @ centres
        if what == "gradient":
            return bend * away + self.low * x
        return bend / 2 * (away @ away) + weights @ heights + self.low / 2 * (x @ x)

    def _nearest(self, x: Array, heights: Array) -> int:
        """Which subgradient the data give at a point: that of the explicit sample there, else that of the highest piece."""
        away = np.where(self.implicit == 1, np.inf, np.abs(self.points - x).max(axis=1))
        return int(away.argmin()) if away.min() <= NEAR * np.abs(self.points).max() else int(heights.argmax())

    def _pieces(self) -> tuple[Array, Array, float]:
        """c_i, h_i and high - low."""
        bend = self.high - self.low
        slopes, values = self.gradients - self.low * self.points, self.values - self.low / 2 * (self.points**2).sum(axis=1)
        return self.points - slopes / bend, values - (slopes**2).sum(axis=1) / (2 * bend), bend

    def _prox(self, x: Array, step: Any) -> Any:
        if holds_objects(self.points):
            return self.points[_found(self.points + step * self.gradients, x, lambda i: self.high is not None or bool(self.implicit[i]))]
        if self.high is not None:
            raise Unsupported("the proximal operator of a smooth interpolant is known in rationals only")
        heights = self.values + ((x - self.points) * self.gradients).sum(axis=1)
        return x - step * simplex_minimum(step * self.gradients @ self.gradients.T, -heights) @ self.gradients

    def _project(self, x: Array) -> Any:
        if holds_objects(self.points):
            return self.feasible[_found(self.feasible + self.normals, x, lambda i: True)]
        return simplex_minimum(self.feasible @ self.feasible.T, -self.feasible @ x) @ self.feasible


def _found(rows: Array, x: Array, allowed: Any) -> int:
    """The place of a rational point. Raises Unsupported for a point that the data do not hold."""
    for i, row in enumerate(rows):
        if allowed(i) and all(a == b for a, b in zip(row, x, strict=True)):
            return i
    raise Unsupported("a reconstructed worst case is known in rationals only along its own run")


def simplex_minimum(matrix: Array, linear: Array) -> Array:
    """The a >= 0 with sum 1 that minimises a M a/2 + <linear, a>, M positive semidefinite: from the best vertex, one weight at a time enters or leaves."""
    scale = np.abs(matrix).max() + np.abs(linear).max() + 1e-300
    weights = np.zeros(len(linear))
    support = [int(np.argmin(np.diag(matrix) / 2 + linear))]
    weights[support] = 1.0
    for _ in range(20 * len(linear)):
        slopes = matrix @ weights + linear
        excess = slopes - slopes[support].mean()
        excess[support] = np.inf
        entering = int(excess.argmin())
        if excess[entering] >= -1e-13 * scale:
            break
        support.append(entering)
        while True:
            aim = _on_support(matrix, linear, support)
            now = weights[support]
            if aim.min() >= 0:
                weights[support] = aim
                break
            shares = np.where(aim < 0, now / np.where(now - aim > 0, now - aim, 1), np.inf)
            share = float(min(1.0, shares.min()))
            moved = np.maximum(now + share * (aim - now), 0)
            weights[:] = 0
            leaving = int(shares.argmin())
            support = [s for place, s in enumerate(support) if place != leaving]
            weights[support] = np.delete(moved, leaving)
            if not support or weights.sum() == 0:
                return weights
            weights /= weights.sum()
    return weights


def _on_support(matrix: Array, linear: Array, support: list[int]) -> Array:
    """The minimiser with sum 1 on a support, signs free: by least squares, which a singular system bears."""
    count = len(support)
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = matrix[np.ix_(support, support)]
    size = np.abs(system).max() or 1.0
    system[count, :count] = system[:count, count] = size
    right = np.concatenate([-linear[support], [size]])
    return np.asarray(np.linalg.lstsq(system, right, rcond=1e-14)[0][:count])
