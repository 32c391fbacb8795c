"""Huber functions: curvature L near the centre, mu beyond a threshold. With mu = 0 the worst case of gradient descent in function value."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ExactLineSearch, Lipschitz, Minimum, PolyakLojasiewicz, Proximable, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact, lower
from convlab.operations import Unsupported, clip, least_along
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import number, program_of, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class Huber:
    """mu |x - c|^2/2 + (L - mu) sum_i h(x_i - c_i): h(t) is t^2/2 for |t| <= threshold, straight beyond. The minimum 0 is at c.

    With mu = 0 it is the worst case of gradient descent: at threshold R/(2 k gamma L + 1) it attains Drori and Teboulle (2014).
    """

    mu: Number
    L: Number
    centre: Array              # (dimension,)
    threshold: Number
    start: Array | None = None

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        t = x - self.centre
        near = clip(t, -self.threshold, self.threshold)
        return (self.mu * t * t / 2 + (self.L - self.mu) * near * (t - near / 2)).sum(axis=-1)

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: both terms are nonnegative (near has the sign of t, and |near| <= |t|), nothing cancels."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """mu t + (L - mu) clip(t), t = x - c."""
        t = x - self.centre
        return self.mu * t + (self.L - self.mu) * clip(t, -self.threshold, self.threshold)

    def best_step(self, x: Array, direction: Array) -> Array:
        """The best step along a direction of descent that is no longer than the gradient, by bisection; raises Unsupported where mu = 0."""
        if self.mu == 0:
            raise Unsupported("a Huber function with straight ends has no longest best step")
        return least_along(self.gradient, x, direction, 1 / self.mu)

    def prox(self, x: Array, step_size: Number) -> Array:
        """Slope 1/(1 + step_size L) up to the image of the threshold, 1/(1 + step_size mu) beyond."""
        t = x - self.centre
        edge = (1 + step_size * self.L) * self.threshold
        near = clip(t, -edge, edge)
        return self.centre + near / (1 + step_size * self.L) + (t - near) / (1 + step_size * self.mu)

    def program(self) -> str:
        """Coordinate by coordinate."""
        return (f"mu, L, threshold = {program_of(self.mu)}, {program_of(self.L)}, {program_of(self.threshold)}\nminimiser = {program_of(self.centre)}\n\n"
                "def near(t, edge):\n    return max(-edge, min(edge, t))\n\n"
                "def huber(t):\n    return mu * t * t / 2 + (L - mu) * near(t, threshold) * (t - near(t, threshold) / 2)\n\n"
                "def value(x):\n    return sum(huber(t - c) for t, c in zip(x, minimiser))\n\n"
                "def gradient(x):\n    return [mu * (t - c) + (L - mu) * near(t - c, threshold) for t, c in zip(x, minimiser)]\n\n"
                "def prox(x, step):\n    inner = [near(t - c, (1 + step * L) * threshold) for t, c in zip(x, minimiser)]\n"
                "    return [c + i / (1 + step * L) + (t - c - i) / (1 + step * mu) for t, c, i in zip(x, minimiser, inner)]\n")

    def facts(self) -> tuple[Any, ...]:
        """Smooth; strongly convex and PL, or convex and Lipschitz when mu = 0."""
        return (Smooth(exact(self.L, how="the curvature is L on |t| < threshold and mu <= L beyond")), *self._growth(), Proximable(),
                Minimum(exact(0, how="both terms are >= 0 and vanish at the centre"), at=self.centre))

    def _growth(self) -> tuple[Any, ...]:
        if self.mu > 0:
            return (StronglyConvex(exact(self.mu, how="the curvature is mu beyond the threshold and L >= mu within")),
                    PolyakLojasiewicz(lower(self.mu, how="implied by mu-strong convexity; |g|^2/(2 f) falls to mu only far away")), ExactLineSearch())
        slope = root_constant((self.L * self.threshold) ** 2 * len(self.centre),
                              how="every coordinate of the gradient is L clip(t), at most L threshold: together L threshold sqrt(d)")
        return (Convex(), Lipschitz(slope))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances from the centre."""
        return starts_around(self.centre, rng, self.start)


def make(mu: Any, L: Any, centre: Any = 0, threshold: Any = 1, start: Any = None, dimension: int = 1) -> Huber:
    """The Huber function of these constants; a scalar centre or start is repeated along the dimension.

    Raises ValueError unless 0 <= mu <= L, L > 0 and threshold > 0.
    """
    if not (0 <= mu <= L and L > 0 and threshold > 0):
        raise ValueError(f"Huber needs 0 <= mu <= L, L > 0 and threshold > 0; given mu = {mu}, L = {L}, threshold = {threshold}.")
    size = max([int(dimension), *(np.size(v) for v in (centre, start) if v is not None)])
    return Huber(number(mu), number(L), vector(centre, size), number(threshold), None if start is None else vector(start, size))


def members() -> Iterator[Member]:
    """Convex and strongly convex, in one and several dimensions, thresholds on both sides of the starting distances."""
    yield Member("huber-convex-1d", make(0, Fraction(13, 4), centre=Fraction(-7, 3), threshold=Fraction(2, 5)))
    yield Member("huber-convex-4", make(0, 6, centre=(3, Fraction(-5, 2), 8, 0), threshold=Fraction(11, 4)))
    yield Member("huber-strongly-convex-1d", make(Fraction(1, 6), Fraction(27, 2), centre=9, threshold=Fraction(1, 8)))
    yield Member("huber-strongly-convex-3", make(Fraction(2, 5), 21, centre=(-4, Fraction(1, 3), 6), threshold=Fraction(5, 3)))


CENTRE = Fraction(-3, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"L": (1 / 8, 64), "R": (1 / 8, 64), "threshold_over_R": (1e-3, 2)},
                lambda n: {"mu": 0 * n["L"], "L": n["L"], "centre": CENTRE, "threshold": n["threshold_over_R"] * n["R"], "start": (CENTRE + n["R"],)}),
          Space({"L": (1 / 8, 64), "mu_over_L": (1e-4, 1), "R": (1 / 8, 64), "threshold_over_R": (1e-3, 2)},
                lambda n: {"mu": n["mu_over_L"] * n["L"], "L": n["L"], "centre": CENTRE, "threshold": n["threshold_over_R"] * n["R"],
                           "start": (CENTRE + n["R"],)}))
EACH = {"apart": (1 / 8, 64)}
DRAWN = (Space({"L": (1 / 8, 64), "threshold": (1 / 8, 64)},
               lambda n: {"mu": 0 * n["L"], "L": n["L"], "centre": CENTRE, "threshold": n["threshold"], "start": tuple(CENTRE + a for a in n["apart"])}, each=EACH),
         Space({"L": (1 / 8, 64), "mu_over_L": (1e-4, 1), "threshold": (1 / 8, 64)},
               lambda n: {"mu": n["mu_over_L"] * n["L"], "L": n["L"], "centre": CENTRE, "threshold": n["threshold"],
                          "start": tuple(CENTRE + a for a in n["apart"])}, each=EACH))
FAMILY = Family("huber", make, members, SEARCH, DRAWN)
