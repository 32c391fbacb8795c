"""A theorem on another algorithm than its own: what must be known of it, and what it lacks, said as the reason why nothing is judged."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from convlab.errors import BadInput
from convlab.run.bind import symbols_of
from convlab.run.cases import NotApplicable
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.symbols import table
from convlab.theorem import Law, StabilityRegion


def in_its_place(claim: Any, algorithm: Any, at: Mapping[Any, Any]) -> Any:
    """The claim on another algorithm (None: its own) with tunables set. Raises NotApplicable, with the reason, where it then says nothing certain.

    A tunable of the theorem that stands in no field of the algorithm has no value until it is set: the algorithm would run with another one than the bound.
    """
    unknown = [s for s in at if s not in getattr(claim, "defaults", {})]
    if unknown:
        raise NotApplicable(f"the claim has no parameter {unknown[0]}; it has {', '.join(sorted(map(str, getattr(claim, 'defaults', {})))) or 'none'}")
    if isinstance(claim, StabilityRegion) and claim.sweep in at:
        raise NotApplicable(f"a region is judged on both sides of its edge in {claim.sweep}, which is set to {at[claim.sweep]}")
    if algorithm is None:
        return claim
    own = getattr(claim, "algorithm", None)
    if own is None or getattr(claim, "coupled", None) is not None:
        raise NotApplicable(f"a {type(claim).__name__} of {'two coupled runs' if getattr(claim, 'coupled', None) else 'this form'} has no one algorithm to replace")
    unsaid = sorted((symbols_of(own) & set(claim.defaults)) - symbols_of(algorithm) - set(at), key=str)
    if unsaid:
        raise NotApplicable(f"{name_of(algorithm)} has no field that holds {unsaid[0]}, of which the claim speaks; say its value, parameters={{{unsaid[0]}: ...}}")
    if is_random(algorithm) and not is_random(own) and getattr(claim, "law", None) is Law.SURELY:
        raise NotApplicable(f"the claim speaks of a method without randomness, {name_of(algorithm)} draws")
    return replace(claim, algorithm=algorithm)


def name_of(algorithm: Any) -> str:
    """How an algorithm is told."""
    return str(getattr(algorithm, "name", "") or type(algorithm).__name__)


def set_values(parameters: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Tunables by symbol, exact where they are numbers: {gamma: 0.1} or {"gamma": "1/4"} or {gamma: 1/(4*L)}. Raises BadInput for what is no symbol or value."""
    found: dict[Any, Any] = {}
    for name, value in (parameters or {}).items():
        found[_symbol(name)] = _value(name, value)
    return found


def _symbol(name: Any) -> Any:
    if isinstance(name, sp.Symbol):
        return name
    if name in table():
        return table()[name]
    raise BadInput(f"parameters: {name!r} is no symbol; write parameters={{gamma: 0.1}} with gamma from convlab.symbols, or the name of one of its symbols.")


def _value(name: Any, value: Any) -> Any:
    if isinstance(value, sp.Basic) and value.free_symbols:
        return value
    try:
        number = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise BadInput(f"parameters: {name} = {value!r} is no number and no expression in constants; write 0.25, Fraction(1, 4) or 1/(4*L).") from None
    return int(number) if isinstance(value, int) and not isinstance(value, bool) else number


@contextmanager
def lacking(settings: Settings) -> Iterator[None]:
    """What an algorithm that is not the theorem's own lacks, or asks of a problem that does not offer it, as NotApplicable."""
    try:
        yield
    except AttributeError as error:
        lacked = getattr(error, "obj", None)
        if not settings.replaced or lacked is None or error.name is None:
            raise
        if isinstance(lacked, tuple) and hasattr(lacked, "_fields"):
            raise NotApplicable(f"the claim reads {error.name} of the state, which this algorithm does not have: its state has {', '.join(lacked._fields)}") from None
        raise NotApplicable(f"{type(lacked).__name__} does not offer {error.name}, which the algorithm asks for") from None
