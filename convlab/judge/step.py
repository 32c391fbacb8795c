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
from convlab.run.engine import flattened, unflattened
from convlab.run.recorder import ROUNDINGS
from convlab.run.settings import Settings
from convlab.theorem import Relation, Source, StepInequality, tight_instances

GENERATED = 512        # states tried around each start, at distances over six decades
ROUNDS = 20            # of search: each keeps the worst states and moves around them
KEPT = 32


def judge_step(title: str, claim: StepInequality, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem; declared instances in rationals from their start, and by search around it."""
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
            result = one_step(claim, binder, batch, state, arithmetic)
        except (Unsupported, ValueError, TypeError, ArithmeticError) as reason:
            if arithmetic is FLOAT64:
                raise NotApplicable(str(reason)) from reason
            continue
        return Evidence((setting,), result, source)
    raise AssertionError("the float arithmetic answers or raises")


def one_step(claim: StepInequality, binder: Binder, batch: Batch, state: Any, arithmetic: Arithmetic) -> Comparison:
    """The claim on a batch of states, kept apart as checkpoints so that the worst state is found: (1, states)."""
    algorithm = binder.at(0)
    with np.errstate(all="ignore"):
        after = algorithm.step(state, batch.case.problem)
        measured, bound = np.asarray(claim.after(after, batch.case)), np.asarray(claim.bound(state, batch.case))
        selected = np.ones(len(measured), dtype=bool) if claim.where is None else np.asarray(claim.where(state, batch.case), dtype=bool)
    if measured.dtype == object:
        measured, bound = (np.array([v if s else None for v, s in zip(x, selected, strict=True)], dtype=object) for x in (measured, bound))
        return compared(np.array([1]), measured[None], bound[None], None, claim.relation, 0.0)
    floor = _floor(claim, algorithm, batch, state, after, bound)
    measured, bound = np.where(selected, measured, np.nan), np.where(selected, bound, np.nan)
    return compared(np.array([1]), measured[None], bound[None], floor[None], claim.relation, arithmetic.eps)


def _floor(claim: StepInequality, algorithm: Any, batch: Batch, state: Any, after: Any, bound: Array) -> Array:
    """Rounding of both sides: what they change by when every state moves by its resolution."""
    def moved(value: Any) -> Any:
        flat = flattened(value)
        size = np.abs(flat).max(axis=1, keepdims=True)
        return unflattened(flat + ROUNDINGS * FLOAT64.eps * size * (1 - 2 * (np.arange(flat.shape[1]) % 2)), value)

    with np.errstate(all="ignore"):
        left = np.abs(np.asarray(claim.after(moved(after), batch.case)) - np.asarray(claim.after(after, batch.case)))
        right = np.abs(np.asarray(claim.bound(moved(state), batch.case)) - bound)
    return np.nan_to_num(2 * (left + right))


def searched(claim: StepInequality, setting: Setting, seed: np.random.SeedSequence) -> Evidence:
    """The worst of many states: generated around the start at distances over six decades, then moved towards larger ratios."""
    rng = np.random.default_rng(seed)
    size = max(1e-3, float(np.abs(FLOAT64.array(np.asarray(setting.start.point))).max()))
    base = FLOAT64.array(np.asarray(setting.start.point))
    points = base + size * 10 ** rng.uniform(-4, 2, size=(GENERATED,) + (1,) * base.ndim) * rng.standard_normal((GENERATED, *base.shape))
    points[0] = base
    best: tuple[float, Comparison, Setting] | None = None
    for _ in range(ROUNDS):
        result = _on_points(claim, setting, points)
        gain = _gain(result, claim.relation)
        order = np.argsort(-gain)[:KEPT]
        if best is None or gain[order[0]] > best[0]:
            worst = int(order[0])
            moved = replace(setting, start=replace(setting.start, name=f"x = {np.array2string(points[worst], precision=6)}", point=points[worst]))
            best = (float(gain[worst]), _only(result, worst), moved)
        chosen = points[np.resize(order, GENERATED)]
        scale = np.abs(chosen - base).max(axis=tuple(range(1, chosen.ndim)), keepdims=True) + 1e-3 * size
        points = chosen + scale * 10 ** rng.uniform(-4, 0, size=(GENERATED,) + (1,) * base.ndim) * rng.standard_normal(chosen.shape)
        points[:KEPT] = chosen[:KEPT]
    assert best is not None
    return _settled(claim, Evidence((best[2],), best[1], Source.SEARCH, f"{GENERATED * ROUNDS} states"))


def _settled(claim: StepInequality, found: Evidence) -> Evidence:
    """A violation in floats, judged again at the same state in rationals where the claim has them: a search finds the worst rounding too.

    The one kept violates by the largest share of its sides, so that what is rounding there is rounding everywhere.
    """
    if not found.result.violated.any():
        return found
    exact = _from_start(claim, found.settings[0])
    return replace(exact, note=f"{found.note}; the worst again in rationals") if exact.source is Source.RATIONAL else found


def _on_points(claim: StepInequality, setting: Setting, points: Array) -> Comparison:
    single = batch_of([setting], FLOAT64)
    batch = replace(single, x0=points)
    binder = Binder(claim.algorithm, batch.values, points.ndim, 1, FLOAT64)
    state = binder.at(0).init(points, batch.case.problem)
    return one_step(claim, binder, batch, state, FLOAT64)


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
