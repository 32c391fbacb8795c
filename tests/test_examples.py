"""The README's examples are files that run, and the README shows them as they are."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.command_line import convlab

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = {"deterministic": 24, "stochastic": 35}      # lines that are not blank


def file(name: str) -> Path:
    return ROOT / "tests" / "examples" / f"{name}.py"


@pytest.mark.parametrize("name", LINES)
def test_the_readme_shows_the_file_as_it_is(name: str) -> None:
    assert f"```python\n{file(name).read_text(encoding='utf-8')}```" in README


@pytest.mark.parametrize("name", LINES)
def test_the_example_is_short(name: str) -> None:
    assert sum(bool(line.strip()) for line in file(name).read_text(encoding="utf-8").splitlines()) <= LINES[name]


@pytest.mark.parametrize(("name", "source"), [("deterministic", "deterministic"), ("stochastic", "exact-moments")])
def test_the_example_holds_and_an_exact_source_says_so(name: str, source: str) -> None:
    answer = convlab("check", str(file(name)), "--json")

    assert answer.status == 0
    assert {item["verdict"] for item in answer.json["results"] if item["judged_by"] != "monte-carlo"} == {"holds"}
    assert answer.json["counts"][source] >= 8


def test_a_faster_rate_than_the_stochastic_example_claims_is_refuted(tmp_path: Path) -> None:
    """The check would notice: with rate (1 - gamma mu)^3 the same declaration is refuted on a sum of quadratics, by exact moments, and by the sample beside them."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(file("stochastic").read_text(encoding="utf-8").replace("** k * M0", "** (3 * k) * M0"), encoding="utf-8")
    answer = convlab("check", str(wrong), "--problem", "sum-one-hot-5", "--json")

    assert answer.status == 1
    assert {item["judged_by"] for item in answer.json["results"] if item["verdict"] == "refuted"} == {"exact-moments", "monte-carlo"}


def test_the_examples_own_assumption_passes_its_audit_on_every_problem_that_it_is_read_off() -> None:
    answer = convlab("audit", str(file("stochastic")), "--json")

    assert answer.status == 0
    assert {item["constant"] for item in answer.json["results"]} == {"delta"}
    assert len(answer.json["results"]) >= 5


def test_the_readme_names_the_two_commands_and_a_figure_that_exists() -> None:
    for command in ("python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/convlab report",
                    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"):
        assert command in README
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file()


def test_the_template_holds_as_it_stands(tmp_path: Path) -> None:
    new = tmp_path / "my_theorem.py"

    assert convlab("new", str(new)).status == 0
    assert convlab("check", str(new), "--problem", "quadratic-2", "--problem", "huber-strongly-convex-3").status == 0
    assert convlab("mutants", str(new)).status == 0
