"""The pytest plugin: seed and error level of a suite, what every test judged, a report of it. Nothing heavy is imported until a report is written.

Each test's results are a property named `convlab` of its report, a JSON document, as `record_property` makes them: so pytest's own JUnit file has them, and
so they travel from the workers of pytest-xdist.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from convlab.testing.context import Running, within

PROPERTY = "convlab"
MARKER = "convlab(alpha=..., seed=...): error level of each assertion in the test, and the seed that it starts from; in place of the ini options"
WORST = ("holds", "not_applicable", "inconclusive", "refuted")
Told = list[dict[str, Any]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    parser.addini("convlab_alpha", "error level of each assert_theorem, over all examples of a @given (default 1e-4)", default="")
    parser.addini("convlab_seed", "integer that parameter points, samples and the seeds drawn under @given start from (default 0)", default="0")
    parser.getgroup("convlab").addoption("--convlab-report", metavar="FILE", help="write what convlab judged to FILE.json or FILE.pdf")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses values that cannot be used, before any test runs."""
    config.addinivalue_line("markers", MARKER)
    alpha_of(config.getini("convlab_alpha"), "the ini option convlab_alpha")
    seed_of(config.getini("convlab_seed"), "the ini option convlab_seed")
    path = config.getoption("--convlab-report")
    if path and Path(path).suffix not in (".json", ".pdf"):
        raise pytest.UsageError(f"--convlab-report={path}: the report is a .json or a .pdf file; give it that ending.")


def alpha_of(given: Any, where: str) -> float | None:
    """The error level; None where none is given. Raises UsageError outside (0, 1)."""
    if given in ("", None):
        return None
    try:
        value = float(given)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise pytest.UsageError(f"{where} is {given!r}: an error level lies strictly between 0 and 1, such as 1e-4.")
    return value


def seed_of(given: Any, where: str) -> int:
    """The seed. Raises UsageError for what is no integer from 0 on."""
    if not str(given).isdecimal():
        raise pytest.UsageError(f"{where} is {given!r}: a seed is an integer from 0 on.")
    return int(given)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """While a test runs its assertions know their level and seed, and it keeps what they found."""
    heard: Told = []
    try:
        with within(_running(item, heard)):
            return (yield)
    finally:
        if heard:
            import json

            item.user_properties.extend((PROPERTY, json.dumps(one, allow_nan=False)) for one in gathered(heard))


def _running(item: pytest.Item, heard: Told) -> Running:
    marked: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(PROPERTY))):
        unknown = set(mark.kwargs) - {"alpha", "seed"}
        if mark.args or unknown:
            raise pytest.UsageError(f"{item.nodeid}: the marker convlab takes alpha= and seed=, not {', '.join(map(str, (*mark.args, *sorted(unknown))))}.")
        marked |= mark.kwargs
    where = f"the marker convlab of {item.nodeid}"
    return Running(alpha_of(marked.get("alpha", item.config.getini("convlab_alpha")), where),
                   seed_of(marked.get("seed", item.config.getini("convlab_seed")), where), lambda one: heard.append(dict(one)))


def gathered(heard: Told) -> Told:
    """One entry for each theorem on each algorithm, however many examples judged it: the worst verdict, the worst ratio, all counts together."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in heard:
        key = one["theorem"], one["algorithm"]
        found[key] = _merged(found[key], one) if key in found else one
    return list(found.values())


def _merged(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, Any]:
    worse = max(one, two, key=lambda o: (WORST.index(o["verdict"]), _size(o["worst"])))
    names = dict.fromkeys((*one["judged"], *two["judged"]))
    return {**worse, "examples": one["examples"] + two["examples"], "skipped": one["skipped"] + two["skipped"],
            "judged": {name: one["judged"].get(name, 0) + two["judged"].get(name, 0) for name in names}}


def _size(worst: Mapping[str, Any] | None) -> float:
    """A ratio's place among others: the logarithm; what is no finite number is beyond all, and 0 (and nothing judged) below."""
    if worst is None or worst["ratio"] == 0:
        return -float("inf")
    return float("inf") if worst["ratio_log10"] is None else float(worst["ratio_log10"])


# ---- where all reports arrive: the only process, or the one that steers the workers
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """How much was judged, by what; nothing where nothing was. Writes the report."""
    told = results(report for reports in terminalreporter.stats.values() for report in reports if isinstance(report, pytest.TestReport))
    if told:
        terminalreporter.write_sep("-", "convlab")
        terminalreporter.write_line(summary(told))
    path = config.getoption("--convlab-report")
    if path:
        from convlab.errors import BadInput
        from convlab.testing.written import write

        try:
            write(config.invocation_params.dir / path, told, alpha_of(config.getini("convlab_alpha"), ""), int(config.getini("convlab_seed")))
        except BadInput as error:
            raise pytest.UsageError(str(error)) from error
        terminalreporter.write_line(f"convlab report: {path}")


def results(reports: Iterable[pytest.TestReport]) -> Told:
    """Every entry of every test, with the test's name and outcome, in the order of the names: the same for any number of workers."""
    import json

    found = [{"test": report.nodeid, "outcome": report.outcome, **json.loads(str(value))}
             for report in reports if report.when == "call" for name, value in report.user_properties if name == PROPERTY]
    return sorted(found, key=lambda one: (one["test"], one["theorem"], one["algorithm"]))


def summary(told: Told) -> str:
    """One sentence."""
    words = {word: sum(one["verdict"] == word for one in told) for word in WORST}
    sources: dict[str, int] = {}
    for one in told:
        for name, count in one["judged"].items():
            sources[name] = sources.get(name, 0) + count
    return (f"{len(told)} assertions in {len({one['test'] for one in told})} tests, {sum(one['examples'] for one in told)} examples: "
            f"{', '.join(f'{count} {word}' for word, count in words.items() if count)}; "
            f"judged by {', '.join(f'{name} {count}' for name, count in sorted(sources.items())) or 'nothing'}; "
            f"{sum(one['skipped'] for one in told)} pairs skipped")
