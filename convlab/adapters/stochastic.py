"""Any method that asks for gradients, on stochastic ones: the theorem's own draws decide which."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convlab.algorithms.cost import Cost
from convlab.constants import Array
from convlab.draws import Draws
from convlab.problem import HasStochasticGradient


@dataclass(frozen=True)
class Answering:
    """An oracle whose gradient is the stochastic one at a draw."""

    oracle: HasStochasticGradient
    draw: Any

    def gradient(self, x: Array) -> Array:
        """The stochastic gradient at x."""
        return self.oracle.stochastic_gradient(x, self.draw)


@dataclass(frozen=True)
class Stochastic:
    """The method with g(x), a stochastic gradient, in the place of grad f(x). State: the method's. One component gradient a step."""

    method: Any

    def init(self, x0: Array, oracle: HasStochasticGradient) -> Any:
        """As the method does."""
        return self.method.init(x0, oracle)

    def draws(self, oracle: HasStochasticGradient) -> Draws:
        """What one call of the oracle draws."""
        return oracle.gradient_draws()

    def step(self, state: Any, oracle: HasStochasticGradient, draw: Any) -> Any:
        """One update of the method, at this draw."""
        return self.method.step(state, Answering(oracle, draw))

    def cost(self, oracle: HasStochasticGradient) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)
