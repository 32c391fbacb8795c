"""Gradient descent: one step along the negative gradient, of a given length or of the best one."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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


class Pair(NamedTuple):
    """Two points on their own ways."""

    x: Array
    other: Array


@dataclass(frozen=True)
class TwoDescents:
    """Two runs of gradient descent with one step size, the second from -x_0.

    State: two points, each shaped as x_0. Two gradients a step.
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasGradient) -> Pair:
        """Start at x_0 and -x_0; that the claim frees the second makes it anything."""
        return Pair(x0, -x0)

    def step(self, state: Pair, oracle: HasGradient) -> Pair:
        """One update of each."""
        return Pair(state.x - self.step_size * oracle.gradient(state.x), state.other - self.step_size * oracle.gradient(state.other))

    def cost(self, oracle: HasGradient) -> Cost:
        """Two gradients."""
        return Cost(full_gradients=2)


@dataclass(frozen=True)
class ScheduledDescent:
    """x_{k+1} = x_k - factor_k step_size grad f(x_k): steps that are planned in advance, as multiples of one.

    factor is an expression in k and K, or a function of the horizon. State: one point, shaped as x_0. One gradient a step.
    """

    step_size: Number
    factor: Number

    def init(self, x0: Array, oracle: HasGradient) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasGradient) -> Point:
        """One update."""
        return Point(state.x - self.factor * self.step_size * oracle.gradient(state.x))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


def silver_factors(horizon: int) -> Sequence[float]:
    """1 + (1 + sqrt 2)^(v(i+1) - 1) for i < horizon, v(m) the exponent of 2 in m: sqrt 2, 2, sqrt 2, 2 + sqrt 2, ... (Altschuler, Parrilo 2023)."""
    return [1 + (1 + math.sqrt(2)) ** (((i + 1) & -(i + 1)).bit_length() - 2) for i in range(horizon)]


def best_constant_factor(horizon: int) -> float:
    """The h in (1, 2) at which 1/(2 horizon h + 1) = (1 - h)^(2 horizon): the left side falls, the right side grows. 3/2 at horizon 1."""
    from scipy.optimize import brentq  # slow to import, and most statements of this topic need none

    found: float = brentq(lambda h: 1 - (2 * horizon * h + 1) * (h - 1) ** (2 * horizon), 1, 2, xtol=1e-15, rtol=1e-15)
    return found


class HasLineSearch(HasGradient, Protocol):
    """A gradient, and the exact minimum along a ray."""

    def best_step(self, x: Array, direction: Array) -> Array:
        """The t >= 0 that minimises f(x + t direction), (replicates,)."""
        ...


@dataclass(frozen=True)
class SteepestDescent:
    """x_{k+1} = x_k - t_k grad f(x_k), t_k minimising f along the ray.

    State: one point, (replicates, dimension). One gradient and one line search a step, counted as two gradients. Source: Cauchy (1847).
    """

    def init(self, x0: Array, oracle: HasLineSearch) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasLineSearch) -> Point:
        """One update."""
        descent = -oracle.gradient(state.x)
        return Point(state.x + oracle.best_step(state.x, descent)[:, None] * descent)

    def cost(self, oracle: HasLineSearch) -> Cost:
        """One gradient, and the line search as one more."""
        return Cost(full_gradients=2)
