"""Optimal parameters, stationary variances, recursions and reductions: derived from the step that runs; certificates that are no certificates are refused."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions

from convlab.algorithms.adversarial import Extragradient, OptimisticGDA, SimultaneousGDA
from convlab.algorithms.asynchronous import FixedDelay
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall, StochasticHeavyBall
from convlab.algorithms.sgd import SGD
from convlab.assumptions import Bilinear, OneCoupling, Quadratic, SaddlePoint, Smooth, StronglyConvex
from convlab.catalogue import theorems
from convlab.errors import BadInput
from convlab.metrics import distance_to_minimiser, squared_distance
from convlab.prove import Status, prove
from convlab.prove.conditions import KIND
from convlab.prove.facts import proof_of
from convlab.prove.stationary import stationary_variance
from convlab.symbols import L, R, beta, coupling, gamma, k, lam, mu, sigma, tau
from convlab.theorem import (
    Multipliers,
    OneStep,
    OptimalOnQuadratics,
    RateBound,
    Recursion,
    Reduces,
    StabilityRegion,
    SymbolicIdentity,
    Theorem,
    When,
    previous,
    u,
    v,
)

root = (sp.sqrt(L) - sp.sqrt(mu)) / (sp.sqrt(L) + sp.sqrt(mu))


def proved(fact, algorithm, **changes):
    told = {"bound": R, "metric": distance_to_minimiser, "assumptions": (Smooth, StronglyConvex), "condition": sp.And(gamma > 0, gamma < 2 / L), **changes}
    claim = RateBound(algorithm, facts=(fact,), **told)
    return proof_of(Theorem("toy", "A toy", claims=(claim,)), claim, fact)


# ---- optimal parameters
def test_optimal_pairs_are_derived():
    """2/(L + mu) with (kappa - 1)/(kappa + 1), and Polyak's pair with its root; every other pair has something better."""
    short = OptimalOnQuadratics({gamma: 2 / (L + mu)}, (L - mu) / (L + mu))
    polyak = OptimalOnQuadratics({gamma: 4 / (sp.sqrt(L) + sp.sqrt(mu)) ** 2, beta: root**2}, root)

    assert proved(short, GradientDescent(gamma)).status is Status.PROVED
    assert proved(polyak, HeavyBall(gamma, beta)).status is Status.PROVED
    assert "better" in proved(OptimalOnQuadratics({gamma: 1 / L}, (L - mu) / L), GradientDescent(gamma)).residual
    assert "better" in proved(OptimalOnQuadratics({gamma: 2 / (L + mu), beta: 0}, (L - mu) / (L + mu)), HeavyBall(gamma, beta)).residual
    assert "exceeds" in proved(replace(polyak, rate=root**2), HeavyBall(gamma, beta)).residual
    assert "negative" in proved(replace(short, rate=-short.rate), GradientDescent(gamma)).residual
    assert "beta" in proved(short, HeavyBall(gamma, beta)).residual


# ---- stationary variances
def test_stationary_variances_are_derived():
    """SGD's, momentum's, and that of momentum without momentum."""
    sgd, momentum = stationary_variance(SGD(gamma)), stationary_variance(StochasticHeavyBall(gamma, beta))

    assert sp.simplify(sgd - gamma * sigma**2 / (lam * (2 - gamma * lam))) == 0
    assert sp.simplify(momentum - gamma * sigma**2 * (1 + beta) / ((1 - beta) * lam * (2 * (1 + beta) - gamma * lam))) == 0
    assert sp.simplify(momentum.subs(beta, 0) - sgd) == 0


@settings(max_examples=20, deadline=None)
@given(fractions(Fraction(1, 10), Fraction(9, 5)), fractions(0, Fraction(9, 10)))
def test_the_stationary_variance_is_where_the_recursion_ends(step, momentum):
    """The second moments of heavy ball with noise, iterated in floats from 0, end there."""
    a, b, variance, cross, before = float(step), float(momentum), 0.0, 0.0, 0.0
    for _ in range(4000):
        turn = 1 + b - a
        variance, cross, before = turn**2 * variance - 2 * turn * b * cross + b**2 * before + a**2, turn * variance - b * cross, variance

    expected = float(stationary_variance(StochasticHeavyBall(gamma, beta)).subs({gamma: sp.Rational(step), beta: sp.Rational(momentum), lam: 1, sigma: 1}))
    assert variance == pytest.approx(expected, rel=1e-6)          # 4,000 steps forget 0.95^8000 of the start; the rest is rounding of sums


# ---- recursions
def test_recursions_are_proved_by_induction():
    """Contraction and noise; a decreasing step; base, step and monotonicity fail by name."""
    q = (1 - gamma * mu) ** 2
    closed = q**k * R**2 + gamma**2 * sigma**2 * (1 - q**k) / (1 - q)
    good = Recursion(q * previous + gamma**2 * sigma**2, start=R**2, closed=closed)

    assert proved(good, SGD(gamma)).status is Status.PROVED
    assert proved(Recursion(k / (k + 1) * previous, start=R, closed=sp.Piecewise((R, sp.Eq(k, 0)), (0, True))), SGD(gamma)).status is Status.PROVED
    assert "base" in proved(replace(good, start=2 * R**2), SGD(gamma)).residual
    assert "k + 1" in proved(replace(good, step=good.step + sigma), SGD(gamma)).residual
    shrinking = Recursion((1 - 2 * gamma * L) * previous, start=R, closed=(1 - 2 * gamma * L) ** k * R)
    assert "negative" in proved(shrinking, SGD(gamma)).residual


# ---- the web between theorems
def test_bounds_reduce_to_their_neighbours():
    """Without noise SGD is gradient descent; a wrong neighbour, power, place or name fails."""
    sgd = theorems()["sgd-sc-const-sharp"]
    (claim,) = sgd.claims
    good = Reduces({sigma: 0}, "gd-strongly-convex-distance", power=2)

    assert proof_of(sgd, claim, good).status is Status.PROVED
    for wrong in (replace(good, power=1), replace(good, at={sigma: 1}), replace(good, to="gd-strongly-convex-fgap"), replace(good, to="no-such-theorem")):
        assert proof_of(sgd, claim, wrong).status is Status.FAILED


# ---- games
def test_ranges_of_games_are_derived():
    """Extragradient up to 1, optimistic steps up to 1/sqrt(3), simultaneous steps nowhere."""
    def region(algorithm, condition):
        claim = StabilityRegion(algorithm, condition=condition, sweep=gamma, domain=gamma > 0, assumptions=(Bilinear, OneCoupling, SaddlePoint))
        (found,) = [p for p in prove(Theorem("toy", "A toy", claims=(claim,))) if p.kind == KIND]
        return found.status

    turn = gamma * coupling
    assert region(Extragradient(gamma), turn < 1) is Status.PROVED
    assert region(OptimisticGDA(gamma), 3 * turn**2 < 1) is Status.PROVED
    assert region(Extragradient(gamma), turn < sp.Rational(101, 100)) is Status.FAILED
    assert region(Extragradient(gamma), turn < sp.Rational(99, 100)) is Status.FAILED
    assert region(OptimisticGDA(gamma), turn < sp.Rational(58, 100)) is Status.FAILED
    assert region(SimultaneousGDA(gamma), turn < sp.Rational(1, 1000)) is Status.FAILED


# ---- what is no certificate
stranger, gap = sp.Symbol("stranger", positive=True), sp.Symbol("gap", real=True)
SHORT = sp.And(gamma > 0, gamma <= 2 / (L + mu))
SPREAD, STRONG = (v - mu * u) * (L * u - v), (v - mu * u) * u


def certificate(*terms):
    return OneStep((1 - gamma * mu) ** 2 * u**2, (When(SHORT, terms),))


@pytest.mark.parametrize(("fact", "words"), [
    (certificate((stranger * gamma**2, SPREAD), (gamma * (2 - gamma * (L + mu)), STRONG)), "stranger"),
    (certificate((-gamma**2, SPREAD), (gamma * (2 - gamma * (L + mu)), STRONG)), "combination"),
    (OneStep(u**2 / 2, (When(SHORT, ((sp.Integer(1), u**2 / 2 - (u - gamma * v) ** 2 + gap), (sp.Integer(1), -gap))),)), "not known to be nonnegative"),
    (Multipliers(lambda n: {(0, 7): 1}, lambda n: 1, {gamma: 1}), "point that the run does not have"),
    (Multipliers(lambda n: {(0, 1): stranger}, lambda n: 1, {gamma: 1}), "no rational number"),
])
def test_malformed_certificates_name_the_term(fact, words):
    """An unknown symbol, a negative multiplier, function values out of nowhere, a point that is none, a multiplier that is no number."""
    found = proved(fact, GradientDescent(gamma))

    assert found.status is Status.FAILED
    assert found.theorem == "toy"
    assert words in found.residual


@pytest.mark.parametrize("fact", [
    SymbolicIdentity("text", "__import__('os').system('touch evaluated')", gamma),
    OneStep("u**2", (When(SHORT, ((gamma, SPREAD),)),)),
    OneStep(u**2, (When(SHORT, (("gamma", SPREAD),)),)),
    Recursion("previous", start=R),
    "gamma < 2/L",
])
def test_text_is_never_evaluated(fact, tmp_path, monkeypatch):
    """A formula given as text is refused in a sentence that names theorem and place; nothing in it runs."""
    monkeypatch.chdir(tmp_path)
    claim = RateBound(GradientDescent(gamma), R, squared_distance, facts=(fact,))
    with pytest.raises(BadInput, match="theorem 'toy', claim 'main'"):
        proof_of(Theorem("toy", "A toy", claims=(claim,)), claim, fact)

    assert not list(tmp_path.iterdir())


# ---- limits that are algebraic numbers
def delayed(edge):
    """The status of a region 0 < gamma L < edge(tau) for a fixed delay."""
    claim = StabilityRegion(FixedDelay(gamma, tau), condition=sp.And(gamma > 0, gamma * L < edge), sweep=gamma, assumptions=(Quadratic, Smooth, StronglyConvex))
    (found,) = [p for p in prove(Theorem("toy", "A toy", claims=(claim,))) if p.kind == KIND]
    return found


def test_the_limit_of_a_fixed_delay_is_derived():
    """2 sin(pi/(2 (2 tau + 1))) at delays 0 to 3, as algebraic numbers; near-by limits, and those that agree at small delays only, fail."""
    exact = 2 * sp.sin(sp.pi / (2 * (2 * tau + 1)))

    assert delayed(exact).status is Status.PROVED
    assert "too large" in delayed(sp.Rational(1001, 1000) * exact).residual
    assert "not necessary" in delayed(sp.Rational(999, 1000) * exact).residual
    assert "tau = 2" in delayed(2 / (tau + 1)).residual            # 2 and 1 are right
    assert "too large" in delayed(sp.Integer(2)).residual
