"""Two crossed ridges in the plane, one flat: every sign of a subgradient points along the flat one."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, Lipschitz, Minimum
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, stack, where
from convlab.problem import Family, Member, Start
from convlab_problems.rational import number, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class CrossedRidges:
    """weight (flat |u| + |v|), u = x_1 + x_2, v = x_1 - x_2 measured from the centre; minimum 0 there.

    The subgradient weight (flat s (1, 1) + t (1, -1)), s and t the signs of u and v with sign(0) = 1, has for flat < 1 the signs (t, -t): a step along
    them leaves u as it is. For flat > 1 it leaves v as it is. Source: Karimireddy, Rebjock, Stich, Jaggi (2019).
    """

    weight: Number
    flat: Number
    centre: Array              # (2,)
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x)."""
        u, v = self._along(x)
        return self.weight * (self.flat * absolute(u) + absolute(v))

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """The subgradient with sign(0) = 1: never 0, not even at the minimum."""
        u, v = (where(t >= 0, 1 + 0 * t, 0 * t - 1) for t in self._along(x))
        return self.weight * stack([self.flat * u + v, self.flat * u - v], 1)

    def _along(self, x: Array) -> tuple[Array, Array]:
        t = x - self.centre
        return t[:, 0] + t[:, 1], t[:, 0] - t[:, 1]

    def facts(self) -> tuple[Any, ...]:
        """Convex, and Lipschitz with the one length that its subgradients have."""
        return (Convex(), Lipschitz(root_constant(2 * self.weight**2 * (1 + self.flat**2), how="weight |(flat + 1, flat - 1)|, the length of every subgradient")),
                Minimum(exact(0, how="a sum of absolute values, 0 at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances."""
        return starts_around(self.centre, rng, self.start)


def make(weight: Any, flat: Any, centre: Any = 0, start: Any = None) -> CrossedRidges:
    """Raises ValueError unless weight and flat are positive and flat is not 1, where a subgradient has an entry 0."""
    if not (weight > 0 and flat > 0 and flat != 1):
        raise ValueError(f"crossed ridges need weight > 0 and flat > 0 other than 1: given {weight} and {flat}.")
    return CrossedRidges(number(weight), number(flat), vector(centre, 2), None if start is None else vector(start, 2))


def members() -> Iterator[Member]:
    """Flat and steep, of rational and of irrational slope."""
    yield Member("crossed-ridges-flat", make(Fraction(7, 2), Fraction(7, 17), centre=(5, -11)))
    yield Member("crossed-ridges-steep", make(Fraction(2, 9), 3, centre=(Fraction(-1, 2), 4)))


FAMILY = Family("crossed_ridges", make, members)
