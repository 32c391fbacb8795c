"""The absolute value: the simplest nonsmooth convex function, worst case of subgradient and proximal point methods."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, Lipschitz, Minimum, Proximable
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, clip, sign
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import number, program_of, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class AbsoluteValue:
    """weight sum_i |x_i - c_i|, the minimum 0 at the centre c. The subgradient at a kink is 0 in that coordinate."""

    weight: Number             # G/sqrt(dimension)
    centre: Array              # (dimension,)
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        return (self.weight * absolute(x - self.centre)).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: nothing cancels."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """The declared subgradient weight sign(x - c)."""
        return self.weight * sign(x - self.centre)

    def prox(self, x: Array, step_size: Number) -> Array:
        """Soft thresholding towards c."""
        t = x - self.centre
        return x - clip(t, -step_size * self.weight, step_size * self.weight)

    def program(self) -> str:
        """Coordinate by coordinate."""
        return (f"weight = {program_of(self.weight)}\nminimiser = {program_of(self.centre)}\n\n"
                "def value(x):\n    return weight * sum(abs(t - c) for t, c in zip(x, minimiser))\n\n"
                "def gradient(x):\n    return [weight * ((t > c) - (t < c)) for t, c in zip(x, minimiser)]\n\n"
                "def prox(x, step):\n    return [t - max(-step * weight, min(step * weight, t - c)) for t, c in zip(x, minimiser)]\n")

    def facts(self) -> tuple[Any, ...]:
        """Convex and G-Lipschitz with G = weight sqrt(dimension)."""
        return (Convex(), Lipschitz(root_constant(self.weight**2 * len(self.centre), how="d slopes of size G/sqrt(d), attained off the kinks")),
                Proximable(), Minimum(exact(0, how="a sum of absolute values, 0 at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances from the centre."""
        return starts_around(self.centre, rng, self.start)


def make(G: Any, centre: Any = 0, start: Any = None, dimension: int = 1) -> AbsoluteValue:
    """The G-Lipschitz one: G |x| in one dimension, G/sqrt(d) times the 1-norm in d (rational where d is a square). Raises ValueError unless G > 0."""
    if not G > 0:
        raise ValueError(f"G = {G} must be positive.")
    size = max([int(dimension), *(np.size(v) for v in (centre, start) if v is not None)])
    root = math.isqrt(size)
    weight = number(G) / root if root * root == size else float(G) / math.sqrt(size)
    return AbsoluteValue(weight, vector(centre, size), None if start is None else vector(start, size))


def members() -> Iterator[Member]:
    """One, two (irrational weight) and nine dimensions."""
    yield Member("absolute-value-1d", make(Fraction(17, 5), centre=Fraction(-14, 3)))
    yield Member("absolute-value-2", make(Fraction(5, 2), centre=(9, Fraction(-7, 2))))
    yield Member("absolute-value-9", make(12, centre=(3, -1, Fraction(5, 2), 0, 7, -6, Fraction(1, 3), 8, -2)))


CENTRE = Fraction(7, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"G": (1 / 8, 64), "R": (1 / 8, 64)}, lambda n: {"G": n["G"], "centre": CENTRE, "start": (CENTRE + n["R"],)}),)
FAMILY = Family("absolute_value", make, members, SEARCH)
