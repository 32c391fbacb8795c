"""PCGrad on two tasks: the identities of its direction and the decrease of the sum, in fractions."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convlab.algorithms.multitask import PCGrad, surgery
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import Smooth, audit
from convlab.operations import inner
from convlab_problems.tasks import FAMILY, make, rotated

rationals = st.fractions(min_value=-9, max_value=9, max_denominator=7)
vectors = st.lists(rationals, min_size=3, max_size=3)
TURN = RATIONAL.array([[Fraction(2, 3), Fraction(-1, 3), Fraction(2, 3)], [Fraction(2, 3), Fraction(2, 3), Fraction(-1, 3)],
                       [Fraction(-1, 3), Fraction(2, 3), Fraction(2, 3)]])


def one(entries):
    return RATIONAL.array([entries])


def smoothness(problem):
    return next(f.L.value for f in problem.facts() if isinstance(f, Smooth))


# ---- the laws
@given(first=vectors, second=vectors)
def test_the_direction_obeys_its_three_identities(first, second):
    """<u, g_i> = s |g_i|^2 and |u|^2 = s (a + b - 2c) with == in conflict; without, u is the sum."""
    g, h = one(first), one(second)
    u, a, b, c = surgery(g, h)[0], inner(g, g)[0], inner(h, h)[0], inner(g, h)[0]
    if c >= 0:
        assert (u == (g + h)[0]).all()
        return
    s = 1 - c * c / (a * b)
    assert (u @ g[0], u @ h[0], u @ u) == (s * a, s * b, s * (a + b - 2 * c))


@given(first=vectors, second=vectors, scale=st.fractions(min_value=Fraction(1, 5), max_value=9, max_denominator=5))
def test_the_direction_is_symmetric_in_the_tasks_and_turns_and_scales_with_them(first, second, scale):
    """Swapping the gradients changes nothing; rotating or scaling both rotates or scales the direction, with ==."""
    assert (np.eye(3, dtype=int) == TURN @ TURN.T).all()
    g, h = one(first), one(second)
    u = surgery(g, h)

    assert (surgery(h, g) == u).all()
    assert (surgery(g @ TURN, h @ TURN) == u @ TURN).all()
    assert (surgery(scale * g, scale * h) == scale * u).all()


@given(first=vectors, second=vectors, lam=st.fractions(min_value=Fraction(1, 3), max_value=20, max_denominator=6),
       gamma_L=st.fractions(min_value=Fraction(1, 10), max_value=3, max_denominator=10))
def test_the_decrease_is_exact_where_the_sum_is_isotropic(first, second, lam, gamma_L):
    """With Hessian L I the decrease of the sum is gamma s (a + b - (gamma L/2)(a + b - 2c)), with ==, at every step size."""
    g, h = one(first), one(second)
    a, b, c = inner(g, g)[0], inner(h, h)[0], inner(g, h)[0]
    assume(c < 0)
    pair = make((lam, lam), (tuple(-g[0] / lam), tuple(-h[0] / lam)))
    x, L = one((0, 0, 0)), smoothness(pair)
    gamma, s = gamma_L / L, 1 - c * c / (a * b)
    after = PCGrad(gamma).step(PCGrad(gamma).init(x, pair), pair).x

    assert 2 * lam == L
    assert (pair.task_gradients(x)[0] == np.stack([g[0], h[0]])).all()
    assert (pair.value(x) - pair.value(after))[0] == gamma * s * (a + b - gamma_L / 2 * (a + b - 2 * c))


# ---- the examples
def test_the_short_step_bound_is_attained():
    """g = (3, 4), (-5, 0), L = 2, gamma = 1/2: the decrease is (gamma/2) s (1 + cos)(a + b), with ==."""
    pair = make((1, 1), ((-3, -4), (5, 0)))
    x = one((0, 0))
    after = PCGrad(Fraction(1, 2)).step(PCGrad(Fraction(1, 2)).init(x, pair), pair).x
    cosine = Fraction(-15, 25)

    assert (pair.value(x) - pair.value(after))[0] == Fraction(1, 4) * (1 - cosine**2) * (1 + cosine) * 50


def test_with_the_smoothness_of_one_task_the_sum_increases():
    """Two tasks of Hessian I, gamma = 1 = 1/L of each, g = (1, 0), (-1, 1): F goes up; at 1/2, the L of the sum, it goes down."""
    pair = make((1, 1), ((-1, 0), (1, -1)))
    x = one((0, 0))
    moved = {gamma: (pair.value(PCGrad(gamma).step(PCGrad(gamma).init(x, pair), pair).x) - pair.value(x))[0] for gamma in (Fraction(1), Fraction(1, 2))}

    assert moved[Fraction(1)] > 0 > moved[Fraction(1, 2)]


def test_opposed_tasks_stop_where_they_meet():
    """On a line between the two minimisers the gradients are opposed, cos = -1, and PCGrad does not move, minimiser of the sum or not."""
    pair = make((1, 3), ((1,), (-1,)))
    x = one((Fraction(1, 3),))

    assert (PCGrad(Fraction(1, 4)).step(PCGrad(Fraction(1, 4)).init(x, pair), pair).x == x).all()
    assert pair.gradient(x)[0, 0] != 0


@pytest.mark.parametrize("member", list(FAMILY.members()), ids=lambda m: m.name)
def test_floats_follow_the_fractions_and_constants_survive_their_audit(member):
    """Five steps in float64 against fractions, from every start; no audit breaks a constant."""
    exact_pair, rounded_pair = cast(member.problem, RATIONAL), cast(member.problem, FLOAT64)
    step = Fraction(3, 4) / Fraction(float(smoothness(member.problem))).limit_denominator(1000)
    points = np.stack([start.point for start in member.problem.starts(np.random.default_rng(2))])
    exact, rounded = RATIONAL.array(points), FLOAT64.array(points)
    for _ in range(5):
        exact = PCGrad(step).step(PCGrad(step).init(exact, exact_pair), exact_pair).x
        rounded = PCGrad(float(step)).step(PCGrad(float(step)).init(rounded, rounded_pair), rounded_pair).x

    np.testing.assert_allclose(rounded, exact.astype(float), rtol=0, atol=1e-11 * np.abs(points.astype(float)).max())   # on the line cos = -1: s is a difference of ones
    assert {finding.status.value for _, finding in audit(member.problem, np.random.default_rng(4))} <= {"attained", "holds"}


# ---- we would notice
def test_projecting_one_gradient_only_breaks_the_identities():
    """The identity <u, g_2> = s b fails for a rule that projects the first gradient only: the test above is not vacuous."""
    g, h = one((3, 4, 0)), one((-5, 0, 1))
    lopsided = g - inner(g, h)[0] / inner(h, h)[0] * h + h
    s = 1 - inner(g, h)[0] ** 2 / (inner(g, g)[0] * inner(h, h)[0])

    assert inner(surgery(g, h), h)[0] == s * inner(h, h)[0] != inner(lopsided, h)[0]


@pytest.mark.parametrize(("matrices", "message"), [((1,), "two tasks"), ((((1, 2), (3, 4)), 1), "symmetric")])
def test_what_is_no_pair_of_quadratics_is_refused(matrices, message):
    with pytest.raises(ValueError, match=message):
        make(matrices, ((0, 1), (2, 3)))


def test_the_rotated_pairs_have_the_spectra_asked_for():
    """numpy's eigenvalues of each rational matrix are those given."""
    pair = rotated(((Fraction(-1, 2), 2, 7), (1, 4, 11)), ((0, 0, 0), (1, 2, 3)), seed=5)

    np.testing.assert_allclose(np.linalg.eigvalsh(pair.matrices.astype(float)), [[-0.5, 2, 7], [1, 4, 11]], atol=1e-12)    # eigvalsh of order 10
