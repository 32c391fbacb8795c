"""SGD on least squares as one would write it by hand: no engine, no record, the drawn samples given. What the engine is measured against.

All take the rows (n, dimension) and targets (n,) of f_i(x) = (<rows_i, x> - targets_i)^2/2, a start (replicates, dimension) and the samples (updates, replicates),
and return the last iterates.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convlab.constants import Array


def in_place(rows: Array, targets: Array, step_size: float, start: Array, samples: Array) -> Array:
    """NumPy without a single allocation inside the loop."""
    x, row, miss, target = start.copy(), np.empty_like(start), np.empty(len(start)), np.empty(len(start))
    for index in samples:
        rows.take(index, axis=0, out=row, mode="clip")             # "clip" is NumPy's way to write into `out` directly
        targets.take(index, out=target, mode="clip")
        np.vecdot(row, x, out=miss)
        miss -= target
        miss *= step_size
        row *= miss[:, None]
        x -= row
    return x


def functional(rows: Array, targets: Array, step_size: float, start: Array, samples: Array) -> Array:
    """The same in expressions, each update a new array."""
    x = start
    for index in samples:
        row = rows[index]
        miss = np.vecdot(row, x) - targets[index]
        x = x - step_size * miss[:, None] * row
    return x


def scanned(rows: Array, targets: Array, step_size: float) -> Callable[[Array, Array], Any]:
    """JAX: one compiled scan over all updates, as a function of start and samples. Call it inside `jax.enable_x64(True)`."""
    import jax
    import jax.numpy as jnp

    rows, targets = jnp.asarray(rows), jnp.asarray(targets)

    def update(x: Any, index: Any) -> tuple[Any, None]:
        row = rows[index]
        miss = (row * x).sum(axis=-1) - targets[index]
        return x - step_size * miss[:, None] * row, None

    run: Callable[[Array, Array], Any] = jax.jit(lambda start, samples: jax.lax.scan(update, start, samples)[0])
    return run
