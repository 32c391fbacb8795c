"""The six kinds of claim: of each a small true one that holds, and a neighbour that is refuted."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Abs, And, Rational

from convlab.algorithms.asynchronous import DelayedGradient
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.sgd import SGD
from convlab.assumptions import Convex, Minimum, Quadratic, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.draws import Bernoulli, Draws
from convlab.judge.check import check
from convlab.judge.verdict import Check, Verdict, Word
from convlab.metrics import distance_to_minimiser, gap_of
from convlab.operations import clip, norm_squared
from convlab.problem import Family, Member
from convlab.run.settings import Settings
from convlab.symbols import L, R, beta, d, gamma, k, mu, p
from convlab.theorem import FalseClaim, Identity, Instance, OperatorConstant, RateBound, Relation, Sense, Source, StabilityRegion, StepInequality, Theorem, Trajectory
from convlab_problems import huber, quadratic
from tests.test_judge_conditions import Broken

QUICK = Settings(iterations=40, sampled=False)
MEMBERS = {"quadratic": [Member("plane", quadratic.make((Fraction(1, 3), 12), centre=(7, -6), start=(50, 1)))],
           "huber": [Member("kinked", huber.make(Fraction(2, 5), 21, centre=(-4, 6), threshold=Fraction(5, 3), start=(30, -50)))]}
FAMILIES = {"quadratic": Family("quadratic", quadratic.make, lambda: MEMBERS["quadratic"]), "huber": Family("huber", huber.make, lambda: MEMBERS["huber"])}


def judged(claim: Any, families: Mapping[str, Family] = FAMILIES) -> Check:
    return check(Theorem(id="toy", title="toy", source="toy", claims=(claim,)), settings=QUICK, families=families)


def words(claim: Any) -> set[Word]:
    """The words on every problem; at least one."""
    found = judged(claim)
    assert found.verdicts, [s.reason for s in found.skipped]
    return {v.word for v in found.verdicts}


def refuted(claim: Any) -> Verdict:
    """A verdict that refutes, with a witness beyond k = 0."""
    verdict = next(v for v in judged(claim).verdicts if v.word is Word.REFUTED)
    assert verdict.witness is not None
    assert verdict.witness.iteration >= 1
    return verdict


def on(family: str) -> dict[str, Family]:
    return {family: FAMILIES[family]}


# ---- StepInequality
def gap_after(state: Any, case: Any) -> Array:
    return gap_of(case.problem, state[0], case.minimum)


def descent_lemma(state: Any, case: Any) -> Array:
    """f(x) - f* - gamma (1 - gamma L/2) |grad f(x)|^2."""
    step = case[gamma]
    return gap_after(state, case) - step * (1 - step * case[L] / 2) * norm_squared(case.problem.gradient(state[0]))


LEMMA = StepInequality(GradientDescent(gamma), after=gap_after, bound=descent_lemma, statement="descent lemma", assumptions=(Smooth, Minimum),
                       condition=0 < gamma, defaults={gamma: 1 / L})


def test_the_descent_lemma_holds_from_every_state() -> None:
    """Whatever gamma > 0: searched on problems, == in rationals on a quadratic of one curvature."""
    assert words(LEMMA) == {Word.HOLDS}
    (verdict,) = judged(replace(LEMMA, on=(Instance("quadratic", spectrum=(L,), start=(R,)),), relation=Relation.EQUAL)).verdicts
    assert (verdict.word, verdict.judged_by, verdict.worst_ratio) == (Word.HOLDS, Source.RATIONAL, 1)


def test_a_descent_lemma_a_percent_better_is_refuted() -> None:
    """gamma (1 - gamma L/2) + 1 % : a state along the steepest axis is found and named."""
    def better(state: Any, case: Any) -> Array:
        return descent_lemma(state, case) - case[gamma] / 100 * norm_squared(case.problem.gradient(state[0]))

    assert "x = " in refuted(replace(LEMMA, bound=better)).witness.start      # type: ignore[union-attr]


def test_states_that_the_claim_does_not_speak_of_are_left_out() -> None:
    """The false neighbour holds where it is claimed for no state that breaks it; with no state left nothing is judged."""
    def better(state: Any, case: Any) -> Array:
        return descent_lemma(state, case) - case[gamma] * norm_squared(case.problem.gradient(state[0])) * (state[0][:, 0] > 0)

    assert words(replace(LEMMA, bound=better, where=lambda state, case: state[0][:, 0] <= 0)) == {Word.HOLDS}
    assert words(replace(LEMMA, bound=better)) == {Word.REFUTED}
    assert words(replace(LEMMA, where=lambda state, case: np.zeros(len(state[0]), dtype=bool))) == {Word.INCONCLUSIVE}


def test_a_state_whose_gradient_is_no_number_is_not_passed_over() -> None:
    """NaN within 2 of the minimiser: the search comes across it and says so; outside it all is well."""
    toy = {"toy": Family("toy", lambda **_: None, lambda: [Member("broken", Broken(inside=2.0))])}
    claim = replace(LEMMA, condition=sp.Eq(gamma, 1 / (2 * L)), defaults={gamma: 1 / (2 * L)})
    (broken,) = judged(claim, toy).verdicts
    (outside,) = judged(replace(claim, where=lambda state, case: abs(state[0][:, 0]) > 2), toy).verdicts

    assert broken.word is Word.INCONCLUSIVE
    assert str(broken.outcome).startswith("NaN at k = 1")
    assert outside.word is Word.HOLDS


def test_a_step_inequality_of_a_random_rule_is_skipped_with_the_reason() -> None:
    """It speaks of one certain update, unless its law is the expectation."""
    found = judged(replace(LEMMA, algorithm=SGD(gamma)))

    assert found.verdicts == ()
    assert [s.reason for s in found.skipped] == ["a step inequality speaks of one certain update, this algorithm draws; "
                                                 "of the mean over its draws with law=Law.EXPECTATION"]


# ---- Identity
def at(step: Any) -> Trajectory:
    return Trajectory(GradientDescent(step), lambda state, case: state[0])


SAME = Identity(left=at(gamma), right=Trajectory(HeavyBall(gamma, 0), lambda state, case: state[0]), statement="heavy ball at beta = 0", assumptions=(Smooth,),
                condition=And(0 < gamma, gamma < 2 / L), defaults={gamma: 1 / L})


def test_two_programs_agree_with_equality() -> None:
    """Heavy ball without momentum is gradient descent: == in fractions on every problem."""
    found = judged(SAME)

    assert {(v.word, v.judged_by, v.worst_ratio) for v in found.verdicts} == {(Word.HOLDS, Source.RATIONAL, 1)}
    assert len(found.verdicts) == 2


@pytest.mark.parametrize("wrong", [at(gamma * (1 + Rational(1, 10**6))), Trajectory(HeavyBall(gamma, Rational(1, 10**6)), lambda state, case: state[0])],
                         ids=["step", "beta"])
def test_a_millionth_of_difference_is_refuted(wrong: Trajectory) -> None:
    """In the step (at the first update) or in the momentum (at the second)."""
    assert refuted(replace(SAME, right=wrong)).judged_by is Source.RATIONAL


def test_programs_of_a_case_alone_are_judged_too() -> None:
    """<grad f(x*), anything> is 0; the gradient a unit away is not."""
    def beside(shift: int) -> Any:
        return lambda case: case.problem.gradient((case.minimiser + shift)[None])[0]

    zero = Identity(left=beside(0), right=lambda case: 0 * case.minimiser, statement="stationary", assumptions=(Minimum,))
    assert words(zero) == {Word.HOLDS}
    assert refuted(replace(zero, left=beside(1)))


def test_an_identity_with_what_is_no_number_is_open() -> None:
    """NaN equals nothing, and its iteration is told: x_6 is the first point within 2 of the minimiser's neighbourhood that has no gradient."""
    toy = {"toy": Family("toy", lambda **_: None, lambda: [Member("broken", Broken(inside=2.0))])}
    (verdict,) = judged(replace(SAME, condition=sp.Eq(gamma, 1 / (2 * L)), defaults={gamma: 1 / (2 * L)}), toy).verdicts

    assert verdict.word is Word.INCONCLUSIVE
    assert str(verdict.outcome).startswith("NaN at k = 6")


# ---- OperatorConstant
@dataclass(frozen=True)
class Dropout:
    """Each coordinate is kept with probability `keep` and then divided by it."""

    keep: Any

    def draws(self, x: Array) -> Draws:
        return Draws(kept=Bernoulli(self.keep, shape=(x.shape[1],)))

    def __call__(self, x: Array, draw: Any) -> Array:
        return draw.kept * x / self.keep


@dataclass(frozen=True)
class Clip:
    """Every coordinate within [-1, 1], no draws."""

    def __call__(self, x: Array, draw: Any) -> Array:
        return clip(x, -1, 1)


def some_inputs(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    return np.array([[Fraction(int(v), 4) for v in row] for row in rng.integers(-40, 41, size=(12, values[d]))], dtype=object)


VARIANCE = OperatorConstant(Dropout(p), error=lambda x, y, values: norm_squared(y - x), scale=lambda x, values: norm_squared(x), bound=1 / p - 1, inputs=some_inputs,
                            sizes=({d: 3, p: Fraction(2, 7)}, {d: 4, p: Fraction(3, 5)}), statement="variance of dropout", relation=Relation.EQUAL,
                            condition=And(0 < p, p <= 1))


def test_the_variance_of_an_operator_with_draws_is_exact() -> None:
    """E |C(x) - x|^2 == (1/p - 1) |x|^2 on every input, over all 2^d draws, in rationals."""
    found = judged(VARIANCE)

    assert {(v.word, v.judged_by, v.worst_ratio) for v in found.verdicts} == {(Word.HOLDS, Source.RATIONAL, 1)}
    assert len(found.verdicts) == 2


@pytest.mark.parametrize("bound", [1 / p, (1 / p - 1) * Rational(999, 1000), 1 - p], ids=str)
def test_another_variance_is_refuted(bound: Any) -> None:
    """Above, a thousandth below, or the variance without the division."""
    refuted(replace(VARIANCE, bound=bound))


def test_the_worst_input_of_an_upper_bound_is_searched() -> None:
    """|clip(x) - x|^2 <= c |x|^2 for every x needs c = 1: c = 9/10 survives the generated inputs (below 3) and falls to the search, beyond them."""
    def small(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
        return rng.uniform(-3, 3, size=(16, values[d]))

    claim = replace(VARIANCE, operator=Clip(), bound=sp.Integer(1), inputs=small, relation=Relation.AT_MOST, sizes=({d: 3},), condition=sp.true)
    assert words(claim) == {Word.HOLDS}
    assert refuted(replace(claim, bound=Rational(9, 10))).judged_by is Source.RATIONAL      # found in floats, judged again
    assert words(replace(claim, bound=Rational(9, 10), search=False)) == {Word.HOLDS}


def test_where_a_constant_is_attained_equality_is_asked_for() -> None:
    """At (3, -4) dropout attains its variance; a bound twice as large is true but not attained there, and the verdict shows the ratio 1/2."""
    x = np.array([Fraction(3), Fraction(-4)], dtype=object)
    told = replace(VARIANCE, relation=Relation.AT_MOST, attained=(({d: 2, p: Fraction(2, 7)}, x),))

    assert [v.worst_ratio for v in judged(told).verdicts if v.problem.startswith("attained")] == [1]
    assert [v.worst_ratio for v in judged(replace(told, bound=2 / p - 2)).verdicts if v.problem.startswith("attained")] == [Fraction(1, 2)]


# ---- StabilityRegion
STABLE = StabilityRegion(GradientDescent(gamma), condition=And(0 < gamma, gamma < 2 / L), sweep=gamma, defaults={gamma: 1 / L},
                         assumptions=(Quadratic, StronglyConvex, Smooth))


def test_the_step_sizes_of_gradient_descent() -> None:
    """Stable exactly below 2/L; edges 5 % too low or too high are refuted, from the outside and from the inside."""
    assert words(STABLE) == {Word.HOLDS}
    for factor in (Rational(19, 20), Rational(21, 20)):
        assert refuted(replace(STABLE, condition=And(0 < gamma, gamma < 2 * factor / L))).judged_by is Source.SPECTRUM


def test_the_step_sizes_of_heavy_ball_at_every_momentum() -> None:
    """gamma L < 2 (1 + beta) over the whole domain of beta; without the momentum's gain it is refuted, though at beta = 0 both are true."""
    told = replace(STABLE, algorithm=HeavyBall(gamma, beta), condition=And(0 < gamma, gamma * L < 2 * (1 + beta)), defaults={gamma: 1 / L, beta: Rational(1, 2)},
                   domain=And(0 <= beta, beta < 1))

    assert words(told) == {Word.HOLDS}
    refuted(replace(told, condition=And(0 < gamma, gamma * L < 2)))


def test_mean_square_is_stricter_than_surely() -> None:
    """A gradient that is late with probability p: the edge in mean square moves with p, and the edge of the timely rule is refuted at p > 0."""
    late = replace(STABLE, algorithm=DelayedGradient(gamma, p), condition=And(0 < gamma, gamma * L < 2), defaults={gamma: 1 / (2 * L), p: Rational(1, 4)},
                   domain=And(0 <= p, p < 1), sense=Sense.MEAN_SQUARE)

    refuted(late)
    assert words(replace(late, domain=sp.Eq(p, 0), defaults={gamma: 1 / L, p: 0})) == {Word.HOLDS}


def test_stability_is_not_judged_where_the_map_is_not_affine() -> None:
    """Kinked problems are skipped by name when the claim does not ask for quadratics."""
    found = judged(replace(STABLE, assumptions=(Convex, Smooth)))

    assert any("kinked" in s.problem and "not quadratic" in s.reason for s in found.skipped)


# ---- FalseClaim
CONTRACTION = RateBound(GradientDescent(gamma), bound=(1 - mu * gamma) ** k * R, metric=distance_to_minimiser, assumptions=(Smooth, StronglyConvex, Minimum),
                        condition=And(0 < gamma, gamma < 2 / L), defaults={gamma: 1 / L})


def test_a_false_claim_is_refuted_by_its_witness() -> None:
    """1 - gamma mu up to 2/L: along the steepest axis |1 - gamma L| rules. The verdict is the asserted claim's, under the false one's kind."""
    verdict = refuted(FalseClaim(CONTRACTION, witness=Instance("quadratic", spectrum=(mu, L), start=(0, R)), instead="gd-strongly-convex-distance"))

    assert verdict.kind == "FalseClaim"
    assert verdict.judged_by is Source.RATIONAL


def test_a_true_claim_declared_false_is_unmasked() -> None:
    """It holds on its witness: nothing refutes it, and the command line calls that unexpected."""
    honest = replace(CONTRACTION, bound=sp.Max(Abs(1 - gamma * mu), Abs(1 - gamma * L)) ** k * R)

    assert words(FalseClaim(honest, witness=Instance("quadratic", spectrum=(mu, L), start=(0, R)))) == {Word.HOLDS}


# ---- RateBound
def test_a_rate_bound_holds_and_its_neighbour_does_not() -> None:
    """The sharp contraction is attained in rationals; a thousandth faster is refuted."""
    sharp = replace(CONTRACTION, bound=sp.Max(Abs(1 - gamma * mu), Abs(1 - gamma * L)) ** k * R,
                    tight=Instance("quadratic", spectrum=(mu, L), start=(R, 0), when=gamma <= 2 / (L + mu)))
    found = judged(sharp)

    assert {v.word for v in found.verdicts} == {Word.HOLDS}
    assert next(v for v in found.verdicts if v.judged_by is Source.RATIONAL).last_ratio == 1
    refuted(replace(sharp, bound=Rational(999, 1000) ** k * sharp.bound))
