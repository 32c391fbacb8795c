"""The e-value, its power and its company: laws by exact enumeration and by Hypothesis, then the other library, then that we would notice."""
from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import ville.evalues
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from convlab.constants import Array
from convlab.errors import BadInput
from convlab.judge.evalues import BETS, CHECKPOINTS, RANGE, discoveries, log_gains, log_mean, looked_at, threshold, wealth
from convlab.judge.power import Power, moments, reached, refuted_factor, visible_excess

FEW = np.array([1.0, 0.5, 0.125])
fractions = st.fractions(min_value=0, max_value=20, max_denominator=12)
weights = st.lists(st.integers(1, 9), min_size=2, max_size=3)
samples = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(0, 1e3))


@st.composite
def finite_laws(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Nonnegative values, their probabilities, and a bound that is at least the mean."""
    parts = draw(weights)
    values = draw(st.lists(fractions, min_size=len(parts), max_size=len(parts)))
    chances = [Fraction(part, sum(parts)) for part in parts]
    mean = sum((v * q for v, q in zip(values, chances, strict=True)), Fraction(0))
    return values, chances, mean + draw(st.sampled_from([Fraction(0), Fraction(1, 3)])) + (Fraction(1, 7) if mean == 0 else 0)


def product(path: tuple[Fraction, ...], bound: Fraction) -> Fraction:
    """The wealth as it is defined, in fractions."""
    total = Fraction(0)
    for bet in map(Fraction, FEW):
        owned = Fraction(1)
        for x in path:
            owned *= 1 + bet * (x / bound - 1)
        total += owned
    return total / len(FEW)


def log_e(path: tuple[Fraction, ...], bound: Fraction) -> float:
    return wealth(1, FEW).after(np.array([[float(x / bound) for x in path]])).log


# ---- the law
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 70)), elements=st.floats(0, RANGE) | st.floats(0, 3) | st.just(0.0)))
def test_factors_multiplied_first_give_the_sum_of_their_logarithms(ratios: Array) -> None:
    """Of any nonnegative sample, tiny, huge or 0: one logarithm a factor is the definition; what is broke there is broke here, and nothing else."""
    with np.errstate(divide="ignore"):
        one_by_one = np.stack([np.log1p(bet * (ratios - 1)).sum(axis=1) for bet in BETS])

    assert log_gains(ratios, BETS) == pytest.approx(one_by_one, rel=1e-12, abs=1e-11)      # 70 roundings of eps


@given(finite_laws(), st.integers(1, 4))
def test_the_expected_wealth_of_a_true_bound_is_at_most_one(law: tuple[list[Fraction], list[Fraction], Fraction], draws: int) -> None:
    """Every path of a finite law, in fractions: exactly 1 where the bound is the mean; and the code in logarithms owns the same on each path."""
    values, chances, bound = law
    mean = sum((v * q for v, q in zip(values, chances, strict=True)), Fraction(0))
    expected = Fraction(0)
    for path in itertools.product(range(len(values)), repeat=draws):
        chance, drawn = math.prod(chances[i] for i in path), tuple(values[i] for i in path)
        owned = product(drawn, bound)
        expected += chance * owned
        assert math.exp(log_e(drawn, bound)) == pytest.approx(float(owned), rel=1e-9, abs=1e-12)

    assert expected == 1 if bound == mean else expected <= 1


@given(finite_laws(), st.sampled_from([Fraction(6, 5), Fraction(2), Fraction(5)]))
def test_whoever_stops_when_it_suits_him_owns_no_more_in_expectation(law: tuple[list[Fraction], list[Fraction], Fraction], wanted: Fraction) -> None:
    """Stopping at the first wealth above a mark: the expectation stays at most 1, so the mark is reached with probability at most 1/mark."""
    values, chances, bound = law
    expected, reach = Fraction(0), Fraction(0)
    for path in itertools.product(range(len(values)), repeat=4):
        chance, drawn = math.prod(chances[i] for i in path), tuple(values[i] for i in path)
        prefixes = [product(drawn[:n], bound) for n in range(1, 5)]
        stopped = next((owned for owned in prefixes if owned >= wanted), prefixes[-1])
        expected, reach = expected + chance * stopped, reach + chance * (stopped >= wanted)

    assert expected <= 1
    assert reach <= 1 / wanted


@given(samples, st.randoms(use_true_random=False))
def test_neither_order_nor_blocks_change_the_final_wealth(sample: Array, dice: random.Random) -> None:
    whole = wealth(len(sample)).after(sample)
    order = list(range(sample.shape[1]))
    dice.shuffle(order)
    cuts = sorted({0, sample.shape[1], *(dice.randint(0, sample.shape[1]) for _ in range(3))})
    pieces = wealth(len(sample))
    for low, high in itertools.pairwise(cuts):
        pieces = pieces.after(sample[:, order[low:high]])

    assert pieces.replicates == whole.replicates
    assert pieces.log == pytest.approx(whole.log, rel=1e-9, abs=1e-9)


@given(samples)
def test_a_curve_owns_the_mean_of_what_its_checkpoints_own(sample: Array) -> None:
    owned = wealth(len(sample)).after(sample)

    assert owned.log == pytest.approx(log_mean(owned.log_at), rel=1e-9, abs=1e-9)


@given(arrays(np.float64, st.tuples(st.just(1), st.integers(1, 40)), elements=st.floats(0, 50)), st.floats(1, 3))
def test_a_smaller_bound_never_has_less_against_it(sample: Array, times: float) -> None:
    assert wealth(1).after(sample * times).log >= wealth(1).after(sample).log - 1e-9


@given(st.integers(1, 10**6), st.integers(1, 400))
def test_a_curve_is_looked_at_in_few_places_and_in_the_last(first: int, count: int) -> None:
    k = first + np.arange(count)
    rows = looked_at(k)

    assert len(rows) <= CHECKPOINTS
    assert rows[0] == 0
    assert rows[-1] == count - 1
    assert (np.diff(rows) > 0).all()


# ---- the other library
@given(st.lists(st.floats(-20, 60), min_size=1, max_size=30), st.sampled_from([0.01, 0.05, 0.2]))
def test_e_bh_is_that_of_ville(logs: list[float], level: float) -> None:
    assert discoveries(logs, level) == ville.evalues.ebh(np.exp(logs), level).tolist()


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)), st.floats(0.2, 0.9), st.sampled_from([0.25, 0.5, 0.9]))
def test_one_bet_owns_what_it_owns_in_ville(sample: Array, bound: float, bet: float) -> None:
    """`ville` bets min(plug-in, c/m): at a level of 1e-300 its plug-in is always the larger, and the bet is c."""
    theirs = ville.BettingTest(bound, alternative="greater", alpha=1e-300, c=bet).fit(sample).log_e_values_
    ours = wealth(1, np.array([bet])).after(sample[None] / bound)

    assert ours.log == pytest.approx(theirs[-1], rel=1e-9, abs=1e-9)


# ---- power
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(2, 200)), elements=st.floats(0, 30)), st.sampled_from([0.1, 1e-2, 1e-4]))
def test_a_factor_called_refuted_is_refuted_by_the_sample_itself(sample: Array, alpha: float) -> None:
    """The factor comes from two moments and an inequality; the e-value of the sample against `c B` is at least as large."""
    factor = refuted_factor(moments(len(sample)).after(sample), threshold(alpha))

    if factor is not None:
        assert 0 < factor < 1
        assert wealth(len(sample)).after(sample / factor).log >= threshold(alpha) - 1e-6


@pytest.mark.parametrize("law", ["exponential", "constant", "uniform"])
def test_the_excess_that_would_have_been_seen_is_seen(law: str) -> None:
    """A power of 0.99 in 60 fresh samples: fewer than 55 alarms would have a chance below 1e-4."""
    rng, n, curves = np.random.default_rng(11), 2048, 4
    samplers: dict[str, Callable[[tuple[int, int]], Any]] = {
        "exponential": lambda size: rng.exponential(size=size), "constant": np.ones, "uniform": lambda size: rng.uniform(0, 2, size)}
    draws = samplers[law]
    excess = visible_excess(moments(curves).after(draws((curves, n))), threshold(1e-4))[0]
    seen = sum(wealth(curves).after(np.vstack([draws((1, n)) * (1 + excess), np.zeros((curves - 1, n))])).log >= threshold(1e-4) for _ in range(60))

    assert np.isfinite(excess)
    assert seen >= 55
    assert stats.binom.cdf(54, 60, 0.99) < 1e-4


def test_more_replicates_see_smaller_excesses() -> None:
    sample = np.random.default_rng(5).exponential(size=(1, 16384))
    excesses = [float(visible_excess(moments(1).after(sample[:, :n]), threshold(1e-4))[0]) for n in (256, 1024, 4096, 16384)]

    assert excesses == sorted(excesses, reverse=True)
    assert excesses[-1] < 0.1 < excesses[0]


def test_the_wealth_of_a_power_statement_is_a_lower_bound() -> None:
    """What is promised with probability 0.99 lies below what the same law, scaled, really owns."""
    sample = np.random.default_rng(2).exponential(size=(1, 4096))
    promised = reached(moments(1).after(sample), np.array([0.2]))[0, 0]

    assert 0 < promised < wealth(1).after(1.2 * sample / sample.mean()).log


# ---- bad input, in a sentence
@pytest.mark.parametrize(("sample", "told"), [
    (np.zeros((1, 0)), "The sample is empty"), (np.zeros((0, 5)), "The sample is empty"),
    (np.array([[1.0, np.nan]]), "Replicate 1 is NaN"), (np.array([[1.0, -0.25]]), "takes the negative value -0.25")])
def test_what_no_e_value_can_be_made_of_is_refused(sample: Array, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        wealth(len(sample)).after(sample)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2, math.nan])
def test_a_level_outside_zero_and_one_is_refused(alpha: float) -> None:
    with pytest.raises(BadInput, match="strictly between 0 and 1"):
        threshold(alpha)


# ---- we would notice
def test_a_diverged_replicate_refutes_and_bankruptcy_of_one_bet_does_not_hide_it() -> None:
    """X = 0 ruins the bet of everything; an infinite X makes all others rich; nothing is NaN."""
    owned = wealth(1).after(np.array([[0.0, np.inf]]))

    assert owned.logs[0, 0] == -np.inf
    assert np.isfinite(owned.log)
    assert owned.log > threshold(1e-4)


def test_a_bet_beyond_one_would_cry_wolf() -> None:
    """The grid stays within [0, 1]: a bet of 2 can owe, and the logarithm of its wealth is no number."""
    assert BETS.max() == 1
    assert BETS.min() > 0
    with np.errstate(invalid="ignore"):
        assert np.isnan(wealth(1, np.array([2.0])).after(np.array([[0.0]])).log)


def test_power_is_told_in_a_sentence() -> None:
    assert str(Power(0.0412)) == "an excess of 4.1 % over the bound would have been seen with probability 0.99"
