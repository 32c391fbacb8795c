"""The falsifier on true, exactly tight statements: it may reach the bound, never beyond.

Deterministic statements are searched as `convlab falsify` does, from many seeds; rationals decide, and not one may be refuted. An expectation is
searched by small samples, as where no exact source exists: the winner is judged on fresh draws, beside tests by hand on the draws that selected it.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.falsify.grounds import Choice, Ground, setting_of
from convlab.falsify.proposals import Proposal, proposals
from convlab.falsify.search import STEPS, OutOfTime, Score, Trace, Worst, agree, decided, evolved, fitting, scored, together
from convlab.judge.calibration import ALPHAS, METHODS, Promise, Rates, calibrated, promises, spoken
from convlab.judge.replicates import Sampler
from convlab.judge.sampled import BUDGET, bound_of
from convlab.judge.tight_laws import LAWS, rate_bound
from convlab.problem import installed_families
from convlab.run.settings import Settings
from convlab.theorem import RateBound

TIGHT = ("gd-smooth-convex-fgap", "gd-strongly-convex-distance", "projected-gd-convex-fgap", "proximal-point")
SAMPLED = "sgd-sc-const-sharp"       # attained by a noisy quadratic at every step size
INSTANCES = 300                      # of a search on one ground: a count, not a time, so that the same seed finds the same
SEARCHES = 200                       # repeats of a law that weigh as one search of a deterministic statement
SAMPLED_SEARCHES = 4                 # and as one sampled search
ROUNDS, FIRST = 2, 8                 # of a sampled search: instances tried
LEAST = 64                           # replicates of the first look
FRESH = 1024                         # replicates that judge its winner


@dataclass(frozen=True)
class Searches:
    """Searches of one true, tight statement: how many, how many refuted it, and the largest ratio that any of them reached."""

    theorem: str
    searches: int
    refuted: int
    ratio: float

    @property
    def promise(self) -> Promise:
        """Nothing is forgiven: rationals decide."""
        return Promise(f"falsify {self.theorem}", "true and tight, refuted", 0.0, self.refuted, self.searches)

    def to_json(self) -> dict[str, object]:
        """An item of `results`."""
        return {"theorem": self.theorem, "law": f"falsify {self.theorem}", "excess": 0.0, "alpha": None, "replicates": None, "repeats": self.searches,
                "refuted_fraction": self.refuted / self.searches, "t_test_fraction": None, "mean_fraction": None, "worst_ratio": self.ratio}


@dataclass(frozen=True)
class Calibration:
    """All that `convlab calibrate` found."""

    seed: int
    repeats: int
    rates: tuple[Rates, ...]
    searches: tuple[Searches, ...]

    @property
    def promises(self) -> list[Promise]:
        """The rows that pass or fail."""
        return promises(list(self.rates)) + [found.promise for found in self.searches]

    @property
    def kept(self) -> bool:
        """Whether every promise is."""
        return all(promise.kept for promise in self.promises)

    def items(self) -> list[dict[str, object]]:
        """`results` in `convlab calibrate --json`."""
        return [*(rate.to_json() for rate in self.rates), *(found.to_json() for found in self.searches)]


def calibration(seed: int, repeats: int, replicates: int = BUDGET, told: Callable[[str], None] = lambda what: None) -> Calibration:
    """The whole experiment: every law, looked at after `replicates` and every fourth part of them, then the searches. `told` hears what comes next."""
    rates: list[Rates] = []
    for name in LAWS:
        told(f"{name}: {repeats} experiments")
        rates += calibrated(seed, repeats, looks(replicates), (name,))
    told("searches of true, tight statements")
    rates += sampled_searches(seed, -(-repeats // SAMPLED_SEARCHES))
    return Calibration(seed, repeats, tuple(rates), tuple(searches(seed, repeats)))


def looks(replicates: int) -> tuple[int, ...]:
    """Numbers of replicates that are told: the largest, a quarter of it, and so on, down to LEAST."""
    found = [replicates]
    while found[0] // 4 >= LEAST:
        found.insert(0, found[0] // 4)
    return tuple(found)


def read(items: list[Mapping[str, Any]], seed: int) -> Calibration:
    """A calibration from its JSON items. Raises KeyError, TypeError or ValueError where they are none."""
    rates = [item for item in items if item["alpha"] is not None]
    hunted = [item for item in items if item["alpha"] is None]
    return Calibration(seed, max(int(item["repeats"]) for item in rates),
                       tuple(Rates(item["law"], float(item["excess"]), float(item["alpha"]), int(item["replicates"]), int(item["repeats"]),
                                   tuple(round(item[f"{method}_fraction"] * item["repeats"]) for method in METHODS)) for item in rates),
                       tuple(Searches(item["theorem"], int(item["repeats"]), round(item["refuted_fraction"] * item["repeats"]), float(item["worst_ratio"]))
                             for item in hunted))


def searches(seed: int, repeats: int, titles: tuple[str, ...] = TIGHT, instances: int = INSTANCES) -> Iterator[Searches]:
    """Each statement searched from several seeds."""
    families, number = installed_families(), -(-repeats // SEARCHES)
    for title in titles:
        claim = rate_bound(title)
        grounds = fitting(claim, families)
        found = [worst for offset in range(number) for ground in grounds for worst in _worst(claim, ground, seed + offset, instances)]
        yield Searches(title, number, sum(worst.refuted for worst in found), max((float(worst.ratio) for worst in found if worst.ratio is not None), default=0.0))


def _worst(claim: RateBound, ground: Ground, seed: int, instances: int) -> Iterator[Worst]:
    """What so many instances of one ground come to, in rationals."""
    at_once, left = agree(claim, ground), [instances]

    def judge(choices: list[Choice]) -> list[Score]:
        left[0] -= len(choices)
        if left[0] < 0:
            raise OutOfTime
        return together(claim, choices) if at_once else [scored(claim, choice) for choice in choices]

    score = evolved(claim, ground, Trace(judge, math.inf), seed)[1]
    if score is not None and score.ratio > 0:
        yield decided(claim, score)


def sampled_searches(seed: int, repeats: int, title: str = SAMPLED) -> Iterator[Rates]:
    """Rates of refutation on fresh draws at each alpha; the tests by hand are those of the draws that selected the instance."""
    claim = rate_bound(title)
    ground = fitting(claim, installed_families())[0]      # of one curvature: there the statement is an equality at every size of the noise
    total = np.zeros((len(ALPHAS), 6), dtype=int)
    for repeat in range(repeats):
        made, _ = proposals(title, claim, ground, (seed << 24) + (repeat << 14), rounds=ROUNDS, first=FIRST)
        total += _counts(title, claim, max(made, key=lambda proposal: proposal.ratio), seed, repeat)
    for alpha, counts in zip(ALPHAS, total, strict=True):
        yield Rates(f"falsify {title}", 0.0, alpha, FRESH, repeats, tuple(int(count) for count in counts))


def _counts(title: str, claim: RateBound, best: Proposal, seed: int, repeat: int) -> Array:
    """What each method says of the winner, (alphas, methods): the judge of fresh draws, the others of those that selected it."""
    reused = spoken(iter([best.ratios[None]]), (best.ratios.shape[1],), (0.0,))[0, 0]
    setting = setting_of(claim, best.choice)
    sampler = Sampler(f"{title}, judged {repeat}", claim, setting, Settings(seed=seed, iterations=STEPS))
    record = sampler.block(0, FRESH)
    ratios = np.asarray(record.measured / bound_of(claim, setting, record), dtype=float)[1:]
    fresh = spoken(iter([ratios[None]]), (FRESH,), (0.0,))[0, 0]
    return np.concatenate([fresh[:, :2], reused[:, 2:]], axis=1)
