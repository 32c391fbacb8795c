"""What is known before any search: the exact runs of a claim's declared instances and of every problem that matches it."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from convlab.falsify.search import CANNOT, NOT_RATIONAL, Clock, beyond_start
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import HORIZONS, exact_evidence, float_evidence, members
from convlab.judge.words import Evidence
from convlab.problem import Family, Member
from convlab.run.cases import Setting, chosen_constants, numbers_of, realised, settings_on, speaks_of_horizon
from convlab.run.free import with_free_memory
from convlab.run.settings import Settings
from convlab.theorem import Instance, RateBound, tight_instances

Told = Callable[[Setting], Mapping[str, Any] | None]      # how a data file names the problem of a setting; None where it cannot


@dataclass(frozen=True)
class Sample:
    """Runs of one problem."""

    name: str
    told: Told
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Known:
    """The samples, and the matching problems that were not run, each with the reason."""

    samples: tuple[Sample, ...]
    left: tuple[tuple[str, str], ...] = ()


def known(title: str, claim: RateBound, families: Mapping[str, Family], settings: Settings, clock: Clock, longer: Sequence[int] = ()) -> Known:
    """Declared instances first, in rationals where they are rational (and at the `longer` horizons in floats), then members, as long as the clock
    allows."""
    samples, left = [], []
    declared = list(_declared(title, claim, families, settings, longer))
    for number, (name, matches, run) in enumerate((*declared, *_members(title, claim, families, settings))):
        try:
            matches()
        except CANNOT:
            continue                                  # the claim does not speak of it
        if clock.left <= 0 and number >= len(declared):      # the few declared ones are run whatever time it is
            left.append((name, "the budget was used up before it was run"))
            continue
        try:
            found = run()
        except CANNOT as reason:
            left.append((name, str(reason)))
            continue
        if found is not None:
            samples.append(found)
    return Known(tuple(samples), tuple(left))


Run = tuple[str, Callable[[], Any], Callable[[], Sample | None]]      # name, what raises where it does not match, and what runs it


def _declared(title: str, claim: RateBound, families: Mapping[str, Family], settings: Settings, longer: Sequence[int]) -> Iterator[Run]:
    for instance in (*claim.on, *tight_instances(claim)):
        yield repr(instance), tuple, lambda i=instance: _of_instance(title, claim, i, families, settings, longer)  # type: ignore[misc]   # bound now, not when it runs


def _members(title: str, claim: RateBound, families: Mapping[str, Family], settings: Settings) -> Iterator[Run]:
    for member in () if claim.on else members(families, settings):
        yield (member.name, lambda m=member: settings_on(claim, title, m, settings, claim.assumptions),  # type: ignore[misc]
               lambda m=member: _of_member(title, claim, m, settings))  # type: ignore[misc]


def _of_instance(title: str, claim: RateBound, instance: Instance, families: Mapping[str, Family], settings: Settings, longer: Sequence[int]) -> Sample | None:
    moving = speaks_of_horizon(instance)
    horizons: tuple[int | None, ...] = (claim.grid.horizons or (*HORIZONS, *longer)) if moving else (None,)
    found, horizon_of = [], {}
    for k in horizons:
        for setting in realised(instance, claim, title, families, settings, k):
            horizon_of[id(setting)] = k
            found += _best(claim, setting, k, settings)

    def told(setting: Setting) -> Mapping[str, Any]:
        k = horizon_of.get(id(setting))
        parameters = numbers_of(instance, {**chosen_constants(instance, k), **setting.values})
        parameters.pop("start", None)
        return {"family": instance.family, "parameters": parameters, "start": setting.start.point}

    return Sample(repr(instance), told, tuple(beyond_start(found))) if found else None


def _best(claim: RateBound, setting: Setting, k: int | None, settings: Settings) -> list[Evidence]:
    """In rationals, and in floats beyond where those end; at horizons beyond those that `check` judges in floats alone."""
    exact: list[Evidence] = []
    if k is None or k in HORIZONS or k in claim.grid.horizons:
        with suppress(*NOT_RATIONAL):               # floats then
            exact = exact_evidence(claim, setting, k, settings)
    if exact and k is not None:
        return exact
    try:
        return [*exact, *float_evidence(claim, [setting], settings, k)]
    except CANNOT:
        if exact:
            return exact
        raise


def _of_member(title: str, claim: RateBound, member: Member, settings: Settings) -> Sample | None:
    found = settings_on(claim, title, member, settings, claim.assumptions)
    found = [*found, *with_free_memory(algorithm_of(claim), claim.free_state, found, settings.seed)]
    evidence = beyond_start(float_evidence(claim, found, settings))

    def told(setting: Setting) -> Mapping[str, Any] | None:
        return None if setting.start.free else {"problem": member.name, "start": setting.start.point}

    return Sample(member.name, told, tuple(evidence)) if evidence else None
