"""A refutation looked at once more before it is told: is the problem what it says it is, and was the claim meant of every path?"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from convlab.assumptions import Status, audit
from convlab.judge.verdict import Verdict, Word
from convlab.problem import Family
from convlab.run.cases import stream
from convlab.run.engine import is_random
from convlab.run.settings import Settings
from convlab.theorem import Law, RateBound

EVERY_PATH = "judged on every path; for a mean give law=cl.Law.EXPECTATION"


def doubted(found: Verdict, claim: Any, families: Mapping[str, Family], settings: Settings) -> Verdict:
    """The verdict; a refutation is inconclusive where the problem's stated constants are broken, and says so where it is one of a single path."""
    if found.word is not Word.REFUTED:
        return found
    wrong = broken_constant(found.problem, families, settings)
    if wrong:
        return replace(found, word=Word.INCONCLUSIVE, witness=None, suspect=None, e_value_log10=None, note=_joined(found.note, wrong))
    if isinstance(claim, RateBound) and claim.law is Law.SURELY and claim.algorithm is not None and is_random(claim.algorithm):
        return replace(found, note=_joined(found.note, EVERY_PATH))
    return found


def broken_constant(problem: str, families: Mapping[str, Family], settings: Settings) -> str:
    """What the audit of a member of that name finds broken, in a sentence; nothing where nothing is."""
    member = next((member for family in families.values() for member in family.members() if member.name == problem), None)
    if member is None:
        return ""
    found = audit(member.problem, np.random.default_rng(stream(settings.seed, member.name, "audit")))
    broken = next((finding for _, finding in found if finding.status is Status.BROKEN and isfinite(finding.found or 0)), None)      # a NaN is told as such
    return "" if broken is None else f"the problem's facts are wrong: {broken.sentence}"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
