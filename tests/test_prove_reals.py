"""Systems of polynomial inequalities are decided exactly: points really satisfy them, and where none is given none exists."""
from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
from hypothesis import assume, given, settings
from hypothesis.strategies import integers, lists, sampled_from, tuples

from convlab.prove.atoms import Undecided
from convlab.prove.reals import counterexample, satisfiable
from convlab.symbols import L, alpha, beta, gamma, kappa, lam, mu, symbol

x, y = symbol("x", meaning="a coordinate"), symbol("y", meaning="a coordinate")
MONOMIALS = (sp.Integer(1), x, y, x * y, x**2, y**2)
RELATIONS = (sp.Gt, sp.Ge, sp.Lt, sp.Le, sp.Eq)
GRID = [sp.Rational(i, 2) for i in range(-6, 7)]

relations = tuples(lists(integers(-3, 3), min_size=6, max_size=6), sampled_from(RELATIONS)).map(
    lambda given: given[1](sum(c * m for c, m in zip(given[0], MONOMIALS, strict=True)), 0))


@settings(max_examples=60, deadline=None)
@given(lists(relations, min_size=1, max_size=3))
def test_a_point_satisfies_and_no_point_means_none_on_a_grid(system):
    """Whatever is answered is right: a point satisfies every relation, and a system without one is met nowhere on a grid."""
    try:
        found = satisfiable(sp.And(*system))
    except Undecided:
        assume(False)
    if found is not None:
        assert all(sp.simplify(r.subs(found)) == sp.true for r in system if isinstance(r, sp.core.relational.Relational))
    else:
        assert not any(all(r.subs({x: a, y: b}) == sp.true for r in system) for a, b in product(GRID, GRID))


@settings(max_examples=60, deadline=None)
@given(relations.filter(lambda r: isinstance(r, (sp.Gt, sp.Lt))), integers(-3, 3), integers(-3, 3))
def test_what_holds_at_a_point_is_found(relation, a, b):
    """Open conditions are never undecided: where a grid point satisfies one near (a, b), a point is found."""
    near = sp.And(relation, x > a - 1, x < a + 1, y > b - 1, y < b + 1)
    assume(relation.subs({x: a, y: b}) == sp.true)

    assert satisfiable(near) is not None


@pytest.mark.parametrize(("premise", "conclusion"), [
    (sp.And(gamma > 0, gamma <= 2 / (L + mu), mu <= L), gamma * (2 - gamma * (L + mu)) >= 0),
    (sp.And(gamma > 0, gamma <= 2 / (L + mu), mu <= L), sp.Eq(sp.Max(sp.Abs(1 - gamma * mu), sp.Abs(1 - gamma * L)), 1 - gamma * mu)),
    (sp.Eq(gamma, 4 / (sp.sqrt(L) + sp.sqrt(mu)) ** 2), gamma * L < 4),
    (sp.true, (x - 1) ** 2 + (y - 2) ** 2 >= 0),
    (sp.true, sp.Abs(x + y) <= sp.Abs(x) + sp.Abs(y)),
    (x + y >= 0, x**2 + y**2 >= -2 * x * y),
    (sp.true, kappa >= 1),                                    # the domain of a constant is known from its declaration
    (sp.true, alpha <= 1),
])
def test_true_implications_are_proved(premise, conclusion):
    """No counterexample exists, roots and absolute values included."""
    assert counterexample(premise, conclusion) is None


@pytest.mark.parametrize(("premise", "conclusion", "at"), [
    (gamma * lam < 2, gamma > 0, None),
    (sp.And(gamma > 0, gamma <= 2 / (L + mu)), gamma * L <= 1, None),
    (sp.true, (x - 1) ** 2 + (y - 2) ** 2 > 0, {x: 1, y: 2}),        # a single point, met by no open cell
    (sp.And(x >= 1, x <= 1), x > 1, {x: 1}),
    (x**2 >= 2, x**2 > 2, {x: -sp.sqrt(2)}),                         # an irrational one
    (sp.true, beta >= 0, None),                                      # a tunable's domain must be claimed
])
def test_false_implications_have_a_counterexample(premise, conclusion, at):
    """The point satisfies the premise and violates the conclusion, also where the violation is a single point."""
    point = counterexample(premise, conclusion)

    assert point is not None
    assert premise.subs(point) == sp.true
    assert conclusion.subs(point) == sp.false
    assert at is None or point == at


@pytest.mark.parametrize("condition", [sp.Gt(sp.exp(x), 1), sp.Gt(x**y, 1), sp.Gt(sp.pi * x, 1)])
def test_what_is_not_algebraic_is_undecided(condition):
    """Exponentials, symbolic powers and pi are refused, never guessed."""
    with pytest.raises(Undecided):
        satisfiable(condition)
