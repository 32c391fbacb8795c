"""Sums of Huber functions around one point, each tilted so that the tilts cancel: components that are not quadratic, with a minimiser that is known."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ConvexSamples, FiniteSum, Minimum, PolyakLojasiewicz, Smooth, SmoothSamples, StronglyConvex
from convlab.constants import Array, exact, lower
from convlab.draws import Draws, Uniform
from convlab.operations import Unsupported, absolute, clip, sign, where
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, starts_around, vector


@dataclass(frozen=True, eq=False)
class HuberSamples:
    """f_i(x) = mu_i |t|^2/2 + (L_i - mu_i) sum_j h_i(t_j) + <tilt_i, t>, t = x - x*: h_i is t^2/2 for |t| <= width_i, straight beyond; the tilts sum to 0.

    x* minimises the mean. Without tilts every component is least there, which is interpolation; with them the noise at x* is the mean of |tilt_i|^2.
    """

    flat: Array                  # (n,): mu_i
    steep: Array                 # (n,): L_i
    widths: Array                # (n,)
    tilts: Array                 # (n, dimension)
    minimiser: Array             # (dimension,)
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of components."""
        return int(self.flat.shape[0])

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """mu_i t + (L_i - mu_i) clip(t, -width_i, width_i) + tilt_i for each replicate's own i."""
        flat, width, t = self.flat[index][:, None], self.widths[index][:, None], x - self.minimiser
        return flat * t + (self.steep[index][:, None] - flat) * clip(t, -width, width) + self.tilts[index]

    def sample_gradients(self, x: Array) -> Array:
        """All of them, (replicates, n, dimension)."""
        return self._bent(x) + self.tilts

    def _bent(self, x: Array) -> Array:
        t = (x - self.minimiser)[:, None, :]
        width, flat = self.widths[:, None], self.flat[:, None]
        return flat * t + (self.steep[:, None] - flat) * clip(t, -width, width)

    def sample_gap(self, x: Array, index: Array) -> Array:
        """f_i(x) - min f_i for each replicate's own i, (replicates,): around the least point of f_i nothing linear is left, and nothing cancels.

        Raises Unsupported where some component falls for ever.
        """
        t, least = x - self.minimiser, self._least()[index]
        flat, width = self.flat[index][:, None], self.widths[index][:, None]
        near, there = clip(t, -width, width), clip(least, -width, width)
        return (flat * (t - least) ** 2 / 2 + (self.steep[index][:, None] - flat) * (near - there) * (t - (near + there) / 2)).sum(axis=-1)

    def _least(self) -> Array:
        """Where every component is least, less x*, (n, dimension)."""
        flat, steep, width = self.flat[:, None], self.steep[:, None], self.widths[:, None]
        tilt = absolute(self.tilts)
        if ((flat == 0) & (tilt > steep * width)).any():
            raise Unsupported("a component of this sum is straight beyond its width and tilted too much: it falls for ever")
        within, beyond = tilt / where(steep > 0, steep, 1 + steep), (tilt - (steep - flat) * width) / where(flat > 0, flat, 1 + flat)
        return -sign(self.tilts) * where(tilt <= steep * width, within, beyond)

    def sample_smoothness(self) -> Array:
        """L_i, (n,)."""
        return self.steep

    def sample_convexity(self) -> Array:
        """mu_i, (n,)."""
        return self.flat

    def gradient_draws(self) -> Draws:
        """A component."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient of the drawn component."""
        return self.sample_gradient(x, draw.index)

    def gradient(self, x: Array) -> Array:
        """The mean, the tilts left out."""
        return self._bent(x).sum(axis=1) / self.n

    def value(self, x: Array) -> Array:
        """f(x), (replicates,): the mean of nonnegative terms, for the tilts sum to 0."""
        t = (x - self.minimiser)[:, None, :]
        near = clip(t, -self.widths[:, None], self.widths[:, None])
        every = self.flat[:, None] * t * t / 2 + (self.steep - self.flat)[:, None] * near * (t - near / 2)
        return every.sum(axis=-1).sum(axis=-1) / self.n

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0: nothing cancels."""
        return self.value(x)

    def facts(self) -> tuple[Any, ...]:
        """A finite sum of smooth convex components; strongly convex where some component is."""
        least = self.flat.sum() / self.n
        shape = (StronglyConvex(exact(least, how="the mean of the mu_i, which is all that is left beyond every width")),
                 PolyakLojasiewicz(lower(least, how="implied by mu-strong convexity"))) if least > 0 else (Convex(),)
        return (FiniteSum(self.n), ConvexSamples(), SmoothSamples(exact(max(self.steep), how="the largest L_i, met within its width")),
                Smooth(exact(self.steep.sum() / self.n, how="the mean of the L_i: near x* every component has its full curvature")), *shape,
                Minimum(exact(0, how="the tilts cancel and the other terms are >= 0"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances."""
        return starts_around(self.minimiser, rng, self.start)


def make(flat: Any, steep: Any, widths: Any, tilts: Any = 0, centre: Any = 0, start: Any = None) -> HuberSamples:
    """n components with curvatures flat_i <= steep_i and widths; tilts (n,) or (n, dimension), of which the last is replaced so that they sum to 0.

    Scalars are repeated. Raises ValueError unless 0 <= flat_i <= steep_i, some steep_i > 0, and the widths are positive.
    """
    count = max(np.size(v) for v in (flat, steep, widths))
    low, high, width = (vector(v, count) for v in (flat, steep, widths))
    if not (min(low) >= 0 and max(high) > 0 and min(width) > 0 and all(a <= b for a, b in zip(low, high, strict=True))):
        raise ValueError(f"Huber samples need 0 <= flat <= steep, one of these positive, and widths > 0; given {flat}, {steep}, {widths}.")
    size = max(np.size(centre), 0 if start is None else np.size(start))
    table = np.asarray(tilts, dtype=object)
    table = np.broadcast_to(table.reshape(-1, 1) if table.ndim < 2 else table, (count, size))
    balanced = array_of([[number(v) for v in row] for row in table])
    balanced = np.concatenate([balanced[:-1], -balanced[:-1].sum(axis=0, keepdims=True)])
    return HuberSamples(low, high, width, balanced, vector(centre, size), None if start is None else vector(start, size))


def members() -> Iterator[Member]:
    """With and without interpolation, convex and strongly convex, in one and two dimensions."""
    half, third = Fraction(1, 2), Fraction(1, 3)
    yield Member("huber-samples-interpolated-2", make((third, 0), (9, Fraction(5, 2)), (half, 4), centre=Fraction(-13, 4)))
    yield Member("huber-samples-interpolated-convex-2", make(0, (14, 3), (third, 2), centre=(6, Fraction(-5, 2))))
    yield Member("huber-samples-2", make((Fraction(1, 4), half), (12, 3), (2, Fraction(1, 5)), tilts=(Fraction(11, 2), 0), centre=8))
    yield Member("huber-samples-convex-3", make(0, (7, 1, Fraction(9, 2)), (half, 5, 2), tilts=(4, -9, 0), centre=Fraction(-7, 2)))
    yield Member("huber-samples-plane-2", make((Fraction(2, 5), 0), (5, 16), (3, half), tilts=((2, -6), (0, 0)), centre=(-4, 11)))


CENTRE = Fraction(-9, 4)      # where the searched ones have their minimum: not at 0, which a method might know
RANGES = {"L_max": (1 / 8, 64), "other_over_L_max": (1e-2, 1), "R": (1 / 8, 64), "first_over_R": (1e-2, 2), "second_over_R": (1e-2, 2), "tilt_over_LR": (0.0, 2.0)}


def _searched(n: Any) -> dict[str, Any]:
    flat = n["mu_over_L"] * n["L_max"]
    return {"flat": (flat, n["other_over_L_max"] * flat), "steep": (n["L_max"], n["other_over_L_max"] * n["L_max"]),
            "widths": (n["first_over_R"] * n["R"], n["second_over_R"] * n["R"]), "tilts": (n["tilt_over_LR"] * n["L_max"] * n["R"], 0 * n["R"]),
            "centre": CENTRE, "start": (CENTRE + n["R"],)}


SEARCH = (Space(RANGES, lambda n: _searched({**n, "mu_over_L": 0 * n["R"]}), random=True), Space({**RANGES, "mu_over_L": (1e-3, 1)}, _searched, random=True))
FAMILY = Family("huber_samples", make, members, SEARCH)
