"""`figure` and `list --figures`: the declared figures, drawn with their data."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from convlab import catalogue, userfile
from convlab.cli.documents import counted, document, print_json, screen
from convlab.cli.reporting import refuse_unwritable
from convlab.cli.targets import file_of, is_file
from convlab.errors import BadInput, suggestion
from convlab.figure import Figure
from convlab.problem import Family
from convlab.report.document import staged
from convlab.report.drawing import draw


@dataclass(frozen=True)
class Asked:
    """A figure and, where it is a user's, the file that it stands in."""

    figure: Figure
    file: userfile.UserFile | None = None

    def families(self) -> Mapping[str, Family] | None:
        """The problem families that it may name; None for the installed ones."""
        return None if self.file is None else self.file.problems()

    def blaming(self) -> AbstractContextManager[None]:
        """Inside, an exception of the user's own code becomes a sentence with file and line."""
        return nullcontext() if self.file is None else userfile.blaming(self.file.path)


def asked(name: str, folder: Path = Path()) -> list[Asked]:
    """The figure of this id, or those of FILE.py (FILE.py:ID for one of them). Raises BadInput for what is not there."""
    if not is_file(name):
        return [Asked(catalogue.figure(name))]
    path, _, wanted = name.partition(".py:") if ".py:" in name else (name.removesuffix(".py"), "", "")
    file = file_of(str(folder / f"{path}.py"))
    if wanted and wanted not in file.figures:
        raise BadInput(f"{file.path} has no figure {wanted!r}.{suggestion(wanted, list(file.figures))} It has {', '.join(file.figures) or 'none'}.")
    found = [Asked(figure, file) for id, figure in file.figures.items() if wanted in ("", id)]
    if not found:
        raise BadInput(f"{file.path} declares no figure: give a cl.Figure(...) a name in it.")
    return found


def drawn(names: list[str] | None, parameters: Mapping[str, str], *, size: str, out: Path, json: bool) -> int:
    """Draws the named figures into a folder: PDF, SVG and PNG, and the data as CSV."""
    if not names:
        raise BadInput("Say which figure to draw: an id or a FILE.py. `convlab list --figures` shows the ids.")
    refuse_unwritable(out)
    chosen = list({one.figure.id: one for name in names for one in asked(name)}.values())
    items = []
    with staged(out) as beside:
        for one in chosen:
            with one.blaming():
                made = draw(one.figure, size, parameters, one.families())
            for ending, data in made.files.items():
                (beside / f"{one.figure.id}.{ending}").write_bytes(data)
            items.append({"figure": one.figure.id, "size": size, "files": [str(out / f"{one.figure.id}.{ending}") for ending in made.files]})
    if json:
        print_json(document("figure", items))
        return 0
    for item in items:
        for path in item["files"]:
            screen().print(f"Wrote [bold]{path}[/]")
    return 0


def listed(names: list[str] | None, *, json: bool) -> int:
    """Prints the figures of the catalogue, or of files, one line each."""
    chosen = [one.figure for name in names for one in asked(name)] if names else list(catalogue.figures().values())
    if json:
        print_json(document("list", (_item(figure) for figure in chosen)))
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("id", "kind", "title", "parameters"):
        table.add_column(column, no_wrap=column == "id")
    for figure in chosen:
        table.add_row(figure.id, _kind(figure), figure.title, ", ".join(_parameters(figure)))
    screen().print(table)
    screen().print(f"{counted(len(chosen), 'figure')}. `convlab figure ID` draws one, `--param NAME=VALUE` changes it.")
    return 0


def _item(figure: Figure) -> dict[str, Any]:
    return {"figure": figure.id, "title": figure.title, "kind": _kind(figure), "parameters": {str(s): str(formula) for s, formula in figure.parameters.items()},
            "runs": [type(run.algorithm).__name__ for run in figure.runs], "caption": figure.caption}


def _kind(figure: Figure) -> str:
    return type(figure.kind).__name__.lower()


def _parameters(figure: Figure) -> Iterator[str]:
    return (f"{s} = {formula}" for s, formula in figure.parameters.items())
