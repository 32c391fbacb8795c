"""Krum answers with an input, moves with the inputs, and errs by exactly what the worst instances say."""
from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.byzantine import Krum
from convlab.symbols import byzantine, d, n
from convlab.theorems.byzantine import attacks, robustness

enough = settings(max_examples=30, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
rationals = st.fractions(min_value=-30, max_value=30, max_denominator=7)


@st.composite
def inputs(draw, dimensions=(1, 2)):
    """(inputs, f) with 2 f < n, in fractions."""
    total = draw(st.integers(3, 7))
    size = draw(st.sampled_from(dimensions))
    points = [[draw(rationals) for _ in range(size)] for _ in range(total)]
    return np.array([points], dtype=object), draw(st.integers(0, (total - 1) // 2))


def rule(x, f):
    return Krum(x.shape[1] - f - 1)


def kappa(x, f):
    """The largest squared error over the variance of an honest set."""
    return robustness(x, rule(x, f)(x), {byzantine: f})[0]


def line(*values):
    return np.array([[[Fraction(v)] for v in values]], dtype=object)


@enough
@given(given_inputs=inputs())
def test_the_answer_is_an_input_of_least_score(given_inputs):
    """Scores are sums over the n - f - 1 nearest others, recomputed here by sorting."""
    x, f = given_inputs
    points = x[0].tolist()
    scores = [sum(sorted(sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) for j, q in enumerate(points) if j != i)[:len(points) - f - 1])
              for i, p in enumerate(points)]

    assert rule(x, f)(x)[0].tolist() == points[scores.index(min(scores))]


@enough
@given(given_inputs=inputs(), shift=st.tuples(rationals, rationals), scale=rationals.filter(bool))
def test_the_answer_moves_and_scales_with_the_inputs(given_inputs, shift, scale):
    """Krum(s x + t) = s Krum(x) + t, exactly, also for negative s."""
    x, f = given_inputs
    t = np.array(shift[:x.shape[-1]], dtype=object)

    assert (rule(x, f)(scale * x + t) == scale * rule(x, f)(x) + t).all()


@enough
@given(given_inputs=inputs(dimensions=(2,)))
def test_the_answer_turns_with_the_inputs(given_inputs):
    """Krum(Q x) = Q Krum(x) for the rational rotation by (3, 4)/5."""
    x, f = given_inputs
    turn = np.array([[3, 4], [-4, 3]], dtype=object) * Fraction(1, 5)

    assert (rule(x, f)(x @ turn.T) == rule(x, f)(x) @ turn.T).all()


@enough
@given(given_inputs=inputs(), data=st.data())
def test_the_order_matters_only_on_ties(given_inputs, data):
    """A permuted answer has the same, least, score; where that score is unique it is the same input."""
    x, f = given_inputs
    order = data.draw(st.permutations(range(x.shape[1])))
    scores = rule(x, f).scores(x)[0].tolist()
    if scores.count(min(scores)) == 1:
        assert (rule(x, f)(x[:, order]) == rule(x, f)(x)).all()
    else:
        assert min(rule(x, f).scores(x[:, order])[0]) == min(scores)


@enough
@given(given_inputs=inputs())
def test_no_instance_exceeds_the_proved_constant(given_inputs):
    """kappa <= 6 (n - f)/(n - 2 f), in fractions, whoever the honest are; the sharper 3 + 2 sqrt 2 = 5.83 in place of 6 holds too."""
    x, f = given_inputs
    total = x.shape[1]

    assert kappa(x, f) <= Fraction(5829, 1000) * Fraction(total - f, total - 2 * f)


def test_the_worst_instances_are_exact():
    """1/3 with one attacker among the zeros; 9 of 12 at n = 3; (2 f + 1)^2/f at n = 2 f + 1."""
    assert kappa(line(0, 0, 0, 1, 0), 1) == Fraction(1, 3)
    assert kappa(line(2, 0, 1), 1) == 9 == Fraction(3, 4) * 6 * Fraction(3 - 1, 3 - 2)
    for f in (2, 3, 4):
        assert kappa(line(*[2] * f, *[0] * f, 1), f) == Fraction((2 * f + 1) ** 2, f)


def test_half_is_too_many():
    """Two clusters of two: whichever answers, the other may be the honest one, of variance 0."""
    assert kappa(line(0, 0, 5, 5), 2) == float("inf")


@enough
@given(given_inputs=inputs(dimensions=(1,)), far=st.integers(10**4, 10**9))
def test_a_far_attacker_does_not_change_an_odd_one_out(given_inputs, far):
    """Two attackers at different far points leave the same answer among the honest."""
    x, _ = given_inputs
    near, away = (np.concatenate([x, line(place)], axis=1) for place in (far, -3 * far))

    assert (rule(near, 1)(near) == rule(away, 1)(away)).all()


@enough
@given(given_inputs=inputs())
def test_robustness_is_the_definition(given_inputs):
    """max over S of |y - mean_S|^2/var_S, against a plain loop over the sets of n - f inputs."""
    x, f = given_inputs
    answer = rule(x, f)(x)
    worst = Fraction(0)
    for chosen in combinations(range(x.shape[1]), x.shape[1] - f):
        honest = x[0, list(chosen)]
        mean = honest.sum(axis=0) / len(chosen)
        variance = ((honest - mean) ** 2).sum() / len(chosen)
        error = ((answer[0] - mean) ** 2).sum()
        worst = max(worst, error / variance if variance else float("inf") if error else Fraction(0))

    assert robustness(x, answer, {byzantine: f})[0] == worst


@pytest.mark.parametrize(("total", "bad", "dimension"), [(5, 1, 1), (7, 2, 2)])
def test_floats_agree_with_fractions(total, bad, dimension):
    """On the generated attacks the same input is chosen and the same error found, to ten digits."""
    x = attacks(np.random.default_rng(4), {n: total, byzantine: bad, d: dimension})
    exact = np.array([[[Fraction(v) for v in point] for point in points] for points in x], dtype=object)
    here, there = rule(x, bad)(x), rule(exact, bad)(exact)

    assert (here == there.astype(float)).all()
    found = robustness(x, here, {byzantine: bad})
    assert np.allclose(found, robustness(exact, there, {byzantine: bad}).astype(float), rtol=1e-10)      # attackers at 1e3 deviations cost six digits of 16


def test_the_wrong_neighbour_count_would_be_noticed():
    """Counting all others as neighbours lets one far attacker drag the choice: the error exceeds the bound."""
    x = line(0, 0, 0, 1, 10**6)
    everyone = Krum(4)(x)

    assert robustness(x, everyone, {byzantine: 1})[0] > robustness(x, Krum(3)(x), {byzantine: 1})[0]
