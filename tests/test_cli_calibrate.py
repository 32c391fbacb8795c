"""The judge's own error rates: true statements refuted no more often than promised, false ones refuted, tests by hand crying wolf."""
from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from scipy import stats

from convlab.errors import BadInput
from convlab.falsify.calibrated import Calibration, looks, read, sampled_searches, searches
from convlab.judge.calibration import ALPHAS, EXCESSES, METHODS, Promise, Rates, begun, calibrated, promises, spoken
from convlab.judge.sampled import opinion, tally
from convlab.judge.tight_laws import LAWS, by_bound, by_moments, stationary_sgd
from convlab.judge.verdict import Word
from convlab.report.calibrated import kept
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
    assert all(promise.kept for promise in promises(rates))


def test_false_statements_are_refuted_with_enough_replicates(rates: list[Rates]) -> None:
    """A bound a sixth too small: refuted nearly always at 512 replicates, loopless SVRG most often. The heavy log-normal is not, and is not said to hold."""
    power = {(rate.law, rate.replicates): rate for rate in rates if rate.excess == 0.2 and rate.alpha == 0.01}

    for law in ("exponential", "sgd-stationary"):
        found = [power[law, size].counts[0] for size in SIZES]
        assert found == sorted(found)
        assert found[-1] > 0.8 * REPEATS
    assert power["loopless-svrg", 512].counts[0] > 0.5 * REPEATS
    assert power["lognormal", 512].counts[0] < 0.1 * REPEATS


def test_no_false_statement_is_said_to_hold(rates: list[Rates]) -> None:
    assert all(rate.counts[METHODS.index("holds")] == 0 for rate in rates if rate.excess > 0)


def test_tests_by_hand_cry_wolf(rates: list[Rates]) -> None:
    """On true statements: `mean > bound somewhere` nearly always, a t-test at each iteration several times its level."""
    hand = {rate.law: dict(zip(METHODS, rate.counts, strict=True)) for rate in rates if rate.excess == 0 and rate.alpha == 0.01 and rate.replicates == 512}

    for law in ("exponential", "sgd-stationary"):
        assert hand[law]["mean"] > 0.95 * REPEATS
        assert stats.binomtest(hand[law]["t_test"], REPEATS, 0.01, alternative="greater").pvalue < 1e-3


@pytest.mark.parametrize("law", ["exponential", "bernoulli", "sgd-stationary", "loopless-svrg"])
def test_every_law_has_mean_one(law: str) -> None:
    """The statements at excess 0 are true and tight: at the last checkpoint the mean of 40,000 replicates is 1 within five standard errors."""
    ratios = LAWS[law].made(9)(0, 4, 10_000)[:, -1].reshape(-1)

    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / np.sqrt(ratios.size)
    assert ratios.std() > 0.1


def test_sgd_at_stationarity_has_a_bound_that_is_attained_and_does_not_move() -> None:
    """The theorem's own bound, the exact second moment and R^2 = (7/2)^2 are one number at every k."""
    sampler = stationary_sgd(1)

    assert by_bound(sampler).reshape(-1) == pytest.approx(12.25, rel=1e-12)
    assert by_moments(sampler).reshape(-1) == pytest.approx(12.25, rel=1e-12)


# ---- holds
@given(st.integers(0, 10**6), st.sampled_from([512, 2048, 8192]), st.sampled_from(EXCESSES), st.sampled_from([0.3, 1.0]))
@settings(max_examples=20)
def test_calibrated_holds_is_the_word_of_the_judge(seed: int, size: int, excess: float, spread: float) -> None:
    """On the same sample the verdict of a claim says `holds` exactly where the calibration counts it, `refuted` only where it counts that."""
    ratios = (1 + excess) * np.random.default_rng(seed).gamma(1 / spread**2, spread**2, size=(1, 4, size))
    k = np.arange(1, 5)
    found = tally(k, np.ones((4, 1)), np.zeros((4, 1))).after(ratios[0][:, :, None])
    counted = begun(1, 4).after(ratios)

    for alpha in ALPHAS:
        word, (refuted, held, *_) = opinion(found, alpha).word, counted.alarms(alpha)
        assert (word is Word.REFUTED, word is Word.HOLDS) == (bool(refuted), bool(held))


def test_a_true_statement_comes_to_hold_and_one_false_by_ten_per_cent_does_not() -> None:
    """At 16,384 replicates of an exponential law the judge has the power that it asks for: true statements hold, those false by 10 % are refuted."""
    rates = {rate.excess: rate for rate in calibrated(2, 40, (16_384,), ("exponential",), (0.0, 0.1)) if rate.alpha == 0.01}

    assert rates[0.0].counts[:2] == (0, 40)
    assert rates[0.1].counts[:2] == (40, 0)


# ---- the falsifier on true, tight statements
def test_a_search_of_a_true_tight_statement_reaches_the_bound_and_refutes_nothing() -> None:
    for found in searches(5, 1, instances=120):
        assert found.refuted == 0
        assert 0.9 <= found.ratio < 1 + 1e-9, found
        assert found.promise.kept


def test_what_selected_an_instance_is_not_what_judges_it() -> None:
    """Winners of a sampled search: fresh draws refute none of these true statements, tests of the selecting draws alarm beyond their level."""
    rates = {rate.alpha: dict(zip(METHODS, rate.counts, strict=True)) for rate in sampled_searches(1, 20)}

    assert [rates[alpha]["refuted"] for alpha in ALPHAS] == [0, 0, 0]
    assert rates[0.1]["t_test"] > 10
    assert rates[0.1]["mean"] == 20


# ---- Clopper and Pearson
@given(st.integers(1, 400), st.data())
def test_the_lower_limit_is_where_so_many_refutations_become_improbable(repeats: int, data: st.DataObject) -> None:
    """At the limit, that many or more have probability exactly 1 %."""
    count = data.draw(st.integers(0, repeats))
    rate = Rates("l", 0.0, 0.1, 64, repeats, (count, 0, 0, 0, 0, 0))

    assert stats.binom.sf(count - 1, repeats, rate.refuted_lower) == pytest.approx(0.01 if count else 1.0)


@pytest.mark.parametrize(("replicates", "told"), [(65_536, (64, 256, 1024, 4096, 16_384, 65_536)), (300, (75, 300)), (40, (40,))])
def test_looks_are_fourth_parts(replicates: int, told: tuple[int, ...]) -> None:
    assert looks(replicates) == told


# ---- the command
@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("calibrated") / "new"
    answer = convlab("calibrate", "--repeats", "3", "--replicates", "64", "--json", "--seed", "2", "--out", str(found))
    assert answer.status == 0
    return found


def test_the_document_keeps_the_contract(folder: Path, tmp_path: Path) -> None:
    answer = convlab("calibrate", "--repeats", "3", "--replicates", "64", "--json", "--seed", "2", "--out", str(tmp_path))

    assert (answer.json["schema"], answer.json["seed"]) == ("convlab.calibrate/1", 2)
    assert all(set(item) >= KEYS for item in answer.json["results"])
    assert {item["law"] for item in answer.json["results"]} > set(LAWS)
    assert all(promise["kept"] for promise in answer.json["promises"])
    assert answer.json == json.loads((folder / "calibration.json").read_text(encoding="utf-8"))      # the same seed, the same numbers


def test_table_figure_and_page_are_written(folder: Path) -> None:
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert written == {f"calibration.{ending}" for ending in ("csv", "json", "pdf")} | {f"figures/calibration.{ending}" for ending in ("pdf", "svg", "png")}
    with (folder / "calibration.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == (5 * 4 + 1) * 3
    assert "How often is the judge wrong?" in "".join(page.extract_text() for page in PdfReader(folder / "calibration.pdf").pages)


def test_the_report_has_the_page_of_the_folder_it_is_written_to(folder: Path) -> None:
    """The numbers of the long run that stands there, not of another."""
    found = kept(folder)
    assert found is not None
    assert (found.seed, found.repeats) == (2, 3)
    answer = convlab("report", "gd-strongly-convex-distance", "--out", str(folder), "--iterations", "20")
    pages = [page.extract_text() for page in PdfReader(folder / "convlab-report.pdf").pages]

    assert answer.status == 0
    assert "How often is the judge wrong?" in pages[-1]
    assert "loopless-svrg" in pages[-1]
    assert (folder / "calibration.json").is_file()


@pytest.mark.parametrize("text", ["{", "[]", '{"seed": 1, "results": []}', '{"seed": 1, "results": [{"alpha": 0.1}]}'])
def test_a_results_file_that_is_none_is_told_before_anything_is_judged(tmp_path: Path, text: str) -> None:
    (tmp_path / "calibration.json").write_text(text, encoding="utf-8")
    answer = convlab("report", "gd-strongly-convex-distance", "--out", str(tmp_path))

    assert answer.status == 2
    assert "is no calibration that convlab can read" in " ".join(answer.err.split())
    with pytest.raises(BadInput):
        kept(tmp_path)


def test_a_calibration_survives_its_document(rates: list[Rates]) -> None:
    found = Calibration(4, REPEATS, tuple(rates), ())

    assert read(found.items(), 4) == found


@pytest.mark.parametrize(("words", "told"), [(("--repeats", "0"), "--repeats 0: there must be at least 1."),
                                             (("--replicates", "5"), "--replicates 5: there must be at least 32."), (("--seed", "-1"), "--seed -1")])
def test_bad_input_is_a_sentence_and_status_2(words: tuple[str, ...], told: str) -> None:
    answer = convlab("calibrate", *words)

    assert answer.status == 2
    assert told in answer.err


# ---- we would notice
def test_a_judge_that_cries_wolf_fails_its_calibration() -> None:
    """Samples with a mean of 1.2 passed off as true: the refutations are counted, and the promise is not kept."""
    ratios = 1.2 * LAWS["exponential"].made(3)(0, 40, 2048)
    counts = spoken(iter([ratios]), (2048,), (0.0,))[0, 0, ALPHAS.index(0.01)]
    rate = Rates("exponential", 0.0, 0.01, 2048, 40, tuple(counts.tolist()))

    assert counts[0] == 40
    assert [promise.kept for promise in promises([rate])] == [False]
    assert all(promise.kept for promise in promises([replace(rate, excess=0.2)]))


def test_a_judge_that_sleeps_fails_its_calibration() -> None:
    """False by 20 % and said to hold in 3 of 40."""
    asleep = Rates("exponential", 0.2, 0.01, 2048, 40, (10, 3, 0, 0, 0, 0))

    assert [promise.kept for promise in promises([asleep])] == [False]
    assert all(promise.kept for promise in promises([replace(asleep, excess=0.05)]))


@pytest.mark.parametrize(("count", "found"), [(0, True), (1, False)])
def test_a_search_that_refutes_a_true_statement_once_is_one_too_many(count: int, found: bool) -> None:
    assert Promise("falsify x", "true and tight, refuted", 0.0, count, 1000).kept is found


def test_a_broken_promise_is_exit_status_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = Calibration(0, 50, (Rates("exponential", 0.0, 0.01, 64, 50, (20, 0, 0, 0, 0, 0)),
                                 *(Rates("exponential", e, a, 64, 50, (20, 0, 0, 0, 0, 0)) for e in EXCESSES for a in ALPHAS if e or a != 0.01)), ())
    monkeypatch.setattr("convlab.cli.calibrating.calibration", lambda *arguments: broken)
    answer = convlab("calibrate", "--out", str(tmp_path))

    assert answer.status == 1
    assert "FAIL" in answer.out
    assert "not kept" in answer.out
