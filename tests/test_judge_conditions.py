"""A claim is judged on its whole condition, by what really runs: planted half-truths, wrong algorithms, failing oracles and one-sided constants."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import And, Max, Rational

from convlab.algorithms.compression import CompressedGD, RandK
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, Convex, Minimum, Quadratic, Smooth, StronglyConvex
from convlab.constants import Array, exact, lower, upper
from convlab.draws import Bernoulli, Draws
from convlab.judge.check import check
from convlab.judge.verdict import Check, Verdict, Word
from convlab.metrics import distance_to_minimiser, function_gap, squared_distance
from convlab.operations import norm, rowwise
from convlab.problem import Family, Member, Start
from convlab.run.settings import Settings
from convlab.symbols import L, R, beta, d, gamma, k, lam, mu, n_kept, p, sigma, workers
from convlab.theorem import Instance, Law, RateBound, Relation, Theorem, best_of, from_k, horizons
from convlab.theorems.compression import isotropic
from convlab_problems import noisy, quadratic
from convlab_problems import workers as worker_problems

QUICK = Settings(iterations=40, sampled=False)


def found_on(problem: Any, theorem: Theorem, options: Settings = QUICK, **more: Any) -> Check:
    """The check on one problem alone."""
    family = Family("toy", lambda **_: problem, lambda: [Member("toy", problem)])
    return check(theorem, settings=options, families={"toy": family}, **more)


def only(found: Check) -> Verdict:
    """The one verdict of a check, nothing skipped."""
    assert [s.reason for s in found.skipped] == []
    (verdict,) = found.verdicts
    return verdict


PLANE = quadratic.make((Fraction(1, 3), 12), centre=(7, -6), start=(50, 1))
NOISY = noisy.make(PLANE, ((3, -1), (0, 2)))


def descent(**claim: Any) -> Theorem:
    """A claim on the distance of gradient descent to the minimiser of a strongly convex function."""
    told = {"algorithm": GradientDescent(gamma), "assumptions": (Smooth, StronglyConvex, Minimum), "condition": And(0 < gamma, gamma <= 1 / L),
            "defaults": {gamma: 1 / L}, "metric": distance_to_minimiser, "source": "planted"}
    return Theorem(id="planted", title="planted", **{**told, **claim})


def noise_floor(condition: Any) -> Theorem:
    """SGD up to a noise floor that does not depend on the step: right at gamma = 1/(20 L), where the floor is gamma sigma^2/(2 mu - mu^2 gamma)."""
    return descent(algorithm=SGD(gamma), assumptions=(Smooth, StronglyConvex, Minimum, BoundedVariance), metric=squared_distance, law=Law.EXPECTATION,
                   bound=(1 - gamma * mu) ** (2 * k) * R**2 + sigma**2 / (10 * mu * L), condition=condition, defaults={gamma: 1 / (20 * L)})


# ---- half-truths: true at the default, false elsewhere in the condition
HALF_TRUTHS: dict[str, tuple[Theorem, Any, Any]] = {
    "gradient descent contracts by 1 - mu/L for every gamma <= 1/L": (
        descent(bound=(1 - mu / L) ** k * R), descent(bound=(1 - mu / L) ** k * R, condition=sp.Eq(gamma, 1 / L)), PLANE),
    "true at the upper end alone": (
        descent(bound=R * L * gamma / 2, condition=And(0 < gamma, gamma <= 2 / L), defaults={gamma: 2 / L}, mode=best_of(0, 0)),
        descent(bound=R * L * gamma / 2, condition=sp.Eq(gamma, 2 / L), defaults={gamma: 2 / L}, mode=best_of(0, 0)), PLANE),
    "momentum contracts as at beta = 0": (
        descent(algorithm=HeavyBall(gamma, beta), bound=(1 - mu * gamma) ** k * R, condition=And(sp.Eq(gamma, 1 / L), 0 <= beta, beta < 1),
                defaults={gamma: 1 / L, beta: 0}),
        descent(algorithm=HeavyBall(gamma, beta), bound=(1 - mu * gamma) ** k * R, condition=And(sp.Eq(gamma, 1 / L), sp.Eq(beta, 0)),
                defaults={gamma: 1 / L, beta: 0}), PLANE),
    "an expectation with the noise of the default step": (
        noise_floor(And(0 < gamma, gamma <= 1 / L)), noise_floor(sp.Eq(gamma, 1 / (20 * L))),
        noisy.make(quadratic.make((Fraction(1, 3), 12), start=(50, 0)), ((3, -1), (0, 2)))),
}


@pytest.mark.parametrize(("claimed", "restricted", "problem"), HALF_TRUTHS.values(), ids=HALF_TRUTHS)
def test_half_truths_are_refuted_off_their_default(claimed: Theorem, restricted: Theorem, problem: Any) -> None:
    """Each is refuted beyond k = 0 at a parameter point other than its default; the same claim restricted to its default holds."""
    verdict = only(found_on(problem, claimed))
    default = only(found_on(problem, restricted))

    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.iteration >= 1
    assert dict(verdict.witness.parameters) != dict(default.parameters)
    assert default.word is Word.HOLDS


def test_a_claim_true_at_one_size_only_is_refuted() -> None:
    """Random-k descent stays above the second moment that keeping one coordinate forces: true for one, false for two or three, which are judged too."""
    problem = worker_problems.make(Fraction(7, 2), [(30, 40, 10), (-30, -40, -10)], start=(9, -2, 6))
    variance_of_one = d - 1

    def claim(condition: Any) -> Theorem:
        factor = (1 - gamma * lam) ** 2 + variance_of_one * gamma**2 * lam**2 / workers
        return Theorem(id="planted", title="planted", source="planted", algorithm=CompressedGD(gamma, RandK(n_kept)), assumptions=isotropic.claims[0].assumptions,
                       condition=And(sp.Eq(gamma, 1 / (2 * lam)), condition), defaults={gamma: 1 / (2 * lam), n_kept: 1}, metric=squared_distance,
                       law=Law.EXPECTATION, relation=Relation.AT_LEAST, bound=factor**k * R**2)

    verdict = only(found_on(problem, claim(And(1 <= n_kept, n_kept <= d))))
    assert only(found_on(problem, claim(sp.Eq(n_kept, 1)))).word is Word.HOLDS
    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.parameters["n_kept"] > 1


# ---- wrong algorithms
@dataclass(frozen=True)
class Forgetful(GradientDescent):
    """Takes no step once it is near: 'converged'."""

    def step(self, state: Any, oracle: Any) -> Any:
        after = super().step(state, oracle)
        far = rowwise(norm(oracle.gradient(state[0])) > 30, state[0]) * 1
        return type(state)(far * after[0] + (1 - far) * state[0])


@pytest.mark.parametrize("wrong", [GradientDescent(-gamma), GradientDescent(gamma / 2), GradientDescent(3 * gamma), Forgetful(gamma)],
                         ids=["sign", "half", "thrice", "forgetful"])
def test_wrong_algorithms_are_refuted_beyond_the_start(wrong: Any) -> None:
    """In place of gradient descent at 1/L: with a wrong sign refuted at the first update, with half or thrice the step, or when it stops."""
    theorem = descent(bound=(1 - mu * gamma) ** k * R)
    verdict = only(found_on(PLANE, theorem, algorithm=wrong))

    assert only(found_on(PLANE, theorem)).word is Word.HOLDS
    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.iteration == (1 if wrong == GradientDescent(-gamma) else verdict.witness.iteration) >= 1
    assert "--param gamma=" in verdict.witness.reproduce


# ---- oracles that fail
@dataclass(frozen=True, eq=False)
class Broken:
    """A quadratic whose gradient is no number inside (or outside) a ball around the minimiser."""

    curvature: float = 12.0
    inside: float = 0.0
    outside: float = np.inf

    def value(self, x: Array) -> Array:
        return self.curvature * (x * x).sum(axis=-1) / 2

    def gradient(self, x: Array) -> Array:
        size = np.sqrt((np.asarray(x, dtype=float) ** 2).sum(axis=-1, keepdims=True))
        return np.where((size < self.inside) | (size > self.outside), np.nan, self.curvature * x)

    def gradient_draws(self) -> Draws:
        return Draws(coin=Bernoulli(Fraction(1, 2)))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        return self.gradient(x) + 5 * (2 * rowwise(draw.coin, x) - 1)

    def facts(self) -> tuple[Any, ...]:
        L_exact = exact(self.curvature, how="the curvature")
        return (Smooth(L_exact), StronglyConvex(L_exact), Minimum(exact(0.0, how="a square"), at=np.array([0.0])), Quadratic(), BoundedVariance(exact(5.0, how="a coin")))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        return (Start("far", np.array([50.0])),)


def halving(**claim: Any) -> Theorem:
    """Gradient descent at 1/(2 L) halves the distance of `Broken` at each update."""
    return descent(**{"bound": (1 - gamma * L) ** k * R, "condition": sp.Eq(gamma, 1 / (2 * L)), "defaults": {gamma: 1 / (2 * L)}, **claim})


def test_a_gradient_that_is_no_number_has_a_verdict_with_its_iteration() -> None:
    """NaN within 2 of the minimiser: 50/2^5 < 2, so x_6 is the first without a number; what came before held, so the verdict is open and says why."""
    verdict = only(found_on(Broken(inside=2.0), halving()))

    assert only(found_on(Broken(), halving())).word is Word.HOLDS
    assert verdict.word is Word.INCONCLUSIVE
    assert verdict.outcome == "NaN at k = 6: the oracle (or the metric) returned no number, from far with gamma = 0.0416667"
    assert verdict.to_json()["outcome"] == verdict.outcome


def test_a_violation_before_the_nan_still_refutes() -> None:
    """A bound that is wrong at k = 1 is refuted there, whatever comes later."""
    verdict = only(found_on(Broken(inside=2.0), halving(bound=Rational(2, 5) ** k * R)))

    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.iteration == 1


@pytest.mark.parametrize("law", [Law.EXPECTATION, Law.SURELY], ids=lambda law: law.name)
def test_a_nan_on_some_path_is_not_passed_over(law: Law) -> None:
    """SGD that gets within 2 of the minimiser on some paths: neither an expectation nor a claim on every path `holds` after that."""
    theorem = halving(algorithm=SGD(gamma), metric=squared_distance, law=law, bound=R**2)
    verdict = only(found_on(Broken(inside=2.0), theorem))

    assert only(found_on(Broken(), theorem)).word is Word.HOLDS
    assert verdict.word is Word.INCONCLUSIVE
    assert verdict.outcome is not None
    assert verdict.outcome.startswith("NaN at k = ")


def test_a_nan_from_the_first_update_on() -> None:
    """An oracle that never answers: x_1 is no number."""
    verdict = only(found_on(Broken(outside=1.0), halving()))

    assert verdict.word is Word.INCONCLUSIVE
    assert "NaN at k = 1" in str(verdict.outcome)


def test_divergence_is_refuted_and_told() -> None:
    """Steps of 5/L leave float64: the claim is refuted at its first violation, and the outcome names the k at which the range was left."""
    verdict = only(found_on(Broken(), halving(condition=sp.Eq(gamma, 5 / L), defaults={gamma: 5 / L}, bound=R), Settings(iterations=600, sampled=False)))

    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert verdict.witness.iteration == 1
    assert "left the range of float64 at k = " in str(verdict.outcome)


def test_linear_rates_do_not_underflow() -> None:
    """(1 - gamma mu)^(2 k) at kappa = 10 up to k = 3,000 is 10^-275 ... and R^2 times it: holds, and is judged far below 1e-200."""
    problem = quadratic.make((Fraction(6, 5), 12), centre=(0, 0), start=(50, 1))
    verdict = only(found_on(problem, descent(metric=squared_distance, bound=(1 - gamma * mu) ** (2 * k) * R**2), Settings(iterations=3000, sampled=False)))

    assert verdict.word is Word.HOLDS
    assert float(verdict.worst_ratio) <= 1 + 1e-9
    assert only(found_on(problem, descent(metric=squared_distance, bound=Rational(99, 100) ** k * (1 - gamma * mu) ** (2 * k) * R**2), QUICK)).word is Word.REFUTED


# ---- constants that are known from one side
@dataclass(frozen=True, eq=False)
class Bounded(Broken):
    """The same, with constants known from one side only."""

    def facts(self) -> tuple[Any, ...]:
        return (Smooth(upper(2 * self.curvature, how="a norm")), StronglyConvex(lower(self.curvature / 2, how="a shift")),
                Minimum(exact(0.0, how="a square"), at=np.array([0.0])), Quadratic())


def test_one_sided_constants_serve_upper_bounds_only() -> None:
    """An upper bound on L and a lower one on mu judge a claim <=; a claim == or >= is skipped and names the constant."""
    told = {"bound": Max(1 - gamma * mu, gamma * L - 1) ** k * R}
    assert only(found_on(Bounded(), descent(**told))).word is Word.HOLDS
    for relation in (Relation.EQUAL, Relation.AT_LEAST):
        found = found_on(Bounded(), descent(**told, relation=relation))
        assert found.verdicts == ()
        assert [s.reason for s in found.skipped] == ["the claim needs the exact L, the problem knows only upper bound"] or "exact mu" in found.skipped[0].reason


@dataclass(frozen=True)
class Fenced:
    """x stays within a fence (an assumption that changes what the problem is)."""

    statement: ClassVar[str] = "x stays within a fence"
    formula: ClassVar[str] = "x in C"
    restricts: ClassVar[bool] = True

    def constants(self) -> dict[Any, Any]:
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Any]:
        return iter(())


@dataclass(frozen=True, eq=False)
class FencedQuadratic(Broken):
    """The same, fenced."""

    def facts(self) -> tuple[Any, ...]:
        return (*super().facts(), Fenced())


def test_restricted_problems_match_only_who_asks_for_them() -> None:
    """A fact that restricts is skipped with its name by a theorem that does not list it, and judged by one that does."""
    found = found_on(FencedQuadratic(), halving())

    assert [s.reason for s in found.skipped] == ["the claim does not speak of problems with Fenced"]
    assert only(found_on(FencedQuadratic(), halving(assumptions=(Smooth, StronglyConvex, Minimum, Fenced)))).word is Word.HOLDS
    assert [s.reason for s in found_on(Broken(), halving(assumptions=(Fenced,))).skipped] == ["it does not offer Fenced (x stays within a fence)"]


# ---- other edges of a declaration
def test_an_unbounded_parameter_is_tried_far_out() -> None:
    """gamma > 0 alone is refuted far beyond 2/L, although the default is fine."""
    verdict = only(found_on(PLANE, descent(bound=R, condition=0 < gamma)))

    assert verdict.word is Word.REFUTED
    assert verdict.witness is not None
    assert float(verdict.witness.parameters["gamma"]) > 2 / 12


def test_a_default_outside_the_condition_is_told() -> None:
    """It is skipped with the numbers, neither judged there nor passed over in silence."""
    found = found_on(PLANE, descent(bound=R, condition=And(0 < gamma, gamma < 1 / L), defaults={gamma: 2 / L}))

    assert found.verdicts == ()
    assert [s.reason for s in found.skipped] == [
        "its default gamma = 0.166667 lies outside its own condition there: gamma < 1/L with gamma = 0.166667, 1/L = 0.0833333"]


@given(power=st.integers(1, 3), scale=st.floats(0.01, 100))
@settings(max_examples=10)
def test_plain_functions_are_metrics(power: int, scale: float) -> None:
    """A user's function without a floor of its own: c |x - x*|^p holds at its rate and is refuted 1 % below it, down to where rounding rules."""
    def measured(state: Any, case: Any) -> Array:
        return scale * norm(state[0] - case.minimiser) ** power

    theorem = descent(metric=measured, bound=scale * (1 - gamma * mu) ** (power * k) * R**power, condition=And(0 < gamma, gamma <= 1 / L))
    long = Settings(iterations=1500, sampled=False)
    assert only(found_on(PLANE, theorem, long)).word is Word.HOLDS
    assert only(found_on(PLANE, descent(metric=measured, bound=Rational(99, 100) ** k * theorem.claims[0].bound), long)).word is Word.REFUTED


def test_an_instance_without_its_family_is_bad_input() -> None:
    """The message names the family and the ones that exist."""
    with pytest.raises(ValueError, match="no problem family is called 'cubic'; there are toy"):
        found_on(PLANE, descent(bound=R, tight=Instance("cubic", L=L)))


class Pair(NamedTuple):
    """Points."""

    x: Array


@dataclass(frozen=True)
class Tossed:
    """A step that is not affine, with a coin."""

    chance: Any = p

    def init(self, x0: Array, oracle: Any) -> Pair:
        return Pair(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(coin=Bernoulli(self.chance))

    def step(self, state: Pair, oracle: Any, draw: Any) -> Pair:
        return Pair(abs(state.x) * (1 + rowwise(draw.coin, state.x)) / 2.5)


TOSSED = {"algorithm": Tossed(), "law": Law.EXPECTATION, "bound": R, "condition": And(0 <= p, p <= 1), "defaults": {p: Rational(1, 2)}}


@pytest.mark.parametrize("grid", [horizons(1, 2, 200), from_k(150)], ids=["horizons", "late"])
def test_an_enumeration_that_ends_before_the_claim_begins_is_told(grid: Any) -> None:
    """Random claims at K = 200 or from k = 150 on, where the paths end before: what can be judged is, the rest is said and nothing crashes."""
    @dataclass(frozen=True)
    class Spreading(Tossed):
        def step(self, state: Pair, oracle: Any, draw: Any) -> Pair:
            return Pair(abs(state.x / 3 + rowwise(draw.coin, state.x)))

    found = found_on(Broken(), descent(**{**TOSSED, "algorithm": Spreading(), "bound": 2 * R, "grid": grid}), Settings(iterations=200, sampled=False))

    assert found.word in (Word.HOLDS, Word.NOT_APPLICABLE, Word.INCONCLUSIVE)
    told = [s.reason for s in found.skipped] + [v.note for v in found.verdicts]
    assert any("enumera" in text for text in told)


def test_series_in_an_expectation_are_refused_by_name() -> None:
    """A bound that reads the run of a random method speaks of single runs: without an exact source it is skipped, not a KeyError."""
    from convlab.theorem import Series

    read = sp.Symbol("steps_so_far")
    found = found_on(Broken(), descent(**{**TOSSED, "bound": R + read, "reads": (Series("steps_so_far", lambda state, case: state[0][:, 0] * 0),)}))

    assert found.verdicts == ()
    assert all("steps_so_far" in s.reason or "single runs" in s.reason for s in found.skipped)


def test_a_best_iterate_on_every_path_is_no_last_iterate() -> None:
    """A walk that goes down and up again: its last iterate breaks a bound that its best keeps, on every path."""
    @dataclass(frozen=True)
    class There(Tossed):
        def step(self, state: Pair, oracle: Any, draw: Any) -> Pair:
            return Pair(60.0 - state.x + 0 * rowwise(draw.coin, state.x))

    told = {**TOSSED, "algorithm": There(), "law": Law.SURELY, "bound": R / 2, "mode": best_of(0, 0), "grid": from_k(1)}
    best = found_on(Broken(), descent(**told))
    last = found_on(Broken(), descent(**{**told, "mode": RateBound().mode}))

    assert last.word is Word.REFUTED
    assert best.word is not Word.REFUTED


def test_replacing_an_algorithm_needs_a_claim_that_has_one() -> None:
    """A function gap of another rule on the same claim is judged under the claim's own conditions."""
    theorem = descent(metric=function_gap, assumptions=(Smooth, Convex, Minimum), bound=L * R**2 / 2)

    assert only(found_on(PLANE, theorem)).word is Word.HOLDS
    assert only(found_on(PLANE, theorem, algorithm=replace(GradientDescent(gamma), step_size=5 * gamma))).word is Word.REFUTED
