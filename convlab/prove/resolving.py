"""Resolve Max, Min, Abs and Piecewise by what a condition decides exactly; what it leaves open stays as it is."""
from __future__ import annotations

from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.prove.patience import TooLong
from convlab.prove.reals import Undecided, counterexample

_CASES = (sp.Max, sp.Min, sp.Abs, sp.Piecewise)


def resolved(expression: Any, condition: Any) -> Any:
    """The expression with every case distinction made that the condition decides."""
    expression = formula(expression)
    if not getattr(expression, "args", ()) or not expression.has(*_CASES):
        return expression
    if isinstance(expression, sp.MatrixBase):
        return expression.applyfunc(lambda e: resolved(e, condition))
    if isinstance(expression, sp.Piecewise):
        return _piece(expression, condition)
    inside = [resolved(a, condition) for a in expression.args]
    if isinstance(expression, sp.Abs):
        return _absolute(inside[0], condition)
    if isinstance(expression, (sp.Max, sp.Min)):
        return _extreme(type(expression), inside, condition)
    return expression.func(*inside)


def certain(condition: Any, conclusion: Any) -> bool:
    """Whether the condition surely implies the conclusion."""
    try:
        return counterexample(condition, conclusion) is None
    except TooLong:
        raise
    except Undecided:
        return False


def _absolute(inside: Any, condition: Any) -> Any:
    return inside if certain(condition, inside >= 0) else -inside if certain(condition, inside <= 0) else sp.Abs(inside)


def _extreme(kind: Any, values: list[Any], condition: Any) -> Any:
    for value in values:
        others = [other for other in values if other is not value]
        if all(certain(condition, value >= other if kind is sp.Max else value <= other) for other in others):
            return value
    return kind(*values)


def _piece(expression: Any, condition: Any) -> Any:
    for value, when in expression.args:
        if certain(condition, when):
            return resolved(value, condition)
        if not certain(condition, sp.Not(when)):
            return expression
    return expression
