"""Federated averaging: clients take several steps on their own, then a server averages what they arrived at."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.operations import rowwise
from convlab.problem import HasWorkers


class State(NamedTuple):
    """The server's point, (replicates, dimension)."""

    x: Array


@dataclass(frozen=True)
class FedAvg:
    """One round: every client sets y_i = x, takes `local_steps` times y_i <- y_i - step_size grad f_i(y_i), and the server takes x = mean_i y_i.

    State: the server's point. `local_steps` gradients of every client and one exchange with each a round. Source: McMahan et al. (2017), here with exact
    gradients and all clients.
    """

    step_size: Number
    local_steps: int

    def init(self, x0: Array, oracle: HasWorkers) -> State:
        """The start."""
        return State(x0)

    def step(self, state: State, oracle: HasWorkers) -> State:
        """One round."""
        local = state.x
        for _ in range(self.local_steps):
            pulls = oracle.worker_gradients(local)
            local = (local if local.ndim == pulls.ndim else local[:, None, :]) - rowwise(self.step_size, pulls) * pulls
        return State(local.sum(axis=1) / oracle.workers)

    def cost(self, oracle: HasWorkers) -> Cost:
        """local_steps gradients of every client."""
        return Cost(component_gradients=self.local_steps * oracle.workers)
