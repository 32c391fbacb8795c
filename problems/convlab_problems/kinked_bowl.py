"""A bowl with a kink over a box, its subgradients noisy: strongly convex, not smooth, with second moments that are bounded on the domain."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import BoundedSecondMoment, BoundedVariance, ConstrainedMinimum, StronglyConvex
from convlab.constants import Array, Number, exact
from convlab.draws import Draws, rademacher
from convlab.operations import absolute, clip, sign
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import matching, number, root_constant, vector


@dataclass(frozen=True, eq=False)
class KinkedBowl:
    """f(x) = mu |x - c|^2/2 + weight sum_i |x_i - c_i| over [-radius, radius]^d; the oracle adds +row or -row to the subgradient, each with probability 1/2.

    The minimiser is the point of the box nearest to c. At a corner of the box the subgradient is longest.
    """

    mu: Number
    weight: Number
    centre: Array              # (dimension,), inside the box or not
    radius: Number
    row: Array                 # (dimension,): |row|^2 is the variance
    start: Array | None = None

    @property
    def minimiser(self) -> Array:
        """c, clipped to the box."""
        return clip(self.centre, -self.radius, self.radius)

    def value(self, x: Array) -> Array:
        """f(x), (replicates,), also outside the box."""
        t = x - self.centre
        return (self.mu * t * t / 2 + self.weight * absolute(t)).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) - f* of a feasible x: mu t^2/2 + (weight + mu |x*_i - c_i|) |t|, t = x - x*, for where x*_i is on the boundary f rises inwards."""
        t = x - self.minimiser
        return (self.mu * t * t / 2 + (self.weight + self.mu * absolute(self.minimiser - self.centre)) * absolute(t)).sum(axis=-1)

    def gradient(self, x: Array) -> Array:
        """mu t + weight sign(t), t = x - c; of the kink the part 0."""
        t = x - self.centre
        return self.mu * t + self.weight * sign(t)

    def project(self, x: Array) -> Array:
        """Coordinates clipped to the box."""
        return clip(x, -self.radius, self.radius)

    def gradient_draws(self) -> Draws:
        """A sign."""
        return Draws(sign=rademacher())

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The subgradient and the row, with the drawn sign."""
        return self.gradient(x) + draw.sign[:, None] * self.row

    def facts(self) -> tuple[Any, ...]:
        """Strongly convex on the box, with the largest second moment of the oracle there."""
        longest = self.mu * (absolute(self.centre) + self.radius) + self.weight
        moment = (longest * longest).sum() + (self.row * self.row).sum()
        return (StronglyConvex(exact(self.mu, how="the quadratic term curves by mu everywhere, the kink adds nothing elsewhere")),
                BoundedSecondMoment(root_constant(moment, how="|subgradient|^2 + |row|^2 at the corner of the box that is farthest from c")),
                BoundedVariance(root_constant((self.row * self.row).sum(), how="the row or its negative: |row|^2 at every x")),
                ConstrainedMinimum(exact(self.value(self.minimiser[None])[0], how="f is a sum over coordinates, each least at the point of its interval nearest to c_i"),
                                   at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given one; without one two corners of the box, and a point inside."""
        if self.start is not None:
            return (Start("given", self.start),)
        ones = np.array([Fraction((-1) ** i) for i in range(len(self.centre))], dtype=object)
        places = (("corner", 1), ("other corner", -1), ("inside", Fraction(3, 8)))
        return tuple(Start(name, matching(self.radius * factor * ones, self.centre)) for name, factor in places)


def make(mu: Any, radius: Any, weight: Any = 0, noise: Any = 0, centre: Any = 0, start: Any = None) -> KinkedBowl:
    """The bowl; scalars of centre and start are repeated along the dimension, a scalar noise goes along the first coordinate.

    Raises ValueError unless mu > 0, radius > 0, weight >= 0 and the start lies in the box.
    """
    size = max(np.size(v) for v in (centre, noise, 0 if start is None else start))
    if not (mu > 0 and radius > 0 and weight >= 0):
        raise ValueError(f"a kinked bowl needs mu > 0, radius > 0 and weight >= 0; given {mu}, {radius}, {weight}.")
    first = None if start is None else vector(start, size)
    if first is not None and max(map(abs, first)) > radius:
        raise ValueError(f"the start {start} lies outside the box of radius {radius}.")
    row = vector([noise] + [0] * (size - 1) if np.ndim(noise) == 0 else noise, size)
    return KinkedBowl(number(mu), number(weight), vector(centre, size), number(radius), row, first)


def members() -> Iterator[Member]:
    """The kink inside the box and beyond its boundary, in one dimension and in the plane."""
    yield Member("kinked-bowl-1d", make(Fraction(2, 5), 6, weight=Fraction(7, 2), noise=5, centre=Fraction(3, 2)))
    yield Member("kinked-bowl-outside-1d", make(3, Fraction(5, 2), weight=Fraction(1, 4), noise=9, centre=4))
    yield Member("kinked-bowl-loud-1d", make(Fraction(9, 4), 8, weight=Fraction(1, 8), noise=40, centre=-1))
    yield Member("kinked-bowl-2", make(Fraction(1, 3), 11, weight=2, noise=(4, -6), centre=(-7, 16)))


SEARCH = (Space({"mu": (1 / 8, 64), "radius": (1 / 8, 64), "weight_over_mu_radius": (0.0, 3.0), "noise_over_mu_radius": (0.0, 8.0),
                 "at": (-1.0, 1.0), "centre": (-1.5, 1.5)},
                lambda n: {"mu": n["mu"], "radius": n["radius"], "weight": n["weight_over_mu_radius"] * n["mu"] * n["radius"],
                           "noise": n["noise_over_mu_radius"] * n["mu"] * n["radius"], "centre": n["centre"] * n["radius"], "start": (n["at"] * n["radius"],)},
                random=True),)
FAMILY = Family("kinked_bowl", make, members, SEARCH)
