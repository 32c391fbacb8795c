"""Projections project, and the boundary minimisers of constrained problems are minimisers."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import ConstrainedMinimum
from convlab.probing import sample_points
from convlab.problem import installed_families

FAMILIES = installed_families()
SETS = ("box_quadratic", "simplex_quadratic", "ball_quadratic", "half_line")
MEMBERS = {m.name: m.problem for family in SETS for m in FAMILIES[family].members()}
RATIONAL_SETS = tuple(name for name in MEMBERS if not name.startswith("ball"))     # the ball's projection takes roots
coordinates = st.fractions(-20, 20, max_denominator=8)


def minimiser(problem):
    return next(f.at for f in problem.facts() if isinstance(f, ConstrainedMinimum))


def draw_points(data, problem, count):
    size = len(minimiser(problem))
    return np.array(data.draw(st.lists(st.lists(coordinates, min_size=size, max_size=size), min_size=count, max_size=count)), dtype=object)


@pytest.mark.parametrize("name", RATIONAL_SETS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_projections_obey_the_variational_inequality(name, data):
    """<x - P x, z - P x> <= 0 for every z of the set, P P x = P x, and the result is fractions: exactly."""
    problem = cast(MEMBERS[name], RATIONAL)
    x, z = draw_points(data, problem, 2)[:, None]
    near, feasible = problem.project(x), problem.project(z)

    assert all(isinstance(v, Fraction) for v in near.reshape(-1))
    assert np.array_equal(problem.project(near), near)
    assert ((x - near) * (feasible - near)).sum() <= 0


@pytest.mark.parametrize("name", MEMBERS)
def test_projections_are_idempotent_and_nonexpansive_in_floats(name):
    """Up to some roundings of the largest coordinate."""
    problem = cast(MEMBERS[name], FLOAT64)
    rng = np.random.default_rng(0)
    centre = minimiser(problem)
    x, y = (centre + 10 ** rng.uniform(-6, 2, size=(500, 1)) * rng.standard_normal((500, len(centre))) for _ in range(2))
    near, other = problem.project(x), problem.project(y)
    rounding = 1e-15 * max(np.abs(x).max(), np.abs(y).max())

    assert np.abs(problem.project(near) - near).max() <= rounding
    assert np.all(np.linalg.norm(near - other, axis=1) <= np.linalg.norm(x - y, axis=1) + 10 * rounding)


@pytest.mark.parametrize("name", MEMBERS)
def test_the_minimiser_lies_on_the_boundary_and_is_optimal(name):
    """The gradient there is not 0, and no feasible direction descends: <f'(x*), z - x*> >= 0."""
    problem = cast(MEMBERS[name], FLOAT64)
    best = minimiser(problem)[None]
    slope = problem.gradient(best)
    feasible = sample_points(problem, np.random.default_rng(1))
    rise = ((feasible - best) * slope).sum(axis=1)

    assert np.linalg.norm(slope) > 0.1
    assert np.allclose(problem.project(best), best, rtol=1e-15, atol=0)
    assert rise.min() >= -1e-13 * np.abs(slope).max() * np.abs(feasible).max()      # roundings of a sum that may cancel
    assert rise.max() > 0


def test_the_simplex_projection_of_a_known_point():
    """(3, 1, -2) on the simplex of sum 2: the shift is 1, the last coordinate is cut."""
    problem = FAMILIES["simplex_quadratic"].make(spectrum=(1, 2, 3), radius=2)

    assert problem.project(np.array([[Fraction(3), Fraction(1), Fraction(-2)]])).tolist() == [[2, 0, 0]]
    assert problem.project(np.array([[Fraction(2), Fraction(1), Fraction(-2)]])).tolist() == [[Fraction(3, 2), Fraction(1, 2), 0]]


@pytest.mark.parametrize("family", ["box_quadratic", "ball_quadratic", "simplex_quadratic"])
@given(seed=st.integers(0, 30), force=st.fractions(Fraction(1, 10), 50, max_denominator=10), radius=st.fractions(Fraction(1, 5), 30, max_denominator=5))
@settings(max_examples=15, deadline=None)
def test_every_construction_satisfies_its_optimality_condition(family, seed, force, radius):
    """Whatever the seed: x* is feasible, and the gap of the set's own points equals the value there and is >= 0, in fractions."""
    problem = FAMILIES[family].make(spectrum=(0, Fraction(2, 3), 5, 17), radius=radius, force=force, seed=seed)
    points = np.array([start.point for start in problem.starts(np.random.default_rng(seed))], dtype=object)

    assert np.array_equal(problem.gap(points), problem.value(points))
    assert min(problem.gap(points)) >= 0
    assert problem.gap(minimiser(problem)[None])[0] == 0


def test_bad_parameters_are_refused_in_a_sentence():
    """What is wrong, and the numbers."""
    with pytest.raises(ValueError, match="c > 0 and L > 0; given c = -1, L = 2"):
        FAMILIES["half_line"].make(c=-1, L=2)
    with pytest.raises(ValueError, match="two or more eigenvalues >= 0"):
        FAMILIES["box_quadratic"].make(spectrum=(-1, 3))
