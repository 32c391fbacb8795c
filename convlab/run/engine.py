"""The engine: one loop that runs an algorithm on a batch and shows its states to a recorder. NumPy here; `jax_loop` compiles the same."""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.draws import Draws
from convlab.run.bind import Binder
from convlab.run.cases import Batch, stream
from convlab.run.recorder import Recorder, Several, Watch

BLOCK = 1024      # replicates a random stream
CHUNK = 512       # updates whose draws are made ahead, at least
AHEAD = 2**17     # numbers drawn ahead where these are fewer (a megabyte): one replicate is then not stopped every 512 updates


def is_random(algorithm: Any) -> bool:
    """Whether an algorithm declares draws."""
    return hasattr(algorithm, "draws")


def initial_state(binder: Binder, batch: Batch) -> Any:
    """`init` of every case, with the fields that the starts prescribe."""
    return _with_fields(binder.at(0).init(batch.x0, batch.case.problem), batch.free())


def _with_fields(state: Any, values: Mapping[str, Array]) -> Any:
    return state._replace(**values) if values else state


def steps(binder: Binder) -> Iterator[Any]:
    """The algorithm of each update, without end: bound once where nothing depends on k."""
    return map(binder.at, itertools.count()) if binder.scheduled else itertools.repeat(binder.at(0))


def run_deterministic(binder: Binder, oracle: Any, state: Any, points: Array, recorder: Recorder) -> Any:
    """Runs updates without randomness; returns the final state."""
    wanted, every = set(points.tolist()), recorder.every
    recorder.look(0, state, 0 in wanted)
    algorithms = steps(binder)
    keep_memory()
    with np.errstate(all="ignore"):                          # divergence is an outcome, read off the record
        for k in range(1, int(points[-1]) + 1):
            state = next(algorithms).step(state, oracle)
            if every or k in wanted:
                recorder.look(k, state, k in wanted)
    return state


def chunk_length(draws: Draws, count: int) -> int:
    """How many updates' draws are made ahead."""
    return max(CHUNK, AHEAD // (count * max(1, sum(prod(law.shape) for law in draws.values()))))


def raw_draws(draws: Draws, seed: tuple[object, ...], total: int, count: int, chunk: int | None = None) -> Iterator[Mapping[str, Array]]:
    """Raw material in chunks of updates, each (chunk, count, *shape). Streams belong to (name, replicate block): any chunking gives the same bits."""
    blocks = [(b, min(BLOCK, count - b * BLOCK)) for b in range(-(-count // BLOCK))]
    number, names = seed[0], seed[1:]
    assert isinstance(number, int)
    streams = {(name, b): np.random.default_rng(stream(number, *names, name, b)) for name in draws for b, _ in blocks}
    chunk = chunk or chunk_length(draws, count)
    for first in range(0, total, chunk):
        length = min(chunk, total - first)
        yield {name: joined([law.raw(streams[name, b], length, size) for b, size in blocks]) for name, law in draws.items()}


def joined(parts: list[Array]) -> Array:
    """Replicate blocks side by side."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def run_sampled(binder: Binder, oracle: Any, state: Any, points: Array, recorder: Recorder, count: int, seed: tuple[object, ...]) -> Any:
    """Runs updates on drawn randomness; returns the final state. `seed` is (number, names...)."""
    declared, last = binder.at(0).draws(oracle), int(points[-1])
    watch = Several((Watch(recorder, slice(None), frozenset(points.tolist())),))
    return run_drawn(binder, oracle, state, last, watch, declared, raw_draws(declared, seed, last, count))


def run_drawn(binder: Binder, oracle: Any, state: Any, last: int, watch: Several, declared: Draws, raw: Iterable[Mapping[str, Array]]) -> Any:
    """Runs updates on raw material drawn ahead, chunk after chunk of (updates, rows, ...); returns the final state."""
    watch.look(0, state)
    scheduled, finished = binder.scheduled, declared.stateless
    algorithms, numbers = steps(binder), iter(range(1, last + 1))
    keep_memory()
    with np.errstate(all="ignore"):
        for chunk in raw:
            for draw, algorithm, k in zip(declared.each(chunk), algorithms, numbers, strict=False):      # the draws end first, and nothing is skipped
                if not finished:
                    draw = (algorithm.draws(oracle) if scheduled else declared).value(draw._asdict(), state)
                state = algorithm.step(state, oracle, draw)
                if watch.every or k in watch.wanted:
                    watch.look(k, state)
    return state


def keep_memory() -> None:
    """Has the C library keep what updates free. glibc gives blocks of over 128 kB back to the system, so that every update would wait for fresh pages.

    It raises that limit to the largest block that it has seen freed, up to 32 MB. Such a block is asked for here, not touched, and freed; elsewhere nothing happens.
    """
    np.empty(31 << 20, dtype=np.uint8)


def flattened(state: Any) -> Array:
    """A state (nested NamedTuples of arrays) as one array (cases, entries)."""
    parts = [flattened(v) if isinstance(v, tuple) else v.reshape(v.shape[0], -1) for v in state]
    return np.concatenate(parts, axis=1)


def unflattened(flat: Array, like: Any) -> Any:
    """The inverse of `flattened`, with the shapes (and integer types) of `like`."""
    position = 0

    def take(value: Any) -> Any:
        nonlocal position
        if isinstance(value, tuple):
            return type(value)(*(take(v) for v in value))
        width = int(np.prod(value.shape[1:], dtype=int))
        part = flat[:, position:position + width].reshape((flat.shape[0], *value.shape[1:]))
        position += width
        return part.astype(value.dtype) if value.dtype.kind in "iub" else part

    return take(like)
