"""An optimizer that is to be tested: of which library it is, how its hyperparameters are called, and the convlab algorithm that it makes at given ones."""
from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import sympy as sp

from convlab.adapters.memory import Factory, told
from convlab.errors import BadInput
from convlab.symbols import gamma
from convlab.testing.likeness import SPELLED, TESTED

Spelled = Any             # a keyword, or (keyword, place in its tuple)
WHAT = ("give a function of optax or a GradientTransformation, a class of torch.optim or an instance (functools.partial fixes settings), "
        "or an algorithm with init and step")


@dataclass(frozen=True)
class Candidate:
    """`spelled`: the hyperparameters that can be set, by role. `own`: the values that they have by themselves, and those said of the others."""

    label: str
    library: str                         # "optax", "torch" or "convlab"
    make: Any                            # a Factory; of a ready-made transformation or algorithm, itself
    spelled: Mapping[Any, Spelled]
    own: Mapping[Any, float]
    tuples: Mapping[str, tuple[Any, ...]]

    def keywords(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """Its hyperparameters by their own names, at these values of roles and its own values of the others."""
        found: dict[str, Any] = {}
        for role, spelling in self.spelled.items():
            value = values.get(role, self.own.get(role, TESTED[role]))
            if isinstance(spelling, tuple):
                name, place = spelling
                entries = list(found.get(name, self.tuples[name]))
                entries[place] = value
                found[name] = tuple(entries)
            else:
                found[spelling] = value
        return found

    def algorithm(self, values: Mapping[Any, Any], dtype: str = "float64") -> Any:
        """The convlab algorithm at these values of roles; they may be symbols, or one number a case."""
        keywords = self.keywords(values)
        if self.library == "optax":
            from convlab.adapters.optax import algorithm as adapted

            return adapted(self.make, dtype=dtype, **keywords)
        if self.library == "torch":
            from convlab.adapters.torch import algorithm as torch_adapted

            return torch_adapted(self.make, dtype=dtype, **keywords)
        return self.plain(keywords)

    def plain(self, keywords: Mapping[str, Any]) -> Any:
        """A convlab algorithm with these fields."""
        if isinstance(self.make, Factory):
            return self.make(**keywords)
        made: Any = replace(self.make, **keywords)
        return made

    def values(self, roles: tuple[Any, ...]) -> dict[Any, float]:
        """Where the checks of rules are made: far from the defaults as far as roles can be set, else what is known of them."""
        return {role: TESTED[role] if role in self.spelled else self.own[role] for role in roles if role in self.spelled or role in self.own}


def recognised(optimizer: Any, roles: tuple[Any, ...], said: Mapping[Any, float], names: Mapping[str, Any] | None = None) -> Candidate:
    """What a user gave as a candidate. `said` are values of roles that cannot be set, `names` spellings of roles that are not known here.

    Raises BadInput for what is no optimizer.
    """
    torch = sys.modules.get("torch")
    target = optimizer.func if isinstance(optimizer, partial) else optimizer
    if torch is not None and isinstance(optimizer, torch.optim.Optimizer):
        from convlab.adapters.torch import settings_of

        kind: Any = type(optimizer)
        return recognised(partial(kind, **settings_of(optimizer)), roles, said, names)
    if _transforms(optimizer):
        return Candidate("a GradientTransformation", "optax", optimizer, {}, dict(said), {})
    if _steps(target):
        return _ours(optimizer, target, roles, said, names)
    if not callable(optimizer):
        raise BadInput(f"{optimizer!r} is no optimizer: {WHAT}.")
    found = _signature(optimizer)
    first = next(iter(found), "")
    spelled, own, tuples = _spellings(found, roles, names)
    if (torch is not None and isinstance(target, type) and issubclass(target, torch.optim.Optimizer)) or first == "params":
        return Candidate(f"torch {told(optimizer)}", "torch", Factory(optimizer), spelled, {**own, **said}, tuples)
    candidate = Candidate(told(optimizer), "convlab", Factory(optimizer), spelled, {**own, **said}, tuples)
    made = _tried(optimizer, candidate)
    if _transforms(made):
        return replace(candidate, library="optax", label=f"optax {told(optimizer)}")
    if not _steps(made):
        raise BadInput(f"{told(optimizer)} makes a {type(made).__name__}, which is no optimizer: {WHAT}.")
    return candidate


def _transforms(given: Any) -> bool:
    return isinstance(given, tuple) and callable(getattr(given, "init", None)) and callable(getattr(given, "update", None))


def _steps(given: Any) -> bool:
    return callable(getattr(given, "init", None)) and callable(getattr(given, "step", None)) and is_dataclass(given)


def _tried(optimizer: Callable[..., Any], candidate: Candidate) -> Any:
    try:
        return optimizer(**candidate.keywords({}))
    except TypeError as error:
        raise BadInput(f"{told(optimizer)} cannot be called with {', '.join(candidate.keywords({})) or 'nothing'}: {error}. "
                       f"Fix what else it needs by functools.partial, or say how it spells the step size, names={{'its_name': gamma}}.") from error


def _ours(optimizer: Any, target: Any, roles: tuple[Any, ...], said: Mapping[Any, float], names: Mapping[str, Any] | None) -> Candidate:
    """An algorithm with init and step: a class, a partial one, or an instance, whose fields of numbers and symbols can be replaced."""
    label = f"convlab {told(optimizer) if isinstance(target, type) else type(target).__name__}"
    if isinstance(target, type):
        spelled, own, tuples = _spellings(_signature(optimizer), roles, names)
        return Candidate(label, "convlab", Factory(optimizer), spelled, {**own, **said}, tuples)
    found = {f.name: inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=getattr(target, f.name)) for f in fields(target) if f.init}
    spelled, own, tuples = _spellings(found, roles, names)
    return Candidate(label, "convlab", target, spelled, {**own, **said}, tuples)


def _signature(optimizer: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(optimizer).parameters
    except (TypeError, ValueError):
        return {}


def _spellings(found: Mapping[str, inspect.Parameter], roles: tuple[Any, ...],
               names: Mapping[str, Any] | None) -> tuple[dict[Any, Spelled], dict[Any, float], dict[str, Any]]:
    """How the roles are spelled among parameters, the values that these have by default, and the defaults of those that are tuples."""
    spelled: dict[Any, Spelled] = {}
    own: dict[Any, float] = {}
    tuples: dict[str, Any] = {}
    asked: dict[Any, list[Any]] = {role: [name for name, meant in (names or {}).items() if meant == role] or list(SPELLED[role]) for role in roles}
    for role, spellings in asked.items():
        for spelling in spellings:
            name, place = spelling if isinstance(spelling, tuple) else (spelling, None)
            if name not in found or role in spelled:
                continue
            default = found[name].default
            if place is not None:
                if not isinstance(default, tuple):
                    continue
                tuples[name], default = default, default[place]
            spelled[role] = spelling
            if isinstance(default, (int, float)) or (isinstance(default, sp.Basic) and default.is_number):
                own[role] = float(default)
    return spelled, own, tuples


def defaults_of(candidate: Candidate, roles: tuple[Any, ...]) -> dict[Any, float]:
    """The roles at the values that the optimizer has by itself, the step size of the checks."""
    return {**candidate.values(roles), **{role: candidate.own[role] for role in roles if role in candidate.own and role != gamma}}
