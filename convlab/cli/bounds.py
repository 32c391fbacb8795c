"""`bound`: the right-hand side of a claim as a number."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.cli.documents import document, print_json, screen
from convlab.cli.statement import pretty, stated
from convlab.cli.targets import targets
from convlab.constants import is_rational
from convlab.errors import BadInput
from convlab.judge.verdict import jsonable, short
from convlab.run.cases import refuse_outside
from convlab.run.expressions import evaluate
from convlab.theorem import Theorem


def told(name: str, given: Mapping[str, str], *, outside: bool, json: bool) -> int:
    """Prints the bound of ID or ID:CLAIM (all claims that have a formula) at the given values."""
    name, _, wanted = name.partition(":") if not name.endswith(".py") else (name, "", "")
    results = []
    for target in targets([name], part=None, topic=None, true=False, false=False):
        theorem = target.open()
        for claim in _claims(theorem, wanted):
            results.append((theorem, claim, value(theorem, claim, given, outside=outside)))
    if json:
        print_json(document("bound", [{"theorem": theorem.id, "claim": claim.name, "bound": jsonable(found), "exact": is_rational(found)}
                                      for theorem, claim, (found, _) in results]))
        return 0
    for theorem, claim, (found, defaults) in results:
        label = theorem.id if len(theorem.claims) == 1 else f"{theorem.id}:{claim.name}"
        number = short(found) + (f" = {float(found):.6g}" if "/" in short(found) else "")
        at = f"  (default {', '.join(f'{s} = {short(v)}' for s, v in defaults.items())})" if defaults else ""
        screen().print(f"{label}: {pretty(stated(claim).bound)} = {number}{at}", markup=False)
    return 0


def _claims(theorem: Theorem, wanted: str) -> list[Any]:
    if wanted and wanted not in {claim.name for claim in theorem.claims}:
        raise BadInput(f"{theorem.id} has no claim {wanted!r}: it has {', '.join(claim.name for claim in theorem.claims)}.")
    chosen = [claim for claim in theorem.claims if wanted in ("", claim.name) and isinstance(getattr(stated(claim), "bound", None), sp.Basic | int | float)]
    if not chosen:
        raise BadInput(f"{theorem.id} states no bound as a formula" + (f" in claim {wanted!r}" if wanted else "") + ": `convlab show` tells what it claims.")
    return chosen


def value(theorem: Theorem, claim: Any, given: Mapping[str, str], *, outside: bool) -> tuple[Any, Mapping[Any, Any]]:
    """The bound (a Fraction if all is rational, else a float) and the defaults that it used. Raises BadInput for a symbol unknown, missing or out of place."""
    said = stated(claim)
    formula, condition = sp.sympify(said.bound), sp.sympify(getattr(said, "condition", sp.true))
    tunables = getattr(said, "defaults", {})
    known = {s.name: s for s in formula.free_symbols | condition.free_symbols | set(tunables)}
    for default in tunables.values():
        known.update({s.name: s for s in sp.sympify(default).free_symbols if isinstance(default, sp.Basic)})
    values = {known[name]: _number(name, text, known, theorem.id) for name, text in given.items() if name in known or _unknown(name, known, theorem.id)}
    defaults = _defaults(formula, tunables, values)
    values |= defaults
    missing = sorted((s.name for s in formula.free_symbols - set(values)), key=str)
    if missing:
        raise BadInput(f"{theorem.id}: give {', '.join(f'{name}=...' for name in missing)} ({'; '.join(_meaning(known[name]) for name in missing)}).")
    if not outside and condition.free_symbols <= set(values):
        refuse_outside(replace(said, condition=condition), theorem.id, values, "as given")
    try:
        return evaluate(formula, values), defaults
    except ZeroDivisionError:
        raise BadInput(f"{theorem.id}: the bound {formula} divides by zero there.") from None


def _defaults(formula: Any, tunables: Mapping[Any, Any], values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Defaults of the tunables that the formula needs and nobody gave, where they can be computed."""
    found: dict[Any, Any] = {}
    for tunable, default in tunables.items():
        default = sp.sympify(default)
        if tunable in formula.free_symbols and tunable not in values and default.free_symbols <= {*values, *found}:
            found[tunable] = evaluate(default, {**values, **found})
    return found


def _unknown(name: str, known: Mapping[str, Any], id: str) -> bool:
    elsewhere = f" ({symbols.table()[name].meaning} elsewhere)" if name in symbols.table() else ""
    raise BadInput(f"{id} has no symbol {name!r}{elsewhere}; it has {'; '.join(_meaning(known[other]) for other in sorted(known))}.")


def _meaning(symbol: Any) -> str:
    return f"{symbol.name}: {symbol.meaning}, {symbol.domain}" if hasattr(symbol, "meaning") else str(symbol.name)


def _number(name: str, text: str, known: Mapping[str, Any], id: str) -> Any:
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise BadInput(f"{name}={text}: {text!r} is no number; write 10, 0.25 or 1/4.") from None
    if known[name].is_integer and number.denominator != 1:
        raise BadInput(f"{name}={text}: {name} is an integer in {id} ({_meaning(known[name])}).")
    if (known[name].is_positive and number <= 0) or (known[name].is_nonnegative and number < 0):
        raise BadInput(f"{name}={text} is out of its domain in {id} ({_meaning(known[name])}).")
    return int(number) if known[name].is_integer else number if set(text) <= set("0123456789/+-") else float(number)
