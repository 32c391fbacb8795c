"""Every installed problem tells the truth about its constants, and an audit finds the lie when one is told."""
from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.arithmetic import FLOAT64, cast
from convlab.assumptions import (
    ConstrainedMinimum,
    Convex,
    ConvexSamples,
    FiniteSum,
    Isotropic,
    Lipschitz,
    Minimum,
    PolyakLojasiewicz,
    Proximable,
    Quadratic,
    Smooth,
    SmoothSamples,
    Status,
    StronglyConvex,
    audit,
)
from convlab.constants import exact, lower, upper
from convlab.problem import installed_families

FAMILIES = installed_families()


class Claiming:
    """A problem that claims other facts than its own."""

    def __init__(self, truth, *claims, **oracles):
        self._truth, self._claims = cast(truth, FLOAT64), claims
        self.__dict__.update(oracles)

    def __getattr__(self, name):
        return getattr(self._truth, name)

    def facts(self):
        return self._claims


def findings(problem, seed=0):
    return [finding for _, finding in audit(problem, np.random.default_rng(seed))]


def broken(truth, *claims, **oracles):
    """What the audit of these claims breaks, by the name of the constant."""
    return {f.constant: f for f in findings(Claiming(truth, *claims, **oracles)) if f.status is Status.BROKEN}


@cache
def members(family):
    return tuple(FAMILIES[family].members())


def member(name):
    return next(m.problem for family in FAMILIES for m in members(family) if m.name == name)


def make(family, **parameters):
    return FAMILIES[family].make(**parameters)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_constant_holds_and_exact_ones_are_attained(family):
    """No audit of any member breaks a constant, and whatever is called exact is met at some point."""
    assert members(family), f"the family {family} has no members"
    for m in members(family):
        wrong = [f.sentence for f in findings(m.problem) if f.status in (Status.BROKEN, Status.LOOSE)]
        assert not wrong, f"{m.name}: " + "; ".join(wrong)


@given(top=st.fractions(2, 90, max_denominator=9), low=st.fractions(Fraction(1, 9), 1, max_denominator=9), error=st.fractions(Fraction(1, 1000), Fraction(1, 2)),
       rotation=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_an_error_of_a_thousandth_in_L_or_mu_is_found(top, low, error, rotation):
    """On any rotated quadratic: L too small and mu too large are broken, the true ones are not."""
    bowl = make("quadratic", spectrum=(low, (low + top) / 2, top), rotation=rotation)

    assert "L" in broken(bowl, Smooth(upper(top * (1 - error), how="claimed")))
    assert "mu" in broken(bowl, StronglyConvex(lower(low * (1 + error) + top / 10**6, how="claimed")))
    assert not broken(bowl, *bowl.facts())


def test_the_sentence_names_the_claim_and_the_counterexample():
    """L claimed 1.0 on a quadratic whose top eigenvalue is 1.7."""
    found = broken(make("quadratic", spectrum=(0.4, 1.7)), Smooth(exact(1.0, how="a guess")))["L"]

    assert found.sentence.startswith("claimed L = 1, found 1.7 at x = [")
    assert found.sentence.endswith("broken (a guess)")


def test_too_large_an_exact_constant_is_called_not_attained():
    """L = 2 is true of curvature 1.7, but it is not exact."""
    status = findings(Claiming(make("quadratic", spectrum=(0.4, 1.7)), Smooth(exact(2.0, how="a guess"))))[0].status

    assert status is Status.LOOSE


@pytest.mark.parametrize("name", ["wavy-1d", "wavy-3", "cosine-4", "piecewise-nonconvex", "piecewise-weakly-nonconvex", "sawtooth-10"])
def test_negative_curvature_is_found(name):
    """Convexity claimed of a nonconvex member is broken, and the point is told."""
    found = broken(member(name), Convex())["least curvature"]

    assert found.found < 0
    assert found.where


@pytest.mark.parametrize(("name", "factor"), [
    ("quadratic-kernel-5", 1.1), ("quadratic-ill-6", 1.1), ("ridge-ill-conditioned-5", 1.1), ("wavy-1d", 1.01), ("huber-convex-1d", None)])
def test_a_pl_constant_too_large_is_found(name, factor):
    """Slightly too large where there is one; any where the function is straight far away."""
    problem = member(name)
    true = next((f.mu.value for f in problem.facts() if isinstance(f, PolyakLojasiewicz)), None)
    claimed = 0.1 if factor is None else float(true) * factor

    assert "mu" in broken(problem, PolyakLojasiewicz(lower(claimed, how="claimed")))


@pytest.mark.parametrize("name", ["huber-convex-1d", "huber-convex-4", "cosine-4", "absolute-value-9", "half-line-steep"])
def test_a_lipschitz_constant_too_small_is_found(name):
    """One hundredth too small, also where the steepest points are rare (four sines at their tops at once)."""
    problem = member(name)
    true = next(f.G.value for f in problem.facts() if isinstance(f, Lipschitz))

    assert "G" in broken(problem, Lipschitz(upper(float(true) * 0.99, how="claimed")))


@pytest.mark.parametrize("name", [
    "quadratic-2", "huber-strongly-convex-3", "logistic-3", "absolute-value-2", "wavy-3", "box-quadratic-4", "ball-quadratic-3", "simplex-quadratic-5"])
def test_a_wrong_minimiser_is_found_even_with_the_value_there(name):
    """x* off by little, and f* made to agree with it: a lower point is found."""
    problem = cast(member(name), FLOAT64)
    fact = next(f for f in problem.facts() if isinstance(f, (Minimum, ConstrainedMinimum)))
    moved = fact.at + 0.01 * np.arange(1, len(fact.at) + 1)
    moved = problem.project(moved[None])[0] if isinstance(fact, ConstrainedMinimum) else moved
    there = float(problem.value(moved[None])[0])

    assert broken(problem, type(fact)(exact(there, how="claimed"), at=moved))


@pytest.mark.parametrize("off", [-0.1, -1e-6, 1e-6, 0.1])
@pytest.mark.parametrize("name", ["ridge-3", "logistic-3", "tridiagonal-5"])
def test_a_wrong_minimum_is_found(name, off):
    """f* too high is undercut by a point, f* too low is not reached at x*."""
    problem = member(name)
    fact = next(f for f in problem.facts() if isinstance(f, Minimum))

    assert broken(problem, Minimum(exact(float(fact.value.value) + off, how="claimed"), at=fact.at))


def test_wrong_facts_on_samples_are_found():
    """Too few components, too small an L_max, and components that are not convex."""
    problem = member("ridge-3")
    true = next(f.L_max.value for f in problem.facts() if isinstance(f, SmoothSamples))
    truth = cast(problem, FLOAT64)
    mirrored = np.where(np.arange(truth.n) == 3, -1.0, 1.0)[:, None]

    assert "n" in broken(problem, FiniteSum(15))
    assert "L_max" in broken(problem, SmoothSamples(upper(float(true) * 0.99, how="claimed")))
    assert "convex components" in broken(problem, ConvexSamples(), sample_gradients=lambda x: truth.sample_gradients(x) * mirrored)


def test_samples_that_do_not_average_to_the_gradient_are_found():
    """A component counted twice."""
    truth = cast(member("ridge-3"), FLOAT64)
    repeated = [0, 0, *range(2, truth.n)]

    assert "n" in broken(truth, FiniteSum(truth.n), sample_gradients=lambda x: truth.sample_gradients(x)[:, repeated])


def test_a_wrong_prox_is_found():
    """The prox of twice the step, and no prox at all."""
    for name in ("quadratic-2", "huber-convex-4", "absolute-value-1d", "piecewise-convex"):
        truth = cast(member(name), FLOAT64)
        assert "prox" in broken(truth, Proximable(), prox=lambda x, step, p=truth: p.prox(x, 2 * step)), name
        assert "prox" in broken(truth, Proximable(), prox=lambda x, step: x), name


def test_shapes_that_are_not_quadratic_are_found():
    """A Huber function is not quadratic; two curvatures are not one."""
    assert "affine gradient" in broken(member("huber-strongly-convex-3"), Quadratic())
    assert "lam" in broken(member("quadratic-2"), Isotropic(exact(12.0, how="claimed")))
