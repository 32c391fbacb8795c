"""What the adapters share: states named after the other library's memory, hyperparameters of each case, factories that stay whole."""
from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import sympy as sp

from convlab.arithmetic import holds_objects
from convlab.constants import Array
from convlab.operations import Unsupported

DTYPES: Mapping[str, Any] = {"float32": np.float32, "float64": np.float64}


class Factory:
    """A function (or class) that makes an optimizer from its hyperparameters. A class of ours, since a bare function in a field would be a schedule."""

    def __init__(self, make: Callable[..., Any], **fixed: Any) -> None:
        self.make = partial(make, **fixed) if fixed else make

    def __call__(self, *given: Any, **hyperparameters: Any) -> Any:
        """The optimizer."""
        return self.make(*given, **hyperparameters)

    def __repr__(self) -> str:
        return told(self.make)


def told(make: Any) -> str:
    """A function, a class or a partial one, as it is written."""
    if isinstance(make, partial):
        inside = ", ".join([told(make.func), *map(repr, make.args), *(f"{name}={value!r}" for name, value in make.keywords.items())])
        return f"partial({inside})"
    return str(getattr(make, "__qualname__", None) or type(make).__name__)


def opened(hyperparameters: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...], dict[str, Any]]:
    """Names and values of what may differ between cases (floats, expressions, arrays, tuples of these), and the rest, which is the same for all."""
    varying = {name: value for name, value in hyperparameters.items() if _varies(value)}
    return tuple(varying), tuple(varying.values()), {name: value for name, value in hyperparameters.items() if name not in varying}


def _varies(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(_varies(v) or (isinstance(v, int) and not isinstance(v, bool)) for v in value)
    return isinstance(value, (float, np.floating, sp.Basic, np.ndarray)) or (hasattr(value, "numerator") and not isinstance(value, (int, np.integer)))


def each(values: Any, count: int) -> Any:
    """Hyperparameters as bound (numbers, or arrays with a case on the leading axis), as float64 arrays (count,), tuples kept."""
    if isinstance(values, tuple):
        return tuple(each(v, count) for v in values)
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.float64).reshape(-1), (count,)))


def of_case(values: Any, case: int) -> Any:
    """The same for one case, as Python floats."""
    return tuple(of_case(v, case) for v in values) if isinstance(values, tuple) else float(values[case])


@cache
def state_type(names: tuple[str, ...]) -> Any:
    """The NamedTuple of a point x and the named parts of a memory."""
    return namedtuple("State", ("x", *names))


def identifiers(names: Iterable[str]) -> tuple[str, ...]:
    """Names that a NamedTuple may have, different from each other and from x."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W+", "_", name).strip("_0123456789") or "memory"
        number, told_as = 1, plain
        while told_as in found or told_as == "x":
            number += 1
            told_as = f"{plain}_{number}"
        found.append(told_as)
    return tuple(found)


def refuse_foreign(x: Array, library: str) -> None:
    """Raises Unsupported for rationals, names and extended precision: another library knows plain floats only."""
    if holds_objects(x) or (isinstance(x, np.ndarray) and x.dtype == np.longdouble != np.float64):
        raise Unsupported(f"{library} computes in plain floats")
