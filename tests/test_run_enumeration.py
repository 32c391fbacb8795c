"""Every path of draws, equal states merged: probabilities stay a law, merging changes nothing, and what cannot be enumerated says so."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convlab.algorithms.sgd import SGD
from convlab.arithmetic import FLOAT64, RATIONAL
from convlab.constants import Array
from convlab.draws import Adversary, Bernoulli, Draws, Finite, Inexact, Permutation, Subset, Uniform, rademacher
from convlab.metrics import distance_to_minimiser, squared_distance
from convlab.operations import absolute, rowwise
from convlab.run.cases import batch_of
from convlab.run.enumeration import clouds, merged
from convlab.symbols import beta, gamma, p
from convlab_problems import finite_sum, huber, noisy, quadratic
from tests.engine_runs import batch_on, bound_to, enumerated, sampled

LINE = quadratic.make((Fraction(3),), centre=(4,), start=(Fraction(17),))
KINK = noisy.make(huber.make(Fraction(1, 2), 21, centre=(3,), threshold=2, start=(9,)), ((5,),))


class Position(NamedTuple):
    x: Array


@dataclass(frozen=True)
class Walk:
    """Steps to the left or the right: 2^k paths that meet in k + 1 places."""

    law: Any
    stride: Any = Fraction(5, 4)

    def init(self, x0: Array, oracle: Any) -> Position:
        return Position(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(move=self.law)

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        return Position(state.x + self.stride * rowwise(draw.move, state.x))


# ---- laws
laws = st.sampled_from([Uniform(3), Finite((Fraction(-2), Fraction(1, 3), 4), (Fraction(1, 6), Fraction(1, 3), Fraction(1, 2))), rademacher(Fraction(2, 3)),
                        Bernoulli(Fraction(2, 7)), Uniform(2, shape=(2,)), Bernoulli(Fraction(1, 5), shape=(3,)), Subset(4, 2), Subset(3, 1, cells=(2,)), Permutation(3)])


@given(law=laws, steps=st.integers(1, 3))
def test_probabilities_sum_to_one_and_no_state_stands_twice(law: Any, steps: int) -> None:
    """For every law and number of updates, with == in fractions; merged states are distinct, and in their hull."""
    @dataclass(frozen=True)
    class Drift(Walk):
        def step(self, state: Position, oracle: Any, draw: Any) -> Position:
            move = draw.move.reshape(len(state.x), -1)
            weights = np.array([Fraction(i + 1) for i in range(move.shape[1])], dtype=object)
            return Position(state.x + self.stride * (move @ weights)[:, None])

    batch = batch_on(LINE, RATIONAL)
    found = clouds(bound_to(Drift(law), batch, steps), batch, steps)

    assert [cloud.k for cloud in found] == list(range(steps + 1))
    for cloud in found:
        rows = [tuple(row) for row in cloud.state.x]
        assert cloud.weights.sum() == 1
        assert len(set(rows)) == len(rows)


CELLS = st.sampled_from([0.0, -0.0, 1.5, -7.25, 1e300, 1e-300])


@given(rows=arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=CELLS), cases=st.integers(1, 3), seed=st.integers(0, 99))
def test_merging_loses_neither_a_state_nor_its_mass(rows: Array, cases: int, seed: int) -> None:
    """Each distinct row of floats of each case keeps the sum of its weights, 0.0 and -0.0 being one; cases stay apart and in order."""
    rng = np.random.default_rng(seed)
    weights, owner = rng.random(len(rows)), rng.integers(cases, size=len(rows))
    kept, mass, whose = merged(rows.T, weights, owner)
    truth: dict[tuple[float, ...], float] = {}
    for case, row, weight in zip(owner, map(tuple, rows + 0.0), weights, strict=True):
        truth[(case, *row)] = truth.get((case, *row), 0.0) + weight

    assert {(case, *row): pytest.approx(m, rel=1e-12) for case, row, m in zip(whose, kept.T, mass, strict=True)} == truth
    assert (np.diff(whose) >= 0).all()
    assert merged(rows.T, np.zeros(len(rows)), owner)[0].shape == (rows.shape[1], 0)      # states of probability zero are dropped


@given(rows=arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=CELLS), cases=st.integers(1, 3))
def test_hashes_that_collide_are_told_apart(rows: Array, cases: int) -> None:
    """Where every hash is the same, states are told apart by their bits all the same."""
    owner = np.arange(len(rows)) % cases

    truth = merged(rows.T, np.ones(len(rows)), owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convlab.run.enumeration.hashed", lambda bits: np.zeros(bits.shape[1], dtype=np.uint64))
        found = merged(rows.T, np.ones(len(rows)), owner)

    assert by_row(found) == by_row(truth)


def by_row(found: Any) -> dict[tuple[float, ...], float]:
    """Mass by case and state."""
    return {(case, *row): mass for case, row, mass in zip(found[2], found[0].T, found[1], strict=True)}


# ---- cases together
@dataclass(frozen=True)
class Shrinking(Walk):
    """Walks of which some meet (shrink = 1) and some never do."""

    shrink: Any = 1

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        moved = draw.move.reshape(len(state.x), -1)[:, :1] + sum(rowwise(extra, state.x) for extra in draw[1:])
        return Position(self.shrink * state.x + self.stride * moved)


@dataclass(frozen=True)
class Informed(Shrinking):
    """A coin that looks at the state and at the draw before it."""

    def draws(self, oracle: Any) -> Draws:
        def chance(state: Position, earlier: Any) -> Array:
            return 1 / (2 + (absolute(state.x) * (1 + rowwise(earlier.move, state.x))).sum(axis=1))

        return Draws(move=self.law, coin=Bernoulli(chance, given=("move",)))


@dataclass(frozen=True)
class Timid(Shrinking):
    """A coin that looks at the state."""

    def draws(self, oracle: Any) -> Draws:
        return Draws(move=Bernoulli(lambda state: 1 / (1 + absolute(state.x)).sum(axis=1)))


supports = (Uniform(3), rademacher(Fraction(2, 3)), Bernoulli(p), Bernoulli(p, shape=(2,)), Adversary((-1, 0, 2)))
rules = st.sampled_from([*(Shrinking(law, gamma, beta) for law in supports), Timid(None, gamma, beta), Informed(Uniform(2), gamma, beta)])
points = st.fixed_dictionaries({gamma: st.sampled_from([Fraction(1, 4), Fraction(3), Fraction(0), Fraction(2, 7)]),
                                p: st.fractions(Fraction(1, 9), 1, max_denominator=9), beta: st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(-1)])})


@settings(max_examples=60, deadline=None)
@given(rule=rules, chosen=st.lists(st.tuples(points, st.integers(-40, 40)), min_size=2, max_size=5), states=st.sampled_from([40, 8000]),
       room=st.sampled_from([1, 1 << 16]))
def test_cases_together_are_cases_alone(rule: Any, chosen: Any, states: int, room: int) -> None:
    """Bit by bit, whatever the law, the parameters, the starts and the parts in which cases are stepped; a case that outgrows its budget leaves, the others go on."""
    like = batch_on(LINE).settings[0]
    found = [replace(like, point=point, start=replace(like.start, point=np.array([start]))) for point, start in chosen]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convlab.run.enumeration.TOGETHER", room)
        together = reached(found, rule, states)
    alone = [reached([setting], rule, states) for setting in found]

    if any(isinstance(one, str) for one in alone):
        assert together in alone                             # the reason of the case that ends too early
        return
    assert len(together) == max(map(len, alone))
    for case, own in enumerate(alone):
        mine = [cloud for cloud in together if case in cloud.owner]
        assert len(mine) == len(own)
        for cloud, truth in zip(mine, own, strict=True):
            rows = cloud.owner == case
            np.testing.assert_array_equal(cloud.state.x[rows], truth.state.x)
            assert cloud.weights is None if truth.weights is None else (cloud.weights[rows] == truth.weights).all()
            assert all((np.broadcast_to(cloud.case[s], len(rows))[rows] == truth.case[s]).all() for s in (gamma, beta, p))


def reached(found: Any, rule: Any, states: int) -> Any:
    """The clouds of eight updates, or why there are none."""
    batch = batch_of(found, FLOAT64)
    try:
        return clouds(bound_to(rule, batch, 8), batch, 8, states, work=6000)
    except Inexact as reason:
        return str(reason)


@settings(max_examples=20)
@given(stride=st.fractions(Fraction(1, 8), 9, max_denominator=8), chance=st.fractions(Fraction(1, 9), Fraction(8, 9), max_denominator=9))
def test_a_walk_follows_the_binomial_law(stride: Fraction, chance: Fraction) -> None:
    """Sixty updates in sixty-one places: mean and variance of the number of steps to the right are k p and k p (1 - p), with ==."""
    batch = batch_on(LINE, RATIONAL)
    last = clouds(bound_to(Walk(Bernoulli(chance), stride), batch, 60), batch, 60)[-1]
    moved = (last.state.x[:, 0] - 17) / stride
    mean = (last.weights * moved).sum()

    assert len(moved) == 61
    assert mean == 60 * chance
    assert (last.weights * (moved - mean) ** 2).sum() == 60 * chance * (1 - chance)


# ---- examples
def test_kinks_and_unsquared_distances_are_exact() -> None:
    """SGD with two-point noise on a Huber function, E |x_k - x*|: == the plain loop over all 2^6 paths."""
    step, lam, kink = Fraction(1, 16), Fraction(1, 2), Fraction(41, 2)

    def by_hand(path: Any) -> Fraction:
        x = Fraction(9)
        for sign in path:
            t = x - 3
            x -= step * (lam * t + kink * max(-2, min(2, t)) + 5 * sign)
        return abs(x - 3)

    truth = sum(by_hand(path) for path in product((-1, 1), repeat=6)) / Fraction(64)

    assert enumerated(SGD(step), KINK, distance_to_minimiser, 6, RATIONAL)[-1] == truth
    assert enumerated(SGD(step), KINK, distance_to_minimiser, 6)[-1] == pytest.approx(float(truth), rel=1e-13)      # 64 paths of six roundings


def test_sampled_means_of_a_kinked_problem_lie_within_five_standard_errors() -> None:
    """4,096 seeded replicates; a true engine fails one of six checkpoints with probability 3e-6, once and for all seeds."""
    found = sampled(SGD(Fraction(1, 16)), KINK, distance_to_minimiser, range(7), 4096).measured
    error = found.std(axis=1, ddof=1) / 64

    assert (np.abs(found.mean(axis=1) - enumerated(SGD(Fraction(1, 16)), KINK, distance_to_minimiser, 6)) <= 5 * error + 1e-12).all()


def test_probabilities_that_depend_on_the_state_push_the_law_forward() -> None:
    """A particle that jumps to the origin with probability 1/(1 + |x|): by hand for three updates, with ==."""
    @dataclass(frozen=True)
    class Absorbed(Walk):
        def draws(self, oracle: Any) -> Draws:
            return Draws(coin=Bernoulli(lambda state: 1 / (1 + absolute(state.x)).sum(axis=1)))

        def step(self, state: Position, oracle: Any, draw: Any) -> Position:
            return Position((1 - rowwise(draw.coin, state.x)) * (state.x + 1))

    batch = batch_on(LINE, RATIONAL)
    law = {(row[0]): weight for cloud in clouds(bound_to(Absorbed(None), batch, 3), batch, 3)[-1:] for row, weight in zip(cloud.state.x, cloud.weights, strict=True)}
    stay = {17 + i: 1 - Fraction(1, 18 + i) for i in range(3)}

    # at the origin the coin is sure: from 0 it stays at 0
    assert law == {20: stay[17] * stay[18] * stay[19], 0: 1 - stay[17] * stay[18] * stay[19]}


def test_an_adversary_has_states_but_no_weights() -> None:
    """All places that a walk can be driven to, none of them weighed."""
    batch = batch_on(LINE, FLOAT64)
    found = clouds(bound_to(Walk(Adversary((-1, 0, 1)), 2.0), batch, 5), batch, 5)

    assert [len(cloud.state.x) for cloud in found] == [1, 3, 5, 7, 9, 11]
    assert all(cloud.weights is None for cloud in found)
    with pytest.raises(Inexact, match="no law to sample"):
        sampled(Walk(Adversary((-1, 1))), LINE, squared_distance, range(3), 4)


# ---- limits
def test_an_enumeration_ends_where_it_outgrows_its_budget() -> None:
    """Walks whose paths never meet (every stride its own) end early and say at which k; hardly any update is no enumeration."""
    @dataclass(frozen=True)
    class Spreading(Walk):
        def step(self, state: Position, oracle: Any, draw: Any) -> Position:
            return Position(state.x / 3 + rowwise(draw.move, state.x))

    batch = batch_on(LINE, FLOAT64)
    found = clouds(bound_to(Spreading(rademacher(1)), batch, 100), batch, 100, states=100)

    assert found[-1].k == 6
    assert len(found[-1].state.x) == 64
    with pytest.raises(Inexact, match="too many draws to enumerate"):
        clouds(bound_to(Spreading(Uniform(2, shape=(12,))), batch, 100), batch, 100, states=100)


def test_a_law_known_by_its_covariance_has_no_paths() -> None:
    """It is refused by name."""
    problem = noisy.make(LINE, ((Fraction(2),),), law="covariance")
    with pytest.raises(Inexact, match="without finite support"):
        enumerated(SGD(Fraction(1, 9)), problem, squared_distance, 3)


def test_a_lost_branch_would_be_noticed() -> None:
    """A sum of three components whose last one is never drawn has another mean from the first update on."""
    problem = finite_sum.make((Fraction(3), Fraction(8), Fraction(1, 2)), (Fraction(-4), Fraction(5, 2), Fraction(20)), start=Fraction(13))

    @dataclass(frozen=True)
    class Forgetful(SGD):
        def draws(self, oracle: Any) -> Draws:
            return Draws(index=Uniform(oracle.n - 1))

    right, wrong = (enumerated(rule(Fraction(1, 25)), problem, squared_distance, 3, RATIONAL) for rule in (SGD, Forgetful))

    assert right[0] == wrong[0]
    assert (right[1:] != wrong[1:]).all()


def test_a_sure_walk_is_one_state_enumerated_or_run() -> None:
    """A law of a single value leaves one path: both loops make it, bit by bit."""
    sure = Walk(Finite((Fraction(1),), (Fraction(1),)))

    np.testing.assert_array_equal(enumerated(sure, LINE, squared_distance, 4), sampled(sure, LINE, squared_distance, range(5), 1).measured[:, 0])
