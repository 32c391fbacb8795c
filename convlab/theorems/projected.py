"""Projected gradient descent: a constraint costs. The gap L R^2/(4 k) is attained by a linear function on a half-line, minimal at the boundary."""
from __future__ import annotations

import sympy as sp
from sympy import Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.projected import ProjectedGradientDescent
from convlab.assumptions import ConstrainedMinimum, Convex, Smooth
from convlab.metrics import function_gap
from convlab.symbols import L, R, k
from convlab.theorem import Bound, Changed, Instance, SymbolicIdentity, Theorem, from_k


def linear_gap(slope: sp.Expr) -> sp.Expr:
    """The gap after k steps of 1/L down a line of this slope, still off the boundary."""
    return slope * (R - k * slope / L)


gap = L * R**2 / (4 * k)
line = Instance("half_line", c=L * R / (2 * k), L=L, start=R)

convex_gap = Theorem(
    id="projected-gd-convex-fgap",
    title="Projected gradient descent, convex: gap of the last iterate",
    algorithm=ProjectedGradientDescent(step_size=1 / L),
    assumptions=(Convex, Smooth, ConstrainedMinimum),
    metric=function_gap,
    bound=gap,
    grid=from_k(1),
    source="Taylor, Hendrickx, Glineur (2018), composite case",
    tight=line,
    facts=(SymbolicIdentity("the worst slope is stationary", sp.diff(linear_gap(sp.Symbol("c")), "c").subs("c", L * R / (2 * k)), 0),
           SymbolicIdentity("there the gap is the bound", linear_gap(L * R / (2 * k)), gap)),
    mutants=(Bound(L * R**2 / (4 * k + 2), line, name="the unconstrained bound"), Bound(Rational(99, 100) * gap, line),
             Bound(gap / k, line),
             Changed("step 2.2/L", algorithm=ProjectedGradientDescent(Rational(11, 5) / L)),
             Changed("the projection forgotten", algorithm=GradientDescent(1 / L))),
)
