"""Interval arithmetic: numbers known to lie between two others, for what roots keep from the rationals. A comparison that they cannot decide is refused.

The intervals are mpmath's, in a context of our own, so that no precision of the process is touched.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from mpmath.ctx_iv import MPIntervalContext  # type: ignore[import-untyped]

from convlab.arithmetic import Arithmetic, as_objects
from convlab.operations import Unsupported
from convlab.run.expressions import Irrational, Surd, rational_value

BITS = 512               # a run of some dozen updates loses a few bits at each; what overlaps after that is as good as equal


class Undecided(ArithmeticError):
    """A comparison of two enclosures that overlap."""


def _context() -> Any:
    context = MPIntervalContext()
    context.prec = BITS
    return context


CONTEXT = _context()


def _binary(combine: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operation on the ends of two enclosures; of an array it is done entry by entry, by the array."""
    def operation(self: Enclosure, other: Any) -> Any:
        return Enclosure(combine(self.ends, enclosure(other).ends)) if not isinstance(other, np.ndarray) else NotImplemented

    return operation


def _comparison(decide: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """A comparison of two enclosures by their ends; of an array it is done entry by entry, by the array."""
    def comparison(self: Enclosure, other: Any) -> Any:
        return decide(self.ends, enclosure(other).ends) if not isinstance(other, np.ndarray) else NotImplemented

    return comparison


def _before(x: Any, y: Any, strictly: bool) -> bool:
    if x.b < y.a or (not strictly and x.b <= y.a):
        return True
    if x.a > y.b or (strictly and x.a >= y.b):
        return False
    raise Undecided(f"{Enclosure(x)!r} against {Enclosure(y)!r}")


def _same(x: Any, y: Any) -> bool:
    if x.b < y.a or x.a > y.b:
        return False
    if x.a == x.b == y.a == y.b:
        return True
    raise Undecided(f"{Enclosure(x)!r} against {Enclosure(y)!r}")


def _quotient(x: Any, y: Any) -> Any:
    if y.a <= 0 <= y.b:
        raise ZeroDivisionError(f"{Enclosure(y)!r} may be zero")
    return x / y


class Enclosure:
    """A real number between two ends; arithmetic on it encloses the result. Comparisons are certain, or raise Undecided."""

    __slots__ = ("ends",)

    def __init__(self, ends: Any) -> None:
        self.ends = ends

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic that arrays of these live in."""
        return ENCLOSED

    __add__ = __radd__ = _binary(lambda x, y: x + y)
    __mul__ = __rmul__ = _binary(lambda x, y: x * y)
    __sub__ = _binary(lambda x, y: x - y)
    __rsub__ = _binary(lambda x, y: y - x)
    __truediv__ = _binary(lambda x, y: _quotient(x, y))
    __rtruediv__ = _binary(lambda x, y: _quotient(y, x))

    def __neg__(self) -> Enclosure:
        return Enclosure(-self.ends)

    def __pow__(self, exponent: Any) -> Enclosure:
        power = Fraction(exponent)
        if power.denominator == 1:
            whole = Enclosure(self.ends ** abs(int(power)))
            return whole if power >= 0 else 1 / whole
        return self.sqrt() ** power.numerator if power.denominator == 2 else (self.log() * power).exp()

    def __abs__(self) -> Enclosure:
        return Enclosure(abs(self.ends))

    def sqrt(self) -> Enclosure:
        """The square root. Raises Undecided where it may be of a negative number."""
        if not self >= 0:
            raise Unsupported(f"the square root of {self!r}")
        return Enclosure(CONTEXT.sqrt(self.ends))

    def exp(self) -> Enclosure:
        """The exponential."""
        return Enclosure(CONTEXT.exp(self.ends))

    def log(self) -> Enclosure:
        """The natural logarithm. Raises Undecided where it may be of no positive number."""
        if not self > 0:
            raise Unsupported(f"the logarithm of {self!r}")
        return Enclosure(CONTEXT.log(self.ends))

    __lt__ = _comparison(lambda x, y: _before(x, y, strictly=True))
    __le__ = _comparison(lambda x, y: _before(x, y, strictly=False))
    __gt__ = _comparison(lambda x, y: _before(y, x, strictly=True))
    __ge__ = _comparison(lambda x, y: _before(y, x, strictly=False))
    __eq__ = _comparison(lambda x, y: _same(x, y))
    __ne__ = _comparison(lambda x, y: not _same(x, y))
    __hash__ = None  # type: ignore[assignment]      # equality may be undecided

    def __float__(self) -> float:
        return float(self.ends.mid)

    def __repr__(self) -> str:
        return f"about {float(self):.6g}"


def enclosure(value: Any) -> Enclosure:
    """A number as an enclosure: integers, fractions and floats as they are, roots and other constants of sympy by narrow ends. Raises TypeError for what is no number."""
    if isinstance(value, Enclosure):
        return value
    if isinstance(value, sp.Basic):
        return enclosed(value, {})
    if isinstance(value, Surd):
        return enclosure(value.square).sqrt()
    if isinstance(value, (float, np.floating)):
        return Enclosure(CONTEXT.mpf(float(value)))
    if isinstance(value, (bool, int, np.integer, np.bool_)):
        return Enclosure(CONTEXT.mpf(int(value)))
    if isinstance(value, Fraction):
        return Enclosure(CONTEXT.mpf(value.numerator) / CONTEXT.mpf(value.denominator))
    raise TypeError(f"{value!r} is no number")


FUNCTIONS: Mapping[Any, Callable[..., Any]] = {
    sp.Add: lambda *terms: sum(terms[1:], terms[0]), sp.Mul: lambda *factors: reduce(lambda a, b: a * b, factors), sp.exp: Enclosure.exp, sp.log: Enclosure.log,
    sp.Abs: abs, sp.Max: lambda *branches: reduce(_larger, branches), sp.Min: lambda *branches: -reduce(_larger, [-b for b in branches]),
}


def _larger(x: Enclosure, y: Enclosure) -> Enclosure:
    """The larger of two, decided or not: its ends are the larger ends."""
    return Enclosure(CONTEXT.mpf([max(x.ends.a, y.ends.a), max(x.ends.b, y.ends.b)]))


def enclosed(expr: Any, values: Mapping[Any, Any]) -> Enclosure:
    """The value of a sympy expression at numbers. Raises Unsupported, naming it, for a function that is not enclosed; KeyError for a symbol without a value."""
    if expr.is_Symbol:
        return enclosure(values[expr])
    if expr.is_Rational:
        return enclosure(Fraction(int(expr.p), int(expr.q)))
    if expr.is_Float:
        return enclosure(float(expr))
    if expr is sp.pi or expr is sp.E:
        return Enclosure(CONTEXT.pi if expr is sp.pi else CONTEXT.e)
    if expr.is_Pow and expr.exp.is_Rational:
        return enclosed(expr.base, values) ** Fraction(int(expr.exp.p), int(expr.exp.q))
    if expr.is_Pow:
        return _power(enclosed(expr.base, values), enclosed(expr.exp, values))
    if expr.func not in FUNCTIONS:                              # a harmonic number, a factorial, a case distinction: of rationals
        try:
            return enclosure(rational_value(expr, values))
        except Irrational:
            raise Unsupported(f"interval arithmetic does not enclose {expr.func.__name__}") from None
    found: Enclosure = FUNCTIONS[expr.func](*(enclosed(part, values) for part in expr.args))
    return found


def _power(base: Enclosure, exponent: Enclosure) -> Enclosure:
    ends = exponent.ends
    whole = ends.a == ends.b and int(ends.a) == ends.a
    found: Enclosure = base ** int(ends.a) if whole else (base.log() * exponent).exp()
    return found


ENCLOSED = Arithmetic("intervals", enclosure, as_objects(enclosure), 0.0, enclosed)
