"""What a proof attempt returns: a status, what is left where it failed, and the formulas by which a reader can follow it."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Status(Enum):
    """The three outcomes."""

    PROVED = "proved"
    FAILED = "failed"
    NOT_CLAIMED = "not claimed"


@dataclass(frozen=True)
class Finding:
    """What a prover found: `residual` is None exactly when the fact is proved, else what is left of it (a difference, a point, the place where it stopped)."""

    residual: str | None
    steps: tuple[str, ...] = ()
    formulas: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Proof:
    """One fact of one claim. `kind` is the word of the declaration (OneStep, ...), `formulas` are (caption, sympy expression, relation or matrix)."""

    theorem: str
    claim: str
    fact: str
    kind: str
    status: Status
    residual: str | None = None
    steps: tuple[str, ...] = ()
    formulas: tuple[tuple[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab prove --json`."""
        return {"theorem": self.theorem, "claim": self.claim, "fact": self.fact, "kind": self.kind, "status": self.status.value, "residual": self.residual}

    def __str__(self) -> str:
        return f"{self.status.value:11} {self.theorem}:{self.claim} {self.fact}" + (f": {self.residual}" if self.residual else "")


def point_text(point: Any) -> str:
    """A point as a reader wants it: gamma = 5/2, lam = 1."""
    return ", ".join(f"{name} = {value}" for name, value in sorted(point.items(), key=lambda item: str(item[0])))
