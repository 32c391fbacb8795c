"""Wolfe's function: convex, and steepest descent with exact line search spirals into a point that is no minimiser."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ExactLineSearch, Lipschitz, Minimum
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, maximum, sign, sqrt, stack, where
from convlab.problem import Family, Member, Start
from convlab_problems.rational import number, root_constant, vector


@dataclass(frozen=True, eq=False)
class Wolfe:
    """weight max(w(x, y), -9 depth) with w = 5 sqrt(9 x^2 + 16 y^2) where x > |y| and 9 x + 16 |y| elsewhere; minimum -9 weight depth at (-depth, 0).

    w is convex, differentiable off the half line y = 0, x <= 0, and unbounded below; the cut gives it a minimum. From (16/9, 1) every exact line
    search against the gradient shrinks the point by 7/25 and reflects it, so that the iterates tend to (0, 0). Source: Wolfe (1975).
    """

    weight: Number
    depth: Number
    start: Array               # (2,)

    def uncut(self, x: Array) -> Array:
        """w(x, y), (replicates,)."""
        cone = _in_cone(x)
        return where(cone, 5 * sqrt(where(cone, _form(x, x), 0 * x[:, 0])), 9 * x[:, 0] + 16 * absolute(x[:, 1]))

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.weight * maximum(self.uncut(x), -9 * self.depth)

    def gap(self, x: Array) -> Array:
        """f(x) - f*."""
        return self.weight * maximum(self.uncut(x) + 9 * self.depth, 0)

    def gradient(self, x: Array) -> Array:
        """The gradient; (9, 0) times the weight on the half line, and 0 where w is cut off."""
        cone = _in_cone(x)
        root = sqrt(where(cone, _form(x, x), 1 + 0 * x[:, 0]))
        curved = stack([45 * x[:, 0] / root, 80 * x[:, 1] / root], 1)
        straight = stack([9 + 0 * x[:, 0], 16 * sign(x[:, 1])], 1)
        kept = self.uncut(x) > -9 * self.depth
        return self.weight * where(kept[:, None], where(cone[:, None], curved, straight), 0 * x)

    def best_step(self, x: Array, direction: Array) -> Array:
        """The t >= 0 with the least f(x + t direction), (replicates,), for directions in which f does not rise.

        Where w falls for ever, where it reaches the cut; else the vertex of the quadratic form, if that is in the cone; else the crossing of y = 0.
        """
        across = direction[:, 1]
        fall = -(9 * direction[:, 0] + 16 * absolute(across))
        side = where(across == 0, sign(x[:, 1]), sign(across))
        to_cut = (9 * x[:, 0] + 16 * side * x[:, 1] + 9 * self.depth) / where(fall > 0, fall, 1 + 0 * fall)
        before = -(9 * direction[:, 0] + 16 * sign(x[:, 1]) * across)                     # how fast w falls on this side of y = 0
        sooner = (9 * x[:, 0] + 16 * absolute(x[:, 1]) + 9 * self.depth) / where(before > 0, before, 1 + 0 * before)
        towards = (sign(x[:, 1]) * across < 0) & (before > 0) & (sooner * absolute(across) <= absolute(x[:, 1]))
        to_cut = where(towards, sooner, to_cut)
        form = _form(direction, direction)
        vertex = -_form(x, direction) / where(form == 0, 1 + form, form)
        crossing = -x[:, 1] / where(across == 0, 1 + 0 * across, across)
        bounded = where(_in_cone(x + vertex[:, None] * direction), vertex, where(across == 0, 0 * crossing, crossing))
        return maximum(where(fall > 0, to_cut, bounded), 0)

    def facts(self) -> tuple[Any, ...]:
        """Convex, Lipschitz with sqrt(9^2 + 16^2), and the minimum."""
        return (Convex(), Lipschitz(root_constant(337 * self.weight**2, how="weight |(9, 16)|, the gradient where x < |y|; inside the cone it is shorter")),
                ExactLineSearch(),
                Minimum(exact(-9 * self.weight * self.depth, how="w >= 9 x is cut off at -9 depth, its value at (-depth, 0)"), at=vector((-self.depth, 0 * self.depth))))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """On Wolfe's spiral."""
        return (Start("on the spiral", self.start),)


def _in_cone(x: Array) -> Array:
    return x[:, 0] > absolute(x[:, 1])


def _form(x: Array, y: Array) -> Array:
    return 9 * x[:, 0] * y[:, 0] + 16 * x[:, 1] * y[:, 1]


def make(weight: Any = 1, depth: Any = 1, size: Any = 1, start: Any = None) -> Wolfe:
    """The function from size (16/9, 1), or from another point. Raises ValueError unless weight, depth and size are positive."""
    if not (weight > 0 and depth > 0 and size > 0):
        raise ValueError(f"Wolfe's function needs a positive weight, depth and size; given {weight}, {depth} and {size}.")
    point = vector((Fraction(16, 9), 1)) * number(size) if start is None else vector(start, 2)
    return Wolfe(number(weight), number(depth), point)


def members() -> Iterator[Member]:
    """One, away from unit length and slope."""
    yield Member("wolfe", make(Fraction(7, 2), depth=40, size=6))


FAMILY = Family("wolfe", make, members)
