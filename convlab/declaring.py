"""What a declaration may hold: each field of a claim is put into its one form, or refused in a sentence that says what to write instead.

Convenient forms are accepted: a plain number as a bound, "<=" for a relation, one assumption without its comma, a tuple of relations as a condition.
"""
from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from enum import Enum
from numbers import Real
from typing import Any

import sympy as sp

from convlab.vocabulary import Grid, Instance, Law, Mode, Relation, Sense

CHAINED = "cannot determine truth value of Relational"      # sympy's words for `0 < gamma <= 1/L`
_MADE: ContextVar[list[tuple[Any, str]] | None] = ContextVar("made", default=None)


@contextmanager
def recording() -> Iterator[list[tuple[Any, str]]]:
    """The theorems that are made inside, each with the name of the module that made it."""
    made: list[tuple[Any, str]] = []
    token = _MADE.set(made)
    try:
        yield made
    finally:
        _MADE.reset(token)


def record(theorem: Any, module: str) -> None:
    """Tells whoever records that a theorem was made."""
    made = _MADE.get()
    if made is not None:
        made.append((theorem, module))


def normalise(claim: Any) -> None:
    """Puts every field of a new claim into its one form. Raises ValueError naming the claim and the field."""
    for f in fields(claim):
        rule = RULES.get(f.name)
        given = getattr(claim, f.name)
        if f.name == "bound" and "metric" not in claim.__dataclass_fields__:
            rule = _bound_of_states if "where" in claim.__dataclass_fields__ else _bound
        if rule is None or (given is None and f.default is None):
            continue
        try:
            object.__setattr__(claim, f.name, rule(given))
        except ValueError as error:
            raise ValueError(f"{type(claim).__name__} {claim.name!r}: {f.name}={_shown(given)}: {error}") from None


def _shown(value: Any) -> str:
    """A value as its declaration would write it, or near."""
    if isinstance(value, (tuple, list)):
        ends = "()" if isinstance(value, tuple) else "[]"
        text = f"{ends[0]}{', '.join(map(_shown, value))}{ends[1]}"
    else:
        text = value.__name__ if isinstance(value, type) or inspect.isfunction(value) else repr(value)
    text = f"{type(value).__name__}(...)" if " object at 0x" in text else text
    return text if len(text) <= 80 else text[:77] + "..."


# ---- one rule a field: the value in its one form, or ValueError with the end of a sentence
def _algorithm(value: Any) -> Any:
    if isinstance(value, type):
        raise ValueError(f"that is a class; give an object of it, {value.__name__}(...) with its fields, such as {value.__name__}(step_size=gamma).")
    if not is_dataclass(value):
        raise ValueError(f"{type(value).__name__} is no dataclass, so its fields are not known; write @dataclass(frozen=True) above the class and declare them.")
    for name in ("init", "step"):
        if not callable(getattr(value, name, None)):
            raise ValueError(f"{type(value).__name__} has no {name}; write {_FORMS[name]}.")
    draws = getattr(value, "draws", None)
    _takes(getattr(value, "init"), 2, f"init: write {_FORMS['init']}")  # noqa: B009 (a dataclass of the user's)
    _takes(getattr(value, "step"), 2 if draws is None else 3, f"step: write {_FORMS['step' if draws is None else 'random']}")  # noqa: B009
    if draws is not None:
        _takes(draws, 1, "draws: write def draws(self, oracle)")
    return value


_FORMS = {"init": "def init(self, x0, oracle), which returns the first state", "step": "def step(self, state, oracle), which returns the next state",
          "random": "def step(self, state, oracle, draw), since draws(self, oracle) is there, too"}


def _takes(function: Callable[..., Any], count: int, what: str) -> None:
    """Raises ValueError where a function cannot be called with so many values."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):          # built in: its signature is not known
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        raise ValueError(f"wrong arguments of {what} ({error}).") from None


def _function(count: int, example: str) -> Callable[[Any], Any]:
    def rule(value: Any) -> Any:
        if isinstance(value, type) or not callable(value):
            raise ValueError(f"that is {_kind(value)}; give a function, {example}.")
        _takes(value, count, f"the function: {example}")
        return value

    return rule


def _kind(value: Any) -> str:
    return "a class" if isinstance(value, type) else "text" if isinstance(value, str) else f"a {type(value).__name__}"


def _formula(value: Any, example: str) -> Any:
    if isinstance(value, str):
        raise ValueError(f"that is text; write the formula without quotes, {example}, with symbols from convlab.symbols.")
    if isinstance(value, sp.Expr):
        return value
    if isinstance(value, Real) and not math.isnan(value):      # True is 1 here, as in Python
        return sp.sympify(value)
    raise ValueError(f"that is {_kind(value)}; give a formula, {example}, or a number.")


def _bound(value: Any) -> Any:
    return _formula(value, "bound=R**2/(2*gamma*k)")


def _bound_along(value: Any) -> Any:
    if callable(value) and not isinstance(value, (type, sp.Basic)):
        return _function(3, "bound(k, case, record)")(value)
    return _bound(value)


_bound_of_states = _function(2, "bound(state, case)")


def _assumptions(value: Any) -> tuple[type, ...]:
    kinds = (value,) if isinstance(value, type) else _tuple(value, "assumptions=(Convex, Smooth)")
    for kind in kinds:
        if isinstance(kind, str):
            raise ValueError(f"{kind!r} is text; give the class, cl.{kind}, without quotes.")
        if not isinstance(kind, type):
            raise ValueError(f"{_shown(kind)} is an object; give the class {type(kind).__name__}, without parentheses: its constants come from the problems.")
    return kinds


def _tuple(value: Any, example: str) -> tuple[Any, ...]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise ValueError(f"that is {_kind(value)}; give a tuple, {example}.")
    return tuple(value)


def _condition(value: Any) -> Any:
    parts = [_relation_of_symbols(part) for part in value] if isinstance(value, (tuple, list)) else [_relation_of_symbols(value)]
    found = sp.And(*parts)
    if found == sp.false:
        raise ValueError("it is false everywhere, so that nothing would be judged. An equation is sp.Eq(gamma, 1/L): == compares the formulas as they are written.")
    return found


def _relation_of_symbols(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError("that is text; write it without quotes, condition=sp.And(0 < gamma, gamma <= 1/L), with symbols from convlab.symbols.")
    if isinstance(value, (bool, sp.logic.boolalg.Boolean)) and not isinstance(value, sp.Symbol):      # sympy's symbols may be truth values
        return sp.sympify(value)
    raise ValueError(f"that is {_kind(value)}; write a relation, or several in sp.And(0 < gamma, gamma <= 1/L).")


def _defaults(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"that is {_kind(value)}; give a dict from symbols to values, defaults={{gamma: 1/L}}.")
    for key, item in value.items():
        if not isinstance(key, sp.Symbol):
            raise ValueError(f"the key {key!r} is {_kind(key)}; write the symbol, without quotes: defaults={{gamma: 1/L}}, gamma from convlab.symbols.")
        _formula(item, f"{key}: 1/L")
    return value


def _mode(value: Any) -> Mode:
    if not isinstance(value, Mode):
        raise ValueError(f"that is {_kind(value)}; write cl.every_iterate, cl.best_of(0, -1), cl.mean_of(0, -1) or cl.sum_of(0, -1).")
    return value


def _grid(value: Any) -> Grid:
    if not isinstance(value, Grid):
        raise ValueError(f"that is {_kind(value)}; write cl.every_k, cl.from_k(1), cl.multiples_of(5) or, for runs with K fixed in advance, cl.horizons(1, 10, 100).")
    return value


def _one_of(kind: type[Enum]) -> Callable[[Any], Any]:
    def rule(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return kind(value)
        except ValueError:
            words = ", ".join(f'"{member.value}" (cl.{member})' for member in kind)
            raise ValueError(f"there is no such {kind.__name__.lower()}; write one of {words}.") from None

    return rule


def _instances(value: Any) -> tuple[Instance, ...]:
    found = (value,) if isinstance(value, Instance) else _tuple(value, 'a cl.Instance("quadratic", spectrum=(mu, L), start=(R, 0)) in it')
    for item in found:
        if not isinstance(item, Instance):
            raise ValueError(f'{_shown(item)} is {_kind(item)}; name the problem, cl.Instance("quadratic", spectrum=(mu, L), start=(R, 0)).')
    return found


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else _tuple(value, 'of names of state fields, ("previous",)')


def _several(value: Any) -> tuple[Any, ...]:
    return (value,) if is_dataclass(value) else _tuple(value, "with a comma where it holds one thing, (...,)")


def _pair(value: Any) -> tuple[Any, ...]:
    pair = _tuple(value, "of two algorithms")
    if len(pair) != 2:
        raise ValueError(f"it has {len(pair)} entries; give two algorithms.")
    return tuple(_algorithm(item) for item in pair)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"that is {_kind(value)}; give text.")
    return value


RULES: Mapping[str, Callable[[Any], Any]] = {
    "algorithm": _algorithm, "coupled": _pair, "bound": _bound_along, "metric": _function(2, "metric(state, case)"), "assumptions": _assumptions,
    "condition": _condition, "domain": _condition, "defaults": _defaults, "mode": _mode, "grid": _grid, "relation": _one_of(Relation), "law": _one_of(Law),
    "sense": _one_of(Sense), "tight": _instances, "on": _instances, "free_state": _names, "reads": _several, "facts": _several, "mutants": _several,
    "after": _function(2, "after(state, case)"), "where": _function(2, "where(state, case)"), "error": _function(3, "error(x, y, values)"),
    "scale": _function(2, "scale(x, values)"), "inputs": _function(2, "inputs(rng, values)"), "name": _text, "note": _text, "statement": _text,
}
