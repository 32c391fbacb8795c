"""Judging a StepInequality: one update from any state; states from a generator and from search."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.constants import Array
from convlab.errors import BadInput, Noted
from convlab.judge.compare import Comparison
from convlab.judge.rate import members
from convlab.judge.replaced import lacking
from convlab.judge.states import Surroundings, points_around, start_sizes, told
from convlab.judge.update import Update, takes_arrays
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family
from convlab.run.cases import Batch, NotApplicable, Setting, batch_of, batches, distinct_points, realised, settings_on, stream
from convlab.run.engine import flattened, is_random
from convlab.run.frozen import frozen
from convlab.run.settings import Settings
from convlab.theorem import Law, Relation, Source, StepInequality, tight_instances

STATES = 20480         # updates tried on one problem, shared by its parameter points (and, in expectation, by the draws)
ROUNDS = 12            # of search: each keeps the worst states and moves around them
FEWEST = 32            # states a round
KEPT = 16              # one of so many states is kept as among the worst
WIDER = 4              # times as many are asked for their rounding where that of the worst leaves too few
SEARCHED = 3           # tries at the rounding of each of many states, where some seem to violate the claim
SETTLED = 16           # and of one that seems to violate the claim


def judge_step(title: str, claim: StepInequality, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem; declared instances in rationals from their start, and by search around it."""
    if is_random(claim.algorithm) and claim.law is Law.SURELY:
        yield Skipped(title, claim.name, "", "a step inequality speaks of one certain update, this algorithm draws; of the mean over its draws with law=Law.EXPECTATION")
        return
    for instance in claim.on or tight_instances(claim):
        try:
            found = realised(instance, claim, title, families, settings)
            if not found:
                raise NotApplicable("none of its parameter points lies in the condition")
            with lacking(settings):
                evidence = _on_instance(claim, title, repr(instance), found, settings)
            yield verdict_of(title, claim, repr(instance), evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, repr(instance), str(reason))
    for member in () if claim.on else members(families, settings):
        try:
            found = distinct_points(settings_on(claim, title, member, settings, claim.assumptions))
            with Noted(f"on problem {member.name}"), lacking(settings):
                evidence = _around(claim, title, member.name, found, settings)
            yield verdict_of(title, claim, member.name, evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, member.name, str(reason))


def _on_instance(claim: StepInequality, title: str, name: str, found: list[Setting], settings: Settings) -> list[Evidence]:
    """From the declared start, exactly where it is rational; where that says nothing against the claim, also what a search around it says against it."""
    exact = [judged_at(claim, setting) for setting in found]
    if any(e.result.violated.any() for e in exact):
        return exact
    against = [e for e in _around(claim, title, name, distinct_points(found), settings) if e.result.violated.any() or (e.result.broke >= 0).any()]
    return [*against, *exact]


def _around(claim: StepInequality, title: str, name: str, found: list[Setting], settings: Settings) -> list[Evidence]:
    seeds = {id(setting): stream(settings.seed, title, claim.name, name, number) for number, setting in enumerate(found)}
    evidence: dict[int, Evidence] = {}
    for batch in batches(found):
        own = [id(setting) for setting in batch.settings]
        evidence.update(zip(own, _together(claim, batch, STATES // len(found), [seeds[i] for i in own]), strict=True))
    return [evidence[id(setting)] for setting in found]


def _together(claim: StepInequality, batch: Batch, budget: int, seeds: list[np.random.SeedSequence]) -> list[Evidence]:
    """All settings in one search; one after the other where that raises.

    A function of the claim that was written for numbers may refuse arrays of them. Whatever else is wrong is raised again.
    """
    if len(seeds) > 1:
        with suppress(TypeError, ValueError, IndexError, AttributeError):
            return searched(claim, batch, budget, seeds)
    return [searched(claim, batch_of([setting], FLOAT64), budget, [seed])[0] for setting, seed in zip(batch.settings, seeds, strict=True)]


def judged_at(claim: StepInequality, setting: Setting, state: Any = None) -> Evidence:
    """The claim at one state (of floats, as a search found it; else the initial one), in rationals where it has them."""
    for arithmetic, source in ((RATIONAL, Source.RATIONAL), (FLOAT64, Source.DETERMINISTIC)):
        try:
            update = Update.on(claim, batch_of([setting], arithmetic))
            result = update.compared(update.initial() if state is None else frozen(cast(state, arithmetic)), SETTLED)
        except BadInput:
            raise
        except (Unsupported, ValueError, TypeError, ArithmeticError) as reason:
            if arithmetic is FLOAT64:
                raise NotApplicable(str(reason)) from reason
            continue
        return Evidence((setting,), result, source)
    raise AssertionError("the float arithmetic answers or raises")


class Found(NamedTuple):
    """A state of each setting, (settings, entries), what the claim is there, and what that gains, (settings,)."""

    gain: Array
    result: Comparison
    rows: Array

    def of(self, number: int) -> Found:
        """That of one setting."""
        return Found(self.gain[[number]], self.result.of(np.array([number])), self.rows[[number]])


def searched(claim: StepInequality, batch: Batch, budget: int, seeds: list[np.random.SeedSequence]) -> list[Evidence]:
    """The worst of many states of each setting: generated around its start and its memory at distances over six decades, then moved towards larger ratios.

    The states of all settings are one array, for a call costs little more on thousands of them than on a few. Raises Unsupported where the claim's functions
    do not take that.
    """
    streams = [np.random.default_rng(seed) for seed in seeds]
    one = Update.on(claim, batch)
    count = max(FEWEST, budget // (ROUNDS * max(1, one.draws.size() or 1)))
    kept = max(1, count // KEPT)
    update, around = one.of(np.repeat(one.owner, count)), Surroundings(one.initial(), start_sizes(batch.x0))
    rows = _first_rows(update, around, streams)
    if len(seeds) > 1 and not takes_arrays(claim, batch, around, rows):
        raise Unsupported("a function of the claim takes the parameters of one setting alone")
    found: list[Found] = []                                    # the worst of each setting, and the first after which nothing is known
    for _ in range(ROUNDS):
        result = _on_rows(update, around, rows)
        gain, broke = _gain(result, claim.relation).reshape(rows.shape[:2]), (result.broke >= 0).reshape(rows.shape[:2])
        new = [_largest(by, result, rows) for by in (gain, broke)]
        found = [_larger(*both) for both in zip(found, new, strict=True)] if found else new
        order = np.argsort(-gain, axis=1)[:, :kept]
        chosen = np.take_along_axis(rows, order[:, np.arange(count) % kept, None], axis=1)
        rows = np.concatenate([chosen[:, :kept], around.around(chosen[:, kept:], streams)], axis=1)
    worst, lost = found
    return [_evidence(claim, setting, around, worst.of(number), lost.of(number), f"{count * ROUNDS} states") for number, setting in enumerate(batch.settings)]


def _first_rows(update: Update, around: Surroundings, streams: list[np.random.Generator]) -> Array:
    starts, count = update.batch.x0, len(update.owner) // len(streams)
    x0 = points_around(starts, count, streams).reshape(-1, *starts.shape[1:])
    rows = flattened(update.algorithm.init(frozen(x0), update.batch.case.problem)).astype(float).reshape(len(streams), count, -1)
    rows[:, 0] = around.base[:, 0]                             # with what the start prescribes of the memory
    return around.with_memory(rows, streams)


def _largest(gain: Array, result: Comparison, rows: Array) -> Found:
    """The row of each setting that gains most, (settings, count)."""
    at = np.argmax(gain, axis=1) + gain.shape[1] * np.arange(len(gain))
    return Found(gain.reshape(-1)[at], result.of(at), rows.reshape(-1, rows.shape[2])[at])


def _larger(old: Found, new: Found) -> Found:
    """The new ones where they gain more."""
    more = np.flatnonzero(new.gain > old.gain)
    return Found(np.maximum(old.gain, new.gain), old.result.with_cases(more, new.result.of(more)), np.where((new.gain > old.gain)[:, None], new.rows, old.rows))


def _on_rows(update: Update, around: Surroundings, rows: Array) -> Comparison:
    """The claim at all rows; where it seems violated, above the rounding of more tries."""
    result = update.compared(frozen(around.state(rows)), 1)
    seems = np.flatnonzero(result.violated[0])
    if not len(seems):
        return result
    return result.with_cases(seems, update.of(update.owner[seems]).compared(frozen(around.state(rows.reshape(-1, rows.shape[2])[seems])), SEARCHED))


def _evidence(claim: StepInequality, setting: Setting, around: Surroundings, worst: Found, lost: Found, note: str) -> Evidence:
    """Of one setting: its worst state; where that violates nothing, a state after which nothing is known, if there is one."""
    settled = _settled(claim, setting, worst.result, around.state(worst.rows), note)
    return settled if settled.result.violated.any() or not lost.gain.any() else Evidence((_at(setting, around.state(lost.rows)),), lost.result, Source.SEARCH, note)


def _at(setting: Setting, state: Any) -> Setting:
    """The setting with a state as its start, so that a witness tells it."""
    return replace(setting, start=replace(setting.start, name=told(state)))


def _settled(claim: StepInequality, setting: Setting, result: Comparison, state: Any, note: str) -> Evidence:
    """A violation in floats, judged again at the same state, in rationals where the claim has them, else above its rounding: a search finds the worst of that too.

    The one kept violates by the largest share of its sides, so that what is rounding there is rounding everywhere.
    """
    found = Evidence((_at(setting, state),), result, Source.SEARCH, note)
    if not result.violated.any():
        return found
    exact = judged_at(claim, found.settings[0], state)
    again = "in rationals" if exact.source is Source.RATIONAL else "above its rounding"
    return replace(exact, source=Source.SEARCH if exact.source is not Source.RATIONAL else exact.source, note=f"{note}; the worst again {again}")


def _gain(result: Comparison, relation: Relation) -> Array:
    ratio = result.ratio[0].astype(float)
    far = np.abs(ratio - 1) if relation is Relation.EQUAL else ratio
    measured, bound = result.measured[0].astype(float), result.bound[0].astype(float)
    with np.errstate(all="ignore"):
        excess = np.nan_to_num(np.abs(measured - bound) / np.maximum(np.abs(measured), np.abs(bound)), nan=1.0)     # nan: an infinite side
    return np.where(result.violated[0], 1e300 * (1 + excess), np.nan_to_num(far, nan=-1.0, posinf=1e300))
