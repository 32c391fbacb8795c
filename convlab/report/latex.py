"""Typst mathematics as LaTeX, so that a statement has one printer: what the report typesets is what a lecturer pastes into notes.

A small parser of the Typst that we print and declare: words, calls, attachments and brackets. `WORDS` and `CALLS` are the whole vocabulary; a word
in neither is an operator of that name.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from convlab.report.typst_math import GREEK

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z]+(?:\.[a-z]+)*|[0-9]+(?:\.[0-9]+)?|\\.|<=>|<=|>=|!=|->|=>|\.\.\.|:=|\s+|.', re.DOTALL)
LATIN_CAPITALS = {"Alpha": "A", "Beta": "B", "Epsilon": "E", "Zeta": "Z", "Eta": "H", "Iota": "I", "Kappa": "K", "Mu": "M", "Nu": "N", "Rho": "P", "Tau": "T", "Chi": "X"}
WORDS: Mapping[str, str] = {
    **{name: rf"\{name}" for name in GREEK}, **{name.capitalize(): rf"\{name.capitalize()}" for name in GREEK if name.capitalize() not in LATIN_CAPITALS},
    **{name: rf"\mathrm{{{letter}}}" for name, letter in LATIN_CAPITALS.items()}, "epsilon": r"\varepsilon", "omicron": "o",
    **{name: rf"\{name}" for name in ("nabla", "partial", "sum", "min", "max", "sup", "inf", "lim", "log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh",
                                      "arctan", "arcsin", "arccos", "det", "ln", "quad", "in", "approx", "forall", "exists", "times", "ell", "dim", "ker")},
    "product": r"\prod", "infinity": r"\infty", "oo": r"\infty", "slash": "/", "thin": r"\,", "med": r"\:", "thick": r"\;", "dot": r"\cdot", "dots": r"\dots",
    "EE": r"\mathbb{E}", "RR": r"\mathbb{R}", "NN": r"\mathbb{N}", "ZZ": r"\mathbb{Z}", "CC": r"\mathbb{C}", "PP": r"\mathbb{P}", "dif": r"\mathrm{d}",
    "chevron.l": r"\langle", "chevron.r": r"\rangle", "mod": r"\bmod", "Re": r"\operatorname{Re}", "Im": r"\operatorname{Im}", "tr": r"\operatorname{tr}",
    "subset": r"\subset", "union": r"\cup", "inter": r"\cap", "and": r"\wedge", "or": r"\vee", "not": r"\neg", "top": r"\top", "perp": r"\perp",
    "plus.minus": r"\pm", "dot.op": r"\cdot", "dots.c": r"\cdots", "dots.h": r"\dots", "arrow.r": r"\to", "tilde.op": r"\sim", "prop": r"\propto",
    "succ.eq": r"\succeq", "prec.eq": r"\preceq", "gt.eq": r"\ge", "lt.eq": r"\le", "bar.v": r"\mid", "diff": r"\partial", "nothing": r"\emptyset",
    "without": r"\setminus", "compose": r"\circ", "times.o": r"\otimes", "star": r"\star", "dagger": r"\dagger", "union.big": r"\bigcup",
}
SIGNS: Mapping[str, str] = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne", "->": r"\to", "=>": r"\Rightarrow", "<=>": r"\Leftrightarrow", "...": r"\dots", ":=": ":=",
                            "{": r"\{", "}": r"\}", "*": "*", "~": r"\ ", "%": r"\%", "#": r"\#", "$": r"\$"}
ACCENTS: Mapping[str, str] = {"cal": "mathcal", "bold": "mathbf", "upright": "mathrm", "hat": "hat", "tilde": "tilde", "overline": "overline", "macron": "bar",
                              "bb": "mathbb", "sqrt": "sqrt", "underline": "underline", "dot": "dot", "arrow": "vec"}
AROUND: Mapping[str, tuple[str, str]] = {"abs": ("|", "|"), "norm": (r"\|", r"\|"), "floor": (r"\lfloor", r"\rfloor"), "ceil": (r"\lceil", r"\rceil"),
                                         "(": ("(", ")"), "[": ("[", "]"), "{": (r"\{", r"\}")}
CLOSING = ") ] }"
TALL = re.compile(r"\\(frac|sum|prod|binom|begin|sqrt\[|dfrac)")
UNICODE = {"≤": r"\le", "≥": r"\ge", "≠": r"\ne", "→": r"\to", "∞": r"\infty", "∇": r"\nabla", "‖": r"\|", "√": r"\surd", "∈": r"\in", "×": r"\times", "²": "^2",
           "·": r"\cdot", "−": "-", "≈": r"\approx"}
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
           "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}


def latex(typst: str) -> str:
    """LaTeX mathematics (without dollar signs; amsmath where it has cases or matrices) of Typst mathematics. Raises ValueError where brackets do not match."""
    tokens = _Tokens(TOKEN.findall(typst))
    made = _sequence(tokens, "")
    return re.sub(r"\s+", " ", made).strip()


def escaped(text: str) -> str:
    """Plain text as LaTeX prints it: its special characters as themselves, Greek letters and signs of mathematics as such."""
    return "".join(SPECIAL.get(c) or _beyond_latin(c) for c in text)


def _beyond_latin(character: str) -> str:
    if character in UNICODE:
        return rf"\ensuremath{{{UNICODE[character]}}}"
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(character, ""))
    if greek is None:
        return character
    name = greek[2].lower().replace("lamda", "lambda")
    word = WORDS.get(name if greek[1] == "SMALL" else name.capitalize())
    return character if word is None else rf"\ensuremath{{{word}}}"


@dataclass
class _Tokens:
    """What is left to read. Mutable on purpose: it lives as long as the parse."""

    items: list[str]
    at: int = 0

    def peek(self) -> str:
        return self.items[self.at] if self.at < len(self.items) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip(self) -> None:
        while self.peek().isspace():
            self.at += 1


def _sequence(tokens: _Tokens, closing: str) -> str:
    """Everything up to one of the closing characters, which stays; to the end where there are none."""
    made: list[str] = []
    while tokens.peek() and not (closing and tokens.peek() in closing.split(" ")):
        if tokens.peek() == "/" and _numerator(made):
            made.append(_fraction(made, tokens))
        else:
            made.append(_attached(tokens))
    if closing and not tokens.peek():
        raise ValueError(f"a bracket is not closed: {''.join(tokens.items)!r}")
    return "".join(made)


def _numerator(made: list[str]) -> bool:
    """Whether what stands before a slash is a numerator: a number, a name or a bracket, and not the argument of a function, f(x)/2."""
    while made and made[-1].isspace():
        made.pop()
    if not made or not (made[-1][-1].isalnum() or made[-1][-1] in ")} "):
        return False
    return not made[-1].startswith("(") or len(made) == 1 or not made[-2].strip() or made[-2].strip()[-1] in "+-="


def _fraction(made: list[str], tokens: _Tokens) -> str:
    tokens.take()
    tokens.skip()
    above, below = _bare(made.pop()), _bare(_attached(tokens))
    return rf"\frac{{{above}}}{{{below}}}"


def _bare(operand: str) -> str:
    """Without the brackets that a fraction bar makes needless."""
    found = re.fullmatch(r"\((.*)\)|\\left\( (.*) \\right\)", operand.strip())
    return operand.strip() if found is None else str(found[1] or found[2]).strip()


def _attached(tokens: _Tokens) -> str:
    """One atom with its indices and exponents."""
    made = _atom(tokens)
    while tokens.peek() in ("_", "^"):
        sign = tokens.take()
        made += f"{sign}{{{_script(tokens)}}}"
    return made


def _script(tokens: _Tokens) -> str:
    tokens.skip()
    if tokens.peek() == "(":
        tokens.take()
        inside = _sequence(tokens, ")")
        tokens.take()
        return inside.strip()
    if tokens.peek() == "-":                      # x^-1
        return tokens.take() + _atom(tokens).strip()
    return _atom(tokens).strip()


def _atom(tokens: _Tokens) -> str:
    token = tokens.take()
    if token.isspace():
        return " "
    if token.startswith('"'):
        return _text(token)
    if token in ("(", "[", "{"):
        inside = _sequence(tokens, CLOSING)
        last = tokens.take()                      # (0, 1] closes otherwise than it opens
        return _around(token, inside, SIGNS.get(last, last))
    if token[0].isalpha():
        return _word(token, tokens)
    if token[0] == "\\" and len(token) == 2:
        return r" \\ " if token[1].isspace() else SIGNS.get(token[1], token[1])
    return f" {SIGNS[token]} " if token in SIGNS else token


def _text(token: str) -> str:
    inside = re.sub(r"\\(.)", r"\1", token[1:-1])
    if len(inside) == 1 or (inside.isalpha() and inside.isascii()):
        return rf"\mathrm{{{escaped(inside)}}}"
    return rf"\text{{{escaped(inside)}}}"


def _around(opening: str, inside: str, closing: str = "") -> str:
    left, right = AROUND[opening]
    right = closing or right
    if TALL.search(inside):
        return rf"\left{left} {inside} \right{right}"
    return f"{left}{inside}{right}" if len(left) == 1 else f"{left} {inside} {right}"


def _word(word: str, tokens: _Tokens) -> str:
    if len(word) == 1:
        return word
    if tokens.peek() == "(" and word in {*CALLS, *ACCENTS, *AROUND}:
        tokens.take()
        arguments = list(_arguments(tokens))
        if word in AROUND:
            return _around(word, ", ".join(arguments))
        return rf"\{ACCENTS[word]}{{{arguments[0]}}}" if word in ACCENTS else _called(word, arguments)
    if word in WORDS:
        return f"{WORDS[word]} " if WORDS[word][-1].isalpha() else WORDS[word]
    return rf"\operatorname{{{word}}}"


def _arguments(tokens: _Tokens) -> Iterator[str]:
    """The arguments of a call; rows of a matrix end with a semicolon, which is given as an argument of its own."""
    while True:
        yield _sequence(tokens, ") , ;").strip()
        end = tokens.take()
        if end == ")":
            return
        if end == ";":
            yield ";"


def _called(word: str, arguments: list[str]) -> str:
    rows = " & ".join(arguments).replace(" & ; & ", NEW_ROW) if word == "mat" else NEW_ROW.join(arguments)
    if word == "op":
        name = re.sub(r"^.(?:mathrm|text)\{(.*)\}$", r"\1", arguments[0])
        return rf"\operatorname{{{name}}}"
    if word in ROWS:
        return rf"\begin{{{ROWS[word]}}} {rows} \end{{{ROWS[word]}}}"
    return CALLS[word].format(*arguments)


NEW_ROW = r" \\ "
ROWS: Mapping[str, str] = {"cases": "cases", "mat": "pmatrix", "vec": "pmatrix"}
CALLS: Mapping[str, str] = {"frac": r"\frac{{{0}}}{{{1}}}", "binom": r"\binom{{{0}}}{{{1}}}", "root": r"\sqrt[{0}]{{{1}}}", "op": "", "lr": "{0}", **ROWS}
