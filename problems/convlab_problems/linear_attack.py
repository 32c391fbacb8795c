"""The inner problem of adversarial training for a linear model: the input is moved within a cube so that the loss rises."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import ConstrainedMinimum, MarginAttack
from convlab.constants import Array, Number, exact
from convlab.operations import absolute, clip, maximum, sign, where
from convlab.problem import Family, Member, Start
from convlab_problems.rational import number, vector


@dataclass(frozen=True, eq=False)
class LinearAttack:
    """f(v) = -loss(b <a + v, w>), |v|_inf <= radius, from v = 0; loss(m) = max(0, 1 - m), or log(1 + exp(-m)). The least f is at v = -radius b sign(w).

    The hinge has no slope at margins above 1: an attack that follows gradients does not start, although the loss can be raised.
    """

    model: Array               # w, (dimension,)
    input: Array               # a, (dimension,)
    label: int                 # b, 1 or -1
    radius: Number
    hinge: bool

    @property
    def dimension(self) -> int:
        """Length of the input."""
        return len(self.model)

    def margin(self, v: Array) -> Array:
        """b <a + v, w>, (replicates,)."""
        return self.label * ((self.input + v) * self.model).sum(axis=-1)

    def loss(self, margin: Array) -> Array:
        """Of a margin, (replicates,)."""
        return maximum(1 - margin, 0) if self.hinge else np.logaddexp(0, -margin)

    def value(self, v: Array) -> Array:
        """f(v)."""
        return -self.loss(self.margin(v))

    def gradient(self, v: Array) -> Array:
        """grad f(v): the margin's gradient b w times the loss's slope, 0 for the hinge at margins from 1 on."""
        margin = self.margin(v)
        slope = where(margin < 1, 1 + 0 * margin, 0 * margin) if self.hinge else 1 / (1 + np.exp(margin))
        return slope[:, None] * (self.label * self.model)

    def project(self, v: Array) -> Array:
        """Onto the cube."""
        return clip(v, -self.radius, self.radius)

    def facts(self) -> tuple[Any, ...]:
        """The cube, the model's 1-norm, and the corner where the margin is least."""
        steepness = absolute(self.model).sum()
        least = self.label * (self.input * self.model).sum() - self.radius * steepness
        if self.hinge:
            worst: Any = max(1 - least, 0 * least)
        else:
            worst = math.log1p(math.exp(-float(least)))
        return (MarginAttack(exact(steepness, how="the sum of the model's absolute entries"), exact(2 * self.radius, how="the cube's side")),
                ConstrainedMinimum(exact(-worst, how="the loss falls with the margin, and the margin is least at the corner against the model's signs"),
                                   at=-self.radius * self.label * sign(self.model)))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The input itself."""
        return (Start("unmoved", 0 * self.model),)


def make(model: Any, input: Any, radius: Any, label: int = 1, loss: str = "hinge") -> LinearAttack:
    """A linear model with no zero entry. Raises ValueError for one that has, a label other than 1 and -1, a radius <= 0 or another loss."""
    w = vector(model)
    if any(v == 0 for v in w) or label not in (1, -1) or not radius > 0 or loss not in ("hinge", "logistic"):
        raise ValueError("a linear attack needs a model without zeros, label 1 or -1, radius > 0 and loss hinge or logistic: "
                         f"given {model}, {label}, {radius} and {loss!r}.")
    return LinearAttack(w, vector(input, len(w)), int(label), number(radius), loss == "hinge")


def members() -> Iterator[Member]:
    """Hinge below and above margin 1, and logistic."""
    yield Member("attack-hinge-flat", make((3, -5, Fraction(1, 2)), (2, -1, 4), Fraction(9, 4)))
    yield Member("attack-hinge-steep", make((Fraction(7, 2), 2), (Fraction(1, 5), -1), Fraction(1, 3)))
    yield Member("attack-logistic", make((Fraction(1, 2), -4, 3), (1, Fraction(1, 4), 2), Fraction(2, 3), label=-1, loss="logistic"))


FAMILY = Family("linear_attack", make, members)
