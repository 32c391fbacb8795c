"""Gradient descent on smooth convex functions, with the constant that is best possible (Drori and Teboulle, 2014)."""
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

import convlab as cl
from convlab.symbols import L, R, gamma, k


class State(NamedTuple):
    x: cl.Array                                    # (replicates, dimension)


@dataclass(frozen=True)
class GradientDescent:
    """x_{k+1} = x_k - step_size grad f(x_k)."""

    step_size: cl.Number

    def init(self, x0, oracle):
        return State(x0)

    def step(self, state, oracle):
        return State(state.x - self.step_size * oracle.gradient(state.x))


theorem = cl.Theorem(
    id="my-gradient-descent", title="Gradient descent on smooth convex functions",
    algorithm=GradientDescent(step_size=gamma), defaults={gamma: 1 / L}, condition=sp.And(0 < gamma, gamma <= 1 / L),
    assumptions=(cl.Convex, cl.Smooth, cl.Minimum), metric=cl.function_gap, bound=L * R**2 / (4 * k * gamma * L + 2))
