"""Sources of theorems as BibTeX: who and when, as far as the declaration says it. No title is made up; what else is said stands in the note."""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from convlab.report.latex import escaped
from convlab.theorem import Theorem

NAME = r"(?:(?:de|van|von|El) )?[A-Z][\w-]+(?: et al\.)?"
PLACE = r"(?:, (?:Theorem|Lemma|Corollary|chapter|section|eq\.)[^;,]*)?"
CITED = re.compile(rf"(?P<authors>{NAME}(?:, {NAME}|,? and {NAME})*)(?:'s?)? \((?P<years>\d{{4}}(?:, \d{{4}})*)\)(?P<place>{PLACE})")


@dataclass(frozen=True)
class Entry:
    """One source that a theorem names; without an author, what the theorem says in place of one."""

    key: str
    authors: tuple[str, ...]
    year: str
    note: str

    def bibtex(self) -> str:
        """A @misc entry: nothing else is known of it."""
        authors = " and ".join(name.replace(" et al.", " and others") for name in self.authors)
        lines = [("author", escaped(authors))] if authors else []
        lines += [("year", self.year)] if self.year else []
        return "\n".join([f"@misc{{{self.key},", *(f"  {name} = {{{value}}}," for name, value in [*lines, ("note", escaped(self.note))]), "}"]) + "\n"


def entries(theorem: Theorem) -> tuple[Entry, ...]:
    """The sources of a theorem in their order; one entry that quotes the text where it names nobody."""
    found = []
    for cited in CITED.finditer(theorem.source):
        authors = tuple(re.split(r", | and ", cited["authors"]))
        place = cited["place"].lstrip(", ").strip()
        for year in cited["years"].split(", "):
            found.append(Entry(_key(authors, year), authors, year, f"{place}; for {theorem.id}" if place else f"for {theorem.id}"))
    return tuple(found) or (Entry(theorem.id, (), "", theorem.source or "no source is given"),)


def bibliography(theorems: Iterable[Theorem]) -> str:
    """The file: every source once, with the theorems that it is cited for."""
    merged: dict[str, Entry] = {}
    for entry in (entry for theorem in theorems for entry in entries(theorem)):
        known = merged.get(entry.key)
        merged[entry.key] = entry if known is None or known.note == entry.note else Entry(entry.key, entry.authors, entry.year, f"{known.note}; {entry.note}")
    return "\n".join(entry.bibtex() for entry in merged.values())


def _key(authors: tuple[str, ...], year: str) -> str:
    """droriteboulle2014; of more than three authors the first with the number of the others."""
    plain = [re.sub(r"[^A-Za-z]", "", name.replace(" et al.", "")).lower() for name in authors]
    return ("".join(plain) if len(plain) <= 3 else f"{plain[0]}{len(plain) - 1}others") + year
