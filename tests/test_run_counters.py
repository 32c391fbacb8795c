"""Integer fields of a state: exact moments carry them beside its real ones, and refuse those that do not go their own way."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.sgd import SGD
from convlab.arithmetic import RATIONAL
from convlab.constants import Array
from convlab.draws import Draws, Inexact, Uniform
from convlab.metrics import squared_distance
from convlab.operations import norm_squared, rowwise
from convlab.run.counters import joined, key_of, split
from convlab.symbols import k
from convlab_problems import finite_sum
from tests.engine_runs import lifted

SUM = finite_sum.make((4, Fraction(1, 3), 9), (-7, 20, Fraction(5, 2)), start=(31,))


class Counted(NamedTuple):
    x: Array
    count: Array


class Nested(NamedTuple):
    first: Counted
    flags: Array
    y: Array


@dataclass(frozen=True)
class Decreasing:
    """SGD with step_size/(count + 5), the count kept in the state."""

    step_size: Any

    def init(self, x0: Array, oracle: Any) -> Counted:
        return Counted(x0, np.zeros(len(x0), dtype=int))

    def draws(self, oracle: Any) -> Draws:
        return Draws(index=Uniform(oracle.n))

    def step(self, state: Counted, oracle: Any, draw: Any) -> Counted:
        step = self.step_size / (rowwise(state.count, state.x) + 5)
        return Counted(state.x - step * oracle.sample_gradient(state.x, draw.index), self.counted(state, draw))

    def counted(self, state: Counted, draw: Any) -> Array:
        return state.count + 1


@dataclass(frozen=True)
class CountsDraws(Decreasing):
    """A mutant: counts how often component 0 was drawn."""

    def counted(self, state: Counted, draw: Any) -> Array:
        return state.count + (draw.index == 0)


@dataclass(frozen=True)
class CountsPlaces(Decreasing):
    """A mutant: counts the visits to the right half line."""

    def counted(self, state: Counted, draw: Any) -> Array:
        return state.count + (state.x[:, 0] > 0)


@dataclass(frozen=True)
class Scheduled:
    """The same as a schedule."""

    step_size: Any

    def init(self, x0: Array, oracle: Any) -> Any:
        return SGD(0).init(x0, oracle)

    def draws(self, oracle: Any) -> Draws:
        return Draws(index=Uniform(oracle.n))

    def step(self, state: Any, oracle: Any, draw: Any) -> Any:
        return type(state)(state[0] - self.step_size * oracle.sample_gradient(state[0], draw.index))


@given(cases=st.integers(1, 4), width=st.integers(1, 3), times=st.integers(1, 5))
def test_a_state_is_put_together_from_its_parts(cases: int, width: int, times: int) -> None:
    """`joined` undoes `split`, nested and with several rows a counter; keys tell counters apart."""
    real = np.arange(cases * width, dtype=float).reshape(cases, width)
    state = Nested(Counted(real, np.arange(cases)), real[:, 0] > 0, -real[:, :, None])
    flat, counters = split(state, state)

    assert flat.shape == (cases, 2 * width)
    again = joined(np.repeat(flat, times, axis=0), counters, state)
    for found, expected in ((again.first.x, real), (again.first.count, state.first.count), (again.flags, state.flags), (again.y, state.y)):
        assert np.array_equal(found, np.repeat(expected, times, axis=0))
        assert found.dtype == expected.dtype
    assert key_of(counters) != key_of((counters[0] + 1, counters[1]))


@given(step=st.fractions(Fraction(1, 50), Fraction(1, 2), max_denominator=60))
@settings(max_examples=8, deadline=None)
def test_a_counter_is_as_exact_as_a_schedule(step: Fraction) -> None:
    """E |x_k - x*|^2 of a step size that reads the counter equals that of the schedule, == in fractions."""
    counter = lifted(Decreasing(step), SUM, squared_distance, 5, RATIONAL)
    schedule = lifted(Scheduled(step / (k + 5)), SUM, squared_distance, 5, RATIONAL)

    assert (counter == schedule).all()
    assert len(set(counter)) == 6


def test_a_counter_reaches_a_hundred_updates_and_the_metric_reads_it() -> None:
    """Far beyond what enumeration reaches (3^k draws); the metric (k + 1) |x|^2 is a quadratic form of its own at each k."""
    def weighted(state: Any, case: Any) -> Array:
        return (state.count + 1) * norm_squared(state.x)

    found = lifted(Decreasing(0.5), SUM, weighted, 100)
    plain = lifted(Scheduled(0.5 / (k + 5)), SUM, lambda state, case: norm_squared(state[0]), 100)

    assert np.allclose(found, np.arange(1, 102) * plain, rtol=1e-12, atol=0)       # a hundred products of matrices


@pytest.mark.parametrize(("rule", "reason"), [(CountsDraws, "depends on the draw"), (CountsPlaces, "depends on its real ones")])
def test_a_counter_that_does_not_go_its_own_way_is_refused(rule: Any, reason: str) -> None:
    """What depends on the draw or on the point has no single value to read the maps at."""
    with pytest.raises(Inexact, match=reason):
        lifted(rule(0.5), SUM, squared_distance, 4)
