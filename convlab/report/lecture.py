"""lecture.toml: what a lecturer chooses. Title, author, notation, and a list of sentences, statements and figures, each mistake told in one sentence."""
from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convlab.errors import BadInput, suggestion

KEYS = ("title", "author", "date", "notation", "content")
ITEMS = ("text", "statement", "claim", "figure", "param")


@dataclass(frozen=True)
class Item:
    """One line of the list: a sentence, or the name of a statement (with a claim) or of a figure (with parameters). `name` alone may be either."""

    text: str = ""
    name: str = ""
    kind: str = ""                   # "statement", "figure", or "" where the name decides
    claim: str = ""
    param: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lecture:
    """The file's contents."""

    path: Path
    title: str
    author: str
    date: str
    notation: Mapping[str, str]
    content: tuple[Item, ...]


def lecture(path: Path) -> Lecture:
    """Reads the file. Raises BadInput for what is missing, unknown or of another kind."""
    given = _read(path)
    _only(path, given, KEYS, "")
    for key in ("title", "content"):
        if not given.get(key):
            raise BadInput(f"{path}: {key} is missing; a handout has a title and a list content of sentences, ids of statements and figures.")
    notation = given.get("notation", {})
    if not isinstance(notation, dict) or not all(isinstance(value, str) for value in notation.values()):
        raise BadInput(f'{path}: notation is a table of names, such as n = "m".')
    if not isinstance(given["content"], list):
        raise BadInput(f'{path}: content is a list, such as ["gd-smooth-convex-fgap", {{text = "A sentence."}}].')
    title, author, date = (_text(path, key, given.get(key, "")) for key in ("title", "author", "date"))
    return Lecture(path, title, author, date, notation, tuple(_item(path, number, entry) for number, entry in enumerate(given["content"], start=1)))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not a TOML file: it is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not a TOML file: {error}.") from error


def _only(path: Path, given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            raise BadInput(f"{path}: {where}no key is called {key!r}.{suggestion(key, list(known))} The keys are {', '.join(known)}.")


def _text(path: Path, key: str, value: Any) -> str:
    if key == "date" and not isinstance(value, str) and hasattr(value, "isoformat"):      # a date of TOML's own
        return str(value.isoformat())
    if not isinstance(value, str):
        raise BadInput(f"{path}: {key} is text in quotation marks, not {value!r}.")
    return value.strip()


def _item(path: Path, number: int, entry: Any) -> Item:
    where = f"content, entry {number}: "
    if isinstance(entry, str):
        return Item(name=entry.strip())
    if not isinstance(entry, dict):
        raise BadInput(f'{path}: {where}an id in quotation marks or a table such as {{text = "A sentence."}}, not {entry!r}.')
    _only(path, entry, ITEMS, where)
    heads = [key for key in ("text", "statement", "figure") if key in entry]
    if len(heads) != 1:
        raise BadInput(f"{path}: {where}give exactly one of text, statement and figure; it has {' and '.join(heads) or 'none of them'}.")
    kind, value = heads[0], _text(path, f"{where}{heads[0]}", entry[heads[0]])
    stray = next((key for key, home in (("claim", "statement"), ("param", "figure")) if key in entry and kind != home), None)
    if stray is not None:
        raise BadInput(f"{path}: {where}{stray} belongs to a {'statement' if stray == 'claim' else 'figure'}, not to a {kind}.")
    if not value:
        raise BadInput(f"{path}: {where}{kind} is empty.")
    if kind == "text":
        return Item(text=value)
    param = entry.get("param", {})
    if not isinstance(param, dict) or not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in param.values()):
        raise BadInput(f'{path}: {where}param is a table of numbers, such as {{gamma = "1/4"}}.')
    claim = _text(path, f"{where}claim", entry.get("claim", ""))
    return Item(name=value, kind=kind, claim=claim, param={key: str(v) for key, v in param.items()})
