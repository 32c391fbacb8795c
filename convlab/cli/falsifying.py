"""`falsify`: the worst instance of a theorem's problem class, on the screen, as JSON, and as files; and `check --instance`, `check --out`."""
from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from convlab.cli.documents import EXPECTED, INTERRUPTED, UNDECIDED, UNEXPECTED, counted, document, messages, print_json, screen
from convlab.cli.targets import Target
from convlab.cli.work import over
from convlab.errors import BadInput
from convlab.falsify.by_judge import Judged
from convlab.falsify.falsifier import Falsification, Falsified, falsify
from convlab.falsify.instances import judged_instance, refutations
from convlab.falsify.script import script_or_reason
from convlab.judge.verdict import Check, Skipped, decimal, short
from convlab.problem import installed_families
from convlab.run.settings import Settings


def falsified(targets: Sequence[Target], *, budget: float, seed: int, out: Path | None, json: bool) -> int:
    """Searches each target for `budget` seconds and tells the worst instances; 1 where a true claim is refuted, 3 where nothing was searched or one stays open."""
    if not 0 < budget < float("inf"):
        raise BadInput(f"--budget {budget:g}: a search needs a positive number of seconds.")
    work = over(targets, partial(_searched, budget=budget, seed=seed), 1, "searching")
    found = [item for result in work.results for item in result.found]
    skipped = [skip for result in work.results for skip in result.skipped]
    skipped += [Skipped(target.id, claim.name, "", "interrupted before it was searched") for target in work.left for claim in target.open().claims]
    files = [path for item in found if isinstance(item, Falsified) for path in saved(out, item.theorem, item.claim, item.instance, item.script)] if out else []
    counts = Counter(item.judged_by for item in found)
    if json:
        print_json(document("falsify", [item.to_json() for item in found], seed=seed, counts=counts, skipped=[s.to_json() for s in skipped]))
    else:
        for item in found:
            _show(item, screen()) if isinstance(item, Falsified) else _show_judged(item, screen())
        _close(found, skipped, files, screen())
    if work.left:
        return INTERRUPTED
    if any(item.refuted and not item.false for item in found):
        return UNEXPECTED
    return UNDECIDED if not found or any(item.word == "inconclusive" and not item.false for item in found) else EXPECTED


def _searched(target: Target, budget: float, seed: int) -> Falsification:
    with target.blaming():
        return falsify(target.open(), budget=budget, seed=seed, families=target.families())


def _headline(item: Falsified | Judged) -> str:
    name = item.theorem if item.claim == "main" else f"{item.theorem}:{item.claim}"
    plain = f"[{'green' if item.word == 'not refuted' else 'yellow'}]{item.word}[/]"
    word = plain if not item.refuted else "[green]refuted, as expected[/]" if item.false else "[bold red]REFUTED[/]"
    return f"{word}  [bold cyan]{name}[/]  worst ratio"


def _show_judged(item: Judged, console: Console) -> None:
    console.print(f"{_headline(item)} {_ratio(item.verdict.worst_ratio)}, by {item.judged_by}")
    console.print(f"  {escape(item.verdict.problem)}")
    console.print(f"  {escape(item.how)}", style="dim")
    if item.verdict.witness is not None:
        console.print(f"  witness: {escape(str(item.verdict.witness))}", soft_wrap=True)


def _show(item: Falsified, console: Console) -> None:
    console.print(f"{_headline(item)} {_ratio(item.worst.ratio)} at k = {item.worst.spot.k}, by {item.judged_by}")
    told = ", ".join(f"{n} = {short(v) if not isinstance(v, float) else f'{v:.6g}'}" for n, v in item.worst.choice.numbers.items())
    point = ", ".join(f"{s} = {float(v):.6g}" for s, v in item.worst.setting.point.items())
    console.print(f"  {escape(item.worst.choice.ground.name)}: {told}" + (f"; {point}" if point else ""))
    for edge in item.sharpness:
        console.print(f"  {edge}")
    cut = [part.ground for part in item.searched if not part.finished]
    console.print(f"  {item.evaluations} instances of {counted(len(item.searched), 'ground')}" + (f"; the budget ended the search of {', '.join(cut)}" if cut else ""),
                  style="dim")
    if item.reason:
        console.print(f"  {escape(item.reason)}", style="dim")
    if item.refuted and item.script is not None:
        console.print(item.script, markup=False, soft_wrap=True)


def _ratio(value: Any) -> str:
    if value is None:
        return "unknown"
    return "1 exactly" if value == 1 and hasattr(value, "denominator") else decimal(value) if hasattr(value, "denominator") else f"{float(value):.9g}"


def _close(found: Sequence[Falsified | Judged], skipped: Sequence[Skipped], files: Sequence[Path], console: Console) -> None:
    refuted = sum(item.refuted for item in found)
    console.print(f"{counted(len(found), 'claim')} searched, {refuted} refuted.")
    for skip in skipped:
        console.print(f"[dim]Not searched: {skip.theorem}:{skip.claim}: {escape(skip.reason)}.[/]")
    for path in files:
        console.print(f"[dim]written: {escape(str(path))}[/]", soft_wrap=True)


def saved(folder: Path, theorem: str, claim: str, instance: Mapping[str, Any], script: str | None, suffix: str = "") -> list[Path]:
    """Writes the data file and, where there is one, the program. Raises BadInput for a folder that cannot be written."""
    stem = (theorem if claim == "main" else f"{theorem}-{claim}") + suffix
    texts = {f"{stem}.json": json_format.dumps(instance, indent=2) + "\n", **({} if script is None else {f"{stem}.py": script})}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {folder}: cannot be written: {error.strerror}.") from error
    return [folder / name for name in texts]


# ---- check
def instance_judge(targets: Sequence[Target], path: Path) -> Callable[..., Check]:
    """What `check --instance` does with its one target."""
    if len(targets) != 1:
        raise BadInput(f"--instance {path}: give the one theorem that the file was written for.")
    return partial(_judged, path=path)


def _judged(target: Target, settings: Settings, path: Path) -> Check:
    with target.blaming():
        return judged_instance(target.open(), path, target.families() or installed_families(), settings)


def save_refutations(targets: Sequence[Target], result: Check, settings: Settings, folder: Path) -> None:
    """Every refutation of a check as a data file and, where it can be printed, a program; tells on standard error what was written and what was not."""
    for target in targets:
        families = target.families() or installed_families()
        refuted = [v for v in result.verdicts if v.theorem == target.id and v.witness is not None]
        kept = list(refutations(target.open(), Check(tuple(refuted)), families, settings))
        each = Counter(verdict.claim for verdict, *_ in kept)
        for number, (verdict, claim, setting, made) in enumerate(kept):
            witness = verdict.witness
            assert witness is not None
            script, reason = script_or_reason(target.id, claim, setting, witness.iteration, witness.measured, witness.bound)
            paths = saved(folder, target.id, verdict.claim, made, script, f"-{number + 1}" if each[verdict.claim] > 1 else "")
            messages().print(f"written: {', '.join(map(str, paths))}" + (f" ({reason})" if reason else ""), markup=False, soft_wrap=True)
        left = len(refuted) - len(kept)
        if left:
            messages().print(f"{target.id}: {counted(left, 'refutation')} cannot be saved: no rate bound from a plain start.", markup=False)



