"""Step-size conditions beside the region derived from the code: the same set, inside, or wrong with a run that shows it; never wrong where the bound holds."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions

from convlab.algorithms.adversarial import SimultaneousGDA
from convlab.algorithms.asynchronous import DelayedGradient
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall, StochasticHeavyBall
from convlab.algorithms.nesterov import Nesterov
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA
from convlab.assumptions import (
    BoundedVariance,
    Convex,
    ConvexSamples,
    FiniteSum,
    LipschitzOperator,
    Minimum,
    Quadratic,
    SaddlePoint,
    Smooth,
    SmoothSamples,
    StronglyConvex,
    StronglyMonotone,
    Workers,
)
from convlab.metrics import distance_to_minimiser, function_gap, squared_distance
from convlab.operations import clip
from convlab.prove import Status, prove
from convlab.prove.conditions import KIND
from convlab.prove.reducing import reduced
from convlab.symbols import L, L_max, R, beta, gamma, k, kappa, lam, mu, p, sigma
from convlab.theorem import Law, RateBound, Relation, Sense, StabilityRegion, Theorem, from_k

STRONG = (Smooth, StronglyConvex, Minimum)
CONVEX = (Smooth, Convex, Minimum)
POSITIVE = gamma > 0


class Three(NamedTuple):
    x: Any
    main: Any
    previous: Any


@dataclass(frozen=True)
class TripleMomentum:
    """Van Scoy, Freeman, Lynch: a state of three points."""

    step_size: Any
    momentum: Any
    look: Any
    read: Any

    def init(self, x0, oracle):
        return Three(x0, x0, x0)

    def step(self, state, oracle):
        y = (1 + self.look) * state.main - self.look * state.previous
        after = (1 + self.momentum) * state.main - self.momentum * state.previous - self.step_size * oracle.gradient(y)
        return Three((1 + self.read) * after - self.read * state.main, after, state.main)


@dataclass(frozen=True)
class Clipped:
    """Not linear."""

    step_size: Any

    def init(self, x0, oracle):
        return Three(x0, x0, x0)

    def step(self, state, oracle):
        x = state.x - self.step_size * clip(oracle.gradient(state.x), -1, 1)
        return Three(x, x, x)


def derived(condition, algorithm=None, **changes):
    told = {"assumptions": STRONG, "metric": distance_to_minimiser, "bound": R, "condition": condition, **changes}
    claim = told.pop("claim", None) or RateBound(algorithm or GradientDescent(gamma), **told)
    (only,) = [x for x in prove(Theorem("toy", "A toy", claims=(claim,))) if x.kind == KIND]
    return only


def exact(found):
    return found.status is Status.PROVED and "exactly" in found.steps[0]


def sufficient(found):
    return found.status is Status.PROVED and "sufficient only" in found.steps[0]


def wrong(found):
    return found.status is Status.FAILED and "wrong" in found.residual


# ---- the same set, inside
def test_the_exact_region_is_recognised_however_it_is_written():
    """Gradient descent up to 2/L, heavy ball up to 2 (1 + beta), in mean square too."""
    assert exact(derived(sp.And(POSITIVE, gamma < 2 / L)))
    assert exact(derived(sp.And(POSITIVE, sp.Abs(1 - gamma * L) < 1)))
    assert exact(derived(sp.And(POSITIVE, gamma * L < 2 * (1 + beta), beta >= 0, beta < 1), HeavyBall(gamma, beta)))
    assert exact(derived(sp.And(POSITIVE, gamma < 2 / L), SGD(gamma), assumptions=(*STRONG, BoundedVariance), metric=squared_distance,
                         law=Law.EXPECTATION, bound=R**2 + gamma * sigma**2 / mu))


@settings(max_examples=6, deadline=None)
@given(fractions(Fraction(1, 50), Fraction(99, 50), max_denominator=50))
def test_every_shorter_interval_is_inside(edge):
    """gamma <= c/L with c < 2 is sufficient only, and the printed point lies between."""
    found = derived(sp.And(POSITIVE, gamma <= sp.Rational(edge.numerator, edge.denominator) / L))

    assert sufficient(found), found


@settings(max_examples=6, deadline=None)
@given(fractions(Fraction(41, 20), Fraction(9), max_denominator=20))
def test_every_longer_interval_is_wrong(edge):
    """gamma < c/L with c > 2 is wrong, on a quadratic of the class, by a run."""
    found = derived(sp.And(POSITIVE, gamma < sp.Rational(edge.numerator, edge.denominator) / L))

    assert wrong(found)
    at = dict(part.split(" = ") for part in found.residual.split("at ", 1)[1].split(" the step")[0].split(", "))
    assert Fraction(at["mu"]) <= Fraction(at["lam"]) <= Fraction(at["L"])
    assert Fraction(at["gamma"]) * Fraction(at["lam"]) > 2


def test_no_condition_is_needed_where_every_step_contracts():
    """A method at its own parameters: gradient descent at 1/L, Polyak's pair, Nesterov's momentum, triple momentum, in L and mu or in kappa."""
    root = sp.sqrt(mu / L)
    rho = 1 - root
    nesterov = Nesterov(1 / L, (1 - root) / (1 + root))
    triple = TripleMomentum((1 + rho) / L, rho**2 / (2 - rho), rho**2 / ((1 + rho) * (2 - rho)), rho**2 / (1 - rho**2))
    in_kappa = HeavyBall(4 / (L * (1 + 1 / sp.sqrt(kappa)) ** 2), ((sp.sqrt(kappa) - 1) / (sp.sqrt(kappa) + 1)) ** 2)
    for algorithm in (GradientDescent(1 / L), nesterov, triple, in_kappa):
        found = derived(sp.true, algorithm)
        assert found.status is Status.PROVED, found
        assert "its own parameters" in found.steps[0], (algorithm, found)


# ---- wrong
@pytest.mark.parametrize(("condition", "algorithm", "changes"), [
    (sp.And(POSITIVE, gamma < sp.Rational(21, 10) / L), GradientDescent(gamma), {}),
    (sp.And(POSITIVE, gamma <= 2 / L), GradientDescent(gamma), {"bound": R**2 / (2 * gamma * k), "metric": function_gap, "grid": from_k(1), "assumptions": CONVEX}),
    (sp.And(POSITIVE, gamma < 2 / mu), GradientDescent(gamma), {}),
    (sp.And(POSITIVE, gamma < 2 / L), GradientDescent(-gamma), {}),
    (sp.And(POSITIVE, gamma < 2 / L), GradientDescent(sp.Rational(21, 20) * gamma), {}),
    (sp.And(POSITIVE, gamma * L < sp.Rational(21, 10) * (1 + beta), beta >= 0, beta < 1), HeavyBall(gamma, beta), {"bound": 50 * R / (1 - beta)}),
    (sp.And(POSITIVE, gamma * L < 2 * (1 + beta), beta >= 0, beta < 1), HeavyBall(gamma, -beta), {"bound": 50 * R / (1 - beta)}),
    (sp.And(POSITIVE, gamma < 3 / L), SGD(gamma), {"law": Law.EXPECTATION, "metric": squared_distance, "bound": R**2 + gamma * sigma**2 / mu,
                                                    "assumptions": (*STRONG, BoundedVariance)}),
    (sp.And(POSITIVE, gamma < sp.Rational(21, 10) * mu / L**2), SimultaneousGDA(gamma),
     {"metric": squared_distance, "bound": R**2, "assumptions": (StronglyMonotone, LipschitzOperator, SaddlePoint)}),
])
def test_a_condition_that_reaches_too_far_fails_with_a_run(condition, algorithm, changes):
    """2.1/L, a closed end, mu for L, ascent, a step 5 % longer than it says, momentum's region 5 % off, the wrong sign, noise, a game."""
    found = derived(condition, algorithm, **changes)

    assert wrong(found), found
    assert "the bound" in found.residual


def test_parameters_that_are_not_the_methods_own_fail():
    """Triple momentum at twice its step."""
    rho = 1 - sp.sqrt(mu / L)
    doubled = TripleMomentum(2 * (1 + rho) / L, rho**2 / (2 - rho), rho**2 / ((1 + rho) * (2 - rho)), rho**2 / (1 - rho**2))

    assert wrong(derived(sp.true, doubled, bound=sp.sqrt(L / mu) * rho**k * R))


def test_a_bound_that_grows_along_is_not_called_wrong():
    """|1 - gamma L|^k R holds for every step; an equality speaks of every step; at 2/L distances only stay. None of them fails."""
    factor = sp.Max(sp.Abs(1 - gamma * mu), sp.Abs(1 - gamma * L))

    assert derived(POSITIVE, bound=factor**k * R).status is Status.NOT_CLAIMED
    assert derived(POSITIVE, bound=factor**k * R, relation=Relation.EQUAL).status is Status.NOT_CLAIMED
    found = derived(sp.And(POSITIVE, gamma <= 2 / L))
    assert found.status is Status.PROVED
    assert "edge" in found.steps[0]


def test_regions_are_iff():
    """A stability region fails where it is too small, too."""
    def region(condition):
        return StabilityRegion(HeavyBall(gamma, beta), condition=condition, sweep=gamma, domain=sp.And(beta >= 0, beta < 1), assumptions=(Quadratic, *STRONG))

    assert exact(derived(None, claim=region(sp.And(POSITIVE, gamma * L < 2 * (1 + beta)))))
    assert derived(None, claim=region(sp.And(POSITIVE, gamma * L < 2))).status is Status.FAILED
    assert derived(None, claim=region(sp.And(POSITIVE, gamma * L < sp.Rational(201, 100) * (1 + beta)))).status is Status.FAILED
    assert derived(None, claim=region(gamma * L < 2 * (1 + beta))).status is Status.FAILED


def test_the_mean_square_limit_of_a_random_delay_is_derived():
    """gamma L + p (gamma L)^2 < 2, from a map of second moments of three entries; a limit 1 % off fails."""
    def region(edge):
        return StabilityRegion(DelayedGradient(gamma, p), condition=sp.And(POSITIVE, gamma * L + p * (gamma * L) ** 2 < edge), sweep=gamma,
                               domain=sp.And(p > 0, p <= 1), sense=Sense.MEAN_SQUARE, assumptions=(Quadratic, Smooth, StronglyConvex))

    assert exact(derived(None, claim=region(2)))
    assert derived(None, claim=region(sp.Rational(202, 100))).status is Status.FAILED
    assert derived(None, claim=region(sp.Rational(198, 100))).status is Status.FAILED


# ---- not derived, and why
@pytest.mark.parametrize(("algorithm", "changes", "words"), [
    (Clipped(gamma), {}, "not affine"),
    (GradientDescent(gamma / (k + 1)), {}, "changes with k"),
    (GradientDescent(gamma), {"assumptions": (*STRONG, Workers)}, "Workers"),
    (GradientDescent(gamma), {"assumptions": ()}, "assumes nothing"),
    (SGD(gamma), {}, "every run"),
    (SAGA(gamma), {"assumptions": (FiniteSum, ConvexSamples, SmoothSamples, StronglyConvex, Minimum), "law": Law.EXPECTATION,
                   "condition": sp.And(POSITIVE, gamma < 1 / L_max)}, "number of components"),
])
def test_what_cannot_be_derived_says_why(algorithm, changes, words):
    """A step that is not linear, a schedule, a class without known quadratics, noise spoken of surely, a map that depends on n."""
    found = derived(changes.pop("condition", sp.And(POSITIVE, gamma < 2 / L)), algorithm, **changes)

    assert found.status is Status.NOT_CLAIMED
    assert words in found.residual


def test_momentum_with_noise_in_mean_square():
    """Additive noise leaves the region of heavy ball as it is."""
    claim = StabilityRegion(StochasticHeavyBall(gamma, beta), condition=sp.And(POSITIVE, gamma * L < 2 * (1 + beta)), sweep=gamma,
                            domain=sp.And(beta >= 0, beta < 1), sense=Sense.MEAN_SQUARE, assumptions=(Quadratic, *STRONG))

    assert exact(derived(None, claim=claim))


# ---- fewer inequalities that say the same
@settings(max_examples=5, deadline=None)
@given(fractions(-3, 3, max_denominator=4), fractions(-3, 3, max_denominator=4), fractions(1, 3, max_denominator=4))
def test_reduction_keeps_the_set(a, b, c):
    """What is left has the same truth value at every point of a grid."""
    a, b, c = (sp.Rational(t.numerator, t.denominator) for t in (a, b, c))
    polynomials = [(gamma - a) * (lam + c), (gamma - b) * (gamma - a) + lam, lam * (c - gamma * lam)]
    few = reduced(polynomials)
    for x in np.linspace(-4, 4, 9):
        for y in (0.25, 1, 3.75):
            at = {gamma: sp.Rational(x), lam: sp.Rational(y)}
            assert bool(few.subs(at)) == all(q.subs(at) > 0 for q in polynomials)
