"""Assumptions on losses that change from round to round."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, judged
from convlab.constants import Constant
from convlab.probing import norms, sample_points


@dataclass(frozen=True)
class ConvexLosses:
    """Round k has a convex loss f_k, G-Lipschitz, on a closed convex set of this diameter; `period` rounds, over and over."""

    G: Constant
    diameter: Constant
    period: int
    statement: ClassVar[str] = "each round has a convex G-Lipschitz loss on a closed convex set of diameter D"
    formula: ClassVar[str] = "norm(nabla f_k (x)) <= G, quad norm(x - y) <= D"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G and diameter."""
        return {symbols.G: self.G, symbols.diameter: self.diameter}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest gradient over a period, the largest distance of feasible points."""
        x = sample_points(problem, rng)
        slopes = [float(norms(problem.loss_gradient(x, round)).max()) for round in range(self.period)]
        yield judged("G", self.G, max(slopes), True, None)
        apart = norms(x - x[::-1])
        yield judged("diameter", self.diameter, float(apart.max()), True, None)
