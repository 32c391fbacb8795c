"""What a step costs, declared by the algorithm: oracle calls and bits, added up along a run."""
from __future__ import annotations

from dataclasses import dataclass

from convlab.constants import Number


@dataclass(frozen=True)
class Cost:
    """Calls per replicate. Numbers may be fractions: a refresh with probability p costs p full gradients in expectation."""

    component_gradients: Number = 0
    full_gradients: Number = 0
    proxes: Number = 0
    bits: Number = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.component_gradients + other.component_gradients, self.full_gradients + other.full_gradients,
                    self.proxes + other.proxes, self.bits + other.bits)
