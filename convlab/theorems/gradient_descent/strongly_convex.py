"""Gradient descent on smooth strongly convex functions: linear rates, worst on a quadratic."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp
from sympy import Abs, And, Eq, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent, SteepestDescent, TwoDescents
from convlab.algorithms.mixed_precision import InexactGD
from convlab.assumptions import Convex, ExactLineSearch, InexactGradients, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.inequalities import Inequality, Point, cocoercivity, descent, interpolation, line_search, star, strong_convexity, x0, x1
from convlab.metrics import Case, distance_to_minimiser, function_gap, gradient_norm, metric
from convlab.operations import norm
from convlab.symbols import M0, Delta, L, R, gamma, k, lam, mu, relative_error
from convlab.theorem import (
    Bound,
    Certificate,
    Changed,
    Instance,
    IterationMatrix,
    OneStep,
    OptimalOnQuadratics,
    RateBound,
    Recursion,
    StableOnQuadratics,
    Step,
    SymbolicIdentity,
    Theorem,
    When,
    previous,
    u,
    v,
)
from convlab.theorems.gradient_descent.constant_step import ascent, stable, stable_on_quadratics, steepest, too_long

factor = Max(Abs(1 - gamma * mu), Abs(1 - gamma * L))
spread = (v - mu * u) * (L * u - v)       # >= 0, as are both of its factors times u
best_step = 2 / (L + mu)
flat_end = Instance("quadratic", spectrum=(mu, L), start=(R, 0), when=gamma <= best_step)
steep_end = Instance("quadratic", spectrum=(mu, L), start=(0, R), when=gamma >= best_step)

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
    tight=(flat_end, steep_end),
    facts=(OneStep((1 - gamma * mu) ** 2 * u**2, name="one short step", cases=(
               When(And(0 < gamma, gamma <= best_step), ((gamma**2, spread), (gamma * (2 - gamma * (L + mu)), (v - mu * u) * u))),)),
           OneStep((1 - gamma * L) ** 2 * u**2, name="one long step", cases=(
               When(gamma >= best_step, ((gamma**2, spread), (gamma * (gamma * (L + mu) - 2), (L * u - v) * u))),)),
           IterationMatrix(sp.Matrix([[1 - gamma * lam]])),
           OptimalOnQuadratics({gamma: best_step}, (L - mu) / (L + mu)),
           Recursion(factor * previous, start=R),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound((Rational(99, 100) * factor) ** k * R), Bound(factor ** (k + 1) * R),
             Bound(Max(Abs(1 - 2 * gamma * mu), Abs(1 - gamma * L)) ** k * R, name="mu doubled"),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)

# ---- the gap and the gradient: the same factor
move = x0.x - star.x


def three_inequalities(rate: sp.Expr) -> tuple[tuple[sp.Expr, Inequality], ...]:
    """rate (1 - rate) Q(*, 0) + rate Q(0, 1) + (1 - rate) Q(*, 1): its values are rate^2 f_0 - f_1 (Taylor, Hendrickx, Glineur 2018)."""
    return ((rate * (1 - rate), interpolation(star, x0)), (rate, interpolation(x0, x1)), (1 - rate, interpolation(star, x1)))


def gap_step(name: str, rate: sp.Expr, weight: sp.Expr, square: sp.Expr, other: sp.Expr, case: sp.Basic) -> Certificate:
    """The gap shrinks by rate^2: three inequalities and two squares."""
    return Certificate(x1.f - star.f, rate**2 * (x0.f - star.f), three_inequalities(rate),
                       ((1 / (2 * (L - mu)), square), (weight / (2 * (L - mu)), other)), case, name=name)


one_short_step = gap_step("one short step: three inequalities and two squares", 1 - gamma * mu, gamma * L * (2 - gamma * (L + mu)),
                          x1.g - (1 - gamma * (L + mu)) * x0.g - gamma * L * mu * move, x0.g - mu * move, gamma <= best_step)
one_long_step = gap_step("one long step: three inequalities and two squares", gamma * L - 1, (2 - gamma * L) * (gamma * (L + mu) - 2),
                         x1.g + x0.g - L * (2 - gamma * L) * move, x0.g - L * move, gamma >= best_step)


def both_ways(known: Callable[[Point, Point], Inequality], i: Point, j: Point, weight: sp.Expr) -> tuple[tuple[sp.Expr, Inequality], ...]:
    """An inequality at (i, j) and at (j, i) with one weight: the values cancel."""
    return (weight, known(i, j)), (weight, known(j, i))


def apart_certificates(i: Point, j: Point, after: sp.Expr, before: sp.Expr, unit: sp.Expr) -> tuple[Certificate, Certificate]:
    """`after` <= factor^2 `before`, both of them unit times squared lengths of what two points i and j are apart, after a step and before it."""
    spread_twice = both_ways(interpolation, i, j, unit * gamma**2 * (L - mu))
    return (Certificate(after, (1 - gamma * mu) ** 2 * before, (*spread_twice, *both_ways(strong_convexity, i, j, unit * gamma * (2 - gamma * (L + mu)))),
                        case=gamma <= best_step, name="one short step: what lies between two gradients"),
            Certificate(after, (1 - gamma * L) ** 2 * before, (*spread_twice, *both_ways(descent, i, j, unit * gamma * (gamma * (L + mu) - 2))),
                        case=gamma >= best_step, name="one long step: what lies between two gradients"))



strongly_convex_gap = Theorem(
    id="gd-strongly-convex-fgap",
    also=("gd-strongly-convex-fgap-certificate",),
    title="Gradient descent, strongly convex: gap",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, StronglyConvex, Minimum),
    condition=stable,
    defaults={gamma: best_step},
    metric=function_gap,
    bound=factor ** (2 * k) * Delta,
    source="Taylor, Hendrickx, Glineur (2018)",
    tight=(flat_end, steep_end),
    facts=(one_short_step, one_long_step, Recursion(factor**2 * previous, start=Delta), StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(factor ** (2 * k + 1) * Delta), Bound((Rational(49, 50) * factor**2) ** k * Delta), Step(steepest, bound=M0, defaults=too_long), ascent),
)

strongly_convex_gradient = Theorem(
    id="gd-strongly-convex-grad",
    title="Gradient descent, strongly convex: gradient norm",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, StronglyConvex, Minimum),
    condition=stable,
    defaults={gamma: best_step},
    metric=gradient_norm,
    bound=factor**k * M0,
    source="Taylor, Hendrickx, Glineur (2018)",
    tight=(flat_end, steep_end),
    facts=(*apart_certificates(x0, x1, x1.g**2, x0.g**2, 1 / gamma**2), Recursion(factor * previous, start=M0), StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(factor ** (k + 1) * M0), Bound((Rational(99, 100) * factor) ** k * M0), Step(steepest, bound=M0, defaults=too_long), ascent),
)


# ---- two runs
def apart(state: Any, case: Case, s: Array) -> Array:
    """Resolution of the distance of two points, each known to s at its own size."""
    return s + 16 * np.finfo(float).eps * (norm(state.x) + norm(state.other))


@metric('norm(x_k - x\'_k)', "x", apart, needs_minimiser=False)
def distance_between(state: Any, case: Case) -> Array:
    """Distance of the two runs."""
    return norm(state.x - state.other)


other0, other1 = Point("other", 0), Point("other", 1)


def two_runs(name: str, convexity: type, contraction: Any, steps: tuple[Any, ...], **fields: Any) -> RateBound:
    """Two runs with one step size, the second from anywhere."""
    return RateBound(name=name, algorithm=TwoDescents(step_size=gamma), assumptions=(Smooth, convexity, Minimum), condition=And(0 < gamma, gamma <= 2 / L),
                     defaults={gamma: 1 / L}, metric=distance_between, free_state=("other",), bound=contraction**k * M0,
                     facts=(*steps, StableOnQuadratics(stable_on_quadratics)), **fields)


two_trajectories = Theorem(
    id="gd-two-trajectories",
    title="Gradient descent: any two runs approach each other",
    source="Ryu, Boyd (2016)",
    claims=(
        two_runs("main", StronglyConvex, factor,
                 (*apart_certificates(x0, other0, (x1.x - other1.x) ** 2, (x0.x - other0.x) ** 2, sp.Integer(1)), Recursion(factor * previous, start=M0)),
                 tight=(flat_end, steep_end),
                 mutants=(Bound(factor ** (k + 1) * M0), Changed("half the step", algorithm=TwoDescents(gamma / 2), on=flat_end)),
                 note="Where the second run starts at x*, this is the distance to the minimiser."),
        two_runs("convex", Convex, sp.Integer(1),
                 (Certificate((x1.x - other1.x) ** 2, (x0.x - other0.x) ** 2, ((2 * gamma, cocoercivity(x0, other0)),),
                              ((gamma * (2 / L - gamma), x0.g - other0.g),), name="one step, by cocoercivity"),),
                 tight=Instance("quadratic", spectrum=(L,), start=R, when=Eq(gamma, 2 / L)),
                 mutants=(Step(steepest, defaults={gamma: Rational(21, 10) / L}),),
                 note="Without strong convexity two runs at least never move apart."),
    ),
)

# ---- gradients known up to a part of their length
shortest, longest = (1 - relative_error) * mu, (1 + relative_error) * L
best_inexact = 2 / (shortest + longest)
inexact_factor = (longest - shortest) / (longest + shortest)
two_sevenths = {relative_error: Rational(2, 7)}
too_short_gradients = Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=-1, start=(R, 0), at=two_sevenths)
too_long_gradients = Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=1, start=(0, R), at=two_sevenths)
large_errors = Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=1, start=(0, R), at={relative_error: Rational(2, 5), L: 4, mu: 1})

relative_error_best_step = Theorem(
    id="gd-relative-error-best-step",
    title="Gradient descent with a relative gradient error, strongly convex: gap at the best step",
    algorithm=InexactGD(best_inexact),
    assumptions=(Smooth, StronglyConvex, InexactGradients, Minimum),
    metric=function_gap,
    bound=inexact_factor ** (2 * k) * Delta,
    source="de Klerk, Glineur, Taylor (2020)",
    tight=(too_short_gradients, too_long_gradients),
    facts=(SymbolicIdentity("the steepest and the flattest direction contract alike", 1 - best_inexact * shortest, best_inexact * longest - 1),
           SymbolicIdentity("by this factor", 1 - best_inexact * shortest, inexact_factor)),
    mutants=(Bound(((L - mu) / (L + mu)) ** (2 * k) * Delta, too_long_gradients, name="the rate without errors"),
             Bound((Rational(99, 100) * inexact_factor) ** (2 * k) * Delta, too_short_gradients, name="0.99 of the factor"),
             Changed("the step 2/(L + mu) of exact gradients descends", large_errors, algorithm=InexactGD(best_step), bound=M0)),
)

# ---- the best step along each gradient
line_factor = (L - mu) / (L + mu)
zigzag = Instance("quadratic", spectrum=(mu, L), start=(R * L / sp.sqrt(L**2 + mu**2), R * mu / sp.sqrt(L**2 + mu**2)), at={L: 12, mu: 5, R: Rational(7, 2)})
exact_line_search = Theorem(
    id="gd-exact-line-search",
    title="Gradient descent with exact line search, strongly convex: gap",
    algorithm=SteepestDescent(),
    assumptions=(Smooth, StronglyConvex, Minimum, ExactLineSearch),
    metric=function_gap,
    bound=line_factor ** (2 * k) * Delta,
    source="de Klerk, Glineur, Taylor (2017); on quadratics Kantorovich (1948)",
    tight=zigzag,
    facts=(Certificate(x1.f - star.f, line_factor**2 * (x0.f - star.f),
                       (*three_inequalities(line_factor), (-2 / (L + mu), line_search(x1, x0.g)), (-1, line_search(x1, x1.x - x0.x))),
                       ((1 / (2 * (L - mu)), ((L - mu) * x0.g + (L + mu) * x1.g - mu * (L - mu) * move - mu * (L + mu) * (x1.x - star.x)) / (L + mu)),
                        (2 * mu / (L + mu) ** 2, x0.g - (L + mu) * (x0.x - x1.x) / 2)),
                       name="the same three inequalities, and g_1 orthogonal to g_0 and to the move"),
           Recursion(line_factor**2 * previous, start=Delta),
           SymbolicIdentity("along the zigzag both coordinates shrink alike", 1 - best_step * mu, best_step * L - 1)),
    mutants=(Bound((Rational(49, 50) * line_factor**2) ** k * Delta, zigzag), Bound(line_factor ** (2 * k + 1) * Delta, zigzag),
             Bound((Rational(99, 100) * line_factor) ** (2 * k) * Delta, zigzag, name="faster than the constant step 2/(L + mu)")),
)
