"""`falsify`: a theorem's rate bounds against the worst instance of their whole problem class, with what a reviewer needs of it; its other claims by their judges."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convlab.catalogue import theorem as of_id
from convlab.errors import BadInput
from convlab.falsify.by_judge import Judged, judged
from convlab.falsify.instances import document_of
from convlab.falsify.proposals import sampled_hunt, sampled_only
from convlab.falsify.script import script_or_reason
from convlab.falsify.search import CANNOT, Clock, Searched, Worst, hunt
from convlab.falsify.sharpness import Sharpness, sharpness
from convlab.judge.verdict import Skipped, jsonable, log10, short
from convlab.problem import Family, installed_families
from convlab.theorem import FalseClaim, Law, RateBound, Relation, Theorem

INSIDE = 3 / 4      # share of a claim's time that goes to instances inside its condition; the rest looks just outside


@dataclass(frozen=True)
class Falsified:
    """The worst instance of one claim: as a data file, as a program where it can be printed, and how sharp the condition is."""

    theorem: str
    claim: str
    false: bool                       # declared false: a refutation is what is expected
    worst: Worst
    instance: Mapping[str, Any]
    script: str | None
    reason: str                       # why there is no script, or no decision in rationals
    sharpness: tuple[Sharpness, ...]
    searched: tuple[Searched, ...]

    @property
    def refuted(self) -> bool:
        """Whether it violates the claim, in rationals."""
        return self.worst.refuted

    @property
    def word(self) -> str:
        """`inconclusive`: above the bound in floats by more than their resolution, and rationals could not decide."""
        return "refuted" if self.refuted else "inconclusive" if self.worst.above else "not refuted"

    @property
    def judged_by(self) -> str:
        """The source of the worst ratio."""
        return self.worst.source.value

    @property
    def evaluations(self) -> int:
        """How many instances were run."""
        return sum(part.evaluations for part in self.searched)

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab falsify --json`."""
        spot = self.worst.spot
        result = spot.evidence.result
        return {"theorem": self.theorem, "claim": self.claim, "verdict": self.word, "judged_by": self.judged_by,
                "worst_ratio": jsonable(_number(self.worst.ratio)), "worst_ratio_log10": log10(self.worst.ratio), "worst_k": spot.k,
                "measured": jsonable(_number(result.measured[spot.row, spot.case])), "bound": jsonable(_number(result.bound[spot.row, spot.case])),
                "instance": dict(self.instance), "script": self.script, "note": self.reason,
                "sharpness": [{"tunable": s.tunable, "excess": jsonable(s.excess), "searched": jsonable(s.searched), "told": str(s),
                               "instance": None if s.worst is None else _document(self.theorem, self.claim, s.worst, outside=True)} for s in self.sharpness],
                "searched": [{"ground": p.ground, "evaluations": p.evaluations, "worst_ratio": jsonable(p.ratio), "finished": p.finished} for p in self.searched]}


@dataclass(frozen=True)
class Falsification:
    """The worst instances of a theorem's claims, and the claims that were not searched, with the reason."""

    found: tuple[Falsified | Judged, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def refuted(self) -> bool:
        """Whether some claim is."""
        return any(item.refuted for item in self.found)

    def to_json(self) -> dict[str, Any]:
        """Results and skips, as in `convlab falsify --json`."""
        return {"results": [item.to_json() for item in self.found], "skipped": [skip.to_json() for skip in self.skipped]}

    def __str__(self) -> str:
        return "\n".join(map(_told, self.found)) or "nothing was searched"


def _told(item: Falsified | Judged) -> str:
    if isinstance(item, Judged):
        return f"{item.word}: {item.theorem}:{item.claim} on {item.verdict.problem}, ratio {short(item.verdict.worst_ratio)} by {item.judged_by}"
    return (f"{item.word}: {item.theorem}:{item.claim} on {item.worst.choice.ground.name}, ratio {short(_number(item.worst.ratio))} "
            f"at k = {item.worst.spot.k} by {item.judged_by}")


def _number(value: Any) -> Any:
    return value if value is None or hasattr(value, "denominator") else float(value)


def falsify(theorem: Theorem | str, *, budget: float = 60.0, seed: int = 0, families: Mapping[str, Family] | None = None) -> Falsification:
    """The worst instance found of every rate bound, and the worst verdict on every other claim. `budget` is in seconds, shared by the claims.

    The same seed finds the same instance, unless the budget cuts a search short (`finished` tells). Raises BadInput for a budget that is not positive.
    """
    theorem = of_id(theorem) if isinstance(theorem, str) else theorem
    if not 0 < budget < float("inf"):
        raise BadInput(f"--budget {budget:g}: a search needs a positive number of seconds.")
    families = installed_families() if families is None else families
    clock, found, skipped = Clock(budget), list[Falsified | Judged](), []
    for number, declared in enumerate(theorem.claims):
        claim = declared.asserted if isinstance(declared, FalseClaim) else declared
        share = max(0.0, clock.left) / (len(theorem.claims) - number)
        reason = _why_not(claim)
        try:
            false = isinstance(declared, FalseClaim)
            item: Falsified | Judged | None = None
            if not isinstance(claim, RateBound):
                item = judged(theorem.id, declared.name, claim, false, families, seed, Clock(share))
            elif not reason:
                item = _falsified(theorem.id, declared.name, claim, false, families, seed, share)
        except CANNOT as error:
            item, reason = None, str(error)
        if item is not None:
            found.append(item)
        else:
            skipped.append(Skipped(theorem.id, declared.name, "", reason or "no problem that can be searched satisfies its assumptions, within this budget"))
    return Falsification(tuple(found), tuple(skipped))


def _why_not(claim: Any) -> str:
    if not isinstance(claim, RateBound):
        return ""
    if claim.relation is Relation.ORDER:
        return "a claim of order names no constant that an instance could exceed; `check` judges whether measured/bound keeps growing"
    return "it speaks of one instance, not of a class, and `check` judges that one" if claim.on else ""


def _falsified(title: str, name: str, claim: RateBound, false: bool, families: Mapping[str, Family], seed: int, seconds: float) -> Falsified | None:
    clock = Clock(INSIDE * seconds)
    worst, searched, scores = hunt(claim, families, seed, clock) if claim.law is not Law.HIGH_PROBABILITY else (None, (), ())
    if worst is None and sampled_only(claim):
        worst, searched = sampled_hunt(title, claim, families, seed, clock)
    if worst is None:
        return None
    edges = sharpness(claim, worst.setting, scores, seed, (1 - INSIDE) * seconds) if scores else ()
    spot = worst.spot
    place = spot.row, spot.case
    program, why = script_or_reason(title, claim, worst.setting, spot.k, spot.evidence.result.measured[place], spot.evidence.result.bound[place])
    return Falsified(title, name, false, worst, _document(title, name, worst), program, "; ".join(filter(None, (worst.reason, why))), edges, searched)


def _document(title: str, name: str, worst: Worst, outside: bool = False) -> dict[str, Any]:
    return document_of(title, name, worst.choice.ground.told(worst.choice.numbers), worst.setting, worst.spot.k, outside)
