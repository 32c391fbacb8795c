"""`convlab check`: what it prints, the document that programs read, and the exit statuses."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, lists, sampled_from

from convlab.cli import checking
from convlab.cli.checking import Claim, status
from convlab.judge.verdict import Check, Word
from tests.command_line import convlab

ID = "gd-strongly-convex-distance"
SHORT = ("--problem", "quadratic-2", "--problem", "huber-strongly-convex-3", "--iterations", "20")
KEYS = {"theorem", "claim", "kind", "problem", "parameters", "constants", "judged_by", "verdict", "worst_ratio", "worst_k", "last_ratio", "measured", "bound",
        "replicates", "e_value_log10", "power", "witness"}
words = lists(sampled_from([Word.HOLDS, Word.REFUTED, Word.INCONCLUSIVE]), max_size=3)


def claim(found: list[Word], false: bool) -> Claim:
    return Claim("t", "main", false, tuple(SimpleNamespace(word=word) for word in found))  # type: ignore[misc]    # only the word is read


@given(lists(words, min_size=1, max_size=5))
def test_one_refutation_of_a_true_claim_makes_the_status_1(found: list[list[Word]]) -> None:
    """1 exactly where something is refuted; else 0 exactly where every claim holds somewhere; else 3."""
    refuted, held = any(Word.REFUTED in w for w in found), all(Word.HOLDS in w for w in found)

    assert status([claim(w, False) for w in found]) == (1 if refuted else 0 if held else 3)


@given(lists(words, min_size=1, max_size=5))
def test_false_claims_are_expected_refuted(found: list[list[Word]]) -> None:
    survived, refuted = any(w and Word.REFUTED not in w for w in found), all(Word.REFUTED in w for w in found)

    assert status([claim(w, True) for w in found]) == (1 if survived else 0 if refuted else 3)


@given(words, booleans())
def test_the_word_on_the_screen_is_loud_only_where_something_is_wrong(found: list[Word], false: bool) -> None:
    told = claim(found, false)

    assert (told.word == "REFUTED") == (told.as_expected is False and not false)


def test_nothing_judged_is_status_3() -> None:
    assert status([claim([], False)]) == status([claim([], True)]) == 3


def test_the_document_keeps_the_contract() -> None:
    answer = convlab("check", ID, *SHORT, "--json", "--seed", "5")
    document = answer.json

    assert answer.status == 0
    assert (document["schema"], document["command"], document["seed"], document["alpha"]) == ("convlab.check/1", "check", 5, 1e-4)
    assert set(document) == {"schema", "command", "convlab", "seed", "alpha", "counts", "skipped", "results"}
    assert {item["problem"] for item in document["results"]} == {"quadratic-2", "huber-strongly-convex-3"}
    assert all(set(item) >= KEYS and item["verdict"] == "holds" for item in document["results"])
    assert sum(document["counts"].values()) == len(document["results"])


def test_the_closing_line_says_how_much_was_judged_by_what_and_what_was_not() -> None:
    answer = convlab("check", ID, *SHORT)

    assert answer.status == 0
    assert "1 claim: 1 holds. 2 verdicts (2 deterministic)." in answer.out
    assert max(map(len, answer.out.splitlines())) <= 100
    assert "huber-strongly-convex-3" in answer.out


@pytest.fixture
def wrong(tmp_path: Path, example: Callable[[str], str]) -> Path:
    """The deterministic example with a bound that is too good by one part in a hundred."""
    file = tmp_path / "wrong.py"
    file.write_text(example("deterministic").replace("+ 2))", "+ 2) * sp.Rational(99, 100))"), encoding="utf-8")
    return file


@pytest.fixture
def example() -> Callable[[str], str]:
    return lambda name: (Path(__file__).parent / "examples" / f"{name}.py").read_text(encoding="utf-8")


def test_a_wrong_theorem_is_refuted_with_its_witness_and_status_1(wrong: Path) -> None:
    answer = convlab("check", str(wrong), "--problem", "quadratic-2", "--iterations", "5")

    assert answer.status == 1
    for piece in ("REFUTED", "my-gradient-descent:main refuted on quadratic-2", "at k = 1 measured", "reproduce: convlab check"):
        assert piece in " ".join(answer.out.split())


def test_a_mutant_that_survives_is_status_1(tmp_path: Path, example: Callable[[str], str]) -> None:
    """A mutant that is no mutant (the theorem's own bound) survives, and is told."""
    file = tmp_path / "survivor.py"
    bound = "L * R**2 / (4 * k * gamma * L + 2)"
    file.write_text(example("deterministic").replace(f"bound={bound})", f"bound={bound}, mutants=(cl.Bound({bound}, name='itself'),))"), encoding="utf-8")
    answer = convlab("mutants", str(file), "--problem", "quadratic-2", "--iterations", "5", "--json")

    assert answer.status == 1
    assert [(item["mutant"], item["verdict"]) for item in answer.json["results"]] == [("itself", "survives")]


def test_mutants_of_a_theorem_are_refuted() -> None:
    answer = convlab("mutants", ID, "--json", "--iterations", "40")

    assert answer.status == 0
    assert {item["verdict"] for item in answer.json["results"]} == {"refuted"}
    assert all(item["witness"]["iteration"] >= 1 for item in answer.json["results"])


def test_prove_tells_every_fact_with_its_status() -> None:
    answer = convlab("prove", ID, "--json")

    assert answer.status == 0
    assert answer.json["schema"] == "convlab.prove/1"
    assert all({"theorem", "claim", "fact", "kind", "status", "residual"} <= set(item) for item in answer.json["results"])
    assert "proved" in answer.json["counts"]


def test_a_theorem_that_no_problem_fits_names_what_each_lacks(tmp_path: Path, example: Callable[[str], str]) -> None:
    """Status 3: nothing was judged, and the first missing assumption of each problem is named."""
    file = tmp_path / "nobody.py"
    unknown = "\n\nclass Unheard:\n    statement = 'nobody has it'\n\n    def constants(self):\n        return {}\n\n\ntheorem"
    file.write_text(example("deterministic").replace("\n\ntheorem", unknown, 1).replace("(cl.Convex,", "(Unheard, cl.Convex,"), encoding="utf-8")
    answer = convlab("check", str(file))

    assert answer.status == 3
    assert "was judged on nothing" in answer.out
    told, _, problems = " ".join(answer.out.split()).partition("it does not offer Unheard (nobody has it): ")
    assert told
    assert "quadratic-2," in problems


def test_the_same_document_for_any_number_of_workers() -> None:
    """Two theorems in one process and in two: the bytes on standard output are equal."""
    command = ("check", ID, "gd-smooth-convex-fgap", *SHORT, "--json")

    assert convlab(*command, "--workers", "2").out == convlab(*command, "--workers", "1").out


def test_ctrl_c_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged stands in the one document; the rest is among the skipped, with the reason; status 130."""
    first, second = "gd-smooth-convex-fgap", ID
    judge = checking.check

    def interrupted(theorem: object, **options: object) -> Check:
        if theorem.id == second:  # type: ignore[attr-defined]
            raise KeyboardInterrupt
        return judge(theorem, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "check", interrupted)
    answer = convlab("check", first, second, *SHORT, "--json", "--workers", "1")

    assert answer.status == 130
    assert {item["theorem"] for item in answer.json["results"]} == {first}
    assert [skip["reason"] for skip in answer.json["skipped"] if skip["theorem"] == second] == ["interrupted before it was judged"]
    assert "Interrupted: 1 of 2 theorems were judged" in answer.err


def test_standard_output_is_one_document_and_no_bar_is_drawn_into_a_pipe() -> None:
    answer = convlab("check", ID, *SHORT, "--json")

    assert answer.err == ""
    assert json.loads(answer.out)["command"] == "check"
