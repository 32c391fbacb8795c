"""A lecturer's own letters: symbols renamed wherever a statement is printed, and clashes refused.

Renaming is done on the Typst that the house prints: every symbol has one form there (`L_("max")`, `gamma`, `k`), and the longest form is found first.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from convlab import symbols
from convlab.errors import BadInput, suggestion
from convlab.report.latex import latex
from convlab.report.typst_math import LETTERS, name_in_typst
from convlab.symbols import Symbol

NAME = re.compile(r"[A-Za-z]+[0-9]*(?:_[A-Za-z0-9]+)?")
STRING = r'"(?:\\.|[^"\\])*"'
ARTICLES = frozenset({"a", "A", "I"})      # words of a sentence before they are letters of a formula


@dataclass(frozen=True)
class Notation:
    """`names` maps the Python names of symbols to the lecturer's; `own` are symbols that are not in the house's table."""

    names: Mapping[str, str] = field(default_factory=dict)
    own: tuple[Symbol, ...] = ()

    @property
    def known(self) -> dict[str, Symbol]:
        """Every symbol by its Python name."""
        return {**symbols.table(), **{s.name: s for s in self.own}}

    def typst(self, formula: str) -> str:
        """Typst mathematics with the lecturer's letters."""
        new = {self.known[name].typeset: name_in_typst(value) for name, value in self.names.items()}
        return _replaced(formula, [s.typeset for s in self.known.values()], new) if new else formula

    def latex(self, formula: str) -> str:
        """The same of LaTeX mathematics."""
        new = {latex(self.known[name].typeset): latex(name_in_typst(value)) for name, value in self.names.items()}
        return _replaced(formula, [latex(s.typeset) for s in self.known.values()], new) if new else formula

    def label(self, text: str) -> str:
        """The same of a text whose mathematics stands between dollar signs, or none of it."""
        return "$".join(self.latex(piece) if i % 2 else piece for i, piece in enumerate(text.split("$")))

    def text(self, sentence: str) -> str:
        """The same of a sentence of ours, in which symbols stand by their Python names, or by their letters."""
        spoken = {form: name for name, s in self.known.items() for form in (name, s.typeset) if form.isidentifier() and form not in ARTICLES}
        new = {form: self.names[name] for form, name in spoken.items() if name in self.names}
        new |= {form: value for name, value in self.names.items() for form in (name, self.known[name].typeset) if form in spoken}
        return _replaced(sentence, list(spoken), new, but_after="-") if new else sentence         # Rand-k is a name



def _replaced(text: str, forms: Iterable[str], new: Mapping[str, str], but_after: str = "") -> str:
    """All replacements at once, the longest form first; string literals stay as they are, and what follows the character `but_after`."""
    ordered = sorted(set(forms), key=lambda form: (-len(form), form))
    pattern = "|".join(rf"(?<![A-Za-z0-9#\\{but_after}])(?<![A-Za-z]\.){re.escape(form)}(?![A-Za-z0-9]|\.[A-Za-z])" for form in ordered)
    return re.sub(f"{pattern}|{STRING}", lambda found: new.get(found[0], found[0]), text)


def refuse_clashes(notation: Notation, formulas: Iterable[str]) -> None:
    """Raises BadInput, in one sentence, for a symbol that does not exist, a letter that cannot be printed, and one that already means something here.

    `formulas` is every piece of Typst mathematics that will be printed, in the house's letters.
    """
    for name, value in notation.names.items():
        if name not in notation.known:
            raise BadInput(f"notation {name} = {value!r}: no symbol is called {name}.{suggestion(name, list(notation.known))} Name it as `convlab show ID` does.")
        if not NAME.fullmatch(value):
            raise BadInput(f"notation {name} = {value!r}: a name is a letter, a Greek letter or a word, with one index at most, such as m, eta or x_0.")
        if notation.known[name].typeset == "f":                      # the number of Byzantine workers, and the objective everywhere
            raise BadInput(f"notation {name} = {value!r}: {name} is printed as {notation.known[name].typeset}, which is the objective's letter too, "
                           "so that it cannot be renamed.")
    printed = list(formulas)
    renamed = [notation.known[name] for name in notation.names]
    used = {s.name: s for s in (*notation.own, symbols.k, *renamed) if s.name in notation.names or _stands(s, printed, notation)}
    for name, value in notation.names.items():
        new = name_in_typst(value)
        for other, s in used.items():
            printed_as = name_in_typst(notation.names[other]) if other in notation.names else s.typeset
            if other != name and printed_as == new:
                raise BadInput(f"notation {name} = {value!r}: {value} already stands for {other} ({s.meaning}) in this handout; "
                               "rename that too, or take another letter.")
        if new in others(notation, printed):
            raise BadInput(f"notation {name} = {value!r}: {value} already stands for something else in these statements; take another letter.")


def others(notation: Notation, formulas: Iterable[str]) -> set[str]:
    """The letters of these formulas that are no symbols of their claims: points, functions, running indices."""
    ours = {s.typeset for s in (*notation.own, symbols.k, symbols.K)} | {notation.known[name].typeset for name in notation.names}
    forms = [s.typeset for s in notation.known.values()]
    left = " ".join(_replaced(formula, forms, dict.fromkeys(ours, " ")) for formula in formulas)
    return {word for word in re.findall(rf"{STRING}|[A-Za-z]+", left) if word in LETTERS or (len(word) == 1 and word.isalpha())}


def _stands(s: Symbol, formulas: Iterable[str], notation: Notation) -> bool:
    forms = [known.typeset for known in notation.known.values()]
    return any(_replaced(formula, forms, {s.typeset: "\0"}) != formula for formula in formulas)
