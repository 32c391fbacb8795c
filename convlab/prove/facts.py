"""What each word of a declaration's `facts` means: from a theorem to its proofs."""
from __future__ import annotations

from typing import Any

from convlab.errors import BadInput
from convlab.prove.atoms import Undecided
from convlab.prove.certificates import prove_certificate
from convlab.prove.conditions import condition_proof
from convlab.prove.formulas import formula, refuse_text
from convlab.prove.identities import prove_identity, prove_matrix, prove_second_moment
from convlab.prove.multipliers import prove_multipliers
from convlab.prove.one_step import covered, prove_one_step
from convlab.prove.optimal import prove_optimal
from convlab.prove.patience import patience
from convlab.prove.proof import Finding, Proof, Status
from convlab.prove.reading import Unreadable
from convlab.prove.recursions import prove_recursion, prove_reduction
from convlab.prove.stability import prove_region
from convlab.prove.stationary import prove_stationary
from convlab.prove.telescoping import prove_telescope
from convlab.symbols import Role, Symbol
from convlab.theorem import (
    Certificate,
    IterationMatrix,
    Multipliers,
    OneStep,
    OptimalOnQuadratics,
    Recursion,
    Reduces,
    SecondMoment,
    StableOnQuadratics,
    StationaryVariance,
    SymbolicIdentity,
    Telescope,
    Theorem,
)


def prove(theorem: Theorem) -> tuple[Proof, ...]:
    """One proof for each fact of each claim, in order, then its step-size condition beside the one derived from the code; else one `not claimed`."""
    return tuple(proof for claim in theorem.claims for proof in _proofs(theorem, claim))


def _proofs(theorem: Theorem, claim: Any) -> list[Proof]:
    derived = condition_proof(theorem.id, claim)
    found = [*(proof_of(theorem, claim, fact) for fact in claim.facts), *([derived] if derived is not None else [])]
    return found or [Proof(theorem.id, claim.name, "", "", Status.NOT_CLAIMED)]


def proof_of(theorem: Theorem, claim: Any, fact: Any) -> Proof:
    """The proof of one fact of a claim, or what is left of it. Raises BadInput for a fact that is no fact, or holds text."""
    refuse_text(f"theorem {theorem.id!r}, claim {claim.name!r}", fact)
    try:
        with patience():
            found = _finding(fact, claim)
    except (Undecided, Unreadable) as reason:
        found = Finding(f"undecided: {reason}")
    status = Status.PROVED if found.residual is None else Status.FAILED
    return Proof(theorem.id, claim.name, fact.name, type(fact).__name__, status, found.residual, found.steps, found.formulas)


def _finding(fact: Any, claim: Any) -> Finding:
    if isinstance(fact, SymbolicIdentity):
        return prove_identity(fact, claim)
    if isinstance(fact, Recursion):
        return prove_recursion(fact, claim)
    if isinstance(fact, Reduces):
        return prove_reduction(fact, claim)
    algorithm, sizes = algorithm_of(claim), _sizes(claim)
    if isinstance(fact, IterationMatrix):
        return prove_matrix(fact, algorithm, sizes)
    if isinstance(fact, SecondMoment):
        return prove_second_moment(fact, algorithm, sizes)
    if isinstance(fact, StableOnQuadratics):
        return prove_region(fact, claim, algorithm)
    if isinstance(fact, OptimalOnQuadratics):
        return prove_optimal(fact, algorithm)
    if isinstance(fact, StationaryVariance):
        return prove_stationary(fact, algorithm)
    if isinstance(fact, OneStep):
        return _with_cover(prove_one_step(fact, claim, algorithm), claim)
    if isinstance(fact, Certificate):
        return prove_certificate(fact, claim, algorithm)
    if isinstance(fact, Telescope):
        return prove_telescope(fact, claim, algorithm)
    if isinstance(fact, Multipliers):
        return prove_multipliers(fact, claim, algorithm)
    raise BadInput(f"claim {claim.name!r}: {type(fact).__name__} is no word that the prover knows.")


def _with_cover(found: Finding, claim: Any) -> Finding:
    """Says whether the claim's certificates reach everywhere; a certificate may well speak of a part."""
    if found.residual is not None:
        return found
    whole = covered(tuple(f for f in claim.facts if isinstance(f, OneStep)), claim)
    said = "the cases of the claim's certificates cover its whole condition" if whole else "the claim's certificates cover a part of its condition"
    return Finding(None, (*found.steps, said), found.formulas)


def algorithm_of(claim: Any) -> Any:
    """The algorithm that a claim runs. Raises Unreadable for a claim that runs none."""
    for source in (claim, getattr(claim, "asserted", None), getattr(claim, "left", None)):
        algorithm = getattr(source, "algorithm", None)
        if algorithm is not None:
            return algorithm
    raise Unreadable("the claim runs no algorithm")


def _sizes(claim: Any) -> dict[Any, Any]:
    """Integers for the sizes that shape loops and arrays: the claim's defaults, else 2."""
    found = {s: formula(value) for s, value in dict(getattr(claim, "defaults", {})).items() if isinstance(s, Symbol) and s.role is Role.SIZE}
    return {s: int(value) for s, value in found.items() if value.is_Integer}
