"""A function through given points, gradients and values: the worst case as a problem on which the algorithm really runs.

Smooth with curvature in [low, high], and with c_i, h_i the data less low |x|^2/2 and a gradient step of 1/(high - low) further down:

    f(x) = low |x|^2/2 + min over the simplex of (high - low)/2 |x - sum a_i c_i|^2 + sum a_i h_i,

nonsmooth: low |x|^2/2 + max_i of the affine pieces through the data less low |x|^2/2. A feasible set is the hull of its points.
All of it runs in floats and, exactly, in rationals.
"""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convlab.arithmetic import holds_objects
from convlab.assumptions import ConstrainedMinimum, Convex, Lipschitz, Minimum, Proximable, Smooth, StronglyConvex
from convlab.constants import Array, exact, lower, upper
from convlab.problem import Start
from convlab.prove.pep.simplex import simplex_minimum

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
        return np.array([self._value(row) for row in x], dtype=self.points.dtype)

    def gap(self, x: Array) -> Array:
        """f(x) - f*, f* being 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """The gradient, or the subgradient that the data give."""
        return np.array([self._gradient(row) for row in x], dtype=self.points.dtype)

    def prox(self, x: Array, step_size: Any) -> Array:
        """argmin_y f(y) + |y - x|^2/(2 step_size)."""
        steps = step_size.reshape(-1).tolist() * len(x) if getattr(step_size, "ndim", 0) else [step_size] * len(x)
        return np.array([self._prox(row, step) for row, step in zip(x, steps, strict=False)], dtype=self.points.dtype)

    def project(self, x: Array) -> Array:
        """The nearest point of the hull; the point itself where there is no set."""
        if not len(self.feasible):
            return x
        return np.array([self._project(row) for row in x], dtype=self.points.dtype)

    # what the data say themselves is looked up in rationals: minima over a simplex need not have unique weights there
    def _place(self, rows: Array, x: Array) -> int | None:
        return next((i for i, row in enumerate(rows) if all(a == b for a, b in zip(row, x, strict=True))), None) if holds_objects(self.points) else None

    def _project(self, x: Array) -> Any:
        place = self._place(self.feasible + self.normals, x)
        return self.feasible[place] if place is not None else simplex_minimum(self._corners, -(self.feasible @ x)) @ self.feasible

    def _value(self, x: Array) -> Any:
        place = self._place(self.points, x)
        if place is not None:
            return self.values[place]
        if self.high is None:
            return self.low * (x @ x) / 2 + self._heights(x).max()
        centres, heights, bend = self._pieces
        weights = simplex_minimum(bend * self._spread, heights - bend * (centres @ x))
        away = x - weights @ centres
        return bend * (away @ away) / 2 + weights @ heights + self.low * (x @ x) / 2

    def _gradient(self, x: Array) -> Any:
        if self.high is None:
            return self._slopes[self._nearest(x)] + self.low * x
        place = self._place(self.points, x)
        if place is not None:
            return self.gradients[place]
        centres, heights, bend = self._pieces
        return bend * (x - simplex_minimum(bend * self._spread, heights - bend * (centres @ x)) @ centres) + self.low * x

    def _prox(self, x: Array, step: Any) -> Any:
        place = self._place(self.points + step * self.gradients, x)
        if place is not None:
            return self.points[place]
        if self.high is None:
            slopes, stiff = self._slopes, self.low + 1 / step            # y = (x/step - s)/stiff for the best mean s of the slopes
            weights = simplex_minimum(self._steepness / stiff, -self._heights(x / (step * stiff)))
            return (x / step - weights @ slopes) / stiff
        centres, heights, bend = self._pieces                # y = (bend c + x/step)/(bend + low + 1/step) for the best mean c of the centres
        total = bend + self.low + 1 / step
        weights = simplex_minimum(bend * (1 - bend / total) * self._spread, heights - bend / (step * total) * (centres @ x))
        return (bend * (weights @ centres) + x / step) / total

    def _heights(self, x: Array) -> Array:
        """The affine pieces at x."""
        return self._values + ((x - self.points) * self._slopes).sum(axis=1)

    @cached_property
    def _slopes(self) -> Array:
        """g_i less that of low |x|^2/2."""
        return self.gradients - self.low * self.points

    @cached_property
    def _values(self) -> Array:
        """f_i less low |x_i|^2/2."""
        return self.values - self.low * (self.points * self.points).sum(axis=1) / 2

    # inner products, once: in rationals they are most of the work
    @cached_property
    def _corners(self) -> Array:
        return self.feasible @ self.feasible.T

    @cached_property
    def _spread(self) -> Array:
        return self._pieces[0] @ self._pieces[0].T

    @cached_property
    def _steepness(self) -> Array:
        return self._slopes @ self._slopes.T

    def _nearest(self, x: Array) -> int:
        """Which subgradient the data give at a point: that of the explicit sample there, else that of a highest piece."""
        explicit = [i for i in range(len(self.points)) if not self.implicit[i]]
        distance = [abs(self.points[i] - x).max() for i in explicit]
        near = 0 if holds_objects(self.points) else NEAR * np.abs(self.points).max()
        if explicit and min(distance) <= near:
            return explicit[int(np.argmin(distance))]
        return int(np.argmax(self._heights(x)))

    @cached_property
    def _pieces(self) -> tuple[Array, Array, Any]:
        """c_i, h_i and high - low."""
        bend = self.high - self.low
        return self.points - self._slopes / bend, self._values - (self._slopes * self._slopes).sum(axis=1) / (2 * bend), bend
