"""The file of `--convlab-report`: what a test suite judged, as JSON or as a PDF of one table."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from convlab.errors import BadInput
from convlab.report.document import compiled
from convlab.run.settings import Settings

Told = Sequence[Mapping[str, Any]]


def write(path: Path, told: Told, alpha: float | None, seed: int) -> None:
    """Writes the file in one piece; its ending says which. Raises BadInput where it cannot be written."""
    level = Settings().alpha if alpha is None else alpha
    beside = path.with_name(f".{path.name}.writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(as_json(told, level, seed).encode() if path.suffix == ".json" else compiled(as_typst(told, level, seed), path.parent))
        os.replace(beside, path)
    except OSError as error:
        raise BadInput(f"--convlab-report: {path} cannot be written: {error.strerror}. Give another file.") from error


def as_json(told: Told, alpha: float, seed: int) -> str:
    """The `convlab.pytest/1` document: strict JSON."""
    counts: dict[str, int] = {}
    for one in told:
        for name, count in one["judged"].items():
            counts[name] = counts.get(name, 0) + count
    head = {"schema": "convlab.pytest/1", "command": "pytest", "convlab": version("convergence-lab"), "seed": seed, "alpha": alpha, "counts": counts}
    return json.dumps({**head, "results": list(told)}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def as_typst(told: Told, alpha: float, seed: int) -> str:
    """The source of the PDF."""
    rows = [cell for one in told for cell in (one["test"], f"{one['theorem']}\n{one['algorithm']}", one["verdict"], str(one["examples"]),
                                             ", ".join(f"{name} {count}" for name, count in one["judged"].items()) or "nothing", _worst(one["worst"]))]
    cells = ", ".join(f"[#{_text(cell)}]" for cell in rows)
    return f"""#set page(paper: "a4", flipped: true, margin: 15mm, numbering: "1")
#set text(font: "New Computer Modern", size: 8pt)
= What the test suite judged
convlab {version("convergence-lab")}, alpha = {alpha:g} for each assertion, seed {seed}; {len(told)} assertions in {len({one["test"] for one in told})} tests.
#table(columns: (3fr, 3fr, 1.2fr, auto, 1.5fr, 3fr), stroke: 0.3pt, table.header([*Test*], [*Theorem and algorithm*], [*Verdict*], [*Examples*], [*Judged by*],
  [*Worst measured/bound*]){", " if cells else ""}{cells})
"""


def _worst(worst: Mapping[str, Any] | None) -> str:
    if worst is None:
        return "none above the resolution"
    ratio = worst["ratio"] if worst["ratio"] is not None else f"10^{worst['ratio_log10']:.3g}" if worst["ratio_log10"] is not None else "infinite"
    return f"{ratio if isinstance(ratio, (str, int)) else format(ratio, '.6g')} at k = {worst['k']} on {worst['problem']}"


def _text(cell: str) -> str:
    """A Typst string; long names may break at their punctuation."""
    quoted = json.dumps(cell, ensure_ascii=False)
    return re.sub(r"(?<!\\)([_/.:,=(\[-])", r"\1\\u{200b}", quoted)
