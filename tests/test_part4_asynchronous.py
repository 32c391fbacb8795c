"""A random delay of 0 or 1: gradient descent without it, and in mean square stable exactly up to gamma L + p (gamma L)^2 = 2."""
from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.asynchronous import DelayedGradient, State
from convlab.algorithms.gradient_descent import GradientDescent
from convlab_problems.quadratic import make as quadratic

enough = settings(max_examples=30, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
rationals = st.fractions(min_value=-30, max_value=30, max_denominator=9)
steps_of = st.fractions(min_value=Fraction(1, 9), max_value=3, max_denominator=9)


@dataclass(frozen=True)
class Parabola:
    """lam x^2/2."""

    lam: Fraction

    def gradient(self, x):
        return self.lam * x


def moment_map(gamma, lam, p):
    """The matrix of (E x^2, E x previous, E previous^2) -> the same one step later, read off the code in fractions."""
    algorithm, problem = DelayedGradient(gamma, p), Parabola(lam)
    unit = State(np.array([[Fraction(1)], [Fraction(0)]], dtype=object), np.array([[Fraction(0)], [Fraction(1)]], dtype=object))
    rows = [[Fraction(0)] * 3 for _ in range(3)]
    for draw, weight in algorithm.draws(problem).branches(2, unit):
        x, previous = (field[:, 0] for field in algorithm.step(unit, problem, draw))
        for row, (s, t) in enumerate(((x, x), (x, previous), (previous, previous))):
            for column, term in enumerate((s[0] * t[0], s[0] * t[1] + s[1] * t[0], s[1] * t[1])):
                rows[row][column] += weight * term
    return np.array(rows, dtype=object)


def radius(gamma, lam, p):
    return float(np.abs(np.linalg.eigvals(moment_map(gamma, lam, p).astype(float))).max())


@enough
@given(x=st.tuples(rationals, rationals), previous=st.tuples(rationals, rationals), gamma=steps_of)
def test_without_delay_it_is_gradient_descent(x, previous, gamma):
    """p = 0: the point before never matters."""
    problem = quadratic((Fraction(1, 3), 12), centre=(Fraction(7, 2), -6))
    algorithm, plain = DelayedGradient(gamma, Fraction(0)), GradientDescent(gamma)
    x, previous = np.array([x], dtype=object), np.array([previous], dtype=object)
    outcomes = [(algorithm.step(State(x, previous), problem, draw), weight) for draw, weight in algorithm.draws(problem).branches(1, None)]

    assert sum(weight for _, weight in outcomes) == 1
    assert all((state.x == plain.step(plain.init(x, problem), problem).x).all() for state, weight in outcomes if weight)


@enough
@given(x=rationals, previous=rationals, gamma=steps_of, lam=steps_of, p=st.fractions(min_value=0, max_value=1, max_denominator=7))
def test_the_moment_map_is_what_enumeration_says(x, previous, gamma, lam, p):
    """E x_{k+1}^2 = (p + (1-p)(1-a)^2) x^2 - 2 a p x previous + a^2 p previous^2, a = gamma lam."""
    algorithm, problem, a = DelayedGradient(gamma, p), Parabola(lam), gamma * lam
    state = State(*(np.array([[v]], dtype=object) for v in (x, previous)))
    mean = sum(weight * algorithm.step(state, problem, draw).x[0, 0] ** 2 for draw, weight in algorithm.draws(problem).branches(1, state))

    assert mean == (p + (1 - p) * (1 - a) ** 2) * x**2 - 2 * a * p * x * previous + a**2 * p * previous**2


@enough
@given(gamma=steps_of, lam=steps_of, p=st.fractions(min_value=0, max_value=1, max_denominator=7))
def test_the_edge_is_where_second_moments_can_stand_still(gamma, lam, p):
    """det(I - T) of the code's own second-moment map T is a (2 - a - p a^2), a = gamma lam: an eigenvalue crosses 1 there and nowhere else."""
    a, t = gamma * lam, np.array([[Fraction(int(i == j)) for j in range(3)] for i in range(3)], dtype=object) - moment_map(gamma, lam, p)
    determinant = (t[0, 0] * (t[1, 1] * t[2, 2] - t[1, 2] * t[2, 1]) - t[0, 1] * (t[1, 0] * t[2, 2] - t[1, 2] * t[2, 0])
                   + t[0, 2] * (t[1, 0] * t[2, 1] - t[1, 1] * t[2, 0]))

    assert determinant == a * (2 - a - p * a**2)


@pytest.mark.parametrize("p", [Fraction(1, 20), Fraction(3, 10), Fraction(1, 2), Fraction(9, 10), Fraction(1)])
def test_the_limit_is_exact(p):
    """One hundredth inside the edge the second moments shrink, one hundredth outside they grow (lam = 17/4)."""
    lam = Fraction(17, 4)
    edge = (math.sqrt(1 + 8 * p) - 1) / (2 * float(p))
    inside, outside = (Fraction(edge * factor) / lam for factor in (0.99, 1.01))

    assert radius(inside, lam, p) < 1 < radius(outside, lam, p)


def test_a_stable_mean_is_not_enough():
    """p = 1/2, gamma lam = 1.3: the mean tends to 0 while the second moment grows."""
    lam, p = Fraction(13, 4), Fraction(1, 2)
    gamma = Fraction(13, 10) / lam
    mean = np.array([[1 - float(gamma * lam * (1 - p)), -float(gamma * lam * p)], [1, 0]])

    assert np.abs(np.linalg.eigvals(mean)).max() < 1 < radius(gamma, lam, p)


def test_a_delay_of_a_replicate_leaves_the_others_alone():
    """Each replicate has its own coin."""
    problem = Parabola(4.0)
    algorithm = DelayedGradient(0.1, 0.5)
    state = State(np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[5.0, 6.0], [5.0, 6.0]]))
    after = algorithm.step(state, problem, algorithm.draws(problem).draw(late=np.array([0, 1])))

    assert np.allclose(after.x, [[0.6, 1.2], [-1.0, -0.4]], rtol=1e-15)      # one product and one difference
    assert (after.previous == state.x).all()
