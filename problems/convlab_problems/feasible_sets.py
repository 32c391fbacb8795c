"""Sets with a projection: box, ball, simplex. Each tells points of its own, and how much a linear function with a given slack grows on it."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from convlab.constants import Array, Number
from convlab.operations import clip, maximum, norm, rowwise, sort
from convlab_problems.rational import direction, orthogonal


@dataclass(frozen=True)
class Box:
    """[-radius, radius]^d."""

    radius: Number

    def project(self, x: Array) -> Array:
        """The nearest point: coordinates clipped."""
        return clip(x, -self.radius, self.radius)

    def minimiser(self, rng: np.random.Generator, dimension: int) -> Array:
        """A point with the first coordinate on the upper face, the second on the lower, the others inside."""
        inside = self.radius * direction(rng, dimension) * Fraction(5, 8)
        return np.array([self.radius, -self.radius, *inside[2:]][:dimension], dtype=object)

    def normal(self, point: Array, weights: Array) -> Array:
        """The outer normal with these weights (>= 0) on the faces that touch the point."""
        return np.array([w if v == self.radius else -w if v == -self.radius else w * 0 for v, w in zip(point, weights, strict=True)], dtype=object)

    def drop(self, normal: Array, point: Array, x: Array) -> Array:
        """-<normal, x - point> for feasible x: every coordinate's share is >= 0."""
        return (-normal * (x - point)).sum(axis=-1)

    def points(self, rng: np.random.Generator, dimension: int) -> dict[str, Array]:
        """A corner, a point inside, and the centre."""
        corner = np.array([-self.radius if i % 2 == 0 else self.radius for i in range(dimension)], dtype=object)
        return {"corner": corner, "inside": self.radius * direction(rng, dimension) / 2, "centre": corner * 0}


@dataclass(frozen=True)
class Ball:
    """|x| <= radius."""

    radius: Number

    def project(self, x: Array) -> Array:
        """The nearest point: the length cut to the radius."""
        length = norm(x)
        return x * rowwise(self.radius / maximum(length, self.radius), x)

    def minimiser(self, rng: np.random.Generator, dimension: int) -> Array:
        """A rational point of the sphere."""
        return self.radius * orthogonal(int(rng.integers(1000)), dimension)[0]

    def normal(self, point: Array, weights: Array) -> Array:
        """The outer normal of length weights[0] at the point."""
        return weights[0] * point / self.radius

    def drop(self, normal: Array, point: Array, x: Array) -> Array:
        """-<normal, x - point> for feasible x, with normal = w point/radius: w (|x - point|^2 + radius^2 - |x|^2)/(2 radius).

        An x that rounding has put outside counts as on the sphere.
        """
        weight = (normal * point).sum(axis=-1) / self.radius
        apart = x - point
        depth = maximum(self.radius * self.radius - (x * x).sum(axis=-1), 0)
        return weight / self.radius * ((apart * apart).sum(axis=-1) + depth) / 2

    def points(self, rng: np.random.Generator, dimension: int) -> dict[str, Array]:
        """Two points of the sphere, and one inside."""
        frame = orthogonal(int(rng.integers(1000)), dimension)
        return {"sphere": self.radius * frame[0], "other side": -self.radius * frame[dimension - 1], "inside": self.radius * frame[0] / 5}


@dataclass(frozen=True)
class Simplex:
    """x >= 0 with sum radius."""

    radius: Number

    def project(self, x: Array) -> Array:
        """The nearest point: x less a common shift, cut at 0. The shift is the largest average excess of the j largest coordinates."""
        falling = sort(x)[..., ::-1]
        excess, total = [], falling[..., 0] * 0
        for j in range(x.shape[-1]):
            total = total + falling[..., j]
            excess.append((total - self.radius) / (j + 1))
        shift = excess[0]
        for candidate in excess[1:]:
            shift = maximum(shift, candidate)
        return maximum(x - shift[..., None], self.radius * 0)     # a zero of the run's arithmetic: an int would turn x / 2 into a float

    def minimiser(self, rng: np.random.Generator, dimension: int) -> Array:
        """A point of the face where the last coordinate is 0 (and the one before, in four dimensions and more)."""
        kept = max(1, dimension - 2) if dimension >= 4 else max(1, dimension - 1)
        shares = [Fraction(int(v)) for v in rng.integers(1, 9, size=kept)]
        return np.array([self.radius * s / sum(shares) for s in shares] + [Fraction(0)] * (dimension - kept), dtype=object)

    def normal(self, point: Array, weights: Array) -> Array:
        """One number on the support, less by the weights off it."""
        return np.array([weights[0] if v > 0 else weights[0] - w for v, w in zip(point, weights, strict=True)], dtype=object)

    def drop(self, normal: Array, point: Array, x: Array) -> Array:
        """-<normal, x - point> for feasible x: the sum of the normal's shortfalls times x, both >= 0 (they vanish on the support)."""
        return ((normal.max() - normal) * x).sum(axis=-1)

    def points(self, rng: np.random.Generator, dimension: int) -> dict[str, Array]:
        """A vertex off the minimiser's face, and the centre."""
        vertex = np.array([self.radius if i == dimension - 1 else self.radius * 0 for i in range(dimension)], dtype=object)
        return {"vertex": vertex, "centre": np.array([self.radius / dimension] * dimension, dtype=object)}
