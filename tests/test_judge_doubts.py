"""A refutation is doubted where the problem's facts are wrong, told apart where it is of one path, and void at k = 0 alone."""
# ruff: noqa: SIM300    # 0 < gamma, as mathematics writes it
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import And, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.sgd import SGD
from convlab.assumptions import Minimum, Smooth, StronglyConvex
from convlab.constants import Array, exact
from convlab.judge.check import check
from convlab.judge.doubts import EVERY_PATH
from convlab.judge.verdict import Verdict, Word
from convlab.metrics import distance_to_minimiser
from convlab.problem import Family, Member, Start, installed_families
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, mu
from convlab.theorem import FalseClaim, Instance, Law, RateBound, Theorem


@dataclass(frozen=True)
class Misstated:
    """6 (x - 5)^2, of curvature 12, with whatever L is stated."""

    stated: Fraction

    def value(self, x: Array) -> Array:
        return 6 * ((x - 5) * (x - 5)).sum(axis=-1)

    def gradient(self, x: Array) -> Array:
        return 12 * (x - 5)

    def facts(self) -> tuple[Any, ...]:
        return (Smooth(exact(self.stated, how="stated")), StronglyConvex(exact(Fraction(1, 3), how="below 12")),
                Minimum(exact(0, how="a square"), at=np.array([Fraction(5)])))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        return (Start("far", np.array([Fraction(40)])),)


STAYS = RateBound(GradientDescent(gamma), bound=R, metric=distance_to_minimiser, assumptions=(Smooth, StronglyConvex, Minimum), condition=And(0 < gamma, gamma <= 1 / L),
                  defaults={gamma: 1 / L})


def judged(claim: Any, families: Any) -> tuple[Verdict, ...]:
    return check(Theorem(id="toy", title="toy", source="toy", claims=(claim,)), settings=Settings(iterations=20, sampled=False), families=families).verdicts


def on(stated: Fraction) -> dict[str, Family]:
    return {"toy": Family("toy", Misstated, lambda: [Member("parabola", Misstated(stated))])}


def test_a_wrong_constant_is_blamed_before_the_theorem() -> None:
    """With L = 3 stated of a curvature of 12 gradient descent runs away: inconclusive, with what the audit found. With the right L it holds, a false bound falls."""
    (verdict,) = judged(STAYS, on(Fraction(3)))

    assert (verdict.word, verdict.witness) == (Word.INCONCLUSIVE, None)
    assert "the problem's facts are wrong: claimed L = 3, found 12" in verdict.note
    assert judged(STAYS, on(Fraction(12)))[0].word is Word.HOLDS
    assert judged(replace(STAYS, bound=R / (k + 1) ** 9, defaults={gamma: 1 / (9 * L)}), on(Fraction(12)))[0].word is Word.REFUTED


def test_a_random_path_that_violates_a_sure_claim_is_told_as_one() -> None:
    """The law may have been forgotten; of the mean nothing is said."""
    claim = replace(STAYS, algorithm=SGD(gamma), bound=R / (k + 1) ** 9)
    families = {"noisy": installed_families()["noisy"]}
    sure = [v for v in judged(claim, families) if v.word is Word.REFUTED]
    mean = [v for v in judged(replace(claim, law=Law.EXPECTATION), families) if v.word is Word.REFUTED]

    assert sure
    assert mean
    assert all(EVERY_PATH in v.note for v in sure)
    assert not any(EVERY_PATH in v.note for v in mean)


def test_a_false_claim_that_fails_at_the_start_alone_is_not_refuted() -> None:
    """Half of R at k = 0 and R beyond: no update has a part in that. Half of the rate's bound beyond k = 0 counts."""
    witness = Instance("quadratic", spectrum=(mu, L), start=(R, 0))
    families = {"quadratic": installed_families()["quadratic"]}
    (start,) = judged(FalseClaim(replace(STAYS, bound=R * sp.Piecewise((Rational(1, 2), sp.Eq(k, 0)), (1, True))), witness), families)
    (rate,) = judged(FalseClaim(replace(STAYS, bound=R * (1 - gamma * L / 2) ** k), witness), families)

    assert start.word is Word.INCONCLUSIVE
    assert "k = 0 alone" in start.note
    assert rate.word is Word.REFUTED
