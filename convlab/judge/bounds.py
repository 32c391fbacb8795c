"""The bound of a claim as numbers along a run: a sympy expression or a function, in floats or rationals."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.constants import Array
from convlab.run.cases import Batch, NotApplicable
from convlab.run.expressions import Irrational, float_values, rational_value
from convlab.run.recorder import Record
from convlab.theorem import RateBound


def needed_symbols(claim: RateBound) -> set[Any]:
    """The symbols that a sympy bound speaks of, less k, K, M0 and the series that it reads."""
    if not isinstance(claim.bound, sp.Basic):
        return set()
    read = {s.name for s in claim.reads}
    return {s for s in claim.bound.free_symbols if s not in (symbols.k, symbols.K, symbols.M0) and s.name not in read}


def bound_along(claim: RateBound, batch: Batch, record: Record, initial: Array) -> Array:
    """The bound at every checkpoint and case: (checkpoints, cases) or, of a function, the metric's shape. `initial` is the metric at k = 0.

    Raises NotApplicable where the bound speaks of a constant that the problem does not know.
    """
    missing = sorted(str(s) for s in needed_symbols(claim) if s not in batch.values)
    if missing:
        raise NotApplicable(f"the bound speaks of {missing[0]}, which the problem does not know")
    if batch.arithmetic.eps == 0:
        return _exact(claim, batch, record, initial)
    if not isinstance(claim.bound, sp.Basic) and callable(claim.bound):
        with np.errstate(all="ignore"):                      # a bound that leaves float64 is not judged there
            return np.stack([np.broadcast_to(claim.bound(int(k), batch.case, _at(record, i, initial)), record.measured.shape[1:]) for i, k in enumerate(record.k)])
    k = record.k.reshape(-1, 1)
    values: dict[Any, Any] = {**batch.values, symbols.k: k, symbols.K: k, symbols.M0: initial.reshape(1, -1)}
    values.update(_series(claim, record))
    found = np.asarray(float_values(claim.bound, values))
    plain = np.broadcast_to(found, (len(record.k), len(initial)))
    return plain.reshape(plain.shape + (1,) * (record.measured.ndim - 2))


def _series(claim: RateBound, record: Record) -> dict[Any, Array]:
    return {s: record.series[s.name] for s in claim.bound.free_symbols if s.name in record.series}


def _at(record: Record, i: int, initial: Array) -> Mapping[str, Array]:
    return {"M0": initial, **{name: values[i] for name, values in record.series.items()}}


def _exact(claim: RateBound, batch: Batch, record: Record, initial: Array) -> Array:
    exact = {**batch.settings[0].values, symbols.M0: initial.reshape(-1)[0]}
    rows = []
    for i, k in enumerate(record.k.tolist()):
        if not isinstance(claim.bound, sp.Basic) and callable(claim.bound):
            rows.append(np.broadcast_to(np.asarray(claim.bound(k, batch.case, _at(record, i, initial)), dtype=object), record.measured.shape[1:]))
            continue
        values = {**exact, symbols.k: k, symbols.K: k, **{s: series[i].reshape(-1)[0] for s, series in _series(claim, record).items()}}
        try:
            number: Any = rational_value(claim.bound, values)
        except Irrational:
            number = float(float_values(claim.bound, values))
        except ZeroDivisionError:
            number = None                       # no value there (k = 0 of a bound in 1/k)
        rows.append(np.full(record.measured.shape[1:], number, dtype=object))
    return np.stack(rows)
