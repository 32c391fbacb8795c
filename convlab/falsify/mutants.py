"""Would we have noticed? Every false neighbour that a theorem declares is judged as if it were claimed, until something refutes it."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from convlab.catalogue import theorem as of_id
from convlab.falsify.generic import generic_mutants
from convlab.judge.check import judge_claim
from convlab.judge.compare import as_float
from convlab.judge.verdict import Verdict, Witness, Word, jsonable
from convlab.problem import Family, installed_families
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim, Mutant, Theorem, mutated


@dataclass(frozen=True)
class MutantResult:
    """A mutant with the witness that refutes it at some k >= 1, or the news that it survives."""

    theorem: str
    claim: str
    mutant: str
    refuted: bool
    problem: str = ""
    witness: Witness | None = None
    judged: int = 0                  # verdicts looked at
    generic: bool = False            # nobody declared it false: that it survives is information
    worst: float | None = None       # the largest measured/bound where it survives

    @property
    def told(self) -> str:
        """What a surviving generic mutant says of the claim."""
        if self.refuted or not self.generic:
            return ""
        if self.judged == 0:
            return "nothing could be judged"
        if self.mutant.startswith("bound times"):
            return self._loose(float(self.mutant.split()[-1]))
        return "none of our problems violates it" + ("" if self.worst is None else f" (worst ratio {self.worst:.3g})")

    def _loose(self, factor: float) -> str:
        """By how much the bound itself is larger than all that was measured (of a lower bound: smaller)."""
        if not self.worst or not math.isfinite(self.worst):
            return "the bound is loose on our problems: nothing comes near it"
        stronger = factor if factor < 1 else 1 / factor
        return f"the bound is loose by a factor of {1 / (self.worst * stronger):.3g} on all our problems (worst ratio {self.worst:.3g} of this mutant)"

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab mutants --json`."""
        return {"theorem": self.theorem, "claim": self.claim, "mutant": self.mutant, "verdict": "refuted" if self.refuted else "survives",
                "generic": self.generic, "note": self.told, "judged": self.judged,
                "witness": None if self.witness is None else {"problem": self.witness.problem, "parameters": jsonable(self.witness.parameters),
                                                              "start": self.witness.start, "iteration": self.witness.iteration,
                                                              "measured": jsonable(self.witness.measured), "bound": jsonable(self.witness.bound)}}


def mutants(theorem: Theorem | str, settings: Settings | None = None, families: Mapping[str, Family] | None = None, generic: bool = False) -> tuple[MutantResult, ...]:
    """Every declared mutant of a theorem, judged; with `generic`, generic ones of the true claims that declare none."""
    theorem = of_id(theorem) if isinstance(theorem, str) else theorem
    settings = replace(settings or Settings(), sampled=False, parameters={}, outside=False)
    families = installed_families() if families is None else families
    found = tuple(judged_mutant(theorem.id, claim, mutant, families, settings) for claim, mutant in declared(theorem))
    bare = [claim for claim in theorem.claims if generic and not claim.mutants and not isinstance(claim, FalseClaim)]
    return found + tuple(replace(judged_mutant(theorem.id, claim, mutant, families, settings), generic=True) for claim in bare for mutant in generic_mutants(claim))


def declared(theorem: Theorem) -> Iterator[tuple[Any, Mutant]]:
    """Claims with their mutants; those of a false claim are mutants of what it asserts."""
    for claim in theorem.claims:
        for mutant in claim.mutants:
            yield (replace(claim.asserted, on=(claim.witness,), name=claim.name) if isinstance(claim, FalseClaim) else claim), mutant


def judged_mutant(title: str, claim: Any, mutant: Mutant, families: Mapping[str, Family], settings: Settings) -> MutantResult:
    """One mutant: the first refutation beyond k = 0 ends the search."""
    judged, worst = 0, None
    for found in judge_claim(title, mutated(claim, mutant), families, settings):
        if not isinstance(found, Verdict):
            continue
        judged += 1
        if found.worst_ratio is not None:
            worst = max(as_float(found.worst_ratio), -math.inf if worst is None else worst)
        if found.word is Word.REFUTED and found.witness is not None and found.witness.iteration >= 1:
            return MutantResult(title, claim.name, mutant.name, True, found.problem, found.witness, judged)
    return MutantResult(title, claim.name, mutant.name, False, judged=judged, worst=worst)
