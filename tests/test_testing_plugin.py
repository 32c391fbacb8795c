"""The pytest plugin, in pytest processes of their own: light, told by options and a marker, its results in JUnit files and reports, the same under pytest-xdist."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from convlab.testing.plugin import gathered

LIMIT = 20_000      # microseconds that the plugin may add to pytest's start
HEAVY = {"numpy", "sympy", "scipy", "matplotlib", "jax", "torch", "hypothesis", "typst", "convlab.judge", "convlab.run"}

SUITE = '''
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings

import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.symbols import L, gamma
from convlab.testing import assert_rate, assert_theorem, problems

ID = "gd-strongly-convex-distance"
quick = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@given(problems(cl.Smooth, cl.StronglyConvex, cl.Minimum))
@quick
def test_drawn(problem):
    assert_theorem(ID, GradientDescent(gamma), problem)


@pytest.mark.convlab(alpha=1e-2, seed=77)
def test_marked():
    assert_theorem(ID, GradientDescent(gamma), "quadratic-2")


def test_wrong():
    assert_theorem(ID, GradientDescent(gamma * 2), "quadratic-2")


def test_nothing_of_ours():
    pass
'''


@dataclass(frozen=True)
class Ran:
    """A pytest process that has ended."""

    status: int
    out: str
    folder: Path

    @property
    def properties(self) -> dict[str, list[dict[str, object]]]:
        """What pytest's own JUnit file says of every test."""
        cases = ElementTree.parse(self.folder / "junit.xml").iter("testcase")
        return {case.get("name", ""): [json.loads(p.get("value", "")) for p in case.iter("property") if p.get("name") == "convlab"] for case in cases}

    def report(self, name: str = "out.json") -> dict[str, object]:
        """The file of --convlab-report."""
        return dict(json.loads((self.folder / name).read_text(encoding="utf-8")))


def ran(folder: Path, *options: str, suite: str = SUITE, ini: str = "") -> Ran:
    (folder / "test_suite.py").write_text(suite, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=junit.xml", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTEST_ADDOPTS": ""}, check=False)
    return Ran(done.returncode, done.stdout + done.stderr, folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return ran(tmp_path_factory.mktemp("alone"), "--convlab-report=out.json", ini="convlab_alpha = 0.004\nconvlab_seed = 12\n")


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return ran(tmp_path_factory.mktemp("spread"), "-n2", "--convlab-report=out.json", ini="convlab_alpha = 0.004\nconvlab_seed = 12\n")


# ---- results
def test_junit_files_have_what_every_test_judged(alone: Ran) -> None:
    """Eight examples as one entry, the marked test at its own level, the wrong one refuted, nothing where nothing was asserted."""
    found = alone.properties

    assert alone.status == pytest.ExitCode.TESTS_FAILED, alone.out
    assert {name: [one["verdict"] for one in entries] for name, entries in found.items()} == {
        "test_drawn": ["holds"], "test_marked": ["holds"], "test_wrong": ["refuted"], "test_nothing_of_ours": []}
    assert found["test_drawn"][0]["examples"] == 8
    assert found["test_drawn"][0]["judged"] == {"deterministic": 8}


def test_ini_options_and_the_marker_are_honoured(alone: Ran) -> None:
    """alpha of the ini file is shared by eight examples, its seed is what drawn ones start from; the marker overrides both."""
    drawn, marked, wrong = (alone.properties[name][0] for name in ("test_drawn", "test_marked", "test_wrong"))

    assert drawn["alpha"] == 0.004 / 8
    assert int(str(drawn["seed"])) >= 12
    assert (marked["alpha"], marked["seed"]) == (1e-2, 77)
    assert (wrong["alpha"], wrong["seed"]) == (0.004, 12)


def test_the_report_has_every_result(alone: Ran) -> None:
    document = alone.report()

    assert (document["schema"], document["alpha"], document["seed"]) == ("convlab.pytest/1", 0.004, 12)
    assert [(one["test"], one["verdict"], one["outcome"]) for one in document["results"]] == [             # type: ignore[attr-defined]
        ("test_suite.py::test_drawn", "holds", "passed"), ("test_suite.py::test_marked", "holds", "passed"),
        ("test_suite.py::test_wrong", "refuted", "failed")]


def test_workers_of_xdist_are_merged(alone: Ran, spread: Ran) -> None:
    """The same report and the same properties as without workers."""
    assert spread.report() == alone.report()
    assert spread.properties == alone.properties


def test_the_end_of_a_run_says_how_much_was_judged(alone: Ran) -> None:
    line = next(line for line in alone.out.splitlines() if "assertions in" in line)

    assert line.startswith("3 assertions in 3 tests, 10 examples: 2 holds, 1 refuted; judged by deterministic 10")
    assert "To see it again:" in alone.out


def test_a_pdf_is_a_table_of_the_same(tmp_path: Path) -> None:
    """Names are broken at their punctuation by zero-width spaces."""
    done = ran(tmp_path, "--convlab-report=deep/out.pdf", "-k", "marked")
    text = re.sub(r"[\u200b\s]", "", "".join(page.extract_text() for page in PdfReader(tmp_path / "deep" / "out.pdf").pages))

    assert done.status == 0, done.out
    for word in ("test_marked", "gd-strongly-convex-distance", "holds", "quadratic-2"):
        assert word in text


# ---- nothing else is changed
def test_without_assertions_a_run_is_as_it_was(tmp_path: Path) -> None:
    """No section, no property, and nothing heavy imported (Hypothesis has a plugin of its own, which imports it)."""
    suite = f'''
import sys

def test_light():
    assert "convlab.testing.plugin" in sys.modules
    assert not {HEAVY - {"hypothesis"}!r} & sys.modules.keys()
'''
    done = ran(tmp_path, suite=suite)

    assert done.status == 0, done.out
    assert "assertions in" not in done.out
    assert done.properties == {"test_light": []}


STATE = '''
import decimal, random, sys, threading, warnings

import numpy as np
from convlab.testing import assert_theorem
from convlab.testing.context import running

def state():
    return (random.getstate(), str(np.random.get_state()), np.geterr(), np.get_printoptions(), list(warnings.filters), decimal.getcontext().prec, sys.gettrace(),
            sys.getrecursionlimit())

def test_state():
    assert_theorem("gd-strongly-convex-distance", None, "quadratic-2")
    before = state()
    assert_theorem("gd-strongly-convex-distance", None, "quadratic-2")
    assert state() == before
    assert running().seed == 0
    seen = []
    thread = threading.Thread(target=lambda: seen.append(running()))
    thread.start(); thread.join()
    assert seen == [None]
'''


def test_an_assertion_changes_no_global_state(tmp_path: Path) -> None:
    """Random states, warnings, print options and the like of the host are those from before; what the plugin tells is told to this test alone."""
    done = ran(tmp_path, suite=STATE)

    assert done.status == 0, done.out


def test_the_plugin_starts_within_its_limit() -> None:
    """The own time of every module that its import adds to pytest's: the least of three processes, since others run beside."""
    program = "import pytest, contextvars\nimport convlab.testing.plugin"
    took = []
    for _ in range(3):
        lines = subprocess.run([sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=True).stderr.splitlines()
        told = [line.removeprefix("import time:").split("|") for line in lines]
        names = [name.strip() for *_, name in told]
        added = names.index("contextvars") + 1                         # the modules after the last that pytest has anyway
        took.append(sum(int(own) for own, _, _ in told[added:]))

    assert {"convlab", "convlab.testing", "convlab.testing.context", "convlab.testing.plugin"} <= set(names[added:])
    assert not HEAVY & set(names[added:])
    assert min(took) <= LIMIT


def test_the_entry_point_is_registered_once() -> None:
    assert [point.value for point in entry_points(group="pytest11") if point.name == "convlab"] == ["convlab.testing.plugin"]


# ---- one entry a theorem and algorithm
def entry(verdict: str, ratio: float | None, size: float | None, judged: dict[str, int]) -> dict[str, object]:
    return {"theorem": "t", "algorithm": "a", "verdict": verdict, "examples": 1, "skipped": 2, "judged": judged, "seed": 3, "alpha": 0.1,
            "worst": {"problem": "p", "k": 1, "ratio": ratio, "ratio_log10": size}}


def test_examples_are_gathered_under_the_worst() -> None:
    """A refutation stays, an infinite ratio is beyond all others, counts add up; other algorithms stay apart."""
    many = [entry("holds", 0.5, -0.3, {"rational": 1}), entry("refuted", 3.0, 0.48, {"deterministic": 2}), entry("holds", 1.0, 0.0, {"rational": 4}),
            entry("refuted", None, None, {}), entry("refuted", 2.0, 0.3, {}), {**entry("holds", 0, None, {}), "algorithm": "b"}]
    one, other = gathered(many)

    assert (one["verdict"], one["examples"], one["skipped"], one["judged"]) == ("refuted", 5, 10, {"rational": 5, "deterministic": 2})
    assert one["worst"]["ratio"] is None
    assert (other["algorithm"], other["verdict"]) == ("b", "holds")


# ---- bad input
def test_a_report_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = ran(tmp_path, "--convlab-report=pytest.ini/out.json", suite="def test_fine(): pass\n")

    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "cannot be written" in done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize(("options", "ini", "told"), [
    (["--convlab-report=out.html"], "", "the report is a .json or a .pdf file"),
    ([], "convlab_alpha = 2\n", "an error level lies strictly between 0 and 1"),
    ([], "convlab_alpha = small\n", "an error level lies strictly between 0 and 1"),
    ([], "convlab_seed = -1\n", "a seed is an integer from 0 on"),
])
def test_options_that_cannot_be_used_are_told_before_any_test(tmp_path: Path, options: list[str], ini: str, told: str) -> None:
    done = ran(tmp_path, *options, ini=ini, suite="def test_fine(): pass\n")

    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert told in done.out
    assert "Traceback" not in done.out
