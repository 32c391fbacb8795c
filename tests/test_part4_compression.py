"""Compressors have the moments that their names promise, in fractions; compressed gradient descent is gradient descent when nothing is dropped."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.compression import (
    AllOrNothing,
    BernoulliCoordinates,
    CompressedAverage,
    CompressedGD,
    KeepK,
    OneDrawForAll,
    RandK,
    TopK,
    WithReplacement,
)
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.arithmetic import FLOAT64, RATIONAL, cast, jax_arithmetic
from convlab_problems.topk_witness import make as topk_witness
from convlab_problems.workers import make as isotropic_workers

enough = settings(max_examples=30, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
rationals = st.fractions(min_value=-40, max_value=40, max_denominator=12)
points = st.lists(rationals, min_size=1, max_size=4).map(lambda entries: np.array([entries], dtype=object))
probabilities = st.fractions(min_value=Fraction(1, 9), max_value=1, max_denominator=9)


def moments(compressor, x):
    """E C(x) and E |C(x) - x|^2, by enumeration of its draws."""
    mean, error = 0 * x[0], Fraction(0)
    for draw, weight in compressor.draws(x).branches(1, None):
        off = compressor(x, draw)
        mean = mean + weight * off[0]
        error = error + weight * ((off - x) ** 2).sum()
    return mean, error


def squared(x):
    return (x * x).sum()


@enough
@given(x=points, data=st.data())
def test_random_k_is_unbiased_with_variance_omega(x, data):
    """E C = x and E |C - x|^2 = (d/k - 1) |x|^2, exactly, for every vector."""
    d = x.shape[-1]
    kept = data.draw(st.integers(1, d))
    mean, error = moments(RandK(kept), x)

    assert (mean == x[0]).all()
    assert error == (Fraction(d, kept) - 1) * squared(x)


@enough
@given(x=points, data=st.data())
def test_unscaled_random_k_shrinks_and_errs_less(x, data):
    """E C = (k/d) x and E |C - x|^2 = (1 - k/d) |x|^2."""
    d = x.shape[-1]
    kept = data.draw(st.integers(1, d))
    mean, error = moments(KeepK(kept), x)

    assert (mean == Fraction(kept, d) * x[0]).all()
    assert error == (1 - Fraction(kept, d)) * squared(x)


@enough
@given(x=points, kept=st.integers(1, 3))
def test_drawing_with_replacement_costs_more(x, kept):
    """Unbiased too, but its variance is (d - 1)/k |x|^2, which exceeds (d/k - 1) |x|^2 as soon as k >= 2."""
    mean, error = moments(WithReplacement(kept), x)

    assert (mean == x[0]).all()
    assert error == Fraction(x.shape[-1] - 1, kept) * squared(x)


@pytest.mark.parametrize("compressor", [BernoulliCoordinates, AllOrNothing])
@enough
@given(x=points, p=probabilities)
def test_coins_have_omega_one_over_p_minus_one(compressor, x, p):
    """A coin a coordinate and one coin for all have the same two moments."""
    mean, error = moments(compressor(p), x)

    assert (mean == x[0]).all()
    assert error == (1 / p - 1) * squared(x)


@enough
@given(x=points, data=st.data())
def test_top_k_keeps_the_largest_entries(x, data):
    """Its error is the sum of the d - k smallest squares, so at most (1 - k/d) |x|^2."""
    d = x.shape[-1]
    kept = data.draw(st.integers(1, d))
    answer = TopK(kept)(x)

    assert squared(answer - x) == sum(sorted(v * v for v in x[0])[:d - kept])
    assert squared(answer - x) <= (1 - Fraction(kept, d)) * squared(x)


@enough
@given(x=points, data=st.data())
def test_top_k_follows_a_permutation_of_distinct_sizes(x, data):
    """C(P x) = P C(x) wherever no two entries tie in size."""
    d = x.shape[-1]
    kept, order = data.draw(st.integers(1, d)), data.draw(st.permutations(range(d)))
    if len({abs(v) for v in x[0]}) == d:
        assert (TopK(kept)(x[:, order]) == TopK(kept)(x)[:, order]).all()


def test_top_k_takes_the_first_of_equals():
    """Ties go to the lower index, in floats as in fractions."""
    assert TopK(2)(np.array([[3.0, -3.0, 3.0]])).tolist() == [[3.0, -3.0, 0.0]]
    assert TopK(1)(np.array([[Fraction(1), Fraction(-2), Fraction(2)]], dtype=object)).tolist() == [[0, -2, 0]]


def test_random_k_is_not_rotation_invariant_but_its_error_is():
    """Turning x by the orthogonal (3, 4; -4, 3)/5 changes C(x), yet neither its mean error nor its bias."""
    turn = np.array([[3, 4], [-4, 3]], dtype=object) * Fraction(1, 5)
    x = np.array([[Fraction(7), Fraction(-2)]], dtype=object)
    (mean, error), (turned_mean, turned_error) = moments(RandK(1), x), moments(RandK(1), x @ turn.T)

    assert error == turned_error
    assert (turned_mean == turn @ mean).all()


# ---- the method
shift_pairs = st.lists(st.tuples(rationals, rationals), min_size=1, max_size=3).map(
    lambda rows: [*rows, tuple(-sum(column) for column in zip(*rows, strict=True))])


def workers_and_point(shifts, lam, x):
    return cast(isotropic_workers(lam, shifts, minimiser=(Fraction(5, 2), -3)), RATIONAL), np.array([x], dtype=object)


@enough
@given(shifts=shift_pairs, lam=st.fractions(min_value=Fraction(1, 9), max_value=20, max_denominator=9), x=st.tuples(rationals, rationals),
       gamma=st.fractions(min_value=Fraction(1, 9), max_value=3, max_denominator=9))
def test_keeping_every_coordinate_is_gradient_descent(shifts, lam, x, gamma):
    """kept = d: the messages are the gradients, whatever is drawn."""
    problem, x = workers_and_point(shifts, lam, x)
    compressed, plain = CompressedGD(gamma, RandK(2)), GradientDescent(gamma)
    (draw, weight), = compressed.draws(problem).branches(1, None)

    assert weight == 1
    assert (compressed.step(compressed.init(x, problem), problem, draw).x == plain.step(plain.init(x, problem), problem).x).all()


def second_moment(algorithm, problem, x):
    """E |x_1 - x*|^2 of one step, by enumeration."""
    total = Fraction(0)
    for draw, weight in algorithm.draws(problem).branches(1, None):
        total += weight * squared(algorithm.step(algorithm.init(x, problem), problem, draw).x - problem.minimiser)
    return total


@enough
@given(shifts=shift_pairs, lam=st.fractions(min_value=Fraction(1, 9), max_value=20, max_denominator=9), x=st.tuples(rationals, rationals),
       gamma=st.fractions(min_value=Fraction(1, 9), max_value=3, max_denominator=9))
def test_errors_average_out_over_independent_masks_only(shifts, lam, x, gamma):
    """One step multiplies |x - x*|^2 by (1 - gamma lam)^2 + gamma^2 lam^2 omega/N and adds gamma^2 omega zeta^2/N; with one mask for all, the N goes."""
    problem, x = workers_and_point(shifts, lam, x)
    size, omega, far = problem.workers, 1, squared(x - problem.minimiser)
    disagreement = (problem.shifts * problem.shifts).sum() / size
    independent = second_moment(CompressedGD(gamma, RandK(1)), problem, x)
    common = second_moment(CompressedGD(gamma, OneDrawForAll(RandK(1))), problem, x)

    assert independent == ((1 - gamma * lam) ** 2 + gamma**2 * lam**2 * Fraction(omega, size)) * far + gamma**2 * omega * disagreement / size
    assert common == ((1 - gamma * lam) ** 2 + gamma**2 * lam**2 * omega) * far      # the c_i cancel under one mask


@enough
@given(t=rationals.filter(bool), gamma=st.fractions(min_value=Fraction(1, 90), max_value=5, max_denominator=90), steps=st.integers(1, 6))
def test_local_top_one_climbs_the_diagonal(t, gamma, steps):
    """x_k = (1 + 11 gamma/6)^k x_0 for every gamma > 0, in fractions."""
    problem = cast(topk_witness(t), RATIONAL)
    algorithm = CompressedGD(gamma, TopK(1))
    state = algorithm.init(problem.start[None], problem)
    for _ in range(steps):
        state = algorithm.step(state, problem, None)

    assert (state.x == (1 + Fraction(11, 6) * gamma) ** steps * problem.start).all()


def test_top_one_of_the_average_goes_down_the_same_hill():
    """The failure needs compression before averaging: compressing the mean gradient shrinks f on the same problem."""
    problem = cast(topk_witness(Fraction(17, 4)), FLOAT64)
    algorithm = CompressedAverage(0.01, TopK(1))
    state = algorithm.init(problem.start[None], problem)
    for _ in range(2000):
        state = algorithm.step(state, problem, None)

    assert problem.value(state.x)[0] < 1e-6 * problem.value(problem.start[None])[0]


def drawn(algorithm, problem, steps, count):
    rng = np.random.default_rng(20)
    return {name: law.raw(rng, steps, count) for name, law in algorithm.draws(problem).items()}


def run(algorithm, problem, x, raw, steps):
    state = algorithm.init(x, problem)
    for k in range(steps):
        state = algorithm.step(state, problem, algorithm.draws(problem).draw(**{name: bits[k] for name, bits in raw.items()}))
    return state.x


def test_fractions_and_floats_agree():
    """The same draws in both arithmetics: twelve digits after 30 steps."""
    problem = isotropic_workers(Fraction(7, 2), [(30, 40), (-30, -40)], minimiser=(Fraction(5, 2), -3))
    algorithm, steps, x = CompressedGD(Fraction(1, 9), RandK(1)), 30, np.array([[Fraction(11), Fraction(-4)]] * 8, dtype=object)
    raw = drawn(algorithm, problem, steps, len(x))
    exact = run(algorithm, cast(problem, RATIONAL), x, raw, steps)
    floating = run(CompressedGD(1 / 9, RandK(1)), cast(problem, FLOAT64), x.astype(float), raw, steps)

    assert np.abs(floating - exact.astype(float)).max() <= 1e-12 * np.abs(floating).max()      # 30 contracting steps of a few eps each


def test_jax_and_numpy_agree_on_the_same_draws():
    """One rule, two array libraries: twelve digits, for random-k and for top-k."""
    import jax

    problem = isotropic_workers(Fraction(2, 9), [(6, 8, 0), (-6, -8, 0), (0, 8, -6), (0, -8, 6)], minimiser=(0, 11, 4))
    x = np.array([[5.0, -70.0, 13.0]] * 4)
    for compressor in (RandK(2), TopK(1), WithReplacement(2)):
        algorithm = CompressedGD(0.7, compressor)
        raw = drawn(algorithm, problem, 40, len(x))
        here = run(algorithm, cast(problem, FLOAT64), x, raw, 40)
        with jax.enable_x64(True):
            there = np.asarray(run(algorithm, cast(problem, jax_arithmetic()), jax_arithmetic().array(x), {n: jax.numpy.asarray(v) for n, v in raw.items()}, 40))

        assert there.dtype == np.float64
        assert np.abs(here - there).max() <= 1e-12 * np.abs(here).max()      # the same operations, summed in another order


def test_a_shift_that_does_not_cancel_is_refused():
    """x* would not be the minimiser."""
    with pytest.raises(ValueError, match="must sum to zero"):
        isotropic_workers(2, [(1, 0), (0, 1)])
