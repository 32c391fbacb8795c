"""Handouts: in the lecturer's order and letters, as PDF, LaTeX, BibTeX and a notebook whose cells run; what cannot be meant is one sentence."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import permutations, sampled_from
from pypdf import PdfReader

from convlab import catalogue, symbols
from convlab.report.bibtex import bibliography, entries
from convlab.report.declared import mathematics
from convlab.report.latex import escaped, latex
from convlab.report.lecture import lecture
from convlab.report.notation import Notation
from convlab.report.stated import stated
from tests.command_line import convlab

EXAMPLE = Path(__file__).parent / "examples" / "lecture.toml"
THEOREMS = catalogue.theorems()
FORMULAS = [formula for theorem in THEOREMS.values() for claim in stated(theorem, Notation()).claims for formula in claim.formulas if formula]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, written."""
    out = tmp_path_factory.mktemp("handout")
    answer = convlab("handout", str(EXAMPLE), "--out", str(out), "--json")
    assert answer.status == 0
    assert {Path(file) for file in answer.json["results"][0]["files"]} == {path for path in out.rglob("*") if path.is_file()}
    return out


def words(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())


# ---- formulas
@pytest.mark.parametrize("id", THEOREMS)
def test_every_formula_of_the_catalogue_becomes_latex_with_matching_brackets(id: str) -> None:
    """Braces match, \\left has its \\right, no Typst is left over, and no name of Typst's has become an operator of that name."""
    for claim in stated(THEOREMS[id], Notation()).claims:
        for formula in claim.formulas:
            made = re.sub(r"\\[{}]", "", latex(formula))
            assert made.count("{") == made.count("}"), formula
            assert len(re.findall(r"\\left(?![a-z])", made)) == len(re.findall(r"\\right(?![a-z])", made)), formula
            assert '"' not in made, formula
            assert set(re.findall(r"\\operatorname\{(\w+)\}", made)) <= {*re.findall(r'op\("(\w+)"\)', formula), "Re", "Im", "tr"}, formula


@pytest.mark.parametrize(("typst", "expected"), [
    ("frac(L R^(2), 4 k gamma L + 2)", r"\frac{L R^{2}}{4 k \gamma L + 2}"), ("f(x)/2", "f(x)/2"), ("1/N sum_i f_i", r"\frac{1}{N} \sum _{i} f_{i}"),
    ("max {1 - frac(1, 2 n), 1}^(k)", r"\max \left\{ 1 - \frac{1}{2 n}, 1 \right\}^{k}"), ("norm(x_k - x^*)^2", r"\| x_{k} - x^{*} \|^{2}"),
    ('L_("max") slash 2', r"L_{\mathrm{max}} / 2"), ("(0, 1]", "(0, 1]"),
    ('cases(1 & "if " x > 0, 0 & "otherwise")', r"\begin{cases} 1 & \text{if } x > 0 \\ 0 & \mathrm{otherwise} \end{cases}"),
    ("mat(1, 2; 3, 4)", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"), ("root(3, x)", r"\sqrt[3]{x}")])
def test_typst_as_latex(typst: str, expected: str) -> None:
    assert latex(typst) == expected


def test_an_open_bracket_is_an_error() -> None:
    with pytest.raises(ValueError, match="not closed"):
        latex("frac(1, 2")


@settings(max_examples=60)
@given(permutations(["gamma", "L", "mu", "n", "R", "sigma", "inner_steps", "p"]), sampled_from(FORMULAS))
def test_letters_that_change_places_change_back(order: list[str], formula: str) -> None:
    """A renaming that permutes letters, and then its inverse, leaves every formula of the catalogue as it was; L_max, sigma_* and x_n are not touched by L and sigma."""
    names = sorted(order)
    letter = {name: {"inner_steps": "m"}.get(name, name) for name in names}
    there, back = Notation({a: letter[b] for a, b in zip(names, order, strict=True)}), Notation({b: letter[a] for a, b in zip(names, order, strict=True)})

    assert back.typst(there.typst(formula)) == formula
    assert there.typst(formula).count('L_("max")') == formula.count('L_("max")')


def test_symbols_are_renamed_in_formulas_labels_and_sentences() -> None:
    notation = Notation({"gamma": "eta", "n": "m", "inner_steps": "n"})

    assert notation.typst('gamma L_("max") n m "n"') == 'eta L_("max") m n "n"'
    assert notation.label(r"n of $\gamma n$") == r"n of $\eta m$"
    assert notation.text("2/gamma with m = 1 of n, a Rand-k") == "2/eta with n = 1 of m, a Rand-k"


# ---- the example
def test_the_example_has_six_statements_and_two_figures_on_two_to_four_pages_in_their_order(folder: Path) -> None:
    told = words(folder / "lecture.pdf")
    titles = ("Gradient descent: how fast", "We minimise", "sharp threshold", "Below 2/L", "distance to the minimiser", "strongly convex: gap",
              "Without strong convexity", "gap of the last iterate", "Lojasiewicz inequality: gap", "Without any convexity", "smallest gradient")
    places = [told.find(title) for title in titles]

    assert 2 <= len(PdfReader(folder / "lecture.pdf").pages) <= 4
    assert places == sorted(places)
    assert min(places) >= 0
    assert len(list((folder / "statements").iterdir())) == 6
    assert {path.suffix for path in (folder / "figures").glob("gd-zigzag.*")} == {".pdf", ".svg", ".png", ".csv"}


def test_the_lecturers_letter_is_used_everywhere(folder: Path) -> None:
    told = words(folder / "lecture.pdf")

    assert "\U0001d702" in told                      # the italic eta of mathematics
    assert not any(c in told for c in ("\U0001d6fe", "γ", "gamma"))
    assert all(r"\eta" in path.read_text() and r"\gamma" not in path.read_text() for path in (folder / "statements").iterdir())


def test_each_statement_is_latex_from_the_declaration_and_cites_what_the_bibliography_has(folder: Path) -> None:
    text = (folder / "statements" / "gd-smooth-convex-fgap.tex").read_text()
    keys = set(re.findall(r"@misc\{([^,]+),", (folder / "lecture.bib").read_text()))

    assert r"f(x_{k}) - f^{*} \le \max \left\{ \frac{(1 - \eta L)^{2 k} L R^{2}}{2}, \frac{L R^{2}}{4 k \eta L + 2} \right\}" in text
    assert r"for $ 0 < \eta < 2 / L $" in text
    for path in (folder / "statements").iterdir():
        assert set(re.search(r"\\cite\{(.*?)\}", path.read_text())[1].split(", ")) <= keys      # type: ignore[index]
        assert rf"\input{{statements/{path.stem}}}" in (folder / "lecture.tex").read_text()


def test_the_cells_run_and_beyond_two_over_L_the_runs_diverge(folder: Path) -> None:
    """Every cell as it is written, then with 2.1/L in place of its step."""
    document = json.loads((folder / "lecture.ipynb").read_text())
    space: dict[str, Any] = {}
    tried = 0
    assert document["nbformat"] == 4
    for cell in (cell for cell in document["cells"] if cell["cell_type"] == "code"):
        code = "".join(cell["source"])
        exec(code, space)
        if "parameters = " not in code:
            continue
        (inside,) = (verdict for verdict in space["result"].check.verdicts)
        assert inside.word.value == "holds"
        exec(re.sub(r"(?m)^parameters = .*$", 'parameters = {"gamma": "2.1/L"}', code), space)
        (beyond,) = (verdict for verdict in space["result"].check.verdicts)
        assert "OUTSIDE" in str(space["result"])
        assert "<pre>" in space["result"]._repr_html_()
        assert float(beyond.curve.measured[-1]) > 100 * float(inside.curve.measured[-1])
        tried += 1
    assert tried == 6


LIST = 'title = "T"\ncontent = '
SMALL = 'title = "T"\nauthor = "A"\ncontent = ["gd-pl-linear", {text = "One."}]\n'
NASTY = r"Costs 5 % & more: #pagebreak() $x_1$ *bold* @ref \alpha {a} [b] <c> ~ ^ `d`"


def test_equal_lists_give_equal_bytes_and_sentences_are_text(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(f"title = '{NASTY}'\ncontent = ['gd-pl-linear', {{text = '{NASTY}'}}]\n", encoding="utf-8")
    for name in ("one", "two"):
        assert convlab("handout", str(file), "--out", str(tmp_path / name)).status == 0

    assert {p.name: p.read_bytes() for p in (tmp_path / "one").glob("my.*")} == {p.name: p.read_bytes() for p in (tmp_path / "two").glob("my.*")}
    assert NASTY.replace(" ", "") in words(tmp_path / "one" / "my.pdf").replace(" ", "")
    assert escaped(NASTY) in (tmp_path / "one" / "my.tex").read_text()
    assert escaped("5 % & μ ≤ _{}") == r"5 \% \& \ensuremath{\mu} \ensuremath{\le} \_\{\}"


@pytest.mark.parametrize(("text", "told"), [
    ('author = "A"\ncontent = ["gd-pl-linear"]', "title is missing"),
    ('title = "T"', "content is missing"),
    ('title = "T"\ncontent = 3', "content is a list"),
    ('title = "T"\ncontents = []', "Did you mean content?"),
    ('title = 3\ncontent = ["gd-pl-linear"]', "title is text"),
    ('title = "T', "is not a TOML file"),
    (LIST + '["gd-pl-liner"]', "Did you mean gd-pl-linear"),
    (LIST + '[{statement = "gd-zigzag"}]', "No theorem is called 'gd-zigzag'"),
    (LIST + '[{figure = "gd-zigzog"}]', "Did you mean gd-zigzag?"),
    (LIST + '[{figure = "gd-zigzag", param = {q = 1}}]', "has no parameter"),
    (LIST + '[{text = "a", claim = "b"}]', "claim belongs to a statement"),
    (LIST + '[{txt = "a"}]', "Did you mean text?"),
    (LIST + '[{text = "a", figure = "b"}]', "exactly one of"),
    (LIST + '[{statement = "gd-edge", claim = "rest"}]', "gd-edge has no claim 'rest'"),
    (LIST + '[{text = ""}]', "text is empty"),
    (SMALL + '[notation]\ngamma = "L"', "L already stands for L"),
    (SMALL + '[notation]\ngamma = "x"', "x already stands for something else"),
    (SMALL + '[notation]\ngamma = "k"', "k already stands for k"),
    (SMALL + '[notation]\ngamma = "s"\nL = "s"', "s already stands for L"),
    (SMALL + '[notation]\ngama = "s"', "Did you mean gamma"),
    (SMALL + '[notation]\ngamma = "2s"', "one index at most"),
    (SMALL + '[notation]\nbyzantine = "b"', "cannot be renamed"),
    (SMALL + "[notation]\ngamma = 3", "table of names"),
    (SMALL.replace("One.", "\U00013000"), "cannot print")])
def test_what_cannot_be_meant_is_one_sentence_status_2_and_nothing_is_written(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    answer = convlab("handout", str(file), "--out", str(tmp_path / "out"))

    assert answer.status == 2
    assert told in " ".join(answer.err.split())
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


BOWL = """
bowl = cl.Figure(id="bowl", title="b", problem="quadratic-2", runs=(cl.Run(GradientDescent(gamma), "down"),), kind=cl.Contour(last=3), parameters={gamma: 1 / L})
"""


def test_a_theorem_and_a_figure_of_ones_own_stand_in_a_handout(tmp_path: Path) -> None:
    own = (EXAMPLE.parent / "deterministic.py").read_text(encoding="utf-8")
    (tmp_path / "mine.py").write_text(f"{own}\n{BOWL}", encoding="utf-8")
    (tmp_path / "my.toml").write_text('title = "T"\ncontent = ["mine.py:my-gradient-descent", "mine.py:bowl"]', encoding="utf-8")

    assert convlab("handout", str(tmp_path / "my.toml"), "--out", str(tmp_path / "out")).status == 0
    assert (tmp_path / "out" / "statements" / "my-gradient-descent.tex").exists()
    assert (tmp_path / "out" / "figures" / "bowl.pdf").exists()


def test_the_readme_shows_a_list_whose_names_exist(tmp_path: Path) -> None:
    """Read, and every name found; the example above is written in full."""
    (shown,) = re.findall(r"```toml\n(.*?)```", (EXAMPLE.parents[2] / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "readme.toml"
    file.write_text(shown, encoding="utf-8")
    names = [item.name for item in lecture(file).content if item.name]

    assert set(names) <= {*catalogue.figures(), *THEOREMS}
    assert lecture(file).notation == {"gamma": "eta"}


# ---- sources
def test_every_theorem_has_a_source_and_authors_are_told_from_prose() -> None:
    merged = bibliography(THEOREMS.values())
    keys = re.findall(r"@misc\{([^,]+),", merged)

    assert len(keys) == len(set(keys))
    assert all(entries(theorem) for theorem in THEOREMS.values())
    assert merged.count("{") == merged.count("}")
    assert [(e.authors, e.year) for e in entries(THEOREMS["gd-smooth-convex-fgap"])] == [
        (("Drori", "Teboulle"), "2014"), (("Taylor", "Hendrickx", "Glineur"), "2017"), (("Kim",), "2024"), (("Rotaru", "Glineur", "Patrinos"), "2024")]
    assert [e.year for e in entries(THEOREMS["gd-nonconvex-mingrad"])] == ["2018"]
    assert entries(THEOREMS["gd-edge"])[0].note == "folklore"


def test_the_table_of_symbols_prints_in_latex() -> None:
    """No symbol's form is beyond the translation."""
    for s in symbols.table().values():
        assert "operatorname" not in latex(s.typeset)
        assert latex(mathematics(s.typeset)) or s.name
