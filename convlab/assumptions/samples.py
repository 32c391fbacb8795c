"""Assumptions on stochastic oracles: finite sums, variance, neighbouring data sets."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, Status, judged
from convlab.constants import Array, Constant, Exactness
from convlab.probing import SLACK, norms, pairs, sample_points, steepest_secant


@dataclass(frozen=True)
class FiniteSum:
    """f is the mean of n components with gradients of their own."""

    n: int
    statement: ClassVar[str] = "f is the mean of n components"
    formula: ClassVar[str] = "f = 1/n sum_i f_i"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """n."""
        return {symbols.n: Constant(self.n, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The mean of the component gradients is the gradient, and single ones agree with the table of all."""
        x = sample_points(problem, rng, 50)
        every = problem.sample_gradients(x)
        size = float(np.abs(every).max())
        index = rng.integers(self.n, size=len(x))
        off = max(float(np.abs(every.mean(axis=1) - problem.gradient(x)).max()),
                  float(np.abs(every[np.arange(len(x)), index] - problem.sample_gradient(x, index)).max())) / size
        broken = off > 1e-10 or every.shape[1] != self.n          # sums of n float64 terms
        yield Finding("n", float(self.n), float(every.shape[1]), "mean of component gradients", Status.BROKEN if broken else Status.ATTAINED)


@dataclass(frozen=True)
class SmoothSamples:
    """Every component is L_max-smooth (and convex when the problem also states ConvexSamples)."""

    L_max: Constant
    statement: ClassVar[str] = "every f_i is L_max-smooth"
    formula: ClassVar[str] = "norm(nabla f_i (x) - nabla f_i (y)) <= L_max norm(x - y)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L_max."""
        return {symbols.L_max: self.L_max}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant of every component."""
        x, y = pairs(problem, rng)

        def component(i: int) -> Callable[[Array], Array]:
            return lambda z: problem.sample_gradient(z, np.full(len(z), i))

        worst = max((steepest_secant(component(i), x, y, rounds=8) for i in range(problem.n)), key=lambda found: found.slope)
        yield judged("L_max", self.L_max, worst.slope, True, worst.at)


@dataclass(frozen=True)
class ConvexSamples:
    """Every component is convex."""

    statement: ClassVar[str] = "every f_i is convex"
    formula: ClassVar[str] = "chevron.l nabla f_i (x) - nabla f_i (y), x - y chevron.r >= 0"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Monotone component gradients on random pairs."""
        x, y = pairs(problem, rng)
        change = problem.sample_gradients(x) - problem.sample_gradients(y)
        steep = (change * (x - y)[:, None]).sum(axis=-1) / (norms(x - y) ** 2)[:, None]
        worst = float(steep.min())
        yield Finding("convex components", 0.0, worst, "random pairs", Status.BROKEN if worst < -SLACK * float(np.abs(steep).max()) else Status.HOLDS)


@dataclass(frozen=True)
class LipschitzSamples:
    """Every component is G-Lipschitz."""

    G: Constant
    statement: ClassVar[str] = "every f_i is G-Lipschitz"
    formula: ClassVar[str] = "norm(nabla f_i (x)) <= G"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest component gradient at random points."""
        x = sample_points(problem, rng)
        size = np.sqrt((problem.sample_gradients(x) ** 2).sum(axis=-1)).max(axis=1)
        worst = int(np.argmax(size))
        yield judged("G", self.G, float(size[worst]), True, x[worst])


@dataclass(frozen=True)
class BoundedVariance:
    """The stochastic gradient is unbiased with E |g - grad f|^2 <= sigma^2 (the trace of the covariance)."""

    sigma: Constant
    statement: ClassVar[str] = "the stochastic gradient is unbiased with variance at most sigma^2"
    formula: ClassVar[str] = 'EE [g(x)] = nabla f(x), quad EE norm(g(x) - nabla f(x))^2 <= sigma^2'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """sigma."""
        return {symbols.sigma: self.sigma}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Mean and variance over the whole support where it is finite, else over the declared covariance."""
        x = sample_points(problem, rng, 40)
        draws = problem.gradient_draws()
        exact_gradient = problem.gradient(x)
        if draws.size() is None:
            total = sum(float(np.trace(np.asarray(law.covariance, dtype=float))) for law in draws.values() if hasattr(law, "covariance"))
            yield judged("sigma", self.sigma, float(np.sqrt(total)), True, None)
            return
        mean, second = np.zeros_like(x), np.zeros(len(x))
        for draw, weight in draws.branches(len(x), None):
            off = problem.stochastic_gradient(x, draw) - exact_gradient
            mean, second = mean + float(weight) * off, second + float(weight) * norms(off) ** 2
        bias = float(np.abs(mean).max())
        yield Finding("unbiased", 0.0, bias, "mean over the support", Status.BROKEN if bias > 1e-10 * (1 + float(np.abs(exact_gradient).max())) else Status.ATTAINED)
        worst = int(np.argmax(second))
        yield judged("sigma", self.sigma, float(np.sqrt(second[worst])), True, x[worst])


@dataclass(frozen=True, eq=False)
class NoiseCovariance:
    """The noise has one covariance at every x, and f is quadratic: both are given in an orthonormal eigenbasis (`basis`, in columns; None is the identity)."""

    curvatures: Array          # (dimension,): the eigenvalues of the Hessian
    covariance: Array          # (dimension, dimension): of the noise, in the eigenbasis
    basis: Array | None = None
    statement: ClassVar[str] = "f is quadratic, the noise has mean 0 and the same covariance S at every x, independent of the past"
    formula: ClassVar[str] = 'EE [g(x)] = nabla f(x), quad "Cov" g(x) = S'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None: arrays, read by the claims themselves."""
        return {}

    def rotated(self, t: Array) -> Array:
        """Vectors (..., dimension) in the eigenbasis."""
        return t if self.basis is None else t @ self.basis

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """In the eigenbasis secants of the gradient are the curvatures, and the mean of xi xi^T over the whole support is S."""
        x, y = pairs(problem, rng)
        bend = self.rotated(problem.gradient(x) - problem.gradient(y)) - self.curvatures * self.rotated(x - y)
        worst = float((norms(bend) / norms(x - y)).max())
        yield Finding("curvatures", 0.0, worst, "secants in the eigenbasis", Status.BROKEN if worst > SLACK * float(max(self.curvatures)) else Status.ATTAINED)
        draws = problem.gradient_draws()
        if draws.size() is None:
            return
        found = np.zeros(self.covariance.shape)
        for draw, weight in draws.branches(len(x), None):
            off = self.rotated(problem.stochastic_gradient(x, draw) - problem.gradient(x))
            found = found + float(weight) * off[:, :, None] * off[:, None, :]
        gap = float(np.abs(found - self.covariance).max())
        size = float(np.abs(self.covariance).max())
        yield Finding("covariance", size, size + gap, "mean over the support", Status.BROKEN if gap > 1e-8 * (size + 1) else Status.ATTAINED)   # far points: eps |grad|


@dataclass(frozen=True)
class NeighbouringSamples:
    """The problem knows a neighbour: the same n losses, one of them replaced by another loss of the same class (same constants)."""

    statement: ClassVar[str] = "S and S' are samples of n losses that differ in one"
    formula: ClassVar[str] = "f_i = f'_i quad \"for all\" i != j"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Exactly one component gradient differs."""
        x = sample_points(problem, rng, 200)
        change = np.abs(problem.sample_gradients(x) - problem.neighbour().sample_gradients(x)).sum(axis=-1).max(axis=0)
        differing = int((change > 0).sum())
        yield Finding("samples that differ", 1.0, float(differing), "component gradients", Status.ATTAINED if differing == 1 else Status.BROKEN)
