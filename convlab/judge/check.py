"""`check`: a theorem, its claims, every way to judge them. A straight line from declaration to verdicts."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar

from convlab.catalogue import theorem as of_id
from convlab.errors import BadInput, Noted
from convlab.judge.doubts import doubted
from convlab.judge.evalues import discoveries
from convlab.judge.fits import fitted, order_for_fits
from convlab.judge.rate import judge_rate
from convlab.judge.replaced import in_its_place, set_values
from convlab.judge.sampled import NEGATIVE
from convlab.judge.verdict import Check, Skipped, Verdict, Word
from convlab.problem import Family, installed_families
from convlab.run.cases import NotApplicable
from convlab.run.frozen import writing_refused
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim, Identity, OperatorConstant, RateBound, Relation, StabilityRegion, StepInequality, Theorem

Item = TypeVar("Item")


def check(theorem: Theorem | str, *, settings: Settings | None = None, families: Mapping[str, Family] | None = None, algorithm: Any = None,
          claim: str | None = None, parameters: Mapping[Any, Any] | None = None) -> Check:
    """Judges every claim of a theorem (or the named one) on every matching problem.

    `families` are the problems to look in (default: those of all installed packages). `algorithm` puts another update rule in the theorem's place, and
    `parameters` says what the theorem's tunables are: {gamma: 0.1, beta: 0.9}, or {gamma: 1/(4*L)}; of an algorithm whose fields hold the symbols
    nothing need be said, it is judged over the whole condition. Where parameters leave the condition, where a metric reads what the algorithm's state does
    not have or the algorithm asks for what a problem does not offer, nothing is judged, and `skipped` says why.
    Raises BadInput for `settings.parameters` outside the condition and for what else a user can put right.
    """
    theorem = of_id(theorem) if isinstance(theorem, str) else theorem
    if algorithm is not None and not is_dataclass(algorithm):
        raise BadInput(f"algorithm={type(algorithm).__name__}: it is no dataclass, so its fields are not known; write @dataclass(frozen=True) above "
                       "the class and declare them.")
    at = set_values(parameters)
    settings = replace(settings or Settings(), at=at, replaced=algorithm is not None)
    families = installed_families() if families is None else families
    asked, unasked = _in_place(theorem, claim, algorithm, at)
    found = [item for declared in asked for item in _with_orders(declared, settings.seed, [
        doubted(item, declared, families, settings) if isinstance(item, Verdict) else item
        for item in _noting(f"theorem {theorem.id}, claim {declared.name}", judge_claim(theorem.id, declared, families, settings))])]
    return decided(Check(tuple(v for v in found if isinstance(v, Verdict)), tuple(unasked) + tuple(s for s in found if isinstance(s, Skipped))))


def refuse_negative(result: Check) -> Check:
    """The result; raises BadInput for a claim of which nothing could be judged, its metric being negative where only samples could have judged it."""
    judged = {verdict.claim for verdict in result.verdicts}
    for skip in result.skipped:
        if skip.claim not in judged and skip.reason.startswith(f"not sampled: {NEGATIVE}"):
            raise BadInput(f"theorem {skip.theorem}, claim {skip.claim} on problem {skip.problem}: {skip.reason.removeprefix('not sampled: ')}, "
                           "and no exact source judges it.")
    return result


def _in_place(theorem: Theorem, name: str | None, algorithm: Any, at: Mapping[Any, Any]) -> tuple[list[Any], list[Skipped]]:
    """The claims asked for, on the algorithm and at the parameters given; and those of which that makes no sense."""
    asked, unasked = [], []
    for declared in theorem.claims:
        if name is None or declared.name == name:
            try:
                asked.append(in_its_place(declared, algorithm, at))
            except NotApplicable as reason:
                unasked.append(Skipped(theorem.id, declared.name, "", str(reason)))
    return asked, unasked


def _with_orders(declared: Any, seed: int, found: list[Verdict | Skipped]) -> list[Verdict | Skipped]:
    """The verdicts with the order of their curves, claimed and measured."""
    order = order_for_fits(declared) if any(isinstance(item, Verdict) and item.curve is not None for item in found) else None
    return [fitted(item, order, seed) if isinstance(item, Verdict) else item for item in found]


def _noting(where: str, items: Iterator[Item]) -> Iterator[Item]:
    with Noted(where):
        yield from items


def decided(result: Check) -> Check:
    """Of several claims, what samples refute: where an e-value passes 1/alpha, as it must of one claim, and e-BH over all their pairs of claim and problem rejects.

    What one claim alone would not be refuted on, others beside it do not change.
    """
    sampled = [v for v in result.verdicts if v.e_value_log10 is not None]
    if len({(v.theorem, v.claim) for v in sampled}) < 2:
        return result
    rejected = {id(v) for v, found in zip(sampled, discoveries([math.log(10) * (v.e_value_log10 or 0) for v in sampled]), strict=True) if found}
    return replace(result, verdicts=tuple(v if v.e_value_log10 is None or id(v) in rejected else _spared(v) for v in result.verdicts))


def _spared(verdict: Verdict) -> Verdict:
    return replace(verdict, word=Word.INCONCLUSIVE, witness=None) if verdict.word is Word.REFUTED else verdict


def judge_claim(title: str, claim: Any, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One claim by the judge of its kind. Raises BadInput, naming it, for a function that writes into the state it is given."""
    with writing_refused():
        yield from _judged(title, claim, families, settings)


def _judged(title: str, claim: Any, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    from convlab.judge import false, growth, identity, operator, stability, step

    if isinstance(claim, RateBound) and claim.relation is Relation.ORDER:
        return growth.judge_order(title, claim, families, settings)
    if isinstance(claim, RateBound):
        return judge_rate(title, claim, families, settings)
    if isinstance(claim, StepInequality):
        return step.judge_step(title, claim, families, settings)
    if isinstance(claim, Identity):
        return identity.judge_identity(title, claim, families, settings)
    if isinstance(claim, OperatorConstant):
        return operator.judge_operator(title, claim, settings)
    if isinstance(claim, StabilityRegion):
        return stability.judge_stability(title, claim, families, settings)
    assert isinstance(claim, FalseClaim)
    return false.judge_false(title, claim, families, settings)
