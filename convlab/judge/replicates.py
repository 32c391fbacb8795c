"""Independent replicates of one setting or of several at once, in blocks: the same block is the same bits whatever else is run.

The settings of one problem take the same draws, and their replicates stand in one batch beside those that measure the floating-point floor: an update
of a few thousand rows costs little more than one of a few.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Draws, Inexact
from convlab.errors import BadInput
from convlab.judge.bounds import bound_along
from convlab.judge.compare import HUGE, compared
from convlab.judge.evalues import looked_at
from convlab.judge.grid import algorithm_of, floor_of, judged_points
from convlab.run.bind import Binder
from convlab.run.cases import Batch, Setting, batch_of
from convlab.run.engine import initial_state, raw_draws, run_drawn
from convlab.run.expressions import evaluate
from convlab.run.recorder import Record, Recorder, Several, Watch
from convlab.run.settings import Settings
from convlab.theorem import Law, RateBound

PILOTS = 8           # replicates of their own for the floating-point floor; they judge nothing
LEAST_REPLICATES = 32
JAX_WORK = 2e8       # replicate-coordinates updated: about where compilation (a second at most) is paid back
AHEAD = 2**18        # numbers drawn ahead (two megabytes): more would leave the cache, fewer cost calls
AT_ONCE = 2**17      # coordinates in one batch (a megabyte): beyond, settings that run together are no faster than one after the other


@dataclass(frozen=True)
class Sampler:
    """Independent replicates of one setting. `rounding` is the floor at the checkpoints where it is known already."""

    title: str
    claim: RateBound
    setting: Setting
    settings: Settings
    rounding: Array | None = None

    @cached_property
    def points(self) -> Array:
        """The k at which a run is looked at; of a claim on horizons the last."""
        horizon = self.claim.grid.horizons[-1] if self.claim.grid.horizons else None
        return judged_points(self.claim, batch_of([self.setting], FLOAT64), self.settings, horizon)

    @cached_property
    def work(self) -> float:
        """What one replicate costs: coordinates updated, each component gradient counted."""
        return float(self.points[-1]) * np.asarray(self.setting.start.point).size * int(self.setting.values.get(symbols.n, 1))

    def affordable(self, wanted: int, work: float) -> int:
        """The replicates wanted, fewer where they would take long. Raises Inexact where even a few would."""
        if self.work * LEAST_REPLICATES > work:
            raise Inexact(f"{self.points[-1]} updates of {self.setting.values.get(symbols.n, 1)} components in dimension "
                          f"{np.asarray(self.setting.start.point).size} take too long to sample")
        return min(wanted, int(work // self.work))

    def block(self, number: int, count: int) -> Record:
        """The metric at the checkpoints, (checkpoints, count, ...); of a claim with high probability whether it fails there, 1 or 0."""
        return blocks([self], number, count)[0]

    @cached_property
    def level(self) -> float | None:
        """How often a claim with high probability may fail; None of an expectation. Raises BadInput where it is no probability."""
        if self.claim.law is not Law.HIGH_PROBABILITY:
            return None
        level = float(evaluate(sp.sympify(self.claim.delta), self.setting.values)) if self.claim.delta is not None else np.nan
        if not 0 < level < 1:
            raise BadInput(f"{self.title}: a claim with high probability needs delta= strictly between 0 and 1, not {self.claim.delta}.")
        return level

    def judged(self, record: Record) -> Record:
        """What is judged of a run: the metric; of a claim with high probability 1 where a replicate leaves its own bound beyond rounding, 0 where it
        keeps it, nan where it was lost.
        """
        if self.level is None:
            return record
        bound = bound_along(self.claim, batch_of([self.setting], FLOAT64), record, record.measured[0])
        failed = compared(record.k, record.measured, bound, self.floor, self.claim.relation, FLOAT64.eps).violated
        return Record(record.k, np.where(np.isnan(cells(record.measured)).any(axis=2), np.nan, failed))

    @cached_property
    def resolution(self) -> Array:
        """What is counted as rounding of the judged values, (checkpoints, 1): indicators have none."""
        return self.floor if self.level is None else np.zeros((len(self.points), 1))

    @cached_property
    def floor(self) -> Array:
        """The floating-point floor at the checkpoints, (checkpoints, 1): the largest of a few replicates of their own, at the nearest k looked at."""
        return self.rounding if self.rounding is not None else self.floor_from(runs([self], [self.pilots])[0][0])

    @property
    def pilots(self) -> Part:
        """The replicates that measure the floor."""
        return Part(("pilot",), PILOTS, np.concatenate([[0], self.points[1:][looked_at(self.points[1:])]]), FLOAT64.eps)

    def floor_from(self, pilots: Record) -> Array:
        """The largest floor of the pilots on either side of each checkpoint."""
        assert pilots.floor is not None
        largest = pilots.floor.reshape(len(pilots.k), -1).max(axis=1, keepdims=True)
        after = np.searchsorted(pilots.k, self.points)
        return np.asarray(np.maximum(largest[after], largest[np.maximum(after - 1, 0)]))


@dataclass(frozen=True)
class Part:
    """Replicates of every setting, on a stream of their own, with the checkpoints at which they are looked at; with `eps` their floors are measured."""

    names: tuple[object, ...]
    count: int
    points: Array
    eps: float = 0.0


def opened(samplers: Sequence[Sampler], count: int) -> list[tuple[Sampler, Record]]:
    """The samplers, their floors known, and the first block of each, from one run. They share problem, shapes and integer parameters."""
    first = samplers[0]
    main, pilots = runs(samplers, [Part(("block", 0), count, first.points), first.pilots])
    known = [replace(sampler, rounding=sampler.floor_from(pilot)) for sampler, pilot in zip(samplers, pilots, strict=True)]
    return [(sampler, sampler.judged(record)) for sampler, record in zip(known, main, strict=True)]


def blocks(samplers: Sequence[Sampler], number: int, count: int) -> list[Record]:
    """One block of each sampler. They share problem, shapes and integer parameters."""
    found = runs(samplers, [Part(("block", number), count, samplers[0].points)])[0]
    return [sampler.judged(record) for sampler, record in zip(samplers, found, strict=True)]


def runs(samplers: Sequence[Sampler], parts: Sequence[Part]) -> list[list[Record]]:
    """The record of every setting, part by part. Raises Inexact where an adversary has no law to sample from."""
    first, size = samplers[0], np.asarray(samplers[0].setting.start.point).size
    if compiled(first.settings, 0 if first.claim.reads else int(parts[0].points[-1]) * parts[0].count * size):          # series are read by the NumPy loop
        return [[_compiled(sampler, part) if not part.eps else _in_one_batch([sampler], [part])[0][0] for sampler in samplers] for part in parts]
    together = max(1, AT_ONCE // (size * sum(part.count for part in parts)))
    groups = [_in_one_batch(samplers[at:at + together], parts) for at in range(0, len(samplers), together)]
    return [[record for group in groups for record in group[i]] for i in range(len(parts))]


def compiled(settings: Settings, work: int) -> bool:
    """Whether JAX runs: above about a second of work where it is installed, or where the user says so."""
    from convlab.run.jax_loop import available

    return settings.engine == "jax" or (settings.engine == "auto" and work > JAX_WORK and available())


def _in_one_batch(samplers: Sequence[Sampler], parts: Sequence[Part]) -> list[list[Record]]:
    """One loop over all replicates of all settings: part after part, in each setting after setting."""
    claim, number = samplers[0].claim, len(samplers)
    batch = batch_of([sampler.setting for sampler in samplers], FLOAT64)
    rows = [np.repeat(np.arange(number), part.count) for part in parts]
    ends = np.cumsum([len(r) for r in rows])
    whole, last = _taken(batch, np.concatenate(rows)), int(max(part.points[-1] for part in parts))
    binder, problem = Binder(algorithm_of(claim), whole.values, whole.x0.ndim, last, FLOAT64), batch.case.problem
    declared = _law(binder, problem)
    recorders = [_recorder(claim, _taken(batch, r), part) for r, part in zip(rows, parts, strict=True)]
    watches = [Watch(recorder, slice(end - len(r), end), frozenset(part.points.tolist()))
               for recorder, r, end, part in zip(recorders, rows, ends.tolist(), parts, strict=True)]
    run_drawn(binder, problem, initial_state(binder, whole), last, Several(tuple(watches)), declared, _shared(declared, samplers, parts, last))
    return [_apart(recorder.record(None), number, part.count) for recorder, part in zip(recorders, parts, strict=True)]


def _compiled(sampler: Sampler, part: Part) -> Record:
    """One setting by JAX."""
    from convlab.run.jax_loop import run_compiled

    batch = _taken(batch_of([sampler.setting], FLOAT64), np.zeros(part.count, dtype=int))
    binder = Binder(algorithm_of(sampler.claim), batch.values, batch.x0.ndim, int(part.points[-1]), FLOAT64)
    _law(binder, batch.case.problem)
    recorder = _recorder(sampler.claim, batch, part)
    run_compiled(binder, batch.case.problem, initial_state(binder, batch), part.points, recorder, part.count, _seed(sampler, part))
    return _apart(recorder.record(None), 1, part.count)[0]


def _law(binder: Binder, problem: Any) -> Draws:
    declared: Draws = binder.at(0).draws(problem)
    if declared.adversarial:
        raise Inexact("an adversary has no law to sample from")
    return declared


def _recorder(claim: RateBound, batch: Batch, part: Part) -> Recorder:
    assert claim.metric is not None
    return Recorder(claim.metric, batch.case, claim.mode, claim.reads, part.eps, floor_of(claim) if part.eps else None)


def _seed(sampler: Sampler, part: Part) -> tuple[object, ...]:
    return (sampler.settings.seed, sampler.title, sampler.claim.name, sampler.setting.name, *part.names)


def _shared(declared: Draws, samplers: Sequence[Sampler], parts: Sequence[Part], last: int) -> Iterator[dict[str, Array]]:
    """The raw draws of all rows, some updates ahead: a stream a part, which every setting takes."""
    numbers = len(samplers) * sum(part.count for part in parts) * sum(prod(law.shape) for law in declared.values())
    length = max(1, AHEAD // max(1, numbers))
    streams = [raw_draws(declared, _seed(samplers[0], part), last, part.count, length) for part in parts]
    for chunk in zip(*streams, strict=True):
        yield {name: np.concatenate([own[name] for own in chunk for _ in samplers], axis=1) for name in declared}


def _taken(batch: Batch, rows: Array) -> Batch:
    """The batch with its cases repeated as `rows` says."""
    def each(value: Any) -> Any:
        return value[rows] if getattr(value, "ndim", 0) else value

    case = replace(batch.case, values={s: each(v) for s, v in batch.case.values.items()})
    settings = tuple(batch.settings[row] for row in rows.tolist())
    return replace(batch, settings=settings, case=case, x0=batch.x0[rows], values={s: each(v) for s, v in batch.values.items()})


def _apart(record: Record, settings: int, count: int) -> list[Record]:
    """The record of each setting, its numbers as floats: an algorithm may draw fractions."""
    def of(values: Array, at: int) -> Array:
        return values[:, at * count:(at + 1) * count]

    measured = np.asarray(record.measured, dtype=float)
    return [Record(record.k, of(measured, at), None if record.floor is None else of(record.floor, at), {name: of(v, at) for name, v in record.series.items()})
            for at in range(settings)]


def cells(measured: Array) -> Array:
    """(checkpoints, replicates, cells), each cell a metric of its own; what is NaN after a run had grown without bound counts as infinite."""
    flat = measured.reshape(*measured.shape[:2], -1)
    sizes = np.abs(flat)
    if not (sizes > HUGE).any():
        return flat
    lost = np.isnan(flat)
    return np.where(lost & (np.maximum.accumulate(np.where(lost, 0, sizes), axis=0) > HUGE), np.inf, flat)


__all__ = ["Part", "Sampler", "blocks", "cells", "opened", "runs"]
