"""SGD on sums, by how components are drawn, and noise that grows: means over all draws by hand, bounds that specialise to each other, audits that would notice."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis.strategies import composite, fractions, integers, lists, tuples

from convlab.algorithms.averaging import AveragedSGD
from convlab.algorithms.sgd import SGD
from convlab.algorithms.sgd_sampling import Epoch, ImportanceSGD, MiniBatchSGD, StochasticPolyak, batch_gradient
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import (
    BoundedVariance,
    ExpectedGrowth,
    Interpolation,
    KnownSampleMinima,
    SmoothnessOfEach,
    Status,
    StrongGrowth,
    StronglyConvexSamples,
)
from convlab.catalogue import theorems
from convlab.constants import Array, exact
from convlab.draws import Inexact
from convlab.judge.check import check
from convlab.judge.rate import _in_mode
from convlab.judge.verdict import Word
from convlab.metrics import squared_distance
from convlab.operations import norm_squared
from convlab.problem import fact, installed_families
from convlab.run.moments import exact_moments
from convlab.run.recorder import Record
from convlab.run.settings import Settings
from convlab.symbols import (
    Delta,
    L,
    L_max,
    L_mean,
    R,
    batch,
    gamma,
    gap_growth,
    gradient_growth,
    importance_noise,
    k,
    lam,
    minima_gap,
    mu,
    mu_mean,
    n,
    noise_floor,
    sigma,
    sigma_opt,
)
from convlab.theorem import Source, best_of
from convlab_problems import finite_sum, growing_noise, huber_samples, noisy, quadratic
from tests.engine_runs import batch_on, bound_to, enumerated, lifted

positive = fractions(Fraction(1, 20), 40, max_denominator=20)
real = fractions(-60, 60, max_denominator=20)
components = lists(tuples(positive, real), min_size=2, max_size=4)


def sum_of(given: list[tuple[Fraction, Fraction]], start: Fraction) -> Any:
    """The scalar sum of a_i (x - c_i)^2/2."""
    return cast(finite_sum.make([a for a, _ in given], [c for _, c in given], start=start), RATIONAL)


def mean_over(rule: Any, problem: Any, x: Array, value: Any) -> Any:
    """E value(x+) over all draws of one step, exactly."""
    state = rule.init(x, problem)
    total: Any = 0
    for draw, weight in rule.draws(problem).branches(len(x), state):
        total = total + weight * value(rule.step(state, problem, draw).x)
    return total


# ---- one step, by hand
@given(given=components, start=real, step=positive)
def test_an_epoch_is_every_order_of_gradient_steps(given: list[tuple[Fraction, Fraction]], start: Fraction, step: Fraction) -> None:
    """The second moment after an epoch is the plain mean over n! loops on scalars."""
    problem, gamma = sum_of(given, start), step / 40
    best = problem.minimiser[0]
    ends = []
    for order in permutations(given):
        x = start
        for a, c in order:
            x = x - gamma * a * (x - c)
        ends.append((x - best) ** 2)

    assert mean_over(Epoch(gamma), problem, np.array([[start]], dtype=object), lambda x: norm_squared(x - best))[0] == sum(ends) / len(ends)


@given(given=components, start=real, size=integers(1, 4), step=positive)
def test_a_batch_is_every_subset(given: list[tuple[Fraction, Fraction]], start: Fraction, size: int, step: Fraction) -> None:
    """So are mini-batches, small ones that ask for single components and large ones that ask for all."""
    problem, size = sum_of(given, start), min(size, len(given))
    best = problem.minimiser[0]
    ends = [(start - step * sum(a * (start - c) for a, c in chosen) / size - best) ** 2 for chosen in combinations(given, size)]

    assert mean_over(MiniBatchSGD(step, size), problem, np.array([[start]], dtype=object), lambda x: norm_squared(x - best))[0] == sum(ends) / len(ends)


@given(given=components, start=real, step=positive)
def test_the_mean_step_is_the_gradient_step(given: list[tuple[Fraction, Fraction]], start: Fraction, step: Fraction) -> None:
    """By importance and by batches alike, also where a component is constant and so never drawn; not where the weights are forgotten."""
    problem, x = sum_of([*given, (Fraction(0), Fraction(7))], start), np.array([[start]], dtype=object)
    expected = (x - step * problem.gradient(x))[0, 0]

    assert mean_over(ImportanceSGD(step), problem, x, lambda x: x[0, 0]) == expected
    assert mean_over(MiniBatchSGD(step, 2), problem, x, lambda x: x[0, 0]) == expected
    smoothness = {a for a, _ in given}
    forgotten = mean_over(ImportanceSGD(step, reweighted=False), problem, x, lambda x: x[0, 0])
    assert len(smoothness) == 1 or forgotten != expected or sum(a * a * (start - c) for a, c in given) * problem.n == sum(a for a, _ in given) * sum(
        a * (start - c) for a, c in given)


def test_a_small_batch_and_a_large_one_agree() -> None:
    """Asking component by component and asking for all at once is the same number."""
    problem = cast(finite_sum.make((4, 1, 9, 2, 7), (-7, 20, 2, 5, 1)), RATIONAL)
    x = np.array([[Fraction(3)], [Fraction(-11, 2)]], dtype=object)
    for size in (1, 2):
        for chosen in combinations(range(5), size):
            mask = np.broadcast_to(np.isin(np.arange(5), chosen) * 1, (2, 5))
            everything = (mask[:, :, None] * problem.sample_gradients(x)).sum(axis=1) / size
            assert (batch_gradient(problem, x, mask, size) == everything).all()


@given(given=components, start=real, caution=fractions(Fraction(1, 2), 5, max_denominator=10), cap=positive)
def test_polyaks_step_lies_between_its_ends(given: list[tuple[Fraction, Fraction]], start: Fraction, caution: Fraction, cap: Fraction) -> None:
    """min(1/(2 c L_max), cap) <= t <= cap; on a quadratic of curvature a it is min(1/(2 c a), cap), and at its minimum x stays."""
    problem, x = sum_of(given, start), np.array([[start]], dtype=object)
    rule = StochasticPolyak(caution, cap)
    for draw, _ in rule.draws(problem).branches(1, None):
        a, centre = given[int(draw.index[0])]
        moved = rule.step(rule.init(x, problem), problem, draw).x[0, 0]
        assert moved == start - min(1 / (2 * caution * a), cap) * a * (start - centre)


# ---- components
@composite
def tilted(draw: Any) -> Any:
    """Tilted Huber components that have minima of their own."""
    count = draw(integers(2, 3))
    flat = [draw(positive) for _ in range(count)]
    steep = [a + draw(positive) for a in flat]
    return huber_samples.make(flat, steep, [draw(positive) for _ in range(count)], tilts=[draw(real) for _ in range(count)], centre=draw(real))


@given(problem=tilted(), x=real, y=real)
def test_gaps_of_components_are_theirs(problem: Any, x: Fraction, y: Fraction) -> None:
    """They start at 0, and between two points they rise as the component gradients say: convex, and no faster than L_i."""
    problem = cast(problem, RATIONAL)
    for i in range(problem.n):
        index, least = np.array([i]), problem.minimiser + problem._least()[i]
        points = [np.array([[v]], dtype=object) for v in (x, y)]
        here, there = (problem.sample_gap(p, index)[0] for p in points)
        ahead = here - there - (problem.sample_gradient(points[1], index) * (points[0] - points[1])).sum()
        apart = norm_squared(points[0] - points[1])[0]
        assert problem.sample_gap(least[None], index)[0] == 0
        assert problem.sample_gradient(least[None], index)[0, 0] == 0
        assert problem.flat[i] * apart / 2 <= ahead <= problem.steep[i] * apart / 2


CATALOGUE = theorems()
FOUR = (SmoothnessOfEach, StronglyConvexSamples, KnownSampleMinima, Interpolation, ExpectedGrowth, StrongGrowth)


def derived() -> Iterator[tuple[str, Any, Any]]:
    """Every assumption that is derived for a sum, with the sum in floats."""
    for family in ("finite_sum", "huber_samples", "ridge", "logistic"):
        for member in installed_families()[family].members():
            problem = cast(member.problem, FLOAT64)
            for kind in FOUR:
                found = kind.derive(problem)
                if found is not None and "breast" not in member.name:
                    yield f"{member.name}-{kind.__name__}", found, problem


@pytest.mark.parametrize(("found", "problem"), [(f, p) for _, f, p in derived()], ids=[name for name, _, _ in derived()])
def test_what_is_derived_passes_its_audit(found: Any, problem: Any) -> None:
    """No assumption that is read off a problem's data is broken by what an audit tries."""
    assert [f for f in found.audit(problem, np.random.default_rng(3)) if f.status is Status.BROKEN] == []


def test_noise_known_by_its_moments_is_not_enumerated() -> None:
    """Growth is derived from its variance all the same; an audit has no support to go through and says nothing."""
    problem = cast(noisy.make("quadratic", (3, 4), law="covariance", spectrum=(2, 9)), FLOAT64)
    found = ExpectedGrowth.derive(problem)

    assert found is not None
    assert float(found.noise_floor.value) == 25
    assert list(found.audit(problem, np.random.default_rng(0))) == []


def test_wrong_constants_are_noticed() -> None:
    """Constants a tenth too good are broken by the audits; what does not hold is not derived."""
    problem = cast(finite_sum.make((4, Fraction(1, 3), 9), (-7, 20, Fraction(5, 2))), FLOAT64)
    smooth, strong, minima, growth = (kind.derive(problem) for kind in (SmoothnessOfEach, StronglyConvexSamples, KnownSampleMinima, ExpectedGrowth))
    assert smooth is not None and strong is not None and minima is not None and growth is not None  # noqa: PT018
    too_good = (replace(smooth, smoothness=0.9 * smooth.smoothness), replace(strong, mu=exact(1.1 * strong.mu.value, "a tenth more")),
                replace(minima, minima_gap=exact(0.9 * minima.minima_gap.value, "a tenth less")),
                replace(growth, noise_floor=exact(0.4 * growth.noise_floor.value, "less than half: C is twice the noise at x*"), gap_growth=exact(0, "none")))
    for wrong in too_good:
        assert Status.BROKEN in {f.status for f in wrong.audit(problem, np.random.default_rng(5))}, wrong

    assert Interpolation.derive(problem) is None
    assert StrongGrowth.derive(problem) is None
    linear = huber_samples.make((0, 2), (0, 5), (1, 1), tilts=(3, 0), centre=4)
    assert SmoothnessOfEach.derive(linear) is None, "a linear component has L_i = 0 and would never be drawn"
    assert KnownSampleMinima.derive(linear) is None, "it has no minimum"


# ---- noise that grows
@given(roots=lists(positive, min_size=1, max_size=3), along=fractions(0, 6, max_denominator=4), spread=fractions(0, 4, max_denominator=4), floor=real, place=real)
def test_growing_noise_is_exactly_as_large_as_it_says(roots: list[Fraction], along: Fraction, spread: Fraction, floor: Fraction, place: Fraction) -> None:
    """E g = grad f and E |g|^2 = 2 A (f - f*) + B |grad f|^2 + C, with ==, where the parts are rational."""
    problem = cast(growing_noise.make(quadratic.make([r * r for r in roots], centre=5), spread=spread, along=along * along, floor=floor), RATIONAL)
    x = np.array([[place] * len(roots)], dtype=object)
    mean, second = 0 * x, 0
    for draw, weight in problem.gradient_draws().branches(1, None):
        g = problem.stochastic_gradient(x, draw)
        mean, second = mean + weight * g, second + weight * norm_squared(g)[0]
    slope = norm_squared(problem.gradient(x))[0]

    assert (mean == problem.gradient(x)).all()
    assert second == 2 * along**2 * problem.gap(x)[0] + (1 + spread**2) * slope + floor**2


@given(curvature=positive, start=real, updates=integers(1, 7))
def test_the_sharper_form_is_approached_where_nothing_ever_changes(curvature: Fraction, start: Fraction, updates: int) -> None:
    """On L x^2/2 with A = L, B = 1, C = 0 and gamma = 1/L the mean square stays where it is: the bound exceeds it by the factor 1/(1 - 2^(-k))."""
    problem = growing_noise.make("quadratic", spectrum=(curvature,), along=curvature, centre=start + 3, start=(start,))
    distances = enumerated(SGD(1 / curvature), problem, squared_distance, min(updates, 5), RATIONAL)
    values = {L: curvature, gamma: 1 / curvature, gap_growth: curvature, gradient_growth: 1, noise_floor: 0, Delta: curvature * 9 / 2, k: updates}
    bound = bound_of("sgd-abc-nonconvex", "sharp", values)

    assert set(distances) == {9}
    assert bound * (1 - Fraction(1, 2**updates)) == curvature**2 * 9


def test_a_factor_is_strong_growth_and_a_floor_is_bounded_variance() -> None:
    """Which facts a noise offers follows from which of its parts are there."""
    bowl = quadratic.make((2, 9), centre=4)
    alone, still, follows = (growing_noise.make(bowl, **parts) for parts in ({"spread": 2}, {"floor": 3}, {"along": 2}))

    assert fact(alone, StrongGrowth).growth.value == 5
    assert fact(still, BoundedVariance).sigma.value == 3
    assert fact(still, StrongGrowth) is None
    assert fact(follows, BoundedVariance) is None
    assert fact(follows, StrongGrowth) is None
    assert fact(follows, ExpectedGrowth).gap_growth.value == 2


# ---- bounds that specialise to each other
def bound_of(id: str, claim: str, values: dict[Any, Any]) -> Any:
    """A bound at these numbers, exactly."""
    found = next(c for c in CATALOGUE[id].claims if c.name == claim).bound
    vanished = sp.sympify(found).subs({s: 0 for s, v in values.items() if v == 0})                 # before the others: constants are positive symbols
    number = vanished.subs({s: sp.Rational(v.numerator, v.denominator) if isinstance(v, Fraction) else v for s, v in values.items()})
    return Fraction(int(number.p), int(number.q)) if number.is_Rational else number


NUMBERS = {L: Fraction(12), mu: Fraction(1, 3), L_max: Fraction(30), R: Fraction(7, 2), sigma_opt: Fraction(5, 4), n: 6, k: 5, batch: 1, gamma: Fraction(1, 70)}


def test_a_batch_of_one_is_importance_sampling_of_equal_components() -> None:
    """At B = 1 the batch shows L_max and keeps all the noise; equal L_i are drawn uniformly, with the same noise."""
    values = {**NUMBERS, L_mean: NUMBERS[L_max], importance_noise: NUMBERS[sigma_opt] ** 2}

    assert bound_of("minibatch-expected-smoothness", "sgd", values) == bound_of("sgd-importance-sampling", "main", values)
    assert bound_of("minibatch-expected-smoothness", "sgd", values) == bound_of("sgd-sc-expected-smoothness", "main", values)


def test_a_batch_of_all_has_no_noise() -> None:
    """At B = n nothing is left but the contraction, and half of the longest step of gradient descent."""
    claim = next(c for c in CATALOGUE["minibatch-expected-smoothness"].claims if c.name == "sgd")
    everything = {batch: n}

    assert sp.simplify(claim.bound.subs(everything) - (1 - gamma * mu) ** k * R**2) == 0
    assert sp.simplify(claim.defaults[gamma].subs(everything) - 1 / (2 * L)) == 0


def test_importance_and_uniform_draws_meet_under_interpolation_too() -> None:
    """Equal components: the interpolation form is that of uniform sampling."""
    values = {**NUMBERS, L_mean: NUMBERS[L_max]}

    assert bound_of("sgd-importance-sampling", "interpolation", values) == bound_of("sgd-interpolation-linear", "main", values)


def test_bounded_variance_is_the_growth_0_1_sigma_squared() -> None:
    """At gamma = 1/L the growth bound is the average one, 2 L Delta/k + sigma^2."""
    values = {L: Fraction(12), gamma: Fraction(1, 12), Delta: Fraction(9, 2), sigma: Fraction(3, 4), k: 7, gap_growth: 0, gradient_growth: 1,
              noise_floor: Fraction(9, 16)}

    assert bound_of("sgd-abc-nonconvex", "sharp", values) == bound_of("sgd-nonconvex-average-gradient", "main", values)
    assert bound_of("sgd-abc-nonconvex", "main", values) == bound_of("sgd-abc-nonconvex", "sharp", values)


@given(a=positive, updates=integers(1, 30), step=positive)
def test_the_sharper_form_is_below_the_published_one(a: Fraction, updates: int, step: Fraction) -> None:
    """For every A, gamma and k."""
    values = {L: Fraction(12), gamma: step, Delta: Fraction(9, 2), k: updates, gap_growth: a, gradient_growth: 1, noise_floor: Fraction(5, 3)}

    assert bound_of("sgd-abc-nonconvex", "sharp", values) <= bound_of("sgd-abc-nonconvex", "main", values)


@given(curvature=positive, share=fractions(Fraction(1, 10), Fraction(19, 10), max_denominator=10), start=positive, noise=positive, updates=integers(0, 9))
def test_pl_on_a_bowl_is_the_exact_second_moment(curvature: Fraction, share: Fraction, start: Fraction, noise: Fraction, updates: int) -> None:
    """With mu = L the gap's bound is L/2 times the second moment of SGD on a quadratic, stationary variance included."""
    step = share / curvature
    values = {L: curvature, mu: curvature, gamma: step, Delta: curvature * start**2 / 2, sigma: noise, k: updates, lam: curvature, R: start}
    stationary = step * noise**2 / (curvature * (2 - step * curvature))
    moment = (1 - share) ** (2 * updates) * (start**2 - stationary) + stationary

    assert bound_of("sgd-pl-linear", "forgotten", values) == curvature / 2 * moment
    assert bound_of("sgd-pl-linear", "forgotten", values) <= bound_of("sgd-pl-linear", "main", values)


@given(a=positive, c=fractions(Fraction(1, 2), 4, max_denominator=8), updates=integers(0, 9))
def test_polyaks_step_without_slack_is_the_same_at_any_cap(a: Fraction, c: Fraction, updates: int) -> None:
    """Under interpolation, with a cap that never binds, both claims have one bound."""
    caution = next(s for s in CATALOGUE["sgd-polyak-step"].claims[0].defaults if s.name == "c")
    values = {**NUMBERS, mu_mean: min(a, NUMBERS[L_max]), minima_gap: 0, caution: c, gamma: Fraction(1, 2) / (c * NUMBERS[L_max]) + a, k: updates}

    assert bound_of("sgd-polyak-step", "main", values) == bound_of("sgd-polyak-step", "interpolation", values)


# ---- enumeration against moments
RULES = {"batch": MiniBatchSGD(Fraction(1, 50), 2), "importance": ImportanceSGD(Fraction(1, 40)), "epoch": Epoch(Fraction(1, 60)),
         "polyak": StochasticPolyak(Fraction(2), Fraction(1, 30))}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_moments_and_enumeration_agree(rule: Any) -> None:
    """On three quadratics of one variable both sources give the same fractions."""
    problem = finite_sum.make((4, Fraction(1, 3), 9), (-7, 20, Fraction(5, 2)), start=Fraction(31, 2))

    assert list(lifted(rule, problem, squared_distance, 3, RATIONAL)) == list(enumerated(rule, problem, squared_distance, 3, RATIONAL))


def test_an_average_of_two_points_is_known_by_hand() -> None:
    """(x_0 + x_1)/2 with x_1 = x_0 - gamma lam x_0 - gamma xi: the covariance at k = 2 is gamma^2 sigma^2/4, (gamma lam)^2/2 times the limit over 2."""
    problem = growing_noise.make("quadratic", spectrum=(Fraction(5),), floor=Fraction(3), start=(0,))
    found = enumerated(AveragedSGD(Fraction(1, 4), Fraction(1, 2)), problem, squared_distance, 2, RATIONAL)

    assert found[2] == (Fraction(1, 4) * 3) ** 2 / 4


def test_an_epoch_of_very_many_components_is_refused_by_name() -> None:
    """300! orders leave the floats; the reason is a sentence, no overflow."""
    problem = finite_sum.make([Fraction(2)] * 300, [Fraction(i) for i in range(300)], start=400)
    batch = batch_on(problem)
    with pytest.raises(Inexact, match="draws"):
        exact_moments(bound_to(Epoch(Fraction(1, 30)), batch, 4), batch, squared_distance, np.arange(5))


# ---- the smallest expectation
def test_the_smallest_expectation_is_judged_by_moments() -> None:
    """Beyond 2/(L B) a random factor makes E |grad f|^2 grow: the least of them is the first, and refutes the bound as soon as that falls below it."""
    beyond = Settings(iterations=200, sampled=False, problems=("growing-factor-1d",), parameters={"gamma": "3/10"}, outside=True)
    found = check(CATALOGUE["sgd-abc-nonconvex"], settings=beyond)

    (verdict,) = [v for v in found.verdicts if v.claim == "sharp"]
    assert verdict.judged_by is Source.MOMENTS
    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.iteration == 2


def test_a_later_iterate_that_ran_away_does_not_forgive_the_best_one() -> None:
    """The least value is known to its own resolution, and to no worse one."""
    claim = next(c for c in CATALOGUE["sgd-abc-nonconvex"].claims if c.name == "sharp")
    every = Record(np.arange(4), np.array([[5.0], [2.0], [1e30], [3.0]]), np.array([[1e-9], [1e-12], [1e18], [2.5]]))
    found = _in_mode(claim, every, np.array([2, 3]))

    assert found.measured[:, 0].tolist() == [2.0, 2.0]
    assert found.floor is not None
    assert found.floor[:, 0].tolist() == pytest.approx([1e-12, 1e-12], rel=1e-3)      # k - 1 at most: the last one is not among them
    assert (_in_mode(replace(claim, mode=best_of(0, 0)), every, np.array([3])).floor == 1.5).all(), "3 known to 2.5 may have been 0.5"
