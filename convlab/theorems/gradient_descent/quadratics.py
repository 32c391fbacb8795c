"""Gradient descent on quadratics: the edge of stability, and steps that are made for the spectrum."""
from __future__ import annotations

import sympy as sp
from sympy import And, Mul, Rational, cos, pi, sqrt

from convlab.algorithms.gradient_descent import GradientDescent, ScheduledDescent
from convlab.assumptions import Isotropic, Minimum, Quadratic, Smooth, StronglyConvex
from convlab.metrics import distance_to_minimiser, squared_distance
from convlab.symbols import K, L, R, gamma, k, lam, mu
from convlab.theorem import (
    Bound,
    Changed,
    Instance,
    IterationMatrix,
    RateBound,
    Relation,
    StabilityRegion,
    StableOnQuadratics,
    SymbolicIdentity,
    Theorem,
    horizons,
)
from convlab.theorems.gradient_descent.constant_step import stable, stable_on_quadratics, steepest

quadratic = (Quadratic, Smooth, StronglyConvex, Minimum)

edge = Theorem(
    id="gd-edge",
    also=("gd-two-over-gamma-sharpness",),
    title="Gradient descent on quadratics: the sharp threshold 2/L",
    source="folklore",
    claims=(
        StabilityRegion(
            algorithm=GradientDescent(gamma),
            condition=stable,
            sweep=gamma,
            defaults={gamma: 1 / L},
            assumptions=quadratic,
            statement="0 < gamma < 2/L",
            facts=(IterationMatrix(sp.Matrix([[1 - gamma * lam]])), StableOnQuadratics(stable_on_quadratics)),
            mutants=(Changed("it converges at 2.01/L", condition=And(0 < gamma, gamma < Rational(201, 100) / L)),
                     Changed("it diverges only beyond 2.1/L", condition=And(0 < gamma, gamma < Rational(21, 10) / L))),
            note="Read the other way round: a minimiser is stable under the step gamma iff its sharpness is below 2/gamma."),
        RateBound(
            name="trajectory",
            algorithm=GradientDescent(gamma),
            assumptions=(Quadratic, Isotropic, Smooth, Minimum),
            condition=And(0 < gamma, gamma <= 2 / L),
            defaults={gamma: 1 / (3 * L)},
            metric=distance_to_minimiser,
            bound=sp.Abs(1 - gamma * L) ** k * R,
            relation=Relation.EQUAL,
            tight=steepest,
            facts=(SymbolicIdentity("of period two at 2/L", ((1 - gamma * L) ** 2).subs(gamma, 2 / L), 1),),
            mutants=(Bound(sp.Abs(1 - gamma * L) ** (k + 1) * R, steepest), Changed("another step", steepest, algorithm=GradientDescent(gamma / 2)))),
    ),
)

# ---- one step for each eigenvalue
parts = (Rational(1, 10), Rational(3, 10), Rational(7, 20), Rational(1))       # the spectrum, in units of L
four_eigenvalues = Instance("quadratic", spectrum=tuple(L * part for part in parts), start=(R, -R, 2 * R, 3 * R))
inverse = ScheduledDescent(1 / L, lambda horizon: [1 / part for part in parts][:horizon])
z = sp.Symbol("z")

spectral_steps = Theorem(
    id="gd-spectral-steps-termination",
    title="Gradient descent with the step 1/lambda for each eigenvalue: the minimiser, exactly, after as many steps",
    algorithm=inverse,
    assumptions=quadratic,
    metric=squared_distance,
    bound=sp.Integer(0),
    relation=Relation.EQUAL,
    grid=horizons(4),
    on=(four_eigenvalues,),
    source="folklore",
    note="In any order, in exact arithmetic. Shown for four eigenvalues.",
    facts=(SymbolicIdentity("every factor of the error vanishes somewhere", Mul(*(1 - z / part for part in parts)).subs(z, parts[2]), 0),),
    mutants=(Changed("one step fewer", four_eigenvalues, grid=horizons(3)),
             Changed("steps a hundredth shorter", four_eigenvalues, algorithm=ScheduledDescent(Rational(99, 100) / L, inverse.factor))),
)

# ---- the roots of a Chebyshev polynomial
mean, half = (L + mu) / 2, (L - mu) / 2
q = (sqrt(L) - sqrt(mu)) / (sqrt(L) + sqrt(mu))
young_bound = 2 * q**k / (1 + q ** (2 * k)) * R                 # R/T_k((L + mu)/(L - mu))
flattest = Instance("quadratic", spectrum=(mu, L), start=(R, 0))
both_ends = (mean - half * cos(pi / 4)) * (mean - half * cos(3 * pi / 4))

young = Theorem(
    id="gd-young-chebyshev-steps",
    title="Gradient descent on quadratics with steps at Chebyshev roots: the distance at a horizon fixed in advance",
    algorithm=GradientDescent(1 / (mean + half * cos((2 * k + 1) * pi / (2 * K)))),
    assumptions=quadratic,
    metric=distance_to_minimiser,
    bound=young_bound,
    statement="R \\/ T_K ((L + mu)/(L - mu))",
    grid=horizons(1, 2, 3, 5, 8, 12),
    source="Young (1953)",
    note="In floating point many such steps in a row lose digits; the three-term form does not.",
    tight=(flattest, Instance("quadratic", spectrum=(mu, L), start=(0, R))),
    facts=(SymbolicIdentity("two steps: what they do to an eigenvalue is a ratio of Chebyshev polynomials",
                            (both_ends - 2 * mean * z + z**2) * (2 * (mean / half) ** 2 - 1), (2 * ((mean - z) / half) ** 2 - 1) * both_ends),),
    mutants=(Bound(Rational(9, 10) * young_bound, flattest, name="nine tenths"),
             Changed("a constant step is as good", flattest, algorithm=GradientDescent(1 / mean), grid=horizons(2, 3, 5, 8, 12)),
             Changed("half of the planned steps do", flattest, grid=horizons(2, 4, 6),
                     algorithm=GradientDescent(1 / (mean + half * cos((2 * k + 1) * pi / (4 * K)))))),
)
