"""Iterations to accuracy over a grid of problems: with which power of kappa, sigma, n, d or 1/eps they grow, by the bound and as measured.

One number of a search space is varied that changes one constant of the claim and no other; at each value the worst of many problems counts that share all
constants (and differ in spectrum, threshold, start). Tunables are at their defaults, accuracies relative to the bound at its first k: the same for all of these.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.constants import Array
from convlab.falsify.grounds import Choice, Ground
from convlab.falsify.search import CANNOT, Clock, beyond_start
from convlab.falsify.sharpen_search import Field
from convlab.falsify.together import evidence_together
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import float_evidence
from convlab.judge.words import Evidence
from convlab.run.bind import symbols_of
from convlab.run.cases import NotApplicable, Setting, condition_of, constants_of, refuse_restrictions, start_constants
from convlab.run.engine import is_random
from convlab.run.expressions import float_values
from convlab.run.points import default_point, holds
from convlab.run.settings import Settings
from convlab.theorem import RateBound, Source

TARGETS = tuple(2.0**i for i in range(1, 8))      # values of the constant, relative to its least one on the ground
TRIED = 65                 # places of a range at which the constant is looked at to find those targets
SHAPES = 24                # problems that share all constants
LONGEST = {True: 256, False: 1024}      # updates of a run with draws (exact moments, one by one) and without
ACCURACY = 1 / 16          # of the bound at its first k, where another constant is varied
OVER_ACCURACIES = 96       # of them where only the accuracy is varied
ACCURACIES = tuple(2.0**-i for i in range(2, 10))
FEWEST = (8, 4)            # iterations by the bound and as measured: fewer say nothing of a power
LEAST = 4                  # points of a fit
FLAT = 0.1                 # powers this small on both sides are no news
SAME = 1e-9                # relative: a constant that does not change
SCALES = {symbols.R, symbols.L, symbols.L_max, symbols.L_mean, symbols.L_rms, symbols.G, symbols.lam}      # units: iterations do not depend on them
FURTHEST = 9               # power of ten up to which the bound is asked for its iterations


@dataclass(frozen=True)
class Power:
    """k_eps like X^claimed by the bound, like X^fitted as measured; `points` are (X, by the bound, measured), the last one measured on `setting`."""

    name: str
    claimed: float
    fitted: float
    points: tuple[tuple[float, float, float], ...]
    setting: Setting
    told: Mapping[str, Any]
    source: Source


@dataclass(frozen=True)
class _Reading:
    """One problem: X, and the iterations to one accuracy."""

    x: float
    by_bound: float
    measured: float
    setting: Setting
    told: Mapping[str, Any]
    source: Source


def powers(claim: RateBound, fields: Sequence[Field], seed: int, clock: Clock, sublinear: bool) -> Iterator[Power]:
    """One for each constant that can be varied alone, and for 1/eps where the rate is no linear one."""
    readings: dict[str, list[_Reading]] = {}
    for number, field in enumerate(fields):
        share = Clock(max(0.0, clock.left) / (len(fields) - number))
        for name, found in _on_ground(claim, field, seed, share, sublinear):
            readings.setdefault(name, []).extend(found)
    for name, every in readings.items():
        power = _fitted(name, every)
        if power is not None:
            yield power


def _fitted(name: str, every: Sequence[_Reading]) -> Power | None:
    """The worst at each X, and the powers through them."""
    worst: dict[float, _Reading] = {}
    claimed: dict[float, float] = {}
    for one in every:
        claimed[one.x] = max(claimed.get(one.x, 0.0), one.by_bound)
        if one.x not in worst or one.measured > worst[one.x].measured:
            worst[one.x] = one
    kept = [x for x in sorted(worst) if FEWEST[0] <= claimed[x] < np.inf and FEWEST[1] <= worst[x].measured < np.inf]
    if len(kept) < LEAST:
        return None
    points = tuple((x, claimed[x], worst[x].measured) for x in kept)
    logs = np.log(np.array(points))
    last, (by_bound, fitted) = worst[kept[-1]], (float(np.polyfit(logs[:, 0], logs[:, column], 1)[0]) for column in (1, 2))
    return Power(name, by_bound, fitted, points, last.setting, last.told, last.source) if max(abs(by_bound), abs(fitted)) > FLAT else None


# ---- what is varied
def _on_ground(claim: RateBound, field: Field, seed: int, clock: Clock, sublinear: bool) -> Iterator[tuple[str, list[_Reading]]]:
    ground = field.ground
    base = {name: _at(ends, 0.5) for name, ends in ground.ranges.items()}
    changed = {name: _changed(claim, ground, base, name) for name in ground.ranges}
    shapes = [name for name, symbols_changed in changed.items() if symbols_changed == set()]
    rng = np.random.default_rng(seed)
    varied = [(name, label) for name, found in changed.items() if found and (label := _label(found)) is not None]
    for name, label in varied:
        numbers = [(x, {**base, name: value, **shape}) for x, value in _targets(claim, ground, base, name, label)
                   for shape in _shapes(ground, shapes, rng, SHAPES)]
        yield label, _read(claim, field, numbers, (ACCURACY,), clock)
    if sublinear:
        found = _read(claim, field, [(0.0, {**base, **shape}) for shape in _shapes(ground, shapes, rng, OVER_ACCURACIES if field.at_once else SHAPES)], ACCURACIES, clock)
        yield "1/eps", found


def _at(ends: tuple[float, float], u: float) -> float:
    low, high = ends
    return float(low ** (1 - u) * high**u) if low > 0 else low + u * (high - low)


def _shapes(ground: Ground, names: Sequence[str], rng: np.random.Generator, count: int) -> list[dict[str, float]]:
    return [{name: _at(ground.ranges[name], u) for name, u in zip(names, row, strict=True)} for row in rng.random((count if names else 1, len(names)))]


def _changed(claim: RateBound, ground: Ground, base: Mapping[str, float], name: str) -> set[Any] | None:
    """The constants of the claim that change with one number of the ground; None where that cannot be told."""
    asked = symbols_of(algorithm_of(claim)) | {s for part in (claim.bound, *claim.defaults.values()) if isinstance(part, sp.Basic) for s in part.free_symbols}
    try:
        first, second = (_constants(claim, ground, {**base, name: _at(ground.ranges[name], u)}) for u in (0.45, 0.55))
    except CANNOT:
        return None
    asked |= {symbols.kappa} if symbols.mu in asked else set()
    relevant = [s for s in first if s in asked]
    return {s for s in relevant if s in second and s != symbols.Delta and abs(float(first[s]) - float(second[s])) > SAME * abs(float(first[s]))}


def _label(changed: set[Any]) -> str | None:
    """What X is called; None where several constants move together."""
    if changed <= {symbols.mu, symbols.kappa}:
        return "kappa"
    return str(next(iter(changed))) if len(changed) == 1 and not changed & SCALES else None


def _constants(claim: RateBound, ground: Ground, numbers: Mapping[str, float]) -> dict[Any, Any]:
    problem, start = ground.build(numbers)
    return {**{s: c.value for s, c in constants_of(problem, claim.assumptions).items()}, **start_constants(problem, start)}


def _targets(claim: RateBound, ground: Ground, base: Mapping[str, float], name: str, label: str) -> Iterator[tuple[float, float]]:
    """X and the number that gives it: powers of two of the constant (of kappa) or, of others, of its least value on the ground."""
    places = [_at(ground.ranges[name], u) for u in np.linspace(0, 1, TRIED)]
    try:
        values = [_x(_constants(claim, ground, {**base, name: place}), label) for place in places]
    except CANNOT:
        return
    unit = 1.0 if label == "kappa" else min(values)
    for target in TARGETS:
        nearest = int(np.argmin([abs(np.log(v / (unit * target))) if v > 0 else np.inf for v in values]))
        if 0.7 < values[nearest] / (unit * target) < 1.4:                  # not the end of the range in place of one beyond it
            yield float(f"{values[nearest]:.12g}"), places[nearest]


def _x(constants: Mapping[Any, Any], label: str) -> float:
    if label == "kappa":
        return float(constants[symbols.kappa]) if symbols.kappa in constants else 1 / float(constants[symbols.mu])
    return float(next(value for s, value in constants.items() if str(s) == label))


# ---- iterations
def _read(claim: RateBound, field: Field, numbers: Sequence[tuple[float, Mapping[str, float]]], accuracies: Sequence[float], clock: Clock) -> list[_Reading]:
    """Every problem at every accuracy; of a grid over accuracies, X is 1/eps."""
    settings = [(x, given, setting) for x, given in numbers if (setting := _setting(claim, field.ground, given)) is not None]
    found = []
    for evidence, group in _runs(claim, field, settings, clock):
        for case, (x, given, setting) in enumerate(group):
            for accuracy in accuracies:
                reading = _iterations(claim, evidence, case, accuracy)
                if reading is not None:
                    told = field.ground.told(Choice(field.ground, given, {}).numbers)
                    found.append(_Reading(1 / accuracy if len(accuracies) > 1 else x, *reading, setting, told, evidence.source))
    return found


def _setting(claim: RateBound, ground: Ground, numbers: Mapping[str, float]) -> Setting | None:
    """The problem at the default parameters."""
    try:
        problem, start = ground.build(numbers)
        refuse_restrictions(problem, claim.assumptions)
        provenance = constants_of(problem, claim.assumptions)
        constants = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
        point = default_point(claim.defaults, constants)
        return Setting(problem, ground.name, start, point, constants, provenance) if holds(condition_of(claim), {**constants, **point}) else None
    except (*CANNOT, NotApplicable, KeyError):
        return None


Given = tuple[float, Mapping[str, float], Setting]


def _runs(claim: RateBound, field: Field, settings: Sequence[Given], clock: Clock) -> Iterator[tuple[Evidence, list[Given]]]:
    steps = LONGEST[is_random(algorithm_of(claim))]
    if field.at_once and settings:
        try:
            yield evidence_together(claim, [setting for *_, setting in settings], steps), list(settings)
            return
        except CANNOT:
            pass                                   # sizes differ: one by one then
    for given in settings:
        if clock.left <= 0:
            return
        try:
            yield beyond_start(float_evidence(claim, [given[2]], Settings(iterations=steps)))[0], [given]
        except CANNOT:
            continue


def _iterations(claim: RateBound, evidence: Evidence, case: int, accuracy: float) -> tuple[float, float] | None:
    """After how many updates the bound, and the run, stay below the accuracy, infinite where they do not get there; None where the run is not kept."""
    record, batch = evidence.record, evidence.batch
    if record is None or batch is None:
        return None
    values = {s: np.asarray(v).reshape(-1)[case] if np.ndim(v) and np.size(v) > 1 else v for s, v in batch.values.items()}
    k, initial = _asked(max(1, claim.grid.first)), float(record.measured[0].reshape(-1)[case])
    with np.errstate(all="ignore"):
        bound = np.broadcast_to(np.asarray(float_values(claim.bound, {**values, symbols.k: k, symbols.K: k, symbols.M0: initial}), dtype=float), k.shape)
    eps = accuracy * bound[0]
    return _last_above(k, bound, eps), _last_above(evidence.result.k, evidence.result.measured[:, case].astype(float), eps)


def _asked(first: int) -> Array:
    return np.concatenate([np.arange(first, 2000), np.unique(np.round(np.logspace(np.log10(2000), FURTHEST, 640)).astype(int))])


def _last_above(k: Array, values: Array, eps: float) -> float:
    """The first k from which on all values are at most eps; infinite where the last one is above."""
    above = np.flatnonzero(~(values <= eps))
    if len(above) == 0:
        return float(k[0])
    return float("inf") if above[-1] == len(k) - 1 else float(k[above[-1] + 1])
