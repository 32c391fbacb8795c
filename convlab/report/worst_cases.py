"""The report's table of certified worst cases: for each n the exact worst case over the class, the bound, and whether a proof in rationals stands."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from convlab.judge.verdict import short
from convlab.problem import Family
from convlab.prove.pep.certified import Certified
from convlab.report.typst_math import quoted
from convlab.theorem import Theorem

COUNTS = (1, 2, 5)
MEANINGS = {"tight": "proved, and attained", "valid": "proved", "numerical": "by the solver alone", "refuted": "an instance in rationals exceeds it"}


def worst_cases(theorem: Theorem, families: Mapping[str, Family] | None = None) -> tuple[Certified, ...]:
    """The worst cases of a theorem's claims at a few n; none where the solver is not installed."""
    if find_spec("clarabel") is None:
        return ()
    from convlab.prove.pep.certify import certify

    return certify(theorem, COUNTS, families=families).results


def worst_case_table(results: Sequence[Certified]) -> list[str]:
    """Typst lines for one claim; none where nothing was certified."""
    if not results:
        return []
    rows = [f"[{r.n}], {_block(f'{float(r.worst_case):.6g}')}, {_block(short(r.bound))}, word({quoted(r.status.value)}, wrong: {_wrong(r)}), "
            f"{_block(MEANINGS[r.status.value] + _slack(r))}" for r in results]
    at = ", ".join(f"{name} = {short(value)}" for name, value in {**results[0].parameters, **results[0].constants}.items())
    names = ("n", "worst case", "bound", "", f"exact worst case over the class, at {at}")
    return [f"#block(above: 1.2em, ruled(columns: (auto, auto, auto, auto, 1fr), align: (right, right, right, left, left), "
            f"head({', '.join(map(quoted, names))}), {', '.join(rows)}))"]


def _slack(result: Certified) -> str:
    return f", up to a factor 1 + {result.slack:.0e}" if result.slack is not None and result.slack > 0 else ""


def _wrong(result: Certified) -> str:
    return "true" if result.status.value == "refuted" else "false"


def _block(text: str) -> str:
    return f"text({quoted(text)})"
