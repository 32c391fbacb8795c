"""Verdicts from samples: what they refute, what they say holds, where they certify nothing, and that they never add replicates beside an exact source."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance
from convlab.constants import Array
from convlab.draws import Draws, Finite
from convlab.errors import BadInput
from convlab.judge.check import check, decided
from convlab.judge.evalues import threshold, wealth
from convlab.judge.power import SEEN, Power, moments, visible_excess
from convlab.judge.replicates import Sampler, blocks, opened
from convlab.judge.sampled import BUDGET, POINTS, Tally, opinion, sampled_verdict, tally, together
from convlab.judge.verdict import Check, Verdict, Witness, Word
from convlab.metrics import Case, metric, squared_distance
from convlab.problem import Family, Member
from convlab.run.cases import settings_on
from convlab.run.settings import Settings
from convlab.symbols import L, gamma
from convlab.theorem import Law, RateBound, Relation, Source, Theorem, best_of, from_k
from convlab_problems import huber, noisy

K = np.array([1, 2])
FLOOR = np.full((2, 1), 1e-12)
KINKED = Member("kinked-noise", noisy.make(huber.make(Fraction(1, 3), 4, centre=Fraction(-5, 2), threshold=Fraction(3, 4)), Fraction(7, 4), law="covariance"))
AT_DEFAULT = sp.Eq(gamma, 1 / (2 * L))
SHORT = Settings(iterations=12)
STATIONARY, AT_REST = 250, Settings(iterations=290)      # from every start of the problem


@metric("(x_k - x^*)^2", "x^2")
def from_centre(state: Any, case: Case) -> Array:
    """Squared distance to the centre -5/2."""
    return ((state.x + 2.5) ** 2).sum(axis=-1)


@metric("x_k - x^*", "x")
def signed(state: Any, case: Case) -> Array:
    """No metric: it takes both signs."""
    return (state.x + 2.5).sum(axis=-1)


def theorem(bound: Any, measure: Any = from_centre, algorithm: Any = None, condition: Any = AT_DEFAULT) -> Theorem:
    """SGD at stationarity on a kinked function with Gaussian noise: neither affine nor finite, so that no exact source exists."""
    return Theorem("sampled-claim", "SGD at rest", algorithm=algorithm or SGD(step_size=gamma), assumptions=(BoundedVariance,), condition=condition,
                   defaults={gamma: 1 / (2 * L)}, law=Law.EXPECTATION, metric=measure, bound=bound, grid=from_k(STATIONARY))


def judged(bound: Any, settings: Settings = AT_REST, **other: Any) -> tuple[Verdict | None, Check]:
    result = check(theorem(bound, **other), settings=settings, families={"f": Family("f", lambda: KINKED.problem, lambda: iter([KINKED]))})
    return next(iter(result.verdicts), None), result


@pytest.fixture(scope="module")
def at_rest() -> float:
    """The largest mean over the judged k, of replicates that no verdict here sees; its standard error is 0.6 % of it."""
    claim = theorem(1).claims[0]
    assert isinstance(claim, RateBound)
    setting = settings_on(claim, "reference", KINKED, AT_REST, claim.assumptions)[0]
    found = np.stack([Sampler("reference", claim, setting, AT_REST).block(b, 1024).measured[STATIONARY:].mean(axis=1) for b in range(32)])
    return float(found.mean(axis=0).max())


# ---- laws
@given(st.floats(1e-30, 1e30), st.lists(st.floats(0, 9), min_size=8, max_size=40))
def test_the_unit_of_the_metric_is_without_effect(unit: float, values: list[float]) -> None:
    """X, B and the floor in another unit: the same wealth, the same word."""
    sample = np.array([values, values[::-1]])[:, :, None]
    words = []
    for scale in (1.0, unit):
        found = tally(K, np.array([[3.0], [4.0]]) * scale, FLOOR * scale).after(sample * scale)
        words.append((opinion(found, 1e-2), found.wealth.log))

    assert words[0][0].word is words[1][0].word
    assert words[1][1] == pytest.approx(words[0][1], rel=1e-7, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-3, 12)), min_size=1, max_size=12))
def test_a_decision_over_several_claims_is_made_anew_from_the_e_values(found: list[tuple[str, float]]) -> None:
    """Deciding twice changes nothing; of one claim nothing is changed; over several no smaller e-value refutes than of one alone, whatever stands beside it."""
    verdicts = tuple(drawn(name, log10) for name, log10 in found)
    once = decided(Check(verdicts))

    assert decided(once) == once
    if len({v.claim for v in verdicts}) == 1:
        assert once == Check(verdicts)
    else:
        assert all((v.witness is not None) == (v.word is Word.REFUTED) for v in once.verdicts)
        assert {v.word for v in once.verdicts if (v.e_value_log10 or 0) >= 4} <= {Word.REFUTED}      # 12 claims at 0.01: 1,200 is enough for e-BH
        assert {v.word for v in once.verdicts if (v.e_value_log10 or 0) < 4} <= {Word.INCONCLUSIVE}


def drawn(claim: str, log10: float) -> Verdict:
    suspect = Witness("p", {}, {}, "", 1, 2.0, 1.0, 0, "") if log10 >= 2 else None
    word = Word.REFUTED if log10 >= 4 else Word.INCONCLUSIVE
    return Verdict("t", claim, "RateBound", "p", Source.MONTE_CARLO, word, e_value_log10=log10, suspect=suspect, witness=suspect if word is Word.REFUTED else None)


def test_a_block_is_the_same_bits_whatever_else_is_run() -> None:
    claim = theorem(1).claims[0]
    assert isinstance(claim, RateBound)
    setting = settings_on(claim, "reference", KINKED, AT_REST, claim.assumptions)[0]
    one, other = (Sampler("t", claim, setting, AT_REST) for _ in range(2))
    other.block(0, 8)

    np.testing.assert_array_equal(one.block(3, 8).measured, other.block(3, 8).measured)
    assert not np.array_equal(one.block(3, 8).measured, one.block(4, 8).measured)


def test_settings_that_run_together_are_the_bits_and_floors_of_each_alone() -> None:
    """One batch of several starts and step sizes, more than fit at once, with and without a mode that needs every k."""
    half = theorem(1, squared_distance, condition=sp.And(gamma > 0, gamma < 1 / L)).claims[0]
    assert isinstance(half, RateBound)
    for claim in (half, replace(half, mode=best_of(0, -1))):
        settings = settings_on(claim, "reference", KINKED, SHORT, claim.assumptions)
        samplers = [Sampler("t", claim, setting, SHORT) for setting in (settings[0], settings[3], settings[-1])]
        for alone, (sampler, first), second in zip(samplers, opened(samplers, 16), blocks(samplers, 1, 8), strict=True):
            np.testing.assert_array_equal(first.measured, alone.block(0, 16).measured)
            np.testing.assert_array_equal(second.measured, alone.block(1, 8).measured)
            np.testing.assert_allclose(sampler.floor, alone.floor, rtol=1e-12, atol=0)
    assert not np.array_equal(samplers[0].block(0, 8).measured, samplers[1].block(0, 8).measured)


# ---- examples
def test_a_false_expectation_without_exact_source_is_refuted(at_rest: float) -> None:
    """A bound that is a sixth too small, on a problem where nothing exact exists: refuted by samples, with a witness and the road to it."""
    verdict, result = judged(sp.Float(at_rest / 1.2))
    assert verdict is not None

    assert result.word is Word.REFUTED
    assert verdict.judged_by is Source.MONTE_CARLO
    assert verdict.e_value_log10 is not None
    assert verdict.e_value_log10 > 4
    assert verdict.witness is not None
    assert verdict.witness.iteration >= STATIONARY
    assert verdict.witness.measured > verdict.witness.bound
    assert f"--replicates {verdict.replicates}" in verdict.witness.reproduce
    assert "no exact source" in result.skipped[0].reason


def test_a_true_one_holds_once_an_excess_of_ten_percent_could_not_have_hidden(at_rest: float) -> None:
    """Replicates are added until the power is there. A false alarm has probability at most 1e-4 over the draw of the seed."""
    verdict, result = judged(sp.Float(1.05 * at_rest))
    assert verdict is not None
    assert verdict.power is not None
    assert verdict.replicates is not None

    assert result.word is Word.HOLDS
    assert verdict.power.excess <= SEEN
    assert verdict.replicates > AT_REST.replicates
    assert "would have been seen with probability 0.99" in verdict.note
    assert verdict.to_json()["power"] == {"excess": verdict.power.excess, "probability": 0.99}


def test_a_loose_bound_holds_at_once_and_is_told_how_loose_it_is(at_rest: float) -> None:
    verdict, _ = judged(sp.Float(4 * at_rest))
    assert verdict is not None

    assert (verdict.word, verdict.replicates) == (Word.HOLDS, 1024)
    factor = float(verdict.note.partition(" times the bound is refuted too")[0].rpartition(" ")[2])
    assert 0.15 < factor < 0.25 * 1.02       # the true factor is a quarter, known to 0.6 %


def test_a_claim_is_sampled_over_its_condition(at_rest: float) -> None:
    """True at the default step, false at twice that step, where the noise is twice as loud: refuted there."""
    verdict, _ = judged(sp.Float(1.3 * at_rest), condition=sp.And(gamma >= 1 / (2 * L), gamma <= 1 / L))
    assert verdict is not None
    assert verdict.witness is not None

    assert verdict.word is Word.REFUTED
    assert verdict.points == POINTS
    assert verdict.witness.parameters["gamma"] > Fraction(1, 8)
    assert judged(sp.Float(1.3 * at_rest))[1].word is Word.HOLDS


def test_what_one_point_leaves_open_all_leave_open() -> None:
    """Of several points the word is the weakest, and the e-value the mean."""
    sure, unsure = replace(drawn("a", -1), word=Word.HOLDS), drawn("a", -0.5)
    both = together([sure, unsure], 1e-4)

    assert both.word is Word.INCONCLUSIVE
    assert 10 ** (both.e_value_log10 or 0) == pytest.approx((10**-1 + 10**-0.5) / 2)
    assert together([sure, sure], 1e-4).word is Word.HOLDS
    assert together([sure, drawn("a", 6)], 1e-4).word is Word.REFUTED
    assert together([sure, drawn("a", 4)], 1e-4).word is Word.INCONCLUSIVE       # the mean is half of what refutes


def test_the_same_seed_gives_the_same_verdict(at_rest: float) -> None:
    first, second = (judged(sp.Float(3 * at_rest))[0] for _ in range(2))
    assert first is not None
    assert second is not None

    assert first.to_json() == second.to_json()


def test_beside_an_exact_source_no_replicates_are_added() -> None:
    """sgd-sc-const-sharp is exactly tight: ten percent would need more than 1,024 replicates, but the exact moments have the word."""
    import convlab as cl

    result = check(cl.theorem("sgd-sc-const-sharp"), settings=Settings(problems=("noisy-quadratic-covariance",), iterations=40))
    beside = next(v for v in result.verdicts if v.judged_by is Source.MONTE_CARLO)

    assert beside.replicates == 1024
    assert beside.word is not Word.REFUTED
    assert result.word is Word.HOLDS


# ---- where samples certify nothing
class Memory(NamedTuple):
    x: Array


@dataclass(frozen=True)
class Jackpot:
    """x - x* is what a lottery ticket pays: 1000 with probability 1e-5, every step anew."""

    def init(self, x0: Array, oracle: Any) -> Memory:
        return Memory(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(prize=Finite((0, 1000), (Fraction(99_999, 100_000), Fraction(1, 100_000)), shape=(1,)))

    def step(self, state: Memory, oracle: Any, draw: Any) -> Memory:
        return Memory(-2.5 + draw.prize + abs(state.x) * 0)


@dataclass(frozen=True)
class Broken:
    """SGD whose oracle returns no number from its tenth step on."""

    step_size: Any

    def init(self, x0: Array, oracle: Any) -> Memory:
        return Memory(x0)

    def draws(self, oracle: Any) -> Draws:
        draws: Draws = oracle.gradient_draws()
        return draws

    def step(self, state: Memory, oracle: Any, draw: Any) -> Memory:
        return Memory(state.x - self.step_size * oracle.stochastic_gradient(state.x, draw) + self.step_size * (state.x * 0 + np.nan))


def test_where_one_replicate_carries_the_sum_nothing_is_certified() -> None:
    """A mean of 10 carried by one path in 100,000: a bound a thousand times as large is not said to hold, with the whole budget of replicates."""
    claim, settings = theorem(sp.Float(1e4), algorithm=Jackpot()).claims[0], Settings(iterations=260)
    assert isinstance(claim, RateBound)
    sampled = sampled_verdict("lottery", claim, settings_on(claim, "lottery", KINKED, settings, claim.assumptions)[0], settings, alone=True)

    assert sampled.word is Word.INCONCLUSIVE
    assert sampled.replicates == BUDGET
    assert "one replicate carries more than a tenth of the sum" in sampled.note


def test_a_negative_metric_has_no_e_value_and_the_skip_says_so() -> None:
    verdict, result = judged(sp.Float(100), measure=signed)

    assert verdict is None
    assert any("takes the negative value" in skip.reason and "never negative" in skip.reason for skip in result.skipped)
    assert result.word is Word.NOT_APPLICABLE


def test_a_nan_is_an_outcome_not_a_verdict() -> None:
    verdict, _ = judged(sp.Float(100), algorithm=Broken(step_size=gamma))
    assert verdict is not None

    assert verdict.word is Word.INCONCLUSIVE
    assert verdict.e_value_log10 is None
    assert verdict.outcome is not None
    assert verdict.outcome.startswith("NaN at k = 1")


# ---- with high probability
@dataclass(frozen=True)
class Toss:
    """x - x* is 1 with probability 1/20 and 0 else, every step anew."""

    def init(self, x0: Array, oracle: Any) -> Memory:
        return Memory(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(head=Finite((0, 1), (Fraction(19, 20), Fraction(1, 20)), shape=(1,)))

    def step(self, state: Memory, oracle: Any, draw: Any) -> Memory:
        return Memory(-2.5 + draw.head)


def with_probability(delta: Any, relation: Relation = Relation.AT_MOST, bound: Any = Fraction(1, 2)) -> tuple[Verdict, Check]:
    coin = Theorem("toss", "A coin", algorithm=Toss(), law=Law.HIGH_PROBABILITY, delta=delta, metric=from_centre, bound=sp.sympify(bound), relation=relation,
                   grid=from_k(1))
    result = check(coin, settings=Settings(iterations=12), families={"f": Family("f", lambda: KINKED.problem, lambda: iter([KINKED]))})
    return result.verdicts[0], result


@pytest.mark.parametrize(("delta", "word"), [(Fraction(1, 40), Word.REFUTED), (Fraction(3, 20), Word.HOLDS), (Fraction(1, 2), Word.HOLDS)])
def test_a_bound_with_high_probability_is_judged_by_how_often_it_fails(delta: Fraction, word: Word) -> None:
    """It fails with probability 1/20: a claim of 1/40 is refuted, larger ones hold; measured and bound are those probabilities."""
    verdict, result = with_probability(delta)

    assert verdict.word is result.word is word
    assert verdict.judged_by is Source.MONTE_CARLO
    assert float(verdict.bound) == pytest.approx(float(delta), rel=1e-9)
    assert abs(float(verdict.measured) - 1 / 20) < 6 * math.sqrt(0.05 * 0.95 / 1024)


def test_at_its_exact_probability_a_claim_is_not_refuted() -> None:
    """Probability at most 1e-4 over the seed that this fails, by Ville."""
    assert with_probability(Fraction(1, 20))[0].word is not Word.REFUTED


def test_lower_bounds_too_are_judged_by_how_often_they_fail() -> None:
    """x >= 1/2 fails 19 times in 20."""
    assert with_probability(Fraction(1, 2), Relation.AT_LEAST)[0].word is Word.REFUTED


def test_a_claim_that_never_fails_holds_with_the_power_of_its_replicates() -> None:
    """1,024 runs without a failure: how often failures would have been seen is known, for an indicator has one law."""
    verdict, _ = with_probability(Fraction(1, 10), bound=2)

    assert verdict.word is Word.HOLDS
    assert verdict.power is not None
    assert 0.2 < verdict.power.excess < 2


def test_the_power_of_an_indicator_is_what_it_promises() -> None:
    """Failing (1 + excess) times as often as allowed is seen in at least 55 of 60 samples: fewer would have a chance below 1e-4 at a power of 0.99."""
    delta, n, rng = 0.05, 2048, np.random.default_rng(8)
    excess = float(visible_excess(moments(1).after(np.zeros((1, n))), threshold(1e-4), level=delta)[0])
    samples = rng.binomial(1, delta * (1 + excess), size=(60, 1, n)) / delta

    assert sum(wealth(1).after(sample).log >= threshold(1e-4) for sample in samples) >= 55


@pytest.mark.parametrize("delta", [None, 0, 1, Fraction(3, 2)])
def test_a_level_that_is_no_probability_is_bad_input(delta: Any) -> None:
    with pytest.raises(BadInput, match="strictly between 0 and 1"):
        with_probability(delta)


# ---- the word, from made-up tallies
def made(sample: Callable[[np.random.Generator, tuple[int, int, int]], Array], count: int = 4096) -> Tally:
    return tally(K, np.ones((2, 1)), FLOOR).after(sample(np.random.default_rng(3), (2, count, 1)))


@pytest.mark.parametrize(("sample", "word"), [
    (lambda rng, shape: rng.exponential(0.5, shape), Word.HOLDS), (lambda rng, shape: rng.exponential(1.5, shape), Word.REFUTED),
    (lambda rng, shape: rng.exponential(1.0, shape)[:, :512], Word.INCONCLUSIVE), (lambda rng, shape: np.ones(shape), Word.HOLDS),
    (lambda rng, shape: np.zeros(shape), Word.INCONCLUSIVE), (lambda rng, shape: 0.1 * rng.pareto(1.2, shape), Word.INCONCLUSIVE),
    (lambda rng, shape: np.where(rng.uniform(size=shape) < 0.001, np.inf, 0), Word.REFUTED)])
def test_the_word_on_known_laws(sample: Callable[..., Array], word: Word) -> None:
    assert opinion(made(sample), 1e-4).word is word


def test_evidence_short_of_refuting_keeps_a_claim_from_holding() -> None:
    """An e-value of a thousand is no refutation at 1e-4, but `holds` would be the wrong word."""
    found = made(lambda rng, shape: rng.exponential(0.5, shape))
    doubtful = replace(found, wealth=replace(wealth(2), logs=np.full_like(found.wealth.logs, math.log(1000)), replicates=4096))

    assert opinion(found, 1e-4).word is Word.HOLDS
    assert opinion(doubtful, 1e-4).word is Word.INCONCLUSIVE
    assert opinion(doubtful, 1e-2).word is Word.REFUTED


def test_rounding_at_equality_refutes_nothing() -> None:
    """X = B (1 + 1e-15) in every one of 65,536 replicates: rounding, which the bound is given room for."""
    found = tally(K, np.ones((2, 1)), FLOOR * 0).after(np.full((2, 65536, 1), 1 + 1e-15))

    assert opinion(found, 1e-4).word is Word.HOLDS


def test_below_the_floor_nothing_is_judged() -> None:
    found = tally(K, np.full((2, 1), 1e-10), FLOOR).after(np.ones((2, 16, 1)))

    assert len(found.judged) == 0
    assert opinion(found, 1e-4).word is Word.INCONCLUSIVE


def test_a_power_has_a_default_probability() -> None:
    assert Power(0.1).probability == 0.99
