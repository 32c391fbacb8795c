"""`certify`: the exact worst case after n updates, the bound, and what is proved of it in rationals; or the check of a certificate on file."""
from __future__ import annotations

import json as json_format
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from convlab.cli.documents import EXPECTED, INTERRUPTED, UNDECIDED, UNEXPECTED, counted, document, messages, print_json, screen
from convlab.cli.options import assignments
from convlab.cli.targets import Target, is_file, targets
from convlab.cli.work import over
from convlab.errors import BadInput
from convlab.judge.verdict import short
from convlab.prove.pep.certificate import INSTANCES, check_certificate, read_certificate
from convlab.prove.pep.certified import Certification, Certified, Status
from convlab.prove.pep.certify import certify, refuse_without_solver
from convlab.prove.pep.instances import Rerun, rerun
from convlab.theorem import FalseClaim

COLOURS = {Status.TIGHT: "green", Status.VALID: "green", Status.NUMERICAL: "yellow", Status.REFUTED: "bold red"}
WORDS = {Status.TIGHT: "proved, and attained", Status.VALID: "proved", Status.NUMERICAL: "by the solver alone", Status.REFUTED: "by an instance in rationals"}


def told(names: list[str] | None, counts: Sequence[int], param: list[str], workers: int, *, part: str | None, topic: str | None, true: bool, false: bool,
         out: Path | None, json: bool) -> int:
    """Prints the worst cases; 1 where a bound is refuted that is not declared false, 3 where one has the solver's number alone or nothing was computed."""
    refuse_without_solver()
    wrong = [n for n in counts if n < 0]
    if wrong:
        raise BadInput(f"--n {wrong[0]}: n counts updates, from 0 on.")
    plain, claims = _split(names)
    chosen = targets(plain, part=part, topic=topic, true=true, false=false, verb="certify")
    given = assignments(param, "--param ")
    one = claims[0] if len(chosen) == len(claims) == 1 else None
    if any(claims) and one is None:
        raise BadInput("ID:CLAIM names one claim: give it alone.")
    work = over(chosen, _Certify(tuple(counts), given, one), workers, "certifying")
    found = Certification(tuple(r for each in work.results for r in each.results), tuple(s for each in work.results for s in each.skipped))
    files = [] if out is None else _saved(out, found.results)
    if json:
        print_json(document("certify", [r.to_json() for r in found.results], counts=Counter(r.status.value for r in found.results),
                            skipped=[s.to_json() for s in found.skipped]))
    else:
        _show(found, files, screen())
    return INTERRUPTED if work.left else _status(found, _false_claims(chosen))


class _Certify:
    """What is done with each target; an object, so that a worker process can take it."""

    def __init__(self, counts: tuple[int, ...], given: Mapping[str, str], claim: str | None) -> None:
        self.counts, self.given, self.claim = counts, given, claim

    def __call__(self, target: Target) -> Certification:
        with target.blaming():
            return certify(target.open(), self.counts, claim=self.claim or None, parameters=self.given, families=target.families())


def _split(names: list[str] | None) -> tuple[list[str] | None, list[str]]:
    """ID:CLAIM taken apart; of a FILE.py the part after the colon names the theorem."""
    pairs = [(name, "", "") if is_file(name) else name.partition(":") for name in names or []]
    return ([name for name, _, _ in pairs] or None), [claim for _, _, claim in pairs]


def _false_claims(chosen: Sequence[Target]) -> set[tuple[str, str]]:
    return {(target.id, claim.name) for target in chosen for claim in target.open().claims if isinstance(claim, FalseClaim)}


def _status(found: Certification, false: set[tuple[str, str]]) -> int:
    """A false claim may well be true at some n; of a true one no refutation is expected."""
    if any(r.status is Status.REFUTED and (r.theorem, r.claim) not in false for r in found.results):
        return UNEXPECTED
    return UNDECIDED if not found.results or any(r.status is Status.NUMERICAL and (r.theorem, r.claim) not in false for r in found.results) else EXPECTED


def _show(found: Certification, files: Sequence[Path], console: Console) -> None:
    for name in dict.fromkeys(map(_name, found.results)):
        _show_claim(name, [r for r in found.results if _name(r) == name], console)
    for skip in found.skipped:
        console.print(f"[dim]Not claimed: {escape(f'{skip.theorem}:{skip.claim}: {skip.reason}')}.[/]")
    counts = Counter(r.status.value for r in found.results)
    console.print(f"{counted(len(found.results), 'worst case')}: {', '.join(f'{count} {word}' for word, count in counts.items()) or 'none'}.")
    for path in files:
        console.print(f"[dim]written: {escape(str(path))}[/]", soft_wrap=True)


def _show_claim(name: str, results: Sequence[Certified], console: Console) -> None:
    """One claim: its numbers, a line for each n, and what a reader must know."""
    first = results[0]
    at = ", ".join(f"{symbol} = {short(value)}" for symbol, value in {**first.parameters, **first.constants}.items())
    console.print(f"[bold cyan]{escape(name)}[/]" + (f"  at {escape(at)}" if at else ""))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), header_style="dim")
    for column in ("n", "worst case", "bound", "status", "", "proved up to"):
        table.add_column(column, no_wrap=True)
    for r in results:
        slack = "" if r.slack is None else f"a factor 1 + {r.slack:.0e}" if r.slack > 0 else "the bound itself"
        shown = f"{short(r.bound)} = {float(r.bound):.8g}" if "/" in short(r.bound) else f"{float(r.bound):.8g}"
        worst = f"{float(r.worst_case):.8g}" if math.isfinite(r.worst_case) else "unbounded"
        table.add_row(str(r.n), worst, shown, f"[{COLOURS[r.status]}]{r.status.value}[/]", WORDS[r.status], slack)
    console.print(table)
    for note in dict.fromkeys(note for r in results for note in r.notes):
        console.print(f"[dim]  {escape(note)}.[/]")
    if first.symbolic:
        console.print(f"[dim]  Certificates in closed form stand beside it: {escape(', '.join(first.symbolic))} (`convlab prove {first.theorem}`).[/]")


def _name(result: Certified) -> str:
    return result.theorem if result.claim == "main" else f"{result.theorem}:{result.claim}"


def _saved(folder: Path, results: Sequence[Certified]) -> list[Path]:
    """Writes certificates and instances. Raises BadInput for a folder that cannot be written."""
    texts: dict[str, Any] = {}
    for r in results:
        stem = f"{_name(r).replace(':', '-')}-n{r.n}"
        texts |= {f"{stem}.{kind}.json": content for kind, content in (("certificate", r.certificate), ("worst", r.instance)) if content is not None}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in texts.items():
            (folder / name).write_text(json_format.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {folder}: cannot be written: {error.strerror}.") from error
    return [folder / name for name in texts]


def checked(names: list[str] | None, path: Path, *, json: bool) -> int:
    """Proves the certificate of a file again, or runs its instance: 0 where it stands, 1 where it is rejected. No solver is needed."""
    certificate = read_certificate(path)
    if len(names or []) > 1:
        raise BadInput(f"--certificate {path}: give the one theorem that it speaks of, or none.")
    chosen = targets(names or [str(certificate["theorem"])], part=None, topic=None, true=False, false=False, verb="certify")
    target = next((target for target in chosen if target.id == certificate["theorem"]), chosen[0])
    with target.blaming():
        if certificate["schema"] == INSTANCES:
            return _run_again(rerun(target.open(), certificate), json=json)
        found = check_certificate(target.open(), certificate)
    if json:
        item = {"theorem": found.theorem, "claim": found.claim, "n": found.n, "status": "rejected" if found.wrong else "valid",
                "slack": None if found.wrong else found.slack, "reason": found.wrong}
        print_json(document("certify", [item], counts={str(item["status"]): 1}))
    else:
        screen().print(str(found), markup=False, soft_wrap=True, style="red" if found.wrong else "green")
    if found.wrong:
        messages().print(f"{path}: this certificate proves nothing.", markup=False)
    return UNEXPECTED if found.wrong else EXPECTED


def _run_again(found: Rerun, *, json: bool) -> int:
    if json:
        status = "rejected" if found.wrong else "refuted" if found.above else "holds"
        item = {"theorem": found.theorem, "claim": found.claim, "n": found.n, "status": status, "ratio": found.ratio, "reason": found.wrong}
        print_json(document("certify", [item], counts={status: 1}))
    else:
        screen().print(str(found), markup=False, soft_wrap=True, style="red" if found.wrong or found.above else "green")
    return UNEXPECTED if found.wrong or found.above else EXPECTED
