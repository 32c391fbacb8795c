"""The search behind each row of `sharpen`: what makes an objective (a factor, a ratio at a horizon, ...) largest over the whole problem class."""
from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from convlab.falsify.grounds import Choice, Ground, rounded, setting_of
from convlab.falsify.search import CANNOT, DENOMINATORS, KEPT, NOT_RATIONAL, Clock, Score, Trace, agree, beyond_start, evolved
from convlab.falsify.sharpen_factors import Objective, Top, floats, largest
from convlab.falsify.sharpen_known import Known
from convlab.falsify.together import evidence_together
from convlab.judge.rate import exact_evidence, float_evidence
from convlab.judge.words import Evidence
from convlab.run.cases import Setting
from convlab.run.settings import Settings
from convlab.theorem import RateBound, Source

CLOSE = 1e-9        # relative: a rational run that comes so close to the float one stands in its place


@dataclass(frozen=True)
class Found:
    """The largest value, what it was read off, and how a data file names the problem (None where it cannot)."""

    top: Top
    name: str
    told: Mapping[str, Any] | None
    choice: Choice | None = None
    reason: str = ""              # why rationals did not judge it

    @property
    def value(self) -> Any:
        """A Fraction where rationals judged."""
        return self.top.value

    @property
    def setting(self) -> Setting:
        """The case."""
        return self.top.evidence.settings[self.top.case]

    @property
    def source(self) -> Source:
        """What judged it."""
        return self.top.evidence.source


@dataclass(frozen=True)
class Field:
    """A ground, and whether its instances may run together."""

    ground: Ground
    at_once: bool


def fields_of(claim: RateBound, grounds: Sequence[Ground]) -> tuple[Field, ...]:
    """Tried once for all searches of a claim; those that run together first, for they end early and leave their time to the others."""
    return tuple(sorted((Field(ground, agree(claim, ground)) for ground in grounds), key=lambda field: not field.at_once))


def best_known(objective: Objective, claim: RateBound, known: Known) -> Found | None:
    """The largest value among the runs that are there already; an exact run before a float one of the same value."""
    best: Found | None = None
    for sample in known.samples:
        top = largest(objective, claim, sample.evidence)
        if top is not None and (best is None or float(top.value) > float(best.value) * (1 + CLOSE)):
            setting = top.evidence.settings[top.case]
            best = Found(top, sample.name, sample.told(setting))
    return best


def hunted(objective: Objective, claim: RateBound, fields: Sequence[Field], seed: int, clock: Clock, steps: int) -> tuple[tuple[Score, ...], bool]:
    """The best choice of each ground, and whether every search ended by itself."""
    scores, finished = [], True
    for number, field in enumerate(fields):
        ends = time.monotonic() + max(0.0, clock.left) / (len(fields) - number)
        judge = partial(_together if field.at_once else _one_by_one, objective, claim, steps)
        told, score = evolved(claim, field.ground, Trace(judge, ends), seed)
        finished = finished and told.finished
        if score is not None and score.ratio > 0:
            scores.append(score)
    return tuple(scores), finished


def _together(objective: Objective, claim: RateBound, steps: int, choices: list[Choice]) -> list[Score]:
    cases = [_case(claim, choice) for choice in choices]
    kept = [case for case in cases if case is not None]
    if not kept:
        return [Score(choice, 0.0, False) for choice in choices]
    values = floats(objective(claim, evidence_together(claim, kept, steps)))
    tops = iter(np.nan_to_num(values, nan=0.0).max(axis=0).tolist())
    return [_score(choice, 0.0 if case is None else next(tops)) for choice, case in zip(choices, cases, strict=True)]


def _score(choice: Choice, value: float) -> Score:
    return Score(choice, value, value > 1)


def _case(claim: RateBound, choice: Choice) -> Setting | None:
    try:
        return setting_of(claim, choice)
    except CANNOT:
        return None


def _one_by_one(objective: Objective, claim: RateBound, steps: int, choices: list[Choice]) -> list[Score]:
    return [_alone(objective, claim, steps, choice) for choice in choices]


def _alone(objective: Objective, claim: RateBound, steps: int, choice: Choice) -> Score:
    try:
        top = largest(objective, claim, run_of(claim, choice, steps))
    except CANNOT:
        top = None
    return _score(choice, 0.0 if top is None else float(top.value))


def run_of(claim: RateBound, choice: Choice, steps: int) -> list[Evidence]:
    """The float run of a choice, without k = 0."""
    return beyond_start(float_evidence(claim, [setting_of(claim, choice)], Settings(iterations=steps)))


def proposed(objective: Objective, claim: RateBound, scores: Sequence[Score], steps: int) -> Found | None:
    """The best of a search as numbers that a reader can copy, judged in rationals where they reach as far, else by its float run."""
    for score in sorted(scores, key=lambda one: -one.ratio):
        found = _decided(objective, claim, score, steps)
        if found is not None:
            return found
    return None


def _decided(objective: Objective, claim: RateBound, score: Score, steps: int) -> Found | None:
    for choice in (*(rounded(score.choice, denominator) for denominator in DENOMINATORS), score.choice):
        try:
            plain = largest(objective, claim, run_of(claim, choice, steps))
        except CANNOT:
            continue
        if plain is None or float(plain.value) < score.ratio * (1 - KEPT):
            continue
        told = choice.ground.told(choice.numbers)
        try:
            exact = largest(objective, claim, beyond_start(exact_evidence(claim, setting_of(claim, choice), None, Settings(iterations=steps))))
        except NOT_RATIONAL as reason:
            return Found(plain, choice.ground.name, told, choice, str(reason))
        if exact is not None and float(exact.value) >= float(plain.value) * (1 - CLOSE):
            return Found(exact, choice.ground.name, told, choice)
        return Found(plain, choice.ground.name, told, choice, "the rational run ends before this k")
    return None


def better(left: Found | None, right: Found | None) -> Found | None:
    """The larger of two; the left one where they are equal to the resolution."""
    if left is None or right is None:
        return left or right
    return right if float(right.value) > float(left.value) * (1 + CLOSE) else left
