"""The parts of a bound that may be loose on their own: the whole, each additive term, each branch of a Max.

With part `value` multiplied by c the bound is `others + max(c value, rest)`: a term has no `rest`, a branch competes with the other branches.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp

WHOLE = "whole bound"


@dataclass(frozen=True)
class Part:
    """One part of a bound. `value` is None where the bound is a function: then only its whole can be multiplied."""

    name: str
    value: Any
    others: Any = sp.S.Zero
    rest: Any = sp.S.Zero


def parts_of(bound: Any) -> tuple[Part, ...]:
    """The whole first, then terms and branches where there are several."""
    if not isinstance(bound, sp.Basic):
        return (Part(WHOLE, None),)
    return (Part(WHOLE, bound), *_terms(bound))


def _terms(bound: Any) -> Iterator[Part]:
    terms = terms_of(bound)
    for term in terms:
        others = sp.Add(*(other for other in terms if other is not term))
        if len(terms) > 1 and not term.could_extract_minus_sign():      # what is taken from a bound cannot be made smaller to better it
            yield Part(str(term), term, others)
        branches = branches_of(term)
        for branch in branches if len(branches) > 1 else ():
            yield Part(str(branch), branch, others, sp.Max(*(other for other in branches if other is not branch)))


def terms_of(bound: Any) -> tuple[Any, ...]:
    """Additive terms; a factor before a sum of nonnegative ones is multiplied out, c (a + b) = c a + c b, but 1 - gamma mu stays one factor."""
    if bound.is_Add:
        return tuple(term for part in bound.args for term in terms_of(part))
    sums = [factor for factor in bound.args if factor.is_Add and not any(term.could_extract_minus_sign() for term in factor.args)] if bound.is_Mul else []
    if len(sums) != 1 or not any(term.free_symbols for term in sums[0].args) or any(term.is_number for term in sums[0].args):
        return (bound,)
    factor = bound / sums[0]
    return tuple(factor * term for term in sums[0].args)


def branches_of(term: Any) -> tuple[Any, ...]:
    """Of a term that is an increasing function of one Max, what it is for each of the Max's arguments. Whether it increases is tried where it is evaluated."""
    found = list(term.atoms(sp.Max))
    if len(found) != 1:
        return (term,)
    return tuple(term.xreplace({found[0]: argument}) for argument in found[0].args)
