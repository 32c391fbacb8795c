"""Samples that differ in one loss, for stability: linear losses attain it, Huber losses forget, concave pieces amplify."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ConvexSamples, FiniteSum, Lipschitz, LipschitzSamples, NeighbouringSamples, Smooth, SmoothSamples
from convlab.constants import Array, Number, exact, upper
from convlab.draws import Draws, Uniform
from convlab.operations import clip
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import matching, number, starts_around, vector


@dataclass(frozen=True, eq=False)
class Losses:
    """n losses of one variable, l_i(x) = slope_i x + the function whose derivative is clip(curvature_i (x - centre_i), -width_i, width_i).

    The arrays hold n + 1 losses. The last replaces the one before it in the neighbouring sample, so both samples share n - 1 losses and the constants.
    No minimiser is claimed: stability does not speak of one.
    """

    slopes: Array                # (n + 1,) like all of them
    curvatures: Array
    centres: Array
    widths: Array
    smoothness: Number           # an upper bound, for linear losses any positive number
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of losses in the sample."""
        return int(self.slopes.shape[0]) - 1

    def neighbour(self) -> Losses:
        """The sample with its last loss replaced."""
        order = np.array([*range(self.n - 1), self.n, self.n - 1])
        return replace(self, slopes=self.slopes[order], curvatures=self.curvatures[order], centres=self.centres[order], widths=self.widths[order])

    def losses(self, x: Array) -> Array:
        """All n + 1 losses at x, the replacing one included: (replicates, n + 1). The bent part is 0 at its centre."""
        t = x - self.centres
        bent = clip(self.curvatures * t, -self.widths, self.widths)
        curved = bent * bent * self._reciprocal()
        return self.slopes * x + bent * t - curved / 2

    def _reciprocal(self) -> Array:
        flat = (self.curvatures == 0) * 1
        return (1 - flat) / (self.curvatures + flat)

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """l_i'(x) for each replicate's own i."""
        width = self.widths[index][:, None]
        return self.slopes[index][:, None] + clip(self.curvatures[index][:, None] * (x - self.centres[index][:, None]), -width, width)

    def sample_gradients(self, x: Array) -> Array:
        """Those of the sample, (replicates, n, 1)."""
        every = self.slopes + clip(self.curvatures * (x - self.centres), -self.widths, self.widths)
        return every[:, : self.n, None]

    def gradient_draws(self) -> Draws:
        """A loss of the sample."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The derivative of the drawn loss."""
        return self.sample_gradient(x, draw.index)

    def gradient(self, x: Array) -> Array:
        """The mean over the sample."""
        return self.sample_gradients(x).sum(axis=1) / self.n

    def value(self, x: Array) -> Array:
        """The mean loss over the sample, (replicates,)."""
        return self.losses(x)[:, : self.n].sum(axis=-1) / self.n

    def facts(self) -> tuple[Any, ...]:
        """Lipschitz and smooth losses, convex ones where no curvature is negative, for both samples."""
        steepest = max(self._steepness())
        at_most = exact if steepest in self._steepness()[: self.n] else upper
        bent = [abs(c) for c, w in zip(self.curvatures, self.widths, strict=True) if w > 0]
        sharp = exact if self.smoothness == max([0, *bent[: self.n]]) else upper
        convex = (ConvexSamples(), Convex()) if min(self.curvatures) >= 0 else ()
        return (FiniteSum(self.n), NeighbouringSamples(), *convex,
                LipschitzSamples(at_most(steepest, how="the largest |slope| + width of the n + 1 losses, reached beyond the bent part or everywhere")),
                SmoothSamples(sharp(self.smoothness, how="no less than any |curvature|; a linear loss is smooth with every constant")),
                Smooth(upper(self.smoothness, how="the mean of smooth losses")), Lipschitz(upper(steepest, how="the mean of Lipschitz losses")))

    def _steepness(self) -> list[Number]:
        return [abs(s) + w for s, w in zip(self.slopes, self.widths, strict=True)]

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random points around the mean centre, and the centre of the most curved loss."""
        random = starts_around(self.centres.sum(axis=0, keepdims=True) / len(self.centres), rng, self.start)
        sharpest = int(np.argmax(abs(self.curvatures)))
        return random if self.start is not None else (*random, Start("sharpest", self.centres[sharpest : sharpest + 1]))


def make(slopes: Any, curvatures: Any = 0, centres: Any = 0, widths: Any = 0, smoothness: Any = None, start: Any = None) -> Losses:
    """n + 1 losses (the last one replaces the one before it); scalars are repeated. Without `smoothness` it is the largest |curvature|.

    Raises ValueError for fewer than three losses, a negative width, or no positive smoothness.
    """
    slope = vector(slopes)
    curvature, centre, width = (vector(v, len(slope)) for v in (curvatures, centres, widths))
    bound = number(max(abs(c) for c in curvature) if smoothness is None else smoothness)
    if len(slope) < 3 or min(width) < 0 or bound <= 0 or any(abs(c) > bound for c in curvature):
        raise ValueError(f"needs at least three losses, widths >= 0 and a positive smoothness of at least every |curvature|; given smoothness {bound}.")
    return Losses(slope, curvature, matching(centre, slope), width, bound, None if start is None else vector(start, 1))


def members() -> Iterator[Member]:
    """Linear losses with one sign turned, linear losses of mixed slopes, Huber losses with near and far centres, n = 2, 3, 4."""
    steep, half = Fraction(7, 2), Fraction(1, 2)
    yield Member("linear-losses-3", make((steep, steep, steep, -steep), smoothness=Fraction(5)))
    yield Member("linear-losses-4", make((half, -3, Fraction(9, 4), -steep, steep), smoothness=Fraction(2, 5)))
    yield Member("huber-losses-2", make((0, 0, 0), curvatures=(3, 6, Fraction(1, 4)), centres=(-8, 5, 30), widths=(2, Fraction(5, 2), Fraction(5, 2))))
    yield Member("huber-losses-3", make((0, 1, -1, half), curvatures=(4, 9, 2, 5), centres=(1, 3, Fraction(-9, 2), 20), widths=(4, 3, 1, Fraction(3, 2))))


CENTRE = Fraction(5, 2)
SEARCH = (Space({"slope": (1 / 8, 64), "L": (1 / 8, 64), "turned": (-1, 1), "n": (2, 6), "R": (1 / 8, 64)},
                lambda n: {"slopes": (n["slope"],) * int(n["n"]) + (n["turned"] * n["slope"],), "smoothness": n["L"], "start": (CENTRE + n["R"],)}, random=True),
          Space({"L": (1 / 8, 64), "width": (1 / 8, 64), "apart": (1 / 8, 64), "other_over_L": (1e-2, 1), "R": (-2, 2)},
                lambda n: {"slopes": (0, 0, 0), "curvatures": (n["L"], n["other_over_L"] * n["L"], n["L"]), "centres": (CENTRE, CENTRE, CENTRE + n["apart"]),
                           "widths": n["width"], "start": (CENTRE + n["R"] * n["apart"],)}, random=True))
FAMILY = Family("neighbours", make, members, SEARCH)
