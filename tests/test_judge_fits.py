"""Fits know no units, find planted orders through noise, and inform only; claims of order alone are judged by how measured/bound grows."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.catalogue import theorems
from convlab.constants import exact
from convlab.falsify.generic import generic_mutants
from convlab.judge.check import check
from convlab.judge.fits import measured_order
from convlab.judge.growth import Path, finding
from convlab.judge.verdict import Sample, Word
from convlab.run.orders import Kind, Order, order_of_formula
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, mu
from convlab.theorem import Changed, Instance, Theorem, mutated
from tests.command_line import convlab

EVERY = np.arange(1, 301)
CLEAR = np.ones(len(EVERY), dtype=bool)
exponents = st.floats(0.2, 4)
factors = st.floats(0.9, 0.999)
noise = st.integers(0, 2**32 - 1).map(lambda seed: np.exp(0.1 * np.random.default_rng(seed).standard_normal(len(EVERY))))


# ---- laws of fits
@given(p=exponents, wiggle=noise, scale=st.floats(1e-6, 1e6), stretch=st.integers(2, 50))
def test_a_power_knows_neither_the_unit_of_the_curve_nor_that_of_time(p: float, wiggle: Any, scale: float, stretch: int) -> None:
    curve = EVERY**-p * wiggle
    fits = [measured_order(Kind.SUBLINEAR, *given, CLEAR) for given in ((EVERY, curve), (EVERY, scale * curve), (stretch * EVERY, curve))]

    for other in fits[1:]:
        assert (other.measured, other.low, other.high) == pytest.approx((fits[0].measured, fits[0].low, fits[0].high), abs=1e-9)  # type: ignore[union-attr]


@given(q=factors, wiggle=noise, scale=st.floats(1e-6, 1e6), stretch=st.integers(2, 9))
def test_a_factor_knows_no_unit_of_the_curve_and_is_a_root_in_slower_time(q: float, wiggle: Any, scale: float, stretch: int) -> None:
    """The same curve seen with `stretch` steps in place of each: the factor a step is its root."""
    curve = q**EVERY * wiggle
    plain, scaled, slower = (measured_order(Kind.LINEAR, *given, CLEAR) for given in ((EVERY, curve), (EVERY, scale * curve), (stretch * EVERY, curve)))

    assert scaled.measured == pytest.approx(plain.measured, rel=1e-9)                          # type: ignore[union-attr]
    assert slower.measured == pytest.approx(plain.measured ** (1 / stretch), rel=1e-9)         # type: ignore[union-attr,operator]


@given(p=exponents, q=factors, level=st.floats(1e-3, 1e3))
def test_pure_curves_are_fitted_to_rounding(p: float, q: float, level: float) -> None:
    """A power, a factor, a level, and a floor below which nothing is looked at."""
    assert measured_order(Kind.SUBLINEAR, EVERY, level * EVERY**-p, CLEAR).measured == pytest.approx(p, rel=1e-9)      # type: ignore[union-attr]
    assert measured_order(Kind.LINEAR, EVERY, level * q**EVERY, CLEAR).measured == pytest.approx(q, rel=1e-9)          # type: ignore[union-attr]
    assert measured_order(Kind.FLOOR, EVERY, np.full(300, level), CLEAR).measured == pytest.approx(level, rel=1e-9)    # type: ignore[union-attr]

    stalled = np.maximum(level * q**EVERY, level * q**100)
    fit = measured_order(Kind.LINEAR, EVERY, stalled, EVERY < 100)
    assert (fit.measured, fit.to_k) == (pytest.approx(q, rel=1e-9), 99)                        # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "truth"), [(Kind.SUBLINEAR, 1.5), (Kind.LINEAR, 0.97)])
def test_the_interval_of_a_sample_covers_the_planted_order(kind: Kind, truth: float) -> None:
    """200 experiments of 400 replicates, each a random walk in log k around the planted order: at least 90 % of the 95 % intervals cover, at most 99.5 %."""
    rng = np.random.default_rng(5)
    rows = np.unique(np.geomspace(30, 300, 24).astype(int))
    mean = rows**-truth if kind is Kind.SUBLINEAR else truth ** rows.astype(float)
    covered = 0
    for trial in range(200):
        steps = 0.2 * rng.standard_normal((len(rows), 400))
        walk = np.cumsum(steps, axis=0)
        values = mean[:, None] * np.exp(walk - 0.02 * np.arange(1, len(rows) + 1)[:, None])      # each factor has mean 1
        fit = measured_order(kind, rows, values.mean(axis=1), np.ones(len(rows), dtype=bool), Sample(rows, values), seed=trial)
        covered += fit.low <= truth <= fit.high                                                 # type: ignore[union-attr,operator]

    assert 180 <= covered <= 199


@given(q=st.floats(1.3, 3), start=st.floats(0.05, 0.5))
def test_superlinear_orders_are_found_from_a_handful_of_points(q: float, start: float) -> None:
    logs = np.log(start) * q ** np.arange(12)
    values = np.exp(np.maximum(logs, -600))
    fit = measured_order(Kind.SUPERLINEAR, np.arange(12), values, logs > -500)

    assert fit.measured == pytest.approx(q, rel=1e-6)                                           # type: ignore[union-attr]


def test_too_few_points_have_no_order() -> None:
    assert measured_order(Kind.LINEAR, EVERY, 0.5**EVERY, EVERY < 4) == "fewer than 4 points stand clear of the floating-point floor"


# ---- claims of order on planted curves
def path(measured: Any, bound: Any, at: Any = EVERY, **what: Any) -> Path:
    return Path(at.astype(float), np.log(np.asarray(measured, dtype=np.longdouble)), np.log(np.asarray(bound, dtype=np.longdouble)), **what)


POWER, FACTOR = Order(Kind.SUBLINEAR, exponent=1.0), Order(Kind.LINEAR, factor=0.9)


@given(p=st.floats(0.5, 3), excess=st.floats(0.4, 2), scale=st.floats(1e-9, 1e9), shift=st.floats(0, 1))
def test_along_horizons_a_power_more_is_refuted_and_any_constant_forgiven(p: float, excess: float, scale: float, shift: float) -> None:
    at = 2 ** np.arange(11)
    measured = scale * (at + shift) ** -p

    assert finding(path(measured, at**-p, at, horizons=True), POWER).word is Word.HOLDS
    assert finding(path(measured, at ** -(p + excess), at, horizons=True), POWER).word is Word.REFUTED


@given(q=st.floats(0.5, 0.9), ratio=st.floats(0.5, 0.9), scale=st.floats(1e-6, 1e6))
def test_a_factor_too_small_is_refuted_and_the_right_one_holds(q: float, ratio: float, scale: float) -> None:
    at = EVERY

    assert finding(path(scale * q ** at.astype(float), q ** at.astype(float), at), FACTOR).word is Word.HOLDS
    assert finding(path(scale * q ** at.astype(float), (ratio * q) ** at.astype(float), at), FACTOR).word is Word.REFUTED


@given(slow=st.floats(1e-6, 1e-3), p=st.floats(0.5, 3))
def test_a_slow_mode_refutes_nothing(slow: float, p: float) -> None:
    """(1 - slow)^k looks flat, so that measured/bound grows like k^p over all decades in sight; a C bounds it all the same."""
    at = np.arange(1, 1001)

    assert finding(path((1 - slow) ** at, at**-p, at, single=True), POWER).word is not Word.REFUTED
    assert finding(path((1 - slow) ** at, 0.9 ** at.astype(float), at), FACTOR).word is not Word.REFUTED


def test_a_mixture_of_modes_and_a_plateau_refute_nothing() -> None:
    """What falls like k^-1/2 up to the slowest of many modes, and what is constant until a kink."""
    at = np.arange(1, 1001)

    assert finding(path(at**-0.5, 1 / at, at), POWER).word is Word.INCONCLUSIVE
    assert finding(path(np.full(1000, 3.0), 1 / at, at), POWER).word is Word.INCONCLUSIVE
    assert finding(path(np.full(1000, 3.0), 1 / at, at, linear=True), POWER).word is Word.REFUTED      # but exact moments at rest stay there


def test_superlinear_claims_are_judged_by_successive_ratios() -> None:
    order, at = order_of_formula(sp.Rational(1, 2) ** (2**k), {}), np.arange(1, 8)

    assert finding(path(0.8 ** (2.0**at), 0.5 ** (2.0**at), at), order).word is Word.HOLDS
    assert finding(path(0.3 ** EVERY[:20].astype(float), 0.5**EVERY[:20], EVERY[:20]), order).word is Word.REFUTED
    assert finding(path(0.9 ** EVERY[:20].astype(float), 0.5**EVERY[:20], EVERY[:20]), order).word is Word.INCONCLUSIVE


# ---- claims of order on theorems
def as_order(id: str, bound: Any, **changes: Any) -> Theorem:
    claim = theorems()[id].claims[0]
    return Theorem(id="order", title="Of order only", claims=(mutated(claim, Changed("order", relation="O", bound=bound, tight=claim.tight, **changes)),))


@pytest.mark.parametrize(("id", "bound", "word"), [
    ("gd-smooth-convex-fgap", 1 / k, Word.HOLDS), ("gd-smooth-convex-fgap", L * R**2 / k**2, Word.REFUTED),
    ("nesterov-convex", 1 / k**2, Word.HOLDS), ("nesterov-convex", 1 / k**3, Word.REFUTED),
    ("gd-strongly-convex-distance", sp.Max(abs(1 - gamma * mu), abs(1 - gamma * L)) ** k, Word.HOLDS),
    ("gd-strongly-convex-distance", sp.Max(abs(1 - gamma * mu), abs(1 - gamma * L)) ** (sp.Rational(11, 10) * k), Word.REFUTED),
    ("gd-nonconvex-mingrad", 1 / k, Word.HOLDS), ("sgd-sc-const-sharp", 1 / k, Word.REFUTED)])
def test_orders_of_the_catalogue(id: str, bound: Any, word: Word) -> None:
    """The true order holds on the instance that attains it and the next faster one is refuted there, with a witness; on no problem is the truth refuted."""
    theorem = as_order(id, bound)
    instances = [repr(instance) for instance in theorem.claims[0].tight]               # type: ignore[union-attr]
    found = check(theorem, settings=Settings(problems=(*instances, "quadratic-2", "tridiagonal-41", "huber-convex-1d", "cosine-1d", "noisy-quadratic-1d")))

    assert found.word is word
    if word is Word.REFUTED:
        refuted = next(v for v in found.verdicts if v.word is Word.REFUTED)
        assert refuted.witness is not None
        assert refuted.witness.iteration >= 50
        assert "measured/bound grows" in refuted.note


def test_generic_mutants_of_an_order_are_faster_orders() -> None:
    """A constant changes no order; one power more does, and is refuted."""
    claim = as_order("gd-smooth-convex-fgap", 1 / k).claims[0]
    faster = [m for m in generic_mutants(claim) if "bound" in m.changes]
    mutant = Theorem(id="faster", title="faster", claims=(mutated(claim, Changed("faster", tight=claim.tight, **faster[0].changes)),))

    assert [m.name for m in faster] == ["one order in k faster"]
    assert check(mutant, settings=Settings(problems=(repr(claim.tight[0]),))).word is Word.REFUTED


class Point(NamedTuple):
    x: Any


@dataclass(frozen=True)
class Curvature:
    """x_{k+1} = x_k - damping f'(x_k)/f''(x_k) on x^2/2 + x^4/4: Newton's method with a factor before its step."""

    damping: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        return Point(x0)

    def step(self, state: Point, oracle: Any) -> Point:
        return Point(state.x - self.damping * oracle.gradient(state.x) / (1 + 3 * state.x**2))


@dataclass(frozen=True)
class Quartic:
    """x^2/2 + x^4/4 from 3/2: Newton's error is cubed at every step near 0."""

    def value(self, x: Any) -> Any:
        return (x**2 / 2 + x**4 / 4).sum(axis=-1)

    def gradient(self, x: Any) -> Any:
        return x + x**3

    def facts(self) -> tuple[Any, ...]:
        return (Convex(), Minimum(exact(0, how="both terms are >= 0"), at=np.array([0])))

    def starts(self, rng: np.random.Generator) -> tuple[cl.Start, ...]:
        return (cl.Start("3/2", np.array([Fraction(3, 2)])),)


QUARTIC = {"quartic": cl.Family("quartic", Quartic, lambda: (cl.Member("quartic", Quartic()),))}


@pytest.mark.parametrize(("damping", "word"), [(1, Word.HOLDS), (sp.Rational(9, 10), Word.REFUTED)])
def test_a_newton_step_is_superlinear_and_a_damped_one_is_not(damping: Any, word: Word) -> None:
    theorem = Theorem(id="newton", title="Newton", algorithm=Curvature(damping=damping), assumptions=(Convex,), metric=cl.distance_to_minimiser,
                      bound=sp.Rational(1, 2) ** (2**k), relation="O")

    assert check(theorem, families=QUARTIC).word is word


# ---- beside verdicts
def test_a_fit_stands_in_the_document_and_on_the_screen() -> None:
    """On a quadratic the distance contracts by the very factor that the bound claims; the column says both."""
    arguments = ("check", "gd-strongly-convex-distance", "--problem", "quadratic-2", "--iterations", "60")
    item = convlab(*arguments, "--json").json["results"][0]

    assert item["fit"]["kind"] == "linear"
    assert item["fit"]["measured"] == pytest.approx(item["fit"]["claimed"], rel=1e-3)
    assert item["fit"]["low"] <= item["fit"]["measured"] <= item["fit"]["high"]
    assert item["fit"]["to_k"] <= 60
    assert item["fit_reason"] == ""
    assert "0.946^k (0.946)" in convlab(*arguments).out


def test_a_fit_refutes_no_bound() -> None:
    """Tiny steps on one quadratic look far slower than 1/k, and the bound holds."""
    found = check(theorems()["gd-smooth-convex-fgap"], settings=Settings(problems=("tridiagonal-41",)))

    assert found.word is Word.HOLDS
    assert all(v.fit is not None and v.fit.measured is not None and v.fit.measured < 1 for v in found.verdicts)


def test_a_claim_without_a_run_says_why_it_has_no_fit() -> None:
    found = check(theorems()["comp-randk-variance"])

    assert all(v.fit is None and v.fit_reason for v in found.verdicts)


def test_an_instance_of_ones_own_with_k_in_it_is_judged_along_its_horizons() -> None:
    on = Instance("huber", mu=0, L=L, threshold=R / (2 * k + 1), start=R)
    claim = {"title": "t", "algorithm": GradientDescent(1 / L), "assumptions": (Convex, Smooth), "metric": cl.function_gap, "relation": "O", "on": on}

    assert check(Theorem(id="right", bound=1 / k, **claim)).word is Word.HOLDS                 # type: ignore[arg-type]
    assert check(Theorem(id="wrong", bound=1 / k ** sp.Rational(3, 2), **claim)).word is Word.REFUTED      # type: ignore[arg-type]
