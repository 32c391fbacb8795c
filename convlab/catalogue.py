"""The catalogue: every theorem in a file of `convlab.theorems` and every figure in one of `convlab.figures`, found by walking; the parts and topics."""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from convlab.errors import BadInput, suggestion
from convlab.figure import Figure
from convlab.theorem import FalseClaim, Theorem

PARTS: Mapping[str, tuple[str, ...]] = {
    "I": ("gradient_descent", "projected", "proximal", "nesterov", "quasi_newton", "zeroth_order"),
    "II": ("sgd", "stability", "momentum", "adaptive", "variance_reduction"),
    "III": ("mixed_precision", "clipping", "adversarial", "multitask", "meta", "bilevel"),
    "IV": ("compression", "federated", "decentralized", "asynchronous", "byzantine"),
}
"""The lecture's four parts and their topics; a topic is the name of the file that its theorems stand in."""

Kind = TypeVar("Kind")
Named = TypeVar("Named", Theorem, Figure)
_PART_OF = {topic: part for part, topics in PARTS.items() for topic in topics}
_ORDER = list(_PART_OF)


def part_of(theorem: Theorem) -> str | None:
    """I, II, III or IV; None for the topic of a user's own file."""
    return _PART_OF.get(theorem.topic)


def theorems() -> dict[str, Theorem]:
    """Every theorem of the catalogue by its id, in the order of parts, topics and files. Raises BadInput naming both files for an id used twice."""
    return dict(_catalogue())


@cache
def _catalogue() -> Mapping[str, Theorem]:
    found = collected(_modules("convlab.theorems"), Theorem)  # as an attribute, `convlab.theorems` is the function above
    return dict(sorted(found.items(), key=lambda item: _ORDER.index(item[1].topic) if item[1].topic in _ORDER else len(_ORDER)))


def _modules(package: str) -> list[ModuleType]:
    walked = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    return [importlib.import_module(found.name) for found in walked if not found.ispkg]


def figures() -> dict[str, Figure]:
    """Every figure by its id, in the order of their files. Raises BadInput naming both files for an id used twice."""
    return dict(_figures())


@cache
def _figures() -> Mapping[str, Figure]:
    return collected(_modules("convlab.figures"), Figure)


def figure(id: str) -> Figure:
    """The figure of this id. Raises BadInput suggesting near ones."""
    known = _figures()
    if id not in known:
        raise BadInput(f"No figure is called {id!r}.{suggestion(id, list(known))} `convlab list --figures` shows them all.")
    return known[id]


def collected(modules: Iterable[ModuleType], kind: type[Named]) -> dict[str, Named]:
    """The theorems (or figures) that these modules name or keep in lists, tuples and dicts, by id. Raises BadInput when two different ones share an id."""
    homes: dict[str, tuple[Named, ModuleType]] = {}
    for module in modules:
        for value in kept(module, kind):
            known, home = homes.setdefault(value.id, (value, module))
            if known is not value:
                where = f"both in {home.__file__}" if home is module else f"one in {home.__file__}, one in {module.__file__}"
                raise BadInput(f"Two {kind.__name__.lower()}s are called {value.id!r}, {where}: rename one.")
    return {id: value for id, (value, _) in homes.items()}


def kept(module: ModuleType, kind: type[Kind]) -> Iterator[Kind]:
    """The objects of a kind that a module names, or keeps in a list, tuple or dict that it names."""
    seen: set[int] = set()
    waiting: list[Any] = [value for name, value in reversed(vars(module).items()) if not name.startswith("__")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, kind):
            yield value
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:      # a list may hold itself
            seen.add(id(value))
            waiting.extend(reversed(list(value.values() if isinstance(value, dict) else value)))


def theorem(id: str) -> Theorem:
    """The theorem of this id, or of one of the ids that it is `also` known by. Raises BadInput suggesting near ones."""
    home = _home(id)
    if home is not None:
        return home
    known = _catalogue()
    others = {other: found for found in known.values() for other in found.also}
    if id in others:
        return others[id]
    raise BadInput(f"No theorem is called {id!r}.{suggestion(id, [*known, *others])} `convlab list` shows them all.")


def _home(id: str) -> Theorem | None:
    """The theorem of this id from the file that spells it, without importing the other topics."""
    package = importlib.import_module("convlab.theorems")
    for file in sorted(path for folder in package.__path__ for path in Path(folder).rglob("*.py")):
        if f'"{id}"' in file.read_text(encoding="utf-8"):
            inside = file.relative_to(next(folder for folder in package.__path__ if file.is_relative_to(folder))).with_suffix("")
            found = collected([importlib.import_module(".".join((package.__name__, *inside.parts)))], Theorem)
            if id in found:
                return found[id]
    return None


def select(chosen: Iterable[Theorem], *, part: str | None = None, topic: str | None = None, true: bool = False, false: bool = False) -> tuple[Theorem, ...]:
    """Those of the chosen theorems that stand in a part and topic; `true` leaves their false claims out, `false` takes only these."""
    if part is not None and part not in PARTS:
        raise BadInput(f"There is no part {part!r}: the parts are {', '.join(PARTS)}.")
    if topic is not None and topic not in _PART_OF:
        raise BadInput(f"There is no topic {topic!r}.{suggestion(topic, _ORDER)} The topics are {', '.join(_ORDER)}.")
    if true and false:
        raise BadInput("--all leaves the false claims out and --false takes only them: give one of the two.")
    standing = [t for t in chosen if part in (None, part_of(t)) and topic in (None, t.topic)]
    if not (true or false):
        return tuple(standing)
    kept = [(t, tuple(c for c in t.claims if isinstance(c, FalseClaim) == false)) for t in standing]
    return tuple(t if claims == t.claims else replace(t, claims=claims) for t, claims in kept if claims)
