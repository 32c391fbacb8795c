"""Bounds and conditions as programs: each sympy expression is compiled once for floats and once for exact rationals.

Floats are extended precision where the machine has it (its exponents keep linear rates from underflowing); rationals refuse what is irrational.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.numpy import NumPyPrinter
from sympy.printing.pycode import PythonCodePrinter

from convlab.arithmetic import longdouble
from convlab.constants import is_rational
from convlab.operations import Unsupported, exact_sqrt
from convlab.run import substitution


class Irrational(ArithmeticError):
    """An expression or value that leaves the rationals."""


class Surd:
    """The square root of a rational that is no square: only its even powers are rational (R^2 where R itself is not)."""

    def __init__(self, square: Fraction) -> None:
        self.square = square

    def __float__(self) -> float:
        return math.sqrt(self.square)

    def __repr__(self) -> str:
        return f"sqrt({self.square})"


def root(square: Any) -> Any:
    """The square root of a rational: a Fraction where it is one, else a Surd; of a float, a float."""
    if not is_rational(square):
        return math.sqrt(square)
    try:
        return exact_sqrt(square)
    except Unsupported:
        return Surd(Fraction(square))


def _power(base: Any, exponent: Any) -> Fraction:
    if isinstance(base, Surd):
        if Fraction(exponent).denominator == 1 and int(exponent) % 2 == 0:
            return Fraction(base.square ** (int(exponent) // 2))
        raise Irrational(f"odd power of {base}")
    exponent = Fraction(exponent)
    if exponent.denominator == 1:
        if base == 0 and exponent < 0:
            raise ZeroDivisionError
        return Fraction(base) ** int(exponent)
    if exponent.denominator == 2:
        try:
            return Fraction(exact_sqrt(base) ** exponent.numerator)
        except Unsupported as error:
            raise Irrational(str(error)) from error
    raise Irrational(f"power {exponent}")


def _number(value: Any) -> Any:
    if isinstance(value, Surd):
        raise Irrational(f"{value} is irrational")
    return Fraction(value) if isinstance(value, int) and not isinstance(value, bool) else value      # 3 / 2 of two integers would be a float


def _irrational(name: str) -> Callable[..., Any]:
    def refuse(*arguments: Any) -> Any:
        raise Irrational(f"{name} is irrational")

    return refuse


class _RationalPrinter(PythonCodePrinter):  # type: ignore[misc]    # sympy is untyped
    def _print_Rational(self, expr: Any) -> str:
        return f"Fraction({expr.p}, {expr.q})"

    def _print_Integer(self, expr: Any) -> str:
        return f"Fraction({expr.p})"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        return f"power({self._print(expr.base)}, {self._print(expr.exp)})"

    def _plain(self, expr: Any) -> str:
        return f"_{expr.name}" if expr.is_Dummy else str(PythonCodePrinter._print_Symbol(self, expr))      # as lambdify names its dummies

    def _print_Symbol(self, expr: Any) -> str:
        return f"number({self._plain(expr)})"

    _print_Dummy = _print_Symbol

    def _print_Max(self, expr: Any) -> str:
        return f"max({', '.join(self._print(a) for a in expr.args)})"

    def _print_Min(self, expr: Any) -> str:
        return f"min({', '.join(self._print(a) for a in expr.args)})"

    def _print_Mod(self, expr: Any) -> str:
        return f"(({self._print(expr.args[0])}) % ({self._print(expr.args[1])}))"

    def _print_floor(self, expr: Any) -> str:
        return f"floor({self._print(expr.args[0])})"

    def _print_ceiling(self, expr: Any) -> str:
        return f"ceil({self._print(expr.args[0])})"

    def _print_Float(self, expr: Any) -> str:
        return f"Fraction({float(expr)!r})"

    def _print_Function(self, expr: Any) -> str:
        return f"irrational({str(expr.func)!r})()"

    def _print_Abs(self, expr: Any) -> str:
        return f"abs({self._print(expr.args[0])})"

    def _print_sign(self, expr: Any) -> str:
        return f"sign({self._print(expr.args[0])})"

    def _print_factorial(self, expr: Any) -> str:
        return f"factorial({self._print(expr.args[0])})"

    def _print_harmonic(self, expr: Any) -> str:
        return f"harmonic({', '.join(self._print(a) for a in expr.args)})"

    _print_NumberSymbol = _print_Pi = _print_Exp1 = _print_Infinity = _print_NegativeInfinity = _print_Sum = _print_Function


for _name in PythonCodePrinter._kf:          # tanh, erf, ...: Python's `math` would answer in floats, which a rational result must not hide
    if f"_print_{_name}" not in vars(_RationalPrinter):
        setattr(_RationalPrinter, f"_print_{_name}", _RationalPrinter._print_Function)


def _sign(value: Any) -> int:
    return int(value > 0) - int(value < 0)


def _factorial(value: Any) -> int:
    if Fraction(value).denominator != 1 or value < 0:
        raise Irrational(f"factorial of {value}")
    return math.factorial(int(value))


def _harmonic(value: Any, order: Any = 1) -> Fraction:
    if any(Fraction(v).denominator != 1 for v in (value, order)):
        raise Irrational(f"harmonic number {value}")
    return sum((Fraction(1, i ** int(order)) for i in range(1, int(value) + 1)), Fraction(0))


class _PowerOfSymbol(_RationalPrinter):
    """Even powers of a symbol reach `power` unwrapped, so that R^2 is rational where R is a surd."""

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.base.is_Symbol:
            return f"power({self._plain(expr.base)}, {self._print(expr.exp)})"
        return str(super()._print_Pow(expr))


class _FloatPrinter(NumPyPrinter):  # type: ignore[misc]
    """Constants (1/3, pi, sqrt(2), log(2)) as extended precision knows them: in Python's own arithmetic they would end after sixteen digits."""

    def _print(self, expr: Any, **kwargs: Any) -> str:
        if isinstance(expr, sp.Expr) and not expr.is_Integer and not expr.free_symbols and expr.is_real and expr.is_finite:
            return f"longdouble('{sp.N(expr, 25)}')"
        return str(super()._print(expr, **kwargs))

    def _nested(self, name: str, args: Any) -> str:
        printed = [self._print(a) for a in args]
        text: str = printed[-1]
        for item in reversed(printed[:-1]):
            text = f"{name}({item}, {text})"
        return text

    def _print_Max(self, expr: Any) -> str:
        return self._nested("maximum", expr.args)

    def _print_Min(self, expr: Any) -> str:
        return self._nested("minimum", expr.args)

    def _print_Piecewise(self, expr: Any) -> str:
        text = "nan"
        for value, condition in reversed(expr.args):
            text = self._print(value) if condition == sp.true else f"where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Mod(self, expr: Any) -> str:
        return f"(({self._print(expr.args[0])}) % ({self._print(expr.args[1])}))"

    def _print_factorial(self, expr: Any) -> str:
        return f"factorial({self._print(expr.args[0])})"

    def _print_harmonic(self, expr: Any) -> str:
        return f"harmonic({', '.join(self._print(a) for a in expr.args)})"


def _float_factorial(values: Any) -> Any:
    from scipy.special import gamma

    return np.asarray(gamma(np.asarray(values, dtype=float) + 1), dtype=np.longdouble)


def _float_harmonic(values: Any, order: Any = 1) -> Any:
    """zeta(s) - zeta(s, k + 1), or digamma at s = 1: the sum of any length at once; below 1 term by term, where that series does not converge."""
    from scipy.special import digamma, zeta

    k = np.asarray(values, dtype=float)
    if order < 1:
        terms = np.arange(1, int(k.max(initial=0)) + 1, dtype=np.longdouble) ** -np.longdouble(order)
        return np.concatenate([[np.longdouble(0)], terms.cumsum()])[k.astype(int)]
    return np.asarray(digamma(k + 1) + np.euler_gamma if order == 1 else zeta(float(order)) - zeta(float(order), k + 1), dtype=np.longdouble)


@cache
def _order(expr: Any) -> tuple[sp.Symbol, ...]:
    return tuple(sorted(expr.free_symbols, key=lambda s: s.name))


@cache
def _float_program(expr: Any) -> Callable[..., Any]:
    names = {"maximum": np.maximum, "minimum": np.minimum, "where": np.where, "nan": np.nan, "factorial": _float_factorial, "harmonic": _float_harmonic,
             "longdouble": np.longdouble}
    program: Callable[..., Any] = sp.lambdify(_order(expr), expr, modules=[names, "numpy"], printer=_FloatPrinter({"fully_qualified_modules": False}), dummify=True)
    return program


@cache
def _rational_program(expr: Any) -> Callable[..., Any]:
    exact = {"Fraction": Fraction, "power": _power, "number": _number, "floor": math.floor, "ceil": math.ceil, "irrational": _irrational,
             "sign": _sign, "factorial": _factorial, "harmonic": _harmonic}
    program: Callable[..., Any] = sp.lambdify(_order(expr), expr, modules=[exact], printer=_PowerOfSymbol({"fully_qualified_modules": False}), dummify=True)
    return program


def rational_value(expr: Any, values: Mapping[Any, Any]) -> Any:
    """The value of an expression (Fraction) or condition (bool) at rational values. Raises Irrational where it leaves the rationals."""
    expr = sp.sympify(expr)
    if not all(is_rational(values[s]) or isinstance(values[s], Surd) for s in _order(expr)):
        raise Irrational("an input is not rational")
    plain, parts = substitution.split(expr)
    hidden = {dummy: substitution.exact_value(part, values) for dummy, part in parts.items()}
    if None in hidden.values():
        raise Irrational(f"{parts[next(dummy for dummy, value in hidden.items() if value is None)]} is irrational")
    result = _rational_program(plain)(*(hidden[s] if s in hidden else values[s] for s in _order(plain)))
    if isinstance(result, (bool, np.bool_)):
        return bool(result)
    return Fraction(_number(result))


def float_values(expr: Any, values: Mapping[Any, Any]) -> Any:
    """The expression at numbers or arrays (broadcast), in extended precision; domain errors give nan or inf, never a warning."""
    plain, parts = substitution.split(sp.sympify(expr))
    hidden = {dummy: substitution.float_values(part, values) for dummy, part in parts.items()}
    program = _float_program(plain)
    with np.errstate(all="ignore"):
        return program(*(hidden[s] if s in hidden else np.asarray(_extended(values[s]), dtype=np.longdouble) for s in _order(plain)))


def _extended(value: Any) -> Any:
    return longdouble(value) if isinstance(value, Fraction) else float(value) if isinstance(value, (Surd, sp.Basic)) else value


def evaluate(expr: Any, values: Mapping[Any, Any]) -> Any:
    """Exact (Fraction or bool) when every input and the result are rational, else a float (or bool).

    Raises KeyError (the symbol) where a value is missing, ZeroDivisionError where the exact value does not exist.
    """
    try:
        return rational_value(expr, values)
    except Irrational:
        result = float_values(expr, values)
        return bool(result) if np.asarray(result).dtype == bool else float(result)
