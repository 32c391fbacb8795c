"""The order of a bound comes from the bound: slopes of products add, time scales move factors and no powers, and every bound of the catalogue has a class."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from convlab.catalogue import theorems
from convlab.run.orders import Kind, limit_of_slope, order_of_formula, typical_order
from convlab.symbols import K, L, R, gamma, k, mu
from convlab.theorem import FalseClaim, RateBound

VALUES = {L: Fraction(70), mu: Fraction(7, 2), R: Fraction(9, 2), gamma: Fraction(1, 100)}
powers = st.sampled_from([sp.Rational(p, 2) for p in range(-6, 7)])
factors = st.fractions(Fraction(1, 20), Fraction(19, 20)).map(lambda q: sp.Rational(q.numerator, q.denominator))
scales = st.integers(1, 10**6)
BOUNDS = {f"{id}:{claim.name}": (claim.asserted if isinstance(claim, FalseClaim) else claim) for id, theorem in theorems().items() for claim in theorem.claims}
RATES = {name: claim for name, claim in BOUNDS.items() if isinstance(claim, RateBound)}


# ---- laws
@given(p=powers, r=powers, scale=scales)
def test_slopes_of_products_add(p: Any, r: Any, scale: int) -> None:
    """c k^-p (k + 3)^-r falls like k^-(p + r), whatever c is, and its slopes at 10^6 and 10^9 are the sums."""
    one, two, both = (order_of_formula(sp.sympify(f), VALUES) for f in (k**-p, scale * (k + 3) ** -r, scale * k**-p * (k + 3) ** -r))

    assert both.slopes is not None
    assert one.slopes is not None
    assert two.slopes is not None
    assert both.slopes == pytest.approx([a + b for a, b in zip(one.slopes, two.slopes, strict=True)], abs=1e-12)
    assert both.kind is (Kind.SUBLINEAR if p + r > 0 else Kind.FLOOR if p + r == 0 else Kind.GROWING)
    assert both.exponent == pytest.approx(float(p + r))


@given(q=factors, r=factors, p=powers, scale=scales, every=st.integers(1, 9))
def test_factors_of_products_multiply_and_powers_beside_them_do_not_count(q: Any, r: Any, p: Any, scale: int, every: int) -> None:
    """c k^p q^k r^(k/every) contracts by q r^(1/every) a step, though at k = 10^9 it is far below the range of any float."""
    found = order_of_formula(scale * k**p * q**k * r ** (k / every), VALUES)

    assert found.kind is Kind.LINEAR
    assert found.factor == pytest.approx(float(q) * float(r) ** (1 / every), rel=1e-9)


@given(p=powers, level=st.fractions(Fraction(1, 1000), 1000), q=factors)
def test_a_floor_is_found_under_whatever_decays(p: Any, level: Fraction, q: Any) -> None:
    found = order_of_formula(sp.Rational(level.numerator, level.denominator) + q**k + 1 / (k + 1) ** abs(p) * (1 if p else 0), VALUES)

    assert found.kind is Kind.FLOOR
    assert found.floor == pytest.approx(float(level), rel=1e-9)


@given(p=st.sampled_from([sp.Rational(i, 2) for i in range(1, 6)]), a=st.sampled_from([-2, -1, 1, 2]), scale=scales)
def test_logarithms_are_told_from_powers(p: Any, a: int, scale: int) -> None:
    found = order_of_formula(scale * sp.log(k + 2) ** a / k**p, VALUES)

    assert (found.kind, found.exponent, found.log_power) == (Kind.SUBLINEAR, float(p), float(a))


@given(q=factors, base=st.integers(2, 4))
def test_superlinear_orders(q: Any, base: int) -> None:
    found = order_of_formula(q ** (sp.Integer(base) ** k), VALUES)

    assert found.kind is Kind.SUPERLINEAR
    assert found.q == base


# ---- examples
@pytest.mark.parametrize(("formula", "told"), [
    (L * R**2 / (4 * k * gamma * L + 2), "O(1/k)"), (2 * L * R**2 / ((k + 2) * (k + 3)), "O(1/k^2)"), (1 / sp.sqrt(K), "O(1/k^0.5)"),
    (sp.Max(L * R**2 * (1 - gamma * L) ** (2 * k) / 2, L * R**2 / (4 * gamma * L * k + 2)), "O(1/k)"),
    (R * sp.Max(abs(1 - gamma * mu), abs(1 - gamma * L)) ** k, "linear, factor 0.965 a step"), ((1 - sp.Rational(1, 10**12)) ** k, "linear, factor 1 - 1e-12 a step"),
    (sp.Rational(3, 10) + 1 / k, "to a floor 0.3"), (sp.log(k), "growing like log(k)"), (sp.sqrt(k + 1) - sp.sqrt(k), "O(1/k^0.5)"),
    (sp.harmonic(k) / k, "O(log(k)/k)"), (1 / sp.factorial(k), "superlinear, successive ratios tend to 0"), (sp.floor(k / 3), "growing like k"),
    (sp.exp(-sp.sqrt(k)), "faster than any power of k, slower than linear: exp(-c k^0.5)"), (sp.Piecewise((R, sp.Eq(k, 0)), (0, True)), "0 from some k on"),
    (0.5 / k**1.5, "O(1/k^1.5)"), (sp.pi * sp.Float("0.5") ** k, "linear, factor 0.5 a step"), (sp.Rational(11, 10) ** k, "growing, factor 1.1 a step"),
    (-1 / k, "not derived: it is negative at k = 1.0e+6"),
    (R * (1 - gamma) ** k - R, "to a floor -4.5"), (1 / (k * sp.Symbol("unheard_of")), "not derived: unheard_of has no value")])
def test_sentences(formula: Any, told: str) -> None:
    assert str(order_of_formula(formula, VALUES)) == told


def test_a_sum_of_k_terms_is_read_at_moderate_k_and_says_so() -> None:
    i = sp.Symbol("i", integer=True)
    found = order_of_formula(1 / sp.Sum(sp.cos(1 / sp.sqrt(i)), (i, 1, k)), VALUES)

    assert found.kind is Kind.SUBLINEAR
    assert found.exponent == 1
    assert "moderate" not in str(found)
    assert "from k = 64 to 4096" in found.reason


@pytest.mark.parametrize("name", RATES)
def test_every_bound_of_the_catalogue_has_a_class(name: str) -> None:
    """Not one raises; what is not derived says why, and is a program or reads the run."""
    found, claim = typical_order(RATES[name]), RATES[name]

    assert str(found)
    assert found.kind is not Kind.UNKNOWN or claim.reads or not isinstance(claim.bound, sp.Basic)
    assert found.kind is not Kind.UNKNOWN or found.reason


def test_sympy_agrees_where_it_is_asked() -> None:
    """On rational functions of k the limit of the slope is minus the exponent; elsewhere sympy is not asked, for it may not answer."""
    asked = {name: limit_of_slope(claim.bound) for name, claim in RATES.items() if isinstance(claim.bound, sp.Basic) and not claim.reads}

    assert limit_of_slope(sp.Max(1 / k, (1 - gamma) ** k)) is None
    assert sum(limit is not None for limit in asked.values()) >= 6
    for name, limit in asked.items():
        assert limit is None or float(sp.sympify(limit)) == -(typical_order(RATES[name]).exponent or 0)


def test_the_factor_is_told_as_a_formula_where_the_bound_shows_it() -> None:
    assert typical_order(theorems()["gd-strongly-convex-distance"].claims[0]).formula == sp.Max(abs(1 - gamma * mu), abs(1 - gamma * L))
