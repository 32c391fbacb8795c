"""From theorems to a written report: each is checked, proved and mutated, then everything is written at once."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convlab.falsify.calibrated import Calibration
from convlab.falsify.mutants import MutantResult, mutants
from convlab.judge.check import check
from convlab.judge.verdict import Check
from convlab.problem import Family
from convlab.prove import Proof, prove
from convlab.prove.pep.certified import Certified
from convlab.report.calibrated import kept
from convlab.report.pages import MutantRow
from convlab.report.worst_cases import worst_cases
from convlab.report.write import write_report
from convlab.run.settings import Settings
from convlab.theorem import Theorem


@dataclass(frozen=True)
class Answers:
    """All that the report says of one theorem."""

    theorem: Theorem
    check: Check
    proofs: tuple[Proof, ...]
    mutants: tuple[MutantResult, ...]
    worst: tuple[Certified, ...] = ()


@dataclass(frozen=True)
class Report:
    """The files of a written report, and the answers that stand in it."""

    files: tuple[Path, ...]
    answers: tuple[Answers, ...]

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab report --json`."""
        return {"files": [str(path) for path in self.files]}


def answers(theorem: Theorem, settings: Settings | None = None, families: Mapping[str, Family] | None = None) -> Answers:
    """Checks, proves and mutates one theorem, and certifies its worst cases where a solver is installed."""
    settings = settings or Settings()
    return Answers(theorem, check(theorem, settings=settings, families=families), prove(theorem), mutants(theorem, settings, families), worst_cases(theorem, families))


def written(found: Iterable[Answers], folder: Path | str, settings: Settings | None = None, date: str = "", calibration: Calibration | None = None) -> Report:
    """Writes the report, with a page on the judge's own errors from `calibration`, by default what `convlab calibrate` left in the folder.

    Raises BadInput where the folder cannot be written; an older report then stays whole.
    """
    found = tuple(found)
    files = write_report([a.theorem for a in found], {a.theorem.id: a.check for a in found}, {a.theorem.id: a.proofs for a in found}, Path(folder), settings,
                         mutants={a.theorem.id: [row(m) for m in a.mutants] for a in found}, date=date, calibration=calibration or kept(Path(folder)),
                         worst={a.theorem.id: a.worst for a in found})
    return Report(files, found)


def family_of(problem: str) -> str:
    """A declared instance goes by its family."""
    return problem.partition("(")[0]


def row(found: MutantResult) -> MutantRow:
    """What the report prints of a mutant."""
    return MutantRow(found.claim, found.mutant, found.refuted, "" if found.witness is None else f"{family_of(found.problem)}, k = {found.witness.iteration}")


def report(theorems: Iterable[Theorem] | None = None, folder: Path | str = "reports", settings: Settings | None = None, date: str = "") -> Report:
    """Judges theorems (default: the whole catalogue) and writes PDF, results.json and figures into a folder."""
    from convlab.catalogue import theorems as catalogue

    return written((answers(theorem, settings) for theorem in (catalogue().values() if theorems is None else theorems)), folder, settings, date)
