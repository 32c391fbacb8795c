"""What the prover takes for a formula: sympy objects and numbers. Text is never parsed, for parsing evaluates it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import sympy as sp

from convlab.errors import BadInput

NAMES = {"name", "to", "claim", "algorithm"}          # fields of facts that are no formulas


def formula(value: Any) -> Any:
    """The sympy object of a formula or number. Raises BadInput for text."""
    if isinstance(value, str):
        raise BadInput(f"{value!r} is text; write the formula without quotes, with symbols from convlab.symbols.")
    return sp.sympify(value, strict=True)


def refuse_text(where: str, fact: Any) -> None:
    """Raises BadInput where a fact is none, or holds text in place of a formula; `where` names theorem and claim."""
    if not is_dataclass(fact) or isinstance(fact, type):
        raise BadInput(f"{where}: {fact!r} is no fact; give cl.SymbolicIdentity(...), cl.OneStep(...) or another of the prover's words.")
    for place, value in _values(fact):
        if isinstance(value, str):
            raise BadInput(f"{where}, fact {getattr(fact, 'name', '')!r}: {place} holds the text {value!r}; write the formula without quotes, "
                           "with symbols from convlab.symbols.")


def _values(fact: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if is_dataclass(fact) and not isinstance(fact, type):
        for f in fields(fact):
            if f.name not in NAMES:
                yield from _values(getattr(fact, f.name), f"{place}{'.' if place else ''}{f.name}")
    elif isinstance(fact, Mapping):
        for key, value in fact.items():
            yield from _values(value, f"{place}[{key}]")
    elif isinstance(fact, (tuple, list)):
        for i, value in enumerate(fact):
            yield from _values(value, f"{place}[{i}]")
    else:
        yield place, fact
