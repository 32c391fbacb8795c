"""The stochastic problems are what they say: every oracle is unbiased over its whole support, every declared moment is met, in fractions."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import fractions, integers, lists, tuples

from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import BoundedVariance, NoiseCovariance, Status, audit
from convlab.constants import Array, Exactness
from convlab.problem import Member, fact
from convlab_problems import finite_sum, neighbours, noisy

MEMBERS = [member for family in (finite_sum, noisy, neighbours) for member in family.members()]
ENUMERABLE = [member for member in MEMBERS if member.problem.gradient_draws().size() is not None]
RATIONAL_ONES = [member for member in ENUMERABLE if "cosine" not in member.name and "wavy" not in member.name]      # sines of fractions are irrational
WAVES = [member for member in ENUMERABLE if member not in RATIONAL_ONES]
each = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
each_rational = pytest.mark.parametrize("member", RATIONAL_ONES, ids=lambda member: member.name)


def moments(problem: Any, x: Array) -> tuple[Array, Array]:
    """E g and E (g - E g)(g - E g)^T at points x, over the whole support."""
    branches = [(problem.stochastic_gradient(x, draw), weight) for draw, weight in problem.gradient_draws().branches(len(x), None)]
    mean = sum(weight * g for g, weight in branches)
    return mean, sum(weight * (g - mean)[:, :, None] * (g - mean)[:, None, :] for g, weight in branches)


def points(problem: Any) -> Array:
    """The starts of a problem, in fractions."""
    return RATIONAL.array(np.stack([start.point for start in problem.starts(np.random.default_rng(5))]))


@each_rational
def test_stochastic_gradients_are_unbiased(member: Member) -> None:
    """The mean over the support is the gradient, with ==."""
    problem = cast(member.problem, RATIONAL)
    x = points(problem)

    assert (moments(problem, x)[0] == problem.gradient(x)).all()


@pytest.mark.parametrize("member", WAVES, ids=lambda member: member.name)
def test_noise_on_waves_has_mean_0_and_the_declared_variance(member: Member) -> None:
    """In floats, to the rounding of the gradient beside the noise."""
    problem = cast(member.problem, FLOAT64)
    x = FLOAT64.array(points(problem))
    mean, covariance = moments(problem, x)
    size = np.abs(problem.gradient(x)).max() + 1

    assert mean == pytest.approx(problem.gradient(x), abs=1e-13 * size)
    assert covariance.trace(axis1=1, axis2=2) == pytest.approx(fact(problem, BoundedVariance).sigma.value ** 2, abs=1e-13 * size**2)


@given(curvatures=lists(tuples(*[fractions(Fraction(1, 30), 50, max_denominator=30)] * 2), min_size=2, max_size=4),
       centres=lists(tuples(*[fractions(-80, 80, max_denominator=12)] * 2), min_size=4, max_size=4),
       x=tuples(*[fractions(-90, 90, max_denominator=12)] * 2))
def test_a_sum_is_minimal_where_its_gradient_vanishes(curvatures: Any, centres: Any, x: Any) -> None:
    """Value, gap and gradient are three programs that agree: gap = value - f*, and the minimiser is stationary."""
    problem = finite_sum.make(curvatures, centres[: len(curvatures)])
    here, best = RATIONAL.array([list(x)]), problem.minimiser[None]

    assert problem.gap(here)[0] == problem.value(here)[0] - problem.value(best)[0] >= 0
    assert (problem.gradient(best) == 0).all()
    assert (problem.sample_gradients(here).sum(axis=1) / problem.n == problem.gradient(here)).all()


@given(rows=tuples(*[tuples(integers(1, 9), integers(-9, 9))] * 2), targets=tuples(*[integers(-60, 60)] * 4))
def test_least_squares_is_least_squares(rows: Any, targets: Any) -> None:
    """Hessian and centre of a component give back (<a, x> - y)^2/2; turning rows by a right angle balances the second moments."""
    (p, q), (r, s) = rows
    balanced = ((p, q), (-q, p), (r, s), (-s, r))
    problem = finite_sum.least_squares(balanced, targets)
    x = RATIONAL.array([[Fraction(7, 2), Fraction(-11, 3)]])
    residuals = [a * x[0, 0] + b * x[0, 1] - y for (a, b), y in zip(balanced, targets, strict=True)]

    assert problem.value(x)[0] == sum(t * t for t in residuals) / 8
    assert (problem.sample_gradients(x)[0] == RATIONAL.array([[t * a, t * b] for t, (a, b) in zip(residuals, balanced, strict=True)])).all()


@each
def test_no_constant_is_broken(member: Member) -> None:
    """The audit attains every constant that is called exact, and breaks none."""
    for offered, finding in audit(member.problem, np.random.default_rng(3)):
        assert finding.status in (Status.ATTAINED, Status.HOLDS), (type(offered).__name__, finding)


@pytest.mark.parametrize("member", [m for m in noisy.members() if m.name not in {w.name for w in WAVES}], ids=lambda member: member.name)
def test_declared_noise_moments_are_met(member: Member) -> None:
    """sigma^2 is the trace of the covariance (or, a root being irrational, next above it), the same at every point; in the eigenbasis it is the declared matrix."""
    problem = cast(member.problem, RATIONAL)
    covariance = problem.covariance()
    declared = fact(problem, NoiseCovariance)

    sigma = fact(problem, BoundedVariance).sigma
    assert covariance.trace() == sigma.value**2 or (sigma.exactness is Exactness.UPPER and 0 < sigma.value**2 - covariance.trace() < 1e-13)
    if problem.gradient_draws().size() is not None:
        assert (moments(problem, points(problem))[1] == covariance).all()
    if declared is not None:
        basis = np.eye(len(covariance), dtype=int) if declared.basis is None else declared.basis
        assert (basis @ declared.covariance @ basis.T == covariance).all()


def test_some_noise_ignores_the_eigenbasis() -> None:
    """At least two members have covariances that are not diagonal there, or the exact second moment would be judged on its diagonal alone."""
    matrices = [fact(m.problem, NoiseCovariance).covariance for m in noisy.members() if fact(m.problem, NoiseCovariance) is not None]

    assert sum(any(s[i, j] != 0 for i in range(len(s)) for j in range(i)) for s in matrices) >= 2


@pytest.mark.parametrize("member", list(neighbours.members()), ids=lambda member: member.name)
def test_a_neighbour_differs_in_the_last_loss_and_comes_back(member: Member) -> None:
    """The neighbour's neighbour is the sample itself; the first n - 1 losses are shared."""
    problem = cast(member.problem, RATIONAL)
    x, other = points(problem), problem.neighbour()
    mine, theirs = problem.sample_gradients(x), other.sample_gradients(x)

    assert (mine[:, :-1] == theirs[:, :-1]).all()
    assert (mine[:, -1] != theirs[:, -1]).any()
    assert (other.neighbour().sample_gradients(x) == mine).all()


@pytest.mark.parametrize("member", list(neighbours.members()), ids=lambda member: member.name)
def test_loss_gradients_are_the_slopes_of_the_losses(member: Member) -> None:
    """A central difference inside one piece is exact for quadratics: (l(x + h) - l(x - h))/(2 h) = l'(x), in fractions."""
    problem = cast(member.problem, RATIONAL)
    x, h = points(problem), Fraction(1, 10**9)          # far smaller than the distance of any start to a kink
    secant = (problem.losses(x + h) - problem.losses(x - h))[:, : problem.n] / (2 * h)

    assert (secant == problem.sample_gradients(x)[:, :, 0]).all()


def test_a_biased_oracle_would_be_noticed() -> None:
    """A mixing row of odd draws (mean 1/3) shifts the mean; the audit calls it broken."""
    honest = noisy.make("quadratic", Fraction(5, 2), spectrum=(3,))
    biased = replace(honest, law=replace(honest.law, probabilities=(Fraction(1, 3), Fraction(2, 3))))
    broken = [finding.constant for _, finding in audit(biased, np.random.default_rng(0)) if finding.status is Status.BROKEN]

    assert "unbiased" in broken


def test_impossible_problems_are_refused_by_name() -> None:
    """Errors say what was given and what to give."""
    with pytest.raises(ValueError, match="positive for some component"):
        finite_sum.make(((1, 0), (2, 0)), ((1, 1), (2, 2)))
    with pytest.raises(ValueError, match="give both as"):
        finite_sum.make((1, 2), (1, 2, 3))
    with pytest.raises(ValueError, match="not all parallel"):
        finite_sum.least_squares(((1, 0), (2, 0)), (1, 2))
    with pytest.raises(ValueError, match="none of rademacher"):
        noisy.make("quadratic", 1, law="cauchy", spectrum=(3,))
    with pytest.raises(ValueError, match="at least three losses"):
        neighbours.make((1, 2), smoothness=1)


def test_float_problems_stay_float() -> None:
    """Cast problems hold no object arrays."""
    for member in MEMBERS:
        floating = cast(member.problem, FLOAT64)
        x = np.stack([FLOAT64.array(start.point) for start in floating.starts(np.random.default_rng(1))])
        assert floating.gradient(x).dtype == np.float64
