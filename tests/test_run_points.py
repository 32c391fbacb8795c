"""Parameter points are drawn from the condition itself: inside it, at both of its ends, the default first, the same for the same seed."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, And, Eq, Max, Ne, Or

from convlab.run.points import FAR, FIXED, INSIDE, INTERIOR, NEAR, Point, holds, parameter_points
from convlab.symbols import L, a, beta, d, gamma, inner_steps, mu, n_kept, p, tau

positive = st.fractions(Fraction(1, 20), 60, max_denominator=24)
shares = st.fractions(Fraction(1, 12), Fraction(11, 12), max_denominator=12)
seeds = st.integers(0, 2**32)
TWELVE_DIGITS = 2e-12      # of the interval: how close bisection comes to an end


def points(condition: Any, defaults: Any, constants: Any = None, seed: int = 3, fixed: Any = None) -> list[Point]:
    return parameter_points(condition, defaults, constants or {}, np.random.SeedSequence(seed), fixed)


def along(found: list[Point], tunable: Any) -> list[float]:
    return [float(point[tunable]) for point in found]


# ---- laws
@given(low=st.fractions(0, 9, max_denominator=20), width=positive, share=shares, closed=st.tuples(st.booleans(), st.booleans()), scale=positive, seed=seeds)
def test_linear_conditions_are_met_in_rationals_with_both_ends(low: Any, width: Any, share: Any, closed: Any, scale: Any, seed: Any) -> None:
    """Every point lies in the interval; a closed end is there with ==, an open one 1e-3 of the interval inside; the default comes first."""
    high, default = low + width, low + share * width
    below = low / L <= gamma if closed[0] else low / L < gamma
    above = gamma * L <= high if closed[1] else gamma * L < high
    found = points(And(below, above), {gamma: sp.Rational(default.numerator, default.denominator) / L}, {L: scale}, seed)
    units = [point[gamma] * scale for point in found]

    assert all(isinstance(u, Fraction) and (low <= u if closed[0] else low < u) and (u <= high if closed[1] else u < high) for u in units)
    assert units[0] == default
    assert low + (0 if closed[0] else INSIDE * width) in units
    assert high - (0 if closed[1] else INSIDE * width) in units
    assert found == points(And(below, above), {gamma: sp.Rational(default.numerator, default.denominator) / L}, {L: scale}, seed)


@given(roots=st.tuples(positive, positive), share=shares, strict=st.booleans(), seed=seeds)
def test_quadratic_conditions_are_met_with_both_ends(roots: Any, share: Any, strict: bool, seed: Any) -> None:
    """(gamma - r)(gamma - s) < 0: every point lies between the roots, and both ends are met as far as bisection resolves them."""
    low, high = min(roots), max(roots) + Fraction(1, 20)
    width = float(high - low)
    product = sp.expand((gamma - sp.Rational(low.numerator, low.denominator)) * (gamma - sp.Rational(high.numerator, high.denominator)))
    found = along(points(product < 0 if strict else product <= 0, {gamma: low + share * (high - low)}, seed=seed), gamma)
    margin = float(INSIDE) * width if strict else 0.0
    near = TWELVE_DIGITS * (width + float(high)) + 1e-15 * float(high) ** 2 / width      # and the cancellation of the expanded product at its roots

    assert all(float(low) - near <= x <= float(high) + near for x in found)
    assert min(abs(x - float(low) - margin) for x in found) <= near
    assert min(abs(x - float(high) + margin) for x in found) <= near


@given(scale=positive, momentum=shares, seed=seeds)
def test_joint_conditions_of_two_tunables_are_met(scale: Any, momentum: Any, seed: Any) -> None:
    """gamma L < 2 (1 + beta), 0 <= beta < 1: each point satisfies the whole conjunction, and the two move together as well as alone."""
    condition = And(0 < gamma, gamma * L < 2 * (1 + beta), 0 <= beta, beta < 1)
    found = points(condition, {gamma: 1 / L, beta: momentum}, {L: scale}, seed)

    assert all(holds(condition, {L: scale, **point}) for point in found)
    assert 1 + 2 + 2 < len(found) <= 1 + 2 * (2 + len(FIXED)) + 8 + INTERIOR      # the ends and fractions of both, four corners each way; interior points may meet
    assert any(point[gamma] * scale > 2 for point in found)                   # beyond what beta = 0 would allow
    assert sum(point[gamma] != found[0][gamma] and point[beta] != found[0][beta] for point in found) >= 4 + INTERIOR - 2
    assert {(point[gamma] * scale / (2 * (1 + point[beta])) > 0.99, point[beta] in (0, Fraction(999, 1000))) for point in found} >= {(True, True), (False, True)}


@given(scale=positive, share=shares, seed=seeds)
def test_an_equation_between_tunables_is_followed(scale: Any, share: Any, seed: Any) -> None:
    """beta = 1 - gamma mu: gamma spreads over its whole interval and beta follows it with ==, so that more than the default is judged."""
    curvature = share * scale
    found = points(And(Eq(beta, 1 - gamma * mu), 0 < gamma, gamma <= 1 / L), {gamma: 1 / (2 * L), beta: 1 - mu / (2 * L)}, {L: scale, mu: curvature}, seed)

    assert all(point[beta] == 1 - point[gamma] * curvature and 0 < point[gamma] * scale <= 1 for point in found)
    assert 1 + 2 < len(found) <= 1 + 2 + len(FIXED) + INTERIOR
    assert 1 / scale in [point[gamma] for point in found]


@given(square=st.integers(2, 200), seed=seeds)
def test_irrational_ends_are_ends_all_the_same(square: int, seed: Any) -> None:
    """gamma <= 1/sqrt(n): the default at the closed end counts as inside although one of the two is a rounded float, and stays the largest point."""
    scale = float(np.sqrt(square))
    condition = And(0 < gamma, gamma <= 1 / L)
    found = points(condition, {gamma: 1 / L}, {L: scale}, seed)

    assert all(holds(condition, {L: scale, **point}) for point in found)
    assert max(along(found, gamma)) == pytest.approx(1 / scale, rel=1e-15)
    assert not holds(condition, {L: scale, gamma: (1 + 1e-9) / scale})


# ---- examples
@pytest.mark.parametrize(("condition", "low", "high"), [
    (Abs(1 - gamma * L) < 1, 0.008, 7.992), (Max(gamma * L, 1 - gamma) <= 1, 0, 4), (Or(gamma < 2, And(1 < gamma, gamma < 5)), 0.002, 4.996)], ids=str)
def test_kinks_do_not_pass_for_lines(condition: Any, low: float, high: float) -> None:
    """At L = 1/4, |1 - gamma L| is a line at gamma = 0, 1, 2 and turns beyond: its upper end 8 is found all the same."""
    found = along(points(condition, {gamma: 1}, {L: Fraction(1, 4)}), gamma)

    assert min(found) == pytest.approx(low, abs=0.005)      # an end at 0 that a search found is approached from inside
    assert max(found) == pytest.approx(high, rel=1e-9)


def test_interior_points_spread_in_the_logarithm_towards_the_lower_end() -> None:
    """Over 200 seeds: half of the points between the ends lie below 10^-1.5 of the interval, so small steps are judged as often as large ones."""
    found = [x for seed in range(200) for x in along(points(And(0 < gamma, gamma < 2 / L), {gamma: 1 / L}, {L: 50}, seed), gamma)[-INTERIOR:]]
    shares_of = np.array(found) * 25

    assert len(shares_of) > 900
    assert np.median(shares_of) == pytest.approx(10**-1.5, rel=0.25)      # the standard error of the median's exponent is 0.05
    assert 2e-4 <= shares_of.min() < 2e-3
    assert 0.9 < shares_of.max() < 1


def test_another_seed_is_another_interior() -> None:
    """And the ends stay."""
    one, two = (along(points(And(0 < gamma, gamma <= 1), {gamma: sp.Rational(1, 2)}, seed=seed), gamma) for seed in (1, 2))

    assert one[:3] == two[:3] == [0.5, 0.001, 1.0]
    assert one[3:] != two[3:]


def test_integers_are_tried_small_and_at_the_end_that_the_condition_sets() -> None:
    """Kept coordinates 1 .. 7: the default, 1, 2, 3 and 7, all integers; a delay starts at 0; without an upper end, 0 .. 3 alone."""
    kept = points(And(1 <= n_kept, n_kept <= d), {n_kept: 2}, {d: 7})
    delays = points(sp.true, {tau: 5})

    assert [point[n_kept] for point in kept] == [2, 1, 3, 7]
    assert [point[tau] for point in delays] == [5, 0, 1, 2, 3]
    assert all(isinstance(point[n_kept], int) for point in kept)


def test_integers_and_reals_share_a_condition() -> None:
    """inner_steps * gamma * L <= 4 with m = 2 steps: m up to 4 at gamma = 1/L, gamma up to 2/L at m = 2."""
    condition = And(0 < gamma, inner_steps * gamma * L <= 4)
    found = points(condition, {gamma: 1 / L, inner_steps: 2}, {L: Fraction(9)})

    assert all(holds(condition, {L: Fraction(9), **point}) for point in found)
    assert {point[inner_steps] for point in found} == {1, 2, 3, 4}
    assert max(along(found, gamma)) == pytest.approx(2 / 9)


def test_intervals_without_an_end_are_tried_far_out() -> None:
    """gamma > 0 alone: up to a thousand times the default; a tunable of which the condition does not speak: up to four times."""
    assert max(along(points(0 < gamma, {gamma: 1 / L}, {L: Fraction(5)}), gamma)) == FAR / 5
    assert max(along(points(sp.true, {gamma: 1 / L}, {L: Fraction(5)}), gamma)) == NEAR / 5
    assert min(along(points(a <= 1, {a: Fraction(1, 2)}), a)) < -100


def test_a_missing_point_is_no_end() -> None:
    """a != 0 does not cut the negative side off."""
    found = along(points(And(Ne(a, 0), -1 <= a, a <= 1), {a: Fraction(1, 2)}), a)

    assert {min(found), max(found)} == {-1.0, 1.0}


def test_an_equation_with_a_constant_pins_its_tunable() -> None:
    """gamma = 1/L leaves gamma no choice, and p keeps its own."""
    found = points(And(Eq(gamma, 1 / L), 0 < p, p <= 1), {gamma: 1 / L, p: Fraction(1, 3)}, {L: Fraction(7)})

    assert {point[gamma] for point in found} == {Fraction(1, 7)}
    assert {Fraction(1), Fraction(1, 1000)} < {point[p] for point in found}


def test_given_parameters_stay() -> None:
    """What the user fixed is the same in every point, the others move within what it leaves them."""
    condition = And(0 < gamma, gamma * L < 2 * (1 - beta), 0 <= beta, beta < 1)
    found = points(condition, {gamma: 1 / L, beta: Fraction(0)}, {L: Fraction(4)}, fixed={beta: Fraction(3, 4)})

    assert {point[beta] for point in found} == {Fraction(3, 4)}
    assert max(along(found, gamma)[1:]) == pytest.approx(0.999 / 8)


def test_points_are_distinct() -> None:
    """A default at an end is judged once."""
    found = along(points(And(0 < gamma, gamma <= 1), {gamma: 1}), gamma)

    assert 2 < len(found) == len(set(found)) <= 2 + len(FIXED) + INTERIOR
    assert all(low < high for low, high in pairwise(sorted(found)))
