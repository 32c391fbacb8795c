"""Accelerated gradients: the gradient is taken at a point extrapolated beyond the last one."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.problem import HasGradient


class Extrapolated(NamedTuple):
    """Two points: x, which the claims speak of, and y. Nesterov takes gradients at y, the optimized gradient method at x."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Nesterov:
    """x_{k+1} = y_k - step_size grad f(y_k),  y_{k+1} = x_{k+1} + momentum (x_{k+1} - x_k),  y_0 = x_0.

    Nesterov's convex method has momentum k/(k+3). State: two points, each shaped as x_0. One gradient a step. Source: Nesterov (1983).
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> Extrapolated:
        """Both points start at x_0."""
        return Extrapolated(x0, x0)

    def step(self, state: Extrapolated, oracle: HasGradient) -> Extrapolated:
        """One update."""
        x = state.y - self.step_size * oracle.gradient(state.y)
        return Extrapolated(x, x + self.momentum * (x - state.x))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


def ogm_thetas(horizon: int) -> list[float]:
    """theta_0 .. theta_horizon: theta_{i+1}^2 - theta_{i+1} = theta_i^2, in the last step 2 theta_i^2; horizon >= 1."""
    thetas = [1.0]
    for i in range(horizon):
        weight = 8 if i == horizon - 1 else 4
        thetas.append((1 + math.sqrt(1 + weight * thetas[-1] ** 2)) / 2)
    return thetas


def ogm_momentum(horizon: int) -> Sequence[float]:
    """(theta_i - 1)/theta_{i+1} for i = 0 .. horizon - 1."""
    return [(now - 1) / after for now, after in pairwise(ogm_thetas(horizon))]


def ogm_correction(horizon: int) -> Sequence[float]:
    """theta_i/theta_{i+1} for i = 0 .. horizon - 1."""
    return [now / after for now, after in pairwise(ogm_thetas(horizon))]


@dataclass(frozen=True)
class OptimizedGradientMethod:
    """y_{k+1} = x_k - step_size grad f(x_k),  x_{k+1} = y_{k+1} + momentum (y_{k+1} - y_k) + correction (y_{k+1} - x_k),  y_0 = x_0.

    momentum and correction are functions of the horizon (or, bound to one step, numbers). State: two points, each shaped as x_0; report x at the
    horizon. One gradient a step. Source: Drori, Teboulle (2014); Kim, Fessler (2016).
    """

    step_size: Number
    momentum: Number = ogm_momentum
    correction: Number = ogm_correction

    def init(self, x0: Array, oracle: HasGradient) -> Extrapolated:
        """Both points start at x_0."""
        return Extrapolated(x0, x0)

    def step(self, state: Extrapolated, oracle: HasGradient) -> Extrapolated:
        """One update."""
        y = state.x - self.step_size * oracle.gradient(state.x)
        return Extrapolated(y + self.momentum * (y - state.y) + self.correction * (y - state.x), y)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


class BufferedPoint(NamedTuple):
    """The point at which gradients are taken, and a memory of them."""

    x: Array
    buffer: Array


@dataclass(frozen=True)
class BufferedNesterov:
    """m_k = momentum m_{k-1} + grad f(x_k),  x_{k+1} = x_k - step_size (grad f(x_k) + momentum m_k),  m_{-1} = 0: Nesterov's method as libraries write it.

    Its x is the extrapolated point y of `Nesterov`. State: a point and the buffer, both shaped as x_0. One gradient a step.
    Source: Sutskever, Martens, Dahl, Hinton (2013).
    """

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> BufferedPoint:
        """No gradients yet."""
        return BufferedPoint(x0, 0 * x0)

    def step(self, state: BufferedPoint, oracle: HasGradient) -> BufferedPoint:
        """One update."""
        gradient = oracle.gradient(state.x)
        m = self.momentum * state.buffer + gradient
        return BufferedPoint(state.x - self.step_size * (gradient + self.momentum * m), m)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)
