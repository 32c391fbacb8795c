"""Gradient descent at a constant step: one theorem for each class of functions, and what is measured where.

Convex: the gap, sublinear, worst on a Huber function that stays linear until the last step. Strongly convex: the distance, linear, worst on
a quadratic. Nonconvex: the best gradient so far. Every condition is 0 < gamma < 2/L, where the code's own step is stable on lam x^2/2.
Nonsmooth: neither a constant step nor the best one converges.
"""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import Abs, And, Eq, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent, SteepestDescent
from convlab.assumptions import Convex, Lipschitz, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, distance_to_minimiser, function_gap, metric, squared_gradient_norm
from convlab.operations import norm_squared
from convlab.symbols import M0, Delta, G, L, R, gamma, k, lam, mu
from convlab.theorem import (
    Bound,
    Changed,
    FalseClaim,
    Instance,
    IterationMatrix,
    Multipliers,
    OneStep,
    RateBound,
    Relation,
    StableOnQuadratics,
    Step,
    StepInequality,
    SymbolicIdentity,
    Theorem,
    When,
    best_of,
    every_iterate,
    from_k,
    u,
    v,
)

stable_on_quadratics = And(0 < gamma * lam, gamma * lam < 2)
stable = And(0 < gamma, gamma < 2 / L)
too_long = {gamma: Rational(41, 20) / L}
steepest = Instance("quadratic", spectrum=(L,), start=R)
ascent = Changed("ascent", algorithm=GradientDescent(-gamma))


# ---- convex: the gap at the last iterate
def huber_gap(slope: sp.Expr) -> sp.Expr:
    """The gap after k steps on a Huber function that is still linear there, with this slope."""
    return slope * (R - k * gamma * slope) - slope**2 / (2 * L)


def multipliers(horizon: int) -> Mapping[tuple[Any, Any], Fraction]:
    """Multipliers of the interpolation inequalities Q(i, j) that prove the gap at gamma = 1/L: Drori and Teboulle (2014)."""
    weight = {i: Fraction(i, 2 * horizon + 1 - i) for i in range(1, horizon + 1)} | {horizon + 1: Fraction(1)}
    return ({(i - 1, i): weight[i] for i in range(1, horizon + 1)} | {("*", 0): weight[1]}
            | {("*", i): weight[i + 1] - weight[i] for i in range(1, horizon + 1)})


worst_slope = L * R / (2 * k * gamma * L + 1)
slow = L * R**2 / (4 * k * gamma * L + 2)
oscillating = L * R**2 * (1 - gamma * L) ** (2 * k) / 2
huber = Instance("huber", mu=0, L=L, threshold=worst_slope / L, start=R, when=slow >= oscillating)

convex_gap = Theorem(
    id="gd-smooth-convex-fgap",
    also=("gd-smooth-convex-fgap-certificate",),
    title="Gradient descent, convex: gap of the last iterate",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Convex, Smooth, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=function_gap,
    bound=Max(slow, oscillating),
    source="Drori, Teboulle (2014) up to 1/L; up to 2/L conjectured by Taylor, Hendrickx, Glineur (2017), proved by Kim (2024) and by Rotaru, "
           "Glineur, Patrinos (2024)",
    tight=(huber, Instance("quadratic", spectrum=(L,), start=R, when=slow <= oscillating)),
    facts=(Multipliers(multipliers, constant=lambda horizon: Fraction(1, 4 * horizon + 2), parameters={gamma: 1}),
           SymbolicIdentity("the worst slope is stationary", sp.diff(huber_gap(sp.Symbol("s")), "s").subs("s", worst_slope), 0),
           SymbolicIdentity("there the gap is the bound", huber_gap(worst_slope), slow),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(L * R**2 / (4 * k * gamma * L + 3), huber), Bound(L * R**2 / (2 * k**2), huber),
             Bound(Rational(999, 1000) * slow, huber), Bound(slow, steepest, defaults={gamma: Rational(19, 10) / L}),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)

# ---- strongly convex: the distance
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

# ---- nonconvex: the best gradient so far
descent = gamma * (1 - gamma * L / 2)
zigzag = Instance("sawtooth", steps=20, gamma=gamma, L=L, c=G, start=0)     # slope G at each of the first 20 iterates
short = {gamma: Rational(1, 20) / L}

nonconvex_gradient = Theorem(
    id="gd-nonconvex-mingrad",
    title="Gradient descent, nonconvex: smallest gradient so far",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=squared_gradient_norm,
    mode=best_of(0, -1),
    bound=2 * Delta / (gamma * (2 - gamma * L) * k),
    grid=from_k(1),
    source="Nesterov (2018), eq. 1.2.22",
    tight=Instance("quadratic", spectrum=(L,), start=R, when=And(Eq(gamma, 1 / L), Eq(k, 1))),
    facts=(SymbolicIdentity("descent lemma at the step", -gamma * v**2 + L * (gamma * v) ** 2 / 2, -descent * v**2),
           SymbolicIdentity("k descents cannot exceed Delta", Delta / (k * descent), 2 * Delta / (gamma * (2 - gamma * L) * k))),
    mutants=(Bound(2 * Delta / (gamma * (2 - gamma * L) * (k + 5) ** 2), zigzag, defaults=short),
             Bound(Delta / (gamma * (2 - gamma * L) * k), zigzag, defaults=short, name="half"),
             Step(steepest, bound=M0, mode=every_iterate, defaults=too_long), ascent),
)


# ---- nonsmooth: what is true of smooth functions and false here
@metric("x_k", "x", needs_minimiser=False)
def iterate(state: Any, case: Case) -> Array:
    """The point itself, componentwise."""
    return state[0]


@metric("norm(nabla f(x_k))^2", "f^2/x^2", needs_minimiser=False)
def squared_slope(state: Any, case: Case) -> Array:
    """Squared gradient norm of a function that need not be smooth: its resolution is measured."""
    return norm_squared(case.problem.gradient(state[0]))


def turned_by(factor: Fraction) -> Any:
    """factor^k times the first coordinate at the start, (-factor)^k times the second."""
    def bound(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
        first = record["M0"]
        shrunk = factor**updates
        return first * np.array([shrunk, (-1) ** updates * shrunk], dtype=first.dtype)

    return bound


spiral = Instance("wolfe", weight=Rational(7, 2), depth=40, size=6)
x, y = sp.symbols("x y", positive=True)
ray = 9 * (x - v * 9 * x) ** 2 + 16 * (y - v * 16 * y) ** 2       # the square under the root, against the gradient's direction (9 x, 16 y)
vertex = {x: Rational(16, 9), y: 1, v: Rational(2, 25)}

false_steepest_descent = Theorem(
    id="false-steepest-descent-nonsmooth",
    title="FALSE: steepest descent with exact line search minimises a convex function that is differentiable where it goes",
    source="Wolfe (1975); the function is cut off far below, so that it has a minimum",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=SteepestDescent(), assumptions=(Convex, Lipschitz, Minimum), metric=function_gap, bound=20 * Delta / (k + 1),
                               note="Even as slowly as 20/(k + 1) of the first gap."),
            witness=spiral,
            instead="proximal-point",
            mutants=(Changed("the gradient tends to zero", metric=squared_slope, bound=20 * M0 / (k + 1)),)),
        RateBound(
            name="spiral",
            algorithm=SteepestDescent(),
            assumptions=(Convex, Lipschitz, Minimum),
            metric=iterate,
            bound=turned_by(Fraction(7, 25)),
            relation=Relation.EQUAL,
            statement="(x_k, y_k) = (7/25)^k (x_0, (-1)^k y_0)",
            on=(spiral,),
            facts=(SymbolicIdentity("t = 2/25 is where the line search ends", sp.diff(ray, v).subs(vertex), 0),
                   SymbolicIdentity("x shrinks by 7/25", (x - v * 9 * x).subs(vertex), Rational(7, 25) * Rational(16, 9)),
                   SymbolicIdentity("y by as much, and turns round", (y - v * 16 * y).subs(vertex), -Rational(7, 25))),
            mutants=(Changed("factor 8/25", spiral, bound=turned_by(Fraction(8, 25))),
                     Changed("so does the constant step 1/25", spiral, algorithm=GradientDescent(Rational(1, 25)))),
            note="From (16/9, 1) times any length. The limit (0, 0) is no minimiser."),
        RateBound(
            name="slope",
            algorithm=SteepestDescent(),
            assumptions=(Convex, Lipschitz, Minimum),
            metric=squared_slope,
            bound=M0,
            relation=Relation.EQUAL,
            on=(spiral,),
            mutants=(Bound(M0 * Rational(99, 100) ** k, spiral, name="it shrinks"),),
            note="The gradient keeps its length: nothing tells the method that it is stuck."),
    ),
)


def value(state: Any, case: Case) -> Array:
    """f(x)."""
    return case.problem.value(state[0])


hopping = Instance("absolute_value", G=G, start=gamma * G / 2)      # half a step from the kink
near_the_kink = Instance("absolute_value", G=G, start=gamma * G / 6)

false_subgradient = Theorem(
    id="false-subgradient-constant-last-iterate",
    title="FALSE: with a constant step the subgradient method converges, or at least descends",
    source="folklore",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=GradientDescent(gamma), assumptions=(Convex, Lipschitz, Minimum), condition=gamma > 0, defaults={gamma: R / G},
                               metric=function_gap, bound=10 * Delta / (k + 1), note="Even as slowly as 10/(k + 1) of the first gap."),
            witness=hopping,
            mutants=(Changed("the gap shrinks at every step", bound=Rational(99, 100) ** k * Delta),),
            name="converges"),
        FalseClaim(
            asserted=StepInequality(algorithm=GradientDescent(gamma), assumptions=(Convex, Lipschitz, Minimum), condition=gamma > 0, defaults={gamma: R / G},
                                    after=value, bound=value, statement="f(x^+) <= f(x)"),
            witness=near_the_kink,
            name="descends"),
        RateBound(
            name="hops",
            algorithm=GradientDescent(gamma),
            assumptions=(Convex, Lipschitz, Minimum),
            condition=gamma > 0,
            defaults={gamma: R / G},
            metric=function_gap,
            bound=gamma * G**2 / 2,
            relation=Relation.EQUAL,
            on=(hopping,),
            mutants=(Bound(gamma * G**2 / 4, hopping, name="gamma G^2/4"),
                     Changed("decreasing steps hop as far", hopping, algorithm=GradientDescent(gamma / (k + 1)))),
            note="On G |x| from gamma G/2 the iterate changes its sign at every step, and nothing else. The best value so far obeys the usual bound."),
    ),
)
