"""`convlab sharpen`: its table, its one JSON document, the instances that it writes, and the sentences for what it cannot use."""
from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.command_line import Answer, convlab

LOOSE = '''
"""Gradient descent with a constant three times too large and a step limit that is too small, on problems of this file."""
import sympy as sp
import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.symbols import L, R, gamma, k
from convlab_problems import huber, quadratic

families = (huber.FAMILY, quadratic.FAMILY)
theorem = cl.Theorem(
    id="loose", title="Three times too much", algorithm=GradientDescent(step_size=gamma), defaults={gamma: 1 / (2 * L)},
    condition=sp.And(0 < gamma, gamma <= 1 / (2 * L)), assumptions=(cl.Convex, cl.Smooth, cl.Minimum), metric=cl.function_gap,
    bound=3 * L * R**2 / (4 * k * gamma * L + 2))
'''
KEYS = {"theorem", "claim", "quantity", "term", "claimed", "smallest", "told", "problem", "start", "parameters", "constants", "k", "judged_by", "instance", "note",
        "finished"}


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("loose") / "loose.py"
    file.write_text(LOOSE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def answer(loose: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    folder = tmp_path_factory.mktemp("instances")
    return convlab("sharpen", str(loose), "--budget", "8", "--out", str(folder), "--json"), folder


def test_the_document_carries_what_stands(answer: tuple[Answer, Path]) -> None:
    """A third of the constant is enough; every item has its fields, numbers are strict JSON, and a loose bound is no failure."""
    document = answer[0].json
    rows = document["results"]

    assert answer[0].status == 0
    assert document["schema"] == "convlab.sharpen/1"
    assert all(set(row) == KEYS for row in rows)
    whole = next(row for row in rows if row["quantity"] == "constant")
    assert (whole["term"], whole["claimed"]) == ("whole bound", 1)
    assert 0.3 < float(Fraction(str(whole["smallest"]))) < 1 / 3 + 1e-9      # whatever the machine's speed: members alone come as close
    assert sum(document["counts"].values()) == sum(row["judged_by"] is not None for row in rows)


def test_a_written_instance_is_judged_again(answer: tuple[Answer, Path], loose: Path) -> None:
    """What allows no less is a file that `check --instance` reads, and measures as much of the bound."""
    smallest = next(row["smallest"] for row in answer[0].json["results"] if row["quantity"] == "constant")
    again = convlab("check", str(loose), "--instance", str(answer[1] / "loose-1.json"), "--json").json["results"][0]

    assert float(Fraction(str(again["worst_ratio"]))) == pytest.approx(float(Fraction(str(smallest))), rel=1e-6)


def test_the_table_says_what_is_claimed_and_what_stands(loose: Path) -> None:
    answer = convlab("sharpen", str(loose), "--budget", "4")

    assert answer.status == 0
    assert all(word in answer.out for word in ("claimed", "whole bound", "1 x", "1 claim sharpened"))
    assert all(len(line) <= 100 for line in answer.out.splitlines())


def test_a_claim_without_a_constant_is_told_so() -> None:
    answer = convlab("sharpen", "comp-randk-variance", "--budget", "5")

    assert answer.status == 0
    assert "0 claims sharpened" in answer.out
    assert "it is an equality" in answer.out


@pytest.mark.parametrize(("words", "told"), [(("gd-smooth-convex-fgap", "--budget", "0"), "positive number of seconds"), ((), "Say what to sharpen"),
                                             (("no-such-theorem",), "no-such-theorem"), (("gd-smooth-convex-fgap", "--seed", "-1"), "a seed is an integer")])
def test_bad_input_is_one_sentence(words: tuple[str, ...], told: str) -> None:
    answer = convlab("sharpen", *words)

    assert answer.status == 2
    assert answer.out == ""
    assert told in " ".join(answer.err.split())
