"""Populations of states, from which a step inequality is tried: at all distances from the start, with any memory, then around the worst.

A population is that of several settings: rows (settings, count, entries), an entry being one number of one field of a state. Each setting has a random
stream of its own, so that what it tries does not depend on the settings beside it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.run.engine import flattened, unflattened

LEAST = 1e-3              # a start nearer to zero than this is searched around as if it were as far
WIDTH = (-4, 2)           # decades, in sizes of the start, at which states are generated
NEAR = (-4, 0)            # decades, in distances from the start, at which the worst are moved

Streams = Sequence[np.random.Generator]


@dataclass(frozen=True)
class Surroundings:
    """The states that the settings start in (a row each), and of what size each start is, (settings,)."""

    initial: Any
    size: Array

    @cached_property
    def base(self) -> Array:
        """The initial states as rows, (settings, 1, entries)."""
        return flattened(self.initial).astype(float)[:, None]

    @cached_property
    def field(self) -> Array:
        """The number of the field that each entry belongs to."""
        parts = [np.full(leaf[0].size, number) for number, leaf in enumerate(leaves(self.initial))]
        return np.unique(np.concatenate(parts), return_inverse=True)[1]

    @cached_property
    def moves(self) -> Array:
        """1 for entries that a search may move, 0 for counters."""
        return np.concatenate([np.full(leaf[0].size, int(leaf.dtype.kind == "f")) for leaf in leaves(self.initial)])

    @cached_property
    def _first(self) -> Array:
        """The first entry of each field."""
        return np.unique(self.field, return_index=True)[1]

    def state(self, rows: Array) -> Any:
        """Rows (..., entries) as states of the algorithm."""
        return unflattened(rows.reshape(-1, rows.shape[-1]), self.initial)

    def with_memory(self, rows: Array, streams: Streams) -> Array:
        """Initial states, of which two thirds get another memory: what is not the first field, moved over six decades, each field by its own."""
        decades, directions = self._drawn(rows.shape[1], WIDTH, streams)
        chosen = (np.arange(rows.shape[1]) % 3 > 0)[:, None] * (self.field > 0) * self.moves
        return rows + chosen * (self.size[:, None, None] * 10 ** decades)[:, :, self.field] * directions

    def around(self, rows: Array, streams: Streams) -> Array:
        """States moved, each field by a share of its distance from the initial one."""
        decades, directions = self._drawn(rows.shape[1], NEAR, streams)
        reach = np.maximum.reduceat(np.abs(rows - self.base), self._first, axis=2) + LEAST * self.size[:, None, None]
        return rows + self.moves * (reach * 10 ** decades)[:, :, self.field] * directions

    def _drawn(self, count: int, width: tuple[int, int], streams: Streams) -> tuple[Array, Array]:
        """How far each field of each state moves, in decades, and where to."""
        decades = _each(streams, lambda rng: rng.uniform(*width, size=(count, len(self._first))))
        return decades, _each(streams, lambda rng: rng.standard_normal((count, len(self.field))))


def _each(streams: Streams, draw: Callable[[np.random.Generator], Array]) -> Array:
    return np.stack([draw(rng) for rng in streams])


def start_sizes(starts: Array) -> Array:
    """The largest entry of each of some starts, or LEAST."""
    return np.maximum(LEAST, np.abs(starts).reshape(len(starts), -1).max(axis=1))


def points_around(starts: Array, count: int, streams: Streams) -> Array:
    """Points (settings, count, ...) around the start of each setting at distances over six decades, the start itself first."""
    column = (count,) + (1,) * (starts.ndim - 1)
    decades = _each(streams, lambda rng: rng.uniform(*WIDTH, size=column))
    directions = _each(streams, lambda rng: rng.standard_normal((count, *starts.shape[1:])))
    points: Array = starts[:, None] + start_sizes(starts).reshape(-1, 1, *column[1:]) * 10 ** decades * directions
    points[:, 0] = starts
    return points


def leaves(state: Any) -> Iterator[Array]:
    """The arrays of a state, nested ones too, in the order of `flattened`."""
    for value in state:
        yield from leaves(value) if isinstance(value, tuple) else (value,)


def repeated(state: Any, times: int) -> Any:
    """Every state so many times in a row."""
    return type(state)(*(repeated(value, times) if isinstance(value, tuple) else np.repeat(value, times, axis=0) for value in state))


def told(state: Any) -> str:
    """The first of some states, field by field: x = [...], v = [...]."""
    names = getattr(state, "_fields", range(len(state)))
    return ", ".join(told(value) if isinstance(value, tuple) else f"{name} = {np.array2string(np.asarray(value[0]), precision=6)}"
                     for name, value in zip(names, state, strict=True))
