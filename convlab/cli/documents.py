"""The one JSON document that a command prints, and where text goes: results to standard output, everything else to standard error. And the exit statuses."""
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from rich.console import Console

EXPECTED, UNEXPECTED, BAD_INPUT, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130     # exit statuses; 130 is what shells report for Ctrl-C
WIDTH = 100     # columns: tables stay readable side by side with an editor

Item = Mapping[str, Any]


def document(command: str, results: Iterable[Item], *, seed: int | None = None, alpha: float | None = None,
             counts: Mapping[str, int] | None = None, skipped: Iterable[Item] = ()) -> dict[str, Any]:
    """The contract of `--json`; every item of `results` carries `theorem` and `claim`, null where the command is not about theorems."""
    return {"schema": f"convlab.{command}/1", "command": command, "convlab": version("convergence-lab"), "seed": seed, "alpha": alpha,
            "counts": dict(counts or {}), "skipped": list(skipped), "results": [{"theorem": None, "claim": None, **item} for item in results]}


def print_json(made: Mapping[str, Any]) -> None:
    """Writes the document. Strict JSON: a NaN or an infinity in it is an error of ours."""
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def screen() -> Console:
    """Standard output for people: at most WIDTH columns, and that many where the width is not known."""
    console = Console(highlight=False, soft_wrap=False, emoji=False)      # `:ring:` is a claim
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


def messages() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else WIDTH)


def counted(number: int, noun: str) -> str:
    """`1 theorem`, `2 theorems`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
