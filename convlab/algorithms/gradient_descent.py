"""Gradient descent: one step along the negative gradient, of a given length or of the best one."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sympy import Eq, Piecewise, Rational

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.operations import minimum, norm, norm_squared, sqrt, where
from convlab.problem import HasGradient
from convlab.symbols import k

HALF, AT_0, AT_1 = Rational(1, 2), Piecewise((1, Eq(k, 0)), (0, True)), Piecewise((1, Eq(k, 1)), (0, True))
TRIALS = 1000             # of one step
UNSEEN = 2**-50           # of a gap: a smaller fall is the rounding of two values
EQUAL = 1e-14             # two gradients of a linear piece differ by the rounding of where they were taken


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


# ---- steps read off the function
class HasGap(HasGradient, Protocol):
    """A gradient, and the distance to the least value."""

    def gap(self, x: Array) -> Array:
        """f(x) - f*, (replicates,)."""
        ...


@dataclass(frozen=True)
class PolyakStep:
    """x_{k+1} = x_k - (f(x_k) - f* + lowered) / |g_k|^2 g_k, g_k a (sub)gradient; where it is zero x stays.

    `lowered` is by how much f* is believed to be lower than it is. State: one point, (replicates, dimension). One gradient and one value a step.
    Source: Polyak (1969).
    """

    lowered: Number = 0

    def init(self, x0: Array, oracle: HasGap) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasGap) -> Point:
        """One update."""
        slope = oracle.gradient(state.x)
        squared = norm_squared(slope)
        length = (oracle.gap(state.x)[:, None] + self.lowered) / where(squared > 0, squared, 1 + 0 * squared)[:, None]
        return Point(state.x - length * slope)

    def cost(self, oracle: HasGap) -> Cost:
        """One gradient; the value comes with it."""
        return Cost(full_gradients=1)


class Searched(NamedTuple):
    """A point, and the step that led to it."""

    x: Array
    step: Array               # (replicates, 1)


@dataclass(frozen=True)
class ArmijoDescent:
    """x_{k+1} = x_k - t g_k with the first t of first_step, shrink first_step, shrink^2 first_step, ... at which f falls by share t |g_k|^2.

    State: the point, (replicates, dimension), and the last t, (replicates, 1). One gradient a step and one value a trial. Source: Armijo (1966).
    """

    first_step: Number
    share: Number
    shrink: Number

    def init(self, x0: Array, oracle: HasGap) -> Searched:
        """Start at x_0; no step yet counts as the first that will be tried."""
        return Searched(x0, 0 * x0[:, :1] + self.first_step)

    def step(self, state: Searched, oracle: HasGap) -> Searched:
        """One update. Values are compared as gaps: their difference is that of the values, with all its digits."""
        slope = oracle.gradient(state.x)
        squared, here, step = norm_squared(slope)[:, None], oracle.gap(state.x)[:, None], 0 * state.step + self.first_step
        for _ in range(TRIALS):
            demanded = self.share * step * squared
            rejected = (oracle.gap(state.x - step * slope)[:, None] > here - demanded) & (demanded > UNSEEN * here) & (here > 0)
            if not rejected.any():
                break
            step = where(rejected, self.shrink * step, step)
        return Searched(state.x - step * slope, step)

    def cost(self, oracle: HasGap) -> Cost:
        """One gradient, and values that are not counted."""
        return Cost(full_gradients=1)


class Paced(NamedTuple):
    """A point with the one before it, its gradient, the step between them, and what the bound speaks of: x_0, x_1, lambda_0 and lambda_1."""

    x: Array
    previous: Array
    slope: Array              # at `previous`
    step: Array               # (replicates, 1), as are the other steps
    ratio: Array              # of the last two steps
    x_0: Array
    x_1: Array
    step_0: Array
    step_1: Array


@dataclass(frozen=True)
class MalitskyMishchenko:
    """x_{k+1} = x_k - lambda_k g_k, lambda_k = min(sqrt(1 + lambda_{k-1}/lambda_{k-2}) lambda_{k-1}, caution |x_k - x_{k-1}| / |g_k - g_{k-1}|).

    The first step is given, the second has the second term alone (the first step again where the gradients are equal). caution is 1/2: another is a bug.
    State: points (replicates, dimension), steps (replicates, 1). One gradient a step. Source: Malitsky, Mishchenko (2020).
    """

    first_step: Number
    caution: Number = HALF
    begins: Number = AT_0
    second: Number = AT_1

    def init(self, x0: Array, oracle: HasGradient) -> Paced:
        """At x_0, with the first step."""
        step = 0 * x0[:, :1] + self.first_step
        return Paced(x0, x0, oracle.gradient(x0), step, 1 + 0 * step, x0, x0, step, step)

    def step(self, state: Paced, oracle: HasGradient) -> Paced:
        """One update."""
        slope = oracle.gradient(state.x)
        bend, move = norm(slope - state.slope)[:, None], norm(state.x - state.previous)[:, None]
        equal = bend <= EQUAL * (norm(slope) + norm(state.slope))[:, None]
        local = self.caution * move / where(equal, 1 + 0 * bend, bend)
        grown = sqrt(1 + state.ratio) * state.step
        chosen = where(equal, grown, minimum(grown, local))
        second = where(equal, state.step, local)
        step = self.begins * state.step + (1 - self.begins) * (self.second * second + (1 - self.second) * chosen)
        ratio = self.begins * state.ratio + (1 - self.begins) * step / state.step
        x = state.x - step * slope
        return Paced(x, state.x, slope, step, ratio, state.x_0, self.begins * x + (1 - self.begins) * state.x_1, state.step_0,
                     self.second * step + (1 - self.second) * state.step_1)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)
