"""Variance reduction: a stochastic gradient, less what it was at a remembered point, plus the mean of what was remembered.

The memory is a reference point (SVRG, L-SVRG) or a table with one gradient a component (SAGA). Each step is affine in the state for every draw when
the components are quadratic: choices are 0/1 factors, not branches.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.draws import Bernoulli, Draws, Uniform
from convlab.operations import put, rows, rowwise
from convlab.problem import HasGradient, HasSamples


class HasFiniteSum(HasGradient, HasSamples, Protocol):
    """The gradients of n components and of their mean."""


class EpochState(NamedTuple):
    """Four arrays, each (replicates, dimension)."""

    x: Array
    reference: Array
    full: Array          # the gradient of f at the reference
    candidate: Array     # the next reference, uniform over the points that this epoch has stepped from so far


@dataclass(frozen=True)
class SVRG:
    """x <- x - step_size (f_i'(x) - f_i'(w) + f'(w)); an epoch ends by moving w and x to a point drawn uniformly from those that it stepped from.

    The draw is made on the way: step t = 0, 1, ... of an epoch puts x_t in the candidate's place with probability `take` = 1/(t + 1), which leaves each
    of x_0 .. x_t there with probability 1/(t + 1); `refresh` is 1 at an epoch's last step and else 0. Both are schedules in k.
    Two component gradients a step, and n more where w moves. Source: Johnson, Zhang (2013), option II.
    """

    step_size: Number
    take: Number
    refresh: Number

    def init(self, x0: Array, oracle: HasFiniteSum) -> EpochState:
        """The reference is the first point."""
        return EpochState(x0, x0, oracle.gradient(x0), x0)

    def draws(self, oracle: HasFiniteSum) -> Draws:
        """A component, and the coin that decides on the candidate."""
        return Draws(index=Uniform(oracle.n), coin=Bernoulli(self.take))

    def step(self, state: EpochState, oracle: HasFiniteSum, draw: Any) -> EpochState:
        """One inner step, and the end of the epoch where `refresh` is 1."""
        x, reference, full, candidate = state
        estimate = oracle.sample_gradient(x, draw.index) - oracle.sample_gradient(reference, draw.index) + full
        candidate = _chosen(rowwise(draw.coin, x), x, candidate)
        return EpochState(_chosen(self.refresh, candidate, x - self.step_size * estimate), _chosen(self.refresh, candidate, reference),
                          _chosen(self.refresh, oracle.gradient(candidate), full), candidate)

    def cost(self, oracle: HasFiniteSum) -> Cost:
        """Two component gradients, and n where the full gradient is renewed (a factor 0 spares it)."""
        return Cost(component_gradients=2 + self.refresh * oracle.n)


class ReferenceState(NamedTuple):
    """Two points, each (replicates, dimension)."""

    x: Array
    reference: Array


@dataclass(frozen=True)
class LooplessSVRG:
    """x_{k+1} = x_k - step_size (f_i'(x_k) - f_i'(w_k) + f'(w_k)); w_{k+1} = x_k with probability `probability`, else w_k. The coin does not see i.

    The state holds no gradient, so that no reference can disagree with its own. Two component gradients a step and, for whoever stores f'(w), n more
    each time that w moves. Sources: Hofmann et al. (2015); Kovalev, Horvath, Richtarik (2020).
    """

    step_size: Number
    probability: Number

    def init(self, x0: Array, oracle: HasFiniteSum) -> ReferenceState:
        """The reference is the first point."""
        return ReferenceState(x0, x0)

    def draws(self, oracle: HasFiniteSum) -> Draws:
        """A component, and the coin that moves the reference."""
        return Draws(index=Uniform(oracle.n), coin=Bernoulli(self.probability))

    def step(self, state: ReferenceState, oracle: HasFiniteSum, draw: Any) -> ReferenceState:
        """One update; the reference goes to the point that the step was made from."""
        x, reference = state
        estimate = oracle.sample_gradient(x, draw.index) - oracle.sample_gradient(reference, draw.index) + oracle.gradient(reference)
        return ReferenceState(x - self.step_size * estimate, _chosen(rowwise(draw.coin, x), x, reference))

    def cost(self, oracle: HasFiniteSum) -> Cost:
        """In expectation: two component gradients, and n with the coin's probability."""
        return Cost(component_gradients=2 + self.probability * oracle.n)


class TableState(NamedTuple):
    """The point (replicates, dimension) and the last gradient seen of each component (replicates, n, dimension)."""

    x: Array
    table: Array


@dataclass(frozen=True)
class SAGA:
    """x_{k+1} = x_k - step_size (f_i'(x_k) - y_i + mean_j y_j), then y_i = f_i'(x_k), for the drawn i only.

    One component gradient a step; the table starts with the gradients at x_0. Source: Defazio, Bach, Lacoste-Julien (2014).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasFiniteSum) -> TableState:
        """The table holds the gradients at the first point."""
        return TableState(x0, oracle.sample_gradients(x0))

    def draws(self, oracle: HasFiniteSum) -> Draws:
        """A component."""
        return Draws(index=Uniform(oracle.n))

    def step(self, state: TableState, oracle: HasFiniteSum, draw: Any) -> TableState:
        """One update, with the old table; then the entry that was drawn is renewed."""
        x, table = state
        drawn = rows(table), draw.index
        fresh = oracle.sample_gradient(x, draw.index)
        estimate = fresh - table[drawn] + table.sum(axis=1) / oracle.n
        return TableState(x - self.step_size * estimate, put(table, drawn, fresh))

    def cost(self, oracle: HasFiniteSum) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)


def _chosen(bit: Any, one: Array, zero: Array) -> Array:
    return bit * one + (1 - bit) * zero
