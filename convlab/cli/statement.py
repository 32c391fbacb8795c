"""A claim in words: what `list` tells of it, and the statement as its reviewer reads it."""
from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from convlab.catalogue import part_of
from convlab.judge.fits import order_for_fits
from convlab.problem import Family, Member, installed_families
from convlab.run.orders import Kind, Order, factor_text, limit_of_slope
from convlab.run.points import relations
from convlab.theorem import KINDS, FalseClaim, Law, RateBound, Theorem, tight_instances


def items(theorem: Theorem, families: Mapping[str, Family] | None = None) -> list[dict[str, Any]]:
    """What `list --json` and `show --json` say, one item a claim; `families` are a file's own, else those installed."""
    return [item(theorem, claim, families) for claim in theorem.claims]


def item(theorem: Theorem, claim: Any, families: Mapping[str, Family] | None = None) -> dict[str, Any]:
    """One claim. Conditions and bounds are sympy's text, which `sympy.sympify` reads back; a statement in words where the bound is a program."""
    told = stated(claim)
    return {"theorem": theorem.id, "claim": claim.name, "title": theorem.title, "part": part_of(theorem), "topic": theorem.topic, "kind": KINDS[type(claim)],
            "mode": mode(told), "law": law(told).value, "condition": condition(told), "bound": bound(told), "source": theorem.source,
            "tight": [repr(instance) for instance in tight_instances(told)], "exact_source": exact_source(theorem, told, families), "order": order(claim)}


def order(claim: Any) -> dict[str, Any] | None:
    """The order of a rate bound in k, derived from the bound at values of our own; None of other claims."""
    found = order_for_fits(claim)
    told = stated(claim)
    return None if found is None else {**found.to_json(), "limit": limit_of_slope(told.bound) if isinstance(told.bound, sp.Basic) and not told.reads else None}


def order_in_words(found: Order) -> str:
    """The order for a reader; a factor as its formula where there is one."""
    if found.formula is not None and found.factor is not None:
        return f"linear, factor {pretty(found.formula)} a step, such as {factor_text(found.factor)}"
    return f"{found}, say" if found.kind is Kind.FLOOR else str(found)


def stated(claim: Any) -> Any:
    """The claim itself, or what a false claim asserts."""
    return claim.asserted if isinstance(claim, FalseClaim) else claim


def law(claim: Any) -> Law:
    """Surely, unless the claim says otherwise."""
    found: Law = getattr(claim, "law", Law.SURELY)
    return found


def mode(claim: Any) -> str | None:
    """Which iterates a rate bound speaks of; None for claims without a run."""
    if not isinstance(claim, RateBound):
        return None
    if claim.grid.horizons:
        when = f"at the horizon K = {', '.join(map(str, claim.grid.horizons))}"
    else:
        when = "at every k" if claim.grid.step == 1 else f"at k = {claim.grid.step}, 2 {claim.grid.step}, ..."
    last = f"k{claim.mode.last:+d}" if claim.mode.last else "k"
    over = {"last": "", "best": "least over", "mean": "mean over", "sum": "sum over"}[claim.mode.statistic]
    return f"{over} i = {claim.mode.first} .. {last}, {when}" if over else when


def condition(claim: Any) -> str | None:
    """The condition on the parameters as sympy prints it; None where there is none."""
    given = sp.sympify(claim.condition) if hasattr(claim, "condition") else sp.true
    return None if given == sp.true else str(given)


def bound(claim: Any) -> str | None:
    """The right-hand side: sympy's text, or the statement where it is a program."""
    given = getattr(claim, "bound", None)
    if given is None or (callable(given) and not isinstance(given, sp.Basic)):
        return plain(claim.statement) or None
    return str(given)


def exact_source(theorem: Theorem, claim: Any, families: Mapping[str, Family] | None = None) -> str | None:
    """What judges the claim without sampling, tried on a matching problem; None where only samples can."""
    from convlab.judge.sources import exact_source as source_of  # the engine, which `list` on the screen need not wait for

    found = source_of(theorem.id, claim, families or _installed())
    return None if found is None else found.value


@cache
def _installed() -> Mapping[str, Family]:
    """The installed families, each of whose members is made once for all claims."""
    return {name: replace(family, members=cache(partial(_listed, family))) for name, family in installed_families().items()}


def _listed(family: Family) -> tuple[Member, ...]:
    return tuple(family.members())


_WORDS = (("chevron.l", "<"), ("chevron.r", ">"), ("nabla ", "grad "), ("EE ", "E "), (" quad", ""), ("^*", "*"))
_SIGNS = {"lambda": "λ", "gamma": "γ", "mu": "μ", "sigma": "σ", "theta": "θ", "kappa": "κ", "omega": "ω", "rho": "ρ", "beta": "β", "eta": "η", "alpha": "α", "tau": "τ"}


def plain(formula: str) -> str:
    """Typst mathematics as a terminal can show it."""
    for typst, text in _WORDS:
        formula = formula.replace(typst, text)
    formula = re.sub(r'op\("(.*?)"\)|"(.*?)"', lambda match: match[1] or match[2] or "", formula)
    formula = re.sub(r"\b(" + "|".join(_SIGNS) + r")\b", lambda match: _SIGNS[match[1]], formula)
    formula = re.sub(r"norm\(((?:[^()]|\([^()]*\))*)\)", r"‖\1‖", formula)
    return formula.replace("<=", "≤").replace(">=", "≥").replace("^2", "²").strip()


def conditions(given: Any) -> str:
    """A condition as people write it, `0 < gamma <= 1/L`; empty where there is none."""
    given = sp.sympify(given)
    if not isinstance(given, sp.And | sp.core.relational.Relational):
        return "" if given == sp.true else pretty(given)
    links = [_ascending(relation) for relation in relations(given)]
    for lower in [link for link in links if len(link) == 3]:
        upper = next((link for link in links if link is not lower and link[0] == lower[-1] and link[1] != "=" and lower[1] != "="), None)
        if upper is not None and lower in links:
            links[links.index(lower)] = [*lower, *upper[1:]]
            links.remove(upper)
    return ", ".join(" ".join(part if isinstance(part, str) else pretty(part) for part in link) for link in links)


def _ascending(relation: Any) -> list[Any]:
    if isinstance(relation, sp.StrictGreaterThan | sp.GreaterThan):
        return [relation.rhs, "<" if isinstance(relation, sp.StrictGreaterThan) else "≤", relation.lhs]
    if isinstance(relation, sp.StrictLessThan | sp.LessThan):
        return [relation.lhs, "<" if isinstance(relation, sp.StrictLessThan) else "≤", relation.rhs]
    if isinstance(relation, sp.Equality):
        return [relation.lhs, "=", relation.rhs]
    return [relation]


def pretty(expression: Any) -> str:
    """An expression on one line: Greek letters, bars for absolute values, no stars."""
    return str(_Text().doprint(sp.sympify(expression))).replace("**", "^").replace("*", " ")


class _Text(StrPrinter):  # type: ignore[misc]    # sympy is untyped
    def _print_Symbol(self, expr: Any) -> str:
        head, _, tail = str(expr.name).partition("_")
        return _SIGNS.get(head, head) + (f"_{tail}" if tail else "")

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_Max(self, expr: Any) -> str:
        return f"max({self.stringify(expr.args, ', ')})"

    def _print_Min(self, expr: Any) -> str:
        return f"min({self.stringify(expr.args, ', ')})"


def update(algorithm: Any) -> str:
    """The first line of the algorithm's documentation (its formula) and how its fields are bound."""
    first = (inspect.getdoc(type(algorithm)) or "").partition("\n")[0]
    fields = ", ".join(f"{name} = {_field(value)}" for name, value in vars(algorithm).items())
    return f"{first}\n{type(algorithm).__name__}({fields})"


def _field(value: Any) -> str:
    return str(getattr(value, "__name__", None) or (pretty(value) if isinstance(value, sp.Basic) else value))


def used_symbols(claim: Any) -> list[Any]:
    """The symbols of condition, bound and defaults that can tell their meaning, by name."""
    defaults = getattr(claim, "defaults", {})
    parts = [*(getattr(claim, name, 0) for name in ("condition", "domain", "bound")), *defaults, *defaults.values()]
    found = {symbol for part in parts if isinstance(part, sp.Basic | int | float) for symbol in sp.sympify(part).free_symbols if hasattr(symbol, "meaning")}
    return sorted(found, key=lambda symbol: str(symbol.name))


def told_defaults(defaults: Mapping[Any, Any]) -> str:
    """`gamma = 1/L, ...`."""
    return ", ".join(f"{pretty(symbol)} = {pretty(value)}" for symbol, value in defaults.items())
