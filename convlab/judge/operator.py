"""Judging an OperatorConstant: expectations over all draws of the map, the worst input by search, equality where it is claimed to be attained."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic
from convlab.constants import Array
from convlab.draws import Draws
from convlab.judge.compare import compared
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Start
from convlab.run.bind import Binder
from convlab.run.cases import NotApplicable, Setting, stream
from convlab.run.expressions import evaluate
from convlab.run.frozen import frozen
from convlab.run.points import holds
from convlab.run.settings import Settings
from convlab.theorem import OperatorConstant, Relation, Source

ROUNDS = 60
KEPT = 24
MOVED = 256


def judge_operator(title: str, claim: OperatorConstant, settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict for each choice of sizes, and one for the inputs at which the constant is said to be attained."""
    for sizes in claim.sizes:
        name = ", ".join(f"{s} = {v}" for s, v in sizes.items())
        try:
            if not holds(claim.condition, sizes):
                raise NotApplicable("these sizes lie outside the condition")
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
    for arithmetic, source in ((RATIONAL, Source.RATIONAL), (FLOAT64, _float_source(claim, sizes, x))):
        if arithmetic is RATIONAL and x.dtype != object:
            continue
        try:
            error, scale = expectations(claim, sizes, arithmetic.array(x), arithmetic)
            return _evidence(claim, sizes, x, error, scale, arithmetic, source, note)
        except (Unsupported, TypeError, ArithmeticError):
            if arithmetic is FLOAT64:
                raise
    raise AssertionError("the float arithmetic answers or raises")


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
    result = compared(np.array([1]), error[None], limit[None], floor, claim.relation, arithmetic.eps)
    return Evidence(tuple(Setting(None, "", Start(_told(v), v), dict(sizes), {}) for v in x), result, source, note)


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
    best_gain = -np.inf
    tried = 0
    for _ in range(ROUNDS):
        error, scale = expectations(claim, sizes, x, FLOAT64)
        with np.errstate(all="ignore"):
            gain = np.where(scale > 0, error / scale, np.where(error > 0, np.inf, -1.0))
        tried += len(x)
        order = np.argsort(-np.nan_to_num(gain, nan=-1.0))[:KEPT]
        if gain[order[0]] > best_gain:
            best_gain = float(gain[order[0]])
            worst = x[order[:1]]
            best = _evidence(claim, sizes, worst, error[order[:1]], scale[order[:1]], FLOAT64, Source.SEARCH, "")
        chosen = x[np.resize(order, MOVED)]
        spread = np.abs(chosen).max(axis=tuple(range(1, chosen.ndim)), keepdims=True) * 10 ** rng.uniform(-6, 0.5, size=(MOVED,) + (1,) * (chosen.ndim - 1))
        mask = rng.random(chosen.shape) < rng.choice((0.15, 0.5, 1.0), size=(MOVED,) + (1,) * (chosen.ndim - 1))
        x = np.concatenate([x[order], chosen + spread * mask * rng.standard_normal(chosen.shape)])
    assert best is not None
    return Evidence(best.settings, best.result, best.source, f"{tried} inputs searched, the worst {best_gain:.6g} of a claimed {float(evaluate(claim.bound, sizes)):.6g}")
