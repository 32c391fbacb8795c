"""Additive noise of known law on any problem: the gradient oracle answers grad f(x) + xi, with xi independent of the past."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import BoundedVariance, ExactLineSearch, NoiseCovariance, Proximable
from convlab.constants import Array
from convlab.draws import Draws, Finite, Noise
from convlab.problem import Family, Member, Space, Start, installed_families
from convlab_problems import huber, max_abs, nonconvex, nonsmooth, quadratic
from convlab_problems.rational import array_of, number, root_constant


@dataclass(frozen=True, eq=False)
class Noisy:
    """The clean problem with gradient draws: xi = sum over cells of (the cell's draw) times (its row of `mixing`).

    Minimum and constants are those of the clean problem. E xi = 0 and Cov xi = mixing^T cov mixing, cov that of the cells: with a mixing matrix a law of
    few values has any covariance. Noise along the flattest direction of a quadratic is the worst case of constant-step SGD.
    """

    clean: Any
    law: Finite | Noise
    mixing: Array                       # (cells, dimension)

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
        """The noise of every cell."""
        return Draws(noise=self.law)

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """grad f(x) + xi."""
        return self.clean.gradient(x) + draw.noise @ self.mixing

    def covariance(self) -> Array:
        """Cov xi, (dimension, dimension)."""
        return self.mixing.T @ (self.law.covariance @ self.mixing if isinstance(self.law, Noise) else _variance(self.law) * self.mixing)

    def facts(self) -> tuple[Any, ...]:
        """Those of the clean problem (its prox is not offered), the variance, and for quadratics the covariance in an eigenbasis."""
        covariance = self.covariance()
        variance = root_constant(sum(covariance[j, j] for j in range(len(covariance))), how="the trace of the noise covariance, the same at every x")
        return (*(f for f in self.clean.facts() if not isinstance(f, (ExactLineSearch, Proximable))), BoundedVariance(variance), *self._in_eigenbasis(covariance))

    def _in_eigenbasis(self, covariance: Array) -> tuple[Any, ...]:
        if not isinstance(self.clean, quadratic.PrescribedSpectrum):
            return ()
        basis = self.clean.basis
        return (NoiseCovariance(self.clean.spectrum, covariance if basis is None else basis.T @ covariance @ basis, basis),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Those of the clean problem."""
        starts: tuple[Start, ...] = self.clean.starts(rng)
        return starts


def _variance(law: Finite) -> Any:
    return sum(q * v * v for v, q in zip(law.values, law.probabilities, strict=True))


def make(clean: Any, noise: Any, law: str = "rademacher", start: Any = None, **parameters: Any) -> Noisy:
    """A problem, or the family's name and its parameters, with noise of one of the laws "rademacher", "skewed" and "covariance".

    `noise` is a matrix whose rows are multiplied by independent draws of variance 1, one such row, or a number (a row along the first coordinate);
    "covariance" keeps only the covariance that follows. Raises ValueError for another law.
    """
    problem = installed_families()[clean].make(start=start, **parameters) if isinstance(clean, str) else clean
    dimension = len(problem.starts(np.random.default_rng(0))[0].point)
    rows = [noise] + [0] * (dimension - 1) if np.ndim(noise) == 0 else noise
    mixing = array_of([[number(v) for v in row] for row in np.atleast_2d(np.asarray(rows, dtype=object))])
    if law == "covariance":
        return Noisy(problem, Noise(mixing.T @ mixing), _identity(dimension))
    if law not in LAWS:
        raise ValueError(f"the noise law {law!r} is none of rademacher, skewed, covariance.")
    values, probabilities = LAWS[law]
    return Noisy(problem, Finite(values, probabilities, shape=(len(mixing),)), mixing)


LAWS = {"rademacher": ((Fraction(-1), Fraction(1)), (Fraction(1, 2), Fraction(1, 2))),
        "skewed": ((Fraction(-1, 3), Fraction(3)), (Fraction(9, 10), Fraction(1, 10)))}       # mean 0 and variance 1 too, but mostly small and negative


def _identity(dimension: int) -> Array:
    return np.array([[Fraction(int(i == j)) for j in range(dimension)] for i in range(dimension)], dtype=object)


def members() -> Iterator[Member]:
    """Both ends of the spectrum excited, noise that ignores the eigenbasis, skewed noise, noise known by its covariance; Huber, nonconvex, nonsmooth."""
    half = Fraction(1, 2)
    yield Member("noisy-quadratic-1d", make(quadratic.make(Fraction(12, 5), centre=6), Fraction(5, 2)))
    yield Member("noisy-quadratic-skewed", make(quadratic.make((Fraction(1, 4), 3), centre=(-2, 7)), (Fraction(9, 2), -6), law="skewed"))
    yield Member("noisy-quadratic-rotated", make(quadratic.make((Fraction(2, 5), 5), centre=(4, -1), rotation=3), ((7, 0), (6, 6))))
    yield Member("noisy-quadratic-covariance", make(quadratic.make((half, 3, 14), centre=(3, -8, half), rotation=5),
                                                    ((4, 1, 0), (0, 8, 0), (0, 0, 12)), law="covariance"))
    yield Member("noisy-huber-1d", make(huber.make(Fraction(1, 3), 4, centre=Fraction(-5, 2), threshold=Fraction(3, 4)), Fraction(7, 4)))
    yield Member("noisy-huber-skewed-2", make(huber.make(half, 6, centre=(3, -1), threshold=2), (3, -4), law="skewed"))
    yield Member("noisy-huber-convex", make(huber.make(0, 5, centre=8, threshold=half), Fraction(13, 4)))
    yield Member("noisy-cosine-1d", make(nonconvex.make_cosine(Fraction(9, 2), centre=Fraction(-8, 3), width=5), 11))
    yield Member("noisy-wavy-2", make(nonconvex.make_wavy(Fraction(26, 3), centre=(Fraction(13, 2), -4), width=4), (9, -12), law="skewed"))
    yield Member("noisy-absolute-value-1d", make(nonsmooth.make(Fraction(17, 5), centre=Fraction(-14, 3)), 2))
    yield Member("noisy-absolute-value-4", make(nonsmooth.make(9, centre=(2, -6, half, 8)), (0, 5, -3, 0), law="skewed"))
    yield Member("noisy-largest-coordinate-3", make(max_abs.make(Fraction(5, 2), 3, centre=(4, Fraction(-1, 3), 9)), (8, 0, -1)))


CENTRE = Fraction(13, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "R": (1 / 8, 64), "noise_over_LR": (1e-3, 10)},
                lambda n: {"clean": "quadratic", "spectrum": (n["L"],), "centre": CENTRE, "start": (CENTRE + n["R"],),
                           "noise": n["noise_over_LR"] * n["L"] * n["R"]}, random=True),
          Space({"L": (1 / 8, 64), "mu_over_L": (1e-3, 1), "R": (1 / 8, 64), "noise_over_LR": (1e-3, 10), "flat": (0, 1)},
                lambda n: {"clean": "quadratic", "spectrum": (n["mu_over_L"] * n["L"], n["L"]), "centre": CENTRE,
                           "start": (CENTRE + n["flat"] * n["R"], CENTRE + (1 - n["flat"]) * n["R"]),
                           "noise": (n["flat"] * n["noise_over_LR"] * n["L"] * n["R"], (1 - n["flat"]) * n["noise_over_LR"] * n["L"] * n["R"])}, random=True),
          Space({"G": (1 / 8, 64), "R": (1 / 8, 64), "noise_over_G": (1e-3, 10)},
                lambda n: {"clean": "absolute_value", "G": n["G"], "centre": CENTRE, "start": (CENTRE + n["R"],), "noise": n["noise_over_G"] * n["G"]}, random=True))
NAMES = (*LAWS, "covariance")
DRAWN = (Space({"L": (1 / 8, 64), "mu_over_L": (1e-3, 1)},
               lambda n: {"clean": quadratic.make(quadratic.spread_spectrum(n), CENTRE, n["rotation"] or None, tuple(CENTRE + a for a in n["apart"])),
                          "noise": n["noise"], "law": NAMES[n["law"]]},
               random=True, counts={"law": (0, len(NAMES) - 1), "rotation": (0, 9)}, each={"down": (0, 1), "apart": (1 / 8, 64), "noise": (1 / 8, 64)}),)
FAMILY = Family("noisy", make, members, SEARCH, DRAWN)
