"""Games: gradient descent in x and ascent in y at once, on the operator F(z) = (grad_x f, -grad_y f), z = (x, y); and attacks along signs of gradients."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
