"""Gradient descent with steps read off the function: backtracking, Polyak's step, and steps from the last two gradients."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy import And, Min, Rational

from convlab.algorithms.gradient_descent import ArmijoDescent, MalitskyMishchenko, PolyakStep
from convlab.assumptions import Convex, Lipschitz, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, distance_to_minimiser, function_gap, gap_of, metric, squared_distance, squared_gradient_norm
from convlab.operations import norm, norm_squared, where
from convlab.symbols import Delta, G, L, R, backtracking, first_step, gamma, k, mu, sufficient_decrease
from convlab.theorem import (
    Bound,
    Changed,
    Instance,
    RateBound,
    Relation,
    Series,
    SymbolicIdentity,
    Theorem,
    best_of,
    horizons,
    sum_of,
    u,
    v,
)
from convlab.theorems.gradient_descent.constant_step import steepest

# ---- Armijo's backtracking
share, shrink, first = sufficient_decrease, backtracking, first_step
shortest = Min(first, 2 * shrink * (1 - share) / L)
searched = ArmijoDescent(first, share, shrink)
searching = And(0 < share, share < 1, 0 < shrink, shrink <= Rational(1, 2), 0 < first, first <= 8 / L)
half = {share: Rational(1, 2), shrink: Rational(1, 2), first: Rational(11, 10) / L}
just_rejected = {**half, first: Rational(1000001, 1000000) / L}
small_steps = {share: Rational(9, 10), shrink: Rational(1, 2), first: Rational(1, 20) / L}
at_a_few = horizons(1, 3, 8, 20, 40)        # a step of the search costs a dozen of others
UNTOLD = 100              # a fall of f by a part of t |g|^2 is told from values that are known to |g| s each, and s at the point before was no larger than here
LEAST = 1e-200            # a gradient that is zero
zigzag = Instance("sawtooth", steps=20, gamma=Rational(1, 20) / L, L=L, c=G, start=0)


def at_step(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a step that was told from values or gradients of points known to s: nothing is left of it where the gradient is rounding."""
    slope = norm(case.problem.gradient(state[0]))
    return UNTOLD * s / case.get(share, 1) / where(slope > 0, slope, LEAST)          # times the scale 1/L of a step, and L of the gradient's error L s


@metric("t_k", "x^2/f", at_step, needs_minimiser=False)
def accepted_step(state: Any, case: Case) -> Array:
    """The step that led here; at the start the first that will be tried."""
    return state.step[:, 0]


armijo = Theorem(
    id="gd-armijo",
    title="Gradient descent with Armijo's backtracking, nonconvex: accepted steps and smallest gradient so far",
    source="Nocedal, Wright (2006), chapter 3, with an explicit constant",
    claims=(
        RateBound(
            algorithm=searched, assumptions=(Smooth, Minimum), condition=searching, defaults=half, metric=squared_gradient_norm, mode=best_of(0, -1),
            bound=Delta / (share * shortest * k), grid=at_a_few,
            note="Judged up to b = 1/2 and t_0 = 8/L, where a step takes few trials.",
            facts=(SymbolicIdentity("on L x^2/2 a step is accepted iff it is at most 2 (1 - c)/L",
                                    L * u**2 / 2 - share * gamma * (L * u) ** 2 - L * (u - gamma * L * u) ** 2 / 2,
                                    L**2 * u**2 * gamma / 2 * (2 * (1 - share) - gamma * L)),),
            mutants=(Bound(Delta / (share * shortest * k**2), zigzag, defaults=small_steps),
                     Bound(Delta / (4 * share * shortest * k), zigzag, defaults=small_steps, name="a quarter"))),
        RateBound(
            name="step", algorithm=searched, assumptions=(Smooth, Minimum), condition=searching, defaults=half, metric=accepted_step,
            relation=Relation.AT_LEAST, bound=shortest, grid=at_a_few,
            note="Approached on L x^2/2 where the first trial is just too long.",
            mutants=(Bound(Min(first, 2 * (1 - share) / L), steepest, name="the last factor forgotten"),
                     Bound(Rational(1000, 999) * shortest, steepest, defaults=just_rejected, name="a thousandth more"))),
    ),
)

# ---- Polyak's step
polyak = PolyakStep()
largest = Instance("max_abs", G=G, dimension=k + 1, start=R / sp.sqrt(k + 1))
D = sp.Symbol("D", positive=True)
descends = SymbolicIdentity("the step is the best one for what is known: -2 t D + t^2 g^2 at t = D/g^2", -2 * D / v**2 * D + (D / v**2) ** 2 * v**2, -(D**2) / v**2)

polyak_step = Theorem(
    id="gd-polyak-step",
    title="Subgradients with Polyak's step, convex and Lipschitz: best gap",
    source="Polyak (1969); Boyd, Xiao, Mutapcic (2003)",
    claims=(
        RateBound(algorithm=polyak, assumptions=(Convex, Lipschitz, Minimum), metric=function_gap, mode=best_of(0, 0), bound=G * R / sp.sqrt(k + 1), tight=largest,
                  facts=(descends,),
                  mutants=(Bound(G * R / sp.sqrt(k + 2), largest), Bound(G * R / (k + 1), largest),
                           Changed("f* believed lower than it is", Instance("absolute_value", G=G, start=R), algorithm=PolyakStep(lowered=G * R / 2)))),
        RateBound(name="distance", algorithm=polyak, assumptions=(Convex, Lipschitz, Minimum), metric=distance_to_minimiser, bound=R, facts=(descends,),
                  mutants=(Changed("f* believed higher than f(x_0)", Instance("absolute_value", G=G, start=R), algorithm=PolyakStep(lowered=-2 * G * R)),)),
    ),
)

polyak_step_smooth = Theorem(
    id="gd-polyak-step-smooth",
    title="Gradient descent with Polyak's step, convex and smooth: the sum of all gaps; strongly convex: distance",
    source="Hazan, Kakade (2019), with constants derived here",
    claims=(
        RateBound(algorithm=polyak, assumptions=(Convex, Smooth, Minimum), metric=function_gap, mode=sum_of(0, 0), bound=2 * L * R**2,
                  note="So the smallest of the first k + 1 gaps is at most 2 L R^2/(k + 1).",
                  facts=(descends, SymbolicIdentity("a smooth gradient is at most sqrt(2 L D), so a step gains D/(2 L)", D**2 / (2 * L * D), D / (2 * L))),
                  mutants=(Bound(L * R**2 / 2, steepest), Changed("a hundredth of the step", steepest, algorithm=PolyakStep(lowered=-Rational(99, 100) * Delta)))),
        RateBound(name="distance", algorithm=polyak, assumptions=(StronglyConvex, Smooth, Minimum), metric=squared_distance, bound=(1 - mu / (4 * L)) ** k * R**2,
                  facts=(SymbolicIdentity("D >= mu d^2/2", u**2 - mu * u**2 / 2 / (2 * L), (1 - mu / (4 * L)) * u**2),),
                  mutants=(Bound(Rational(1, 5) ** k * R**2, steepest), Bound(Rational(1, 4) ** k * R**2, Instance("quadratic", spectrum=(mu, L), start=(R, R / 50)),
                                                                              name="the distance halves at every step"))),
    ),
)


# ---- Malitsky and Mishchenko: no L, no line search
def after_the_first(state: Any, case: Case) -> Array:
    """C = |x_1 - x*|^2 + |x_1 - x_0|^2/2 + 2 lambda_1^2/lambda_0 D_0."""
    start = gap_of(case.problem, state.x_0, case.minimum)
    return norm_squared(state.x_1 - case.minimiser) + norm_squared(state.x_1 - state.x_0) / 2 + 2 * (state.step_1 * state.step_1 / state.step_0)[:, 0] * start


def ratio_first(state: Any, case: Case) -> Array:
    """lambda_1^2/lambda_0 - 2 lambda_0: with it the sum of all steps becomes S, for the start counts lambda_0 and so does the first update."""
    return (state.step_1 * state.step_1 / state.step_0 - 2 * state.step_0)[:, 0]


def last_step(state: Any, case: Case) -> Array:
    """lambda_k."""
    return state.step[:, 0]


reads = (Series("C", after_the_first), Series("S", last_step, summed=True), Series("S_0", ratio_first))


def certified(share: float) -> Any:
    """share C/(2 S), S = lambda_1^2/lambda_0 + lambda_1 + ... + lambda_k."""
    def bound(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
        return share * record["C"] / (2 * (record["S"] + record["S_0"]))

    return bound


before, now, p = sp.symbols("before now p", real=True)              # lambda_(k-1), lambda_k, and the gradient at x_(k-1); u = x_k - x*, v the gradient at x_k
D_before, D_now = sp.symbols("D_before D_now", real=True)
energy = SymbolicIdentity(
    "the energy falls: convexity at (x*, x_k) and (x_(k-1), x_k), the rule norm(x_k - x_(k-1)) >= 2 lambda_k norm(g_k - g_(k-1)), and a square",
    u**2 + (before * p) ** 2 / 2 + 2 * now**2 / before * D_before - (u - now * v) ** 2 - (now * v) ** 2 / 2 - 2 * now * (1 + now / before) * D_now,
    2 * now * (u * v - D_now) + 2 * now**2 / before * (D_before - D_now - before * p * v)
    + ((before * p) ** 2 - 4 * now**2 * (v - p) ** 2) / 2 + (now * v - 2 * now * (v - p)) ** 2 / 2)
paced = MalitskyMishchenko(first)
any_first = {first: 1 / (2 * L)}

adaptive = Theorem(
    id="gd-adaptive-malitsky-mishchenko",
    title="Gradient descent without L and without line search, convex: best gap",
    source="Malitsky, Mishchenko (2020)",
    claims=(
        RateBound(algorithm=paced, assumptions=(Convex, Smooth, Minimum), condition=first > 0, defaults=any_first, metric=function_gap, mode=best_of(0, -1),
                  grid=horizons(2, 5, 15, 50), bound=certified(1), reads=reads, statement='C / (2 (lambda_1^2 \\/ lambda_0 + lambda_1 + ... + lambda_(k-1)))',
                  note="C = |x_1 - x*|^2 + |x_1 - x_0|^2/2 + 2 (lambda_1^2/lambda_0) (f(x_0) - f*): read off the run, as the steps are.",
                  facts=(energy,),
                  mutants=(Changed("twice the local step", algorithm=MalitskyMishchenko(first, caution=Rational(2))),)),
        RateBound(name="step", algorithm=paced, assumptions=(Convex, Smooth, Minimum), condition=And(first > 0, first >= 1 / (2 * L)), defaults=any_first,
                  metric=accepted_step, relation=Relation.AT_LEAST, bound=1 / (2 * L), grid=at_a_few,
                  mutants=(Bound(Rational(10, 19) / L, steepest),))),
)
