"""The largest step: how far beyond its upper limit in the condition a tunable may go before the bound fails on something that was found."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from convlab.falsify.search import CANNOT, Clock, Score, Worst, decided, scored
from convlab.falsify.sharpness import STEPS, choices_beyond
from convlab.theorem import RateBound

FACTORS = tuple(Fraction(f) for f in ("1.0001", "1.01", "1.05", "1.1", "1.25", "1.5", "2", "3", "4", "6", "8", "16"))     # times the limit, until one fails
REFINED = 6          # halvings of the interval between the last factor that stands and the first that fails
ENOUGH = Fraction(1, 500)       # relative width at which the halving ends


@dataclass(frozen=True)
class Reach:
    """A tunable's limit times `stands` is not refuted; times `fails` it is, by `worst` (None: nothing failed up to the last factor, or time ran out)."""

    tunable: Any
    stands: Fraction
    fails: Fraction | None
    worst: Worst | None
    finished: bool


def reach(claim: RateBound, tunable: Any, scores: Sequence[Score], seed: int, clock: Clock) -> Reach:
    """Factors from just above 1 upwards, then halving."""
    stands, fails, worst = Fraction(1), None, None
    for factor in FACTORS:
        if clock.left <= 0:
            return Reach(tunable, stands, None, None, False)
        worst = _failure(claim, tunable, scores, seed, factor)
        if worst is not None:
            fails = factor
            break
        stands = factor
    for _ in range(REFINED if fails is not None else 0):
        if fails is None or fails - stands <= ENOUGH * stands:
            break
        if clock.left <= 0:
            return Reach(tunable, stands, fails, worst, False)
        middle = (stands + fails) / 2
        again = _failure(claim, tunable, scores, seed, middle)
        stands, fails, worst = (stands, middle, again) if again is not None else (middle, fails, worst)
    return Reach(tunable, stands, fails, worst, True)


def _failure(claim: RateBound, tunable: Any, scores: Sequence[Score], seed: int, factor: Fraction) -> Worst | None:
    """The first instance found on which the bound fails at this multiple of the limit."""
    beyond = {tunable: factor}
    for choice in choices_beyond(claim, scores, seed):
        score = scored(claim, choice, beyond, STEPS)
        if score.violated:
            try:
                return decided(claim, score, beyond, STEPS)
            except CANNOT:
                continue
    return None
