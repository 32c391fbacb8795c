"""SGD without convexity: gradients on average, the gap where the gradient dominates it, and noise that grows with the gradient and the gap.

One inequality serves all: a step loses gamma |grad f|^2 and wins L gamma^2/2 times the second moment of the stochastic gradient.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import And, Eq, Piecewise, Rational

from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, ExpectedGrowth, Isotropic, Minimum, PolyakLojasiewicz, Smooth, StrongGrowth
from convlab.constants import Array
from convlab.metrics import Case, function_gap, squared_gradient_norm
from convlab.symbols import Delta, L, R, gamma, gap_growth, gradient_growth, growth, k, lam, mu, noise_floor, sigma
from convlab.theorem import (
    Bound,
    Changed,
    Formula,
    Instance,
    Law,
    RateBound,
    Recursion,
    Reduces,
    Relation,
    SecondMoment,
    Step,
    SymbolicIdentity,
    Theorem,
    best_of,
    from_k,
    mean_of,
    previous,
    u,
    v,
)
from convlab.theorems.sgd.strongly_convex import stable

default, too_long = {gamma: 1 / L}, {gamma: Rational(21, 10) / L}
noisy_bowl = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=(R,))
silent_bowl = Instance("noisy", clean="quadratic", spectrum=(L,), noise=0, start=(R,))          # the variance bound of a bowl without noise is 0

# ---- bounded variance
descent = SymbolicIdentity("descent in mean", -gamma * v**2 + L * gamma**2 / 2 * (v**2 + sigma**2), -gamma / 2 * (2 - gamma * L) * v**2 + L * gamma**2 * sigma**2 / 2)

@dataclass(frozen=True)
class MeanOnBowl:
    """The mean over i < k of E |grad f(x_i)|^2 = q^i |grad f(x_0)|^2 + (gamma lam sigma)^2 (1 + ... + q^(i-1)): positive terms alone, so that nothing cancels."""

    forgotten: int = 0               # steps whose noise is left out, for a mutant

    def __call__(self, k: int, case: Case, record: Mapping[str, Array]) -> Array:
        """The bound at k, (replicates,)."""
        q = (1 - case[gamma] * case[lam]) ** 2
        powers = [q**i for i in range(max(k, 1))]
        noisy = max(k - 1 - self.forgotten, 0)
        noise = (case[gamma] * case[lam] * case[sigma]) ** 2 * sum((noisy - i) * powers[i] for i in range(noisy))
        found: Array = (2 * case[lam] * case[Delta] * sum(powers) + noise) / max(k, 1)
        return found


def on_average(gap: Formula, smoothness: Formula) -> Formula:
    """What k steps may have lost of the gap, and what they won from the noise."""
    return 2 * gap / (gamma * (2 - gamma * smoothness) * k) + gamma * smoothness * sigma**2 / (2 - gamma * smoothness)


average_gradient = Theorem(
    id="sgd-nonconvex-average-gradient",
    title="SGD, nonconvex: squared gradient norm, on average over the iterates",
    source="Ghadimi, Lan (2013); Bottou, Curtis, Nocedal (2018), Theorem 4.8",
    claims=(
        RateBound(
            algorithm=SGD(gamma), assumptions=(Smooth, BoundedVariance, Minimum), condition=stable, defaults=default, law=Law.EXPECTATION,
            metric=squared_gradient_norm, mode=mean_of(0, -1), grid=from_k(1), bound=on_average(Delta, L),
            note="The mean of E norm(grad f(x_i))^2 over i < k: what a uniformly random iterate has, and no less than the smallest of them. Attained as k grows "
                 "on lambda x^2/2, the second claim. For gamma <= 1/L the bound is at most 2 Delta/(gamma k) + gamma L sigma^2.",
            facts=(descent, Reduces({sigma: 0}, "gd-nonconvex-mingrad"),
                   SymbolicIdentity("k descents cannot exceed Delta", (Delta + k * L * gamma**2 * sigma**2 / 2) / (k * gamma / 2 * (2 - gamma * L)),
                                    on_average(Delta, L))),
            mutants=(Bound(2 * Delta / (gamma * (2 - gamma * L) * k) + gamma * L * sigma**2 / 2, noisy_bowl, name="noise gamma L sigma^2/2"),
                     Bound(Rational(9, 10) * on_average(Delta, L), noisy_bowl, name="nine tenths"),
                     Bound(2 * Delta / (gamma * (2 - gamma * L) * k**2) + gamma * L * sigma**2 / (2 - gamma * L), noisy_bowl, name="1/k^2"),
                     Step(noisy_bowl, name="at gamma = 21/(10 L)", bound=2 * Delta / (gamma * k) + 2 * gamma * L * sigma**2, defaults=too_long))),
        RateBound(
            name="isotropic", algorithm=SGD(gamma), assumptions=(Isotropic, BoundedVariance, Minimum), condition=And(0 < gamma, gamma < 2 / lam),
            defaults={gamma: 1 / lam}, law=Law.EXPECTATION, metric=squared_gradient_norm, mode=mean_of(0, -1), grid=from_k(1), relation=Relation.EQUAL,
            bound=MeanOnBowl(), tight=noisy_bowl,
            statement="1/k sum_(i < k) (q^i norm(nabla f(x_0))^2 + gamma^2 lambda^2 sigma^2 (1 + ... + q^(i - 1))), quad q = (1 - gamma lambda)^2",
            note="At gamma = 1/lambda that is norm(grad f(x_0))^2/k + sigma^2 (k - 1)/k: what the first claim has, but for the last step's noise.",
            facts=(SecondMoment((1 - gamma * lam) ** 2 * u**2 + gamma**2 * sigma**2),
                   SymbolicIdentity("what a step loses of the gap is what the descent lemma says", descent.left.subs(L, lam),
                                    lam * ((1 - gamma * lam) ** 2 - 1) * (v / lam) ** 2 / 2 + lam * gamma**2 * sigma**2 / 2)),
            mutants=(Changed("the noise of one step forgotten", noisy_bowl, bound=MeanOnBowl(forgotten=1)),)),
    ),
)

# ---- dominated by the gradient
pl_rate = 1 - gamma * mu * (2 - gamma * L)
pl_noise = gamma * L * sigma**2 / (2 * mu * (2 - gamma * L))
gap = u                                                                                          # as a letter only
flat_and_steep = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(sigma, 0), start=(R, 0))
at_a_top = Instance("noisy", clean="cosine", L=L, width=R, start=3 * R, noise=sigma)

pl_linear = Theorem(
    id="sgd-pl-linear",
    title="SGD under the Polyak-Lojasiewicz inequality: gap",
    source="Karimi, Nutini, Schmidt (2016), Theorem 4",
    claims=(
        RateBound(
            algorithm=SGD(gamma), assumptions=(Smooth, PolyakLojasiewicz, BoundedVariance, Minimum), condition=stable, defaults=default, law=Law.EXPECTATION,
            metric=function_gap, bound=pl_rate**k * Delta + pl_noise, tight=silent_bowl,
            note="Attained for every k without noise, and with it as k grows, on L x^2/2.",
            facts=(descent, Reduces({sigma: 0}, "gd-pl-linear")),
            mutants=(Bound(pl_rate**k * Delta + pl_noise / 2, noisy_bowl, name="half the noise"),
                     Bound((1 - gamma * mu * (2 - gamma * L)) ** (3 * k) * Delta + pl_noise, flat_and_steep, name="the cube of the rate"),
                     Changed("no domination", at_a_top, assumptions=(Smooth, BoundedVariance, Minimum), bound=(1 - gamma * L / 4) ** k * Delta + gamma * sigma**2),
                     Step(noisy_bowl, name="at gamma = 21/(10 L)", bound=Delta + gamma * sigma**2, defaults=too_long))),
        RateBound(
            name="forgotten", algorithm=SGD(gamma), assumptions=(Smooth, PolyakLojasiewicz, BoundedVariance, Minimum), condition=stable, defaults=default,
            law=Law.EXPECTATION, metric=function_gap, bound=pl_rate**k * Delta + pl_noise * (1 - pl_rate**k), tight=noisy_bowl,
            note="The same recursion with nothing given away.",
            facts=(SymbolicIdentity("descent, and the gradient at least 2 mu gap", gap - gamma / 2 * (2 - gamma * L) * 2 * mu * gap, pl_rate * gap),
                   SymbolicIdentity("the floor is fixed", pl_rate * pl_noise + L * gamma**2 * sigma**2 / 2, pl_noise),
                   Recursion(pl_rate * previous + L * gamma**2 * sigma**2 / 2, start=Delta)),
            mutants=(Bound(pl_rate**k * Delta + pl_noise * (1 - pl_rate ** (k - 1)), noisy_bowl, name="one step less of noise"),)),
    ),
)

# ---- noise that vanishes with the gradient
times_factor = Instance("growing_noise", clean="quadratic", spectrum=(L,), spread=Rational(3, 2), start=(R,), at={growth: Rational(13, 4)})
times_two = Instance("growing_noise", clean="quadratic", spectrum=(L,), spread=2, start=(R,), at={growth: 5})
flat_factor = Instance("growing_noise", clean="quadratic", spectrum=(mu, L), spread=Rational(3, 2), start=(R, 0), at={growth: Rational(13, 4)})
growth_rate = 1 - gamma * mu * (2 - growth * gamma * L)

strong_growth = Theorem(
    id="sgd-strong-growth-linear",
    title="SGD under strong growth and the Polyak-Lojasiewicz inequality: gap",
    algorithm=SGD(gamma),
    assumptions=(Smooth, PolyakLojasiewicz, StrongGrowth, Minimum),
    condition=And(0 < gamma, gamma < 2 / (growth * L)),
    defaults={gamma: 1 / (growth * L)},
    law=Law.EXPECTATION,
    metric=function_gap,
    bound=growth_rate**k * Delta,
    source="Vaswani, Bach, Schmidt (2019)",
    tight=times_factor,
    facts=(SymbolicIdentity("descent in mean, and the gradient at least 2 mu gap", gap - gamma * (1 - growth * gamma * L / 2) * 2 * mu * gap, growth_rate * gap),
           SymbolicIdentity("on L x^2/2, where the gradient has a factor of mean 1 and second moment growth", 1 - 2 * gamma * L + (gamma * L) ** 2 * growth,
                            growth_rate.subs(mu, L)),
           Reduces({growth: 1}, "gd-pl-linear")),
    mutants=(Step(times_two, name="at gamma = 1/L, whatever the growth", bound=Delta, defaults={gamma: 1 / L}),
             Bound((1 - gamma * mu * (2 - gamma * L)) ** k * Delta, times_factor, name="growth forgotten in the rate"),
             Bound((1 - 2 / growth) ** k * Delta, times_factor, name="rate 1 - 2/growth"),
             Bound((1 - 2 * gamma * mu) ** k * Delta, flat_factor, name="rate 1 - 2 gamma mu"),
             Step(times_factor, name="at gamma = 11/(5 growth L)", bound=Delta, defaults={gamma: Rational(11, 5) / (growth * L)})),
    note="L_max/mu of an interpolating sum is such a growth, so those are judged, too.",
)

# ---- growing with the gradient and the gap
A, B, C, D = gap_growth, gradient_growth, noise_floor, sp.Symbol("D", positive=True)
a = L * A * gamma**2
discounted = Piecewise((k, Eq(a, 0)), ((1 - (1 + a) ** (-k)) / a, True))                         # sum of (1 + a)^-(i + 1) over i < k
no_noise = Instance("noisy", clean="quadratic", spectrum=(L,), noise=0, start=(R,), when=And(Eq(gamma, 1 / L), Eq(k, 1)), at={A: 0, B: 1, C: 0})
rising = Instance("growing_noise", clean="quadratic", spectrum=(L,), along=4 * L, start=(R,), at={L: 12, A: 48, B: 1, C: 0})
floor_alone = Instance("growing_noise", clean="quadratic", spectrum=(L,), floor=L * R, start=(R,), at={A: 0, B: 1, C: 1764})
factor_alone = Instance("growing_noise", clean="quadratic", spectrum=(L,), spread=1, start=(R,), at={A: 0, B: 2, C: 0})


def abc(bound: Formula, name: str, **fields: Any) -> RateBound:
    """The least E |grad f|^2 of the iterates before k obeys this bound."""
    return RateBound(name=name, algorithm=SGD(gamma), assumptions=(Smooth, ExpectedGrowth, Minimum), condition=And(0 < gamma, gamma <= 1 / (L * B)),
                     defaults={gamma: 1 / (L * B)}, law=Law.EXPECTATION, metric=squared_gradient_norm, mode=best_of(0, -1), grid=from_k(1), bound=bound,
                     **fields)


expected_growth = Theorem(
    id="sgd-abc-nonconvex",
    title="SGD, nonconvex, with noise that grows with the gradient and the gap: smallest expected squared gradient norm so far",
    source="Khaled, Richtarik (2020), Theorem 2; the sharper form derived here",
    claims=(
        abc(2 * (1 + a) ** k * Delta / (gamma * k) + L * C * gamma, "main", on=(no_noise, rising, floor_alone, factor_alone),
            facts=(SymbolicIdentity("descent in mean", D - gamma * v**2 + L * gamma**2 / 2 * (2 * A * D + B * v**2 + C),
                                    (1 + a) * D - gamma * (1 - L * B * gamma / 2) * v**2 + L * gamma**2 * C / 2),),
            mutants=(Bound(2 * Delta / (gamma * k) + L * C * gamma, rising, name="no factor (1 + L A gamma^2)^k"),
                     Bound(2 * (1 + a) ** k * Delta / (gamma * k) + L * C * gamma / 2, floor_alone, name="half of C"),
                     Step(factor_alone, name="at gamma = 11/(5 L B)", defaults={gamma: Rational(11, 5) / (L * B)})),
            note="It informs up to k of order 1/(L A gamma^2): choose gamma of order 1/sqrt(L A K). Judged on its instances alone, for the sharper form implies it: "
                 "k weights of at least (1 + a)^(-k) add up to no less than k (1 + a)^(-k)."),
        abc(2 * Delta / (gamma * discounted) + L * C * gamma, "sharp", tight=no_noise,
            facts=(SymbolicIdentity("the weights (1 + a)^-(i + 1) make the sum telescope", (1 + a) ** (-(k + 1)) * (1 + a), (1 + a) ** (-k)),
                   SymbolicIdentity("and add up", (1 - (1 + a) ** (-k)) / a + (1 + a) ** (-(k + 1)), (1 - (1 + a) ** (-(k + 1))) / a)),
            mutants=(Bound(2 * Delta / (gamma * (1 + a) * discounted) + L * C * gamma, rising, name="a factor 1 + a less"),
                     Bound(2 * Delta / (gamma * discounted) + L * C * gamma / 2, floor_alone, name="half of C")),
            note="1 + a at most, a = L A gamma^2, is left of the exponential: 2 a Delta/(gamma (1 - (1 + a)^(-k))) + L C gamma. Attained as k grows on L x^2/2 with "
                 "A = L, B = 1, C = 0 at gamma = 1/L, where E (x_k - x^*)^2 never changes."),
    ),
)
