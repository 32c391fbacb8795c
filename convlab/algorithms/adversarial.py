"""Games: gradient descent in x and ascent in y at once, on the operator F(z) = (grad_x f, -grad_y f), z = (x, y)."""
from __future__ import annotations

from dataclasses import dataclass

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.problem import HasOperator


@dataclass(frozen=True)
class SimultaneousGDA:
    """z_{k+1} = z_k - step_size F(z_k): x descends and y ascends, both from the old point.

    State: one point z = (x, y), (replicates, 2 dimension). One operator call (a full gradient) a step. Source: Arrow, Hurwicz, Uzawa (1958).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasOperator) -> Point:
        """Start at z_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasOperator) -> Point:
        """One update."""
        return Point(state.x - self.step_size * oracle.operator(state.x))

    def cost(self, oracle: HasOperator) -> Cost:
        """One gradient in (x, y)."""
        return Cost(full_gradients=1)
