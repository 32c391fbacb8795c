"""`sharpen`: parts add up to their bound, factors are where the judge turns, loosened theorems get back what was given away, tight ones nothing."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers, sampled_from

from convlab import catalogue
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.errors import BadInput
from convlab.falsify.grounds import choice_at, spaces, variables
from convlab.falsify.search import Clock, fitting, searched
from convlab.falsify.sharpen import Row, sharpen
from convlab.falsify.sharpen_factors import factor_of, floats, increases, largest
from convlab.falsify.sharpen_known import known
from convlab.falsify.sharpen_powers import powers
from convlab.falsify.sharpen_rates import contraction, horizons
from convlab.falsify.sharpen_search import fields_of, hunted, proposed, run_of
from convlab.falsify.sharpen_steps import reach
from convlab.falsify.sharpen_terms import WHOLE, branches_of, parts_of, terms_of
from convlab.judge.rate import float_evidence
from convlab.judge.words import first_violation
from convlab.metrics import squared_distance
from convlab.problem import installed_families
from convlab.run.cases import settings_on
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, mu, sigma
from convlab.theorem import OperatorConstant, RateBound, Source, Theorem, from_k, tight_instances

FAMILIES = installed_families()
SMALL = {name: FAMILIES[name] for name in ("huber", "quadratic")}
LONG = 600.0                                                        # seconds: never reached, so that no machine is too slow for the same answer
gradient = catalogue.theorem("gd-smooth-convex-fgap").claims[0]
distance = catalogue.theorem("gd-strongly-convex-distance").claims[0]
sharp = catalogue.theorem("sgd-sc-const-sharp").claims[0]
TIGHT = L * R**2 / (4 * k * gamma * L + 2)


def of_gradient(bound: Any, limit: Any = 1, **changes: Any) -> RateBound:
    """Gradient descent on convex functions with steps up to limit/L."""
    assert isinstance(gradient, RateBound)
    return replace(gradient, bound=bound, condition=sp.And(gamma > 0, gamma <= limit / L), defaults={gamma: limit / L}, mutants=(), facts=(), **changes)


def on_its_instances(claim: Any, **changes: Any) -> Theorem:
    """A theorem about the declared instances alone: nothing is searched."""
    return Theorem(id="loosened", title="loosened", claims=(replace(claim, on=tight_instances(claim), tight=(), mutants=(), facts=(), **changes),))


def constants(rows: tuple[Row, ...]) -> dict[str, Any]:
    return {row.term: row.smallest for row in rows if row.quantity == "constant"}


# ---- parts
BOUNDS = (TIGHT, (1 - gamma * mu) ** k * R**2 + gamma * sigma**2 / mu, gamma * (R**2 + sigma**2 / mu) / k, gamma * (1 - gamma * mu) * R**2,
          sp.Max(sp.Abs(1 - gamma * mu), sp.Abs(1 - gamma * L)) ** k * R, L * R**2 * sp.Max(1 / (4 * k + 2), (1 - gamma * L) ** (2 * k) / 2) + sigma)


@settings(max_examples=40, deadline=None)
@given(bound=sampled_from(BOUNDS), numbers=integers(0, 10**6))
def test_terms_add_up_to_the_bound_and_branches_reach_it(bound: Any, numbers: int) -> None:
    rng = np.random.default_rng(numbers)
    at = {symbol: sp.Rational(int(rng.integers(1, 60)), int(rng.integers(1, 60))) for symbol in bound.free_symbols - {k}}
    at |= {k: int(rng.integers(1, 9)), gamma: at.get(gamma, 0) / 3600}      # gamma mu < 1: what is multiplied is positive
    terms = terms_of(bound)
    value = float(bound.subs(at))

    assert float(sum(term.subs(at) for term in terms)) == pytest.approx(value)
    assert float(sum(max(branch.subs(at) for branch in branches_of(term)) for term in terms)) == pytest.approx(value)
    for part in parts_of(bound):
        assert float(part.others.subs(at) + sp.Max(part.value, part.rest).subs(at)) == pytest.approx(value)


def test_a_factor_stays_whole_where_a_piece_of_it_is_taken_away() -> None:
    assert terms_of(R**2 * (1 - gamma * mu)) == (R**2 * (1 - gamma * mu),)
    assert [part.name for part in parts_of(TIGHT)] == [WHOLE]
    assert [part.name for part in parts_of(lambda k, case, record: 1)] == [WHOLE]


# ---- factors
@settings(max_examples=12, deadline=None)
@given(seed=integers(0, 10**6), name=sampled_from(["noisy/1", "noisy/2"]), number=integers(0, 2))
def test_the_judge_refutes_any_smaller_factor_and_not_this_one(seed: int, name: str, number: int) -> None:
    """Of the whole, of the contraction and of the noise of SGD's bound, on any problem: the factor is where the verdict turns."""
    assert isinstance(sharp, RateBound)
    claim = replace(sharp, bound=2 * (1 - gamma * mu) ** k * R**2 + 3 * gamma * sigma**2 / mu, condition=sp.And(gamma > 0, gamma <= 1 / L))
    part = parts_of(claim.bound)[number]
    ground = next(g for g in spaces(FAMILIES) if g.name == name)
    choice = choice_at(claim, ground, np.random.default_rng(seed).random(len(variables(claim, ground))))
    evidence = run_of(claim, choice, 8)
    top = largest(factor_of(part), claim, evidence)
    if top is None or float(top.value) < 1e-3:
        return                                                     # the others are enough: nothing to turn at

    def refuted(factor: float) -> bool:
        again = replace(claim, bound=part.others + sp.Float(factor, 25) * part.value)
        return first_violation(run_of(again, choice, 8)) is not None

    assert refuted(float(top.value) * (1 - 1e-6))
    assert not refuted(float(top.value) * (1 + 1e-9))


@settings(max_examples=6, deadline=None)
@given(given_away=fractions(Fraction(11, 10), 9, max_denominator=20))
def test_what_was_given_away_comes_back_exactly(given_away: Fraction) -> None:
    """c times a tight bound gets the factor 1/c, in rationals."""
    claim = of_gradient(sp.Rational(given_away.numerator, given_away.denominator) * TIGHT)
    found = constants(sharpen(on_its_instances(claim), families=SMALL, budget=LONG).rows)

    assert found[WHOLE] == 1 / given_away
    assert isinstance(found[WHOLE], Fraction)


def test_each_term_has_its_own_factor() -> None:
    """SGD's exact recursion with the noise three times as large: a third of that term is enough, all of the other and of the whole's contraction is needed."""
    assert isinstance(sharp, RateBound)
    flattest = tight_instances(sharp)[0]
    contracted, added = (1 - gamma * mu) ** (2 * k) * R**2, gamma * sigma**2 * (1 - (1 - gamma * mu) ** (2 * k)) / (mu * (2 - gamma * mu))
    claim = replace(sharp, bound=contracted + 3 * added, tight=(flattest,), condition=sp.And(gamma > 0, gamma <= 1 / L))
    found = constants(sharpen(on_its_instances(claim), families=FAMILIES, budget=LONG).rows)

    assert found[str(3 * added)] == Fraction(1, 3)
    assert 0 < float(found[str(contracted)]) < 1
    assert Fraction(1, 3) < found[WHOLE] < 1


@pytest.mark.parametrize("claim", [gradient, distance])
def test_a_tight_theorem_gives_nothing_away(claim: Any) -> None:
    """1, exactly, for the whole and for each branch of its Max; no faster rate."""
    rows = sharpen(on_its_instances(claim), families=SMALL, budget=LONG).rows

    assert set(constants(rows).values()) == {1}
    assert len(constants(rows)) == 3
    assert all(row.tight for row in rows if row.quantity in ("exponent", "contraction"))
    assert all(row.judged_by is Source.RATIONAL and row.instance is not None for row in rows if row.quantity == "constant")


def test_a_false_bound_is_said_to_be_refuted() -> None:
    rows = sharpen(on_its_instances(of_gradient(TIGHT * sp.Rational(19, 20))), families=SMALL, budget=LONG).rows

    assert [row.smallest for row in rows] == [Fraction(20, 19)]
    assert rows[0].told.startswith("refuted")


def test_a_max_inside_a_decreasing_function_is_not_taken_apart() -> None:
    claim = of_gradient(L * R**2 / sp.Max(2, k))
    evidence = float_evidence(claim, settings_on(claim, "t", next(iter(SMALL["huber"].members())), Settings(iterations=5), claim.assumptions), Settings(iterations=5))

    assert [increases(part, claim, evidence) for part in parts_of(claim.bound)] == [True, False, False]


# ---- the search
def test_a_search_finds_what_no_member_shows() -> None:
    """The factor of a bound with a constant twice too large, from Huber functions alone, without its declared instance."""
    claim = of_gradient(2 * TIGHT, tight=())
    field = [f for f in fields_of(claim, list(spaces(SMALL, random=False))) if f.ground.name == "huber/1"]
    whole = factor_of(parts_of(claim.bound)[0])
    scores, finished = hunted(whole, claim, field, 0, Clock(LONG), 8)
    found = proposed(whole, claim, scores, 8)

    assert finished
    assert field[0].at_once
    assert found is not None
    assert 0.499 < float(found.value) <= 0.5 + 1e-9
    assert floats(whole(claim, found.top.evidence)).max() == float(found.value)


def test_a_step_limit_that_is_too_small_is_found_out() -> None:
    """The bound of short steps stands up to 3/(2 L); a limit of 1/(2 L) may be three times as large, and no more."""
    claim = of_gradient(TIGHT, sp.Rational(1, 2), tight=())
    grounds = [g for g in fitting(claim, SMALL) if g.name == "quadratic/1"]
    score = searched(claim, grounds[0], 0, LONG)[1]
    assert score is not None
    found = reach(claim, gamma, (score,), 0, Clock(LONG))

    assert found.finished
    assert 2.95 < found.stands <= 3
    assert found.fails is not None
    assert found.worst is not None
    assert 3 < found.fails < 3.05


# ---- rates
def test_a_linear_rate_that_is_the_root_of_the_true_one_gets_its_square() -> None:
    """(1 - gamma mu)^k for a squared distance that contracts by (1 - gamma mu)^2."""
    assert isinstance(distance, RateBound)
    claim = replace(distance, metric=squared_distance, bound=(1 - gamma * mu) ** k * R**2, defaults={gamma: 1 / L},
                    condition=sp.And(gamma > 0, gamma <= 1 / L))
    runs = known("t", replace(claim, on=tight_instances(claim)[:1]), SMALL, Settings(), Clock(LONG))
    found = contraction(parts_of(claim.bound)[0], claim, runs, (), 0, Clock(LONG))

    assert found is not None
    assert found.power == pytest.approx(2, rel=1e-6)
    assert found.smallest == pytest.approx(found.claimed**2)


def test_a_power_that_is_too_slow_gets_the_true_one() -> None:
    """1/sqrt(k) for gradient descent, of which the worst case falls like 1/k."""
    claim = of_gradient(L * R**2 / sp.sqrt(k), grid=from_k(1))
    instances = tuple(i for i in tight_instances(gradient) if i.family == "huber")
    runs = known("t", replace(claim, on=instances), SMALL, Settings(iterations=64), Clock(LONG), (8, 16, 32, 64))
    runs = replace(runs, samples=tuple(replace(s, evidence=tuple(e for e in s.evidence if float(e.settings[0].values[gamma] * e.settings[0].values[L]) > 0.5))
                                       for s in runs.samples))
    found = horizons(parts_of(claim.bound)[0], claim, runs, (), 0, Clock(LONG))

    assert found is not None
    assert found.faster == pytest.approx(0.5, abs=0.05)        # 1/(4 k gamma L + 2) at gamma L >= 1/2 is 1/k up to 1/k of it, from k = 16 on


def test_iterations_to_accuracy_are_fitted_to_kappa() -> None:
    """A contraction by 1 - gamma mu^2/L a step claims kappa^2; what is measured grows like kappa."""
    claim = RateBound(algorithm=GradientDescent(step_size=gamma), bound=(1 - gamma * mu**2 / L) ** k * R**2, metric=squared_distance, defaults={gamma: 1 / L},
                      assumptions=(StronglyConvex, Smooth, Minimum), condition=sp.And(gamma > 0, gamma <= 1 / L))
    fields = fields_of(claim, [g for g in spaces(SMALL, random=False) if g.name == "quadratic/2"])
    found = {power.name: power for power in powers(claim, fields, 0, Clock(LONG), sublinear=False)}

    assert found["kappa"].claimed == pytest.approx(2, abs=0.05)
    assert found["kappa"].fitted == pytest.approx(1, abs=0.1)


def test_iterations_to_accuracy_are_fitted_to_the_accuracy() -> None:
    """1/k claims 1/eps; the worst Huber function of each accuracy needs as many."""
    claim = of_gradient(TIGHT)
    fields = fields_of(claim, [g for g in spaces(SMALL, random=False) if g.name == "huber/1"])
    found = {power.name: power for power in powers(claim, fields, 0, Clock(LONG), sublinear=True)}

    assert set(found) == {"1/eps"}
    assert found["1/eps"].claimed == pytest.approx(1, abs=0.02)
    assert found["1/eps"].fitted == pytest.approx(1, abs=0.1)


# ---- other claims, bad input
def test_other_kinds_are_told_apart_in_words() -> None:
    told = {id: [skip.reason for skip in sharpen(catalogue.theorem(id), budget=LONG).skipped] for id in ("shb-equivalent-forms", "comp-randk-variance")}

    assert {"claims of the kind Identity have no constant that could be smaller"} == set(told["shb-equivalent-forms"])
    assert {"it is an equality: nothing of it can be bettered"} == set(told["comp-randk-variance"])


def test_the_constant_of_an_operator_is_sharpened_too() -> None:
    claim = next(c for t in catalogue.theorems().values() for c in t.claims if isinstance(c, OperatorConstant) and c.relation.value == "<=")
    rows = [sharpen(Theorem(id="t", title="t", claims=(replace(claim, bound=factor * claim.bound, sizes=claim.sizes[:1], attained=(), mutants=(), facts=()),)),
                    budget=LONG).rows[0] for factor in (1, 4)]

    assert float(rows[1].smallest) == pytest.approx(float(rows[0].smallest) / 4, rel=0.2)     # two searches of 60 rounds each


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_no_time_is_refused(budget: float) -> None:
    with pytest.raises(BadInput, match="positive number of seconds"):
        sharpen(catalogue.theorem("gd-smooth-convex-fgap"), budget=budget)
