"""Bounds between bounds: a closed form that solves its recursion, by induction, and a bound that becomes another theorem's at the end of a parameter's range."""
from __future__ import annotations

from typing import Any

import sympy as sp

from convlab import symbols
from convlab.catalogue import theorems
from convlab.prove.certificates import shifted
from convlab.prove.formulas import formula
from convlab.prove.identities import difference
from convlab.prove.one_step import ordered
from convlab.prove.proof import Finding, point_text
from convlab.prove.reading import Unreadable
from convlab.prove.reals import counterexample
from convlab.prove.resolving import resolved
from convlab.theorem import Certificate, OneStep, Recursion, Reduces, SecondMoment, previous, u

k = symbols.k


def prove_recursion(fact: Recursion, claim: Any) -> Finding:
    """Base, step and the sign of the slope: from a_k <= closed(k) and a_{k+1} <= step(a_k) it follows that a_{k+1} <= closed(k + 1)."""
    closed = _formula(claim, fact.closed)
    step = formula(fact.step)
    shown = (("a_(k+1) <= ", step), ("start", fact.start), ("closed form", closed))
    named = _named(closed, step)
    closed, step, start = (formula(e).xreplace(named) for e in (closed, step, fact.start))
    base, _ = difference(closed.subs(k, 0), start)
    if base != 0:
        return Finding(f"base: the closed form at k = 0 is off by {base}", (), shown)
    onward, form = difference(closed.subs(k, k + 1), step.subs(previous, closed))
    if onward != 0:
        return Finding(f"step: the closed form at k + 1 is off by {onward}", (), shown)
    slope = sp.diff(step, previous)
    if slope.has(previous):
        return Finding(f"the step {fact.step} is not affine in the value before it", (), shown)
    condition = sp.And(getattr(claim, "condition", sp.true), ordered(claim), *(symbol >= 0 for symbol in named.values()))
    negative = counterexample(condition, slope >= 0)
    if negative is not None:
        return Finding(f"the step does not grow with the value before it: its slope {slope} is negative at {point_text(negative)}", (), shown)
    return Finding(None, ("base: at k = 0 the closed form is the start", f"step: put into the recursion at k it gives itself at k + 1 ({form})",
                          "the recursion grows with its argument, so inequalities pass through it", *_certified(fact, claim)), shown)


def _named(*expressions: Any) -> dict[Any, Any]:
    """Contraction factors with case distinctions as nonnegative symbols of their own (a maximum of moduli is one)."""
    found = sorted({e for one in expressions for e in formula(one).atoms(sp.Max, sp.Abs)}, key=sp.default_sort_key)
    outer = [e for e in found if not any(e != other and other.has(e) for other in found)]
    return {e: sp.Symbol(f"factor_{i}", nonnegative=True) for i, e in enumerate(outer) if isinstance(e, sp.Abs) or any(isinstance(a, sp.Abs) for a in e.args)}


def _certified(fact: Recursion, claim: Any) -> list[str]:
    """Which facts of the claim prove one step of the recursion, of the bounded quantity or (for a norm) of its square."""
    said = []
    for other in claim.facts:
        for before, reached, case in _one_steps(other):
            condition = sp.And(case, claim.condition, ordered(claim))
            steps = (formula(fact.step).subs(previous, before), formula(fact.step).subs(previous, 1) ** 2 * before)
            if any(difference(resolved(reached, condition), resolved(step, condition))[0] == 0 for step in steps):
                said.append(f"one step of it{'' if case == sp.true else f', where {case}'}: {other.name}")
    return said


def _one_steps(fact: Any) -> list[tuple[Any, Any, Any]]:
    """(quantity before, its bound after, where) of a one-step fact."""
    if isinstance(fact, OneStep):
        return [(u**2, fact.bound, case.condition) for case in fact.cases]
    if isinstance(fact, SecondMoment):
        return [(u**2, fact.expected, sp.true)]
    return [(shifted(fact.left, -1), fact.right, fact.case)] if isinstance(fact, Certificate) and fact.steps == 1 else []


def _formula(claim: Any, given: Any) -> Any:
    closed = getattr(claim, "bound", None) if given is None else given
    if not isinstance(closed, sp.Basic):
        raise Unreadable("the bound is a function, not a formula: give closed=")
    return closed


def prove_reduction(fact: Reduces, claim: Any) -> Finding:
    """The two bounds agree identically, where both conditions hold."""
    other = theorems().get(fact.to)
    neighbour = next((c for c in other.claims if c.name == fact.claim), None) if other is not None else None
    if neighbour is None:
        return Finding(f"there is no claim {fact.claim!r} of a theorem {fact.to!r}")
    own, theirs = _formula(claim, None), _formula(neighbour, None).subs(dict(fact.other)) ** fact.power
    there = _at(own, fact.at)
    shown = (("bound", own), ("there", there), (f"bound of {fact.to}", theirs))
    condition = sp.And(_at(getattr(claim, "condition", sp.true), fact.at), formula(getattr(neighbour, "condition", sp.true)).subs(dict(fact.other)))
    left, form = difference(there, theirs)
    if left != 0:
        left, form = difference(resolved(there, condition), resolved(theirs, condition))
    return Finding(None if left == 0 else f"the difference of the bounds is {left}", () if left else (f"the bounds agree there ({form})",), shown)


def _at(expression: Any, values: Any) -> Any:
    """The expression at these values; its limit from above where they cannot be put in."""
    found = formula(expression).subs(dict(values))
    if not found.has(sp.nan, sp.zoo, sp.oo):
        return found
    for s, value in values.items():
        expression = sp.limit(expression, s, value, "+")
    return expression
