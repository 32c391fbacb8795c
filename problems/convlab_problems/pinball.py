"""Losses with one kink each, of different slopes on its two sides: absolute deviations, quantile losses and one-sided linear losses, as a finite sum."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import BoundedSecondMoment, Convex, ConvexSamples, FiniteSum, Lipschitz, LipschitzSamples, Minimum
from convlab.constants import Array, Constant, Number, exact
from convlab.draws import Draws, Uniform
from convlab.operations import clip, maximum, where
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class Pinball:
    """f = mean of f_i(x) = right_i max(x - c_i, 0) + left_i max(c_i - x, 0), one variable: least at the first kink after which f does not fall.

    The subgradient of f_i at its kink is -left_i. The mean is piecewise linear, its slopes and their second moments between kinks are known.
    """

    left: Array                # (n,), falling slopes
    right: Array               # (n,), rising slopes
    kinks: Array               # (n,), increasing
    minimiser: Array           # (1,)
    steepest: Number           # the largest |slope| of the mean
    largest: Number            # the largest mean squared slope of the components
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of components."""
        return int(self.kinks.shape[0])

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """right_i beyond the kink, -left_i up to it, for each replicate's own i."""
        return where(x > self.kinks[index][:, None], self.right[index][:, None], -self.left[index][:, None])

    def sample_gradients(self, x: Array) -> Array:
        """All of them, (replicates, n, 1)."""
        return where(x > self.kinks, self.right + 0 * x, -self.left + 0 * x)[:, :, None]

    def gradient_draws(self) -> Draws:
        """A component."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The slope of the drawn component."""
        return self.sample_gradient(x, draw.index)

    def gradient(self, x: Array) -> Array:
        """The mean slope."""
        return self.sample_gradients(x).sum(axis=1) / self.n

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        t = x - self.kinks
        return (self.right * maximum(t, 0 * t) + self.left * maximum(-t, 0 * t)).sum(axis=-1) / self.n

    def gap(self, x: Array) -> Array:
        """The rise from x* on, piece by piece: at every kink passed the mean slope grows by (left_i + right_i)/n. All terms are nonnegative."""
        reach = clip(x, self.kinks[:1], self.kinks[-1:])
        beyond = self._slope_after() * maximum(x - self.kinks[-1:], 0 * x)[:, 0] + self._slope_before() * maximum(self.kinks[:1] - x, 0 * x)[:, 0]
        covered = clip(reach, self.kinks[:-1], self.kinks[1:])
        passed = where(self.kinks[:-1] >= self.minimiser, covered - self.kinks[:-1], self.kinks[1:] - covered)
        rises = self._between()
        return beyond + (where(rises < 0, -rises, rises) * passed).sum(axis=-1)

    def _slope_after(self) -> Number:
        return self.right.sum() / self.n

    def _slope_before(self) -> Number:
        return self.left.sum() / self.n

    def _between(self) -> Array:
        """Mean slopes between neighbouring kinks, (n - 1,)."""
        return ((self.left + self.right).cumsum()[:-1] - self.left.sum()) / self.n

    def facts(self) -> tuple[Any, ...]:
        """Convex Lipschitz components, and the second moment of the drawn slope."""
        mean = root_constant(self.largest, how="the largest mean of squared slopes between two neighbouring kinks or beyond all")
        return (FiniteSum(self.n), ConvexSamples(), Convex(), BoundedSecondMoment(mean), LipschitzSamples(_steepest(self)),
                Lipschitz(exact(self.steepest, how="the largest |mean slope| between two neighbouring kinks or beyond all")),
                Minimum(exact(self.value(self.minimiser[None])[0], how="f at a kink where the mean slope turns from <= 0 to >= 0"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances from the minimiser."""
        return starts_around(self.minimiser, rng, self.start)


def _steepest(problem: Pinball) -> Constant:
    return exact(max([*problem.left, *problem.right]), how="the largest slope of a component")


def make(left: Any, right: Any, kinks: Any, start: Any = None) -> Pinball:
    """n losses with these falling and rising slopes; scalars are repeated along the kinks.

    Raises ValueError unless the slopes are >= 0, the kinks differ, and the mean falls at first and rises at last.
    """
    count = np.size(kinks)
    given = sorted(zip(vector(kinks, count), vector(left, count), vector(right, count), strict=True))
    c, low, high = (array_of([number(row[i]) for row in given]) for i in range(3))
    if len(set(c)) < count or min([*low, *high]) < 0 or sum(low) == 0 or sum(high) == 0:
        raise ValueError(f"losses need distinct kinks and slopes >= 0 that fall on the left and rise on the right; given {left}, {right}, {kinks}.")
    pieces = [[*high[:i], *(-low[i:])] for i in range(count + 1)]                     # the slopes of the components between kinks i - 1 and i
    means = [sum(piece) / count for piece in pieces]
    best = next(i for i in range(count) if means[i + 1] >= 0)
    return Pinball(low, high, c, c[best:best + 1], max(map(abs, means)), max(sum(s * s for s in piece) / count for piece in pieces),
                   None if start is None else vector(start, 1))


def members() -> Iterator[Member]:
    """Absolute deviations, quantile losses, and losses that are flat on one side."""
    yield Member("absolute-deviations-2", make((Fraction(7, 2), 2), (Fraction(7, 2), 2), (-5, Fraction(11, 3))))
    yield Member("absolute-deviations-3", make(6, 6, (Fraction(-1, 2), 9, 14)))
    yield Member("quantile-losses-2", make(Fraction(3, 4), 9, (7, 20)))
    yield Member("one-sided-losses-3", make((8, 0, Fraction(5, 2)), (0, 11, 0), (4, -3, 12)))


CENTRE = Fraction(7, 4)
SEARCH = (Space({"G": (1 / 8, 64), "left_over_G": (1e-2, 1), "right_over_G": (1e-2, 1), "apart_over_R": (1e-2, 2), "R": (1 / 8, 64)},
                lambda n: {"left": (n["G"], n["left_over_G"] * n["G"]), "right": (n["right_over_G"] * n["G"], n["G"]),
                           "kinks": (CENTRE, CENTRE + n["apart_over_R"] * n["R"]), "start": (CENTRE + n["R"],)}, random=True),)
FAMILY = Family("pinball", make, members, SEARCH)
