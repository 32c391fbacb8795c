"""The proximal point method: any step, no smoothness; the worst function is an absolute value that is still linear at the last iterate."""
from __future__ import annotations

import sympy as sp
from sympy import Rational

from convlab.algorithms.proximal import ProximalPoint
from convlab.assumptions import Convex, Minimum, Proximable
from convlab.metrics import function_gap
from convlab.symbols import Delta, L, R, gamma, k
from convlab.theorem import Bound, Changed, Instance, Reduces, SymbolicIdentity, Theorem, from_k


def linear_gap(slope: sp.Expr) -> sp.Expr:
    """The gap of slope |x| after k proximal steps that have not reached 0."""
    return slope * (R - k * gamma * slope)


gap = R**2 / (4 * gamma * k)
cone = Instance("absolute_value", G=R / (2 * gamma * k), start=R)

convex_gap = Theorem(
    id="proximal-point",
    title="Proximal point method, convex: gap of the last iterate",
    algorithm=ProximalPoint(step_size=gamma),
    assumptions=(Convex, Proximable, Minimum),
    condition=0 < gamma,
    defaults={gamma: R**2 / Delta},
    metric=function_gap,
    bound=gap,
    grid=from_k(1),
    source="Taylor, Hendrickx, Glineur (2017), Theorem 4.1; Guler (1991) with 2 in place of 4",
    tight=cone,
    facts=(SymbolicIdentity("the worst slope is stationary", sp.diff(linear_gap(sp.Symbol("c")), "c").subs("c", R / (2 * gamma * k)), 0),
           SymbolicIdentity("there the gap is the bound", linear_gap(R / (2 * gamma * k)), gap),
           Reduces({gamma: 1 / L}, "projected-gd-convex-fgap")),
    mutants=(Bound(R**2 / (4 * gamma * (k + 1)), cone), Bound(Rational(99, 100) * gap, cone), Bound(gap / k, cone),
             Changed("half the step", cone, algorithm=ProximalPoint(gamma / 2))),
)
