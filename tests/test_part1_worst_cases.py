"""The instances that the theorems of Part I call tight attain the declared bounds, in fractions, and nothing near them exceeds the bounds."""
from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers

from convlab import symbols
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.nesterov import Nesterov, OptimizedGradientMethod, ogm_correction, ogm_momentum, ogm_thetas
from convlab.arithmetic import FLOAT64, RATIONAL
from convlab.run.expressions import rational_value
from convlab.run.points import holds
from convlab.theorem import RateBound, Theorem, tight_instances
from convlab.theorems import nesterov
from convlab.theorems.gradient_descent import convex, strongly_convex
from convlab_problems import huber, quadratic

enough = settings(max_examples=60, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
positive = fractions(Fraction(1, 40), 60, max_denominator=40)
horizons = integers(1, 25)


def rate_bound(theorem: Theorem, name: str = "main") -> RateBound:
    """A claim by name, which must be a rate bound."""
    found = next(claim for claim in theorem.claims if claim.name == name)
    assert isinstance(found, RateBound)
    return found


def bound_of(theorem: Theorem, **values: Any) -> Any:
    """The declared bound at exact values given by symbol name."""
    return rational_value(rate_bound(theorem).bound, {getattr(symbols, name): value for name, value in values.items()})


def gap_after(algorithm: Any, problem: Any, x0: Any, steps: int) -> Any:
    """f(x_steps) - f* from one start, with number fields that may be schedules k -> number."""
    state = algorithm(0).init(RATIONAL.array([x0]), problem)
    for k in range(steps):
        state = algorithm(k).step(state, problem)
    return problem.gap(state[0])[0]


# ---- gradient descent
@enough
@given(k=horizons, L=positive, R=positive, gamma_L=fractions(Fraction(1, 50), 1, max_denominator=60))
def test_huber_attains_the_gap_at_every_horizon(k: int, L: Fraction, R: Fraction, gamma_L: Fraction) -> None:
    """L R^2/(4 k gamma L + 2) is an equality for every step up to 1/L, and it is what the theorem declares."""
    worst = huber.make(0, L, threshold=R / (2 * k * gamma_L + 1))
    gap = gap_after(lambda _: GradientDescent(gamma_L / L), worst, [R], k)

    assert gap == L * R**2 / (4 * k * gamma_L + 2) == bound_of(convex.convex_gap, k=k, L=L, R=R, gamma=gamma_L / L)


@enough
@given(k=horizons, L=positive, R=positive, threshold=positive, gamma_L=fractions(Fraction(1, 50), Fraction(99, 50), max_denominator=60))
def test_no_other_huber_function_is_worse(k: int, L: Fraction, R: Fraction, threshold: Fraction, gamma_L: Fraction) -> None:
    """Whatever the threshold, and for long steps too, the gap stays below the declared bound."""
    gap = gap_after(lambda _: GradientDescent(gamma_L / L), huber.make(0, L, threshold=threshold), [R], k)

    assert gap <= bound_of(convex.convex_gap, k=k, L=L, R=R, gamma=gamma_L / L)


@enough
@given(k=horizons, mu=positive, wider=positive, R=positive, gamma_L=fractions(Fraction(1, 50), Fraction(99, 50), max_denominator=60))
def test_one_end_of_the_spectrum_attains_the_distance(k: int, mu: Fraction, wider: Fraction, R: Fraction, gamma_L: Fraction) -> None:
    """The declared factor is that of mu for short steps and that of L for long ones, to the power k, exactly."""
    L = mu + wider
    start = [R, 0] if gamma_L / L <= 2 / (L + mu) else [0, R]
    f = quadratic.make((mu, L))
    x = RATIONAL.array([start])
    for _ in range(k):
        x = x - gamma_L / L * f.gradient(x)

    assert np.abs(x).max() == bound_of(strongly_convex.strongly_convex_distance, k=k, mu=mu, L=L, R=R, gamma=gamma_L / L)


@pytest.mark.parametrize("theorem", [convex.convex_gap, strongly_convex.strongly_convex_distance], ids=lambda t: t.id)
@enough
@given(L=positive, share=fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50), k=horizons,
       gamma_L=fractions(Fraction(1, 50), Fraction(99, 50), max_denominator=60))
def test_every_step_of_the_condition_has_its_tight_instance(theorem: Theorem, L: Fraction, share: Fraction, k: int, gamma_L: Fraction) -> None:
    """Between them, the branches of the tight instances cover the whole condition."""
    values = {symbols.L: L, symbols.mu: share * L, symbols.k: k, symbols.gamma: gamma_L / L, symbols.R: Fraction(7, 3)}

    assert holds(rate_bound(theorem).condition, values)
    assert any(holds(instance.when, values) for instance in tight_instances(rate_bound(theorem)))


@enough
@given(horizon=horizons)
def test_the_multipliers_are_a_flow_from_the_minimum_to_the_last_iterate(horizon: int) -> None:
    """They are nonnegative, and their function values cancel except f_N - f*: the first half of a certificate."""
    weights = convex.multipliers(horizon)
    nodes = ["*", *range(horizon + 1)]
    balance = {node: sum(w for (_, j), w in weights.items() if j == node) - sum(w for (i, _), w in weights.items() if i == node) for node in nodes}

    assert min(weights.values()) >= 0
    assert balance == {node: {horizon: 1, "*": -1}.get(node, 0) for node in nodes}


# ---- acceleration
@enough
@given(k=horizons, L=positive, R=positive)
def test_huber_attains_nesterovs_gap_at_every_horizon(k: int, L: Fraction, R: Fraction) -> None:
    """2 L R^2/(k^2 + 5 k + 6) is an equality, and it is what the theorem declares."""
    worst = huber.make(0, L, threshold=4 * R / Fraction((k + 2) * (k + 3)))
    gap = gap_after(lambda i: Nesterov(1 / L, Fraction(i, i + 3)), worst, [R], k)

    assert gap == 2 * L * R**2 / (k**2 + 5 * k + 6) == bound_of(nesterov.convex_gap, k=k, L=L, R=R)


@enough
@given(horizon=integers(1, 60))
def test_thetas_solve_their_quadratics(horizon: int) -> None:
    """theta_i^2 - theta_i = theta_{i-1}^2, and twice that at the horizon; the coefficients have one entry an update."""
    thetas = ogm_thetas(horizon)

    for i in range(1, horizon + 1):
        # two roundings of numbers of the size theta^2
        assert math.isclose(thetas[i] ** 2 - thetas[i], (2 if i == horizon else 1) * thetas[i - 1] ** 2, rel_tol=1e-14)
    assert len(ogm_momentum(horizon)) == len(ogm_correction(horizon)) == horizon


@enough
@given(horizon=integers(1, 40), L=positive, R=positive)
def test_two_functions_attain_the_gap_of_the_optimized_method(horizon: int, L: Fraction, R: Fraction) -> None:
    """A Huber function and a parabola, opposite as they are, end at L R^2/(2 theta_K^2) both."""
    last = ogm_thetas(horizon)[-1]
    bound = float(L * R**2) / (2 * last**2)

    for f in (huber.make(0.0, float(L), threshold=float(R) / last**2), quadratic.make((float(L),))):
        state = OptimizedGradientMethod(1 / float(L)).init(FLOAT64.array([[float(R)]]), f)
        for momentum, correction in zip(ogm_momentum(horizon), ogm_correction(horizon), strict=True):
            state = OptimizedGradientMethod(1 / float(L), momentum, correction).step(state, f)
        # the gap is bound = O(L R^2/K^2) from points known to 1e-16 R: relative K^2 1e-16, and K <= 40
        assert math.isclose(f.gap(state.x)[0], bound, rel_tol=1e-11)


# ---- heavy ball
@enough
@given(root_mu=fractions(Fraction(1, 9), 3, max_denominator=9), wider=positive, R=positive, k=integers(0, 30), end=integers(0, 1))
def test_heavy_ball_moves_as_declared_from_both_ends(root_mu: Fraction, wider: Fraction, R: Fraction, k: int, end: int) -> None:
    """Polyak's pair: (1 + k (1 -+ r)) (+-r)^k R exactly, from an eigenvector of mu or of L."""
    root_L = root_mu + wider
    mu, L = root_mu**2, root_L**2
    r = (root_L - root_mu) / (root_L + root_mu)
    claim = rate_bound(nesterov.heavy_ball, "from-steepest" if end else "from-flattest")
    f = quadratic.make((mu, L))
    state = HeavyBall(4 / (root_L + root_mu) ** 2, r**2).init(RATIONAL.array([[0, R] if end else [R, 0]]), f)
    for _ in range(k):
        state = HeavyBall(4 / (root_L + root_mu) ** 2, r**2).step(state, f)
    signed = -r if end else r

    assert state.x[0, end] == (1 + k * (1 - signed)) * signed**k * R
    assert abs(state.x[0, end]) == rational_value(claim.bound, {symbols.k: k, symbols.mu: mu, symbols.L: L, symbols.R: R})
    assert rational_value(sp.sympify(claim.algorithm.momentum), {symbols.mu: mu, symbols.L: L}) == r**2


# ---- the proof that we would notice
def test_a_slightly_smaller_constant_is_violated() -> None:
    """The gap at k = 9 exceeds 0.999 of the bound: equality leaves no room."""
    L, R, k = Fraction(12), Fraction(7, 2), 9
    gap = gap_after(lambda _: GradientDescent(1 / L), huber.make(0, L, threshold=R / (2 * k + 1)), [R], k)

    assert gap > Fraction(999, 1000) * bound_of(convex.convex_gap, k=k, L=L, R=R, gamma=1 / L)


def test_momentum_of_the_wrong_sign_is_no_acceleration() -> None:
    """Nesterov's method that pulls back exceeds Nesterov's bound on Huber from k = 3 on, where momentum first counts."""
    L, R = Fraction(12), Fraction(7, 2)
    for k in (3, 5, 20):
        worst = huber.make(0, L, threshold=4 * R / Fraction((k + 2) * (k + 3)))
        gap = gap_after(lambda i: Nesterov(1 / L, -Fraction(i, i + 3)), worst, [R], k)

        assert gap > bound_of(nesterov.convex_gap, k=k, L=L, R=R)
