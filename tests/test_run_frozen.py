"""Nobody writes into a state: who does is told by name, whatever kind of claim, and no verdict is given."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import And

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.sgd import SGD
from convlab.assumptions import FiniteSum, Minimum, SmoothSamples
from convlab.constants import Array
from convlab.draws import Draws, Uniform
from convlab.errors import BadInput
from convlab.judge.check import check
from convlab.judge.verdict import Word
from convlab.metrics import distance_to_minimiser, squared_distance
from convlab.problem import Family, Member
from convlab.run.frozen import frozen, writing_refused
from convlab.run.settings import Settings
from convlab.symbols import L_max, R, d, gamma
from convlab.theorem import Identity, Law, OperatorConstant, RateBound, StepInequality, Theorem, Trajectory, horizons, mean_of
from convlab_problems import finite_sum

SUM = {"finite_sum": Family("finite_sum", finite_sum.make, lambda: [Member("three", finite_sum.make((4, Fraction(1, 3), 9), (-7, 20, Fraction(5, 2)), start=(31,)))])}


class Point(NamedTuple):
    x: Array


@dataclass(frozen=True)
class InPlace:
    """Gradient descent that moves the point that it was given."""

    step_size: Any

    def init(self, x0: Array, oracle: Any) -> Point:
        return Point(x0)

    def step(self, state: Point, oracle: Any) -> Point:
        x = state.x
        x -= self.step_size * oracle.gradient(x)
        return Point(x)


@dataclass(frozen=True)
class InPlaceSamples(InPlace):
    """The same with one component a step."""

    def draws(self, oracle: Any) -> Draws:
        return Draws(index=Uniform(oracle.n))

    def step(self, state: Point, oracle: Any, draw: Any) -> Point:  # type: ignore[override]
        state.x[:] = state.x - self.step_size * oracle.sample_gradient(state.x, draw.index)
        return state


@dataclass(frozen=True)
class HalvesInPlace:
    """An operator that writes its answer over its input."""

    def draws(self, x: Array) -> Draws:
        return Draws()

    def __call__(self, x: Array, draw: Any) -> Array:
        x /= 2
        return x


def moving_metric(state: Any, case: Any) -> Array:
    state[0][...] = case.minimiser
    return distance_to_minimiser(state, case)


def sum_of_squares(x: Array, *_: Any) -> Array:
    return (x * x).sum(axis=-1)


SHORT: dict[str, Any] = {"assumptions": (FiniteSum, SmoothSamples, Minimum), "condition": And(0 < gamma, gamma <= 1 / (2 * L_max)), "defaults": {gamma: 1 / (2 * L_max)}}
RATE = RateBound(algorithm=InPlace(gamma), metric=distance_to_minimiser, bound=R, **SHORT)
STEP = StepInequality(InPlace(gamma), after=squared_distance, bound=squared_distance, statement="contracts", **SHORT)
OPERATOR = OperatorConstant(HalvesInPlace(), error=lambda x, y, v: sum_of_squares(x - y), scale=sum_of_squares, bound=1, statement="halves",
                            inputs=lambda rng, v: rng.standard_normal((5, v[d])), sizes=({d: 3},))
WRITERS: Mapping[str, tuple[Any, str]] = {
    "run": (RATE, "InPlace.step"),
    "horizons": (replace(RATE, grid=horizons(1, 5)), "InPlace.step"),
    "mean": (replace(RATE, mode=mean_of(0, -1)), "InPlace.step"),
    "moments": (replace(RATE, algorithm=InPlaceSamples(gamma), law=Law.EXPECTATION, metric=squared_distance), "InPlaceSamples.step"),
    "enumeration": (replace(RATE, algorithm=InPlaceSamples(gamma), law=Law.EXPECTATION), "InPlaceSamples.step"),
    "paths": (replace(RATE, algorithm=InPlaceSamples(gamma)), "InPlaceSamples.step"),
    "metric": (replace(RATE, algorithm=GradientDescent(gamma), metric=moving_metric), "moving_metric"),
    "metric of samples": (replace(RATE, algorithm=SGD(gamma), law=Law.EXPECTATION, metric=moving_metric), "moving_metric"),
    "step": (STEP, "InPlace.step"),
    "a side of a step": (replace(STEP, algorithm=GradientDescent(gamma), bound=moving_metric), "moving_metric"),
    "identity": (Identity(Trajectory(InPlace(gamma), lambda s, c: s.x), Trajectory(GradientDescent(gamma), lambda s, c: s[0]), "same", **SHORT), "InPlace.step"),
    "operator": (OPERATOR, "HalvesInPlace.__call__"),
}


@given(widths=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_a_frozen_state_is_the_same_state_and_takes_no_writing(widths: list[int]) -> None:
    """Nested fields too; nothing is copied, and other numbers than arrays are left alone."""
    state = tuple(Point(np.zeros((2, width))) for width in widths)

    assert frozen((state, 3))[0] is state
    for point in state:
        with pytest.raises(ValueError, match="read-only"):
            point.x[...] = 1


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("sampled", [False, True])
def test_whoever_writes_into_a_state_is_told_by_name(kind: str, sampled: bool) -> None:
    """Each of these gave a verdict, most of them wrong, on states that had moved behind the judge's back."""
    claim, who = WRITERS[kind]
    theorem = Theorem(id="toy", title="toy", source="toy", claims=(claim,))
    with pytest.raises(BadInput, match=rf"^{who} \(test_run_frozen.py, line \d+\) writes into the state it is given; return a new one"):
        check(theorem, settings=Settings(iterations=20, sampled=sampled, replicates=50), families=SUM)


def test_a_rule_that_copies_first_is_judged() -> None:
    """Writing into one's own array is no offence."""
    @dataclass(frozen=True)
    class Copies(InPlace):
        def step(self, state: Point, oracle: Any) -> Point:
            x = state.x.copy()
            x -= self.step_size * oracle.gradient(state.x)
            return Point(x)

    found = check(Theorem(id="toy", title="toy", source="toy", claims=(replace(RATE, algorithm=Copies(gamma)),)), settings=Settings(iterations=20), families=SUM)
    assert found.word is Word.HOLDS


def test_other_errors_pass() -> None:
    """A ValueError of another kind is nobody's writing."""
    with pytest.raises(ValueError, match="shapes"), writing_refused():
        raise ValueError("shapes do not match")
