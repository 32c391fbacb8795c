"""Certificates of a one-step inequality: the bound minus |x+ - x*|^2, x+ from the code, is a nonnegative combination of nonnegative brackets.

Why scalars suffice: every monomial that is checked is u^2, u v or v^2 times something free of u and v. Read as |u|^2, <u, v> and |v|^2 the identity between
scalars is the identity between vectors of any dimension, for both are the equality of the same three coefficients.
A bracket is nonnegative for vectors exactly when it is for scalars with mu <= v/u <= L, by the S-lemma: two forms in two letters, one constraint.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.assumptions import Convex, LipschitzOperator, PolyakLojasiewicz, Smooth, SmoothSamples, StronglyConvex, StronglyMonotone
from convlab.constants import Array
from convlab.draws import Draws, Noise
from convlab.prove.formulas import formula
from convlab.prove.identities import difference
from convlab.prove.proof import Finding, point_text
from convlab.prove.reading import Unreadable, expectation, first_state, outcomes, symbolic
from convlab.prove.reals import Undecided, counterexample, satisfiable
from convlab.prove.resolving import certain, resolved
from convlab.theorem import OneStep, When, u, v


@dataclass(frozen=True)
class FormalGradient:
    """An unknown function of which one gradient is named: v at the point u. Asked elsewhere it refuses; its noise has mean 0 and variance sigma^2."""

    asked: list[Any] = field(default_factory=list)

    def gradient(self, x: Array) -> Array:
        """v."""
        if sp.expand(x.reshape(-1)[0] - u) != 0:
            raise Unreadable(f"the certificate names the gradient at u, and the step asks for one at {x.reshape(-1)[0]}")
        return np.array([[v]], dtype=object)

    def gradient_draws(self) -> Draws:
        """Noise by its moments."""
        return Draws(noise=Noise(np.array([[symbols.sigma**2]], dtype=object)))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """v + noise."""
        return self.gradient(x) + draw.noise


def prove_one_step(fact: OneStep, claim: Any, algorithm: Any) -> Finding:
    """Each case: the identity, the signs of its multipliers on its condition, the signs of its brackets under the assumptions."""
    bound, oracle = symbolic(algorithm, {}), FormalGradient()
    reached = expectation(outcomes(bound, oracle, first_state(bound, oracle, u)), lambda state: sum(x**2 for x in state[0].reshape(-1)))
    shown: list[tuple[str, Any]] = [("bound", fact.bound), ("reached by the code", sp.factor(reached))]
    steps: list[str] = []
    for case in fact.cases:
        shown += [("case", case.condition), *(("multiplier and bracket", sp.Tuple(m, b)) for m, b in case.terms)]
        residual = _case_residual(fact.bound, reached, case, claim, steps)
        if residual is not None:
            return Finding(f"where {case.condition}: {residual}", tuple(steps), tuple(shown))
    return Finding(None, tuple(steps), tuple(shown))


def _case_residual(bound: Any, reached: Any, case: When, claim: Any, steps: list[str]) -> str | None:
    condition = sp.And(case.condition, getattr(claim, "condition", sp.true), ordered(claim))
    if satisfiable(condition) is None:
        return "no point of the claim's condition lies in this case"
    strange = next((found for m, _ in case.terms for found in [_strange(m, condition)] if found), None)
    if strange is not None:
        return strange
    combination = sum(m * b for m, b in case.terms)
    left, form = difference(resolved(bound, condition) - reached, resolved(combination, condition))
    if left != 0:
        return f"bound - reached - combination = {left}"
    steps.append(f"bound - |x+ - x*|^2 - combination vanishes ({form}) where {case.condition}")
    for expression in (resolved(bound, condition), reached, *(b for _, b in case.terms)):
        if not _is_inner_products(expression):
            return f"{expression} is no combination of inner products of u and v"
    return next((found for m, b in case.terms for found in (_multiplier_residual(m, condition), _bracket_residual(b, condition, claim, steps)) if found), None)


def _is_inner_products(expression: Any) -> bool:
    """Whether every monomial has degree 2 or 0 in u and v."""
    expanded = sp.expand(expression)
    return bool(expanded.is_polynomial(u, v)) and all(sum(powers) in (0, 2) for powers, _ in sp.Poly(expanded, u, v).terms())


def _strange(multiplier: Any, condition: Any) -> str | None:
    """What is wrong with a multiplier that speaks of unknown symbols."""
    multiplier = formula(multiplier)
    strangers = sorted(map(str, multiplier.free_symbols - {u, v} - condition.free_symbols - set(symbols.table().values())))
    return f"the multiplier {multiplier} contains {strangers[0]}, of which neither the claim nor the table of symbols speaks" if strangers else None


def _multiplier_residual(multiplier: Any, condition: Any) -> str | None:
    multiplier = formula(multiplier)
    if multiplier.free_symbols & {u, v}:
        return f"the multiplier {multiplier} contains u or v"
    point = counterexample(condition, multiplier >= 0)
    return None if point is None else f"the multiplier {multiplier} is negative at {point_text(point)}"


def _bracket_residual(bracket: Any, condition: Any, claim: Any, steps: list[str]) -> str | None:
    """Nonnegative for every slope v/u that the assumptions allow; what cannot be told is not taken for granted."""
    slope = sp.Symbol("slope", real=True)
    allowed = _slopes(claim, slope)
    if allowed is None or any(sum(powers) == 0 for powers, _ in sp.Poly(sp.expand(bracket), u, v).terms()):
        return f"the bracket {bracket} is not known to be nonnegative under the claim's assumptions: it is no form in u and v, or nothing is assumed of the gradient"
    scalar = sp.expand(sp.expand(bracket).subs({u: 1, v: slope}, simultaneous=True))
    point = counterexample(sp.And(condition, allowed), scalar >= 0)
    if point is not None:
        return f"the bracket {bracket} is negative at u = 1, v = slope, {point_text(point)}"
    steps.append(f"nonnegative under the assumptions: {bracket}")
    return None


def _slopes(claim: Any, slope: Any) -> Any:
    """All that the assumptions say of v/u for one point and the minimiser, None where they say nothing of the gradient."""
    held = tuple(getattr(claim, "assumptions", ()))
    convex, smooth, strong = (any(issubclass(a, kind) for a in held) for kind in (Convex, Smooth, StronglyConvex))
    if not (convex or smooth or strong):
        return None
    low = symbols.mu if strong else sp.Integer(0) if convex else -symbols.L
    return sp.And(slope >= low, slope <= symbols.L) if smooth else slope >= low


def ordered(claim: Any) -> Any:
    """How the constants of the claim's assumptions are ordered: mu <= L (of a function that is not constant, where f obeys a PL inequality)."""
    held = set(getattr(claim, "assumptions", ()))
    both = any(pair <= held for pair in ({Smooth, StronglyConvex}, {Smooth, PolyakLojasiewicz}, {LipschitzOperator, StronglyMonotone}))
    return symbols.mu <= symbols.L if both else symbols.mu <= symbols.L_max if {SmoothSamples, StronglyConvex} <= held else sp.true


def covered(facts: tuple[OneStep, ...], claim: Any) -> bool:
    """Whether the cases of all these certificates together cover the claim's condition."""
    condition = sp.And(getattr(claim, "condition", sp.true), ordered(claim))
    try:
        return certain(condition, sp.Or(*(case.condition for fact in facts for case in fact.cases)))
    except Undecided:
        return False
