"""A theorem as a handout says it: every formula once, in Typst and in the lecturer's letters, from which the PDF, the LaTeX and the notebook are made."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from convlab.report import statement as said
from convlab.report.declared import mathematics
from convlab.report.notation import Notation
from convlab.report.pages import algorithms_of
from convlab.report.update_rule import rule_in_words, update_rule
from convlab.symbols import Symbol
from convlab.theorem import FalseClaim, OperatorConstant, Theorem

# names that stand for themselves in a sentence, "f is mu-strongly convex"; those of words (clip, batch, a) do not
SPOKEN = re.compile(r"(?<![A-Za-z^_(/*-])(f_i|L_max|L_mean|sigma_opt|f|L|G|mu|gamma|sigma|lambda|n)(?![A-Za-z_^*(/])")

Words = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StatedClaim:
    """Formulas are Typst mathematics; `updates` holds a formula a line, or one sentence where the rule cannot run on names (`in_words`)."""

    name: str
    updates: tuple[str, ...]
    in_words: tuple[str, ...]
    assumptions: tuple[tuple[Words, str], ...]    # words, formula
    statement: str
    broken: str                                   # the same on two lines
    condition: str
    when: str                                     # words with mathematics between dollar signs
    sense: str
    defaults: str
    false: str                                    # where a false claim's truth is found; empty for a true one
    note: Words

    @property
    def formulas(self) -> tuple[str, ...]:
        """All the mathematics."""
        return (*self.updates, *(formula for _, formula in self.assumptions), self.statement, self.condition, self.defaults, *self.when.split("$")[1::2])


@dataclass(frozen=True)
class Stated:
    """A theorem, its claims, and where it comes from."""

    theorem: Theorem
    title: str
    claims: tuple[StatedClaim, ...]


def stated(theorem: Theorem, notation: Notation, claim: str = "") -> Stated:
    """The theorem, or one of its claims, in a notation."""
    kept = [declared for declared in theorem.claims if claim in ("", declared.name)]
    return Stated(theorem, notation.text(theorem.title), tuple(_claim(declared, notation) for declared in kept))


def own_symbols(theorem: Theorem) -> tuple[Symbol, ...]:
    """The symbols of its claims."""
    return tuple({s.name: s for declared in theorem.claims for s in said.symbols_used(declared)}.values())


def _claim(claim: Any, notation: Notation) -> StatedClaim:
    rules, words = _updates(claim)
    instead = f"see {claim.instead} for what holds" if isinstance(claim, FalseClaim) and claim.instead else "there are problems that violate it"
    return StatedClaim(
        claim.name, tuple(map(notation.typst, rules)), tuple(map(notation.text, words)),
        tuple((spoken(words, notation), notation.typst(mathematics(formula)) if formula else "") for words, formula in said.assumption_lines(claim)),
        notation.typst(said.statement(claim)), notation.typst(said.on_two_lines(claim)), notation.typst(said.condition(claim)),
        "$".join(notation.typst(piece) if i % 2 else piece for i, piece in enumerate(said.when(claim).split("$"))), said.sense(claim),
        notation.typst(said.defaults(claim)), instead if isinstance(claim, FalseClaim) else "", spoken(claim.note, notation))


def _updates(claim: Any) -> tuple[list[str], list[str]]:
    asked = said.inner(claim)
    if isinstance(asked, OperatorConstant):
        return [], [rule_in_words(asked.operator)]
    rules: list[str] = []
    words: list[str] = []
    for algorithm in algorithms_of(asked):
        rule = update_rule(algorithm)
        rules += rule
        words += [] if rule else [rule_in_words(algorithm)]
    return rules, words


def spoken(sentence: str, notation: Notation) -> Words:
    """A sentence of ours in pieces: ("text", "f is "), ("mathematics", "mu"), ..., in a notation."""
    pieces = [("mathematics", notation.typst(mathematics(piece))) if i % 2 else ("text", notation.text(piece)) for i, piece in enumerate(SPOKEN.split(sentence))]
    return tuple((kind, piece) for kind, piece in pieces if piece)
