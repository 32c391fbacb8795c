"""SGD on sums, by how components are drawn: batches, by importance, in a new order every epoch; and the step that a component's own value suggests.

The bounds of the first two are those of one uniformly drawn component with other constants: the smoothness that a draw shows, and the noise it has at x*.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import And, Eq, Min, Rational

from convlab.algorithms.sgd import SGD
from convlab.algorithms.sgd_sampling import BatchDifference, Epoch, ImportanceSGD, MiniBatchSGD, StochasticPolyak
from convlab.assumptions import (
    ConvexSamples,
    FiniteSum,
    Interpolation,
    KnownSampleMinima,
    Minimum,
    Smooth,
    SmoothnessOfEach,
    SmoothSamples,
    StronglyConvex,
    StronglyConvexSamples,
)
from convlab.constants import Array
from convlab.draws import Draws, Subset, Uniform
from convlab.metrics import Case, squared_distance
from convlab.operations import norm_squared, rows
from convlab.symbols import L, L_max, L_mean, R, batch, gamma, importance_noise, k, minima_gap, mu, mu_mean, n, sigma_opt, symbol
from convlab.theorem import (
    Bound,
    Changed,
    Formula,
    Instance,
    Law,
    OperatorConstant,
    RateBound,
    Relation,
    Step,
    StepInequality,
    SymbolicIdentity,
    Theorem,
)


# ---- the mean of a batch
@dataclass(frozen=True)
class BatchMean:
    """The mean of `batch` of n vectors, drawn without replacement. Inputs (count, n, dimension), outputs (count, dimension)."""

    batch: int

    def draws(self, x: Array) -> Draws:
        """Which."""
        return Draws(chosen=Subset(x.shape[1], self.batch))

    def __call__(self, x: Array, draw: Any) -> Array:
        """Their mean."""
        found: Array = (draw.chosen[:, :, None] * x).sum(axis=1) / self.batch
        return found


@dataclass(frozen=True)
class BatchMeanWithReplacement:
    """The mean of `batch` vectors, each drawn from all n."""

    batch: int

    def draws(self, x: Array) -> Draws:
        """Which, one after the other."""
        return Draws(index=Uniform(x.shape[1], shape=(self.batch,)))

    def __call__(self, x: Array, draw: Any) -> Array:
        """Their mean."""
        found: Array = x[rows(x)[:, None], draw.index].sum(axis=1) / self.batch
        return found


@dataclass(frozen=True)
class BatchSum:
    """The sum of `batch` of the vectors' deviations from their mean, drawn without replacement: the first steps of an epoch."""

    batch: int

    def draws(self, x: Array) -> Draws:
        """Which."""
        return Draws(chosen=Subset(x.shape[1], self.batch))

    def __call__(self, x: Array, draw: Any) -> Array:
        """Their sum."""
        found: Array = (draw.chosen[:, :, None] * (x - mean_of_all(x)[:, None])).sum(axis=1)
        return found


def mean_of_all(x: Array) -> Array:
    """(count, dimension)."""
    found: Array = x.sum(axis=1) / x.shape[1]
    return found


def squared_error(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """|y - mean of all|^2."""
    return norm_squared(y - mean_of_all(x))


def squared_length(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """|y|^2."""
    return norm_squared(y)


def variance(x: Array, values: Mapping[Any, Any]) -> Array:
    """The mean squared deviation of the n vectors from their mean."""
    return norm_squared(x - mean_of_all(x)[:, None]) / x.shape[1]


def clouds(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    """Rational vectors in the plane over six decades, far from the origin and near it; one cloud in which all but one agree."""
    count = int(values[n])
    each = np.array([[[Fraction(int(v), 16) for v in row] for row in cloud] for cloud in rng.integers(-200, 201, size=(5, count, 2))], dtype=object)
    scales = [Fraction(1, 1000), Fraction(3), Fraction(1000), Fraction(7, 2), Fraction(1, 5)]
    shifts = [Fraction(40), 0, Fraction(-3), Fraction(1, 9), Fraction(500)]
    lonely = np.array([[[Fraction(9 if i == 0 else 2), Fraction(-5)] for i in range(count)]], dtype=object)
    return np.concatenate([*(cloud[None] * scale + shift for cloud, scale, shift in zip(each, scales, shifts, strict=True)), lonely])


few: tuple[Mapping[Any, Any], ...] = ({n: 2, batch: 1}, {n: 3, batch: 2}, {n: 5, batch: 3}, {n: 4, batch: 4}, {n: 7, batch: 2})
without = (n - batch) / (batch * (n - 1))


def batch_claim(operator: Any, bound: Formula, name: str, mutants: tuple[Any, ...], **fields: Any) -> OperatorConstant:
    """E |batch mean - mean|^2 = bound v."""
    told = {"error": squared_error, "statement": f"EE norm(g_B - macron(g))^2 = ({sp.sstr(bound)}) 1/n sum_i norm(g_i - macron(g))^2", **fields}
    return OperatorConstant(operator, scale=variance, bound=bound, inputs=clouds, sizes=few, condition=And(1 <= batch, batch <= n, n >= 2), relation=Relation.EQUAL,
                            law=Law.EXPECTATION, name=name, mutants=mutants, **told)


batch_variance = Theorem(
    id="minibatch-variance-exact",
    title="The variance of a mini-batch gradient",
    source="sampling theory; Cochran (1977)",
    claims=(
        batch_claim(BatchMean(batch), without, "main",
                    (Bound((n - batch) / (n * batch), name="factor (n - B)/(n B)"), Bound(1 / batch, name="as with replacement"),
                     Bound((n - batch) / (batch**2 * (n - 1)), name="1/B^2")),
                    facts=(SymbolicIdentity("two components of a batch are correlated by -1/(n - 1)", (1 - (batch - 1) / (n - 1)) / batch, without),)),
        batch_claim(BatchMeanWithReplacement(batch), 1 / batch, "with-replacement",
                    (Bound(without, name="as without replacement"), Bound(1 / batch**2, name="1/B^2"), Changed("without replacement", operator=BatchMean(batch)))),
        batch_claim(BatchSum(batch), batch * (n - batch) / (n - 1), "partial-sums",
                    (Bound(batch, name="as with replacement"),), error=squared_length,
                    statement="EE norm(sum_(i in B) (g_i - macron(g)))^2 = (B (n - B))/(n - 1) 1/n sum_i norm(g_i - macron(g))^2",
                    facts=(SymbolicIdentity("B times the mean", batch**2 * without, batch * (n - batch) / (n - 1)),),
                    note="How far the first B steps of an epoch lead astray: it grows, and is gone when the epoch ends."),
    ),
)

# ---- strongly convex sums
c = symbol("c", meaning="caution: what the denominator of a stochastic Polyak step is multiplied by", domain=">= 1/2", unit="1")
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

shown = n * (batch - 1) / (batch * (n - 1)) * L + without * L_max              # the smoothness that a batch shows
batch_noise = without * sigma_opt**2
batches = And(1 <= batch, batch <= n, n >= 2)
two = {batch: 2, gamma: 1 / (2 * shown)}


def squared_difference(state: Any, case: Case) -> Array:
    """|g_b(x) - g_b(y)|^2, which is where the update has left x."""
    return norm_squared(state.x)


@dataclass(frozen=True)
class BregmanTimes:
    """2 times the smoothness times f(x) - f(y) - <grad f(y), x - y>; the smoothness reads L, L_max, n and the batch off the case."""

    smoothness: Callable[[Any, Any, Any, Any], Any]

    def __call__(self, state: Any, case: Case) -> Array:
        """(states,)."""
        x, y = state
        ahead = case.problem.value(x) - case.problem.value(y) - (case.problem.gradient(y) * (x - y)).sum(axis=-1)
        found: Array = 2 * self.smoothness(case[L], case[L_max], case[n], case[batch]) * ahead
        return found


def shown_by(L: Any, L_max: Any, n: Any, b: Any) -> Any:
    """n (b - 1)/(b (n - 1)) L + (n - b)/(b (n - 1)) L_max."""
    return (n * (b - 1) * L + (n - b) * L_max) / (b * (n - 1))


def largest_over_batch(L: Any, L_max: Any, n: Any, b: Any) -> Any:
    """L_max/b: what independent components would show."""
    return L_max / b


def of_the_mean(L: Any, L_max: Any, n: Any, b: Any) -> Any:
    """L."""
    return L


batch_smoothness = Theorem(
    id="minibatch-expected-smoothness",
    title="Mini-batches: the smoothness that a batch shows, and SGD with it",
    source="Gower, Loizou, Qian, Sailanbayev, Shulgin, Richtarik (2019), Proposition 3.8 and Theorem 3.1",
    claims=(
        StepInequality(
            algorithm=BatchDifference(batch), assumptions=(FiniteSum, ConvexSamples, SmoothSamples, Smooth, Minimum), condition=batches, defaults={batch: 2},
            law=Law.EXPECTATION, after=squared_difference, bound=BregmanTimes(shown_by), tight=(pair, one_of_ten),
            statement='EE norm(g_B (x) - g_B (y))^2 <= 2 cal(L)(B) (f(x) - f(y) - chevron.l nabla f(y), x - y chevron.r), quad '
                      'cal(L)(B) = (n (B - 1))/(B (n - 1)) L + (n - B)/(B (n - 1)) L_"max"',
            note="For any two points; at y = x* the right side is 2 calL (f(x) - f*). Attained where one component carries all the curvature, for every batch.",
            facts=(SymbolicIdentity("a batch of one shows L_max", shown.subs(batch, 1), L_max), SymbolicIdentity("a batch of all shows L", shown.subs(batch, n), L),
                   SymbolicIdentity("on components of which one has curvature L_max = n L it shows L_max/B", shown.subs(L, L_max / n), L_max / batch)),
            mutants=(Changed("L_max/B", pair, bound=BregmanTimes(largest_over_batch)),
                     Changed("L alone", one_of_ten, bound=BregmanTimes(of_the_mean)))),
        RateBound(
            name="sgd", algorithm=MiniBatchSGD(gamma, batch), assumptions=(*sums, Smooth), condition=And(batches, 0 < gamma, gamma <= 1 / (2 * shown)), defaults=two,
            law=Law.EXPECTATION, metric=squared_distance, bound=expected_smoothness(batch_noise),
            facts=(one_step(shown),),
            mutants=(Bound(expected_smoothness(batch_noise / 8), pair, name="an eighth of the noise", defaults={batch: 1, gamma: 1 / (2 * shown)}),
                     Bound((1 - gamma * mu) ** (3 * k) * R**2 + 2 * gamma * batch_noise / mu, pair, name="the cube of the rate"),
                     Changed("L of the mean in place of what a batch shows", one_of_ten, bound=R**2, condition=And(batches, 0 < gamma, gamma <= 1 / L),
                             defaults={batch: 1, gamma: 1 / L}))),
    ),
)

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
