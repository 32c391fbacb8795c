"""Assumptions on saddle problems and their operators."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.assumptions.finding import Finding, Status, judged
from convlab.constants import Array, Constant
from convlab.probing import norms, pairs, sample_points


@dataclass(frozen=True)
class SaddlePoint:
    """z* = (x*, y*) is a saddle point: x* minimises f(., y*), y* maximises f(x*, .). Points are z = (x, y); the oracle is F(z) = (grad_x f, -grad_y f)."""

    value: Constant
    at: Array
    statement: ClassVar[str] = "f has a saddle point"
    formula: ClassVar[str] = "f(x^*, y) <= f(x^*, y^*) <= f(x, y^*)"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """R is computed from it for each start."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The operator vanishes at z*, and f(x*, y) <= f* <= f(x, y*) at random points."""
        z, best = sample_points(problem, rng), FLOAT64.array(np.asarray(self.at))
        half = z.shape[1] // 2
        slope, typical = float(norms(problem.operator(best[None]))[0]), float(np.median(norms(problem.operator(z))))
        yield Finding("F(z*)", 0.0, slope, self.value.how, Status.ATTAINED if slope <= 1e-10 * typical else Status.BROKEN, f"z* = {best}")
        low, high = z.copy(), z.copy()
        low[:, :half], high[:, half:] = best[:half], best[half:]
        crossed = float(np.maximum(problem.value(low) - float(self.value.value), float(self.value.value) - problem.value(high)).max())
        size = float(np.abs(problem.value(z)).max())         # rounding of values of that size
        yield Finding("f*", float(self.value.value), crossed, self.value.how, Status.BROKEN if crossed > 1e-12 * size else Status.HOLDS)


@dataclass(frozen=True)
class Bilinear:
    """f(x, y) = <x - x*, B (y - y*)>; `planes(z)` gives the squared length of z - z* in each singular plane of B, `singular_values` its s."""

    statement: ClassVar[str] = "f is bilinear"
    formula: ClassVar[str] = "f(x, y) = chevron.l x - x^*, B (y - y^*) chevron.r"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None: every singular plane has its own s."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """F is affine and antisymmetric, F^2 = -s^2 on each singular plane, and the planes make up the space."""
        z = sample_points(problem, rng)
        origin = next(FLOAT64.array(np.asarray(f.at)) for f in problem.facts() if isinstance(f, SaddlePoint))
        turned, size = problem.operator(z), norms(z - origin) ** 2
        work = np.abs((turned * (z - origin)).sum(axis=1)) / (norms(turned) * np.sqrt(size) + 1e-300)
        lost = np.abs(problem.planes(z).sum(axis=1) / size - 1)
        stretched = np.abs(problem.planes(origin + turned) - np.asarray(problem.singular_values) ** 2 * problem.planes(z)).max(axis=1) / size
        worst = float(max(work.max(), lost.max(), stretched.max() / max(1.0, float(np.max(problem.singular_values)) ** 2)))
        yield Finding("bilinear", 0.0, worst, "no work, planes complete, F^2 = -s^2", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


@dataclass(frozen=True)
class OneCoupling:
    """All singular values of B are equal: |F(z)| = s |z - z*|."""

    coupling: Constant
    statement: ClassVar[str] = "all singular values of B equal s"
    formula: ClassVar[str] = "B^top B = s^2 I"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """coupling."""
        return {symbols.coupling: self.coupling}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest and the least |F(z)|/|z - z*|."""
        z = sample_points(problem, rng)
        origin = next(FLOAT64.array(np.asarray(f.at)) for f in problem.facts() if isinstance(f, SaddlePoint))
        ratio = norms(problem.operator(z)) / norms(z - origin)
        yield judged("coupling", self.coupling, float(ratio.max()), True, z[int(np.argmax(ratio))])
        yield judged("coupling", self.coupling, float(ratio.min()), False, z[int(np.argmin(ratio))])


@dataclass(frozen=True)
class LipschitzOperator:
    """F is L-Lipschitz."""

    L: Constant
    statement: ClassVar[str] = "F is L-Lipschitz"
    formula: ClassVar[str] = "norm(F(z) - F(w)) <= L norm(z - w)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L."""
        return {symbols.L: self.L}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant over random pairs, w moved on towards what F^T F stretches most (a step of power iteration on an affine F)."""
        z, w = pairs(problem, rng)
        ratio = norms(problem.operator(z) - problem.operator(w)) / norms(z - w)
        directions = np.linalg.svd(_jacobian(problem, z[0]))[2]
        tilted = z[:1] + directions
        ratio = np.concatenate([ratio, norms(problem.operator(tilted) - problem.operator(z[:1])) / norms(tilted - z[:1])])
        yield judged("L", self.L, float(ratio.max()), True, z[int(np.argmax(ratio[: len(z)]))])


@dataclass(frozen=True)
class StronglyMonotone:
    """F is mu-strongly monotone."""

    mu: Constant
    statement: ClassVar[str] = "F is mu-strongly monotone"
    formula: ClassVar[str] = "chevron.l F(z) - F(w), z - w chevron.r >= mu norm(z - w)^2"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mu."""
        return {symbols.mu: self.mu}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The flattest secant over random pairs and along the eigenvectors of the symmetric part at one point."""
        z, w = pairs(problem, rng)
        jacobian = _jacobian(problem, z[0])
        z, w = np.concatenate([z, np.repeat(z[:1], z.shape[1], axis=0)]), np.concatenate([w, z[:1] + np.linalg.eigh(jacobian + jacobian.T)[1].T])
        flat = ((problem.operator(z) - problem.operator(w)) * (z - w)).sum(axis=1) / norms(z - w) ** 2
        worst = int(np.argmin(flat))
        yield judged("mu", self.mu, float(flat[worst]), False, z[worst])


def _jacobian(problem: Any, z: Array) -> Array:
    """Differences of the operator at one point, (dimension, dimension), with a step of the size of z: exact for an affine operator."""
    step = max(1e-3, float(np.abs(z).max())) * np.eye(len(z))
    return ((problem.operator(z + step) - problem.operator(z[None])) / step.max()).T
