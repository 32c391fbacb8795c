"""Aggregation under attack: rules that answer for n inputs of which some may be anything, and gradient descent on what they answer.

Inputs are (replicates, n, dimension), the answer (replicates, dimension).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.draws import Draws
from convlab.operations import argmin, rows, sort, stack
from convlab.problem import HasWorkers


@dataclass(frozen=True)
class Krum:
    """The input whose `neighbours` nearest other inputs are nearest in sum of squared distances, the first on ties.

    Against f Byzantine inputs of n: neighbours = n - f - 1, or n - f - 2 as first published. Source: Blanchard, El Mhamdi, Guerraoui, Stainer (2017).
    """

    neighbours: int

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """The chosen input."""
        return x[rows(x), argmin(self.scores(x))]

    def scores(self, x: Array) -> Array:
        """Each input's sum of squared distances to its nearest others, (replicates, n)."""
        apart = x[:, :, None, :] - x[:, None, :, :]
        nearest = sort((apart * apart).sum(axis=-1))          # an input's distance 0 to itself comes first
        return nearest[..., 1:self.neighbours + 1].sum(axis=-1)


@dataclass(frozen=True)
class Mean:
    """The mean of all inputs: one of them decides it alone."""

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """The mean."""
        mean: Array = x.sum(axis=1) / x.shape[1]
        return mean


@dataclass(frozen=True)
class HijackedGD:
    """x_{k+1} = x_k - step_size F(g_1, ..., g_N): worker N knows everything and sends N pull (x_k - target) - (g_1 + ... + g_{N-1}).

    Under F = Mean this is gradient descent on pull |x - target|^2/2, whatever the others compute. State: one point. One gradient a worker and step.
    Source: Blanchard, El Mhamdi, Guerraoui, Stainer (2017).
    """

    step_size: Number
    aggregate: Any
    pull: Number
    target: Number

    def init(self, x0: Array, oracle: HasWorkers) -> Point:
        """Start at x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasWorkers) -> Point:
        """One step along what the rule answers."""
        count = oracle.workers
        honest = oracle.worker_gradients(state.x)[:, :count - 1]
        sent = count * self.pull * (state.x - self.target) - honest.sum(axis=1)
        return Point(state.x - self.step_size * self.aggregate(stack([*(honest[:, i] for i in range(count - 1)), sent], 1)))

    def cost(self, oracle: HasWorkers) -> Cost:
        """A gradient of every worker."""
        return Cost(component_gradients=oracle.workers)
