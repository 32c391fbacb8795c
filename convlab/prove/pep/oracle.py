"""The oracle that answers formal points: a gradient, a prox or a projection is a new basis vector, and each answer is remembered."""
from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.operations import Unsupported
from convlab.prove.pep.formal import Form, Parts, RayStep, combined, parts_of, point, scalar

STAR = "*"
ORIGIN, START = 0, 1         # basis vectors: x* itself (which cancels wherever points are affine combinations), and x_0 - x*


@dataclass(frozen=True)
class Sample:
    """A point where a gradient, subgradient or operator value was taken; `value` is the label of f there, `implicit` says that a prox chose the subgradient."""

    name: str
    x: Parts
    g: Parts
    value: str
    implicit: bool = False


@dataclass(frozen=True)
class Normal:
    """A feasible point with an outer normal of the feasible set there."""

    name: str
    x: Parts
    normal: Parts


@dataclass(frozen=True)
class Search:
    """A line search from a sample along a direction: the move that it made, and the gradient where it ended."""

    name: str
    start: Parts
    direction: Parts
    move: Parts
    g: Parts


@dataclass
class FormalOracle:
    """Everything that the run asked. Mutable on purpose: it lives as long as one formal run.

    `smooth`: one gradient a point, so that gradient, value and prox agree on it. `constrained`: x* is no stationary point of f. `width`: coordinates of a point.
    """

    smooth: bool
    constrained: bool
    width: int
    basis: list[str] = field(default_factory=lambda: ["x*", "x0 - x*"])
    samples: list[Sample] = field(default_factory=list)
    normals: list[Normal] = field(default_factory=list)
    operators: list[Sample] = field(default_factory=list)
    searches: list[Search] = field(default_factory=list)
    steps: list[Fraction] = field(default_factory=list)      # of the proxes
    _seen: dict[Any, Any] = field(default_factory=dict)

    def star(self) -> Parts:
        """x*."""
        return {ORIGIN: Fraction(1)}

    def begin(self) -> None:
        """The samples that the assumptions know: x* with its (sub)gradient, and in a constrained problem the feasible start."""
        slope = self._vector("g*") if self.constrained else {}
        self.samples.append(Sample(STAR, self.star(), slope, STAR))
        if self.smooth:
            self._seen["gradient", _key(self.star())] = self.samples[0]
        if self.constrained:
            self.normals.append(Normal(STAR, self.star(), {i: -v for i, v in slope.items()}))
            self.normals.append(Normal("start", {ORIGIN: Fraction(1), START: Fraction(1)}, {}))

    # ---- what an algorithm or a metric may ask
    def gradient(self, x: Array) -> Array:
        """A gradient (or subgradient), the same at each visit."""
        return point(self._sample(parts_of(x)).g, self.width)

    def value(self, x: Array) -> Array:
        """f(x), (1,)."""
        return _single(Form(None, {self._value(parts_of(x)): Fraction(1)}))

    def gap(self, x: Array) -> Array:
        """f(x) - f*, (1,)."""
        label = self._value(parts_of(x))
        return _single(Form(None, {} if label == STAR else {label: Fraction(1), STAR: Fraction(-1)}))

    def prox(self, x: Array, step_size: Any) -> Array:
        """y with (x - y)/step_size in the subdifferential at y."""
        at, step = parts_of(x), _positive(step_size)
        key = ("prox", _key(at), step)
        if key not in self._seen:
            slope = self._vector(f"g{len(self.samples) - 1}")
            y = combined(at, slope, -step)
            self._seen[key] = self._kept(y, slope, implicit=True)
            self.steps.append(step)
            if self.smooth:
                self._seen["gradient", _key(y)] = self._seen[key]
        return point(self._seen[key].x, self.width)

    def project(self, x: Array) -> Array:
        """The nearest feasible point: what is left is a normal there."""
        if not self.constrained:
            raise Unsupported("the step projects, and the claim assumes no constrained minimum")
        at = parts_of(x)
        key = ("project", _key(at))
        if key not in self._seen:
            normal = self._vector(f"n{len(self.normals) - 1}")
            self._seen[key] = Normal(str(len(self.normals) - 1), combined(at, normal, Fraction(-1)), normal)
            self.normals.append(self._seen[key])
        return point(self._seen[key].x, self.width)

    def best_step(self, x: Array, direction: Array) -> Array:
        """The t >= 0 that minimises f(x + t direction), (1,), f smooth: unknown, but for what it does to the direction."""
        if not self.smooth:
            raise Unsupported("a line search on a function with kinks")
        at, along = parts_of(x), parts_of(direction)
        key = ("search", _key(at), _key(along))
        if key not in self._seen:
            move = self._vector(f"x{len(self.searches) + 1} - x")
            self._seen[key] = RayStep(along, move)
            end = self._sample(combined(at, move, Fraction(1)))
            self.searches.append(Search(end.name, self._sample(at).g, along, move, end.g))
        return _single(self._seen[key])

    def operator(self, z: Array) -> Array:
        """F(z), the same at each visit; F(z*) = 0."""
        at = parts_of(z)
        if at == self.star():
            return point({}, self.width)
        key = ("operator", _key(at))
        if key not in self._seen:
            name = str(len(self.operators))
            self._seen[key] = Sample(name, at, self._vector(f"F{name}"), "")
            self.operators.append(self._seen[key])
        return point(self._seen[key].g, self.width)

    # ---- bookkeeping
    def _vector(self, name: str) -> Parts:
        self.basis.append(name)
        return {len(self.basis) - 1: Fraction(1)}

    def _sample(self, x: Parts) -> Sample:
        found = self._seen.get(("gradient", _key(x)))
        if found is None:
            found = self._seen["gradient", _key(x)] = self._kept(x, self._vector(f"g{len(self.samples) - 1}"))
        return found

    def _kept(self, x: Parts, slope: Parts, implicit: bool = False) -> Sample:
        name = str(len(self.samples) - 1)
        label = self._seen.setdefault(("value", _key(x)), STAR if x == self.star() else name)
        self.samples.append(Sample(name, x, slope, label, implicit))
        return self.samples[-1]

    def _value(self, x: Parts) -> str:
        if x == self.star():
            return STAR
        found = self._seen.get(("value", _key(x)))
        return found if found is not None else self._sample(x).value


def _key(parts: Parts) -> tuple[tuple[int, Fraction], ...]:
    return tuple(sorted(parts.items()))


def _single(value: Any) -> Array:
    made = np.empty((1,), dtype=object)
    made[0] = value
    return made


def _positive(step_size: Any) -> Fraction:
    number = scalar(step_size.reshape(-1)[0] if getattr(step_size, "size", 0) == 1 else step_size)
    if number is None or number <= 0:
        raise Unsupported(f"a proximal step of {step_size!r}")
    return number
