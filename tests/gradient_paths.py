"""Gradients that do not depend on the point, from three unlike cases, and the path that an algorithm takes along them."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

RNG = np.random.default_rng(11)
UNLIKE = np.array([1.0, 100.0, 0.01])[:, None]                      # of the three cases' gradients
GRADIENTS = RNG.normal(size=(12, 3, 4)) * UNLIKE
STARTS = RNG.normal(size=(3, 4)) * 5


class Recorded:
    def __init__(self, gradients: np.ndarray) -> None:
        self.gradients: Iterator[np.ndarray] = iter(gradients)

    def gradient(self, x: Any) -> Any:
        return next(self.gradients)


def path(algorithm: Any, starts: np.ndarray = STARTS, gradients: np.ndarray = GRADIENTS) -> np.ndarray:
    state, oracle = algorithm.init(starts, None), Recorded(gradients)
    found = []
    for _ in gradients:
        state = algorithm.step(state, oracle)
        found.append(state.x)
    return np.array(found)
