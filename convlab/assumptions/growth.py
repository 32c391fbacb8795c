"""Assumptions on how the noise of a stochastic gradient grows away from the minimum."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, Status
from convlab.assumptions.functions import Minimum, PolyakLojasiewicz, StronglyConvex
from convlab.assumptions.samples import BoundedVariance, ConvexSamples, FiniteSum, SmoothSamples
from convlab.constants import Array, Constant, exact, upper
from convlab.draws import Draws, Uniform
from convlab.operations import norm_squared
from convlab.probing import SLACK, norms, sample_points


@dataclass(frozen=True)
class ExpectedGrowth:
    """The stochastic gradient is unbiased with E |g|^2 <= 2 A (f - f*) + B |grad f|^2 + C.

    Derived where the variance is bounded (0, 1, sigma^2), and of sums of convex smooth components (2 L_max, 1, 2 sigma_opt^2).
    """

    gap_growth: Constant           # A
    gradient_growth: Constant      # B
    noise_floor: Constant          # C
    statement: ClassVar[str] = "the stochastic gradient is unbiased, its second moment at most 2 A (f - f*) + B |grad f|^2 + C"
    formula: ClassVar[str] = "EE [g(x)] = nabla f(x), quad EE norm(g(x))^2 <= 2 A (f(x) - f^*) + B norm(nabla f(x))^2 + C"

    @classmethod
    def derive(cls, problem: Any) -> ExpectedGrowth | None:
        """From a bounded variance, or from the smoothness of convex components; None where the problem offers neither."""
        facts = problem.facts()
        bounded = next((f for f in facts if isinstance(f, BoundedVariance)), None)
        if bounded is not None:
            one = exact(1, how="E |g|^2 = |grad f|^2 + variance")
            return cls(exact(0, how="the variance is bounded everywhere"), one, upper(bounded.sigma.value**2, how=bounded.sigma.how))
        smooth = _convex_components(problem)
        if smooth is None:
            return None
        told = "E |g|^2 <= 2 E |g - g(x*)|^2 + 2 E |g(x*)|^2, and the first is at most 2 L_max (f - f*) for convex components"
        return cls(upper(2 * smooth.L_max.value, how=told), upper(1, how="not needed: any B > 0 would do"), upper(2 * _noise(problem), how=told))

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """A, B and C."""
        return {symbols.gap_growth: self.gap_growth, symbols.gradient_growth: self.gradient_growth, symbols.noise_floor: self.noise_floor}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Mean and second moment over the whole support, at points on all scales."""
        def limit(x: Array) -> Array:
            a, b, c = (float(v.value) for v in (self.gap_growth, self.gradient_growth, self.noise_floor))
            return (2 * a * _gap(problem, x) if a else 0) + b * norms(problem.gradient(x)) ** 2 + c

        yield from _audit_growth(problem, rng, limit, "E |g|^2 over its bound", self.gradient_growth.how)


@dataclass(frozen=True)
class StrongGrowth:
    """The stochastic gradient is unbiased with E |g|^2 <= growth |grad f|^2: no noise where the gradient vanishes.

    Derived of sums of convex smooth components with one minimiser, whose mean grows quadratically: growth = L_max/mu.
    """

    growth: Constant
    statement: ClassVar[str] = "the stochastic gradient is unbiased, its second moment at most growth |grad f|^2"
    formula: ClassVar[str] = "EE [g(x)] = nabla f(x), quad EE norm(g(x))^2 <= rho_g norm(nabla f(x))^2"

    @classmethod
    def derive(cls, problem: Any) -> StrongGrowth | None:
        """L_max/mu, where every component is convex and least at x*; None elsewhere."""
        smooth = _convex_components(problem)
        dominated = next((f for f in problem.facts() if isinstance(f, (PolyakLojasiewicz, StronglyConvex))), None)
        if smooth is None or dominated is None or _noise(problem) != 0:
            return None
        return cls(upper(smooth.L_max.value / dominated.mu.value, how="E |g|^2 <= 2 L_max (f - f*) <= (L_max/mu) |grad f|^2, every component being least at x*"))

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """growth."""
        return {symbols.growth: self.growth}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Mean and second moment over the whole support, at points on all scales."""
        yield from _audit_growth(problem, rng, lambda x: float(self.growth.value) * norms(problem.gradient(x)) ** 2, "E |g|^2 over its bound", self.growth.how)


def _convex_components(problem: Any) -> SmoothSamples | None:
    """The smoothness of the components of a sum, where all are convex, one is drawn uniformly, and the minimiser is known."""
    facts = problem.facts()
    kinds = (FiniteSum, ConvexSamples, SmoothSamples, Minimum)
    if not all(any(isinstance(f, kind) for f in facts) for kind in kinds) or not hasattr(problem, "gradient_draws"):
        return None
    known = all(f.at is not None for f in facts if isinstance(f, Minimum))
    return next(f for f in facts if isinstance(f, SmoothSamples)) if known and problem.gradient_draws() == Draws(index=Uniform(problem.n)) else None


def _noise(problem: Any) -> Any:
    """The mean squared component gradient at the minimiser."""
    best: Array = next(f.at for f in problem.facts() if isinstance(f, Minimum))
    return norm_squared(problem.sample_gradients(best[None]))[0] / problem.n


def _gap(problem: Any, x: Array) -> Array:
    """f(x) - f*, (count,)."""
    return problem.gap(x) if hasattr(problem, "gap") else problem.value(x) - float(next(f.value.value for f in problem.facts() if isinstance(f, Minimum)))


def _audit_growth(problem: Any, rng: np.random.Generator, limit: Any, name: str, how: str) -> Iterator[Finding]:
    draws = problem.gradient_draws()
    if draws.size() is None:              # known by its moments alone: there is no support to go through
        return
    x = sample_points(problem, rng, 60)
    slope = problem.gradient(x)
    mean, second = np.zeros_like(x), np.zeros(len(x))
    for draw, weight in draws.branches(len(x), None):
        g = problem.stochastic_gradient(x, draw)
        mean, second = mean + float(weight) * g, second + float(weight) * norms(g) ** 2
    bias = float((norms(mean - slope) / np.sqrt(second + 1e-300)).max())
    yield Finding("unbiased", 0.0, bias, "mean over the support", Status.BROKEN if bias > 1e-10 else Status.ATTAINED)     # rounding, five digits spared
    ratio = second / limit(x)
    worst = int(np.argmax(ratio))
    broken = ratio[worst] > 1 + SLACK
    yield Finding(name, 1.0, float(ratio[worst]), how, Status.BROKEN if broken else Status.ATTAINED if ratio[worst] > 0.98 else Status.HOLDS)
