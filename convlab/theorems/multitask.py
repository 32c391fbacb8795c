"""Two tasks: what a step of PCGrad does to their sum, exactly. Its length is governed by the smoothness of the sum, not of the single tasks.

What gradient surgery and weighted sums do not do: reach the minimum of the sum where the tasks are opposed, and reach every Pareto point.
"""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import And, Eq, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.multitask import PCGrad
from convlab.assumptions import Convex, Minimum, Smooth, Tasks
from convlab.constants import Array
from convlab.metrics import Case, function_gap
from convlab.operations import inner, norm_squared, sqrt, stack, where
from convlab.symbols import M0, G, L, R, gamma, k
from convlab.theorem import Bound, Changed, FalseClaim, Identity, Instance, RateBound, Relation, Step, StepInequality, SymbolicIdentity, Theorem, from_k


# ---- what the claims measure
def total(state: Any, case: Case) -> Array:
    """The sum of the tasks."""
    return case.problem.value(state[0])


def pair(state: Any, case: Case) -> tuple[Array, Array]:
    """The task gradients."""
    gradients = case.problem.task_gradients(state[0])
    return gradients[:, 0], gradients[:, 1]


def products(state: Any, case: Case) -> tuple[Array, Array, Array]:
    """a = |g_1|^2, b = |g_2|^2 and c = <g_1, g_2>."""
    first, second = pair(state, case)
    return inner(first, first), inner(second, second), inner(first, second)


def squared_sine(state: Any, case: Case) -> Array:
    """s = 1 - c^2/(a b), from the minors of (g_1, g_2), since a b - c^2 is the sum of their squares: nothing cancels where the tasks are opposed."""
    first, second = pair(state, case)
    crossed = first[:, :, None] * second[:, None, :]
    minors = crossed - crossed.swapaxes(1, 2)
    return norm_squared(minors) / 2 / _divisor(inner(first, first) * inner(second, second))


def _divisor(product: Array) -> Array:
    return where(product > 0, product, 1 + 0 * product)              # a zero gradient conflicts with nothing: the value is not used


def conflict(state: Any, case: Case) -> Array:
    """Where the task gradients conflict."""
    return products(state, case)[2] < 0


def agreement(state: Any, case: Case) -> Array:
    """Where they do not."""
    return products(state, case)[2] >= 0


def after_conflict(state: Any, case: Case) -> Array:
    """F - gamma s (a + b - (gamma L/2)(a + b - 2c))."""
    a, b, c = products(state, case)
    return total(state, case) - case[gamma] * squared_sine(state, case) * (a + b - case[gamma] * case[L] / 2 * (a + b - 2 * c))


def after_short_step(state: Any, case: Case) -> Array:
    """F - (gamma/2) s (1 + cos)(a + b), with 1 + cos = s/(1 - cos)."""
    a, b, c = products(state, case)
    s, cosine = squared_sine(state, case), -sqrt(c * c / _divisor(a * b))
    return total(state, case) - case[gamma] / 2 * s * s / (1 - cosine) * (a + b)


def after_any_angle(state: Any, case: Case) -> Array:
    """A mutant: F - (gamma/2) s (a + b), the factor 1 + cos dropped."""
    a, b, _ = products(state, case)
    return total(state, case) - case[gamma] / 2 * squared_sine(state, case) * (a + b)


def after_agreement(state: Any, case: Case) -> Array:
    """F - gamma (1 - gamma L/2) |g_1 + g_2|^2."""
    return total(state, case) - case[gamma] * (1 - case[gamma] * case[L] / 2) * norm_squared(case.problem.gradient(state[0]))


def after_full_gradient(state: Any, case: Case) -> Array:
    """A mutant: F - (gamma/2) |g_1 + g_2|^2, what gradient descent on the sum achieves."""
    return total(state, case) - case[gamma] / 2 * norm_squared(case.problem.gradient(state[0]))


def after_flat_agreement(state: Any, case: Case) -> Array:
    """A mutant: F - gamma |g_1 + g_2|^2, the curvature forgotten."""
    return total(state, case) - case[gamma] * norm_squared(case.problem.gradient(state[0]))


# ---- instances: the Hessian of the sum is L I, the gradients at the start are those given
def meeting(first: tuple[Any, Any], second: tuple[Any, Any], when: Any = True) -> Instance:
    """Two isotropic tasks of one curvature whose gradients at the start are G first and G second."""
    centres = tuple(tuple(-2 * G * sp.sympify(v) / L for v in gradient) for gradient in (first, second))
    return Instance("task-pairs", matrices=(L / 2, L / 2), centres=centres, start=(0, 0), when=when)


equal_lengths = meeting((3, 4), (-5, 0), when=Eq(gamma, 1 / L))
nearly_opposed = meeting((1, 0), (-2, Rational(1, 10)))
right_angled = meeting((1, 0), (-1, 1))

a, b, c = sp.symbols("a b c", real=True)
keep_first, keep_second, sine = 1 - c / a, 1 - c / b, 1 - c**2 / (a * b)      # u = keep_first g_1 + keep_second g_2
short = And(gamma > 0, gamma <= 1 / L)

pcgrad_two_task = Theorem(
    id="pcgrad-two-task",
    title="PCGrad on two tasks: the decrease of their sum in one step",
    source="Yu, Kumar, Gupta, Levine, Hausman, Finn (2020), Theorem 1, in a form with explicit constants",
    claims=(
        StepInequality(
            name="conflict",
            algorithm=PCGrad(step_size=gamma),
            assumptions=(Smooth, Tasks),
            condition=gamma > 0,
            defaults={gamma: 1 / L},
            where=conflict,
            after=total,
            bound=after_conflict,
            statement='F(x^+) <= F(x) - gamma s (a + b - gamma L / 2 (a + b - 2 c)) quad "where" c < 0',
            tight=(meeting((3, 4), (-5, 0)), right_angled),
            facts=(SymbolicIdentity("<u, g_1> = s a", keep_first * a + keep_second * c, sine * a),
                   SymbolicIdentity("<u, g_2> = s b", keep_first * c + keep_second * b, sine * b),
                   SymbolicIdentity("<u, g_1 + g_2> = s (a + b)", keep_first * (a + c) + keep_second * (b + c), sine * (a + b)),
                   SymbolicIdentity("|u|^2 = s (a + b - 2c)", keep_first**2 * a + keep_second**2 * b + 2 * keep_first * keep_second * c,
                                    sine * (a + b - 2 * c))),
            mutants=(Changed("decrease (gamma/2) |g_1 + g_2|^2", bound=after_full_gradient, on=nearly_opposed),),
            note="a = |g_1|^2, b = |g_2|^2, c = <g_1, g_2>, s = 1 - c^2/(a b), L that of the sum. An equality where the Hessian of the sum is L I.",
        ),
        StepInequality(
            name="conflict-short-step",
            algorithm=PCGrad(step_size=gamma),
            assumptions=(Smooth, Tasks),
            condition=short,
            defaults={gamma: 1 / L},
            where=conflict,
            after=total,
            bound=after_short_step,
            statement='F(x^+) <= F(x) - gamma / 2 s (1 + cos) (a + b) quad "where" c < 0',
            tight=equal_lengths,
            mutants=(Step(right_angled, name="the L of one task: gamma = 2/L", defaults={gamma: 2 / L}),
                     Changed("decrease (gamma/2) |g_1 + g_2|^2", bound=after_full_gradient, on=nearly_opposed),
                     Changed("factor 1 + cos dropped", bound=after_any_angle, on=nearly_opposed)),
            note="cos = c/sqrt(a b) of the task gradients.",
        ),
        StepInequality(
            name="agreement",
            algorithm=PCGrad(step_size=gamma),
            assumptions=(Smooth, Tasks),
            condition=short,
            defaults={gamma: 1 / L},
            where=agreement,
            after=total,
            bound=after_agreement,
            statement='F(x^+) <= F(x) - gamma (1 - gamma L / 2) norm(g_1 + g_2)^2 quad "where" c >= 0',
            tight=meeting((3, 4), (5, 0)),
            mutants=(Changed("the curvature forgotten", bound=after_flat_agreement, on=meeting((3, 4), (5, 0))),),
            note="Without conflict PCGrad is gradient descent on the sum.",
        ),
    ),
)


# ---- opposed tasks stop PCGrad anywhere between their minimisers
opposed = Instance("task-pairs", matrices=(L / 4, 3 * L / 4), centres=((2 * R,), (-2 * R,)), start=(0,))      # minimum of the sum at -R
elsewhere = Instance("task-pairs", matrices=(2 * L / 3, L / 3), centres=((5 * R,), (-4 * R,)), start=(R,))     # minimum of the sum at 2 R

false_pcgrad = Theorem(
    id="false-pcgrad-reaches-minimum-of-sum",
    title="FALSE: PCGrad on convex tasks minimises their sum as gradient descent does",
    source="the exception cos = -1 of Yu, Kumar, Gupta, Levine, Hausman, Finn (2020)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=PCGrad(step_size=gamma), assumptions=(Convex, Smooth, Tasks, Minimum), condition=short, defaults={gamma: 1 / L},
                               metric=function_gap, bound=R**2 / (2 * gamma * k), grid=from_k(1)),
            witness=opposed,
            instead="pcgrad-two-task",
            mutants=(Changed("it gets there sooner or later, at 20/(k + 1) of the first gap", bound=20 * M0 / (k + 1)),)),
        RateBound(
            name="rest",
            algorithm=PCGrad(step_size=gamma),
            assumptions=(Convex, Smooth, Tasks, Minimum),
            condition=short,
            defaults={gamma: 1 / L},
            metric=function_gap,
            bound=L * R**2 / 2,
            relation=Relation.EQUAL,
            on=(opposed, elsewhere),
            facts=(SymbolicIdentity("<u, g_1> vanishes where c^2 = a b", (keep_first * a + keep_second * c).subs(b, c**2 / a), 0),
                   SymbolicIdentity("<u, g_2> too", (keep_first * c + keep_second * b).subs(b, c**2 / a), 0)),
            mutants=(Bound((1 - gamma * L) ** (2 * k) * L * R**2 / 2, opposed, name="the gap of gradient descent on the sum"),
                     Changed("gradient descent on the sum rests, too", opposed, algorithm=GradientDescent(gamma))),
            note="In one dimension two tasks are opposed everywhere between their minimisers: u = 0, and every such point is left as it is."),
    ),
)


# ---- weighted sums reach convex fronts only
WEIGHTS, PLACES = 100, 40


def loss_of_weighting(case: Case) -> Array:
    """The least over w = 0, 1/100, ..., 1 of F_w(x) - min_y F_w(y), F_w = w f_1 + (1 - w) f_2, x the start, y on the line through both centres: (1,).

    A finite search for y only makes it smaller; it is convex in w.
    """
    problem = case.problem
    first, second = problem.centres
    along = [first + (second - first) * i / PLACES for i in range(-PLACES, 2 * PLACES + 1)]
    values = problem.task_values(stack([problem.start, *along], 0))                              # (places, 2)
    weighted = stack([(values[:, 0] * i + values[:, 1] * (WEIGHTS - i)) / WEIGHTS for i in range(WEIGHTS + 1)], 0)
    return (weighted[:, 0] - weighted.min(axis=1)).min(axis=0, keepdims=True)


def nothing(case: Case) -> Array:
    """0."""
    return 0 * case.problem.start


half_way = Instance("two_valleys", height=Rational(7, 2), width=5, middle=-13)
convex_pair = Instance("task-pairs", matrices=(L, L), centres=((2 * R,), (-3 * R,)), start=(R / 2,))
h = sp.Symbol("h", real=True)
both = 2 - sp.exp(-((h - 1) ** 2)) - sp.exp(-((h + 1) ** 2))
every_weight: dict[str, Any] = {"left": loss_of_weighting, "right": nothing, "assumptions": (Tasks,),
                                "statement": "min_(0 <= w <= 1) (w f_1 + (1 - w) f_2)(x) - min_y (w f_1 + (1 - w) f_2)(y) = 0"}

false_scalarisation = Theorem(
    id="false-scalarisation-reaches-every-pareto-point",
    title="FALSE: every Pareto point minimises some weighted sum of the tasks",
    source="problem: Fonseca, Fleming (1995); phenomenon: Das, Dennis (1997)",
    claims=(
        FalseClaim(
            asserted=Identity(**every_weight),
            note="x a Pareto point: here every point between the minima of the tasks is one.",
            witness=half_way,
            facts=(SymbolicIdentity("the middle is stationary for equal weights", sp.diff(both, h).subs(h, 0), 0),
                   SymbolicIdentity("and a maximum", sp.diff(both, h, 2).subs(h, 0), -4 * sp.exp(-1))),
            mutants=(Changed("three tenths of the way, some weight does", Instance("two_valleys", height=Rational(7, 2), width=5, middle=-13, start=-11)),)),
        Identity(
            **every_weight,
            name="convex",
            on=(convex_pair, Instance("task-pairs", matrices=(L, L), centres=((2 * R, R), (-3 * R, 5 * R)), start=(R / 2, 11 * R / 5))),
            mutants=(Changed("off the line between the minima", Instance("task-pairs", matrices=(L, L), centres=((2 * R, R), (-3 * R, 5 * R)), start=(0, R))),),
            note="Of convex tasks it is true: three tenths of the way between equal tasks the weights are 7/10 and 3/10."),
    ),
)
