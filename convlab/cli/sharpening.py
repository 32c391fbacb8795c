"""`sharpen`: how far a theorem could be bettered, as one table, as JSON, and the instances that allow no better as files."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convlab.cli.documents import EXPECTED, INTERRUPTED, counted, document, print_json, screen
from convlab.cli.falsifying import saved
from convlab.cli.targets import Target
from convlab.cli.work import over
from convlab.errors import BadInput
from convlab.falsify.sharpen import Row, Sharpening, digits, sharpen
from convlab.judge.verdict import Skipped

SHOWN = 6     # reasons printed; all are in --json


def sharpened(targets: Sequence[Target], *, budget: float, seed: int, out: Path | None, json: bool) -> int:
    """Sharpens each target for `budget` seconds and tells the table; always 0, for a loose bound is no failure."""
    if not 0 < budget < float("inf"):
        raise BadInput(f"--budget {budget:g}: sharpening needs a positive number of seconds.")
    work = over(targets, partial(_sharpened, budget=budget, seed=seed), 1, "sharpening")
    rows = [row for result in work.results for row in result.rows]
    skipped = [skip for result in work.results for skip in result.skipped]
    skipped += [Skipped(target.id, claim.name, "", "interrupted before it was sharpened") for target in work.left for claim in target.open().claims]
    files = list(_written(out, rows)) if out is not None else []
    if json:
        counts = Counter(row.judged_by.value for row in rows if row.judged_by is not None)
        print_json(document("sharpen", [row.to_json() for row in rows], seed=seed, counts=counts, skipped=[s.to_json() for s in skipped]))
    else:
        _show(rows, skipped, files, screen())
    return INTERRUPTED if work.left else EXPECTED


def _sharpened(target: Target, budget: float, seed: int) -> Sharpening:
    with target.blaming():
        return sharpen(target.open(), budget=budget, seed=seed, families=target.families())


def _written(folder: Path, rows: Sequence[Row]) -> Iterator[Path]:
    """The instance of each row that has one, numbered within its claim."""
    for (theorem, claim), of_claim in groupby(rows, lambda row: (row.theorem, row.claim)):
        for number, row in enumerate(of_claim):
            if row.instance is not None:
                yield from saved(folder, theorem, claim, row.instance, None, f"-{number + 1}")


def _show(rows: Sequence[Row], skipped: Sequence[Skipped], files: Sequence[Path], console: Console) -> None:
    for (theorem, claim), of_claim in groupby(rows, lambda row: (row.theorem, row.claim)):
        listed = list(of_claim)
        console.print(f"[bold cyan]{escape(theorem if claim == 'main' else f'{theorem}:{claim}')}[/]")
        console.print(_table(listed))
        if not all(row.finished for row in listed):
            console.print("* the budget ended a search behind this row: a longer --budget may find a worse instance.", style="dim")
    _close(rows, skipped, files, console)


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 1), expand=False)
    for heading, width in (("", 34), ("claimed", 9), ("not refuted", 18), ("the instance that allows no less", 36)):
        table.add_column(heading, max_width=width, overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(escape(f"{WRITTEN[row.quantity][0]}{row.term}"), _number(row, row.claimed),
                      f"[{_colour(row)}]{_number(row, row.smallest)}{_remark(row)}{'' if row.finished else ' *'}[/]", escape(_where(row)))
    return table


# of each quantity: what stands before its term, and how a number of it is written
WRITTEN = {"constant": ("", "{} x"), "default constant": ("at the default: ", "{} x"), "late constant": ("late: ", "{} x"), "step": ("", "{} x limit"),
           "exponent": ("rate: ", "k^-{}"), "contraction": ("a step: ", "{}"), "iterations": ("iterations: ", "power {}")}


def _number(row: Row, value: Any) -> str:
    return "not tried" if value is None else WRITTEN[row.quantity][1].format(digits(value))


def _remark(row: Row) -> str:
    if row.told.startswith("never needed"):
        return " (never needed)"
    return " REFUTED" if row.told.startswith("refuted") else f" ({row.told.split(' is ')[0]})" if row.quantity == "contraction" and "power" in row.told else ""


def _colour(row: Row) -> str:
    """What could be bettered stands out."""
    return "bold red" if row.told.startswith("refuted") else "green" if row.tight else "yellow"


def _where(row: Row) -> str:
    if not row.problem or row.told.startswith("never needed"):
        return ""
    numbers = [f"{name} = {_short(value)}" for name, value in row.parameters.items()] + ([f"k = {row.k}"] if row.k is not None else [])
    source = f" [{row.judged_by.value}]" if row.judged_by is not None else ""
    return f"{row.problem}{': ' if numbers else ''}{', '.join(numbers)}{source}"


def _short(value: Any) -> str:
    return f"{float(value):.4g}"


def _close(rows: Sequence[Row], skipped: Sequence[Skipped], files: Sequence[Path], console: Console) -> None:
    claims = {(row.theorem, row.claim) for row in rows}
    console.print(f"{counted(len(claims), 'claim')} sharpened. What is not refuted is not proved: it stands on every problem that was run or found.")
    unrun = Counter((s.theorem, s.claim, s.reason) for s in skipped)
    for (theorem, claim, reason), count in list(unrun.items())[:SHOWN]:
        many = f" ({counted(count, 'problem')})" if count > 1 else ""
        console.print(f"[dim]{escape(theorem)}:{escape(claim)}{many}: {escape(reason)}.[/]")
    for path in files:
        console.print(f"[dim]written: {escape(str(path))}[/]", soft_wrap=True)
