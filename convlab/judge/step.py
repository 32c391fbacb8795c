"""Judging a StepInequality: one update from any state; states from a generator and from search."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic
from convlab.constants import Array
from convlab.judge.compare import Comparison, compared
from convlab.judge.rate import members
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family
from convlab.run.bind import Binder
from convlab.run.cases import Batch, NotApplicable, Setting, batch_of, distinct_points, realised, settings_on, stream
from convlab.run.engine import flattened, is_random, unflattened
from convlab.run.recorder import ROUNDINGS
from convlab.run.settings import Settings
from convlab.theorem import Relation, Source, StepInequality, tight_instances

GENERATED = 512        # states tried around each start, at distances over six decades
ROUNDS = 20            # of search: each keeps the worst states and moves around them
KEPT = 32
SEARCHED = 3           # tries at the rounding of each of many states, where some seem to violate the claim
SETTLED = 16           # and of one that seems to violate the claim


def judge_step(title: str, claim: StepInequality, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem; declared instances in rationals from their start, and by search around it."""
    if is_random(claim.algorithm):
        yield Skipped(title, claim.name, "", "a step inequality speaks of one certain update; this algorithm draws")
        return
    for instance in claim.on or tight_instances(claim):
        try:
            found = realised(instance, claim, title, families, settings)
            if not found:
                raise NotApplicable("none of its parameter points lies in the condition")
            yield verdict_of(title, claim, repr(instance), [_from_start(claim, s) for s in found], settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, repr(instance), str(reason))
    for member in () if claim.on else members(families, settings):
        try:
            found = distinct_points(settings_on(claim, title, member, settings, claim.assumptions))
            evidence = [searched(claim, setting, stream(settings.seed, title, claim.name, member.name, i)) for i, setting in enumerate(found)]
            yield verdict_of(title, claim, member.name, evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, member.name, str(reason))


def _from_start(claim: StepInequality, setting: Setting) -> Evidence:
    for arithmetic, source in ((RATIONAL, Source.RATIONAL), (FLOAT64, Source.DETERMINISTIC)):
        try:
            batch = batch_of([setting], arithmetic)
            binder = Binder(claim.algorithm, batch.values, batch.x0.ndim, 1, arithmetic)
            state = binder.at(0).init(batch.x0, batch.case.problem)
            result = one_step(claim, binder, batch, state, arithmetic, SETTLED)
        except (Unsupported, ValueError, TypeError, ArithmeticError) as reason:
            if arithmetic is FLOAT64:
                raise NotApplicable(str(reason)) from reason
            continue
        return Evidence((setting,), result, source)
    raise AssertionError("the float arithmetic answers or raises")


def one_step(claim: StepInequality, binder: Binder, batch: Batch, state: Any, arithmetic: Arithmetic, tries: int) -> Comparison:
    """The claim on a batch of states, kept apart as checkpoints so that the worst state is found: (1, states)."""
    algorithm = binder.at(0)
    with np.errstate(all="ignore"):
        after = algorithm.step(state, batch.case.problem)
        measured, bound = np.asarray(claim.after(after, batch.case)), np.asarray(claim.bound(state, batch.case))
        selected = np.ones(len(measured), dtype=bool) if claim.where is None else np.asarray(claim.where(state, batch.case), dtype=bool)
    if measured.dtype == object:
        measured, bound = (np.array([v if s else None for v, s in zip(x, selected, strict=True)], dtype=object) for x in (measured, bound))
        return compared(np.array([1]), measured[None], bound[None], None, claim.relation, 0.0)
    floor = _floor(claim, algorithm, batch, state, after, bound, tries)
    lost = selected & np.isnan(measured.astype(float)).reshape(len(measured), -1).any(axis=1)
    cells = selected.reshape((-1,) + (1,) * (measured.ndim - 1))
    measured, bound = np.where(cells, measured, np.nan), np.where(cells, bound, np.nan)
    result = compared(np.array([1]), measured[None], bound[None], floor[None], claim.relation, arithmetic.eps)
    return replace(result, broke=np.where(lost, 1, result.broke), diverged=result.diverged & ~lost)      # of selected states, unlike of the others, nan is news


def _floor(claim: StepInequality, algorithm: Any, batch: Batch, state: Any, after: Any, bound: Array, tries: int) -> Array:
    """Rounding of both sides: what they change by when every state moves by its resolution (that of the larger of both, from which the update was made).

    A side whose terms cancel (f(x) - gamma |g|^2/2) hardly moves, but is rounded anew at each try: the largest change of several tells how much.
    """
    def moved(value: Any, number: int) -> Any:
        flat = flattened(value)
        signs = 1 - 2 * ((np.arange(flat.shape[1]) >> (number // 4)) + number) % 2 if number else 1 - 2 * (np.arange(flat.shape[1]) % 2)
        return unflattened(flat + ROUNDINGS * FLOAT64.eps * (1 + number % 4 / 4) * size * signs, value)

    size = np.maximum(*(np.abs(flattened(value)).max(axis=1, keepdims=True) for value in (state, after)))
    here = np.asarray(claim.after(after, batch.case))
    with np.errstate(all="ignore"):
        left = np.max([np.abs(np.asarray(claim.after(moved(after, i), batch.case)) - here) for i in range(tries)], axis=0)
        right = np.max([np.abs(np.asarray(claim.bound(moved(state, i), batch.case)) - bound) for i in range(tries)], axis=0)
    return np.asarray(np.nan_to_num(2 * (left + right)))


def searched(claim: StepInequality, setting: Setting, seed: np.random.SeedSequence) -> Evidence:
    """The worst of many states: generated around the start at distances over six decades, then moved towards larger ratios."""
    rng = np.random.default_rng(seed)
    size = max(1e-3, float(np.abs(FLOAT64.array(np.asarray(setting.start.point))).max()))
    base = FLOAT64.array(np.asarray(setting.start.point))
    points = base + size * 10 ** rng.uniform(-4, 2, size=(GENERATED,) + (1,) * base.ndim) * rng.standard_normal((GENERATED, *base.shape))
    points[0] = base
    note = f"{GENERATED * ROUNDS} states"
    best: tuple[float, Evidence] | None = None
    lost: Evidence | None = None
    for _ in range(ROUNDS):
        result = _on_points(claim, setting, points)
        gain = _gain(result, claim.relation)
        order = np.argsort(-gain)[:KEPT]
        worst = int(order[0])
        if best is None or gain[worst] > best[0]:
            best = float(gain[worst]), _at_state(setting, result, points, worst, note)
        if lost is None and (result.broke >= 0).any():
            lost = _at_state(setting, result, points, int(np.argmax(result.broke)), note)
        chosen = points[np.resize(order, GENERATED)]
        scale = np.abs(chosen - base).max(axis=tuple(range(1, chosen.ndim)), keepdims=True) + 1e-3 * size
        points = chosen + scale * 10 ** rng.uniform(-4, 0, size=(GENERATED,) + (1,) * base.ndim) * rng.standard_normal(chosen.shape)
        points[:KEPT] = chosen[:KEPT]
    assert best is not None
    settled = _settled(claim, best[1])
    return settled if lost is None or settled.result.violated.any() else lost


def _at_state(setting: Setting, result: Comparison, points: Array, worst: int, note: str) -> Evidence:
    """The evidence of one of the states, as its own start."""
    start = replace(setting.start, name=f"x = {np.array2string(points[worst], precision=6)}", point=points[worst])
    return Evidence((replace(setting, start=start),), _only(result, worst), Source.SEARCH, note)


def _settled(claim: StepInequality, found: Evidence) -> Evidence:
    """A violation in floats, judged again at the same state, in rationals where the claim has them, else above its rounding: a search finds the worst of that too.

    The one kept violates by the largest share of its sides, so that what is rounding there is rounding everywhere.
    """
    if not found.result.violated.any():
        return found
    exact = _from_start(claim, found.settings[0])
    again = "in rationals" if exact.source is Source.RATIONAL else "above its rounding"
    return replace(exact, source=Source.SEARCH if exact.source is not Source.RATIONAL else exact.source, note=f"{found.note}; the worst again {again}")


def _on_points(claim: StepInequality, setting: Setting, points: Array) -> Comparison:
    single = batch_of([setting], FLOAT64)
    batch = replace(single, x0=points)
    binder = Binder(claim.algorithm, batch.values, points.ndim, 1, FLOAT64)
    state = binder.at(0).init(points, batch.case.problem)
    result = one_step(claim, binder, batch, state, FLOAT64, 1)
    return one_step(claim, binder, batch, state, FLOAT64, SEARCHED) if result.violated.any() else result


def _gain(result: Comparison, relation: Relation) -> Array:
    ratio = result.ratio[0].astype(float)
    far = np.abs(ratio - 1) if relation is Relation.EQUAL else ratio
    measured, bound = result.measured[0].astype(float), result.bound[0].astype(float)
    with np.errstate(all="ignore"):
        excess = np.nan_to_num(np.abs(measured - bound) / np.maximum(np.abs(measured), np.abs(bound)), nan=1.0)     # nan: an infinite side
    return np.where(result.violated[0], 1e300 * (1 + excess), np.nan_to_num(far, nan=-1.0, posinf=1e300))


def _only(result: Comparison, case: int) -> Comparison:
    pick = slice(case, case + 1)
    return Comparison(result.k, result.ratio[:, pick], result.violated[:, pick], result.measured[:, pick], result.bound[:, pick],
                      result.broke[pick], result.diverged[pick])
