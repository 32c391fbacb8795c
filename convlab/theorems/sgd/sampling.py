"""SGD on sums, by how components are drawn: by importance, or in a new order every epoch; and the step that a component's own value suggests.

The bound of the first is that of one uniformly drawn component with other constants: the smoothness that a draw shows, and the noise it has at x*.
"""
from __future__ import annotations

import sympy as sp
from sympy import And, Eq, Min, Rational

from convlab.algorithms.sgd import SGD
from convlab.algorithms.sgd_sampling import Epoch, ImportanceSGD, StochasticPolyak
from convlab.assumptions import (
    ConvexSamples,
    FiniteSum,
    Interpolation,
    KnownSampleMinima,
    Minimum,
    SmoothnessOfEach,
    SmoothSamples,
    StronglyConvex,
    StronglyConvexSamples,
)
from convlab.metrics import squared_distance
from convlab.symbols import L, L_max, L_mean, R, gamma, importance_noise, k, minima_gap, mu, mu_mean, n, sigma_opt, symbol
from convlab.theorem import Bound, Changed, Formula, Instance, Law, RateBound, Step, SymbolicIdentity, Theorem

# ---- strongly convex sums
sums = (FiniteSum, ConvexSamples, SmoothSamples, StronglyConvex, Minimum)
u_squared, gap, noise = sp.symbols("d D s", positive=True)                   # |x - x*|^2, f - f*, and the noise at x*


def expected_smoothness(remaining: Formula) -> Formula:
    """(1 - gamma mu)^k R^2 + 2 gamma remaining/mu."""
    return (1 - gamma * mu) ** k * R**2 + 2 * gamma * remaining / mu


def one_step(smoothness: Formula) -> SymbolicIdentity:
    """Where E |g|^2 <= 4 smoothness D + 2 s, and f(x) - f* + <grad f(x), x* - x> <= -mu d/2."""
    return SymbolicIdentity("one step, in mean", u_squared - 2 * gamma * (gap + mu * u_squared / 2) + gamma**2 * (4 * smoothness * gap + 2 * noise),
                            (1 - gamma * mu) * u_squared + 2 * gamma**2 * noise - 2 * gamma * gap * (1 - 2 * gamma * smoothness))


pair = Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, -R), start=3 * R, at={n: 2, L: 30, L_mean: 30, mu: 30})
one_of_ten = Instance("finite_sum", curvatures=(L_max, *[0] * 9), centres=(R, *[0] * 9), start=2 * R, at={n: 10, L: 3, L_mean: 3, mu: 3, L_max: 30})
coordinates = Instance("finite_sum", curvatures=((L_max, 0), (0, L_max / 5)), centres=((R, -R), (R, -R)), start=(R, R), at={n: 2, L_mean: 18, mu: 3, L: 15})

# ---- by importance
every_smoothness = (FiniteSum, ConvexSamples, SmoothnessOfEach, StronglyConvex, Minimum)
by_importance = (1 - gamma * mu * (2 - gamma * L_mean)) ** k * R**2
still = 1 / (2 * L_mean)
one_large = Instance("finite_sum", curvatures=(L_max, *[L_max / 100] * 9), centres=(R, *[-R] * 9), start=2 * R,
                     at={n: 10, L_mean: Rational(327, 100), mu: Rational(327, 100), importance_noise: 1})

importance = Theorem(
    id="sgd-importance-sampling",
    title="SGD with components drawn by their smoothness",
    source="Needell, Srebro, Ward (2014); Gower, Loizou, Qian, Sailanbayev, Shulgin, Richtarik (2019)",
    claims=(
        RateBound(
            algorithm=ImportanceSGD(gamma), assumptions=every_smoothness, condition=And(0 < gamma, gamma <= still), defaults={gamma: still}, law=Law.EXPECTATION,
            metric=squared_distance, bound=expected_smoothness(importance_noise),
            note="A component that is linear and not constant (L_i = 0) would never be drawn; a constant one need not be.",
            facts=(one_step(L_mean), SymbolicIdentity("every component counts as if its smoothness were the mean", 1 / (n * (L / (n * L_mean))) * L / n, L_mean / n)),
            mutants=(Changed("drawn uniformly", one_large, algorithm=SGD(gamma)),
                     Changed("not reweighted", one_large, algorithm=ImportanceSGD(gamma, reweighted=False)),
                     Bound(expected_smoothness(importance_noise / 8), Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, -R), start=R,
                                                                               at={L_mean: 30, mu: 30, importance_noise: 1}), name="an eighth of the noise"))),
        RateBound(
            name="interpolation", algorithm=ImportanceSGD(gamma), assumptions=(*every_smoothness, Interpolation), condition=And(0 < gamma, gamma < 2 / L_mean),
            defaults={gamma: 1 / L_mean}, law=Law.EXPECTATION, metric=squared_distance, bound=by_importance, tight=coordinates,
            facts=(SymbolicIdentity("a coordinate of its own, L_i = n mu, drawn with probability mu/L_mean", 1 - mu / L_mean + mu / L_mean * (1 - gamma * L_mean) ** 2,
                                    1 - gamma * mu * (2 - gamma * L_mean)),),
            mutants=(Changed("drawn uniformly", one_of_ten, algorithm=SGD(gamma)),
                     Bound((1 - 2 * gamma * mu) ** k * R**2, coordinates, name="rate 1 - 2 gamma mu"),
                     Step(coordinates, name="at gamma = 21/(10 L_mean)", bound=R**2, defaults={gamma: Rational(21, 10) / L_mean}))),
    ),
)

# ---- in a new order every epoch
shuffled_noise = gamma * L_max / 2 * sp.floor(n**2 / 4) / (n - 1) * sigma_opt**2
inner = sp.Symbol("i", positive=True)
alike = Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, -R), start=3 * R, when=Eq(gamma, 1 / L_max), at={n: 2, mu: 30})
same_centre = Instance("finite_sum", curvatures=(L_max, L_max), centres=(0, 0), start=3 * R, at={n: 2, mu: 30})


def after_epochs(remaining: Formula, power: Formula = n * k) -> Formula:
    """(1 - gamma mu)^power R^2 + 2 gamma remaining/mu."""
    return (1 - gamma * mu) ** power * R**2 + 2 * gamma * remaining / mu


reshuffling = Theorem(
    id="random-reshuffling-strongly-convex",
    title="Random reshuffling, every component strongly convex: squared distance after k epochs",
    algorithm=Epoch(gamma),
    assumptions=(FiniteSum, ConvexSamples, SmoothSamples, StronglyConvexSamples, Minimum),
    condition=And(0 < gamma, gamma <= 1 / L_max, n >= 2),
    defaults={gamma: 1 / (10 * L_max)},
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=after_epochs(shuffled_noise),
    source="Mishchenko, Khaled, Richtarik (2020), Theorem 1 and Proposition 1, with floor(n^2/4)/(n - 1) for their n/2",
    tight=alike,
    note="mu is that of the components. The noise is of order gamma^2, where drawing with replacement leaves one of order gamma.",
    facts=(SymbolicIdentity("the first i gradients of an epoch at x*, i = n/2 at worst", (inner * (n - inner) / (n - 1)).subs(inner, n / 2), n**2 / (4 * (n - 1))),
           SymbolicIdentity("on two equal curvatures at gamma = 1/L", (gamma**2 * L_max * sigma_opt**2 / mu).subs({gamma: 1 / L_max, mu: L_max}),
                            sigma_opt**2 / L_max**2)),
    mutants=(Bound(after_epochs(Rational(99, 100) * shuffled_noise), alike, name="0.99 of the noise"),
             Bound(after_epochs(shuffled_noise, 3 * n * k), same_centre, name="the cube of the rate"),
             Changed("drawn with replacement", pair, algorithm=Epoch(gamma, reshuffled=False), defaults={gamma: 1 / (100 * L_max)}),
             Step(same_centre, name="at gamma = 21/(10 L_max)", bound=R**2, defaults={gamma: Rational(21, 10) / L_max})),
)

# ---- the step that a component's own value suggests
c = symbol("c", meaning="caution: what the denominator of a stochastic Polyak step is multiplied by", domain=">= 1/2", unit="1")
shortest = Min(1 / (2 * c * L_max), gamma)
own_minima = (FiniteSum, ConvexSamples, SmoothSamples, KnownSampleMinima, Minimum)
jumping = Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, -R), start=3 * R, when=And(Eq(c, Rational(1, 2)), Eq(gamma, 1 / L_max)),
                   at={mu_mean: 30, minima_gap: 1})
at_one_half = {c: Rational(1, 2), gamma: 1 / L_max}
one_curvature = Instance("finite_sum", curvatures=(L_max, L_max), centres=(R, R), start=3 * R, at={mu_mean: 30, minima_gap: 0})


def polyak_bound(remaining: Formula) -> Formula:
    """(1 - mean mu alpha)^k R^2 + 2 gamma remaining/(mean mu alpha)."""
    return (1 - mu_mean * shortest) ** k * R**2 + 2 * gamma * remaining / (mu_mean * shortest)


excess, slack = sp.symbols("a s", positive=True)            # f_i(x) - min f_i, and f_i(x*) - min f_i

stochastic_polyak = Theorem(
    id="sgd-polyak-step",
    title="SGD with the stochastic Polyak step, capped, strongly convex on average: squared distance",
    source="Loizou, Vaswani, Laradji, Lacoste-Julien (2021), Theorem 3.1",
    claims=(
        RateBound(
            algorithm=StochasticPolyak(c, gamma), assumptions=own_minima, condition=And(c >= Rational(1, 2), gamma > 0), defaults=at_one_half, law=Law.EXPECTATION,
            metric=squared_distance, bound=polyak_bound(minima_gap), tight=jumping,
            note="gamma is the cap on the step, alpha = min(1/(2 c L_max), gamma) the shortest step, s = f* - mean of min f_i.",
            facts=(SymbolicIdentity("one step, in mean", -2 * gamma * (excess - slack) + gamma / c * excess, -gamma * (2 - 1 / c) * excess + 2 * gamma * slack),),
            mutants=(Bound(polyak_bound(0), jumping, name="no noise"), Bound(polyak_bound(minima_gap / 2), jumping, name="half the noise"),
                     Bound((1 - mu_mean * shortest) ** (3 * k) * R**2, one_curvature, name="the cube of the rate", defaults={c: 1, gamma: 1 / L_max}),
                     Step(one_curvature, name="at c = 6/25", bound=R**2, defaults={c: Rational(6, 25), gamma: 10 / L_max}))),
        RateBound(
            name="interpolation", algorithm=StochasticPolyak(c), assumptions=(*own_minima, Interpolation), condition=c >= Rational(1, 2), defaults={c: Rational(1, 2)},
            law=Law.EXPECTATION, metric=squared_distance, bound=(1 - mu_mean / (2 * c * L_max)) ** k * R**2,
            note="Every component is least at x*: no cap is needed.",
            facts=(SymbolicIdentity("without slack", (-2 * gamma * (excess - slack) + gamma / c * excess).subs(slack, 0), -gamma * (2 - 1 / c) * excess),),
            mutants=(Bound((1 - mu_mean / (2 * c * L_max)) ** (3 * k) * R**2, one_curvature, name="the cube of the rate", defaults={c: 1}),
                     Step(one_curvature, name="at c = 6/25", bound=R**2, defaults={c: Rational(6, 25)}))),
    ),
)
