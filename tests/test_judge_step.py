"""A step inequality is tried from any state: any point, any memory, and in expectation over all draws."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import And, Rational, true

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.draws import Adversary, Draws, Finite, Noise, rademacher
from convlab.judge import step as judging
from convlab.judge.check import check
from convlab.judge.states import Surroundings, leaves, points_around, told
from convlab.judge.verdict import Check, Verdict, Word
from convlab.metrics import squared_distance
from convlab.operations import rowwise
from convlab.problem import Family, Member
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
    rng = np.random.default_rng(seed)
    start = rng.standard_normal(dimension) * size
    x = points_around(start, 60, rng)
    states = Counted(x, np.full(60, 7), Moving(x, 0 * x))
    around = Surroundings(Counted(x[:1], np.full(1, 7), Moving(x[:1], 0 * x[:1])), size)
    rows = np.concatenate([leaf.reshape(60, -1) for leaf in leaves(states)], axis=1).astype(float)
    for found in (around.state(around.with_memory(rows, rng)), around.state(around.around(around.with_memory(rows, rng), rng))):
        assert found.count.dtype.kind == "i"
        assert (found.count == 7).all()
    found = around.state(around.with_memory(rows, rng))
    assert np.array_equal(found.x, x)
    assert np.array_equal(found.x[0], start)
    assert ((found.memory.velocity != 0).all(axis=1) == (np.arange(60) % 3 > 0)).all()
    assert ((found.memory.x != x).all(axis=1) == (np.arange(60) % 3 > 0)).all()
    reach = np.abs(found.memory.velocity[np.arange(60) % 3 > 0]).max(axis=1) / size
    assert reach.min() < 0.1
    assert reach.max() > 1


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
    """However many points: about STATES updates, every one of some ROUNDS."""
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
