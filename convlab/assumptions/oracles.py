"""Assumptions on what a stochastic oracle answers: second moments that stay bounded."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, Status, judged
from convlab.assumptions.functions import Lipschitz
from convlab.assumptions.samples import BoundedVariance, FiniteSum, LipschitzSamples
from convlab.constants import Constant, is_rational, upper
from convlab.draws import Draws, Uniform
from convlab.operations import Unsupported, exact_sqrt
from convlab.probing import norms, sample_points

DIGITS = 10**15     # an irrational root is rounded up at the fifteenth decimal, next to what float64 resolves


@dataclass(frozen=True)
class BoundedSecondMoment:
    """The stochastic subgradient is unbiased with E |g|^2 <= G^2 at every point (of the domain, where there is one).

    Derived of a G-Lipschitz function with noise of bounded variance, G^2 + sigma^2, and of sums of Lipschitz components, the largest G_i^2.
    """

    G: Constant
    statement: ClassVar[str] = "the stochastic subgradient is unbiased, its second moment at most G^2"
    formula: ClassVar[str] = "EE [g(x)] in diff f(x), quad EE norm(g(x))^2 <= G^2"

    @classmethod
    def derive(cls, problem: Any) -> BoundedSecondMoment | None:
        """From the facts of a problem; None where they do not tell."""
        facts = problem.facts()
        steep = next((f for f in facts if isinstance(f, Lipschitz)), None)
        noise = next((f for f in facts if isinstance(f, BoundedVariance)), None)
        if steep is not None and noise is not None:
            return cls(_root(steep.G.value**2 + noise.sigma.value**2, "E |g|^2 = |E g|^2 + variance, at most the square of the Lipschitz constant and sigma^2"))
        each = next((f for f in facts if isinstance(f, LipschitzSamples)), None)
        if each is None or not any(isinstance(f, FiniteSum) for f in facts) or not drawn_uniformly(problem):
            return None
        return cls(upper(each.G.value, how="no component has a longer gradient"))

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Mean and second moment over the whole support, at random points."""
        x = sample_points(problem, rng, 200)
        mean, second = np.zeros_like(x), np.zeros(len(x))
        for draw, weight in problem.gradient_draws().branches(len(x), None):
            g = problem.stochastic_gradient(x, draw)
            mean, second = mean + float(weight) * g, second + float(weight) * norms(g) ** 2
        bias = float(norms(mean - problem.gradient(x)).max())
        broken = bias > 1e-10 * float(np.sqrt(second.max()))        # rounding of a few terms, with five digits to spare
        yield Finding("unbiased", 0.0, bias, "mean over the support", Status.BROKEN if broken else Status.ATTAINED)
        worst = int(np.argmax(second))
        yield judged("G", self.G, float(np.sqrt(second[worst])), True, x[worst])


def drawn_uniformly(problem: Any) -> bool:
    """Whether one call of the oracle draws one of the components, each with the same probability."""
    return hasattr(problem, "gradient_draws") and bool(problem.gradient_draws() == Draws(index=Uniform(problem.n)))


def _root(square: Any, how: str) -> Constant:
    if not is_rational(square):
        return upper(float(square) ** 0.5, how)
    try:
        return upper(exact_sqrt(square), how)
    except Unsupported:
        above = Fraction(math.isqrt(math.ceil(Fraction(square) * DIGITS**2)) + 1, DIGITS)
        return upper(above, how + "; the root is irrational and rounded up at the fifteenth decimal")
