"""What each family is the example of, and what it refuses."""
from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.arithmetic import FLOAT64, RATIONAL, SYMBOLIC, cast, jax_arithmetic
from convlab.assumptions import Lipschitz, Minimum, PolyakLojasiewicz, Smooth, StronglyConvex
from convlab.constants import Exactness
from convlab.operations import Unsupported
from convlab.probing import sample_points
from convlab.problem import fact, installed_families
from convlab_problems.logistic import remainder
from convlab_problems.nonconvex import WAVY_PL
from convlab_problems.rational import orthogonal, root_constant

FAMILIES = installed_families()
positive = st.fractions(Fraction(1, 20), 60, max_denominator=20)


def make(family, **parameters):
    return FAMILIES[family].make(**parameters)


def member(family, name):
    return next(m.problem for m in FAMILIES[family].members() if m.name == name)


@given(steps=st.integers(1, 12), L=positive, c=positive, gamma_L=st.fractions(Fraction(1, 20), Fraction(39, 20), max_denominator=20), start=st.fractions(-9, 9))
@settings(max_examples=25, deadline=None)
def test_gradient_descent_meets_the_same_slope_at_every_tooth(steps, L, c, gamma_L, start):
    """f' = c at x_0 .. x_steps, and the gap is steps gamma c^2 (4 - gamma L)/4 + c^2/(2 L), exactly."""
    gamma = gamma_L / L
    problem = make("sawtooth", steps=steps, gamma=gamma, L=L, c=c, start=start)
    x = np.array([[start]], dtype=object)

    assert problem.gap(x)[0] == steps * gamma * c**2 * (4 - gamma * L) / 4 + c**2 / (2 * L)
    for _ in range(steps + 1):
        assert problem.gradient(x)[0, 0] == c
        x = x - gamma * c


def test_a_sawtooth_of_steps_longer_than_2_over_L_finds_its_lowest_valley():
    """Then f' falls below 0 between the teeth; f* is still the minimum over a fine grid."""
    problem = make("sawtooth", steps=6, gamma=Fraction(9, 10), L=3, c=2)
    grid = np.linspace(-20, 8, 40001)[:, None]
    values = cast(problem, FLOAT64).value(grid)

    assert 0 <= values.min() < 1e-5      # the grid misses the valley by at most 3.5e-4, so by less than 3 (3.5e-4)^2/2


@given(mu=positive, width=positive)
@settings(max_examples=10, deadline=None)
def test_heavy_ball_cycles_on_the_three_cycle(mu, width):
    """gamma = 1/(9 mu), beta = 4/9 maps 792 -> -2208 -> 2592 -> 792 (times width/1225) onto itself, in fractions."""
    problem = make("three_cycle", mu=mu, width=width)
    cycle = [Fraction(v, 1225) * width for v in (792, -2208, 2592)]
    for before, now, after in zip(cycle, cycle[1:] + cycle[:1], cycle[2:] + cycle[:2], strict=True):
        g = problem.gradient(np.array([[now]], dtype=object))[0, 0]
        assert now - g / (9 * mu) + Fraction(4, 9) * (now - before) == after


@given(steps=st.integers(1, 6), L=positive, width=positive)
@settings(max_examples=10, deadline=None)
def test_nesterovs_chain_lets_one_coordinate_through(steps, L, width):
    """The gradient of a point with j nonzero coordinates has j + 1; f* and the distance from the origin are Nesterov's."""
    problem = make("tridiagonal", L=L, steps=steps, width=width)
    d = 2 * steps + 1
    best = next(f for f in problem.facts() if isinstance(f, Minimum))
    for j in range(steps):
        x = np.array([[Fraction(i + 1) if i < j else Fraction(0) for i in range(d)]], dtype=object)
        assert not any(problem.gradient(x)[0, j + 1:])

    assert best.value.value == L * width**2 / 8 * (Fraction(1, d + 1) - 1)
    assert best.at @ best.at == width**2 * Fraction(d * (2 * d + 1), 6 * (d + 1))
    assert not any(problem.gradient(best.at[None])[0])


def test_the_pl_constant_of_the_wavy_bowl_is_proved():
    """g^2 >= 2 mu f for f = t^2 + 3 sin^2 t, mu = 351/2000: by hand up to pi/2 and from 4 on, cell by cell between; and 0.17554 is too much."""
    mu = float(WAVY_PL)
    cells = np.linspace(np.pi / 2 - 1e-9, 4, 150_001)
    middle, half = (cells[1:] + cells[:-1]) / 2, (cells[1] - cells[0]) / 2 + 1e-12
    f, g = middle**2 + 3 * np.sin(middle) ** 2, 2 * middle + 3 * np.sin(2 * middle)
    least_g, most_f = np.abs(g) - 8 * half, f + np.abs(g) * half + 4 * half**2      # |f''| <= 8 on the cell

    assert np.all(least_g > 0)
    assert np.all(least_g**2 > 2 * mu * most_f * (1 + 1e-12))
    assert 2 * mu * 4 <= 4                                     # |t| <= pi/2: g^2 >= 4 t^2 and f <= 4 t^2
    assert 2 * mu * (4**2 + 3) <= (2 * 4 - 3) ** 2             # and (2 t - 3)^2 - 2 mu (t^2 + 3) grows beyond 4
    assert np.min(g**2 / (2 * f)) < 0.17554


@given(seed=st.integers(0, 500), dimension=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_rational_rotations_are_orthogonal(seed, dimension):
    """Q^T Q = I in fractions."""
    basis = orthogonal(seed, dimension)

    assert np.array_equal(basis.T @ basis, np.eye(dimension, dtype=int))


@given(square=st.fractions(0, 10**6, max_denominator=1000))
@settings(max_examples=50, deadline=None)
def test_rational_roots_are_exact_or_just_above(square):
    """And the constant says which."""
    root = root_constant(square, how="")

    assert root.value**2 == square if root.exactness is Exactness.EXACT else root.value**2 - square > 0
    assert abs(float(root.value) - float(square) ** 0.5) <= 2e-15 * max(1, float(square) ** 0.5)


@given(z=st.floats(-45, 45), h=st.floats(-300, 300) | st.floats(-0.1, 0.1) | st.floats(-1e-9, 1e-9))
@settings(max_examples=300, deadline=None)
def test_the_remainder_of_the_logistic_loss_keeps_its_digits(z, h):
    """Against 700 digits: 1e-12 relative (cumulant series to the seventh near 0), however small it is."""
    with mpmath.workdps(700):
        Z, H = mpmath.mpf(z), mpmath.mpf(h)
        true = mpmath.log1p(mpmath.exp(-Z - H)) - mpmath.log1p(mpmath.exp(-Z)) + H / (1 + mpmath.exp(Z))
    found = float(remainder(np.array([z]), np.array([h]))[0])

    assert found >= 0
    assert abs(found - true) <= 1e-12 * true + 1e-300      # squares of steps below 1e-150 underflow


def test_the_gaps_of_logistic_and_nonconvex_members_equal_their_values():
    """Gap = value - f*, to the rounding of the values (f is of the size of the larger of both)."""
    for family, name in (("logistic", "logistic-3"), ("logistic", "logistic-weak-penalty-5"), ("cosine", "cosine-4"), ("wavy", "wavy-3")):
        problem = member(family, name)
        problem = cast(problem, FLOAT64)
        x = sample_points(problem, np.random.default_rng(0))
        least = float(next(f for f in problem.facts() if isinstance(f, Minimum)).value.value)
        assert np.all(np.abs(problem.gap(x) - (problem.value(x) - least)) <= 1e-14 * (np.abs(problem.value(x)) + least)), name
        assert np.all(problem.gap(x) >= 0)


def test_transcendental_problems_refuse_fractions_in_a_sentence():
    """An `Unsupported` that says what is irrational, at the cast and not in the middle of a run."""
    for family, word in (("cosine", "cosines"), ("wavy", "sines"), ("logistic", "exponentials")):
        problem = next(iter(FAMILIES[family].members())).problem
        with pytest.raises(Unsupported, match=f"no rational form: {word} of fractions are irrational"):
            cast(problem, RATIONAL)


@pytest.mark.parametrize(("family", "parameters", "sentence"), [
    ("quadratic", {"spectrum": (-1, 2)}, "negative eigenvalue -1, so f has no minimum"),
    ("quadratic", {"spectrum": (0, 0)}, "the spectrum is zero"),
    ("quadratic", {"spectrum": (1, 2), "start": (1, 2, 3)}, "3 coordinates were given where the dimension is 2"),
    ("huber", {"mu": 3, "L": 2}, "given mu = 3, L = 2"),
    ("piecewise", {"mu": -5, "L": 2}, "given mu = -5, L = 2"),
    ("huber_sum", {"mu": 5, "L": 2}, "given mu = 5, L = 2"),
    ("cosine", {"L": 0}, "given L = 0"),
    ("absolute_value", {"G": 0}, "G = 0 must be positive"),
    ("tridiagonal", {"L": 1}, "give either size or steps"),
    ("sawtooth", {"steps": 3, "gamma": 0, "L": 1, "c": 1}, "positive steps, gamma, L and c"),
    ("ridge", {"scales": (1, 2), "mu": 0}, "needs mu > 0"),
    ("logistic", {"mu": 0}, "needs mu > 0"),
])
def test_parameters_without_meaning_are_refused_in_a_sentence(family, parameters, sentence):
    """What is asked, and the numbers that were given."""
    with pytest.raises(ValueError, match=sentence):
        make(family, **parameters)


def test_tight_instances_are_made_of_scalars_fractions_or_sympy_numbers():
    """A scalar start is a point, sympy rationals become fractions, and the given start is the only one."""
    huber = make("huber", mu=0, L=sp.Rational(12), threshold=sp.Rational(1, 3), start=sp.Rational(7, 2))
    bowl = make("quadratic", spectrum=(sp.Rational(1, 3), sp.Integer(12)), start=(sp.Rational(7, 2), 0))

    assert [s.point.tolist() for s in huber.starts(np.random.default_rng(0))] == [[Fraction(7, 2)]]
    assert [s.point.tolist() for s in bowl.starts(np.random.default_rng(0))] == [[Fraction(7, 2), 0]]
    assert fact(huber, Smooth).L.value == 12
    assert fact(huber, Lipschitz).G.value == 4
    assert fact(bowl, StronglyConvex).mu.value == Fraction(1, 3)
    assert isinstance(fact(bowl, PolyakLojasiewicz).mu.value, Fraction)


@pytest.mark.parametrize("family", ["quadratic", "huber", "piecewise", "huber_sum", "cosine", "wavy", "absolute_value", "tridiagonal", "ridge", "logistic",
                                    "box_quadratic", "ball_quadratic", "simplex_quadratic", "half_line"])
def test_compiled_jax_problems_give_the_same_numbers(family):
    """Gradient, gap and projection under jit, to rounding."""
    import jax

    problem = next(iter(FAMILIES[family].members())).problem
    floating = cast(problem, FLOAT64)
    x = sample_points(floating, np.random.default_rng(0), 20)
    oracles = ("gradient", "gap", *(("project",) if hasattr(problem, "project") else ()))
    with jax.enable_x64(True):
        compiled = cast(problem, jax_arithmetic())
        for oracle in oracles:
            found, expected = np.asarray(jax.jit(getattr(compiled, oracle))(x)), getattr(floating, oracle)(x)
            assert np.allclose(found, expected, rtol=1e-11, atol=1e-14 * np.abs(expected).max()), oracle


def test_symbols_run_through_quadratics_and_cosines():
    """One gradient of a symbol, as a formula."""
    x = np.array([[sp.Symbol("x")]], dtype=object)
    bowl, wave = cast(make("quadratic", spectrum=Fraction(17, 5), centre=2), SYMBOLIC), cast(make("cosine", L=3, width=2), SYMBOLIC)

    assert sp.simplify(bowl.gradient(x)[0, 0] - sp.Rational(17, 5) * (x[0, 0] - 2)) == 0
    assert sp.simplify(wave.gradient(x)[0, 0] - sp.diff(wave.value(x)[0], x[0, 0])) == 0
