"""Nonconvex functions with known infimum: the cosine (many minima) and a wavy bowl (nonconvex, yet Polyak-Lojasiewicz)."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic
from convlab.assumptions import Lipschitz, Minimum, PolyakLojasiewicz, Smooth
from convlab.constants import Array, Number, exact, lower
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import number, root_constant, starts_around, vector
from convlab_problems.transcendental import cast_irrational, sin

# min over t of (2 t + 3 sin 2t)^2 / (2 (t^2 + 3 sin^2 t)) is 0.17553098..., near |t| = 2.2017; the tests prove this lower bound.
WAVY_PL = Fraction(351, 2000)


@dataclass(frozen=True, eq=False)
class Cosine:
    """L width^2 sum_i (1 - cos((x_i - c_i)/width)): curvature L at the centre c, -L half a period on. The infimum 0 is attained at c, among others."""

    L: Number
    centre: Array              # (dimension,)
    width: Number
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,): written with 1 - cos u = 2 sin^2(u/2), which keeps its digits near the minimum."""
        half = sin((x - self.centre) / (2 * self.width))
        return 2 * self.L * self.width**2 * (half * half).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """L width sin((x - c)/width)."""
        return self.L * self.width * sin((x - self.centre) / self.width)

    def facts(self) -> tuple[Any, ...]:
        """Smooth, Lipschitz, bounded below; not convex, and not PL (the gradient vanishes at the tops)."""
        return (Smooth(exact(self.L, how="f'' = L cos, attained at the centre")),
                Lipschitz(root_constant((self.L * self.width) ** 2 * len(self.centre), how="L width sin in every coordinate, attained a quarter period off")),
                Minimum(exact(0, how="1 - cos >= 0, with equality at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances; the far ones lie in other periods."""
        return starts_around(self.centre, rng, self.start)

    def cast(self, arithmetic: Arithmetic) -> Cosine:
        """The same function in another arithmetic. Raises Unsupported for fractions."""
        cast: Cosine = cast_irrational(self, arithmetic, "cosines of fractions are irrational")
        return cast


@dataclass(frozen=True, eq=False)
class Wavy:
    """L/8 width^2 sum_i (u_i^2 + 3 sin^2 u_i), u = (x - c)/width: nonconvex, PL, with the one stationary point c where it is 0.

    The curvature is L/8 (2 + 6 cos 2u): L at the centre, -L/2 at its least.
    """

    L: Number
    centre: Array              # (dimension,)
    width: Number
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        u = (x - self.centre) / self.width
        wave = sin(u)
        return self.L / 8 * self.width**2 * (u * u + 3 * wave * wave).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: squares, nothing cancels."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """L/8 width (2 u + 3 sin 2u)."""
        u = (x - self.centre) / self.width
        return self.L / 8 * self.width * (2 * u + 3 * sin(2 * u))

    def facts(self) -> tuple[Any, ...]:
        """Smooth and PL, not convex."""
        return (Smooth(exact(self.L, how="L/8 (2 + 6 cos 2u) lies in [-L/2, L] and is L at the centre")),
                PolyakLojasiewicz(lower(self.L / 8 * WAVY_PL, how="in units u and L/8: for |u| <= pi/2 sin 2u helps, so g^2 >= 4 u^2 >= f; for |u| >= 4 "
                                        "g^2 >= (2 |u| - 3)^2 and f <= u^2 + 3; between, cell by cell with |f''| <= 8. The best constant is 0.175530985 L/8")),
                Minimum(exact(0, how="a sum of squares, 0 at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances."""
        return starts_around(self.centre, rng, self.start)

    def cast(self, arithmetic: Arithmetic) -> Wavy:
        """The same function in another arithmetic. Raises Unsupported for fractions."""
        cast: Wavy = cast_irrational(self, arithmetic, "sines of fractions are irrational")
        return cast


def _fields(L: Any, centre: Any, width: Any, start: Any, dimension: int) -> tuple[Number, Array, Number, Array | None]:
    if not (L > 0 and width > 0):
        raise ValueError(f"L and width must be positive; given L = {L}, width = {width}.")
    size = max([int(dimension), *(np.size(v) for v in (centre, start) if v is not None)])
    return number(L), vector(centre, size), number(width), None if start is None else vector(start, size)


def make_cosine(L: Any, centre: Any = 0, width: Any = 1, start: Any = None, dimension: int = 1) -> Cosine:
    """The cosine of curvature L; a scalar centre or start is repeated along the dimension. Raises ValueError unless L > 0 and width > 0."""
    return Cosine(*_fields(L, centre, width, start, dimension))


def make_wavy(L: Any, centre: Any = 0, width: Any = 1, start: Any = None, dimension: int = 1) -> Wavy:
    """The wavy bowl of curvature L; a scalar centre or start is repeated along the dimension. Raises ValueError unless L > 0 and width > 0."""
    return Wavy(*_fields(L, centre, width, start, dimension))


def cosine_members() -> Iterator[Member]:
    """In one and several dimensions, on different lengths."""
    yield Member("cosine-1d", make_cosine(Fraction(9, 2), centre=Fraction(-8, 3), width=5))
    yield Member("cosine-4", make_cosine(14, centre=(6, Fraction(-1, 2), 3, -11), width=Fraction(5, 2)))


def wavy_members() -> Iterator[Member]:
    """In one and several dimensions, on different lengths."""
    yield Member("wavy-1d", make_wavy(Fraction(26, 3), centre=Fraction(13, 2), width=4))
    yield Member("wavy-3", make_wavy(5, centre=(-3, 12, Fraction(7, 4)), width=Fraction(3, 2)))


CENTRE = Fraction(-8, 3)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "width": (1 / 8, 64), "place": (-3, 3)},
                lambda n: {"L": n["L"], "centre": CENTRE, "width": n["width"], "start": (CENTRE + n["place"] * n["width"],)}),)
COSINE = Family("cosine", make_cosine, cosine_members, SEARCH)
WAVY = Family("wavy", make_wavy, wavy_members, SEARCH)
