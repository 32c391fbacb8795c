"""Laws of smooth, convex and proximable functions, in exact fractions on every rational problem: value, gradient, gap and prox fit each other."""
from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.arithmetic import FLOAT64, RATIONAL, cast, cast_fields
from convlab.assumptions import ConstrainedMinimum, Convex, Minimum, PolyakLojasiewicz, Proximable, Smooth, StronglyConvex
from convlab.operations import Unsupported
from convlab.probing import sample_points
from convlab.problem import fact, installed_families

OURS = ("quadratic", "huber", "piecewise", "three_cycle", "sawtooth", "huber_sum", "cosine", "wavy", "absolute_value", "tridiagonal", "ridge", "logistic",
        "box_quadratic", "ball_quadratic", "simplex_quadratic", "half_line")
FAMILIES = installed_families()


@cache
def members():
    return {m.name: m.problem for family in OURS for m in FAMILIES[family].members()}


def rational(problem):
    """The problem in fractions, or None where it has transcendental values or measured data."""
    try:
        return cast(problem, RATIONAL)
    except Unsupported:
        return None


NAMES = tuple(members())
RATIONAL_NAMES = tuple(name for name in NAMES if rational(members()[name]) is not None)
PROXIMABLE = tuple(name for name in RATIONAL_NAMES if fact(members()[name], Proximable) is not None)
small = st.fractions(-1, 1, max_denominator=16)


def minimiser(problem):
    return next(f.at for f in problem.facts() if isinstance(f, (Minimum, ConstrainedMinimum)))


def least(problem):
    return next(f.value.value for f in problem.facts() if isinstance(f, (Minimum, ConstrainedMinimum)))


def near_minimiser(data, problem, scale):
    """A rational point around the minimiser, (1, dimension), at a distance of about `scale`."""
    centre = minimiser(problem)
    moves = data.draw(st.lists(small, min_size=len(centre), max_size=len(centre)))
    return (centre + scale * np.array(moves, dtype=object))[None]


def feasible(problem, x):
    """A rational feasible point: the projection; on a ball, whose projection has roots, the minimiser mirrored at the hyperplane across x - x*."""
    if type(getattr(problem, "feasible", None)).__name__ == "Ball":
        best = minimiser(problem)
        normal = x[0] - best
        return best[None] if not any(normal) else (best - 2 * normal * (normal @ best) / (normal @ normal))[None]
    return problem.project(x) if hasattr(problem, "project") else x


scales = st.sampled_from([Fraction(1, 10**6), Fraction(1, 30), Fraction(3), Fraction(400)])


def inner(x, y):
    return (x * y).sum(axis=-1)[0]


@pytest.mark.parametrize("name", RATIONAL_NAMES)
@given(data=st.data(), near=scales, apart=scales)
@settings(max_examples=12, deadline=None)
def test_value_and_gradient_interpolate(name, data, near, apart):
    """f(y) - f(x) - <f'(x), y - x> lies in [-L, L] |y - x|^2/2, and for convex f is at least |f'(y) - f'(x)|^2/(2 L): exactly."""
    problem = rational(members()[name])
    x, smooth = near_minimiser(data, problem, near), fact(problem, Smooth)
    y = x + near_minimiser(data, problem, apart) - minimiser(problem)
    g, h = problem.gradient(x), problem.gradient(y)
    rest = (problem.value(y) - problem.value(x))[0] - inner(g, y - x)

    if fact(problem, Convex) is not None:
        assert rest >= 0
        assert smooth is None or rest >= inner(h - g, h - g) / (2 * smooth.L.value)
    if fact(problem, StronglyConvex) is not None:
        assert rest >= fact(problem, StronglyConvex).mu.value * inner(y - x, y - x) / 2
    if smooth is not None:
        assert abs(rest) <= smooth.L.value * inner(y - x, y - x) / 2


@pytest.mark.parametrize("name", RATIONAL_NAMES)
@given(data=st.data(), scale=scales)
@settings(max_examples=8, deadline=None)
def test_the_gap_is_the_value_less_the_minimum(name, data, scale):
    """Exactly, at feasible points; and it is at least 0, and under PL at most |f'|^2/(2 mu)."""
    problem = rational(members()[name])
    x = feasible(problem, near_minimiser(data, problem, scale))
    gap, pl, g = problem.gap(x)[0], fact(problem, PolyakLojasiewicz), problem.gradient(x)

    assert gap == problem.value(x)[0] - least(problem)
    assert gap >= 0
    assert pl is None or inner(g, g) >= 2 * pl.mu.value * gap


@pytest.mark.parametrize("name", PROXIMABLE)
@given(data=st.data(), scale=scales, towards=scales, step=st.fractions(Fraction(1, 50), 50, max_denominator=50))
@settings(max_examples=10, deadline=None)
def test_the_prox_leaves_a_subgradient(name, data, scale, towards, step):
    """(x - prox(x))/step is a subgradient of f at prox(x), which characterises the prox: tested against points near and far, exactly."""
    problem = rational(members()[name])
    x = near_minimiser(data, problem, scale)
    y = problem.prox(x, step)
    z = y + near_minimiser(data, problem, towards) - minimiser(problem)

    assert (problem.value(z) - problem.value(y))[0] >= inner((x - y) / step, z - y)


def float_points(problem, seed=1, count=60):
    return sample_points(problem, np.random.default_rng(seed), count)


@pytest.mark.parametrize("name", RATIONAL_NAMES)
def test_floats_equal_fractions_to_rounding(name):
    """Gap, value, gradient and prox of the float problem, against the same data in fractions. The gap keeps its digits however near the minimum.

    2e-12 relative is a thousand roundings. Gradients are sums that may cancel, so they get the rounding of the largest gradient met besides.
    (On a ball the gap of a projected point is that of the sphere: rounding of the projection is not rounding of the gap.)
    """
    floating = cast(members()[name], FLOAT64)
    exact = cast_fields(floating, RATIONAL)
    x = float_points(floating)
    X = RATIONAL.array(x)
    gap, slope = exact.gap(X).astype(float), exact.gradient(X).astype(float)

    if not name.startswith("ball"):
        assert np.all(np.abs(floating.gap(x) - gap) <= 2e-12 * gap)
    assert np.allclose(floating.value(x), exact.value(X).astype(float), rtol=2e-12, atol=1e-15 * float(np.abs(gap).max()))
    assert np.allclose(floating.gradient(x), slope, rtol=2e-12, atol=1e-15 * np.abs(slope).max())
    if fact(floating, Proximable) is not None:
        assert np.allclose(floating.prox(x, 0.7), exact.prox(X, RATIONAL.number(0.7)).astype(float), rtol=2e-12, atol=1e-15 * np.abs(x).max())


@pytest.mark.parametrize("name", [n for n in NAMES if n not in RATIONAL_NAMES] + ["ball-quadratic-3", "quadratic-rotated-4", "ridge-3"])
def test_the_gradient_is_the_slope_of_the_value(name):
    """Central differences along random lines, for problems without fractions: off by at most L h |v|^2 and the rounding of f over h."""
    problem = cast(members()[name], FLOAT64)
    x = float_points(problem)
    v = np.random.default_rng(2).standard_normal(x.shape)
    h = 1e-5 * (1e-3 * np.abs(x).max() + np.abs(x).max(axis=1))
    ahead, behind = problem.value(x + h[:, None] * v), problem.value(x - h[:, None] * v)
    square = (v * v).sum(axis=1)
    rounding = 1e-15 * (np.abs(ahead) + np.abs(behind) + np.abs(x * problem.gradient(x)).sum(axis=1)) * 20 / h

    assert np.all(np.abs((ahead - behind) / (2 * h) - (problem.gradient(x) * v).sum(axis=1)) <= float(fact(problem, Smooth).L.value) * h * square + rounding)


@pytest.mark.parametrize("name", NAMES)
def test_float_problems_start_apart_from_the_minimum(name):
    """Starts have the shape of a point, repeat under the same stream, and are not the minimiser."""
    problem = members()[name]
    first, second = (problem.starts(np.random.default_rng(5)) for _ in range(2))
    far = [float(np.linalg.norm(np.asarray(s.point, dtype=float) - np.asarray(minimiser(problem), dtype=float))) for s in first]

    assert all(np.array_equal(a.point, b.point) for a, b in zip(first, second, strict=True))
    assert all(np.shape(s.point) == np.shape(minimiser(problem)) for s in first)
    assert min(far) > 0
    assert len({s.name for s in first}) == len(first)
    assert all(abs(r - 1) > 1e-3 for r in far)


def test_a_wrong_gradient_would_break_the_law():
    """The interpolation law has power: a gradient off by one part in a thousand violates it at a close pair."""
    problem = rational(members()["quadratic-2"])
    x = (minimiser(problem) + np.array([Fraction(3), Fraction(-2)], dtype=object))[None]
    y = x + Fraction(1, 10**6)
    g, h = (problem.gradient(p) * Fraction(1001, 1000) for p in (x, y))
    rest = (problem.value(y) - problem.value(x))[0] - inner(g, y - x)

    assert not (0 <= rest <= 12 * inner(y - x, y - x) / 2 and rest >= inner(h - g, h - g) / 24)
