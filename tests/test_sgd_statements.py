"""SGD and its averages: averages are means of the points, bounds that must agree agree, new problems are what they say, and the judge asks for exact constants."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import composite, floats, fractions, integers, lists, sampled_from, tuples

from convlab.algorithms.averaging import AveragedSGD, LateAveragedSGD, ProjectedAveragedSGD, ProjectedSGD
from convlab.algorithms.sgd import SGD
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import BoundedSecondMoment, Status
from convlab.catalogue import theorems
from convlab.constants import Array, Exactness
from convlab.judge.check import check
from convlab.judge.fits import Kind, measured_order
from convlab.judge.verdict import Word
from convlab.metrics import function_gap, squared_distance
from convlab.operations import norm_squared
from convlab.problem import fact, installed_families
from convlab.run.bind import Binder
from convlab.run.expressions import evaluate, float_values
from convlab.run.settings import Settings
from convlab.symbols import G, L, L_max, R, gamma, k, lam, mu, sigma, sigma_opt
from convlab.symbols import K as horizon
from convlab.theorem import Instance, RateBound, Relation, Source, Theorem
from convlab.theorems.sgd.convex import early, late
from convlab.theorems.sgd.nonsmooth import explicit, factor, last, telescoped, weighted
from convlab.theorems.sgd.strongly_convex import averaging, edge, heard, pace, shift
from convlab_problems import finite_sum, huber_samples, kinked_bowl, noisy, pinball, quadratic
from tests.engine_runs import enumerated, lifted

positive = fractions(Fraction(1, 30), 40, max_denominator=30)
signed = fractions(-60, 60, max_denominator=12)
STEPS = 7


def bound(id: str, claim: str = "main") -> Any:
    """The bound of a claim."""
    return next(c for c in theorems()[id].claims if c.name == claim).bound


def at(expression: Any, values: dict[Any, Any]) -> Any:
    """A formula at numbers, exact where they are."""
    return evaluate(sp.sympify(expression), values)


# ---- averages
@composite
def paths(draw: Any) -> tuple[Any, list[int]]:
    """A sum of quadratics in fractions, and the components that a run draws."""
    n = draw(integers(2, 3))
    curvatures = draw(lists(fractions(Fraction(1, 9), 9, max_denominator=9), min_size=n, max_size=n))
    centres = draw(lists(signed, min_size=n, max_size=n))
    return cast(finite_sum.make(curvatures, centres, start=draw(signed)), RATIONAL), draw(lists(integers(0, n - 1), min_size=STEPS, max_size=STEPS))


def along(algorithm: Any, problem: Any, indices: list[int], values: Any = None) -> list[Any]:
    """The states of one path, in fractions."""
    binder = Binder(algorithm, values or {}, 2, len(indices), RATIONAL)
    states = [binder.at(0).init(RATIONAL.array(problem.starts(np.random.default_rng(0))[0].point)[None], problem)]
    for i, index in enumerate(indices):
        bound_algorithm = binder.at(i)
        states.append(bound_algorithm.step(states[-1], problem, bound_algorithm.draws(problem).draw(index=np.array([index]))))
    return states


@given(path=paths(), step=fractions(Fraction(1, 50), Fraction(1, 5), max_denominator=50))
@settings(max_examples=30)
def test_averages_are_the_means_of_the_points(path: Any, step: Fraction) -> None:
    """Of x_0 .. x_(k-1), of x_1 .. x_k, and with the weights 1 .. k, with == in fractions; the points are those of plain SGD."""
    problem, indices = path
    points = [state.x for state in along(SGD(step), problem, indices)]
    plain, late_one, rising = (along(rule, problem, indices) for rule in (
        AveragedSGD(step, 1 / (k + 1)), LateAveragedSGD(step, 1 / (k + 1)), AveragedSGD(step, 2 / (k + 2))))

    assert plain[0].average == late_one[0].average == points[0]
    for i in range(1, STEPS + 1):
        assert plain[i].x == late_one[i].x == points[i]
        assert plain[i].average == sum(points[:i]) / i
        assert late_one[i].average == sum(points[1:i + 1]) / i
        assert rising[i].average == 2 * sum((j + 1) * points[j] for j in range(i)) / (i * (i + 1))


def test_projected_points_are_averaged_before_their_steps() -> None:
    """On a bowl without noise, from its corner: the average of the first k points, and the points of projected SGD."""
    bowl = cast(kinked_bowl.make(Fraction(1, 3), 5, weight=2, start=5), RATIONAL)
    rules = (ProjectedSGD(2 / (mu * (k + 2))), ProjectedAveragedSGD(2 / (mu * (k + 2)), 2 / (k + 2)))
    runs = []
    for rule in rules:
        binder = Binder(rule, {mu: Fraction(1, 3)}, 2, STEPS, RATIONAL)
        states = [binder.at(0).init(RATIONAL.array([[5]]), bowl)]
        for i in range(STEPS):
            states.append(binder.at(i).step(states[-1], bowl, bowl.gradient_draws().draw(sign=np.array([Fraction(1)], dtype=object))))
        runs.append(states)

    points = [state.x for state in runs[0]]
    assert [state.x for state in runs[1]] == points
    assert runs[1][4].average == sum((j + 1) * points[j] for j in range(4)) / 10


@pytest.mark.parametrize("rule", [AveragedSGD(Fraction(1, 30), 1 / (k + 1)), LateAveragedSGD(Fraction(1, 30), 1 / (k + 1))], ids=["early", "late"])
@pytest.mark.parametrize("metric", [function_gap, squared_distance], ids=["gap", "distance"])
def test_exact_moments_of_averages_are_those_of_all_paths(rule: Any, metric: Any) -> None:
    """Two sources, one number, with == in fractions."""
    problem = finite_sum.make((4, Fraction(1, 3), 9), (-7, 20, Fraction(5, 2)), start=Fraction(31, 2))

    assert (lifted(rule, problem, metric, 5, RATIONAL) == enumerated(rule, problem, metric, 5, RATIONAL)).all()


@given(curvature=positive, start=signed, noise=lists(signed, min_size=4, max_size=4))
@settings(max_examples=30)
def test_the_averaging_step_leaves_the_mean_of_the_noise(curvature: Fraction, start: Fraction, noise: list[Fraction]) -> None:
    """x_k - x* = -(1/(lam k)) (xi_0 + ... + xi_(k-1)) on every path, with ==, wherever it starts."""
    problem = cast(noisy.make(quadratic.make((curvature,), centre=(7,), start=(start,)), 1), RATIONAL)
    binder = Binder(SGD(averaging), {lam: curvature}, 2, 4, RATIONAL)
    state = binder.at(0).init(RATIONAL.array([[start]]), problem)
    for i, xi in enumerate(noise):
        state = binder.at(i).step(state, problem, problem.gradient_draws().draw(noise=np.array([[xi]], dtype=object)))
        assert state.x[0, 0] - 7 == -sum(noise[: i + 1]) / (curvature * (i + 1))


# ---- bounds that must agree
@composite
def constants(draw: Any) -> dict[Any, Fraction]:
    """L > mu, R, sigma and a number of steps."""
    least = draw(positive)
    return {mu: least, L: least * draw(fractions(Fraction(11, 10), 30, max_denominator=10)), R: draw(positive), sigma: draw(positive), k: draw(integers(1, 9))}


@given(values=constants(), share=fractions(Fraction(1, 100), 1, max_denominator=100))
def test_the_textbook_form_is_weaker_on_its_whole_range_and_equal_at_its_end(values: Any, share: Fraction) -> None:
    """At gamma = share (2 L - mu)/L^2 it is no less than the sharp bound; at share 1 both are one number; just beyond it is less."""
    sharp, textbook = bound("sgd-sc-const-sharp"), bound("sgd-sc-const-textbook")
    inside, end, beyond = ({**values, gamma: share_of * at(edge, values)} for share_of in (share, 1, Fraction(101, 100)))

    assert at(textbook, inside) >= at(sharp, inside)
    assert at(textbook, end) == at(sharp, end)
    assert at(textbook, beyond) < at(sharp, beyond)


@given(values=constants())
def test_without_noise_the_rates_of_sums_are_those_of_their_slowest_instances(values: Any) -> None:
    """Interpolation at 1/L_max contracts by 1 - mu/L_max; expected smoothness at its largest step without noise by 1 - mu/(2 L_max)."""
    known = {**values, L_max: values[L], sigma_opt: 0}

    assert at(bound("sgd-interpolation-linear"), {**known, gamma: 1 / values[L]}) == (1 - values[mu] / values[L]) ** values[k] * values[R] ** 2
    assert at(bound("sgd-sc-expected-smoothness"), {**known, gamma: 1 / (2 * values[L])}) == (1 - values[mu] / (2 * values[L])) ** values[k] * values[R] ** 2


@given(values=constants(), chosen=fractions(Fraction(21, 20), 9, max_denominator=20))
def test_pace_two_has_the_smallest_constant(values: Any, chosen: Fraction) -> None:
    """pace^2/(pace - 1) >= 4, so the bound of SGD with decreasing steps is best at pace 2 once the start is forgotten."""
    assert at(heard, {**values, pace: chosen}) >= at(heard, {**values, pace: 2}) == 4 * values[sigma] ** 2 / values[mu] ** 2


@given(values=constants(), steps=fractions(Fraction(1, 50), 5, max_denominator=50))
def test_the_elementary_bound_is_no_less_than_the_exact_sums(values: Any, steps: Fraction) -> None:
    """For every k up to 400, to the last digit of extended precision."""
    known = {R: float(values[R]), gamma: float(steps), G: float(values[sigma]), k: np.arange(1, 401)}

    assert (float_values(explicit, known) >= float_values(weighted, known) * (1 - 1e-15)).all()


@given(values=constants(), root=integers(1, 9))
def test_the_best_step_and_the_best_factor_give_their_bounds(values: Any, root: int) -> None:
    """R^2/(2 gamma K) + gamma G^2/2 is least at R/(G sqrt K), and there R G/sqrt K; the last iterate's factor is best at 1, with the same bound at K + 1 points."""
    known = {R: values[R], G: values[sigma], k: root**2, horizon: root**2 - 1}
    best = values[R] / (values[sigma] * root)

    assert at(telescoped, {**known, gamma: best}) == values[R] * values[sigma] / root == at(last, {**known, factor: 1})
    assert all(at(telescoped, {**known, gamma: best * q}) > at(telescoped, {**known, gamma: best}) for q in (Fraction(9, 10), Fraction(11, 10)))
    assert all(at(last, {**known, factor: q}) > at(last, {**known, factor: 1}) for q in (Fraction(9, 10), Fraction(11, 10)))


@given(values=constants(), share=fractions(Fraction(1, 100), 1, max_denominator=100))
def test_the_average_from_the_first_point_has_less_noise(values: Any, share: Fraction) -> None:
    """By the factor 1 + gamma L, which is at most 2."""
    known = {**values, gamma: share / values[L]}

    assert at(early, known) < at(late, known) == (1 + share) * at(early, known) <= 2 * at(early, known)


# ---- the problems
HUBERS = tuples(*[fractions(0, 4, max_denominator=6), fractions(Fraction(1, 9), 9, max_denominator=9), positive, signed])


@given(rows=lists(HUBERS, min_size=2, max_size=4), centre=signed, x=signed, y=signed)
@settings(max_examples=60)
def test_huber_samples_are_convex_smooth_and_least_at_their_centre(rows: Any, centre: Fraction, x: Fraction, y: Fraction) -> None:
    """f(y) - f(x) - <f'(x), y - x> lies between |f'(y) - f'(x)|^2/(2 L) and L |y - x|^2/2, in fractions; the component gradients sum to n f'; f'(x*) = 0."""
    flat, extra, widths, tilts = zip(*rows, strict=True)
    problem = cast(huber_samples.make(flat, [a + b for a, b in zip(flat, extra, strict=True)], widths, tilts, centre), RATIONAL)
    here, there, best = (RATIONAL.array([[v]]) for v in (x, y, centre))
    steep = sum(a + b for a, b in zip(flat, extra, strict=True)) / len(rows)
    rise = (problem.value(there) - problem.value(here) - (problem.gradient(here) * (there - here)).sum(axis=-1))[0]
    bend = (problem.gradient(there) - problem.gradient(here))[0, 0]

    assert bend**2 / (2 * steep) <= rise <= steep * (y - x) ** 2 / 2
    assert (problem.sample_gradients(here).sum(axis=1) == problem.n * problem.gradient(here)).all()
    assert all((problem.sample_gradient(here, np.array([i])) == problem.sample_gradients(here)[:, i]).all() for i in range(problem.n))
    assert (problem.gradient(best) == 0).all()
    assert problem.gap(best)[0] == 0


LOSSES = tuples(fractions(0, 9, max_denominator=6), fractions(0, 9, max_denominator=6), fractions(-40, 40, max_denominator=6))


@composite
def kinks(draw: Any) -> Any:
    """Losses with distinct kinks that fall on the left and rise on the right."""
    rows = draw(lists(LOSSES, min_size=2, max_size=4, unique_by=lambda row: row[2]).filter(lambda rows: sum(r[0] for r in rows) > 0 < sum(r[1] for r in rows)))
    return pinball.make(*zip(*rows, strict=True))


@given(problem=kinks(), x=signed, y=signed)
@settings(max_examples=60)
def test_losses_with_one_kink_have_subgradients_and_a_gap_without_cancellation(problem: Any, x: Fraction, y: Fraction) -> None:
    """gap = value - f* >= 0, f(y) >= f(x) + <f'(x), y - x>, and E |g|^2 <= G^2, which some slope attains; all in fractions."""
    problem = cast(problem, RATIONAL)
    here, there, best = RATIONAL.array([[x]]), RATIONAL.array([[y]]), problem.minimiser[None]
    second = norm_squared(problem.sample_gradients(here)[0]).sum() / problem.n
    everywhere = [norm_squared(problem.sample_gradients(RATIONAL.array([[p]]))[0]).sum() / problem.n for p in (*problem.kinks, problem.kinks[-1] + 1)]

    assert problem.gap(here)[0] == problem.value(here)[0] - problem.value(best)[0] >= 0
    assert problem.value(there)[0] >= problem.value(here)[0] + problem.gradient(here)[0, 0] * (y - x)
    assert second <= problem.largest == max(everywhere)


@given(values=tuples(positive, positive, fractions(0, 9, max_denominator=6), signed, fractions(0, 9, max_denominator=6)), place=fractions(-1, 1, max_denominator=20))
@settings(max_examples=60)
def test_a_kinked_bowl_is_least_where_it_says(values: Any, place: Fraction) -> None:
    """gap = value - f* on the box and mu |x - x*|^2/2 <= gap; E |g|^2 <= G^2, attained at a corner; the minimiser lies in the box."""
    least, radius, weight, centre, noise = values
    problem = cast(kinked_bowl.make(least, radius, weight=weight, centre=centre, noise=noise), RATIONAL)
    here, best = RATIONAL.array([[place * radius]]), problem.minimiser[None]
    corners = [RATIONAL.array([[sign * radius]]) for sign in (-1, 1)]
    claimed = next(f for f in problem.facts() if isinstance(f, BoundedSecondMoment)).G.value ** 2

    def second(x: Array) -> Any:
        return norm_squared(problem.gradient(x))[0] + noise**2

    assert problem.gap(here)[0] == problem.value(here)[0] - problem.value(best)[0] >= least * norm_squared(here - best)[0] / 2
    assert second(here) <= max(map(second, corners)) <= claimed <= max(map(second, corners)) * (1 + Fraction(1, 10**9)) + Fraction(1, 10**9)
    assert abs(best[0, 0]) <= radius


@pytest.mark.parametrize("name", ["noisy-absolute-value-1d", "noisy-absolute-value-4", "noisy-largest-coordinate-3", "noisy-huber-convex", "linear-losses-4"])
def test_second_moments_are_derived_of_what_a_problem_says(name: str) -> None:
    """E |g|^2 over the whole support never passes the derived G^2; halved, an audit breaks it."""
    problem = next(m.problem for f in installed_families().values() for m in f.members() if m.name == name)
    derived = fact(problem, BoundedSecondMoment)
    assert derived is not None
    assert derived.G.exactness is Exactness.UPPER

    floating, rng = cast(problem, FLOAT64), np.random.default_rng(3)
    assert all(finding.status is not Status.BROKEN for finding in derived.audit(floating, rng))
    halved = BoundedSecondMoment(replace(derived.G, value=derived.G.value / 4))
    assert any(finding.status is Status.BROKEN for finding in halved.audit(floating, rng))


def test_no_second_moment_is_derived_of_a_quadratic() -> None:
    """Its gradients have no bound."""
    assert fact(noisy.make(quadratic.make((3,), centre=(1,)), 2), BoundedSecondMoment) is None


# ---- what the judge had to learn
def averaged_noise(noise: Any) -> Theorem:
    """The averaging step's equality on an instance with this noise."""
    own = Instance("noisy", clean="quadratic", spectrum=(lam, lam), noise=noise, start=(R, -8 * R))
    return Theorem("the-averaging-step-again", "It again", algorithm=SGD(averaging), assumptions=theorems()["sgd-sc-averaging-step-exact"].claims[0].assumptions,
                   relation=Relation.EQUAL, law=theorems()["sgd-sc-averaging-step-exact"].claims[0].law, metric=squared_distance, bound=sigma**2 / (lam**2 * k),
                   grid=theorems()["sgd-sc-averaging-step-exact"].claims[0].grid, on=(own,))


def test_an_equality_is_judged_with_exact_constants_only() -> None:
    """A standard deviation of sqrt(14) sigma is rounded up, and == with its square would refute the truth: it is left alone, with the reason; 3 sigma is judged."""
    rounded = check(averaged_noise(((sigma, 0), (2 * sigma, -3 * sigma))), settings=Settings(iterations=6))
    whole = check(averaged_noise(((sigma, 0), (2 * sigma, -2 * sigma))), settings=Settings(iterations=6))

    assert not rounded.verdicts
    assert "needs the exact sigma" in rounded.skipped[0].reason
    assert [v.word for v in whole.verdicts] == [Word.HOLDS]
    assert whole.verdicts[0].worst_ratio == 1


@pytest.mark.parametrize("id", ["sgd-convex-avg-nonsmooth-const", "last-iterate-linear-decay", "sgd-convex-smooth-average"])
def test_instances_without_noise_are_attained_in_fractions_at_every_horizon(id: str) -> None:
    """Their draws lead to one state, so that fifteen and sixteen updates are enumerated exactly: the ratio is 1, the source rational."""
    claims = [replace(c, on=(c.tight,) if isinstance(c.tight, Instance) else c.tight) for c in theorems()[id].claims if c.tight]
    assert claims
    assert all(isinstance(c, RateBound) for c in claims)
    result = check(Theorem(f"{id}-attained", "Attained", claims=tuple(claims)), settings=Settings(iterations=20, sampled=False))

    assert {v.word for v in result.verdicts} == {Word.HOLDS}
    assert {v.judged_by for v in result.verdicts} == {Source.RATIONAL}
    assert all(v.worst_ratio == 1 and v.last_ratio == 1 for v in result.verdicts)


@given(order=sampled_from([Fraction(1, 2), Fraction(1, 3), Fraction(9, 10)]), length=integers(0, 300))
@settings(max_examples=20)
def test_harmonic_numbers_of_small_order_are_sums(order: Fraction, length: int) -> None:
    """Against the sum written down, to fifteen digits; of many lengths at once, too."""
    formula = sp.harmonic(k, sp.Rational(order.numerator, order.denominator))
    written = sum(j ** -float(order) for j in range(1, length + 1))

    assert float(float_values(formula, {k: length})) == pytest.approx(written, rel=1e-14)          # three hundred additions in double precision
    assert float(float_values(formula, {k: np.array([0, length])})[1]) == pytest.approx(written, rel=1e-14)


def test_a_bootstrap_over_replicates_that_have_arrived_takes_no_warning() -> None:
    """Of a sample in which most replicates are exactly 0 some resamples are 0 alone: their slopes are left out, nothing is raised."""
    from convlab.judge.fits import Sample

    points = np.arange(1, 41)
    values = np.zeros((40, 12), dtype=np.float32)
    values[:, 0] = 0.5**points
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = measured_order(Kind.LINEAR, points, values.mean(axis=1), np.ones(40, dtype=bool), Sample(points, values))

    assert not isinstance(found, str)
    assert found.measured == pytest.approx(0.5, rel=1e-6)


# ---- that we would notice
WRONG: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "half of the bound": ("sgd-convex-smooth-average", lambda c: replace(c, name="main", bound=c.bound / 2)),
    "the step decays to zero too early": ("last-iterate-linear-decay", lambda c: replace(c, algorithm=SGD(R / G * (horizon - k - 1) / (horizon + 1) ** 2))),
    "the shift of the decreasing step is forgotten": ("sgd-sc-decreasing-last", lambda c: replace(c, algorithm=SGD(pace / (mu * (k + 1))))),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_rule_is_refuted(wrong: str) -> None:
    """An update rule, or a constant, that is off is refuted on the claims' own problems."""
    id, spoil = WRONG[wrong]
    claim = replace(spoil(theorems()[id].claims[0]), tight=(), mutants=(), facts=())
    result = check(Theorem(f"{id}-spoiled", "Spoiled", claims=(claim,)), settings=Settings(iterations=20, sampled=False))

    assert Word.REFUTED in {v.word for v in result.verdicts}


@given(size=floats(0.1, 30))
@settings(max_examples=10)
def test_the_schedule_of_decreasing_steps_starts_below_one_over_L(size: float) -> None:
    """At the smallest shift the first step is exactly 1/L."""
    values = {mu: Fraction(1, 7), L: Fraction(size).limit_denominator(50) + 1, pace: Fraction(5, 2), k: 0}

    assert at(pace / (mu * (k + shift)), {**values, shift: values[pace] * values[L] / values[mu]}) == 1 / values[L]
