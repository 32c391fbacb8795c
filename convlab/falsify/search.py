"""The adversary: the worst instance of a theorem's whole problem class, found by differential evolution, polished locally, and judged in rationals.

The search runs in float64 on exact sources only (a deterministic run, exact moments, an enumeration), and nothing tells it the tight instance. What it
proposes is rounded to short rationals and run again in exact arithmetic: only that run refutes.
"""
from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import Bounds, differential_evolution, minimize

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.falsify.enclosing import TOLD, surely_violated
from convlab.falsify.grounds import Choice, Ground, choice_at, members, rounded, setting_of, spaces, variables
from convlab.falsify.together import compared_together
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import REASONS, exact_evidence, float_evidence
from convlab.judge.words import Evidence, Spot, first_violation, worst_spot
from convlab.metrics import distance_to_minimiser, gradient_norm, squared_distance, squared_gradient_norm
from convlab.problem import Family
from convlab.run.cases import Setting
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import RateBound, Relation, Source

STEPS = 16                     # updates of a run in the search; the worst k among them counts
POPULATION = 8                 # points of a generation for each variable
GENERATIONS = 60
TRIED = 8                      # random choices that tell whether a ground fits
POLISH = 60                    # evaluations of the local search for each variable
LEAST = 1e-12                  # ratios below this too
LARGE = 1e9                    # ratios beyond this are all alike
DENOMINATORS = (10, 100, 10**3, 10**4, 10**6, 10**9)
SAME = 1e-9                    # relative: what summing in another order may change in a ratio
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
    def above(self) -> bool:
        """Whether the claim is violated there by the run that is shown."""
        return bool(self.spot.evidence.result.violated[self.spot.row, self.spot.case])

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

    judge: Callable[[list[Choice]], list[Score]]
    ends: float
    best: Score | None = None
    evaluations: int = 0

    def scores(self, choices: list[Choice]) -> Array:
        """Minus the logarithms of the ratios, for an optimiser that minimises; raises OutOfTime."""
        if time.monotonic() > self.ends:
            raise OutOfTime
        self.evaluations += len(choices)
        found = self.judge(choices)
        best = max(found, key=lambda one: (one.violated, one.ratio))
        if self.best is None or (best.violated, best.ratio) > (self.best.violated, self.best.ratio):
            self.best = best
        return np.array([-math.log(max(one.ratio, LEAST)) for one in found])


def scored(claim: RateBound, choice: Choice, beyond: Mapping[Any, Any] | None = None, steps: int = STEPS) -> Score:
    """The float run of one choice; ratio 0 where it fits no case."""
    try:
        evidence = beyond_start(float_evidence(claim, [setting_of(claim, choice, beyond)], Settings(iterations=steps)))
    except CANNOT:
        return Score(choice, 0.0, False)
    violation, worst = first_violation(evidence), worst_spot(evidence, claim.relation)
    shown = violation or worst
    return _score(claim, choice, 0.0 if shown is None or shown.ratio is None else float(shown.ratio), violation is not None)


def beyond_start(evidence: list[Evidence]) -> list[Evidence]:
    """The evidence less k = 0, where nothing has run yet: a bound that is wrong there is found by `check`, and would end every search at once."""
    return [replace(e, result=e.result.at(e.result.k >= 1)) if (e.result.k >= 1).any() else e for e in evidence]


def _score(claim: RateBound, choice: Choice, ratio: float, violated: bool) -> Score:
    ratio = 0.0 if ratio != ratio else 1 + abs(ratio - 1) if claim.relation is Relation.EQUAL else ratio
    return Score(choice, min(LARGE, ratio) if violated else min(1.0, ratio), violated)


def together(claim: RateBound, choices: list[Choice]) -> list[Score]:
    """The float run of many choices at once; those that fit no case get ratio 0."""
    cases: list[Any] = [_case(claim, choice) for choice in choices]
    fitting_ones = [case for case in cases if case is not None]
    if not fitting_ones:
        return [Score(choice, 0.0, False) for choice in choices]
    result = compared_together(claim, fitting_ones, STEPS)
    ratios, violated = np.asarray(result.ratio, dtype=float), result.violated.any(axis=0)
    ranked = np.where(result.violated, np.inf, np.where(np.isnan(ratios), -1, ratios))
    chosen = iter(zip(ratios[ranked.argmax(axis=0), np.arange(len(fitting_ones))].tolist(), violated.tolist(), strict=True))
    return [Score(choice, 0.0, False) if case is None else _score(claim, choice, *next(chosen)) for choice, case in zip(choices, cases, strict=True)]


def _case(claim: RateBound, choice: Choice) -> Setting | None:
    try:
        return setting_of(claim, choice)
    except CANNOT:
        return None


def agree(claim: RateBound, ground: Ground) -> bool:
    """Whether the ground's instances may run together: some random ones then score as they do one by one."""
    if is_random(algorithm_of(claim)) or claim.coupled is not None:
        return False
    cubes = np.random.default_rng(0).random((TRIED, len(variables(claim, ground))))
    choices = [choice_at(claim, ground, cube) for cube in cubes]
    try:
        found = together(claim, choices)
    except (*CANNOT, TypeError, IndexError):
        return False
    alone = [scored(claim, choice) for choice in choices]
    return all(abs(a.ratio - b.ratio) <= SAME * max(1.0, b.ratio) and a.violated == b.violated for a, b in zip(found, alone, strict=True))


def searched(claim: RateBound, ground: Ground, seed: int, seconds: float) -> tuple[Searched, Score | None]:
    """Differential evolution on one ground, then Nelder-Mead from its best point. The same result for a seed, unless time runs out first."""
    ends = time.monotonic() + seconds
    judge = partial(_at_once, claim) if agree(claim, ground) else partial(_one_by_one, claim)
    return evolved(claim, ground, Trace(judge, ends), seed)


def _at_once(claim: RateBound, choices: list[Choice]) -> list[Score]:
    """In one run, but for a generation whose problems do not lie along one axis (graphs of several sizes, say)."""
    try:
        return together(claim, choices)
    except (*CANNOT, TypeError, IndexError):
        return _one_by_one(claim, choices)


def _one_by_one(claim: RateBound, choices: list[Choice]) -> list[Score]:
    return [scored(claim, choice) for choice in choices]


def evolved(claim: RateBound, ground: Ground, trace: Trace, seed: int, first: Array | None = None) -> tuple[Searched, Score | None]:
    """The same for whatever the trace's judge makes of a choice; `first` is a point of the cube to begin with."""
    count = len(variables(claim, ground))
    try:
        cube = Bounds(np.zeros(count), np.ones(count))
        found = differential_evolution(_on_cube(trace, claim, ground), cube, popsize=POPULATION, maxiter=GENERATIONS, seed=seed, polish=False, tol=1e-7,
                                       atol=1e-9, updating="deferred", vectorized=True, x0=first)
        _polished(_on_cube(trace, claim, ground), np.asarray(found.x))
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
    """The grounds that fit: spaces of families, or single problems where no space does. Raises AttributeError where all that match lack what the update asks for."""
    missing: list[AttributeError] = []
    for grounds in (spaces(families, is_random(algorithm_of(claim)), claim.assumptions), members(families)):
        kept = [ground for ground in grounds if _answers(claim, ground, missing)]
        if kept:
            return kept
    if missing:
        raise missing[0]
    return []


def _answers(claim: RateBound, ground: Ground, missing: list[AttributeError]) -> bool:
    """Whether it fits, and its problems answer what the update asks of them; what they do not is kept in `missing`."""
    try:
        return fits(claim, ground)
    except AttributeError as error:
        missing.append(error)
        return False


def _on_cube(trace: Trace, claim: RateBound, ground: Ground) -> Callable[[Array], Array]:
    """The objective on points of the cube in columns, (variables, points)."""
    def objective(columns: Array) -> Array:
        return trace.scores([choice_at(claim, ground, cube) for cube in np.clip(columns.T, 0, 1)])

    return objective


def _polished(objective: Callable[[Array], Array], best: Array) -> None:
    """A local search on a small simplex, turned inwards at the faces of the cube; the trace keeps what it finds."""
    simplex = np.vstack([best, *(best + np.where(best > 0.5, -0.02, 0.02) * row for row in np.eye(len(best)))])
    minimize(lambda cube: float(objective(cube[:, None])[0]), best, method="Nelder-Mead",  # type: ignore[call-overload]   # the stubs want the options one by one
             options={"initial_simplex": simplex, "maxfev": POLISH * len(best), "xatol": 1e-7, "fatol": 1e-10})


def decided(claim: RateBound, score: Score, beyond: Mapping[Any, Any] | None = None, steps: int = STEPS) -> Worst:
    """What a search proposed, in short rationals and judged in them; by its float run, which refutes nothing, where it has no rational one."""
    for denominator in DENOMINATORS:
        choice = rounded(score.choice, denominator)
        again = scored(claim, choice, beyond, steps)
        if again.violated < score.violated or again.ratio < score.ratio * (1 - KEPT):
            continue
        setting = setting_of(claim, choice, beyond)
        try:
            evidence = exact_evidence(claim, setting, None, Settings(iterations=steps))
        except NOT_RATIONAL as told:
            return _enclosed(claim, _by_squares(claim, choice, setting, steps, f"not decided in rationals: {told}"))
        return _worst(claim, choice, setting, evidence, rational=True)
    setting = setting_of(claim, score.choice, beyond)
    evidence = float_evidence(claim, [setting], Settings(iterations=steps))
    return _worst(claim, score.choice, setting, evidence, rational=False, reason="the ratio is lost when its numbers are rounded to rationals")


SQUARES = {distance_to_minimiser: squared_distance, gradient_norm: squared_gradient_norm}


def _by_squares(claim: RateBound, choice: Choice, setting: Setting, steps: int, reason: str) -> Worst:
    """The float run of a case that is not rational, decided all the same where only a square root stands in the way: measured^2 <= bound^2 in rationals."""
    worst = _worst(claim, choice, setting, float_evidence(claim, [setting], Settings(iterations=steps)), rational=False, reason=reason)
    if claim.metric not in SQUARES or claim.relation is not Relation.AT_MOST or claim.mode.statistic not in ("last", "best") or not isinstance(claim.bound, sp.Basic):
        return worst
    try:
        squared = exact_evidence(replace(claim, metric=SQUARES[claim.metric], bound=claim.bound**2), setting, None, Settings(iterations=steps))
    except NOT_RATIONAL:
        return worst
    violation = first_violation(squared)
    return replace(worst, refuted=violation is not None and violation.k >= 1 and worst.above, reason="the squares of both sides were compared, in rationals")


def _enclosed(claim: RateBound, worst: Worst) -> Worst:
    """Where the float run violates the claim and no rationals refute it, interval arithmetic may."""
    if worst.refuted or not worst.above or worst.spot.k < 1 or not surely_violated(claim, worst.setting, worst.spot.k):
        return worst
    return replace(worst, refuted=True, reason=TOLD)


def _worst(claim: RateBound, choice: Choice, setting: Setting, evidence: list[Evidence], rational: bool, reason: str = "") -> Worst:
    evidence = beyond_start(evidence)
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


def _rank(worst: Worst) -> tuple[bool, bool, float, bool, bool, int]:
    """Refuted, violated, the ratio to three digits; among equals one judged in rationals, one that a script can hold, one of few dimensions."""
    ratio = 0.0 if worst.ratio is None else float(worst.ratio)
    told = float(f"{ratio if worst.above else min(ratio, 1.0):.3g}")
    return (worst.refuted, worst.above, told, worst.source is Source.RATIONAL, hasattr(worst.setting.problem, "program"), -int(np.size(worst.setting.start.point)))
