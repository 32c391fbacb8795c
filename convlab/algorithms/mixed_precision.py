"""Low precision: weights rounded onto a fixed-point grid, at random or to the nearest point; gradients with a relative error; a loss scale that follows overflows."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.algorithms.sgd import State
from convlab.constants import Array, Number
from convlab.draws import Bernoulli, Draws
from convlab.operations import absolute, floor, where
from convlab.problem import HasGradient, HasStochasticGradient


class HasDimension(HasStochasticGradient, Protocol):
    """A stochastic gradient that says how long it is: every coordinate is rounded by a coin of its own."""

    @property
    def dimension(self) -> int:
        """Length of a point."""
        ...


def chance_up(y: Array, spacing: Number) -> Array:
    """The probability of rounding up that makes stochastic rounding unbiased: how far y lies within its cell, in cells. 0 on the grid."""
    cells = y / spacing
    return cells - floor(cells)


def rounded(y: Array, spacing: Number, up: Array) -> Array:
    """y moved to the grid point below it, or to the one above where `up` is 1."""
    return spacing * (floor(y / spacing) + up)


@dataclass(frozen=True)
class LowPrecisionSGD:
    """x_{k+1} = SR(x_k - step_size g(x_k)), SR rounding every coordinate to one of the two grid points around it such that E SR(y) = y.

    State: one point on the grid (from k = 1 on), (replicates, dimension). One stochastic gradient and `dimension` coins a step; the coins are thrown
    after the gradient's own draw. Source: Gupta, Agrawal, Gopalakrishnan, Narayanan (2015).
    """

    step_size: Number
    spacing: Number

    def init(self, x0: Array, oracle: HasDimension) -> State:
        """The first point, taken as given."""
        return State(x0)

    def draws(self, oracle: HasDimension) -> Draws:
        """The gradient's draw, then a coin a coordinate whose probability depends on it."""
        gradient = oracle.gradient_draws()

        def probability(state: State, earlier: Any = None) -> Array:
            return chance_up(self._target(state, oracle, earlier), self.spacing)

        return Draws(**gradient, up=Bernoulli(probability, (oracle.dimension,), given=tuple(gradient)))

    def step(self, state: State, oracle: HasDimension, draw: Any) -> State:
        """One update."""
        return State(rounded(self._target(state, oracle, draw), self.spacing, draw.up))

    def _target(self, state: State, oracle: HasDimension, draw: Any) -> Array:
        return state.x - self.step_size * oracle.stochastic_gradient(state.x, draw)

    def cost(self, oracle: HasDimension) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)


class ScaledState(NamedTuple):
    """The point, and per replicate (shape (replicates, 1)) the loss scale, good steps since it last changed, and steps skipped so far."""

    x: Array
    scale: Array
    good: Array
    skips: Array


@dataclass(frozen=True)
class DynamicLossScaling:
    """x_{k+1} = x_k - step_size g_k with gradients stored times a scale: an overflow skips the step and halves the scale, `patience` good steps double it.

    A stored gradient overflows when an entry of scale * g reaches `overflow` in magnitude. Dividing by the scale again is exact, since it is the
    first scale times a power of two. State: see ScaledState. One stochastic gradient a step. Source: Micikevicius et al. (2018).
    """

    step_size: Number
    patience: int
    overflow: Number
    first_scale: Number

    def init(self, x0: Array, oracle: HasStochasticGradient) -> ScaledState:
        """The first scale, nothing counted."""
        nought = x0[:, :1] * 0
        return ScaledState(x0, nought + self.first_scale, nought, nought)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: ScaledState, oracle: HasStochasticGradient, draw: Any) -> ScaledState:
        """One update, or a skipped one."""
        x, scale, good, skips = state
        gradient = oracle.stochastic_gradient(x, draw)
        overflows = scale * absolute(gradient).max(axis=-1, keepdims=True) >= self.overflow
        patient = good + 1 >= self.patience
        return ScaledState(where(overflows, x, x - self.step_size * gradient),
                           where(overflows, scale / 2, where(patient, 2 * scale, scale)),
                           where(overflows, 0 * good, where(patient, 0 * good, good + 1)),
                           where(overflows, skips + 1, skips))

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient, also in a skipped step."""
        return Cost(component_gradients=1)


# ---- rounding to the nearest grid point
def nearest(y: Array, spacing: Number) -> Array:
    """y moved to the nearest multiple of the spacing; midway, to the even one, as IEEE formats round."""
    cells = y / spacing
    low = floor(cells)
    part = cells - low
    odd = low - 2 * floor(low / 2)
    return spacing * (low + where(part > 1 - part, 1 + 0 * low, where(part < 1 - part, 0 * low, odd)))


@dataclass(frozen=True)
class NearestRoundingGD:
    """x_{k+1} = rne(x_k - step_size grad f(x_k)): the weights are stored on a grid, every update is rounded to the nearest point, ties to even.

    State: one point on the grid (from k = 1 on), (replicates, dimension). One gradient a step. Source: Gupta, Agrawal, Gopalakrishnan, Narayanan (2015).
    """

    step_size: Number
    spacing: Number

    def init(self, x0: Array, oracle: HasGradient) -> Point:
        """The first point, taken as given."""
        return Point(x0)

    def step(self, state: Point, oracle: HasGradient) -> Point:
        """One update."""
        return Point(nearest(state.x - self.step_size * oracle.gradient(state.x), self.spacing))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class MasterWeights:
    """w_{k+1} = w_k - step_size grad f(rne(w_k)): the weights are exact, the gradient is taken at their copy on the grid.

    State: the exact weights, (replicates, dimension). One gradient a step. Source: Micikevicius et al. (2018).
    """

    step_size: Number
    spacing: Number

    def init(self, x0: Array, oracle: HasGradient) -> Point:
        """The first point."""
        return Point(x0)

    def step(self, state: Point, oracle: HasGradient) -> Point:
        """One update."""
        return Point(state.x - self.step_size * oracle.gradient(nearest(state.x, self.spacing)))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


# ---- gradients with a relative error
class HasInexactGradient(Protocol):
    """A gradient that is wrong by a part of its own length."""

    def inexact_gradient(self, x: Array) -> Array:
        """g with |g - grad f(x)| <= relative_error |grad f(x)|, shaped as x."""
        ...


@dataclass(frozen=True)
class InexactGD:
    """x_{k+1} = x_k - step_size g_k, |g_k - grad f(x_k)| <= relative_error |grad f(x_k)|: gradients stored with few digits.

    State: one point, (replicates, dimension). One gradient a step. Source: de Klerk, Glineur, Taylor (2017).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasInexactGradient) -> Point:
        """The first point."""
        return Point(x0)

    def step(self, state: Point, oracle: HasInexactGradient) -> Point:
        """One update."""
        return Point(state.x - self.step_size * oracle.inexact_gradient(state.x))

    def cost(self, oracle: HasInexactGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)
