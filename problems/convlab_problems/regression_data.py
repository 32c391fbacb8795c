"""Data for regression: a rational design of prescribed singular values, a random two-class sample, breast cancer records, and handwritten digits."""
from __future__ import annotations

import gzip
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice
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
    table = _table("breast_cancer.csv")
    if table is None:
        return None
    values = np.loadtxt(table, delimiter=",", skiprows=1)
    return _standardised(values[::8, :10]), 2.0 * values[::8, -1] - 1


def digits() -> tuple[Array, Array] | None:
    """Every twenty-fifth handwritten digit (72), the ink in each quarter of its picture, standardised, with the digit itself; None without scikit-learn."""
    table = _table("digits.csv.gz")
    if table is None:
        return None
    with gzip.open(table, "rt") as lines:
        values = np.loadtxt(islice(lines, 0, None, 25), delimiter=",")
    ink = values[:, :64].reshape(-1, 2, 4, 2, 4).sum(axis=(2, 4)).reshape(-1, 4)
    return _standardised(ink), values[:, 64]


def _table(name: str) -> Path | None:
    """A data file of scikit-learn, read as a file: importing it takes seconds."""
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        return None
    table = Path(package.submodule_search_locations[0]) / "datasets" / "data" / name
    return table if table.is_file() else None


def _standardised(rows: Array) -> Array:
    """Columns of mean 0 and deviation 1."""
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0))
