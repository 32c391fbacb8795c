"""Interval arithmetic: what it says of a number is true of it, and what it cannot say it refuses."""
from __future__ import annotations

import math
from fractions import Fraction

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from convlab.operations import Unsupported, maximum, sqrt
from convlab.run.enclosures import ENCLOSED, Enclosure, Undecided, enclosed, enclosure
from convlab.run.expressions import Surd

fractions = st.fractions(min_value=-1000, max_value=1000, max_denominator=10**6)
positive = st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=10**6)
x, y = sp.symbols("x y", positive=True)


def contains(found: Enclosure, exact: Fraction) -> bool:
    """Whether a rational lies between the ends, decided in rationals."""
    low, high = (Fraction(*map(int, mpmath.libmp.to_rational(end._mpi_[0]))) for end in (found.ends.a, found.ends.b))
    return low <= exact <= high and high - low <= abs(exact) * Fraction(1, 2**400) + Fraction(1, 2**400)


@given(fractions, fractions, positive)
def test_arithmetic_encloses_what_rationals_give(a: Fraction, b: Fraction, c: Fraction) -> None:
    assert contains((enclosure(a) + b) * a - b / enclosure(c), (a + b) * a - b / c)
    assert contains(3 - enclosure(a) ** 3 * 2, 3 - a**3 * 2)
    assert contains(1 / enclosure(c) ** 2, 1 / c**2)
    assert contains(abs(enclosure(a)), abs(a))


@given(positive, positive)
def test_roots_enclose_their_squares(a: Fraction, b: Fraction) -> None:
    assert contains(enclosure(a).sqrt() ** 2, a)
    assert contains(enclosed(sp.sqrt(x) * sp.sqrt(x) * y**sp.Rational(-1, 2) * sp.sqrt(y), {x: a, y: b}), a)
    assert contains(enclosure(Surd(a)) * enclosure(Surd(a)), a)


@given(positive)
def test_elementary_functions_enclose_what_mpmath_says(a: Fraction) -> None:
    with mpmath.workdps(150):
        number = mpmath.mpf(a.numerator) / a.denominator
        wanted = mpmath.exp(-number / 100) + mpmath.log(number) + mpmath.pi
        found = enclosed(sp.exp(-x / 100) + sp.log(x) + sp.pi, {x: a})
        assert abs(mpmath.mpf(found.ends.mid.a) - wanted) < mpmath.mpf(10) ** -120


@given(fractions, fractions)
def test_comparisons_are_those_of_the_numbers(a: Fraction, b: Fraction) -> None:
    if a != b:
        third = enclosure(Fraction(1, 3))
        left, right = enclosure(a) * third, enclosure(b) * third
        assert (left < right, left <= right, left > right, left >= right, left == right, left != right) == (a < b, a < b, a > b, a > b, False, True)


def test_what_overlaps_is_refused() -> None:
    root = enclosure(2).sqrt()
    for compare in (lambda: root * root < 2, lambda: root * root > 2, lambda: root * root == 2, lambda: root * root != 2, lambda: bool(root * root <= 2)):
        with pytest.raises(Undecided):
            compare()
    with pytest.raises(ZeroDivisionError):
        1 / (root * root - 2)
    with pytest.raises(Unsupported, match="square root of about -1"):
        (root - 1 - root).sqrt()


def test_arrays_of_enclosures_run_through_operations() -> None:
    row = ENCLOSED.array([Fraction(1, 3), 2, 0.5])
    assert maximum(row, ENCLOSED.number(1)).astype(float).tolist() == [1.0, 2.0, 1.0]
    assert np.allclose(sqrt(row).astype(float), np.sqrt([1 / 3, 2, 0.5]), rtol=1e-15)
    assert (ENCLOSED.number(2) * row - row * 2 < Fraction(1, 10)).all()
    assert (ENCLOSED.number(3) > row).all()


def test_functions_of_rationals_are_exact_and_others_are_named() -> None:
    assert contains(enclosed(sp.harmonic(x) * sp.factorial(x), {x: 4}), Fraction(50))
    assert contains(enclosed(sp.Max(x, y, 3) - sp.Min(x, y), {x: Fraction(7, 2), y: Fraction(1, 5)}), Fraction(33, 10))
    with pytest.raises(Unsupported, match="does not enclose tanh"):
        enclosed(sp.tanh(x), {x: Fraction(1, 2)})


def test_floats_are_taken_as_they_are() -> None:
    assert contains(enclosure(0.1), Fraction(0.1))
    assert math.isclose(float(enclosure(np.float64(2.5)) ** Fraction(1, 3)), 2.5 ** (1 / 3), rel_tol=1e-15)
