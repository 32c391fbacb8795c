"""The same loop compiled: draws are made ahead by NumPy's streams, updates and metrics run inside one `lax.scan` a chunk.

The draws are the bits of the NumPy loop, so both agree to rounding. JAX's float64 is asked for through its context manager only; nothing global changes.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from convlab.arithmetic import cast, jax_arithmetic
from convlab.constants import Array
from convlab.metrics import Case, Measure
from convlab.run.bind import Binder, scheduled_fields
from convlab.run.engine import chunk_length, raw_draws
from convlab.run.recorder import Recorder


def available() -> bool:
    """Whether JAX is installed (the extra `jax`)."""
    return find_spec("jax") is not None


def run_compiled(binder: Binder, oracle: Any, state: Any, points: Array, recorder: Recorder, count: int, seed: tuple[object, ...]) -> Any:
    """As `engine.run_sampled`. Metrics are evaluated inside the scan, at the checkpoints only unless the mode needs every k."""
    return CompiledLoop(binder, oracle, recorder.metric, recorder.case).run(state, points, recorder, count, seed)


@dataclass(frozen=True)
class CompiledLoop:
    """An algorithm, a problem and a metric, compiled once for any number of runs."""

    binder: Binder
    oracle: Any
    metric: Measure
    case: Case

    def run(self, state: Any, points: Array, recorder: Recorder, count: int, seed: tuple[object, ...]) -> Any:
        """Runs to the last of `points`, shows the metric there to the recorder, returns the final state as NumPy arrays."""
        import jax

        wanted, last = set(points.tolist()), int(points[-1])
        recorder.look(0, state, 0 in wanted)
        if last == 0:
            return state
        draws = self.binder.at(0).draws(self.oracle)
        plan = Plan.of(np.arange(1, last + 1) if recorder.every else points[points > 0], chunk_length(draws, count))

        def show(first: int, seen: Any) -> None:
            for k, value in zip(plan.within(first).tolist(), np.asarray(seen), strict=False):        # what follows in `seen` is room
                recorder.seen(k, value, k in wanted)

        with jax.enable_x64(True):
            state, shown = jax.tree.map(jax.numpy.asarray, state), []
            for first, raw in zip(range(0, last, plan.length), raw_draws(draws, seed, last, count, plan.length), strict=True):
                updates = {"raw": raw, "changing": self._schedule(first, min(plan.length, last - first))}
                state, seen = self._chunk(state, jax.tree.map(plan.in_units, updates), *plan.stops(first), plan.unit)
                shown.append((first, seen))
                if len(shown) > 1:                           # one behind: JAX computes this chunk while the next is drawn
                    show(*shown.pop(0))
            show(*shown.pop())
            return jax.tree.map(np.asarray, state)

    @cached_property
    def _chunk(self) -> Callable[..., tuple[Any, Any]]:
        import jax
        import jax.numpy as jnp

        problem = cast(self.oracle, jax_arithmetic())
        case = Case(problem, {s: jnp.asarray(v) if getattr(v, "ndim", 0) else v for s, v in self.case.values.items()},
                    None if self.case.minimiser is None else jnp.asarray(self.case.minimiser), self.case.minimum)
        fixed = self.binder.at(0)

        def update(state: Any, item: Any) -> tuple[Any, None]:
            algorithm = replace(fixed, **item["changing"]) if item["changing"] else fixed
            return algorithm.step(state, problem, algorithm.draws(problem).value(item["raw"], state)), None

        def chunk(state: Any, updates: Any, stops: Any, number: Any, length: int) -> tuple[Any, Any]:
            def unit(u: Any, state: Any) -> Any:
                return jax.lax.scan(update, state, jax.tree.map(lambda a: a[u], updates), length)[0]

            def segment(s: Any, carried: Any) -> Any:
                after = jax.lax.fori_loop(stops[s], stops[s + 1], unit, carried[0])
                return after, carried[1].at[s].set(self.metric(after, case))

            shown = jax.eval_shape(lambda s: self.metric(s, case), state)
            seen = jnp.zeros((len(stops) - 1, *shown.shape), shown.dtype)
            result: tuple[Any, Any] = jax.lax.fori_loop(0, number, segment, (state, seen))
            return result

        return jax.jit(chunk, static_argnames="length")

    def _schedule(self, first: int, length: int) -> Mapping[str, Any]:
        """The fields that change with k, stacked over a chunk of updates."""
        names = scheduled_fields(self.binder.algorithm)
        algorithms = [self.binder.at(first + t) for t in range(length)] if names else []
        return {name: np.stack([np.asarray(getattr(a, name)) for a in algorithms]) for name in names}


@dataclass(frozen=True)
class Plan:
    """How a run is cut so that one compiled function serves all of it: chunks of `length` updates made of units, with at most `room` stops.

    From stop to stop goes a loop of which only the data tell how often; a unit is a loop of fixed length, which XLA runs faster.
    """

    looked: Array         # k at which the metric is wanted, up to the last update
    unit: int
    length: int
    room: int

    @staticmethod
    def of(looked: Array, about: int) -> Plan:
        """Chunks of at most about so many updates; evenly spaced looks are whole units apart."""
        distance = int(np.gcd.reduce(looked))
        unit = max(divisor for divisor in range(1, min(distance, about) + 1) if distance % divisor == 0)
        length = min(about // unit * unit, int(looked[-1]))
        return Plan(looked, unit, length, int(np.bincount((looked - 1) // length).max()) + 1)

    def within(self, first: int) -> Array:
        """Where the metric is wanted in the chunk after `first` updates."""
        return self.looked[slice(*np.searchsorted(self.looked, (first, first + self.length), side="right"))]

    def in_units(self, values: Array) -> Array:
        """(updates, ...) as (units, unit, ...); a last chunk that is shorter is filled up with updates that no stop asks for."""
        filled = values if len(values) == self.length else values[np.minimum(np.arange(self.length), len(values) - 1)]
        return filled.reshape(self.length // self.unit, self.unit, *values.shape[1:])

    def stops(self, first: int) -> tuple[Array, int]:
        """Where a chunk stops, in units from its start, filled up with its end; and the number of stretches between these, the last to its end."""
        end = min(self.length, int(self.looked[-1]) - first)
        inside = self.within(first) - first
        stretches = len(inside) + int(inside.size == 0 or inside[-1] < end)
        return np.concatenate([[0], inside, np.full(self.room - len(inside), end)]) // self.unit, stretches
