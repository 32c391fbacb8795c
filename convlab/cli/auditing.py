"""`audit`: does any point break a constant or an assumption that a problem claims."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from convlab.arithmetic import FLOAT64, cast
from convlab.assumptions import Finding, Status, audit, findings_of
from convlab.cli.documents import EXPECTED, UNEXPECTED, counted, document, print_json, screen
from convlab.cli.targets import file_of, is_file
from convlab.errors import BadInput, suggestion
from convlab.judge.verdict import jsonable, short
from convlab.problem import Family, Member, installed_families
from convlab.run.cases import stream
from convlab.run.settings import Settings
from convlab.theorem import Theorem
from convlab.userfile import UserFile, blaming

IN_FULL = 6      # problems of which every finding is shown; of more, one line a problem


def audited(names: list[str], settings: Settings, *, json: bool) -> int:
    """Audits problems by family or member name (all without names), and what files declare; 1 where something is broken."""
    found = [(member.name, finding) for name in names or [""] for member, finding in _findings(name, settings.seed)]
    counts = Counter(finding.status.value for _, finding in found)
    if json:
        print_json(document("audit", [_item(problem, finding) for problem, finding in found], seed=settings.seed, counts=counts))
    else:
        console = screen()
        console.print(_table(found) if len({problem for problem, _ in found}) <= IN_FULL else _overview(found))
        for problem, finding in found:
            if finding.status is Status.BROKEN:
                console.print(f"[bold red]{escape(problem)}[/]: {escape(told(finding))}")
        told_counts = ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to audit"
        console.print(f"{counted(len({problem for problem, _ in found}), 'problem')}, {counted(len(found), 'finding')}: {told_counts}.")
    return UNEXPECTED if Status.BROKEN.value in counts else EXPECTED


def told(finding: Finding) -> str:
    """A broken constant in a sentence: claimed L = 1.0, found 1.7 at x = ..."""
    return f"claimed {finding.constant} = {_number(finding.claimed)}, found {_number(finding.found)}" + (f" at {finding.where}" if finding.where else "")


def _findings(name: str, seed: int) -> Iterable[tuple[Member, Finding]]:
    if name and is_file(name):
        return _of_file(file_of(name), seed)
    families = installed_families()
    members = [member for family in families.values() for member in family.members() if name in ("", family.name, member.name)]
    if not members:
        known = [*families, *(member.name for family in families.values() for member in family.members())]
        raise BadInput(f"No problem is called {name!r}.{suggestion(name, known)} The families are {', '.join(families)}.")
    return [(member, finding) for member in members for _, finding in audit(member.problem, _rng(seed, member))]


def _of_file(file: UserFile, seed: int) -> list[tuple[Member, Finding]]:
    """The file's own problems, and the assumptions of its theorems that are derived from other problems' data, on every problem that they fit."""
    with blaming(file.path):
        own = [(member, finding) for family in file.families.values() for member in family.members() for _, finding in audit(member.problem, _rng(seed, member))]
        return own + _derived(file.theorems, installed_families(), seed)


def _derived(theorems: Mapping[str, Theorem], families: Mapping[str, Family], seed: int) -> list[tuple[Member, Finding]]:
    kinds = {kind: None for theorem in theorems.values() for claim in theorem.claims for kind in getattr(claim, "assumptions", ()) if hasattr(kind, "derive")}
    found = []
    for family in families.values() if kinds else ():
        for member in family.members():
            problem = cast(member.problem, FLOAT64)
            facts = [fact for kind in kinds if (fact := kind.derive(problem)) is not None]
            found += [(member, finding) for fact in facts for finding in findings_of(fact, problem, _rng(seed, member))]
    return found


def _rng(seed: int, member: Member) -> np.random.Generator:
    return np.random.default_rng(stream(seed, member.name, "audit"))


def _item(problem: str, finding: Finding) -> dict[str, Any]:
    return {"problem": problem, "constant": finding.constant, "claimed": jsonable(finding.claimed), "found": jsonable(finding.found),
            "how": finding.how, "status": finding.status.value, "where": finding.where}


def _number(value: float | None) -> str:
    return "" if value is None else short(float(value))


def _overview(found: list[tuple[str, Finding]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("status", "problem", "audited"):
        table.add_column(name, no_wrap=name != "audited", overflow="fold")
    for problem in dict.fromkeys(problem for problem, _ in found):
        findings = [finding for other, finding in found if other == problem]
        worst = max((finding.status for finding in findings), key=[Status.HOLDS, Status.ATTAINED, Status.LOOSE, Status.BROKEN].index)
        table.add_row(_coloured(worst), escape(problem), escape(", ".join(finding.constant for finding in findings)))
    return table


def _coloured(status: Status) -> str:
    colour = {Status.BROKEN: "bold red", Status.LOOSE: "yellow"}.get(status, "green")
    return f"[{colour}]{status.value}[/]"


def _table(found: list[tuple[str, Finding]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("status", "problem", "constant"):
        table.add_column(name, no_wrap=name == "status", overflow="fold")
    for name in ("claimed", "found"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("known by", overflow="fold", ratio=1)
    last = None
    for problem, f in found:
        table.add_row(_coloured(f.status), escape(problem if problem != last else ""), escape(f.constant),
                      _number(f.claimed), _number(f.found), escape(f.how))
        last = problem
    return table
