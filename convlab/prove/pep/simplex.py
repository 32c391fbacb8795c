"""The smallest value of a convex quadratic over the simplex, in floats or exactly in rationals: an active-set method from the best vertex."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import holds_objects
from convlab.constants import Array
from convlab.operations import Unsupported

ROUNDING = 1e-13       # relative: a slope this small is rounding
UNEVEN = 1e-7          # relative: slopes on a support that differ by more are not stationary
FLAT = 1e-10           # relative: a singular value this small is 0


def simplex_minimum(matrix: Array, linear: Array) -> Array:
    """The a >= 0 with sum 1 that minimises a M a/2 + <linear, a>, M positive semidefinite. One weight at a time enters or leaves.

    Raises Unsupported where rationals meet a singular system.
    """
    exact = holds_objects(matrix)
    size: Any = 0 if exact else ROUNDING * (np.abs(matrix).max() + np.abs(linear).max())
    weights = linear * 0
    support = [int(np.argmin(matrix.diagonal() / 2 + linear))]
    weights[support[0]] += 1
    for _ in range(20 * len(linear)):
        slopes = matrix @ weights + linear
        level = slopes[support[int(np.argmax(weights[support]))]]
        entering = min((i for i in range(len(linear)) if i not in support), key=slopes.__getitem__, default=None)
        if entering is None or slopes[entering] >= level - size:
            break
        support = _descended(matrix, linear, weights, [*support, entering])
    return weights


def _descended(matrix: Array, linear: Array, weights: Array, support: list[int]) -> list[int]:
    """Moves the weights to the minimum on a face of the support, dropping what reaches 0; returns what is left of the support."""
    while True:
        now = weights[support]
        aim = _on_support(matrix, linear, support)
        if not holds_objects(matrix):
            aim = _towards(matrix, linear, support, now, aim)
        falling = [(now[i] / (now[i] - aim[i]), i) for i in range(len(support)) if aim[i] < 0]
        weights[:] = weights * 0
        if not falling:
            weights[support] = aim
            return support
        share, leaving = min(falling)
        weights[support] = [max(value + share * (target - value), value * 0) for value, target in zip(now, aim, strict=True)]
        weights[support[leaving]] *= 0
        support = [s for i, s in enumerate(support) if i != leaving]


def _on_support(matrix: Array, linear: Array, support: list[int]) -> Array:
    """The minimiser with sum 1 on a support, signs free."""
    count = len(support)
    system = np.zeros((count + 1, count + 1), dtype=matrix.dtype)
    system[:count, :count] = matrix[np.ix_(support, support)]
    size = Fraction(1) if holds_objects(matrix) else np.abs(system).max() or 1.0
    system[count, :count] = system[:count, count] = size
    right = np.concatenate([-linear[support], np.array([size], dtype=matrix.dtype)])
    return (_solved(system, right) if holds_objects(matrix) else np.linalg.lstsq(system, right, rcond=1e-14)[0])[:count]


def _towards(matrix: Array, linear: Array, support: list[int], now: Array, aim: Array) -> Array:
    """The aim where it is stationary; else a point beyond the face, in a direction along which the quadratic part is flat and the value falls for ever."""
    slopes = matrix[np.ix_(support, support)] @ aim + linear[support]
    uneven = slopes - slopes.mean()
    if np.abs(uneven).max() <= UNEVEN * (np.abs(slopes).max() + np.abs(linear).max()):
        return aim
    rows = np.concatenate([matrix[np.ix_(support, support)] / (np.abs(matrix).max() or 1.0), np.ones((1, len(support)))])
    _, sizes, directions = np.linalg.svd(rows)
    flat = directions[int((sizes > FLAT * sizes.max()).sum()):]
    down = -(flat.T @ (flat @ uneven))
    return now + down * (2 / np.abs(down).max() if down.any() else 0.0)


def _solved(system: Array, right: Array) -> Array:
    rows = [[*map(Fraction, row), Fraction(b)] for row, b in zip(system, right, strict=True)]
    for column in range(len(rows)):
        pivot = next((r for r in range(column, len(rows)) if rows[r][column] != 0), None)
        if pivot is None:
            raise Unsupported("the minimum over a simplex is not unique in its weights")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [v / rows[column][column] for v in rows[column]]
        for r in range(len(rows)):
            if r != column and rows[r][column] != 0:
                factor = rows[r][column]
                rows[r] = [v - factor * w for v, w in zip(rows[r], rows[column], strict=True)]
    return np.array([row[-1] for row in rows], dtype=object)
