"""SGD whose answer is an average of its points: running averages in the state, weighted by a planned share of each new point.

With share w_k/(w_0 + ... + w_k) the average after k + 1 updates has the weights w_0, ..., w_k; 1/(k + 1) is the plain mean.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.algorithms.sgd import State
from convlab.constants import Array, Number
from convlab.draws import Draws
from convlab.problem import HasProjection, HasStochasticGradient


class Averaged(NamedTuple):
    """The average, at which metrics look, and the last point."""

    average: Array
    x: Array


@dataclass(frozen=True)
class AveragedSGD:
    """average_{k+1} = average_k + share (x_k - average_k),  x_{k+1} = x_k - step_size g(x_k).

    After k updates it averages x_0 .. x_{k-1}: the point of the last step is not among them. At k = 0 it is x_0.
    State: two points, each (replicates, dimension). One stochastic gradient a step. Source: Nemirovski, Yudin (1978), Polyak, Juditsky (1992).
    """

    step_size: Number
    share: Number

    def init(self, x0: Array, oracle: HasStochasticGradient) -> Averaged:
        """The first point."""
        return Averaged(x0, x0)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: Averaged, oracle: HasStochasticGradient, draw: Any) -> Averaged:
        """One update."""
        average, x = state
        return Averaged(average + self.share * (x - average), x - self.step_size * oracle.stochastic_gradient(x, draw))

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)


@dataclass(frozen=True)
class LateAveragedSGD:
    """x_{k+1} = x_k - step_size g(x_k),  average_{k+1} = average_k + share (x_{k+1} - average_k): x_1 .. x_k after k updates, without x_0 where share_0 = 1.

    State: two points, each (replicates, dimension). One stochastic gradient a step. Source: Lan (2012).
    """

    step_size: Number
    share: Number

    def init(self, x0: Array, oracle: HasStochasticGradient) -> Averaged:
        """The first point."""
        return Averaged(x0, x0)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: Averaged, oracle: HasStochasticGradient, draw: Any) -> Averaged:
        """One update."""
        x = state.x - self.step_size * oracle.stochastic_gradient(state.x, draw)
        return Averaged(state.average + self.share * (x - state.average), x)

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)


class ConstrainedOracle(HasStochasticGradient, HasProjection, Protocol):
    """A stochastic gradient and a projection."""


@dataclass(frozen=True)
class ProjectedSGD:
    """x_{k+1} = P(x_k - step_size g(x_k)), P the Euclidean projection on the feasible set.

    State: the point, (replicates, dimension). One stochastic gradient and one projection a step.
    """

    step_size: Number

    def init(self, x0: Array, oracle: ConstrainedOracle) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: ConstrainedOracle) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: State, oracle: ConstrainedOracle, draw: Any) -> State:
        """One update."""
        return State(oracle.project(state.x - self.step_size * oracle.stochastic_gradient(state.x, draw)))

    def cost(self, oracle: ConstrainedOracle) -> Cost:
        """One component gradient; the projection counts as a prox."""
        return Cost(component_gradients=1, proxes=1)


@dataclass(frozen=True)
class ProjectedAveragedSGD:
    """average_{k+1} = average_k + share (x_k - average_k),  x_{k+1} = P(x_k - step_size g(x_k)).

    State: two points, each (replicates, dimension). One stochastic gradient and one projection a step. Source: Lacoste-Julien, Schmidt, Bach (2012).
    """

    step_size: Number
    share: Number

    def init(self, x0: Array, oracle: ConstrainedOracle) -> Averaged:
        """The first point."""
        return Averaged(x0, x0)

    def draws(self, oracle: ConstrainedOracle) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: Averaged, oracle: ConstrainedOracle, draw: Any) -> Averaged:
        """One update."""
        average, x = state
        return Averaged(average + self.share * (x - average), oracle.project(x - self.step_size * oracle.stochastic_gradient(x, draw)))

    def cost(self, oracle: ConstrainedOracle) -> Cost:
        """One component gradient; the projection counts as a prox."""
        return Cost(component_gradients=1, proxes=1)
