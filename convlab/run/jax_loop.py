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
from convlab.run.engine import raw_draws
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

        wanted, k = set(points.tolist()), 0
        recorder.look(0, state, 0 in wanted)
        with jax.enable_x64(True):
            state = jax.tree.map(jax.numpy.asarray, state)
            for chunk in raw_draws(self.binder.at(0).draws(self.oracle), seed, int(points[-1]), count):
                length = next(iter(chunk.values())).shape[0]
                looked = np.array([recorder.every or k + t in wanted for t in range(1, length + 1)])
                state, seen = self._chunk(state, chunk, self._schedule(k, length), looked)
                for t, value in zip(np.nonzero(looked)[0].tolist(), np.asarray(seen)[looked], strict=True):
                    recorder.seen(k + t + 1, value, k + t + 1 in wanted)
                k += length
            return jax.tree.map(np.asarray, state)

    @cached_property
    def _chunk(self) -> Callable[..., tuple[Any, Any]]:
        import jax
        import jax.numpy as jnp

        problem = cast(self.oracle, jax_arithmetic())
        case = Case(problem, {s: jnp.asarray(v) if getattr(v, "ndim", 0) else v for s, v in self.case.values.items()},
                    None if self.case.minimiser is None else jnp.asarray(self.case.minimiser), self.case.minimum)
        fixed = self.binder.at(0)

        def measured(state: Any) -> Any:
            return self.metric(state, case)

        def update(state: Any, item: Any) -> tuple[Any, Any]:
            raw, changing, looked = item
            algorithm = replace(fixed, **changing) if changing else fixed
            after = algorithm.step(state, problem, algorithm.draws(problem).value(raw, state))
            unseen = jax.eval_shape(measured, after)
            return after, jax.lax.cond(looked, measured, lambda s: jnp.zeros(unseen.shape, unseen.dtype), after)

        compiled: Callable[..., tuple[Any, Any]] = jax.jit(lambda state, raw, changing, looked: jax.lax.scan(update, state, (raw, changing, looked)))
        return compiled

    def _schedule(self, first: int, length: int) -> Mapping[str, Any]:
        """The fields that change with k, stacked over a chunk of updates."""
        names = scheduled_fields(self.binder.algorithm)
        algorithms = [self.binder.at(first + t) for t in range(length)] if names else []
        return {name: np.stack([np.asarray(getattr(a, name)) for a in algorithms]) for name in names}
