"""`list` and `show`: what is in the catalogue, and a theorem as its reviewer reads it."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from convlab.catalogue import part_of
from convlab.cli import statement
from convlab.cli.documents import counted, document, print_json, screen
from convlab.cli.targets import Target, targets
from convlab.errors import BadInput
from convlab.judge.fits import order_for_fits
from convlab.theorem import FalseClaim, Law, RateBound, Relation, Sense, StabilityRegion, StepInequality, Theorem, tight_instances


def listed(names: list[str] | None, *, part: str | None, topic: str | None, true: bool, false: bool, json: bool) -> int:
    """Prints the chosen theorems, one line each, or one JSON item a claim."""
    found = targets(names, part=part, topic=topic, true=true, false=false)
    chosen = [target.open() for target in found]
    if json:
        print_json(document("list", _items(found)))
        return 0
    console = screen()
    console.print(_overview(chosen))
    claims = sum(len(theorem.claims) for theorem in chosen)
    console.print(f"{counted(len(chosen), 'theorem')}, {counted(claims, 'claim')}. `convlab show ID` reads one, `convlab check ID` judges it.")
    return 0


def _items(found: Sequence[Target]) -> list[dict[str, Any]]:
    """One item a claim; what a file's own problems or update rule get wrong is told with its line."""
    items = []
    for target in found:
        with target.blaming():
            items += statement.items(target.open(), target.families())
    return items


def _overview(theorems: list[Theorem]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("id", "claims", "title"):
        table.add_column(name, overflow="fold" if name == "id" else "ellipsis", no_wrap=name != "title")
    topic = None
    for theorem in theorems:
        if theorem.topic != topic:
            topic = theorem.topic
            table.add_row(Text(f"{part_of(theorem) or 'yours'} · {topic}", style="bold cyan"))
        table.add_row(theorem.id, " ".join(_letter(claim) for claim in theorem.claims), theorem.title)
    table.caption = ("claims: R rate bound, S one-step inequality, I identity, O operator constant, T stability region, F false claim;"
                     " E in expectation, P with high probability, =, >=, o (order only) where the relation is not <=")
    table.caption_justify = "left"
    return table


def _letter(claim: Any) -> str:
    letter = "T" if isinstance(claim, StabilityRegion) else type(claim).__name__[0]
    told = statement.stated(claim)
    relation = getattr(told, "relation", None)
    sign = {"==": "=", ">=": ">=", "O": "o"}.get(relation.value, "") if relation is not None else ""
    return letter + {Law.EXPECTATION: "E", Law.HIGH_PROBABILITY: "P", Law.SURELY: ""}[statement.law(told)] + sign


def shown(names: list[str] | None, *, part: str | None, topic: str | None, true: bool, false: bool, json: bool) -> int:
    """Prints theorems in full."""
    if not names and not (part or topic or true or false):
        raise BadInput("Say what to show: the id of a theorem or a FILE.py. `convlab list` shows the ids.")
    found = targets(names, part=part, topic=topic, true=true, false=false)
    chosen = [target.open() for target in found]
    if json:
        print_json(document("show", _items(found)))
        return 0
    console = screen()
    for theorem in chosen:
        page(theorem, console)
    return 0


def page(theorem: Theorem, console: Console) -> None:
    """Prints one theorem."""
    console.print(Text.assemble((theorem.id, "bold cyan"), "  ", (theorem.title, "bold")))
    part = part_of(theorem)
    told = [f"Part {part}" if part else "your own", theorem.topic, theorem.source]
    console.print(Padding(Text(" · ".join(piece for piece in told if piece), style="dim"), (0, 0, 0, 2)))
    for claim in theorem.claims:
        console.print(Padding(_claim(theorem, claim), (1, 0, 0, 2)))
    console.print(Padding(_glossary(theorem), (1, 0, 1, 2)))


def _glossary(theorem: Theorem) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    symbols = {s.name: s for claim in theorem.claims for s in statement.used_symbols(statement.stated(claim))}
    for _, s in sorted(symbols.items()):
        table.add_row(Text(statement.pretty(s), style="bold"), s.meaning, Text(s.domain, style="dim"), Text("" if s.unit == "1" else s.unit, style="dim"))
    return table


def _claim(theorem: Theorem, claim: Any) -> Group:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for head, body in _rows(claim):
        table.add_row(head, body)
    title = Text(f"{claim.name}: {type(claim).__name__}", style="underline") if len(theorem.claims) > 1 else Text("")
    return Group(title, table) if len(theorem.claims) > 1 else Group(table)


def _rows(claim: Any) -> Iterator[tuple[str, str]]:
    told = statement.stated(claim)
    if isinstance(claim, FalseClaim):
        yield "FALSE", f"the following is violated by {claim.witness!r}" + (f"; true instead: {claim.instead}" if claim.instead else "")
    if getattr(told, "algorithm", None) is not None:
        yield "Update", statement.update(told.algorithm)
    for algorithm in getattr(told, "coupled", None) or ():
        yield "Update", statement.update(algorithm)
    if getattr(told, "assumptions", ()):
        yield "Assume", "; ".join(kind.statement for kind in told.assumptions)
    condition = statement.conditions(told.domain if isinstance(told, StabilityRegion) else getattr(told, "condition", True))
    defaults = statement.told_defaults(getattr(told, "defaults", {}))
    if condition or defaults:
        yield "For", condition + (f"   (default {defaults})" if defaults else "")
    yield "Then", _conclusion(told)
    order = order_for_fits(claim)
    if order is not None:
        yield "Order", statement.order_in_words(order)
    if tight_instances(told):
        yield "Attained", "\n".join(f"by {instance!r}" for instance in tight_instances(told))
    if claim.facts:
        yield "Proofs", "\n".join(fact.name for fact in claim.facts)
    if claim.mutants:
        yield "Mutants", "\n".join(mutant.name for mutant in claim.mutants)
    if claim.note:
        yield "Note", claim.note


def _conclusion(claim: Any) -> str:
    if isinstance(claim, RateBound):
        return _rate(claim)
    if isinstance(claim, StabilityRegion):
        return f"stable {'' if claim.sense is Sense.SURELY else claim.sense.value + ' '}exactly where {statement.conditions(claim.condition)}"
    said = statement.plain(claim.statement)
    expected = " (in expectation)" if statement.law(claim) is Law.EXPECTATION and "E " not in said else ""
    return said + expected + (", from every state" if isinstance(claim, StepInequality) else "")


def _rate(claim: RateBound) -> str:
    if claim.statement:
        return f"{statement.plain(claim.statement)}, {statement.mode(claim)}"
    measured = statement.plain(getattr(claim.metric, "formula", "") or getattr(claim.metric, "name", "") or getattr(claim.metric, "__name__", "metric"))
    left = f"E {measured}" if claim.law is Law.EXPECTATION else measured
    sign = {"<=": "≤", "==": "=", ">=": "≥", "O": "="}[claim.relation.value]
    sure = f", with probability at least {statement.pretty(1 - claim.delta)}" if claim.law is Law.HIGH_PROBABILITY else ""
    bound = f"O({statement.pretty(claim.bound)})" if claim.relation is Relation.ORDER else statement.pretty(claim.bound)
    return f"{left} {sign} {bound}{sure}, {statement.mode(claim)}"

