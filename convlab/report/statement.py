"""A claim as a reader meets it: the statement as one formula, its condition, and the words around it, all from the declaration."""
from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.report.declared import mathematics
from convlab.report.typst_math import name_in_typst, quoted, typst
from convlab.symbols import Symbol
from convlab.theorem import FalseClaim, Grid, Law, Mode, RateBound, Relation, Sense, StabilityRegion

SIGN = {Relation.AT_MOST: "<=", Relation.EQUAL: "=", Relation.AT_LEAST: ">=", Relation.ORDER: "="}


def statement(claim: Any) -> str:
    """Typst mathematics of what the claim says (of what it asserts, for a false one)."""
    if isinstance(claim, FalseClaim):
        return statement(claim.asserted)
    if isinstance(claim, RateBound):
        return _said(claim) if claim.statement else f"{measured(claim)} {SIGN[claim.relation]} {_bound(claim)}"
    if isinstance(claim, StabilityRegion):
        return _region(claim)
    return mathematics(claim.statement)


def _region(claim: StabilityRegion) -> str:
    """What happens iff the parameters lie in the region; a declared statement may be all of it, what happens, or the region."""
    if re.search(r"\biff\b", claim.statement):
        return mathematics(claim.statement)
    happens = re.search(r"[a-z]{3,} [a-z]{2,}", claim.statement) is not None
    sense = "in mean square " if claim.sense is Sense.MEAN_SQUARE else ""
    left = mathematics(claim.statement) if happens else f'x_k -> x^* {quoted(f" {sense}from every start")}'
    return f'{left} {quoted("  iff  ")} {mathematics(claim.statement) if claim.statement and not happens else typst(claim.condition)}'


def on_two_lines(claim: Any) -> str:
    """The same, broken before its relation where the declaration has its sides apart: for formulas too wide for one line."""
    asked = inner(claim)
    if not isinstance(asked, RateBound) or asked.statement:
        return statement(claim)
    return f"& {measured(asked)} \\ & quad {SIGN[asked.relation]} {_bound(asked)}"


def measured(claim: RateBound) -> str:
    """The left side: the metric, averaged or minimised over iterates and over runs as the claim says."""
    formula = mathematics(getattr(claim.metric, "formula", "")) or quoted(getattr(claim.metric, "__name__", "measured").replace("_", " "))
    expected = f"EE [{formula}]" if claim.law is Law.EXPECTATION and "EE" not in formula else formula
    return _over_iterates(claim.mode, expected)


def _over_iterates(mode: Mode, formula: str) -> str:
    if mode.statistic == "last":
        return formula
    end = typst(symbols.k + mode.last)
    single = re.sub(r"_k\b", "_i", formula)
    if mode.statistic == "best":
        return f"min_({mode.first} <= i <= {end}) {single}"
    total = f"sum_(i = {mode.first})^({end}) {_grouped(single)}"
    return total if mode.statistic == "sum" else f"{typst(1 / (symbols.k + mode.last - mode.first + 1))} {total}"


def _grouped(formula: str) -> str:
    return f"({formula})" if re.search(r" [-+] ", formula) and not formula.startswith("EE") else formula


def _bound(claim: RateBound) -> str:
    told = quoted("the bound read along the run") if callable(claim.bound) else typst(claim.bound)
    return f"cal(O)({told})" if claim.relation is Relation.ORDER else told


def _said(claim: RateBound) -> str:
    """A declared statement is the whole claim where it has a relation, else the right side."""
    declared = mathematics(claim.statement)
    whole = re.match(r"[^=<>]*[=<>]", re.sub(r"\([^()]*\)", "", declared.partition(" quad ")[0])) is not None
    return declared if whole else f"{measured(claim)} {SIGN[claim.relation]} {declared}"


def inner(claim: Any) -> Any:
    """The claim that carries the fields: what a false claim asserts, else itself."""
    return claim.asserted if isinstance(claim, FalseClaim) else claim


def condition(claim: Any) -> str:
    """Typst mathematics of the condition; empty where there is none, or where the statement is about it."""
    told = getattr(inner(claim), "domain" if isinstance(inner(claim), StabilityRegion) else "condition", sp.true)
    return "" if told in (True, sp.true, None) else typst(told, inline=True)


def defaults(claim: Any) -> str:
    """The parameters at which a user would run it: gamma = 1/L."""
    return ", quad ".join(f"{typst(s)} = {typst(value, inline=True)}" for s, value in getattr(inner(claim), "defaults", {}).items())


def when(claim: Any) -> str:
    """For which k it is claimed, in words with mathematics between dollar signs."""
    asked = inner(claim)
    if not isinstance(asked, RateBound):
        return ""
    grid: Grid = asked.grid
    if grid.horizons:
        return f"at $k = K$, the horizon fixed in advance ($K = {', '.join(map(str, grid.horizons))}$)"
    if grid.step != 1:
        step = typst(grid.step)
        return f"at $k = {step}, 2 {step}, 3 {step}, ...$"
    return "at every $k >= 1$"


def sense(claim: Any) -> str:
    """Surely, or in expectation: over which draws."""
    asked = inner(claim)
    law = getattr(asked, "law", Law.SURELY)
    told = {Law.EXPECTATION: "in expectation over the draws of the algorithm", Law.SURELY: "for every run"}
    return told.get(law) or f"with probability at least {1 - sp.sympify(asked.delta)}, at each $k$"


def symbols_used(claim: Any) -> tuple[Symbol, ...]:
    """The constants and tunables of bound, condition and defaults, tunables first."""
    asked = inner(claim)
    parts: Iterable[Any] = (getattr(asked, "bound", None), getattr(asked, "condition", None), getattr(asked, "domain", None),
                            *getattr(asked, "defaults", {}).keys(), *getattr(asked, "defaults", {}).values())
    found = {s for part in parts if isinstance(part, sp.Basic) for s in part.free_symbols if isinstance(s, Symbol)}
    return tuple(sorted(found - {symbols.k}, key=lambda s: (s.role is not symbols.Role.TUNABLE, s.role is symbols.Role.COUNTER, s.name.lower(), s.name)))


def assumption_lines(claim: Any) -> tuple[tuple[str, str], ...]:
    """(words, Typst formula) of each assumption class; a class that offers neither goes by its name."""
    return tuple((str(getattr(kind, "statement", "") or kind.__name__), str(getattr(kind, "formula", ""))) for kind in getattr(inner(claim), "assumptions", ()))


def by_name(name: str) -> str:
    """Typst mathematics of a symbol given by its Python name."""
    known = symbols.table().get(name)
    return known.typeset if known is not None else name_in_typst(name)
