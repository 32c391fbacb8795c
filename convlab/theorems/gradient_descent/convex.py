"""Gradient descent on smooth convex functions: sublinear gaps, worst on a Huber function that stays linear until the last step."""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.metrics import function_gap
from convlab.symbols import M0, L, R, gamma, k
from convlab.theorem import Bound, Instance, Multipliers, StableOnQuadratics, Step, SymbolicIdentity, Theorem
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
