"""Claims that are no rate: their own judges search (worst states, worst inputs, both sides of a stability edge), here on problem after problem.

A step inequality, an identity or a region is judged on the members of all families, then on random problems of the search spaces, until the budget
ends; an operator, which runs on no problem, from new inputs each time. A violation is settled by that judge, in rationals where there are some.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from convlab.draws import Inexact
from convlab.falsify.grounds import Choice, Ground, numbers_at, rounded, spaces
from convlab.falsify.search import Clock
from convlab.judge.check import judge_claim
from convlab.judge.verdict import Skipped, Verdict, Word
from convlab.judge.words import badness
from convlab.operations import Unsupported
from convlab.problem import Family, Member
from convlab.run.cases import NotApplicable, constants_of, refuse_restrictions
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import Identity, OperatorConstant, StabilityRegion, StepInequality

ROUNDS = 24              # of random problems or new inputs: beyond them the budget is not what is missing
DRAWN = 4                # problems a round
SHORT = 100              # denominators of their numbers
CANNOT = (NotApplicable, Unsupported, Inexact, ValueError, ZeroDivisionError, OverflowError)
HOW = {StepInequality: "states around each problem's starts were searched for the worst", Identity: "both sides were compared on each problem",
       OperatorConstant: "inputs were searched for the worst", StabilityRegion: "the spectral radius was computed just inside and just outside the edge"}


@dataclass(frozen=True)
class Judged:
    """The worst verdict that a claim's own judge came to, on so many problems (of an operator: choices of sizes)."""

    theorem: str
    claim: str
    false: bool              # declared false: a refutation is what is expected
    verdict: Verdict
    problems: int
    how: str

    @property
    def refuted(self) -> bool:
        """Whether it is."""
        return self.verdict.word is Word.REFUTED

    @property
    def word(self) -> str:
        """Refuted, or not by what was searched."""
        return "refuted" if self.refuted else "inconclusive" if self.verdict.word is Word.INCONCLUSIVE else "not refuted"

    @property
    def judged_by(self) -> str:
        """The source of the verdict."""
        return self.verdict.judged_by.value

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab falsify --json`; there is no instance file: those are of rate bounds."""
        told = self.verdict.to_json()
        kept = {name: told[name] for name in ("theorem", "claim", "judged_by", "worst_ratio", "worst_ratio_log10", "worst_k", "measured", "bound")}
        return {**kept, "verdict": self.word, "instance": None, "script": None, "note": "; ".join(filter(None, (self.how, self.verdict.note))), "sharpness": [],
                "problem": self.verdict.problem, "parameters": told["parameters"], "witness": told["witness"],
                "searched": [{"ground": self.verdict.problem, "evaluations": self.problems, "worst_ratio": told["worst_ratio"], "finished": True}]}


def judged(title: str, name: str, claim: Any, false: bool, families: Mapping[str, Family], seed: int, clock: Clock) -> Judged | None:
    """The worst verdict within the budget; None where no problem fits."""
    found: list[Verdict] = []
    for verdict in _verdicts(title, claim, families, seed, clock):
        found.append(verdict)
        if verdict.word is Word.REFUTED or clock.left < 0:
            break
    worst = max(found, key=lambda verdict: _badness(verdict, claim), default=None)
    told = f"{HOW[type(claim)]}, {len(found)} times" if isinstance(claim, OperatorConstant) else f"{HOW[type(claim)]}, on {len(found)} problems, not chosen for it"
    if worst is None:
        return None
    witness = worst.witness and replace(worst.witness, reproduce=f"convlab falsify {title} --seed {seed}")      # a problem that was drawn has no name of its own
    return Judged(title, name, false, replace(worst, claim=name, witness=witness), len(found), told)


def _badness(verdict: Verdict, claim: Any) -> tuple[bool, float]:
    ratio = np.array([[np.nan if verdict.worst_ratio is None else verdict.worst_ratio]], dtype=object)
    return verdict.word is Word.REFUTED, float(badness(ratio, getattr(claim, "relation", None))[0, 0])  # type: ignore[arg-type]   # a region and an identity have none


def _verdicts(title: str, claim: Any, families: Mapping[str, Family], seed: int, clock: Clock) -> Iterator[Verdict]:
    yield from _of(title, claim, families, Settings(seed=seed))
    grounds = [] if isinstance(claim, OperatorConstant) or bool(getattr(claim, "on", None)) else _grounds(claim, families)
    if not grounds and not isinstance(claim, OperatorConstant):
        return
    rng = np.random.default_rng((seed, 7))
    for number in range(1, ROUNDS + 1):
        drawn = {} if not grounds else {"drawn": Family("drawn", make=dict, members=partial(tuple, _drawn(claim, grounds, rng)))}
        free = replace(claim, tight=()) if getattr(claim, "tight", ()) else claim         # declared instances name families that are not drawn
        yield from _of(title, free, drawn, Settings(seed=seed + number))


def _of(title: str, claim: Any, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict]:
    return (item for item in judge_claim(title, claim, families, settings) if not isinstance(item, Skipped))


def _grounds(claim: Any, families: Mapping[str, Family]) -> list[Ground]:
    """The spaces with problems that the claim speaks of."""
    algorithm = getattr(claim, "algorithm", None)
    random = algorithm is None or bool(is_random(algorithm))
    rng = np.random.default_rng(0)
    return [ground for ground in spaces(families, random, claim.assumptions) if _member(claim, ground, rng) is not None]


def _drawn(claim: Any, grounds: list[Ground], rng: np.random.Generator) -> list[Member]:
    made = (_member(claim, grounds[int(rng.integers(len(grounds)))], rng) for _ in range(DRAWN))
    return [member for member in made if member is not None]


def _member(claim: Any, ground: Ground, rng: np.random.Generator) -> Member | None:
    choice = rounded(Choice(ground, numbers_at(ground, rng.random(len(ground.ranges))), {}), SHORT)
    try:
        problem, _ = ground.build(choice.numbers)
        refuse_restrictions(problem, claim.assumptions)
        constants_of(problem, claim.assumptions)
    except CANNOT:
        return None
    return Member(f"{ground.name}({', '.join(f'{name}={value}' for name, value in choice.numbers.items())})", problem)
