"""Theorems that a battery asks of optimizers as libraries write them, beside those of the catalogue."""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.adaptive import Adam
from convlab.algorithms.nesterov import BufferedNesterov
from convlab.assumptions import Minimum, Quadratic, Smooth, StronglyConvex
from convlab.catalogue import theorem
from convlab.constants import Array
from convlab.metrics import Case, metric
from convlab.operations import absolute
from convlab.symbols import Delta, L, beta, d, gamma, k, lam
from convlab.theorem import IterationMatrix, RateBound, StabilityRegion, StableOnQuadratics, Theorem, from_k, mean_of


@metric("norm(nabla f(x_k))_1", "f/x", needs_minimiser=False)
def gradient_in_the_sum_norm(state: Any, case: Case) -> Array:
    """The sum of |partial derivatives| at x."""
    return absolute(case.problem.gradient(state[0])).sum(axis=-1)


nesterov_stability = Theorem(
    id="nesterov-stability",
    title="Nesterov's method with constant momentum on quadratics: where it converges",
    source="the Jury conditions for z^2 - (1 + beta)(1 - gamma lam) z + beta (1 - gamma lam)",
    claims=(StabilityRegion(
        algorithm=BufferedNesterov(step_size=gamma, momentum=beta),
        condition=And(gamma > 0, gamma * L * (1 + 2 * beta) < 2 * (1 + beta)),
        sweep=gamma,
        domain=And(beta > 0, beta < 1),
        defaults={beta: Rational(3, 5), gamma: 1 / L},
        assumptions=(Quadratic, StronglyConvex, Smooth, Minimum),
        statement="0 < gamma L < 2 (1 + beta)/(1 + 2 beta)",
        facts=(IterationMatrix(sp.Matrix([[1 - gamma * lam * (1 + beta), -gamma * beta**2], [lam, beta]])),
               StableOnQuadratics(And(gamma * lam > 0, gamma * lam * (1 + 2 * beta) < 2 * (1 + beta))))),))

sign_descent = Theorem(
    id="sign-descent",
    title="Descent along signs, smooth: mean gradient in the sum norm",
    source="Bernstein, Wang, Azizzadenesheli, Anandkumar (2018), without noise; each coordinate is L-smooth, so that their sum is at most d L",
    claims=(RateBound(
        algorithm=Adam(step_size=gamma, beta1=0, beta2=0),
        assumptions=(Smooth, Minimum),
        condition=And(gamma > 0),
        defaults={gamma: sp.sqrt(2 * Delta / (d * L)) / 8},
        metric=gradient_in_the_sum_norm,
        mode=mean_of(0, -1),
        grid=from_k(1),
        bound=Delta / (gamma * k) + gamma * d * L / 2),))

OURS = {t.id: t for t in (nesterov_stability, sign_descent)}


def owed_theorem(name: Any) -> Theorem:
    """A theorem by its id, one of these or of the catalogue; a declaration stands for itself."""
    if isinstance(name, Theorem):
        return name
    return OURS[name] if name in OURS else theorem(name)
