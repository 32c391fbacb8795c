"""A state's real entries and its counters: integer fields move by themselves, so that a step can be affine in the rest for each of their values."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convlab.constants import Array

Counters = tuple[Array, ...]


def is_counter(value: Array) -> bool:
    """Whether a field counts (or flags)."""
    return value.dtype.kind in "iub"


def split(state: Any, like: Any) -> tuple[Array, Counters]:
    """The real entries (cases, entries) and the counters of a state, by what these are in `like`."""
    pairs = list(_pairs(state, like))
    return (np.concatenate([value.reshape(len(value), -1) for value, shape in pairs if not is_counter(shape)], axis=1),
            tuple(value for value, shape in pairs if is_counter(shape)))


def joined(reals: Array, counters: Counters, like: Any) -> Any:
    """The inverse of `split`; counters of fewer cases stand for several in a row each."""
    position, left = 0, iter(counters)

    def take(value: Any) -> Any:
        nonlocal position
        if isinstance(value, tuple):
            return type(value)(*(take(v) for v in value))
        if is_counter(value):
            counter = next(left)
            return np.repeat(counter, len(reals) // len(counter), axis=0)
        width = int(np.prod(value.shape[1:], dtype=int))
        position += width
        return reals[:, position - width:position].reshape((len(reals), *value.shape[1:]))

    return take(like)


def key_of(counters: Counters) -> tuple[bytes, ...]:
    """What tells counters apart."""
    return tuple(counter.tobytes() for counter in counters)


def _pairs(state: Any, like: Any) -> Iterator[tuple[Array, Array]]:
    for value, shape in zip(state, like, strict=True):
        yield from _pairs(value, shape) if isinstance(shape, tuple) else ((value, shape),)
