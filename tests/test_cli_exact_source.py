"""The exact source that `list --json` names is the one that `check` judges by, claim for claim."""
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from convlab import catalogue
from convlab.cli.statement import exact_source
from convlab.judge.check import judge_claim
from convlab.judge.grid import algorithm_of
from convlab.judge.verdict import Verdict
from convlab.problem import Family, installed_families
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim, Law, RateBound, Source, Theorem, best_of
from tests.command_line import convlab

FAMILIES = installed_families()
BEST = [Source.MOMENTS, Source.ENUMERATION, Source.RATIONAL]
ALL = [(theorem, claim) for theorem in catalogue.theorems().values() for claim in theorem.claims]
RANDOM = [(theorem, claim) for theorem, claim in ALL if isinstance(claim, RateBound) and is_random(algorithm_of(claim))]


def told(theorem: Theorem, claim: Any) -> str | None:
    return exact_source(theorem, claim.asserted if isinstance(claim, FalseClaim) else claim)


@pytest.mark.parametrize(("theorem", "claim"), RANDOM, ids=lambda given: given.id if isinstance(given, Theorem) else given.name)
def test_a_random_claim_is_judged_by_the_source_that_is_named(theorem: Theorem, claim: RateBound) -> None:
    """On matching problems, without samples: exact moments where some problem has them, else enumeration; on the instances that it speaks of alone, rationals."""
    settings = Settings(iterations=12 if claim.grid.step == 1 else 40, sampled=False)
    used = {v.judged_by for v in judge_claim(theorem.id, replace(claim, tight=()), FAMILIES, settings) if isinstance(v, Verdict)}

    assert told(theorem, claim) == next(source.value for source in BEST if source in used)


ALONE = [(theorem, claim) for theorem, claim in ALL if isinstance(claim, RateBound) and claim.on and not is_random(algorithm_of(claim))]


@pytest.mark.parametrize(("theorem", "claim"), ALONE[:12], ids=lambda given: given.id if isinstance(given, Theorem) else given.name)
def test_a_claim_on_one_instance_is_judged_by_the_source_that_is_named(theorem: Theorem, claim: RateBound) -> None:
    used = {v.judged_by.value for v in judge_claim(theorem.id, claim, FAMILIES, Settings(iterations=8)) if isinstance(v, Verdict)}

    assert told(theorem, claim) in used


def test_every_claim_has_one_source_and_only_those_of_probability_have_none() -> None:
    for theorem, claim in ALL:
        law = getattr(claim.asserted if isinstance(claim, FalseClaim) else claim, "law", Law.SURELY)
        source = told(theorem, claim)
        assert (source is None) == (law is Law.HIGH_PROBABILITY), (theorem.id, claim.name)
        assert source is None or source in {s.value for s in Source} - {Source.MONTE_CARLO.value}


def test_the_document_says_it() -> None:
    items = {item["claim"]: item["exact_source"] for item in convlab("list", "sgd-sc-const-sharp", "--json").json["results"]}

    assert items == {"main": "exact-moments"}
    assert json.dumps(items)


# ---- we would notice
def test_the_least_expectation_is_a_moment_on_a_law_known_by_its_covariance() -> None:
    """`best_of` in expectation is the least of the expectations: exact moments know it, of few values and of noise known by its covariance alone."""
    theorem = catalogue.theorem("sgd-sc-const-sharp")
    claim = replace(theorem.claims[0], mode=best_of(0, 0), facts=(), mutants=(), tight=(), bound=sp.Integer(10) ** 9)
    noisy = FAMILIES["noisy"]
    only = {law: {"noisy": Family("noisy", noisy.make, lambda law=law: [m for m in noisy.members() if m.name == law])}
            for law in ("noisy-quadratic-covariance", "noisy-quadratic-1d")}

    assert exact_source(theorem, claim, only["noisy-quadratic-covariance"]) == "exact-moments"
    assert exact_source(theorem, claim, only["noisy-quadratic-1d"]) == "exact-moments"


def test_a_claim_of_probability_has_none() -> None:
    theorem = catalogue.theorem("sgd-sc-const-sharp")

    assert exact_source(theorem, replace(theorem.claims[0], law=Law.HIGH_PROBABILITY, delta=sp.Rational(1, 10), facts=(), mutants=(), tight=())) is None
