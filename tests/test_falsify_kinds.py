"""Falsifying what is no rate: planted errors in operators, one-step inequalities, regions and identities are found, true and tight ones are not refuted."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sympy as sp

from convlab import catalogue
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import BoundedVariance, Minimum, Smooth, StronglyConvex
from convlab.falsify.by_judge import Judged
from convlab.falsify.falsifier import Falsified, falsify
from convlab.metrics import squared_distance
from convlab.problem import Family, installed_families
from convlab.symbols import L, R, gamma, k, mu, sigma
from convlab.theorem import FalseClaim, Identity, Instance, Law, RateBound, Relation, StepInequality, Theorem, Trajectory
from convlab_problems import quadratic
from tests.command_line import convlab

FAMILIES = installed_families()
SPACES = {name: Family(name, FAMILIES[name].make, tuple, FAMILIES[name].search) for name in ("quadratic", "interpolated")}      # no members: only what is drawn


def of(theorem: str, claim: str = "main", **changes: Any) -> Theorem:
    """One claim of a theorem, changed."""
    declared = next(c for c in catalogue.theorem(theorem).claims if c.name == claim)
    return Theorem("planted", "planted", claims=(replace(declared, facts=(), mutants=(), **changes),))


def judged(theorem: Theorem, families: Any = None, budget: float = 15.0) -> Judged:
    (found,) = falsify(theorem, budget=budget, families=families).found
    assert isinstance(found, Judged)
    return found


def contraction(factor: Any) -> Theorem:
    """One step of gradient descent multiplies the squared distance by at most `factor`."""
    claim = StepInequality(GradientDescent(gamma), squared_distance, lambda state, case: factor(case) * squared_distance(state, case), "planted",
                           assumptions=(Smooth, StronglyConvex, Minimum), condition=sp.And(0 < gamma, gamma < 2 / (L + mu)),  # noqa: SIM300    # as mathematics writes it
                           defaults={gamma: 1 / L})
    return Theorem("planted", "planted", claims=(claim,))


# ---- true and tight
@pytest.mark.parametrize(("theorem", "claim"), [("pcgrad-two-task", "conflict"), ("comp-randk-variance", "main"), ("heavy-ball-quadratic", "main"),
                                                ("gd-monotone", "value")])
def test_what_is_true_is_not_refuted(theorem: str, claim: str) -> None:
    found = judged(of(theorem, claim))

    assert not found.refuted
    assert found.word == "not refuted"
    assert found.problems > 0


def test_a_true_step_is_searched_on_problems_that_nobody_listed() -> None:
    """Families of search spaces alone: what is judged is drawn from them."""
    found = judged(contraction(lambda case: (1 - case[gamma] * case[mu]) ** 2), SPACES)

    assert not found.refuted
    assert found.problems >= 4
    assert found.verdict.worst_ratio == pytest.approx(1, abs=1e-6)


# ---- we would notice
def test_a_step_that_forgets_the_flat_direction_is_refuted_on_a_drawn_problem() -> None:
    found = judged(contraction(lambda case: (1 - case[gamma] * case[L]) ** 2 + 0.5 * (case[gamma] * case[mu]) ** 2), SPACES)

    assert found.refuted
    assert found.verdict.witness is not None
    assert found.verdict.witness.reproduce == "convlab falsify planted --seed 0"


def test_an_operator_constant_two_per_cent_too_small_is_refuted() -> None:
    declared = catalogue.theorem("comp-randk-variance").claims[0]

    assert judged(of("comp-randk-variance", bound=declared.bound * sp.Rational(98, 100), relation=Relation.AT_MOST, attained=())).refuted


def test_a_stability_region_three_per_cent_too_wide_is_refuted() -> None:
    declared = catalogue.theorem("heavy-ball-quadratic").claims[0]
    wider = declared.condition.subs(declared.sweep, declared.sweep / sp.Rational(103, 100))

    assert judged(of("heavy-ball-quadratic", condition=wider)).refuted


def test_an_identity_of_different_programs_is_refuted() -> None:
    left, right = (Trajectory(GradientDescent(step), lambda state, case: state[0]) for step in (1 / L, sp.Rational(101, 100) / L))
    theorem = Theorem("planted", "planted", claims=(Identity(left, right, "planted", assumptions=(Smooth, Minimum)),))

    assert judged(theorem, {"quadratic": FAMILIES["quadratic"]}).refuted


def test_a_false_claim_of_another_kind_is_expected_to_be_refuted() -> None:
    asserted = contraction(lambda case: (1 - case[gamma] * case[L]) ** 2).claims[0]
    false = FalseClaim(asserted, Instance("quadratic", spectrum=(mu, L), start=(R, 0)))
    (found,) = falsify(Theorem("planted", "planted", claims=(false,)), families=SPACES, budget=4).found

    assert found.false
    assert found.refuted


# ---- claims that samples alone judge
def noisy(bound: Any, delta: Any) -> Theorem:
    sgd = catalogue.theorem("sgd-sc-const-sharp").claims[0].algorithm
    return Theorem("chance", "chance", algorithm=sgd, assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum), condition=sp.And(0 < gamma, gamma <= 1 / L),  # noqa: SIM300
                   defaults={gamma: 1 / L}, metric=squared_distance, law=Law.HIGH_PROBABILITY, delta=delta, bound=bound)


@pytest.mark.parametrize(("factor", "refuted"), [(10, False), (1, True)])
def test_a_claim_of_probability_is_searched_by_samples_and_judged_by_fresh_ones(factor: int, refuted: bool) -> None:
    """Markov's inequality gives ten times the expectation with probability 9/10; the expectation itself is exceeded far more often."""
    expectation = (1 - gamma * mu) ** (2 * k) * R**2 + gamma * sigma**2 / mu
    (found,) = falsify(noisy(factor * expectation, sp.Rational(1, 10)), budget=6, families={"noisy": FAMILIES["noisy"]}).found

    assert isinstance(found, Falsified)
    assert found.judged_by == "monte-carlo"
    assert found.refuted is refuted
    assert "fresh replicates" in found.reason


# ---- the command
def test_the_screen_says_what_was_searched_and_what_was_not() -> None:
    answer = convlab("falsify", "heavy-ball-quadratic", "--budget", "3")
    text = " ".join(answer.out.split())

    assert answer.status == 0
    assert "the spectral radius was computed just inside and just outside the edge" in text
    assert "heavy-ball-quadratic:from-flattest: it speaks of one instance, not of a class" in text


def test_a_claim_called_ring_is_not_printed_as_a_ring() -> None:
    assert "gossip-exact-and-gaps:ring" in convlab("falsify", "gossip-exact-and-gaps", "--budget", "2").out


def test_an_update_that_asks_for_what_few_problems_have_is_searched_on_those() -> None:
    """Exact line search needs an oracle of its own: grounds without it are left out, and no error of theirs is shown."""
    answer = convlab("falsify", "false-steepest-descent-nonsmooth", "--budget", "2")

    assert answer.status in (0, 3)
    assert "Traceback" not in answer.err


def test_a_rate_in_which_relation_order_holds_has_no_constant_to_exceed() -> None:
    declared = catalogue.theorem("gd-smooth-convex-fgap").claims[0]
    assert isinstance(declared, RateBound)
    ordered = replace(declared, relation=Relation.ORDER, bound=1 / k, tight=(), facts=(), mutants=())
    result = falsify(Theorem("ordered", "ordered", claims=(ordered,)), budget=1)

    assert result.found == ()
    assert "names no constant" in result.skipped[0].reason


def test_a_region_is_drawn_from_quadratics_too() -> None:
    """No member at all: the edge is crossed on drawn problems."""
    found = judged(of("heavy-ball-quadratic"), {"quadratic": Family("quadratic", quadratic.make, tuple, FAMILIES["quadratic"].search)})

    assert found.problems >= 4
    assert not found.refuted


def test_a_step_limit_two_per_cent_too_large_is_refuted_at_the_limit() -> None:
    """Everywhere below 2/(L + mu) the bound is attained and true, so no slope leads to the two per cent where it is false."""
    declared = catalogue.theorem("gd-strongly-convex-distance").claims[0]
    claim = replace(declared, facts=(), mutants=(), tight=(), bound=(1 - gamma * mu) ** k * R, condition=sp.And(0 < gamma, gamma <= sp.Rational(102, 50) / (L + mu)))  # noqa: SIM300
    (found,) = falsify(Theorem("planted", "planted", claims=(claim,)), budget=6, families={"quadratic": FAMILIES["quadratic"]}).found

    assert found.refuted
