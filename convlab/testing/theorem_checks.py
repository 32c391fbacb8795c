"""The theorems that an optimizer of a kind owes, judged on every matching problem by the judge of the catalogue, exact sources only."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from convlab.errors import BadInput
from convlab.judge.check import judge_claim
from convlab.judge.compare import as_float
from convlab.judge.doubts import doubted
from convlab.judge.replaced import in_its_place, set_values
from convlab.judge.verdict import Skipped, Verdict, Word, log10
from convlab.operations import Unsupported
from convlab.problem import Family, installed_families
from convlab.run.cases import NotApplicable
from convlab.run.settings import Settings
from convlab.symbols import beta, gamma
from convlab.testing.finding import Finding, Outcome
from convlab.testing.laws import Subject
from convlab.testing.likeness import Owed
from convlab.testing.owed import owed_theorem
from convlab.theorem import FalseClaim

FIELDS: Mapping[str, Any] = {"step_size": gamma, "momentum": beta}      # of our algorithms, whose expressions the optimizer's hyperparameters take
ITERATIONS = 25      # a wrong rule breaks a bound early, and a battery may take ten seconds
SHOWN = 3            # reasons told


def owed_finding(subject: Subject, owed: Owed, name: str) -> Finding:
    """All claims of a theorem on this optimizer; the first refutation ends it."""
    theorem, families = owed_theorem(owed.theorem), installed_families()
    verdicts: list[Verdict] = []
    skipped: list[str] = []
    for claim in (c for c in theorem.claims if not isinstance(c, FalseClaim) and (not owed.claims or c.name in owed.claims)):
        try:
            for item in _judged(theorem.id, claim, subject, owed, families):
                if isinstance(item, Skipped):
                    skipped.append(item.reason)
                else:
                    verdicts.append(item)
        except (NotApplicable, Unsupported, BadInput) as reason:
            skipped.append(str(reason))
    return _told(name, verdicts, skipped)


def _judged(title: str, claim: Any, subject: Subject, owed: Owed, families: Mapping[str, Family]) -> Iterator[Verdict | Skipped]:
    candidate = subject.candidate
    wanted = {role: getattr(claim.algorithm, field) for field, role in FIELDS.items() if hasattr(claim.algorithm, field)}
    fixed = {role: candidate.own[role] for role in wanted if role not in candidate.spelled and role in candidate.own}
    spoken = {role: value for role, value in owed.at.items() if role in subject.like.roles}
    unset = [role for role, value in spoken.items() if role not in candidate.spelled and candidate.own.get(role) != value]
    if unset:
        raise NotApplicable(f"it speaks of {unset[0]} = {spoken[unset[0]]:g}, which cannot be set")
    algorithm = candidate.algorithm({**wanted, **spoken})
    algorithm = algorithm if owed.as_of is None else owed.as_of(algorithm)
    at = set_values({**{s: v for s, v in owed.parameters.items() if s in claim.defaults}, **fixed})
    settings = Settings(iterations=ITERATIONS, sampled=False, at=at, replaced=True)
    placed = in_its_place(claim, algorithm, at)
    for item in judge_claim(title, placed, families, settings):
        found = doubted(item, placed, families, settings) if isinstance(item, Verdict) else item
        yield found
        if isinstance(found, Verdict) and found.word is Word.REFUTED:
            return


def _told(name: str, verdicts: list[Verdict], skipped: list[str]) -> Finding:
    refuted = next((v for v in verdicts if v.word is Word.REFUTED), None)
    if refuted is not None:
        k, ratio = (refuted.witness.iteration, _ratio(refuted)) if refuted.witness is not None else (refuted.worst_k, refuted.worst_ratio)
        witness = str(refuted.witness) if refuted.witness is not None else f"{refuted.problem}: {refuted.outcome or refuted.note}"
        return Finding(name, "theorem", Outcome.FAILED, k=k, ratio=ratio, witness=witness, cause="the update itself: see the first law that fails")
    if not verdicts or any(v.word is not Word.HOLDS for v in verdicts):
        open_ = [v for v in verdicts if v.word is not Word.HOLDS]
        reasons = [f"undecided on {open_[0].problem}: {open_[0].note}"] if open_ else list(dict.fromkeys(skipped))[:SHOWN]
        return Finding(name, "theorem", Outcome.SKIPPED, "; ".join(reasons) or "no problem matches")
    worst = max(verdicts, key=lambda v: log10(v.worst_ratio) or (0.0 if v.worst_ratio == 1 else -math.inf))
    return Finding(name, "theorem", Outcome.PASSED, f"on {len({v.problem for v in verdicts})} problems (worst on {worst.problem})", worst.worst_k,
                   None if worst.worst_ratio is None else as_float(worst.worst_ratio))


def _ratio(verdict: Verdict) -> float | None:
    """Measured over bound at the witness; of a lower bound or a region, too, above 1 where it is violated."""
    assert verdict.witness is not None
    measured, bound = as_float(verdict.witness.measured), as_float(verdict.witness.bound)
    return measured / bound if bound else None
