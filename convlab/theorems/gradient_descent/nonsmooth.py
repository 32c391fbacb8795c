"""Subgradients and steepest descent on nonsmooth functions: what is true of smooth functions and false here."""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import Rational

from convlab.algorithms.gradient_descent import GradientDescent, SteepestDescent
from convlab.assumptions import Convex, ExactLineSearch, Lipschitz, Minimum
from convlab.constants import Array
from convlab.metrics import Case, function_gap, metric
from convlab.operations import norm_squared
from convlab.symbols import M0, Delta, G, K, R, gamma, k
from convlab.theorem import Bound, Changed, FalseClaim, Instance, RateBound, Relation, StepInequality, SymbolicIdentity, Theorem, best_of, every_iterate, horizons, v


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
            asserted=RateBound(algorithm=SteepestDescent(), assumptions=(Convex, Lipschitz, Minimum, ExactLineSearch), metric=function_gap, bound=20 * Delta / (k + 1)),
            note="Even as slowly as 20/(k + 1) of the first gap.",
            witness=spiral,
            instead="gd-polyak-step",
            mutants=(Changed("the gradient tends to zero", metric=squared_slope, bound=20 * M0 / (k + 1)),)),
        RateBound(
            name="spiral",
            algorithm=SteepestDescent(),
            assumptions=(Convex, Lipschitz, Minimum, ExactLineSearch),
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
            assumptions=(Convex, Lipschitz, Minimum, ExactLineSearch),
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
                               metric=function_gap, bound=10 * Delta / (k + 1)),
            note="Even as slowly as 10/(k + 1) of the first gap.",
            witness=hopping,
            instead="subgradient-constant",
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
            facts=(SymbolicIdentity("a step down the slope G leads to the mirror image", gamma * G / 2 - gamma * G, -gamma * G / 2),),
            mutants=(Bound(gamma * G**2 / 4, hopping, name="gamma G^2/4"),
                     Changed("decreasing steps hop as far", hopping, algorithm=GradientDescent(gamma / (k + 1)))),
            note="On G |x| from gamma G/2 the iterate changes its sign at every step, and nothing else. The best value so far obeys the usual bound."),
    ),
)

# ---- what is true: the best of the points, with a step for the horizon
planned = R / (G * sp.sqrt(K + 1))
largest = Instance("max_abs", G=G, dimension=k + 1, start=R / sp.sqrt(k + 1))
count = sp.Symbol("count", positive=True)
bound_of_step = (R**2 + count * gamma**2 * G**2) / (2 * gamma * count)

subgradient_constant = Theorem(
    id="subgradient-constant",
    title="The subgradient method with the best constant step for a horizon: best gap",
    algorithm=GradientDescent(planned),
    assumptions=(Convex, Lipschitz, Minimum),
    metric=function_gap,
    mode=best_of(0, 0),
    bound=G * R / sp.sqrt(k + 1),
    grid=horizons(1, 3, 8, 15, 40),
    source="Shor (1985); no method does better: Drori, Teboulle (2016)",
    note="The best of the K + 1 points x_0, ..., x_K. No subgradient method has a smaller worst case.",
    tight=largest,
    facts=(SymbolicIdentity("the step is stationary for the bound of any step", sp.diff(bound_of_step, gamma).subs(gamma, R / (G * sp.sqrt(count))), 0),
           SymbolicIdentity("there the bound is G R/sqrt(K + 1)", bound_of_step.subs(gamma, R / (G * sp.sqrt(count))), G * R / sp.sqrt(count))),
    mutants=(Bound(G * R / sp.sqrt(k + 2), largest), Bound(G * R / (k + 1), largest),
             Changed("a twentieth at the last iterate", Instance("absolute_value", G=G, start=R), mode=every_iterate, bound=G * R / (20 * sp.sqrt(k + 1)),
                     algorithm=GradientDescent(R / (G * sp.sqrt(3))), grid=horizons(2))),
)
