"""The adversary: the worst instance of a theorem's whole problem class, found by differential evolution, polished locally, and judged in rationals.

The search runs in float64 on exact sources only (a deterministic run, exact moments, an enumeration), and nothing tells it the tight instance. What it
proposes is rounded to short rationals and run again in exact arithmetic: only that run refutes.
"""
from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import Bounds, differential_evolution, minimize

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.falsify.grounds import Choice, Ground, choice_at, members, rounded, setting_of, spaces, variables
from convlab.judge.rate import REASONS, exact_evidence, float_evidence
from convlab.judge.words import Evidence, Spot, first_violation, worst_spot
from convlab.problem import Family
from convlab.run.cases import Setting
from convlab.run.settings import Settings
from convlab.theorem import RateBound, Relation, Source

STEPS = 16                     # updates of a run in the search; the worst k among them counts
POPULATION = 8                 # points of a generation for each variable
GENERATIONS = 60
TRIED = 8                      # random choices that tell whether a ground fits
POLISH = 60                    # evaluations of the local search for each variable
LARGE = 1e9                    # ratios beyond this are all alike
DENOMINATORS = (10, 100, 10**3, 10**4, 10**6, 10**9)
KEPT = 1e-4                    # what rounding the numbers may cost of the ratio (relative)
CANNOT = (*REASONS, ValueError, ZeroDivisionError, OverflowError)      # what a choice that no problem fits raises
NOT_RATIONAL = (*CANNOT, TypeError)


@dataclass(frozen=True)
class Score:
    """How close a choice came: the ratio at its worst k (1 at most where rounding explains the rest), and whether the claim is violated beyond the resolution."""

    choice: Choice
    ratio: float
    violated: bool


@dataclass(frozen=True)
class Searched:
    """One ground: how many instances were tried, the best ratio, and whether the search ended by itself."""

    ground: str
    evaluations: int
    ratio: float | None
    finished: bool


@dataclass(frozen=True)
class Worst:
    """The worst instance found: its case, the place, who judged it, whether it refutes the claim, and why rationals did not decide where they did not."""

    choice: Choice
    setting: Setting
    spot: Spot
    refuted: bool
    reason: str = ""

    @property
    def ratio(self) -> Any:
        """Measured over bound, a Fraction where rationals judged."""
        return self.spot.ratio

    @property
    def source(self) -> Source:
        """What judged it."""
        return self.spot.evidence.source


@dataclass
class Clock:
    """A budget of seconds, running since it was made."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds."""
        return self.seconds - (time.monotonic() - self.started)


class OutOfTime(Exception):
    """The part of the budget that a ground had is used up."""


@dataclass
class Trace:
    """The best of a search, and how long it may still run. Mutable on purpose: it lives as long as the search."""

    claim: RateBound
    ends: float
    best: Score | None = None
    evaluations: int = 0
    beyond: Mapping[Any, Any] | None = None
    steps: int = STEPS

    def score(self, choice: Choice) -> float:
        """Minus the logarithm of the ratio, for an optimiser that minimises; raises OutOfTime."""
        if time.monotonic() > self.ends:
            raise OutOfTime
        self.evaluations += 1
        found = scored(self.claim, choice, self.beyond, self.steps)
        if self.best is None or (found.violated, found.ratio) > (self.best.violated, self.best.ratio):
            self.best = found
        return -math.log(max(found.ratio, 1e-12))


def scored(claim: RateBound, choice: Choice, beyond: Mapping[Any, Any] | None = None, steps: int = STEPS) -> Score:
    """The float run of one choice; ratio 0 where it fits no case."""
    try:
        evidence = float_evidence(claim, [setting_of(claim, choice, beyond)], Settings(iterations=steps))
    except CANNOT:
        return Score(choice, 0.0, False)
    violation, worst = first_violation(evidence), worst_spot(evidence, claim.relation)
    shown = violation or worst
    ratio = 0.0 if shown is None or shown.ratio is None or shown.ratio != shown.ratio else float(shown.ratio)
    if claim.relation is Relation.EQUAL:
        ratio = 1 + abs(ratio - 1)
    return Score(choice, min(LARGE, ratio) if violation is not None else min(1.0, ratio), violation is not None)


def searched(claim: RateBound, ground: Ground, seed: int, seconds: float) -> tuple[Searched, Score | None]:
    """Differential evolution on one ground, then Nelder-Mead from its best point. The same result for a seed, unless time runs out first."""
    count = len(variables(claim, ground))
    trace = Trace(claim, time.monotonic() + seconds)
    score = _on_cube(trace, ground)
    try:
        cube = Bounds(np.zeros(count), np.ones(count))
        found = differential_evolution(score, cube, popsize=POPULATION, maxiter=GENERATIONS, seed=seed, polish=False, tol=1e-7, atol=1e-9)
        _polished(score, np.asarray(found.x))
        finished = True
    except OutOfTime:
        finished = False
    ratio = None if trace.best is None else trace.best.ratio
    return Searched(ground.name, trace.evaluations, ratio, finished), trace.best


def fits(claim: RateBound, ground: Ground) -> bool:
    """Whether some problem of the ground is one that the claim speaks of, in a place where something is judged."""
    cubes = np.random.default_rng(0).random((TRIED, len(variables(claim, ground))))
    return any(scored(claim, choice_at(claim, ground, cube)).ratio > 0 for cube in cubes)


def fitting(claim: RateBound, families: Mapping[str, Family]) -> list[Ground]:
    """The grounds that fit: spaces of families, or single problems where no space does."""
    every = [list(found) for found in (spaces(families), members(families))]
    return next((kept for kept in ([g for g in found if fits(claim, g)] for found in every) if kept), [])


def _on_cube(trace: Trace, ground: Ground) -> Callable[[Array], float]:
    return lambda cube: trace.score(choice_at(trace.claim, ground, np.clip(cube, 0, 1)))


def _polished(score: Callable[[Array], float], best: Array) -> None:
    """A local search on a small simplex, turned inwards at the faces of the cube; the trace keeps what it finds."""
    simplex = np.vstack([best, *(best + np.where(best > 0.5, -0.02, 0.02) * row for row in np.eye(len(best)))])
    minimize(score, best, method="Nelder-Mead", options={"initial_simplex": simplex, "maxfev": POLISH * len(best), "xatol": 1e-7, "fatol": 1e-10})


def decided(claim: RateBound, score: Score, beyond: Mapping[Any, Any] | None = None, steps: int = STEPS) -> Worst:
    """What a search proposed, in short rationals and judged in them; by its float run, which refutes nothing, where it has no rational one."""
    reason = ""
    for denominator in DENOMINATORS:
        choice = rounded(score.choice, denominator)
        again = scored(claim, choice, beyond, steps)
        if again.violated < score.violated or again.ratio < score.ratio * (1 - KEPT):
            continue
        setting = setting_of(claim, choice, beyond)
        try:
            evidence = exact_evidence(claim, setting, None, Settings(iterations=steps))
        except NOT_RATIONAL as told:
            reason = f"not decided in rationals: {told}"
            break
        return _worst(claim, choice, setting, evidence, rational=True)
    setting = setting_of(claim, score.choice, beyond)
    evidence = float_evidence(claim, [setting], Settings(iterations=steps))
    return _worst(claim, score.choice, setting, evidence, rational=False, reason=reason or "the ratio is lost when its numbers are rounded to rationals")


def _worst(claim: RateBound, choice: Choice, setting: Setting, evidence: list[Evidence], rational: bool, reason: str = "") -> Worst:
    violation = first_violation(evidence)
    refuted = rational and violation is not None and violation.k >= 1
    spot = worst_spot(evidence, claim.relation)
    if spot is None or (refuted and not bool(spot.evidence.result.violated[spot.row, spot.case])):
        spot = violation
    if spot is None:
        raise Inexact("nothing of it lies above the floating-point resolution")
    return Worst(choice, setting, spot, refuted, reason if not rational else "")


def hunt(claim: RateBound, families: Mapping[str, Family], seed: int, clock: Clock) -> tuple[Worst | None, tuple[Searched, ...], tuple[Score, ...]]:
    """Every ground in turn, the time shared among them; the worst of all. A refutation in rationals stands before any ratio that floats told."""
    done: list[Searched] = []
    scores: list[Score] = []
    places = fitting(claim, families)
    for number, ground in enumerate(places):
        told, score = searched(claim, ground, seed, max(0.0, clock.left) / (len(places) - number))
        done.append(told)
        if score is not None and score.ratio > 0:
            scores.append(score)
    judged = [decided(claim, score) for score in scores]
    return max(judged, key=_rank, default=None), tuple(done), tuple(scores)


def _rank(worst: Worst) -> tuple[bool, bool, float, bool, bool]:
    """Refuted, violated, the ratio; among equals one judged in rationals, and one that a script can hold."""
    above = bool(worst.spot.evidence.result.violated[worst.spot.row, worst.spot.case])
    ratio = 0.0 if worst.ratio is None else float(worst.ratio)
    return worst.refuted, above, ratio if above else round(min(ratio, 1.0), 9), worst.source is Source.RATIONAL, hasattr(worst.setting.problem, "program")
