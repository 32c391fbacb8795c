"""Typst mathematics that people declared by hand (statements, metrics, assumptions), made safe to compile.

A name that Typst does not know would stop the whole report: a symbol of ours becomes its typeset form, any other word is set as text.
"""
from __future__ import annotations

import json
import re
from functools import cache

import typst

from convlab import symbols
from convlab.report.typst_math import quoted

PROSE = frozenset({"and", "or", "not", "at", "die", "top", "exists"})          # Typst has symbols of these names; who writes them in a sentence means the word
PIECES = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*(?:\.[A-Za-z]+)*|.', re.DOTALL)


@cache
def typst_names() -> frozenset[str]:
    """The names that Typst's mathematics knows, asked of the compiler itself."""
    told = typst.Compiler(b"", ignore_system_fonts=True).eval("dictionary(math).keys() + dictionary(sym).keys()", format="json")
    return frozenset(json.loads(told))


def mathematics(text: str) -> str:
    """The same text with unknown names resolved, Python's `*` and `**` as mathematics, and runs of words as one text."""
    text = re.sub(r"(?<=[A-Za-z0-9)])\s*\*\*\s*(?=[A-Za-z0-9(])", "^", text)
    text = re.sub(r"(?<=[A-Za-z0-9)])\*(?=[A-Za-z0-9(])", " ", text)
    pieces = PIECES.findall(text)
    done = "".join(_piece(piece, _neighbours(pieces, i)) for i, piece in enumerate(pieces))
    return re.sub(r'(?<!\\)"( +)"', r"\1", done)                     # "is" "finite" is one text, with its spaces


def _neighbours(pieces: list[str], i: int) -> int:
    """On how many sides a plain word stands next to this piece: one that is neither Typst's nor a symbol."""
    sides = (pieces[i - 2] if i > 1 and pieces[i - 1] == " " else "", pieces[i + 2] if i + 2 < len(pieces) and pieces[i + 1] == " " else "")
    return sum(len(word) > 1 and word.isalpha() and word not in symbols.table() and (word in PROSE or word not in typst_names()) for word in sides)


def _piece(piece: str, words_beside: int) -> str:
    if piece.startswith('"') or not piece[0].isalpha():
        return piece
    head, dot, modifier = piece.partition(".")
    known = symbols.table().get(head)
    if known is not None and len(head) > 1 and head not in typst_names():
        return quoted(head) if words_beside and head.isalpha() else known.typeset + dot + modifier
    if words_beside == 2 and len(piece) > 1 and piece.isalpha():
        return quoted(piece)                                         # "tends to its floor from every start"
    return "_".join(_word(part) for part in head.split("_")) + dot + modifier


def _word(word: str) -> str:
    plain = len(word) == 1 or word.isdigit() or (word in typst_names() and word not in PROSE)
    return word if plain else quoted(word)
