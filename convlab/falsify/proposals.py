"""Searching a claim that no exact source judges: small samples propose instances, and fresh replicates judge the winner.

The largest of many noisy means lies above its expectation, so what selected an instance says nothing of it: the verdict rests on draws of its own.
"""
from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.falsify.grounds import Choice, Ground, choice_at, members, rounded, setting_of, spaces, variables
from convlab.falsify.search import CANNOT, STEPS, Clock, Searched, Worst
from convlab.judge.compare import CLEAR, compared
from convlab.judge.evalues import looked_at
from convlab.judge.grid import algorithm_of
from convlab.judge.replicates import Sampler
from convlab.judge.sampled import bound_of, no_e_value, sampled_verdict
from convlab.judge.verdict import Verdict, Word
from convlab.judge.words import Evidence, Spot
from convlab.problem import Family
from convlab.run.cases import Setting
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import Law, RateBound, Relation, Source

PROPOSING = 128          # replicates of an instance in the search
FIRST = 24               # random instances of a ground, then as many again around the best for each round
ROUNDS = 4
NEAR = 0.25              # how far from the best the next ones lie, in units of the cube; halved with every round
SHORT = 10**3            # denominators of the winner's numbers


@dataclass(frozen=True)
class Proposal:
    """An instance and the sample that speaks for it: X/B at the k looked at, (checkpoints, replicates)."""

    choice: Choice
    ratios: Array

    @property
    def ratio(self) -> float:
        """The largest measured mean over bound."""
        return float(self.ratios.mean(axis=1).max())


def sampled_only(claim: RateBound) -> bool:
    """Whether samples may speak of the claim: it is random, its law is one of expectation or high probability, and it has an e-value."""
    return is_random(algorithm_of(claim)) and claim.law is not Law.SURELY and not no_e_value(claim)


def proposal(title: str, claim: RateBound, choice: Choice, seed: int) -> Proposal | None:
    """A small sample of one instance; None where it fits no case or nothing of it stands clear of rounding."""
    try:
        setting = setting_of(claim, choice)
        sampler = Sampler(f"{title}, proposed", claim, setting, Settings(seed=seed, iterations=STEPS))
        record = sampler.block(0, PROPOSING)
        bound = bound_of(claim, setting, record) if sampler.level is None else np.full((len(record.k), 1), sampler.level)
        with np.errstate(all="ignore"):
            clear = (record.k >= max(1, claim.grid.first)) & (bound.reshape(len(bound), -1)[:, 0] > CLEAR * sampler.resolution[:, 0])
            rows = np.flatnonzero(clear & np.isfinite(bound.reshape(len(bound), -1)[:, 0]))
            ratios = np.asarray(record.measured / bound, dtype=float)[rows].reshape(len(rows), PROPOSING, -1).max(axis=2)
    except CANNOT:
        return None
    return Proposal(choice, ratios[looked_at(record.k[rows])]) if len(rows) and not np.isnan(ratios).any() else None


def proposals(title: str, claim: RateBound, ground: Ground, seed: int, ends: float = math.inf, rounds: int = ROUNDS, first: int = FIRST) -> tuple[list[Proposal], bool]:
    """Instances of a ground, random ones first, then ever nearer to the best; and whether the time sufficed."""
    rng, found = np.random.default_rng((seed, 1)), list[Proposal]()
    best, center, count = None, np.full(len(variables(claim, ground)), 0.5), len(variables(claim, ground))
    for number in range(rounds):
        spread = 1.0 if best is None else NEAR / 2**number
        for place in range(first):
            if time.monotonic() > ends:
                return found, False
            cube = rng.random(count) if best is None else np.clip(center + spread * rng.normal(size=count), 0, 1)
            made = proposal(title, claim, choice_at(claim, ground, cube), seed + (number * first + place << 8))
            if made is not None:
                found.append(made)
                if best is None or made.ratio > best.ratio:
                    best, center = made, cube
        if best is None:
            break
    return found, True


def judged_afresh(title: str, claim: RateBound, choice: Choice, setting: Setting, seed: int, settings: Settings | None = None) -> Worst:
    """The winner on draws that nobody has seen: refuted where their e-value passes 1/alpha. Raises Inexact where nothing can be sampled."""
    chosen = settings or Settings(seed=seed, iterations=STEPS)
    verdict = sampled_verdict(f"{title}, judged", claim, setting, chosen, alone=True)
    spot = _spot(claim, setting, verdict)
    limit = f"10^{-math.log10(chosen.alpha):.3g}"
    e_value = "" if verdict.e_value_log10 is None else f" of {verdict.replicates} fresh replicates, 10^{verdict.e_value_log10:.3g} (refuted from {limit} on),"
    return Worst(choice, setting, spot, verdict.word is Word.REFUTED, f"small samples proposed it; the e-value{e_value} judges; {verdict.note}")


def _spot(claim: RateBound, setting: Setting, verdict: Verdict) -> Spot:
    if verdict.curve is None:
        raise Inexact("a metric of many components is not searched by samples")
    curve = verdict.curve
    relation = claim.relation if claim.law is not Law.HIGH_PROBABILITY else Relation.AT_MOST
    result = compared(curve.k, curve.measured[:, None], curve.bound[:, None], None, relation, np.finfo(float).eps)
    rows = np.flatnonzero(curve.k >= max(1, claim.grid.first))
    ratios = np.nan_to_num(np.asarray(result.ratio[rows, 0], dtype=float), nan=-1.0)
    row = int(rows[np.argmax(ratios)])
    if verdict.word is Word.REFUTED and verdict.witness is not None:
        row = int(np.searchsorted(curve.k, verdict.witness.iteration))
    violated = np.zeros_like(result.violated)
    violated[row] = verdict.word is Word.REFUTED
    return Spot(Evidence((setting,), replace(result, violated=violated), Source.MONTE_CARLO), row, 0)


def sampled_hunt(title: str, claim: RateBound, families: Mapping[str, Family], seed: int, clock: Clock) -> tuple[Worst | None, tuple[Searched, ...]]:
    """Every ground that fits in turn; the best proposal of all is judged afresh."""
    grounds = _fitting(title, claim, families)
    done, best = [], None
    for number, ground in enumerate(grounds):
        ends = time.monotonic() + max(0.0, clock.left) / 2 / (len(grounds) - number)        # as long again may the judge take
        found, finished = proposals(title, claim, ground, seed, ends)
        top = max(found, key=lambda made: made.ratio, default=None)
        done.append(Searched(ground.name, len(found), None if top is None else top.ratio, finished))
        best = top if best is None or (top is not None and top.ratio > best.ratio) else best
    if best is None:
        return None, tuple(done)
    choice = rounded(best.choice, SHORT)
    try:
        return judged_afresh(title, claim, choice, setting_of(claim, choice), seed), tuple(done)
    except CANNOT:
        return judged_afresh(title, claim, best.choice, setting_of(claim, best.choice), seed), tuple(done)


def _fitting(title: str, claim: RateBound, families: Mapping[str, Family]) -> list[Ground]:
    for grounds in (list(spaces(families)), list(members(families))):
        kept = [ground for ground in grounds if proposals(title, claim, ground, 0, rounds=1, first=4)[0]]
        if kept:
            return kept
    return []
