"""Stochastic subgradients of bounded second moment: averages of the iterates, weighted averages, and a last iterate that needs none.

All rest on |x+ - x*|^2 <= |x - x*|^2 - 2 gamma <g, x - x*> + gamma^2 |g|^2, summed over the run.
"""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import And, Eq, Mod, Piecewise, Rational, floor, harmonic, log, sqrt

from convlab.algorithms.averaging import AveragedSGD, ProjectedAveragedSGD, ProjectedSGD
from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedSecondMoment, ConstrainedMinimum, Convex, Lipschitz, Minimum, StronglyConvex
from convlab.metrics import function_gap, squared_distance
from convlab.symbols import G, K, R, gamma, k, mu, symbol
from convlab.theorem import Bound, Changed, Instance, Law, RateBound, SymbolicIdentity, Theorem, from_k, horizons, u, v

subgradients = (Convex, BoundedSecondMoment, Minimum)
plain_mean = 1 / (k + 1)
one_step = SymbolicIdentity("what one step gains of the squared distance", u**2 - (u - gamma * v) ** 2, 2 * gamma * u * v - gamma**2 * v**2)


def straight(start: Any) -> Instance:
    """G |x| from this start, without noise: while the iterate stays on one side the gap is linear, and nothing is lost."""
    return Instance("noisy", clean="absolute_value", G=G, noise=0, start=start)


def untouched(points: Any) -> Instance:
    """The largest of so many coordinates, all equal at the start: after fewer steps one of them is still where it was."""
    return Instance("noisy", clean="max_abs", G=G, dimension=points, noise=0, start=R / sqrt(points))


# ---- a constant step
telescoped = R**2 / (2 * gamma * k) + gamma * G**2 / 2
arriving = straight(k * gamma * G)
loud = Instance("noisy", clean="absolute_value", G=G, noise=10 * G, start=R)

constant_step = Theorem(
    id="sgd-convex-avg-nonsmooth-const",
    title="SGD, convex and Lipschitz, constant step: gap of the average",
    source="Nemirovski, Yudin (1983); Nemirovski et al. (2009); Bubeck (2015), Theorem 6.1",
    claims=(
        RateBound(
            algorithm=AveragedSGD(step_size=gamma, share=plain_mean),
            assumptions=subgradients,
            condition=gamma > 0,
            defaults={gamma: R / G},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=telescoped,
            grid=from_k(1),
            note="The average of x_0 .. x_(k-1). G^2 bounds the second moment: the noise is part of it.",
            tight=arriving,
            facts=(one_step,
                   SymbolicIdentity("on G |x| from k gamma G both sides are the same", telescoped.subs(R, k * gamma * G), G * (k * gamma * G - gamma * G * (k - 1) / 2)),
                   SymbolicIdentity("R/(G sqrt k) is the best step", sp.diff(telescoped, gamma).subs(gamma, R / (G * sqrt(k))), 0)),
            mutants=(Bound(Rational(99, 100) * telescoped, arriving),
                     Changed("the last iterate in place of the average", straight(gamma * G / 500), algorithm=SGD(gamma)),
                     Changed("the slope alone, without the noise", loud, assumptions=(Convex, Lipschitz, Minimum)))),
        RateBound(
            name="best step",
            algorithm=AveragedSGD(step_size=R / (G * sqrt(K)), share=plain_mean),
            assumptions=subgradients,
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=R * G / sqrt(K),
            grid=horizons(1, 4, 9, 16),
            note="The horizon K is known in advance.",
            tight=untouched(K),
            mutants=(Bound(Rational(99, 100) * R * G / sqrt(K), untouched(K)), Bound(R * G / K, untouched(K)))),
    ),
)

# ---- decreasing steps, averaged with their own weights
first, second = (symbol(f"step_{i}", meaning=f"step of the updates k with k mod 2 = {i}", domain="> 0", unit="x^2/f", typeset=f"gamma_{i}") for i in (0, 1))
in_turn = Piecewise((first, Eq(Mod(k, 2), 0)), (second, True))
travelled = first * floor((k + 1) / 2) + second * floor(k / 2)                  # the sum of the steps before k, and of their squares
squares = first**2 * floor((k + 1) / 2) + second**2 * floor(k / 2)
any_steps = (R**2 + G**2 * squares) / (2 * travelled)
S, Q, j = sp.symbols("S Q j", positive=True)
of_roots = harmonic(k, Rational(1, 2))                                          # 1 + 1/sqrt 2 + ... + 1/sqrt k
falling = AveragedSGD(step_size=gamma / sqrt(k + 1), share=1 / (sqrt(k + 1) * harmonic(k + 1, Rational(1, 2))))
weighted = (R**2 + gamma**2 * G**2 * harmonic(k)) / (2 * gamma * of_roots)
explicit = (R**2 / gamma + gamma * G**2 * (1 + log(k))) / (4 * (sqrt(k + 1) - 1))
far = straight(gamma * G * of_roots)
meets = straight(G * travelled)

decreasing_weighted = Theorem(
    id="sgd-convex-decreasing-weighted-average",
    title="SGD, convex and Lipschitz, decreasing steps: gap of the average weighted by the steps",
    source="Nemirovski et al. (2009)",
    claims=(
        RateBound(
            algorithm=falling,
            assumptions=subgradients,
            condition=gamma > 0,
            defaults={gamma: R / G},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=weighted,
            grid=from_k(1),
            note="The step is gamma/sqrt(k + 1); harmonic(k, 1/2) is 1 + 1/sqrt(2) + ... + 1/sqrt(k).",
            tight=far,
            facts=(one_step,),
            mutants=(Bound(Rational(99, 100) * weighted, far),
                     Bound(R**2 / (2 * gamma * of_roots), far, name="no squares of steps"),
                     Bound(weighted / 2, far, name="half"))),
        RateBound(
            name="in elementary functions",
            algorithm=falling,
            assumptions=subgradients,
            condition=gamma > 0,
            defaults={gamma: R / G},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=explicit,
            grid=from_k(1),
            on=(far, straight(R)),
            note="No less than the bound above, so it is judged where that one is attained, and once from elsewhere.",
            facts=(SymbolicIdentity("1/sqrt(j) is at least 2 (sqrt(j + 1) - sqrt(j)), which telescopes; the sum of 1/j is at most 1 + log k", 1 / sqrt(j),
                                    2 * (sqrt(j + 1) - sqrt(j)) + (sqrt(j + 1) - sqrt(j)) ** 2 / sqrt(j)),),
            mutants=(Bound(explicit / 2, far, name="half"),
                     Bound(gamma * G**2 * (1 + log(k)) / (4 * (sqrt(k + 1) - 1)), far, name="no start"))),
        RateBound(
            name="any steps",
            algorithm=AveragedSGD(step_size=in_turn, share=in_turn / travelled.subs(k, k + 1)),
            assumptions=subgradients,
            condition=And(first > 0, second > 0),
            defaults={first: R / G, second: R / (3 * G)},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=any_steps,
            grid=from_k(1),
            note="Only the sum of the steps and of their squares count. Judged for two lengths that take turns.",
            tight=meets,
            facts=(SymbolicIdentity("on G |x| from G S the weighted average is G (S^2 + Q)/(2 S), as is the bound",
                                    ((G * S) ** 2 + G**2 * Q) / (2 * S), G * (G * (S - (S**2 - Q) / (2 * S)))),),
            mutants=(Bound(Rational(99, 100) * any_steps, meets),
                     Changed("the plain average", meets, algorithm=AveragedSGD(step_size=in_turn, share=plain_mean), defaults={first: R / G, second: 9 * R / G}))),
    ),
)

# ---- strongly convex, weights k
weighted_by_k = 2 * G**2 / (mu * (k + 1))
corner = Instance("kinked_bowl", mu=mu, radius=R, noise=0, start=R)
hissing = Instance("kinked_bowl", mu=mu, radius=R, weight=mu * R / 2, noise=3 * mu * R / 2, start=R)
apart, t = sp.symbols("apart t", positive=True)         # |x_t - x*|^2

strongly_convex = Theorem(
    id="sgd-sc-nonsmooth-weighted-average",
    title="Projected SGD, strongly convex, not smooth: gap of the average with weights 1, 2, 3, ...",
    source="Lacoste-Julien, Schmidt, Bach (2012)",
    claims=(
        RateBound(
            algorithm=ProjectedAveragedSGD(step_size=2 / (mu * (k + 2)), share=2 / (k + 2)),
            assumptions=(StronglyConvex, BoundedSecondMoment, ConstrainedMinimum),
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=weighted_by_k,
            grid=from_k(1),
            note="The average of x_0 .. x_(k-1) with the weights 1 .. k.",
            facts=(SymbolicIdentity("the t-th step, weighted by t: distances telescope", t * (mu * (t + 1) / 4 - mu / 2) * apart, mu / 4 * t * (t - 1) * apart),),
            mutants=(Bound(weighted_by_k / 4, corner, name="a quarter"), Bound(Rational(9, 20) * weighted_by_k, corner, name="0.45 of it"),
                     Bound(2 * G**2 / (mu * (k + 1) ** 2), hissing, name="1/k^2"))),
        RateBound(
            name="last",
            algorithm=ProjectedSGD(step_size=2 / (mu * (k + 2))),
            assumptions=(StronglyConvex, BoundedSecondMoment, ConstrainedMinimum),
            law=Law.EXPECTATION,
            metric=squared_distance,
            bound=4 * G**2 / (mu**2 * (k + 1)),
            grid=from_k(1),
            note="The same sum, its gaps left out, bounds the distance of the point after the k-th step.",
            mutants=(Bound(G**2 / (2 * mu**2 * (k + 1)), hissing, name="an eighth"), Bound(2 * G**2 / (mu**2 * (k + 1) ** 2), hissing, name="1/k^2"))),
    ),
)

# ---- the last iterate
factor = symbol("factor", meaning="multiple of the step that decays linearly", domain="> 0", unit="1", typeset="c")
decaying = factor * R / G * (K - k) / (K + 1) ** Rational(3, 2)
last = (factor / 2 + 1 / (2 * factor)) * R * G / sqrt(K + 1)
best = Instance("noisy", clean="max_abs", G=G, dimension=K + 1, noise=0, start=R / sqrt(K + 1), when=Eq(factor, 1))

linear_decay = Theorem(
    id="last-iterate-linear-decay",
    title="SGD, convex and Lipschitz, steps that decay linearly: gap of the last iterate",
    algorithm=SGD(step_size=decaying),
    assumptions=subgradients,
    condition=factor > 0,
    defaults={factor: 1},
    law=Law.EXPECTATION,
    metric=function_gap,
    bound=last,
    grid=horizons(3, 8, 15),
    source="Zamani, Glineur (2023) without noise; Defazio, Cutkosky, Mehta, Mishchenko (2023)",
    note="After K steps the last is the (K + 1)-st point. The horizon is known; constant steps, or steps of order 1/sqrt(k), cost the last iterate a logarithm.",
    tight=best,
    facts=(SymbolicIdentity("1 is the best factor", sp.diff(last, factor).subs(factor, 1), 0),),
    mutants=(Bound(Rational(99, 100) * last, best),
             Bound(R * G / sqrt(K + 1), straight(R), name="the bound of factor 1 for factor 3/10", defaults={factor: Rational(3, 10)}),
             Bound(R * G / (K + 1), best, name="1/K")),
)
