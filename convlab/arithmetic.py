"""The arithmetics that one update rule runs on: an arithmetic turns a problem's numbers and arrays into its own."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import Array, Number
from convlab.errors import BadInput


@dataclass(frozen=True)
class Arithmetic:
    """`number` converts one number, `array` a nested sequence or array of numbers; `eps` is the relative rounding error (0 if exact).

    `value` gives an expression that leaves the rationals, at values of its symbols; None where an exact arithmetic has no such number.
    """

    name: str
    number: Callable[[Any], Number]
    array: Callable[[Any], Array]
    eps: float
    value: Callable[[Any, Any], Any] | None = None


def as_objects(number: Callable[[Any], Number]) -> Callable[[Any], Array]:
    """What turns numbers into an object array, each by `number`."""
    convert = np.frompyfunc(number, 1, 1)

    def array(values: Any) -> Array:
        values = np.asarray(values, dtype=object) if not isinstance(values, np.ndarray) else values
        return np.asarray(convert(values), dtype=object).reshape(values.shape)

    return array


def _fraction(value: Any) -> Fraction:
    if isinstance(value, sp.Basic):
        if not isinstance(value, sp.Rational):
            raise ValueError(f"{value} is not rational")
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, (float, np.floating)) and not np.isfinite(value):
        raise ValueError(f"{value} is not rational")
    return Fraction(value)     # floats convert exactly: the rational run is then of the stored number, not of the printed one


def _sympy(value: Any) -> sp.Expr:
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return sp.sympify(value.item() if isinstance(value, np.generic) else value)


def _refuse_complex(values: Any) -> None:
    """Raises BadInput for complex numbers: turned into floats they would lose a half without a word, and a claim be judged from another start."""
    if np.iscomplexobj(values):
        raise BadInput("complex numbers: problems, starts and states are real; write each complex coordinate as two real ones, its real and its imaginary part.")


def _floats(dtype: Any) -> Callable[[Any], Array]:
    def array(values: Any) -> Array:
        _refuse_complex(values)
        return np.asarray(values).astype(dtype) if not isinstance(values, np.ndarray) or values.dtype != dtype else values

    return array


def longdouble(value: Any) -> Any:
    """A number in extended precision: fractions keep the digits that a float would lose, and are infinite beyond the range of floats."""
    if not isinstance(value, Fraction):
        return np.longdouble(float(value) if isinstance(value, sp.Basic) else value)
    if max(abs(value.numerator), value.denominator) < 2**63:
        return np.longdouble(value.numerator) / np.longdouble(value.denominator)
    try:
        return np.longdouble(float(value))
    except OverflowError:
        return np.longdouble(np.inf if value > 0 else -np.inf)


def _longdoubles(values: Any) -> Array:
    given = np.asarray(values)
    _refuse_complex(given)
    return np.asarray(np.frompyfunc(longdouble, 1, 1)(given), dtype=np.longdouble) if given.dtype == object else given.astype(np.longdouble)


FLOAT64 = Arithmetic("float64", float, _floats(np.float64), float(np.finfo(np.float64).eps))
FLOAT32 = Arithmetic("float32", np.float32, _floats(np.float32), float(np.finfo(np.float32).eps))
EXTENDED = Arithmetic("extended", longdouble, _longdoubles, float(np.finfo(np.longdouble).eps))
RATIONAL = Arithmetic("rational", _fraction, as_objects(_fraction), 0.0)
SYMBOLIC = Arithmetic("symbolic", _sympy, as_objects(_sympy), 0.0)


def jax_arithmetic() -> Arithmetic:
    """float64 arrays of JAX. Call inside `jax.enable_x64(True)`: the flag is the caller's to set and to give back."""
    import jax.numpy as jnp

    return Arithmetic("jax", float, lambda values: jnp.asarray(FLOAT64.array(values)), FLOAT64.eps)


def cast(value: Any, arithmetic: Arithmetic) -> Any:
    """The same problem (or number, array, nested dataclass, tuple of them) with its numbers in another arithmetic.

    Integers stay integers (sizes, and exact in every arithmetic); integer index arrays too. A dataclass with its own `cast` method decides itself.
    """
    own = getattr(value, "cast", None)
    if callable(own) and is_dataclass(value):
        return own(arithmetic)
    return cast_fields(value, arithmetic)


def cast_fields(value: Any, arithmetic: Arithmetic) -> Any:
    """`cast`, ignoring a `cast` method of the outermost dataclass (what such a method calls for the ordinary fields)."""
    if is_dataclass(value) and not isinstance(value, type):
        changed = {f.name: cast(getattr(value, f.name), arithmetic) for f in fields(value) if f.init}
        return replace(value, **changed) if any(changed[name] is not getattr(value, name) for name in changed) else value
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "iub" else arithmetic.array(value)
    if isinstance(value, tuple):
        items = [cast(item, arithmetic) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, (float, Fraction, np.floating)) or (isinstance(value, sp.Basic) and isinstance(value, sp.Expr)):
        return arithmetic.number(value)
    return value


def holds_objects(value: Any) -> bool:
    """Whether this is an array of Python objects (rationals, sympy expressions)."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "O"


def arithmetic_of(array: Array) -> Arithmetic:
    """The arithmetic that an array already lives in (by its dtype, and by its first entry for objects)."""
    if holds_objects(array):
        first = array.reshape(-1)[0] if array.size else Fraction(0)
        return SYMBOLIC if isinstance(first, sp.Basic) else getattr(first, "arithmetic", RATIONAL)
    if type(array).__module__.startswith("jax"):
        return jax_arithmetic()
    return next((known for known, dtype in ((FLOAT32, np.float32), (FLOAT64, np.float64), (EXTENDED, np.longdouble)) if array.dtype == dtype), FLOAT64)
