"""Data for regression: a rational design of prescribed singular values, a random two-class sample, and breast cancer records."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from convlab.constants import Array, Number
from convlab_problems.rational import number, orthogonal

SAMPLES = 16       # a power of 4, so that the Hadamard matrix over its root is rational


def designed(scales: Sequence[Number], seed: int) -> Array:
    """16 rational rows with A^T A/16 = Q diag(scales^2) Q^T, rows of different lengths: a rotated Hadamard matrix, cut and stretched."""
    hadamard = np.array([[Fraction(1, 4)]], dtype=object)
    for _ in range(4):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    frame = (hadamard @ orthogonal(seed, SAMPLES))[:, : len(scales)]
    stretch = np.array([number(s) for s in scales], dtype=object)
    return np.asarray((4 * frame * stretch) @ orthogonal(seed + 1, len(scales)).T, dtype=object)


def noisy_targets(design: Array, seed: int) -> Array:
    """Targets of a rational linear model with errors up to 2, in eighths."""
    rng = np.random.default_rng(seed)
    slope, error = rng.integers(-5, 6, size=design.shape[1]), rng.integers(-16, 17, size=len(design))
    return design @ slope + np.array([Fraction(int(e), 8) for e in error], dtype=object)


def two_classes(samples: int, dimension: int, width: float, seed: int) -> tuple[Array, Array]:
    """Gaussian rows of length about width sqrt(dimension), labels of a noisy linear rule: (samples, dimension) and +-1."""
    rng = np.random.default_rng(seed)
    rows = width * rng.standard_normal((samples, dimension))
    score = rows @ rng.standard_normal(dimension) + width * rng.standard_normal(samples)
    return rows, np.where(score > 0, 1.0, -1.0)


def breast_cancer() -> tuple[Array, Array] | None:
    """Every eighth record (72) and the ten mean features, standardised, with labels +-1; None where scikit-learn is not installed."""
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        return None
    table = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "breast_cancer.csv"      # read as a file: importing scikit-learn takes seconds
    if not table.is_file():
        return None
    values = np.loadtxt(table, delimiter=",", skiprows=1)
    rows, labels = values[::8, :10], values[::8, -1]
    return (rows - rows.mean(axis=0)) / rows.std(axis=0), 2.0 * labels - 1
