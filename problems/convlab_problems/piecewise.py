"""Random piecewise linear derivatives with slopes between mu and L, and the cycle of heavy ball."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.problem import Family, Member, Space
from convlab_problems.rational import number, vector
from convlab_problems.slopes import PiecewiseSlopes, from_lowest, from_stationary

KNOTS = 8
GRID = 64      # knots lie on multiples of width/64


def make(mu: Any, L: Any, seed: int = 0, width: Any = 1, centre: Any = 0, start: Any = None) -> PiecewiseSlopes:
    """f'' is constant between 8 random knots within 3 width/2 of the centre: mu, L or a value between, each of the first two at least twice.

    With mu < 0 it is nonconvex, its outer slopes are L, and f* is that of the lowest valley. Raises ValueError unless |mu| <= L and mu < L.
    """
    if not (-L <= mu < L and width > 0):
        raise ValueError(f"a piecewise linear derivative needs -L <= mu < L and width > 0; given mu = {mu}, L = {L}, width = {width}.")
    rng = np.random.default_rng(seed)
    low, high, middle = number(mu), number(L), number(centre)
    places = rng.choice([i for i in range(-96, 97) if i], size=KNOTS, replace=False)
    knots = sorted([middle, *(middle + number(width) * Fraction(int(i), GRID) for i in places)])
    between = low + (high - low) * Fraction(int(rng.integers(1, 16)), 16)
    inner = [(low, high, between)[i % 3] for i in rng.permutation(KNOTS)]
    outer = [(low, high)[i] for i in rng.permutation(2)] if low >= 0 else [high, high]
    slopes = [outer[0], *inner, outer[1]]
    return (from_stationary if low >= 0 else from_lowest)(knots, slopes, middle, start)


def make_cycle(mu: Any, width: Any = 1, start: Any = None, previous: Any = None) -> PiecewiseSlopes:
    """Slopes 25 mu, mu, 25 mu with knots at width and 2 width (Lessard, Recht, Packard 2016).

    Heavy ball tuned for quadratics, gamma = 1/(9 mu) and beta = 4/9, is trapped in 792/1225 -> -2208/1225 -> 2592/1225 (times width). `previous`:
    the point before the start, for a run that is in the cycle from its first update on.
    """
    steep, knot = 25 * number(mu), number(width)
    made = from_stationary([knot, 2 * knot], [steep, number(mu), steep], knot * 0, start)
    return made if previous is None else replace(made, previous=vector(previous, 1))


def members() -> Iterator[Member]:
    """Convex, strongly convex and nonconvex, on different lengths."""
    yield Member("piecewise-convex", make(0, Fraction(7, 2), seed=1, width=5, centre=Fraction(-4, 3)))
    yield Member("piecewise-strongly-convex", make(Fraction(1, 5), 11, seed=2, width=Fraction(3, 2), centre=6))
    yield Member("piecewise-ill-conditioned", make(Fraction(1, 12), 44, seed=5, width=9, centre=-17))
    yield Member("piecewise-nonconvex", make(-5, 5, seed=3, width=4, centre=Fraction(5, 2)))
    yield Member("piecewise-weakly-nonconvex", make(Fraction(-1, 3), 14, seed=4, width=Fraction(1, 3), centre=-8))


def cycle_members() -> Iterator[Member]:
    """One, away from unit length and curvature, started in the basin of its cycle too: [3.07, 3.46] times width."""
    yield Member("three-cycle", make_cycle(Fraction(3, 5), width=4, start=13))


CENTRE = Fraction(5, 2)      # about which the searched ones have their knots
SEARCH = (Space({"L": (1 / 8, 64), "mu_over_L": (-1, 0.99), "width": (1 / 8, 64), "seed": (0, 64), "place": (-2, 2)},
                lambda n: {"mu": n["mu_over_L"] * n["L"], "L": n["L"], "seed": int(n["seed"]), "width": n["width"], "centre": CENTRE,
                           "start": (CENTRE + n["place"] * n["width"],)}),)
FAMILY = Family("piecewise", make, members, SEARCH)
CYCLE = Family("three_cycle", make_cycle, cycle_members)
