"""Bad input gets one clear sentence and exit status 2; nothing is written and nothing is lost."""
from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers, sampled_from

from convlab import userfile
from convlab.cli.options import settings as settings_of
from convlab.errors import BadInput
from convlab.judge.evalues import threshold, wealth
from tests.command_line import convlab

ID = "gd-strongly-convex-distance"


def told(*words: str) -> str:
    """The sentence that bad input gets, on one line."""
    answer = convlab(*words)
    assert answer.status == 2, answer
    assert answer.out == ""
    assert "Traceback" not in answer.err
    return " ".join(answer.err.split())


@given(sampled_from(["replicates", "iterations", "dimension", "workers"]), integers(-50, 0))
def test_no_count_below_one_is_accepted(name: str, value: int) -> None:
    with pytest.raises(BadInput, match=f"--{name} {value}: there must be at least 1"):
        settings_of(**{name: value})


@given(sampled_from(["replicates", "iterations", "dimension", "workers"]), integers(1, 10**6))
def test_every_count_from_one_on_is_taken_as_given(name: str, value: int) -> None:
    assert getattr(settings_of(**{name: value}), name) == value


@pytest.mark.parametrize(("words", "sentence"), [
    (("check", "gd-strongly-convex-distanse"), "No theorem is called 'gd-strongly-convex-distanse'. Did you mean gd-strongly-convex-distance"),
    (("show", "nesterov"), "Did you mean nesterov-convex"),
    (("check",), "Say what to check"),
    (("show",), "Say what to show"),
    (("list", "--part", "V"), "There is no part 'V': the parts are I, II, III, IV."),
    (("list", "--topic", "sdg"), "There is no topic 'sdg'. Did you mean sgd"),
    (("check", "--all", "--false"), "give one of the two"),
    (("check", ID, "--replicates", "0"), "--replicates 0: there must be at least 1."),
    (("check", ID, "--iterations", "-3"), "--iterations -3: there must be at least 1."),
    (("check", ID, "--dimension", "0"), "--dimension 0: there must be at least 1."),
    (("check", ID, "--seed", "-1"), "a seed is an integer from 0 on"),
    (("check", ID, "--alpha", "1"), "strictly between 0 and 1"),
    (("check", ID, "--engine", "torch"), "the engines are auto, numpy and jax"),
    (("check", ID, "--param", "gamma"), "write a name and a value, such as --param gamma=1/4"),
    (("check", ID, "--param", "gamma=fast"), "'fast' is no number"),
    (("check", ID, "--param", "beta=1/2"), "this claim has no parameter of that name; it has gamma"),
    (("check", ID, "--problem", "quadratik-2"), "no problem is called that. Did you mean quadratic-2"),
    (("audit", "hubert"), "No problem is called 'hubert'. Did you mean huber"),
    (("check", "no_such_file.py"), "no_such_file.py cannot be read: No such file or directory."),
    (("new", "theorem.txt"), "give a name that ends in .py"),
])
def test_the_sentence_says_what_and_what_to_do(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in told(*words)


def test_a_parameter_beyond_the_condition_is_told_with_the_numbers_in_it() -> None:
    sentence = told("check", ID, "--param", "gamma=5", "--problem", "quadratic-2")

    for piece in ("gamma = 5 is outside the condition of gd-strongly-convex-distance", "2/L", "problem quadratic-2", "--outside"):
        assert piece in sentence


def test_outside_explores_it_on_purpose() -> None:
    """Beyond 2/L the rate is above 1, and so is the bound: the run diverges as fast as claimed; no sentence, no status 2."""
    assert convlab("check", ID, "--param", "gamma=5", "--outside", "--problem", "quadratic-2", "--iterations", "10").status in (0, 1)


HEAD = "import sympy as sp\nimport convlab as cl\nfrom convlab.symbols import L, R, gamma, k\n"


@pytest.mark.parametrize(("text", "line", "sentence"), [
    ("import convlab as cl\ncl.Theorem(\n", 2, "was never closed"),
    ("x = 1\n\ny = 1 / 0\n", 3, "ZeroDivisionError: division by zero"),
    ("import convlab as cl\ncl.Theorm\n", 2, "AttributeError: module 'convlab' has no attribute 'Theorm'"),
    ("\nimport nonexistent_module_xyz\n", 2, "No module named 'nonexistent_module_xyz'"),
    (HEAD + "t = cl.Theorem(id='a', title='b', algorithm=None, bounds=L)\n", 4, "theorem 'a': unknown field 'bounds'"),
    (HEAD + "t = cl.Theorem(id='a', title='b', algorithm=1, metric=cl.function_gap)\n", 4, "theorem 'a': bound= is missing"),
    (HEAD + "s = cl.symbol('2x', meaning='')\n", 4, "the name must be an identifier"),
    ("import sys\nsys.exit(0)\n", 2, "SystemExit: 0"),
])
def test_a_mistake_in_a_file_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        userfile.load(file)

    assert f"mine.py, line {line}: " in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(("data", "sentence"), [(b"x = 1\n", "declares no theorem and no problem family"), (b"\xff\xfe\x00", "not UTF-8"), (b"x = 1\x00", "null")])
def test_a_file_without_declarations_or_text_is_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    file = tmp_path / "mine.py"
    file.write_bytes(data)
    with pytest.raises(BadInput, match=sentence):
        userfile.load(file)


def test_a_mistake_that_shows_only_in_the_run_is_told_with_its_line(tmp_path: Path) -> None:
    """The update rule calls an oracle that does not exist: the sentence names the line of the user's file, not of the engine's."""
    text = (Path(__file__).parent / "examples" / "deterministic.py").read_text(encoding="utf-8").replace("oracle.gradient(", "oracle.gradiant(")
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    line = 1 + next(number for number, row in enumerate(text.splitlines()) if "gradiant" in row)

    assert f"line {line}: theorem my-gradient-descent, claim main on problem quadratic-2: AttributeError" in told("check", str(file), "--problem", "quadratic-2")


MINE = (Path(__file__).parent / "examples" / "deterministic.py").read_text(encoding="utf-8")
SECOND = "\nfrom dataclasses import replace as _replace\nsecond = _replace(theorem, id='second', claims=(_replace(theorem.claims[0], {change}),))\n"


@pytest.mark.parametrize(("change", "sentence"), [
    ("metric=lambda state, case: 1.0", "theorem second, claim main on problem quadratic-2: the metric (<lambda>) returned a float"),
    ("metric=lambda state, case: state.y", "theorem second, claim main on problem quadratic-2: AttributeError: 'State' object has no attribute 'y'"),
    ("bound=lambda k, case, record: 1 / k", "theorem second, claim main on problem quadratic-2: ZeroDivisionError: division by zero"),
    ("bound=lambda k, case, record: [1] + 1", "theorem second, claim main on problem quadratic-2: TypeError: can only concatenate list"),
])
def test_one_theorem_that_cannot_be_judged_leaves_the_others_their_verdicts(tmp_path: Path, change: str, sentence: str) -> None:
    """The results stand on standard output, the sentence on standard error, the status is 2; alone, it is only the sentence."""
    file = tmp_path / "mine.py"
    file.write_text(MINE + SECOND.format(change=change), encoding="utf-8")
    answer = convlab("check", str(file), "--problem", "quadratic-2", "--json")

    assert answer.status == 2
    assert "Traceback" not in answer.err
    assert sentence in " ".join(answer.err.split())
    assert {r["theorem"] for r in answer.json["results"]} == {"my-gradient-descent"}
    assert any(s["theorem"] == "second" and sentence in s["reason"] for s in answer.json["skipped"])
    assert sentence in told("check", f"{file}:second", "--problem", "quadratic-2")


@pytest.mark.parametrize("slip", ["bound='R**2/k'", "metric='gap'", "condition='gamma < 1'", "mode='last'", "grid=[1, 2]", "relation='<'", "defaults={'gamma': 1}",
                                  "assumptions=('Convex',)", "assumptions=(cl.Convex(),)", "algorithm=type(theorem.claims[0].algorithm)", "condition=0 < gamma <= 1/L"])
def test_a_slip_in_a_declaration_is_told_with_its_line(tmp_path: Path, slip: str) -> None:
    file = tmp_path / "mine.py"
    text = MINE + "\nfrom convlab.symbols import L, gamma\n" + SECOND.format(change=slip)
    file.write_text(text, encoding="utf-8")
    sentence = told("check", str(file))

    assert f"mine.py, line {len(text.splitlines())}: " in sentence
    assert "write" in sentence or "give" in sentence


def test_a_refutation_names_the_file_that_reproduces_it(tmp_path: Path) -> None:
    """The command it prints refutes again."""
    file = tmp_path / "mine.py"
    file.write_text(MINE + SECOND.format(change="bound=theorem.claims[0].bound / 1000"), encoding="utf-8")
    found = convlab("check", str(file), "--problem", "quadratic-2", "--json").json["results"]
    line = next(r["witness"]["reproduce"] for r in found if r["witness"])

    assert line.startswith(f"convlab check {file}:second ")
    assert convlab(*shlex.split(line)[1:]).status == 1


def test_an_unknown_theorem_of_a_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE, encoding="utf-8")

    assert "mine.py has no theorem 'my-gradient'. Did you mean my-gradient-descent?" in told("check", f"{file}:my-gradient")


def test_loading_a_file_leaves_no_traces(tmp_path: Path) -> None:
    """sys.path as before, no bytecode beside the file, nothing under its plain name; a sibling module can be imported."""
    (tmp_path / "sibling_of_mine.py").write_text("VALUE = 7\n", encoding="utf-8")
    file = tmp_path / "mine_alone.py"
    file.write_text("import convlab as cl\nfrom sibling_of_mine import VALUE\nfamily = cl.Family('seven', make=lambda: VALUE, members=tuple)\n", encoding="utf-8")
    before = list(sys.path)
    loaded = userfile.load(file)

    assert loaded.families["seven"].make() == 7
    assert sys.path == before
    assert "mine_alone" not in sys.modules
    assert sorted(path.name for path in tmp_path.iterdir() if "mine_alone" in path.name) == ["mine_alone.py"]


def test_two_theorems_of_one_id_in_a_file_are_refused(tmp_path: Path) -> None:
    text = (Path(__file__).parent / "examples" / "deterministic.py").read_text(encoding="utf-8")
    file = tmp_path / "mine.py"
    file.write_text(text + "\nimport dataclasses\nsecond = dataclasses.replace(theorem, title='another')\n", encoding="utf-8")
    with pytest.raises(BadInput, match="Two theorems are called 'my-gradient-descent', both in"):
        userfile.load(file)


def test_imported_theorems_of_the_catalogue_are_not_the_users(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from importlib import import_module\nglobals().update(vars(import_module('convlab.theorems.gradient_descent.convex')))\n", encoding="utf-8")
    with pytest.raises(BadInput, match="declares no theorem"):
        userfile.load(file)


def test_a_broken_constant_is_told_as_claimed_and_found(tmp_path: Path) -> None:
    """A quadratic of curvature 1.7 that claims L = 1: status 1, and the sentence names both and the point."""
    file = tmp_path / "mine.py"
    file.write_text('''
import numpy as np
import convlab as cl

class Wrong:
    def value(self, x): return 1.7 * (x * x).sum(axis=-1) / 2
    def gradient(self, x): return 1.7 * x
    def facts(self): return (cl.Smooth(cl.exact(1.0, how="guessed")), cl.Minimum(cl.exact(0, how="a square"), at=np.zeros(2)))
    def starts(self, rng): return (cl.Start("one", np.array([3.0, 4.0])),)

family = cl.Family("wrong", make=Wrong, members=lambda: (cl.Member("wrong-2", Wrong()),))
''', encoding="utf-8")
    answer = convlab("audit", str(file))

    assert answer.status == 1
    assert "wrong-2: claimed L = 1, found 1.7 at x = [" in " ".join(answer.out.split())


def test_an_existing_file_is_not_overwritten_by_new(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("precious", encoding="utf-8")

    assert "exists and stays as it is" in told("new", str(file))
    assert file.read_text(encoding="utf-8") == "precious"


def test_an_unwritable_place_is_told_before_anything_is_judged(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")

    assert "taken is a file; name a folder" in told("report", ID, "--out", str(tmp_path / "taken" / "reports"))
    assert "cannot be written" in told("new", str(tmp_path / "missing" / "mine.py"))


# ---- samples that no e-value can be made of, and instance files
NOISY = """
import numpy as np
import sympy as sp
import convlab as cl
from convlab import catalogue
from convlab.symbols import L, R, gamma

base = catalogue.theorem("sgd-sc-const-sharp").claims[0]

@cl.metric("shifted", unit="x")
def shifted(state, case): return abs(state.x).sum(axis=-1) - 10**6

@cl.metric("undefined", unit="x")
def undefined(state, case): return 0 * state.x.sum(axis=-1) * np.nan

theorem = cl.Theorem(id="mine", title="mine", algorithm=base.algorithm, assumptions=base.assumptions, condition=base.condition, defaults=base.defaults,
                     law=cl.Law.EXPECTATION, metric=METRIC, bound=R**2 + 10**9)
"""


@pytest.mark.parametrize(("metric", "sentence"), [("shifted", "the metric takes the negative value"), ("undefined", "the metric (undefined) is NaN at a finite point")])
def test_a_metric_that_samples_cannot_judge_is_told(tmp_path: Path, metric: str, sentence: str) -> None:
    """Where no exact source judges it either: the noise is known by its covariance alone."""
    file = tmp_path / "mine.py"
    file.write_text(NOISY.replace("METRIC", metric), encoding="utf-8")

    assert f"theorem mine, claim main on problem noisy-quadratic-covariance: {sentence}" in told("check", str(file), "--problem", "noisy-quadratic-covariance")


@pytest.mark.parametrize(("sample", "sentence"), [
    ([[1.0, 2.0], [0.0, -1.0]], "negative value -1"), ([[1.0, 2.0], [0.5, float("nan")]], "Replicate 1 is NaN"), ([[], []], "The sample is empty"),
    ([[1.0, 2.0]], "The sample has shape (1, 2)"), ([1.0, 2.0], "The sample has shape (2,)")])
def test_a_sample_that_is_none_is_told(sample: list[object], sentence: str) -> None:
    with pytest.raises(BadInput, match=re.escape(sentence)):
        wealth(2).after(np.array(sample, dtype=float))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_an_error_level_lies_between_0_and_1(alpha: float) -> None:
    with pytest.raises(BadInput, match="strictly between 0 and 1"):
        threshold(alpha)
    assert "strictly between 0 and 1" in told("check", ID, f"--alpha={alpha}")


@pytest.mark.parametrize(("change", "theorem", "sentence"), [
    ({}, "gd-smooth-convex-fgap", f"is an instance of {ID}, not of gd-smooth-convex-fgap"),
    ({"constants": {"L": "7/3", "mu": "1/4"}}, ID, "one of the two is broken"), ({"constants": {"L": "nan"}}, ID, "one of the two is broken"),
    ({"k": -1}, ID, "k = -1 is no count of updates"), ({"point": {"gamma": "fast"}}, ID, "gamma = fast is no number"),
    ({"schema": "other/1"}, ID, "is no instance file")])
def test_an_instance_file_that_does_not_fit_is_told(tmp_path: Path, change: dict[str, object], theorem: str, sentence: str) -> None:
    document = {"schema": "convlab.instance/1", "theorem": ID, "claim": "main", "family": "quadratic", "parameters": {"spectrum": ["1/4", 12]}, "start": ["7/2", 0],
                "point": {"gamma": "1/12"}, "constants": {"L": 12, "mu": "1/4"}, "k": 3, **change}
    file = tmp_path / "instance.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    assert sentence in told("check", theorem, "--instance", str(file))
