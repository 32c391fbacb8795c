"""Binding: an algorithm whose fields hold symbols and schedules becomes one whose fields hold numbers, anew for each update where it must."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import FLOAT64, Arithmetic
from convlab.operations import Unsupported
from convlab.run.schedules import Schedule

REAL = (float, Fraction, np.floating, np.ndarray)      # what the values of a field may be for several updates to run as one batch


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
        return bool(self._scheduled)

    def at(self, k: int) -> Any:
        """The algorithm of update k (which makes x_{k+1} from x_k)."""
        if not self._scheduled:
            return self._fixed
        value = partial(self._value, k=k)
        return replace(self._fixed, **{name: self._field(getattr(self.algorithm, name), value) for name in self._scheduled})

    def key(self, k: int) -> tuple[Any, ...]:
        """What tells update k apart from the others, hashable and exact: the values of the fields that change."""
        algorithm = self.at(k)
        return tuple(_key(getattr(algorithm, name)) for name in self._scheduled)

    def over(self, updates: Sequence[int], cases: int, copies: int) -> Any:
        """The algorithm of several updates at once, for a batch (updates x cases x copies) in which the copies of a case stand in a row.

        Raises Unsupported where the updates differ in more than real numbers: what counts, flags or chooses cannot be an array.
        """
        return self._bound(self.algorithm, partial(self._stacked, updates=updates, cases=cases, copies=copies))

    def repeated(self, times: int) -> Binder:
        """The same for a batch in which every case stands `times` times in a row."""
        return replace(self, values={s: np.repeat(v, times, axis=0) if getattr(v, "ndim", 0) else v for s, v in self.values.items()})

    @cached_property
    def _scheduled(self) -> tuple[str, ...]:
        return tuple(scheduled_fields(self.algorithm))

    @cached_property
    def _fixed(self) -> Any:
        return self._bound(self.algorithm, partial(self._value, k=0))

    @cached_property
    def _found(self) -> dict[Any, Any]:
        """The schedule of each formula, and the coefficients of each function of the horizon."""
        return {}

    def _bound(self, algorithm: Any, value: Callable[[Any], Any]) -> Any:
        changed = {}
        for f in fields(algorithm):
            given = getattr(algorithm, f.name)
            bound = self._field(given, value)
            if bound is not given:
                changed[f.name] = bound
        return replace(algorithm, **changed) if changed else algorithm

    def _field(self, given: Any, value: Callable[[Any], Any]) -> Any:
        if isinstance(given, (sp.Basic, FunctionType)):
            return value(given)
        if isinstance(given, (Fraction, float)):
            return self.arithmetic.number(given)
        if is_dataclass(given) and not isinstance(given, type):
            return self._bound(given, value)
        if isinstance(given, tuple):                       # the hyperparameters of another library's optimizer
            items = tuple(self._field(item, value) for item in given)
            return given if all(new is old for new, old in zip(items, given, strict=True)) else items
        return given

    def _value(self, given: Any, k: int) -> Any:
        """A formula, or a function of the horizon, at update k."""
        if isinstance(given, sp.Basic):
            return self._schedule(given).at(k)
        if given not in self._found:
            self._found[given] = given(self.horizon)
        coefficients = self._found[given]
        coefficient = coefficients[min(k, len(coefficients) - 1)]
        return self._schedule(coefficient, ahead=False).at(k) if isinstance(coefficient, sp.Basic) else self.arithmetic.number(coefficient)

    def _schedule(self, formula: Any, ahead: bool = True) -> Schedule:
        found: Schedule | None = self._found.get(formula)
        if found is None:
            found = self._found[formula] = Schedule(formula, self.values, self._shape, self.horizon, self.arithmetic, ahead)
        return found

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of numbers that differ between cases."""
        return (-1, *(1,) * (self.rank - 1))

    def _stacked(self, given: Any, updates: Sequence[int], cases: int, copies: int) -> Any:
        """A formula, or a function of the horizon, for a batch (updates x cases x copies)."""
        if len(updates) == 1 or not _changes(given):
            value = self._value(given, updates[0])
            return np.repeat(np.concatenate([value] * len(updates)), copies, axis=0) if isinstance(value, np.ndarray) else value
        values = [self._value(given, k) for k in updates]
        if not all(isinstance(value, REAL) for value in values):
            raise Unsupported(f"{given} is no real number for each k")
        if any(isinstance(value, np.ndarray) for value in values):
            return np.repeat(np.concatenate([np.broadcast_to(value, (cases, *self._shape[1:])) for value in values]), copies, axis=0)
        numbers = self.arithmetic.array(np.array(values, dtype=object if self.arithmetic.eps == 0 else None))
        return np.repeat(numbers, cases * copies).reshape(self._shape)


def scheduled_fields(algorithm: Any) -> list[str]:
    """The fields of an algorithm that change with k."""
    return [f.name for f in fields(algorithm) if _changes(getattr(algorithm, f.name))]


def _changes(given: Any) -> bool:
    if is_dataclass(given) and not isinstance(given, type):
        return bool(scheduled_fields(given))
    if isinstance(given, tuple):
        return any(map(_changes, given))
    return isinstance(given, FunctionType) or (isinstance(given, sp.Basic) and bool(given.has(symbols.k)))


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


def _key(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.shape, tuple(value.reshape(-1).tolist()) if value.dtype == object else value.tobytes())
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    return tuple(_key(getattr(value, f.name)) for f in fields(value)) if is_dataclass(value) and not isinstance(value, type) else value
