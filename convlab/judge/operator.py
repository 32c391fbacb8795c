"""Judging an OperatorConstant: expectations over all draws of the map, the worst input by search, equality where it is claimed to be attained."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic
from convlab.constants import Array
from convlab.draws import Draws
from convlab.errors import BadInput, Noted
from convlab.judge.compare import Comparison, compared
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Start
from convlab.run.bind import Binder
from convlab.run.cases import NotApplicable, Setting, stream
from convlab.run.expressions import evaluate
from convlab.run.frozen import frozen
from convlab.run.points import holds
from convlab.run.recorder import ROUNDINGS
from convlab.run.settings import Settings
from convlab.theorem import OperatorConstant, Relation, Source

ROUNDS = 60
KEPT = 24
MOVED = 256
JUDGED_AGAIN = 8       # inputs that seem to violate the claim in floats, judged again in rationals: the worst of them
TRIES = 8              # directions in which an input is moved by its rounding, where there are no rationals


def judge_operator(title: str, claim: OperatorConstant, settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict for each choice of sizes, and one for the inputs at which the constant is said to be attained."""
    for sizes in claim.sizes:
        name = ", ".join(f"{s} = {v}" for s, v in sizes.items())
        try:
            if not holds(claim.condition, sizes):
                raise NotApplicable("these sizes lie outside the condition")
            with Noted(f"at {name}"):
                evidence = [_on_inputs(claim, sizes, stream(settings.seed, title, claim.name, name))]
            yield verdict_of(title, claim, name, evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, name, str(reason))
    for sizes, x in claim.attained:
        name = f"attained at {np.array2string(np.asarray(x, dtype=float), precision=4, threshold=12)}".replace("\n", "")
        yield verdict_of(title, claim, name, [evidence_at(claim, sizes, np.asarray(x)[None], "the declared input")], settings)


def _on_inputs(claim: OperatorConstant, sizes: Mapping[Any, Any], seed: np.random.SeedSequence) -> Evidence:
    rng = np.random.default_rng(seed)
    generated = claim.inputs(rng, sizes)
    if claim.relation is not Relation.AT_MOST or not claim.search:
        return evidence_at(claim, sizes, generated, f"{len(generated)} inputs")
    return searched(claim, sizes, FLOAT64.array(generated), rng)


def evidence_at(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, note: str) -> Evidence:
    """The claim at given inputs, in rationals where they are rational."""
    exact = exact_evidence(claim, sizes, x, note) if x.dtype == object else None
    if exact is not None:
        return exact
    error, scale = expectations(claim, sizes, FLOAT64.array(x), FLOAT64)
    return _settled(claim, sizes, x, _evidence(claim, sizes, x, error, scale, FLOAT64, _float_source(claim, sizes, x), note))


def exact_evidence(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, note: str) -> Evidence | None:
    """The claim at these very inputs in rationals; None where the operator or a side of the claim leaves them."""
    try:
        error, scale = expectations(claim, sizes, RATIONAL.array(x), RATIONAL)
    except BadInput:
        raise
    except (Unsupported, ValueError, TypeError, ArithmeticError):
        return None
    return _evidence(claim, sizes, x, error, scale, RATIONAL, Source.RATIONAL, note) if error.dtype == object else None


def _float_source(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array) -> Source:
    return Source.ENUMERATION if len(draws_of(bound_operator(claim, sizes, FLOAT64), FLOAT64.array(x))) else Source.DETERMINISTIC


def bound_operator(claim: OperatorConstant, sizes: Mapping[Any, Any], arithmetic: Arithmetic) -> Any:
    """The operator with its sizes put in."""
    return Binder(claim.operator, sizes, 1, 1, arithmetic).at(0)


def draws_of(operator: Any, x: Array) -> Draws:
    """What the operator draws (nothing where it declares nothing)."""
    declared: Draws = operator.draws(x) if hasattr(operator, "draws") else Draws()
    return declared


def expectations(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, arithmetic: Arithmetic) -> tuple[Array, Array]:
    """E error(x, C(x)) over all draws, and scale(x)."""
    operator, x = bound_operator(claim, sizes, arithmetic), frozen(x[...])
    draws = draws_of(operator, x)
    total: Any = None
    if not len(draws):
        total = claim.error(x, operator(x, None), sizes)
    else:
        for draw, weight in draws.branches(len(x), x):
            error = claim.error(x, operator(x, draw), sizes)
            mass = arithmetic.number(weight) if getattr(weight, "ndim", 0) == 0 else arithmetic.array(weight).reshape((-1,) + (1,) * (error.ndim - 1))
            total = mass * error if total is None else total + mass * error
    return np.asarray(total), np.asarray(claim.scale(x, sizes))


def _evidence(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, error: Array, scale: Array, arithmetic: Arithmetic, source: Source, note: str) -> Evidence:
    constant = evaluate(claim.bound, sizes)
    limit = (arithmetic.number(constant) if arithmetic is FLOAT64 else constant) * scale
    floor = _floor(claim.relation, FLOAT64.array(x), limit)[None] if arithmetic is FLOAT64 else None
    result = _result(claim, error, limit, floor, arithmetic.eps)
    return Evidence(tuple(Setting(None, "", Start(_told(v), v), dict(sizes), {}) for v in x), result, source, note)


def _result(claim: OperatorConstant, error: Array, limit: Array, floor: Array | None, eps: float) -> Comparison:
    result = compared(np.array([1]), error[None], limit[None], floor, claim.relation, eps)
    if error.dtype == object:
        return result
    lost = np.isnan(error.astype(float)).reshape(len(error), -1).any(axis=1)                  # no error is not a small one
    return replace(result, broke=np.where(lost, 1, result.broke), diverged=result.diverged & ~lost)


def _settled(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, found: Evidence) -> Evidence:
    """What seems violated in floats, or is too small to judge in them: in rationals at the very inputs, else above the rounding of each.

    An infinite error stays what it is.
    """
    if found.source is Source.RATIONAL:
        return found
    violated, ratio = found.result.violated[0], found.result.ratio[0].astype(float)
    doubtful = violated if violated.any() else np.full(len(ratio), np.isnan(ratio).all() and (found.result.broke < 0).all())
    if not doubtful.any() or np.isinf(found.result.measured[0][violated].astype(float)).any():
        return found
    worst = np.flatnonzero(doubtful)[np.argsort(-np.abs(ratio[doubtful] - 1))][:JUDGED_AGAIN]
    exact = exact_evidence(claim, sizes, x[worst], f"{found.note}; the worst again in rationals")
    if exact is None:
        return _above_rounding(claim, sizes, x, found) if violated.any() else found
    if exact.result.violated.any():
        return exact
    result = replace(found.result, violated=np.zeros_like(found.result.violated), ratio=np.where(found.result.violated, np.nan, found.result.ratio))
    return _joined(replace(found, result=result), exact)


def _joined(floats: Evidence, exact: Evidence) -> Evidence:
    """Of an input judged in both ways only the exact verdict; of several also the others."""
    return exact if len(floats.settings) == len(exact.settings) else replace(floats, note=exact.note)


def _above_rounding(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, found: Evidence) -> Evidence:
    values = FLOAT64.array(x)
    error, scale = expectations(claim, sizes, values, FLOAT64)
    limit = FLOAT64.number(evaluate(claim.bound, sizes)) * scale
    result = _result(claim, error, limit, rounding(claim, sizes, values, error, scale, TRIES)[None], FLOAT64.eps)
    return replace(found, result=result, note=f"{found.note}; the worst again above its rounding")


def rounding(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, error: Array, scale: Array, tries: int) -> Array:
    """What error - bound * scale changes by when an input moves by its rounding, (inputs, ...): several directions, since one may be at a right angle to it."""
    constant = float(evaluate(claim.bound, sizes))
    rng = np.random.default_rng(0)                             # the directions are part of the definition, not of the experiment
    size = np.abs(x).reshape(len(x), -1).max(axis=1).reshape((-1,) + (1,) * (x.ndim - 1))
    changes = []
    with np.errstate(all="ignore"):
        for _ in range(tries):
            moved, limit = expectations(claim, sizes, x + ROUNDINGS * FLOAT64.eps * size * rng.choice((-1.0, 1.0), size=x.shape), FLOAT64)
            changes.append(np.abs(moved - error) + constant * np.abs(limit - scale))
        return np.asarray(2 * np.nan_to_num(np.max(changes, axis=0), nan=0.0, posinf=0.0))


def _floor(relation: Relation, x: Array, limit: Array) -> Array:
    """Rounding of sums over the input's entries: of their squares for inequalities (quadratic errors), of themselves for equalities (also of means)."""
    largest = np.abs(x).reshape(len(x), -1).max(axis=1)
    rounding = 64 * FLOAT64.eps                                  # some dozens of operations
    if relation is Relation.EQUAL:
        return rounding * np.maximum(largest, np.abs(limit).reshape(len(x), -1).max(axis=1))
    return rounding * (largest * FLOAT64.eps) ** 2


def _told(x: Array) -> str:
    return f"x = {np.array2string(np.asarray(x, dtype=float), precision=6, threshold=40)}".replace("\n", "")


def searched(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, rng: np.random.Generator) -> Evidence:
    """The worst input: a population that moves around its worst members, one coordinate block or all of them at a time."""
    best: Evidence | None = None
    lost: Evidence | None = None
    best_gain = -np.inf
    tried = 0
    for _ in range(ROUNDS):
        error, scale = expectations(claim, sizes, x, FLOAT64)
        gain = _gains(claim, sizes, x, error, scale)
        tried += len(x)
        if lost is None and (nan := np.isnan(error).reshape(len(x), -1).any(axis=1)).any():
            lost = _evidence(claim, sizes, x[nan][:1], error[nan][:1], scale[nan][:1], FLOAT64, Source.SEARCH, "")
        order = np.argsort(-gain)[:KEPT]
        if gain[order[0]] > best_gain:
            best_gain = float(gain[order[0]])
            worst = x[order[:1]]
            told = f"the worst {best_gain:.6g} of a claimed {float(evaluate(claim.bound, sizes)):.6g}"
            best = _evidence(claim, sizes, worst, error[order[:1]], scale[order[:1]], FLOAT64, Source.SEARCH, told)
        chosen = x[np.resize(order, MOVED)]
        spread = np.abs(chosen).max(axis=tuple(range(1, chosen.ndim)), keepdims=True) * 10 ** rng.uniform(-6, 0.5, size=(MOVED,) + (1,) * (chosen.ndim - 1))
        mask = rng.random(chosen.shape) < rng.choice((0.15, 0.5, 1.0), size=(MOVED,) + (1,) * (chosen.ndim - 1))
        x = np.concatenate([x[order], chosen + spread * mask * rng.standard_normal(chosen.shape)])
    assert best is not None
    settled = _settled(claim, sizes, worst, replace(best, note=f"{tried} inputs searched, {best.note}"))
    return settled if lost is None or settled.result.violated.any() else replace(lost, note=settled.note)


def _gains(claim: OperatorConstant, sizes: Mapping[Any, Any], x: Array, error: Array, scale: Array) -> Array:
    """error/scale, the largest of all components; less its rounding where some input seems to violate the claim: a search finds the worst of that too."""
    constant = float(evaluate(claim.bound, sizes))
    sure = error - rounding(claim, sizes, x, error, scale, 1) if (error > constant * scale).any() else error
    with np.errstate(all="ignore"):
        gain = np.where(scale > 0, sure / scale, np.where(sure > 0, np.inf, -1.0))
    return np.asarray(np.nan_to_num(gain, nan=-1.0, posinf=np.inf).reshape(len(x), -1).max(axis=1))
