"""Stale gradients: a delay costs step size, so that the step of gradient descent is too long; a random delay costs another amount than its mean suggests."""
from __future__ import annotations

import sympy as sp
from sympy import And, Eq, Mod, Piecewise, Rational

from convlab.algorithms.asynchronous import DelayedGradient, FixedDelay
from convlab.assumptions import Minimum, Quadratic, Smooth, StronglyConvex
from convlab.metrics import displacement, distance_to_minimiser
from convlab.symbols import M0, L, R, gamma, k, p, tau
from convlab.theorem import Bound, Changed, FalseClaim, Instance, RateBound, Relation, Sense, StabilityRegion, SymbolicIdentity, Theorem

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


# ---- the step of gradient descent under delay
in_one_step = Instance("quadratic", spectrum=(L,), centre=R / 2, start=(3 * R / 2,))       # where the step 1/L is the best one without delay
r = sp.Symbol("r", real=True)

false_synchronous_step = Theorem(
    id="false-async-synchronous-step",
    title="FALSE: the step 1/L of gradient descent is safe under delay",
    source="derived here",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=FixedDelay(1 / L, 1), assumptions=(Smooth, StronglyConvex, Minimum), metric=distance_to_minimiser,
                               bound=10 * R / (k + 1)),
            witness=in_one_step,
            instead="delayed-gd-exact-threshold",
            name="one-late"),
        FalseClaim(
            asserted=RateBound(algorithm=FixedDelay(1 / L, tau), assumptions=(Smooth, StronglyConvex, Minimum), condition=And(2 <= tau, tau <= 10),
                               defaults={tau: 2}, metric=distance_to_minimiser, bound=10 * R),
            note="It is not even bounded.",
            witness=in_one_step,
            instead="delayed-gd-exact-threshold",
            mutants=(Changed("three quarters of the step are short enough for a delay of 2", algorithm=FixedDelay(3 / (4 * L), tau), condition=Eq(tau, 2)),),
            name="two-late"),
        RateBound(
            name="six-cycle",
            algorithm=FixedDelay(1 / L, 1),
            assumptions=(Quadratic, Smooth, StronglyConvex, Minimum),
            metric=displacement,
            bound=M0 * Piecewise((0, Eq(Mod(k, 3), 1)), (1, Eq(Mod(k, 6), 0)), (1, Eq(Mod(k, 6), 5)), (-1, True)),
            relation=Relation.EQUAL,
            on=(in_one_step,),
            facts=(SymbolicIdentity("the roots of r^2 - r + 1 are sixth roots of one", sp.expand((r**2 - r + 1) * (r**2 - 1) * (r**2 + r + 1)), r**6 - 1),),
            mutants=(Changed("shorter steps circle, too", in_one_step, algorithm=FixedDelay(Rational(9, 10) / L, 1)),
                     Bound(M0 * Piecewise((1, Eq(k, 0)), (0, True)), in_one_step, name="the minimiser in one step")),
            note="On L (x - x*)^2/2 at delay 1: 1, 0, -1, -1, 0, 1, and again."),
    ),
)


# ---- a fixed delay
def limit(delay: sp.Expr) -> sp.Expr:
    """The largest gamma L that is stable."""
    return 2 * sp.sin(sp.pi / (2 * (2 * delay + 1)))


turn = sp.pi / (2 * tau + 1)                          # the argument of the root on the unit circle
slack = tau / (tau + 1)                               # the double root, where convergence is fastest

fixed_delay = Theorem(
    id="delayed-gd-exact-threshold",
    title="Gradient descent with a fixed delay: the exact limit of the step",
    source="Levin, May (1976); Arjevani, Shamir, Srebro (2020) for context",
    claims=(
        StabilityRegion(
            algorithm=FixedDelay(step_size=gamma, delay=tau),
            assumptions=(Quadratic, Smooth, StronglyConvex),
            condition=And(0 < gamma, gamma * L < limit(tau)),
            sweep=gamma,
            defaults={tau: 2, gamma: 1 / (2 * L)},
            statement="0 < gamma L < 2 sin(pi / (2 (2 tau + 1)))",
            facts=(SymbolicIdentity("at the limit 1 - z has the modulus gamma L, z = exp(i pi/(2 tau + 1))", 2 - 2 * sp.cos(turn), limit(tau) ** 2),
                   SymbolicIdentity("a double root z^tau (1 - z) = gamma L", slack**tau * (1 - slack), tau**tau / (tau + 1) ** (tau + 1)),
                   SymbolicIdentity("where the derivative vanishes, too", (tau + 1) * slack - tau, 0)),
            mutants=(Changed("2/L whatever the delay", condition=And(0 < gamma, gamma * L < 2)),
                     Changed("2/(tau + 1)", condition=And(0 < gamma, gamma * L < 2 / (tau + 1)), defaults={tau: 2, gamma: 1 / (2 * L)}),
                     Changed("2/(2 tau + 1)", condition=And(0 < gamma, gamma * L < 2 / (2 * tau + 1)), defaults={tau: 2, gamma: 1 / (5 * L)}),
                     Changed("63/100 at a delay of 2", condition=And(0 < gamma, gamma * L < Rational(63, 100)), domain=Eq(tau, 2)))),
    ),
)
