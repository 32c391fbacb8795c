"""`convlab certify` from the command line: its document, its files, its exit statuses, its sentences."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from convlab.prove.pep import certify as module
from tests.command_line import convlab

KEYS = {"theorem", "claim", "n", "worst_case", "bound", "status", "slack", "certificate", "instance"}
MINE = '''
import sympy as sp
import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.symbols import L, R, k

theorem = cl.Theorem(id="mine", title="mine", algorithm=GradientDescent(1 / L), assumptions=(cl.Convex, cl.Smooth, cl.Minimum), metric=cl.function_gap,
                     bound=BOUND)
'''


def test_the_document_and_the_files(tmp_path: Path) -> None:
    """One item an n with what was promised; the certificate written is accepted again, and rejected with a digit changed."""
    answer = convlab("certify", "proximal-point", "--n", "1", "--n", "3", "--param", "gamma=1/4", "--out", str(tmp_path), "--json")
    items = answer.json["results"]

    assert answer.status == 0
    assert [(item["n"], item["status"]) for item in items] == [(1, "tight"), (3, "tight")]
    assert all(set(item) >= KEYS for item in items)
    assert items[1]["worst_case"] == items[1]["bound"]                 # attained by the declared instance, with ==
    path = tmp_path / "proximal-point-n3.certificate.json"
    assert convlab("certify", "--certificate", str(path)).status == 0
    document = json.loads(path.read_text())
    document["multipliers"]["R"] = str(2 * int(document["multipliers"]["R"].split("/")[0])) + "/" + document["multipliers"]["R"].split("/")[1]
    path.write_text(json.dumps(document))
    rejected = convlab("certify", "proximal-point", "--certificate", str(path), "--json")
    assert rejected.status == 1
    assert rejected.json["results"][0]["status"] == "rejected"


@pytest.mark.parametrize(("bound", "status", "word"), [("L * R**2 / (4 * k + 2)", 0, "tight"), ("sp.Rational(999, 1000) * L * R**2 / (4 * k + 2)", 1, "refuted"),
                                                       ("L * R**2 / (2 * k + 2)", 0, "valid")])
def test_a_bound_of_ones_own(tmp_path: Path, bound: str, status: int, word: str) -> None:
    """A file with a true, a false and a loose bound."""
    file = tmp_path / "mine.py"
    file.write_text(MINE.replace("BOUND", bound))
    answer = convlab("certify", str(file), "--n", "2", "--json")

    assert (answer.status, answer.json["results"][0]["status"]) == (status, word)


def test_a_refuting_instance_runs_again(tmp_path: Path) -> None:
    """The instance written beside a refutation exceeds the bound again, in rationals; with a value changed it is no instance of the class."""
    file, path = tmp_path / "mine.py", tmp_path / "mine-n3.worst.json"
    file.write_text(MINE.replace("BOUND", "sp.Rational(99, 100) * L * R**2 / (4 * k + 2)"))
    convlab("certify", str(file), "--n", "3", "--out", str(tmp_path))
    again = convlab("certify", str(file), "--certificate", str(path), "--json")
    document = json.loads(path.read_text())
    document["values"][1] = "0"
    path.write_text(json.dumps(document))
    changed = convlab("certify", str(file), "--certificate", str(path), "--json")

    assert (again.status, again.json["results"][0]["status"]) == (1, "refuted")
    assert again.json["results"][0]["ratio"] == pytest.approx(100 / 99, rel=1e-5)
    assert (changed.status, changed.json["results"][0]["status"]) == (1, "rejected")


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("certify", "proximal-point", "--n", "-1"), "n counts updates"), (("certify", "proximal-point", "--param", "beta=1/2"), "no such parameter or constant"),
    (("certify", "gd-smooth-convex-fgap", "--param", "gamma=3"), "outside the condition"), (("certify", "proximal-point:first"), "has no claim 'first'"),
    (("certify", "gd-smooth-convex-fgap", "--param", "L=-2"), "a positive number"), (("certify",), "Say what to certify"),
    (("certify", "--certificate", "nowhere.json"), "cannot be read"), (("certify", "proximal-point", "--param", "gamma=x"), "is no number")])
def test_what_cannot_be_used_gets_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    answer = convlab(*arguments)

    assert answer.status == 2
    assert sentence in " ".join(answer.err.split())


def test_without_the_solver_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    answer = convlab("certify", "proximal-point")

    assert answer.status == 2
    assert "pip install 'convergence-lab[pep]'" in " ".join(answer.err.split())


def test_false_claims_are_expected_to_be_refuted() -> None:
    """The witness refutes, and that is as it should be; nothing but random methods has status 3, with the reason."""
    false, random = convlab("certify", "false-gda-bilinear-converges:small-steps", "--n", "2", "--json"), convlab("certify", "lsvrg", "--json")

    assert false.status == 0
    assert [item["status"] for item in false.json["results"]] == ["refuted"]
    assert random.status == 3
    assert "draws at random" in random.json["skipped"][0]["reason"]
