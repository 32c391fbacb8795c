"""How an audit looks for trouble: points on all scales, pairs of them, the steepest and the flattest secant of a gradient, ascent of any score."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.constants import Array

Gradient = Callable[[Array], Array]

SLACK = 1e-7      # relative: float64 leaves nine digits of a difference of gradients over a step of a ten-millionth; two are spared


class Secant(NamedTuple):
    """The extreme slope found, up to how much of it may be rounding, and where."""

    slope: float
    noise: float
    at: Array


def flat(x: Array) -> Array:
    """Points as vectors: (count, *shape) to (count, size)."""
    return x.reshape(x.shape[0], -1)


def norms(x: Array) -> Array:
    """Euclidean norm of each point, (count,)."""
    return np.sqrt((flat(x) ** 2).sum(axis=1))


def sample_points(problem: Any, rng: np.random.Generator, count: int = 400) -> Array:
    """Points around the starts and the minimiser, at distances spread over seven decades, projected where there is a set: (count, *shape)."""
    anchors = [np.asarray(FLOAT64.array(start.point)) for start in problem.starts(rng)]
    best = next((f.at for f in problem.facts() if getattr(f, "at", None) is not None), None)
    if best is not None and np.shape(best) == anchors[0].shape:
        anchors.append(FLOAT64.array(np.asarray(best)))
    spread = max(float(np.abs(a).max()) for a in anchors) or 1.0
    base = np.stack([anchors[i % len(anchors)] for i in range(count)])
    scale = spread * 10 ** rng.uniform(-6, 1, size=(count,) + (1,) * (base.ndim - 1))
    return _feasible(problem, base + scale * rng.standard_normal(base.shape))


def pairs(problem: Any, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two sets of points, every second pair close; none closer than a ten-millionth of the spread, below which rounding rules."""
    x, y = sample_points(problem, rng), sample_points(problem, rng)
    spread = float(norms(x).max())
    reach = np.maximum(norms(x), 1e-2 * spread) * 10 ** rng.uniform(-5, 0, size=len(x))
    y[::2] = _feasible(problem, x + _column(reach, x) * rng.standard_normal(x.shape))[::2]
    apart = norms(x - y) > np.maximum(1e-6 * norms(x), 1e-7 * spread)
    return x[apart], y[apart]


def steepest_secant(gradient: Gradient, x: Array, y: Array, rounds: int = 30) -> Secant:
    """The largest |g(y) - g(x)|/|y - x|: a power iteration turns y - x, at fixed length, into the direction that is stretched most."""
    length = norms(y - x)
    change = gradient(y) - gradient(x)
    for _ in range(rounds):
        trial = x + change * _column(length / np.maximum(norms(change), 1e-300), x)
        new = gradient(trial) - gradient(x)
        better = _column(norms(new) > norms(change), x)
        y, change = np.where(better, trial, y), np.where(better, new, change)
    slope = norms(change) / np.maximum(norms(y - x), 1e-300)
    worst = int(np.argmax(slope))
    return Secant(float(slope[worst]), 0.0, x[worst])


def flattest_secant(gradient: Gradient, x: Array, y: Array, rounds: int = 200) -> Secant:
    """The least <g(y) - g(x), y - x>/|y - x|^2 (negative where f is not convex): the same iteration on `top - secant`."""
    length = norms(y - x)
    start = gradient(x)
    change = gradient(y) - start
    slope = _slope(change, y - x)
    top = float((norms(change) / length)[length > 1e-3 * norms(x)].max(initial=0)) or float((norms(change) / length).max())
    for _ in range(rounds):
        turned = top * (y - x) - change
        size = norms(turned)
        trial = x + turned * _column(length / np.maximum(size, 1e-300), x)
        new = gradient(trial) - start
        lower = _slope(new, trial - x)
        better = (lower < slope) & (size > 1e-9 * top * length)      # a vanishing `turned` is rounding: no direction
        y, change = np.where(_column(better, x), trial, y), np.where(_column(better, x), new, change)
        slope = np.where(better, lower, slope)
    # rounding of the two gradients, and of the points they are taken at
    noise = SLACK * norms(change) / length + 1e-13 * (2 * norms(start) + norms(change)) / length + 1e-9 * top
    worst = int(np.argmin(slope + noise))
    return Secant(float(slope[worst]), float(noise[worst]), x[worst])


def climb(problem: Any, score: Callable[[Array], Array], x: Array, rng: np.random.Generator, rounds: int = 120) -> tuple[float, Array]:
    """The highest score reached, and where, by random moves of the forty best points: longer after a success, shorter after a failure."""
    first = score(x)
    kept = np.argsort(-first)[:40]
    x, best = x[kept], first[kept]
    radius = 0.3 * np.maximum(norms(x), 1e-6 * norms(x).max() + 1e-300)
    for _ in range(rounds):
        trial = _feasible(problem, x + _column(radius / np.sqrt(flat(x).shape[1]), x) * rng.standard_normal(x.shape))
        new = score(trial)
        better = new > best
        x, best = np.where(_column(better, x), trial, x), np.where(better, new, best)
        radius = radius * np.where(better, 1.6, 0.8)
    top = int(np.argmax(best))
    return float(best[top]), x[top]


def descended(gradient: Gradient, x: Array, step_size: float, rounds: int = 2000) -> Array:
    """Points along gradient descent from every x (kept at rounds 1, 2, 4, ...): they line up with the flattest direction."""
    kept = [x]
    for i in range(1, rounds + 1):
        x = x - step_size * gradient(x)
        if i & (i - 1) == 0 or i == rounds:
            kept.append(x)
    return np.concatenate(kept)


def _slope(change: Array, step: Array) -> Array:
    square = norms(step) ** 2
    return np.where(square > 0, (flat(change) * flat(step)).sum(axis=1) / np.maximum(square, 1e-300), np.inf)


def _column(values: Array, like: Array) -> Array:
    return values.reshape((-1,) + (1,) * (like.ndim - 1))


def _feasible(problem: Any, x: Array) -> Array:
    return problem.project(x) if hasattr(problem, "project") else x
