"""What a command works on: theorems named on the command line, in a form that a worker process can open again."""
from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from convlab import catalogue, userfile
from convlab.errors import BadInput, suggestion
from convlab.problem import Family
from convlab.theorem import Theorem


@dataclass(frozen=True)
class Target:
    """One theorem by its id, and the file it stands in where it is a user's; `true` and `false` choose among its claims as `catalogue.select` does."""

    id: str
    file: Path | None = None
    true: bool = False
    false: bool = False

    def open(self) -> Theorem:
        """The theorem."""
        found = catalogue.theorem(self.id) if self.file is None else _file(self.file).theorems[self.id]
        return catalogue.select([found], true=self.true, false=self.false)[0]

    def word(self) -> str:
        """What names it on a command line."""
        if self.file is None:
            return self.id
        return shlex.quote(str(self.file) if len(_file(self.file).theorems) == 1 else f"{self.file}:{self.id}")

    def families(self) -> Mapping[str, Family] | None:
        """The problem families that it is judged on; None for the installed ones."""
        return None if self.file is None else _file(self.file).problems()

    def blaming(self) -> AbstractContextManager[None]:
        """Inside, an exception of the user's own code becomes a sentence with file and line."""
        return nullcontext() if self.file is None else userfile.blaming(self.file)


@cache
def _file(path: Path) -> userfile.UserFile:
    return userfile.load(path)


def is_file(name: str) -> bool:
    """Whether a word of the command line means a file."""
    return name.endswith(".py") or ".py:" in name or "/" in name or "\\" in name


def file_of(name: str) -> userfile.UserFile:
    """The user's file of this name."""
    return _file(Path(name))


def targets(names: list[str] | None, *, part: str | None, topic: str | None, true: bool, false: bool, verb: str = "") -> list[Target]:
    """The chosen theorems in order, each once. Raises BadInput where nothing is chosen (with `verb`: a command that wants to be told) or nothing is left."""
    if not names and verb and not (part or topic or true or false):
        raise BadInput(f"Say what to {verb}: the id of a theorem, a FILE.py, --all, --part, --topic or --false. `convlab list` shows the ids.")
    found: dict[tuple[Path | None, str], Theorem] = {}
    for name in names or []:
        if is_file(name):
            file, wanted = _file_and_id(name)
            found.update({(file, key): theorem for key, theorem in _theorems_in(file, wanted).items()})
        else:
            theorem = catalogue.theorem(name)
            found[None, theorem.id] = theorem
    if not names:
        found = {(None, key): theorem for key, theorem in catalogue.theorems().items()}
    kept = {(file, key): catalogue.select([theorem], part=part, topic=topic, true=true, false=false) for (file, key), theorem in found.items()}
    chosen = [Target(key, file, true, false) for (file, key), theorems in kept.items() if theorems]
    if not chosen:
        raise BadInput("No theorem is left after " + (" and ".join(_filters(part, topic, true, false)) or "reading the file: it declares problem families only") + ".")
    return chosen


def _file_and_id(name: str) -> tuple[Path, str]:
    """FILE.py, or FILE.py:ID for one theorem of it."""
    stem, colon, wanted = name.partition(".py:")
    return (Path(f"{stem}.py"), wanted) if colon else (Path(name), "")


def _theorems_in(file: Path, wanted: str) -> Mapping[str, Theorem]:
    known = _file(file).theorems
    if wanted and wanted not in known:
        raise BadInput(f"{file} has no theorem {wanted!r}.{suggestion(wanted, list(known))} It has {', '.join(known) or 'problem families only'}.")
    return {wanted: known[wanted]} if wanted else known


def _filters(part: str | None, topic: str | None, true: bool, false: bool) -> list[str]:
    return [text for text, given in ((f"--part {part}", part), (f"--topic {topic}", topic), ("--all", true), ("--false", false)) if given]
