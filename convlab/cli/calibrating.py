"""`calibrate`: how often the judge is wrong, as a table, a document, and a page with a figure for the report."""
from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from convlab.cli.documents import EXPECTED, UNEXPECTED, document, messages, print_json, screen
from convlab.cli.reporting import refuse_unwritable
from convlab.errors import BadInput
from convlab.falsify.calibrated import Calibration, calibration
from convlab.judge.calibration import METHODS
from convlab.run.settings import Settings

LEAST = 32       # replicates: fewer say nothing
SHOWN = 0.01     # the level of the table on the screen; all levels are in --json


def calibrated(settings: Settings, repeats: int, out: Path, *, json: bool) -> int:
    """Runs the experiments, writes and prints the answer; 1 where a limit is not kept."""
    from convlab.report.calibrated import write

    if repeats < 1:
        raise BadInput(f"--repeats {repeats}: there must be at least 1.")
    if settings.replicates < LEAST:
        raise BadInput(f"--replicates {settings.replicates}: there must be at least {LEAST}.")
    refuse_unwritable(out)
    with messages().status("calibrating") as status:
        found = calibration(settings.seed, repeats, settings.replicates, status.update)
    made = {**document("calibrate", found.items(), seed=settings.seed), "promises": [promise.to_json() for promise in found.promises]}
    files = write(out, found, made)
    if json:
        print_json(made)
    else:
        _show(found)
        screen().print(f"[dim]Written to {escape(str(out))}: {', '.join(str(path.relative_to(out)) for path in files)}; `convlab report --out {escape(str(out))}` "
                       "puts the page into the report.[/]")
    return EXPECTED if found.kept else UNEXPECTED


def _show(found: Calibration) -> None:
    console = screen()
    console.print(_rates(found))
    console.print(_promises(found))
    for promise in (promise for promise in found.promises if not promise.kept):
        console.print(f"[bold red]not kept[/]  {promise.law}: {promise.what} in {promise.count} of {promise.repeats}; the rate is at least {promise.lower:.3g}, "
                      f"the limit {promise.limit:.3g}")
    if found.kept:
        console.print("True statements are refuted no more often than promised, at any look: the 99 % lower limit of each rate is at most its alpha.")


def _table(title: str, *names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title=title)
    for number, name in enumerate(names):
        table.add_column(name, no_wrap=number == 0, justify="left" if number == 0 else "right")
    return table


def _rates(found: Calibration) -> Table:
    table = _table(f"alarms in % of {found.repeats} experiments, alpha = {SHOWN}", "law", "false by", "replicates", *(method.replace("_", " ") for method in METHODS))
    for rate in (rate for rate in found.rates if rate.alpha == SHOWN):
        percent = [f"{100 * count / rate.repeats:.3g}" for count in rate.counts]
        table.add_row(rate.law, f"{100 * rate.excess:.0f} %" if rate.excess else "true", str(rate.replicates), *percent)
    return table


def _promises(found: Calibration) -> Table:
    table = _table("what is promised", "law", "what", "count", "of", "rate at least", "limit", "")
    table.columns[1].justify = "left"
    for promise in found.promises:
        table.add_row(promise.law, promise.what, str(promise.count), str(promise.repeats), f"{promise.lower:.3g}", f"{promise.limit:.3g}",
                      "pass" if promise.kept else "FAIL", style=None if promise.kept else "red")
    return table
