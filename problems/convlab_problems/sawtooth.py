"""The nonconvex worst case of gradient descent: the derivative returns to the same height at every iterate."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from convlab.problem import Family, Member
from convlab_problems.rational import number
from convlab_problems.slopes import PiecewiseSlopes, from_lowest, from_stationary


def make(steps: int, gamma: Any, L: Any, c: Any, start: Any = 0) -> PiecewiseSlopes:
    """f' = c at start - i gamma c for i = 0 .. steps, with slopes +-L between: gradient descent of step gamma meets slope c at each of them.

    Left of the last, f' falls with slope L to 0. It attains the bound of Abbaszadehpeivasti, de Klerk, Zamani (2022): the gap is
    steps gamma c^2 (4 - gamma L)/4 + c^2/(2 L). Raises ValueError unless steps, gamma, L and c are positive.
    """
    if min(steps, gamma, L, c) <= 0:
        raise ValueError(f"the sawtooth needs positive steps, gamma, L and c; given {steps}, {gamma}, {L}, {c}.")
    top, move, slope = number(start), number(gamma) * number(c), number(L)
    halves = range(2 * int(steps), -1, -1)
    knots = [top - move * Fraction(i, 2) for i in halves]
    slopes = [slope, *(-slope if i % 2 == 0 else slope for i in halves[:-1]), slope]
    bottom = knots[0] - number(c) / slope
    if number(gamma) * slope < 2:                # f' stays positive right of `bottom`, which is then the only stationary point
        return from_stationary(knots, slopes, bottom, start)
    return from_lowest(knots, slopes, bottom, start)


def members() -> Iterator[Member]:
    """Short and long steps, few and many teeth."""
    yield Member("sawtooth-10", make(10, Fraction(1, 6), 6, Fraction(5, 2), start=13))
    yield Member("sawtooth-short-steps-40", make(40, Fraction(1, 70), Fraction(7, 2), 9, start=Fraction(-11, 2)))


FAMILY = Family("sawtooth", make, members)
