"""Judging a claim of order only, measured = O(bound): does measured/bound grow with k?

Exactly this is claimed: for every problem, start and parameter point there is a C with measured(k) <= C bound(k) at every k; and along an instance that is
another problem for each horizon (its constants stay) one C for all horizons. No finite run contradicts a C that nobody has named, so that a refutation asks
for more than a growing ratio: along horizons that it grows by a power of k over two decades, in the last at least half as fast as in the one before; on one
problem less is proof: a slow mode looks flat until it decays, and many of them together fall like any power of k until the slowest is reached (a tridiagonal
quadratic does), with a C that holds for all of them. There the measured curve itself must have shown its order: a straight factor a step over which it has
fallen a thousandfold, divergence, in one dimension (no mixture of modes) a straight power of k over two decades, or a level at which exact moments, which
obey a linear recursion, have settled (elsewhere it may be a plateau: a Huber function's gradient is constant until its kink). Else: inconclusive.
`holds` says that no case refutes it, and that at the default parameters, from every start, the largest ratio so far has stopped growing. Elsewhere in the
condition (a thousandth of the largest step) a run may still be on its way at its end: how many cases are left open stands in the note.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.draws import Inexact
from convlab.errors import Noted
from convlab.judge.fits import LEAST, measured_order
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import REASONS, float_evidence, members
from convlab.judge.trial import tried
from convlab.judge.verdict import Curve, Fit, Skipped, Verdict, Word, short
from convlab.judge.words import Evidence, Spot, clear_of_floor, named, verdict_of, witness
from convlab.problem import Family
from convlab.run.cases import NotApplicable, Setting, realised, settings_on, speaks_of_horizon
from convlab.run.engine import is_random
from convlab.run.orders import Kind, Order, factor_text, order_of, typical_order
from convlab.run.settings import Settings
from convlab.theorem import Instance, Law, RateBound, Source, tight_instances

LONG = 1000                                                   # updates of a deterministic run: two decades beyond its first
HORIZONS = tuple(2**i for i in range(11))                     # of an instance that is another problem for each: three decades
DECADE = float(np.log(10))
FLAT = 0.05            # a running maximum that grows by less than k^0.05 over the last decade (6 % over the last half of a linear range) has stopped
GROWS = 0.1            # a power that is surely none of a logarithm over the k that we see beyond: log k grows like k^0.18 at 300
SHOWN = 0.2            # a power that a measured curve must have to count as one: what is nearly constant may be a slow mode
LASTING = 0.5          # along horizons the ratio still grows at this share of its speed before
STRAIGHT = 0.05        # windows of a straight curve agree in their power (or in the logarithm of their factor) to this
FALLEN = float(np.log(1e3))      # what a linear rate has shown before its factor counts
BEYOND = float(np.log(10))       # the ratio has grown tenfold
SETTLED = 1e-9         # relative change over the last decade (the last half, of a linear claim) of moments at rest: a slower mode has a condition of 1e9
SMALL = 0.01           # successive ratios below it are on their way to 0
NOT_SHOWN = "a C of this problem may still bound it, for measured has not shown its own order"
TOO_SHORT = "measured/bound still grows at the end of their run, or it is below the floor before it tells"
DEEP = float(np.log(1e8))        # what a curve has fallen in all, a thousandfold of it at one ratio in its last half, before the ratio counts against a superlinear claim


@dataclass(frozen=True)
class Path:
    """One curve that is judged: of one case along k, or of an instance along its horizons. Logarithms of measured and bound, (points,), clear of the floor."""

    k: Array
    measured: Array
    bound: Array
    horizons: bool = False
    diverged: bool = False
    linear: bool = False           # it obeys a linear recursion: exact moments
    single: bool = False           # of one coordinate

    @property
    def ratio(self) -> Array:
        """log of measured over bound."""
        return self.measured - self.bound


@dataclass(frozen=True)
class Finding:
    """The word on one path, and why."""

    word: Word
    why: str
    slope: Fit | None = None       # of measured/bound


# ---- on every problem
def judge_order(title: str, claim: RateBound, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """Verdicts on the claim's instances and on every matching problem, by exact sources."""
    for instance in claim.on or tight_instances(claim):
        if not settings.problems or instance.family in settings.problems or repr(instance) in settings.problems:
            try:
                with Noted(f"on {instance!r}"):
                    verdict = _on_instance(title, claim, instance, families, settings)
                yield verdict
            except REASONS as reason:
                yield Skipped(title, claim.name, repr(instance), str(reason))
    for member in () if claim.on else members(families, settings):
        try:
            with Noted(f"on problem {member.name}"):
                found = settings_on(claim, title, member, settings, claim.assumptions)
                tried(title, claim, member.name, found)
                verdict = _verdict(title, claim, member.name, _evidence(claim, found, settings), settings, horizons=False)
            yield verdict
        except REASONS as reason:
            yield Skipped(title, claim.name, member.name, str(reason))


def _on_instance(title: str, claim: RateBound, instance: Instance, families: Mapping[str, Family], settings: Settings) -> Verdict:
    along = speaks_of_horizon(instance)
    horizons = (claim.grid.horizons or HORIZONS) if along else (None,)
    found = [(k, setting) for k in horizons for setting in realised(instance, claim, title, families, settings, k)]
    if not found:
        raise NotApplicable("none of its parameter points lies in the condition")
    tried(title, claim, repr(instance), [found[0][1]])
    evidence = [e for k, setting in found for e in _evidence(claim, [setting], settings, k)]
    return _verdict(title, claim, repr(instance), evidence, settings, horizons=along)


def _evidence(claim: RateBound, found: list[Setting], settings: Settings, k: int | None = None) -> list[Evidence]:
    if claim.law is Law.HIGH_PROBABILITY:
        raise Inexact("an order is judged by exact sources, and a probability of failing has none")
    long = settings if is_random(algorithm_of(claim)) else replace(settings, iterations=max(settings.iterations, LONG))
    return float_evidence(claim, found, long, k)


# ---- paths
def _paths(evidence: list[Evidence], horizons: bool) -> list[tuple[Path, Spot]]:
    """Every case as a path, with its last spot; one point a run where a run has but its horizon."""
    if horizons or all(len(e.result.k) == 1 for e in evidence):
        return _along_horizons(evidence)
    return [(_path(e.result.k, e.result.measured[:, case], e.result.bound[:, case], clear_of_floor(e)[:, case], _diverged(e, case), e.source is Source.MOMENTS,
                   np.size(e.settings[case].start.point) == 1), Spot(e, len(e.result.k) - 1, case)) for e in evidence for case in range(len(e.settings))]


def _diverged(evidence: Evidence, case: int) -> bool:
    return bool(evidence.result.diverged[case] and evidence.result.broke[case] >= 0)


def _along_horizons(evidence: list[Evidence]) -> list[tuple[Path, Spot]]:
    """Cases with the same place among those of their horizon belong together: the same point of the condition, from the same start."""
    runs: dict[int, list[tuple[Evidence, int]]] = {}
    for e in evidence:
        runs.setdefault(int(e.result.k[0]), []).extend((e, case) for case in range(len(e.settings)))
    rows = sorted(runs.items())
    found = []
    for place in range(min(len(cases) for _, cases in rows)):
        chosen = [cases[place] for _, cases in rows]
        k, measured, bound, clear = (np.array(column) for column in zip(
            *((e.result.k[-1], e.result.measured[-1, case], e.result.bound[-1, case], clear_of_floor(e)[-1, case]) for e, case in chosen), strict=True))
        last, case = chosen[-1]
        found.append((replace(_path(k, measured, bound, clear), horizons=True), Spot(last, len(last.result.k) - 1, case)))
    return found


def _path(k: Array, measured: Array, bound: Array, clear: Array, diverged: bool = False, linear: bool = False, single: bool = False) -> Path:
    with np.errstate(all="ignore"):
        m, b = np.log(np.asarray(measured, dtype=np.longdouble)), np.log(np.asarray(bound, dtype=np.longdouble))
    seen = (k >= 1) & np.isfinite(b) & ~np.isnan(m)
    clear = clear & np.isfinite(m)
    gone = np.flatnonzero(seen & ~clear)
    end = next((int(i) for i in gone if (seen & clear)[:i].any()), len(k))          # what follows the first value below the floor is rounding
    rows = np.flatnonzero(seen & clear & (np.arange(len(k)) < end))
    return Path(k[rows].astype(float), m[rows], b[rows], False, diverged, linear, single)


# ---- the word on one path
def finding(path: Path, order: Order) -> Finding:
    """Whether measured/bound has stopped growing, surely grows, or neither can be said."""
    if path.diverged and not (order.kind is Kind.GROWING and order.factor is not None):
        return Finding(Word.REFUTED, "the run diverges")
    if len(path.k) < LEAST:
        return Finding(Word.INCONCLUSIVE, f"fewer than {LEAST} points stand clear of the floating-point floor")
    if order.kind is Kind.SUPERLINEAR:
        return _superlinear(path)
    by_factor = order.factor is not None and not path.horizons
    return _by_factor(path) if by_factor else _by_power(path)


def _by_power(path: Path) -> Finding:
    last = path.k >= path.k[-1] / 10
    before = (path.k >= path.k[-1] / 100) & (path.k <= path.k[-1] / 9)
    if path.k[-1] < 10 * path.k[0]:
        return Finding(Word.INCONCLUSIVE, f"k from {path.k[0]:.0f} to {path.k[-1]:.0f} is less than a decade")
    fit = _slope_of_ratio(path, Kind.SUBLINEAR)
    told = f"measured/bound grows like k^{_of(fit):.3g} [{_low(fit):.3g}, {_high(fit):.3g}] from k = {max(path.k[0], path.k[-1] / 100):.0f} to {path.k[-1]:.0f}"
    highest = np.maximum.accumulate(path.ratio)
    if (highest[-1] - highest[np.argmax(last)]) / DECADE <= FLAT:
        return Finding(Word.HOLDS, f"measured/bound stays below {_number(highest[-1])}", fit)
    if path.k[-1] < 100 * path.k[0] or before.sum() < 3:
        return Finding(Word.INCONCLUSIVE, f"{told}: the range is too short", fit)
    late, early = _power_in(path, last), _power_in(path, before)
    grows = late >= GROWS and early >= GROWS
    if path.horizons:
        return Finding(Word.REFUTED if grows and late >= LASTING * early else Word.INCONCLUSIVE, told, fit)
    if _settled(path, last) and late >= GROWS:
        return Finding(Word.REFUTED, f"{told}: measured has settled at {_number(path.measured[-1])}", fit)
    own = [_power_in(replace(path, bound=np.zeros_like(path.bound)), part) for part in _half_decades(path)]
    straight = min(abs(p) for p in own) >= SHOWN and max(own) - min(own) <= STRAIGHT * abs(own[-1])
    shown = straight and path.single
    return Finding(Word.REFUTED if grows and shown else Word.INCONCLUSIVE, told if shown else f"{told}: {NOT_SHOWN}", fit)


def _by_factor(path: Path) -> Finding:
    half = path.k >= (path.k[0] + path.k[-1]) / 2
    fit = _slope_of_ratio(path, Kind.LINEAR)
    told = f"measured/bound grows by the factor {factor_text(_of(fit))} a step from k = {path.k[0]:.0f} to {path.k[-1]:.0f}"
    highest = np.maximum.accumulate(path.ratio)
    if highest[-1] - highest[np.argmax(half)] <= np.log1p(FLAT):
        return Finding(Word.HOLDS, f"measured/bound stays below {_number(highest[-1])}", fit)
    late, early = (np.polyfit(path.k[part], path.measured[part].astype(float), 1)[0] if part.sum() >= 3 else np.nan for part in (half, ~half))
    grown = path.ratio[-1] - path.ratio[np.argmax(half)] >= BEYOND
    if grown and _settled(path, half):
        return Finding(Word.REFUTED, f"{told}: measured has settled at {_number(path.measured[-1])}", fit)
    fallen = path.measured[np.argmax(half)] - path.measured[-1] >= FALLEN
    straight = abs(late - early) <= STRAIGHT * abs(late)
    return Finding(Word.REFUTED if grown and fallen and straight else Word.INCONCLUSIVE,
                   told if fallen and straight else f"{told}: {NOT_SHOWN}", fit)


def _superlinear(path: Path) -> Finding:
    """By the ratios of successive values: small and falling, or the same to the end of a fall over eight orders of magnitude."""
    if np.any(np.diff(path.k) != 1):
        return Finding(Word.INCONCLUSIVE, "ratios of successive values need successive k")
    steps = np.diff(path.measured)
    ratios = np.exp(steps.astype(float))
    told = f"ratios of successive values from {ratios.max():.3g} to {ratios[-1]:.3g}, k = {path.k[0]:.0f} to {path.k[-1]:.0f}"
    quarter = max(2, len(steps) // 4)
    if ratios[-1] <= SMALL and ratios[-1] <= ratios[-quarter:].max() and ratios[-1] <= 0.5 * ratios.max():
        return Finding(Word.HOLDS, f"{told}: on their way to 0")
    constant = abs(steps[-quarter:].mean() - steps[-2 * quarter:-quarter].mean()) <= STRAIGHT * abs(steps[-quarter:].mean())
    deep = path.measured.max() - path.measured[-1] >= DEEP and path.measured[-2 * quarter - 1] - path.measured[-1] >= FALLEN
    if len(steps) >= 8 and constant and deep:
        return Finding(Word.REFUTED, f"{told}: the same over the last {2 * quarter} steps, in which measured fell a thousandfold, to its last digits")
    return Finding(Word.INCONCLUSIVE, told)


def _slope_of_ratio(path: Path, kind: Kind) -> Fit | None:
    """Fitted over the last two decades (the last half, by factor): the power by which the ratio grows."""
    shift = path.ratio - path.ratio.max()                               # a fit does not see a constant; floats do
    found = measured_order(kind, path.k, np.exp(np.maximum(shift, -700).astype(float)), np.ones(len(path.k), dtype=bool))
    if isinstance(found, str) or kind is Kind.LINEAR:
        return None if isinstance(found, str) else found
    return replace(found, kind=Kind.GROWING.value, measured=-(found.measured or 0), low=-(found.high or 0), high=-(found.low or 0))


def _of(fit: Fit | None) -> float:
    return float("nan") if fit is None or fit.measured is None else fit.measured


def _low(fit: Fit | None) -> float:
    return float("nan") if fit is None or fit.low is None else fit.low


def _high(fit: Fit | None) -> float:
    return float("nan") if fit is None or fit.high is None else fit.high


def _power_in(path: Path, part: Array) -> float:
    """The slope of the ratio in log k between the ends of a part."""
    rows = np.flatnonzero(part)
    return float((path.ratio[rows[-1]] - path.ratio[rows[0]]) / np.log(path.k[rows[-1]] / path.k[rows[0]]))


def _half_decades(path: Path) -> list[Array]:
    """The last two decades in four parts that share their ends."""
    edges = path.k[-1] / 10 ** np.array([2, 1.5, 1, 0.5, 0])
    near = np.array([path.k[np.argmin(abs(np.log(path.k / edge)))] for edge in edges])
    return [(path.k >= low) & (path.k <= high) for low, high in pairwise(near)]


def _settled(path: Path, part: Array) -> bool:
    return path.linear and float(np.ptp(path.measured[part])) <= SETTLED


def _number(logarithm: Any) -> str:
    return short(float(np.exp(logarithm))) if abs(logarithm) < 700 else f"10^{float(logarithm) / DECADE:.1f}"


# ---- the verdict on one problem
def _verdict(title: str, claim: RateBound, problem: str, evidence: list[Evidence], settings: Settings, *, horizons: bool) -> Verdict:
    """Refuted by any case; else what the default parameters say. There is no worst ratio: an order has no constant."""
    paths = _paths(evidence, horizons)
    order = typical_order(claim)                              # the class, which is that of every case
    order = order if order.kind is not Kind.UNKNOWN else order_of(claim, paths[0][1].setting.values, None if evidence[0].batch is None else evidence[0].batch.case)
    enough = [item for item in paths if len(item[0].k) >= LEAST or item[0].diverged] or paths
    found = [(finding(path, order), path, spot) for path, spot in enough]
    refuted = [item for item in found if item[0].word is Word.REFUTED]
    default = [item for item in found if item[2].setting.point == paths[0][1].setting.point]
    worst, path, spot = (refuted or sorted(default or found, key=lambda item: item[0].word is Word.HOLDS))[0]
    still = sum(item[0].word is Word.INCONCLUSIVE for item in found)
    base = verdict_of(title, claim, problem, evidence, settings)
    if base.outcome is not None and base.outcome.startswith("NaN") and worst.word is Word.HOLDS:
        worst = replace(worst, word=Word.INCONCLUSIVE, why=base.outcome)
    note = "; ".join(part for part in (worst.why, f"{still} of {len(found)} cases are open: {TOO_SHORT}" if still and worst.word is Word.HOLDS else "") if part)
    curve = None if len(path.k) < 2 else Curve(problem, path.k.astype(int), *(np.exp(np.clip(side, -11000, 11000)) for side in (path.measured, path.bound)))
    seen = witness(title, problem, spot, settings) if worst.word is Word.REFUTED else None
    return replace(base, word=worst.word, worst_ratio=None, worst_k=None, last_ratio=None, witness=seen, note=note, curve=curve, parameters=named(spot.setting.point),
                   constants=named(spot.setting.constants))
