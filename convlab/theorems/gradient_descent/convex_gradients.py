"""Gradient descent on smooth convex functions: how small the gradient is, from the distance or the gap at the start.

The worst Huber function is another than that of the gap: its threshold is where the last iterate stops, and its gradient is still full there.
"""
from __future__ import annotations

import sympy as sp
from sympy import Abs, Max

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.metrics import gradient_norm, squared_gradient_norm
from convlab.symbols import M0, Delta, L, R, gamma, k
from convlab.theorem import Bound, Instance, StableOnQuadratics, Step, SymbolicIdentity, Theorem
from convlab.theorems.gradient_descent.constant_step import ascent, stable, stable_on_quadratics, steepest, too_long

stop = R / (k * gamma * L + 1)                 # where the last iterate stops on the worst Huber function, and its threshold
slow, oscillating = 1 / (k * gamma * L + 1), Abs(1 - gamma * L) ** k


def huber(when: sp.Basic = sp.true) -> Instance:
    """Linear until the last iterate reaches the threshold."""
    return Instance("huber", mu=0, L=L, threshold=stop, start=R, when=when)


from_distance = Theorem(
    id="gd-smooth-convex-grad-from-distance",
    title="Gradient descent, convex: gradient norm from the distance at the start",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Convex, Smooth, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=gradient_norm,
    bound=L * R * Max(slow, oscillating),
    source="Taylor, Hendrickx, Glineur (2017), as a conjecture; Rotaru, Glineur, Patrinos (2024)",
    tight=(huber(when=slow >= oscillating), Instance("quadratic", spectrum=(L,), start=R, when=slow <= oscillating)),
    facts=(SymbolicIdentity("after k linear steps the iterate is at the threshold", R - k * gamma * L * stop, stop),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(L * R / (k * gamma * L + 2), huber()), Bound(L * R / (2 * k * gamma * L + 1), huber()),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)

slow, oscillating = 1 / (2 * k * gamma * L + 1), (1 - gamma * L) ** (2 * k)
gap_at_start = L * stop * R - L * stop**2 / 2

from_gap = Theorem(
    id="gd-smooth-convex-grad-from-gap",
    title="Gradient descent, convex: squared gradient norm from the gap at the start",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Convex, Smooth, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=squared_gradient_norm,
    bound=2 * L * Delta * Max(slow, oscillating),
    source="Taylor, Hendrickx, Glineur (2017), as a conjecture; Rotaru, Glineur, Patrinos (2024)",
    tight=(huber(when=slow >= oscillating), Instance("quadratic", spectrum=(L,), start=R, when=slow <= oscillating)),
    facts=(SymbolicIdentity("there the squared slope is the bound", (L * stop) ** 2, 2 * L * gap_at_start * slow),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(2 * L * Delta / (2 * k * gamma * L + 2), huber()), Bound(2 * L * Delta / k**2, huber()),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)
