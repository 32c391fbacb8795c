"""Workers on a graph average with their neighbours, and may step along their own gradients. Points are (replicates, workers, dimension)."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.problem import HasMixing, HasWorkers


class HasRounds(Protocol):
    """Workers on a graph that changes from round to round."""

    def mix(self, x: Array, round: Number) -> Array:
        """W_round x along the worker axis."""
        ...


class HasNetwork(HasMixing, HasWorkers, Protocol):
    """Workers on a graph with gradients of their own."""


class State(NamedTuple):
    """The workers' points."""

    x: Array          # (replicates, workers, dimension)


@dataclass(frozen=True)
class Gossip:
    """X_{k+1} = W X_k.

    State: the workers' points. One exchange with the neighbours a step. Source: Xiao, Boyd (2004).
    """

    def init(self, x0: Array, oracle: HasMixing) -> State:
        """The start."""
        return State(x0)

    def step(self, state: State, oracle: HasMixing) -> State:
        """One exchange."""
        return State(oracle.mix(state.x))


@dataclass(frozen=True)
class TimeVaryingGossip:
    """X_{k+1} = W_round X_k: the graph takes its turns, `round` is a schedule in k.

    State: the workers' points. One exchange with the neighbours of this round a step. Source: Ying, Yuan, Chen, Hu, Pan, Yin (2021).
    """

    round: Number

    def init(self, x0: Array, oracle: HasRounds) -> State:
        """The start."""
        return State(x0)

    def step(self, state: State, oracle: HasRounds) -> State:
        """One exchange."""
        return State(oracle.mix(state.x, self.round))


@dataclass(frozen=True)
class DGD:
    """X_{k+1} = W X_k - step_size (grad f_1(x_1), ..., grad f_N(x_N)): an exchange and every worker's own gradient step, both from the old points.

    State: the workers' points. One exchange with the neighbours and one gradient of each worker a step. Source: Nedic, Ozdaglar (2009).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasNetwork) -> State:
        """The start."""
        return State(x0)

    def step(self, state: State, oracle: HasNetwork) -> State:
        """One update."""
        return State(oracle.mix(state.x) - self.step_size * oracle.worker_gradients(state.x))

    def cost(self, oracle: HasNetwork) -> Cost:
        """A gradient of every worker."""
        return Cost(component_gradients=oracle.workers)
