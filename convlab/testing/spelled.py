"""A value as the Python that builds it again: frozen dataclasses, arrays, fractions and formulas, with the imports that they need."""
from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

LONG = 300           # characters; what is longer is told by its type and a number made of its text


def spelled(value: Any) -> str:
    """An expression that evaluates to an equal value, given `imports(value)`; of what is none of the kinds above, its repr."""
    if is_dataclass(value) and not isinstance(value, type):
        told = (f"{f.name}={spelled(getattr(value, f.name))}" for f in fields(value) if f.init and not _is_default(f, getattr(value, f.name)))
        return f"{type(value).__name__}({', '.join(told)})"
    if isinstance(value, np.ndarray):
        return f"array({spelled(value.tolist())}{'' if value.size and value.dtype.kind in 'fiO' else f', dtype={str(value.dtype)!r}'})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{spelled(name)}: {spelled(item)}" for name, item in value.items()) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{type(value).__name__}({', '.join(map(spelled, value))})"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(spelled, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.generic):
        return spelled(value.item())
    return str(value) if isinstance(value, (sp.Basic, enum.Enum)) else repr(value)


def _is_default(field: Any, value: Any) -> bool:
    return value is None if field.default is None else field.default is not MISSING and np.ndim(value) == 0 and bool(value == field.default)


def imports(*values: Any) -> tuple[str, ...]:
    """The import statements that the spelled values need, sorted."""
    found: dict[str, set[str]] = {}
    for module, name in (pair for value in values for pair in _names(value)):
        found.setdefault(module, set()).add(name)
    return tuple(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(found.items()) if module != "builtins")


def _names(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, sp.Basic):
        yield from (("convlab.symbols", str(part)) for part in value.free_symbols)
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
