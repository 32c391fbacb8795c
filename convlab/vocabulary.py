"""The closed sets of words that claims are made of: senses, relations, sources, modes, grids, and problems named by their family."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

Condition: TypeAlias = Any     # a sympy Boolean (or True)
Formula: TypeAlias = Any       # a sympy expression


class Law(Enum):
    """In which sense a claim speaks of random runs."""

    SURELY = "surely"
    EXPECTATION = "in expectation"
    HIGH_PROBABILITY = "with high probability"


class Relation(Enum):
    """measured RELATION bound. ORDER is measured <= C bound with a C that may depend on problem, start and parameters, but neither on k nor on a horizon."""

    AT_MOST = "<="
    EQUAL = "=="
    AT_LEAST = ">="
    ORDER = "O"


class Sense(Enum):
    """In which sense a state map is stable."""

    SURELY = "surely"
    MEAN_SQUARE = "in mean square"


class Source(Enum):
    """What judged a claim."""

    DETERMINISTIC = "deterministic"
    MOMENTS = "exact-moments"
    ENUMERATION = "enumeration"
    SPECTRUM = "spectrum"
    SEARCH = "search"
    RATIONAL = "rational"
    SYMBOLIC = "symbolic"
    CLOSED_FORM = "closed-form"
    MONTE_CARLO = "monte-carlo"


STATISTICS = ("last", "best", "mean", "sum")


@dataclass(frozen=True)
class Mode:
    """Which iterates a claim speaks of, relative to k: `best_of(0, -1)` is the minimum over i = 0 .. k-1. `statistic` is "last", "best", "mean" or "sum"."""

    statistic: str
    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise ValueError(f"a mode has no statistic {self.statistic!r}: it is one of {', '.join(STATISTICS)}.")
        if self.last not in (0, -1) or not isinstance(self.first, int) or self.first < 0:
            raise ValueError(f"a mode over i = {self.first} .. k + {self.last}: it begins at an integer from 0 on and ends at k or k - 1 (last = 0 or -1).")


every_iterate = Mode("last")


def best_of(first: int, last: int) -> Mode:
    """The least measured value over i = first .. k + last."""
    return Mode("best", first, last)


def mean_of(first: int, last: int) -> Mode:
    """The mean of the measured values over i = first .. k + last."""
    return Mode("mean", first, last)


def sum_of(first: int, last: int) -> Mode:
    """The sum of the measured values over i = first .. k + last."""
    return Mode("sum", first, last)


@dataclass(frozen=True)
class Grid:
    """The k on which a claim speaks, from `first` on: `step` is a number or a symbol (multiples of it); `horizons`, one run each with K fixed in advance."""

    step: Any = 1
    horizons: tuple[int, ...] = ()
    first: int = 0


every_k = Grid()


def from_k(first: int) -> Grid:
    """k = first, first + 1, ..."""
    return Grid(first=first)


def multiples_of(step: Any) -> Grid:
    """k = step, 2 step, ..."""
    return Grid(step=step)


def horizons(*values: int) -> Grid:
    """One run for each K, judged at k = K."""
    return Grid(horizons=values)


class Instance:
    """A problem named by its family, with parameters that may be sympy expressions in constants, tunables and k. `start` likewise.

    `when` restricts it to a part of the condition, `at` fixes constants (else the checker takes its own, all far from 1 and from each other).
    An instance that mentions k is another problem for each horizon.
    """

    def __init__(self, family: str, *, start: Any = None, when: Condition = True, at: Mapping[Any, Any] | None = None, **parameters: Any) -> None:
        self.family, self.start, self.when, self.at, self.parameters = family, start, when, dict(at or {}), parameters

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.family}({inside})" + (f" from {self.start}" if self.start is not None else "")
