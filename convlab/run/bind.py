"""Binding: an algorithm whose fields hold symbols and schedules becomes one whose fields hold numbers, anew for each update where it must."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import EXTENDED, FLOAT64, RATIONAL, Arithmetic
from convlab.operations import Unsupported
from convlab.run.expressions import Irrational, float_values, rational_value


@dataclass(frozen=True)
class Binder:
    """An algorithm with its values: numbers, or arrays (batch,) for tunables and constants that differ between cases.

    `rank` is that of a batch of points, so that parameters broadcast against it; `horizon` is K.
    """

    algorithm: Any
    values: Mapping[Any, Any]
    rank: int
    horizon: int
    arithmetic: Arithmetic = FLOAT64

    @property
    def scheduled(self) -> bool:
        """Whether some field changes with k."""
        return bool(scheduled_fields(self.algorithm))

    def at(self, k: int) -> Any:
        """The algorithm of update k (which makes x_{k+1} from x_k)."""
        names = scheduled_fields(self.algorithm)
        return replace(self._fixed, **{name: self._field(getattr(self.algorithm, name), k) for name in names}) if names else self._fixed

    @cached_property
    def _fixed(self) -> Any:
        return self._bound(self.algorithm, 0)

    def repeated(self, times: int) -> Binder:
        """The same for a batch in which every case stands `times` times in a row."""
        return replace(self, values={s: np.repeat(v, times, axis=0) if getattr(v, "ndim", 0) else v for s, v in self.values.items()})

    def _bound(self, algorithm: Any, k: int) -> Any:
        changed = {}
        for f in fields(algorithm):
            given = getattr(algorithm, f.name)
            value = self._field(given, k)
            if value is not given:
                changed[f.name] = value
        return replace(algorithm, **changed) if changed else algorithm

    def _field(self, given: Any, k: int) -> Any:
        if isinstance(given, sp.Basic):
            return self._number(given, k)
        if isinstance(given, FunctionType):
            coefficients = given(self.horizon)
            coefficient = coefficients[min(k, len(coefficients) - 1)]
            return self._number(coefficient, k) if isinstance(coefficient, sp.Basic) else self.arithmetic.number(coefficient)
        if isinstance(given, (Fraction, float)):
            return self.arithmetic.number(given)
        if is_dataclass(given) and not isinstance(given, type):
            return self._bound(given, k)
        if isinstance(given, tuple):                       # the hyperparameters of another library's optimizer
            items = tuple(self._field(item, k) for item in given)
            return given if all(new is old for new, old in zip(items, given, strict=True)) else items
        return given

    def _number(self, expression: Any, k: int) -> Any:
        values = {**self.values, symbols.k: k, symbols.K: self.horizon}
        missing = [s for s in expression.free_symbols if s not in values]
        if missing:
            raise Unsupported(f"the algorithm needs {missing[0]}, of which the problem gives no value")
        if not any(getattr(values[s], "ndim", 0) for s in expression.free_symbols):
            try:
                exact = rational_value(expression, values)
            except Irrational as error:
                if self.arithmetic is RATIONAL:
                    raise Unsupported(f"{expression} is irrational here: {error}") from error
                inexact = float_values(expression, values)
                return self.arithmetic.number(inexact if self.arithmetic is EXTENDED else float(inexact))
            if isinstance(exact, bool) or (exact.denominator == 1 and expression.is_integer):
                return int(exact)
            return self.arithmetic.number(exact)
        number = np.asarray(float_values(expression, values))
        batch = number.reshape((-1,) + (1,) * (self.rank - 1)).astype(np.float64)
        return self.arithmetic.array(batch)


def scheduled_fields(algorithm: Any) -> list[str]:
    """The fields of an algorithm that change with k."""
    def changes(given: Any) -> bool:
        if is_dataclass(given) and not isinstance(given, type):
            return bool(scheduled_fields(given))
        if isinstance(given, tuple):
            return any(map(changes, given))
        return isinstance(given, FunctionType) or (isinstance(given, sp.Basic) and bool(given.has(symbols.k)))

    return [f.name for f in fields(algorithm) if changes(getattr(algorithm, f.name))]


def symbols_of(algorithm: Any) -> set[Any]:
    """The symbols in an algorithm's fields."""
    found: set[Any] = set()
    for f in fields(algorithm):
        found |= _symbols_in(getattr(algorithm, f.name))
    return found


def _symbols_in(given: Any) -> set[Any]:
    if isinstance(given, sp.Basic):
        return set(given.free_symbols)
    if isinstance(given, tuple):
        return set().union(*map(_symbols_in, given))
    return symbols_of(given) if is_dataclass(given) and not isinstance(given, type) else set()


def field_key(algorithm: Any) -> tuple[Any, ...]:
    """What tells two bound algorithms of one class apart, hashable and exact."""
    def key(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return (value.shape, tuple(value.reshape(-1).tolist()))
        if isinstance(value, tuple):
            return tuple(map(key, value))
        return field_key(value) if is_dataclass(value) and not isinstance(value, type) else value

    return tuple(key(getattr(algorithm, f.name)) for f in fields(algorithm))
