"""Sums over a run: what one step gains of a potential, added up by induction, is at most what the potential was at the start."""
from __future__ import annotations

from typing import Any

import sympy as sp

from convlab import symbols
from convlab.inequalities import star, x0
from convlab.metrics import function_gap, squared_distance, squared_gradient_norm
from convlab.prove.certificates import at_start, condition_of, prove_certificate, shifted
from convlab.prove.formulas import formula
from convlab.prove.identities import difference
from convlab.prove.proof import Finding, point_text
from convlab.prove.reals import counterexample
from convlab.prove.resolving import resolved
from convlab.theorem import Certificate, RateBound, Telescope

k = symbols.k
MEASURED = ((function_gap, x0.f - star.f), (squared_gradient_norm, x0.g**2), (squared_distance, (x0.x - star.x) ** 2))


def prove_telescope(fact: Telescope, claim: Any, algorithm: Any) -> Finding:
    """The step, by known inequalities; the sum, by induction; the end, where the potential is still worth something; the start, from the algorithm's own."""
    told = _refused(fact, claim)
    if told is not None:
        return Finding(told)
    gained = fact.weight * fact.measured + fact.after * shifted(fact.measured, 1)
    step = Certificate(shifted(fact.potential, 1) + gained, fact.potential, fact.terms, fact.squares, fact.case)
    end = Certificate(fact.last * fact.measured, fact.potential, fact.end, fact.end_squares, fact.case)
    steps: list[str] = []
    shown: list[tuple[str, Any]] = []
    for name, certificate in (("one step", step), ("the end", end)):
        found = prove_certificate(certificate, claim, algorithm)
        shown += [(f"{name}: {caption}", expression) for caption, expression in found.formulas]
        if found.residual is not None:
            return Finding(f"{name}: {found.residual}", tuple(steps), tuple(shown))
        steps += [f"{name}: {said}" for said in found.steps]
    residual = _sum_residual(fact, claim) or _bound_residual(fact, claim, algorithm, step, steps)
    return Finding(residual, (*steps, "the sum of the weights, by induction over k: base and step"), (*shown, ("sum of the weights", fact.total)))


def _refused(fact: Telescope, claim: Any) -> str | None:
    """What keeps the claim from being a sum over a run of this metric."""
    mode = getattr(claim, "mode", None)
    if not isinstance(claim, RateBound) or mode is None or mode.statistic not in ("best", "mean", "sum") or mode.first != 0 or mode.last not in (0, -1):
        return "the claim speaks of no sum, mean or minimum over the whole run so far"
    measured = next((expression for one, expression in MEASURED if one == claim.metric), None)
    if measured is None:
        return "the claim's metric is no expression in values, gradients and places"
    if sp.expand(formula(fact.measured) - measured) != 0:
        return f"the claim measures {measured}, the certificate {fact.measured}"
    later = [w for w in (fact.after, fact.last) if formula(w) != 0]
    if mode.last == -1 and later:
        return f"the claim ends before k, and the certificate counts iterate k with weight {later[0]}"
    if mode.statistic != "best" and (formula(fact.weight).has(k) or later):
        return "the weights are not all the same, and the claim weighs all iterates alike"
    if mode.last == 0 and mode.statistic != "best":
        return "the certificate does not reach the last iterate of the claim"
    return None


def _sum_residual(fact: Telescope, claim: Any) -> str | None:
    """Base, step, and the signs of the weights."""
    base, _ = difference(formula(fact.total).subs(k, 0), fact.last)
    if base != 0:
        return f"the sum of the weights: at k = 0 it is off by {base}"
    onward, _ = difference(formula(fact.total).subs(k, k + 1) - formula(fact.total), formula(fact.weight) + formula(fact.after) + _moved(fact.last))
    if onward != 0:
        return f"the sum of the weights: from k to k + 1 it is off by {onward}"
    condition = sp.And(fact.case, claim.condition)
    for weight in (fact.weight, fact.after, fact.last):
        point = counterexample(condition, formula(weight) >= 0)
        if point is not None:
            return f"the weight {weight} is negative at {point_text(point)}"
    return None


def _moved(last: Any) -> Any:
    """How the weight of the last iterate grows with k."""
    return formula(last).subs(k, k + 1) - formula(last)


def _bound_residual(fact: Telescope, claim: Any, algorithm: Any, step: Certificate, steps: list[str]) -> str | None:
    start = at_start(formula(fact.potential).subs(k, 0), algorithm)
    divisor = fact.weight if claim.mode.statistic == "sum" else fact.total
    condition = condition_of(step, claim)
    left, form = difference(resolved(claim.bound, condition), resolved(start / formula(divisor), condition))
    if left != 0:
        return f"the potential starts at {start}, and {start}/({divisor}) is not the bound: the difference is {left}"
    steps.append(f"the potential starts at {start}, and start/{'weight' if claim.mode.statistic == 'sum' else 'sum of the weights'} is the bound ({form})")
    return None
