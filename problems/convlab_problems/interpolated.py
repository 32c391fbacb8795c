"""Every convex function of one variable with slopes in [mu, L], up to the number of pieces: f' interpolates points (x_i, g_i) linearly."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from convlab.problem import Family, Member, Space
from convlab_problems.rational import number
from convlab_problems.slopes import PiecewiseSlopes, from_stationary


def make(points: Any, left: Any, right: Any, start: Any = None) -> PiecewiseSlopes:
    """f' through the points (x_i, g_i), of which one has g_i = 0, with slopes `left` and `right` beyond them.

    Raises ValueError unless x_i increases, no slope is negative, and some g_i is 0: there the minimum is.
    """
    known = sorted((number(x), number(g)) for x, g in points)
    zero = next((x for x, g in known if g == 0), None)
    if zero is None:
        raise ValueError(f"no point has derivative 0, so the minimum is not known; given {points}: add (x*, 0).")
    slopes = [number(left), *((h - g) / (b - a) for (a, g), (b, h) in pairwise(known)), number(right)]
    if min(slopes) < 0:
        raise ValueError(f"the derivative falls somewhere, so f is not convex; the slopes are {', '.join(map(str, slopes))}.")
    return from_stationary([x for x, _ in known], slopes, zero, start)


def members() -> Iterator[Member]:
    """Flat far away on one side, and strongly convex with a steep side."""
    yield Member("interpolated-convex", make(((-3, -4), (Fraction(3, 2), 0), (4, 10), (9, 10)), Fraction(1, 2), 0))
    yield Member("interpolated-strongly-convex", make(((Fraction(-7, 2), -1), (Fraction(5, 2), 0), (3, 9), (11, 10)), 6, Fraction(1, 4)))


ZERO = Fraction(-7, 4)


def _searched(n: Any) -> dict[str, Any]:
    """The minimum, two knots between it and the start, and slopes between mu and L; one piece on the other side."""
    low = n["mu_over_L"] * n["L"]
    first, second, third, other = (low + n[name] * (n["L"] - low) for name in ("first", "second", "third", "other"))
    near, far = n["R"] * n["near"] / 2, n["R"] * (1 + n["far"]) / 2
    height = first * near
    points = ((ZERO, 0 * low), (ZERO + near, height), (ZERO + far, height + second * (far - near)))
    return {"points": points, "left": other, "right": third, "start": (ZERO + n["R"],)}


SHARES = dict.fromkeys(("first", "second", "third", "other"), (0.0, 1.0))
PLACES = {"near": (1e-3, 1.0), "far": (1e-3, 1.0)}
SEARCH = (Space({"L": (1 / 8, 64), "R": (1 / 8, 64), **PLACES, **SHARES}, lambda n: _searched({**n, "mu_over_L": 0 * n["L"]})),
          Space({"L": (1 / 8, 64), "R": (1 / 8, 64), "mu_over_L": (1e-3, 1), **PLACES, **SHARES}, _searched))
FAMILY = Family("interpolated", make, members, SEARCH)
