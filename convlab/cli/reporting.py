"""`report`: judge the chosen theorems and write it down."""
from __future__ import annotations

import os
from datetime import date
from functools import partial
from pathlib import Path

from convlab.cli.checking import claims_of, closing, status
from convlab.cli.documents import INTERRUPTED, document, messages, print_json, screen
from convlab.cli.targets import Target, targets
from convlab.cli.work import over
from convlab.errors import BadInput
from convlab.falsify.calibrated import Calibration, calibration
from convlab.judge.verdict import Check
from convlab.report.answers import Answers, answers
from convlab.report.answers import written as written_report
from convlab.report.calibrated import kept
from convlab.run.settings import Settings

REPEATS, REPLICATES = 20, 4096      # of the short calibration in a report of the whole catalogue: some ten seconds


def written(names: list[str] | None, settings: Settings, *, part: str | None, topic: str | None, out: Path, json: bool) -> int:
    """Writes the report on the named theorems (default: all); the exit status is that of their check."""
    refuse_unwritable(out)                                   # minutes of judging should not end at a closed door
    kept(out)                                                # nor at a file of results that cannot be read
    chosen = targets(names, part=part, topic=topic, true=False, false=False)
    work = over(chosen, partial(answered, settings=settings), settings.workers, "judging")
    if work.left:
        messages().print(f"Interrupted after {len(work.results)} of {len(chosen)} theorems; nothing was written, an older report in {out} is whole.", style="red")
        return INTERRUPTED
    report = written_report(work.results, out, settings, date.today().isoformat(), _calibrated(out, settings, whole=not (names or part or topic)))
    result = sum((found.check for found in report.answers), Check(()))
    claims = [claim for found in report.answers for claim in claims_of(found.theorem, found.check)]
    if json:
        print_json(document("report", [report.to_json()], seed=settings.seed, alpha=settings.alpha, counts=result.counts,
                            skipped=[skip.to_json() for skip in result.skipped]))
    else:
        console = screen()
        for path in (path for path in report.files if path.parent == out):
            console.print(f"Wrote [bold]{path}[/]")
        console.print(f"and {sum(path.parent != out for path in report.files)} figure files beside.\n{closing(claims, result)}")
    return status(claims)


def _calibrated(out: Path, settings: Settings, whole: bool) -> Calibration | None:
    """What `convlab calibrate` left in the folder; of the whole catalogue a short run otherwise."""
    earlier = kept(out)
    if earlier is not None or not whole:
        return earlier
    with messages().status("calibrating the judge, in short"):
        return calibration(settings.seed, REPEATS, REPLICATES)


def answered(target: Target, settings: Settings) -> Answers:
    """All about one target; at module level, so that a worker process finds it."""
    with target.blaming():
        return answers(target.open(), settings, target.families())


def refuse_unwritable(folder: Path) -> None:
    """Raises BadInput where the folder, or the nearest one above it that exists, cannot be written into."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise BadInput(f"--out {folder}: {nearest} is a file; name a folder.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise BadInput(f"--out {folder}: {nearest} cannot be written into; name another folder.")
