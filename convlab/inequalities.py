"""Words for certificates: points that a run makes, and the known inequalities between a function's values and gradients there. Inert: `prove` gives them meaning.

A point has a place `.x`, a gradient `.g` and a value `.f`, symbols in which certificates are written; places and gradients are formal vectors, of which only
sums, multiples and inner products occur: `x0.g * (x0.x - star.x)` is <grad f(x_0), x_0 - x*>, and a square is a squared length.
"""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convlab.symbols import Role, Symbol

FORMAL = "a formal vector or value of a certificate"


@dataclass(frozen=True)
class Point:
    """A point of a run: a field of the state after `index` updates, the `index`-th answer of an oracle (`asked`), or the minimiser.

    `asked` points are those at which gradients (operators) are taken, in order; each projection and prox adds its result there, too.
    """

    name: str
    index: int | None = 0

    @property
    def label(self) -> str:
        """x_0, y_1, asked_2, x_star."""
        return f"{self.name}_{'star' if self.index is None else self.index}"

    @property
    def _typeset(self) -> str:
        letter = self.name if len(self.name) == 1 else f'"{self.name}"'
        return f"{letter}^*" if self.index is None else f"{letter}_{self.index}"

    @property
    def x(self) -> Symbol:
        """Its place."""
        return Symbol(self.label, FORMAL, "real", "x", Role.TUNABLE, self._typeset)

    @property
    def g(self) -> Symbol:
        """The gradient there (a subgradient; of a game the operator)."""
        return Symbol(f"g({self.label})", FORMAL, "real", "f/x", Role.TUNABLE, f"nabla f({self._typeset})")

    @property
    def f(self) -> Symbol:
        """The value there."""
        return Symbol(f"f({self.label})", FORMAL, "real", "f", Role.TUNABLE, f"f({self._typeset})")

    def after(self, updates: int) -> Point:
        """The same point so many updates later."""
        return self if self.index is None else Point(self.name, self.index + updates)


star = Point("x", None)             # a minimiser (saddle point)
x0, x1, x2 = (Point("x", i) for i in range(3))


class Known(Enum):
    """Inequalities that a class of functions (operators) obeys."""

    INTERPOLATION = "interpolation inequality"
    CONVEXITY = "convexity"
    STRONG_CONVEXITY = "strong convexity"
    DESCENT = "descent lemma"
    COCOERCIVITY = "cocoercivity"
    DOMINATION = "Polyak-Lojasiewicz inequality"
    MINIMUM = "minimality"
    DESCENT_TO_MINIMUM = "descent to the minimum"
    VARIANCE = "bounded variance"
    SLOPE = "bounded gradients"
    FEASIBILITY = "normal of the feasible set"
    LINE_SEARCH = "exact line search"
    MONOTONICITY = "monotonicity"
    LIPSCHITZ = "Lipschitz continuity"


@dataclass(frozen=True)
class Inequality:
    """A known inequality, read as something >= 0, at one or two points; `along` is the direction of a line search (then it is an equality)."""

    known: Known
    i: Point
    j: Point | None = None
    along: object = None


def interpolation(i: Point, j: Point) -> Inequality:
    """The strongest lower bound of f(i) by value and gradient at j and the gradient at i that the assumed class allows."""
    return Inequality(Known.INTERPOLATION, i, j)


def convexity(i: Point, j: Point) -> Inequality:
    """f(i) >= f(j) + <g(j), i - j>."""
    return Inequality(Known.CONVEXITY, i, j)


def strong_convexity(i: Point, j: Point) -> Inequality:
    """f(i) >= f(j) + <g(j), i - j> + mu |i - j|^2/2."""
    return Inequality(Known.STRONG_CONVEXITY, i, j)


def descent(i: Point, j: Point) -> Inequality:
    """f(i) <= f(j) + <g(j), i - j> + L |i - j|^2/2."""
    return Inequality(Known.DESCENT, i, j)


def cocoercivity(i: Point, j: Point) -> Inequality:
    """<g(i) - g(j), i - j> >= |g(i) - g(j)|^2/L, of convex smooth functions."""
    return Inequality(Known.COCOERCIVITY, i, j)


def domination(i: Point) -> Inequality:
    """|g(i)|^2 >= 2 mu (f(i) - f*)."""
    return Inequality(Known.DOMINATION, i)


def minimality(i: Point) -> Inequality:
    """f(i) >= f*."""
    return Inequality(Known.MINIMUM, i)


def descent_to_minimum(i: Point) -> Inequality:
    """f(i) - f* >= |g(i)|^2/(2 L), of smooth functions with a minimum."""
    return Inequality(Known.DESCENT_TO_MINIMUM, i)


def variance(i: Point) -> Inequality:
    """E |stochastic gradient at i - g(i)|^2 <= sigma^2."""
    return Inequality(Known.VARIANCE, i)


def bounded_slope(i: Point) -> Inequality:
    """|g(i)| <= G, of G-Lipschitz functions."""
    return Inequality(Known.SLOPE, i)


def feasibility(i: Point, j: Point) -> Inequality:
    """<i - (what was projected there), j - i> >= 0 for a feasible j: another projection, or the minimiser; at the minimiser i it is <g*, j - x*> >= 0."""
    return Inequality(Known.FEASIBILITY, i, j)


def line_search(at: Point, along: object) -> Inequality:
    """<g(at), along> = 0 for the point that a line search found and a multiple of its direction. Its multiplier has any sign."""
    return Inequality(Known.LINE_SEARCH, at, None, along)


def monotonicity(i: Point, j: Point) -> Inequality:
    """<F(i) - F(j), i - j> >= mu |i - j|^2, with mu = 0 where the game is not strongly monotone."""
    return Inequality(Known.MONOTONICITY, i, j)


def lipschitz(i: Point, j: Point) -> Inequality:
    """|F(i) - F(j)|^2 <= L^2 |i - j|^2, of an operator or of a smooth function's gradient."""
    return Inequality(Known.LIPSCHITZ, i, j)
