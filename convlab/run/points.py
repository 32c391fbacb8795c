"""Parameter points drawn from a condition itself: the default, both ends of every interval, and seeded interior points.

A claim is judged on its whole condition, never at its default alone: "for every gamma <= 1/L" that is true only at 1/L is a false theorem.
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import is_rational
from convlab.run.expressions import Irrational, Surd, evaluate
from convlab.symbols import Role, Symbol

INSIDE = Fraction(1, 1000)      # how far inside an open end, relative to the interval
INTERIOR = 5                    # seeded interior points, spread in the logarithm towards the lower end
FIXED = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(9, 10))     # of each interval: a claim may fail in its middle alone
CORNERS = 3                     # up to so many tunables all corners of the condition are tried
FAR = 1000                      # an interval without upper end is tried up to this multiple of the default
NEAR = 4                        # a tunable of which the condition says nothing is tried on (0, NEAR times its default)
EQUAL = 1e-12                   # relative: an equality between floats, or the closed end of an interval, each the rounding of a short formula
MOST = 24                       # the largest integer that is tried as the upper end of a size

Point = dict[Any, Any]


@dataclass(frozen=True)
class Interval:
    """Where one tunable may lie while the others are fixed."""

    low: Any
    high: Any
    low_closed: bool
    high_closed: bool

    def at(self, fraction: Fraction) -> Any:
        """low + fraction * (high - low), exact where the ends are."""
        return self.low + _like(fraction, self.low, self.high) * (self.high - self.low)

    def ends(self) -> tuple[Any, Any]:
        """Both ends, INSIDE of an open one."""
        return (self.low if self.low_closed else self.at(INSIDE), self.high if self.high_closed else self.at(1 - INSIDE))


def _like(fraction: Fraction, *values: Any) -> Any:
    return fraction if all(is_rational(v) for v in values) else float(fraction)


def relations(condition: Any) -> list[Any]:
    """The relations of a conjunction."""
    condition = sp.sympify(condition)
    if condition == sp.true:
        return []
    return [relation for part in condition.args for relation in relations(part)] if isinstance(condition, sp.And) else [condition]


def holds(condition: Any, values: Mapping[Any, Any]) -> bool:
    """Whether the condition is true at these numbers, exactly where they are rational; among floats a closed end counts as inside."""
    return all(bool(evaluate(r, values)) or (isinstance(r, CLOSED) and _equal(evaluate(r.lhs, values), evaluate(r.rhs, values))) for r in relations(condition))


CLOSED = (sp.Equality, sp.GreaterThan, sp.LessThan)


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) if is_rational(left) and is_rational(right) else abs(float(left) - float(right)) <= EQUAL * max(abs(float(left)), abs(float(right)))


def interval(condition: Any, tunable: Any, values: Mapping[Any, Any]) -> Interval:
    """The interval of one tunable around its present value; the other values stay. Relations linear in it are solved, others bisected."""
    here, ends = values[tunable], _ends(sp.sympify(condition), tunable)
    domain = domain_of(tunable)
    if ends is None:
        far = NEAR * abs(here) if here else 1
        return Interval(max(domain.low, 0), min(domain.high, far), domain.low_closed and domain.low >= 0, domain.high_closed or domain.high > far)
    low: Any = -math.inf
    high: Any = math.inf
    low_closed = high_closed = False
    for relation, closed, line in ends:
        edge = None if line is None else _linear_root(relation, line, values)
        if edge is not None and isinstance(relation, sp.Equality):
            return Interval(edge[0], edge[0], True, True)
        if edge is None:
            below, above = _bisect(relation, tunable, values, down=True), _bisect(relation, tunable, values, down=False)
            if below > low:
                low, low_closed = below, closed and below != 0      # 0 is where the search stops: the condition may not set it
            if above < high:
                high, high_closed = above, closed
            continue
        at, is_upper = edge
        if is_upper and (at < high or (at == high and not closed)):
            high, high_closed = at, closed
        if not is_upper and (at > low or (at == low and not closed)):
            low, low_closed = at, closed
    if low == -math.inf:                                       # what the condition leaves open, the symbol's own domain closes
        low, low_closed = domain.low, domain.low_closed
    if high == math.inf:
        high, high_closed = domain.high, domain.high_closed
    size = abs(here) if here else 1
    if high == math.inf:
        high, high_closed = (low if low != -math.inf else here) + FAR * size, True
    if low == -math.inf:
        low, low_closed = high - FAR * size, True
    return Interval(low, high, low_closed, high_closed)


@cache
def _ends(condition: Any, tunable: Any) -> tuple[tuple[Any, bool, tuple[Any, Any] | None], ...] | None:
    """The relations that may end the interval of a tunable, whether each is closed, and its line; None where the condition says nothing of the tunable."""
    if not condition.has(tunable):
        return None
    found = [r for r in relations(condition) if tunable in r.free_symbols and not isinstance(r, sp.Unequality)]      # one missing point ends nothing
    return tuple((r, isinstance(r, CLOSED), _line(r, tunable) if isinstance(r, sp.core.relational.Relational) else None) for r in found)


def domain_of(tunable: Any) -> Interval:
    """The interval of a symbol's declared domain ("> 0", "[0, 1)"), or of its sympy assumptions."""
    return _domain(getattr(tunable, "domain", ""), tunable.is_nonnegative, tunable.is_positive)


@cache
def _domain(text: str, nonnegative: bool | None, positive: bool | None) -> Interval:
    bracket = re.fullmatch(r"([\[(])\s*([\d./]+)\s*,\s*([\d./]+|inf)\s*([\])])", text)
    if bracket:
        left, low, high, right = bracket.groups()
        return Interval(Fraction(low), math.inf if high == "inf" else Fraction(high), left == "[", right == "]")
    sign = re.fullmatch(r">(=?)\s*([\d./]+)", text)
    if sign:
        return Interval(Fraction(sign[2]), math.inf, sign[1] == "=", False)
    if nonnegative:                                           # positive symbols too: sympy has dropped 0 < gamma from the condition then
        return Interval(0, math.inf, not positive, False)
    return Interval(-math.inf, math.inf, False, False)


def _linear_root(relation: Any, line: tuple[Any, Any], values: Mapping[Any, Any]) -> tuple[Any, bool] | None:
    """The end that a relation with this line sets and whether it is an upper one; None where it sets none at these values."""
    try:
        slope, at_zero = (evaluate(part, values) for part in line)
    except ZeroDivisionError:
        return None
    if slope == 0 or not (math.isfinite(slope) and math.isfinite(at_zero)):
        return None
    less = isinstance(relation, (sp.StrictLessThan, sp.LessThan))
    return -at_zero / slope, less == (slope > 0)


def _line(relation: Any, tunable: Any) -> tuple[Any, Any] | None:
    """Slope and value at 0 of the difference of both sides; None unless it is a line for all values of the other symbols (|1 - gamma L| is none)."""
    difference = relation.lhs - relation.rhs
    slope = sp.expand(sp.diff(difference, tunable))
    return None if slope.has(tunable) else (slope, difference.subs(tunable, 0))


def _bisect(relation: Any, tunable: Any, values: Mapping[Any, Any], down: bool) -> Any:
    """The end of the stretch around the present value on which the relation holds, to twelve digits; infinite if none is met."""
    def true_at(t: float) -> bool:
        return bool(evaluate(relation, {**values, tunable: t}))

    inside = float(values[tunable])
    step = abs(inside) or 1.0
    outside = inside
    for _ in range(60):
        outside = outside - step if down else outside + step
        if down and inside > 0 and outside <= 0:
            outside = 0.0 if inside > 1e-300 else outside
        if not true_at(outside):
            break
        if outside == 0.0 and down:
            return 0.0
        inside, step = outside, 2 * step
    else:
        return -math.inf if down else math.inf
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if true_at(middle) else (inside, middle)
    return inside


def default_point(defaults: Mapping[Any, Any], constants: Mapping[Any, Any]) -> Point:
    """The default parameters as numbers; one default may speak of an earlier one."""
    values: Point = {}
    for tunable, given in defaults.items():
        value = evaluate(given, {**constants, **values}) if isinstance(given, sp.Basic) else given
        values[tunable] = int(value) if _is_size(tunable) else value
    return values


def parameter_points(condition: Any, defaults: Mapping[Any, Any], constants: Mapping[Any, Any], seed: np.random.SeedSequence,
                     fixed: Mapping[Any, Any] | None = None) -> list[Point]:
    """The points on which a claim is judged, the default first; `fixed` parameters keep their given values."""
    fixed = fixed or {}
    start = {**default_point(defaults, constants), **fixed}
    tied = _tied(condition, [t for t in start if t not in fixed])
    if tied:
        loose = sp.And(*relations(condition)).subs(tied)
        others = {t: value for t, value in defaults.items() if t not in tied}
        return [{t: evaluate(tied[t], {**constants, **point}) if t in tied else point[t] for t in start}
                for point in parameter_points(loose, others, constants, seed, fixed)]
    free = [t for t in start if t not in fixed]
    rng = np.random.default_rng(seed)
    points = [start]
    for branch in disjuncts(condition):
        inside = start if holds(branch, {**constants, **start}) else _found_inside(branch, start, free, constants)
        if inside is not None:
            points += _spread(branch, inside, free, constants, rng)
    return _distinct(points if len(points) > 1 else points + _spread(condition, start, free, constants, rng))


def disjuncts(condition: Any) -> list[Any]:
    """The alternatives of a condition, each a conjunction."""
    condition = sp.sympify(condition)
    if not condition.has(sp.Or):
        return [condition]
    normal = sp.to_dnf(condition)
    return list(normal.args) if isinstance(normal, sp.Or) else [normal]


def _spread(condition: Any, start: Point, free: list[Any], constants: Mapping[Any, Any], rng: np.random.Generator) -> list[Point]:
    """Around one point of a conjunction: ends and fixed fractions of every interval, the corners, the smallest sizes, and seeded interior points."""
    @lru_cache(maxsize=None, typed=True)                      # corners share the intervals of those that go first; 1/2 and 0.5 are two points
    def around(tunable: Any, *point: Any) -> Interval:
        return interval(condition, tunable, {**constants, **dict(zip(start, point, strict=True))})

    points = [start]
    reals = [t for t in free if not _is_size(t)]
    for tunable in free:
        if _is_size(tunable):
            points += [{**start, tunable: value} for value in _sizes(condition, tunable, start, constants)]
            continue
        alone = around(tunable, *start.values())
        points += [{**start, tunable: value} for value in (*alone.ends(), *map(alone.at, FIXED))]
    for corner in product(("low", "high"), repeat=len(reals)) if 1 < len(reals) <= CORNERS else ():
        for order in (reals, reals[::-1]):                    # who goes first has its whole interval
            points.append(_placed(around, start, dict(zip(order, corner, strict=True))))
    for _ in range(INTERIOR if reals else 0):
        points.append(_placed(around, start, {t: _towards_low(rng) for t in reals}))
    return points


def _placed(around: Callable[..., Interval], start: Point, place: Mapping[Any, Any]) -> Point:
    """One tunable after the other put at its place ("low", "high" or a fraction) in the interval that the ones before it leave."""
    point = dict(start)
    for tunable, where in place.items():
        left = around(tunable, *point.values())
        point[tunable] = left.at(where) if isinstance(where, Fraction) else left.ends()[where == "high"]
    return point


def _towards_low(rng: np.random.Generator) -> Fraction:
    """Spread in the logarithm towards the lower end."""
    return Fraction(max(1, round(4096 * 10 ** (-3 * rng.random()))), 4097)


def _found_inside(condition: Any, start: Point, free: list[Any], constants: Mapping[Any, Any]) -> Point | None:
    """A point of a conjunction that the default does not satisfy: multiples of the default over six decades, one or two tunables at a time."""
    reals = [t for t in free if not _is_size(t)]
    factors = sorted((Fraction(round(sign * 10 ** (i / 10) * 1000), 1000) for i in range(-30, 31) for sign in (1, -1)), key=lambda f: abs(abs(f) - 1))
    for chosen in [(t,) for t in reals] + [(s, t) for i, s in enumerate(reals) for t in reals[i + 1:]]:
        for scale in product(factors if len(chosen) == 1 else factors[::4], repeat=len(chosen)):
            point = {**start, **{t: (start[t] or 1) * _like(f, start[t]) for t, f in zip(chosen, scale, strict=True)}}
            if holds(condition, {**constants, **point}):
                return point
    return None


def _tied(condition: Any, free: list[Any]) -> dict[Any, Any]:
    """Tunables that an equation gives in terms of other ones: they follow these, so that the points spread along the curve and not only at the default."""
    found: dict[Any, Any] = {}
    for relation in relations(condition):
        for tunable, other in ((relation.lhs, relation.rhs), (relation.rhs, relation.lhs)) if isinstance(relation, sp.Equality) else ():
            if tunable in free and not _is_size(tunable) and other.free_symbols & set(free) - {tunable} and not {tunable, *found} & other.free_symbols:
                found.setdefault(tunable, other)
                break
    return {t: other for t, other in found.items() if not other.free_symbols & set(found)}


def _sizes(condition: Any, tunable: Any, start: Point, constants: Mapping[Any, Any]) -> list[int]:
    """0 .. 3, and the largest that the condition allows, where it sets an end that is not out of reach."""
    least = 0 if "int >= 0" in tunable.domain else 1

    def inside(value: int) -> bool:
        return holds(condition, {**constants, **start, tunable: value})

    allowed = [value for value in range(least, MOST + 1) if inside(value)] if sp.sympify(condition).has(tunable) else []
    ends = [max(allowed)] if allowed and not inside(MOST + 1) else []
    return [value for value in dict.fromkeys((0, 1, 2, 3, *ends)) if value >= least and value != start[tunable] and inside(value)]


def _is_size(tunable: Any) -> bool:
    return isinstance(tunable, Symbol) and tunable.role in (Role.SIZE, Role.COUNTER)


def _distinct(points: list[Point]) -> list[Point]:
    seen: dict[tuple[Any, ...], Point] = {}
    for point in points:
        seen.setdefault(tuple(point.values()), point)
    return list(seen.values())


__all__ = ["Interval", "Irrational", "Point", "Surd", "default_point", "holds", "interval", "parameter_points", "relations"]
