"""What the assumptions of a claim say of the samples of a run: inequalities that every function of the class obeys, and which of them also suffice.

Of smooth (strongly) convex, convex, Lipschitz convex and smooth nonconvex functions the inequalities hold for given points, gradients and values exactly
if such a function exists (Taylor, Hendrickx, Glineur 2017; Drori, Shamir 2020): the worst case is then exact. Of other classes they are necessary only.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from convlab import symbols
from convlab.assumptions import (
    Bilinear,
    ConstrainedMinimum,
    Convex,
    ExactLineSearch,
    Lipschitz,
    LipschitzOperator,
    Minimum,
    OneCoupling,
    PolyakLojasiewicz,
    Proximable,
    SaddlePoint,
    Smooth,
    StronglyConvex,
    StronglyMonotone,
)
from convlab.operations import Unsupported
from convlab.prove.pep.formal import Quadratic, combined, inner
from convlab.prove.pep.oracle import STAR, FormalOracle, Sample

ONE, HALF = Fraction(1), Fraction(1, 2)
KNOWN = (Bilinear, ConstrainedMinimum, Convex, ExactLineSearch, Lipschitz, LipschitzOperator, Minimum, OneCoupling, PolyakLojasiewicz, Proximable,
         SaddlePoint, Smooth, StronglyConvex, StronglyMonotone)
OPERATORS = (Bilinear, LipschitzOperator, OneCoupling, SaddlePoint, StronglyMonotone)


@dataclass(frozen=True)
class Constraint:
    """`form` <= 0 (or == 0) on every instance."""

    name: str
    form: Quadratic
    equality: bool = False


@dataclass(frozen=True)
class Kind:
    """The class of functions as numbers. `low`, `high`: curvature bounds (None: no upper one); `slope`: Lipschitz constant of f."""

    convex: bool
    low: Fraction
    high: Fraction | None
    slope: Fraction | None
    assumptions: tuple[type, ...]
    values: Mapping[Any, Any]

    def has(self, kind: type) -> bool:
        """Whether the claim assumes this."""
        return any(issubclass(a, kind) for a in self.assumptions)

    @property
    def constrained(self) -> bool:
        """Whether x* is the minimiser over a set."""
        return self.has(ConstrainedMinimum)

    @property
    def located(self) -> bool:
        """Whether there is an x* at all: of convex functions without a minimum the infimum is all that is known."""
        return any(self.has(kind) for kind in (Minimum, ConstrainedMinimum, SaddlePoint, StronglyConvex))

    @property
    def operator(self) -> bool:
        """Whether the claim speaks of an operator and of no function."""
        return any(self.has(kind) for kind in OPERATORS)

    @property
    def relaxed(self) -> tuple[str, ...]:
        """Why the inequalities may allow more than the class: empty where they suffice."""
        unknown = [f"{a.__name__} is left out" for a in self.assumptions if a not in KNOWN]          # a subclass may say more
        several = ["for this operator class the inequalities are necessary only"] if self.operator else []
        gradient_dominated = ["for gradient-dominated functions the inequalities are necessary only"] if self.has(PolyakLojasiewicz) else []
        bent = self.slope is not None and (self.high is not None or self.low > 0)
        curved = ["for curved Lipschitz functions the inequalities are necessary only"] if bent else []
        bounded = ["for nonconvex functions on a set the inequalities are necessary only"] if self.constrained and not self.convex else []
        searched = ["that a line search moves along its ray is left out"] if self.has(ExactLineSearch) else []
        return (*unknown, *searched, *several, *gradient_dominated, *curved, *bounded)


def kind_of(assumptions: tuple[type, ...], values: Mapping[Any, Any]) -> Kind:
    """The class that the assumptions mean at these constants. Raises Unsupported where they mean none."""
    def has(kind: type) -> bool:
        return any(issubclass(a, kind) for a in assumptions)

    high = values[symbols.L] if has(Smooth) else None
    convex = has(Convex) or has(StronglyConvex)
    if not (convex or has(Smooth) or any(issubclass(a, OPERATORS) for a in assumptions)):
        raise Unsupported("its assumptions have no inequalities here: it needs convexity, smoothness or an operator")
    low = values[symbols.mu] if has(StronglyConvex) else Fraction(0) if convex else -(high or Fraction(0))
    if high is not None and high <= low:
        raise Unsupported(f"mu = {low} is not below L = {high}: one quadratic is all that is left of the class")
    return Kind(convex, low, high, values[symbols.G] if has(Lipschitz) else None, assumptions, values)


def constraints(oracle: FormalOracle, kind: Kind, position: bool) -> tuple[Constraint, ...]:
    """Every inequality of the class on the samples of a run. `position`: whether the place of x* matters to the claim."""
    if kind.operator:
        return tuple(_operator(oracle, kind))
    return (*_interpolation(oracle, kind, position), *_slopes(oracle, kind), *_domination(oracle, kind), *_set(oracle), *_searches(oracle))


def _interpolation(oracle: FormalOracle, kind: Kind, position: bool) -> Iterator[Constraint]:
    stars = kind.located and (kind.convex or position or kind.constrained)
    samples = [s for s in oracle.samples if stars or s.name != STAR]
    for i in samples:
        for j in samples:
            if i is not j:
                yield Constraint(f"Q({i.name},{j.name})", interpolated(i, j, kind.low, kind.high))
    if not kind.constrained and not (kind.convex and stars):
        for i in samples:
            if i.name != STAR:                                        # a gradient step from x_i does not fall below f*
                fallen = _over(inner(i.g, i.g), HALF / kind.high) if kind.high is not None else {}
                yield Constraint(f"M({i.name})", Quadratic(fallen, _difference(STAR, i.value)))


def interpolated(i: Sample, j: Sample, low: Fraction, high: Fraction | None) -> Quadratic:
    """f_j - f_i + <g_j, x_i - x_j> + what the curvature bounds add: nonpositive for every function with curvature in [low, high]."""
    move, turn = combined(i.x, j.x, -ONE), combined(i.g, j.g, -ONE)
    square = inner(j.g, move)
    if high is None:
        square = combined(square, inner(move, move), low / 2)
    else:
        rest = combined(combined(_over(inner(turn, turn), 1 / high), inner(move, move), low), inner(turn, move), -2 * low / high)
        square = combined(square, rest, 1 / (2 * (1 - low / high)))
    return Quadratic(square, _difference(j.value, i.value))


def _slopes(oracle: FormalOracle, kind: Kind) -> Iterator[Constraint]:
    if kind.slope is not None:
        for i in oracle.samples:
            if i.g:
                yield Constraint(f"G({i.name})", Quadratic(inner(i.g, i.g), {}, -kind.slope**2))


def _domination(oracle: FormalOracle, kind: Kind) -> Iterator[Constraint]:
    if kind.has(PolyakLojasiewicz):
        for i in oracle.samples:
            if i.name != STAR:
                yield Constraint(f"P({i.name})", Quadratic(_over(inner(i.g, i.g), -1 / (2 * kind.values[symbols.mu])), _difference(i.value, STAR)))


def _set(oracle: FormalOracle) -> Iterator[Constraint]:
    for i in oracle.normals:
        for j in oracle.normals:
            if i is not j and i.normal:
                yield Constraint(f"N({i.name},{j.name})", Quadratic(inner(i.normal, combined(j.x, i.x, -ONE))))


def _searches(oracle: FormalOracle) -> Iterator[Constraint]:
    """At the end of a line search, move = t direction with t >= 0: <g, direction> >= 0 = <g, move>; along the negative gradient <g, direction> is 0, too."""
    for search in oracle.searches:
        yield Constraint(f"E({search.name})", Quadratic(inner(search.g, search.move)), True)
        yield Constraint(f"T({search.name})", Quadratic(_over(inner(search.move, search.direction), -ONE)))
        yield Constraint(f"S({search.name})", Quadratic(_over(inner(search.g, search.direction), -ONE)), _downhill(search.start, search.direction))


def _downhill(g: Mapping[int, Fraction], direction: Mapping[int, Fraction]) -> bool:
    """Whether a direction is a negative multiple of a gradient: then it descends, unless the gradient is 0."""
    factors = {direction.get(i, Fraction(0)) / value for i, value in g.items()}
    return set(g) == set(direction) and len(factors) == 1 and min(factors) < 0


def _operator(oracle: FormalOracle, kind: Kind) -> Iterator[Constraint]:
    samples = [Sample(STAR, oracle.star(), {}, ""), *oracle.operators]
    monotone = kind.values[symbols.mu] if kind.has(StronglyMonotone) else Fraction(0) if kind.has(Bilinear) else None
    for number, i in enumerate(samples):
        for j in samples[:number]:
            move, turn = combined(i.x, j.x, -ONE), combined(i.g, j.g, -ONE)
            work, pair = inner(turn, move), f"({i.name},{j.name})"
            if monotone is not None:
                yield Constraint(f"O{pair}", Quadratic(combined(_over(inner(move, move), monotone), work, -ONE)), kind.has(Bilinear))
            for assumed, symbol, equality in ((LipschitzOperator, symbols.L, False), (OneCoupling, symbols.coupling, True)):
                if kind.has(assumed):
                    bound = kind.values[symbol]
                    yield Constraint(f"L{pair}", Quadratic(combined(inner(turn, turn), inner(move, move), -bound**2)), equality)


def _difference(plus: str, minus: str) -> dict[str, Fraction]:
    return {} if plus == minus else {plus: ONE, minus: -ONE}


def _over(square: Mapping[tuple[int, int], Fraction], factor: Fraction) -> dict[tuple[int, int], Fraction]:
    return {key: factor * value for key, value in square.items()} if factor else {}
