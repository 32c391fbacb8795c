"""`write_report`: from results to a folder with the PDF, every figure with its data, and the same results for programs."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from convlab.constants import Constant
from convlab.falsify.calibrated import Calibration
from convlab.judge.verdict import Check
from convlab.problem import installed_families
from convlab.prove.pep.certified import Certified
from convlab.prove.proof import Proof
from convlab.report.calibrated import page
from convlab.report.document import compiled, staged
from convlab.report.figures import claim_figure
from convlab.report.pages import Content, MutantRow, source
from convlab.report.statement import inner
from convlab.report.style import Drawn
from convlab.report.summary import ClaimSummary, summaries
from convlab.run.settings import Settings
from convlab.theorem import Theorem

REPORT, RESULTS, FIGURES = "convlab-report.pdf", "results.json", "figures"


def write_report(theorems: Sequence[Theorem], checks: Mapping[str, Check], proofs: Mapping[str, Sequence[Proof]], folder: Path,
                 settings: Settings | None = None, *, mutants: Mapping[str, Sequence[MutantRow]] | None = None, title: str = "Convergence theorems, checked",
                 date: str = "", known: Callable[[str], Mapping[str, Constant]] | None = None, calibration: Calibration | None = None,
                 worst: Mapping[str, Sequence[Certified]] | None = None) -> tuple[Path, ...]:
    """The files written: the report, results.json, and per claim a figure as PDF, SVG, PNG and CSV. Equal input gives equal bytes.

    `checks`, `proofs`, `mutants` and `worst` (certified worst cases) go by theorem id; `date` is printed as given;
    `known(problem)` gives the certified constants of a problem by its name
    (default: of the installed families); `calibration` becomes a page of its own.
    Raises BadInput for a folder that cannot be written and for text that cannot be printed; then the folder is as it was.
    """
    settings = settings or Settings()
    claims = summaries(theorems, checks)
    with staged(Path(folder)) as beside:
        figures = _write_figures(claims, beside)
        (beside / RESULTS).write_text(results_json(theorems, checks, settings), encoding="utf-8")
        content = Content(title, version("convergence-lab"), settings.alpha, settings.seed, claims, date, figures, proofs, mutants or {}, known or installed_constants,
                          worst or {}, "" if calibration is None else page(calibration, beside))
        template = files("convlab.report").joinpath("template.typ").read_text(encoding="utf-8")
        (beside / REPORT).write_bytes(compiled(source(content, template), beside))
        written = sorted(path.relative_to(beside) for path in beside.rglob("*") if path.is_file())
    return tuple(Path(folder) / path for path in written)


def results_json(theorems: Sequence[Theorem], checks: Mapping[str, Check], settings: Settings) -> str:
    """The `convlab.report/1` document: strict JSON, all verdicts and all that was not judged."""
    merged = sum((checks[t.id] for t in theorems if t.id in checks), Check(()))
    head = {"schema": "convlab.report/1", "command": "report", "convlab": version("convergence-lab"), "seed": settings.seed, "alpha": settings.alpha}
    return json.dumps({**head, **merged.to_json()}, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def figure_name(summary: ClaimSummary) -> str:
    """theorem--claim, of letters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", f"{summary.theorem.id}--{summary.claim.name}")


@cache
def installed_constants(problem: str) -> Mapping[str, Constant]:
    """The certified constants of an installed problem by its name, by symbol name; empty for tight instances, whose constants are chosen."""
    return _installed().get(problem, {})


@cache
def _installed() -> Mapping[str, Mapping[str, Constant]]:
    return {member.name: {symbol.name: constant for offered in member.problem.facts() for symbol, constant in offered.constants().items()}
            for family in installed_families().values() for member in family.members()}


def _write_figures(claims: Sequence[ClaimSummary], beside: Path) -> Mapping[str, tuple[str, str]]:
    """Draws each claim's figure into its files; claim id -> (path of the SVG from the document, caption)."""
    (beside / FIGURES).mkdir()
    drawn: dict[str, Drawn] = {c.id: figure for c in claims if (figure := claim_figure(inner(c.claim), c.verdicts)) is not None}
    names = {c.id: figure_name(c) for c in claims}
    for id, figure in drawn.items():
        for ending, data in figure.files.items():
            (beside / FIGURES / f"{names[id]}.{ending}").write_bytes(data)
    return {id: (f"/{FIGURES}/{names[id]}.svg", figure.caption) for id, figure in drawn.items()}
