"""The fastest rate that is not refuted: the exponent of k by which a term could fall faster, or the factor a step by which a linear one could contract."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.falsify.search import Clock
from convlab.falsify.sharpen_factors import Objective, factor_of, floats, only, part_along
from convlab.falsify.sharpen_known import Known
from convlab.falsify.sharpen_search import Field, Found, best_known, better, hunted, proposed
from convlab.falsify.sharpen_terms import Part
from convlab.judge.words import Evidence
from convlab.theorem import RateBound

HORIZONS = (8, 16, 32, 64)     # at which the worst factor of a term is sought, each on its own
LEAST = 3                      # horizons that a slope needs
NONE = 0.03                    # a slope this small is what a search misses of its optimum, not a faster rate
STEPS = 64                     # of a run whose contraction is read off
LIMITS = (1e-3, 1e3)           # of the power of a contraction factor that is told apart from none


@dataclass(frozen=True)
class Horizons:
    """The worst factor of a term at each horizon, and the power of k by which it falls between them."""

    worst: tuple[tuple[int, Found], ...]
    faster: float
    finished: bool


def horizons(part: Part, claim: RateBound, known: Known, fields: Sequence[Field], seed: int, clock: Clock) -> Horizons | None:
    """None where fewer than three horizons tell something. A factor of 1 at each of them says that the term falls no faster than claimed."""
    told, finished = [], True
    ks = claim.grid.horizons or HORIZONS
    for number, k in enumerate(ks):
        objective = only(factor_of(part), lambda seen, k=k: seen == k)  # type: ignore[misc]   # bound now
        found = best_known(objective, claim, known)
        if fields and (found is None or float(found.value) < 1 - NONE):
            scores, ended = hunted(objective, claim, fields, seed, Clock(max(0.0, clock.left) / (len(ks) - number)), k)
            found, finished = better(found, proposed(objective, claim, scores, k)), finished and ended
        if found is not None and float(found.value) > 0:
            told.append((k, found))
    if len(told) < LEAST:
        return None
    far = told[-LEAST:]               # the first horizons still know the constants of 1/(a k + b)
    slope = np.polyfit(np.log([k for k, _ in far]), np.log([min(1.0, float(found.value)) for _, found in far]), 1)[0]
    return Horizons(tuple(told), 0.0 if abs(slope) < NONE else max(0.0, -float(slope)), finished)


def slowness_of(part: Part) -> Objective:
    """1/s, where a term that contracts by q a step could contract by q^s: read off the last half and the half before it of each run, at its last k."""
    factor = factor_of(part)

    def objective(claim: RateBound, evidence: Evidence) -> Array:
        factors, values = floats(factor(claim, evidence)), np.asarray(part_along(part.value, claim, evidence), dtype=np.longdouble)
        found = np.full(factors.shape, np.nan)
        for case in range(factors.shape[1]):
            row, slowness = _slowness(evidence.result.k, factors[:, case], values[:, case])
            found[row, case] = slowness
        return found

    return objective


def _slowness(k: Array, factors: Array, values: Array) -> tuple[int, float]:
    """Over k/4 .. k/2 and k/2 .. k, the windows being compared at their largest factors, so that what oscillates is not taken for a rate."""
    rows = np.flatnonzero(~np.isnan(factors))
    if len(rows) == 0:
        return -1, float("nan")
    last = int(k[rows[-1]])
    windows = [(k > last / 4) & (k <= last / 2) & ~np.isnan(factors), (k > last / 2) & (k <= last) & ~np.isnan(factors)]
    if min(w.sum() for w in windows) < 2:
        return -1, float("nan")
    early, late = (np.flatnonzero(w)[int(np.argmax(factors[w]))] for w in windows)
    contracted = float(np.log(values[late]) - np.log(values[early]))
    if factors[early] <= 0 or factors[late] <= 0 or not contracted < 0:
        return -1, float("nan")
    power = 1 + float(np.log(factors[late]) - np.log(factors[early])) / contracted
    return int(rows[-1]), 1 / float(np.clip(power, *LIMITS))


@dataclass(frozen=True)
class Contraction:
    """The slowest run found: by what factor a step the term contracts there, and the power of it that still stands."""

    found: Found
    claimed: float
    power: float
    finished: bool

    @property
    def smallest(self) -> float:
        """The factor a step that is not refuted at the same place."""
        return float(self.claimed ** self.power)


def contraction(part: Part, claim: RateBound, known: Known, fields: Sequence[Field], seed: int, clock: Clock) -> Contraction | None:
    """None where no run is long enough to tell."""
    objective = slowness_of(part)
    found, finished = best_known(objective, claim, known), True
    if fields and (found is None or float(found.value) < 1 - NONE):
        scores, finished = hunted(objective, claim, fields, seed, clock, STEPS)
        found = better(found, proposed(objective, claim, scores, STEPS))
    if found is None:
        return None
    power = max(1.0, 1 / float(found.value))
    return Contraction(found, _factor_a_step(part, claim, found), 1.0 if power < 1 + NONE else power, finished)


def _factor_a_step(part: Part, claim: RateBound, found: Found) -> float:
    """value(k) / value(k - 1) at the found place, of rows one or more updates apart."""
    top = found.top
    values: Any = part_along(part.value, claim, top.evidence)[:, top.case]
    k = top.evidence.result.k
    steps = int(k[top.row] - k[top.row - 1])
    return float((np.longdouble(float(values[top.row]) / float(values[top.row - 1]) if float(values[top.row - 1]) else 0)) ** (1 / steps))
