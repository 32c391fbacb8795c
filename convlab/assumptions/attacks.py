"""Assumptions on losses that an adversary raises by moving the input."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.assumptions.finding import Finding, judged
from convlab.constants import Constant
from convlab.probing import sample_points


@dataclass(frozen=True)
class MarginAttack:
    """f(v) = -loss(margin of a linear model at the input moved by v), v in a cube of side `diameter` around 0; G bounds the margin's slope in the maximum norm."""

    G: Constant
    diameter: Constant
    statement: ClassVar[str] = "an adversary lowers the margin of a linear model by moving its input within a cube of side D; G is the 1-norm of the model"
    formula: ClassVar[str] = 'f(v) = - "loss"(b chevron.l a + v, w chevron.r), quad norm(v)_infinity <= D/2, quad G = norm(w)_1'
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G and diameter."""
        return {symbols.G: self.G, symbols.diameter: self.diameter}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest change of the margin among corners of the cube, and the cube's side."""
        half = float(self.diameter.value) / 2
        v = half * rng.choice([-1.0, 1.0], size=(2000, problem.dimension))
        lowered = float((problem.margin(-v) - problem.margin(v)).max()) / (2 * half)
        yield judged("G", self.G, lowered, True, None)
        yield judged("diameter", self.diameter, 2 * float(np.abs(sample_points(problem, rng)).max()), True, None)
