"""A user's own file: run as a module of its own, its theorems, figures and problem families collected, its mistakes told with file and line."""
from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from convlab import declaring
from convlab.catalogue import collected, kept
from convlab.errors import BadInput
from convlab.figure import Figure
from convlab.problem import Family, installed_families
from convlab.theorem import Theorem


@dataclass(frozen=True)
class UserFile:
    """What a file declares, by id and by name."""

    path: Path
    theorems: Mapping[str, Theorem]
    families: Mapping[str, Family]
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def problems(self) -> dict[str, Family]:
        """The families that its theorems are judged on: the installed ones and its own, which win where both have a name."""
        return {**installed_families(), **self.families}


def load(path: str | Path) -> UserFile:
    """Runs the file and collects what it declares. Raises BadInput, with file and line, for whatever goes wrong in it."""
    path = Path(path)
    with declaring.recording() as made:
        module = _run(path)
    imported = {id(value) for name, other in list(sys.modules.items()) if name.startswith(("convlab.theorems.", "convlab.figures.")) for value in vars(other).values()}
    imported |= {id(family) for family in installed_families().values()}
    theorems = {key: value for key, value in collected([module], Theorem).items() if id(value) not in imported}
    families = {value.name: value for value in kept(module, Family) if id(value) not in imported}
    figures = {key: value for key, value in collected([module], Figure).items() if id(value) not in imported}
    _refuse_lost(path, made, theorems)
    if not theorems and not families and not figures:
        raise BadInput(f"{path} declares no theorem and no problem family: give a cl.Theorem(...), a cl.Family(...) or a cl.Figure(...) a name in it.")
    return UserFile(path, theorems, families, figures)


def _refuse_lost(path: Path, made: Iterable[tuple[Any, str]], theorems: Mapping[str, Theorem]) -> None:
    """Raises BadInput for theorems that the file made and kept nowhere: nobody would notice that they are not checked.

    One that was made anew (`dataclasses.replace` for another title, say) is kept where its claims are; an imported file answers for its own.
    """
    own = [theorem for theorem, module in made if module == _module_name(path)]
    safe = {id(claim) for theorem in theorems.values() for claim in theorem.claims}
    lost = list(dict.fromkeys(theorem.id for theorem in own if not all(id(claim) in safe for claim in theorem.claims)))
    if lost:
        raise BadInput(f"{path} makes {', '.join(lost)} and does not keep {'it' if len(lost) == 1 else 'them'}, so that nothing would check "
                       f"{'it' if len(lost) == 1 else 'them'}: give each theorem a name of its own, or append them to a list at the top level of the file.")


def _module_name(path: Path) -> str:
    return f"convlab_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}.{path.stem}"


def _run(path: Path) -> ModuleType:
    """The file as a module: no bytecode beside it, sys.path as before, an entry in sys.modules (dataclasses and pickle need it) that no import can meet."""
    name = _module_name(path)
    module = ModuleType(name)
    module.__file__ = str(path)
    code = _compiled(path)
    sys.modules[name] = module
    try:
        with _siblings(path), blaming(path):
            exec(code, module.__dict__)
    except BadInput:
        del sys.modules[name]
        raise
    return module


def _compiled(path: Path) -> CodeType:
    try:
        text = decode_source(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except (SyntaxError, UnicodeDecodeError) as error:   # SyntaxError: what the encoding declaration, or its absence, gets
        raise BadInput(f"{path} is not a Python file: it is not UTF-8 text.") from error
    try:
        return compile(text, str(path), "exec")
    except SyntaxError as error:
        raise BadInput(f"{path}, line {error.lineno}: {error.msg}.") from error
    except ValueError as error:                          # a null byte, before Python 3.12
        raise BadInput(f"{path} is not a Python file: {error}.") from error


@contextmanager
def _siblings(path: Path) -> Iterator[None]:
    """Modules beside the file can be imported while it runs; last on the road, so that none of them hides a library's."""
    folder = str(path.resolve().parent)
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turns an exception that the file's code raised, now or when the engine runs its rules, into BadInput with the line of the file.

    The sentence begins with where the judge was (the notes that it puts on what passes). Where the file has no part in an exception, it names our place.
    """
    try:
        yield
    except (Exception, SystemExit) as error:             # the border: a user's code may raise anything
        raise BadInput(_sentence(error, path)) from (error.__cause__ if isinstance(error, BadInput) else error)


def _sentence(error: BaseException, path: Path) -> str:
    line, where = _line(error, path), " ".join(reversed(getattr(error, "__notes__", ())))
    text = str(error).strip() or "no message"
    if isinstance(error, BadInput):
        return f"{path}, line {line}: {text}" if line and not text.startswith(str(path)) else text
    if declaring.CHAINED in text:
        text += "; in place of a chain such as 0 < gamma <= 1/L write sp.And(0 < gamma, gamma <= 1/L)"
    told = (f"{where}: " if where else "") + (text if isinstance(error, ValueError) and line else f"{type(error).__name__}: {text}")
    return f"{path}, line {line}: {told}" if line else f"{path}: {told} (raised in {_place(error)})"


def _line(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
