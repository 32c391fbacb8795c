"""Is the condition needed? Just outside a step-size limit the claim should fail: the smallest excess at which an instance violates it, in rationals."""
from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.falsify.grounds import Choice, choice_at, is_size, variables
from convlab.falsify.search import CANNOT, Score, Worst, decided, scored
from convlab.run.cases import Setting, condition_of
from convlab.run.points import holds, interval
from convlab.theorem import RateBound

EXCESSES = tuple(Fraction(1, n) for n in (10**4, 10**3, 100, 50, 20, 10, 5, 2))      # beyond the limit, relative to it
STEPS = 50            # just outside, instances depart slowly
RANDOM = 12           # choices tried on each ground beside its worst one


@dataclass(frozen=True)
class Sharpness:
    """The smallest relative excess over a tunable's limit that was refuted; None where none up to `searched` was."""

    tunable: str
    excess: Fraction | None
    searched: Fraction | None
    worst: Worst | None = None

    def __str__(self) -> str:
        if self.excess is not None:
            return f"{self.tunable} {float(100 * self.excess):g} % beyond its limit violates the bound"
        if self.searched is None:
            return f"nothing was searched beyond the limit of {self.tunable}: the budget was used up"
        return f"no violation found up to {float(100 * self.searched):g} % beyond the limit of {self.tunable}"


def sharpness(claim: RateBound, setting: Setting, scores: Iterable[Score], seed: int, seconds: float) -> tuple[Sharpness, ...]:
    """One for each tunable with a finite upper limit at this case; the seconds are shared."""
    tunables, found = limited(claim, setting), list(scores)
    return tuple(_of(claim, t, found, seed, seconds / len(tunables)) for t in tunables)


def limited(claim: RateBound, setting: Setting) -> list[Any]:
    """The tunables with a finite upper limit at this case, beyond which the condition fails."""
    return [t for t in claim.defaults if not is_size(t) and _ends(claim, setting, t)]


def _ends(claim: RateBound, setting: Setting, tunable: Any) -> bool:
    condition = condition_of(claim)
    high = interval(condition, tunable, setting.values).high
    beyond = {**setting.values, tunable: high * (1 + EXCESSES[0])}
    return math.isfinite(high) and high > 0 and condition.has(tunable) and not holds(condition, beyond)


def _of(claim: RateBound, tunable: Any, scores: list[Score], seed: int, seconds: float) -> Sharpness:
    ends = time.monotonic() + seconds
    searched = None
    for excess in EXCESSES:
        beyond = {tunable: 1 + excess}
        for choice in choices_beyond(claim, scores, seed):
            if time.monotonic() > ends:
                return Sharpness(str(tunable), None, searched)
            score = scored(claim, choice, beyond, STEPS)
            worst = _judged(claim, score, beyond) if score.violated else None
            if worst is not None and worst.refuted:
                return Sharpness(str(tunable), excess, excess, worst)
        searched = excess
    return Sharpness(str(tunable), None, searched)


def choices_beyond(claim: RateBound, scores: Iterable[Score], seed: int) -> list[Choice]:
    """The worst choices inside the condition, then random ones of the same grounds."""
    scores, rng = list(scores), np.random.default_rng(seed)
    cubes = [(score.choice.ground, rng.random((RANDOM, len(variables(claim, score.choice.ground))))) for score in scores]
    return [score.choice for score in scores] + [choice_at(claim, ground, cube) for ground, points in cubes for cube in points]


def _judged(claim: RateBound, score: Score, beyond: Mapping[Any, Any]) -> Worst | None:
    try:
        return decided(claim, score, beyond, STEPS)
    except CANNOT:
        return None
