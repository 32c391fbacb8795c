"""Projected gradient descent: a gradient step, then the nearest feasible point."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.problem import HasGradient, HasProjection


class ConstrainedOracle(HasGradient, HasProjection, Protocol):
    """A gradient and a projection."""


@dataclass(frozen=True)
class ProjectedGradientDescent:
    """x_{k+1} = P(x_k - step_size grad f(x_k)), P the Euclidean projection on the feasible set.

    State: one point, shaped as x_0; every point but x_0, which is taken as given, is feasible. One gradient and one projection a step.
    Source: Goldstein (1964); Levitin, Polyak (1966).
    """

    step_size: Number

    def init(self, x0: Array, oracle: ConstrainedOracle) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: ConstrainedOracle) -> Point:
        """One update."""
        return Point(oracle.project(state.x - self.step_size * oracle.gradient(state.x)))

    def cost(self, oracle: ConstrainedOracle) -> Cost:
        """One gradient; the projection counts as a prox (of the indicator function)."""
        return Cost(full_gradients=1, proxes=1)
