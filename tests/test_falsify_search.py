"""The falsifier: its verdict does not depend on units, place or luck; it finds planted errors and clears true statements."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis.strategies import fractions, integers, sampled_from

from convlab import catalogue
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.arithmetic import RATIONAL, cast
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.falsify.falsifier import falsify
from convlab.falsify.generic import generic_mutants
from convlab.falsify.grounds import Choice, Ground, choice_at, rounded, setting_of, spaces, variables
from convlab.falsify.script import LINES, script
from convlab.falsify.search import DENOMINATORS, Clock, agree, decided, hunt, scored, searched, together
from convlab.judge.rate import float_evidence
from convlab.metrics import function_gap
from convlab.operations import Unsupported
from convlab.problem import Start, installed_families
from convlab.run.cases import NotApplicable, Setting, settings_on
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k
from convlab.theorem import RateBound, Source, Theorem

FAMILIES = installed_families()
SMALL = {name: FAMILIES[name] for name in ("huber", "quadratic")}      # enough for gradient descent: searched to their end in seconds
LONG = 600.0                                                           # seconds: never reached, so that no machine is too slow for the same answer
gradient = catalogue.theorem("gd-smooth-convex-fgap").claims[0]
distance = catalogue.theorem("gd-strongly-convex-distance").claims[0]
proximal = catalogue.theorem("proximal-point").claims[0]
projected = catalogue.theorem("projected-gd-convex-fgap").claims[0]
DETERMINISTIC = (gradient, distance, proximal, projected, catalogue.theorem("gd-nonconvex-mingrad").claims[0])


def short_steps(bound: Any, limit: Any = 1) -> Theorem:
    """Gradient descent on convex functions with steps up to limit/L."""
    return Theorem(id="planted", title="planted", algorithm=GradientDescent(step_size=gamma), defaults={gamma: 1 / L}, assumptions=(Convex, Smooth, Minimum),
                   condition=sp.And(gamma > 0, gamma <= limit / L), metric=function_gap, bound=bound)


TIGHT = L * R**2 / (4 * k * gamma * L + 2)


def at_random(claim: RateBound, ground: Ground, seed: int) -> Choice:
    return choice_at(claim, ground, np.random.default_rng(seed).random(len(variables(claim, ground))))


# ---- laws of a single score
@given(seed=integers(0, 10**6), height=fractions(Fraction(1, 8), 8), length=fractions(Fraction(1, 8), 8), which=sampled_from(["huber", "quadratic"]))
@settings(max_examples=30, deadline=None)
def test_units_leave_the_ratio(seed: int, height: Fraction, length: Fraction, which: str) -> None:
    """Measuring f and x in other units (and so gamma, which keeps its place in its interval) leaves measured over bound."""
    ground = next(g for g in spaces({which: FAMILIES[which]}))
    choice = at_random(gradient, ground, seed)
    scaled = replace(choice, numbers={**choice.numbers, "L": choice.numbers["L"] * height, "R": choice.numbers["R"] * length})

    assert scored(gradient, scaled).ratio == pytest.approx(scored(gradient, choice).ratio, rel=1e-9)      # some hundred roundings, of sides that cancel a little


@given(seed=integers(0, 10**6), by=fractions(-20, 20), rotation=integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_translations_and_rotations_leave_the_ratio(seed: int, by: Fraction, rotation: int) -> None:
    """The same quadratic elsewhere and turned: rationals, so the ratio is the same number."""
    ground = list(spaces({"quadratic": FAMILIES["quadratic"]}))[1]
    choice = rounded(at_random(gradient, ground, seed), 100)

    def moved(numbers: Mapping[str, Any]) -> tuple[Any, Start]:
        problem, start = ground.build(numbers)
        turned = FAMILIES["quadratic"].make(spectrum=tuple(problem.spectrum), rotation=rotation)
        offset = turned.basis @ (start.point - problem.centre)
        other = replace(turned, centre=problem.centre + by)
        return other, Start("moved", other.centre + offset)

    try:
        here, there = (decided(gradient, scored(gradient, c)) for c in (choice, replace(choice, ground=replace(ground, build=moved))))
    except NotApplicable:
        assume(False)
    assert here.source is there.source is Source.RATIONAL
    assert here.ratio == there.ratio


@given(seed=integers(0, 10**6), claim=sampled_from(DETERMINISTIC), number=integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_together_is_one_by_one(seed: int, claim: RateBound, number: int) -> None:
    """Wherever a ground's instances may run together, a generation scores as its members do alone."""
    found = list(spaces(FAMILIES, random=False))
    ground = found[number % len(found)]
    assume(agree(claim, ground))
    choices = [at_random(claim, ground, seed + i) for i in range(5)]

    for one, alone in zip(together(claim, choices), (scored(claim, choice) for choice in choices), strict=True):
        assert one.ratio == pytest.approx(alone.ratio, rel=1e-9)
        assert one.violated == alone.violated


def setting_or_none(claim: RateBound, choice: Choice) -> Setting | None:
    """None where the rounded parameters leave the condition, or the claim does not speak of the problem."""
    try:
        return setting_of(claim, choice)
    except NotApplicable:
        return None


@given(seed=integers(0, 10**6), claim=sampled_from(DETERMINISTIC), number=integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_rounded_choice_is_a_rational_case_inside_the_condition(seed: int, claim: RateBound, number: int) -> None:
    found = list(spaces(FAMILIES, random=False))
    ground = found[number % len(found)]
    tried = (rounded(at_random(claim, ground, seed + i), DENOMINATORS[2]) for i in range(12))
    choice, setting = next(((c, s) for c in tried if (s := setting_or_none(claim, c)) is not None), (None, None))
    assume(setting is not None)

    assert all(isinstance(v, (int, Fraction)) for v in (*choice.numbers.values(), *choice.places.values()))
    assert setting.start.point.dtype == object
    assert all(isinstance(v, (int, Fraction)) for v in setting.start.point.reshape(-1))


# ---- laws of the search
def test_the_same_seed_finds_the_same_instance() -> None:
    """And another seed another one: the search is seeded, not fixed."""
    theorem = catalogue.theorem("proximal-point")
    first, again, other = (falsify(theorem, budget=LONG, seed=seed, families={"absolute_value": FAMILIES["absolute_value"]}).found[0] for seed in (4, 4, 5))

    assert first.to_json() == again.to_json()
    assert all(part.finished for part in first.searched)
    assert first.instance != other.instance


def test_scaling_the_class_leaves_the_best_ratio() -> None:
    """The proximal point method on |x| with slopes and distances a thousand times larger."""
    ground = next(iter(spaces({"absolute_value": FAMILIES["absolute_value"]})))
    larger = replace(ground, build=lambda n: ground.build({"G": 1000 * n["G"], "R": 1000 * n["R"]}))
    best = [searched(proximal, g, 1, LONG)[1] for g in (ground, larger)]

    assert best[0] is not None
    assert best[1] is not None
    assert best[0].ratio == pytest.approx(best[1].ratio, abs=1e-6)      # what the search itself is accurate to
    assert best[0].ratio > 0.999


@pytest.mark.parametrize(("claim", "families"), [(gradient, ("huber",)), (distance, ("huber", "quadratic")),
                                                 (proximal, ("absolute_value",)), (projected, ("half_line",))])
def test_tight_theorems_are_reached_without_being_told(claim: RateBound, families: tuple[str, ...]) -> None:
    """The declared tight instances are taken away; 0.99 is reached all the same, and nothing is refuted."""
    blind = replace(claim, tight=(), mutants=(), facts=())
    worst, parts, _ = hunt(blind, {name: FAMILIES[name] for name in families}, 0, Clock(LONG))

    assert worst is not None
    assert float(worst.ratio) >= 0.99
    assert not worst.refuted
    assert all(part.finished for part in parts)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_true_tight_statement_is_never_refuted(seed: int) -> None:
    """Equality is attained, so a search that took rounding for a violation would cry wolf here."""
    result = falsify(short_steps(TIGHT), budget=LONG, seed=seed, families={"huber": FAMILIES["huber"]})
    found = result.found

    assert not result.skipped
    assert not found[0].refuted
    assert found[0].worst.ratio <= 1
    assert float(found[0].worst.ratio) >= 0.99


@pytest.mark.parametrize(("planted", "least"), [(short_steps(sp.Rational(95, 100) * TIGHT), 1.04), (short_steps(L * R**2 / 2, sp.Rational(21, 10)), 2.0)])
def test_a_planted_error_of_5_percent_is_refuted_from_scratch(planted: Theorem, least: float) -> None:
    """A constant 5 % too small; a condition 5 % too wide (2.1/L). The witness violates the claim in exact arithmetic."""
    found = falsify(planted, budget=LONG, families=SMALL).found
    worst = found[0].worst
    result = worst.spot.evidence.result
    measured, bound = (side[worst.spot.row, worst.spot.case] for side in (result.measured, result.bound))

    assert found[0].refuted
    assert worst.source is Source.RATIONAL
    assert isinstance(measured, Fraction)
    assert isinstance(bound, Fraction)
    assert measured > bound
    assert float(worst.ratio) > least


def test_a_square_root_does_not_hide_a_violation() -> None:
    """In the plane distances are irrational; a rate 5 % too small in its constant is refuted by the squares of both sides, and the true one is not."""
    plane = list(spaces({"quadratic": FAMILIES["quadratic"]}))[1]
    planted = replace(distance, bound=sp.Rational(95, 100) * distance.bound, tight=(), facts=(), mutants=())
    choice = Choice(plane, {"L": 7.0, "mu_over_L": 0.11, "flat": 5.0, "steep": 3.0}, {gamma: 1e-4})
    wrong, right = (decided(claim, scored(claim, choice)) for claim in (planted, distance))

    assert wrong.source is Source.DETERMINISTIC
    assert wrong.refuted
    assert "squares" in wrong.reason
    assert not right.refuted
    assert not right.above


def test_sharpness_is_the_smallest_excess_that_violates() -> None:
    """f(x_k) - f* <= L R^2/2 holds up to 2/L and fails beyond; a condition that stops at 1/L is told not to be sharp up to that point."""
    sharp = falsify(short_steps(L * R**2 / 2, 2), budget=60, families={"quadratic": FAMILIES["quadratic"]}).found[0].sharpness[0]
    early = falsify(short_steps(L * R**2 / 2, 1), budget=60, families={"quadratic": FAMILIES["quadratic"]}).found[0].sharpness[0]

    assert sharp.excess is not None
    assert sharp.excess <= Fraction(1, 1000)
    assert sharp.worst is not None
    assert sharp.worst.refuted
    assert early.excess is None
    assert early.searched == Fraction(1, 2)


# ---- scripts
def printed(text: str, folder: Path) -> str:
    """What a stranger sees: isolated Python, no site packages."""
    file = folder / "witness.py"
    file.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, "-I", "-S", str(file)], capture_output=True, text=True, check=True, cwd=folder).stdout


@pytest.mark.parametrize("claim", [*DETERMINISTIC, catalogue.theorem("nesterov-convex").claims[0]], ids=lambda claim: type(claim.algorithm).__name__ + claim.metric.name)
def test_scripts_tell_the_same_without_convlab(claim: RateBound, tmp_path: Path) -> None:
    """Every ground whose problems print themselves: measured and bound are, as fractions, what the judge has."""
    written = 0
    for ground in spaces(FAMILIES, random=False):
        try:
            worst = decided(claim, scored(claim, rounded(at_random(claim, ground, 11), 100)))
            result = worst.spot.evidence.result
            measured, bound = (side[worst.spot.row, worst.spot.case] for side in (result.measured, result.bound))
            text = script("some-theorem", claim, worst.setting, worst.spot.k, measured, bound)
        except (NotApplicable, Unsupported):
            continue
        out = printed(text, tmp_path)
        written += 1
        assert "convlab" not in text
        assert text.count("\n") <= LINES
        assert f"k = {worst.spot.k}: " in out
        if isinstance(measured, Fraction) and isinstance(bound, Fraction):
            assert f"measured {measured} = " in out
            assert f"bound {bound} = " in out
    assert written >= 1


def numbers(values: Any) -> list[Any]:
    return list(np.asarray(values, dtype=object).reshape(-1))


PRINTABLE = [member for family in FAMILIES.values() for member in family.members() if hasattr(member.problem, "program")]


@pytest.mark.parametrize("member", PRINTABLE, ids=lambda member: member.name)
def test_a_program_is_its_problem(member: Any) -> None:
    """value, gradient, operator, prox and projection of the printed text are the problem's own, as fractions, from near to far."""
    problem = cast(member.problem, RATIONAL)
    told: dict[str, Any] = {}
    exec("from fractions import Fraction\n" + problem.program(), told)
    offered = [name for name in ("gradient", "operator", "project") if name in told]
    points = [RATIONAL.array(start.point) for start in problem.starts(np.random.default_rng(5))]

    assert offered
    for x in points:
        assert "value" not in told or told["value"](list(x)) == problem.value(x[None])[0]
        for name in offered:
            assert told[name](list(x)) == numbers(getattr(problem, name)(x[None]))
        if "prox" in told:
            assert told["prox"](list(x), Fraction(2, 7)) == numbers(problem.prox(x[None], Fraction(2, 7)))


def test_a_long_run_is_printed_in_floats(tmp_path: Path) -> None:
    """Two hundred updates would be fractions of thousands of digits; the program then divides, and still tells what the judge measured."""
    member = next(m for m in FAMILIES["quadratic"].members() if m.name == "quadratic-rotated-4")
    setting = settings_on(gradient, "t", member, Settings(), gradient.assumptions)[0]
    result = float_evidence(gradient, [setting], Settings(iterations=200))[0].result
    measured, bound = float(result.measured[-1, 0]), float(result.bound[-1, 0])
    text = script("t", gradient, setting, 200, measured, bound)

    assert "from fractions" not in text
    assert float(printed(text, tmp_path).rpartition("ratio ")[2]) == pytest.approx(measured / bound, rel=1e-6)      # nine digits are printed


def test_a_script_that_tells_something_else_is_not_given_away() -> None:
    """The program is run before it is returned: asked for a measured value that it does not print, it is refused."""
    ground = next(iter(spaces({"quadratic": FAMILIES["quadratic"]})))
    worst = decided(gradient, scored(gradient, at_random(gradient, ground, 3)))

    with pytest.raises(Unsupported, match="not coordinate by coordinate"):
        script("t", gradient, worst.setting, worst.spot.k, float(worst.spot.evidence.result.measured[worst.spot.row, 0]) * 1.001 + 1)


# ---- generic mutants
@given(values=sampled_from([(Fraction(7), Fraction(3)), (Fraction(1, 5), Fraction(40))]), updates=integers(1, 30))
def test_generic_bounds_claim_more(values: tuple[Fraction, Fraction], updates: int) -> None:
    """Each is a smaller bound, at every k >= 1."""
    claim = short_steps(TIGHT).claims[0]
    at = {L: values[0], R: values[1], gamma: Fraction(1, 2) / values[0], k: updates}
    stronger = [mutant.changes["bound"] for mutant in generic_mutants(claim) if set(mutant.changes) == {"bound"}]

    assert len(stronger) == 3
    assert all(bound.subs(at) < TIGHT.subs(at) for bound in stronger)


def test_generic_mutants_know_linear_rates_and_limits() -> None:
    """(1 - gamma/L)^k becomes its square; the step leaves its limit by 1 %; each assumption is dropped once."""
    rate = 1 - gamma / L
    names = {mutant.name: mutant.changes for mutant in generic_mutants(replace(short_steps(TIGHT).claims[0], bound=rate**k * R))}

    assert names["the rate squared"]["bound"] == rate ** (2 * k) * R
    assert names[f"gamma = 101/100 ({1 / L})"]["defaults"][gamma] == sp.Rational(101, 100) / L
    assert [name for name in names if name.startswith("without")] == ["without Convex", "without Smooth", "without Minimum"]
