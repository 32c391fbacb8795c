"""Online learning: any first-order method plays against losses that change from round to round, on a set that it is projected to."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab import symbols
from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number


class HasLosses(Protocol):
    """One loss a round on a closed convex set."""

    def loss(self, x: Array, round: int) -> Array:
        """f_round(x), (replicates,)."""
        ...

    def loss_gradient(self, x: Array, round: int) -> Array:
        """grad f_round(x), shaped as x."""
        ...

    def project(self, x: Array) -> Array:
        """The nearest point of the set."""
        ...

    def rivals(self) -> Array:
        """Points of which, whatever the rounds so far, one is the best fixed point: (rivals, dimension)."""
        ...


class Play(NamedTuple):
    """The point to be played next, the method's own state, what was paid so far, (replicates, 1), and what each rival paid, (replicates, rivals)."""

    x: Array
    method: Any
    paid: Array
    rivals: Array


@dataclass(frozen=True)
class OfRound:
    """The loss of one round as the oracle that a method expects."""

    losses: HasLosses
    round: int

    def gradient(self, x: Array) -> Array:
        """Its gradient."""
        return self.losses.loss_gradient(x, self.round)


@dataclass(frozen=True)
class Online:
    """Round k + 1: pay f_k(x_k), let the method take its step on f_k from x_k, project. The method's memory is left as it is.

    State: see Play. One gradient a round. `method` is an algorithm without draws whose state begins with its point. Source: Zinkevich (2003).
    """

    method: Any
    round: Number = symbols.k

    def init(self, x0: Array, oracle: HasLosses) -> Play:
        """Nothing paid yet."""
        nothing = 0 * x0[:, :1]
        return Play(x0, self.method.init(x0, OfRound(oracle, 0)), nothing, nothing + 0 * oracle.rivals()[:, 0])

    def step(self, state: Play, oracle: HasLosses) -> Play:
        """One round."""
        now = OfRound(oracle, int(self.round))
        moved = self.method.step(state.method, now)
        x = oracle.project(moved[0])
        return Play(x, moved._replace(x=x), state.paid + oracle.loss(state.x, now.round)[:, None],
                    state.rivals + oracle.loss(oracle.rivals(), now.round))

    def cost(self, oracle: HasLosses) -> Cost:
        """One gradient."""
        return Cost(component_gradients=1)
