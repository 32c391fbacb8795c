"""Variance reduction: linear convergence at a constant step, for finite sums of smooth convex components with a strongly convex mean.

Loopless SVRG and SAGA share one Lyapunov function, the distance plus the error of the memory, and one recursion: SAGA refreshes each entry of its
table with probability 1/n. SVRG is judged once an epoch. Every constant L below is L_max, of the components; with L of the mean they are false.
"""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import And, Max, Rational

from convlab.algorithms.variance_reduction import SAGA, SVRG, LooplessSVRG
from convlab.assumptions import ConvexSamples, FiniteSum, Minimum, SmoothSamples, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, at_gap, gap_of, metric
from convlab.operations import norm_squared
from convlab.symbols import M0, Delta, L, L_max, R, gamma, inner_steps, k, mu, n, p
from convlab.theorem import Bound, Changed, Formula, Instance, Law, Recursion, Reduces, Step, SymbolicIdentity, Theorem, multiples_of, previous

sums = (FiniteSum, ConvexSamples, SmoothSamples, StronglyConvex, Minimum)


def one_of(count: int) -> Instance:
    """One component carries all the curvature and the others are flat: L_max = count L."""
    return Instance("finite_sum", curvatures=(L_max, *[0] * (count - 1)), centres=(R, *[0] * (count - 1)), start=2 * R,
                    at={L_max: Fraction(30), L: Fraction(30, count), mu: Fraction(30, count)})


two_alike = Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, -2 * R), start=3 * R, at={L: Fraction(30), mu: Fraction(30)})

# ---- SVRG
D, D_w, d = sp.symbols("D D_w d", positive=True)          # gaps at x and at the reference, squared distance


@metric("f(w_s) - f^*", "f", at_gap)
def reference_gap(state: Any, case: Case) -> Array:
    """The gap at the reference point."""
    return gap_of(case.problem, state.reference, case.minimum)


def epoch_factor(smoothness: Formula) -> Formula:
    """What an epoch leaves of the gap: the average of inner_steps steps, and the variance of the reference."""
    return 1 / (mu * gamma * (1 - 2 * smoothness * gamma) * inner_steps) + 2 * smoothness * gamma / (1 - 2 * smoothness * gamma)


epochs = k / inner_steps
svrg_algorithm = SVRG(step_size=gamma, take=1 / (sp.Mod(k, inner_steps) + 1),
                      refresh=sp.Piecewise((1, sp.Eq(sp.Mod(k + 1, inner_steps), 0)), (0, True)))
long_epoch = {gamma: Rational(2, 5) / L_max, inner_steps: 300}

svrg = Theorem(
    id="svrg-johnson-zhang",
    title="SVRG: gap of the reference after whole epochs",
    algorithm=svrg_algorithm,
    assumptions=sums,
    condition=And(0 < gamma, gamma < 1 / (2 * L_max), inner_steps >= 1),
    defaults={gamma: Rational(1, 10) / L_max, inner_steps: sp.Min(120, sp.ceiling(20 * L_max / mu))},
    law=Law.EXPECTATION,
    grid=multiples_of(inner_steps),
    metric=reference_gap,
    bound=epoch_factor(L_max) ** epochs * Delta,
    source="Johnson, Zhang (2013), Theorem 1, option II",
    facts=(SymbolicIdentity("one inner step", d - 2 * gamma * D + 4 * L_max * gamma**2 * (D + D_w),
                            d - 2 * gamma * (1 - 2 * L_max * gamma) * D + 4 * L_max * gamma**2 * D_w),
           SymbolicIdentity("an epoch, from d_0 <= 2 D_w/mu",
                            (2 * D_w / mu + inner_steps * 4 * L_max * gamma**2 * D_w) / (2 * gamma * (1 - 2 * L_max * gamma) * inner_steps),
                            epoch_factor(L_max) * D_w)),
    mutants=(Bound((1 / (mu * gamma * (1 - 2 * L_max * gamma) * inner_steps)) ** epochs * Delta, one_of(2), name="without the variance of the reference",
                   defaults=long_epoch),
             Bound(Rational(99, 100) ** epochs * Delta, one_of(2), name="an epoch of one step contracts", defaults={gamma: Rational(1, 10) / L_max, inner_steps: 1}),
             Step(one_of(2), name="at gamma = 5/(2 L_max)", bound=Delta, defaults={gamma: Rational(5, 2) / L_max, inner_steps: 20}),
             Changed("L of the mean in place of L_max", one_of(10), bound=epoch_factor(L) ** epochs * Delta,
                     condition=And(0 < gamma, gamma < 1 / (2 * L), inner_steps >= 1), defaults={gamma: Rational(1, 10) / L, inner_steps: 100})),
    note="With m = 1 the reference never moves, and the bound is above 1: it informs only where the factor is below 1.",
)

# ---- one Lyapunov function for L-SVRG and SAGA
S = sp.symbols("S", positive=True)                        # mean squared error of the remembered gradients


def gradients_at_minimiser(case: Case) -> Array:
    """grad f_i(x*), (1, n, dimension)."""
    best: Array = case.minimiser
    found: Array = case.problem.sample_gradients(best[None])
    return found


@metric('norm(x_k - x^*)^2 + (4 gamma^2)/p 1/n sum_i norm(nabla f_i (w_k) - nabla f_i (x^*))^2', "x^2")
def reference_lyapunov(state: Any, case: Case) -> Array:
    """Distance of x, and of the component gradients at the reference from those at x*."""
    memory = norm_squared(case.problem.sample_gradients(state.reference) - gradients_at_minimiser(case)) / case.problem.n
    return norm_squared(state.x - case.minimiser) + 4 * case[gamma] * case[gamma] * memory / case[p]


@metric('norm(x_k - x^*)^2 + 4 gamma^2 sum_i norm(y_i - nabla f_i (x^*))^2', "x^2")
def table_lyapunov(state: Any, case: Case) -> Array:
    """Distance of x, and of the table from the component gradients at x*."""
    return norm_squared(state.x - case.minimiser) + 4 * case[gamma] * case[gamma] * norm_squared(state.table - gradients_at_minimiser(case))


def lyapunov_step(probability: Formula) -> SymbolicIdentity:
    """The step, the variance and the refresh with this probability add up to the contraction, with a remainder <= 0 for gamma <= 1/(6 L_max)."""
    weight = 4 * gamma**2 / probability
    return SymbolicIdentity("the Lyapunov recursion",
                            -2 * gamma * D + gamma**2 * (4 * L_max * D + 2 * S) + (1 - probability) * weight * S + 8 * gamma**2 * L_max * D,
                            (1 - probability / 2) * weight * S + (-2 * gamma + 12 * gamma**2 * L_max) * D)


def lyapunov_bound(probability: Formula) -> Formula:
    """The slower of the two: the distance, or half the refreshing of the memory."""
    return Max(1 - gamma * mu, 1 - probability / 2) ** k * M0


short = And(0 < gamma, gamma <= 1 / (6 * L_max))
short_for_the_mean = And(0 < gamma, gamma <= 1 / (6 * L))

lsvrg = Theorem(
    id="lsvrg",
    title="Loopless SVRG: distance and memory",
    algorithm=LooplessSVRG(step_size=gamma, probability=p),
    assumptions=sums,
    condition=And(short, 0 < p, p <= 1),
    defaults={gamma: 1 / (6 * L_max), p: 1 / n},
    law=Law.EXPECTATION,
    free_state=("reference",),
    metric=reference_lyapunov,
    bound=lyapunov_bound(p),
    source="Kovalev, Horvath, Richtarik (2020), there for gamma = 1/(6 L_max)",
    facts=(lyapunov_step(p), Recursion(Max(1 - gamma * mu, 1 - p / 2) * previous, start=M0), Reduces({p: 1 / n}, "saga-lyapunov")),
    mutants=(Bound((1 - gamma * mu) ** k * M0, one_of(2), name="rate 1 - gamma mu whatever p", defaults={gamma: 1 / (6 * L_max), p: Rational(1, 100)}),
             Step(one_of(3), name="at gamma = 3/L_max", bound=M0, defaults={gamma: 3 / L_max, p: Rational(1, 3)}),
             Changed("L of the mean in place of L_max", one_of(20), condition=And(short_for_the_mean, 0 < p, p <= 1),
                     defaults={gamma: 1 / (6 * L), p: Rational(1, 20)})),
)

saga = Theorem(
    id="saga-lyapunov",
    title="SAGA: distance and memory",
    algorithm=SAGA(step_size=gamma),
    assumptions=sums,
    condition=short,
    defaults={gamma: 1 / (6 * L_max)},
    law=Law.EXPECTATION,
    free_state=("table",),
    metric=table_lyapunov,
    bound=lyapunov_bound(1 / n),
    source="in the framework of Gorbunov, Hanzely, Richtarik (2020); the method: Defazio, Bach, Lacoste-Julien (2014)",
    facts=(lyapunov_step(1 / n), Recursion(Max(1 - gamma * mu, 1 - 1 / (2 * n)) * previous, start=M0)),
    mutants=(Bound((1 - gamma * mu) ** (3 * k) * M0, two_alike, name="rate (1 - gamma mu)^3"),
             Step(one_of(2), name="at gamma = 3/L_max", bound=M0, defaults={gamma: 3 / L_max}),
             Changed("L of the mean in place of L_max", one_of(8), condition=short_for_the_mean, defaults={gamma: 1 / (6 * L)})),
)
