"""Gradient descent on smooth convex functions with steps planned in advance: any up to 1/L, the best constant one, and the silver ones."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy import And, Eq, Mod, Piecewise, Rational, floor, log, sqrt

from convlab.algorithms.gradient_descent import GradientDescent, ScheduledDescent, best_constant_factor, silver_factors
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.constants import Array
from convlab.metrics import Case, function_gap
from convlab.symbols import L, R, k, step_even, step_odd
from convlab.theorem import Bound, Changed, Instance, Step, SymbolicIdentity, Theorem, horizons
from convlab.theorems.gradient_descent.constant_step import steepest

# ---- any steps up to 1/L: two that take turns, each anywhere in (0, 1/L]
even, odd = step_even, step_odd
in_turn = ScheduledDescent(1 / L, Piecewise((even, Eq(Mod(k, 2), 0)), (odd, True)))
travelled = even * floor((k + 1) / 2) + odd * floor(k / 2)
H = sp.Symbol("H", positive=True)
slope = sp.Symbol("slope", positive=True)
gap_on_huber = slope * (R - H * slope / L) - slope**2 / (2 * L)


def huber(sum_of_factors: Any) -> Instance:
    """Linear until the last step, where steps of this sum (times 1/L) leave the largest gap."""
    return Instance("huber", mu=0, L=L, threshold=R / (2 * sum_of_factors + 1), start=R)


variable_steps = Theorem(
    id="gd-smooth-convex-variable-steps",
    title="Gradient descent, convex, any steps up to 1/L: gap of the last iterate",
    algorithm=in_turn,
    assumptions=(Convex, Smooth, Minimum),
    condition=And(0 < even, even <= 1, 0 < odd, odd <= 1),
    defaults={even: Rational(3, 10), odd: Rational(9, 10)},
    metric=function_gap,
    bound=L * R**2 / (4 * travelled + 2),
    source="Drori, Teboulle (2014); Teboulle, Vaisbourd (2022)",
    note="Of the steps only their sum counts. Judged for two lengths that take turns.",
    tight=huber(travelled),
    facts=(SymbolicIdentity("the worst slope is stationary", sp.diff(gap_on_huber, slope).subs(slope, L * R / (2 * H + 1)), 0),
           SymbolicIdentity("there the gap is the bound", gap_on_huber.subs(slope, L * R / (2 * H + 1)), L * R**2 / (4 * H + 2))),
    mutants=(Bound(L * R**2 / (4 * travelled + 3), huber(travelled)), Bound(L * R**2 / (8 * travelled + 4), huber(travelled), name="half"),
             Step(steepest, defaults={even: Rational(39, 20), odd: Rational(39, 20)}, name="steps 1.95/L")),
)


# ---- the best constant step for a horizon
def best_gap(factor: float = 1) -> Callable[[int, Case, Mapping[str, Array]], Array]:
    """factor L R^2/(2 (2 K h_K + 1))."""
    def bound(horizon: int, case: Case, record: Mapping[str, Array]) -> Array:
        return factor * case[L] * case[R] ** 2 / (2 * (2 * horizon * best_constant_factor(horizon) + 1)) if horizon else case[L] * case[R] ** 2 / 2

    return bound


def shifted(by: float) -> ScheduledDescent:
    """The best constant step, and so many 1/L more."""
    return ScheduledDescent(1 / L, lambda horizon: [best_constant_factor(horizon) + by] * horizon)


h = Rational(3, 2)
shorter = Instance("huber", mu=0, L=L, threshold=R / (2 * (h - Rational(1, 10)) + 1), start=R)     # worst for one step of 1.4/L

best_constant = Theorem(
    id="gd-smooth-convex-fgap-best-constant-step",
    title="Gradient descent, convex: the best constant step for a horizon fixed in advance",
    algorithm=shifted(0),
    assumptions=(Convex, Smooth, Minimum),
    metric=function_gap,
    bound=best_gap(),
    statement='(L R^2) / (2 (2 K h_K + 1)), quad 1 / (2 K h_K + 1) = (1 - h_K)^(2 K)',
    grid=horizons(1, 2, 3, 5, 10, 20),
    source="Taylor, Hendrickx, Glineur (2017)",
    note="The step is h_K/L. A shorter one is worse on the Huber function that is linear until the last step, a longer one on L x^2/2.",
    tight=steepest,
    facts=(SymbolicIdentity("one step: h = 3/2", 1 / (2 * h + 1), (1 - h) ** 2),),
    mutants=(Changed("a step of 0.1/L less is better", shorter, algorithm=shifted(-0.1), grid=horizons(1)),
             Changed("a step of 0.02/L more is better", steepest, algorithm=shifted(0.02)),
             Bound(best_gap(0.99), steepest, name="0.99 of it")),
)

# ---- silver steps
q = 1 + sqrt(2)
to_the_j = (k + 1) ** (log(q) / log(2))            # q^j at k = 2^j - 1
silver_bound = L * R**2 / (1 + sqrt(4 * to_the_j**2 - 3))
j = sp.Symbol("j", positive=True)


def silver_worst(horizon: int) -> Instance:
    """The Huber function that is linear until the last of the silver steps."""
    return Instance("huber", mu=0, L=L, threshold=R / Rational(float(2 * np.sum(silver_factors(horizon)) + 1)).limit_denominator(10**6), start=R)


silver = Theorem(
    id="gd-silver-steps",
    title="Gradient descent, convex, silver steps: acceleration by the steps alone",
    algorithm=ScheduledDescent(1 / L, silver_factors),
    assumptions=(Convex, Smooth, Minimum),
    metric=function_gap,
    bound=silver_bound,
    grid=horizons(1, 3, 7, 15, 31, 63),
    source="Altschuler, Parrilo (2023)",
    note="At horizons 2^j - 1 only, and at the last iterate. The order is k^-1.27.",
    facts=(SymbolicIdentity("the sum of 2^(j+1) - 1 steps, two rows of 2^j - 1 with 1 + q^(j-1) between, is q^(j+1) - 1",
                            2 * (q**j - 1) + 1 + q ** (j - 1), q ** (j + 1) - 1),),
    mutants=(Bound(silver_bound / 2, silver_worst(63), name="half", grid=horizons(63)),
             Changed("constant steps of 1/L are as good", huber(k), algorithm=GradientDescent(1 / L)),
             Changed("the bound holds at every horizon", steepest, grid=horizons(2, 4, 5, 6))),
)
