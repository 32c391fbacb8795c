"""Enumerated states against a bound: cases judged together are judged as alone, paths that break are told, and an adversary may hold a parameter."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational

from convlab.assumptions import Minimum
from convlab.constants import Array
from convlab.draws import Adversary, Bernoulli, Draws
from convlab.judge.rate import float_evidence
from convlab.judge.words import Evidence
from convlab.metrics import distance_to_minimiser
from convlab.operations import absolute, rowwise
from convlab.run.cases import Setting
from convlab.run.settings import Settings
from convlab.symbols import R, beta, gamma, k, p
from convlab.theorem import Law, Mode, RateBound, best_of, every_iterate, mean_of
from convlab_problems import quadratic
from tests.engine_runs import batch_on
from tests.test_run_enumeration import Position

HOME = Fraction(4)
LINE = quadratic.make((Fraction(3),), centre=(HOME,), start=(Fraction(17),))


@dataclass(frozen=True)
class Stumbling:
    """x - x* becomes beta |x - x*| +- gamma: no step is affine; at beta = 1 paths meet, at other beta they never do."""

    law: Any
    stride: Any = gamma
    shrink: Any = beta

    def init(self, x0: Array, oracle: Any) -> Position:
        return Position(x0)

    def draws(self, oracle: Any) -> Draws:
        return Draws(move=self.law)

    def step(self, state: Position, oracle: Any, draw: Any) -> Position:
        return Position(HOME.numerator + self.shrink * absolute(state.x - HOME.numerator) + self.stride * (2 * rowwise(draw.move, state.x) - 1))


CHANCE, CHOICE = Bernoulli(p), Adversary((0, 1))


def claim_on(rule: Any, law: Law, mode: Mode = every_iterate) -> RateBound:
    """|x_k - x*| <= R + k gamma, in expectation or on every path."""
    return RateBound(algorithm=rule, bound=R + k * gamma, metric=distance_to_minimiser, assumptions=(Minimum,), condition=gamma >= 0,
                     defaults={gamma: Rational(1, 4)}, law=law, mode=mode)


def at(start: Any, step: Any, shrink: Any, chance: Any) -> Setting:
    """The line from a start, at a parameter point, with the R of that start."""
    like = batch_on(LINE).settings[0]
    constants = {**like.constants, R: abs(start - HOME)}
    return replace(like, start=replace(like.start, point=np.array([start])), point={gamma: step, beta: shrink, p: chance}, constants=constants)


def by_setting(evidence: list[Evidence]) -> dict[int, tuple[Array, Array, Array, str]]:
    """Checkpoints, ratios, bounds and the note of each setting."""
    return {id(setting): (e.result.k, e.result.ratio[:, case], e.result.bound[:, case], e.note) for e in evidence for case, setting in enumerate(e.settings)}


cases = st.builds(at, st.fractions(-40, 40, max_denominator=3), st.sampled_from([Fraction(1, 4), Fraction(5, 2)]),
                  st.sampled_from([Fraction(1), Fraction(-1), Fraction(1, 3), Fraction(-5, 7)]), st.fractions(Fraction(1, 9), Fraction(8, 9), max_denominator=9))


@settings(max_examples=25, deadline=None)
@given(found=st.lists(cases, min_size=2, max_size=5), kind=st.sampled_from([(CHANCE, Law.EXPECTATION), (CHANCE, Law.SURELY), (CHOICE, Law.SURELY)]),
       mode=st.sampled_from([every_iterate, mean_of(0, 0), best_of(0, 0)]))
def test_cases_together_are_judged_as_alone(found: list[Setting], kind: Any, mode: Mode) -> None:
    """Some end early, and none is the worse for it: the same k, ratios, bounds and notes, to the rounding of the mean of a few thousand states."""
    claim = claim_on(Stumbling(kind[0]), kind[1], mode if kind[1] is Law.EXPECTATION else every_iterate)
    with pytest.MonkeyPatch.context() as patch:              # small budgets: paths that never meet then end after some updates
        patch.setattr("convlab.judge.rate.WORK", 10_000 * len(found))
        together = by_setting(float_evidence(claim, found, Settings(iterations=14)))
        patch.setattr("convlab.judge.rate.WORK", 10_000)
        alone = by_setting([e for setting in found for e in float_evidence(claim, [setting], Settings(iterations=14))])

    assert len(together) == len(alone) == len(found)
    for setting, (checkpoints, ratio, bound, note) in alone.items():
        mine = together[setting]
        np.testing.assert_array_equal(mine[0], checkpoints)
        np.testing.assert_allclose(mine[1].astype(float), ratio.astype(float), rtol=1e-13)
        np.testing.assert_allclose(mine[2].astype(float), bound.astype(float), rtol=1e-13)
        assert mine[3] == note


def test_the_worst_path_of_each_case_is_found() -> None:
    """Driven outwards at every update |x_k - x*| is R + k gamma: the bound is attained from every start and 1 % less is violated on every one."""
    found = [at(Fraction(start), step, Fraction(1), Fraction(1, 2)) for start, step in ((90, Fraction(1, 4)), (-3, Fraction(5, 2)), (5, Fraction(2)))]
    (right,) = float_evidence(claim_on(Stumbling(CHOICE), Law.SURELY), found, Settings(iterations=12))
    (wrong,) = float_evidence(replace(claim_on(Stumbling(CHOICE), Law.SURELY), bound=Rational(99, 100) * (R + k * gamma)), found, Settings(iterations=12))

    assert len(right.settings) == 3
    np.testing.assert_allclose(right.result.ratio.astype(float), 1, rtol=1e-13)
    assert not right.result.violated.any()
    assert wrong.result.violated.all()


def test_a_path_that_breaks_is_told_of_its_own_case() -> None:
    """One start walks into a place where the step is no number; the other cases are judged to the end."""
    @dataclass(frozen=True)
    class Trap(Stumbling):
        def step(self, state: Position, oracle: Any, draw: Any) -> Position:
            x = Stumbling.step(self, state, oracle, draw).x
            return Position(np.where(x > 100, np.nan, x))

    found = [at(Fraction(start), Fraction(5, 2), Fraction(1), Fraction(1, 2)) for start in (9, 95, -3)]
    (evidence,) = float_evidence(claim_on(Trap(CHOICE), Law.SURELY), found, Settings(iterations=12))

    assert evidence.result.broke.tolist() == [-1, 3, -1]     # 95 + 3 * 5/2 > 100
    assert not evidence.result.diverged.any()


def test_an_adversary_may_choose_among_multiples_of_a_parameter() -> None:
    """Values that differ between cases are no values of a common law: each case is enumerated alone, and judged all the same."""
    @dataclass(frozen=True)
    class Pushed(Stumbling):
        size: Any = gamma

        def draws(self, oracle: Any) -> Draws:
            return Draws(move=Adversary((-self.size, self.size)))

        def step(self, state: Position, oracle: Any, draw: Any) -> Position:
            return Position(state.x + rowwise(draw.move.reshape(-1), state.x))

    found = [at(Fraction(start), step, Fraction(1), Fraction(1, 2)) for start, step in ((90, Fraction(1, 4)), (-3, Fraction(5, 2)))]
    evidence = float_evidence(claim_on(Pushed(None), Law.SURELY), found, Settings(iterations=12))

    assert [len(e.settings) for e in evidence] == [1, 1]
    for e in evidence:
        np.testing.assert_allclose(e.result.ratio.astype(float), 1, rtol=1e-13)
