"""The judge's own error rates: true statements refuted no more often than promised, false ones refuted, tests by hand crying wolf."""
from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convlab.judge.calibration import ALPHAS, LAWS, METHODS, Rates, calibrated, spoken
from tests.command_line import convlab

REPEATS, SIZES = 300, (32, 128, 512)
KEYS = {"law", "excess", "alpha", "replicates", "refuted_fraction", "t_test_fraction", "mean_fraction"}


@pytest.fixture(scope="module")
def rates() -> list[Rates]:
    return list(calibrated(4, REPEATS, SIZES, excesses=(0.0, 0.2)))


# ---- the law
def test_true_statements_are_refuted_no_more_often_than_promised(rates: list[Rates]) -> None:
    """The 99 % lower limit of each rate is at most alpha. Were a rate alpha itself, its limit would pass alpha for at most one seed in a hundred; the
    rates are far smaller, and so is that probability."""
    true = [rate for rate in rates if rate.excess == 0]

    assert len(true) == 5 * len(ALPHAS) * len(SIZES)
    for rate in true:
        assert rate.refuted_lower <= rate.alpha, rate
    assert sum(rate.counts[0] for rate in true if rate.alpha == 0.1) <= 0.1 * REPEATS * 5 * len(SIZES)


def test_false_statements_are_refuted_with_enough_replicates(rates: list[Rates]) -> None:
    """A bound a sixth too small: SGD and loopless SVRG refuted nearly always at 512 replicates. The heavy log-normal is not, and is not said to hold."""
    power = {(rate.law, rate.replicates): rate for rate in rates if rate.excess == 0.2 and rate.alpha == 0.01}

    for law in ("exponential", "sgd-quadratic", "loopless-svrg"):
        found = [power[law, size].counts[0] for size in SIZES]
        assert found == sorted(found)
        assert found[-1] > 0.9 * REPEATS
    assert power["lognormal", 512].counts[0] < 0.1 * REPEATS


def test_no_false_statement_is_said_to_hold(rates: list[Rates]) -> None:
    assert all(rate.counts[METHODS.index("holds")] == 0 for rate in rates if rate.excess > 0)


def test_tests_by_hand_cry_wolf(rates: list[Rates]) -> None:
    """On true statements: `mean > bound somewhere` nearly always, a t-test at each iteration several times its level."""
    hand = {rate.law: dict(zip(METHODS, rate.counts, strict=True)) for rate in rates if rate.excess == 0 and rate.alpha == 0.01 and rate.replicates == 512}

    for law in ("exponential", "sgd-quadratic"):
        assert hand[law]["mean"] > 0.95 * REPEATS
        assert stats.binomtest(hand[law]["t_test"], REPEATS, 0.01, alternative="greater").pvalue < 1e-3


@pytest.mark.parametrize("law", ["exponential", "bernoulli", "sgd-quadratic", "loopless-svrg"])
def test_every_law_has_mean_one(law: str) -> None:
    """The statements at excess 0 are true and tight: at the first checkpoint the mean of 40,000 replicates is 1 within five standard errors."""
    ratios = LAWS[law](9)(0, 4, 10_000)[:, 0].reshape(-1)

    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / np.sqrt(ratios.size) + 1e-12


# ---- Clopper and Pearson
@given(st.integers(1, 400), st.data())
def test_the_lower_limit_is_where_so_many_refutations_become_improbable(repeats: int, data: st.DataObject) -> None:
    """At the limit, that many or more have probability exactly 1 %."""
    count = data.draw(st.integers(0, repeats))
    rate = Rates("l", 0.0, 0.1, 64, repeats, (count, 0, 0, 0, 0, 0))

    assert stats.binom.sf(count - 1, repeats, rate.refuted_lower) == pytest.approx(0.01 if count else 1.0)


# ---- the command
def test_the_document_keeps_the_contract() -> None:
    answer = convlab("calibrate", "--repeats", "3", "--replicates", "64", "--json", "--seed", "2")

    assert answer.status == 0
    assert (answer.json["schema"], answer.json["seed"]) == ("convlab.calibrate/1", 2)
    assert all(set(item) >= KEYS for item in answer.json["results"])
    assert {item["law"] for item in answer.json["results"]} == set(LAWS)
    assert answer.json == convlab("calibrate", "--repeats", "3", "--replicates", "64", "--json", "--seed", "2").json


def test_table_and_figure_are_written(tmp_path: Path) -> None:
    answer = convlab("calibrate", "--repeats", "2", "--replicates", "32", "--out", str(tmp_path / "new"))

    assert answer.status == 0
    assert "refuted no more often than promised" in answer.out
    assert {path.name for path in (tmp_path / "new").iterdir()} == {f"calibration.{ending}" for ending in ("csv", "pdf", "svg", "png")}
    with (tmp_path / "new" / "calibration.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 5 * 4 * 3 * 3


@pytest.mark.parametrize(("words", "told"), [(("--repeats", "0"), "--repeats 0: there must be at least 1."),
                                             (("--replicates", "5"), "--replicates 5: there must be at least 32."), (("--seed", "-1"), "--seed -1")])
def test_bad_input_is_a_sentence_and_status_2(words: tuple[str, ...], told: str) -> None:
    answer = convlab("calibrate", *words)

    assert answer.status == 2
    assert told in answer.err


# ---- we would notice
def test_a_judge_that_cries_wolf_fails_its_calibration() -> None:
    """Samples with a mean of 1.2 passed off as true: the refutations are counted, and the rate is not what was promised."""
    ratios = 1.2 * LAWS["exponential"](3)(0, 40, 2048)
    counts = spoken(ratios, (2048,))[ALPHAS.index(0.01), 0]
    rate = Rates("exponential", 0.0, 0.01, 2048, 40, tuple(counts.tolist()))

    assert counts[0] == 40
    assert not rate.as_promised
    assert replace(rate, excess=0.2).as_promised
