"""False neighbours of a claim that declares none: a smaller bound, a faster rate, a step beyond the condition, an assumption less.

Nobody promised that these are false. One that survives tells how loose the bound is on our problems, not that a check failed.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.run.points import relations
from convlab.symbols import Role, Symbol
from convlab.theorem import Changed, Mutant, OperatorConstant, RateBound, Relation, Step, StepInequality

FACTORS = (sp.Rational(9, 10), sp.Rational(1, 2))
BEYOND = sp.Rational(101, 100)


def generic_mutants(claim: Any) -> Iterator[Mutant]:
    """The neighbours of one claim, as far as its kind has them."""
    if isinstance(claim, (RateBound, StepInequality, OperatorConstant)) and claim.relation not in (Relation.EQUAL, Relation.ORDER):
        for factor in FACTORS:
            yield _scaled(claim, factor)
    if isinstance(claim, RateBound) and isinstance(claim.bound, sp.Basic) and claim.relation in (Relation.AT_MOST, Relation.ORDER):
        yield from _faster(claim)
    if isinstance(claim, RateBound):
        yield from _outside(claim)
    if isinstance(claim, (RateBound, StepInequality)) and len(claim.assumptions) > 1:
        for dropped in claim.assumptions:
            kept = tuple(kind for kind in claim.assumptions if kind is not dropped)
            yield Changed(f"without {dropped.__name__}", assumptions=kept)


def _scaled(claim: Any, factor: Any) -> Mutant:
    stronger = 1 / factor if claim.relation is Relation.AT_LEAST else factor      # a lower bound is bettered upwards
    name = f"bound times {float(stronger):g}"
    if isinstance(claim.bound, sp.Basic):
        return Changed(name, bound=stronger * claim.bound)
    if isinstance(claim.bound, (int, float)):
        return Changed(name, bound=claim.bound * float(stronger))
    return Changed(name, bound=_times(claim.bound, stronger))


def _times(bound: Callable[..., Any], factor: Any) -> Callable[..., Any]:
    p, q = int(factor.p), int(factor.q)
    return lambda *arguments: bound(*arguments) * p / q


def _faster(claim: RateBound) -> Iterator[Mutant]:
    """Twice as fast where the bound is a power of k, one order more where it is a power with k in the base; nothing where it does not fall with k."""
    k = symbols.k
    if k not in claim.bound.free_symbols:
        return
    if any(power.exp.has(k) for power in claim.bound.atoms(sp.Pow)):
        powers = {power: sp.Pow(power.base, 2 * power.exp) for power in claim.bound.atoms(sp.Pow) if power.exp.has(k)}
        yield Changed("the rate squared", bound=claim.bound.xreplace(powers))
    if any(power.base.has(k) for power in claim.bound.atoms(sp.Pow)):
        yield Changed("one order in k faster", bound=claim.bound / (k + 1))


def _outside(claim: RateBound) -> Iterator[Mutant]:
    """A step 1 % beyond each upper limit in the problem's constants that the condition states; the others stay at their defaults.

    A limit without constants (a probability of at most 1) bounds what the parameter means, not what the theorem can.
    """
    for relation in relations(claim.condition):
        for tunable, limit in _upper_limits(claim, relation):
            if isinstance(tunable, Symbol) and tunable.role is Role.TUNABLE and limit.free_symbols - {tunable} and not limit.has(tunable):
                step = Step(name=f"{tunable} = {BEYOND} ({limit})", defaults={**claim.defaults, tunable: BEYOND * limit})
                yield replace(step, changes={**step.changes, "condition": sp.Eq(tunable, BEYOND * limit)})


def _upper_limits(claim: RateBound, relation: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(relation, (sp.StrictLessThan, sp.LessThan)) and relation.lhs in claim.defaults:
        yield relation.lhs, relation.rhs
    if isinstance(relation, (sp.StrictGreaterThan, sp.GreaterThan)) and relation.rhs in claim.defaults:
        yield relation.rhs, relation.lhs
