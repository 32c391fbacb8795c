"""Heavy ball in its four forms, with one gradient a step each: the same iterates, remembered differently (see `shb-equivalent-forms`)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.draws import Draws
from convlab.problem import HasGradient, HasStochasticGradient


class TwoPoints(NamedTuple):
    """The last two iterates."""

    x: Array
    previous: Array


class Buffered(NamedTuple):
    """An iterate and a memory of past gradients."""

    x: Array
    buffer: Array


class Averaged(NamedTuple):
    """An iterate and the sequence that it averages."""

    x: Array
    z: Array


@dataclass(frozen=True)
class HeavyBall:
    """x_{k+1} = x_k - step_size grad f(x_k) + momentum (x_k - x_{k-1}),  x_{-1} = x_0.

    State: two points, each shaped as x_0. Source: Polyak (1964).
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> TwoPoints:
        """At rest in x_0."""
        return TwoPoints(x0, x0)

    def step(self, state: TwoPoints, oracle: HasGradient) -> TwoPoints:
        """One update."""
        x, previous = state
        return TwoPoints(x - self.step_size * oracle.gradient(x) + self.momentum * (x - previous), x)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class BufferedHeavyBall:
    """m_k = momentum m_{k-1} + grad f(x_k),  x_{k+1} = x_k - step_size m_k,  m_{-1} = 0: what deep-learning libraries call SGD with momentum.

    State: a point and the buffer, both shaped as x_0. Source: Rumelhart, Hinton, Williams (1986).
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> Buffered:
        """No gradients yet."""
        return Buffered(x0, 0 * x0)

    def step(self, state: Buffered, oracle: HasGradient) -> Buffered:
        """One update."""
        m = self.momentum * state.buffer + oracle.gradient(state.x)
        return Buffered(state.x - self.step_size * m, m)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class ExponentialAverage:
    """m_k = momentum m_{k-1} + (1 - momentum) grad f(x_k),  x_{k+1} = x_k - step_size m_k,  m_{-1} = 0: the buffer is an average of gradients.

    Heavy ball with a step 1 - momentum times as long. State: a point and the average, both shaped as x_0.
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> Buffered:
        """No gradients yet."""
        return Buffered(x0, 0 * x0)

    def step(self, state: Buffered, oracle: HasGradient) -> Buffered:
        """One update."""
        m = self.momentum * state.buffer + (1 - self.momentum) * oracle.gradient(state.x)
        return Buffered(state.x - self.step_size * m, m)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class IterateAverage:
    """z_{k+1} = z_k - step_size/(1 - momentum) grad f(x_k),  x_{k+1} = momentum x_k + (1 - momentum) z_{k+1},  z_0 = x_0.

    The iterate is a moving average of z, which takes plain gradient steps: the form that proofs use. State: two points, each shaped as x_0.
    Source: Yuan, Ying, Sayed (2016); Sebbouh, Gower, Defazio (2021).
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> Averaged:
        """Both start at x_0."""
        return Averaged(x0, x0)

    def step(self, state: Averaged, oracle: HasGradient) -> Averaged:
        """One update."""
        z = state.z - self.step_size / (1 - self.momentum) * oracle.gradient(state.x)
        return Averaged(self.momentum * state.x + (1 - self.momentum) * z, z)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class StochasticHeavyBall:
    """m_k = momentum m_{k-1} + g_k,  x_{k+1} = x_k - step_size m_k,  m_{-1} = 0, g_k a stochastic gradient at x_k.

    State: a point and the buffer, both shaped as x_0. One call of the stochastic oracle a step.
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasStochasticGradient) -> Buffered:
        """No gradients yet."""
        return Buffered(x0, 0 * x0)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """The oracle's own randomness."""
        return oracle.gradient_draws()

    def step(self, state: Buffered, oracle: HasStochasticGradient, draw: Any) -> Buffered:
        """One update."""
        m = self.momentum * state.buffer + oracle.stochastic_gradient(state.x, draw)
        return Buffered(state.x - self.step_size * m, m)

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient: a call of the stochastic oracle."""
        return Cost(component_gradients=1)
