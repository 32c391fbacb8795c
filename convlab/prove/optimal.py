"""The best parameters on quadratics: nothing gives a smaller spectral radius on all curvatures from mu to L, and these give it."""
from __future__ import annotations

from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.prove.proof import Finding, point_text
from convlab.prove.reading import ScalarQuadratic, Unreadable, linear_maps, mean_matrix, symbolic
from convlab.prove.reals import counterexample, satisfiable
from convlab.prove.stability import schur_conditions
from convlab.symbols import L, lam, mu
from convlab.theorem import OptimalOnQuadratics


def prove_optimal(fact: OptimalOnQuadratics, algorithm: Any) -> Finding:
    """Spectral radii are compared with the rate by the Schur-Cohn conditions of the matrix divided by it. Raises Undecided, and Unreadable for three states or more."""
    _, maps = linear_maps(symbolic(fact.algorithm or algorithm, {}), ScalarQuadratic())
    matrix = mean_matrix(maps)
    if matrix.shape[0] > 2:
        raise Unreadable("optimal rates are derived for one or two states")
    roots = {s: sp.Symbol(f"root_{s}", positive=True) ** 2 for s in (mu, L)}
    rate = formula(fact.rate).subs(roots)
    shown = (("matrix of one step, from the code", matrix), ("parameters", sp.Tuple(*(sp.Eq(s, v) for s, v in fact.parameters.items()))), ("rate", fact.rate))
    divided = (matrix / rate).applyfunc(sp.cancel)
    chosen = {s: formula(v).subs(roots) for s, v in fact.parameters.items()}
    left = matrix.free_symbols - set(chosen) - {lam, mu, L}
    if left:
        return Finding(f"the step also depends on {min(map(str, left))}, of which no value is given", (), shown)
    low, high = (s.subs(roots) for s in (mu, L))
    inside, ordered = sp.And(low <= lam, lam <= high, low < high), low < high
    if counterexample(ordered, rate >= 0) is not None:
        return Finding(f"the rate {fact.rate} is negative somewhere", (), shown)
    for p in schur_conditions(divided.subs(chosen).applyfunc(sp.cancel)):
        worse = counterexample(inside, p >= 0)
        if worse is not None:
            return Finding(f"the spectral radius exceeds the rate at {_told(worse)}", (), shown)
    ends = [p.subs({lam: end}) for p in schur_conditions(divided) for end in (low, high)]
    better = satisfiable(sp.And(ordered, *(p > 0 for p in ends)))
    if better is not None:
        return Finding(f"better parameters: at {_told(better)} the spectral radius at mu and at L is below the rate", (), shown)
    return Finding(None, ("at these parameters no curvature from mu to L has a larger spectral radius than the rate",
                          "no parameters have a smaller one at mu and at L together"), shown)


def _told(point: Any) -> str:
    return point_text({(mu if str(s) == "root_mu" else L if str(s) == "root_L" else s): (v**2 if str(s).startswith("root_") else v) for s, v in point.items()})
