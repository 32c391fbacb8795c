"""A bound that cancels is known to the rounding of its inputs only: what lies within that is no violation, what lies beyond is one."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp
from hypothesis import given
from hypothesis.strategies import fractions

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.judge.rate import float_evidence
from convlab.judge.words import first_violation
from convlab.metrics import squared_distance
from convlab.problem import Start, installed_families
from convlab.run.cases import Setting, constants_of, start_constants
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, mu
from convlab.theorem import RateBound

FAMILIES = installed_families()
CLAIM = RateBound(algorithm=GradientDescent(step_size=gamma), bound=(1 - gamma * mu) ** k * R**2, metric=squared_distance, defaults={gamma: 1 / L},
                  assumptions=(StronglyConvex, Smooth, Minimum), condition=sp.And(gamma > 0, gamma <= 1 / L))


def one_curvature(curvature: Fraction, distance: Fraction, share: Fraction = Fraction(1)) -> Setting:
    """A quadratic with mu = L at gamma = share/L."""
    problem = FAMILIES["quadratic"].make(spectrum=(curvature,), start=(distance,))
    start: Start = problem.starts(np.random.default_rng(0))[0]
    provenance = constants_of(problem, CLAIM.assumptions)
    constants = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
    return Setting(problem, "one curvature", start, {gamma: share / curvature}, constants, provenance)


@given(curvature=fractions(Fraction(1, 50), 50, max_denominator=200), distance=fractions(Fraction(1, 50), 50, max_denominator=50))
def test_a_true_bound_that_is_zero_is_not_refuted_by_rounding(curvature: Fraction, distance: Fraction) -> None:
    """(1 - gamma mu)^k at gamma = 1/mu: 0 in rationals, of either sign in floats; the run is at x* after one update."""
    assert first_violation(float_evidence(CLAIM, [one_curvature(curvature, distance)], Settings(iterations=5))) is None


@given(curvature=fractions(Fraction(1, 50), 50, max_denominator=200), share=fractions(Fraction(1, 10), Fraction(9, 10), max_denominator=50))
def test_a_bound_below_the_run_by_more_than_rounding_is_refuted(curvature: Fraction, share: Fraction) -> None:
    """(1 - gamma mu)^(2k + 1) R^2 is what one curvature gives times 1 - gamma mu: too small at every k."""
    false = replace(CLAIM, bound=(1 - gamma * mu) ** (2 * k + 1) * R**2)
    assert first_violation(float_evidence(false, [one_curvature(curvature, Fraction(7), share)], Settings(iterations=5))) is not None
