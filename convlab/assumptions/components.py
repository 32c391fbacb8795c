"""Assumptions on every component of a sum, derived where a problem offers sample_smoothness, sample_convexity (arrays (n,)) or sample_gap."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, Status, judged
from convlab.assumptions.functions import Minimum
from convlab.constants import Array, Constant, exact, lower
from convlab.operations import Unsupported, norm_squared
from convlab.probing import SLACK, flattest_secant, pairs, sample_points, steepest_secant


@dataclass(frozen=True, eq=False)
class SmoothnessOfEach:
    """Every f_i is L_i-smooth with an L_i of its own, and constant where L_i = 0."""

    smoothness: Array              # (n,)
    L_mean: Constant
    importance_noise: Constant     # mean of (L_mean/L_i) |grad f_i(x*)|^2
    statement: ClassVar[str] = "every f_i is L_i-smooth, with known L_i"
    formula: ClassVar[str] = "norm(nabla f_i (x) - nabla f_i (y)) <= L_i norm(x - y)"

    @classmethod
    def derive(cls, problem: Any) -> SmoothnessOfEach | None:
        """From `sample_smoothness()`, where the minimiser is known; None where a component is linear, for then importance sampling would never draw it."""
        best = _minimiser(problem)
        if best is None or not (hasattr(problem, "sample_smoothness") and hasattr(problem, "sample_gradients")):
            return None
        each, slopes = problem.sample_smoothness(), (problem.sample_gradients(best[None])[0] ** 2).sum(axis=-1)
        if any(L == 0 and g != 0 for L, g in zip(each, slopes, strict=True)):
            return None
        mean = each.sum() / len(each)
        noise = sum(g / L for L, g in zip(each, slopes, strict=True) if L > 0) * mean / len(each)
        return cls(each, exact(mean, how="the mean of the L_i"), exact(noise, how="computed from the component gradients at the minimiser"))

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L_mean and the weighted noise at the minimiser."""
        return {symbols.L_mean: self.L_mean, symbols.importance_noise: self.importance_noise}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant of every component, against its own L_i."""
        x, y = pairs(problem, rng)
        for i, L in enumerate(self.smoothness):
            yield judged(f"L_{i}", exact(float(L), how="offered by the problem"), steepest_secant(_component(problem, i), x, y, rounds=8).slope, True, None)


@dataclass(frozen=True)
class StronglyConvexSamples:
    """Every component is mu-strongly convex."""

    mu: Constant
    statement: ClassVar[str] = "every f_i is mu-strongly convex"
    formula: ClassVar[str] = "chevron.l nabla f_i (x) - nabla f_i (y), x - y chevron.r >= mu norm(x - y)^2"

    @classmethod
    def derive(cls, problem: Any) -> StronglyConvexSamples | None:
        """The least of `sample_convexity()`, where it is positive."""
        least = min(problem.sample_convexity()) if hasattr(problem, "sample_convexity") else 0
        return cls(lower(least, how="the least mu_i of a component")) if least > 0 else None

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mu, here of the components."""
        return {symbols.mu: self.mu}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The flattest secant of every component."""
        x, y = pairs(problem, rng)
        worst = min((flattest_secant(_component(problem, i), x, y, rounds=50) for i in range(problem.n)), key=lambda found: found.slope)
        yield judged("mu", self.mu, worst.slope, False, worst.at, worst.noise)


@dataclass(frozen=True)
class KnownSampleMinima:
    """Every f_i is mu_i-strongly convex (mu_i >= 0) with a known least value, and some mu_i is positive."""

    mu_mean: Constant
    minima_gap: Constant           # f* - mean of min f_i
    statement: ClassVar[str] = "every f_i is mu_i-strongly convex with a known least value, the mean of the mu_i is positive"
    formula: ClassVar[str] = 's = f^* - 1/n sum_i min f_i, quad macron(mu) = 1/n sum_i mu_i > 0'

    @classmethod
    def derive(cls, problem: Any) -> KnownSampleMinima | None:
        """From `sample_gap` and `sample_convexity`; None where a component has no minimum or none is strongly convex."""
        best = _minimiser(problem)
        if best is None or not (hasattr(problem, "sample_gap") and hasattr(problem, "sample_convexity")):
            return None
        mean = problem.sample_convexity().sum() / problem.n
        if mean == 0:
            return None
        try:
            gaps = [problem.sample_gap(best[None], np.array([i]))[0] for i in range(problem.n)]
        except Unsupported:
            return None
        return cls(lower(mean, how="the mean of the mu_i"), exact(sum(gaps) / len(gaps), how="the mean of f_i(x*) - min f_i"))

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """The mean mu_i, and by how much f* lies above the mean of the least values."""
        return {symbols.mu_mean: self.mu_mean, symbols.minima_gap: self.minima_gap}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """No component falls below its least value, and at x* the gaps have the mean that is claimed."""
        x = sample_points(problem, rng, 400)
        worst = min(float(problem.sample_gap(x, np.full(len(x), i)).min()) for i in range(problem.n))
        yield Finding("least gap of a component", 0.0, worst, "random points", Status.BROKEN if worst < 0 else Status.HOLDS)
        best = _minimiser(problem)
        mean = sum(float(problem.sample_gap(np.asarray(best, dtype=float)[None], np.array([i]))[0]) for i in range(problem.n)) / problem.n
        yield judged("minima_gap", self.minima_gap, mean, True, best)


@dataclass(frozen=True)
class Interpolation:
    """Every component is stationary at the minimiser of the mean."""

    statement: ClassVar[str] = "every f_i is stationary at x*"
    formula: ClassVar[str] = 'nabla f_i (x^*) = 0 quad "for all" i'

    @classmethod
    def derive(cls, problem: Any) -> Interpolation | None:
        """Where every component gradient is zero at the minimiser, to the last bit."""
        best = _minimiser(problem)
        if best is None or not hasattr(problem, "sample_gradients"):
            return None
        return cls() if norm_squared(problem.sample_gradients(best[None]))[0] == 0 else None

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The component gradients at the minimiser, beside their size elsewhere."""
        here = np.abs(problem.sample_gradients(np.asarray(_minimiser(problem), dtype=float)[None])).max()
        there = np.abs(problem.sample_gradients(sample_points(problem, rng, 40))).max()
        yield Finding("gradients at x*", 0.0, float(here), "computed", Status.BROKEN if here > SLACK * there else Status.ATTAINED)


def _minimiser(problem: Any) -> Array | None:
    return next((f.at for f in problem.facts() if isinstance(f, Minimum)), None)


def _component(problem: Any, i: int) -> Callable[[Array], Array]:
    return lambda z: problem.sample_gradient(z, np.full(len(z), i))
