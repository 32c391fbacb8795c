"""Noisy quadratics and Huber functions whose weights live on a fixed-point grid, with the minimiser on it or off it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import FixedPointGrid
from convlab.constants import Array, Number, exact
from convlab.draws import Draws
from convlab.problem import Family, Member, Space, Start
from convlab_problems import huber, noisy, quadratic
from convlab_problems.noisy import Noisy
from convlab_problems.rational import direction, vector


@dataclass(frozen=True, eq=False)
class GridWeights:
    """The noisy problem, started on multiples of the spacing. The minimum is the noisy problem's, wherever it lies.

    With the minimiser midway between grid points and a step to the minimiser, stochastic rounding costs spacing^2/4 a coordinate, its worst case.
    """

    noisy: Noisy
    spacing: Number
    cells: Array | None = None      # the first point in multiples of the spacing, (dimension,)

    @property
    def dimension(self) -> int:
        """Length of a point."""
        return int(self.noisy.mixing.shape[1])

    def value(self, x: Array) -> Array:
        """f(x) without noise."""
        return self.noisy.value(x)

    def gap(self, x: Array) -> Array:
        """f(x) - f* without noise."""
        return self.noisy.gap(x)

    def gradient(self, x: Array) -> Array:
        """The expectation of the stochastic gradient."""
        return self.noisy.gradient(x)

    def gradient_draws(self) -> Draws:
        """The noise."""
        return self.noisy.gradient_draws()

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """grad f(x) + xi."""
        return self.noisy.stochastic_gradient(x, draw)

    def facts(self) -> tuple[Any, ...]:
        """Those of the noisy problem, and the grid."""
        return (*self.noisy.facts(), FixedPointGrid(exact(self.spacing, how="every first point is built as a multiple of it")))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given start alone; without one, grid points at about 2, 8 and 40 cells from the origin."""
        if self.cells is not None:
            return (Start("given", self.spacing * self.cells),)
        return tuple(Start(name, self.spacing * np.round((distance * direction(rng, self.dimension)).astype(float)).astype(int))
                     for name, distance in (("near", 2), ("typical", 8), ("far", 40)))


def make(spectrum: Any, spacing: Any, centre: Any = 0, noise: Any = 0, rotation: int | None = None, cells: Any = None) -> GridWeights:
    """A noisy quadratic of this spectrum on a grid. `noise`: the vector xi = +-noise (a scalar acts along the first coordinate).

    `cells` is the first point in multiples of the spacing (a scalar is repeated). Raises ValueError for a spacing that is not positive.
    """
    return on_grid(quadratic.make(spectrum, centre, rotation), spacing, noise, cells)


def on_grid(clean: Any, spacing: Any, noise: Any = 0, cells: Any = None) -> GridWeights:
    """Any problem with noise +-noise on a grid. Raises ValueError for a spacing that is not positive."""
    if not spacing > 0:
        raise ValueError(f"the grid spacing must be positive: given {spacing}.")
    dithered = noisy.make(clean, noise)
    dimension = dithered.mixing.shape[1]
    number = vector((spacing,))[0]
    return GridWeights(dithered, number, None if cells is None else vector(cells, dimension))


def members() -> Iterator[Member]:
    """Minimisers on the grid, off it and midway; noise of a fraction of a cell and of several cells; spacings that floats represent exactly."""
    quarter = Fraction(1, 4)
    yield Member("grid-quadratic-1d-on", make((Fraction(12, 5),), quarter, centre=Fraction(-5, 2), noise=Fraction(1, 3)))
    yield Member("grid-quadratic-1d-off", make((Fraction(12, 5),), quarter, centre=Fraction(11, 3), noise=Fraction(7, 2)))
    yield Member("grid-quadratic-2-midway", make((Fraction(3, 2), Fraction(3, 2)), Fraction(1, 2), centre=(Fraction(13, 4), Fraction(-7, 4)), noise=(3, 4)))
    yield Member("grid-quadratic-2-rotated", make((Fraction(2, 5), 5), quarter, centre=(Fraction(9, 7), -2), noise=(Fraction(-3, 5), Fraction(4, 5)), rotation=3))
    yield Member("grid-huber-1d", on_grid(huber.make(Fraction(1, 3), 4, centre=Fraction(-8, 3), threshold=Fraction(3, 4)), Fraction(1, 8), Fraction(2, 5)))
    yield Member("grid-huber-2", on_grid(huber.make(Fraction(1, 2), 6, centre=(Fraction(1, 3), -1), threshold=2), Fraction(1, 2), (Fraction(-5, 4), 3)))


SEARCH = (Space({"L": (1 / 8, 64), "halvings": (-1, 6), "cells": (-32, 32), "off": (0, 1), "noise_over": (0, 4)},
                lambda n: _searched(n, (n["L"],)), random=True),
          Space({"L": (1 / 8, 64), "mu_over_L": (1e-2, 1), "halvings": (-1, 6), "cells": (-32, 32), "off": (0, 1), "noise_over": (0, 4)},
                lambda n: _searched(n, (n["mu_over_L"] * n["L"], n["L"])), random=True))


def _searched(n: Any, spectrum: tuple[Any, ...]) -> dict[str, Any]:
    """A spacing that floats represent, the minimiser `off` of a cell from a grid point, noise in units of what moves by a cell."""
    spacing = Fraction(2) ** -int(n["halvings"])
    return {"spectrum": spectrum, "spacing": spacing, "centre": (7 + n["off"]) * spacing, "noise": n["noise_over"] * n["L"] * spacing, "cells": 7 + int(n["cells"])}


FAMILY = Family("grid-weights", make, members, SEARCH)
