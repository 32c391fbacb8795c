"""What one check found, and what a battery of them found: counted, and printed as a table."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Outcome(Enum):
    """How a check ended. `XFAILED`: it failed, as was expected with a reason."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "expected failure"


@dataclass(frozen=True)
class Finding:
    """One check: `k` the first update at which it fails, `ratio` measured over bound of a theorem, of a law how far it is off in units of the way made."""

    name: str
    kind: str                            # "law" or "theorem"
    outcome: Outcome
    reason: str = ""                     # of a skip, of an expected failure; what was seen of a pass
    k: int | None = None
    ratio: Any = None
    witness: str = ""
    cause: str = ""
    reproduce: str = ""

    @property
    def message(self) -> str:
        """What a failing test prints: the witness, the likely cause, the line to see it again."""
        lines = [f"{self.name} ({self.kind}) {self.outcome.value}{f' at k = {self.k}' if self.k is not None else ''}", f"  witness      {self.witness}",
                 f"  likely cause {self.cause}" if self.cause else "", f"  reason       {self.reason}" if self.reason else "", f"  reproduce    {self.reproduce}"]
        return "\n".join(line for line in lines if line.strip() and not line.endswith(("witness      ", "reproduce    ")))


@dataclass(frozen=True)
class Findings:
    """The results of a battery, in its order."""

    optimizer: str
    like: str
    results: tuple[Finding, ...]

    def _with(self, *outcomes: Outcome) -> tuple[Finding, ...]:
        return tuple(f for f in self.results if f.outcome in outcomes)

    @property
    def passed(self) -> tuple[Finding, ...]:
        """Checks that passed."""
        return self._with(Outcome.PASSED)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Checks that failed though nobody expected it."""
        return self._with(Outcome.FAILED)

    @property
    def skipped(self) -> tuple[Finding, ...]:
        """Checks that say nothing of this optimizer, with reasons."""
        return self._with(Outcome.SKIPPED)

    @property
    def counts(self) -> dict[str, int]:
        """How many ended how."""
        return dict(Counter(f.outcome.value for f in self.results))

    @property
    def ok(self) -> bool:
        """Whether nothing failed unexpectedly."""
        return not self.failed

    def __getitem__(self, name: str) -> Finding:
        return next(f for f in self.results if f.name == name)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.counts.get(o.value, 0)} {o.value}" for o in Outcome if o is not Outcome.XFAILED or self.counts.get(o.value))
        width = max(len(f.name) for f in self.results)
        rows = [f"  {f.outcome.value:8} {f.name:{width}}  {_told(f)}".rstrip() for f in self.results if f.outcome is not Outcome.FAILED]
        return "\n".join([f"{self.optimizer} like {self.like}: {len(self.results)} checks, {counts}", *rows, *(f.message for f in self.failed)])


def _told(finding: Finding) -> str:
    ratio = f"worst ratio {float(finding.ratio):.6g}" if finding.kind == "theorem" and finding.ratio is not None else ""
    return ": ".join(part for part in (ratio, finding.reason) if part)
