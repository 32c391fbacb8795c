"""Mutants: a false neighbour is refuted beyond k = 0 on its own instance or on the claim's problems, and a true one survives and is reported."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, And, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.falsify.mutants import declared, mutants
from convlab.metrics import distance_to_minimiser
from convlab.problem import Family, Member
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, mu
from convlab.theorem import Bound, Changed, FalseClaim, Instance, Mutant, RateBound, Step, Theorem, mutated, tight_instances
from convlab_problems import quadratic

QUICK = Settings(iterations=40)
FACTOR = Max(Abs(1 - gamma * mu), Abs(1 - gamma * L))
FAMILIES = {"quadratic": Family("quadratic", quadratic.make, lambda: [Member("plane", quadratic.make((Fraction(1, 3), 12), centre=(7, -6), start=(50, 1)))])}
STEEP = Instance("quadratic", spectrum=(L,), start=R)


def contraction(*changes: Mutant, **claim: Any) -> Theorem:
    """Gradient descent contracts the distance by FACTOR, with these mutants."""
    told = {"algorithm": GradientDescent(gamma), "bound": FACTOR**k * R, "metric": distance_to_minimiser, "assumptions": (Smooth, StronglyConvex, Minimum),
            "condition": And(0 < gamma, gamma < 2 / L), "defaults": {gamma: 1 / L}, "mutants": changes}
    return Theorem(id="toy", title="toy", source="toy", **{**told, **claim})


@settings(max_examples=10)
@given(factor=st.fractions(Fraction(1, 2), Fraction(999, 1000), max_denominator=1000))
def test_any_faster_rate_is_refuted(factor: Fraction) -> None:
    """Every factor up to 0.999 on the contraction: refuted at some k >= 1, with the problem and its parameters."""
    (found,) = mutants(contraction(Bound(sp.Rational(factor.numerator, factor.denominator) ** k * FACTOR**k * R)), QUICK, FAMILIES)

    assert found.refuted
    assert found.problem == "plane"
    assert found.witness is not None
    assert found.witness.iteration >= 1
    assert found.judged == 1


@settings(max_examples=10)
@given(slack=st.fractions(1, 3, max_denominator=1000))
def test_any_weaker_claim_survives_and_is_told(slack: Fraction) -> None:
    """A larger constant is no false neighbour: nothing refutes it, and the result says how many verdicts were looked at."""
    (found,) = mutants(contraction(Bound(sp.Rational(slack.numerator, slack.denominator) * FACTOR**k * R, STEEP)), QUICK, FAMILIES)

    assert not found.refuted
    assert found.witness is None
    assert found.judged == 1
    assert found.to_json()["verdict"] == "survives"


@pytest.mark.parametrize("mutant", [
    Step(defaults={gamma: Rational(41, 20) / L}, bound=R), Step(STEEP, defaults={gamma: Rational(41, 20) / L}, bound=R),
    Changed("ascent", algorithm=GradientDescent(-gamma)), Changed("a wider condition", condition=And(0 < gamma, gamma < 3 / L), bound=R),
    Bound((1 - gamma * mu) ** k * R), Bound(FACTOR**k * R / 2)], ids=lambda mutant: mutant.name)
def test_every_way_to_change_a_claim(mutant: Mutant) -> None:
    """A step beyond the condition (with and without an instance), another rule, a wider condition, another rate, another constant."""
    (found,) = mutants(contraction(mutant), QUICK, FAMILIES)

    assert found.refuted
    assert found.problem == ("plane" if mutant.on is None else repr(mutant.on))


def test_a_mutant_that_is_wrong_at_the_start_alone_survives() -> None:
    """Half of R at k = 0 and the truth afterwards: dying at k = 0 would prove nothing of the rate."""
    (found,) = mutants(contraction(Bound(sp.Piecewise((R / 2, sp.Eq(k, 0)), (FACTOR**k * R, True)))), QUICK, FAMILIES)

    assert not found.refuted


def test_mutants_of_a_false_claim_are_mutants_of_what_it_asserts() -> None:
    """They are judged on its witness."""
    asserted = RateBound(GradientDescent(gamma), bound=(1 - gamma * mu) ** k * R, metric=distance_to_minimiser, assumptions=(Smooth, StronglyConvex, Minimum),
                         condition=And(0 < gamma, gamma < 2 / L), defaults={gamma: 1 / L})
    witness = Instance("quadratic", spectrum=(mu, L), start=(0, R))
    theorem = Theorem(id="toy", title="toy", source="toy", claims=(FalseClaim(asserted, witness=witness, mutants=(Bound((1 - 2 * gamma * mu) ** k * R, name="twice"),)),))

    assert [claim.on for claim, _ in declared(theorem)] == [(witness,)]
    (found,) = mutants(theorem, QUICK, FAMILIES)
    assert (found.mutant, found.refuted, found.problem) == ("twice", True, repr(witness))


def test_a_mutant_claims_no_tightness_of_its_own_and_keeps_the_rest() -> None:
    """Its changes are put into the claim, on its own instance where it names one; facts and mutants are left behind."""
    claim = contraction(tight=(STEEP,)).claims[0]
    changed = mutated(claim, Bound(R, STEEP))

    assert (changed.bound, changed.on, changed.mutants, changed.facts) == (R, (STEEP,), (), ())
    assert changed.condition == claim.condition
    assert tight_instances(mutated(claim, Bound(R))) == (STEEP,)


def test_an_unknown_field_is_named() -> None:
    """A typing error in a mutant is told with the claim's kind."""
    with pytest.raises(ValueError, match="a RateBound has no field 'bond'"):
        mutated(contraction().claims[0], Changed("typo", bond=R))


def test_settings_of_the_user_do_not_weaken_the_search() -> None:
    """Parameters fixed by hand and sampled runs are put aside."""
    (found,) = mutants(contraction(Bound(Rational(99, 100) ** k * FACTOR**k * R)), Settings(iterations=40, parameters={"gamma": "1/1000"}, outside=True), FAMILIES)

    assert found.refuted
