"""Gradient descent: one step along the negative gradient."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.problem import HasGradient


class Point(NamedTuple):
    """All that gradient descent remembers."""

    x: Array


@dataclass(frozen=True)
class GradientDescent:
    """x_{k+1} = x_k - step_size grad f(x_k).

    State: one point, shaped as x_0, usually (replicates, dimension). One gradient a step. Source: Cauchy (1847).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasGradient) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasGradient) -> Point:
        """One update."""
        return Point(state.x - self.step_size * oracle.gradient(state.x))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)
