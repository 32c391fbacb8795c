"""`calibrate`: how often the judge is wrong, as a table, a document, and a figure of its power."""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from convlab.cli.documents import EXPECTED, UNEXPECTED, document, messages, print_json, screen
from convlab.cli.reporting import refuse_unwritable
from convlab.errors import BadInput
from convlab.judge.calibration import LAWS, METHODS, Rates
from convlab.judge.calibration import calibrated as rates_of
from convlab.run.settings import Settings

LEAST = 32       # replicates: the smallest look has two
SHOWN = 0.01     # the level of the table on the screen; all levels are in --json


def calibrated(settings: Settings, repeats: int, out: Path | None, *, json: bool) -> int:
    """Runs the experiments, prints the answer; 1 where a true statement is refuted more often than promised."""
    if repeats < 1:
        raise BadInput(f"--repeats {repeats}: there must be at least 1.")
    if settings.replicates < LEAST:
        raise BadInput(f"--replicates {settings.replicates}: there must be at least {LEAST}.")
    if out is not None:
        refuse_unwritable(out)
    sizes = (settings.replicates // 16, settings.replicates // 4, settings.replicates)
    console, rates = messages(), []
    for name in LAWS:
        with console.status(f"{name}: {repeats} experiments"):
            rates += list(rates_of(settings.seed, repeats, sizes, (name,)))
    if out is not None:
        write(out, rates)
    if json:
        print_json(document("calibrate", [rate.to_json() for rate in rates], seed=settings.seed))
    else:
        _show(rates)
    return EXPECTED if all(rate.as_promised for rate in rates) else UNEXPECTED


def write(folder: Path, rates: Sequence[Rates]) -> None:
    """calibration.csv with every rate, and the figure."""
    from convlab.report.calibration import power_figure

    folder.mkdir(parents=True, exist_ok=True)
    items = [rate.to_json() for rate in rates]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(items[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(items)
    (folder / "calibration.csv").write_text(table.getvalue(), encoding="utf-8")
    for ending, content in power_figure(rates).items():
        (folder / f"calibration.{ending}").write_bytes(content)


def _show(rates: Sequence[Rates]) -> None:
    console = screen()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title=f"alarms in % of {rates[0].repeats} experiments, alpha = {SHOWN}")
    table.add_column("law", no_wrap=True)
    for name in ("false by", "replicates", *(method.replace("_", " ") for method in METHODS)):
        table.add_column(name, justify="right")
    for rate in (rate for rate in rates if rate.alpha == SHOWN):
        percent = [f"{100 * count / rate.repeats:.3g}" for count in rate.counts]
        style = None if rate.as_promised else "red"
        table.add_row(rate.law, f"{100 * rate.excess:.0f} %" if rate.excess else "true", str(rate.replicates), *percent, style=style)
    console.print(table)
    broken = [rate for rate in rates if not rate.as_promised]
    for rate in broken:
        console.print(f"[bold red]{rate.law}[/]: true, and refuted in {rate.counts[0]} of {rate.repeats} experiments at alpha = {rate.alpha}")
    if not broken:
        console.print("True statements are refuted no more often than promised: the 99 % lower limit of each rate is at most its alpha.")
