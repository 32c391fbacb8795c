"""The proximal point method: an implicit gradient step."""
from __future__ import annotations

from dataclasses import dataclass

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.problem import HasProx


@dataclass(frozen=True)
class ProximalPoint:
    """x_{k+1} = argmin_y f(y) + |y - x_k|^2/(2 step_size): the gradient is taken at the new point.

    State: one point, shaped as x_0. One prox a step. Source: Martinet (1970); Rockafellar (1976).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasProx) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasProx) -> Point:
        """One update."""
        return Point(oracle.prox(state.x, self.step_size))

    def cost(self, oracle: HasProx) -> Cost:
        """One prox."""
        return Cost(proxes=1)
