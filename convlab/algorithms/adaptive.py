"""Adaptive steps: each coordinate divides its gradient by the size of those that it has seen, summed, averaged or at their largest.

0/0 is 0: with epsilon = 0 a coordinate that has seen no gradient yet stays where it is. No counter stands in a state; where a rule speaks of the number
of its update, that is a field, the schedule k + 1 unless another is given.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from convlab import symbols
from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.operations import maximum, sqrt, where
from convlab.problem import HasGradient


class Scaled(NamedTuple):
    """A point and, coordinate by coordinate, a memory of squared gradients; both shaped as x_0."""

    x: Array
    squares: Array


class Moments(NamedTuple):
    """A point, the average gradient and the average of the squared ones, coordinate by coordinate; all shaped as x_0."""

    x: Array
    mean: Array
    squares: Array


class HighestMoments(NamedTuple):
    """As Moments, and the largest average of squares so far."""

    x: Array
    mean: Array
    squares: Array
    highest: Array


def quotient(numerator: Array, scale: Array) -> Array:
    """numerator/scale, with 0/0 = 0."""
    return numerator / where((scale == 0) & (numerator == 0), 1 + 0 * scale, scale)


def averaged(memory: Array, value: Array, decay: Number) -> Array:
    """decay memory + (1 - decay) value."""
    return decay * memory + (1 - decay) * value


@dataclass(frozen=True)
class AdaGrad:
    """s_k = s_{k-1} + g_k^2,  x_{k+1} = x_k - step_size g_k/(sqrt(s_k) + epsilon), coordinate by coordinate,  s_{-1} = accumulator,  g_k = grad f(x_k).

    State: see Scaled. One gradient a step. Source: Duchi, Hazan, Singer (2011); McMahan, Streeter (2010).
    """

    step_size: Number
    epsilon: Number = 0
    accumulator: Number = 0

    def init(self, x0: Array, oracle: HasGradient) -> Scaled:
        """The sum starts at the accumulator."""
        return Scaled(x0, 0 * x0 + self.accumulator)

    def step(self, state: Scaled, oracle: HasGradient) -> Scaled:
        """One update."""
        gradient = oracle.gradient(state.x)
        squares = state.squares + gradient * gradient
        return Scaled(state.x - self.step_size * quotient(gradient, sqrt(squares) + self.epsilon), squares)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class AdaGradInside:
    """AdaGrad with epsilon inside the root: x_{k+1} = x_k - step_size g_k/sqrt(s_k + epsilon), and s_{-1} = accumulator.

    The form of the non-convex rates (Défossez et al., 2022), and of libraries that shun a division by a root near 0. State: see Scaled. One gradient a step.
    """

    step_size: Number
    epsilon: Number = 0
    accumulator: Number = 0

    def init(self, x0: Array, oracle: HasGradient) -> Scaled:
        """The sum starts at the accumulator."""
        return Scaled(x0, 0 * x0 + self.accumulator)

    def step(self, state: Scaled, oracle: HasGradient) -> Scaled:
        """One update."""
        gradient = oracle.gradient(state.x)
        squares = state.squares + gradient * gradient
        return Scaled(state.x - self.step_size * quotient(gradient, sqrt(squares + self.epsilon)), squares)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class RMSProp:
    """v_k = decay v_{k-1} + (1 - decay) g_k^2,  x_{k+1} = x_k - step_size g_k/(sqrt(v_k) + epsilon), coordinate by coordinate,  v_{-1} = 0.

    State: see Scaled. One gradient a step. Source: Tieleman, Hinton (2012).
    """

    step_size: Number
    decay: Number
    epsilon: Number = 0

    def init(self, x0: Array, oracle: HasGradient) -> Scaled:
        """No gradient seen yet."""
        return Scaled(x0, 0 * x0)

    def step(self, state: Scaled, oracle: HasGradient) -> Scaled:
        """One update."""
        gradient = oracle.gradient(state.x)
        squares = averaged(state.squares, gradient * gradient, self.decay)
        return Scaled(state.x - self.step_size * quotient(gradient, sqrt(squares) + self.epsilon), squares)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class RMSPropInside:
    """RMSProp with epsilon inside the root: x_{k+1} = x_k - step_size g_k/sqrt(v_k + epsilon).

    State: see Scaled. One gradient a step.
    """

    step_size: Number
    decay: Number
    epsilon: Number = 0

    def init(self, x0: Array, oracle: HasGradient) -> Scaled:
        """No gradient seen yet."""
        return Scaled(x0, 0 * x0)

    def step(self, state: Scaled, oracle: HasGradient) -> Scaled:
        """One update."""
        gradient = oracle.gradient(state.x)
        squares = averaged(state.squares, gradient * gradient, self.decay)
        return Scaled(state.x - self.step_size * quotient(gradient, sqrt(squares + self.epsilon)), squares)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class Adam:
    """m, v: averages of g, g^2 from 0;  x_{k+1} = x_k - step_size m^/(sqrt(v^) + epsilon),  m^ = m/(1 - beta1^(k+1)),  v^ = v/(1 - beta2^(k+1)).

    Coordinate by coordinate. The corrections make the first averages unbiased. State: see Moments. One gradient a step. Source: Kingma, Ba (2015).
    """

    step_size: Number
    beta1: Number
    beta2: Number
    epsilon: Number = 0
    update: Number = symbols.k + 1

    def init(self, x0: Array, oracle: HasGradient) -> Moments:
        """No gradient seen yet."""
        return Moments(x0, 0 * x0, 0 * x0)

    def step(self, state: Moments, oracle: HasGradient) -> Moments:
        """One update."""
        gradient = oracle.gradient(state.x)
        mean = averaged(state.mean, gradient, self.beta1)
        squares = averaged(state.squares, gradient * gradient, self.beta2)
        corrected = mean / (1 - self.beta1**self.update)
        scale = sqrt(squares / (1 - self.beta2**self.update)) + self.epsilon
        return Moments(state.x - self.step_size * quotient(corrected, scale), mean, squares)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class AMSGrad:
    """m, v: averages of g, g^2 from 0;  w_k = max(w_{k-1}, v_k);  x_{k+1} = x_k - step_size m_k/(sqrt(w_k) + epsilon), nothing corrected, as published.

    Coordinate by coordinate. State: see HighestMoments. One gradient a step. Source: Reddi, Kale, Kumar (2018).
    """

    step_size: Number
    beta1: Number
    beta2: Number
    epsilon: Number = 0

    def init(self, x0: Array, oracle: HasGradient) -> HighestMoments:
        """No gradient seen yet."""
        return HighestMoments(x0, 0 * x0, 0 * x0, 0 * x0)

    def step(self, state: HighestMoments, oracle: HasGradient) -> HighestMoments:
        """One update."""
        gradient = oracle.gradient(state.x)
        mean = averaged(state.mean, gradient, self.beta1)
        squares = averaged(state.squares, gradient * gradient, self.beta2)
        highest = maximum(state.highest, squares)
        return HighestMoments(state.x - self.step_size * quotient(mean, sqrt(highest) + self.epsilon), mean, squares, highest)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class AMSGradCorrectedAfter:
    """Adam with w_k = max(w_{k-1}, v_k) in the place of v: the maximum is of plain averages, and corrected each time it is used.

    x_{k+1} = x_k - step_size m^/(sqrt(w_k/(1 - beta2^(k+1))) + epsilon). State: see HighestMoments. One gradient a step.
    """

    step_size: Number
    beta1: Number
    beta2: Number
    epsilon: Number = 0
    update: Number = symbols.k + 1

    def init(self, x0: Array, oracle: HasGradient) -> HighestMoments:
        """No gradient seen yet."""
        return HighestMoments(x0, 0 * x0, 0 * x0, 0 * x0)

    def step(self, state: HighestMoments, oracle: HasGradient) -> HighestMoments:
        """One update."""
        gradient = oracle.gradient(state.x)
        mean = averaged(state.mean, gradient, self.beta1)
        squares = averaged(state.squares, gradient * gradient, self.beta2)
        highest = maximum(state.highest, squares)
        scale = sqrt(highest / (1 - self.beta2**self.update)) + self.epsilon
        return HighestMoments(state.x - self.step_size * quotient(mean / (1 - self.beta1**self.update), scale), mean, squares, highest)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class AMSGradCorrectedBefore:
    """Adam with w_k = max(w_{k-1}, v^_k) in the place of v^: the maximum is of corrected averages.

    x_{k+1} = x_k - step_size m^/(sqrt(w_k) + epsilon). The first corrected averages are large, and stay. State: see HighestMoments. One gradient a step.
    """

    step_size: Number
    beta1: Number
    beta2: Number
    epsilon: Number = 0
    update: Number = symbols.k + 1

    def init(self, x0: Array, oracle: HasGradient) -> HighestMoments:
        """No gradient seen yet."""
        return HighestMoments(x0, 0 * x0, 0 * x0, 0 * x0)

    def step(self, state: HighestMoments, oracle: HasGradient) -> HighestMoments:
        """One update."""
        gradient = oracle.gradient(state.x)
        mean = averaged(state.mean, gradient, self.beta1)
        squares = averaged(state.squares, gradient * gradient, self.beta2)
        highest = maximum(state.highest, squares / (1 - self.beta2**self.update))
        corrected = mean / (1 - self.beta1**self.update)
        return HighestMoments(state.x - self.step_size * quotient(corrected, sqrt(highest) + self.epsilon), mean, squares, highest)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)
