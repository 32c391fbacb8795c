"""Two runs with the same draws, on a problem and on its neighbour, as one algorithm whose state is the pair."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convlab.constants import Array
from convlab.draws import Draws


class Pair(NamedTuple):
    """The states of the two runs."""

    first: Any
    second: Any


@dataclass(frozen=True)
class Coupled:
    """`first` on the oracle, `second` on `oracle.neighbour()`; one draw a step serves both."""

    first: Any
    second: Any

    def init(self, x0: Array, oracle: Any) -> Pair:
        """The same start for both."""
        return Pair(self.first.init(x0, oracle), self.second.init(x0, oracle.neighbour()))

    def draws(self, oracle: Any) -> Draws:
        """What the first declares."""
        declared: Draws = self.first.draws(oracle)
        return declared

    def step(self, state: Pair, oracle: Any, draw: Any) -> Pair:
        """One update of each."""
        return Pair(self.first.step(state.first, oracle, draw), self.second.step(state.second, oracle.neighbour(), draw))
