"""Stochastic gradient descent: a step against an unbiased estimate of the gradient."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.draws import Draws
from convlab.problem import HasStochasticGradient


class State(NamedTuple):
    """The iterate."""

    x: Array


@dataclass(frozen=True)
class SGD:
    """x_{k+1} = x_k - step_size g(x_k), g the oracle's stochastic gradient: of one sample, or the gradient with additive noise.

    State: the point, (replicates, dimension). One stochastic gradient a step. Source: Robbins, Monro (1951).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasStochasticGradient) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: State, oracle: HasStochasticGradient, draw: Any) -> State:
        """One update."""
        return State(state.x - self.step_size * oracle.stochastic_gradient(state.x, draw))

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)
