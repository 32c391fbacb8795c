"""Nesterov's worst function in the world: information spreads by one coordinate a gradient, so no span method is fast."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, Minimum, Smooth
from convlab.constants import Array, Number, exact, upper
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import number, starts_around, vector


@dataclass(frozen=True, eq=False)
class Tridiagonal:
    """L/4 (<x, T x>/2 - width x_1) with T = tridiag(-1, 2, -1); minimiser width (1 - i/(d + 1)), started at the origin.

    Source: Nesterov (2018), Theorem 2.1.7: with d = 2k + 1, after k steps of any span method the gap is at least 3 L R^2/(32 (k + 1)^2).
    """

    L: Number
    minimiser: Array           # (dimension,)
    laplacian: Array           # T, (dimension, dimension), integers
    least: Number              # f*
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f* and the gap, (replicates,)."""
        return self.least + self.gap(x)

    def gap(self, x: Array) -> Array:
        """L/8 <t, T t> with t = x - x*, as a sum of squares: t_1^2 + sum (t_{i+1} - t_i)^2 + t_d^2."""
        t = x - self.minimiser
        rises = t[..., 1:] - t[..., :-1]
        return self.L / 8 * ((rises * rises).sum(axis=-1) + t[..., 0] * t[..., 0] + t[..., -1] * t[..., -1])

    def gradient(self, x: Array) -> Array:
        """L/4 T (x - x*)."""
        return self.L / 4 * ((x - self.minimiser) @ self.laplacian)

    def facts(self) -> tuple[Any, ...]:
        """Smooth and convex."""
        return (Smooth(upper(self.L, how="the eigenvalues 2 - 2 cos(i pi/(d + 1)) of T are below 4; the largest curvature is L (1 + cos(pi/(d + 1)))/2")),
                Convex(), Minimum(exact(self.least, how="T x* = width e_1 is solved exactly, and f* = -L width x*_1/8"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The origin, where the chain is hardest, and random points."""
        if self.start is not None:
            return (Start("given", self.start),)
        return (Start("origin", self.minimiser * 0), *starts_around(self.minimiser, rng))


def make(L: Any, size: int | None = None, steps: int | None = None, width: Any = 1, start: Any = None) -> Tridiagonal:
    """The function in `size` dimensions, or in 2 steps + 1, which is enough for that many steps.

    Raises ValueError unless exactly one of size and steps is given, and L, width, size are positive.
    """
    if (size is None) == (steps is None):
        raise ValueError(f"give either size or steps; given size = {size}, steps = {steps}.")
    dimension = int(size) if size is not None else 2 * int(steps or 0) + 1
    if not (L > 0 and width > 0 and dimension > 0):
        raise ValueError(f"L, width and the dimension must be positive; given {L}, {width}, {dimension}.")
    minimiser = vector([number(width) * Fraction(dimension + 1 - i, dimension + 1) for i in range(1, dimension + 1)])
    laplacian = 2 * np.eye(dimension, dtype=int) - np.eye(dimension, k=1, dtype=int) - np.eye(dimension, k=-1, dtype=int)
    least = -number(L) * number(width) * minimiser[0] / 8
    return Tridiagonal(number(L), minimiser, laplacian, least, None if start is None else vector(start, dimension))


def members() -> Iterator[Member]:
    """A short and a long chain."""
    yield Member("tridiagonal-5", make(Fraction(7, 2), size=5, width=6))
    yield Member("tridiagonal-41", make(30, steps=20, width=Fraction(9, 4)))


SEARCH = (Space({"L": (1 / 8, 64), "width": (1 / 8, 64), "size": (1, 24)}, lambda n: {"L": n["L"], "size": int(n["size"]), "width": n["width"]}),)
FAMILY = Family("tridiagonal", make, members, SEARCH)
