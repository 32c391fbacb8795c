"""Judging a FalseClaim: the asserted claim on its witness, which must violate it."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from convlab.judge.verdict import Skipped, Verdict
from convlab.problem import Family
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim


def judge_false(title: str, claim: FalseClaim, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """The verdicts of the asserted claim on the witness, under the false claim's name: `refuted` is what is expected."""
    from convlab.judge.check import judge_claim

    asserted = replace(claim.asserted, on=(claim.witness,), name=claim.name)
    for found in judge_claim(title, asserted, families, settings):
        yield replace(found, kind="FalseClaim") if isinstance(found, Verdict) else found
