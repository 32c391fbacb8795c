"""The same loop compiled: draws are made ahead by NumPy's streams, updates and metrics run inside one `lax.scan` a chunk.

The draws are the bits of the NumPy loop, so both agree to rounding. JAX's float64 is asked for through its context manager only; nothing global changes.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from convlab.arithmetic import cast, jax_arithmetic
from convlab.constants import Array
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.engine import raw_draws
from convlab.run.recorder import Recorder


def available() -> bool:
    """Whether JAX is installed (the extra `jax`)."""
    return find_spec("jax") is not None


def run_compiled(binder: Binder, oracle: Any, state: Any, points: Array, recorder: Recorder, count: int, seed: tuple[object, ...]) -> Any:
    """As `engine.run_sampled`. Metrics are evaluated inside the scan, at the checkpoints only unless the mode needs every k."""
    import jax

    with jax.enable_x64(True):
        return _run(binder, oracle, state, points, recorder, count, seed)


def _run(binder: Binder, oracle: Any, state: Any, points: Array, recorder: Recorder, count: int, seed: tuple[object, ...]) -> Any:
    import jax
    import jax.numpy as jnp

    problem = cast(oracle, jax_arithmetic())
    case = Case(problem, {s: jnp.asarray(v) if getattr(v, "ndim", 0) else v for s, v in recorder.case.values.items()},
                None if recorder.case.minimiser is None else jnp.asarray(recorder.case.minimiser), recorder.case.minimum)
    wanted = set(points.tolist())
    recorder.look(0, state, 0 in wanted)
    state = jax.tree.map(jnp.asarray, state)
    shape = jax.eval_shape(lambda s: recorder.metric(s, case), state)
    declared = binder.at(0).draws(oracle)
    every = recorder.every

    def update(carried: Any, item: Any) -> tuple[Any, Any]:
        raw, changing, looked = item
        algorithm = _with(fixed, changing)
        after = algorithm.step(carried, problem, algorithm.draws(problem).value(raw, carried))
        seen = recorder.metric(after, case) if every else jax.lax.cond(looked, lambda s: recorder.metric(s, case), lambda s: jnp.zeros(shape.shape, shape.dtype), after)
        return after, seen

    def chunk_of(carried: Any, raw: Any, changing: Any, looked: Any, rows: Any) -> tuple[Any, Any]:
        after, seen = jax.lax.scan(update, carried, (raw, changing, looked))
        return after, seen[rows]

    fixed, compiled, k = binder.at(0), jax.jit(chunk_of), 0
    for chunk in raw_draws(declared, seed, int(points[-1]), count):
        length = next(iter(chunk.values())).shape[0]
        numbers = range(k + 1, k + length + 1)
        changing = _schedule(binder, k, length) if binder.scheduled else {}
        looked = np.array([every or number in wanted for number in numbers])
        rows = np.nonzero(looked)[0]
        state, seen = compiled(state, {name: jnp.asarray(raw) for name, raw in chunk.items()}, changing, jnp.asarray(looked), jnp.asarray(rows))
        for row, value in zip(rows.tolist(), np.asarray(seen), strict=True):
            recorder.seen(k + row + 1, value, k + row + 1 in wanted)
        k += length
    return jax.tree.map(np.asarray, state)


def _schedule(binder: Binder, first: int, length: int) -> Mapping[str, Array]:
    """The fields that change with k, stacked over a chunk of updates."""
    algorithms = [binder.at(first + t) for t in range(length)]
    names = [f.name for f in fields(algorithms[0]) if _changes(binder, f.name)]
    return {name: np.stack([np.asarray(getattr(a, name)) for a in algorithms]) for name in names}


def _changes(binder: Binder, name: str) -> bool:
    given = getattr(binder.algorithm, name)
    if is_dataclass(given) and not isinstance(given, type):
        return replace(binder, algorithm=given).scheduled
    single = replace(binder, algorithm=_Holder(given))
    return single.scheduled


def _with(algorithm: Any, changing: Mapping[str, Any]) -> Any:
    return replace(algorithm, **changing) if changing else algorithm
