"""Expressions that must agree identically: stated identities, the matrix of one step, its second moment."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.prove.proof import Finding
from convlab.prove.reading import ScalarQuadratic, expectation, first_state, linear_maps, mean_matrix, outcomes, symbolic
from convlab.prove.resolving import resolved
from convlab.theorem import IterationMatrix, SecondMoment, SymbolicIdentity, u


def difference(left: Any, right: Any) -> tuple[Any, str]:
    """left - right in the first of four normal forms in which it vanishes (or the last), and the name of that form."""
    gap = formula(left) - formula(right)
    for name, rewrite in (("expanded", sp.expand), ("bases of powers factored", _factored_bases),
                          ("over a common denominator", lambda e: sp.cancel(sp.together(e))), ("simplified", sp.simplify)):
        found = rewrite(gap)
        if found == 0:
            return found, name
    return found, name


def _factored_bases(expression: Any) -> Any:
    """Expanded, with the base of every power to a symbolic exponent in factors: (1 - 2 a + a^2)^k is (1 - a)^(2 k)."""
    found = expression.replace(lambda e: e.is_Pow and not e.exp.is_number, lambda e: _with_leading_sign(sp.factor(sp.expand(e.base)), e.exp))
    return sp.expand(found)


def _with_leading_sign(base: Any, exponent: Any) -> Any:
    """base^exponent; of an even power the base or its negative, whichever sympy prefers."""
    return (-base if exponent.is_even and base.could_extract_minus_sign() else base) ** exponent


def prove_identity(fact: SymbolicIdentity, claim: Any) -> Finding:
    """left - right is 0; Max, Abs and Piecewise are first resolved by the claim's condition."""
    shown = (("left", fact.left), ("right", fact.right))
    left, right = (resolved(side, getattr(claim, "condition", sp.true)) for side in (fact.left, fact.right))
    return _vanishing(sp.Matrix([left]) if not isinstance(left, sp.MatrixBase) else left, sp.Matrix([right]) if not isinstance(right, sp.MatrixBase) else right, shown)


def _vanishing(left: Any, right: Any, shown: tuple[tuple[str, Any], ...]) -> Finding:
    if left.shape != right.shape:
        return Finding(f"shapes differ: {left.shape} and {right.shape}", (), shown)
    found = [difference(a, b) for a, b in zip(left, right, strict=True)]
    left_over = [gap for gap, _ in found if gap != 0]
    if left_over:
        return Finding(", ".join(map(str, left_over)), (), shown)
    forms = list(dict.fromkeys(form for _, form in found))
    return Finding(None, (f"left - right vanishes: {', '.join(forms)}",), shown)


def prove_matrix(fact: IterationMatrix, algorithm: Any, sizes: Mapping[Any, Any]) -> Finding:
    """The Jacobian of the code's own step is the declared matrix."""
    symbols, maps = linear_maps(symbolic(algorithm, sizes), ScalarQuadratic())
    matrix = mean_matrix(maps)
    shown = (("state", sp.Matrix(symbols)), ("one step, from the code", matrix), ("declared", fact.matrix))
    return _vanishing(matrix, sp.Matrix(fact.matrix).subs(sizes), shown)


def prove_second_moment(fact: SecondMoment, algorithm: Any, sizes: Mapping[Any, Any]) -> Finding:
    """E (x+)^2 of one step from `init` at u, the mean of the squares over an array-valued point."""
    bound, oracle = symbolic(algorithm, sizes), ScalarQuadratic()
    branches = outcomes(bound, oracle, first_state(bound, oracle, u))
    moment = expectation(branches, lambda state: sum(x**2 for x in state[0].reshape(-1)) / state[0].size)
    shown = (("second moment of one step, from the code", sp.collect(sp.factor(moment), u)), ("declared", fact.expected))
    return _vanishing(sp.Matrix([moment]), sp.Matrix([formula(fact.expected).subs(sizes)]), shown)
