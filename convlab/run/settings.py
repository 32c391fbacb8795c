"""What a user may choose about a check."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Settings:
    """`parameters` are given by symbol name, as text ("1/4") or numbers; `problems` restricts the members by name (empty: all that match)."""

    seed: int = 0
    replicates: int = 1024
    iterations: int = 300
    engine: str = "auto"              # "auto", "numpy" or "jax"
    problems: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    outside: bool = False             # explore parameters beyond the condition on purpose
    dimension: int | None = None      # keep only problems of this dimension
    alpha: float = 1e-4
    workers: int = 1
    sampled: bool = True              # run sampled replicates beside the exact source of an expectation
    at: Mapping[Any, Any] = field(default_factory=dict)      # what tunables are: numbers, or expressions in constants; where that leaves a condition, nothing is judged
    replaced: bool = False            # the algorithm is not the theorem's own: what it lacks keeps a problem from being judged, it is no mistake of the theorem
