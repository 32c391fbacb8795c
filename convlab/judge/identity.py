"""Judging an Identity: two programs on every input, with == where the input is rational."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.errors import Noted
from convlab.judge.compare import compared
from convlab.judge.rate import members
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family
from convlab.run.bind import Binder
from convlab.run.cases import Batch, NotApplicable, Setting, batch_of, realised, settings_on
from convlab.run.engine import initial_state, is_random, steps
from convlab.run.frozen import frozen
from convlab.run.settings import Settings
from convlab.theorem import Identity, Relation, Source, Trajectory

AGREE = 1e-9 / (64 * np.finfo(float).eps)     # in units of the resolution of one update: nine digits of the larger side


def judge_identity(title: str, claim: Identity, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem, or a declared instance."""
    sources: list[tuple[str, Any]] = [(repr(i), lambda i=i: realised(i, claim, title, families, settings)) for i in claim.on]
    if not claim.on:
        sources = [(m.name, lambda m=m: settings_on(claim, title, m, settings, claim.assumptions)) for m in members(families, settings)]
    for name, found in sources:
        try:
            with Noted(f"on problem {name}"):
                evidence = [evidence_on(claim, setting) for setting in found()]
            if not evidence:
                raise NotApplicable("none of its parameter points lies in the condition")
            yield verdict_of(title, claim, name, evidence, settings)
        except (NotApplicable, Unsupported, Inexact) as reason:
            yield Skipped(title, claim.name, name, str(reason))


def evidence_on(claim: Identity, setting: Setting) -> Evidence:
    """Both programs on one input: in rationals, else in float64."""
    try:
        return _evidence(claim, setting, RATIONAL)
    except (Unsupported, ValueError, TypeError, ArithmeticError):
        return _evidence(claim, setting, FLOAT64)


def _evidence(claim: Identity, setting: Setting, arithmetic: Arithmetic) -> Evidence:
    batch = batch_of([setting], arithmetic)
    left, right = program(claim.left, batch), program(claim.right, batch)
    count = max(len(left), len(right))
    left, right = (np.broadcast_to(v, (count, *v.shape[1:]))[:, None] for v in (left, right))
    exact = arithmetic.eps == 0 and left.dtype == object and right.dtype == object
    along = isinstance(claim.left, Trajectory) or isinstance(claim.right, Trajectory)
    k = np.arange(count) if along else np.ones(count, dtype=int)      # programs of a case alone know no iteration: nothing of theirs is a start
    if exact:
        return Evidence((setting,), compared(k, left, right, None, Relation.EQUAL, 0.0), Source.RATIONAL)
    left, right = left.astype(float), right.astype(float)
    size = np.maximum(np.abs(left), np.abs(right)).max(initial=0.0)
    floor = np.full((count, 1), 1e-9 * size)             # nine digits of the largest entry: cancelling entries carry the rounding of the others
    result = compared(np.zeros(count, dtype=int), left, right, floor, Relation.EQUAL, AGREE * FLOAT64.eps)
    lost = np.isnan(np.where(np.isnan(left), left, right)).reshape(count, -1).any(axis=1)      # on either side: nothing equals what is no number
    broke = np.array([k[np.argmax(lost)] if lost.any() else -1])
    return Evidence((setting,), replace(result, k=k, broke=broke, diverged=result.diverged & (broke < 0)), Source.DETERMINISTIC)


def program(declared: Any, batch: Batch) -> Array:
    """What a program gives, the leading axis counting iterations (or entries)."""
    if not isinstance(declared, Trajectory):
        value = np.asarray(declared(batch.case))
        return value.reshape(-1) if value.ndim != 1 else value
    if is_random(declared.algorithm):
        raise Unsupported("a trajectory of a random algorithm is not one input")
    binder = Binder(declared.algorithm, batch.values, batch.x0.ndim, declared.steps, batch.arithmetic)
    state, algorithms = frozen(initial_state(binder, batch)), steps(binder)
    seen = [declared.read(state, batch.case)]
    for _ in range(declared.steps):
        state = frozen(next(algorithms).step(state, batch.case.problem))
        seen.append(declared.read(state, batch.case))
    return np.stack([np.asarray(v).reshape(-1) for v in seen])
