"""`handout`: a lecturer's own selection, found in the catalogue or in files beside the list, and written."""
from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from convlab import catalogue
from convlab.cli.documents import document, print_json, screen
from convlab.cli.figuring import asked
from convlab.cli.reporting import refuse_unwritable
from convlab.cli.targets import file_of, is_file
from convlab.errors import BadInput, suggestion
from convlab.report.handout import FigureAsked, Handout, Part, Sentence, StatementAsked, write_handout
from convlab.report.lecture import Item, Lecture, lecture
from convlab.theorem import Theorem
from convlab.userfile import blaming


def written(file: Path, *, out: Path, json: bool) -> int:
    """Writes the handout into a folder."""
    chosen = lecture(file)
    refuse_unwritable(out)
    parts = tuple(part for number, item in enumerate(chosen.content, start=1) for part in _parts(chosen, number, item))
    with ExitStack() as own:
        for path in {Path(name.partition(".py:")[0].removesuffix(".py") + ".py") for name in (item.name for item in chosen.content) if is_file(name)}:
            own.enter_context(blaming(chosen.path.parent / path))
        made = write_handout(Handout(chosen.title, chosen.author, chosen.date, chosen.notation, parts), out, file.stem)
    if json:
        print_json(document("handout", [{"files": [str(path) for path in made]}]))
        return 0
    console = screen()
    for path in (path for path in made if path.parent == out):
        console.print(f"Wrote [bold]{path}[/]")
    console.print(f"and {sum(path.parent != out for path in made)} files of statements and figures beside.")
    return 0


def _parts(chosen: Lecture, number: int, item: Item) -> list[Part]:
    if item.text:
        return [Sentence(item.text)]
    try:
        if is_file(item.name):
            return _of_file(chosen, item)
        if item.kind == "figure" or (not item.kind and item.name in catalogue.figures()):
            return [FigureAsked(catalogue.figure(item.name), item.param)]
        return [_statement(_theorem(item), item)]
    except BadInput as error:
        raise BadInput(f"{chosen.path}: content, entry {number}: {error}") from error


def _theorem(item: Item) -> Theorem:
    known = catalogue.figures()
    try:
        return catalogue.theorem(item.name)
    except BadInput as error:
        if item.kind:
            raise
        near = suggestion(item.name, [*known, *catalogue.theorems()])
        raise BadInput(f"No statement and no figure is called {item.name!r}.{near} `convlab list` and `convlab list --figures` show them all.") from error


def _statement(theorem: Theorem, item: Item, file: str = "") -> StatementAsked:
    names = [claim.name for claim in theorem.claims]
    if item.claim and item.claim not in names:
        raise BadInput(f"{theorem.id} has no claim {item.claim!r}.{suggestion(item.claim, names)} It has {', '.join(names)}.")
    return StatementAsked(theorem, item.claim, file, None if not file else file_of(file).problems())


def _of_file(chosen: Lecture, item: Item) -> list[Part]:
    """The statements and figures of FILE.py beside the list, or the one that FILE.py:ID names."""
    stem, _, wanted = item.name.partition(".py:")
    path = str(chosen.path.parent / (f"{stem}.py" if wanted else item.name))
    file = file_of(path)
    found: list[Part] = [] if item.kind == "figure" else [_statement(theorem, item, path) for id, theorem in file.theorems.items() if wanted in ("", id)]
    if item.kind != "statement":
        found += [FigureAsked(one.figure, item.param, one.families()) for id in file.figures if wanted in ("", id) for one in asked(f"{path}:{id}")]
    if not found:
        known = [*file.theorems, *file.figures]
        raise BadInput(f"{path} has no {item.kind or 'statement or figure'} {wanted!r}.{suggestion(wanted, known)} It has {', '.join(known) or 'none'}.")
    return found
