"""A value as the Python that builds it again: frozen dataclasses, arrays, fractions and formulas, with the imports that they need."""
from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp

from convlab.metrics import Metric

LONG = 300           # characters; what is longer is told by its type and a number made of its text


def spelled(value: Any, qualified: Collection[str] = ()) -> str:
    """An expression that evaluates to an equal value, given `imports(value)`; of what is none of the kinds above, its repr.

    Classes of the `qualified` names are told with their module.
    """
    def inner(part: Any) -> str:
        return spelled(part, qualified)

    if (function := _function(value)) is not None:
        return str(function.__name__)
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{f.name}={inner(getattr(value, f.name))}" for f in fields(value) if f.init and not _is_default(f, getattr(value, f.name)))
        return f"{_named(value, qualified)}({', '.join(told)})"
    if isinstance(value, np.ndarray):
        return f"array({inner(value.tolist())}{'' if value.size and value.dtype.kind in 'fiO' else f', dtype={str(value.dtype)!r}'})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{inner(name)}: {inner(item)}" for name, item in value.items()) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{_named(value, qualified)}({', '.join(map(inner, value))})"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(inner, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.generic):
        return inner(value.item())
    return str(value) if isinstance(value, (sp.Basic, enum.Enum)) else repr(value)


def _function(value: Any) -> Any | None:
    """A function or class, told by its name; a metric goes by that of the function that it was made of."""
    found = value.evaluate if isinstance(value, Metric) else value
    return found if isinstance(found, (FunctionType, type)) and found.__name__.isidentifier() else None


def _named(value: Any, qualified: Collection[str]) -> str:
    name = type(value).__name__
    return f"{type(value).__module__}.{name}" if name in qualified else name


def _is_default(field: Any, value: Any) -> bool:
    return value is None if field.default is None else field.default is not MISSING and np.ndim(value) == 0 and bool(value == field.default)


def imports(*values: Any) -> tuple[str, ...]:
    """The import statements that the spelled values need, sorted; of classes that share a name, their modules."""
    shared = homonyms(*values)
    found: dict[str, set[str]] = {}
    for module, name in _all_names(values):
        found.setdefault(module, set()).update(set() if name in shared else {name})
    qualified = sorted({module for module, name in _all_names(values) if name in shared})
    return (*(f"import {module}" for module in qualified),
            *(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(found.items()) if names and module != "builtins"))


def homonyms(*values: Any) -> frozenset[str]:
    """Names that stand for classes of several modules."""
    homes: dict[str, set[str]] = {}
    for module, name in _all_names(values):
        homes.setdefault(name, set()).add(module)
    return frozenset(name for name, modules in homes.items() if len(modules) > 1)


def _all_names(values: Iterable[Any]) -> Iterator[tuple[str, str]]:
    return (pair for value in values for pair in _names(value))


def _names(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, sp.Basic):
        yield from (("convlab.symbols", str(part)) for part in value.free_symbols)
        return
    if (function := _function(value)) is not None:
        yield function.__module__, function.__name__
        return
    if isinstance(value, np.ndarray):
        yield "numpy", "array"
        yield from (pair for item in value.reshape(-1)[:1] if value.dtype == object for pair in _names(item))
        return
    if isinstance(value, Fraction):
        yield "fractions", "Fraction"
    elif (is_dataclass(value) and not isinstance(value, type)) or hasattr(value, "_fields") or isinstance(value, enum.Enum):
        yield type(value).__module__, type(value).__name__
    inside = ([getattr(value, f.name) for f in fields(value) if f.init] if is_dataclass(value) and not isinstance(value, type) else
              [*value, *value.values()] if isinstance(value, Mapping) else list(value) if isinstance(value, (tuple, list)) else [])
    for item in inside:
        yield from _names(item)


def name_of(value: Any) -> str:
    """A problem as a reader recognises it: its spelling with fractions as p/q, or its type with a number that stands for a long one."""
    text = spelled(value)
    if len(text) > LONG:
        from zlib import crc32

        return f"{type(value).__name__}-{crc32(text.encode()):08x}"
    return _short(value)


def _short(value: Any) -> str:
    """As spelled, but arrays as lists and fractions as p/q: to be read, not run."""
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{f.name}={_short(getattr(value, f.name))}" for f in fields(value) if f.init and not _is_default(f, getattr(value, f.name)))
        return f"{type(value).__name__}({', '.join(told)})"
    if isinstance(value, np.ndarray):
        return _short(value.tolist())
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_short, value))}]"
    return str(value)
