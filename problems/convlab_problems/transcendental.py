"""sin, exp, log, log1p, expm1 on floats, sympy expressions and JAX arrays. Fractions have none: they are refused by name."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from array_api_compat import array_namespace

from convlab.arithmetic import Arithmetic, cast_fields
from convlab.constants import Array
from convlab.operations import Unsupported


def sin(x: Array) -> Array:
    """Elementwise sine."""
    return _elementwise("sin", sp.sin, x)


def exp(x: Array) -> Array:
    """Elementwise exponential."""
    return _elementwise("exp", sp.exp, x)


def log(x: Array) -> Array:
    """Elementwise natural logarithm."""
    return _elementwise("log", sp.log, x)


def log1p(x: Array) -> Array:
    """log(1 + x), accurate near 0."""
    return _elementwise("log1p", lambda v: sp.log(1 + v), x)


def expm1(x: Array) -> Array:
    """exp(x) - 1, accurate near 0."""
    return _elementwise("expm1", lambda v: sp.exp(v) - 1, x)


def cast_irrational(problem: Any, arithmetic: Arithmetic, what: str) -> Any:
    """The problem in another arithmetic; `Unsupported`, saying what is irrational, where that is the rational one."""
    if arithmetic.name == "rational":
        raise Unsupported(f"{type(problem).__name__} has no rational form: {what}.")
    return cast_fields(problem, arithmetic)


def _elementwise(name: str, symbolic: Callable[[Any], Any], x: Array) -> Array:
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return getattr(np, name)(x)                          # the measured run: the general look-up costs as much as a small array
    if x.dtype.kind != "O":
        return getattr(array_namespace(x), name)(x)

    def one(value: Any) -> Any:
        if isinstance(value, Fraction):
            raise Unsupported(f"the rational arithmetic has no {name} of {value}")
        return symbolic(value)

    return np.asarray(np.frompyfunc(one, 1, 1)(x), dtype=object)
