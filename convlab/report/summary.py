"""What the report says of a claim in one line: its word, whether that was expected, by what it was judged, and how near the bound came."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from convlab.judge.verdict import Check, Skipped, Verdict, Word, log10
from convlab.theorem import FalseClaim, Relation, Source, StabilityRegion, Theorem

LOOSE = 0.9      # a bound that nothing reaches to nine tenths is told to be loose


@dataclass(frozen=True)
class ClaimSummary:
    """One claim with its verdicts, worst first."""

    theorem: Theorem
    claim: Any
    verdicts: tuple[Verdict, ...]
    skipped: tuple[Skipped, ...]

    @property
    def id(self) -> str:
        """theorem, or theorem:claim where it has a name of its own."""
        return self.theorem.id if self.claim.name == "main" else f"{self.theorem.id}:{self.claim.name}"

    @property
    def word(self) -> Word:
        """The worst of its verdicts."""
        return Check(self.verdicts).word

    @property
    def false(self) -> bool:
        """Whether it is declared false, and expected to be refuted."""
        return isinstance(self.claim, FalseClaim)

    @property
    def unexpected(self) -> bool:
        """Whether it fell out against the declaration."""
        return self.word is (Word.HOLDS if self.false else Word.REFUTED)

    @property
    def worst(self) -> Verdict | None:
        """The verdict that the page shows: exact sources before samples, then the largest ratio."""
        return self.verdicts[0] if self.verdicts else None

    @property
    def sources(self) -> tuple[str, ...]:
        """What judged it, most frequent first."""
        return tuple(name for name, _ in Counter(v.judged_by.value for v in self.verdicts).most_common())

    @property
    def tightness(self) -> str:
        """`exact`: attained with == in rationals; `attained`: up to rounding; else empty."""
        if isinstance(self.claim, StabilityRegion):
            return ""
        if any(v.judged_by is Source.RATIONAL and v.word is Word.HOLDS and v.worst_ratio == 1 for v in self.verdicts):
            return "exact"
        return "attained" if any((size := log10(v.worst_ratio)) is not None and abs(size) < 1e-9 for v in self.verdicts) else ""


    @property
    def loose(self) -> float | None:
        """The largest ratio that an exact source measured, where the claim is an inequality and that lies well below 1: the bound is loose on all that was tried."""
        if self.false or getattr(self.claim, "relation", None) not in (Relation.AT_MOST, Relation.AT_LEAST) or self.word is Word.REFUTED:
            return None
        sizes = [size for v in self.verdicts if v.judged_by is not Source.MONTE_CARLO and (size := log10(v.worst_ratio)) is not None]
        return 10 ** max(sizes) if sizes and max(sizes) < math.log10(LOOSE) else None


def summaries(theorems: Sequence[Theorem], checks: Mapping[str, Check]) -> tuple[ClaimSummary, ...]:
    """Every claim of every theorem, in order."""
    return tuple(_summary(theorem, claim, checks.get(theorem.id, Check(()))) for theorem in theorems for claim in theorem.claims)


def _summary(theorem: Theorem, claim: Any, check: Check) -> ClaimSummary:
    verdicts = sorted((v for v in check.verdicts if v.claim == claim.name), key=_badness)
    return ClaimSummary(theorem, claim, tuple(verdicts), tuple(s for s in check.skipped if s.claim == claim.name))


def _badness(verdict: Verdict) -> tuple[Any, ...]:
    size = log10(verdict.worst_ratio)
    return (verdict.word is not Word.REFUTED, verdict.judged_by is Source.MONTE_CARLO, -round(size, 9) if size is not None else 400.0,
            verdict.judged_by is not Source.RATIONAL, verdict.problem)
