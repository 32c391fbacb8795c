"""Each word of a declaration's facts: what is right is proved from the code that runs, its near-by false variants fail with a residual that says why."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers, lists

from convlab.assumptions import Convex, Smooth, StronglyConvex
from convlab.draws import Bernoulli, Draws
from convlab.metrics import distance_to_minimiser, function_gap
from convlab.prove import Status, derived_condition, prove
from convlab.prove.multipliers import semidefinite_residual
from convlab.prove.stability import schur_conditions
from convlab.symbols import K, L, R, beta, gamma, k, lam, mu, p, sigma
from convlab.theorem import (
    Identity,
    IterationMatrix,
    Multipliers,
    OneStep,
    RateBound,
    SecondMoment,
    Sense,
    StabilityRegion,
    StableOnQuadratics,
    SymbolicIdentity,
    Theorem,
    Trajectory,
    When,
    u,
    v,
)


class Pair(NamedTuple):
    x: Any
    previous: Any


@dataclass(frozen=True)
class Momentum:
    """A toy heavy ball; `sign` -1 is ascent."""

    step_size: Any
    momentum: Any = 0
    sign: int = 1

    def init(self, x0, oracle):
        return Pair(x0, x0)

    def step(self, state, oracle):
        x, previous = state
        return Pair(x - self.sign * self.step_size * oracle.gradient(x) + self.momentum * (x - previous), x)


class One(NamedTuple):
    x: Any


@dataclass(frozen=True)
class Noisy:
    """A stochastic gradient step, taken with probability `awake`."""

    step_size: Any
    awake: Any = 1

    def init(self, x0, oracle):
        return One(x0)

    def draws(self, oracle):
        return Draws(**oracle.gradient_draws(), coin=Bernoulli(self.awake))

    def step(self, state, oracle, draw):
        return One(state.x - draw.coin.reshape(-1, 1) * self.step_size * oracle.stochastic_gradient(state.x, draw))


@dataclass(frozen=True)
class Descent:
    """Gradient descent; `lookahead` takes the gradient elsewhere, `clipped` compares symbols, `cubed` is not linear."""

    step_size: Any
    lookahead: Any = 0
    clipped: bool = False
    cubed: bool = False

    def init(self, x0, oracle):
        return One(x0)

    def step(self, state, oracle):
        x = state.x
        g = oracle.gradient(x + self.lookahead)
        if self.clipped and (g > 1).any():
            return One(x)
        return One(x - self.step_size * (g**3 if self.cubed else g))


def theorem(fact, algorithm=None, **changes):
    fields = {"bound": R, "metric": distance_to_minimiser, "assumptions": (Smooth, StronglyConvex), "condition": sp.And(gamma > 0, gamma < 2 / L)}
    return Theorem("toy", "A toy", algorithm=algorithm or Descent(gamma), facts=(fact,), **{**fields, **changes})


def only_fact(proved):
    """The proof of the one declared fact; the condition that is derived beside it has tests of its own."""
    (only,) = [p for p in proved if p.kind != "DerivedCondition"]
    return only


def proof(fact, algorithm=None, **changes):
    return only_fact(prove(theorem(fact, algorithm, **changes)))


def assert_proved(found):
    assert found.status is Status.PROVED, found.residual
    assert found.residual is None


def assert_fails(found, *words):
    assert found.status is Status.FAILED
    assert all(word in found.residual for word in words), found.residual


# ---- the shape of a proof
def test_a_claim_without_facts_is_not_claimed():
    """One proof a claim, and it pretends nothing."""
    same = Identity(left=Trajectory(Descent(gamma), lambda state, case: state.x), right=Trajectory(Descent(gamma), lambda state, case: state.x), statement="x = x")
    (only,) = prove(Theorem("toy", "A toy", claims=(same,)))

    assert only.to_json() == {"theorem": "toy", "claim": "main", "fact": "", "kind": "", "status": "not claimed", "residual": None}


def test_a_proof_carries_what_a_reader_needs():
    """Name, word, and the formulas of the derivation as sympy objects."""
    found = proof(IterationMatrix(sp.Matrix([[1 - gamma * lam]])))

    assert found.to_json()["kind"] == "IterationMatrix"
    assert dict(found.formulas)["one step, from the code"] == sp.Matrix([[1 - gamma * lam]])


# ---- identities
def test_identities():
    """Expanded, over a common denominator, or by the cases that the condition decides."""
    assert_proved(proof(SymbolicIdentity("square", (gamma - 1) ** 2, gamma**2 - 2 * gamma + 1)))
    assert_proved(proof(SymbolicIdentity("fraction", 1 / (1 - gamma) - 1, gamma / (1 - gamma))))
    assert_proved(proof(SymbolicIdentity("case", sp.Abs(2 - gamma * L), 2 - gamma * L)))
    assert_fails(proof(SymbolicIdentity("square", (gamma - 1) ** 2, gamma**2 - 2 * gamma + 2)), "-1")
    assert_fails(proof(SymbolicIdentity("open case", sp.Abs(1 - gamma * L), 1 - gamma * L)))


# ---- the matrix of a step
HEAVY_BALL = sp.Matrix([[1 + beta - gamma * lam, -beta], [1, 0]])


def test_the_iteration_matrix_is_read_off_the_code():
    """State fields in order; a bug in the code is a bug in the matrix."""
    assert_proved(proof(IterationMatrix(HEAVY_BALL), Momentum(gamma, beta)))
    assert_fails(proof(IterationMatrix(HEAVY_BALL.subs(beta, 2 * beta)), Momentum(gamma, beta)), "beta")
    assert_fails(proof(IterationMatrix(HEAVY_BALL), Momentum(gamma, beta, sign=-1)), "gamma")
    assert_fails(proof(IterationMatrix(HEAVY_BALL), Descent(gamma)), "shapes")


@pytest.mark.parametrize("algorithm", [Descent(gamma, clipped=True), Descent(gamma, cubed=True)])
def test_a_step_that_is_not_linear_is_said_to_be_so(algorithm):
    """Comparisons of symbols and nonlinear steps fail by name instead of yielding a wrong matrix."""
    assert_fails(proof(IterationMatrix(sp.Matrix([[1 - gamma * lam]])), algorithm), "undecided")


# ---- regions
@settings(max_examples=40, deadline=None)
@given(integers(1, 4), lists(fractions(-3, 3, max_denominator=4), min_size=16, max_size=16))
def test_schur_conditions_agree_with_eigenvalues(size, entries):
    """All conditions are positive exactly when the spectral radius is below 1."""
    matrix = sp.Matrix(size, size, [sp.Rational(e.numerator, e.denominator) / 3 for e in entries[:size * size]])
    radius = max(abs(np.linalg.eigvals(np.array(matrix.tolist(), dtype=float))))
    if abs(radius - 1) > 1e-6:                                 # nearer to the circle the floats of the comparison cannot tell
        assert all(c > 0 for c in schur_conditions(matrix)) == (radius < 1)


def test_conditions_are_derived_from_the_code():
    """Nothing is declared: gradient descent, heavy ball, and in mean square noise that only shifts and a coin that contracts."""
    assert derived_condition(Descent(gamma)) == sp.And(gamma > 0, gamma * lam < 2)
    assert derived_condition(Momentum(gamma, beta)) == sp.And(gamma > 0, beta < 1, gamma * lam < 2 * beta + 2)
    assert derived_condition(Noisy(gamma), Sense.MEAN_SQUARE) == sp.And(gamma > 0, gamma * lam < 2)
    assert derived_condition(Momentum(gamma, beta, sign=-1)) != derived_condition(Momentum(gamma, beta))


def region(declared, algorithm, **changes):
    claim = StabilityRegion(algorithm, condition=declared, sweep=gamma, facts=(StableOnQuadratics(declared),), **changes)
    return only_fact(prove(Theorem("toy", "A toy", claims=(claim,))))


MOMENTUM_DOMAIN = sp.And(beta >= 0, beta < 1)
MOMENTUM_REGION = sp.And(gamma * lam > 0, gamma * lam < 2 * (1 + beta))


def test_the_exact_region_is_proved_as_a_set():
    """Whatever way it is written; outside the domain of the other tunables nothing is claimed."""
    assert_proved(region(sp.And(gamma * lam > 0, gamma * lam < 2), Descent(gamma)))
    assert_proved(region(sp.Abs(1 - gamma * lam) < 1, Descent(gamma)))
    assert_proved(region(MOMENTUM_REGION, Momentum(gamma, beta), domain=MOMENTUM_DOMAIN))
    assert_proved(region(sp.And(MOMENTUM_REGION, beta < 1), Momentum(gamma, beta)))
    assert_proved(region(sp.And(gamma > 0, p * (2 - gamma * lam) > 0), Noisy(gamma, p), domain=sp.And(p > 0, p <= 1), sense=Sense.MEAN_SQUARE))


@pytest.mark.parametrize(("declared", "domain", "words"), [
    (sp.And(gamma > 0, gamma * lam < sp.Rational(101, 50) * (1 + beta)), MOMENTUM_DOMAIN, ["wrong"]),
    (sp.And(gamma > 0, gamma * lam <= 2 * (1 + beta)), MOMENTUM_DOMAIN, ["wrong"]),           # the edge itself
    (gamma * lam < 2 * (1 + beta), MOMENTUM_DOMAIN, ["wrong"]),                               # any negative step
    (MOMENTUM_REGION, beta >= 0, ["wrong", "beta = "]),                                       # beta >= 1
    (sp.And(gamma > 0, gamma * lam < sp.Rational(199, 100) * (1 + beta)), MOMENTUM_DOMAIN, ["sufficient"]),
    (sp.And(gamma > 0, gamma * lam < 2), MOMENTUM_DOMAIN, ["sufficient"]),
    (sp.And(gamma > 0, gamma * lam < 2 * (1 + beta), sp.Ne(gamma * lam, 1 + beta)), MOMENTUM_DOMAIN, ["sufficient"]),    # a curve is missing
    (sp.And(gamma > 1, gamma < 0), MOMENTUM_DOMAIN, ["no point"]),
])
def test_near_by_regions_fail_with_a_point(declared, domain, words):
    """Too large, too small, closed where open, unbounded, empty: each is told apart."""
    assert_fails(region(declared, Momentum(gamma, beta), domain=domain), *words)


def test_the_counterexample_is_one():
    """The printed point really has a spectral radius of at least 1."""
    found = region(sp.And(gamma > 0, gamma * lam < sp.Rational(101, 50) * (1 + beta)), Momentum(gamma, beta), domain=MOMENTUM_DOMAIN)
    at = {symbol: sp.Rational(found.residual.split(f"{symbol} = ")[1].split(",")[0].split()[0]) for symbol in (beta, gamma, lam)}

    assert max(abs(e) for e in HEAVY_BALL.subs(at).eigenvals()) >= 1


# ---- second moments
def test_second_moments_average_noise_and_coins():
    """Additive noise by its variance, a coin by its weight."""
    kept = (1 - gamma * lam) ** 2 * u**2 + gamma**2 * sigma**2

    assert_proved(proof(SecondMoment(kept), Noisy(gamma)))
    assert_proved(proof(SecondMoment(p * kept + (1 - p) * u**2), Noisy(gamma, p)))
    assert_fails(proof(SecondMoment(kept + gamma**2 * sigma**2), Noisy(gamma)), "sigma")
    assert_fails(proof(SecondMoment(kept), Noisy(gamma, p)), "p")


# ---- one-step certificates
SPREAD = (v - mu * u) * (L * u - v)
SHORT = sp.And(gamma > 0, gamma <= 2 / (L + mu))


def one_step(bound=(1 - gamma * mu) ** 2 * u**2, condition=SHORT, spread=gamma**2, strong=gamma * (2 - gamma * (L + mu)), bracket=(v - mu * u) * u):
    return OneStep(bound, (When(condition, ((spread, SPREAD), (strong, bracket))),))


def test_one_step_certificates_are_checked_on_the_code():
    """Identity, multipliers and brackets; a bound with Max is resolved in each case; noise adds its variance."""
    both = OneStep(sp.Max(sp.Abs(1 - gamma * mu), sp.Abs(1 - gamma * L)) ** 2 * u**2, (
        When(gamma <= 2 / (L + mu), ((gamma**2, SPREAD), (gamma * (2 - gamma * (L + mu)), (v - mu * u) * u))),
        When(gamma >= 2 / (L + mu), ((gamma**2, SPREAD), (gamma * (gamma * (L + mu) - 2), (L * u - v) * u)))))
    noisy = one_step((1 - gamma * mu) ** 2 * u**2 + gamma**2 * sigma**2)

    assert_proved(proof(one_step()))
    assert "a part" in proof(one_step()).steps[-1]
    assert_proved(proof(both))
    assert "whole" in proof(both).steps[-1]
    assert_proved(proof(noisy, Noisy(gamma)))
    assert_fails(proof(one_step(), Noisy(gamma)), "sigma")


@pytest.mark.parametrize(("fact", "algorithm", "words"), [
    (one_step(bound=sp.Rational(999, 1000) * (1 - gamma * mu) ** 2 * u**2), Descent(gamma), ["combination = "]),
    (one_step(), Descent(2 * gamma), ["combination = "]),
    (one_step(condition=gamma > 0), Descent(gamma), ["negative at"]),                    # the multiplier changes sign at 2/(L + mu)
    (one_step(strong=-gamma * (2 - gamma * (L + mu)), bracket=-(v - mu * u) * u), Descent(gamma), ["negative at"]),
    (one_step(condition=sp.And(gamma >= 2 / L, gamma <= 3 / L)), Descent(gamma), ["no point"]),
    (one_step(), Descent(gamma, lookahead=1), ["gradient at u"]),
    (OneStep((u - gamma * v) ** 2 + u**3, (When(SHORT, ((sp.Integer(1), u**3),)),)), Descent(gamma), ["inner products"]),
    (OneStep(u**2 / 2, (When(SHORT, ((sp.Integer(1), u**2 / 2 - (u - gamma * v) ** 2),)),), name="circular"), Descent(gamma), ["bracket", "negative at"]),
])
def test_wrong_certificates_fail(fact, algorithm, words):
    """A bound too small, another algorithm, a multiplier or bracket of the wrong sign, an empty case, a gradient elsewhere, no form, a circular bracket."""
    assert_fails(proof(fact, algorithm), *words)


def test_a_bracket_needs_its_assumption():
    """<v - mu u, u> >= 0 belongs to strong convexity: for a merely convex function the same certificate is refused."""
    assert_fails(proof(one_step(), assumptions=(Smooth, Convex)), "negative at")


# ---- multipliers
def lengths(horizon, shift=1):
    return [Fraction(i, 2 * horizon + shift - i) for i in range(1, horizon + 1)] + [Fraction(1)]


def drori_teboulle(horizon, shift=1):
    ell = lengths(horizon, shift)
    return ({(i - 1, i): ell[i - 1] for i in range(1, horizon + 1)} | {("*", 0): ell[0]}
            | {("*", i): ell[i] - ell[i - 1] for i in range(1, horizon + 1)})


def certificate(multipliers=drori_teboulle, factor=Fraction(1), parameters=None):
    return Multipliers(multipliers, lambda horizon: factor * Fraction(1, 4 * horizon + 2), parameters or {gamma: 1}, horizons=(1, 2, 3))


def worst_case(fact, algorithm=None, bound=L * R**2 / (4 * k + 2), assumptions=(Convex, Smooth)):
    return proof(fact, algorithm, bound=bound, metric=function_gap, assumptions=assumptions, condition=sp.And(gamma > 0, gamma <= 1 / L))


def test_multipliers_prove_the_worst_case():
    """Drori and Teboulle's, for gradient descent as coded; a schedule in k is bound step by step."""
    assert_proved(worst_case(certificate()))
    assert_proved(worst_case(certificate(), Descent(gamma * (k + 1) / (k + 1) * K / K)))


@pytest.mark.parametrize(("found", "words"), [
    (lambda: worst_case(certificate(factor=Fraction(999, 1000))), ["indefinite"]),
    (lambda: worst_case(certificate(lambda n: drori_teboulle(n, shift=2))), ["indefinite"]),
    (lambda: worst_case(certificate(lambda n: drori_teboulle(n) | {(0, 1): Fraction(2)})), ["left over"]),
    (lambda: worst_case(certificate(lambda n: drori_teboulle(n) | {(0, "*"): Fraction(-1), ("*", 0): drori_teboulle(n)[("*", 0)] - 1})), ["< 0"]),
    (lambda: worst_case(certificate(parameters={gamma: Fraction(1, 2)})), ["indefinite"]),
    (lambda: worst_case(certificate(), Descent(-gamma)), ["indefinite"]),
    (lambda: worst_case(certificate(), bound=L * R**2 / (4 * k + 3)), ["the claim says"]),
    (lambda: worst_case(certificate(), assumptions=(Smooth,)), ["convex"]),
    (lambda: worst_case(certificate(), Descent(gamma, lookahead=Fraction(1))), ["indefinite"]),
    (lambda: worst_case(certificate(), Momentum(gamma, 1)), ["indefinite"]),
    (lambda: worst_case(certificate(), Noisy(gamma)), ["does not run"]),
])
def test_wrong_multipliers_fail(found, words):
    """0.999 B, other lengths, one too many, a negative one, another step, ascent, a stronger claim, no convexity, gradients elsewhere, momentum, noise."""
    assert_fails(found(), *words)


@settings(max_examples=50, deadline=None)
@given(integers(1, 4), lists(integers(-2, 2), min_size=16, max_size=16), integers(-1, 1))
def test_semidefinite_means_semidefinite(size, entries, shift):
    """The rational LDL^T agrees with eigenvalues on Gram matrices, singular ones too, moved up, down or not."""
    half = np.array(entries[:size * size], dtype=int).reshape(size, size)
    gram = half @ half.T + shift * np.eye(size, dtype=int)
    exact = np.array([[Fraction(int(e)) for e in row] for row in gram], dtype=object)

    assert (semidefinite_residual(exact) is None) == (np.linalg.eigvalsh(gram.astype(float)).min() > -1e-9)   # integers: a negative one is far below


def test_a_rate_bound_with_another_claim_beside_it():
    """Proofs come claim by claim, fact by fact, in the order of the declaration."""
    first = RateBound(Descent(gamma), R, distance_to_minimiser, facts=(IterationMatrix(sp.Matrix([[1 - gamma * lam]])),), name="a")
    second = replace(first, facts=(), name="b")

    assert [(x.claim, x.kind, x.status) for x in prove(Theorem("toy", "A toy", claims=(first, second)))] == [
        ("a", "IterationMatrix", Status.PROVED), ("a", "DerivedCondition", Status.NOT_CLAIMED), ("b", "DerivedCondition", Status.NOT_CLAIMED)]
