"""Gradient descent on smooth convex functions: sublinear gaps, worst on a Huber function that stays linear until the last step."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import And, Eq, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.constants import Array
from convlab.inequalities import cocoercivity, descent, interpolation, star, x0, x1
from convlab.metrics import Case, function_gap, gap_of
from convlab.operations import norm, norm_squared
from convlab.symbols import M0, L, R, gamma, k
from convlab.theorem import (
    Bound,
    Certificate,
    Changed,
    Instance,
    Multipliers,
    StableOnQuadratics,
    Step,
    StepInequality,
    SymbolicIdentity,
    Telescope,
    Theorem,
    from_k,
    sum_of,
    u,
    v,
)
from convlab.theorems.gradient_descent.constant_step import ascent, stable, stable_on_quadratics, steepest, too_long


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

# ---- the same, as textbooks print it, and the sum of all gaps
short = And(0 < gamma, gamma <= 1 / L)
at_one_over_L = Instance("huber", mu=0, L=L, threshold=R / (2 * k + 1), start=R)
one_step = SymbolicIdentity("what one step at 1/L gains of the squared distance", L / 2 * (u**2 - (u - v / L) ** 2), u * v - v**2 / (2 * L))

textbook = Theorem(
    id="gd-smooth-convex-fgap-textbook",
    title="Gradient descent, convex: gap of the last iterate, with the constant of the textbooks",
    algorithm=GradientDescent(step_size=1 / L),
    assumptions=(Convex, Smooth, Minimum),
    metric=function_gap,
    bound=L * R**2 / (2 * k),
    grid=from_k(1),
    source="Nesterov (2018), Corollary 2.1.2 and its like",
    facts=(one_step, SymbolicIdentity("loose by the factor 2 + 1/k", L * R**2 / (2 * k), (2 + 1 / k) * slow.subs(gamma, 1 / L))),
    mutants=(Bound(L * R**2 / (5 * k), at_one_over_L), Bound(L * R**2 / (2 * k**2), at_one_over_L),
             Changed("step 2.2/L", steepest, algorithm=GradientDescent(Rational(11, 5) / L)),
             Changed("a quarter of the step", Instance("huber", mu=0, L=L, threshold=2 * R / (k + 2), start=R), algorithm=GradientDescent(1 / (4 * L)))),
)

arrives = Instance("huber", mu=0, L=L, threshold=R / k, start=R, when=Eq(gamma, 1 / L))        # at the minimiser, with the k-th step

sum_of_gaps = Theorem(
    id="gd-sum-of-gaps",
    title="Gradient descent, convex: the sum of all gaps before k",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Convex, Smooth, Minimum),
    condition=short,
    defaults={gamma: 1 / L},
    metric=function_gap,
    mode=sum_of(0, -1),
    bound=R**2 / (2 * gamma),
    grid=from_k(1),
    source="folklore",
    note="So the smallest of the first k gaps, and their mean, are at most R^2/(2 gamma k).",
    tight=arrives,
    facts=(Telescope(measured=x0.f - star.f, potential=(x0.x - star.x) ** 2 / (2 * gamma), total=k, terms=((1, interpolation(star, x0)),),
                     squares=(((1 / L - gamma) / 2, x0.g),), end_squares=((1 / (2 * gamma), x0.x - star.x),),
                     name="each step gains its gap of the squared distance"),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(R**2 / (Rational(201, 100) * gamma), arrives), Bound(R**2 / (2 * gamma * k ** Rational(1, 4)), arrives),
             Step(steepest, defaults={gamma: Rational(3, 2) / L}), ascent),
)


# ---- what never grows
def distance(state: Any, case: Case) -> Array:
    """|x - x*|."""
    return norm(state[0] - case.minimiser)


def slope(state: Any, case: Case) -> Array:
    """|grad f(x)|."""
    return norm(case.problem.gradient(state[0]))


def value(state: Any, case: Case) -> Array:
    """f(x) - f*, without cancellation where the problem offers it."""
    return gap_of(case.problem, state[0], case.minimum)


def after_descent(share: Rational) -> Callable[[Any, Case], Array]:
    """f(x) - f* - gamma (1 - share gamma L) |grad f(x)|^2."""
    def bound(state: Any, case: Case) -> Array:
        decrease = case[gamma] * (1 - case[L] * case[gamma] * share.p / share.q) * norm_squared(case.problem.gradient(state[0]))
        return value(state, case) - decrease

    return bound


to_the_edge = And(0 < gamma, gamma <= 2 / L)
at_the_edge = Instance("quadratic", spectrum=(L,), start=R, when=Eq(gamma, 2 / L))
halves, quarters = after_descent(Rational(1, 2)), after_descent(Rational(1, 4))

monotone = Theorem(
    id="gd-monotone",
    title="Gradient descent, convex: distance and gradient never grow, and the value falls",
    source="Nesterov (2018)",
    claims=tuple(
        StepInequality(name=name, algorithm=GradientDescent(gamma), assumptions=assumptions, condition=to_the_edge, defaults={gamma: 1 / L},
                       after=measured, bound=bound, statement=statement, tight=tight, mutants=mutants, facts=facts, note=note)
        for name, assumptions, measured, bound, statement, tight, mutants, facts, note in (
            ("distance", (Convex, Smooth, Minimum), distance, distance, "norm(x^+ - x^*) <= norm(x - x^*)", at_the_edge,
             (Step(steepest, defaults=too_long),),
             (Certificate((x1.x - star.x) ** 2, (x0.x - star.x) ** 2, ((2 * gamma, cocoercivity(x0, star)),), ((gamma * (2 / L - gamma), x0.g),),
                          name="cocoercivity, with weight 2 gamma"),), ""),
            ("gradient", (Convex, Smooth, Minimum), slope, slope, "norm(nabla f(x^+)) <= norm(nabla f(x))", at_the_edge,
             (Step(steepest, defaults=too_long),),
             (Certificate(x1.g**2, x0.g**2, ((2 / gamma, cocoercivity(x0, x1)),), ((2 / (gamma * L) - 1, x1.g - x0.g),),
                          name="cocoercivity along the step, with weight 2/gamma"),), ""),
            ("value", (Smooth, Minimum), value, halves, "f(x^+) <= f(x) - gamma (1 - gamma L / 2) norm(nabla f(x))^2", steepest,
             (Changed("decrease gamma (1 - gamma L/4) |g|^2", steepest, bound=quarters),),
             (Certificate(x1.f, x0.f - gamma * (1 - gamma * L / 2) * x0.g**2, ((1, descent(x1, x0)),), name="the descent lemma"),
              SymbolicIdentity("on L x^2/2", L * (u - gamma * L * u) ** 2 / 2, L * u**2 / 2 - gamma * (1 - gamma * L / 2) * (L * u) ** 2),),
             "True for every step, convex or not; it means descent up to 2/L."))),
)
