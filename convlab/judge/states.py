"""Populations of states, from which a step inequality is tried: at all distances from the start, with any memory, then around the worst."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.run.engine import flattened, unflattened

LEAST = 1e-3              # a start nearer to zero than this is searched around as if it were as far
WIDTH = (-4, 2)           # decades, in sizes of the start, at which states are generated
NEAR = (-4, 0)            # decades, in distances from the start, at which the worst are moved


@dataclass(frozen=True)
class Surroundings:
    """The state that an algorithm starts in (one row), and of what size its start is. States are rows (count, entries) of all their fields side by side."""

    initial: Any
    size: float

    @cached_property
    def base(self) -> Array:
        """The initial state as a row."""
        return flattened(self.initial).astype(float)

    @cached_property
    def field(self) -> Array:
        """The number of the field that each entry belongs to."""
        parts = [np.full(leaf[0].size, number) for number, leaf in enumerate(leaves(self.initial))]
        return np.unique(np.concatenate(parts), return_inverse=True)[1]

    @cached_property
    def moves(self) -> Array:
        """1 for entries that a search may move, 0 for counters."""
        return np.concatenate([np.full(leaf[0].size, int(leaf.dtype.kind == "f")) for leaf in leaves(self.initial)])

    def state(self, rows: Array) -> Any:
        """The rows as states of the algorithm."""
        return unflattened(rows, self.initial)

    def with_memory(self, rows: Array, rng: np.random.Generator) -> Array:
        """Initial states, of which two thirds get another memory: what is not the first field, moved over six decades, each field by its own."""
        spread = self.size * 10 ** rng.uniform(*WIDTH, size=(len(rows), self.field[-1] + 1))
        chosen = (np.arange(len(rows)) % 3 > 0)[:, None] * (self.field > 0) * self.moves
        return rows + chosen * spread[:, self.field] * rng.standard_normal(rows.shape)

    def around(self, rows: Array, rng: np.random.Generator) -> Array:
        """States moved, each field by a share of its distance from the initial one."""
        first = np.unique(self.field, return_index=True)[1]
        reach = np.maximum.reduceat(np.abs(rows - self.base), first, axis=1) + LEAST * self.size
        return rows + self.moves * (reach * 10 ** rng.uniform(*NEAR, size=reach.shape))[:, self.field] * rng.standard_normal(rows.shape)


def start_size(start: Array) -> float:
    """The largest entry of a start, or LEAST."""
    return max(LEAST, float(np.abs(start).max()))


def points_around(start: Array, count: int, rng: np.random.Generator) -> Array:
    """Points (count, ...) around a start at distances over six decades, the start itself first."""
    scale = start_size(start) * 10 ** rng.uniform(*WIDTH, size=(count,) + (1,) * start.ndim)
    points = start + scale * rng.standard_normal((count, *start.shape))
    points[0] = start
    return points


def leaves(state: Any) -> Iterator[Array]:
    """The arrays of a state, nested ones too, in the order of `flattened`."""
    for value in state:
        yield from leaves(value) if isinstance(value, tuple) else (value,)


def told(state: Any) -> str:
    """The first of some states, field by field: x = [...], v = [...]."""
    names = getattr(state, "_fields", range(len(state)))
    return ", ".join(told(value) if isinstance(value, tuple) else f"{name} = {np.array2string(np.asarray(value[0]), precision=6)}"
                     for name, value in zip(names, state, strict=True))
