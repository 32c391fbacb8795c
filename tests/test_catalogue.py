"""What every theorem of the catalogue owes, tested once for all: judged exactly, attained where it says so, mutants refuted, facts proved, words in order."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import sympy as sp

from convlab import symbols
from convlab.catalogue import PARTS, part_of, theorems
from convlab.falsify.mutants import mutants
from convlab.judge.check import check
from convlab.judge.verdict import Check, Word
from convlab.prove import Status, prove
from convlab.run.bind import symbols_of
from convlab.run.settings import Settings
from convlab.symbols import Symbol
from convlab.theorem import FalseClaim, Identity, OperatorConstant, Source, Theorem, Trajectory, tight_instances

CATALOGUE = theorems()
QUICK = Settings(iterations=60, sampled=False)
ROUNDED = 1e-9       # a tight instance without rational data is attained to the digits that sixty updates leave of sixteen

each_theorem = pytest.mark.parametrize("theorem", CATALOGUE.values(), ids=CATALOGUE)
each_true = pytest.mark.parametrize("theorem", [t for t in CATALOGUE.values() if not t.false], ids=[id for id, t in CATALOGUE.items() if not t.false])


@cache
def _judged(id: str) -> Check:
    return check(CATALOGUE[id], settings=QUICK)


def judged(theorem: Theorem) -> Check:
    """One check a theorem serves all tests of this file (pytest runs a file in one process)."""
    return _judged(theorem.id)


# ---- judged
@each_theorem
def test_every_claim_comes_out_as_declared(theorem: Theorem) -> None:
    """A true claim is refuted nowhere and holds somewhere by an exact source; a false claim is refuted on its witness beyond k = 0."""
    found = judged(theorem)
    for claim in theorem.claims:
        words = {v.word for v in found.verdicts if v.claim == claim.name and v.judged_by is not Source.MONTE_CARLO}
        if isinstance(claim, FalseClaim):
            witnesses = [v.witness for v in found.verdicts if v.claim == claim.name and v.witness is not None]
            assert Word.REFUTED in words
            assert min(witness.iteration for witness in witnesses) >= 1
        else:
            assert Word.REFUTED not in words, str(found)
            assert Word.HOLDS in words, [s for s in found.skipped if s.claim == claim.name]


@each_true
def test_nothing_matching_goes_unjudged_without_a_sentence(theorem: Theorem) -> None:
    """Every pair that was not judged has a reason that a reader understands: a sentence, no traceback and no bare name."""
    for skip in judged(theorem).skipped:
        assert len(skip.reason.split()) >= 4, skip
        assert "Error" not in skip.reason
        assert "object at 0x" not in skip.reason


def tight(theorem: Theorem) -> Iterator[tuple[str, Any, Any]]:
    """Claims with each of their tight instances, where they are judged."""
    for claim in theorem.claims:
        for instance in () if getattr(claim, "on", ()) else tight_instances(claim):
            yield claim.name, claim, instance


@each_true
def test_tight_instances_are_attained(theorem: Theorem) -> None:
    """The ratio at the last judged k is 1: exactly where the instance is rational, else to nine digits; nowhere above."""
    for name, claim, instance in tight(theorem):
        (verdict,) = [v for v in judged(theorem).verdicts if v.claim == name and v.problem == repr(instance)]
        assert verdict.word is Word.HOLDS, str(verdict.witness)
        if verdict.judged_by is Source.RATIONAL and isinstance(verdict.last_ratio, Fraction | int):
            assert verdict.last_ratio == 1, f"{name} on {instance}: {float(verdict.last_ratio)}"
        else:
            assert "rational" in verdict.note or not isinstance(claim.bound, sp.Basic) or verdict.judged_by is Source.RATIONAL, verdict.note
            assert float(verdict.last_ratio) == pytest.approx(1, rel=ROUNDED)


# ---- would we have noticed
@each_theorem
def test_every_mutant_is_refuted_beyond_the_start(theorem: Theorem) -> None:
    """At least one mutant a theorem, one a claim on average, and each refuted at some k >= 1 with a witness that says where."""
    found = mutants(theorem, QUICK)

    assert found
    assert [m.mutant for m in found if not m.refuted] == []
    assert all(m.witness is not None and m.witness.iteration >= 1 and m.problem for m in found)
    assert len({(m.claim, m.mutant) for m in found}) == len(found)


# ---- proved
@each_theorem
def test_every_fact_is_proved(theorem: Theorem) -> None:
    """No fact fails; a claim without facts is listed as not claimed. Where nothing is derived of a step-size condition, the reason is a sentence."""
    found = prove(theorem)

    assert {proof.claim for proof in found} == {claim.name for claim in theorem.claims}
    assert [str(proof) for proof in found if proof.status is Status.FAILED] == []
    declared = sum(len(claim.facts) for claim in theorem.claims)
    assert sum(proof.status is Status.PROVED for proof in found if proof.kind != "DerivedCondition") == declared
    assert all(len(str(proof.residual).split()) >= 5 for proof in found if proof.kind == "DerivedCondition" and proof.status is not Status.PROVED)


# ---- declared in order
def spoken_of(value: Any) -> set[sp.Symbol]:
    """The symbols of a declaration's formulas: bounds, conditions, defaults, algorithms."""
    if isinstance(value, sp.Basic):
        return set(value.free_symbols)
    if isinstance(value, dict):
        return {s for item in value.items() for part in item for s in spoken_of(part)}
    if isinstance(value, Trajectory):
        return symbols_of(value.algorithm)
    return symbols_of(value) if hasattr(value, "__dataclass_fields__") and not isinstance(value, type) else set()


@each_theorem
def test_every_symbol_has_a_meaning(theorem: Theorem) -> None:
    """Whatever a bound, a condition, a default or an algorithm speaks of stands in the table of symbols, or is a series that the bound reads."""
    for claim in theorem.claims:
        stated = claim.asserted if isinstance(claim, FalseClaim) else claim
        read = {s.name for s in getattr(stated, "reads", ())}
        parts = [getattr(stated, name, None) for name in ("bound", "condition", "defaults", "domain", "sweep", "algorithm", "operator")]
        parts += [stated.left, stated.right] if isinstance(stated, Identity) else []
        parts += list(stated.sizes) if isinstance(stated, OperatorConstant) else []
        for s in set().union(*map(spoken_of, parts)):
            assert isinstance(s, Symbol) or s.name in read, f"{theorem.id}: {s} has no meaning"
            if isinstance(s, Symbol):
                assert s.meaning
                assert s.domain
                assert symbols.table().get(s.name, s) == s


@each_theorem
def test_every_theorem_says_what_it_is_and_where_it_is_from(theorem: Theorem) -> None:
    """A title, a source with a year (or folklore, or derived here), an id in lower case that starts with its topic's letters, a part, claims of different names."""
    assert theorem.title
    assert theorem.title[0].isupper()
    assert any(part.strip("();,.").isdigit() for part in theorem.source.split()) or "olklore" in theorem.source or theorem.source == "derived here"
    assert theorem.id == theorem.id.lower()
    assert " " not in theorem.id
    assert part_of(theorem) in PARTS
    for claim in theorem.claims:
        printed = getattr(claim.asserted if isinstance(claim, FalseClaim) else claim, "statement", "")
        formula = getattr(claim.asserted if isinstance(claim, FalseClaim) else claim, "bound", getattr(claim, "condition", None))
        assert printed or isinstance(formula, (sp.Basic, int)), f"{theorem.id}:{claim.name} has nothing to print"


def test_ids_of_a_topic_stand_together() -> None:
    """Sorted by part and topic, each topic's theorems in one row; false ones are called so."""
    topics = [theorem.topic for theorem in CATALOGUE.values()]
    order = [topic for part in PARTS.values() for topic in part]

    assert topics == sorted(topics, key=order.index)
    assert all(theorem.id.startswith("false-") == any(isinstance(c, FalseClaim) for c in theorem.claims) for theorem in CATALOGUE.values())
    others = [other for theorem in CATALOGUE.values() for other in theorem.also]
    assert len(set(others)) == len(others)
    assert not set(others) & set(CATALOGUE)


def test_a_large_topic_may_be_a_folder_of_files() -> None:
    """A theorem made in convlab/theorems/sgd/convex.py is of the topic sgd; one in a user's own file is of that file's."""
    def made_in(module: str) -> Theorem:
        space = {"__name__": module, "Theorem": Theorem, "claims": CATALOGUE["gd-smooth-convex-fgap"].claims}
        exec(compile("theorem = Theorem(id='x', title='x', claims=claims)", module, "exec"), space)
        found = space["theorem"]
        assert isinstance(found, Theorem)
        return found

    assert [made_in(name).topic for name in ("convlab.theorems.sgd.convex", "convlab.theorems.sgd", "notes.mine")] == ["sgd", "sgd", "mine"]


def test_each_part_of_the_lecture_has_theorems() -> None:
    """Four parts, none of them empty; and all six kinds of claim are there."""
    assert {part_of(theorem) for theorem in CATALOGUE.values()} == set(PARTS)
    assert {type(claim).__name__ for theorem in CATALOGUE.values() for claim in theorem.claims} == {
        "RateBound", "StepInequality", "Identity", "OperatorConstant", "StabilityRegion", "FalseClaim"}
