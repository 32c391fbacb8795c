"""The step-size condition that a claim declares, beside the region in which its own code contracts the quadratics of its class: the same set, inside, or wrong.

Nothing is declared for this: the step is run on symbols. A condition is called wrong only where a run in rationals shows it: a point that the condition
allows, a quadratic of the class, and an iterate at which the metric exceeds the bound.
"""
from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.prove.atoms import Undecided
from convlab.prove.contradiction import contradiction
from convlab.prove.formulas import formula
from convlab.prove.models import Model, model_of
from convlab.prove.patience import patience
from convlab.prove.proof import Finding, Proof, Status, point_text
from convlab.prove.reading import ScalarQuadratic, Unreadable, linear_maps, mean_matrix, second_moment_matrix, symbolic
from convlab.prove.reals import counterexample
from convlab.prove.stability import reduced_condition
from convlab.prove.thresholds import compared_by_size
from convlab.run.bind import scheduled_fields, symbols_of
from convlab.run.points import domain_of
from convlab.symbols import Role, Symbol
from convlab.theorem import Law, RateBound, Relation, Sense, StabilityRegion

FACT = "declared condition, beside the region derived from the code"
KIND = "DerivedCondition"


@dataclass(frozen=True)
class Derived:
    """What the code gives: the matrix of one step, what is > 0 exactly where it contracts, and that at the extreme members of the class."""

    matrix: Any
    positive: tuple[Any, ...]
    at_extremes: tuple[Any, ...] | None          # None where the extreme members do not decide the others


def condition_proof(theorem: str, claim: Any) -> Proof | None:
    """The proof item of one claim; None for claims that state no step-size condition of a run."""
    if not isinstance(claim, (RateBound, StabilityRegion)) or getattr(claim, "coupled", None) is not None:
        return None
    try:
        with patience():
            found = _compared(claim)
    except (Unreadable, Undecided) as reason:
        return Proof(theorem, claim.name, FACT, KIND, Status.NOT_CLAIMED, f"not derived: {reason}")
    if isinstance(found, str):
        return Proof(theorem, claim.name, FACT, KIND, Status.NOT_CLAIMED, found)
    status = Status.PROVED if found.residual is None else Status.FAILED
    return Proof(theorem, claim.name, FACT, KIND, status, found.residual, found.steps, found.formulas)


def _compared(claim: Any) -> Finding | str:
    """A finding, or the sentence that says why nothing is to be compared. Raises Unreadable and Undecided."""
    if isinstance(claim, RateBound) and claim.relation is not Relation.AT_MOST:
        return "not compared: an equality or lower bound speaks of every step, also of those that do not contract"
    model = model_of(claim.assumptions)
    refuse_schedules(claim.algorithm)
    size = [s for s in symbols_of(claim.algorithm) if isinstance(s, Symbol) and s.role is Role.SIZE]
    if len(size) == 1 and isinstance(claim, StabilityRegion) and claim.domain.free_symbols <= set(size) and claim.sense is Sense.SURELY:
        return compared_by_size(claim, size[0])
    squares = symbols.kappa, symbols.L / symbols.mu
    condition, domain = (formula(part).subs(*squares) for part in (claim.condition, getattr(claim, "domain", sp.true)))
    matrix = step_matrix_on(model, claim.algorithm, sense_of(claim)).subs(*squares)
    _refuse_strangers(condition, domain, matrix, model)
    roots, condition, domain, matrix, model = without_roots(condition, domain, matrix, model)
    given = domain if isinstance(claim, StabilityRegion) else sp.And(dimensionless(condition), dimensionless(natural(condition, matrix)))
    contracts = reduced_condition(matrix, given)
    positive = (sp.Integer(-1),) if contracts == sp.false else tuple(r.gts - r.lts for r in sp.And.make_args(contracts) if r != sp.true)
    shown = (("matrix of one step, from the code", matrix.subs(roots)), ("it contracts where", contracts.subs(roots)),
             ("declared", formula(claim.condition)))
    return _verdict(claim, model, Derived(matrix, positive, _extremes(model, positive, given)), condition, domain, shown, roots)


def refuse_schedules(algorithm: Any) -> None:
    """Raises Unreadable for a step that changes with k, for which one matrix says nothing."""
    names = scheduled_fields(algorithm)
    if names:
        raise Unreadable(f"{names[0]} changes with k, and one matrix does not decide the product of many")


def sense_of(claim: Any) -> Sense:
    """In mean square for expectations, of the state otherwise."""
    return claim.sense if isinstance(claim, StabilityRegion) else Sense.MEAN_SQUARE if claim.law is Law.EXPECTATION else Sense.SURELY


def step_matrix_on(model: Model, algorithm: Any, sense: Sense) -> Any:
    """The matrix whose spectral radius decides. Raises Unreadable for a step that is random and spoken of surely, or not linear."""
    if sense is Sense.SURELY and hasattr(algorithm, "draws"):
        raise Unreadable("the step draws, and the claim speaks of every run")
    sizes = sorted(s.name for s in symbols_of(algorithm) if isinstance(s, Symbol) and s.role is Role.SIZE)
    if sizes:
        raise Unreadable(f"the number of states depends on {sizes[0]}")
    _, maps = linear_maps(symbolic(algorithm, {}), model.oracle)
    _refuse_components(algorithm, model, maps)
    return second_moment_matrix(maps) if sense is Sense.MEAN_SQUARE else mean_matrix(maps)


def _refuse_components(algorithm: Any, model: Model, maps: Any) -> None:
    """Raises Unreadable where two components are not as good as three: then the matrix speaks of n = 2 alone."""
    if not isinstance(model.oracle, ScalarQuadratic) or not hasattr(algorithm, "draws"):
        return
    _, of_three = linear_maps(symbolic(algorithm, {}), replace(model.oracle, n=3))
    if of_three[0][1].shape != maps[0][1].shape or mean_matrix(of_three) != mean_matrix(maps):
        raise Unreadable("the map of one step depends on the number of components")


def _refuse_strangers(condition: Any, domain: Any, matrix: Any, model: Model) -> None:
    """Raises Unreadable where condition or step speak of what the quadratics do not have (a dimension, a number of workers)."""
    known = model.constants | set(model.spectrum)
    for s in sorted(condition.free_symbols | domain.free_symbols | matrix.free_symbols, key=str):
        if s not in known and isinstance(s, Symbol) and s.role is not Role.TUNABLE:
            raise Unreadable(f"it depends on {s}, which {model.name} does not have")


def without_roots(condition: Any, domain: Any, matrix: Any, model: Model) -> tuple[dict[Any, Any], Any, Any, Any, Model]:
    """All in the roots of those positive constants of which roots are taken; first the way back."""
    parts = (condition, domain, sp.ImmutableMatrix(matrix))
    rooted = {p.base for part in parts for p in part.atoms(sp.Pow) if p.base.is_Symbol and p.base.is_positive and p.exp.is_Rational and p.exp.q == 2}
    roots = {s: sp.Symbol(f"root_{s}", positive=True) for s in sorted(rooted - set(model.spectrum), key=str)}
    if not roots:
        return {}, condition, domain, matrix, model
    squares = {s: root**2 for s, root in roots.items()}
    inside = model.inside.subs(squares)
    extremes = tuple({s: formula(value).subs(squares) for s, value in one.items()} for one in model.extremes)
    changed = Model(model.oracle, model.spectrum, inside, extremes, model.constants, model.name)
    return {root: sp.sqrt(s) for s, root in roots.items()}, condition.subs(squares), domain.subs(squares), matrix.subs(squares).applyfunc(sp.cancel), changed


def _extremes(model: Model, positive: tuple[Any, ...], given: Any) -> tuple[Any, ...] | None:
    """The expressions at the extreme members, if those decide all members."""
    if model.extremes == ({},):
        return positive if len(model.inside.free_symbols) == 0 or model.inside == sp.true else None
    at = tuple(sp.factor(p.subs(one)) for one in model.extremes for p in positive)
    held = sp.And(given, model.inside, *(p > 0 for p in at))
    try:
        return at if all(counterexample(held, p > 0) is None for p in positive) else None
    except Undecided:
        return None


def _verdict(claim: Any, model: Model, derived: Derived, condition: Any, domain: Any, shown: tuple[Any, ...], roots: Mapping[Any, Any]) -> Finding | str:
    contracts, closed = (sp.And(*(p > 0 for p in derived.positive)), sp.And(*(p >= 0 for p in derived.positive)))
    meant = domain if isinstance(claim, StabilityRegion) else natural(condition, derived.matrix)
    allowed = sp.And(condition, meant, model.inside)
    outside = counterexample(allowed, closed)
    point = outside if outside is not None else counterexample(allowed, contracts)
    if point is None:
        return _beside(claim, model, derived, condition, meant, shown, roots)
    if isinstance(claim, StabilityRegion):
        return Finding(f"the condition is wrong: at {_told(point, roots)} it is declared stable, and the step does not contract {model.name}", (), shown)
    for tried in map(model.rational, (point, *(_farthest(allowed, closed, derived.matrix) if outside is not None else ()))):
        told = contradiction(claim, model, _squared(tried, roots))
        if told is not None:
            return Finding(f"the condition is wrong: at {_told(tried, roots)} the step does not contract {model.name}, and {told}", (), shown)
    if outside is None:
        step = f"the condition reaches to the edge of the region and not beyond; at the edge ({_told(point, roots)}) no run exceeded the bound"
        return Finding(None, (step,), shown)
    return f"not compared: the condition allows points where the step does not contract ({_told(point, roots)}), and no run there exceeded the bound"


DRAWN, TRIED = 4000, 3           # samples of the condition, and those with the largest spectral radius that are run


def _farthest(allowed: Any, closed: Any, matrix: Any) -> list[dict[Any, Any]]:
    """Rational points that the condition allows, of the largest spectral radius among seeded samples: a run grows fast there."""
    chosen = sorted(allowed.free_symbols | matrix.free_symbols, key=str)
    inside = sp.lambdify(chosen, sp.And(allowed, sp.Not(closed)), "math")
    entries = sp.lambdify(chosen, matrix.tolist(), "math")
    rng, found = random.Random(11), []
    for _ in range(DRAWN):
        point = [sp.Rational(round(64 * 10 ** rng.uniform(-1, 1)), 64) for _ in chosen]
        if inside(*map(float, point)):
            found.append((max(abs(np.linalg.eigvals(np.array(entries(*map(float, point)), dtype=float)))), point))
    best = sorted(found, key=lambda item: -item[0])[:TRIED]
    return [dict(zip(chosen, point, strict=True)) for _, point in best]


def natural(condition: Any, matrix: Any) -> Any:
    """Where the tunables live by their own declaration, which closes what a condition leaves open."""
    tunables = sorted((s for s in condition.free_symbols | matrix.free_symbols if isinstance(s, Symbol) and s.role is Role.TUNABLE), key=str)
    said = []
    for s in tunables:
        where = domain_of(s)
        low, high = (None if abs(end) == math.inf else sp.nsimplify(end) for end in (where.low, where.high))
        said += [] if low is None else [s >= low if where.low_closed else s > low]
        said += [] if high is None else [s <= high if where.high_closed else s < high]
    return sp.And(*said)


def _beside(claim: Any, model: Model, derived: Derived, condition: Any, meant: Any, shown: Any, roots: Mapping[Any, Any]) -> Finding:
    if derived.at_extremes is None:
        step = "sufficient: inside the condition the step contracts every quadratic of the class; the exact region is not decided by its extreme members"
        return Finding(None, (step,), shown)
    exact = sp.And(*(p > 0 for p in derived.at_extremes))
    shown = (*shown, ("on the extreme members", sp.And(*(sp.factor(p.subs(roots)) > 0 for p in derived.at_extremes))))
    meant = meant if isinstance(claim, StabilityRegion) else sp.And(meant, dimensionless(condition))
    beyond = counterexample(sp.And(meant, model.met, exact), condition)
    if beyond is None:
        own = not (condition.free_symbols - model.constants)
        told = "with its own parameters the step contracts every quadratic of the class" if own else (
            "the declared condition is exactly where the step contracts every quadratic of the class")
        return Finding(None, (told,), shown)
    if isinstance(claim, StabilityRegion):
        return Finding(f"the condition is sufficient, not necessary: at {_told(beyond, roots)} the step contracts outside it", (), shown)
    step = f"sufficient only: at {_told(beyond, roots)} the step contracts every quadratic of the class outside the condition"
    return Finding(None, (step,), shown)


def dimensionless(condition: Any) -> Any:
    """What a condition says of dimensionless symbols alone: where they live (a step size is what is under test)."""
    parts = condition.args if isinstance(condition, sp.And) else (condition,)
    return sp.And(*(part for part in parts if all(isinstance(s, Symbol) and s.unit == "1" for s in part.free_symbols)))


def _squared(point: Mapping[Any, Any], roots: Mapping[Any, Any]) -> dict[Any, Any]:
    """The point in the constants themselves."""
    return {(roots[s].base if s in roots else s): (value**2 if s in roots else value) for s, value in point.items()}


def _told(point: Mapping[Any, Any], roots: Mapping[Any, Any]) -> str:
    return point_text(_squared(point, roots))
