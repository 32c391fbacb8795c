"""The page "How often is the judge wrong?": rates on true statements beside tests by hand, rates on false ones, searches of tight ones, and the figure."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from convlab.errors import BadInput
from convlab.falsify.calibrated import Calibration, read
from convlab.judge.calibration import ALPHAS, METHODS, Rates
from convlab.report.calibration import LEVEL, power_figure
from convlab.report.document import compiled, staged
from convlab.report.typst_math import quoted

STEM, FIGURES = "calibration", "figures"
TITLE = "How often is the judge wrong?"
HAND = ("mean", "t_test", "bonferroni", "last_iterate")
EXPLAINED = (
    "Each law has an expectation that is exactly the bound at every iteration, so a statement is true and exactly tight, or false by the excess named. "
    "The e-value is looked at after every block of replicates. Beside it stands what people do by hand with the same sample: the mean is above the bound somewhere; "
    "a one-sided t-test at each iteration; the same with Bonferroni's correction; a t-test of the last iterate alone.")


# ---- results
def write(folder: Path, found: Calibration, document: dict[str, Any]) -> tuple[Path, ...]:
    """calibration.json, .csv and .pdf (the page), and the figure under figures/. Raises BadInput for a folder that cannot be written."""
    with staged(folder) as beside:
        (beside / f"{STEM}.json").write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
        (beside / f"{STEM}.csv").write_text(table(found.rates), encoding="utf-8")
        content = page(found, beside)
        template = files("convlab.report").joinpath("template.typ").read_text(encoding="utf-8")
        origin = f"convlab {version('convergence-lab')}  ·  seed {found.seed}"
        head = f"#block(below: 0.8em)[#small({quoted(origin)})]"
        (beside / f"{STEM}.pdf").write_bytes(compiled("\n".join([template, f"#show: body => setup({quoted(TITLE)}, body)", head, content]), beside))
        written = sorted(path.relative_to(beside) for path in beside.rglob("*") if path.is_file())
    return tuple(folder / path for path in written)


def table(rates: Sequence[Rates]) -> str:
    """Every rate as CSV."""
    text, items = io.StringIO(), [rate.to_json() for rate in rates]
    writer = csv.DictWriter(text, list(items[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(items)
    return text.getvalue()


def kept(folder: Path) -> Calibration | None:
    """What an earlier `convlab calibrate` left in a folder; None where there is nothing. Raises BadInput for a file that is no calibration."""
    path = folder / f"{STEM}.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return read(found["results"], int(found["seed"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is no calibration that convlab can read ({error}): write it again with `convlab calibrate --out {folder}`, or delete it.") from error


# ---- the page
def page(found: Calibration, folder: Path) -> str:
    """Typst source; writes the figure that it shows below `folder`."""
    (folder / FIGURES).mkdir(exist_ok=True)
    for ending, content in power_figure(found.rates).items():
        (folder / FIGURES / f"{STEM}.{ending}").write_bytes(content)
    caption = (f"Statements refuted, against the number of replicates, at alpha = {LEVEL:g}: by the e-value, and by two tests by hand. "
               "The line for true statements should lie at 0.")
    broken = [promise for promise in found.promises if not promise.kept]
    told = ("Every limit below is kept." if not broken else "Not kept: " + "; ".join(f"{p.law}: {p.what}, {p.count} of {p.repeats}" for p in broken) + ".")
    return "\n".join([
        f"#heading(level: 2, {quoted(TITLE)}) #label(\"calibration\")", f"#block(below: 0.9em)[#{quoted(EXPLAINED)};]", f"#block[*#{quoted(told)};*]",
        f"#plot({quoted(f'/{FIGURES}/{STEM}.svg')}, {quoted(caption)})",
        _headed("True and exactly tight: refuted in % of the experiments at any look (one-sided 99 % lower limit of the rate: at most alpha), and alarms by hand in %"),
        _true(found), _headed(f"False by an excess: refuted / said to hold, in %, at alpha = {LEVEL:g}, by the number of replicates"), _false(found),
        _headed("The falsifier on true, exactly tight statements, judged in rationals"), _searched(found)])


def _headed(text: str) -> str:
    return f"#block(above: 1.1em, below: 0.3em, sticky: true, small({quoted(text)}))"


def _ruled(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = ", ".join(quoted(cell) for row in rows for cell in row)
    align = ", ".join(["left", *["right"] * (len(names) - 1)])
    return f"#ruled(columns: ({', '.join(['1fr'] + ['auto'] * (len(names) - 1))}), align: ({align}), head({', '.join(map(quoted, names))}), {cells})"


def longest(rates: Sequence[Rates]) -> Iterator[Rates]:
    """The rates at the last look of each law."""
    last = {rate.law: rate.replicates for rate in sorted(rates, key=lambda rate: rate.replicates)}
    return (rate for rate in rates if rate.replicates == last[rate.law])


def _true(found: Calibration) -> str:
    ends = {(rate.law, rate.alpha): rate for rate in longest(found.rates) if rate.excess == 0}
    rows = []
    for law in dict.fromkeys(law for law, _ in ends):
        at = ends[law, LEVEL]
        refuted = [f"{percent(rate.counts[0], rate.repeats)} ({100 * rate.refuted_lower:.2g})" for rate in (ends[law, alpha] for alpha in ALPHAS)]
        rows.append([law, f"{at.repeats}", f"{at.replicates}", *refuted, *(percent(at.counts[METHODS.index(name)], at.repeats) for name in HAND)])
    return _ruled(["law", "repeats", "replicates", *(f"alpha {alpha:g}" for alpha in ALPHAS), "mean", "each t", "Bonferroni", "last"], rows)


def _false(found: Calibration) -> str:
    rates = [rate for rate in found.rates if rate.excess > 0 and rate.alpha == LEVEL]
    sizes = sorted({rate.replicates for rate in rates})
    at = {(rate.law, rate.excess, rate.replicates): rate for rate in rates}
    rows = [[law, f"{100 * excess:.0f} %", *(_both(at.get((law, excess, size))) for size in sizes)] for law, excess in dict.fromkeys((r.law, r.excess) for r in rates)]
    return _ruled(["law", "false by", *map(str, sizes)], rows)


def _both(rate: Rates | None) -> str:
    return "" if rate is None else f"{percent(rate.counts[0], rate.repeats)} / {percent(rate.counts[1], rate.repeats)}"


def _searched(found: Calibration) -> str:
    return _ruled(["theorem", "searches", "refuted", "largest ratio reached"], [[s.theorem, f"{s.searches}", f"{s.refuted}", f"{s.ratio:.6f}"] for s in found.searches])


def percent(count: int, repeats: int) -> str:
    """A rate in %, three digits."""
    return f"{100 * count / repeats:.3g}"
