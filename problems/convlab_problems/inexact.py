"""Quadratics in the plane whose gradients arrive with a relative error: too short, too long, or mirrored."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import InexactGradients, Minimum, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact
from convlab.problem import Family, Member, Start
from convlab_problems.rational import array_of, number, starts_around, vector


@dataclass(frozen=True, eq=False)
class InexactQuadratic:
    """f(x) = sum_i lam_i (x_i - c_i)^2/2 with gradients g + error Q g, Q orthogonal and symmetric; minimum 0 at the centre.

    With Q = -I or I (all gradients too short, too long) the gap contracts no faster than its theorem says. With a reflection the distance does not even
    contract as fast as the gap.
    """

    spectrum: Array            # (2,)
    relative_error: Number
    turn: Array                # Q, (2, 2)
    centre: Array              # (2,)
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.gap(x)

    def gap(self, x: Array) -> Array:
        """f(x) - f*."""
        t = x - self.centre
        return (t * t * self.spectrum).sum(axis=-1) / 2

    def gradient(self, x: Array) -> Array:
        """lam_i (x_i - c_i)."""
        return (x - self.centre) * self.spectrum

    def inexact_gradient(self, x: Array) -> Array:
        """g + error Q g."""
        true = self.gradient(x)
        return true + self.relative_error * (true @ self.turn)

    def facts(self) -> tuple[Any, ...]:
        """Both eigenvalues, and the error."""
        return (Smooth(exact(max(self.spectrum), how="the larger eigenvalue")), StronglyConvex(exact(min(self.spectrum), how="the smaller eigenvalue")),
                InexactGradients(exact(self.relative_error, how="|Q g| = |g|, Q being orthogonal: every gradient is off by this part of its length")),
                Minimum(exact(0, how="a sum of squares, 0 at the centre"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances."""
        return starts_around(self.centre, rng, self.start)


def make(spectrum: Any, relative_error: Any, turn: Any, centre: Any = 0, start: Any = None) -> InexactQuadratic:
    """`turn`: -1 or 1 for gradients all too short or too long, or (cos, sin) of twice the mirror's angle for reflected errors.

    Raises ValueError unless 0 <= relative_error < 1 and cos^2 + sin^2 = 1.
    """
    if not 0 <= relative_error < 1:
        raise ValueError(f"relative_error = {relative_error} must lie in [0, 1).")
    matrix = [[turn, 0], [0, turn]] if np.ndim(turn) == 0 else [[turn[0], turn[1]], [turn[1], -turn[0]]]
    mirror = array_of([[number(v) for v in row] for row in matrix])
    if abs(mirror[0, 0] ** 2 + mirror[0, 1] ** 2 - 1) > 1e-12:
        raise ValueError(f"turn = {turn} is no rotation's cosine and sine: their squares must add up to 1.")
    return InexactQuadratic(vector(spectrum, 2), number(relative_error), mirror, vector(centre, 2), None if start is None else vector(start, 2))


def members() -> Iterator[Member]:
    """Small and large errors of all three kinds, well and badly conditioned."""
    half = Fraction(1, 2)
    yield Member("inexact-short", make((Fraction(2, 5), 7), Fraction(1, 8), -1, centre=(4, -11)))
    yield Member("inexact-long", make((Fraction(2, 5), 7), half, 1, centre=(-3, half)))
    yield Member("inexact-mirrored", make((3, 12), Fraction(1, 5), (Fraction(-21, 29), Fraction(20, 29)), centre=(8, 5)))
    yield Member("inexact-mirrored-ill", make((Fraction(1, 9), 31), Fraction(3, 4), (Fraction(-5, 13), Fraction(12, 13)), centre=(half, -2)))


FAMILY = Family("inexact", make, members)
