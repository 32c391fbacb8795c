"""The written report: its text carries the statements, its figures are the same bytes each time, and an interrupted one leaves the last one whole."""
from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import sympy as sp
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, Minimum, Smooth
from convlab.catalogue import theorems
from convlab.constants import exact
from convlab.errors import BadInput
from convlab.judge.verdict import Check, Curve, Skipped, Verdict, Witness, Word, log10
from convlab.metrics import function_gap, squared_distance
from convlab.prove.proof import Proof, Status
from convlab.report import document, write
from convlab.report.curves import Scale, lines_of, ratio_text, scale_of
from convlab.report.document import uncovered
from convlab.report.figures import claim_figure
from convlab.report.pages import MutantRow
from convlab.report.write import write_report
from convlab.symbols import L, R, gamma, k, mu, sigma
from convlab.theorem import FalseClaim, Instance, Law, RateBound, Relation, Source, Theorem, best_of

HORIZON = np.arange(0, 301)
gap = Theorem(id="synthetic-gap", title="Gradient descent: a gap for the report", algorithm=GradientDescent(gamma), assumptions=(Convex, Smooth, Minimum),
              condition=sp.And(gamma > 0, gamma < 2 / L), defaults={gamma: 1 / L}, metric=function_gap, bound=L * R**2 / (4 * k * gamma * L + 2),
              source="Drori, Teboulle (2014)", topic="gradient_descent")
mean = Theorem(id="synthetic-mean", title="Stochastic gradients: Łojasiewicz & Sons", algorithm=GradientDescent(gamma), assumptions=(Smooth,), mode=best_of(0, -1),
               condition=gamma > 0, metric=squared_distance, law=Law.EXPECTATION, bound=(1 - gamma * mu) ** k * R**2 + gamma * sigma**2 / mu, source="folklore")
wrong = Theorem(id="synthetic-false", title="A false claim", claims=(FalseClaim(gap.claims[0], Instance("quadratic"), instead="synthetic-gap"),), source="nobody")


def verdict(theorem: str, problem: str, measured: Any, bound: Any, **changed: Any) -> Verdict:
    """A verdict on a curve over k = 0 .. 300."""
    ratio = measured[1:] / bound[1:]
    worst = int(np.argmax(ratio))
    made = Verdict(theorem, "main", "RateBound", problem, Source.DETERMINISTIC, Word.HOLDS, {"gamma": Fraction(1, 12)}, {"L": Fraction(12), "R": Fraction(7, 2)},
                   float(ratio[worst]), worst + 1, float(ratio[-1]), float(measured[worst + 1]), float(bound[worst + 1]), points=9,
                   curve=Curve(problem, HORIZON, measured, bound))
    return replace(made, **changed)


def sublinear(theorem: str = gap.id) -> Check:
    """Five problems, the first attaining its bound."""
    bounds = {"huber-8": (12, 3.5, 1.0), "quadratic-10": (10, 7, 0.95), "quadratic-100": (100, 2, 0.999), "ridge-5": (1000, 0.3, 0.9995), "logistic-3": (3, 9, 0.8)}
    return Check(tuple(verdict(theorem, name, l * r**2 / (4 * HORIZON + 2) * q**HORIZON, l * r**2 / (4 * HORIZON + 2)) for name, (l, r, q) in bounds.items()),
                 (Skipped(theorem, "main", "saddle-2", "it does not offer Convex"),))


def stochastic() -> Check:
    """An exact curve and the sampled mean of the same run."""
    bound = 7 * 0.95**HORIZON + 0.05
    sampled = verdict(mean.id, "noisy-3", 0.8 * bound, bound, judged_by=Source.MONTE_CARLO, word=Word.INCONCLUSIVE, replicates=1024,
                      curve=Curve("noisy-3", HORIZON, 0.82 * bound, bound, low=0.7 * bound, high=0.9 * bound))
    return Check((verdict(mean.id, "noisy-3", 0.8 * bound, bound, judged_by=Source.MOMENTS), sampled))


def refuted() -> Check:
    """The false claim's witness."""
    bound = np.full(301, 2.5)
    witness = Witness("quadratic", {"gamma": Fraction(1, 10)}, {"L": Fraction(30)}, "R", 3, 20.0, 2.5, 0, "")
    return Check((verdict(wrong.id, "quadratic() from R", bound * 1.1**HORIZON, bound, kind="FalseClaim", word=Word.REFUTED, witness=witness),))


THEOREMS = (gap, mean, wrong)
CHECKS = {gap.id: sublinear(), mean.id: stochastic(), wrong.id: refuted()}
PROOFS = {gap.id: (Proof(gap.id, "main", "step-size condition", "StableOnQuadratics", Status.PROVED, steps=("both regions agree",),
                         formulas=(("matrix of one step", sp.Matrix([[1 - gamma * L]])), ("declared", sp.And(gamma * L > 0, gamma * L < 2)))),)}
MUTANTS = {gap.id: (MutantRow("main", "bound halved", True), MutantRow("main", "ascent", False))}
KNOWN = {"L": exact(12, "the largest curvature, attained at the centre")}


def report(folder: Path, theorems: Any = THEOREMS, **changed: Any) -> tuple[Path, ...]:
    """A report of the synthetic results."""
    return write_report(theorems, CHECKS, PROOFS, folder, mutants=MUTANTS, known=lambda problem: KNOWN, **changed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of one report, by name."""
    folder = tmp_path_factory.mktemp("report")
    return {path.relative_to(folder).as_posix(): path for path in report(folder)}


@pytest.fixture(scope="module")
def pdf(written):
    return PdfReader(written["convlab-report.pdf"])


def test_every_file_of_the_contract_is_written(written):
    figures = {f"figures/{id}--main.{ending}" for id in (gap.id, mean.id, wrong.id) for ending in ("pdf", "svg", "png", "csv")}
    assert set(written) == {"convlab-report.pdf", "results.json", *figures}


def test_the_text_has_statements_conditions_verdicts_and_provenance(pdf):
    text = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    for expected in (gap.title, mean.title, "Drori, Teboulle (2014)", "huber-8", "deterministic", "holds", "is convex", "1/12", "the largest curvature",
                     "step-size condition", "both regions agree", "bound halved", "survives", "Witness.", "see synthetic-gap for what holds", "1 refuted, as expected"):
        assert expected in text, expected
    assert {"≤", "𝛾", "𝑅"} <= set(text)       # the bound itself, in letters of mathematics


def test_no_character_is_missing_from_the_fonts(pdf):
    """A glyph that no font has comes out of a PDF as NUL, as the last line shows."""
    assert not any("\0" in page.extract_text() for page in pdf.pages)
    assert "\0" in PdfReader(io.BytesIO(typst.compile("字".encode(), ignore_system_fonts=True))).pages[0].extract_text()


def test_every_theorem_has_a_bookmark(pdf):
    def titles(outline: Any) -> list[str]:
        return [title for item in outline for title in (titles(item) if isinstance(item, list) else [item.title])]

    assert {t.title for t in THEOREMS} <= set(titles(pdf.outline))


def test_results_are_strict_json_and_complete(written):
    """No NaN, every verdict and skip, counts that add up."""
    document = json.loads(written["results.json"].read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (document["schema"], document["command"]) == ("convlab.report/1", "report")
    assert len(document["results"]) == sum(document["counts"].values()) == sum(len(c.verdicts) for c in CHECKS.values())
    assert document["skipped"] == [{"theorem": gap.id, "claim": "main", "problem": "saddle-2", "reason": "it does not offer Convex"}]


def test_equal_input_gives_equal_bytes(written, tmp_path):
    again = {path.relative_to(tmp_path).as_posix(): path for path in report(tmp_path)}
    assert {name: path.read_bytes() for name, path in again.items()} == {name: path.read_bytes() for name, path in written.items()}


def test_drawing_leaves_matplotlib_as_it_was():
    before, backend = dict(mpl.rcParams), mpl.get_backend(auto_select=False)
    assert claim_figure(gap.claims[0], sublinear().verdicts) is not None
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend(auto_select=False) == backend


def test_every_page_of_the_catalogue_can_be_set(tmp_path):
    """Statements, rules, conditions and sources of all theorems, before anything has been judged: no warning, no missing letter."""
    catalogue = list(theorems().values())
    write_report(catalogue, {}, {}, tmp_path, known=lambda problem: {})
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(tmp_path / "convlab-report.pdf").pages).split())
    assert "\0" not in text
    assert [t.id for t in catalogue if t.title.split(":")[0] not in text] == []


# ---- what the figures show
def test_at_most_four_problems_and_the_closest_first():
    lines = lines_of(sublinear().verdicts)
    assert [line.label for line in lines] == ["huber-8", "ridge-5", "quadratic-100", "logistic-3"]      # one a family first, then the rest by closeness
    assert lines[0].attained.all()
    assert not lines[1].attained[1:].any()


def test_noise_below_the_resolution_is_not_drawn():
    """Where the judge saw no violation, a curve above its bound is rounding; a refuted curve is drawn as it is, and so is what a lower bound allows."""
    bound = 0.8**HORIZON
    measured = np.maximum(bound / 2, 1e-16)
    held = verdict("t", "p", measured, bound, worst_ratio=0.5)
    (line,) = lines_of([held])
    assert np.isnan(line.measured[-1])
    assert np.nanmax(line.ratio) < 0
    (refuted_line,) = lines_of([replace(held, word=Word.REFUTED)])
    assert np.isfinite(refuted_line.measured).all()
    (lower,) = lines_of([verdict("t", "p", 2 * bound, bound, worst_ratio=0.5)], Relation.AT_LEAST)
    assert np.isfinite(lower.measured).all()


def test_the_sampled_mean_joins_the_exact_curve_of_the_same_run():
    (line,) = lines_of(stochastic().verdicts)
    assert line.source is Source.MOMENTS
    assert line.low is not None
    assert np.allclose(10 ** (line.sampled - line.bound), 0.82)


@given(power=st.floats(0.5, 3), size=st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=25)
def test_powers_are_drawn_on_two_logarithmic_axes(power, size):
    bound = size / np.maximum(HORIZON, 1.0) ** power
    assert scale_of(lines_of([verdict("t", "p", bound / 2, bound)])) is Scale.SUBLINEAR


@given(factor=st.floats(0.2, 0.99), size=st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=25)
def test_geometric_rates_are_drawn_on_one(factor, size):
    bound = size * factor**HORIZON
    assert scale_of(lines_of([verdict("t", "p", bound / 2, bound)])) is Scale.LINEAR


def test_the_csv_holds_what_is_drawn(written):
    rows = list(csv.DictReader(io.StringIO(written[f"figures/{gap.id}--main.csv"].read_text())))
    first = next(row for row in rows if row["problem"] == "huber-8" and row["k"] == "7")
    assert float(first["ratio"]) == 1
    assert float(first["bound_log10"]) == pytest.approx(np.log10(12 * 3.5**2 / 30), abs=1e-5)     # six digits are written


@given(ratio=st.fractions(min_value=Fraction(1, 10**6), max_value=10**6))
def test_only_equality_prints_as_one(ratio):
    """A reader must be able to tell an attained bound from a nearly attained one."""
    size = log10(ratio)
    assert (ratio_text(ratio) == "1") == (size is not None and abs(size) < 1e-9)


# ---- what can go wrong
def test_an_interrupted_report_leaves_the_last_one(tmp_path, monkeypatch):
    report(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def interrupted(*_: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "compiled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report(tmp_path, theorems=(gap,), title="Another")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob(".writing-*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(BadInput, match=r"cannot be written to .*taken: .*\. Give another folder with --out\."):
        report(tmp_path / "taken")


def test_a_character_that_no_font_has_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"cannot print 字 \(U\+5B57\)"):
        report(tmp_path, title="A 字 too far")
    assert list(tmp_path.iterdir()) == []


def test_coverage_is_judged_a_character_at_a_time():
    assert uncovered("naïve Łojasiewicz κ = L/μ → ∞ 字 ≤ é 語") == "字語"


def test_titles_are_text_and_never_markup(tmp_path):
    """Whatever a user's title holds, it is printed, not run."""
    odd = 'A "quoted" #panic() *title* $x$ \\ with @refs and [brackets]'
    report(tmp_path, theorems=(Theorem(**{**_fields(gap), "title": odd}),))
    assert odd in "".join(page.extract_text() for page in PdfReader(tmp_path / "convlab-report.pdf").pages)


def test_a_statement_that_does_not_compile_is_shown(tmp_path):
    claim = RateBound(GradientDescent(gamma), bound=lambda k, case, record: 1, metric=function_gap, statement="frac(")
    with pytest.raises(BadInput, match=r"The report does not compile: .*at: .*frac\("):
        write_report((Theorem(id="broken", title="Broken", claims=(claim,)),), {}, {}, tmp_path)


def test_a_warning_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(BadInput, match=r"compiles with a warning: unknown font family"):
        document.compiled('#set text(font: "No Such Font")\nx', tmp_path)


def _fields(theorem: Theorem) -> dict[str, Any]:
    return {"id": theorem.id, "title": theorem.title, "claims": theorem.claims, "source": theorem.source, "topic": theorem.topic}
