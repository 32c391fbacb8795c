"""What `certify` returns: a status, the numbers, the certificate and an instance for each claim and n; and what it could not speak of."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from convlab.judge.verdict import jsonable, short


class Status(Enum):
    """What stands of a bound at one n."""

    TIGHT = "tight"                # proved in rationals, and attained by an instance to a millionth
    VALID = "valid"                # proved in rationals: worst case <= (1 + 1e-6) bound
    NUMERICAL = "numerical"        # the solver's number alone
    REFUTED = "refuted"            # an instance, run in rationals, exceeds it


@dataclass(frozen=True)
class Certified:
    """One claim at one n. `worst_case` is the solver's number (a rational where an instance attains the bound exactly).

    `slack` says how far above the bound the proof reaches, relative; `measured` is the reconstructed worst case run by the engine in floats;
    `instance` the one that shows `tight` or `refuted`; `certificate` the document.
    """

    theorem: str
    claim: str
    n: int
    status: Status
    worst_case: Any
    bound: Any
    parameters: Mapping[str, Any]
    constants: Mapping[str, Any]
    slack: float | None = None
    measured: float | None = None
    certificate: Mapping[str, Any] | None = None
    instance: Mapping[str, Any] | None = None
    symbolic: tuple[str, ...] = ()           # facts of the claim that `convlab prove` shows for every n
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab certify --json`."""
        return {"theorem": self.theorem, "claim": self.claim, "n": self.n, "worst_case": jsonable(self.worst_case), "bound": jsonable(self.bound),
                "status": self.status.value, "slack": self.slack, "measured": jsonable(self.measured), "parameters": jsonable(self.parameters),
                "constants": jsonable(self.constants), "certificate": self.certificate, "instance": self.instance, "symbolic": list(self.symbolic),
                "notes": list(self.notes)}

    def __str__(self) -> str:
        name = self.theorem if self.claim == "main" else f"{self.theorem}:{self.claim}"
        return f"{self.status.value:9} {name} n = {self.n}: worst case {short(float(self.worst_case))}, bound {short(self.bound)}"


@dataclass(frozen=True)
class Unclaimed:
    """A claim (at n, or at any) of which no worst case is computed, and why."""

    theorem: str
    claim: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The item of `skipped`."""
        return {"theorem": self.theorem, "claim": self.claim, "problem": "", "reason": self.reason}


@dataclass(frozen=True)
class Certification:
    """Everything that `certify` found."""

    results: tuple[Certified, ...]
    skipped: tuple[Unclaimed, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Results and skips, as in `convlab certify --json`."""
        return {"results": [r.to_json() for r in self.results], "skipped": [s.to_json() for s in self.skipped]}

    def __add__(self, other: Certification) -> Certification:
        return Certification(self.results + other.results, self.skipped + other.skipped)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.results), *(f"not claimed {s.theorem}:{s.claim}: {s.reason}" for s in self.skipped)])
