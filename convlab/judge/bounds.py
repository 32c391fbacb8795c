"""The bound of a claim as numbers along a run: a sympy expression or a function, in floats or rationals."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.constants import Array
from convlab.judge.compare import Comparison, compared
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


INPUTS = 4          # a constant or parameter is a rational rounded to a float, or the rounding of a short formula: known to this many units


def compared_along(claim: RateBound, batch: Batch, record: Record) -> Comparison:
    """The record against the bound at every checkpoint. What seems violated in floats counts only beyond what rounding its inputs does to the bound.

    That is news where a bound cancels: 1 - gamma mu at gamma = 1/mu is 0 in rationals and some -1e-19 here.
    """
    initial = record.measured[0]
    bound, eps = bound_along(claim, batch, record, initial), batch.arithmetic.eps
    result = compared(record.k, record.measured, bound, record.floor, claim.relation, eps)
    if not (eps and result.violated.any() and isinstance(claim.bound, sp.Basic)):
        return result
    doubt = np.zeros(bound.shape, dtype=np.longdouble)
    with np.errstate(all="ignore"):
        for symbol in needed_symbols(claim):
            if np.asarray(batch.values[symbol]).dtype.kind == "f":
                moved = replace(batch, values={**batch.values, symbol: batch.values[symbol] * (1 + INPUTS * eps)})
                doubt += np.abs(bound_along(claim, moved, record, initial) - bound)
    doubt = np.where(np.isfinite(doubt), doubt, 0).astype(float)
    low = doubt if record.floor is None else doubt + record.floor.reshape(record.floor.shape + (1,) * (doubt.ndim - record.floor.ndim))
    return compared(record.k, record.measured, bound, low, claim.relation, eps)


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
            number = float(float_values(claim.bound, values)) if batch.arithmetic.value is None else batch.arithmetic.value(claim.bound, values)
        except ZeroDivisionError:
            number = None                       # no value there (k = 0 of a bound in 1/k)
        rows.append(np.full(record.measured.shape[1:], number, dtype=object))
    return np.stack(rows)
