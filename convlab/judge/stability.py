"""Judging a StabilityRegion: the spectral radius of the map read off `step`, just inside and just outside the claimed edge. Nothing is run."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab.arithmetic import FLOAT64
from convlab.draws import Inexact
from convlab.errors import Noted
from convlab.judge.compare import Comparison
from convlab.judge.rate import members
from convlab.judge.replaced import lacking
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family
from convlab.run.bind import Binder
from convlab.run.cases import NotApplicable, Setting, batch_of, check_exact, distinct_points, realised, settings_on
from convlab.run.counters import key_of, split
from convlab.run.engine import initial_state
from convlab.run.maps import affine_maps
from convlab.run.moments import mean_square_radius, reference_state, refuse_nonquadratic, sure_radius
from convlab.run.points import interval
from convlab.run.settings import Settings
from convlab.theorem import Sense, Source, StabilityRegion

INSIDE, OUTSIDE = Fraction(99, 100), Fraction(101, 100)      # of the edge


def judge_stability(title: str, claim: StabilityRegion, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem: at every parameter point the radius is below 1 inside and at least 1 outside the edge along the swept tunable."""
    sources: list[tuple[str, Any]] = [(repr(i), lambda i=i: realised(i, claim, title, families, settings)) for i in claim.on]
    if not claim.on:
        sources = [(m.name, lambda m=m: settings_on(claim, title, m, settings, claim.assumptions)) for m in members(families, settings)]
    for name, found in sources:
        try:
            with Noted(f"on problem {name}"), lacking(settings):
                evidence = [e for setting in distinct_points(found()) for e in _across(claim, setting)]
            if not evidence:
                raise NotApplicable("none of its parameter points lies in the condition")
            yield verdict_of(title, claim, name, evidence, settings)
        except (NotApplicable, Unsupported, Inexact) as reason:
            yield Skipped(title, claim.name, name, str(reason))


def _across(claim: StabilityRegion, setting: Setting) -> list[Evidence]:
    refuse_nonquadratic(setting.problem)
    check_exact(sp.sympify(claim.condition).free_symbols, setting.provenance)
    around = interval(claim.condition, claim.sweep, setting.values)
    probes = [(setting.point[claim.sweep], True)]
    low, high = around.low, around.high
    width = high - low
    probes += [(low + _times(INSIDE, width), True), (low + _times(1 - INSIDE, width), True)]
    if around.high_closed is False or around.high != _capped(setting, claim):
        probes.append((low + _times(OUTSIDE, width), False))
    if low != 0:
        probes.append((low - _times(OUTSIDE - 1, width), False))
    return [_probe(claim, replace(setting, point={**setting.point, claim.sweep: value}), inside) for value, inside in probes]


def _capped(setting: Setting, claim: StabilityRegion) -> Any:
    """What `interval` returns where the condition sets no upper end."""
    return interval(sp.true, claim.sweep, setting.values).high


def _times(fraction: Fraction, value: Any) -> Any:
    return fraction * value if hasattr(value, "denominator") else float(fraction) * value


def _probe(claim: StabilityRegion, setting: Setting, inside: bool) -> Evidence:
    """Inside, the radius is the measured value and 1 the bound; outside, 1/radius: the ratio is above 1 exactly where the claim is wrong."""
    value = radius(claim, setting)
    measured, bound = (value, 1.0) if inside else (1.0, value)
    slack = 10 * np.sqrt(FLOAT64.eps)     # eigenvalues of a defective matrix carry the square root of the rounding
    violated = value > 1 - 1e-12 if inside else value < 1 - slack
    ratio, wrong, left, right = (np.array([[v]]) for v in (measured / bound, bool(violated), measured, bound))
    return Evidence((setting,), Comparison(np.array([1]), ratio, wrong, left, right, np.array([-1]), np.array([False])), Source.SPECTRUM)


def radius(claim: StabilityRegion, setting: Setting) -> float:
    """The spectral radius of the state map (of its second-moment operator) at one parameter point."""
    batch = batch_of([setting], FLOAT64)
    binder = Binder(claim.algorithm, batch.values, batch.x0.ndim, 1, FLOAT64)
    reference = reference_state(binder, batch)
    start, counters = split(initial_state(binder, batch), reference)
    maps = affine_maps(binder, 0, batch, reference, start)
    if key_of(maps.counters) != key_of(counters):
        raise Inexact("the state counts its updates: its map is not one matrix")
    found = mean_square_radius(maps) if claim.sense is Sense.MEAN_SQUARE or maps.matrices.shape[0] > 1 else sure_radius(maps)
    return float(found[0])
