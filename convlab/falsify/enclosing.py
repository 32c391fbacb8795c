"""A violation that roots keep from the rationals, decided by interval arithmetic: measured and bound enclosed, and the enclosures apart."""
from __future__ import annotations

from typing import Any

from convlab.constants import is_rational
from convlab.judge.bounds import bound_along, needed_symbols
from convlab.judge.grid import algorithm_of
from convlab.judge.rate import REASONS, rational_record
from convlab.run.bind import Binder, symbols_of
from convlab.run.cases import Setting, batch_of
from convlab.run.enclosures import BITS, ENCLOSED, Undecided
from convlab.run.engine import is_random
from convlab.run.expressions import Surd
from convlab.theorem import RateBound, Relation

CANNOT = (*REASONS, ArithmeticError, ValueError, TypeError, AttributeError)
TOLD = f"decided by interval arithmetic of {BITS} bits: the enclosures of measured and bound are apart"


def surely_violated(claim: RateBound, setting: Setting, k: int) -> bool:
    """Whether the claim is violated after k updates for certain. False also where interval arithmetic cannot run it, or a constant is known as a float only."""
    asked = needed_symbols(claim) | symbols_of(algorithm_of(claim))
    if is_random(algorithm_of(claim)) or not all(is_rational(v) or isinstance(v, Surd) for s, v in setting.values.items() if s in asked):
        return False
    try:
        batch = batch_of([setting], ENCLOSED)
        record, _ = rational_record(claim, Binder(algorithm_of(claim), batch.values, batch.x0.ndim, k, ENCLOSED), batch, k)
        bound = bound_along(claim, batch, record, record.measured[0])
        pairs = zip(record.measured[-1].reshape(-1), bound[-1].reshape(-1), strict=True)
        return int(record.k[-1]) == k and any(_apart(claim.relation, measured, limit) for measured, limit in pairs)
    except CANNOT:
        return False


def _apart(relation: Relation, measured: Any, bound: Any) -> bool:
    try:
        return bool(measured > bound if relation is Relation.AT_MOST else measured < bound if relation is Relation.AT_LEAST else measured != bound)
    except Undecided:
        return False
