"""What is kept of a run: the measured quantity at the checkpoints, in the claim's mode, with its floating-point floor and the series that a bound reads."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from convlab.constants import Array
from convlab.metrics import Case, Measure
from convlab.operations import norm_squared
from convlab.run.frozen import frozen
from convlab.theorem import Mode, Series

SMALLEST = 1e-125  # below it squares of resolutions leave float64, and with them the floors of everything squared
DIRECTIONS = 8     # in which a state is moved to measure a metric's floor
TOGETHER = 1 << 14 # numbers in the states that are measured together
FORGOTTEN = 4      # how much of the last update's size still counts: a step may contract all the way, but it was rounded at the size it started from
ROUNDINGS = 8      # a point is known to this many units of rounding: a handful of operations an update, contracted again by the next; to one more
                   # after each update, since a slow contraction sums the roundings of 1/(1 - rate) updates (and stalls there: x - gamma g == x)


@dataclass(frozen=True)
class Record:
    """Arrays (checkpoints, cases, ...). `floor` is None in exact arithmetic; `states` are those asked for."""

    k: Array
    measured: Array
    floor: Array | None = None
    series: Mapping[str, Array] = field(default_factory=dict)
    final: Any = None


@dataclass
class Window:
    """The statistic of a mode, fed with one value after each update."""

    mode: Mode
    before: Any = None           # over first .. k - 1
    until: Any = None            # over first .. k

    def fed(self, k: int, value: Array) -> Array:
        """The statistic after k updates; nan (None among exact numbers) while the window is empty."""
        if self.mode.statistic == "last":
            return value
        self.before, self.until = self.until, self._grown(k, value)
        chosen = self.before if self.mode.last == -1 else self.until
        if chosen is None:
            return np.full_like(value, None if value.dtype == object else np.nan)
        return chosen / (k + self.mode.last - self.mode.first + 1) if self.mode.statistic == "mean" else chosen

    def _grown(self, k: int, value: Array) -> Any:
        if k < self.mode.first or self.until is None:
            return value if k >= self.mode.first else None
        return np.minimum(self.until, value) if self.mode.statistic == "best" else self.until + value


@dataclass
class Recorder:
    """Collects along one run. Mutable on purpose: it lives as long as the run."""

    metric: Measure
    case: Case
    mode: Mode
    series: tuple[Series, ...] = ()
    eps: float = 0.0
    floor_of: Callable[[Any, Case, Array], Array] | None = None
    apart: bool = False          # every checkpoint is measured by itself: a problem that is laid along the batch cannot be repeated below itself
    k: list[int] = field(default_factory=list)
    measured: list[Array] = field(default_factory=list)
    floors: list[Array] = field(default_factory=list)
    kept: dict[str, list[Array]] = field(default_factory=dict)
    _sums: dict[str, Array] = field(default_factory=dict)
    _recent: Any = None          # size of the point, the last ones included
    _waiting: list[tuple[int, Any, bool]] = field(default_factory=list)      # states of a small batch, measured together: a metric costs its call

    def __post_init__(self) -> None:
        self._window, self._certain = Window(self.mode), Window(self.mode)

    @property
    def every(self) -> bool:
        """Whether the metric is needed at every k, not at checkpoints only."""
        return self.mode.statistic != "last" or any(s.summed for s in self.series)

    def look(self, k: int, state: Any, checkpoint: bool) -> None:
        """Called with the state after k updates, for every k if `every`, else at the checkpoints. What was seen is frozen: a later update may not change it."""
        frozen(state)
        if self.eps and not self.apart and self.case is not None:
            self._waiting.append((k, state, checkpoint))
            if len(self._waiting) * entries(state) >= TOGETHER:
                self._measure_waiting()
            return
        read = {s.name: s.read(state, self.case) for s in self.series}
        low = None
        if self.floor_of is not None:
            self._recent = recent_size(size_of(state, self.case), self._recent)
            low = self.floor_of(state, self.case, (ROUNDINGS + k) * self.eps * self._recent)
        self._take(k, self.metric(state, self.case), read, low, checkpoint)

    def _take(self, k: int, now: Array, read: Mapping[str, Array], low: Array | None, checkpoint: bool) -> None:
        """What was measured of the state after k updates."""
        for s in self.series:
            self._sums[s.name] = self._sums[s.name] + read[s.name] if s.summed and s.name in self._sums else read[s.name]
        self.seen(k, now, checkpoint)
        if low is None:
            return
        if self.mode.statistic == "last":
            self.floors += [low] * checkpoint
            return
        certain = self._certain.fed(k, now - aligned(low, now))
        if checkpoint:                   # the best iterate has its own floor: that of a later one, run away by then, would forgive everything
            self.floors.append(np.nan_to_num(self.measured[-1] - certain, nan=0.0, posinf=np.inf))

    @np.errstate(all="ignore")                                   # divergence is an outcome, read off the record
    def _measure_waiting(self) -> None:
        """The waiting states as one batch: metric, series and floors, then taken apart again."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        times, cases = len(waiting), len(flat_first(waiting[0][1]))
        state, case = frozen(joined([s for _, s, _ in waiting])), repeated(self.case, times, cases)
        apart = partial(taken_apart, times=times, cases=cases)
        now, read, low = apart(self.metric(state, case)), {s.name: apart(s.read(state, case)) for s in self.series}, [None] * times
        if self.floor_of is not None:
            sizes, recent = apart(size_of(state, case)), []
            for size in sizes:
                self._recent = recent_size(size, self._recent)
                recent.append(self._recent)
            steps = np.array([ROUNDINGS + k for k, *_ in waiting]).reshape(-1, 1)
            low = apart(self.floor_of(state, case, (steps * self.eps * np.stack(recent)).reshape(-1)))
        for t, (k, _, checkpoint) in enumerate(waiting):
            self._take(k, now[t], {name: values[t] for name, values in read.items()}, low[t], checkpoint)

    def seen(self, k: int, now: Array, checkpoint: bool) -> None:
        """The metric after k updates, measured elsewhere (inside a compiled loop)."""
        self._measure_waiting()
        value = self._window.fed(k, now)
        if checkpoint:
            self.k.append(k)
            self.measured.append(value)
            for name, series in self._sums.items():
                self.kept.setdefault(name, []).append(series)

    def record(self, final: Any) -> Record:
        """Everything collected, stacked."""
        self._measure_waiting()
        return Record(np.array(self.k), np.stack(self.measured), np.stack(self.floors) if self.floors else None,
                      {name: np.stack(values) for name, values in self.kept.items()}, final)


class Watch(NamedTuple):
    """A recorder, the rows of the batch that it is shown, and its checkpoints."""

    recorder: Recorder
    rows: slice
    wanted: frozenset[int]


@dataclass(frozen=True)
class Several:
    """Recorders of one run, each of its own rows."""

    watches: tuple[Watch, ...]

    @cached_property
    def every(self) -> bool:
        """Whether some metric is needed at every k."""
        return any(watch.recorder.every for watch in self.watches)

    @cached_property
    def wanted(self) -> frozenset[int]:
        """The checkpoints of all."""
        return frozenset().union(*(watch.wanted for watch in self.watches))

    def look(self, k: int, state: Any) -> None:
        """The state after k updates, shown to whoever asks for it."""
        for recorder, rows, wanted in self.watches:
            if recorder.every or k in wanted or k == 0:
                recorder.look(k, state if rows == slice(None) else rows_of(state, rows), k in wanted)


def rows_of(state: Any, rows: slice) -> Any:
    """Some of the rows of a state, nothing copied."""
    return type(state)(*(rows_of(v, rows) if isinstance(v, tuple) else v[rows] for v in state))


def entries(state: Any) -> int:
    """Numbers in a state."""
    return sum(entries(v) for v in state) if isinstance(state, tuple) else state.size


def flat_first(state: Any) -> Array:
    """The first array of a state."""
    first: Array = flat_first(state[0]) if isinstance(state[0], tuple) else state[0]
    return first


def joined(states: list[Any]) -> Any:
    """States of one shape, one below the other."""
    return type(states[0])(*(joined([s[i] for s in states]) if isinstance(v, tuple) else np.concatenate([s[i] for s in states]) for i, v in enumerate(states[0])))


def repeated(case: Case, times: int, cases: int) -> Case:
    """The case of a batch that stands `times` times below itself."""
    return replace(case, values={s: np.tile(v, times) if getattr(v, "shape", None) == (cases,) else v for s, v in case.values.items()})


def taken_apart(values: Array, times: int, cases: int) -> Array:
    """What was measured of a batch repeated `times` times: (times, cases, ...)."""
    values = np.asarray(values)
    return values.reshape(times, cases, *values.shape[1:]) if values.ndim else np.full((times, cases), values)


def aligned(low: Array, like: Array) -> Array:
    """A floor of one value a case (or a cell), shaped to be taken from the metric."""
    low = np.asarray(low)
    return low.reshape(low.shape + (1,) * (like.ndim - low.ndim))


def size_of(state: Any, case: Case) -> Array:
    """max(|x|, |x*|) of every case: what a point is rounded at."""
    point = state[0][0] if isinstance(state[0], tuple) else state[0]
    size = np.sqrt(norm_squared(np.asarray(point)).astype(float))
    if case.minimiser is not None:
        best = np.asarray(case.minimiser, dtype=float)
        size = np.maximum(size, np.sqrt((best * best).sum()))
    return np.maximum(size, SMALLEST)


def recent_size(size: Array, before: Any) -> Array:
    """The size of the last points: a point that was far away a step ago carries the rounding of that place."""
    return size if before is None else np.maximum(size, before / FORGOTTEN)


def measured_floor(metric: Measure) -> Callable[[Any, Case, Array], Array]:
    """The resolution of a metric that declares none: how much it changes when every field of the state moves by about s, and what its values of f cancel.

    The directions are Gaussian, so that none is at a right angle to all of them; of eight the root mean square is rarely below a third of the truth.
    """
    def floor(state: Any, case: Case, s: Array) -> Array:
        watched = Watched(case.problem)
        here = np.asarray(metric(state, replace(case, problem=watched)))
        rng = np.random.default_rng(0)                      # the directions are part of the definition, not of the experiment
        squares = sum(np.abs(np.asarray(metric(_moved(state, s, rng), case)) - here) ** 2 for _ in range(DIRECTIONS))
        cancelled = 0 if watched.largest is None else 4 * np.finfo(float).eps * (watched.largest + abs(float(case.minimum or 0)))
        return 3 * np.sqrt(squares / DIRECTIONS) + (cancelled if np.ndim(cancelled) == 0 else aligned(cancelled, here))

    return floor


class Watched:
    """A problem that remembers the largest |f(x)| that it was asked for: differences of such values know no more than their rounding."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self.largest: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.problem, name)

    def value(self, x: Array) -> Array:
        """f(x), remembered."""
        values = self.problem.value(x)
        self.largest = np.maximum(0.0 if self.largest is None else self.largest, np.abs(values))
        return values


def _moved(state: Any, s: Array, rng: np.random.Generator) -> Any:
    def shift(field_value: Any) -> Any:
        if isinstance(field_value, tuple):
            return type(field_value)(*(shift(v) for v in field_value))
        if field_value.dtype.kind != "f":
            return field_value
        return field_value + rng.standard_normal(field_value.shape) * s.reshape((-1,) + (1,) * (field_value.ndim - 1))

    return type(state)(*(shift(v) for v in state))
