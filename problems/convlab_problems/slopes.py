"""Functions of one variable with a piecewise linear derivative: everything a smooth function may do, in exact arithmetic."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from convlab.assumptions import Convex, ExactLineSearch, Minimum, PolyakLojasiewicz, Proximable, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact, lower
from convlab.operations import clip, maximum, where
from convlab.problem import Start
from convlab_problems.rational import program_of, starts_around, vector


@dataclass(frozen=True, eq=False)
class Ramp:
    """A derivative on u >= 0, starting at 0, with slope slopes[j] from edges[j] to edges[j + 1], the last slope for ever. All (pieces,)."""

    edges: Array      # increasing from 0
    slopes: Array
    heights: Array    # the derivative at every edge

    def derivative(self, u: Array) -> Array:
        """(replicates, 1) to (replicates, 1): the rise over every piece passed, so that nothing large is subtracted near 0."""
        inside, beyond = _overlaps(u, self.edges)
        return (inside * self.slopes[..., :-1]).sum(axis=-1)[:, None] + beyond * self.slopes[..., -1:]

    def integral(self, u: Array) -> Array:
        """(replicates, 1) to (replicates,): one trapezium a piece."""
        inside, beyond = _overlaps(u, self.edges)
        last = beyond * (self.heights[..., -1:] + self.slopes[..., -1:] * beyond / 2)
        return (inside * (self.heights[..., :-1] + self.slopes[..., :-1] * inside / 2)).sum(axis=-1) + last[:, 0]

    def resolvent(self, u: Array, step_size: Number) -> Array:
        """The v >= 0 with v + step_size derivative(v) = u: piecewise linear too, its edges are the images of the edges."""
        inside, beyond = _overlaps(u, self.edges + step_size * self.heights)
        stretch = 1 + step_size * self.slopes
        return (inside / stretch[..., :-1]).sum(axis=-1)[:, None] + beyond / stretch[..., -1:]


def _overlaps(u: Array, edges: Array) -> tuple[Array, Array]:
    """How much of each bounded piece lies below u, (replicates, pieces - 1), and how far u lies beyond the last edge, (replicates, 1)."""
    return clip(u - edges[..., :-1], 0, edges[..., 1:] - edges[..., :-1]), maximum(u - edges[..., -1:], 0)


def ramp(edges: Sequence[Number], slopes: Sequence[Number]) -> Ramp:
    """The ramp through these edges."""
    heights = [slopes[0] * 0]
    for (left, right), slope in zip(pairwise(edges), slopes, strict=False):
        heights.append(heights[-1] + slope * (right - left))
    return Ramp(vector(edges), vector(slopes), vector(heights))


@dataclass(frozen=True, eq=False)
class PiecewiseSlopes:
    """f(x) = the integral of a piecewise linear derivative from the centre c, where it is 0 and f takes its minimum 0."""

    right: Ramp
    left: Ramp
    centre: Array             # (1,)
    start: Array | None = None
    previous: Array | None = None      # with a start: where a method that remembers its last point is said to come from

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        t = x - self.centre
        return self.right.integral(maximum(t, 0)) + self.left.integral(maximum(-t, 0))

    def gap(self, x: Array) -> Array:
        """f(x) itself, since f* = 0; integrated outward from c, so it is exact to rounding near the minimum."""
        return self.value(x)

    def gradient(self, x: Array) -> Array:
        """f'(x)."""
        t = x - self.centre
        return self.right.derivative(maximum(t, 0)) - self.left.derivative(maximum(-t, 0))

    def best_step(self, x: Array, direction: Array) -> Array:
        """On a line the best step leads to the minimiser, of convex f."""
        still = direction[:, 0] == 0
        return where(still, 0 * direction[:, 0], (self.centre[0] - x[:, 0]) / where(still, 1 + direction[:, 0], direction[:, 0]))

    def prox(self, x: Array, step_size: Number) -> Array:
        """The resolvent of f' (for convex f)."""
        t = x - self.centre
        return self.centre + self.right.resolvent(maximum(t, 0), step_size) - self.left.resolvent(maximum(-t, 0), step_size)

    def program(self) -> str:
        """Both sides as pieces (length, slope), the last of them endless."""
        def pieces(side: Ramp) -> str:
            lengths = [program_of(b - a) for a, b in pairwise(side.edges)]
            return f"[{', '.join(f'({length}, {program_of(slope)})' for length, slope in zip([*lengths, 'None'], side.slopes, strict=True))}]"

        return (f"right = {pieces(self.right)}\nleft = {pieces(self.left)}\nminimiser = {program_of(self.centre)}\n\n"
                "def climbed(u, pieces):\n    height = rise = Fraction(0)\n    for length, slope in pieces:\n"
                "        here = u if length is None else min(u, length)\n        height += rise * here + slope * here * here / 2\n"
                "        rise, u = rise + slope * here, u - here\n    return height, rise\n\n"
                "def sides(x):\n    t = x[0] - minimiser[0]\n    return climbed(max(t, 0), right), climbed(max(-t, 0), left)\n\n"
                "def value(x):\n    return sum(height for height, rise in sides(x))\n\n"
                "def gradient(x):\n    (_, up), (_, down) = sides(x)\n    return [up - down]\n")

    def facts(self) -> tuple[Any, ...]:
        """Smooth with the largest absolute slope; convex or strongly convex where the least slope allows it."""
        slopes = [*self.right.slopes, *self.left.slopes]
        least = min(slopes)
        steepest = exact(max(abs(s) for s in slopes), how="the largest absolute slope of f', attained on its piece")
        minimum = Minimum(exact(0, how="f is integrated from its lowest stationary point, found exactly among the zeros of f'"), at=self.centre)
        if least < 0:
            return (Smooth(steepest), minimum)
        if least == 0:
            return (Smooth(steepest), Convex(), Proximable(), ExactLineSearch(), minimum)
        return (Smooth(steepest), StronglyConvex(exact(least, how="the least slope of f', attained on its piece")),
                PolyakLojasiewicz(lower(least, how="implied by mu-strong convexity")), Proximable(), ExactLineSearch(), minimum)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Both sides of the minimum at three distances, or the given start, in motion where it comes from another point."""
        if self.start is not None and self.previous is not None:
            return (Start("in motion", self.start, {"previous": self.previous}),)
        return starts_around(self.centre, rng, self.start)


def from_stationary(knots: Sequence[Fraction], slopes: Sequence[Number], zero: Fraction, start: Any = None) -> PiecewiseSlopes:
    """f with f'(zero) = 0 and slope slopes[i] between knots[i - 1] and knots[i] (outermost slopes beyond the ends)."""
    after, before = sum(knot <= zero for knot in knots), sum(knot < zero for knot in knots)
    right = ramp([zero * 0, *(knot - zero for knot in knots[after:])], list(slopes[after:]))
    left = ramp([zero * 0, *(zero - knot for knot in reversed(knots[:before]))], list(reversed(slopes[:before + 1])))
    return PiecewiseSlopes(right, left, vector(zero, 1), None if start is None else vector(start, 1))


def from_lowest(knots: Sequence[Fraction], slopes: Sequence[Number], zero: Fraction, start: Any = None) -> PiecewiseSlopes:
    """The same function, integrated from its global minimiser: the lowest of the zeros of f' with rising slope. Outer slopes must be positive."""
    drawn = from_stationary(knots, slopes, zero)
    heights = drawn.gradient(vector(knots)[:, None])[:, 0]
    valleys = [knots[0] - heights[0] / slopes[0]] if heights[0] >= 0 else []
    valleys += [a - g / s for a, (g, h), s in zip(knots, pairwise(heights), slopes[1:-1], strict=False) if g < 0 <= h]
    valleys += [knots[-1] - heights[-1] / slopes[-1]] if heights[-1] < 0 else []
    depths = drawn.value(vector(valleys)[:, None])
    return from_stationary(knots, slopes, valleys[int(np.argmin(depths))], start)
