"""Measured against bound: ratios do not know units, rounding refutes nothing, and an excess above rounding is refuted."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.arithmetic import FLOAT64, RATIONAL
from convlab.constants import Array
from convlab.judge.compare import CLEAR, Comparison, compared
from convlab.metrics import at_distance, at_squared_distance, distance_to_minimiser, squared_distance
from convlab.run.engine import initial_state, run_deterministic
from convlab.run.recorder import Recorder, measured_floor
from convlab.theorem import Relation, every_iterate
from convlab_problems import huber, quadratic
from tests.engine_runs import batch_on, bound_to

EPS = FLOAT64.eps
RELATIONS = st.sampled_from([relation for relation in Relation if relation is not Relation.ORDER])      # an order is violated at no single k
values = st.floats(1e-6, 1e6)
series = st.integers(1, 8).flatmap(lambda count: st.tuples(arrays(float, (count, 2), elements=values), arrays(float, (count, 2), elements=values)))


def judged(measured: Any, bound: Any, relation: Relation = Relation.AT_MOST, floor: Any = None, eps: float = EPS) -> Comparison:
    """Two (checkpoints, cases) arrays compared at k = 0, 1, ..."""
    measured = np.asarray(measured)
    return compared(np.arange(len(measured)), measured, np.asarray(bound), floor, relation, eps)


# ---- laws
@given(pair=series, relation=RELATIONS, power=st.integers(-60, 60), factor=st.floats(0.5, 2))
def test_ratios_know_no_units(pair: Any, relation: Relation, power: int, factor: float) -> None:
    """Both sides and the floor times c: the same violations, and the same ratios (bit by bit for a power of two)."""
    measured, bound = pair
    floor = np.full(measured.shape, 1e-12)
    plain, doubled = (judged(c * measured, c * bound, relation, c * floor) for c in (1.0, 2.0**power))
    scaled = judged(factor * measured, factor * bound, relation, factor * floor)

    np.testing.assert_array_equal(plain.violated, doubled.violated)
    np.testing.assert_array_equal(plain.ratio, doubled.ratio)
    np.testing.assert_allclose(np.asarray(scaled.ratio, dtype=float), np.asarray(plain.ratio, dtype=float), rtol=1e-14)      # a rounding of each side


@given(pair=series, relation=RELATIONS)
def test_exact_and_floating_comparisons_agree(pair: Any, relation: Relation) -> None:
    """On numbers that are clearly apart (1e-6) or equal, == among fractions and the resolution of floats say the same."""
    measured, bound = pair
    assume((np.abs(measured / bound - 1) > 1e-6).all())
    exact = [np.array([[Fraction(float(v)) for v in row] for row in side], dtype=object) for side in (measured, bound)]
    one, other = judged(measured, bound, relation), judged(*exact, relation, eps=0.0)

    np.testing.assert_array_equal(one.violated, other.violated)
    np.testing.assert_allclose(np.asarray(one.ratio, dtype=float), other.ratio.astype(float), rtol=1e-15)
    assert not judged(measured, measured, relation).violated.any()
    assert not judged(exact[0], exact[0], relation, eps=0.0).violated.any()


@given(pair=series, relation=RELATIONS)
def test_order_is_what_is_compared(pair: Any, relation: Relation) -> None:
    """measured <= bound is violated exactly where >= would hold strictly; == where either is."""
    measured, bound = pair
    assume((np.abs(measured / bound - 1) > 1e-6).all())
    at_most, at_least, equal = (judged(measured, bound, r).violated for r in (Relation.AT_MOST, Relation.AT_LEAST, Relation.EQUAL))

    assert (at_most == (measured > bound)).all()
    assert (at_least == ~at_most).all()
    assert equal.all()


curvatures = st.fractions(Fraction(1, 50), 40, max_denominator=50)


@given(spectrum=st.tuples(curvatures, curvatures), share=st.fractions(Fraction(1, 50), Fraction(99, 50), max_denominator=50),
       start=st.tuples(*[st.fractions(-90, 90, max_denominator=7)] * 2), centre=st.tuples(*[st.fractions(-90, 90, max_denominator=7)] * 2))
def test_what_holds_exactly_is_never_refuted_by_rounding(spectrum: Any, share: Any, start: Any, centre: Any) -> None:
    """Gradient descent in floats against its own exact distances, from fractions: an equality and both inequalities hold at every k up to 60.

    This checks the resolution 64 (k + 1) eps and the floor of a point against rationals, centres far from the origin and slow contractions included.
    """
    assume(start != centre)
    problem = quadratic.make(spectrum, centre=centre, start=start)
    found = {}
    for arithmetic in (RATIONAL, FLOAT64):
        batch = batch_on(problem, arithmetic)
        recorder = Recorder(squared_distance, batch.case, every_iterate, (), arithmetic.eps, at_squared_distance if arithmetic is FLOAT64 else None)
        binder = bound_to(GradientDescent(share / max(spectrum)), batch, 60)
        run_deterministic(binder, batch.case.problem, initial_state(binder, batch), np.arange(61), recorder)
        found[arithmetic.name] = recorder.record(None)
    truth = found["rational"].measured.astype(np.longdouble)
    floating = found["float64"]

    for relation in Relation:
        assert not compared(floating.k, floating.measured, truth, floating.floor, relation, EPS).violated.any()


@given(excess=st.floats(1e-6, 1e6), k=st.integers(0, 200), level=st.floats(1e-8, 1e8), relation=RELATIONS)
def test_an_excess_above_the_floor_is_refuted(excess: float, k: int, level: float, relation: Relation) -> None:
    """A millionth too much (or too little) is seen up to k = 200 at any level, if the floor lies a thousandth of it below."""
    bound = np.full((k + 1, 1), level)
    measured = bound.copy()
    measured[k] = level * (1 + excess) if relation is not Relation.AT_LEAST else level / (1 + excess)
    found = judged(measured, bound, relation, np.full((k + 1, 1), level * 1e-9))

    assert np.nonzero(found.violated[:, 0])[0].tolist() == [k]
    assert found.ratio[k, 0] == pytest.approx(1 + excess, rel=1e-12)


# ---- the floor
def test_below_the_floor_nothing_is_judged() -> None:
    """Measured 2e-16, bound 1e-30: both within the floor of 1e-15, so neither a violation nor a ratio; the same pair above it is refuted."""
    one, other = (judged([[2e-16]], [[1e-30]], floor=np.array([[low]])) for low in (1e-15, 1e-18))

    assert not one.violated.any()
    assert np.isnan(one.ratio).all()
    assert other.violated.all()


def test_ratios_are_told_only_clear_of_rounding() -> None:
    """A measured value of 999 floors is not told, of 1001 floors it is; a violation is always told."""
    low = np.array([[1.0], [1.0]])
    found = judged([[CLEAR - 1.0], [CLEAR + 1.0]], [[CLEAR - 1.0], [2 * CLEAR]], floor=low)

    assert np.isnan(found.ratio[0, 0])
    assert 0.5 < found.ratio[1, 0] < 0.51


def test_a_method_that_arrives_at_once_is_judged() -> None:
    """Measured 0, bound 3: ratio 0, not "nothing judged"; measured 0 and bound 0 says nothing."""
    found = judged([[0.0], [0.0]], [[3.0], [0.0]], floor=np.full((2, 1), 1e-15))

    assert found.ratio[0, 0] == 0
    assert np.isnan(found.ratio[1, 0])


@given(start=st.fractions(1, 10**6, max_denominator=9), scale=st.fractions(Fraction(1, 10**4), 10**4, max_denominator=10**4))
def test_a_measured_floor_is_of_the_size_of_a_declared_one(start: Any, scale: Any) -> None:
    """A user's plain function of the state is moved by the resolution of a point: within a factor of 4 of what the house declares for a distance."""
    problem = huber.make(scale / 5, scale, centre=(0,), threshold=2, start=(start,))
    batch = batch_on(problem)
    state = initial_state(bound_to(GradientDescent(Fraction(1)), batch, 1), batch)
    s = np.array([8 * EPS * float(start)])

    declared = at_distance(state, batch.case, s)
    found = measured_floor(lambda state, case: distance_to_minimiser(state, case))(state, batch.case, s)
    assert (declared / 4 <= found).all()
    assert (found <= 4 * declared).all()


# ---- outcomes
def test_divergence_is_infinitely_bad() -> None:
    """1e200, inf, nan against a bound of 3: violated from the first on, and said to have diverged at k = 1."""
    found = judged([[1e200], [np.inf], [np.nan]], [[3.0]] * 3)

    assert found.violated[:, 0].tolist() == [True, True, True]
    assert found.broke.tolist() == [1]
    assert found.diverged.all()


def test_a_nan_out_of_nowhere_is_unknown() -> None:
    """2, 2, nan, nan against 3: nothing is violated, and the first k without a number is told."""
    found = judged([[2.0], [2.0], [np.nan], [np.nan]], [[3.0]] * 4)

    assert not found.violated.any()
    assert found.broke.tolist() == [2]
    assert not found.diverged.any()
    assert np.isnan(found.ratio[2:]).all()


def test_a_run_that_leaves_the_range_of_floats_together_with_its_bound_is_not_judged_there() -> None:
    """Both sides grow like 10^(100 k): at k = 4 the run is infinite and so is float64, but the claim is not refuted."""
    measured = np.array([[1.0], [1e100], [1e200], [1e300], [np.inf]])
    found = judged(measured, np.array([[np.longdouble(10) ** (100 * i)] for i in range(5)]), Relation.EQUAL)

    assert not found.violated.any()
    assert found.broke.tolist() == [4]


def test_componentwise_claims_keep_the_worst_cell() -> None:
    """Of three cells the one above its bound is kept, with its own bound."""
    found = judged(np.array([[[1.0, 5.0, 2.0]]]), np.array([[[2.0, 4.0, 8.0]]]))

    assert found.violated.all()
    assert (found.measured[0, 0], found.bound[0, 0]) == (5.0, 4.0)


def test_signs_of_bounds_do_not_confuse_ratios() -> None:
    """measured <= bound with a bound of -1: -2 holds, 0 is violated and infinitely bad; a zero bound is met by zero alone."""
    found = judged([[-2.0], [0.0], [0.0], [1.0]], [[-1.0], [-1.0], [0.0], [0.0]])

    assert found.violated[:, 0].tolist() == [False, True, False, True]
    assert found.ratio[1, 0] == np.inf
    assert found.ratio[3, 0] == np.inf


def exactly(measured: Any, bound: Any, relation: Relation) -> Comparison:
    sides: list[Array] = [np.array([[v] for v in side], dtype=object) for side in (measured, bound)]
    return judged(*sides, relation, eps=0.0)


def test_fractions_are_compared_with_equality() -> None:
    """1/3 + 10^-40 exceeds 1/3; an irrational bound, rounded, is compared to 1e-13; what has no bound is not judged."""
    third = Fraction(1, 3)
    assert exactly([third], [third], Relation.EQUAL).ratio[0, 0] == Fraction(1)
    assert exactly([third + Fraction(1, 10**40)], [third], Relation.AT_MOST).violated.all()
    assert not exactly([third], [1 / 3], Relation.EQUAL).violated.any()
    assert exactly([third + Fraction(1, 10**10)], [1 / 3], Relation.EQUAL).violated.all()
    assert exactly([third], [None], Relation.AT_MOST).ratio[0, 0] is None
    assert exactly([Fraction(0)], [Fraction(0)], Relation.AT_MOST).ratio[0, 0] == 1
    assert exactly([Fraction(1)], [Fraction(0)], Relation.AT_MOST).ratio[0, 0] == np.inf
