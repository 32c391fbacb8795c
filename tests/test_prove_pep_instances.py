"""Reconstructed worst cases are problems like any other: their facts survive the audit, and they go through the data that they were made of."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from convlab import catalogue, symbols
from convlab.arithmetic import FLOAT64, cast
from convlab.prove.pep.instances import wrong_data
from convlab.prove.pep.interpolant import Interpolant
from convlab.prove.pep.numbers import values_of
from convlab.prove.pep.reconstruct import reconstructed
from convlab.prove.pep.sdp import program_of, worst_case
from convlab.prove.pep.simplex import simplex_minimum
from convlab.prove.pep.statement import statement_of


def instance_of(id: str, n: int, **given_: str) -> Interpolant:
    claim: Any = catalogue.theorem(id).claims[0]
    values, _ = values_of(id, claim, given_)
    statement = statement_of(claim, values, n)
    program = program_of(statement)
    made = reconstructed(statement, program, worst_case(program))
    assert made is not None
    return made


@pytest.mark.parametrize(("id", "n"), [("gd-smooth-convex-fgap", 2), ("gd-strongly-convex-distance", 2), ("gd-nonconvex-mingrad", 3), ("nesterov-convex", 3),
                                       ("projected-gd-convex-fgap", 2), ("proximal-point", 3)])
def test_an_instance_is_a_function_of_its_class_everywhere(id: str, n: int) -> None:
    """At random pairs, near the data and far: f(y) - f(x) - <g(x), y - x> lies between low and high times |y - x|^2/2, and f* is the minimum."""
    problem = cast(instance_of(id, n), FLOAT64)
    rng = np.random.default_rng(3)
    size = np.abs(problem.points).max()
    x = problem.points[rng.integers(len(problem.points), size=60)] + size * 10 ** rng.uniform(-4, 1, (60, 1)) * rng.standard_normal((60, problem.points.shape[1]))
    y = np.concatenate([x[30:], x[:30] * 1.001])
    rest = problem.value(y) - problem.value(x) - (problem.gradient(x) * (y - x)).sum(axis=1)
    square, rounding = ((y - x) ** 2).sum(axis=1) / 2, 1e-9 * (1 + np.abs(problem.value(x)) + np.abs(problem.value(y)))        # six digits to spare

    assert (rest >= problem.low * square - rounding).all()
    assert problem.high is None or (rest <= problem.high * square + rounding).all()
    assert problem.value(problem.project(x)).min() >= -rounding.max()


@pytest.mark.parametrize(("id", "n"), [("gd-smooth-convex-fgap", 2), ("gd-strongly-convex-distance", 2), ("gd-nonconvex-mingrad", 2), ("projected-gd-convex-fgap", 2)])
def test_an_instance_goes_through_its_data(id: str, n: int) -> None:
    """Values and gradients at the points are those given: exactly in rationals, to rounding in floats. And a projection of y + normal is y."""
    exact = instance_of(id, n)
    rough = cast(exact, FLOAT64)

    assert (exact.gradient(exact.points) == exact.gradients).all()
    assert (exact.value(exact.points) == exact.values).all()
    assert np.abs(rough.gradient(rough.points) - rough.gradients).max() <= 1e-9 * np.abs(rough.gradients).max()
    if len(exact.feasible):
        assert (exact.project(exact.feasible + exact.normals) == exact.feasible).all()


def test_a_nonsmooth_instance_has_its_prox_and_subgradients() -> None:
    """prox(y + step g) = y at each sample; the maximum of the pieces is the value."""
    exact = instance_of("proximal-point", 3)
    step = values_of("p", catalogue.theorem("proximal-point").claims[0], {})[0][symbols.gamma]
    moved = [i for i in range(len(exact.points)) if exact.implicit[i]]

    assert (exact.prox(exact.points[moved] + step * exact.gradients[moved], step) == exact.points[moved]).all()
    assert (exact.value(exact.points) == exact.values).all()


@pytest.mark.parametrize(("id", "n"), [("gd-smooth-convex-fgap", 2), ("gd-strongly-convex-distance", 2), ("gd-nonconvex-mingrad", 3), ("projected-gd-convex-fgap", 2),
                                       ("proximal-point", 2)])
def test_the_data_are_those_of_the_class_and_a_little_less_are_not(id: str, n: int) -> None:
    """Looked at as vectors and values, apart from the Gram matrix: no inequality fails, and with f lower at the last point or at a smaller L one does."""
    exact = instance_of(id, n)
    lower = exact.values.copy()
    lower[-1 if id != "gd-nonconvex-mingrad" else 0] -= max(exact.values) / 100 + 1

    assert wrong_data(exact) is None
    assert wrong_data(replace(exact, values=lower)) is not None
    if exact.high is not None and id != "projected-gd-convex-fgap":            # whose worst function is straight
        flatter = exact.high * Fraction(9, 10)
        assert wrong_data(replace(exact, high=flatter, low=exact.low if exact.low >= 0 else -flatter)) is not None


@given(seed=integers(0, 10**6), count=integers(1, 7), rank=integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_the_simplex_minimum_is_one(seed: int, count: int, rank: int) -> None:
    """At the weights found no vertex is a direction of descent, and rationals agree with floats."""
    rng = np.random.default_rng(seed)
    root = rng.integers(-4, 5, (rank, count))
    matrix, linear = (root.T @ root).astype(float), rng.integers(-9, 10, count).astype(float)
    a = simplex_minimum(matrix, linear)
    slopes = matrix @ a + linear

    assert a.min() >= 0
    assert a.sum() == pytest.approx(1, abs=1e-12)
    assert slopes.min() >= a @ slopes - 1e-9 * (1 + np.abs(slopes).max())
    if np.linalg.matrix_rank(matrix) == count:
        exact = simplex_minimum(np.array([[Fraction(int(v)) for v in row] for row in matrix], dtype=object), np.array([Fraction(int(v)) for v in linear], dtype=object))
        assert np.abs(exact.astype(float) - a).max() <= 1e-9
