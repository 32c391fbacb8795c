"""Clients with curvatures and targets of their own: where federated averaging can be followed exactly, and does not reach the minimiser."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import DisagreeingWorkers, Minimum, Quadratic, QuadraticWorkers, Smooth, StronglyConvex, Workers
from convlab.constants import Array, exact
from convlab.problem import Family, Member, Start
from convlab_problems.rational import array_of, number, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class Clients:
    """f_i(x) = a_i |x - b_i|^2/2, f their mean, with its minimum at sum_i a_i b_i/sum_i a_i.

    Two clients with a = (1, 3), b = (1, -1) are the counterexample to federated averaging with several local steps.
    """

    curvatures: Array          # a_i, (workers,)
    targets: Array             # b_i, (workers, dimension)
    start: Array | None = None

    @property
    def workers(self) -> int:
        """N."""
        return int(self.targets.shape[0])

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.targets.shape[1])

    def minimiser(self) -> Array:
        """The targets' mean, weighted by the curvatures."""
        weighted: Array = (self.curvatures[:, None] * self.targets).sum(axis=0) / self.curvatures.sum()
        return weighted

    def value(self, x: Array) -> Array:
        """f(x)."""
        apart = x[:, None, :] - self.targets
        return (self.curvatures[:, None] * apart * apart).sum(axis=-1).sum(axis=-1) / (2 * self.workers)

    def gap(self, x: Array) -> Array:
        """f(x) - f*: the mean curvature times the squared distance, halved."""
        apart = x - self.minimiser()
        return self.curvatures.sum() / self.workers * (apart * apart).sum(axis=-1) / 2

    def worker_gradients(self, x: Array) -> Array:
        """a_i (x - b_i): (replicates, workers, dimension), x common to all or one point a worker."""
        own = x[:, None, :] if x.ndim == 2 else x
        return self.curvatures[:, None] * (own - self.targets)

    def gradient(self, x: Array) -> Array:
        """The mean of the workers' gradients."""
        return self.worker_gradients(x).sum(axis=1) / self.workers

    def facts(self) -> tuple[Any, ...]:
        """Everything is known exactly."""
        mean, best = self.curvatures.sum() / self.workers, self.minimiser()
        pulls = self.worker_gradients(best[None])[0]
        one = exact(mean, how="the mean of the curvatures: f has the Hessian mean(a_i) I")
        agree = all(a == self.curvatures[0] for a in self.curvatures)
        return (Workers(self.workers), Quadratic(), Smooth(one), StronglyConvex(one),
                QuadraticWorkers(exact(max(self.curvatures), how="the largest a_i"), exact(self.curvatures[0], how="the common a_i") if agree else None),
                DisagreeingWorkers(root_constant((pulls * pulls).sum() / self.workers, how="grad f_i(x*) = a_i (x* - b_i): their root mean square")),
                Minimum(exact(self.value(best[None])[0], how="f at the zero of its gradient"), at=best))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """At three distances."""
        return starts_around(self.minimiser(), rng, self.start)


def make(curvatures: Any, targets: Any, start: Any = None) -> Clients:
    """A target given as a number is one-dimensional. Raises ValueError unless each client has one positive curvature and one target."""
    a = vector(curvatures)
    b = array_of([[number(v) for v in np.atleast_1d(np.asarray(target, dtype=object))] for target in targets])
    if len(a) != len(b) or min(a) <= 0:
        raise ValueError(f"every client needs a positive curvature and a target: given {len(a)} curvatures, the least {min(a)}, and {len(b)} targets.")
    return Clients(a, b, None if start is None else vector(start, b.shape[1]))


def members() -> Iterator[Member]:
    """Two, three and five clients, of curvatures that agree and that do not."""
    yield Member("clients-2", make((Fraction(5, 2), Fraction(15, 2)), (7, -7)))
    yield Member("clients-3", make((Fraction(1, 3), 4, Fraction(3, 2)), ((2, -9), (11, 3), (Fraction(-5, 2), 6))))
    yield Member("clients-agreeing-5", make((Fraction(7, 4),) * 5, (4, -13, 22, Fraction(1, 2), 6)))


FAMILY = Family("clients", make, members)
