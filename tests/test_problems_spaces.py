"""Search spaces: every choice in their ranges is a problem, its rounded form one in rationals, and its data file tells that very problem."""
from __future__ import annotations

import inspect
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from convlab.falsify.grounds import Choice, Ground, rounded, spaces
from convlab.problem import installed_families

FAMILIES = installed_families()
GROUNDS = {ground.name: ground for ground in spaces(FAMILIES)}
IN_FLOATS = {"logistic", "graphs/1"}      # no Newton iteration ends in a rational, a ring disagrees most slowly along a cosine


def chosen(ground: Ground, seed: int) -> dict[str, float]:
    """Numbers anywhere in the ranges, their ends among them."""
    rng = np.random.default_rng(seed)
    places = np.where(rng.random(len(ground.ranges)) < 0.2, rng.integers(0, 2, len(ground.ranges)), rng.random(len(ground.ranges)))
    return {name: float(low ** (1 - u) * high**u if low > 0 else low + u * (high - low)) for u, (name, (low, high)) in zip(places, ground.ranges.items(), strict=True)}


def constants(problem: Any) -> dict[str, Any]:
    return {f"{type(fact).__name__}.{symbol}": constant.value for fact in problem.facts() for symbol, constant in fact.constants().items()}


@pytest.mark.parametrize("name", GROUNDS)
@given(seed=integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_every_choice_is_a_problem_with_constants_and_a_start(name: str, seed: int) -> None:
    problem, start = GROUNDS[name].build(chosen(GROUNDS[name], seed))

    assert all(np.isfinite(float(value)) for value in constants(problem).values())
    assert np.isfinite(np.asarray(start.point).astype(float)).all()


@pytest.mark.parametrize("name", GROUNDS)
@given(seed=integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_a_rounded_choice_is_told_so_that_the_same_problem_is_made_again(name: str, seed: int) -> None:
    ground = GROUNDS[name]
    numbers = rounded(Choice(ground, chosen(ground, seed), {}), 100).numbers
    problem, start = ground.build(numbers)
    told = ground.told(numbers)
    make = FAMILIES[told["family"]].make
    again = make(**told["parameters"], **({"start": told["start"]} if "start" in inspect.signature(make).parameters else {}))

    assert constants(again) == constants(problem)
    assert np.array_equal(told["start"], start.point)
    assert name in IN_FLOATS or all(isinstance(v, (int, Fraction)) for v in np.asarray(start.point, dtype=object).reshape(-1))


def test_every_kind_of_problem_that_a_rate_speaks_of_is_searched() -> None:
    """Saddles, workers, graphs, tasks, neighbours, grids, formats, finite sums, nonconvex and constrained functions among them."""
    searched = {name.partition("/")[0] for name in GROUNDS}

    assert searched >= {"bilinear", "strongly-monotone-saddle", "workers", "graphs", "task-pairs", "neighbours", "grid-weights", "gradient-sequences", "scaled-quadratic",
                        "finite_sum", "ridge", "logistic", "huber_sum", "noisy", "piecewise", "cosine", "wavy", "ball_quadratic", "simplex_quadratic", "tridiagonal"}
