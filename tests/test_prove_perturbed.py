"""Every certificate of the catalogue, with one coefficient, multiplier, sign or endpoint changed, fails: no proof is claimed wrongly."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from convlab.catalogue import theorems
from convlab.inequalities import Known
from convlab.prove import Status
from convlab.prove.facts import proof_of
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
)

SLIGHTLY, LITTLE = sp.Rational(1001, 1000), sp.Rational(1, 1000)


def identities(fact: SymbolicIdentity) -> Iterator[Any]:
    """Something added, a factor, a sign."""
    yield replace(fact, left=fact.left + LITTLE)
    if sp.expand(fact.right) != 0:
        yield replace(fact, right=SLIGHTLY * fact.right)
        yield replace(fact, left=-fact.left)


def matrices(fact: IterationMatrix) -> Iterator[Any]:
    """Each entry."""
    for i in range(len(fact.matrix)):
        changed = sp.Matrix(fact.matrix)
        changed[i] = changed[i] + LITTLE
        yield replace(fact, matrix=changed)


def regions(fact: StableOnQuadratics) -> Iterator[Any]:
    """Each endpoint, inwards and outwards."""
    parts = sorted(fact.region.args if isinstance(fact.region, sp.And) else [fact.region], key=str)
    for i, part in enumerate(parts):
        for shift in (LITTLE, -LITTLE):
            yield replace(fact, region=sp.And(*parts[:i], part.func(part.lhs + shift, part.rhs), *parts[i + 1:]))


def one_steps(fact: OneStep) -> Iterator[Any]:
    """The bound; each multiplier, its sign, the sign of its bracket."""
    yield replace(fact, bound=fact.bound / SLIGHTLY)
    for i, case in enumerate(fact.cases):
        for j, (multiplier, bracket) in enumerate(case.terms):
            for term in ((SLIGHTLY * multiplier, bracket), (-multiplier, bracket), (multiplier, -bracket), (multiplier, SLIGHTLY * bracket), (-multiplier, -bracket)):
                changed = replace(case, terms=(*case.terms[:j], term, *case.terms[j + 1:]))
                yield replace(fact, cases=(*fact.cases[:i], changed, *fact.cases[i + 1:]))


def multipliers(fact: Multipliers) -> Iterator[Any]:
    """At a few horizons: the constant, each multiplier, each sign."""
    few = replace(fact, horizons=fact.horizons[:3])
    yield replace(few, constant=lambda n: Fraction(999, 1000) * fact.constant(n))
    for horizon in few.horizons[:2]:
        for pair in fact.multipliers(horizon):
            for factor in (Fraction(1001, 1000), Fraction(-1)):
                yield replace(few, horizons=(horizon,), multipliers=lambda n, pair=pair, factor=factor: {
                    **fact.multipliers(n), pair: factor * fact.multipliers(n)[pair]})


def optima(fact: OptimalOnQuadratics) -> Iterator[Any]:
    """The rate, up and down, its sign, and each parameter."""
    for factor in (SLIGHTLY, 1 / SLIGHTLY, -1):
        yield replace(fact, rate=factor * fact.rate)
    for s, value in fact.parameters.items():
        yield replace(fact, parameters={**fact.parameters, s: SLIGHTLY * value})


def recursions(fact: Recursion) -> Iterator[Any]:
    """The step and the start."""
    yield replace(fact, step=SLIGHTLY * fact.step)
    yield replace(fact, step=-fact.step)
    yield replace(fact, start=SLIGHTLY * fact.start)


def reductions(fact: Reduces) -> Iterator[Any]:
    """The power, and the place."""
    yield replace(fact, power=fact.power + 1)
    yield replace(fact, at={s: value + LITTLE for s, value in fact.at.items()})


def weighted(terms: tuple[Any, ...]) -> Iterator[Any]:
    """Each weight of a known inequality, its sign, and the order of its points where that matters."""
    for i, (weight, known) in enumerate(terms):
        swapped = [] if known.j is None or known.known in SYMMETRIC else [(weight, replace(known, i=known.j, j=known.i))]
        for changed in ((SLIGHTLY * weight, known), (-weight, known), *swapped):
            yield (*terms[:i], changed, *terms[i + 1:])


def squared(squares: tuple[Any, ...]) -> Iterator[Any]:
    """Each coefficient, its sign, and what is squared."""
    for i, (weight, vector) in enumerate(squares):
        for changed in ((SLIGHTLY * weight, vector), (-weight, vector), (weight, SLIGHTLY * vector)):
            yield (*squares[:i], changed, *squares[i + 1:])


def certificates(fact: Certificate) -> Iterator[Any]:
    """A better right side, each multiplier, each square, and everywhere that the certificate does not speak of."""
    yield replace(fact, right=fact.right - LITTLE * fact.right)
    yield from (replace(fact, terms=terms) for terms in weighted(fact.terms))
    yield from (replace(fact, squares=squares) for squares in squared(fact.squares))
    if fact.case != sp.true:
        yield replace(fact, case=sp.Not(fact.case))


def telescopes(fact: Telescope) -> Iterator[Any]:
    """Every weight, the potential, the sum; the certificates of the step and of the end."""
    for name in ("weight", "after", "last", "total", "potential", "measured"):
        if getattr(fact, name) != 0:
            yield replace(fact, **{name: SLIGHTLY * getattr(fact, name)})
            yield replace(fact, **{name: -sp.sympify(getattr(fact, name))})
    yield replace(fact, total=fact.total + LITTLE)
    yield from (replace(fact, terms=terms) for terms in weighted(fact.terms))
    yield from (replace(fact, squares=squares) for squares in squared(fact.squares))
    yield from (replace(fact, end=terms) for terms in weighted(fact.end))
    yield from (replace(fact, end_squares=squares) for squares in squared(fact.end_squares))


SYMMETRIC = {Known.COCOERCIVITY, Known.MONOTONICITY, Known.LIPSCHITZ}
PERTURBED = {
    Certificate: certificates, Telescope: telescopes,
    SymbolicIdentity: identities, IterationMatrix: matrices, StableOnQuadratics: regions, OneStep: one_steps, Multipliers: multipliers, OptimalOnQuadratics: optima,
    Recursion: recursions, Reduces: reductions,
    SecondMoment: lambda fact: iter([replace(fact, expected=SLIGHTLY * fact.expected), replace(fact, expected=-fact.expected)]),
    StationaryVariance: lambda fact: iter([replace(fact, expected=SLIGHTLY * fact.expected), replace(fact, expected=-fact.expected)]),
}
FACTS = [(theorem, claim, fact) for theorem in theorems().values() for claim in theorem.claims for fact in claim.facts]


@pytest.mark.parametrize(("theorem", "claim", "fact"), FACTS, ids=[f"{t.id}:{c.name}:{f.name}"[:90] for t, c, f in FACTS])
def test_a_changed_certificate_fails(theorem: Any, claim: Any, fact: Any) -> None:
    """All perturbations are caught, each with what is left of it."""
    changed = list(PERTURBED[type(fact)](fact))

    assert changed
    for one in changed:
        found = proof_of(theorem, claim, one)
        assert found.status is Status.FAILED, one
        assert found.residual
