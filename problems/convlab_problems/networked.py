"""Workers of one curvature on a graph, each drawn to a target of its own: where decentralized gradient descent can be followed exactly."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import ConstrainedMinimum, QuadraticWorkers, Smooth, StronglyConvex
from convlab.constants import Array, Number, exact
from convlab.problem import Family, Member, Start
from convlab_problems.graphs import Graph, OnePeer
from convlab_problems.graphs import make as graph_of
from convlab_problems.rational import array_of, matching, number, starts_around, vector


@dataclass(frozen=True, eq=False)
class Networked:
    """f(X) = sum_i lam |x_i - b_i|^2/2 over points X whose rows x_i agree; minimum where every row is the mean of the b_i. W mixes the rows."""

    lam: Number
    targets: Array             # b_i, (workers, dimension)
    graph: Graph
    start: Array | None = None

    @property
    def workers(self) -> int:
        """N."""
        return self.graph.workers

    @property
    def curvatures(self) -> Array:
        """lam, once a worker."""
        return vector(self.lam, self.workers)

    def minimiser(self) -> Array:
        """The mean of the targets in every row."""
        return 0 * self.targets + self.targets.sum(axis=0) / self.workers

    def mix(self, x: Array) -> Array:
        """W X, X (replicates, workers, dimension)."""
        return self.graph.mix(x)

    def project(self, x: Array) -> Array:
        """Every row replaced by the mean of all."""
        return 0 * x + x.sum(axis=1)[:, None, :] / self.workers

    def value(self, x: Array) -> Array:
        """f(X)."""
        apart = x - self.targets
        return self.lam * (apart * apart).sum(axis=-1).sum(axis=-1) / 2

    def gradient(self, x: Array) -> Array:
        """lam (x_i - b_i), each worker's at its own point."""
        return self.lam * (x - self.targets)

    def worker_gradients(self, x: Array) -> Array:
        """The same."""
        return self.gradient(x)

    def facts(self) -> tuple[Any, ...]:
        """Everything is known exactly, up to the graph's rate."""
        one = exact(self.lam, how="the Hessian is lam I")
        best = self.minimiser()
        return (*self.graph.facts(), QuadraticWorkers(one, one), Smooth(one), StronglyConvex(one),
                ConstrainedMinimum(exact(self.value(best[None])[0], how="f at the mean of the targets"), at=best))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given start, or every row at the same points around the minimum and the rows apart from each other."""
        if self.start is not None:
            return (Start("given", self.start),)
        apart = matching(array_of([[Fraction(3 * i - 5, 2)] * self.targets.shape[1] for i in range(self.workers)]), self.targets)
        return tuple(Start(s.name, 0 * self.targets + s.point + apart) for s in starts_around(self.minimiser()[0], rng))


def make(lam: Any, targets: Any, kind: str = "lazy_complete", start: Any = None, **weights: Any) -> Networked:
    """One worker a target on a graph of this kind (with its weights). Raises ValueError for lam <= 0 or a graph that changes in time."""
    graph = graph_of(kind, len(targets), **weights)
    if isinstance(graph, OnePeer) or not lam > 0:
        raise ValueError(f"networked workers need a curvature lam > 0 and a graph that does not change: given lam = {lam} on {kind}.")
    rows = array_of([[number(v) for v in np.atleast_1d(np.asarray(target, dtype=object))] for target in targets])
    points = None if start is None else array_of([[number(v) for v in np.atleast_1d(np.asarray(row, dtype=object))] for row in start])
    return Networked(number(lam), rows, graph, points)


def members() -> Iterator[Member]:
    """Two workers, a ring and a star."""
    yield Member("networked-2", make(Fraction(5, 3), (12, -7), pull=Fraction(1, 2)))
    yield Member("networked-ring-6", make(Fraction(2, 7), ((3, 1), (-9, 4), (6, -2), (0, 11), (5, 5), (-8, 1)), kind="ring"))
    yield Member("networked-star-5", make(4, (9, -3, 2, Fraction(1, 2), -6), kind="star"))


FAMILY = Family("networked", make, members)
