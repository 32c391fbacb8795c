"""The report's Typst source, page by page: title, table of verdicts, and for each theorem what is claimed, how it was judged and how near the bound came.

Every text that is not ours (titles, names, notes) enters as a string literal, so that nothing in it is markup.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from convlab.catalogue import part_of
from convlab.constants import Constant
from convlab.judge.fits import in_column
from convlab.judge.verdict import Verdict, Word, short
from convlab.prove.pep.certified import Certified
from convlab.prove.proof import Proof, Status
from convlab.report import statement as said
from convlab.report.curves import ratio_text
from convlab.report.declared import mathematics
from convlab.report.summary import ClaimSummary
from convlab.report.typst_math import quoted, typst
from convlab.report.update_rule import rule_in_words, update_rule
from convlab.report.worst_cases import worst_case_table
from convlab.theorem import OperatorConstant, Theorem, Trajectory

ROWS = 8                # verdicts printed of one claim; results.json has all
LONG_FORMULA = 900      # characters of Typst: beyond it a formula would be shrunk past reading
LEGEND = (
    (Word.HOLDS, "nothing refuted it at any parameter point, start and iteration that was judged; where samples alone judged it, with the power stated"),
    (Word.REFUTED, "a witness violates it: problem, parameters, start and iteration are given; a false claim is expected to be refuted"),
    (Word.INCONCLUSIVE, "what ran neither refutes nor certifies it: the replicates were too few, or one of them carries the mean"),
    (Word.NOT_APPLICABLE, "no problem satisfies its assumptions, or its parameters lie outside the condition"),
)


@dataclass(frozen=True)
class MutantRow:
    """A false neighbour of a claim, whether it was refuted (as it should be) or survives, and where."""

    claim: str
    mutant: str
    refuted: bool
    where: str = ""


@dataclass(frozen=True)
class Content:
    """All that is printed. `figures` maps claim ids to (path from the document, caption); `known` maps problem names to their certified constants."""

    title: str
    version: str
    alpha: float
    seed: int
    claims: tuple[ClaimSummary, ...]
    date: str = ""
    figures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    proofs: Mapping[str, Sequence[Proof]] = field(default_factory=dict)
    mutants: Mapping[str, Sequence[MutantRow]] = field(default_factory=dict)
    known: Callable[[str], Mapping[str, Constant]] = lambda problem: {}
    worst: Mapping[str, Sequence[Certified]] = field(default_factory=dict)      # certified worst cases by theorem id
    calibration: str = ""      # Typst source of the page on the judge itself


def source(content: Content, template: str) -> str:
    """The whole document."""
    pages, topic = [], ""
    for theorem in {c.theorem.id: c.theorem for c in content.claims}.values():
        pages.append(theorem_page(theorem, content, new_topic=theorem.topic != topic))
        topic = theorem.topic
    pages += ["#pagebreak(weak: true)", content.calibration] if content.calibration else []
    return "\n".join([template, f"#show: body => setup({quoted(content.title)}, body)", title_page(content), *pages])


# ---- front matter
def title_page(content: Content) -> str:
    """Title, what was judged by what, what the words mean, and the table of all verdicts."""
    facts = [f"convlab {content.version}", f"seed {content.seed}", f"error level {content.alpha:g}", *([content.date] if content.date else [])]
    words = Counter(c.word for c in content.claims if not c.false)
    false = [c for c in content.claims if c.false]
    counted = [f"{len(content.claims) - len(false)} claims in {len({c.theorem.id for c in content.claims})} theorems: "
               + ", ".join(f"{words[word]} {_spoken(word)}" for word in Word if words[word])]
    refuted = sum(c.word is Word.REFUTED for c in false)
    counted += [f"{len(false)} {'claim' if len(false) == 1 else 'claims'} declared false: {refuted} refuted, as expected"] if false else []
    by = Counter(v.judged_by.value for c in content.claims for v in c.verdicts)
    counted.append(f"{sum(by.values())} verdicts: " + ", ".join(f"{count} {name}" for name, count in by.most_common()))
    counted.append(f"{sum(len(c.skipped) for c in content.claims)} pairs of claim and problem not judged, with the reason in results.json")
    unexpected = [c.id for c in content.claims if c.unexpected]
    warning = [f"#block(above: 0.9em)[#word({quoted('against expectation')}, wrong: true) #h(4pt) {as_text(', '.join(unexpected))}]"] if unexpected else []
    legend = "".join(f"[#word({quoted(word.value)})], {_block(text)}," for word, text in LEGEND)
    return "\n".join([
        "#v(1.2cm)", f"#block(text(24pt, weight: \"bold\", {quoted(content.title)}))", f"#block(above: 0.8em, small({quoted('  ·  '.join(facts))}))",
        "#v(0.5cm)", *(f"#block(above: 0.7em)[{as_text(line)}]" for line in counted), *warning, "#v(0.5cm)",
        f"#grid(columns: (auto, 1fr), column-gutter: 10pt, row-gutter: 9pt, {legend})",
        "#v(0.3cm)", "#heading(level: 1, outlined: true)[Verdicts]", verdict_overview(content.claims)])


def verdict_overview(claims: Sequence[ClaimSummary]) -> str:
    """One line a claim: word, source, worst and last ratio, tightness, page."""
    rows = [f"link(label({quoted(_anchor(c.theorem))}), code({quoted(c.id)})), {_block(_kind(c))}, {_word(c)}, {_block(', '.join(c.sources[:2]))}, "
            f"{_ratios(c.worst)}, {_block(c.tightness)}, [#context counter(page).at(label({quoted(_anchor(c.theorem))})).first()]" for c in claims]
    names = ("claim", "kind", "verdict", "judged by", "worst ratio", "last", "tight", "page")
    return (f"#ruled(columns: (1fr, auto, auto, 3.5cm, auto, auto, auto, auto), align: (left, left, left, left, right, right, left, right), "
            f"head({', '.join(map(quoted, names))}), {', '.join(rows)})")


# ---- one theorem
def theorem_page(theorem: Theorem, content: Content, new_topic: bool) -> str:
    """A new page: title, source, and each claim."""
    part = part_of(theorem)
    topic = f"{f'Part {part}: ' if part else ''}{theorem.topic.replace('_', ' ')}"
    lines = ["#pagebreak(weak: true)", *([f"#heading(level: 1, {quoted(topic)})"] if new_topic else []),
             f"#heading(level: 2, {quoted(theorem.title)}) #label({quoted(_anchor(theorem))})",
             f"#block(below: 0.9em)[#code({quoted(theorem.id)}) #h(6pt) #small({quoted(theorem.source)})]"]
    claims = [c for c in content.claims if c.theorem is theorem]
    told: set[str] = set()
    for claim in claims:
        heading = [f"#heading(level: 3, {quoted(_heading(claim.claim.name))})"] if len(claims) > 1 else []
        preamble = "\n".join([*_update(claim.claim), *_assumptions(claim.claim)])
        lines += [*heading, *([preamble] if preamble not in told else []), *_claim(claim, content)]
        told.add(preamble)
    return "\n".join(lines)


def _heading(name: str) -> str:
    return "Main claim" if name == "main" else name[:1].upper() + name[1:].replace("-", " ")


def _update(claim: Any) -> list[str]:
    asked = said.inner(claim)
    if isinstance(asked, OperatorConstant):
        return [entry("operator", f"[{as_text(rule_in_words(asked.operator))}]")]
    lines = []
    for algorithm in algorithms_of(asked):
        rule = update_rule(algorithm)
        body = f"formulas($ {' $, $ '.join(rule)} $)" if rule else f"code({quoted(rule_in_words(algorithm))})"
        lines.append(entry("update", f"[#{body}]"))
    return lines


def algorithms_of(claim: Any) -> list[Any]:
    """The algorithms that a claim speaks of, each once."""
    programs = [p.algorithm for p in (getattr(claim, "left", None), getattr(claim, "right", None)) if isinstance(p, Trajectory)]
    found = [getattr(claim, "algorithm", None), *(getattr(claim, "coupled", None) or ()), *programs]
    return list({repr(a): a for a in found if a is not None and hasattr(a, "step")}.values())


def _assumptions(claim: Any) -> list[str]:
    lines = said.assumption_lines(claim)
    items = ", ".join(f"[{as_text(words)}{f' #h(4pt) ${mathematics(formula)}$' if formula else ''}]" for words, formula in lines)
    return [entry("assuming", f"stack(dir: ttb, spacing: 0.55em, {items})")] if items else []


def _claim(summary: ClaimSummary, content: Content) -> list[str]:
    claim = summary.claim
    first = [f"for ${said.condition(claim)}$" if said.condition(claim) else "", said.when(claim), said.sense(claim)]
    under = ", ".join(part for part in first if part)
    usual = f"[ #h(1em) usual choice: ${said.defaults(claim)}$]" if said.defaults(claim) else "[]"
    false = [f"#block(above: 0.9em, below: 0.3em)[#word({quoted('refuted')}) #h(4pt) This claim is false: {as_text(_instead(claim))}]"] if summary.false else []
    lines = [*false, f"#statement($ {said.statement(claim)} $, $ {said.on_two_lines(claim)} $, [{under}] + {usual})"]
    lines += [f"#block(below: 0.6em)[{as_text(claim.note)}]"] if claim.note else []
    if summary.id in content.figures:
        path, caption = content.figures[summary.id]
        lines.append(f"#plot({quoted(path)}, {quoted(caption)})")
    return [*lines, *_symbols(summary, content), *_verdicts(summary), *_proofs(summary, content), *_worst_cases(summary, content), *_mutants(summary, content)]


def _instead(claim: Any) -> str:
    return f"see {claim.instead} for what holds." if claim.instead else "the instance below violates it."


def _symbols(summary: ClaimSummary, content: Content) -> list[str]:
    """Meaning of each symbol, its value at the worst point and how that is known."""
    worst = summary.worst
    used = said.symbols_used(summary.claim)
    if not used:
        return []
    values = {} if worst is None else {str(name): value for name, value in {**worst.constants, **worst.parameters}.items()}
    known = content.known(worst.problem) if worst is not None else {}
    rows = []
    for symbol in used:
        how = _how(symbol.name, known, worst)
        rows.append(f"${symbol.typeset}$, {_block(symbol.meaning)}, {_block(short(values[symbol.name]) if symbol.name in values else '')}, {_block(how)}")
    where = "value" if worst is None else f"value on {_name(worst.problem)}"
    return [f"#ruled(columns: (auto, 1fr, auto, 1.3fr), align: (left, left, right, left), head(\"\", \"symbol\", {quoted(where)}, \"known from\"), {', '.join(rows)})"]


def _how(name: str, known: Mapping[str, Constant], worst: Verdict | None) -> str:
    if name in known:
        return f"{known[name].exactness.value}: {known[name].how}"
    if worst is None:
        return ""
    if name in {str(s) for s in worst.parameters}:
        return "chosen"
    return "of the start" if name in ("R", "Delta", "M0") else "of the instance" if "(" in worst.problem else ""


def _verdicts(summary: ClaimSummary) -> list[str]:
    if not summary.verdicts:
        reasons = Counter(s.reason for s in summary.skipped).most_common(3)
        return [f"#block[#word(\"not applicable\") #h(4pt) {as_text('Not judged: ' + '; '.join(reason for reason, _ in reasons) + '.')}]"]
    shown = summary.verdicts[:ROWS]
    rows = [f"{_block(_name(v.problem))}, {_block(v.judged_by.value)}, {_plain_word(v, summary.false)}, {_ratios(v, with_k=True)}, "
            f"{_block(in_column(v.fit))}, [{v.points}]" for v in shown]
    names = ("problem", "judged by", "verdict", "worst ratio", "at k", "last", "order (measured)" if any(v.fit for v in shown) else "", "points")
    lines = [f"#ruled(columns: (1fr, auto, auto, auto, auto, auto, auto, auto), align: (left, left, left, right, right, right, left, right), "
             f"head({', '.join(map(quoted, names))}), {', '.join(rows)})"]
    lines += _rest(summary)
    lines += _loose(summary)
    lines += [f"#block(above: 0.5em)[#small({quoted('Witness. ' + str(v.witness))})]" for v in shown if v.witness is not None][:2]
    pieces = list(dict.fromkeys(piece for v in shown if v.note for piece in v.note.split("; ")))
    lines += [f"#block(above: 0.4em)[#small({quoted('; '.join(pieces[:4]) + '.')})]"] if pieces else []
    return lines


def _loose(summary: ClaimSummary) -> list[str]:
    """That nothing comes near the bound, and by how much, where it is so."""
    if summary.loose is None:
        return []
    told = f"Loose on everything tried: no exact source measured more than {summary.loose:.3g} of the bound" + (
        f", a factor of {1 / summary.loose:.3g} below it." if summary.loose > 0 else ".")
    return [f"#block(above: 0.5em)[{as_text(told)}]"]


def _rest(summary: ClaimSummary) -> list[str]:
    rest = summary.verdicts[ROWS:]
    if not rest:
        return []
    words = Counter(v.word for v in rest)
    ratios = [v for v in rest if v.worst_ratio is not None]
    told = ", ".join(f"{count} {_spoken(word)}" for word, count in words.items())
    spread = f", worst ratios {ratio_text(ratios[-1].worst_ratio)} to {ratio_text(ratios[0].worst_ratio)}" if ratios else ""
    return [f"#block(above: 0.4em)[#small({quoted(f'On {len(rest)} more problems: {told}{spread}.')})]"]


def _proofs(summary: ClaimSummary, content: Content) -> list[str]:
    found = [p for p in content.proofs.get(summary.theorem.id, ()) if p.claim == summary.claim.name and p.status is not Status.NOT_CLAIMED]
    lines: list[str] = []
    for proof in found:
        status = f"#word({quoted(proof.status.value)}, wrong: {_bool(proof.status is Status.FAILED)})"
        lines.append(f"#block(above: 1em, below: 0.5em, sticky: true)[{status} #h(4pt) *{as_text(proof.fact)}*]")
        lines += [f"#block(above: 0.45em, below: 0.45em, sticky: true)[#small({quoted(step)})]" for step in proof.steps]
        rows = [f"({quoted(caption)}, $ {formula} $)" for caption, expression in proof.formulas if len(formula := typst(expression)) <= LONG_FORMULA]
        lines += [f"#derivation({', '.join(rows)})"] if rows else []
        lines += [f"#block(above: 0.4em)[#small({quoted('What is left: ' + proof.residual)})]"] if proof.residual else []
    return ["#block(above: 1.2em, below: 0.2em, sticky: true, label-text(\"proved by algebra\"))", *lines] if lines else []


def _worst_cases(summary: ClaimSummary, content: Content) -> list[str]:
    return worst_case_table([found for found in content.worst.get(summary.theorem.id, ()) if found.claim == summary.claim.name])


def _mutants(summary: ClaimSummary, content: Content) -> list[str]:
    rows = [f"{_mutant(m.mutant, summary)}, {_block(m.where)}, word({quoted('refuted' if m.refuted else 'survives')}, wrong: {_bool(not m.refuted)})"
            for m in content.mutants.get(summary.theorem.id, ()) if m.claim == summary.claim.name]
    names = ("would we have noticed? false neighbours of the claim", "by", "")
    return [f"#block(above: 1.2em, ruled(columns: (1.2fr, 1fr, auto), head({', '.join(map(quoted, names))}), {', '.join(rows)}))"] if rows else []


def _mutant(name: str, summary: ClaimSummary) -> str:
    """A mutant that is named by its formula, typeset; any other by its name."""
    changes: Mapping[str, Any] = next((m.changes for m in summary.claim.mutants if m.name == name), {})
    bound = changes.get("bound")
    if isinstance(bound, sp.Basic) and name == f"bound {bound}":
        return f"[bound ${typst(bound, inline=True)}$]"
    told = [f"${typst(s)} = {typst(sp.sympify(v), inline=True)}$" for s, v in changes.get("defaults", {}).items()]
    return f"[at {', '.join(told)}]" if name.startswith("at ") and told else _block(name)


# ---- pieces
def as_text(text: str) -> str:
    """A text of anybody's as Typst content, in which nothing is markup."""
    return f"#{quoted(text)};"


def _block(text: str) -> str:
    return f"[{as_text(text)}]" if text else "[]"


def entry(name: str, body: str) -> str:
    """A line of a statement with its name at the left."""
    return f"#block(above: 0.6em, below: 0.6em, entry({quoted(name)}, {body}))"


def _word(summary: ClaimSummary) -> str:
    return f"word({quoted(summary.word.value)}, wrong: {_bool(summary.unexpected)})"


def _plain_word(verdict: Verdict, false: bool) -> str:
    return f"word({quoted(verdict.word.value)}, wrong: {_bool(verdict.word is (Word.HOLDS if false else Word.REFUTED))})"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _ratios(verdict: Verdict | None, with_k: bool = False) -> str:
    if verdict is None:
        return "[], []"
    at = [_block("" if verdict.worst_k is None else str(verdict.worst_k))] if with_k else []
    return ", ".join([_block(ratio_text(verdict.worst_ratio)), *at, _block(ratio_text(verdict.last_ratio))])


def _name(problem: str) -> str:
    """A declared instance goes by its family."""
    family, bracket, _ = problem.partition("(")
    return f"{family}, tight instance" if bracket else problem


def _kind(summary: ClaimSummary) -> str:
    names: Iterable[str] = ("RateBound", "StepInequality", "Identity", "OperatorConstant", "StabilityRegion", "FalseClaim")
    words = ("rate", "one step", "identity", "operator", "region", "false")
    return dict(zip(names, words, strict=True))[type(summary.claim).__name__]


def _spoken(word: Word) -> str:
    return {Word.HOLDS: "hold", Word.REFUTED: "refuted", Word.INCONCLUSIVE: "inconclusive", Word.NOT_APPLICABLE: "not judged"}[word]


def _anchor(theorem: Theorem) -> str:
    return f"theorem-{theorem.id}"
