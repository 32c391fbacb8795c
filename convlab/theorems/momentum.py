"""Momentum: the forms in which heavy ball is written have the same iterates, whatever the gradients."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.momentum import BufferedHeavyBall, ExponentialAverage, HeavyBall, IterateAverage, TwoPoints
from convlab.assumptions import Smooth
from convlab.constants import Array, Number
from convlab.metrics import Case
from convlab.operations import rowwise
from convlab.problem import HasGradient
from convlab.symbols import G, L, R, beta, gamma, mu
from convlab.theorem import Changed, Identity, Instance, Mutant, SymbolicIdentity, Theorem, Trajectory


def iterate(state: Any, case: Case) -> Array:
    """x_k."""
    return state.x


def averaged(state: Any, case: Case) -> Array:
    """z_k of the averaging form."""
    return state.z


def extrapolated(state: TwoPoints, case: Case) -> Array:
    """x_k + beta/(1 - beta) (x_k - x_{k-1})."""
    return state.x + rowwise(case[beta] / (1 - case[beta]), state.x) * (state.x - state.previous)


def extrapolated_by_beta(state: TwoPoints, case: Case) -> Array:
    """The same with beta in place of beta/(1 - beta): wrong."""
    return state.x + rowwise(case[beta], state.x) * (state.x - state.previous)


@dataclass(frozen=True)
class PushedHeavyBall:
    """Heavy ball with x_{-1} = 0 in place of x_0: wrong, it starts with a push away from 0."""

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> TwoPoints:
        """In motion."""
        return TwoPoints(x0, 0 * x0)

    def step(self, state: TwoPoints, oracle: HasGradient) -> TwoPoints:
        """Polyak's update."""
        return TwoPoints(*HeavyBall(self.step_size, self.momentum).step(state, oracle))


STEPS = 6           # each form is a recursion of two terms: what agrees for three updates agrees for ever


def run(algorithm: Any, read: Any = iterate) -> Trajectory:
    """The first updates of a form."""
    return Trajectory(algorithm, read, STEPS)


buffered = run(BufferedHeavyBall(gamma, beta))
kinked = Instance("huber", mu=mu, L=L, threshold=R / 3, start=R)
nonconvex = Instance("sawtooth", steps=4, gamma=3 / (2 * L), L=L, c=G, start=G / L)
linear = Instance("quadratic", spectrum=(mu, L), start=(R, 2 * R))


x, previous, g = sp.symbols("x previous g", real=True)
moved = x - gamma * g + beta * (x - previous)


def ahead(now: sp.Expr, before: sp.Expr) -> sp.Expr:
    """z, formally."""
    return now + beta / (1 - beta) * (now - before)


def form(name: str, statement: str, left: Trajectory, right: Trajectory, *mutants: Mutant, facts: tuple[SymbolicIdentity, ...] = ()) -> Identity:
    """One pair of forms, at any step; judged on gradients of three kinds, which are as good as any."""
    return Identity(name=name, statement=statement, left=left, right=right, assumptions=(Smooth,), on=(kinked, nonconvex, linear),
                    mutants=mutants, facts=facts, condition=And(0 <= beta, beta < 1), defaults={gamma: 1 / L, beta: Rational(7, 10)})


equivalent_forms = Theorem(
    id="shb-equivalent-forms",
    title="Heavy ball: Polyak's form, the buffer, the average of gradients and the average of iterates agree",
    source="Folklore; Yuan, Ying, Sayed (2016); Liu, Gao, Yin (2020)",
    claims=(
        form("polyak", "x_(k+1) = x_k - gamma g_k + beta (x_k - x_(k-1)), quad x_(-1) = x_0", buffered,
             run(HeavyBall(gamma, beta)),
             Changed("x_{-1} = 0", right=run(PushedHeavyBall(gamma, beta)))),
        form("exponential-average", "m_k = beta m_(k-1) + (1 - beta) g_k, quad x_(k+1) = x_k - gamma / (1 - beta) m_k", buffered,
             run(ExponentialAverage(gamma / (1 - beta), beta)),
             Changed("the same step", right=run(ExponentialAverage(gamma, beta)))),
        form("iterate-average", "z_(k+1) = z_k - gamma / (1 - beta) g_k, quad z_k = x_k + beta / (1 - beta) (x_k - x_(k-1))",
             run(IterateAverage(gamma, beta), averaged), run(HeavyBall(gamma, beta), extrapolated),
             Changed("beta in place of beta/(1 - beta)", right=run(HeavyBall(gamma, beta), extrapolated_by_beta)),
             facts=(SymbolicIdentity("z takes plain gradient steps", ahead(moved, x), ahead(x, previous) - gamma / (1 - beta) * g),)),
        form("average-of-z", "x_(k+1) = beta x_k + (1 - beta) z_(k+1)", buffered, run(IterateAverage(gamma, beta))),
    ),
)
