"""Stale gradients: a delay costs step size, and a random delay costs another amount in mean square than its mean suggests."""
from __future__ import annotations

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.asynchronous import DelayedGradient
from convlab.assumptions import Quadratic, Smooth, StronglyConvex
from convlab.symbols import L, gamma, p
from convlab.theorem import Changed, Sense, StabilityRegion, SymbolicIdentity, Theorem

a, second = sp.symbols("a second", positive=True)                  # gamma times an eigenvalue; the stationary E x_k^2
cross = (1 - a * (1 - p)) * second / (1 + a * p)                   # the stationary E x_k x_{k-1}
stationary = (p + (1 - p) * (1 - a) ** 2) * second - 2 * a * p * cross + a**2 * p * second
edge = (sp.sqrt(1 + 8 * p) - 1) / (2 * p)

random_delay = Theorem(
    id="delayed-random-exact",
    title="Gradient descent with a delay of 0 or 1 at random: the exact limit in mean square",
    source="derived here",
    claims=(
        StabilityRegion(
            algorithm=DelayedGradient(step_size=gamma, delayed=p),
            assumptions=(Quadratic, Smooth, StronglyConvex),
            condition=And(0 < gamma, gamma * L + p * (gamma * L) ** 2 < 2),
            domain=And(0 < p, p <= 1),
            sweep=gamma,
            defaults={p: Rational(1, 2), gamma: Rational(4, 5) / L},
            sense=Sense.MEAN_SQUARE,
            statement="EE norm(x_k - x^*)^2 -> 0 iff 0 < gamma and gamma L + p (gamma L)^2 < 2",
            facts=(SymbolicIdentity("the stationary second moment leaves exactly the edge", second - stationary,
                                    a * second * (2 - a - p * a**2) / (1 + a * p)),
                   SymbolicIdentity("the edge solved for gamma L", edge + p * edge**2, 2)),
            mutants=(Changed("the limit of a fixed delay, at the mean delay",
                             condition=And(0 < gamma, gamma * L < 2 * sp.sin(sp.pi / (2 * (2 * p + 1))))),
                     Changed("interpolation between the limits 2 and 1", condition=And(0 < gamma, gamma * L < 2 - p)),
                     Changed("stability of the mean is enough",
                             condition=And(0 < gamma, p * gamma * L < 1, gamma * L * (1 - 2 * p) < 2))),
            note="The largest eigenvalue binds, since the left side grows with it; every eigenvalue must be positive."),
    ),
)
