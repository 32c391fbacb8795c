"""`check`: verdicts on the screen or as JSON, what was not judged and why, and the exit status."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from convlab.cli.documents import BAD_INPUT, EXPECTED, INTERRUPTED, UNDECIDED, UNEXPECTED, counted, document, messages, print_json, screen
from convlab.cli.targets import Target
from convlab.cli.work import Work, over
from convlab.errors import BadInput, suggestion
from convlab.judge.check import check, decided, refuse_negative
from convlab.judge.fits import in_column
from convlab.judge.verdict import Check, Skipped, Verdict, Witness, Word, short
from convlab.problem import installed_families
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim, Source, Theorem, tight_instances

IN_FULL = 3      # theorems of which every verdict is shown; of more, one line a claim
WIDE = 96               # columns of a terminal: with fewer, orders would break the names of problems


@dataclass(frozen=True)
class Claim:
    """One claim with its verdicts: whether it came out as expected (a false claim: refuted), None where that is open."""

    theorem: str
    name: str
    false: bool
    verdicts: tuple[Verdict, ...]

    @property
    def as_expected(self) -> bool | None:
        """True, False, or None where nothing was judged or only inconclusively."""
        words = {verdict.word for verdict in self.verdicts}
        if self.false:
            return True if Word.REFUTED in words else False if words else None
        return False if Word.REFUTED in words else True if Word.HOLDS in words else None

    @property
    def word(self) -> str:
        """What the screen says of it."""
        words = [verdict.word for verdict in self.verdicts]
        if Word.REFUTED in words:
            return "refuted, as expected" if self.false else "REFUTED"
        return "holds" if Word.HOLDS in words else "inconclusive" if words else "not judged"


def _instance_judge(targets: Sequence[Target], instance: Path) -> Callable[..., Check]:
    from convlab.cli.falsifying import instance_judge

    return instance_judge(targets, instance)


def checked(targets: Sequence[Target], settings: Settings, *, json: bool, instance: Path | None = None, out: Path | None = None) -> int:
    """Judges the targets, prints the answer and returns the exit status. What an interruption left is among the skipped.

    `instance`: judge the one target on the instance of this file. `out`: the folder into which refutations are written.
    """
    refuse_unknown_problems(targets, settings.problems)
    judge = judged if instance is None else _instance_judge(targets, instance)
    work = over(targets, partial(_answered, judge, settings=settings), settings.workers, "checking")
    result, refused = _together(targets, work)
    done = [target.open() for target in targets[:len(work.results)]]
    claims = tuple(claim for theorem in done for claim in claims_of(theorem, result))
    if json:
        print_json(document("check", [v.to_json() for v in result.verdicts], seed=settings.seed, alpha=settings.alpha, counts=result.counts,
                            skipped=[s.to_json() for s in result.skipped]))
    else:
        _show(done, claims, result, screen())
    if out is not None:
        from convlab.cli.falsifying import save_refutations  # the falsifier brings SciPy's optimizers: only who asks for it waits

        save_refutations(targets[:len(work.results)], result, settings, out)
    for error in refused:
        messages().print(str(error), style="red", markup=False)
    if work.left:
        messages().print(f"Interrupted: {len(done)} of {len(targets)} theorems were judged, these stand above; the rest is among the skipped.", style="red")
        return INTERRUPTED
    return BAD_INPUT if refused else status(claims)


def refuse_unknown_problems(targets: Sequence[Target], wanted: Sequence[str]) -> None:
    """Raises BadInput for a problem name that no family, no member and no instance of the targets' claims has."""
    if not wanted:
        return
    families = {name: family for target in targets for name, family in (target.families() or installed_families()).items()}
    members = [member.name for family in families.values() for member in family.members()]
    instances = [repr(instance) for target in targets for claim in target.open().claims for instance in (*tight_instances(claim), *getattr(claim, "on", ()))]
    for name in wanted:
        if name not in {*families, *members, *instances}:
            raise BadInput(f"--problem {name}: no problem is called that.{suggestion(name, [*members, *families])} `convlab audit` names them all.")


def _together(targets: Sequence[Target], work: Work[Check | BadInput]) -> tuple[Check, list[BadInput]]:
    """All verdicts, what could not be judged or was left among the skipped, and the sentences to print. Raises the first of these where there is nothing else."""
    refused = [(target, answer) for target, answer in zip(targets, work.results, strict=False) if isinstance(answer, BadInput)]
    if len(refused) == len(targets):
        raise refused[0][1]
    found = decided(sum((answer for answer in work.results if isinstance(answer, Check)), Check(())))
    reasons = [*((target, str(error)) for target, error in refused), *((target, "interrupted before it was judged") for target in work.left)]
    skipped = tuple(Skipped(target.id, claim.name, "", reason) for target, reason in reasons for claim in target.open().claims)
    return Check(found.verdicts, found.skipped + skipped), [error for _, error in refused]


def _answered(judge: Callable[..., Check], target: Target, settings: Settings) -> Check | BadInput:
    """The answer on one target; what cannot be judged of a user's file is an answer, too, and leaves the others their own."""
    if target.file is None:
        return judge(target, settings=settings)
    try:
        return _by_name(target, judge(target, settings=settings))
    except BadInput as error:
        return error


def judged(target: Target, settings: Settings) -> Check:
    """The check of one target; at module level, so that a worker process finds it."""
    with target.blaming():
        return refuse_negative(check(target.open(), settings=settings, families=target.families()))


def _by_name(target: Target, result: Check) -> Check:
    """Witnesses that are reproduced by the file, where a theorem stands in one."""
    def named(witness: Witness | None) -> Witness | None:
        return witness and replace(witness, reproduce=witness.reproduce.replace(f"convlab check {target.id}", f"convlab check {target.word()}", 1))

    return replace(result, verdicts=tuple(replace(v, witness=named(v.witness), suspect=named(v.suspect)) for v in result.verdicts))


def claims_of(theorem: Theorem, result: Check) -> list[Claim]:
    """The claims of a theorem with their verdicts."""
    return [Claim(theorem.id, claim.name, isinstance(claim, FalseClaim),
                  tuple(v for v in result.verdicts if (v.theorem, v.claim) == (theorem.id, claim.name))) for claim in theorem.claims]


def status(claims: Iterable[Claim]) -> int:
    """0 all as expected, 1 something not, 3 nothing unexpected but a claim open."""
    outcomes = {claim.as_expected for claim in claims}
    return UNEXPECTED if False in outcomes else EXPECTED if outcomes == {True} else UNDECIDED


def _show(theorems: Sequence[Theorem], claims: Sequence[Claim], result: Check, console: Console) -> None:
    if len(theorems) <= IN_FULL:
        for theorem in theorems:
            console.print(f"[bold cyan]{theorem.id}[/]  [bold]{escape(theorem.title)}[/]")
            for claim in (claim for claim in claims if claim.theorem == theorem.id):
                if len(theorem.claims) > 1:
                    console.print(f"  [underline]{escape(claim.name)}[/]")
                console.print(Padding(_verdicts(claim, orders=console.width >= WIDE), (0, 0, 0 if _alone(claim) else 1, 2)))
                for v in _alone(claim):
                    console.print(Padding(f"[dim]{escape(v.problem)}, {v.replicates} replicates: {escape(v.note)}[/]", (0, 0, 1 if v is _alone(claim)[-1] else 0, 2)))
    else:
        console.print(_summary(claims))
    for claim in claims:
        if claim.as_expected is False:
            _explain(claim, console)
        elif claim.as_expected is None and not claim.verdicts:
            _reasons(claim, result.skipped, console)
    console.print(closing(claims, result))


def _alone(claim: Claim) -> list[Verdict]:
    """The verdicts that rest on samples alone: what these had the power to see is told."""
    exact = {v.problem for v in claim.verdicts if v.judged_by is not Source.MONTE_CARLO}
    return [v for v in claim.verdicts if v.judged_by is Source.MONTE_CARLO and v.problem not in exact]


def _style(word: str) -> str:
    return {"holds": "green", "refuted, as expected": "green", "REFUTED": "bold red", "refuted": "bold red"}.get(word, "yellow")


def _verdicts(claim: Claim, orders: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("verdict", "problem", "judged by"):
        table.add_column(name, no_wrap=name != "problem", overflow="fold")
    for name in ("worst ratio", "at k", "last ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    fitted = [in_column(v.fit) if orders else "" for v in claim.verdicts]
    if any(fitted):
        table.add_column("order (measured)", no_wrap=True)
    exact = {v.problem for v in claim.verdicts if v.word is Word.HOLDS and v.judged_by is not Source.MONTE_CARLO}
    for v, order in zip(claim.verdicts, fitted, strict=True):
        beside = v.judged_by is Source.MONTE_CARLO and v.word is not Word.REFUTED and v.problem in exact      # the exact expectation has the word
        word = "sampled beside" if beside else "refuted, as expected" if claim.false and v.word is Word.REFUTED else v.word.value
        ratios = [_ratio(v.worst_ratio), "" if v.worst_k is None else str(v.worst_k), _ratio(v.last_ratio)]
        cells = [escape(v.problem), v.judged_by.value, *ratios, *([order] if any(fitted) else [])]
        table.add_row(word if beside else f"[{_style(word)}]{word}[/]", *cells, style="dim" if beside else None)
    return table


def _ratio(value: object) -> str:
    return "" if value is None else "1 exactly" if value == 1 and not isinstance(value, float) else short(float(value)) if isinstance(value, float) else short(value)


def _summary(claims: Sequence[Claim]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("verdict", "theorem", "judged by (problems)"):
        table.add_column(name, no_wrap=name != "judged by (problems)", overflow="fold")
    table.add_column("worst ratio", justify="right", no_wrap=True)
    for claim in claims:
        sources = ", ".join(f"{source} {count}" for source, count in sorted(Counter(v.judged_by.value for v in claim.verdicts).items()))
        exact = [v for v in claim.verdicts if v.judged_by is not Source.MONTE_CARLO]      # a sampled ratio above 1 decides nothing
        ratios = [float(v.worst_ratio) for v in exact or claim.verdicts if v.worst_ratio is not None]
        name = claim.theorem if claim.name == "main" else f"{claim.theorem}:{claim.name}"
        undecided = sum(v.word is Word.INCONCLUSIVE for v in exact)      # one problem on which a claim holds decides its word: the others are told
        sources += f"; undecided on {undecided}" if undecided else ""
        table.add_row(f"[{_style(claim.word)}]{claim.word}[/]", name, sources, _ratio(max(ratios, default=None)))
    return table


def _explain(claim: Claim, console: Console) -> None:
    """Why a claim did not come out as expected: the witness of each refutation, or what a false claim survived."""
    refuted = [v for v in claim.verdicts if v.word is Word.REFUTED]
    if not refuted:
        console.print(f"[bold red]{claim.theorem}:{claim.name}[/] is declared false, but nothing refuted it.")
    for v in refuted[:IN_FULL]:
        told = f"{v.witness}" if v.witness is not None else f"{v.problem}: {v.note or v.outcome}"
        console.print(f"[bold red]{claim.theorem}:{claim.name}[/] refuted on {escape(told)}")
        if v.outcome and v.witness is not None:
            console.print(f"  {escape(v.outcome)}")
        if v.witness is not None and v.witness.reproduce:
            console.print(f"  reproduce: {escape(v.witness.reproduce)}", style="dim")
    if len(refuted) > IN_FULL:
        console.print(f"  and on {len(refuted) - IN_FULL} more problems", style="dim")


def _reasons(claim: Claim, skipped: Iterable[Skipped], console: Console) -> None:
    """Nothing was judged: what the problems lack, each reason once: first of those that match the assumptions, then of those that miss one."""
    console.print(f"[yellow]{claim.theorem}:{claim.name}[/] was judged on nothing:")
    problems: dict[str, list[str]] = {}
    for skip in skipped:
        if (skip.theorem, skip.claim) == (claim.theorem, claim.name) and skip.problem not in problems.setdefault(skip.reason, []):
            problems[skip.reason].append(skip.problem)
    for reason, names in sorted(problems.items(), key=lambda item: (item[0].startswith(("it does not offer", "the claim does not speak")), len(item[1]))):
        console.print(Padding(f"{escape(reason)}: {escape(', '.join(names))}", (0, 0, 0, 2)), style="dim")


def closing(claims: Sequence[Claim], result: Check) -> str:
    """How much was judged, by what, and what was not, and why."""
    words = Counter(claim.word for claim in claims)
    told = ", ".join(f"[{_style(word)}]{count} {word}[/]" for word, count in words.items())
    counts = ", ".join(f"{count} {source}" for source, count in sorted(result.counts.items(), key=lambda item: -item[1]))
    line = f"{counted(len(claims), 'claim')}: {told or 'nothing judged'}. {counted(len(result.verdicts), 'verdict')}"
    line += f" ({counts})." if counts else "."
    reasons = Counter(skip.reason for skip in result.skipped).most_common()
    if reasons:
        named = "; ".join(f"{escape(reason)} ({count})" for reason, count in reasons[:IN_FULL])
        more = f"; {len(reasons) - IN_FULL} other reasons, all in --json" if len(reasons) > IN_FULL else ""
        line += f"\n[dim]Not judged: {counted(len(result.skipped), 'pair')} of claim and problem: {named}{more}.[/]"
    return line
