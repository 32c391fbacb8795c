"""A lecturer's handout: a PDF in the lecturer's order, and beside it the same as LaTeX, BibTeX, figures with their data, and a notebook.

Sentences of the lecturer's enter as text in which nothing is markup, in Typst as in LaTeX.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from convlab.figure import Figure
from convlab.problem import Family
from convlab.report.bibtex import bibliography, entries
from convlab.report.document import compiled, staged
from convlab.report.drawing import draw
from convlab.report.latex import escaped, latex
from convlab.report.notation import Notation, refuse_clashes
from convlab.report.notebook import Cell, notebook, statement_cells
from convlab.report.pages import as_text, entry
from convlab.report.stated import Stated, StatedClaim, Words, own_symbols, stated
from convlab.report.typst_math import quoted
from convlab.theorem import Theorem


@dataclass(frozen=True)
class Sentence:
    """The lecturer's own words; an empty line begins a new paragraph."""

    text: str


@dataclass(frozen=True)
class StatementAsked:
    """A theorem, or one of its claims; `file` and `families` where it is a user's."""

    theorem: Theorem
    claim: str = ""
    file: str = ""
    families: Mapping[str, Family] | None = None


@dataclass(frozen=True)
class FigureAsked:
    """A figure at these parameters."""

    figure: Figure
    param: Mapping[str, str]
    families: Mapping[str, Family] | None = None


Part = Sentence | StatementAsked | FigureAsked


@dataclass(frozen=True)
class Handout:
    """All that is printed, in its order."""

    title: str
    author: str
    date: str
    notation: Mapping[str, str]
    parts: tuple[Part, ...]


def write_handout(handout: Handout, folder: Path, name: str) -> tuple[Path, ...]:
    """The files written: NAME.pdf, NAME.tex, NAME.bib, NAME.ipynb, a statements/ID.tex each, figures/ID in four formats. Equal input gives equal bytes.

    Raises BadInput for a notation that clashes, text that cannot be printed, and a folder that cannot be written; then the folder is as it was.
    """
    asked = [part for part in handout.parts if isinstance(part, StatementAsked)]
    notation = Notation(dict(handout.notation), tuple(s for part in asked for s in own_symbols(part.theorem)))
    plain = [stated(part.theorem, Notation(own=notation.own), part.claim) for part in asked]
    refuse_clashes(notation, [formula for told in plain for claim in told.claims for formula in claim.formulas])
    told = {id(part): stated(part.theorem, notation, part.claim) for part in asked}
    with staged(folder) as beside:
        captions = {id(part): _drawn(part, number, beside, notation) for number, part in _figures(handout)}
        cells = [cell for part in handout.parts for cell in _cells(part, told)]
        _write(beside / f"{name}.tex", tex(handout, told, captions, name))
        _write(beside / f"{name}.bib", bibliography({part.theorem.id: part.theorem for part in asked}.values()))
        _write(beside / f"{name}.ipynb", notebook(cells, handout.title))
        for part in asked:
            (beside / "statements").mkdir(exist_ok=True)
            _write(beside / "statements" / f"{_file(part)}.tex", statement_tex(told[id(part)]))
        template = files("convlab.report").joinpath("template.typ").read_text(encoding="utf-8")
        (beside / f"{name}.pdf").write_bytes(compiled(source(handout, told, captions, template), beside))
        written = sorted(path.relative_to(beside) for path in beside.rglob("*") if path.is_file())
    return tuple(folder / path for path in written)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _file(part: StatementAsked) -> str:
    return f"{part.theorem.id}--{part.claim}" if part.claim else part.theorem.id


def _figures(handout: Handout) -> list[tuple[int, FigureAsked]]:
    return list(enumerate((part for part in handout.parts if isinstance(part, FigureAsked)), start=1))


def _drawn(part: FigureAsked, number: int, beside: Path, notation: Notation) -> tuple[str, str]:
    """Draws a figure into its files; the path of its files without their ending, and the caption. A figure shown twice has its number in the name."""
    made = draw(part.figure, "slide", part.param, part.families, notation)
    (beside / "figures").mkdir(exist_ok=True)
    stem = part.figure.id if not (beside / "figures" / f"{part.figure.id}.pdf").exists() else f"{part.figure.id}-{number}"
    for ending, data in made.files.items():
        (beside / "figures" / f"{stem}.{ending}").write_bytes(data)
    return f"figures/{stem}", made.caption


def _cells(part: Part, told: Mapping[int, Stated]) -> Sequence[Cell]:
    if isinstance(part, Sentence):
        return [Cell("markdown", part.text)]
    if isinstance(part, StatementAsked):
        return statement_cells(told[id(part)], part.file, part.families)
    return []


# ---- the PDF
def source(handout: Handout, told: Mapping[int, Stated], captions: Mapping[int, tuple[str, str]], template: str) -> str:
    """The document's Typst source."""
    under = "  ·  ".join(piece for piece in (handout.author, handout.date) if piece)
    lines = [template, f"#set document(author: {quoted(handout.author)})" if handout.author else "", f"#show: body => setup({quoted(handout.title)}, body)",
             f"#block(below: 1.1em, text(18pt, weight: \"bold\", {quoted(handout.title)}))",
             f"#block(below: 1.6em)[#small({quoted(under)})]" if under else "#v(0.8em)"]
    number = 0
    for part in handout.parts:
        if isinstance(part, Sentence):
            lines += [f"#block(above: 1em, below: 1em, sticky: true)[#par({quoted(paragraph)})]" for paragraph in paragraphs(part.text)]
        elif isinstance(part, FigureAsked):
            path, caption = captions[id(part)]
            lines.append(f"#align(center, block(width: 82%, above: 1.2em, below: 1.2em, plot({quoted(f'/{path}.svg')}, {quoted(caption)})))")
        else:
            number += 1
            lines.append(_statement(told[id(part)], number))
    return "\n".join(lines)


def paragraphs(text: str) -> list[str]:
    """A text cut at its empty lines, each paragraph on one line."""
    return [" ".join(piece.split()) for piece in text.split("\n\n") if piece.strip()]


def _statement(told: Stated, number: int) -> str:
    head = f"#block(above: 0em, below: 0.6em, sticky: true, text(12pt, weight: \"bold\", {quoted(f'{number}.  {told.title}')}))"
    where = f"#block(below: 0.8em, sticky: true)[#code({quoted(told.theorem.id)}) #h(6pt) #small({quoted(told.theorem.source)})]"
    lines, before = [head, where], ""
    for claim in told.claims:
        name = [f"#block(above: 1em, below: 0.5em, sticky: true, text(10pt, weight: \"bold\", {quoted(claim.name.replace('-', ' '))}))"] if len(told.claims) > 1 else []
        preamble = "\n".join(_preamble(claim))
        lines += [*name, *([preamble] if preamble != before else []), *_conclusion(claim)]
        before = preamble
    body = "\n".join(lines)
    return f"#block(width: 100%, above: 1.5em, below: 1.3em, breakable: {'false' if len(told.claims) < 3 else 'true'})[\n{body}\n]"


def _preamble(claim: StatedClaim) -> list[str]:
    shown = [f"formulas($ {' $, $ '.join(claim.updates)} $)"] if claim.updates else []
    shown += [f"code({quoted(sentence)})" for sentence in claim.in_words]
    lines = [entry("update", f"[#{body}]") for body in shown]
    items = ", ".join(f"[{_words(words)}{f' #h(4pt) ${formula}$' if formula else ''}]" for words, formula in claim.assumptions)
    return [*lines, *([entry("assuming", f"stack(dir: ttb, spacing: 0.55em, {items})")] if items else [])]


def _words(words: Words) -> str:
    return "".join(f"${piece}$" if kind == "mathematics" else as_text(piece) for kind, piece in words)


def _conclusion(claim: StatedClaim) -> list[str]:
    parts = [f"for ${claim.condition}$" if claim.condition else "", claim.when, claim.sense]
    under = ", ".join(part for part in parts if part)
    usual = f"[ #h(1em) usual choice: ${claim.defaults}$]" if claim.defaults else "[]"
    false = [f"#block(above: 0.9em, below: 0.3em)[#word({quoted('refuted')}) #h(4pt) {as_text(f'This claim is false: {claim.false}.')}]"] if claim.false else []
    note = [f"#block(below: 0.4em)[#small[{_words(claim.note)}]]"] if claim.note else []
    return [*false, f"#statement($ {claim.statement} $, $ {claim.broken} $, [{under}] + {usual})", *note]


# ---- LaTeX
HEAD = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb,amsthm,graphicx}
\usepackage[a4paper,margin=2.4cm]{geometry}
\newtheorem{theorem}{Theorem}
\newtheorem*{falseclaim}{False claim}
"""


def tex(handout: Handout, told: Mapping[int, Stated], captions: Mapping[int, tuple[str, str]], name: str) -> str:
    """The handout as a LaTeX document that inputs its statements and figures."""
    head = [rf"\{key}{{{escaped(value)}}}" for key, value in (("title", handout.title), ("author", handout.author), ("date", handout.date))]
    lines = [HEAD, *head, r"\begin{document}", r"\maketitle", ""]
    for part in handout.parts:
        if isinstance(part, Sentence):
            lines += [f"{escaped(paragraph)}\n" for paragraph in paragraphs(part.text)]
        elif isinstance(part, FigureAsked):
            path, caption = captions[id(part)]
            lines += [r"\begin{figure}[ht]\centering", rf"\includegraphics[width=0.88\textwidth]{{{path}}}", rf"\caption{{{escaped(caption)}}}", r"\end{figure}", ""]
        else:
            lines += [rf"\input{{statements/{_file(part)}}}", ""]
    return "\n".join([*lines, r"\bibliographystyle{plain}", rf"\bibliography{{{name}}}", r"\end{document}", ""])


def statement_tex(told: Stated) -> str:
    """One statement as LaTeX, to be pasted where amsmath and an environment `theorem` are (and `falseclaim`, for a false one)."""
    cited = ", ".join(item.key for item in entries(told.theorem))
    return "\n".join([f"% {told.theorem.id}: {told.theorem.source}", *(line for claim in told.claims for line in _claim_tex(told, claim, cited))]) + "\n"


def _claim_tex(told: Stated, claim: StatedClaim, cited: str) -> Iterator[str]:
    kind = "falseclaim" if claim.false else "theorem"
    title = told.title if len(told.claims) == 1 else f"{told.title}; {claim.name.replace('-', ' ')}"
    label = told.theorem.id if len(told.claims) == 1 else f"{told.theorem.id}:{claim.name}"
    yield rf"\begin{{{kind}}}[{escaped(title)} \cite{{{cited}}}]\label{{{label}}}"
    if claim.updates:
        yield rf"Let $ {latex(', quad '.join(claim.updates)).replace('&=', '=')} $."
    yield from (escaped(sentence) for sentence in claim.in_words)
    if claim.assumptions:
        yield f"Suppose that {'; '.join(_assumption(words, formula) for words, formula in claim.assumptions)}."
    conditions = [f"for $ {latex(claim.condition)} $" if claim.condition else "", _mixed(claim.when), claim.sense]
    yield f"Then, {', '.join(part for part in conditions if part)},"
    yield rf"\[ {latex(claim.statement)} \]"
    if claim.defaults:
        yield f"Usual choice: $ {latex(claim.defaults)} $."
    if claim.note:
        yield _words_tex(claim.note)
    yield rf"\end{{{kind}}}"


def _assumption(words: Words, formula: str) -> str:
    return f"{_words_tex(words)}, $ {latex(formula)} $" if formula else _words_tex(words)


def _words_tex(words: Words) -> str:
    return "".join(f"${latex(piece)}$" if kind == "mathematics" else escaped(piece) for kind, piece in words)


def _mixed(sentence: str) -> str:
    return "".join(f"${latex(piece)}$" if i % 2 else escaped(piece) for i, piece in enumerate(sentence.split("$")))
