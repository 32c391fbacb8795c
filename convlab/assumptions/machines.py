"""Assumptions on number formats and loss scales, and on several tasks."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.assumptions.finding import Finding, Status, judged
from convlab.constants import Constant, Exactness
from convlab.probing import sample_points


@dataclass(frozen=True)
class FixedPointGrid:
    """Weights are stored as multiples of a spacing: every first point is one of them."""

    grid: Constant
    statement: ClassVar[str] = "weights are stored on the fixed-point grid of spacing delta"
    formula: ClassVar[str] = "x_0 in delta ZZ^d"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """grid."""
        return {symbols.grid: self.grid}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The starts are whole multiples of the spacing."""
        cells = [FLOAT64.array(np.asarray(start.point)) / float(self.grid.value) for start in problem.starts(rng)]
        off = max(float(np.abs(c - np.round(c)).max() / max(1.0, float(np.abs(c).max()))) for c in cells)
        yield Finding("grid", 0.0, off, self.grid.how, Status.BROKEN if off > 1e-12 else Status.ATTAINED)     # one division's rounding


@dataclass(frozen=True)
class BoundedGradients:
    """Every gradient that can be drawn has entries of magnitude at most G."""

    G: Constant
    statement: ClassVar[str] = "no gradient entry exceeds G"
    formula: ClassVar[str] = "norm(g_k)_infinity <= G"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest entry over the whole support of the oracle."""
        x = sample_points(problem, rng, 20)
        top = max(float(np.abs(FLOAT64.array(problem.stochastic_gradient(x, draw))).max()) for draw, _ in problem.gradient_draws().branches(len(x), None))
        yield judged("G", self.G, top, True, None)


@dataclass(frozen=True)
class LossScaling:
    """Gradients are stored in a format that overflows from V on, after the loss was multiplied by a scale that starts at s_0."""

    overflow: Constant
    scale0: Constant
    statement: ClassVar[str] = "a scaled gradient entry overflows when its magnitude is at least V; the scale starts at s_0"
    formula: ClassVar[str] = '"overflow" <=> s_k norm(g_k)_infinity >= V'
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """overflow, scale0."""
        return {symbols.overflow: self.overflow, symbols.scale0: self.scale0}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Both are chosen, not measured: that they are positive is all that can be asked."""
        for name, constant in (("overflow", self.overflow), ("scale0", self.scale0)):
            yield Finding(name, float(constant.value), float(constant.value), constant.how, Status.HOLDS if constant.value > 0 else Status.BROKEN)


@dataclass(frozen=True)
class InexactGradients:
    """Gradients arrive with an error of at most a part of their own length."""

    relative_error: Constant
    statement: ClassVar[str] = "gradients arrive with a relative error of at most epsilon"
    formula: ClassVar[str] = "norm(g_k - nabla f(x_k)) <= epsilon norm(nabla f(x_k))"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """relative_error."""
        return {symbols.relative_error: self.relative_error}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest ratio at random points."""
        x = sample_points(problem, rng)
        true = problem.gradient(x)
        length = np.linalg.norm(true, axis=-1)
        off = np.linalg.norm(problem.inexact_gradient(x) - true, axis=-1)[length > 0] / length[length > 0]
        yield judged("relative_error", self.relative_error, float(off.max()), True, None)


@dataclass(frozen=True)
class Tasks:
    """f is the sum of n tasks with gradients of their own."""

    n: int
    statement: ClassVar[str] = "f is the sum of n tasks"
    formula: ClassVar[str] = "f = sum_i f_i"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """n."""
        return {symbols.n: Constant(self.n, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The task gradients add up to the gradient."""
        x = sample_points(problem, rng, 50)
        every = problem.task_gradients(x)
        off = float(np.abs(every.sum(axis=1) - problem.gradient(x)).max()) / (1 + float(np.abs(every).max()))
        yield Finding("n", float(self.n), float(every.shape[1]), "sum of task gradients",
                      Status.BROKEN if off > 1e-10 or every.shape[1] != self.n else Status.ATTAINED)
