"""Decide systems of polynomial inequalities over the reals exactly: a rational point that satisfies the system, or the certainty that none does.

Strict inequalities describe an open set, and an open set meets a cell on whose interior no polynomial vanishes: one rational sample a cell decides
(projection by leading coefficients, discriminants and resultants). A weak inequality is its strict form or an equation; an equation that is linear
in some symbol is solved for it. What cannot be decided this way is said (`Undecided`), never guessed.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import combinations, pairwise
from operator import eq, ge, gt, ne
from typing import Any

import sympy as sp

from convlab.prove.atoms import ROOTS, Atom, Undecided, conjunctions, declared_domain
from convlab.prove.patience import TooLong, go_on, small_enough

Point = dict[sp.Symbol, Any]
LARGEST = 6000                   # terms times degrees of two polynomials whose resultant is taken; those of the catalogue reach 624
DECIDING = "deciding a system of inequalities"

__all__ = ["Point", "Undecided", "counterexample", "satisfiable"]


def satisfiable(condition: Any) -> Point | None:
    """A point of the symbols' declared domains where the condition holds, None if there is none. Raises Undecided."""
    doubts = []
    for atoms in conjunctions(condition):
        symbols = sorted({s for atom in atoms for s in atom.expression.free_symbols}, key=str)
        everything = atoms + tuple(a for s in symbols for a in declared_domain(s))
        try:
            found = _solve(_scaled(_system(everything)))
        except TooLong:
            raise
        except Undecided as doubt:
            doubts.append(doubt)
            continue
        if found is not None:
            return {s: found.get(s, sp.Integer(1)) for s in symbols if not s.name.startswith(ROOTS)}
    if doubts:
        raise doubts[0]
    return None


def counterexample(premise: Any, conclusion: Any) -> Point | None:
    """A point where the premise holds and the conclusion does not; None proves the implication. Raises Undecided."""
    return satisfiable(sp.And(premise, sp.Not(conclusion)))


@dataclass(frozen=True)
class _System:
    """Polynomials that must be > 0, >= 0, == 0, != 0."""

    positive: tuple[Any, ...] = ()
    weak: tuple[Any, ...] = ()
    zero: tuple[Any, ...] = ()
    nonzero: tuple[Any, ...] = ()

    def mapped(self, function: Any) -> _System:
        return _System(*(tuple(function(p) for p in group) for group in (self.positive, self.weak, self.zero, self.nonzero)))


def _system(atoms: Iterable[Atom]) -> _System:
    groups: dict[str, list[Any]] = {">": [], ">=": [], "==": [], "!=": []}
    for atom in atoms:
        groups[atom.relation].append(atom.expression)
    return _System(*(tuple(dict.fromkeys(groups[relation])) for relation in (">", ">=", "==", "!=")))


def _scaled(system: _System) -> _System:
    """The system with positive symbols set to 1 where a change of units (each symbol times a power of t > 0) changes no sign: gamma lam is seen as one number."""
    polynomials = [p for group in (system.positive, system.weak, system.zero, system.nonzero) for p in group if not p.is_Number]
    symbols = sorted({s for p in polynomials for s in p.free_symbols}, key=str)
    steps = [sp.Matrix(powers) - sp.Matrix(first) for p in polynomials for first, *others in [sp.Poly(p, *symbols).monoms()] for powers in others]
    free = sp.Matrix.hstack(*steps).T.nullspace() if steps else []
    for weights in free:
        unit = next((s for s, weight in zip(symbols, weights, strict=True) if weight != 0 and s in system.positive), None)
        if unit is not None:
            return _scaled(system.mapped(lambda p, unit=unit: p.subs(unit, 1)))
    return system


def _solve(system: _System) -> Point | None:
    go_on(DECIDING)
    reduced = _without_constants(system)
    if reduced is None:
        return None
    if reduced.zero:
        return _on_zero_set(reduced)
    found = _open_point(reduced.positive + reduced.weak, reduced.nonzero)
    if found is not None:
        return found
    return _first(partial(_solve, edge) for i in range(len(reduced.weak)) for edge in _edges(reduced, i))


def _edges(system: _System, i: int) -> Iterator[_System]:
    """Where the i-th weak inequality is an equation, given that no open cell satisfies the system; later ones are equations too, or strict.

    With the others strict the set is open, and in it the polynomial is nowhere > 0. So it changes sign nowhere: where an irreducible factor of odd power
    vanishes, its gradient does, or another factor vanishes too.
    """
    others = system.weak[:i] + system.weak[i + 1:]
    strict = replace(system, positive=system.positive + others, weak=())
    factors = _factors(system.weak[i])
    odd = [f for f, power in factors if power % 2]
    for f, power in factors:
        if power % 2 == 0:
            yield replace(strict, zero=(f,))
    for f in odd:
        yield replace(strict, zero=(f, *(sp.diff(f, v) for v in sorted(f.free_symbols, key=str))))
    for f, g in combinations(odd, 2):
        yield replace(strict, zero=(f, g))
    for j in range(i + 1, len(system.weak)):
        yield replace(system, weak=system.weak[:i] + system.weak[i + 1:j] + system.weak[j + 1:], zero=(system.weak[i], system.weak[j]))


def _first(attempts: Iterable[Callable[[], Point | None]]) -> Point | None:
    """The first point that an attempt finds; a doubt counts only when no other attempt finds one."""
    doubts = []
    for attempt in attempts:
        try:
            found = attempt()
        except TooLong:
            raise
        except Undecided as doubt:
            doubts.append(doubt)
            continue
        if found is not None:
            return found
    if doubts:
        raise doubts[0]
    return None


def _without_constants(system: _System) -> _System | None:
    """The system less what is true of every point; None if something is false of every point."""
    groups = []
    positives = {p for p in system.positive if p.is_Symbol}
    for polynomials, test in ((system.positive, gt), (system.weak, ge), (system.zero, eq), (system.nonzero, ne)):
        kept = []
        for p in dict.fromkeys(polynomials):
            sign = p if p.is_Number else _sign_by_coefficients(p, positives) if not p.is_Symbol else None
            if sign is None:
                kept.append(p)
            elif not test(sign, 0):
                return None
        groups.append(tuple(kept))
    return _System(*groups)


def _sign_by_coefficients(p: Any, positives: set[Any]) -> int | None:
    """The sign of a polynomial in positive symbols whose coefficients all have that sign."""
    if not p.free_symbols <= positives:
        return None
    coefficients = sp.Poly(p, *p.free_symbols).coeffs()
    return 1 if all(c > 0 for c in coefficients) else -1 if all(c < 0 for c in coefficients) else None


# ---- equations
GROEBNER = 16                    # equations up to this degree are first replaced by a lexicographic basis, which may be 1


def _on_zero_set(system: _System) -> Point | None:
    equations = _basis(system.zero)
    if equations == (1,):
        return None
    equation = min(equations, key=lambda e: (not _linear(e), len(e.free_symbols), sp.count_ops(e)))
    rest = replace(system, zero=tuple(e for e in equations if e != equation))
    return _first(branch for factor, _ in _factors(equation) for branch in _factor_branches(factor, rest))


@lru_cache(maxsize=4096)
def _basis(equations: tuple[Any, ...]) -> tuple[Any, ...]:
    """Equations with the same solutions; (1,) where there are none, real or complex."""
    if len(equations) == 1 or any(sp.total_degree(e) > GROEBNER for e in equations):
        return equations
    symbols = sorted(set().union(*(e.free_symbols for e in equations)), key=str)
    return tuple(e.as_expr() for e in sp.groebner(equations, *symbols, order="lex").polys)


def _linear(equation: Any) -> bool:
    """Whether it is linear in some symbol, with a number in front."""
    return any(sp.degree(equation, v) == 1 and sp.LC(equation, v).is_Number for v in equation.free_symbols)


def _factor_branches(factor: Any, rest: _System) -> Iterator[Any]:
    positives = {p for p in rest.positive if p.is_Symbol}
    if _sign_by_coefficients(factor, positives):
        return
    linear = [(v, *sp.Poly(factor, v).all_coeffs()) for v in sorted(factor.free_symbols, key=str) if sp.degree(factor, v) == 1]
    if not linear:
        yield partial(_at_roots, factor, rest)
        return
    v, slope, remainder = min(linear, key=lambda entry: (not entry[1].is_Number, len(entry[1].free_symbols), str(entry[0])))
    yield partial(_solved_for, v, slope, remainder, rest)
    if not slope.is_Number:
        yield partial(_solve, replace(rest, zero=(*rest.zero, slope, remainder)))


def _solved_for(v: Any, slope: Any, remainder: Any, rest: _System) -> Point | None:
    """Points with slope != 0 and v = -remainder/slope."""
    def substituted(p: Any) -> Any:
        degree = sp.degree(p, v) if p.has(v) else 0
        even = degree + degree % 2                                # an even power of the slope clears fractions and keeps every sign
        terms = sp.Poly(p, v).all_coeffs()[::-1] if degree else [p]
        return sp.expand(sum(c * (-remainder) ** j * slope ** (even - j) for j, c in enumerate(terms)))

    inside = rest.mapped(substituted)
    found = _solve(replace(inside, nonzero=(*inside.nonzero, slope)))
    if found is None:
        return None
    at = {s: found.get(s, sp.Integer(1)) for s in (slope.free_symbols | remainder.free_symbols)}
    return {**at, **found, v: sp.nsimplify((-remainder / slope).subs(at))}


def _at_roots(factor: Any, rest: _System) -> Point | None:
    """Real roots of an irreducible polynomial in the only symbol left."""
    symbols = set().union(factor.free_symbols, *(p.free_symbols for group in (rest.positive, rest.weak, rest.zero, rest.nonzero) for p in group))
    if len(factor.free_symbols) == 1 and sp.Poly(factor).count_roots() == 0:
        return None
    if len(symbols) > 1:
        return _at_double_roots(factor, rest)
    (x,) = symbols
    for root in sp.Poly(factor, x).real_roots():
        def sign(p: Any, root: Any = root) -> int:
            return 0 if sp.rem(p, factor, x) == 0 else int(sp.sign(p.subs(x, root).evalf(50)))   # not 0 here: fifty digits show its sign

        if all(sign(p) > 0 for p in rest.positive) and all(sign(p) >= 0 for p in rest.weak) \
                and all(sign(p) == 0 for p in rest.zero) and all(sign(p) != 0 for p in rest.nonzero):
            return {x: root}
    return None


def _at_double_roots(factor: Any, rest: _System) -> Point | None:
    """For a symbol v of degree two whose discriminant is nowhere positive: v is then the double root, where there is one. Raises Undecided for others."""
    for v in sorted(factor.free_symbols, key=str):
        polynomial = sp.Poly(factor, v)
        if polynomial.degree() != 2:
            continue
        discriminant, square = sp.expand(polynomial.discriminant()), polynomial.LC()
        free_of_v = _System(*(tuple(p for p in group if not p.has(v)) for group in (rest.positive, rest.weak, rest.zero, rest.nonzero)))
        if _solve(replace(free_of_v, positive=(*free_of_v.positive, discriminant))) is None:
            double = replace(rest, zero=(*rest.zero, discriminant, sp.expand(sp.diff(factor, v))), nonzero=(*rest.nonzero, square))
            straight = replace(rest, zero=(*rest.zero, square, sp.expand(factor - square * v**2)))
            return _first(partial(_solve, system) for system in (double, straight))
    raise Undecided(f"{factor} = 0 is linear in none of its symbols")


# ---- open cells
def _open_point(positive: tuple[Any, ...], nonzero: tuple[Any, ...]) -> Point | None:
    """A rational point where all of `positive` are > 0 and none of `nonzero` vanishes."""
    factors = _irreducible(positive + nonzero)
    order = _elimination(factors)
    levels = _projections(factors, order)
    symbols = order[::-1]                                          # lifted from the last symbol left to the first eliminated
    return _lift(symbols, levels[::-1], positive, {})


@lru_cache(maxsize=4096)
def _factors(p: Any) -> list[tuple[Any, int]]:
    """Irreducible factors with their powers, the number in front left out."""
    return list(sp.factor_list(p)[1])


def _irreducible(polynomials: Iterable[Any]) -> set[Any]:
    """Irreducible factors over the rationals, up to sign."""
    found = {f for p in polynomials if not p.is_Number for f, _ in _factors(p)}
    return {f if (-f) not in found or str(f) < str(-f) else -f for f in found}


def _elimination(factors: set[Any]) -> list[Any]:
    symbols = sorted({s for f in factors for s in f.free_symbols}, key=str)
    return sorted(symbols, key=lambda s: (max(sp.degree(f, s) for f in factors if f.has(s)), sum(f.has(s) for f in factors), str(s)))


def _projections(factors: set[Any], order: list[Any]) -> list[set[Any]]:
    """For each symbol, in order of elimination, the factors that contain it."""
    levels = []
    for v in order:
        here = {f for f in factors if f.has(v)}
        levels.append(here)
        factors = (factors - here) | _irreducible(_shadow(here, v))
    return levels


def _shadow(factors: set[Any], v: Any) -> Iterator[Any]:
    """Where these polynomials in v lose degree, gain a double root or a common root."""
    for f in factors:
        polynomial = sp.Poly(f, v)
        yield polynomial.LC()
        if polynomial.degree() > 1:
            small_enough(_size(f, f, v), LARGEST, DECIDING)
            yield sp.expand(polynomial.discriminant())
    for f, g in combinations(sorted(factors, key=str), 2):
        small_enough(_size(f, g, v), LARGEST, DECIDING)
        yield sp.expand(sp.resultant(f, g, v))


def _size(f: Any, g: Any, v: Any) -> int:
    """How large the resultant of two polynomials is to be expected: their terms times their degrees."""
    return int(sum(len(sp.Add.make_args(p)) for p in (f, g)) * (sp.degree(f, v) + sp.degree(g, v)))


def _lift(symbols: list[Any], levels: list[set[Any]], positive: tuple[Any, ...], at: Point) -> Point | None:
    if not symbols:
        return at if all(p.subs(at) > 0 for p in positive) else None
    go_on(DECIDING)
    v, later = symbols[0], set(symbols[1:])
    ready = [p for p in positive if p.has(v) and not p.free_symbols & later]
    polynomials = [sp.Poly(f.subs(at), v) for f in levels[0]]
    for value in _between_roots(polynomials):
        here = {**at, v: value}
        if all(p.subs(here) > 0 for p in ready):
            found = _lift(symbols[1:], levels[1:], positive, here)
            if found is not None:
                return found
    return None


def _between_roots(polynomials: list[Any]) -> list[Any]:
    """One rational in each interval between neighbouring real roots, small denominators first choice."""
    if not polynomials:
        return [sp.Integer(1)]
    whole = sp.prod(polynomials).sqf_part()
    ends = [interval for interval, _ in whole.intervals()]
    epsilon = sp.Rational(1, 16)
    while any(left[1] >= right[0] for left, right in pairwise(ends)):
        ends, epsilon = [interval for interval, _ in whole.intervals(eps=epsilon)], epsilon / 16
    if not ends:
        return [sp.Integer(1)]
    inner = [_simplest(left[1], right[0]) for left, right in pairwise(ends)]
    return [sp.floor(ends[0][0]) - 1, *inner, sp.ceiling(ends[-1][1]) + 1]


def _simplest(low: Any, high: Any) -> Any:
    """The rational of least denominator strictly between two rationals."""
    whole = sp.floor(low) + 1
    if whole < high:
        return whole
    below = whole - 1
    if low == below:                                               # low is an integer: below + 1/m for the first m that fits
        return below + 1 / (sp.floor(1 / (high - below)) + 1)
    return below + 1 / _simplest(1 / (high - below), 1 / (low - below))

