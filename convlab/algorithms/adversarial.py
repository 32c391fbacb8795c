"""Games: gradient descent in x and ascent in y at once, on the operator F(z) = (grad_x f, -grad_y f), z = (x, y); and attacks along signs of gradients."""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.algorithms.gradient_descent import Point
from convlab.constants import Array, Number
from convlab.operations import sign
from convlab.problem import HasGradient, HasOperator, HasProjection


@dataclass(frozen=True)
class SimultaneousGDA:
    """z_{k+1} = z_k - step_size F(z_k): x descends and y ascends, both from the old point.

    State: one point z = (x, y), (replicates, 2 dimension). One operator call (a full gradient) a step. Source: Arrow, Hurwicz, Uzawa (1958).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasOperator) -> Point:
        """Start at z_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasOperator) -> Point:
        """One update."""
        return Point(state.x - self.step_size * oracle.operator(state.x))

    def cost(self, oracle: HasOperator) -> Cost:
        """One gradient in (x, y)."""
        return Cost(full_gradients=1)


class HasAttack(HasGradient, HasProjection, Protocol):
    """A function to be lowered within a set."""


@dataclass(frozen=True)
class SignPGD:
    """v_{k+1} = project(v_k - step_size sign(grad f(v_k))), sign(0) = 0, f the loss with its sign turned: projected ascent of the loss along signs.

    One step as long as the cube's radius is FGSM. State: the perturbation, (replicates, dimension). One gradient and one projection a step.
    Source: Goodfellow, Shlens, Szegedy (2015); Madry et al. (2018).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasAttack) -> Point:
        """The first perturbation."""
        return Point(x0)

    def step(self, state: Point, oracle: HasAttack) -> Point:
        """One update."""
        return Point(oracle.project(state.x - self.step_size * sign(oracle.gradient(state.x))))

    def cost(self, oracle: HasAttack) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class Extragradient:
    """w_k = z_k - step_size F(z_k),  z_{k+1} = z_k - step_size F(w_k): the operator is taken where the plain step would have led.

    State: one point z = (x, y), (replicates, 2 dimension). Two operator calls a step. Source: Korpelevich (1976).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasOperator) -> Point:
        """Start at z_0."""
        return Point(x0)

    def step(self, state: Point, oracle: HasOperator) -> Point:
        """One update."""
        ahead = state.x - self.step_size * oracle.operator(state.x)
        return Point(state.x - self.step_size * oracle.operator(ahead))

    def cost(self, oracle: HasOperator) -> Cost:
        """Two gradients in (x, y)."""
        return Cost(full_gradients=2)


class Remembering(NamedTuple):
    """A point and the operator's value at the point before it."""

    x: Array
    last: Array


@dataclass(frozen=True)
class OptimisticGDA:
    """z_{k+1} = z_k - 2 step_size F(z_k) + step_size F(z_{k-1}),  z_{-1} = z_0.

    State: z and F(z_{k-1}), (replicates, 2 dimension) each. One operator call a step. Source: Popov (1980); Daskalakis, Ilyas, Syrgkanis, Zeng (2018).
    """

    step_size: Number

    def init(self, x0: Array, oracle: HasOperator) -> Remembering:
        """At rest in z_0."""
        return Remembering(x0, oracle.operator(x0))

    def step(self, state: Remembering, oracle: HasOperator) -> Remembering:
        """One update."""
        now = oracle.operator(state.x)
        return Remembering(state.x - 2 * self.step_size * now + self.step_size * state.last, now)

    def cost(self, oracle: HasOperator) -> Cost:
        """One gradient in (x, y)."""
        return Cost(full_gradients=1)
