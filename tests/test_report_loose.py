"""A bound that nothing comes near is told to be loose, with the factor; a tight one is not."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from pypdf import PdfReader

from convlab import catalogue
from convlab.falsify.mutants import MutantResult
from convlab.judge.check import check
from convlab.judge.verdict import Check
from convlab.report.summary import summaries
from convlab.report.write import write_report
from convlab.run.settings import Settings
from convlab.theorem import Relation, Source, Theorem

QUICK = Settings(iterations=30, problems=("huber", "quadratic"))


def times(factor: Any, **changes: Any) -> Theorem:
    """The tight bound of gradient descent, multiplied."""
    declared = catalogue.theorem("gd-smooth-convex-fgap").claims[0]
    return Theorem("loose", "A loose bound", claims=(replace(declared, bound=factor * declared.bound, facts=(), mutants=(), **changes),))


@pytest.mark.parametrize("factor", [2, 7, sp.Rational(10, 8)])
def test_the_factor_is_told(factor: Any) -> None:
    theorem = times(factor)
    (found,) = summaries([theorem], {"loose": check(theorem, settings=QUICK)})

    assert found.loose == pytest.approx(float(1 / factor), rel=1e-6)


@pytest.mark.parametrize("factor", [1, sp.Rational(21, 20)])
def test_a_bound_that_is_reached_or_nearly_so_is_not_told_to_be_loose(factor: Any) -> None:
    theorem = times(factor)

    assert summaries([theorem], {"loose": check(theorem, settings=QUICK)})[0].loose is None


def test_samples_do_not_make_a_bound_loose_or_tight() -> None:
    theorem = times(2)
    found = check(theorem, settings=QUICK)
    sampled = Check(tuple(replace(v, judged_by=Source.MONTE_CARLO) for v in found.verdicts))

    assert summaries([theorem], {"loose": sampled})[0].loose is None


def test_an_equality_is_never_loose() -> None:
    theorem = times(2, relation=Relation.EQUAL)

    assert summaries([theorem], {"loose": check(theorem, settings=QUICK)})[0].loose is None


def test_the_page_says_so(tmp_path: Path) -> None:
    theorem = times(4)
    write_report([theorem], {"loose": check(theorem, settings=QUICK)}, {}, tmp_path)
    text = " ".join("".join(page.extract_text() for page in PdfReader(tmp_path / "convlab-report.pdf").pages).split())

    assert "Loose on everything tried: no exact source measured more than 0.25 of the bound, a factor of 4 below it." in text


@pytest.mark.parametrize(("mutant", "worst", "told"), [("bound times 0.5", 0.1, "a factor of 20 "), ("bound times 0.9", 0.8, "a factor of 1.39 "),
                                                       ("bound times 2", 0.25, "a factor of 8 ")])
def test_a_surviving_mutant_tells_the_factor_of_the_bound_itself(mutant: str, worst: float, told: str) -> None:
    """Measured is at most 0.1 of half the bound: the bound is 20 times too large. Of a lower bound, raised twofold, 4 times too small for twice itself."""
    assert told in MutantResult("t", "main", mutant, False, judged=3, generic=True, worst=worst).told
