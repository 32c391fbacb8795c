"""What judges a claim without sampling, found by trying: a few updates on a matching problem, by the very function that `check` uses."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from convlab.draws import Inexact
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import HORIZONS, REASONS, exact_evidence, float_evidence, members
from convlab.problem import Family
from convlab.run.cases import Setting, realised, settings_on, speaks_of_horizon
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import Identity, Law, OperatorConstant, RateBound, Relation, Source, StabilityRegion, StepInequality, tight_instances

UPDATES = (4, 48)        # tried one after the other: a claim on whole epochs says nothing before the first
TRIED = 6                # matching problems that are tried
NOT_RATIONAL = (*REASONS, ValueError, TypeError, ArithmeticError)


def exact_source(title: str, claim: Any, families: Mapping[str, Family]) -> Source | None:
    """The source, exact moments before enumeration where problems differ; None where samples alone can judge."""
    if isinstance(claim, StabilityRegion):
        return Source.SPECTRUM
    if isinstance(claim, Identity):
        return Source.RATIONAL
    if isinstance(claim, StepInequality):
        return Source.SEARCH
    if isinstance(claim, OperatorConstant):
        return Source.SEARCH if claim.search and claim.relation is Relation.AT_MOST else Source.ENUMERATION
    if claim.law is Law.HIGH_PROBABILITY:
        return None
    if claim.on:
        return next(filter(None, (_of_instance(claim, setting, k) for setting, k in _instances(title, claim, families))), None)
    return _of_problems(title, claim, families) if is_random(algorithm_of(claim)) else Source.DETERMINISTIC


def _of_problems(title: str, claim: RateBound, families: Mapping[str, Family]) -> Source | None:
    """Of matching problems; of declared instances where no problem matches or can be judged."""
    found = None
    for setting in islice(_problems(title, claim, families), TRIED):
        source = _in_floats(claim, setting, None)
        if source is Source.MOMENTS:
            return source
        found = found or source
    return found or next(filter(None, (_of_instance(claim, setting, k) for setting, k in _instances(title, claim, families))), None)


def _of_instance(claim: RateBound, setting: Setting, k: int | None) -> Source | None:
    """Rationals where bound and instance are rational, as `check` tries first."""
    for updates in UPDATES:
        try:
            return exact_evidence(claim, setting, k, Settings(iterations=updates))[0].source
        except NOT_RATIONAL:
            continue
    return _in_floats(claim, setting, k)


def _in_floats(claim: RateBound, setting: Setting, k: int | None) -> Source | None:
    for updates in UPDATES:
        try:
            return float_evidence(claim, [setting], Settings(iterations=updates), k)[0].source
        except Inexact:
            continue
        except REASONS:
            return None
    return None


def _instances(title: str, claim: RateBound, families: Mapping[str, Family]) -> Iterator[tuple[Setting, int | None]]:
    for instance in claim.on or tight_instances(claim):
        k = (claim.grid.horizons or HORIZONS)[-1] if speaks_of_horizon(instance) else None
        try:
            yield from ((setting, k) for setting in realised(instance, claim, title, families, Settings(), k)[:1])
        except (*REASONS, ValueError):
            continue


def _problems(title: str, claim: RateBound, families: Mapping[str, Family]) -> Iterator[Setting]:
    settings = Settings()
    for member in members(families, settings):
        try:
            yield settings_on(claim, title, member, settings, claim.assumptions)[0]
        except REASONS:
            continue
