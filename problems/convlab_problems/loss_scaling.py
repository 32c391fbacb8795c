"""What a loss scale meets: gradients of any size chosen by an adversary, and a quadratic whose gradients shrink as it is solved."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import BoundedGradients, Isotropic, LossScaling, Minimum
from convlab.constants import Array, Number, exact
from convlab.draws import Adversary, Draws
from convlab.problem import Family, Member, Space, Start
from convlab_problems import quadratic
from convlab_problems.quadratic import PrescribedSpectrum
from convlab_problems.rational import number, vector


def _format(overflow: Number, scale0: Number) -> LossScaling:
    return LossScaling(exact(overflow, how="chosen: the magnitude from which the format overflows"), exact(scale0, how="chosen: the first scale"))


@dataclass(frozen=True, eq=False)
class GradientSequences:
    """Scalar gradients, each any of `magnitudes`, whatever the point: an adversary picks them. There is no objective and no minimum.

    The constant sequence overflow/2, overflow/2, ... at scale 1 is the worst case of the number of skipped steps.
    """

    magnitudes: Array              # (choices,), all > 0
    overflow: Number
    scale0: Number

    def gradient_draws(self) -> Draws:
        """The adversary's choice."""
        return Draws(magnitude=Adversary(tuple(self.magnitudes)))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The chosen magnitude, shaped as x."""
        return draw.magnitude.reshape((-1, 1)) + 0 * x

    def facts(self) -> tuple[Any, ...]:
        """The largest magnitude and the format."""
        return (BoundedGradients(exact(max(self.magnitudes), how="the largest choice of the adversary")), _format(self.overflow, self.scale0))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """One number, which plays no role."""
        return (Start("nought", vector((0,))),)


@dataclass(frozen=True, eq=False)
class ScaledQuadratic:
    """An isotropic quadratic whose gradient is stored in the format. The minimum 0 is at its centre."""

    clean: PrescribedSpectrum
    overflow: Number
    scale0: Number

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.clean.value(x)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0."""
        return self.clean.gap(x)

    def gradient(self, x: Array) -> Array:
        """lam (x - c)."""
        return self.clean.gradient(x)

    def gradient_draws(self) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient."""
        return self.gradient(x)

    def facts(self) -> tuple[Any, ...]:
        """One curvature, the minimum and the format."""
        return (*(f for f in self.clean.facts() if isinstance(f, (Isotropic, Minimum))), _format(self.overflow, self.scale0))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Those of the quadratic."""
        return self.clean.starts(rng)


def make(magnitudes: Any, overflow: Any, scale0: Any) -> GradientSequences:
    """Gradients among these magnitudes. Raises ValueError unless all numbers are positive."""
    choices = vector(magnitudes)
    _positive((*choices, overflow, scale0))
    return GradientSequences(choices, number(overflow), number(scale0))


def make_quadratic(lam: Any, overflow: Any, scale0: Any, centre: Any = 0, start: Any = None) -> ScaledQuadratic:
    """lam |x - centre|^2/2 in a format. Raises ValueError unless lam, overflow and scale0 are positive."""
    _positive((lam, overflow, scale0))
    points = vector(centre)
    return ScaledQuadratic(quadratic.make((lam,) * len(points), points, start=start), number(overflow), number(scale0))


def _positive(numbers: tuple[Any, ...]) -> None:
    if not all(v > 0 for v in numbers):
        raise ValueError(f"magnitudes, curvature, overflow and first scale must be positive: given {numbers}.")


def sequence_members() -> Iterator[Member]:
    """First scales far too large, a little too large, far too small, and at the edge; one constant sequence."""
    third = Fraction(3, 10)
    yield Member("gradients-far-overflow", make((third, 1, 3), overflow=8, scale0=64))
    yield Member("gradients-no-power-of-two", make((third, 1, 3), overflow=Fraction(35, 2), scale0=9))
    yield Member("gradients-underscaled", make((Fraction(1, 7), 2, Fraction(11, 2)), overflow=700, scale0=Fraction(1, 2)))
    yield Member("gradients-at-the-edge", make((Fraction(5, 4), 5), overflow=40, scale0=8))
    yield Member("gradients-constant", make((Fraction(7, 3),), overflow=10, scale0=Fraction(11, 2)))


def quadratic_members() -> Iterator[Member]:
    """Starts that overflow at once, and gradients that let the scale grow until it overflows."""
    yield Member("scaled-quadratic-1d", make_quadratic(Fraction(12, 5), overflow=50, scale0=16, centre=(Fraction(-7, 2),)))
    yield Member("scaled-quadratic-3", make_quadratic(Fraction(2, 7), overflow=11, scale0=Fraction(1, 4), centre=(4, -9, Fraction(5, 3))))


SEQUENCE_SEARCH = (Space({"magnitude": (1 / 8, 64), "small_over": (1e-2, 1), "overflow_over": (1 / 2, 64), "scale0": (1 / 8, 64)},
                         lambda n: {"magnitudes": (n["small_over"] * n["magnitude"], n["magnitude"]), "overflow": n["overflow_over"] * n["magnitude"],
                                    "scale0": n["scale0"]}, random=True),)
CENTRE = Fraction(-7, 2)
QUADRATIC_SEARCH = (Space({"lam": (1 / 8, 64), "R": (1 / 8, 64), "overflow_over_lam_R": (1 / 8, 64), "scale0": (1 / 8, 64)},
                          lambda n: {"lam": n["lam"], "overflow": n["overflow_over_lam_R"] * n["lam"] * n["R"], "scale0": n["scale0"], "centre": (CENTRE,),
                                     "start": (CENTRE + n["R"],)}, asked=(LossScaling,)),)
SEQUENCES = Family("gradient-sequences", make, sequence_members, SEQUENCE_SEARCH)
QUADRATICS = Family("scaled-quadratic", make_quadratic, quadratic_members, QUADRATIC_SEARCH)
