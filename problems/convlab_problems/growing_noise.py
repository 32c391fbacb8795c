"""Noise that grows away from the minimum: a random factor of the gradient, a part that follows the gap, and a floor, each exactly as large as it says."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import BoundedVariance, ExactLineSearch, ExpectedGrowth, Proximable, StrongGrowth
from convlab.constants import Array, Number, exact, is_rational
from convlab.draws import Draws, rademacher
from convlab.operations import sqrt
from convlab.problem import Family, Member, Space, Start, installed_families
from convlab_problems import huber, nonconvex, quadratic
from convlab_problems.rational import array_of, number, root_constant, vector


@dataclass(frozen=True, eq=False)
class GrowingNoise:
    """g = (1 + spread e_1) grad f(x) + e_2 h(x) + e_3 row: independent signs, |h(x)|^2 = 2 along (f(x) - f*).

    So E |g|^2 = 2 A (f - f*) + B |grad f|^2 + C exactly, with A = along, B = 1 + spread^2, C = |row|^2. On a quadratic whose A lambda_i are squares
    h is linear, h = sqrt(A H) (x - c), so that second moments stay exact; elsewhere it lies along the first axis.
    """

    clean: Any
    spread: Number
    along: Number
    row: Array                          # (dimension,)
    roots: Array | None = None          # (dimension,): sqrt(along lambda_i), where h is linear

    def value(self, x: Array) -> Array:
        """f(x) without noise."""
        return self.clean.value(x)

    def gap(self, x: Array) -> Array:
        """f(x) - f* without noise."""
        return self.clean.gap(x)

    def gradient(self, x: Array) -> Array:
        """The expectation of the stochastic gradient."""
        return self.clean.gradient(x)

    def gradient_draws(self) -> Draws:
        """A sign for each part that is not zero."""
        parts = {"factor": self.spread != 0, "follows": self.along != 0, "floor": any(v != 0 for v in self.row)}
        return Draws(**{name: rademacher() for name, there in parts.items() if there})

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient with its three noises."""
        slope = self.clean.gradient(x)
        found = slope
        if self.spread != 0:
            found = found + self.spread * draw.factor[:, None] * slope
        if self.along != 0:
            found = found + draw.follows[:, None] * self._following(x)
        return found + draw.floor[:, None] * self.row if any(v != 0 for v in self.row) else found

    def _following(self, x: Array) -> Array:
        if self.roots is not None:
            return self.clean._from_basis(self.roots * self.clean._in_basis(x - self.clean.centre))
        axis = self.row * 0 + (np.arange(len(self.row)) == 0)
        return sqrt(2 * self.along * self.clean.gap(x))[:, None] * axis

    def facts(self) -> tuple[Any, ...]:
        """Those of the clean problem (neither prox nor line search), and how the noise grows."""
        how = "signs are independent of each other, so the squares of the parts add up"
        growth, floor = exact(1 + self.spread**2, how), exact((self.row * self.row).sum(), how)
        kept = (f for f in self.clean.facts() if not isinstance(f, (ExactLineSearch, Proximable)))
        bounded = (BoundedVariance(root_constant(floor.value, how)),) if self.spread == 0 and self.along == 0 else ()
        strong = (StrongGrowth(growth),) if self.along == 0 and floor.value == 0 else ()
        return (*kept, ExpectedGrowth(exact(self.along, how), growth, floor), *strong, *bounded)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Those of the clean problem."""
        starts: tuple[Start, ...] = self.clean.starts(rng)
        return starts


def make(clean: Any, spread: Any = 0, along: Any = 0, floor: Any = 0, start: Any = None, **parameters: Any) -> GrowingNoise:
    """A problem, or the family's name and its parameters; `floor` is a row (dimension,), or a number along the first coordinate.

    Raises ValueError unless spread >= 0 and along >= 0.
    """
    if not (spread >= 0 and along >= 0):
        raise ValueError(f"the noise needs spread >= 0 and along >= 0; given {spread} and {along}.")
    problem = installed_families()[clean].make(start=start, **parameters) if isinstance(clean, str) else clean
    dimension = len(problem.starts(np.random.default_rng(0))[0].point)
    row = vector([floor] + [0] * (dimension - 1) if np.ndim(floor) == 0 else floor, dimension)
    return GrowingNoise(problem, number(spread), number(along), row, _roots(problem, number(along)))


def _roots(problem: Any, along: Number) -> Array | None:
    """sqrt(along lambda_i), where all are rational (or all are floats); None where h is not linear."""
    if not isinstance(problem, quadratic.PrescribedSpectrum):
        return None
    roots = [_root(along * curvature) for curvature in problem.spectrum]
    return None if any(r is None for r in roots) else array_of(roots)


def _root(square: Number) -> Number | None:
    if not is_rational(square):
        return math.sqrt(square)
    root = Fraction(math.isqrt(Fraction(square).numerator), math.isqrt(Fraction(square).denominator))
    return root if root * root == square else None


def members() -> Iterator[Member]:
    """A factor alone, each part with others, on quadratics, Huber functions and nonconvex functions; B from 1 to 10."""
    half = Fraction(1, 2)
    yield Member("growing-factor-1d", make(quadratic.make(Fraction(12, 5), centre=6), spread=Fraction(3, 2)))
    yield Member("growing-factor-rotated-3", make(quadratic.make((Fraction(1, 4), 3, 14), centre=(3, -8, half), rotation=5), spread=3))
    yield Member("growing-factor-huber", make(huber.make(Fraction(1, 3), 4, centre=Fraction(-5, 2), threshold=Fraction(3, 4)), spread=2))
    yield Member("growing-factor-wavy", make(nonconvex.make_wavy(Fraction(26, 3), centre=Fraction(13, 2), width=4), spread=half))
    yield Member("growing-gap-1d", make(quadratic.make(Fraction(16, 5), centre=-4), spread=half, along=5))
    yield Member("growing-gap-2", make(quadratic.make((Fraction(2, 9), 8), centre=(5, -3), rotation=2), along=2, floor=(4, Fraction(-7, 2))))
    yield Member("growing-gap-cosine", make(nonconvex.make_cosine(Fraction(9, 2), centre=Fraction(-8, 3), width=5), along=Fraction(1, 3), floor=6))
    yield Member("growing-all-wavy", make(nonconvex.make_wavy(5, centre=(-3, 12), width=Fraction(3, 2)), spread=Fraction(4, 5), along=Fraction(3, 4), floor=(2, 3)))


CENTRE = Fraction(13, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "mu_over_L": (1e-3, 1), "R": (1 / 8, 64), "spread": (0, 4), "flat": (0, 1)},
                lambda n: {"clean": "quadratic", "spectrum": (n["mu_over_L"] * n["L"], n["L"]), "centre": CENTRE, "spread": n["spread"],
                           "start": (CENTRE + n["flat"] * n["R"], CENTRE + (1 - n["flat"]) * n["R"])}, random=True, asked=(StrongGrowth,)),
          Space({"L": (1 / 8, 64), "R": (1 / 8, 64), "spread": (0, 4), "along_over_L": (1e-3, 4), "floor_over_LR": (1e-3, 10)},
                lambda n: {"clean": "quadratic", "spectrum": (n["L"],), "centre": CENTRE, "spread": n["spread"], "along": n["along_over_L"] * n["L"],
                           "floor": n["floor_over_LR"] * n["L"] * n["R"], "start": (CENTRE + n["R"],)}, random=True, asked=(ExpectedGrowth,)))
FAMILY = Family("growing_noise", make, members, SEARCH)
