"""Two tasks, each a valley that is flat far away: every point between their minima is Pareto, and weighted sums reach few of them."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Tasks
from convlab.constants import Array, Number
from convlab.problem import Family, Member, Start
from convlab_problems.rational import array_of, number, vector


@dataclass(frozen=True, eq=False)
class TwoValleys:
    """f_i(x) = height (1 - exp(-((x - c_i)/width)^2)), c = middle + width and middle - width: the objective is the sum of the two tasks.

    Moving from x between the c_i, one of the two tasks gets worse. In the middle both are at 0.63 of their height, while at c_i the tasks are at 0 and
    0.98: whatever the weights, one end is better. Source: Fonseca, Fleming (1995).
    """

    height: Number
    width: Number
    centres: Array             # (2, 1)
    start: Array               # (1,)

    def task_values(self, x: Array) -> Array:
        """f_i(x), (replicates, 2)."""
        return self.height * (1 - self._bell(x))

    def task_gradients(self, x: Array) -> Array:
        """Their derivatives, (replicates, 2, 1)."""
        apart = (x[:, None, :] - self.centres)
        return 2 * self.height / self.width**2 * apart * self._bell(x)[..., None]

    def _bell(self, x: Array) -> Array:
        t = (x - self.centres[:, 0]) / self.width
        return np.exp(-(t * t))

    def value(self, x: Array) -> Array:
        """f_1(x) + f_2(x)."""
        return self.task_values(x).sum(axis=-1)

    def gradient(self, x: Array) -> Array:
        """The sum of the derivatives."""
        return self.task_gradients(x).sum(axis=1)

    def facts(self) -> tuple[Any, ...]:
        """Two tasks."""
        return (Tasks(2),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given point."""
        return (Start("given", self.start),)


def make(height: Any, width: Any, middle: Any = 0, start: Any = None) -> TwoValleys:
    """Started in the middle unless told. Raises ValueError unless height and width are positive."""
    if not (height > 0 and width > 0):
        raise ValueError(f"the valleys need a positive height and width: given {height} and {width}.")
    at = number(middle)
    return TwoValleys(number(height), number(width), array_of([[at + number(width)], [at - number(width)]]), vector(at if start is None else start, 1))


def members() -> Iterator[Member]:
    """One, away from unit height and width."""
    yield Member("two-valleys", make(Fraction(7, 2), 5, middle=-13, start=-11))


FAMILY = Family("two_valleys", make, members)
