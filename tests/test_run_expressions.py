"""Bounds and conditions as programs: in rationals what sympy itself substitutes, in floats the same rounded, and never a float in a rational's clothes."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convlab.run.expressions import Irrational, Surd, evaluate, float_values, rational_value, root
from convlab.symbols import K, L, R, gamma, k, mu

VALUES = st.fixed_dictionaries({gamma: st.fractions(Fraction(-7, 2), 9, max_denominator=24), L: st.fractions(Fraction(1, 20), 60, max_denominator=24),
                                mu: st.fractions(Fraction(1, 20), 60, max_denominator=24), k: st.integers(0, 60)})
LEAVES = st.sampled_from([gamma, L, mu, k, sp.Integer(2), sp.Rational(-3, 7), sp.Rational(5, 3)])


def grown(parts: Any) -> Any:
    """Sums, products, quotients, integer powers, maxima, absolute values, floors, remainders and cases of smaller expressions."""
    two = st.tuples(parts, parts)
    return st.one_of(
        two.map(lambda t: t[0] + t[1]), two.map(lambda t: t[0] * t[1]), two.map(lambda t: t[0] - t[1]), two.map(lambda t: t[0] / t[1] if t[1] != 0 else t[0]),
        two.map(lambda t: sp.Max(*t)), two.map(lambda t: sp.Min(*t)), parts.map(sp.Abs), parts.map(sp.ceiling), parts.map(sp.floor),
        parts.map(sp.sign), st.tuples(parts, st.sampled_from([-2, -1, 2, 3])).map(lambda t: t[0] ** t[1] if t[0] != 0 else t[0]),
        parts.map(lambda p: sp.Mod(p, sp.Rational(7, 2))), two.map(lambda t: sp.Piecewise((t[0], gamma < L), (t[1], True))))


EXPRESSIONS = st.recursive(LEAVES, grown, max_leaves=6)


def substituted(expression: Any, values: Any) -> Any:
    """What sympy makes of it, in its own exact arithmetic."""
    return sp.sympify(expression).subs({s: sp.Rational(v.numerator, v.denominator) for s, v in values.items()}, simultaneous=True)


@settings(max_examples=150, deadline=None)      # each compiles a new program
@given(expression=EXPRESSIONS, values=VALUES)
def test_rationals_are_what_sympy_substitutes(expression: Any, values: Any) -> None:
    """The compiled program of an expression gives, with ==, the number that sympy's own substitution gives."""
    truth = substituted(expression, values)
    assume(truth.is_Rational)                   # a division by zero is zoo or nan there, and ZeroDivisionError here
    try:
        found = rational_value(expression, values)
    except ZeroDivisionError:                   # 0 * (1/0) written out: sympy cancels it before it looks
        assume(False)

    assert isinstance(found, Fraction)
    assert found == Fraction(int(truth.p), int(truth.q))


@settings(max_examples=100, deadline=None)
@given(a=VALUES, b=VALUES)
def test_floats_are_the_rationals_rounded_on_whole_arrays(a: Any, b: Any) -> None:
    """One call on arrays gives both values to 1e-15 relative (extended precision: a handful of roundings, no cancellation in this expression)."""
    expression = sp.Max(gamma**2 * L, mu / 3) + sp.Piecewise((L, gamma < mu), (mu, True)) * sp.Mod(k, 3) + sp.ceiling(L / (k + 1))
    both = float_values(expression, {s: np.array([float(a[s]), float(b[s])]) for s in a})
    exact = [float(rational_value(expression, {s: Fraction(float(v)) for s, v in values.items()})) for values in (a, b)]

    np.testing.assert_allclose(np.asarray(both, dtype=float), exact, rtol=1e-15)


@given(value=st.fractions(0, 50, max_denominator=30), p=st.integers(-6, 6))
def test_even_powers_of_a_root_are_rational(value: Fraction, p: int) -> None:
    """R^(2p) is rational whatever rational R^2 is; R itself, and its odd powers, are irrational unless R^2 is a square."""
    assume(value > 0)
    length = root(value)

    assert rational_value(R ** (2 * p), {R: length}) == value**p
    if isinstance(length, Surd):
        for odd in (R, R**3, L * R / 2):
            with pytest.raises(Irrational):
                rational_value(odd, {R: length, L: Fraction(3)})
        assert abs(float(length) ** 2 - float(value)) <= 1e-15 * 50
    else:
        assert length**2 == value


def test_a_bound_in_the_square_of_a_surd_is_exact() -> None:
    """L R^2/(4 k gamma L + 2) with R = sqrt(5): a fraction, although R is none."""
    bound = L * R**2 / (4 * k * gamma * L + 2)

    assert evaluate(bound, {L: Fraction(12), R: root(Fraction(5)), gamma: Fraction(1, 12), k: 3}) == Fraction(60, 14)
    assert isinstance(evaluate(L * R, {L: Fraction(12), R: root(Fraction(5))}), float)


@pytest.mark.parametrize(("expression", "value"), [
    (sp.Mod(k + 1, 3), Fraction(0)), (sp.ceiling(L * k), Fraction(12)), (sp.floor(-L), Fraction(-3)), (sp.Abs(1 - gamma * L), Fraction(13, 27)),
    (sp.Piecewise((1 / (k - 5), sp.Ne(k, 5)), (7, True)), Fraction(7)), (sp.sqrt(k + 4), Fraction(3)), (sp.factorial(k), Fraction(120)),
    (sp.harmonic(k), Fraction(137, 60)), (sp.harmonic(k, 2), Fraction(5269, 3600)), (sp.sign(gamma - 1), Fraction(-1)), (2**-k, Fraction(1, 32)),
    (sp.Float(0.375) * k, Fraction(15, 8))], ids=str)
def test_known_values(expression: Any, value: Fraction) -> None:
    """By hand, at k = 5, L = 7/3, gamma = 2/9; the floating program agrees to a few roundings of float64."""
    values = {k: 5, L: Fraction(7, 3), gamma: Fraction(2, 9)}

    assert rational_value(expression, values) == value
    assert abs(float(float_values(expression, values)) - float(value)) <= 4e-15 * max(1, abs(float(value)))


@pytest.mark.parametrize("expression", [
    sp.sqrt(L), sp.exp(-gamma), sp.log(L), sp.pi * L, sp.tanh(gamma), sp.atan(L), sp.erf(gamma), sp.cosh(gamma), L**gamma, sp.oo], ids=str)
def test_no_float_passes_for_a_rational(expression: Any) -> None:
    """What leaves the rationals says so; `evaluate` then answers with a float."""
    values = {L: Fraction(7, 3), gamma: Fraction(2, 9)}
    with pytest.raises(Irrational):
        rational_value(expression, values)

    assert isinstance(evaluate(expression, values), float)


def test_linear_rates_do_not_underflow() -> None:
    """(1 - gamma mu)^(2k) at 1/2 a step is 2^-4000 at k = 2000: zero in float64, a number in extended precision, exact in rationals."""
    rate = (1 - gamma * mu) ** (2 * k)
    values = {gamma: Fraction(3, 2), mu: Fraction(1, 3), k: 2000}

    assert rational_value(rate, values) == Fraction(1, 2**4000)
    if np.finfo(np.longdouble).minexp < -4000:                   # x86: 15 bits of exponent
        assert float_values(rate, values) == np.longdouble(2) ** -4000
    assert 0.5**4000 == 0.0


def test_a_rational_beyond_the_range_of_floats_is_infinite_there() -> None:
    """10^400 is no float: the floating program sees infinity, not an OverflowError."""
    assert float_values(L + 0 * gamma, {L: Fraction(10) ** 400, gamma: 0.5}) == np.inf


def test_what_has_no_value_says_so() -> None:
    """1/k at k = 0 is a ZeroDivisionError, a symbol without value a KeyError that names it."""
    with pytest.raises(ZeroDivisionError):
        evaluate(1 / k, {k: 0})
    with pytest.raises(KeyError, match="K"):
        evaluate(1 / K, {k: 0})


def test_integers_divide_exactly() -> None:
    """Sizes and counters are Python integers: 7/2 of them is a fraction and no float."""
    assert rational_value((k + 1) / (K + 1), {k: 6, K: 1}) == Fraction(7, 2)
