"""The loop: the same bits however a run is cut, independent replicates, the statistics of plain loops, and the same verdicts in other units."""
from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, LooplessSVRG
from convlab.arithmetic import FLOAT64, RATIONAL
from convlab.draws import Bernoulli, Draws, Permutation, Subset, Uniform, orders
from convlab.judge.check import check
from convlab.judge.verdict import Check
from convlab.metrics import squared_distance
from convlab.problem import Family, Member
from convlab.run import engine
from convlab.run.bind import Binder
from convlab.run.cases import Setting, batch_of
from convlab.run.checkpoints import A_DECADE, EVERY, checkpoints
from convlab.run.engine import initial_state, raw_draws, run_deterministic
from convlab.run.recorder import Recorder, Window
from convlab.run.settings import Settings
from convlab.symbols import K, gamma, k
from convlab.theorem import Mode, Series, best_of, every_iterate, mean_of, sum_of
from convlab.theorems.gradient_descent.convex import convex_gap
from convlab.theorems.gradient_descent.strongly_convex import strongly_convex_distance
from convlab.theorems.sgd.strongly_convex import strongly_convex as sgd_strongly_convex
from convlab_problems import finite_sum, huber, noisy, quadratic
from tests.engine_runs import batch_on, bound_to, sampled

SUM = finite_sum.make((Fraction(3), Fraction(8), Fraction(1, 2)), (Fraction(-4), Fraction(5, 2), Fraction(20)), start=Fraction(13))
STEP = Fraction(1, 25)


@given(n=st.integers(1, 1100), seed=st.integers(0, 99))
def test_an_order_sorts_uniform_numbers(n: int, seed: int) -> None:
    """With the places written below their bits, and beyond 1,024 without: every row is the order of its uniform numbers."""
    found, numbers = orders(np.random.default_rng(seed), (2, 3, n)), np.random.default_rng(seed).random((2, 3, n))

    np.testing.assert_array_equal(found, numbers.argsort(axis=-1))


# ---- the same bits however the run is cut
@settings(max_examples=15)
@given(chunk=st.integers(1, 40), steps=st.integers(1, 30), count=st.integers(1, 9))
def test_draws_do_not_depend_on_how_many_are_made_ahead(chunk: int, steps: int, count: int) -> None:
    """Every law's stream, cut into chunks of any length, gives the bits of the uncut stream."""
    declared = Draws(index=Uniform(7), coin=Bernoulli(Fraction(1, 3), shape=(2,)), order=Permutation(5), mask=Subset(4, 2))
    whole = list(raw_draws(declared, (5, "cut"), steps, count))
    parts = list(raw_draws(declared, (5, "cut"), steps, count, chunk))

    assert len(parts) == -(-steps // chunk)
    for name in declared:
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), np.concatenate([part[name] for part in whole]))


@pytest.mark.parametrize("rule", [SGD(STEP), SAGA(STEP), LooplessSVRG(STEP, Fraction(1, 4))], ids=["sgd", "saga", "loopless-svrg"])
@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_runs_do_not_depend_on_the_chunk(rule: Any, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty updates of eight replicates, draws made ahead one by one, by sevens or all at once: bit by bit."""
    whole = sampled(rule, SUM, squared_distance, range(31), 8).measured
    monkeypatch.setattr(engine, "chunk_length", lambda draws, count: chunk)

    np.testing.assert_array_equal(sampled(rule, SUM, squared_distance, range(31), 8).measured, whole)


def test_a_replicate_is_the_same_among_more_whole_blocks() -> None:
    """Streams belong to blocks of BLOCK replicates: the first block of two is the only block of one."""
    one = sampled(SGD(STEP), SUM, squared_distance, range(4), engine.BLOCK).measured
    two = sampled(SGD(STEP), SUM, squared_distance, range(4), engine.BLOCK + 5).measured

    np.testing.assert_array_equal(two[:, :engine.BLOCK], one)
    assert not np.array_equal(two[:, engine.BLOCK:], one[:, :5])


def test_replicates_and_seeds_are_independent() -> None:
    """Two seeds and any two replicates share no path; over 4,096 replicates their correlation is below five standard errors (5/sqrt(4096))."""
    found = sampled(SGD(STEP), SUM, squared_distance, range(9), 4096).measured[-1]
    other = sampled(SGD(STEP), SUM, squared_distance, range(9), 4096, seed=(8, "sampled")).measured[-1]
    named = sampled(SGD(STEP), SUM, squared_distance, range(9), 4096, seed=(7, "another claim")).measured[-1]

    assert len(np.unique(found)) > 1000
    for one, two in ((found[:-1], found[1:]), (found, other), (found, named), (found[:2048], found[2048:])):
        assert abs(np.corrcoef(one, two)[0, 1]) < 5 / np.sqrt(len(one))


def test_draws_of_different_names_are_independent() -> None:
    """The coin of L-SVRG does not follow its index."""
    chunk = next(raw_draws(Draws(one=Uniform(1000), two=Uniform(1000)), (3, "names"), 500, 8))

    assert abs(np.corrcoef(chunk["one"].ravel(), chunk["two"].ravel())[0, 1]) < 5 / np.sqrt(4000)


def document(theorems: Any, options: Settings) -> str:
    return json.dumps([check(theorem, settings=options, families=SMALL).to_json() for theorem in theorems])


SMALL = {"sums": Family("sums", finite_sum.make, lambda: [Member("sum", SUM)]),
         "noisy": Family("noisy", noisy.make, lambda: [Member("noisy-2", noisy.make(quadratic.make((Fraction(1, 3), 12), centre=(7, -6)), ((3, -1),)))]),
         "quadratic": quadratic.FAMILY, "huber": huber.FAMILY}


def test_a_check_is_the_same_in_this_process_again_and_in_others() -> None:
    """Sampled and exact verdicts, twice in this process and in two joblib workers: the same JSON."""
    from joblib import Parallel, delayed

    options = Settings(iterations=30, replicates=200)
    here = [document([theorem], options) for theorem in (sgd_strongly_convex, strongly_convex_distance)]
    there = Parallel(n_jobs=2)(delayed(document)([theorem], options) for theorem in (sgd_strongly_convex, strongly_convex_distance))

    assert here == there == [document([theorem], options) for theorem in (sgd_strongly_convex, strongly_convex_distance)]
    assert "monte-carlo" in here[0]
    assert document([sgd_strongly_convex], replace(options, seed=1)) != here[0]


# ---- checkpoints
@given(last=st.integers(1, 10**6))
def test_checkpoints_are_dense_then_logarithmic(last: int) -> None:
    """Every k up to 2,000, then 64 a decade; 0 and the last are among them, each once and in order."""
    found = checkpoints(last)

    assert found[0] == 0
    assert found[-1] == last
    assert (np.diff(found) > 0).all()
    assert (found[:EVERY + 1] == np.arange(min(last, EVERY) + 1)).all()
    if last > EVERY:
        assert len(found) - EVERY - 1 <= A_DECADE * np.log10(last / EVERY) + 1
        assert (np.diff(found[EVERY:]) <= 1 + found[EVERY:-1] * (10 ** (1 / A_DECADE) - 1) + 1).all()


# ---- statistics against plain loops
STATISTIC = {"best": min, "sum": sum, "mean": lambda inside: sum(inside) / Fraction(len(inside))}
modes = st.builds(Mode, st.sampled_from(["last", "best", "mean", "sum"]), st.integers(0, 3), st.sampled_from([0, -1]))


@given(mode=modes, values=st.lists(st.fractions(-50, 50, max_denominator=20), min_size=1, max_size=12))
def test_windows_are_plain_loops(mode: Mode, values: Any) -> None:
    """Best, mean and sum over i = first .. k + last of numbers fed one by one, with ==; nothing while the window is empty."""
    window = Window(mode)
    for i, value in enumerate(values):
        found = window.fed(i, np.array([value], dtype=object))[0]
        inside = values[mode.first:i + mode.last + 1]
        assert found == (value if mode.statistic == "last" else STATISTIC[mode.statistic](inside) if inside else None)


@pytest.mark.parametrize("mode", [every_iterate, best_of(0, 0), best_of(0, -1), mean_of(0, -1), mean_of(1, 0), sum_of(0, -1)], ids=str)
def test_a_recorder_keeps_the_statistic_at_its_checkpoints_only(mode: Mode) -> None:
    """Of a heavy ball that overshoots, looked at k = 0, 5 and 40: what a plain loop over all iterates says."""
    problem = quadratic.make((Fraction(1, 3), 12), centre=(7, -6), start=(50, 1))
    batch = batch_on(problem)
    rule = HeavyBall(0.04, 0.8)
    recorder = Recorder(squared_distance, batch.case, mode)
    run_deterministic(bound_to(rule, batch, 40), batch.case.problem, initial_state(bound_to(rule, batch, 40), batch), np.array([0, 5, 40]), recorder)
    found = recorder.record(None)

    state, seen = rule.init(batch.x0, batch.case.problem), []
    for _ in range(41):
        seen.append(squared_distance(state, batch.case)[0])
        state = rule.step(state, batch.case.problem)

    def plain(i: int) -> float:
        inside = seen[mode.first:i + mode.last + 1]
        return seen[i] if mode.statistic == "last" else np.nan if not inside else {"best": min, "mean": np.mean, "sum": sum}[mode.statistic](inside)

    assert found.k.tolist() == [0, 5, 40]
    np.testing.assert_allclose(found.measured[:, 0], [plain(i) for i in (0, 5, 40)], rtol=1e-14)      # sums of forty numbers in another order


def test_series_are_read_last_or_summed() -> None:
    """What a bound reads: a value of the state as it is now, or its sum over all iterates so far."""
    batch = batch_on(quadratic.make((Fraction(12),), start=(Fraction(50),)), RATIONAL)
    series = (Series("now", lambda state, case: state[0][:, 0]), Series("total", lambda state, case: state[0][:, 0], summed=True))
    recorder = Recorder(squared_distance, batch.case, every_iterate, series)
    binder = bound_to(GradientDescent(Fraction(1, 24)), batch, 3)
    run_deterministic(binder, batch.case.problem, initial_state(binder, batch), np.array([0, 3]), recorder)
    found = recorder.record(None)

    assert [row[0] for row in found.series["now"]] == [50, Fraction(50, 8)]
    assert [row[0] for row in found.series["total"]] == [50, 50 + 25 + Fraction(25, 2) + Fraction(25, 4)]


# ---- binding
def test_schedules_are_bound_anew_for_each_update() -> None:
    """A field in k, a field in K and a function of the horizon: before update k they hold their numbers, exact where these are rational."""
    binder = Binder(HeavyBall(gamma / (k + 1), lambda horizon: [Fraction(i, horizon) for i in range(horizon)]), {gamma: Fraction(3, 7)}, 2, 5, RATIONAL)

    assert [binder.at(i).step_size for i in range(3)] == [Fraction(3, 7), Fraction(3, 14), Fraction(1, 7)]
    assert [binder.at(i).momentum for i in range(6)] == [0, Fraction(1, 5), Fraction(2, 5), Fraction(3, 5), Fraction(4, 5), Fraction(4, 5)]
    assert Binder(GradientDescent(gamma / K), {gamma: Fraction(3, 7)}, 2, 5, RATIONAL).at(3).step_size == Fraction(3, 35)
    assert isinstance(Binder(GradientDescent(sp.sqrt(gamma)), {gamma: Fraction(1, 4)}, 2, 5).at(0).step_size, float)


def test_cases_of_a_batch_do_not_mix() -> None:
    """Six step sizes side by side are six runs, bit by bit."""
    problem = quadratic.make((Fraction(1, 3), 12), centre=(7, -6), rotation=3, start=(50, 1))
    start = problem.starts(np.random.default_rng(0))[0]
    points = [{gamma: Fraction(i, 40)} for i in range(1, 7)]

    def run(chosen: Any) -> Any:
        batch = batch_of([Setting(problem, "p", start, point, {}) for point in chosen], FLOAT64)
        recorder = Recorder(squared_distance, batch.case, every_iterate)
        binder = Binder(GradientDescent(gamma), batch.values, batch.x0.ndim, 25, FLOAT64)
        run_deterministic(binder, batch.case.problem, initial_state(binder, batch), np.arange(26), recorder)
        return recorder.record(None).measured

    together = run(points)
    for i, point in enumerate(points):
        np.testing.assert_allclose(together[:, i], run([point])[:, 0], rtol=1e-12)     # a product of one row may be summed in another order by BLAS


# ---- other units, other axes
def ratios(found: Check) -> list[tuple[Any, ...]]:
    return [(v.word, v.worst_k, None if v.worst_ratio is None else float(v.worst_ratio), None if v.last_ratio is None else float(v.last_ratio)) for v in found.verdicts]


def family_of(problem: Any) -> dict[str, Family]:
    return {"one": Family("one", lambda **_: problem, lambda: [Member("one", problem)])}


@settings(max_examples=8)
@given(c=st.sampled_from([2, Fraction(1, 8), 1024]), theorem=st.sampled_from([convex_gap, strongly_convex_distance]),
       start=st.tuples(st.integers(-60, 60), st.integers(1, 60)))
def test_the_unit_of_f_changes_no_verdict(c: Any, theorem: Any, start: Any) -> None:
    """f -> c f: constants scale, gamma = 1/L follows, and every ratio of the check stays (bit by bit where c is a power of two)."""
    found = [ratios(check(theorem, families=family_of(huber.make(times * Fraction(2, 5), times * Fraction(21), centre=(-4, 6), threshold=Fraction(5, 3), start=start)),
                          settings=Settings(iterations=40, problems=("one",)))) for times in (1, c)]

    assert found[0] == found[1]
    assert found[0]


@settings(max_examples=6)
@given(rotation=st.integers(0, 10**6))
def test_the_axes_change_no_verdict(rotation: int) -> None:
    """A rational rotation of the quadratic and of its start: the same words, and ratios that differ by rounding (1e-9 after sixty updates) alone."""
    from convlab_problems.rational import orthogonal

    spectrum, centre, apart = (Fraction(1, 7), Fraction(5, 2), 23), np.array([2, -3, 11]), np.array([Fraction(40), -8, 5])
    turned = orthogonal(rotation, 3) @ apart
    found = [ratios(check(strongly_convex_distance, families=family_of(problem), settings=Settings(iterations=60, problems=("one",)))) for problem in (
        quadratic.make(spectrum, centre=tuple(centre), start=tuple(centre + apart)),
        quadratic.make(spectrum, centre=tuple(centre), rotation=rotation, start=tuple(centre + turned)))]

    assert [row[0] for row in found[0]] == [row[0] for row in found[1]]
    for one, other in zip(*found, strict=True):
        assert one[2] == pytest.approx(other[2], rel=1e-9)


def test_floats_follow_fractions_through_a_whole_run() -> None:
    """Forty updates of gradient descent on a Huber function: distances differ by some roundings of the largest point (1e-14 of 65), however small they become."""
    problem = huber.make(Fraction(2, 5), 21, centre=(-4, 6), threshold=Fraction(5, 3), start=(30, -50))
    found = []
    for arithmetic in (RATIONAL, FLOAT64):
        batch = batch_on(problem, arithmetic, point={gamma: Fraction(1, 13)})
        recorder = Recorder(squared_distance, batch.case, every_iterate)
        binder = bound_to(GradientDescent(gamma), batch, 40)
        run_deterministic(binder, batch.case.problem, initial_state(binder, batch), np.arange(41), recorder)
        found.append(np.sqrt(recorder.record(None).measured[:, 0].astype(float)))

    np.testing.assert_allclose(found[1], found[0], rtol=1e-14, atol=65e-14)
    assert found[0][-1] < 1e-6 * found[0][0]
