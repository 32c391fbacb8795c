"""SGD on smooth convex functions with additive noise: averages of its points, from the first one on or from the second."""
from __future__ import annotations

from sympy import And, Eq, Rational

from convlab.algorithms.averaging import AveragedSGD, LateAveragedSGD
from convlab.assumptions import BoundedVariance, Convex, Minimum, Smooth
from convlab.inequalities import convexity, descent, interpolation, star, variance, x0, x1
from convlab.metrics import function_gap
from convlab.symbols import L, R, gamma, k, sigma
from convlab.theorem import Bound, Certificate, Instance, Law, RateBound, Step, Theorem, from_k

start = R**2 / (2 * gamma * k)
plain_mean = 1 / (k + 1)
short = And(0 < gamma, gamma <= 1 / L)
at_rest = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=(0,))
bowl = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=(R,))
arrives = Instance("noisy", clean="huber", mu=0, L=L, threshold=R / (k * gamma * L), noise=0, start=R, when=Eq(gamma, 1 / L))   # at the minimiser, with the k-th step
before, after = (x0.x - star.x) ** 2, (x1.x - star.x) ** 2
late = gamma * sigma**2 * (1 + gamma * L) / 2
early = gamma * sigma**2 / 2

smooth_average = Theorem(
    id="sgd-convex-smooth-average",
    title="SGD, convex and smooth, constant step: gap of the average",
    source="Lan (2012); Bubeck (2015), Theorem 6.3, with a larger noise term",
    claims=(
        RateBound(
            algorithm=LateAveragedSGD(step_size=gamma, share=plain_mean),
            assumptions=(Convex, Smooth, BoundedVariance, Minimum),
            condition=short,
            defaults={gamma: 1 / L},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=start + late,
            grid=from_k(1),
            note="The average of x_1 .. x_k. So at most R^2/(2 gamma k) + gamma sigma^2.",
            facts=(Certificate(after + 2 * gamma * (x1.f - star.f), before + 2 * gamma * late,
                               ((2 * gamma, descent(x1, x0)), (2 * gamma, convexity(star, x0)), (gamma**2 * (1 + gamma * L), variance(x0))),
                               ((gamma**2 * (1 - gamma * L), x0.g),), name="each step gains the gap after it of the squared distance, in mean"),),
            mutants=(Bound(start + Rational(2, 5) * late, at_rest, name="two fifths of the noise"),
                     Bound(Rational(4, 5) * start + late, arrives, name="four fifths of the start"),
                     Step(bowl, name="at gamma = 11/(5 L)", defaults={gamma: Rational(11, 5) / L}))),
        RateBound(
            name="from the first point",
            algorithm=AveragedSGD(step_size=gamma, share=plain_mean),
            assumptions=(Convex, Smooth, BoundedVariance, Minimum),
            condition=short,
            defaults={gamma: 1 / L},
            law=Law.EXPECTATION,
            metric=function_gap,
            bound=start + early,
            grid=from_k(1),
            note="The average of x_0 .. x_(k-1) has less noise: the bound follows from cocoercivity, one step at a time.",
            tight=arrives,
            facts=(Certificate(after + 2 * gamma * (x0.f - star.f), before + 2 * gamma * early, ((2 * gamma, interpolation(star, x0)), (gamma**2, variance(x0))),
                               ((gamma * (1 / L - gamma), x0.g),), name="each step gains the gap before it of the squared distance, in mean"),),
            mutants=(Bound(start + early / 5, at_rest, name="a fifth of the noise"),
                     Bound(Rational(99, 100) * start + early, arrives),
                     Step(bowl, name="at gamma = 11/(5 L)", defaults={gamma: Rational(11, 5) / L}))),
    ),
)
