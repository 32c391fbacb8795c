"""A step inequality is tried from any state: any point, any memory, and in expectation over all draws."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import And, Rational, true

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.arithmetic import FLOAT64
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.draws import Adversary, Bernoulli, Draws, Finite, Noise, rademacher
from convlab.judge import step as judging
from convlab.judge.check import check
from convlab.judge.states import Surroundings, points_around, told
from convlab.judge.verdict import Check, Verdict, Word
from convlab.judge.words import Evidence
from convlab.metrics import squared_distance
from convlab.operations import Unsupported, rowwise
from convlab.problem import Family, Member
from convlab.run.cases import batch_of, settings_on
from convlab.run.settings import Settings
from convlab.symbols import L, R, beta, gamma, mu
from convlab.theorem import Instance, Law, Relation, Source, StepInequality, Theorem
from convlab_problems import quadratic

PLANE = Family("quadratic", quadratic.make, lambda: [Member("plane", quadratic.make((Fraction(1, 3), 12), centre=(7, -6), start=(50, 1)))])


class Moving(NamedTuple):
    x: Array
    velocity: Array


class Counted(NamedTuple):
    x: Array
    count: Array
    memory: Moving


@dataclass(frozen=True)
class Ball:
    """Heavy ball with a velocity, at rest at first."""

    step_size: Any
    momentum: Any

    def init(self, x0: Array, oracle: Any) -> Moving:
        return Moving(x0, 0 * x0)

    def step(self, state: Moving, oracle: Any) -> Moving:
        velocity = self.momentum * state.velocity - self.step_size * oracle.gradient(state.x)
        return Moving(state.x + velocity, velocity)


@dataclass(frozen=True)
class Shaken:
    """Gradient descent plus what a law draws in each coordinate; of probability zero, also an infinite push."""

    step_size: Any
    law: Any

    def init(self, x0: Array, oracle: Any) -> Moving:
        return Moving(x0, x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(push=self.law)

    def step(self, state: Moving, oracle: Any, draw: Any) -> Moving:
        x = state.x - self.step_size * oracle.gradient(state.x) + rowwise(draw.push, state.x)
        return Moving(x, x)


def chance(state: Any) -> Array:
    """1/(1 + |x|^2)."""
    return 1 / (1 + (state.x * state.x).sum(axis=-1))


@dataclass(frozen=True)
class Fading:
    """Goes to 0 unless a coin says no, which far points rarely see."""

    def init(self, x0: Array, oracle: Any) -> Moving:
        return Moving(x0, x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(stays=Bernoulli(chance))

    def step(self, state: Moving, oracle: Any, draw: Any) -> Moving:
        x = rowwise(draw.stays, state.x) * state.x
        return Moving(x, x)


def distance(state: Any, case: Any) -> Array:
    return squared_distance(state, case)


CONTRACTS = StepInequality(Ball(gamma, beta), after=distance, bound=distance, statement="|x+ - x*| <= |x - x*|", assumptions=(StronglyConvex, Smooth, Minimum),
                           condition=And(0 < gamma, gamma <= 1 / L), defaults={gamma: 1 / L, beta: Rational(9, 10)})


def judged(claim: StepInequality, families: Mapping[str, Family] | None = None) -> Check:
    return check(Theorem(id="toy", title="toy", source="toy", claims=(claim,)), settings=Settings(sampled=False), families=families or {"quadratic": PLANE})


def one(claim: StepInequality) -> Verdict:
    (verdict,) = judged(claim).verdicts
    return verdict


# ---- populations
@given(seed=st.integers(0, 1000), dimension=st.integers(1, 4), size=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_a_population_varies_the_memory_and_leaves_counters_alone(seed: int, dimension: int, size: float) -> None:
    """A third keeps the memory that `init` gives, the others get one of their own, field by field; integers stay; the start itself is among them."""
    streams = [np.random.default_rng(seed), np.random.default_rng(seed + 1)]
    starts = np.stack([rng.standard_normal(dimension) * size for rng in streams])
    x = points_around(starts, 60, streams)
    first = starts.reshape(2, dimension)
    around = Surroundings(Counted(first, np.full(2, 7), Moving(first, 0 * first)), np.array([size, size]))
    rows = np.concatenate([x, np.full((2, 60, 1), 7.0), x, 0 * x], axis=2)
    for found in (around.state(around.with_memory(rows, streams)), around.state(around.around(around.with_memory(rows, streams), streams))):
        assert found.count.dtype.kind == "i"
        assert (found.count == 7).all()
    found = around.state(around.with_memory(rows, streams))
    moved = np.tile(np.arange(60) % 3 > 0, 2)
    assert np.array_equal(found.x, x.reshape(120, dimension))
    assert np.array_equal(found.x[[0, 60]], starts)
    assert ((found.memory.velocity != 0).all(axis=1) == moved).all()
    assert ((found.memory.x != found.x).all(axis=1) == moved).all()
    reach = np.abs(found.memory.velocity[moved]).max(axis=1) / size
    assert reach.min() < 0.1
    assert reach.max() > 1


@given(seed=st.integers(0, 1000), size=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_what_a_setting_tries_does_not_depend_on_its_neighbours(seed: int, size: float) -> None:
    """Each setting has a stream of its own: alone it gets the same states, bit for bit."""
    starts = np.array([[size, -size], [3.0, 0.25]])
    together = points_around(starts, 40, [np.random.default_rng(seed), np.random.default_rng(seed + 1)])
    for number in (0, 1):
        assert np.array_equal(points_around(starts[number:number + 1], 40, [np.random.default_rng(seed + number)])[0], together[number])


def test_a_state_is_told_field_by_field() -> None:
    """Nested fields too."""
    assert told(Counted(np.array([[1.5, 2]]), np.array([3]), Moving(np.array([[4.0]]), np.array([[5.0]])))) == "x = [1.5 2. ], count = 3, x = [4.], velocity = [5.]"


# ---- the memory
def test_a_heavy_ball_does_not_contract_from_every_state() -> None:
    """From rest it does; with a velocity it does not, and the witness tells that velocity, its numbers exact."""
    verdict = one(CONTRACTS)

    assert (verdict.word, verdict.judged_by) == (Word.REFUTED, Source.RATIONAL)
    assert verdict.witness is not None
    assert "velocity = " in verdict.witness.start
    assert isinstance(verdict.witness.measured, Fraction)
    assert verdict.witness.measured > verdict.witness.bound


def test_where_restricts_the_memory() -> None:
    """Of states at rest the claim holds; and of all states without momentum."""
    rest = one(replace(CONTRACTS, where=lambda state, case: (state.velocity == 0).all(axis=-1)))
    without = one(replace(CONTRACTS, algorithm=Ball(gamma, 0), defaults={gamma: 1 / L}))

    assert (rest.word, without.word) == (Word.HOLDS, Word.HOLDS)


def test_the_memory_of_a_declared_instance_varies_too() -> None:
    """At its start nothing is wrong; a search around it tells."""
    claim = replace(CONTRACTS, on=(Instance("quadratic", spectrum=(L,), start=(R,)),))

    assert one(claim).word is Word.REFUTED
    assert one(replace(claim, algorithm=Ball(gamma, 0), defaults={gamma: 1 / L})).word is Word.HOLDS


def test_the_states_of_a_problem_are_shared_by_its_parameter_points(monkeypatch: Any) -> None:
    """However many points: about STATES updates, those of all points in one array, a call a round."""
    seen: list[int] = []
    plain = GradientDescent.step

    def counting(self: Any, state: Any, oracle: Any) -> Any:
        seen.append(len(state[0]))
        return plain(self, state, oracle)

    monkeypatch.setattr(GradientDescent, "step", counting)
    verdict = one(replace(CONTRACTS, algorithm=GradientDescent(gamma), defaults={gamma: 1 / L}))

    assert verdict.points > 3
    assert verdict.word is Word.HOLDS
    assert 0.5 * judging.STATES < sum(seen) <= judging.STATES
    assert len(seen) == judging.ROUNDS


# ---- all settings at once
def contracted(state: Any, case: Any) -> Array:
    """(1 - gamma mu)^2 |x - x*|^2."""
    return (1 - case[gamma] * case[mu]) ** 2 * distance(state, case)


def by_branches(state: Any, case: Any) -> Array:
    """The same, by somebody who thought of numbers only."""
    return (1 - 2 * case[gamma] * case[mu] + math.pow(case[gamma] * case[mu], 2) if case[gamma] > 0 else 1) * distance(state, case)


def by_components(state: Any, case: Any) -> Array:
    """The same: the factor times the vector, which an array of factors does not broadcast against."""
    moved = (1 - case[gamma] * case[mu]) * (state[0] - case.minimiser)
    return (moved * moved).sum(axis=-1)


def by_the_largest(state: Any, case: Any) -> Array:
    """The same for a number; of an array it takes the largest, and no error tells."""
    return (1 - np.max(case[gamma]) * case[mu]) ** 2 * distance(state, case)


SHRINKS = replace(CONTRACTS, algorithm=GradientDescent(gamma), bound=contracted, defaults={gamma: 1 / L})


def searched_by(claim: StepInequality, together: bool) -> list[Evidence]:
    """What the search finds on the plane at each parameter point."""
    (member,) = PLANE.members()
    found = settings_on(claim, "toy", member, Settings(), claim.assumptions)
    seeds = [np.random.SeedSequence(number) for number in range(len(found))]
    if together:
        return judging.searched(claim, batch_of(found, FLOAT64), 2400, seeds)
    return [judging.searched(claim, batch_of([setting], FLOAT64), 2400, [seed])[0] for setting, seed in zip(found, seeds, strict=True)]


def test_settings_searched_at_once_find_what_each_finds_alone() -> None:
    """The same worst state of each, and the same numbers there but for rounding."""
    at_once, alone = searched_by(SHRINKS, True), searched_by(SHRINKS, False)

    assert len(at_once) > 3
    assert [e.settings[0].start.name for e in at_once] == [e.settings[0].start.name for e in alone]
    assert [float(e.result.ratio[0, 0]) for e in at_once] == pytest.approx([float(e.result.ratio[0, 0]) for e in alone], rel=1e-12)


@pytest.mark.parametrize("bound", [by_branches, by_components, by_the_largest])
def test_functions_that_were_written_for_numbers_are_judged_one_setting_at_a_time(bound: Any) -> None:
    """They refuse arrays of parameters, or, worse, take them: the verdict is that of the function that takes arrays, to the last state."""
    numbers, arrays = one(replace(SHRINKS, bound=bound)), one(SHRINKS)
    with pytest.raises((Unsupported, TypeError, ValueError)):
        searched_by(replace(SHRINKS, bound=bound), True)

    assert (numbers.word, numbers.points) == (arrays.word, arrays.points) == (Word.HOLDS, arrays.points)
    assert numbers.worst_ratio == pytest.approx(arrays.worst_ratio, rel=1e-9)
    assert one(replace(SHRINKS, bound=lambda state, case: 0.99 * bound(state, case))).word is Word.REFUTED


def test_fractions_beside_arrays_of_floats_stay_floats() -> None:
    """A Fraction times an array of parameters is an array of objects; its comparison is that of floats all the same, above their rounding."""
    halved = replace(SHRINKS, bound=lambda state, case: (1 - Fraction(1, 2) * (case[gamma] * case[mu])) ** 2 * distance(state, case))

    assert one(halved).word is Word.HOLDS
    assert one(replace(halved, bound=lambda state, case: (1 - Fraction(11, 10) * (case[gamma] * case[mu])) ** 2 * distance(state, case))).word is Word.REFUTED


# ---- in expectation
def second_moment(state: Any, case: Any) -> Array:
    """|x - gamma f'(x) - x*|^2 + 2 * 3^2: what pushes of +-3 in the plane add on average."""
    x = state.x - case[gamma] * case.problem.gradient(state.x) - case.minimiser
    return (x * x).sum(axis=-1) + 18


PUSHED = replace(CONTRACTS, algorithm=Shaken(gamma, rademacher(3)), law=Law.EXPECTATION, bound=second_moment, relation=Relation.EQUAL, defaults={gamma: 1 / L})


def test_the_mean_over_the_draws_is_exact() -> None:
    """E |x+ - x*|^2 is an equality from every state, on any problem; == in rationals where it is declared."""
    (verdict,) = judged(replace(PUSHED, on=(Instance("quadratic", spectrum=(mu, L), start=(R, 2)),))).verdicts

    assert one(PUSHED).word is Word.HOLDS
    assert (verdict.word, verdict.judged_by, verdict.worst_ratio) == (Word.HOLDS, Source.RATIONAL, 1)


def test_a_mean_that_is_a_little_too_small_is_refuted_in_rationals() -> None:
    """The noise less a thousandth: the search goes where the noise is most of it."""
    found = one(replace(PUSHED, relation=Relation.AT_MOST, bound=lambda state, case: second_moment(state, case) - Fraction(18, 1000)
                        if state.x.dtype == object else second_moment(state, case) - 0.018))

    assert (found.word, found.judged_by) == (Word.REFUTED, Source.RATIONAL)


def test_draws_are_enumerated_in_one_array(monkeypatch: Any) -> None:
    """Four draws of each state of each setting: a call a round."""
    seen: list[int] = []
    plain = Shaken.step

    def counting(self: Any, state: Any, oracle: Any, draw: Any) -> Any:
        seen.append(len(state[0]))
        return plain(self, state, oracle, draw)

    monkeypatch.setattr(Shaken, "step", counting)

    def bound(state: Any, case: Any) -> Array:
        x = state.x - np.reshape(case[gamma], (-1, 1)) * case.problem.gradient(state.x) - case.minimiser
        return (x * x).sum(axis=-1) + 18

    assert one(replace(PUSHED, bound=bound)).word is Word.HOLDS
    assert 0.5 * judging.STATES < sum(seen) <= judging.STATES
    assert len(seen) == judging.ROUNDS


def test_a_coin_whose_chance_depends_on_the_state_is_weighed_state_by_state() -> None:
    """E |x+|^2 where x+ is x with probability 1/(1 + |x|^2), else 0."""
    claim = replace(PUSHED, algorithm=Fading(), after=lambda state, case: (state.x * state.x).sum(axis=-1), defaults={}, condition=true,
                    bound=lambda state, case: (state.x * state.x).sum(axis=-1) * chance(state))

    assert one(claim).word is Word.HOLDS
    assert one(replace(claim, bound=lambda state, case: (state.x * state.x).sum(axis=-1) * chance(state) * 0.999)).word is Word.REFUTED


def test_a_draw_of_probability_zero_counts_for_nothing() -> None:
    """Even where it is infinite."""
    unlikely = Finite((-3, 3, float("inf")), (Fraction(1, 2), Fraction(1, 2), 0))

    assert one(replace(PUSHED, algorithm=Shaken(gamma, unlikely))).word is Word.HOLDS


def test_laws_without_a_finite_mean_are_refused_by_name() -> None:
    """Known by moments, chosen by an adversary, or too many."""
    laws = (Noise(np.eye(2)), Adversary((-3, 3)), rademacher(3, shape=(11,)))
    reasons = [judged(replace(PUSHED, algorithm=Shaken(gamma, law), condition=true)).skipped[0].reason for law in laws]

    assert reasons == ["the mean over 'push' is no finite sum: Noise has no finite support", "an adversary has no expectation",
                       "one update has 2048 draws, too many to enumerate"]
