"""The constant of an operator: a search in floats that rounding does not mislead, componentwise too."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.arithmetic import FLOAT64, RATIONAL
from convlab.constants import Array
from convlab.draws import Draws, Subset
from convlab.judge.check import check
from convlab.judge.operator import expectations, rounding
from convlab.judge.verdict import Verdict, Word
from convlab.operations import absolute, where
from convlab.run.settings import Settings
from convlab.symbols import Role, d, n, symbol
from convlab.theorem import Law, OperatorConstant, Relation, Source, Theorem

batch = symbol("batch", meaning="batch size", role=Role.SIZE, domain="integer >= 1")


@dataclass(frozen=True)
class Minibatch:
    """The mean of `size` of n rows."""

    n: Any
    size: Any

    def draws(self, x: Array) -> Draws:
        return Draws(mask=Subset(self.n, self.size))

    def __call__(self, x: Array, draw: Any) -> Array:
        return (x * draw.mask[:, :, None]).sum(axis=1) / self.size


@dataclass(frozen=True)
class Quantum:
    """x to the nearest multiple of a quantum below it, in floats only, or in any arithmetic by `%`."""

    quantum: Any

    def __call__(self, x: Array, draw: Any) -> Array:
        return x - x % self.quantum


@dataclass(frozen=True)
class Spoilt:
    """The identity, but for what it returns beyond a limit."""

    limit: float
    beyond: float

    def __call__(self, x: Array, draw: Any) -> Array:
        return where(absolute(x) > self.limit, self.beyond, x)


def variance_error(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """|y - mean|^2."""
    gap = y - x.sum(axis=1) / x.shape[1]
    return (gap * gap).sum(axis=-1)


def variance(x: Array, values: Mapping[Any, Any]) -> Array:
    gap = x - (x.sum(axis=1) / x.shape[1])[:, None]
    return (gap * gap).sum(axis=(1, 2)) / x.shape[1]


def far_rows(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    """Rows around 10^7, so that their variance cancels most digits."""
    return np.array([[[10**7 + Fraction(int(t), 7) for t in row] for row in rows] for rows in rng.integers(-50, 50, (12, values[n], 2))], dtype=object)


def near(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    return rng.uniform(-3, 3, size=(16, values[d]))


SIZES = ({n: 3, batch: 2}, {n: 5, batch: 3}, {n: 4, batch: 4})
SAMPLED = OperatorConstant(Minibatch(n, batch), error=variance_error, scale=variance, bound=(n - batch) / (batch * (n - 1)), inputs=far_rows, sizes=SIZES,
                           statement="variance of a minibatch", law=Law.EXPECTATION)


def judged(claim: OperatorConstant) -> tuple[Verdict, ...]:
    found = check(Theorem(id="toy", title="toy", source="toy", claims=(claim,)), settings=Settings(), families={})
    assert len(found.verdicts) == len(claim.sizes)
    return found.verdicts


def words(claim: OperatorConstant) -> list[Word]:
    return [verdict.word for verdict in judged(claim)]


@given(offset=st.integers(0, 10**8), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_measured_rounding_covers_the_true_one(offset: int, seed: int) -> None:
    """Float error less bound times scale is off by at most what was measured: against the same inputs in fractions."""
    x = offset + np.random.default_rng(seed).integers(-50, 50, (4, 3, 2)) / 7
    sizes = SIZES[0]
    error, scale = expectations(SAMPLED, sizes, x, FLOAT64)
    exact_error, exact_scale = expectations(SAMPLED, sizes, RATIONAL.array(x), RATIONAL)
    off = np.abs((RATIONAL.array(error - 0.25 * scale) - exact_error + Fraction(1, 4) * exact_scale).astype(float))

    assert (off <= rounding(SAMPLED, sizes, x, error, scale, 8)).all()


def test_an_equality_stated_as_a_bound_holds_on_inputs_far_from_zero() -> None:
    """The search would find the input whose rounding is worst; judged again in rationals it is what it is. n of n rows: 0 <= 0."""
    assert words(SAMPLED) == [Word.HOLDS] * 3
    assert words(replace(SAMPLED, relation=Relation.EQUAL)) == [Word.HOLDS] * 3


def test_a_constant_a_little_too_small_falls_in_rationals() -> None:
    """A millionth below, on the same inputs: not one of its digits is rounding."""
    bound = SAMPLED.bound * (1 - sp.Rational(1, 10**6))
    first, second, _ = judged(replace(SAMPLED, bound=bound))

    assert [(v.word, v.judged_by) for v in (first, second)] == [(Word.REFUTED, Source.RATIONAL)] * 2
    assert isinstance(first.measured, Fraction)


def test_without_rationals_a_violation_is_judged_above_its_rounding() -> None:
    """sqrt leaves the fractions: sqrt(x^2) <= |x| holds, a millionth less does not."""
    root = OperatorConstant(Quantum(1), error=lambda x, y, v: np.sqrt((x * x).astype(float)).sum(axis=-1), scale=lambda x, v: absolute(x).astype(float).sum(axis=-1),
                            bound=1, inputs=near, sizes=({d: 3},), statement="norms")

    assert words(root) == [Word.HOLDS]
    (verdict,) = judged(replace(root, bound=1 - sp.Rational(1, 10**6)))
    assert (verdict.word, verdict.judged_by) == (Word.REFUTED, Source.SEARCH)


@pytest.mark.parametrize(("quantum", "word"), [(Fraction(1, 4), Word.HOLDS), (Fraction(2, 7), Word.REFUTED)])
def test_a_componentwise_claim_is_searched(quantum: Fraction, word: Word) -> None:
    """|x - Q(x)| < quantum in every component: of an array of errors the worst component counts."""
    claim = OperatorConstant(Quantum(quantum), error=lambda x, y, v: absolute(x - y), scale=lambda x, v: 0 * x + 1, bound=sp.Rational(1, 4), inputs=near, sizes=({d: 3},),
                             statement="error of one component")

    assert words(claim) == [word]


def test_an_infinite_error_refutes_and_no_number_is_told() -> None:
    """Beyond 5 the answer is infinite: a violation. Where it is no number nothing is certified."""
    claim = OperatorConstant(Spoilt(5.0, np.inf), error=lambda x, y, v: absolute(x - y).sum(axis=-1), scale=lambda x, v: absolute(x).sum(axis=-1), bound=1, inputs=near,
                             sizes=({d: 3},), statement="identity")
    (broken,) = judged(replace(claim, operator=Spoilt(5.0, np.nan)))

    assert words(claim) == [Word.REFUTED]
    assert broken.word is Word.INCONCLUSIVE
    assert str(broken.outcome).startswith("NaN at k = 1")
    assert words(replace(claim, operator=Spoilt(np.inf, np.nan))) == [Word.HOLDS]
