"""Sums of Huber functions along oblique directions: curvature that dies direction by direction, with known ends."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ExactLineSearch, Minimum, PolyakLojasiewicz, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact, lower
from convlab.operations import Unsupported, clip, least_along
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, orthogonal, starts_around, vector

DIMENSION = 3
SHARES = (Fraction(1, 2), Fraction(1, 6), Fraction(1, 14), Fraction(1, 2), Fraction(1, 5), Fraction(1, 9))   # of L - mu; rows 0 and 3 share the steep axis


@dataclass(frozen=True, eq=False)
class HuberSum:
    """mu |t|^2/2 + sum_j weight_j h_j(a_j . t), t = x - c: six unit rows a_j, h_j is u^2/2 for |u| <= threshold_j and straight beyond.

    Rows 0 and 3 are one axis, the others lie across it and weigh less: the largest curvature is mu + weight_0 + weight_3, met at c.
    """

    mu: Number
    rows: Array           # (6, 3), unit rows
    weights: Array        # (6,)
    thresholds: Array     # (6,)
    centre: Array         # (3,)
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        t = x - self.centre
        u = t @ self.rows.T
        near = clip(u, -self.thresholds, self.thresholds)
        return self.mu * (t * t).sum(axis=-1) / 2 + (self.weights * near * (u - near / 2)).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: every term is nonnegative, nothing cancels."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """mu t + sum_j weight_j clip(a_j . t) a_j."""
        t = x - self.centre
        return self.mu * t + (self.weights * clip(t @ self.rows.T, -self.thresholds, self.thresholds)) @ self.rows

    def best_step(self, x: Array, direction: Array) -> Array:
        """The best step along a direction of descent that is no longer than the gradient, by bisection; raises Unsupported where mu = 0."""
        if self.mu == 0:
            raise Unsupported("a sum of Huber functions with straight ends has no longest best step")
        return least_along(self.gradient, x, direction, 1 / self.mu)

    def facts(self) -> tuple[Any, ...]:
        """Smooth; convex, strongly where mu > 0."""
        steep = exact(self.mu + self.weights[0] + self.weights[3], how="rows 0 and 3 are one axis with curvature mu + w_0 + w_3 at c; across it "
                      "the curvature is at most mu + max(w_1, w_2) + max(w_4, w_5), which is less")
        growth: tuple[Any, ...] = (Convex(),)
        if self.mu > 0:
            growth = (StronglyConvex(exact(self.mu, how="beyond all thresholds only the quadratic term curves, and the others are convex")),
                      PolyakLojasiewicz(lower(self.mu, how="implied by mu-strong convexity")), ExactLineSearch())
        return (Smooth(steep), *growth, Minimum(exact(0, how="every term is >= 0 and vanishes at c"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances."""
        return starts_around(self.centre, rng, self.start)


def make(mu: Any, L: Any, centre: Any = 0, seed: int = 1, width: Any = 1, start: Any = None) -> HuberSum:
    """Six rows in three dimensions from a seeded rational frame; thresholds lie between width/50 and 3 width/10.

    Raises ValueError unless 0 <= mu < L.
    """
    if not (0 <= mu < L and width > 0):
        raise ValueError(f"a sum of Huber functions needs 0 <= mu < L and width > 0; given mu = {mu}, L = {L}, width = {width}.")
    frame = orthogonal(seed, DIMENSION)
    turned = (frame[0], (3 * frame[1] + 4 * frame[2]) / 5, (3 * frame[2] - 4 * frame[1]) / 5)
    places = np.random.default_rng(seed).integers(2, 31, size=2 * DIMENSION)
    thresholds = [number(width) * Fraction(int(i), 100) for i in places]
    weights = [share * (number(L) - number(mu)) for share in SHARES]
    return HuberSum(number(mu), array_of([*frame, *turned]), vector(weights), vector(thresholds), vector(centre, DIMENSION),
                    None if start is None else vector(start, DIMENSION))


def members() -> Iterator[Member]:
    """Convex and strongly convex."""
    yield Member("huber-sum-convex", make(0, Fraction(31, 4), centre=(5, Fraction(-7, 2), 0), seed=3, width=6))
    yield Member("huber-sum-strongly-convex", make(Fraction(2, 7), 18, centre=(-9, 4, Fraction(5, 2)), seed=8, width=Fraction(7, 2)))


CENTRE = Fraction(-9, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "mu_over_L": (0, 0.99), "R": (1 / 8, 64), "width_over_R": (1e-2, 10), "seed": (1, 64), "second": (-1, 1), "third": (-1, 1)},
                lambda n: {"mu": n["mu_over_L"] * n["L"], "L": n["L"], "centre": CENTRE, "seed": int(n["seed"]), "width": n["width_over_R"] * n["R"],
                           "start": (CENTRE + n["R"], CENTRE + n["second"] * n["R"], CENTRE + n["third"] * n["R"])}),)
FAMILY = Family("huber_sum", make, members, SEARCH)
