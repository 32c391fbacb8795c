"""One expectation by independent roads: the lift that reads the affine maps off `step`, every path of draws, and sampled means."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convlab.algorithms.compression import CompressedGD, RandK
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.mixed_precision import LowPrecisionSGD
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, SVRG, LooplessSVRG
from convlab.arithmetic import RATIONAL
from convlab.constants import Array
from convlab.draws import Bernoulli, Draws, Inexact
from convlab.metrics import distance_to_minimiser, function_gap, metric, squared_distance
from convlab.operations import norm_squared, rowwise
from convlab.run.engine import flattened, initial_state
from convlab.run.maps import affine_maps
from convlab.run.moments import mean_square_radius, reference_state, sure_radius
from convlab.symbols import gamma, inner_steps, k
from convlab.theorems.variance_reduction import svrg_algorithm, table_lyapunov
from convlab_problems import finite_sum, huber, low_precision, noisy, quadratic, workers
from tests.engine_runs import batch_on, bound_to, enumerated, lifted, sampled

SUM = finite_sum.make((Fraction(3), Fraction(8), Fraction(1, 2)), (Fraction(-4), Fraction(5, 2), Fraction(20)), start=Fraction(13))
PLANE = finite_sum.least_squares([(3, 1), (1, 3), (2, -2), (-2, 2)], [5, -7, 11, 2], start=(Fraction(9), Fraction(-16)))
STEP = Fraction(1, 25)
RULES = {"sgd": SGD(STEP), "saga": SAGA(STEP), "loopless-svrg": LooplessSVRG(STEP, Fraction(1, 4)),
         "svrg": SVRG(STEP, take=1 / (sp.Mod(k, 3) + 1), refresh=sp.Piecewise((1, sp.Eq(sp.Mod(k + 1, 3), 0)), (0, True))),
         "decreasing": SGD(STEP / (1 + k / sp.Integer(5)))}
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
each_sum = pytest.mark.parametrize("problem", [SUM, PLANE], ids=["line", "plane"])
positive = st.fractions(Fraction(1, 10), 20, max_denominator=12)


# ---- laws
@each_sum
@each_rule
def test_the_lift_agrees_with_every_path(rule: Any, problem: Any) -> None:
    """E |x_k - x*|^2 for k = 0 .. 5: == in fractions, and to 1e-13 in floats (some hundred roundings of either road)."""
    last = 4 if problem is PLANE else 5

    assert (lifted(rule, problem, squared_distance, last, RATIONAL) == enumerated(rule, problem, squared_distance, last, RATIONAL)).all()
    np.testing.assert_allclose(lifted(rule, problem, squared_distance, last), enumerated(rule, problem, squared_distance, last), rtol=1e-13)


@settings(max_examples=12)
@given(curvatures=st.tuples(positive, positive, positive), centres=st.tuples(*[st.fractions(-30, 30, max_denominator=8)] * 3),
       start=st.fractions(-60, 60, max_denominator=8))
def test_the_lyapunov_function_of_saga_agrees_on_random_sums(curvatures: Any, centres: Any, start: Any) -> None:
    """A metric that reads the table as well as the point: == over all 27 paths of three steps, at a step of 1/(4 L_max)."""
    problem = finite_sum.make(curvatures, centres, start=start)
    rule = SAGA(1 / (4 * max(curvatures)))
    point = {gamma: rule.step_size}

    assert (lifted(rule, problem, table_lyapunov, 3, RATIONAL, point) == enumerated(rule, problem, table_lyapunov, 3, RATIONAL, point)).all()


@settings(max_examples=12)
@given(curvature=positive, deviation=positive, start=st.fractions(-40, 40, max_denominator=6), share=st.fractions(Fraction(1, 10), Fraction(9, 5), max_denominator=10))
def test_second_moments_of_sgd_are_the_closed_form(curvature: Any, deviation: Any, start: Any, share: Any) -> None:
    """On lam x^2/2 with noise of variance s^2: r^k x_0^2 + gamma^2 s^2 (1 - r^k)/(1 - r), r = (1 - gamma lam)^2, with ==."""
    problem = noisy.make(quadratic.make((curvature,), start=(start,)), ((deviation,),))
    step = share / curvature
    rate = (1 - share) ** 2
    truth = [rate**i * start**2 + step**2 * deviation**2 * (1 - rate**i) / (1 - rate) for i in range(9)]

    assert list(lifted(SGD(step), problem, squared_distance, 8, RATIONAL)) == truth


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_noise_known_by_its_covariance_is_any_law_of_that_covariance(seed: int) -> None:
    """Moments of the plane with a correlated covariance: the law of two points per direction and the law by covariance alone give the same E, with ==."""
    rng = np.random.default_rng(seed)
    mixing = tuple(tuple(Fraction(int(v), 4) for v in row) for row in rng.integers(-9, 10, size=(2, 2)))
    clean = quadratic.make((Fraction(1, 3), Fraction(7)), centre=(2, -5), start=(12, Fraction(-31, 2)))
    laws = [noisy.make(clean, mixing, law=law) for law in ("rademacher", "covariance")]
    one, other = (lifted(SGD(Fraction(1, 9)), problem, function_gap, 6, RATIONAL) for problem in laws)

    assert (one == other).all()
    assert (one[:4] == enumerated(SGD(Fraction(1, 9)), laws[0], function_gap, 3, RATIONAL)).all()


# ---- sampled means
FALSE_ALARM = 5.7e-7      # of one mean beyond five standard errors, were it Gaussian; 13 checkpoints and 7 rules make at most 6e-5 for the file


@each_rule
@each_sum
def test_sampled_means_lie_within_five_standard_errors(rule: Any, problem: Any) -> None:
    """2,048 seeded replicates over 12 updates; a true engine fails a checkpoint with probability 6e-7 (FALSE_ALARM), and the seed is fixed."""
    found = sampled(rule, problem, squared_distance, range(13), 2048).measured
    error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    exact = lifted(rule, problem, squared_distance, 12)

    assert (np.abs(found.mean(axis=1) - exact) <= 5 * error + 1e-12 * exact).all()
    assert (error[1:] < 0.1 * exact[1:]).all()          # the band is narrow enough to notice an error of a half


@pytest.mark.parametrize("noise", ["rademacher", "skewed", "covariance"])
def test_every_noise_law_samples_its_own_moments(noise: str) -> None:
    """Rotated quadratic in four dimensions: two-point, skewed and Gaussian noise have the same second moments as the lift says."""
    clean = quadratic.make((Fraction(1, 7), Fraction(5, 2), 3, 23), centre=(2, -2, 0, 13), rotation=41, start=(20, -8, 5, 1))
    problem = noisy.make(clean, ((3, 0, 1, -2), (0, 5, 0, 1)), law=noise)
    found = sampled(SGD(Fraction(1, 30)), problem, squared_distance, range(0, 41, 8), 4096).measured
    error = found.std(axis=1, ddof=1) / 64

    assert (np.abs(found.mean(axis=1) - lifted(SGD(Fraction(1, 30)), problem, squared_distance, 40)[::8]) <= 5 * error + 1e-9).all()


def test_compressed_messages_of_workers_have_the_moments_of_every_subset() -> None:
    """Two workers that keep one of three coordinates each: nine joint draws a step; lift == paths, and == the closed form of isotropic functions."""
    problem = workers.make(Fraction(7, 2), [(30, 40, 10), (-30, -40, -10)], start=(9, -2, 6))
    rule = CompressedGD(Fraction(1, 12), RandK(1))

    assert (lifted(rule, problem, squared_distance, 3, RATIONAL) == enumerated(rule, problem, squared_distance, 3, RATIONAL)).all()
    assert bound_to(rule, batch_on(problem), 1).at(0).draws(problem).size() == comb(3, 1) ** 2


@pytest.mark.parametrize("steps", [2, 3])
def test_epochs_follow_their_schedule(steps: int) -> None:
    """SVRG with inner_steps bound as an integer: the maps of each k differ, and lift == paths through two epochs."""
    point = {inner_steps: steps}
    rule = replace(svrg_algorithm, step_size=STEP)

    assert (lifted(rule, SUM, squared_distance, 2 * steps, RATIONAL, point) == enumerated(rule, SUM, squared_distance, 2 * steps, RATIONAL, point)).all()


# ---- what the lift refuses, by name
class Position(NamedTuple):
    x: Array


@dataclass(frozen=True)
class Kinked:
    """A step that is affine near zero only."""

    def init(self, x0: Array, oracle: Any) -> Position:
        return Position(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(coin=Bernoulli(Fraction(1, 2)))

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        return Position(state.x * abs(state.x) / 100 + rowwise(draw.coin, state.x))


@dataclass(frozen=True)
class Hesitant(Kinked):
    """Moves with a probability that depends on where it is."""

    def draws(self, oracle: Any) -> Draws:
        return Draws(coin=Bernoulli(lambda state: 1 / (1 + norm_squared(state.x))))

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        return Position(state.x * (1 - rowwise(draw.coin, state.x) / 2))


@dataclass(frozen=True)
class Multiplied(Kinked):
    """Noise, of which only the covariance is known, times the state."""

    def draws(self, oracle: Any) -> Draws:
        return oracle.gradient_draws()

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        return Position(state.x + state.x * draw.noise)


LINE = noisy.make(quadratic.make((Fraction(3),), start=(Fraction(17),)), ((Fraction(2),),), law="covariance")


@pytest.mark.parametrize(("rule", "problem", "measured", "reason"), [
    (Kinked(), quadratic.make((Fraction(3),), start=(Fraction(17),)), squared_distance, "not affine in the state"),
    (Hesitant(), quadratic.make((Fraction(3),), start=(Fraction(17),)), squared_distance, "the law of a draw depends on the state"),
    (Multiplied(), LINE, squared_distance, "'noise', of which only moments are declared, depends on the state"),
    (SGD(STEP), LINE, distance_to_minimiser, "'distance to minimiser' is not quadratic"),
    (GradientDescent(Fraction(1, 40)), huber.make(Fraction(1, 2), 21, centre=(3,), threshold=2, start=(60,)), squared_distance, "the problem is not quadratic")],
    ids=["kink", "state-law", "state-noise", "unsquared", "huber"])
def test_what_is_not_affine_is_refused_by_name(rule: Any, problem: Any, measured: Any, reason: str) -> None:
    """In both arithmetics: a kink, a law or noise that depends on the state, an unsquared distance, a problem that is not quadratic."""
    with pytest.raises(Inexact, match=reason):
        lifted(rule, problem, measured, 5)


def test_rounding_at_random_is_refused() -> None:
    """The coins of low-precision weights depend on the weights: no lift, but every path."""
    problem = next(member.problem for member in low_precision.FAMILY.members())
    rule = LowPrecisionSGD(Fraction(1, 40), problem.spacing)
    with pytest.raises(Inexact, match=r"not affine|depends on the state"):
        lifted(rule, problem, squared_distance, 3)

    exact = enumerated(rule, problem, squared_distance, 3, RATIONAL)
    np.testing.assert_allclose(enumerated(rule, problem, squared_distance, 3), exact.astype(float), rtol=1e-13)


# ---- would we notice
def test_a_table_that_is_written_too_early_would_be_noticed() -> None:
    """SAGA that renews the table before it is used has other moments from k = 2 on (at k = 0 the table is fresh already)."""
    @dataclass(frozen=True)
    class Hasty(SAGA):
        def step(self, state: Any, oracle: Any, draw: Any) -> Any:
            after = super().step(state, oracle, draw)
            return super().step(state._replace(table=after.table), oracle, draw)

    right, wrong = (lifted(rule(STEP), SUM, squared_distance, 4, RATIONAL) for rule in (SAGA, Hasty))

    assert right[0] == wrong[0]
    assert (right[2:] != wrong[2:]).all()


def test_a_metric_that_reads_a_cubic_is_no_form() -> None:
    """Cubes agree with a quadratic form on the axes and their sums, but not on the probes."""
    @metric("x^3", "x^3")
    def cube(state: Any, case: Any) -> Array:
        return (state[0] ** 3).sum(axis=1)

    with pytest.raises(Inexact, match="cube"):
        lifted(SGD(STEP), SUM, cube, 3)


# ---- stability
@given(curvature=positive, share=st.fractions(Fraction(1, 20), 3, max_denominator=20))
@example(curvature=Fraction(1, 10), share=Fraction(1))       # a step to the minimiser: what is left is rounding
@settings(max_examples=20)
def test_radii_of_gradient_descent(curvature: Any, share: Any) -> None:
    """|1 - gamma lam| surely, its square in mean square: to 1e-12 (eigenvalues of a 1 x 1 and of a kron of it)."""
    problem = quadratic.make((curvature,), start=(Fraction(11),))
    batch = batch_on(problem)
    binder = bound_to(GradientDescent(share / curvature), batch, 1)
    maps = affine_maps(binder, 0, batch, reference_state(binder, batch), flattened(initial_state(binder, batch)))

    assert sure_radius(maps)[0] == pytest.approx(abs(1 - float(share)), abs=1e-12)
    assert mean_square_radius(maps)[0] == pytest.approx((1 - float(share)) ** 2, abs=1e-12)
    assert maps.matrices.shape == (1, 1, 2, 2)
