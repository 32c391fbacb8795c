"""Strategies of `convlab.testing`: what is drawn is what was asked for, true by its own audit, and shrinks to the plainest problem."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import convlab as cl
from convlab.arithmetic import FLOAT64, cast
from convlab.assumptions import Status, audit
from convlab.errors import BadInput
from convlab.problem import Family, Member, Space, Start, installed_families
from convlab.run.cases import constants_of, start_constants
from convlab.symbols import L, R, mu
from convlab.testing import noise, problems, spectra, starts
from convlab.testing.strategies import Slip, numbers_in

ASKED = ((cl.Smooth, cl.StronglyConvex), (cl.Smooth, cl.Convex, cl.Minimum), (cl.BoundedVariance, cl.Smooth), (cl.FiniteSum, cl.Smooth), (cl.Lipschitz, cl.Convex),
         (cl.ConstrainedMinimum, cl.Smooth), (cl.SaddlePoint,), (cl.Smooth,))
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]      # to explain a failure takes a hundred runs more
quiet = settings(phases=PHASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def dimension(problem: Any) -> int:
    return int(np.shape(problem.starts(np.random.default_rng(0))[0].point)[-1])


def plainest(strategy: Any, condition: Any = lambda drawn: True) -> Any:
    return find(strategy, condition, settings=settings(quiet, phases=PHASES, database=None, max_examples=500, derandomize=True))


# ---- the law
@pytest.mark.parametrize("asked", ASKED, ids=lambda kinds: "-".join(kind.__name__ for kind in kinds))
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@settings(quiet, max_examples=8)
def test_facts_of_drawn_problems_survive_their_audit(asked: tuple[type, ...], data: Any, seed: int) -> None:
    """Every drawn problem has the facts asked for, and the audit, which tries to break every one of its constants, breaks none."""
    problem = data.draw(problems(*asked))
    broken = [finding.sentence for _, finding in audit(cast(problem, FLOAT64), np.random.default_rng(seed)) if finding.status is Status.BROKEN]

    assert broken == []
    assert all(cl.fact(problem, kind) is not None for kind in asked)


@given(data=st.data(), most=st.integers(1, 4), condition=st.sampled_from([1, Fraction(3, 2), 4, 50.5, 10**6]))
@settings(quiet, max_examples=25)
def test_the_limits_are_kept(data: Any, most: int, condition: Any) -> None:
    """Dimension and L/mu stay below what was asked, and no problem starts at its minimum."""
    problem = data.draw(problems(cl.Smooth, cl.StronglyConvex, max_dimension=most, max_condition=condition))
    known = constants_of(problem, (cl.Smooth, cl.StronglyConvex))
    first = problem.starts(np.random.default_rng(0))[0]

    assert dimension(problem) <= most
    assert known[L].value <= Fraction(str(condition)) * known[mu].value
    assert float(start_constants(problem, first)[R]) > 0


@given(low=st.sampled_from([Fraction(1, 10**4), Fraction(1, 8), Fraction(3, 10), 1, Fraction(5, 2), 0, -3]),
       width=st.sampled_from([Fraction(1, 7), 1, 5, 64]), data=st.data())
@settings(quiet)
def test_numbers_stay_in_their_range(low: Any, width: Any, data: Any) -> None:
    """And are short: no denominator is longer than the range asks for."""
    number = data.draw(numbers_in(low, low + width))

    assert low <= number <= low + width
    assert number.denominator <= 2**17


@given(spectra(max_dimension=5, max_condition=40))
@settings(quiet)
def test_spectra_fall_and_keep_their_condition(spectrum: tuple[Fraction, ...]) -> None:
    assert 1 <= len(spectrum) <= 5
    assert list(spectrum) == sorted(spectrum, reverse=True)
    assert 0 < spectrum[0] <= 40 * spectrum[-1]


@given(noise(dimension=3))
@settings(quiet)
def test_noise_has_mean_zero_exactly(law: Any) -> None:
    assert law.shape == (3,)
    assert sum(law.probabilities) == 1
    assert sum(p * v for p, v in zip(law.probabilities, law.values, strict=True)) == 0
    assert min(law.probabilities) > 0


@given(data=st.data())
@settings(quiet, max_examples=10)
def test_starts_have_the_shape_of_a_point_and_stay_near(data: Any) -> None:
    problem = data.draw(problems(cl.Convex, cl.Smooth, cl.Minimum))
    start = data.draw(starts(problem, max_distance=5))
    best = cl.fact(problem, cl.Minimum).at

    assert np.shape(start.point) == np.shape(best)
    assert all(0 < abs(float(apart)) <= 5 for apart in start.point - best)


# ---- what it shrinks to
def test_the_plainest_problem_is_one_dimensional_with_constants_1() -> None:
    problem = plainest(problems(cl.Smooth, cl.StronglyConvex))

    assert dimension(problem) == 1
    assert (problem.spectrum.tolist(), problem.start - problem.centre) == ([1], [1])
    assert plainest(spectra()) == (1,)
    assert plainest(noise()).values == (-1, 1)


def test_a_large_curvature_shrinks_to_the_smallest_integer_that_is_large() -> None:
    problem = plainest(problems(cl.Smooth, cl.StronglyConvex), lambda p: cl.fact(p, cl.Smooth).L.value > 20)

    assert dimension(problem) == 1
    assert cl.fact(problem, cl.Smooth).L.value == 21


def test_a_condition_number_in_the_plane_shrinks_to_an_integer() -> None:
    """Of two dimensions no fewer, of condition 7 no less, the rest is 1."""
    def ill(problem: Any) -> bool:
        known = constants_of(problem, (cl.Smooth, cl.StronglyConvex))
        return dimension(problem) >= 2 and known[L].value >= 7 * known[mu].value

    two = {name: found for name, found in installed_families().items() if name in ("quadratic", "huber")}      # of other families it may end at their plainest
    found = plainest(problems(cl.Smooth, cl.StronglyConvex, families=two), ill)
    known = constants_of(found, (cl.Smooth, cl.StronglyConvex))

    assert dimension(found) == 2
    assert (known[L].value, known[L].value / known[mu].value) == (1, 7)


# ---- what is looked at
def test_problems_come_from_many_families_and_far_from_1() -> None:
    """Of 200 problems: at least six kinds, of four dimensions and more, condition numbers over three decades, curvatures on both sides of 1."""
    kinds: Counter[str] = Counter()
    dimensions, conditions, curvatures = set(), [], []

    @settings(quiet, max_examples=200, database=None, derandomize=True, phases=[Phase.generate])
    @given(problems(cl.Smooth, cl.StronglyConvex))
    def look(problem: Any) -> None:
        known = constants_of(problem, (cl.Smooth, cl.StronglyConvex))
        kinds[type(problem).__name__] += 1
        dimensions.add(dimension(problem))
        conditions.append(float(known[L].value / known[mu].value))
        curvatures.append(float(known[L].value))

    look()

    assert len(kinds) >= 6
    assert len(dimensions) >= 4
    assert 1 in dimensions
    assert max(conditions) > 1000
    assert min(curvatures) < 0.5
    assert max(curvatures) > 10


@dataclass(frozen=True, eq=False)
class Parabola:
    """a x^2/2 that claims a smoothness of its own."""

    a: Any
    claimed: Any
    at: Any

    def value(self, x: Any) -> Any:
        return (self.a * x * x).sum(axis=-1) / 2

    def gradient(self, x: Any) -> Any:
        return self.a * x

    def facts(self) -> tuple[Any, ...]:
        return (cl.Smooth(cl.exact(self.claimed, how="claimed")), cl.Minimum(cl.exact(Fraction(0), how="a square"), at=np.array([Fraction(0)], dtype=object)))

    def starts(self, rng: Any) -> tuple[Start, ...]:
        return (Start("given", np.array([self.at], dtype=object)),)


def family(slope: Any) -> dict[str, Family]:
    space = Space({"a": (0.5, 8), "R": (1, 4)}, lambda n: {"a": n["a"], "claimed": slope * n["a"], "at": n["R"]})
    return {"parabola": Family("parabola", Parabola, [Member("one", Parabola(Fraction(2), 2 * slope, Fraction(3)))], (space,))}


def test_a_family_of_ones_own_is_drawn_from_its_spaces_and_a_false_constant_is_noticed() -> None:
    """The audit law has power: the same family with L stated 1 % too small is broken on its plainest problem."""
    def broken(problem: Any) -> bool:
        return any(f.status is Status.BROKEN for _, f in audit(cast(problem, FLOAT64), np.random.default_rng(0)))

    assert not broken(plainest(problems(cl.Smooth, families=family(1))))
    assert broken(plainest(problems(cl.Smooth, families=family(Fraction(99, 100))), broken))


def test_a_family_without_spaces_gives_its_members() -> None:
    bare = {"bare": Family("bare", Parabola, [Member("far", Parabola(Fraction(5), Fraction(5), Fraction(7)))])}

    assert plainest(problems(cl.Smooth, families=bare)).a == 5


def test_spaces_for_methods_that_draw_serve_those_who_ask_for_them() -> None:
    """Problems that are only smooth and strongly convex carry no noise; asked for, it is there."""
    plain, noisy = (plainest(problems(*kinds), lambda p: True) for kinds in ((cl.Smooth, cl.StronglyConvex), (cl.Smooth, cl.BoundedVariance)))

    assert not hasattr(plain, "gradient_draws")
    assert hasattr(noisy, "gradient_draws")


def test_every_space_of_every_installed_family_makes_a_problem() -> None:
    """Simplest, and with slips of large numbers: the integers and tuples that `parameters` counts on are there."""
    for found in installed_families().values():
        for space in found.drawn:
            for slip in (Slip(0, 0, 0), Slip(1, 5, 3), Slip(2, 9998, 143)):
                numbers = {**{name: slip.within(*ends) for name, ends in space.ranges.items()}, **{name: slip.counting(*ends) for name, ends in space.counts.items()},
                           **{name: (slip.within(*ends),) * 2 for name, ends in space.each.items()}}
                assert found.make(**space.parameters(numbers)).facts()


def test_a_strategy_has_a_short_name() -> None:
    """Hypothesis prints it, and warns of long ones."""
    strategy = problems(cl.Smooth)
    plainest(strategy)

    assert len(repr(strategy)) < 300


# ---- bad input
@pytest.mark.parametrize(("wrong", "told"), [
    (lambda: problems("smooth"), "is no assumption"),
    (lambda: problems(cl.Smooth, max_dimension=0), "at least 1"),
    (lambda: problems(cl.Smooth, max_condition=0.5), "at least 1"),
    (lambda: plainest(problems(cl.SaddlePoint, families=family(1))), "No family has problems with SaddlePoint"),
])
def test_what_cannot_be_drawn_is_told(wrong: Any, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        wrong()
