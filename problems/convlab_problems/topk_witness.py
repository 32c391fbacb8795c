"""Three strongly convex workers on which top-1 compression of each worker's gradient moves away from the minimum, at every step size."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Minimum, Quadratic, Smooth, StronglyConvex, Workers
from convlab.constants import Array, exact
from convlab.operations import inner
from convlab.problem import Family, Member, Space, Start


@dataclass(frozen=True, eq=False)
class TopOneWitness:
    """f_i(x) = <a_i, x>^2 + |x|^2/4 with a_i = (-3, 2, 2) and its permutations; f = mean of the f_i has its minimum 0 at 0.

    On the diagonal x = t(1, 1, 1) worker i's gradient is t(2 a_i + 1/2): its largest entry, at i, is -11 t/2 and points uphill, while the sum of its
    entries points downhill. Source: Beznosikov, Horvath, Richtarik, Safaryan (2020).
    """

    directions: Array        # a_i, (workers, dimension)
    start: Array

    @property
    def workers(self) -> int:
        """3."""
        return int(self.directions.shape[0])

    @property
    def dimension(self) -> int:
        """3."""
        return int(self.directions.shape[1])

    def value(self, x: Array) -> Array:
        """f(x)."""
        along = x @ self.directions.T
        return (along * along).sum(axis=-1) / self.workers + inner(x, x) / 4

    def gap(self, x: Array) -> Array:
        """f(x) - 0."""
        return self.value(x)

    def worker_gradients(self, x: Array) -> Array:
        """2 <a_i, x> a_i + x/2: (replicates, workers, dimension), x common to all or one point a worker."""
        common = x[:, None, :] if x.ndim == 2 else x
        return 2 * (common * self.directions).sum(axis=-1)[..., None] * self.directions + common / 2

    def gradient(self, x: Array) -> Array:
        """The mean of the workers' gradients."""
        return self.worker_gradients(x).sum(axis=1) / self.workers

    def facts(self) -> tuple[Any, ...]:
        """sum_i a_i a_i^T = 25 I - 8 ones: eigenvalue 1 on the diagonal, 25 across."""
        return (Workers(self.workers), Quadratic(),
                Smooth(exact(Fraction(103, 6), how="Hessian 2/3 (25 I - 8 ones) + I/2: 2/3 * 25 + 1/2 across the diagonal")),
                StronglyConvex(exact(Fraction(7, 6), how="Hessian 2/3 (25 I - 8 ones) + I/2: 2/3 + 1/2 along the diagonal")),
                Minimum(exact(0, how="a sum of squares, 0 at 0"), at=0 * self.start))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """A point of the diagonal."""
        return (Start("diagonal", self.start),)


def make(start: Any = Fraction(17, 4)) -> TopOneWitness:
    """The witness, started at t(1, 1, 1) for a number t, or at a point."""
    point = np.asarray([start] * 3 if np.ndim(start) == 0 else start, dtype=object)
    ones = np.ones((3, 3), dtype=object) * Fraction(1)
    return TopOneWitness(2 * ones - 5 * np.eye(3, dtype=int), point)


def members() -> Iterable[Member]:
    """From one point of the diagonal."""
    yield Member("topk-witness", make())


SEARCH = (Space({"t": (1 / 8, 64), "second": (-2, 2), "third": (-2, 2)}, lambda n: {"start": (n["t"], n["second"] * n["t"], n["third"] * n["t"])}, asked=(Workers,)),)
FAMILY = Family("topk_witness", make, members, SEARCH)
