"""Mini-batches: the variance of their mean, the smoothness that they show, and SGD with both. Between one component and all of them every constant is interpolated."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import And

from convlab.algorithms.sgd_sampling import BatchDifference, MiniBatchSGD
from convlab.assumptions import ConvexSamples, FiniteSum, Minimum, Smooth, SmoothSamples
from convlab.constants import Array
from convlab.draws import Draws, Subset, Uniform
from convlab.metrics import Case, squared_distance
from convlab.operations import norm_squared, rows
from convlab.symbols import L, L_max, R, batch, gamma, k, mu, n, sigma_opt
from convlab.theorem import (
    Bound,
    Changed,
    Formula,
    Law,
    OperatorConstant,
    RateBound,
    Relation,
    StepInequality,
    SymbolicIdentity,
    Theorem,
)
from convlab.theorems.sgd.sampling import expected_smoothness, one_of_ten, one_step, pair, sums


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

# ---- what a batch shows
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
