"""Quadratics over a box, a ball or a simplex, built so that the minimiser lies on the boundary; and a line over a half-line."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from convlab.assumptions import ConstrainedMinimum, Convex, Lipschitz, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact, upper
from convlab.operations import maximum
from convlab.problem import Family, Member, Space, Start
from convlab_problems.feasible_sets import Ball, Box, Simplex
from convlab_problems.rational import array_of, matching, number, orthogonal, program_of, vector


@dataclass(frozen=True, eq=False)
class ConstrainedQuadratic:
    """f(x) = <x - x*, A (x - x*)>/2 - <normal, x - x*> over a convex set whose outer normal at x* is `normal`: so x* is the minimiser, f* = 0."""

    feasible: Box | Ball | Simplex
    spectrum: Array            # (dimension,) of A
    basis: Array               # (dimension, dimension): eigenvectors in columns
    minimiser: Array           # (dimension,)
    normal: Array              # (dimension,)
    start: Array | None = None

    def _bowl(self, x: Array) -> Array:
        t = (x - self.minimiser) @ self.basis
        return (self.spectrum * t * t).sum(axis=-1) / 2

    def value(self, x: Array) -> Array:
        """f(x), (replicates,), also outside the set."""
        return self._bowl(x) - (self.normal * (x - self.minimiser)).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) of a feasible point as a sum of two nonnegative terms, the linear one in the form that its set keeps free of cancellation."""
        return self._bowl(x) + self.feasible.drop(self.normal, self.minimiser, x)

    def gradient(self, x: Array) -> Array:
        """A (x - x*) - normal."""
        return (self.spectrum * ((x - self.minimiser) @ self.basis)) @ self.basis.T - self.normal

    def project(self, x: Array) -> Array:
        """The nearest point of the set."""
        return self.feasible.project(x)

    def facts(self) -> tuple[Any, ...]:
        """Smooth, convex (strongly where no eigenvalue is 0), with a minimiser on the boundary."""
        least = min(self.spectrum)
        shape = StronglyConvex(exact(least, how="the smallest eigenvalue of A")) if least > 0 else Convex()
        return (Smooth(exact(max(self.spectrum), how="the largest eigenvalue of A")), shape,
                ConstrainedMinimum(exact(0, how="-f'(x*) is an outer normal of the set at x*, and f is convex"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Points of the set: on its boundary and inside."""
        if self.start is not None:
            return (Start("given", self.start),)
        return tuple(Start(name, matching(point, self.minimiser)) for name, point in self.feasible.points(rng, len(self.minimiser)).items())


def make(feasible: Callable[[Any], Box | Ball | Simplex], spectrum: Any, radius: Any = 1, force: Any = 1, seed: int = 0, start: Any = None) -> ConstrainedQuadratic:
    """A quadratic of this spectrum, rotated, pressed against the boundary with weights between force/8 and force.

    Raises ValueError unless the spectrum is >= 0 and not 0, has two entries at least, and radius and force are positive.
    """
    eigenvalues = vector(spectrum)
    dimension = len(eigenvalues)
    if not (dimension >= 2 and min(eigenvalues) >= 0 and max(eigenvalues) > 0 and radius > 0 and force > 0):
        raise ValueError(f"a constrained quadratic needs two or more eigenvalues >= 0, one of them positive, and radius, force > 0; given {spectrum}, {radius}, {force}.")
    rng = np.random.default_rng(seed)
    region = feasible(number(radius))
    minimiser = region.minimiser(rng, dimension)
    weights = np.array([number(force) * Fraction(int(i), 8) for i in rng.integers(1, 9, size=dimension)], dtype=object)
    return ConstrainedQuadratic(region, eigenvalues, orthogonal(seed + 1, dimension), array_of(minimiser), array_of(region.normal(minimiser, weights)),
                                None if start is None else vector(start, dimension))


def box_members() -> Iterator[Member]:
    """Convex and strongly convex."""
    yield Member("box-quadratic-4", make(Box, (0, Fraction(1, 2), 3, 17), radius=Fraction(5, 2), force=40, seed=1))
    yield Member("box-quadratic-strongly-convex-5", make(Box, (Fraction(1, 4), 2, 3, 8, 29), radius=7, force=12, seed=2))


def ball_members() -> Iterator[Member]:
    """Convex and strongly convex."""
    yield Member("ball-quadratic-3", make(Ball, (0, Fraction(7, 3), 11), radius=6, force=25, seed=3))
    yield Member("ball-quadratic-strongly-convex-4", make(Ball, (Fraction(2, 5), 1, 6, 14), radius=Fraction(7, 2), force=9, seed=4))


def simplex_members() -> Iterator[Member]:
    """Convex and strongly convex, on simplices of sum other than 1."""
    yield Member("simplex-quadratic-5", make(Simplex, (0, 0, Fraction(3, 2), 5, 13), radius=4, force=6, seed=5))
    yield Member("simplex-quadratic-strongly-convex-4", make(Simplex, (Fraction(1, 3), 2, 9, 21), radius=Fraction(9, 2), force=15, seed=6))


@dataclass(frozen=True, eq=False)
class HalfLine:
    """c x over x >= 0: the minimum 0 is at the end, with slope c > 0. It attains the projected gradient bound L R^2/(4 k) at c = L R/(2 k)."""

    c: Number
    L: Number                  # claimed as smoothness; the curvature is 0
    minimiser: Array           # (1,): 0
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """c x, (replicates,)."""
        return (self.c * x).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """c x: f* = 0."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """c everywhere."""
        return self.c + 0 * x

    def project(self, x: Array) -> Array:
        """max(x, 0)."""
        return maximum(x, self.c * 0)

    def program(self) -> str:
        """The line and its end."""
        return (f"slope = {program_of(self.c)}\nminimiser = {program_of(self.minimiser)}\n\n"
                "def value(x):\n    return slope * x[0]\n\ndef gradient(x):\n    return [slope]\n\n"
                "def project(x):\n    return [max(x[0], Fraction(0))]\n")

    def facts(self) -> tuple[Any, ...]:
        """Convex, c-Lipschitz, L-smooth for every L > 0."""
        return (Convex(), Smooth(upper(self.L, how="f is linear: its curvature is 0, below every L")), Lipschitz(exact(self.c, how="the slope")),
                ConstrainedMinimum(exact(0, how="c x is increasing, and x >= 0"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Three distances from the end."""
        if self.start is not None:
            return (Start("given", self.start),)
        return tuple(Start(name, matching(vector(at, 1), self.minimiser)) for name, at in (("near", Fraction(1, 16)), ("typical", 7), ("far", 300)))


def make_half_line(c: Any, L: Any, start: Any = None) -> HalfLine:
    """The line of slope c, offered to claims on L-smooth functions. Raises ValueError unless c > 0 and L > 0."""
    if not (c > 0 and L > 0):
        raise ValueError(f"the line over a half-line needs c > 0 and L > 0; given c = {c}, L = {L}.")
    return HalfLine(number(c), number(L), vector(0, 1), None if start is None else vector(start, 1))


def half_line_members() -> Iterator[Member]:
    """A flat and a steep line."""
    yield Member("half-line-flat", make_half_line(Fraction(1, 9), Fraction(3, 2)))
    yield Member("half-line-steep", make_half_line(35, 12))


BOX_SEARCH = Space({"L": (1 / 8, 64), "mu_over_L": (1e-4, 1), "radius": (1 / 8, 64), "pressure": (1e-3, 10), "first": (-1, 1), "second": (-1, 1)},
                   lambda n: {"spectrum": (n["mu_over_L"] * n["L"], n["L"]), "radius": n["radius"], "force": n["pressure"] * n["L"] * n["radius"], "seed": 1,
                              "start": (n["first"] * n["radius"], n["second"] * n["radius"])})
LINE_SEARCH = Space({"L": (1 / 8, 64), "R": (1 / 8, 64), "slope_over_LR": (1e-3, 10)},
                    lambda n: {"c": n["slope_over_LR"] * n["L"] * n["R"], "L": n["L"], "start": (n["R"],)})
BOX = Family("box_quadratic", partial(make, Box), box_members, (BOX_SEARCH,))
ROUND_SEARCH = Space({"L": (1 / 8, 64), "mu_over_L": (0, 1), "radius": (1 / 8, 64), "pressure": (1e-3, 10), "seed": (1, 32), "first": (-0.7, 0.7), "second": (-0.7, 0.7)},
                     lambda n: {"spectrum": (n["mu_over_L"] * n["L"], n["L"]), "radius": n["radius"], "force": n["pressure"] * n["L"] * n["radius"],
                                "seed": int(n["seed"]), "start": (n["first"] * n["radius"], n["second"] * n["radius"])})
CORNER_SEARCH = Space({"L": (1 / 8, 64), "mu_over_L": (0, 1), "radius": (1 / 8, 64), "pressure": (1e-3, 10), "seed": (1, 32), "first": (0, 1)},
                      lambda n: {"spectrum": (n["mu_over_L"] * n["L"], n["L"]), "radius": n["radius"], "force": n["pressure"] * n["L"] * n["radius"],
                                 "seed": int(n["seed"]), "start": (n["first"] * n["radius"], (1 - n["first"]) * n["radius"])})
BALL = Family("ball_quadratic", partial(make, Ball), ball_members, (ROUND_SEARCH,))
SIMPLEX = Family("simplex_quadratic", partial(make, Simplex), simplex_members, (CORNER_SEARCH,))
HALF_LINE = Family("half_line", make_half_line, half_line_members, (LINE_SEARCH,))
