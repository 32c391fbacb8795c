"""A theorem on an algorithm that is not its own: what is judged, what is not and why, and that a wrong one is still refuted."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import BufferedHeavyBall
from convlab.algorithms.sgd import SGD
from convlab.symbols import L, beta, gamma

DISTANCE = cl.theorem("gd-strongly-convex-distance")
SHORT = cl.Settings(iterations=25, problems=("quadratic", "huber"))


def judged(**options: Any) -> cl.Check:
    return cl.check(DISTANCE, settings=SHORT, **options)


def reasons(found: cl.Check) -> set[str]:
    return {s.reason for s in found.skipped}


def test_an_algorithm_that_holds_the_symbols_is_judged_over_the_whole_condition() -> None:
    found = judged(algorithm=GradientDescent(gamma))
    assert found.word is cl.Word.HOLDS
    assert max(v.points for v in found.verdicts) > 10


@pytest.mark.parametrize("value", [0.01, "1/100", Fraction(1, 100)])
def test_a_number_is_judged_where_it_fulfils_the_condition_and_nowhere_else(value: Any) -> None:
    """0.01 < 2/L fails on the problems with L >= 200 only, and these are told."""
    found = judged(algorithm=GradientDescent(0.01), parameters={gamma: value})
    assert found.word is cl.Word.HOLDS
    assert {v.parameters["gamma"] for v in found.verdicts} == {Fraction(1, 100)}
    assert "gamma = 0.01 is outside its condition there: gamma < 2/L with gamma = 0.01, 2/L = 0.00833333" in reasons(found)


def test_parameters_may_be_expressions_in_constants() -> None:
    found = judged(algorithm=GradientDescent(1 / (4 * L)), parameters={gamma: 1 / (4 * L)})
    assert found.word is cl.Word.HOLDS
    assert len({v.parameters["gamma"] for v in found.verdicts}) > 3


def test_a_wrong_sign_is_refuted_at_its_first_step() -> None:
    found = judged(algorithm=GradientDescent(-0.01), parameters={gamma: 0.01})
    assert found.word is cl.Word.REFUTED


@pytest.mark.parametrize(("options", "reason"), [
    ({"algorithm": GradientDescent(0.01)}, "GradientDescent has no field that holds gamma, of which the claim speaks; say its value, parameters={gamma: ...}"),
    ({"algorithm": BufferedHeavyBall(gamma, beta), "parameters": {beta: 0.9}}, "the claim has no parameter beta; it has gamma"),
    ({"algorithm": SGD(gamma)}, "the claim speaks of a method without randomness, SGD draws"),
    ({"algorithm": GradientDescent(50.0), "parameters": {gamma: 50}}, "gamma = 50 is outside its condition there"),
])
def test_what_makes_no_sense_is_not_judged_and_the_reason_is_told(options: dict[str, Any], reason: str) -> None:
    found = judged(**options)
    assert found.word is cl.Word.NOT_APPLICABLE
    assert any(told.startswith(reason) for told in reasons(found)), reasons(found)


def test_a_region_is_not_judged_at_a_fixed_value_of_what_crosses_its_edge() -> None:
    """Outside the edge a fixed step size would look stable, and refute a true region."""
    found = cl.check(cl.theorem("heavy-ball-quadratic"), claim="main", algorithm=BufferedHeavyBall(0.01, 0.5), parameters={gamma: 0.01, beta: 0.5}, settings=SHORT)
    assert found.word is cl.Word.NOT_APPLICABLE
    assert "both sides of its edge in gamma" in found.skipped[0].reason


def test_a_state_that_the_metric_needs_and_the_algorithm_lacks() -> None:
    found = cl.check(cl.theorem("saga-lyapunov"), algorithm=GradientDescent(gamma), settings=cl.Settings(iterations=5))
    assert found.word is cl.Word.NOT_APPLICABLE
    assert "the claim reads table of the state, which this algorithm does not have: its state has x" in reasons(found)


@dataclass(frozen=True)
class AsksForProx:
    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Any:
        return GradientDescent(self.step_size).init(x0, oracle)

    def step(self, state: Any, oracle: Any) -> Any:
        return state._replace(x=oracle.no_such_oracle(state.x))


def test_an_oracle_that_a_problem_does_not_offer() -> None:
    found = judged(algorithm=AsksForProx(gamma))
    assert found.word is cl.Word.NOT_APPLICABLE
    assert any("does not offer no_such_oracle, which the algorithm asks for" in told for told in reasons(found))


@pytest.mark.parametrize(("parameters", "sentence"), [
    ({"gama": 1}, "parameters: 'gama' is no symbol"), ({gamma: "much"}, "parameters: gamma = 'much' is no number"),
])
def test_bad_parameters_are_told_in_a_sentence(parameters: Any, sentence: str) -> None:
    with pytest.raises(cl.BadInput, match=sentence):
        judged(algorithm=GradientDescent(gamma), parameters=parameters)
