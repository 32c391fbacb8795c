"""Gradient descent on smooth strongly convex functions: linear rates, worst on a quadratic."""
from __future__ import annotations

import sympy as sp
from sympy import Abs, And, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.metrics import distance_to_minimiser
from convlab.symbols import M0, L, R, gamma, k, lam, mu
from convlab.theorem import Bound, Instance, IterationMatrix, OneStep, StableOnQuadratics, Step, Theorem, When, u, v
from convlab.theorems.gradient_descent.constant_step import ascent, stable, stable_on_quadratics, steepest, too_long

factor = Max(Abs(1 - gamma * mu), Abs(1 - gamma * L))
spread = (v - mu * u) * (L * u - v)       # >= 0, as are both of its factors times u
best_step = 2 / (L + mu)

strongly_convex_distance = Theorem(
    id="gd-strongly-convex-distance",
    title="Gradient descent, strongly convex: distance to the minimiser",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, StronglyConvex, Minimum),
    condition=stable,
    defaults={gamma: best_step},
    metric=distance_to_minimiser,
    bound=factor**k * R,
    source="Polyak (1963); Ryu, Boyd (2016)",
    tight=(Instance("quadratic", spectrum=(mu, L), start=(R, 0), when=gamma <= best_step),
           Instance("quadratic", spectrum=(mu, L), start=(0, R), when=gamma >= best_step)),
    facts=(OneStep((1 - gamma * mu) ** 2 * u**2, name="one short step", cases=(
               When(And(0 < gamma, gamma <= best_step), ((gamma**2, spread), (gamma * (2 - gamma * (L + mu)), (v - mu * u) * u))),)),
           OneStep((1 - gamma * L) ** 2 * u**2, name="one long step", cases=(
               When(gamma >= best_step, ((gamma**2, spread), (gamma * (gamma * (L + mu) - 2), (L * u - v) * u))),)),
           IterationMatrix(sp.Matrix([[1 - gamma * lam]])),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound((Rational(99, 100) * factor) ** k * R), Bound(factor ** (k + 1) * R),
             Bound(Max(Abs(1 - 2 * gamma * mu), Abs(1 - gamma * L)) ** k * R, name="mu doubled"),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)
