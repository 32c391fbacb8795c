"""Laws that every rule of Part I obeys, whatever the function: units of f, the origin and (for gradients) the axes do not matter."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers, tuples

from convlab.algorithms.gradient_descent import GradientDescent, Point
from convlab.algorithms.momentum import BufferedHeavyBall, ExponentialAverage, HeavyBall, IterateAverage
from convlab.algorithms.nesterov import Nesterov, OptimizedGradientMethod
from convlab.algorithms.proximal import ProximalPoint
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.constants import Array, Number
from convlab.operations import sign
from convlab.problem import HasGradient
from convlab_problems import huber, quadratic

STEPS = 6

RULES: dict[str, Callable[[Number], Any]] = {
    "gradient-descent": GradientDescent,
    "proximal-point": ProximalPoint,
    "nesterov": lambda step: Nesterov(step, Fraction(2, 5)),
    "ogm": lambda step: OptimizedGradientMethod(step, Fraction(1, 3), Fraction(3, 7)),
    "heavy-ball": lambda step: HeavyBall(step, Fraction(3, 5)),
    "buffered": lambda step: BufferedHeavyBall(step, Fraction(3, 5)),
    "exponential-average": lambda step: ExponentialAverage(step, Fraction(3, 5)),
    "iterate-average": lambda step: IterateAverage(step, Fraction(3, 5)),
}

each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
enough = settings(max_examples=30, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
positive = fractions(Fraction(1, 40), 60, max_denominator=40)
points = tuples(*[fractions(-90, 90, max_denominator=30)] * 3)
short_steps = fractions(Fraction(1, 20), Fraction(19, 10), max_denominator=40)      # gamma L


def final_point(algorithm: Any, problem: Any, x0: Array, steps: int = STEPS) -> Array:
    """x after some updates."""
    state = algorithm.init(x0, problem)
    for _ in range(steps):
        state = algorithm.step(state, problem)
    return state[0]


def row(values: Any) -> Array:
    """One replicate, in fractions."""
    return RATIONAL.array([list(values)])


class Kinked(NamedTuple):
    """The numbers of a Huber function, so that no law holds merely because the gradient is linear."""

    mu: Fraction
    L: Fraction
    threshold: Fraction

    def at(self, *centre: Any, times: Fraction | int = 1) -> Any:
        """The function around a centre, times a number."""
        return huber.make(times * self.mu, times * self.L, centre=centre, threshold=self.threshold)


hubers = tuples(fractions(0, 2, max_denominator=9), positive, positive).map(lambda t: Kinked(t[0], t[0] + t[1], t[2]))


@each_rule
@enough
@given(f=hubers, c=positive, x0=points, gamma_L=short_steps)
def test_the_unit_of_f_does_not_matter(rule: Callable[[Number], Any], f: Kinked, c: Fraction, x0: Any, gamma_L: Fraction) -> None:
    """On c f, the step gamma/c makes the same iterates as gamma on f: exactly, in fractions."""
    step = gamma_L / f.L

    assert (final_point(rule(step), f.at(1, -2, 5), row(x0)) == final_point(rule(step / c), f.at(1, -2, 5, times=c), row(x0))).all()


@each_rule
@enough
@given(f=hubers, shift=points, x0=points, gamma_L=short_steps)
def test_the_origin_does_not_matter(rule: Callable[[Number], Any], f: Kinked, shift: Any, x0: Any, gamma_L: Fraction) -> None:
    """Moving the function and the start moves every iterate along: exactly, in fractions."""
    step = gamma_L / f.L

    assert (final_point(rule(step), f.at(0, 0, 0), row(x0)) + row(shift) == final_point(rule(step), f.at(*shift), row(x0) + row(shift))).all()


def turned(rule: Callable[[Number], Any], seed: int, spectrum: Any, x0: Any, step: Fraction) -> tuple[Array, Array]:
    """The last point, turned, and the last point of the turned run."""
    plain, rotated = quadratic.make(spectrum), quadratic.make(spectrum, rotation=seed)
    assert rotated.basis is not None
    return final_point(rule(step), plain, row(x0)) @ rotated.basis.T, final_point(rule(step), rotated, row(x0) @ rotated.basis.T)


@each_rule
@enough
@given(seed=integers(0, 200), spectrum=tuples(positive, positive, positive), x0=points, gamma_L=short_steps)
def test_the_axes_do_not_matter(rule: Callable[[Number], Any], seed: int, spectrum: Any, x0: Any, gamma_L: Fraction) -> None:
    """Turning function and start by an orthogonal matrix turns every iterate: exactly, with rational rotations."""
    left, right = turned(rule, seed, spectrum, x0, gamma_L / max(spectrum))

    assert (left == right).all()


@each_rule
@enough
@given(f=hubers, x0=points, gamma_L=fractions(Fraction(1, 20), 1, max_denominator=40))
def test_floats_follow_fractions(rule: Callable[[Number], Any], f: Kinked, x0: Any, gamma_L: Fraction) -> None:
    """The same code on float64 stays within rounding of the exact run."""
    problem = f.at(1, -2, 5)
    exact = final_point(rule(gamma_L / f.L), problem, row(x0)).astype(float)
    rounded = final_point(cast(rule(gamma_L / f.L), FLOAT64), cast(problem, FLOAT64), FLOAT64.array([[float(v) for v in x0]]))

    # each update rounds a few dozen operations on numbers of the size of x_0 and x*, and no rule here amplifies more than tenfold an update
    assert np.abs(rounded - exact).max() <= 1e-16 * 50 * 10**STEPS * (10 + np.abs(np.array(x0, dtype=float)).max())


# ---- the proof that we would notice
@dataclass(frozen=True)
class SignDescent:
    """x - step_size sign(f'(x)): it depends on the axes and on the unit of f."""

    step_size: Number

    def init(self, x0: Array, oracle: HasGradient) -> Point:
        return Point(x0)

    def step(self, state: Point, oracle: HasGradient) -> Point:
        return Point(state.x - self.step_size * sign(oracle.gradient(state.x)))


def test_a_rule_that_depends_on_the_axes_is_noticed() -> None:
    """Sign descent breaks the law of the axes on an ordinary quadratic."""
    left, right = turned(SignDescent, 3, (2, 7, 5), (11, -4, 6), Fraction(1, 8))

    assert (left != right).any()


def test_a_rule_that_depends_on_the_unit_of_f_is_noticed() -> None:
    """Sign descent with the step divided by c falls short on c f."""
    f = Kinked(Fraction(0), Fraction(4), Fraction(2))

    assert (final_point(SignDescent(Fraction(1, 4)), f.at(0), row([9])) != final_point(SignDescent(Fraction(1, 12)), f.at(0, times=3), row([9]))).all()
