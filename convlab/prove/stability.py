"""Where the step contracts: the Schur-Cohn conditions of its characteristic polynomial, compared with a declared region as a set."""
from __future__ import annotations

from typing import Any

import sympy as sp

from convlab.prove.formulas import formula
from convlab.prove.patience import small_enough
from convlab.prove.proof import Finding, point_text
from convlab.prove.reading import ScalarQuadratic, linear_maps, mean_matrix, second_moment_matrix, symbolic
from convlab.prove.reals import counterexample, satisfiable
from convlab.prove.reducing import reduced
from convlab.symbols import Symbol
from convlab.theorem import Sense, StabilityRegion, StableOnQuadratics

MOST_OPERATIONS = 20_000         # of a coefficient that is factored; those of the catalogue's steps take 162


def schur_conditions(matrix: Any) -> list[Any]:
    """Expressions that are all > 0 exactly where every eigenvalue of the matrix lies inside the unit circle."""
    z = sp.Dummy("z")
    found = []
    characteristic = sum(c * z**i for i, c in enumerate(matrix.charpoly().all_coeffs()[::-1]))    # in a symbol of its own, whatever the tunables are called
    for factor, _ in sp.factor_list(sp.together(characteristic), z)[1]:
        numerator = sp.Poly(sp.fraction(sp.together(factor))[0], z)
        found += _inside_circle([sp.together(c / numerator.LC()) for c in numerator.all_coeffs()[::-1]])
    return list(dict.fromkeys(sp.factor(p) for p in found if not (p.is_Number and p > 0)))


def _inside_circle(c: list[Any]) -> list[Any]:
    """For c[0] + ... + c[n] z^n with c[n] > 0. Degree 3 and more: one Schur-Cohn step, |c_0| < c_n and a polynomial of one degree less."""
    n = len(c) - 1
    if n == 0:
        return []
    if n == 1:
        return [c[1] - c[0], c[1] + c[0]]
    if n == 2:
        return [c[2] + c[1] + c[0], c[2] - c[1] + c[0], c[2] - c[0]]
    return [c[n] - c[0], c[n] + c[0], *_inside_circle([_factored(c[n], c[i + 1], c[0], c[n - 1 - i]) for i in range(n)])]


def _factored(a: Any, b: Any, c: Any, d: Any) -> Any:
    """a b - c d in factors."""
    small_enough(sp.count_ops(a) * sp.count_ops(b) + sp.count_ops(c) * sp.count_ops(d), MOST_OPERATIONS, "deriving where the step contracts")
    return sp.factor(a * b - c * d)


def derived_condition(algorithm: Any, sense: Sense = Sense.SURELY) -> Any:
    """The sympy Boolean, in lam and the tunables, for which the algorithm's own step contracts lam x^2/2: derived, nothing declared.

    For a step that draws, the expected map is meant, or (`Sense.MEAN_SQUARE`) the map of second moments. Raises Unreadable for a step that is not linear.
    """
    return reduced_condition(step_matrix(algorithm, sense))


def step_matrix(algorithm: Any, sense: Sense = Sense.SURELY) -> Any:
    """The matrix whose spectral radius decides: of the state, or of its second moments."""
    _, maps = linear_maps(symbolic(algorithm, {}), ScalarQuadratic())
    return second_moment_matrix(maps) if sense is Sense.MEAN_SQUARE else mean_matrix(maps)


def reduced_condition(matrix: Any, given: Any = sp.true) -> Any:
    """The Schur-Cohn conditions as a reader wants them, where `given` holds: products split into factors of certain sign, implied ones left out."""
    return reduced(schur_conditions(matrix), given)


def prove_region(fact: StableOnQuadratics, claim: Any, algorithm: Any) -> Finding:
    """Whether the declared region is the derived one, as sets inside the claim's domain."""
    sense = claim.sense if isinstance(claim, StabilityRegion) else Sense.SURELY
    matrix = step_matrix(algorithm, sense)
    domain = _domain(claim)
    exact = reduced_condition(matrix, domain)
    shown = (("matrix of one step", matrix), ("contraction, from the code", exact), ("declared", fact.region))
    if satisfiable(sp.And(domain, fact.region)) is None:
        return Finding(f"no point of the domain lies in {fact.region}", (), shown)
    outside = counterexample(sp.And(domain, fact.region), exact)
    if outside is not None:
        return Finding(f"the region is wrong: at {point_text(outside)} it is declared stable, and the step does not contract", (), shown)
    beyond = counterexample(sp.And(domain, exact), fact.region)
    if beyond is not None:
        return Finding(f"the region is sufficient, not necessary: at {point_text(beyond)} the step contracts outside it", (), shown)
    within = "everywhere" if domain == sp.true else f"where {domain}"
    return Finding(None, (f"the Schur-Cohn conditions and the declared region are the same set {within}: no cell of the plane separates them",), shown)


def _domain(claim: Any) -> Any:
    """Where the region is meant: the claim's domain, or what its condition says of dimensionless symbols (a step size is what is under test)."""
    if isinstance(claim, StabilityRegion):
        return claim.domain
    condition = formula(getattr(claim, "condition", sp.true))
    parts = condition.args if isinstance(condition, sp.And) else (condition,)
    return sp.And(*(part for part in parts if all(isinstance(s, Symbol) and s.unit == "1" for s in part.free_symbols)))
