"""Linear losses on an interval that repeat themselves: a rare large slope against frequent small ones defeats methods that forget."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import ConvexLosses
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, clip, stack
from convlab.problem import Family, Member, Start
from convlab_problems.rational import number, vector


@dataclass(frozen=True, eq=False)
class PeriodicLosses:
    """f_k(x) = slopes[k mod period] x on [-radius, radius], started at radius.

    With slopes C, -1, -1 and C > 2 the best fixed point is -radius. Adam without memory of the gradient's sign divides the rare step by C and the two
    frequent ones by about 1, and is back at radius after every period. Source: Reddi, Kale, Kumar (2018).
    """

    slopes: Array              # (period,)
    radius: Number

    def loss(self, x: Array, round: int) -> Array:
        """f_round(x)."""
        return self.slopes[round % len(self.slopes)] * x[:, 0]

    def loss_gradient(self, x: Array, round: int) -> Array:
        """The slope of the round."""
        return self.slopes[round % len(self.slopes)] + 0 * x

    def project(self, x: Array) -> Array:
        """Onto the interval."""
        return clip(x, -self.radius, self.radius)

    def rivals(self) -> Array:
        """Both ends, of which one is best against linear losses."""
        return stack([vector(self.radius, 1), vector(-self.radius, 1)], 0)

    def facts(self) -> tuple[Any, ...]:
        """The largest slope and the length of the interval."""
        return (ConvexLosses(exact(max(absolute(self.slopes)), how="the largest absolute slope"), exact(2 * self.radius, how="the interval's length"),
                             len(self.slopes)),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The upper end."""
        return (Start("upper end", vector(self.radius, 1)),)


def make(slopes: Any, radius: Any) -> PeriodicLosses:
    """Raises ValueError unless the radius is positive."""
    if not radius > 0:
        raise ValueError(f"the interval needs a positive radius, not {radius}.")
    return PeriodicLosses(vector(slopes), number(radius))


def members() -> Iterator[Member]:
    """Reddi's losses, far from unit slope and length, and four that balance."""
    yield Member("periodic-losses-rare", make((35, Fraction(-7, 2), Fraction(-7, 2)), 6))
    yield Member("periodic-losses-balanced", make((4, -9, 2, 3), Fraction(2, 7)))


FAMILY = Family("periodic_losses", make, members)
