"""Conditions as alternatives of polynomial atoms.

Negations are pushed in, fractions cleared, absolute values and maxima split into cases, roots named by symbols of their own. Where a root is not real
its relation has no truth value, and the point counts neither for nor against it.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.symbols import Role, Symbol

ROOTS = "_root_"           # names of symbols that stand for a root


class Undecided(ValueError):
    """The prover cannot tell; the message says where it stopped."""


@dataclass(frozen=True)
class Atom:
    """expression RELATION 0 with relation one of > >= == !=; the expression is a polynomial with rational coefficients."""

    expression: Any
    relation: str


Conjunction = tuple[Atom, ...]


def conjunctions(condition: Any) -> list[Conjunction]:
    """Alternatives that together are the condition, each a conjunction of polynomial atoms. Raises Undecided for what is not algebraic."""
    return [atoms for relations in _alternatives(formula(condition)) for atoms in _polynomial(relations)]


def _alternatives(condition: Any) -> list[tuple[Any, ...]]:
    if condition == sp.true:
        return [()]
    if condition == sp.false:
        return []
    if isinstance(condition, sp.Or):
        return [one for part in condition.args for one in _alternatives(part)]
    if isinstance(condition, sp.And):
        return [sum(choice, ()) for choice in product(*(_alternatives(part) for part in condition.args))]
    if isinstance(condition, sp.Ne):
        return [(condition.lhs < condition.rhs,), (condition.lhs > condition.rhs,)]
    if isinstance(condition, sp.core.relational.Relational):
        return [(condition,)]
    normal = sp.to_nnf(condition, simplify=False)
    if normal == condition:
        raise Undecided(f"{condition} is no combination of inequalities")
    return _alternatives(normal)


_RELATIONS: dict[type, tuple[int, str]] = {sp.StrictGreaterThan: (1, ">"), sp.GreaterThan: (1, ">="), sp.StrictLessThan: (-1, ">"),
                                           sp.LessThan: (-1, ">="), sp.Equality: (1, "==")}


def _polynomial(relations: tuple[Any, ...]) -> list[Conjunction]:
    """One conjunction of atoms for each way in which the absolute values, maxima and minima of these relations can fall out."""
    distinction = next((e for r in relations for e in sorted(r.atoms(sp.Abs, sp.Max, sp.Min), key=sp.count_ops)), None)
    if distinction is not None:
        return [atoms for value, when in _cases(distinction) for chosen in _chosen(relations, distinction, value, when) for atoms in _polynomial(chosen)]
    names = _Names()
    atoms: list[Atom] = []
    for relation in relations:
        sign, word = _RELATIONS[type(relation)]
        atoms += _cleared(names.named(sign * (relation.lhs - relation.rhs)), word)
    return [(*atoms, *names.meaning)]


def _cases(distinction: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """The values that it can take, each with its condition; the conditions exclude each other."""
    if isinstance(distinction, sp.Abs):
        (inside,) = distinction.args
        return [(inside, (inside >= 0,)), (-inside, (inside < 0,))]
    values, sign = distinction.args, 1 if isinstance(distinction, sp.Max) else -1
    return [(one, tuple(sign * (one - other) > 0 for other in values[:i]) + tuple(sign * (one - other) >= 0 for other in values[i + 1:]))
            for i, one in enumerate(values)]


def _chosen(relations: tuple[Any, ...], distinction: Any, value: Any, when: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The relations in that case: none of them if one is false there."""
    replaced = [r.xreplace({distinction: value}) for r in (*relations, *when)]
    return [] if sp.false in replaced else [tuple(r for r in replaced if r != sp.true)]


def _cleared(expression: Any, relation: str) -> list[Atom]:
    numerator, denominator = sp.fraction(sp.together(expression))
    numerator, denominator = sp.expand(numerator), sp.expand(denominator)
    for part in (numerator, denominator):
        if not part.is_polynomial(*part.free_symbols) or any(not c.is_Rational for c in sp.Poly(part, *part.free_symbols or {sp.Dummy()}).coeffs()):
            raise Undecided(f"{part} is not a polynomial with rational coefficients")
    if denominator.is_Number:
        return [Atom(sp.expand(numerator / denominator), relation)]
    return [Atom(numerator if relation in ("==", "!=") else sp.expand(numerator * denominator), relation), Atom(denominator, "!=")]


class _Names:
    """Symbols in place of roots, with the atoms that say what they mean."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.meaning: list[Atom] = []

    def named(self, expression: Any) -> Any:
        """The expression as a rational function."""
        if expression.is_Float:
            return sp.Rational(expression)
        if not expression.args:
            return expression
        arguments = [self.named(a) for a in expression.args]
        if expression.is_Pow and isinstance(expression.exp, sp.Rational) and not expression.exp.is_Integer:
            return self._symbol(arguments[0], int(expression.exp.q)) ** int(expression.exp.p)
        return expression.func(*arguments)

    def _symbol(self, power: Any, order: int) -> Any:
        """The nonnegative number whose power of that order is given (which says that the power is nonnegative, too)."""
        key = (sp.factor(power), order)
        if key not in self.known:
            symbol = sp.Symbol(f"{ROOTS}{len(self.known)}", real=True)
            self.known[key] = symbol
            self.meaning += [Atom(symbol, ">="), *_cleared(symbol**order - power, "==")]
        return self.known[key]


_INTERVAL = re.compile(r"([\[(])\s*(-?[\d/]+)\s*,\s*(-?[\d/]+|inf)\s*([\])])")
_BOUND = re.compile(r">(=?)\s*(-?[\d/]+)$")


def declared_domain(symbol: Any) -> list[Atom]:
    """What the symbol's declaration says: its sign, and for constants, counters and sizes the domain of the table (of a tunable the claim must say it)."""
    atoms = [Atom(symbol, ">")] if symbol.is_positive else [Atom(symbol, ">=")] if symbol.is_nonnegative else []
    if not isinstance(symbol, Symbol) or symbol.role is Role.TUNABLE:
        return atoms
    text = symbol.domain.split(",")[0] if symbol.domain.startswith("int") else symbol.domain
    interval, bound = _INTERVAL.match(text), _BOUND.search(text)
    if interval:
        open_left, low, high, open_right = interval.groups()
        atoms.append(Atom(symbol - sp.Rational(low), ">" if open_left == "(" else ">="))
        if high != "inf":
            atoms.append(Atom(sp.Rational(high) - symbol, ">" if open_right == ")" else ">="))
    elif bound and sp.Rational(bound.group(2)) != 0:
        atoms.append(Atom(symbol - sp.Rational(bound.group(2)), ">=" if bound.group(1) else ">"))
    return atoms

