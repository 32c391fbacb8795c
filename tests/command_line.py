"""Running the command line inside a test: the exit status, standard output and standard error of `convlab ...`."""
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from convlab.cli import app


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; whatever strict JSON does not know is an error."""
        return json.loads(self.out, parse_constant=lambda word: pytest_fail(word))


def pytest_fail(word: str) -> None:
    raise AssertionError(f"{word} is not strict JSON")


def convlab(*words: str) -> Answer:
    """The answer to one command; an exception that is no exit is raised here."""
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)
