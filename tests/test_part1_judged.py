"""Theorems of Part I at the judge's edges: where floats end, where the minimiser is met at once, and where the rule is wrong."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sympy import Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.nesterov import Nesterov
from convlab.judge.check import check, judge_claim
from convlab.judge.verdict import Verdict, Word
from convlab.problem import installed_families
from convlab.run.settings import Settings
from convlab.symbols import L, gamma, k
from convlab.theorem import RateBound
from convlab.theorems.gradient_descent.nonconvex import nonconvex_gradient
from convlab.theorems.gradient_descent.strongly_convex import strongly_convex_distance
from convlab.theorems.nesterov import convex_gap

STALLING = ("sum-wide-7", "quadratic-isotropic-3", "huber-strongly-convex-1d")     # their short steps end where x - gamma g rounds to x
long_run = Settings(seed=3, iterations=1500, problems=STALLING)


def test_a_run_that_stalls_at_the_resolution_of_floats_refutes_nothing() -> None:
    """At gamma L = 0.02 the distance stalls at 9 units of rounding, far above rho^k R: that is the float's fault."""
    result = check(strongly_convex_distance, settings=long_run)

    assert result.word is Word.HOLDS
    assert {v.problem for v in result.verdicts} == set(STALLING)


def test_a_rate_one_percent_too_fast_is_refuted_in_the_same_run() -> None:
    """The floor that forgives the stall does not forgive a wrong rate."""
    claim = strongly_convex_distance.claims[0]
    assert isinstance(claim, RateBound)
    faster = replace(claim, bound=Rational(99, 100) ** k * claim.bound, tight=(), mutants=(), facts=())
    verdicts = [v for v in judge_claim("faster", faster, installed_families(), long_run) if isinstance(v, Verdict)]

    assert {v.problem for v in verdicts if v.word is Word.REFUTED} == set(STALLING)


@pytest.mark.parametrize("problem", ["quadratic-1d", "quadratic-isotropic-3"])
def test_a_run_that_meets_the_minimiser_at_once_is_judged(problem: str) -> None:
    """At 1/L Nesterov's first update lands on x* of an isotropic quadratic: a gap of 0 under a positive bound holds."""
    result = check(convex_gap, settings=Settings(problems=(problem,)))

    assert result.word is Word.HOLDS


@pytest.mark.parametrize("algorithm", [Nesterov(2 / L, k / (k + 3)), Nesterov(-1 / L, k / (k + 3))], ids=["step 2/L", "ascent"])
def test_a_wrong_step_is_refuted_on_ordinary_problems(algorithm: Nesterov) -> None:
    """Without any tight instance: three quadratics see it."""
    result = check(convex_gap, settings=Settings(problems=("quadratic-2", "quadratic-rotated-4", "quadratic-ill-6")), algorithm=algorithm)

    assert [v.word for v in result.verdicts] == [Word.REFUTED] * 3


def test_a_wrong_sign_is_refuted_at_its_first_update() -> None:
    """Ascent in place of descent, and the witness says so."""
    result = check(strongly_convex_distance, settings=Settings(problems=("quadratic-2",)), algorithm=GradientDescent(-gamma))

    assert result.word is Word.REFUTED
    assert result.verdicts[0].witness is not None
    assert result.verdicts[0].witness.iteration == 1


def test_a_run_beyond_the_range_of_floats_is_refuted_and_written_down() -> None:
    """Steps a billion times too long on a rational instance: fractions of thousands of digits, a verdict in strict JSON."""
    result = check(strongly_convex_distance, settings=Settings(problems=("quadratic",)), algorithm=GradientDescent(10**9 * gamma))

    assert {v.word for v in result.verdicts} == {Word.REFUTED}
    assert '"verdict": "refuted"' in json.dumps(result.to_json(), allow_nan=False)


def test_the_best_iterate_keeps_its_own_floor() -> None:
    """Steps a billion times too long: the least gradient stays the first one, and the size of the later iterates does not excuse it."""
    result = check(nonconvex_gradient, settings=Settings(problems=("quadratic-1d",)), algorithm=GradientDescent(-(10**9) * gamma))

    assert result.word is Word.REFUTED
    assert result.verdicts[0].witness is not None
    assert result.verdicts[0].witness.iteration == 2
