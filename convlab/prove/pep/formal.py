"""Formal points: linear combinations of a growing basis with rational coefficients, on which an algorithm's own `step` runs; their products are forms.

A point is an array (1, width) of coordinates with the same coefficients. A step that treats coordinates one by one (a sign, a clip, a product) is no
combination of points: it mixes or compares them, and is refused. Two widths tell whether the number of coordinates matters.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import Array
from convlab.operations import Unsupported

WIDTHS = (2, 3)                                  # numbers of coordinates that are followed: what depends on the dimension differs between them
Parts = Mapping[int, Fraction]                   # basis vector -> coefficient
Square = Mapping[tuple[int, int], Fraction]      # {(i, j): c} with i <= j means sum c <b_i, b_j>


def scalar(value: Any) -> Fraction | None:
    """A number as a rational, a float as the dyadic number that it is; None for anything else."""
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, (int, float, Fraction, np.integer, np.floating)) and np.isfinite(float(value)):
        return Fraction(value) if isinstance(value, (int, Fraction)) else Fraction(float(value)) if isinstance(value, (float, np.floating)) else Fraction(int(value))
    return None


def combined(a: Mapping[Any, Fraction], b: Mapping[Any, Fraction], factor: Fraction) -> dict[Any, Fraction]:
    """a + factor b, without zeros."""
    found = dict(a)
    for key, value in b.items():
        found[key] = found.get(key, Fraction(0)) + factor * value
    return {key: value for key, value in found.items() if value != 0}


def times(a: Mapping[Any, Fraction], factor: Fraction) -> dict[Any, Fraction]:
    """factor a."""
    return {key: factor * value for key, value in a.items()} if factor != 0 else {}


def inner(a: Parts, b: Parts) -> dict[tuple[int, int], Fraction]:
    """<a, b> as a square form."""
    found: dict[tuple[int, int], Fraction] = {}
    for i, x in a.items():
        for j, y in b.items():
            key = (i, j) if i <= j else (j, i)
            found[key] = found.get(key, Fraction(0)) + x * y
    return {key: value for key, value in found.items() if value != 0}


def _refuse(what: str) -> Any:
    raise Unsupported(f"{what}: formal points know sums, multiples and inner products only")


class _Compared:
    """What no formal quantity does: being compared, or taken for a truth value or a number."""

    __slots__ = ()
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: Any) -> Any:
        return _refuse("a comparison")

    __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __lt__

    def __bool__(self) -> bool:
        return bool(_refuse("a branch"))

    def __float__(self) -> float:
        return float(_refuse("a conversion to a float"))

    def __abs__(self) -> Any:
        return _refuse("an absolute value")

    def __pow__(self, other: Any) -> Any:
        return self * self if other == 2 else _refuse(f"power {other}")  # type: ignore[operator]


class Coordinate(_Compared):
    """One coordinate of a formal point."""

    __slots__ = ("parts", "tag")

    def __init__(self, tag: int, parts: Parts) -> None:
        self.tag, self.parts = tag, parts

    def __add__(self, other: Any) -> Any:
        return self._plus(other, Fraction(1))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._plus(other, Fraction(-1))

    def __rsub__(self, other: Any) -> Any:
        return (-self)._plus(other, Fraction(1))

    def __neg__(self) -> Coordinate:
        return Coordinate(self.tag, times(self.parts, Fraction(-1)))

    def __pos__(self) -> Coordinate:
        return self

    def _plus(self, other: Any, factor: Fraction) -> Any:
        if isinstance(other, Coordinate):
            if other.tag != self.tag:
                _refuse("a sum of two coordinates")
            return Coordinate(self.tag, combined(self.parts, other.parts, factor))
        number = scalar(other)
        if number == 0:
            return self
        if number is not None and not self.parts:                # 0 x_0 + 1: how a state gets a number of its own
            return factor * number
        return _refuse(f"a point plus {other!r}")

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, RayStep):
            return other * self
        if isinstance(other, Coordinate):
            if other.tag != self.tag:
                _refuse("a product of two coordinates")
            return Form({(self.tag, *key): value for key, value in inner(self.parts, other.parts).items()})
        factor = scalar(other)
        return _refuse(f"a point times {other!r}") if factor is None else Coordinate(self.tag, times(self.parts, factor))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Coordinate:
        factor = scalar(other)
        return _refuse(f"a point over {other!r}") if factor is None else Coordinate(self.tag, times(self.parts, 1 / factor))


class RayStep(_Compared):
    """The unknown step of a line search along one direction: times that direction it is the move, times anything else nothing is known of it."""

    __slots__ = ("direction", "move")

    def __init__(self, direction: Parts, move: Parts) -> None:
        self.direction, self.move = direction, move

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Coordinate) or other.parts != self.direction:
            _refuse("the step of a line search away from its ray")
        return Coordinate(other.tag, self.move)

    __rmul__ = __mul__


@dataclass(frozen=True)
class Quadratic:
    """sum square <b_i, b_j> + sum values f_label + constant, a quantity of the instance."""

    square: Square = field(default_factory=dict)
    values: Mapping[str, Fraction] = field(default_factory=dict)
    constant: Fraction = Fraction(0)

    def __add__(self, other: Quadratic) -> Quadratic:
        return Quadratic(combined(self.square, other.square, Fraction(1)), combined(self.values, other.values, Fraction(1)), self.constant + other.constant)

    def scaled(self, factor: Fraction) -> Quadratic:
        """factor times it."""
        return Quadratic(times(self.square, factor), times(self.values, factor), factor * self.constant)

    def plus(self, constant: Fraction) -> Quadratic:
        """It and a number."""
        return Quadratic(self.square, self.values, self.constant + constant)


class Form(_Compared):
    """A scalar while metrics compute it: squares of coordinates (still apart), function values and a constant."""

    __slots__ = ("constant", "square", "values")

    def __init__(self, square: Mapping[tuple[int, int, int], Fraction] | None = None, values: Mapping[str, Fraction] | None = None,
                 constant: Fraction = Fraction(0)) -> None:
        self.square, self.values, self.constant = square or {}, values or {}, constant

    def __add__(self, other: Any) -> Form:
        return self._plus(other, Fraction(1))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Form:
        return self._plus(other, Fraction(-1))

    def __rsub__(self, other: Any) -> Form:
        return (-1 * self)._plus(other, Fraction(1))

    def __neg__(self) -> Form:
        return -1 * self

    def _plus(self, other: Any, factor: Fraction) -> Form:
        if isinstance(other, Form):
            return Form(combined(self.square, other.square, factor), combined(self.values, other.values, factor), self.constant + factor * other.constant)
        number = scalar(other)
        return _refuse(f"a form plus {other!r}") if number is None else Form(self.square, self.values, self.constant + factor * number)

    def __mul__(self, other: Any) -> Form:
        factor = scalar(other)
        return _refuse(f"a form times {other!r}") if factor is None else Form(times(self.square, factor), times(self.values, factor), factor * self.constant)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Form:
        factor = scalar(other)
        return _refuse(f"a form over {other!r}") if factor is None else self * (1 / factor)

    def sqrt(self) -> Root:
        """Its square root, of which only the square is known."""
        return Root(self)

    def quadratic(self, width: int) -> Quadratic:
        """The finished scalar. Raises Unsupported unless all coordinates went into it alike."""
        apart = [{key[1:]: value for key, value in self.square.items() if key[0] == tag} for tag in range(width)]
        if any(part != apart[0] for part in apart[1:]):
            _refuse("a quantity of single coordinates")
        return Quadratic(apart[0], dict(self.values), self.constant)


class Root(_Compared):
    """The square root of a form, times a positive number."""

    __slots__ = ("radicand",)

    def __init__(self, radicand: Form) -> None:
        self.radicand = radicand

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Root):
            return self.radicand if other.radicand is self.radicand else _refuse("a product of two roots")
        factor = scalar(other)
        return _refuse(f"a root times {other!r}") if factor is None or factor < 0 else Root(self.radicand * factor**2)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        factor = scalar(other)
        return _refuse(f"a root over {other!r}") if factor is None or factor <= 0 else Root(self.radicand * (1 / factor**2))


def point(parts: Parts, width: int) -> Array:
    """A formal point as the array (1, width) that algorithms see."""
    made = np.empty((1, width), dtype=object)
    for tag in range(width):
        made[0, tag] = Coordinate(tag, parts)
    return made


def parts_of(x: Array) -> dict[int, Fraction]:
    """The coefficients of a point. Raises Unsupported for what is none, or whose coordinates were treated apart."""
    if np.ndim(x) != 2 or len(x) != 1 or not all(isinstance(c, Coordinate) and c.tag == tag for tag, c in enumerate(x[0])):
        _refuse("an oracle is asked at what is no single point")
    if any(c.parts != x[0, 0].parts for c in x[0]):
        _refuse("a step that treats coordinates apart")
    return dict(x[0, 0].parts)


def scalars(values: Array) -> list[Any]:
    """The forms and roots of a metric's answer, of shape (1,). Raises Unsupported for another shape."""
    found = np.asarray(values, dtype=object)
    if found.shape != (1,):
        _refuse("a metric with more than one number a run")
    return list(found)
