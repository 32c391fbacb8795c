"""Stationary second moments: the fixed point of E s s^T under the algorithm's own step, its noise known by mean and covariance."""
from __future__ import annotations

from functools import partial
from typing import Any

import sympy as sp

from convlab.prove.identities import difference
from convlab.prove.proof import Finding
from convlab.prove.reading import ScalarQuadratic, Unreadable, expectation, flat, outcomes, symbolic, symbolic_state
from convlab.theorem import StationaryVariance


def stationary_variance(algorithm: Any) -> Any:
    """E x^2 of the first state entry, in lam, sigma and the tunables. Raises Unreadable for a step that is not affine, or drifts."""
    bound, oracle = symbolic(algorithm, {}), ScalarQuadratic()
    made = symbolic_state(bound, oracle)
    s = made.symbols
    branches = outcomes(bound, oracle, made.state)
    for i in range(len(s)):
        mean = sp.expand(expectation(branches, partial(_product, (i,))))
        if mean.subs(dict.fromkeys(s, 0)) != 0:
            raise Unreadable("the mean of the state is not 0 at rest")
    pairs = [(i, j) for i in range(len(s)) for j in range(i, len(s))]
    moments = sp.symbols(f"m:{len(pairs)}")
    equations = []
    for place, (i, j) in enumerate(pairs):
        form = expectation(branches, partial(_product, (i, j)))
        if not form.is_polynomial(*s) or sp.Poly(form, *s).total_degree() > 2:
            raise Unreadable("the step is not affine in the state")
        terms = sp.Poly(form, *s)
        quadratic = sum(terms.coeff_monomial(s[a] * s[b]) * moments[p] for p, (a, b) in enumerate(pairs))
        equations.append(quadratic + terms.coeff_monomial(1) - moments[place])
    solved = sp.solve(equations, moments, dict=True)
    if len(solved) != 1 or moments[0] not in solved[0]:
        raise Unreadable("the second moments have no single fixed point")
    return sp.factor(solved[0][moments[0]])


def _product(places: tuple[int, ...], state: Any) -> Any:
    """The product of these entries of a state."""
    return sp.prod([flat(state)[i] for i in places])


def prove_stationary(fact: StationaryVariance, algorithm: Any) -> Finding:
    """The declared variance is the fixed point."""
    derived = stationary_variance(algorithm)
    left, form = difference(derived, fact.expected)
    shown = (("stationary variance, from the code", derived), ("declared", fact.expected))
    return Finding(None if left == 0 else str(left), () if left else (f"the fixed point of the second moments is the declared one ({form})",), shown)
