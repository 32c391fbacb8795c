"""Constants of problems: a value, whether it is exact or one-sided, and how it is known."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, TypeAlias

Number: TypeAlias = Any    # a float, a Fraction, a sympy expression or a batch of them: whatever the arithmetic of the run is
Array: TypeAlias = Any     # an array of them, the leading axis counting replicates


class Exactness(Enum):
    """On which side of the truth a stated value lies."""

    EXACT = "exact"
    UPPER = "upper bound"
    LOWER = "lower bound"


@dataclass(frozen=True)
class Constant:
    """A value with its provenance. `how` is a sentence that a reader can check."""

    value: Number
    exactness: Exactness
    how: str


def exact(value: Number, how: str) -> Constant:
    """A constant known exactly, up to rounding if it is a float."""
    return Constant(value, Exactness.EXACT, how)


def upper(value: Number, how: str) -> Constant:
    """A certified upper bound on the best constant."""
    return Constant(value, Exactness.UPPER, how)


def lower(value: Number, how: str) -> Constant:
    """A certified lower bound on the best constant."""
    return Constant(value, Exactness.LOWER, how)


def is_rational(value: Any) -> bool:
    """Whether a value can take part in exact rational arithmetic."""
    return isinstance(value, (int, Fraction)) and not isinstance(value, bool)
