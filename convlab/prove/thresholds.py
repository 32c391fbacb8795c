"""Limits of one step size that are no rationals: a region (0, c) of gamma lam, c an algebraic number, compared exactly for each small integer parameter."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.prove.proof import Finding
from convlab.prove.reading import ScalarQuadratic, Unreadable, linear_maps, mean_matrix, symbolic
from convlab.prove.stability import schur_conditions
from convlab.symbols import L, gamma, lam

SIZES = range(4)                 # delays 0 .. 3: beyond, the resultants of the Schur-Cohn conditions take longer than a proof should
t = sp.Symbol("t", positive=True)


def compared_by_size(claim: Any, size: Any) -> Finding:
    """The declared limit of gamma L beside the derived one, for each small value of an integer field. Raises Unreadable for other shapes of region."""
    shown = []
    meant = [value for value in SIZES if claim.domain.subs(size, value) == sp.true]
    if not meant:
        raise Unreadable(f"the domain has no {size} up to {max(SIZES)}")
    for value in meant:
        edge, factor = derived_limit(claim.algorithm, {size: value})
        declared = _declared(claim.condition.subs(size, value))
        shown += [(f"{size} = {value}: the derived limit of gamma lam is the root near {sp.N(edge, 6)} of", factor), ("declared", declared)]
        if not _same(edge, factor, declared):
            word = "wrong: too large" if sp.N(declared - edge, 50) > 0 else "sufficient, not necessary"
            return Finding(f"{size} = {value}: the declared limit of gamma L is {sp.N(declared, 8)}, the derived one {sp.N(edge, 8)}: {word}", (), tuple(shown))
    told = ", ".join(map(str, meant))
    said = f"for {size} = {told}: the region is 0 < gamma lam < c with c the declared algebraic number (same minimal polynomial, same root)"
    return Finding(None, (said,), tuple(shown))


def derived_limit(algorithm: Any, sizes: Mapping[Any, int]) -> tuple[Any, Any]:
    """c and its minimal polynomial in t, where the step contracts exactly for 0 < gamma lam < c. Raises Unreadable for other regions."""
    _, maps = linear_maps(symbolic(algorithm, sizes), ScalarQuadratic())
    conditions = [sp.factor(p.subs(gamma, t / lam)) for p in schur_conditions(mean_matrix(maps))]
    if any(p.free_symbols - {t} for p in conditions):
        raise Unreadable("the region is not one of gamma lam alone")
    roots = {r: f for p in conditions for f, _ in sp.factor_list(sp.fraction(sp.together(p))[0], t)[1] for r in sp.Poly(f, t).real_roots() if r.is_positive}
    ends = sorted(roots, key=lambda r: sp.N(r, 40))
    samples = [_between(low, high) for low, high in zip([sp.Integer(0), *ends], [*ends, None], strict=True)]
    inside = [all(p.subs(t, s) > 0 for p in conditions) for s in samples]
    edge = inside.index(False) if False in inside else None
    if edge in (None, 0) or any(inside[edge:]):
        raise Unreadable("the region is no interval that begins at 0")
    return ends[edge - 1], roots[ends[edge - 1]]


def _between(low: Any, high: Any) -> Any:
    """A rational strictly between two algebraic numbers (told apart by forty digits)."""
    return sp.Rational(str(sp.N((low + (low + 2 if high is None else high)) / 2, 20)))


def _declared(condition: Any) -> Any:
    """c of a condition 0 < gamma, gamma L < c."""
    parts = condition.args if isinstance(condition, sp.And) else (condition,)
    uppers = []
    for part in parts:
        strict = isinstance(part, (sp.StrictLessThan, sp.StrictGreaterThan))
        less = sp.expand(sp.fraction(sp.together((part.gts - part.lts).subs(gamma, t / L)))[0]) if strict else None      # over a power of L, which is positive
        if less is None or less.free_symbols != {t} or sp.degree(less, t) != 1:
            raise Unreadable(f"{part} is no strict limit of gamma L alone")
        slope, at_zero = less.coeff(t), less.subs(t, 0)
        if slope.is_negative:
            uppers.append(-at_zero / slope)
        elif at_zero != 0:
            raise Unreadable(f"{part} does not begin at 0")
    if len(uppers) != 1 or len(parts) != 2:
        raise Unreadable("the condition is no interval 0 < gamma L < c")
    return formula(uppers[0])


def _same(edge: Any, factor: Any, declared: Any) -> bool:
    """Whether two algebraic numbers are one: the same minimal polynomial, and the same of its roots."""
    minimal = sp.Poly(sp.minimal_polynomial(declared, t), t)
    if minimal.monic() != sp.Poly(factor, t).monic():
        return False
    nearest = min(sp.Poly(factor, t).real_roots(), key=lambda r: abs(sp.N(r - declared, 60)))
    return bool(nearest == edge)
