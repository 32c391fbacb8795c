"""Assumptions on workers and on the graphs that they talk over."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.assumptions.finding import Finding, Status, judged
from convlab.assumptions.functions import Minimum
from convlab.constants import Constant, Exactness
from convlab.probing import sample_points


@dataclass(frozen=True)
class Workers:
    """f is the mean of the functions of N workers, each with gradients of its own."""

    workers: int
    statement: ClassVar[str] = "f is the mean of the functions of N workers"
    formula: ClassVar[str] = "f = 1/N sum_i f_i"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """workers."""
        return {symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The mean of the workers' gradients is the gradient."""
        x = sample_points(problem, rng, 50)
        every = problem.worker_gradients(x)
        off = float(np.abs(every.mean(axis=1) - problem.gradient(x)).max()) / (1 + float(np.abs(every).max()))
        broken = off > 1e-10 or every.shape[1] != self.workers         # ten digits: a mean of N gradients is rounded to about N eps
        yield Finding("workers", float(self.workers), float(every.shape[1]), "mean of the workers' gradients", Status.BROKEN if broken else Status.ATTAINED)


@dataclass(frozen=True)
class DisagreeingWorkers:
    """At the minimiser of f the workers' gradients have root mean square sigma_opt."""

    sigma_opt: Constant
    statement: ClassVar[str] = "the workers' gradients at the minimiser of f have root mean square sigma_opt"
    formula: ClassVar[str] = "1/N sum_i norm(nabla f_i (x^*))^2 = sigma_*^2"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """sigma_opt."""
        return {symbols.sigma_opt: self.sigma_opt}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The workers' gradients at the stated minimiser."""
        best = next(f.at for f in problem.facts() if isinstance(f, Minimum) and f.at is not None)
        every = problem.worker_gradients(FLOAT64.array(np.asarray(best))[None])
        yield judged("sigma_opt", self.sigma_opt, float(np.sqrt((every**2).sum(axis=-1).mean())), True, best)


@dataclass(frozen=True)
class QuadraticWorkers:
    """Worker i's function is a_i |x - b_i|^2/2: `curvatures` and `targets` of the problem. `lam` where all curvatures agree."""

    L_max: Constant
    lam: Constant | None = None
    statement: ClassVar[str] = "each worker's function is a multiple of a squared distance to a target of its own"
    formula: ClassVar[str] = "f_i (x) = a_i/2 norm(x - b_i)^2"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L_max, and lam where the curvatures agree."""
        return {symbols.L_max: self.L_max} if self.lam is None else {symbols.L_max: self.L_max, symbols.lam: self.lam}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The workers' gradients against a_i (x - b_i), and the largest a_i."""
        x = sample_points(problem, rng, 50)
        every = problem.worker_gradients(x)
        own = x[:, None, :] if x.ndim == 2 else x
        curvatures = np.asarray(problem.curvatures, dtype=float)
        off = float(np.abs(every - curvatures[:, None] * (own - problem.targets)).max()) / (1 + float(np.abs(every).max()))
        yield Finding("a_i (x - b_i)", 0.0, off, "every worker's gradient", Status.BROKEN if off > 1e-10 else Status.HOLDS)     # ten digits of one product
        yield judged("L_max", self.L_max, float(curvatures.max()), True, None)


@dataclass(frozen=True)
class MixingMatrix:
    """Workers on a graph average with their neighbours: W is doubly stochastic and norm(W - J) = mixing, J the average of all."""

    mixing: Constant
    workers: int
    statement: ClassVar[str] = "W is doubly stochastic and mixing is the spectral norm of W - J"
    formula: ClassVar[str] = "W bb(1) = bb(1), quad bb(1)^top W = bb(1)^top, quad rho = norm(W - J)"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mixing, workers."""
        return {symbols.mixing: self.mixing, symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The matrix read off `mix`: its row and column sums, and the spectral norm of its distance to J."""
        matrix = problem.mix(np.eye(self.workers)[None])[0]
        sums = max(float(np.abs(matrix.sum(axis=axis) - 1).max()) for axis in (0, 1))
        yield Finding("doubly stochastic", 0.0, sums, "row and column sums", Status.BROKEN if sums > 1e-12 else Status.HOLDS)   # sums of N numbers below 1
        yield judged("mixing", self.mixing, float(np.linalg.norm(matrix - 1 / self.workers, 2)), True, None)


@dataclass(frozen=True)
class OnePeerRounds:
    """In round j = 0 .. rounds - 1, over and over, each worker averages with the one 2^j places further on."""

    rounds: int
    workers: int
    statement: ClassVar[str] = "in round j each worker averages with the one 2^j places further on, the rounds taking their turns"
    formula: ClassVar[str] = "W_j = (I + P^(2^j)) / 2"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """rounds, workers."""
        return {symbols.rounds: Constant(self.rounds, Exactness.EXACT, "counted"), symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Every round's matrix, read off `mix`."""
        unit = np.eye(self.workers)
        off = max(float(np.abs(problem.mix(unit[None], j)[0] - (unit + np.roll(unit, 2 ** (j % self.rounds), axis=1)) / 2).max()) for j in range(2 * self.rounds))
        yield Finding("one peer", 0.0, off, "two periods of rounds", Status.BROKEN if off > 0 else Status.ATTAINED)
