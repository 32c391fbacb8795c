"""Gradient descent on smooth strongly convex functions: linear rates, worst on a quadratic."""
from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from sympy import Abs, And, Eq, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent, SteepestDescent, TwoDescents
from convlab.algorithms.mixed_precision import InexactGD
from convlab.assumptions import Convex, ExactLineSearch, InexactGradients, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, distance_to_minimiser, function_gap, gradient_norm, metric
from convlab.operations import norm
from convlab.symbols import M0, Delta, L, R, gamma, k, lam, mu, relative_error
from convlab.theorem import (
    Bound,
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
           OptimalOnQuadratics({gamma: best_step}, (L - mu) / (L + mu)),
           Recursion(factor * previous, start=R),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound((Rational(99, 100) * factor) ** k * R), Bound(factor ** (k + 1) * R),
             Bound(Max(Abs(1 - 2 * gamma * mu), Abs(1 - gamma * L)) ** k * R, name="mu doubled"),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)

# ---- the gap and the gradient: the same factor
f_0, f_1, g_0, g_1, x_0, x_1 = sp.symbols("f_0 f_1 g_0 g_1 x_0 x_1", real=True)      # minimum 0 at 0; of vectors only inner products occur
minimum, first, second = (0, 0, 0), (f_0, g_0, x_0), (f_1, g_1, x_0 - gamma * g_0)


def interpolation(i: tuple[Any, Any, Any], j: tuple[Any, Any, Any]) -> sp.Expr:
    """Q(i, j) <= 0 for two points (value, gradient, place) of a smooth strongly convex function (Taylor, Hendrickx, Glineur 2017)."""
    (f_i, g_i, x_i), (f_j, g_j, x_j) = i, j
    spread = (g_i - g_j) ** 2 / L + mu * (x_i - x_j) ** 2 - 2 * mu / L * (g_i - g_j) * (x_i - x_j)
    return f_j - f_i + g_j * (x_i - x_j) + spread / (2 * (1 - mu / L))


def weighted(rate: sp.Expr, after: tuple[Any, Any, Any]) -> sp.Expr:
    """rate (1 - rate) Q(*, 0) + rate Q(0, 1) + (1 - rate) Q(*, 1): its values are f_1 - rate^2 f_0."""
    return rate * (1 - rate) * interpolation(minimum, first) + rate * interpolation(first, after) + (1 - rate) * interpolation(minimum, after)


def certificate(name: str, rate: sp.Expr, weight: sp.Expr, square: sp.Expr, other: sp.Expr) -> SymbolicIdentity:
    """rate^2 f_0 - f_1 is the weighted sum of what is <= 0, taken negatively, plus two squares."""
    return SymbolicIdentity(name, weighted(rate, second), f_1 - rate**2 * f_0 + (square**2 + weight * other**2) / (2 * (L - mu)))


one_short_step = certificate("one short step: three inequalities and two squares", 1 - gamma * mu, gamma * L * (2 - gamma * (L + mu)),
                             g_1 - (1 - gamma * (L + mu)) * g_0 - gamma * L * mu * x_0, g_0 - mu * x_0)
one_long_step = certificate("one long step: three inequalities and two squares", gamma * L - 1, (2 - gamma * L) * (gamma * (L + mu) - 2),
                            g_1 + g_0 - L * (2 - gamma * L) * x_0, g_0 - L * x_0)
flat_end = Instance("quadratic", spectrum=(mu, L), start=(R, 0), when=gamma <= best_step)
steep_end = Instance("quadratic", spectrum=(mu, L), start=(0, R), when=gamma >= best_step)

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
    facts=(one_short_step, one_long_step, StableOnQuadratics(stable_on_quadratics)),
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
    facts=(SymbolicIdentity("the step of the distance, for the move u and the change v of the gradient along it", (u - gamma * v) ** 2,
                            (1 - gamma * mu) ** 2 * u**2 - gamma**2 * spread - gamma * (2 - gamma * (L + mu)) * (v - mu * u) * u),
           SymbolicIdentity("the gradient after it, where the move is u = -gamma g", (-u / gamma + v) ** 2, ((u - gamma * v) / gamma) ** 2),
           StableOnQuadratics(stable_on_quadratics)),
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


def two_runs(name: str, convexity: type, contraction: Any, **fields: Any) -> RateBound:
    """Two runs with one step size, the second from anywhere."""
    return RateBound(name=name, algorithm=TwoDescents(step_size=gamma), assumptions=(Smooth, convexity, Minimum), condition=And(0 < gamma, gamma <= 2 / L),
                     defaults={gamma: 1 / L}, metric=distance_between, free_state=("other",), bound=contraction**k * M0,
                     facts=(StableOnQuadratics(stable_on_quadratics),), **fields)


two_trajectories = Theorem(
    id="gd-two-trajectories",
    title="Gradient descent: any two runs approach each other",
    source="Ryu, Boyd (2016)",
    claims=(
        two_runs("main", StronglyConvex, factor, tight=(flat_end, steep_end),
                 mutants=(Bound(factor ** (k + 1) * M0), Changed("half the step", algorithm=TwoDescents(gamma / 2), on=flat_end)),
                 note="Where the second run starts at x*, this is the distance to the minimiser."),
        two_runs("convex", Convex, sp.Integer(1), tight=Instance("quadratic", spectrum=(L,), start=R, when=Eq(gamma, 2 / L)),
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
anywhere = (f_1, g_1, x_1)
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
    facts=(SymbolicIdentity("the same three inequalities, and g_1 orthogonal to g_0 and to the move",
                            weighted(line_factor, anywhere) + 2 / (L + mu) * g_1 * g_0 + g_1 * (x_1 - x_0),
                            f_1 - line_factor**2 * f_0
                            + (((L - mu) * g_0 + (L + mu) * g_1 - mu * (L - mu) * x_0 - mu * (L + mu) * x_1) / (L + mu)) ** 2 / (2 * (L - mu))
                            + 2 * mu / (L + mu) ** 2 * (g_0 - (L + mu) * (x_0 - x_1) / 2) ** 2),
           SymbolicIdentity("along the zigzag both coordinates shrink alike", 1 - best_step * mu, best_step * L - 1)),
    mutants=(Bound((Rational(49, 50) * line_factor**2) ** k * Delta, zigzag), Bound(line_factor ** (2 * k + 1) * Delta, zigzag),
             Bound((Rational(99, 100) * line_factor) ** (2 * k) * Delta, zigzag, name="faster than the constant step 2/(L + mu)")),
)
