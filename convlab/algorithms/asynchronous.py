"""Gradient steps with stale information: the update uses a gradient at an older point."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.draws import Bernoulli, Draws
from convlab.operations import rowwise, stack
from convlab.problem import HasGradient


class State(NamedTuple):
    """The point and the one before it, (replicates, dimension) each."""

    x: Array
    previous: Array


@dataclass(frozen=True)
class DelayedGradient:
    """x_{k+1} = x_k - step_size f'(x_{k - late_k}), late_k = 1 with probability `delayed`, else 0, independently; x_{-1} = x_0.

    State: two points. One gradient a step. Source: random delays as in Mishchenko, Bach, Even, Woodworth (2022), here 0 or 1.
    """

    step_size: Number
    delayed: Number

    def init(self, x0: Array, oracle: HasGradient) -> State:
        """The start, twice."""
        return State(x0, x0)

    def draws(self, oracle: HasGradient) -> Draws:
        """Whether this step's gradient is late."""
        return Draws(late=Bernoulli(self.delayed))

    def step(self, state: State, oracle: HasGradient, draw: Any) -> State:
        """A gradient step from the point that the gradient's worker last saw."""
        x, previous = state
        late = rowwise(draw.late, x)
        return State(x - self.step_size * oracle.gradient((1 - late) * x + late * previous), x)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient, fresh or stale."""
        return Cost(full_gradients=1)


class Remembering(NamedTuple):
    """The point, (replicates, dimension), and those before it, the latest first: (replicates, delay, dimension); one, without a delay."""

    x: Array
    past: Array


@dataclass(frozen=True)
class FixedDelay:
    """x_{k+1} = x_k - step_size f'(x_{k - delay}), x_{-1} = ... = x_{-delay} = x_0.

    State: delay + 1 points. One gradient a step. Source: Agarwal, Duchi (2011), here with a delay that never changes.
    """

    step_size: Number
    delay: int

    def init(self, x0: Array, oracle: HasGradient) -> Remembering:
        """At rest in x_0."""
        return Remembering(x0, stack([x0] * max(self.delay, 1), 1))

    def step(self, state: Remembering, oracle: HasGradient) -> Remembering:
        """A gradient step from the oldest point that is remembered."""
        known = [state.x, *(state.past[:, i] for i in range(state.past.shape[1]))]
        return Remembering(state.x - self.step_size * oracle.gradient(known[self.delay]), stack(known[:-1], 1))

    def cost(self, oracle: HasGradient) -> Cost:
        """One stale gradient."""
        return Cost(full_gradients=1)
