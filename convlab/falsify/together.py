"""Many instances of one ground in a single run: their problems are laid along the replicate axis, as a batch of parameter points is.

Whether a family's formulas allow that is found out by trying: scores together must equal scores one by one, else one by one it is.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, cast
from convlab.constants import Array, Constant
from convlab.judge.bounds import compared_along
from convlab.judge.compare import Comparison
from convlab.judge.grid import algorithm_of, floor_of, judged_points
from convlab.judge.words import Evidence
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.cases import Batch, Setting, least_value, minimum_of
from convlab.run.engine import initial_state, run_deterministic
from convlab.run.recorder import Recorder
from convlab.run.settings import Settings
from convlab.symbols import Role, Symbol
from convlab.theorem import RateBound, Source

PLAIN = (int, float, Fraction, np.floating)


class Different(ValueError):
    """Instances that do not lie along one axis: other types, shapes, sizes, horizons."""


def compared_together(claim: RateBound, settings: Sequence[Setting], steps: int) -> Comparison:
    """The run of all settings at once, (checkpoints, cases), over the k that the claim speaks of. Raises Different where they do not fit together."""
    return evidence_together(claim, settings, steps).result


def evidence_together(claim: RateBound, settings: Sequence[Setting], steps: int) -> Evidence:
    """The same with the run that it was read off."""
    if claim.grid.horizons:
        raise Different("one run for each horizon")
    batch = _batch(settings)
    points = judged_points(claim, batch, Settings(iterations=steps), None)
    binder = Binder(algorithm_of(claim), batch.values, batch.x0.ndim, int(points[-1]), FLOAT64)
    assert claim.metric is not None
    recorder = Recorder(claim.metric, batch.case, claim.mode, claim.reads, FLOAT64.eps, floor_of(claim), apart=True)
    record = recorder.record(run_deterministic(binder, batch.case.problem, initial_state(binder, batch), points, recorder))
    result = compared_along(claim, batch, record)
    return Evidence(batch.settings, result.at(record.k >= max(1, claim.grid.first)), Source.DETERMINISTIC, batch=batch, record=record)


def _batch(settings: Sequence[Setting]) -> Batch:
    problems = [cast(setting.problem, FLOAT64) for setting in settings]
    values: dict[Any, Any] = {s: _values(s, [setting.values[s] for setting in settings]) for s in settings[0].values}
    best = [minimum_of(problem) for problem in problems]
    at = None if best[0] is None else np.stack([FLOAT64.array(np.asarray(found.at)) for found in best if found is not None])
    least = {least_value(problem) for problem in problems}
    if len(least) > 1:
        raise Different("minima of different height")
    lowest = least.pop()
    case = Case(laid(problems), values, at, None if lowest is None else float(lowest))
    return Batch(tuple(settings), case, np.stack([FLOAT64.array(np.asarray(s.start.point)) for s in settings]), values, FLOAT64)


def _values(symbol: Any, entries: list[Any]) -> Any:
    if isinstance(symbol, Symbol) and symbol.role in (Role.SIZE, Role.COUNTER):
        if len(set(entries)) > 1:
            raise Different(f"{symbol} differs")
        return entries[0]
    return np.array([float(v) for v in entries])


def laid(items: Sequence[Any]) -> Any:
    """Equal things as they are; numbers as (cases, 1), vectors as (cases, dimension), dataclasses field by field."""
    first = items[0]
    if is_dataclass(first) and not isinstance(first, (type, Constant)):
        if any(type(item) is not type(first) for item in items):
            raise Different("problems of different kinds")
        return replace(first, **{f.name: laid([getattr(item, f.name) for item in items]) for f in fields(first) if f.init})
    if isinstance(first, np.ndarray):
        if any(np.shape(item) != first.shape for item in items):
            raise Different("different shapes")
        return first if all(np.array_equal(item, first) for item in items) else np.stack(items)
    if isinstance(first, PLAIN) and not isinstance(first, bool):
        return first if all(item == first for item in items) else _column(items)
    return first


def _column(items: Sequence[Any]) -> Array:
    return np.array([float(item) for item in items])[:, None]
