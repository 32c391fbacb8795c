"""Judging a FalseClaim: the asserted claim on its witness, which must violate it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from convlab.judge.verdict import Skipped, Verdict, Word
from convlab.problem import Family
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim


def judge_false(title: str, claim: FalseClaim, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """The verdicts of the asserted claim on the witness, under the false claim's name: `refuted` is what is expected."""
    from convlab.judge.check import judge_claim

    asserted = replace(claim.asserted, on=(claim.witness,), name=claim.name)
    for found in judge_claim(title, asserted, families, settings):
        yield _beyond_the_start(replace(found, kind="FalseClaim")) if isinstance(found, Verdict) else found


def _beyond_the_start(found: Verdict) -> Verdict:
    """A violation at k = 0 alone is one of the start, not of the rate: as with mutants, it does not count. Kinds without iterations count from 1."""
    suspect = None if found.suspect is None or found.suspect.iteration == 0 else found.suspect
    if found.word is not Word.REFUTED or found.witness is None or found.witness.iteration >= 1:
        return replace(found, suspect=suspect)
    told = "violated at k = 0 alone, which no update has a part in"
    return replace(found, word=Word.INCONCLUSIVE, witness=None, suspect=suspect, note="; ".join(note for note in (found.note, told) if note))
