"""SGD on means of convex smooth components: no bound on the variance is asked, only the noise at the minimiser counts.

A component gradient is bounded by the smoothness of the component, L_max, which the smoothness of the mean may fall short of n times.
"""
from __future__ import annotations

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.averaging import AveragedSGD
from convlab.algorithms.sgd import SGD
from convlab.assumptions import ConvexSamples, FiniteSum, Interpolation, Minimum, Smooth, SmoothSamples, StronglyConvex
from convlab.metrics import function_gap, squared_distance
from convlab.symbols import L, L_max, R, gamma, k, mu, sigma_opt
from convlab.theorem import (
    Bound,
    Changed,
    Instance,
    Law,
    RateBound,
    Recursion,
    Sense,
    StabilityRegion,
    Step,
    SymbolicIdentity,
    Theorem,
    from_k,
    mean_of,
    previous,
    u,
    v,
)

components = (FiniteSum, ConvexSamples, SmoothSamples)
gap, s = sp.symbols("gap s", nonnegative=True)               # f(x) - f*, and the noise at the minimiser squared
opposed = Instance("finite_sum", curvatures=(L_max, L_max), centres=(sigma_opt / L_max, -sigma_opt / L_max), start=R)
opposed_at_rest = Instance("finite_sum", curvatures=(L_max, L_max), centres=(sigma_opt / L_max, -sigma_opt / L_max), start=0)
switched = Instance("finite_sum", curvatures=(0, L_max), centres=(7, 7), start=7 + R)            # one component rests: interpolation
one_of_ten = Instance("finite_sum", curvatures=(0,) * 9 + (L_max,), centres=(-R,) * 10, start=2 * R)
second_moment = SymbolicIdentity("one step, with <grad f, e> >= f - f* + mu |e|^2/2 and E |g|^2 <= 4 L_max (f - f*) + 2 sigma_*^2",
                                 u**2 - 2 * gamma * (gap + mu * u**2 / 2) + gamma**2 * (4 * L_max * gap + 2 * s),
                                 (1 - gamma * mu) * u**2 + 2 * gamma**2 * s - 2 * gamma * (1 - 2 * gamma * L_max) * gap)

expected_smoothness = Theorem(
    id="sgd-sc-expected-smoothness",
    title="SGD on a strongly convex mean of convex smooth components: squared distance, with the noise at the minimiser",
    algorithm=SGD(step_size=gamma),
    assumptions=(*components, StronglyConvex, Minimum),
    condition=And(0 < gamma, gamma <= 1 / (2 * L_max)),
    defaults={gamma: 1 / (2 * L_max)},
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=(1 - gamma * mu) ** k * R**2 + 2 * gamma * sigma_opt**2 / mu,
    source="Gower, Loizou, Qian, Sailanbayev, Shulgin, Richtarik (2019), Theorem 3.1, for uniform sampling of one component",
    note="The condition is sufficient; without noise at the minimiser this rate holds up to 1/L_max.",
    facts=(second_moment,
           Recursion((1 - gamma * mu) * previous + 2 * gamma**2 * sigma_opt**2, start=R**2, name="the same with the noise of k steps, by induction",
                     closed=(1 - gamma * mu) ** k * R**2 + 2 * gamma * sigma_opt**2 / mu * (1 - (1 - gamma * mu) ** k))),
    mutants=(Bound((1 - gamma * mu) ** k * R**2 + gamma * sigma_opt**2 / (4 * mu), opposed_at_rest, name="an eighth of the noise"),
             Step(switched, name="at gamma = 11/(10 L_max)", defaults={gamma: Rational(11, 10) / L_max}),
             Changed("the smoothness of the mean for that of the components", one_of_ten, assumptions=(*components, Smooth, StronglyConvex, Minimum),
                     condition=And(0 < gamma, gamma <= 1 / (2 * L)), defaults={gamma: 1 / (2 * L)})),
)

slowest = gamma * mu * (2 - gamma * L_max)
up_to_two = And(0 < gamma, gamma < 2 / L_max)

interpolation = Theorem(
    id="sgd-interpolation-linear",
    title="SGD under interpolation: a linear rate",
    source="Schmidt, Le Roux (2013); Needell, Srebro, Ward (2014); Ma, Bassily, Belkin (2018)",
    claims=(
        RateBound(
            algorithm=SGD(step_size=gamma),
            assumptions=(*components, Interpolation, StronglyConvex, Minimum),
            condition=up_to_two,
            defaults={gamma: 1 / L_max},
            law=Law.EXPECTATION,
            metric=squared_distance,
            bound=(1 - slowest) ** k * R**2,
            note="At 1/L_max the rate is 1 - mu/L_max.",
            tight=(switched, one_of_ten),
            facts=(SymbolicIdentity("one step, with E |g|^2 <= L_max <grad f, e> and <grad f, e> >= mu |e|^2", u**2 - 2 * gamma * u * v + gamma**2 * L_max * u * v,
                                    (1 - slowest) * u**2 - gamma * (2 - gamma * L_max) * (u * v - mu * u**2)),
                   SymbolicIdentity("curvature L_max with probability mu/L_max, else none", 1 - mu / L_max + mu / L_max * (1 - gamma * L_max) ** 2, 1 - slowest),
                   Recursion((1 - slowest) * previous, start=R**2)),
            mutants=(Bound((1 - 2 * gamma * mu) ** k * R**2, switched, name="rate 1 - 2 gamma mu", defaults={gamma: Rational(1, 5) / L_max}),
                     Step(switched, name="at gamma = 21/(10 L_max)", bound=R**2, defaults={gamma: Rational(21, 10) / L_max}),
                     Changed("interpolation dropped", opposed, assumptions=(*components, StronglyConvex, Minimum)))),
        StabilityRegion(
            name="edge",
            algorithm=SGD(step_size=gamma),
            assumptions=(*components, Interpolation, StronglyConvex, Minimum),
            condition=up_to_two,
            sweep=gamma,
            defaults={gamma: 1 / L_max},
            sense=Sense.MEAN_SQUARE,
            on=(switched, one_of_ten),
            statement="the second moment of x_k - x^* tends to 0",
            note="Where a component has curvature L_max or none the limit 2/L_max is exact.",
            mutants=(Changed("stable up to 3/L_max", condition=And(0 < gamma, gamma < 3 / L_max)),)),
    ),
)

spared = 1 - 2 * gamma * L_max
average_bound = R**2 / (2 * gamma * spared * k) + gamma * sigma_opt**2 / spared
slow_step = {gamma: Rational(3, 20) / L_max}
sampled = (*components, Minimum)
half_open = And(0 < gamma, gamma < 1 / (2 * L_max))
too_long = Step(opposed, name="at gamma = 11/(5 L_max)", bound=R**2 / (2 * gamma * k) + 4 * gamma * sigma_opt**2, defaults={gamma: Rational(11, 5) / L_max})
wrong_smoothness = Changed("the smoothness of the mean for that of the components", one_of_ten, assumptions=(*components, Smooth, Minimum),
                           condition=And(0 < gamma, gamma < 1 / (2 * L)), defaults={gamma: 1 / (4 * L)}, bound=average_bound.subs(L_max, L))
telescoped = SymbolicIdentity("what one step gains, with <grad f, e> >= f - f* and E |g|^2 <= 4 L_max (f - f*) + 2 sigma_*^2",
                              u**2 - (u**2 - 2 * gamma * gap + gamma**2 * (4 * L_max * gap + 2 * s)) + 2 * gamma**2 * s, 2 * gamma * spared * gap)

expected_smoothness_average = Theorem(
    id="sgd-convex-expected-smoothness-average",
    title="SGD on a mean of convex smooth components: gap of the average, with the noise at the minimiser",
    source="Gower, Sebbouh, Loizou (2021); Garrigos, Gower (2023)",
    claims=(
        RateBound(
            algorithm=AveragedSGD(step_size=gamma, share=1 / (k + 1)),
            assumptions=sampled,
            condition=half_open,
            defaults={gamma: 1 / (4 * L_max)},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=average_bound,
            grid=from_k(1),
            note="The average of x_0 .. x_(k-1).",
            facts=(telescoped,),
            mutants=(too_long, wrong_smoothness,
                     Bound(R**2 / (20 * gamma * spared * k) + gamma * sigma_opt**2 / spared, opposed, name="a tenth of the start"))),
        RateBound(
            name="mean gap",
            algorithm=SGD(step_size=gamma),
            assumptions=sampled,
            condition=half_open,
            defaults={gamma: 1 / (4 * L_max)},
            law=Law.EXPECTATION,
            metric=function_gap,
            mode=mean_of(0, -1),
            bound=average_bound,
            grid=from_k(1),
            note="The mean of the gaps of x_0 .. x_(k-1), which by convexity is no less than the gap of their average.",
            facts=(telescoped,),
            mutants=(too_long, wrong_smoothness,
                     Bound(R**2 / (2 * gamma * spared * k) + gamma * sigma_opt**2 / (8 * spared), opposed_at_rest, name="an eighth of the noise", defaults=slow_step))),
    ),
)
