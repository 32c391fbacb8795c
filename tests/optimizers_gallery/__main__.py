"""Prints the two tables of the README: wrong optimizers and what catches them, correct ones and what they pass."""
from __future__ import annotations

from convlab.testing.battery import LAWS
from convlab.testing.finding import Finding, Findings, Outcome
from tests.optimizers_gallery.bug import Bug
from tests.optimizers_gallery.gallery import KINDS, bugs, caught, findings

MARKS = {Outcome.PASSED: "+", Outcome.FAILED: "FAILS", Outcome.SKIPPED: "."}


def told(found: list[Finding], first: str) -> str:
    """The check that is to catch a bug (else the first that does), with k and ratio, and how many more do."""
    if not found:
        return "none"
    shown = next((f for f in found if f.name == first), found[0])
    more = f", {len(found) - 1} more" if len(found) > 1 else ""
    return f"`{shown.name}` ({shown.k}, {float(shown.ratio or 0):.5g}){more}"


def bug_row(bug: Bug) -> str:
    """One line of the first table."""
    found = caught(bug, everything=True)
    laws, theorems = ([f for f in found if f.kind == kind] for kind in ("law", "theorem"))
    seen = f" [{bug.seen}]" if bug.seen else ""
    refuted = told(theorems if bug.like else theorems[:1], bug.caught_by)
    return f"| {bug.name}{seen} | {bug.library}, {bug.like or 'its theorem'} | {told(laws, bug.caught_by)} | {refuted} |"


def check_row(name: str, batteries: dict[tuple[str, str], Findings]) -> str:
    """One line of the second table: torch and optax side by side."""
    def mark(library: str, kind: str) -> str:
        found = next((f for f in batteries[library, kind].results if f.name == name), None)
        return " " if found is None else MARKS[found.outcome]

    return f"| `{name}` | " + " | ".join(f"{mark('torch', kind)} {mark('optax', kind)}" for kind in KINDS) + " |"


def main() -> None:
    """Both tables in Markdown."""
    print("| bug [seen in] | written for, like | laws that fail (first k, how far off) | theorems refuted (k, measured/bound) |\n|---|---|---|---|")
    for bug in bugs():
        print(bug_row(bug))
    batteries = {(library, kind): findings(library, kind) for kind in KINDS for library in ("torch", "optax")}
    print(f"\n| check | {' | '.join(KINDS)} |\n|---|{'---|' * len(KINDS)}")
    theorems = dict.fromkeys(f.name for found in batteries.values() for f in found.results if f.kind == "theorem")
    for name in [*LAWS, *theorems]:
        print(check_row(name, batteries))
    for kind in KINDS:
        forms = {library: batteries[library, kind]["agrees_with_the_rule"].reason.removeprefix("form: ") for library in ("torch", "optax")}
        if forms["torch"] != forms["optax"]:
            print(f"\n{kind}: torch has {forms['torch']}, optax {forms['optax']}.")
    for (library, kind), found in batteries.items():
        print(f"\n<!-- {library} {kind}: {found.counts} -->", end="")
    print()


if __name__ == "__main__":
    main()
