"""The largest coordinate: the worst case of every subgradient method, whose oracle tells of one coordinate at a time."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, Lipschitz, Minimum
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, sign, where
from convlab.problem import Family, Member, Start
from convlab_problems.rational import number, starts_around, vector


@dataclass(frozen=True, eq=False)
class LargestCoordinate:
    """G max_i |x_i - c_i|, the minimum 0 at the centre c. The subgradient is G sign(t_j) e_j for the first coordinate that attains the maximum.

    From the diagonal, k steps reach k coordinates: the last of k + 1 keeps its value, and no subgradient method does better (Drori, Teboulle 2016).
    """

    G: Number
    centre: Array              # (dimension,)
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        return self.G * absolute(x - self.centre).max(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """G sign(t_j) e_j, t = x - c, j the first of the largest |t_j|."""
        t = x - self.centre
        size = absolute(t)
        largest = size == size.max(axis=-1)[:, None]
        first = where(largest, 1 + 0 * t, 0 * t) * (largest.cumsum(axis=-1) == 1)
        return self.G * first * sign(t)

    def facts(self) -> tuple[Any, ...]:
        """Convex and G-Lipschitz."""
        return (Convex(), Lipschitz(exact(self.G, how="every subgradient has one coordinate, of size G")),
                Minimum(exact(0, how="a maximum of absolute values, 0 at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given one; without one, the diagonal at two distances, and random directions."""
        if self.start is not None:
            return (Start("given", self.start),)
        ones = np.array([Fraction(1)] * len(self.centre), dtype=object)
        diagonal = tuple(Start(f"diagonal-{name}", vector(list(self.centre + size * ones), len(self.centre)))
                         for name, size in (("near", Fraction(1, 9)), ("far", Fraction(40))))
        return (*diagonal, *starts_around(self.centre, rng))


def make(G: Any, dimension: int, centre: Any = 0, start: Any = None) -> LargestCoordinate:
    """In so many dimensions; a scalar centre or start is repeated along them. Raises ValueError unless G > 0 and dimension >= 1."""
    if not (G > 0 and dimension >= 1):
        raise ValueError(f"the largest coordinate needs G > 0 and a dimension >= 1; given G = {G}, dimension = {dimension}.")
    size = int(dimension)
    return LargestCoordinate(number(G), vector(centre, size), None if start is None else vector(start, size))


def members() -> Iterator[Member]:
    """Fewer and more dimensions than a run has steps."""
    yield Member("largest-coordinate-3", make(Fraction(7, 2), 3, centre=(4, Fraction(-1, 3), 9)))
    yield Member("largest-coordinate-17", make(12, 17, centre=Fraction(-5, 2)))


FAMILY = Family("max_abs", make, members)
