"""Parts of a formula that no compiled program has (a sum, a product, binomial and Chebyshev numbers, ...): their values, by substitution, once for each input."""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef
from sympy.printing.numpy import NumPyPrinter

from convlab.errors import BadInput

DIGITS = 25        # of an irrational value: more than extended precision holds
REMEMBERED = 2**16  # values: a bound at 60 checkpoints for a thousand cases
OWN = {"floor", "ceiling", "Abs", "sign", "factorial", "harmonic", "Max", "Min", "Piecewise", "Mod", "sqrt", "exp", "log", "Heaviside"}
COMPILED = {*NumPyPrinter._kf, *OWN} - {"gamma", "loggamma", "factorial2"}


@cache
def split(expr: Any) -> tuple[Any, Mapping[Any, Any]]:
    """The formula with dummies for the largest parts that are not compiled, and what each dummy stands for."""
    if isinstance(expr, AppliedUndef):
        raise BadInput(f"the formula speaks of {expr.func}, a function that sympy does not know; write out what it is.")
    if isinstance(expr, ExprWithLimits) or (isinstance(expr, sp.Function) and type(expr).__name__ not in COMPILED):
        dummy = sp.Dummy(type(expr).__name__)
        return dummy, {dummy: expr}
    if not expr.args:
        return expr, {}
    parts = [split(part) for part in expr.args]
    hidden = {dummy: part for _, found in parts for dummy, part in found.items()}
    return (expr.func(*(part for part, _ in parts)), hidden) if hidden else (expr, {})


def exact_value(part: Any, values: Mapping[Any, Any]) -> Fraction | None:
    """The value of a part at rational values (and roots of such); None where it is irrational. Raises ZeroDivisionError where it has none."""
    order = _symbols(part)
    value = _value(part, tuple(_number(s, values[s]) for s in order))
    if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise ZeroDivisionError(f"{part} has no value there")
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else None


def float_values(part: Any, values: Mapping[Any, Any]) -> Any:
    """The values of a part at numbers or arrays (broadcast), in extended precision; nan where there is none."""
    order = _symbols(part)
    grids = np.broadcast_arrays(*(np.asarray(values[s], dtype=object) for s in order)) if order else [np.zeros(())]
    flat = [grid.reshape(-1).tolist() for grid in grids]
    rows = zip(*flat, strict=True) if order else [()]
    found = [_float_value(part, tuple(float(v) for v in row)) for row in rows]
    return np.array(found, dtype=np.longdouble).reshape(grids[0].shape)


@cache
def _symbols(part: Any) -> tuple[Any, ...]:
    return tuple(sorted(part.free_symbols, key=lambda s: s.name))


def _number(symbol: Any, value: Any) -> Any:
    """A number as sympy takes it without rounding."""
    square = getattr(value, "square", None)                 # of a Surd
    if square is not None:
        return sp.sqrt(sp.Rational(square.numerator, square.denominator))
    if isinstance(value, (int, Fraction, np.integer)):
        return sp.Rational(int(value.numerator), int(value.denominator))
    if isinstance(value, sp.Basic):
        return value
    number = float(value)
    if not np.isfinite(number):
        return sp.nan if np.isnan(number) else sp.oo if number > 0 else -sp.oo
    return sp.Rational(*number.as_integer_ratio())


@lru_cache(maxsize=REMEMBERED)
def _value(part: Any, numbers: tuple[Any, ...]) -> Any:
    value = part.subs(dict(zip(_symbols(part), numbers, strict=True)), simultaneous=True).doit()
    return value if value.is_Rational else value.evalf(DIGITS)


@lru_cache(maxsize=REMEMBERED)
def _float_value(part: Any, numbers: tuple[float, ...]) -> Any:
    """By mpmath with DIGITS digits, which takes long sums term by term; by sympy where it has no program."""
    import mpmath  # type: ignore[import-untyped]

    try:
        with mpmath.workdps(DIGITS):
            value = sp.sympify(_program(part)(*(int(v) if v.is_integer() else mpmath.mpf(v) for v in numbers)))
    except (NameError, TypeError, AttributeError, ValueError, NotImplementedError, KeyError):
        value = _value(part, tuple(_number(s, v) for s, v in zip(_symbols(part), numbers, strict=True)))
    except ArithmeticError:                                  # a pole
        return np.longdouble("nan")
    return _extended(value)


@cache
def _program(part: Any) -> Any:
    return sp.lambdify(_symbols(part), part, "mpmath")


def _extended(value: Any) -> Any:
    if not (value.is_number and value.is_extended_real) or value.is_infinite:
        return np.longdouble("inf") if value == sp.oo else np.longdouble("-inf") if value == -sp.oo else np.longdouble("nan")
    return np.longdouble(str(sp.Float(value, DIGITS)))
