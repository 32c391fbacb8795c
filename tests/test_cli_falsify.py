"""`convlab falsify`, the files it writes, `check --instance` and `--out`, and generic mutants of a user's file: what comes out, and how it ends."""
from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Answer, convlab

ID = "proximal-point"
BUDGET = ("--budget", "6")      # seconds: enough to find something, in any order of speed; the laws of the search are tested without a clock

PLANTED = '''
"""Gradient descent with a constant that is 5 % too small, on quadratics and Huber functions of this file."""
import sympy as sp
import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.symbols import L, R, gamma, k

theorem = cl.Theorem(
    id="planted", title="Too small a constant", algorithm=GradientDescent(step_size=gamma), defaults={gamma: 1 / L},
    condition=sp.And(0 < gamma, gamma <= 1 / L), assumptions=(cl.Convex, cl.Smooth, cl.Minimum), metric=cl.function_gap,
    bound=FACTOR * L * R**2 / (4 * k * gamma * L + 2))
'''


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("planted") / "planted.py"
    file.write_text(PLANTED.replace("FACTOR", "sp.Rational(19, 20)"), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    folder = tmp_path_factory.mktemp("worst")
    return convlab("falsify", ID, *BUDGET, "--out", str(folder), "--json"), folder


@pytest.fixture(scope="module")
def refuted(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    folder = tmp_path_factory.mktemp("refuted")
    return convlab("falsify", str(planted), *BUDGET, "--out", str(folder), "--json"), folder


def run_isolated(script: Path) -> str:
    """By a Python that sees no installed package."""
    return subprocess.run([sys.executable, "-I", "-S", str(script)], capture_output=True, text=True, check=True, cwd=script.parent).stdout


def sentence(*words: str) -> str:
    answer = convlab(*words)
    assert answer.status == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    return " ".join(answer.err.split())


# ---- falsify
def test_a_tight_theorem_is_reached_and_not_refuted(searched: tuple[Answer, Path]) -> None:
    answer, _ = searched
    item, = answer.json["results"]

    assert answer.status == 0
    assert answer.json["schema"] == "convlab.falsify/1"
    assert {"theorem", "claim", "worst_ratio", "instance", "script", "sharpness"} <= set(item)
    assert item["verdict"] == "not refuted"
    assert 0.99 <= float(Fraction(item["worst_ratio"])) <= 1


def test_its_worst_instance_is_run_again_by_check(searched: tuple[Answer, Path]) -> None:
    """The data file gives the same ratio, as a fraction; the script prints it."""
    answer, folder = searched
    item, = answer.json["results"]
    again = convlab("check", ID, "--instance", str(folder / f"{ID}.json"), "--json")
    verdict, = again.json["results"]

    assert again.status == 0
    assert verdict["judged_by"] == "rational"
    assert verdict["worst_ratio"] == item["worst_ratio"]
    assert f"measured {item['measured']} = " in run_isolated(folder / f"{ID}.py")


def test_a_planted_error_is_refuted_with_status_1(refuted: tuple[Answer, Path]) -> None:
    answer, folder = refuted
    item, = answer.json["results"]

    assert answer.status == 1
    assert item["verdict"] == "refuted"
    assert item["judged_by"] == "rational"
    assert float(Fraction(item["measured"])) > float(Fraction(item["bound"]))
    assert json.loads((folder / "planted.json").read_text()) == item["instance"]


def test_the_witness_stands_by_itself(planted: Path, refuted: tuple[Answer, Path]) -> None:
    """As a data file for convlab, and as a program of under 40 lines for everybody else."""
    _, folder = refuted
    script = folder / "planted.py"

    assert convlab("check", str(planted), "--instance", str(folder / "planted.json")).status == 1
    assert float(run_isolated(script).rpartition("ratio ")[2]) > 1.01
    assert len(script.read_text().splitlines()) <= 40
    assert "convlab" not in script.read_text()


def test_the_screen_tells_what_was_searched(tmp_path: Path) -> None:
    answer = convlab("falsify", "projected-gd-convex-fgap", *BUDGET)

    assert answer.status == 0
    assert "not refuted" in answer.out
    assert "half_line" in answer.out
    assert "1 claim searched, 0 refuted." in answer.out


def test_claims_of_other_kinds_are_searched_by_their_judges() -> None:
    answer = convlab("falsify", "comp-randk-variance", *BUDGET, "--json")

    assert answer.status == 0
    assert {item["verdict"] for item in answer.json["results"]} == {"not refuted"}
    assert all("inputs were searched for the worst" in item["note"] and item["instance"] is None for item in answer.json["results"])


# ---- check --out
def test_refutations_of_check_are_saved_and_run_again(planted: Path, tmp_path: Path) -> None:
    """Every file that check writes is refuted when it is run again, and every script measures more than the bound."""
    folder = tmp_path / "new" / "folder"
    first = convlab("check", str(planted), "--problem", "huber-convex-1d", "--problem", "quadratic-2", "--out", str(folder), "--json")
    documents, scripts = sorted(folder.glob("*.json")), sorted(folder.glob("*.py"))

    assert first.status == 1
    assert len(documents) == sum(v["verdict"] == "refuted" for v in first.json["results"]) >= 2
    assert scripts
    for file in documents:
        again = convlab("check", str(planted), "--instance", str(file), "--json")
        assert again.status == 1
        assert again.json["results"][0]["witness"]["reproduce"].endswith(f"--instance {file}")
    for script in scripts:
        assert float(run_isolated(script).rpartition("ratio ")[2]) > 1


def test_what_holds_writes_nothing(tmp_path: Path) -> None:
    assert convlab("check", ID, "--problem", "huber-convex-1d", "--out", str(tmp_path / "none")).status == 0
    assert not (tmp_path / "none").exists()


# ---- bad input
@pytest.mark.parametrize(("words", "told"), [
    (("falsify", ID, "--budget", "-1"), "--budget -1: a search needs a positive number of seconds."),
    (("falsify", ID, "--budget", "0"), "--budget 0: a search needs a positive number of seconds."),
    (("falsify", ID, "--budget", "nan"), "a search needs a positive number of seconds."),
    (("falsify", ID, "--seed", "-3"), "a seed is an integer from 0 on"),
    (("falsify",), "Say what to falsify"),
    (("check", ID, "--instance", "no_such_file.json"), "no_such_file.json cannot be read"),
])
def test_bad_options_get_a_sentence(words: tuple[str, ...], told: str) -> None:
    assert told in sentence(*words)


@pytest.mark.parametrize(("change", "told"), [
    ({"theorem": "gd-smooth-convex-fgap"}, "is an instance of gd-smooth-convex-fgap, not of proximal-point"),
    ({"claim": "other"}, "has no rate bound called 'other'"),
    ({"schema": "convlab.check/1"}, "is no instance file"),
    ({"k": -2}, "k = -2 is no count of updates"),
    ({"k": None}, "is no count of updates"),
    ({"family": "absolute_values"}, "no problem family is called 'absolute_values'"),
    ({"point": {}}, "the parameters are none, the claim has gamma"),
    ({"point": {"gamma": "fast"}}, "gamma = fast is no number"),
    ({"point": {"gamma": "-1"}}, "outside the condition"),
    ({"point": 3}, "'point' must map names to numbers"),
    ({"problem": "quadratic-2"}, "the start has shape (1,), a point of the problem (2,)"),
    ({"parameters": {"G": float("nan")}}, "cannot be made with these parameters"),
    ({"start": ["here"]}, "here"),
    ({"parameters": {"weight": 3}}, "cannot be made with these parameters"),
    ({"parameters": {"G": "-4"}}, "must be positive"),
    ({"constants": {"G": "17/3"}}, "the file states G = 17/3, the problem's own constant is"),
    ({"constants": {"zeta": 1}}, "the file states zeta = 1, which the problem does not know"),
], ids=str)
def test_a_broken_instance_file_gets_a_sentence(change: dict[str, Any], told: str, searched: tuple[Answer, Path], tmp_path: Path) -> None:
    made = json.loads((searched[1] / f"{ID}.json").read_text())
    assert made["family"] == "absolute_value"
    file = tmp_path / "broken.json"
    file.write_text(json.dumps({**made, **change}))

    assert told in sentence("check", ID, "--instance", str(file))


@pytest.mark.parametrize(("text", "told"), [("", "is not JSON"), ("[1]", "is no instance file"), ("{\"schema\": \"convlab.instance/1\"}", "'theorem' is missing")])
def test_what_is_no_instance_at_all(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text(text)

    assert told in sentence("check", ID, "--instance", str(file))


def test_an_instance_is_of_one_theorem(searched: tuple[Answer, Path]) -> None:
    assert "give the one theorem" in sentence("check", ID, "gd-smooth-convex-fgap", "--instance", str(searched[1] / f"{ID}.json"))


# ---- generic mutants
def test_a_users_file_without_mutants_gets_generic_ones(tmp_path: Path) -> None:
    """The true statement is tight on our problems, so smaller bounds are refuted; what survives is information, told as such, and the status is 0."""
    file = tmp_path / "true.py"
    file.write_text(PLANTED.replace("FACTOR * ", ""), encoding="utf-8")
    answer = convlab("mutants", str(file), "--json")
    found = {item["mutant"]: item for item in answer.json["results"]}

    assert answer.status == 0
    assert all(item["generic"] for item in found.values())
    assert found["bound times 0.9"]["verdict"] == found["bound times 0.5"]["verdict"] == found["one order in k faster"]["verdict"] == "refuted"
    assert found["without Minimum"]["verdict"] == "survives"
    assert all(item["note"] for item in found.values() if item["verdict"] == "survives")


def test_a_loose_bound_is_told_how_loose(tmp_path: Path) -> None:
    """Twenty times the best constant: half of it survives, and the worst ratio is told."""
    file = tmp_path / "loose.py"
    file.write_text(PLANTED.replace("FACTOR", "20"), encoding="utf-8")
    answer = convlab("mutants", str(file))

    assert answer.status == 0
    assert "the bound is loose by a factor of" in " ".join(answer.out.split())


def test_the_catalogue_still_owes_its_declared_mutants() -> None:
    """Generic mutants are for files: a theorem of the catalogue is judged by those that it declares."""
    items = convlab("mutants", ID, "--json").json["results"]

    assert items
    assert not any(item["generic"] for item in items)
