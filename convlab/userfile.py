"""A user's own file: run as a module of its own, its theorems and problem families collected, its mistakes told with file and line."""
from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, ModuleType

from convlab.catalogue import collected
from convlab.errors import BadInput
from convlab.problem import Family, installed_families
from convlab.theorem import Theorem


@dataclass(frozen=True)
class UserFile:
    """What a file declares, by id and by name."""

    path: Path
    theorems: Mapping[str, Theorem]
    families: Mapping[str, Family]

    def problems(self) -> dict[str, Family]:
        """The families that its theorems are judged on: the installed ones and its own, which win where both have a name."""
        return {**installed_families(), **self.families}


def load(path: str | Path) -> UserFile:
    """Runs the file and collects what it declares. Raises BadInput, with file and line, for whatever goes wrong in it."""
    path = Path(path)
    module = _run(path)
    imported = {id(value) for name, other in list(sys.modules.items()) if name.startswith("convlab.theorems.") for value in vars(other).values()}
    imported |= {id(family) for family in installed_families().values()}
    theorems = {key: value for key, value in collected([module]).items() if id(value) not in imported}
    families = {value.name: value for value in vars(module).values() if isinstance(value, Family) and id(value) not in imported}
    if not theorems and not families:
        raise BadInput(f"{path} declares no theorem and no problem family: give a cl.Theorem(...) or a cl.Family(...) a name in it.")
    return UserFile(path, theorems, families)


def _run(path: Path) -> ModuleType:
    """The file as a module: no bytecode beside it, sys.path as before, an entry in sys.modules (dataclasses and pickle need it) that no import can meet."""
    name = f"convlab_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}.{path.stem}"
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

    A ValueError in which the file has no part (the engine refuses a declaration) becomes BadInput too; any other exception is ours and passes.
    """
    try:
        yield
    except BadInput as error:
        line = _line(error, path)
        raise (BadInput(f"{path}, line {line}: {error}") if line else error) from error.__cause__
    except (Exception, SystemExit) as error:             # the border: a user's code may raise anything
        line = _line(error, path)
        if line is None and not isinstance(error, ValueError):
            raise
        text = str(error).strip() or "no message"
        told = text if isinstance(error, ValueError) and line else f"{type(error).__name__}: {text}"
        raise BadInput(f"{path}, line {line}: {told}" if line else f"{path}: {told} (raised in {_place(error)})") from error


def _line(error: BaseException, path: Path) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
