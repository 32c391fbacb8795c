"""`prove` and `mutants`: what sympy derives from the code, and whether false neighbours are refuted."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.markup import escape
from rich.table import Table

from convlab.cli.checking import refuse_unknown_problems
from convlab.cli.documents import EXPECTED, INTERRUPTED, UNDECIDED, UNEXPECTED, counted, document, messages, print_json, screen
from convlab.cli.targets import Target
from convlab.cli.work import Work, over
from convlab.falsify.mutants import mutants
from convlab.prove import prove
from convlab.run.settings import Settings

GOOD, BAD = {"proved", "refuted"}, {"failed", "survives"}


def proved(targets: Sequence[Target], settings: Settings, *, json: bool) -> int:
    """Prints every fact with its status; 1 where one failed, 3 where none is proved."""
    work = over(targets, proofs, settings.workers, "proving")
    return _answer("prove", work, ("status", "theorem", "fact", "residual"), settings, json=json)


def mutated(targets: Sequence[Target], settings: Settings, *, json: bool) -> int:
    """Prints every mutant with its verdict; 1 where one survives, 3 where there is none."""
    refuse_unknown_problems(targets, settings.problems)
    work = over(targets, partial(refuted, settings=settings), settings.workers, "refuting mutants")
    return _answer("mutants", work, ("verdict", "theorem", "mutant", "witness"), settings, json=json)


def proofs(target: Target) -> list[dict[str, Any]]:
    """The facts of one target."""
    with target.blaming():
        return [proof.to_json() for proof in prove(target.open())]


def refuted(target: Target, settings: Settings) -> list[dict[str, Any]]:
    """The mutants of one target."""
    with target.blaming():
        return [result.to_json() for result in mutants(target.open(), settings, target.families(), generic=target.file is not None)]


def _answer(command: str, work: Work[list[dict[str, Any]]], columns: tuple[str, str, str, str], settings: Settings, *, json: bool) -> int:
    items = [item for items in work.results for item in items]
    left = [{"theorem": target.id, "claim": claim.name, "problem": "", "reason": "interrupted before it was judged"}
            for target in work.left for claim in target.open().claims]
    counts = Counter(str(item[columns[0]]) for item in items)
    if json:
        print_json(document(command, items, seed=settings.seed, counts=counts, skipped=left))
    else:
        console = screen()
        console.print(_table(items, columns))
        told = ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing"
        noun = "fact" if command == "prove" else "mutant"
        console.print(f"{counted(len(items), noun)} of {counted(len(work.results), 'theorem')}: {told}.")
    if work.left:
        messages().print(f"Interrupted: {counted(len(work.left), 'theorem')} left; what was done stands above.", style="red")
        return INTERRUPTED
    failed = any(item[columns[0]] in BAD and not item.get("generic") for item in items)
    return UNEXPECTED if failed else EXPECTED if items and set(counts) - {"not claimed"} else UNDECIDED


def _table(items: Sequence[dict[str, Any]], columns: Sequence[str]) -> Table:
    one = len({item["theorem"] for item in items}) == 1          # then it is named once, above
    columns = [column for column in columns if not (one and column == "theorem")]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title=items[0]["theorem"] if one else None,
                  title_style="bold cyan", title_justify="left")
    for column in columns:
        table.add_column(column, no_wrap=column in (columns[0], "theorem"), overflow="fold")
    for item in items:
        word = str(item[columns[0]])
        colour = "green" if word in GOOD else "bold red" if word in BAD else "dim"
        claim = "" if item["claim"] == "main" else item["claim"]
        name = [] if one else [item["theorem"]]
        colour = "yellow" if item.get("generic") and word in BAD else colour
        told = str(item[columns[-2]]) + (f" ({claim})" if claim else "")
        table.add_row(f"[{colour}]{word}[/]", *name, escape(told), escape(_brief(item[columns[-1]]) or item.get("note", "")))
    return table


def _brief(told: Any) -> str:
    """A witness on one line: where and by how much; a residual as it is."""
    if not isinstance(told, dict):
        return "" if told is None else str(told)
    at = ", ".join(f"{name} = {value}" for name, value in {**(told.get("parameters") or {})}.items())
    return f"{told.get('problem')}" + (f" ({at})" if at else "") + f", k = {told.get('iteration')}"
