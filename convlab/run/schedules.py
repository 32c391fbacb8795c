"""A formula in k as a table of its values: floats for a stretch of updates at once, rationals one by one and exact; what was found once is looked up."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from convlab import symbols
from convlab.arithmetic import EXTENDED, RATIONAL, Arithmetic
from convlab.constants import is_rational
from convlab.operations import Unsupported
from convlab.run.expressions import Irrational, Surd, float_values, rational_value

LONGEST = 512           # updates of a stretch, at most: beyond, a call of NumPy is nothing beside its entries
NUMBERS = 2**16         # entries of a stretch, at most: a megabyte in extended precision
REMEMBERED = 2**16      # exact values: schedules in k alone are the same on every problem


def stretch(k: int, horizon: int, longest: int = LONGEST) -> range:
    """The updates whose values are found together with those of k: ever more as a run goes on (its first update alone), none beyond the horizon.

    A formula need not have a value there, and who asks for one update pays for one.
    """
    size = min(1 << max(k.bit_length() - 1, 0), longest)
    first = k // size * size
    return range(first, min(first + size, horizon)) if k < horizon else range(k, k + 1)


@dataclass(frozen=True)
class Schedule:
    """The values of a formula at k = 0, 1, ..., at numbers or arrays (batch,) for its other symbols.

    `shape` is that of a value which differs between the cases of a batch: (-1, 1, ..., 1), with the rank of a batch of points. Raises Unsupported for a
    symbol without value, and where the arithmetic has no such number.
    """

    formula: Any
    values: Mapping[Any, Any]
    shape: tuple[int, ...]
    horizon: int
    arithmetic: Arithmetic
    ahead: bool = True          # whether other updates will be asked for
    _rationals: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)
    _floats: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)           # of the stretch asked for last

    def at(self, k: int) -> Any:
        """The value of update k: a number of the arithmetic (a Python integer where the formula counts or flags), or an array (batch, 1, ..., 1)."""
        k = k if self._moves else 0
        if not self._exact:
            return self._float(k)
        if k not in self._rationals:
            self._rationals[k] = self._rational(k)
        return self._rationals[k]

    @cached_property
    def _inputs(self) -> dict[Any, Any]:
        """The values of the symbols in the formula but k."""
        known = {**self.values, symbols.k: 0, symbols.K: self.horizon}
        missing = [s for s in self.formula.free_symbols if s not in known]
        if missing:
            raise Unsupported(f"the algorithm needs {missing[0]}, of which the problem gives no value")
        return {s: known[s] for s in self.formula.free_symbols if s != symbols.k}

    @cached_property
    def _moves(self) -> bool:
        return symbols.k in self.formula.free_symbols

    @cached_property
    def _cases(self) -> int:
        """Of a batch whose cases have values of their own; 0 where they share one."""
        return max([value.size for value in self._inputs.values() if getattr(value, "ndim", 0)], default=0)

    @cached_property
    def _given_rational(self) -> bool:
        return all(is_rational(value) or isinstance(value, Surd) for value in self._inputs.values())

    @cached_property
    def _exact(self) -> bool:
        """Whether values may be rational; an exact arithmetic takes no others."""
        return not self._cases and (self.arithmetic.eps == 0 or self._given_rational)

    def _rational(self, k: int) -> Any:
        exact = _exact_value(self.formula, tuple(self._inputs.items()), k) if self._given_rational else "an input is not rational"
        if isinstance(exact, str):
            if self.arithmetic is RATIONAL:
                raise Unsupported(f"{self.formula} is irrational here: {exact}")
            return self._float(k) if self.arithmetic.value is None else self.arithmetic.value(self.formula, {**self._inputs, symbols.k: k})
        if isinstance(exact, bool) or (exact.denominator == 1 and self.formula.is_integer):
            return int(exact)
        return self.arithmetic.number(exact)

    def _float(self, k: int) -> Any:
        if k not in self._floats:
            updates = stretch(k, self.horizon if self.ahead else 0, max(1, min(LONGEST, NUMBERS // max(self._cases, 1))))
            found = np.asarray(float_values(self.formula, {**self._inputs, symbols.k: np.array(updates)[:, None]}))
            table = np.broadcast_to(found, (len(updates), self._cases or 1))
            self._floats.clear()
            self._floats.update(zip(updates, self._rows(table) if self._cases else self._numbers(table[:, 0]), strict=True))
        return self._floats[k]

    def _rows(self, table: Any) -> list[Any]:
        return [row.reshape(self.shape) for row in self.arithmetic.array(table.astype(np.float64))]

    def _numbers(self, found: Any) -> list[Any]:
        return [self.arithmetic.number(value if self.arithmetic is EXTENDED else float(value)) for value in found]


@lru_cache(maxsize=REMEMBERED)
def _exact_value(formula: Any, inputs: tuple[tuple[Any, Any], ...], k: int) -> Any:
    """The rational value (or truth), or the reason why there is none."""
    try:
        return rational_value(formula, {**dict(inputs), symbols.k: k})
    except Irrational as error:
        return str(error)
