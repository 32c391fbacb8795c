"""Quadratics of prescribed spectrum: the worst case of every linear rate, at one end of the spectrum or the other."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ExactLineSearch, Isotropic, Minimum, PolyakLojasiewicz, Proximable, Quadratic, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact
from convlab.operations import inner, where
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import matching, orthogonal, program_of, starts_around, vector


@dataclass(frozen=True, eq=False)
class PrescribedSpectrum:
    """f(x) = <x - c, A (x - c)>/2 with A = Q diag(spectrum) Q^T; the minimum 0 is at the centre c (and along the kernel of A).

    An eigenvector of the largest or the smallest eigenvalue as start attains the contraction factors of first-order methods.
    """

    spectrum: Array                # (dimension,): eigenvalues, all >= 0, not all 0
    centre: Array                  # (dimension,)
    basis: Array | None = None     # (dimension, dimension): eigenvectors in columns; None is the identity
    start: Array | None = None

    def _in_basis(self, t: Array) -> Array:
        return t if self.basis is None else t @ self.basis

    def _from_basis(self, t: Array) -> Array:
        return t if self.basis is None else t @ self.basis.T

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        t = self._in_basis(x - self.centre)
        return (self.spectrum * t * t).sum(axis=-1) / 2

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: a sum of nonnegative terms, nothing cancels."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """A (x - c)."""
        return self._from_basis(self.spectrum * self._in_basis(x - self.centre))

    def best_step(self, x: Array, direction: Array) -> Array:
        """-<A (x - c), direction>/<direction, A direction>, and 0 along the kernel, where f is constant."""
        towards, curvature = -inner(self.gradient(x), direction), (self.spectrum * self._in_basis(direction) ** 2).sum(axis=-1)
        return where(curvature == 0, 0 * towards, towards / where(curvature == 0, 1 + curvature, curvature))

    def prox(self, x: Array, step_size: Number) -> Array:
        """c + (I + step_size A)^{-1} (x - c), solved in the eigenbasis."""
        return self.centre + self._from_basis(self._in_basis(x - self.centre) / (1 + step_size * self.spectrum))

    def program(self) -> str:
        """Coordinate by coordinate where the eigenvectors are the axes, else by its matrix, and without a prox."""
        if self.basis is not None:
            return (f"A = {program_of((self.basis * self.spectrum) @ self.basis.T)}\nminimiser = {program_of(self.centre)}\n\n"
                    "def gradient(x):\n    t = [u - c for u, c in zip(x, minimiser)]\n    return [sum(a * u for a, u in zip(row, t)) for row in A]\n\n"
                    "def value(x):\n    return sum(g * (u - c) for g, u, c in zip(gradient(x), x, minimiser)) / 2\n")
        return (f"spectrum = {program_of(self.spectrum)}\nminimiser = {program_of(self.centre)}\n\n"
                "def value(x):\n    return sum(s * (t - c) ** 2 for s, t, c in zip(spectrum, x, minimiser)) / 2\n\n"
                "def gradient(x):\n    return [s * (t - c) for s, t, c in zip(spectrum, x, minimiser)]\n\n"
                "def prox(x, step):\n    return [c + (t - c) / (1 + step * s) for s, t, c in zip(spectrum, x, minimiser)]\n")

    def facts(self) -> tuple[Any, ...]:
        """Smooth, convex (strongly where no eigenvalue is 0), PL, quadratic."""
        largest, least = max(self.spectrum), min(self.spectrum)
        positive = min(v for v in self.spectrum if v > 0)
        shape = (StronglyConvex(exact(least, how="the smallest eigenvalue, attained along its eigenvector")),) if least > 0 else (Convex(),)
        isotropic = (Isotropic(exact(largest, how="all eigenvalues are equal")),) if largest == least else ()
        return (Smooth(exact(largest, how="the largest eigenvalue, attained along its eigenvector")), *shape,
                PolyakLojasiewicz(exact(positive, how="|A t|^2 >= mu <t, A t> eigenvalue by eigenvalue; equality along the smallest nonzero one")),
                Quadratic(), *isotropic, Proximable(), ExactLineSearch(),
                Minimum(exact(0, how="no eigenvalue is negative, so f >= 0, and f(c) = 0"), at=self.centre))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances, and the eigenvectors of both ends of the spectrum (above 0)."""
        random = starts_around(self.centre, rng, self.start)
        if self.start is not None or len(self.spectrum) == 1:
            return random
        positive = [i for i, v in enumerate(self.spectrum) if v > 0]
        ends = (("steepest", max(positive, key=self.spectrum.__getitem__), Fraction(5)),
                ("flattest", min(positive, key=self.spectrum.__getitem__), Fraction(40)))
        return (*random, *(Start(name, self.centre + self._from_basis(matching(_axis(i, length, len(self.spectrum)), self.centre))) for name, i, length in ends))


def _axis(index: int, length: Fraction, dimension: int) -> Array:
    return np.array([length if i == index else Fraction(0) for i in range(dimension)], dtype=object)


def make(spectrum: Any, centre: Any = 0, rotation: int | None = None, start: Any = None) -> PrescribedSpectrum:
    """The quadratic of this spectrum (a scalar is one dimension). `rotation` seeds a rational orthogonal eigenbasis.

    Raises ValueError for a negative eigenvalue, since f then has no minimum, and for a spectrum of zeros.
    """
    eigenvalues = vector(spectrum)
    dimension = len(eigenvalues)
    if min(eigenvalues) < 0:
        raise ValueError(f"the spectrum has the negative eigenvalue {min(eigenvalues)}, so f has no minimum: take eigenvalues >= 0.")
    if max(eigenvalues) == 0:
        raise ValueError("the spectrum is zero, so f is constant: take at least one positive eigenvalue.")
    basis = None if rotation is None else orthogonal(int(rotation), dimension)
    return PrescribedSpectrum(eigenvalues, vector(centre, dimension), basis, None if start is None else vector(start, dimension))


def spread_spectrum(n: Any) -> tuple[Number, ...]:
    """An eigenvalue a coordinate between L and mu, `down` of the way from L to mu."""
    return tuple(n["L"] * (1 - down * (1 - n["mu_over_L"])) for down in n["down"])


def members() -> Iterator[Member]:
    """Well and badly conditioned, isotropic, rotated, and with a kernel; no constant near 1."""
    third, seventh = Fraction(1, 3), Fraction(1, 7)
    yield Member("quadratic-1d", make(Fraction(17, 5), centre=Fraction(-5, 2)))
    yield Member("quadratic-isotropic-3", make((Fraction(9, 4),) * 3, centre=(4, Fraction(-3, 2), 11)))
    yield Member("quadratic-2", make((third, 12), centre=(Fraction(7, 2), -6)))
    yield Member("quadratic-rotated-4", make((seventh, Fraction(5, 2), 3, 23), centre=(2, Fraction(-9, 4), 0, 13), rotation=41))
    yield Member("quadratic-ill-6", make((Fraction(1, 50), Fraction(1, 4), 2, 7, 31, 240), centre=(-3, 5, Fraction(1, 2), 0, 8, -2)))
    yield Member("quadratic-kernel-5", make((0, 0, Fraction(3, 5), 4, 19), centre=(1, -2, 6, Fraction(5, 4), -8), rotation=7))


CENTRE = Fraction(5, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "R": (1 / 8, 64)},
                lambda n: {"spectrum": (n["L"],), "centre": CENTRE, "start": (CENTRE + n["R"],)}),
          Space({"L": (1 / 8, 64), "mu_over_L": (1e-4, 1), "steep": (1 / 8, 64), "flat": (1 / 8, 64)},
                lambda n: {"spectrum": (n["mu_over_L"] * n["L"], n["L"]), "centre": CENTRE, "start": (CENTRE + n["flat"], CENTRE - n["steep"])}))
DRAWN = (Space({"L": (1 / 8, 64), "mu_over_L": (1e-4, 1)},
               lambda n: {"spectrum": spread_spectrum(n), "centre": CENTRE, "rotation": n["rotation"] or None,
                          "start": tuple(CENTRE + apart for apart in n["apart"])},
               counts={"rotation": (0, 9)}, each={"down": (0, 1), "apart": (1 / 8, 64)}),)
FAMILY = Family("quadratic", make, members, SEARCH, DRAWN)
