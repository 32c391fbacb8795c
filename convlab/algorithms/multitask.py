"""Several tasks on one variable: gradient surgery takes out of each task's gradient what pulls against the other."""
from __future__ import annotations

from dataclasses import dataclass

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.operations import inner, where
from convlab.problem import HasTasks


def surgery(first: Array, second: Array) -> Array:
    """The sum of two gradients, each projected off the other where their inner product is negative: (replicates, dimension)."""
    product = inner(first, second)
    conflict = product < 0                                           # then neither gradient is zero
    off_second = where(conflict, product / where(conflict, inner(second, second), 1 + 0 * product), 0 * product)
    off_first = where(conflict, product / where(conflict, inner(first, first), 1 + 0 * product), 0 * product)
    return (1 - off_first)[:, None] * first + (1 - off_second)[:, None] * second


@dataclass(frozen=True)
class PCGrad:
    """x_{k+1} = x_k - step_size u, u the sum of the two task gradients after each was projected off the other, where they conflict.

    For two tasks, where the order of the projections does not matter. State: one point, (replicates, dimension). Both task gradients a step.
    Source: Yu, Kumar, Gupta, Levine, Hausman, Finn (2020).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasTasks) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasTasks) -> Point:
        """One update."""
        gradients = oracle.task_gradients(state.x)
        return Point(state.x - self.step_size * surgery(gradients[:, 0], gradients[:, 1]))

    def cost(self, oracle: HasTasks) -> Cost:
        """Two task gradients."""
        return Cost(component_gradients=2)
