"""Certificates over formal runs: what a step makes of unknown vectors, which inequalities the assumptions give, sums by telescoping, and the limit of patience."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis.strategies import fractions

from convlab.algorithms.gradient_descent import GradientDescent, SteepestDescent
from convlab.algorithms.gradient_descent import Point as State
from convlab.algorithms.nesterov import Nesterov
from convlab.algorithms.projected import ProjectedGradientDescent
from convlab.algorithms.proximal import ProximalPoint
from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, ConstrainedMinimum, Convex, Lipschitz, Minimum, PolyakLojasiewicz, Proximable, Smooth, StronglyConvex
from convlab.inequalities import (
    Point,
    bounded_slope,
    cocoercivity,
    convexity,
    descent,
    descent_to_minimum,
    domination,
    feasibility,
    interpolation,
    line_search,
    minimality,
    star,
    strong_convexity,
    variance,
    x0,
    x1,
)
from convlab.metrics import function_gap, squared_gradient_norm
from convlab.operations import sign
from convlab.prove.facts import proof_of
from convlab.prove.patience import TooLong, go_on, patience, small_enough
from convlab.prove.proof import Proof, Status
from convlab.symbols import Delta, G, L, R, gamma, k, mu, sigma
from convlab.theorem import Certificate, RateBound, Telescope, Theorem, best_of, mean_of, sum_of

SHORT = sp.And(gamma > 0, gamma <= 1 / L)
DESCENT = Certificate(x1.f, x0.f - gamma * (1 - gamma * L / 2) * x0.g**2, ((1, descent(x1, x0)),))


def proof(fact: Any, algorithm: Any = None, assumptions: tuple[type, ...] = (Convex, Smooth, Minimum), **fields: Any) -> Proof:
    """The proof of one fact of a claim on gradient descent."""
    algorithm = GradientDescent(gamma) if algorithm is None else algorithm
    claim = RateBound(algorithm, **{"bound": R, "metric": function_gap, "condition": SHORT, "assumptions": assumptions, "facts": (fact,), **fields})
    return proof_of(Theorem("toy", "A toy", claims=(claim,)), claim, fact)


def proves(fact: Any, *rest: Any, **fields: Any) -> bool:
    """Whether it is proved."""
    return proof(fact, *rest, **fields).status is Status.PROVED


# ---- the inequalities are true of functions of the class, and no more is claimed than is true
@settings(max_examples=20)
@given(a=fractions(Fraction(1, 3), 40), b=fractions(Fraction(1, 3), 40), c=fractions(Fraction(1, 3), 40), place=fractions(-9, 9), other=fractions(-9, 9))
def test_every_inequality_holds_on_quadratics_of_the_class(a: Fraction, b: Fraction, c: Fraction, place: Fraction, other: Fraction) -> None:
    """On lam x^2/2 with mu <= lam <= L, by the prover's own reading: a certificate that contradicts one could be proved, and none is."""
    from convlab.prove.certificates import setting_of
    from convlab.prove.known import expression_of

    low, curvature, high = sorted((a, b, c))
    held = (Convex, Smooth, StronglyConvex, PolyakLojasiewicz, Minimum)
    claim = RateBound(GradientDescent(gamma), bound=R, metric=function_gap, assumptions=held)
    setting = setting_of(DESCENT, claim, GradientDescent(gamma))
    run = setting.run
    at = {run.fields["x_0"]: place, run.minimiser: other}
    known = (interpolation, convexity, strong_convexity, descent, cocoercivity)
    read = [expression_of(make(i, j), setting) for make in known for i in (x0, x1, star) for j in (x0, x1, star) if i != j]
    read += [expression_of(make(i), setting) for make in (domination, minimality, descent_to_minimum) for i in (x0, x1)]
    numbers = {L: high if high > low else low + 1, mu: low, gamma: Fraction(1, 2) / high}
    values: dict[Any, Any] = {}
    for p in (x0, x1, star):
        found = run.place(p)
        form = found.form.subs(found_gradients(run, curvature, at)).subs({**at, **numbers})
        away = sp.Rational(str(form)) - sp.Rational(str(other)) if not form.free_symbols else form - other
        values |= {found.value: curvature * away**2 / 2, **({found.gradient: curvature * away} if found.gradient != 0 else {})}
    for expression in read:
        assert expression.subs(values).subs({**at, **numbers}) >= 0


def found_gradients(run: Any, curvature: Fraction, at: dict[Any, Any]) -> dict[Any, Any]:
    """The gradient at x_0, in numbers."""
    start = run.place(x0)
    return {start.gradient: curvature * (at[start.form] - at[run.minimiser])}


# ---- examples: from the code of each algorithm
def test_the_descent_lemma_is_read_off_the_step() -> None:
    """For gradient descent, not for another step, and not without smoothness."""
    assert proves(DESCENT)
    assert not proves(DESCENT, GradientDescent(2 * gamma))
    assert "Smooth" in (proof(DESCENT, assumptions=(Convex, Minimum)).residual or "")


def test_momentum_projections_proxes_and_line_searches_make_points() -> None:
    """One step of each, with what is known of it."""
    nearest = Certificate((x1.x - star.x) ** 2, (x0.x - gamma * x0.g - star.x) ** 2, ((2, feasibility(x1, star)),), ((1, x1.x - x0.x + gamma * x0.g),))
    prox = Certificate((x1.x - star.x) ** 2 + 2 * gamma * (x1.f - star.f), (x0.x - star.x) ** 2, ((2 * gamma, convexity(star, x1)),), ((1, x1.x - x0.x),))
    y0, y1 = Point("y", 0), Point("y", 1)
    extrapolated = Certificate((y1.x - x1.x) ** 2, sp.Rational(1, 4) * (x1.x - x0.x) ** 2, ())

    assert proves(nearest, ProjectedGradientDescent(gamma), (Convex, Smooth, ConstrainedMinimum))
    assert proves(prox, ProximalPoint(gamma), (Convex, Proximable, Minimum), condition=gamma > 0)
    assert proves(extrapolated, Nesterov(gamma, sp.Rational(1, 2)))
    assert proves(replace(DESCENT, left=x1.f, right=y0.f - gamma * (1 - gamma * L / 2) * y0.g**2, terms=((1, descent(x1, y0)),)), Nesterov(gamma, sp.Rational(1, 2)))
    assert not proves(replace(nearest, terms=((2, feasibility(x1, x0)),)), ProjectedGradientDescent(gamma), (Convex, Smooth, ConstrainedMinimum))   # x_0 may not be
    assert not proves(Certificate(x1.f, x0.f, ((1, line_search(x1, x0.g)),)), SteepestDescent(), (Convex, Smooth, Minimum))


def test_noise_has_mean_zero_and_bounded_variance() -> None:
    """E f(x_1) in one SGD step; without the variance term something is left, and noise is not independent of the next gradient."""
    fact = replace(DESCENT, right=DESCENT.right + L * gamma**2 * sigma**2 / 2, terms=(*DESCENT.terms, (L * gamma**2 / 2, variance(x0))))
    held = (Smooth, BoundedVariance)

    assert proves(fact, SGD(gamma), held)
    assert not proves(replace(fact, terms=DESCENT.terms), SGD(gamma), held)
    assert not proves(Certificate(x1.g * x1.x, x1.g * (x0.x - gamma * x0.g), ()), SGD(gamma), held)


def test_schedules_and_several_steps() -> None:
    """k runs on from step to step; from the first state it starts at 0."""
    x2 = Point("x", 2)
    apart = Certificate((x2.x - x1.x) ** 2, (x1.g / (k + 2)) ** 2, (), steps=2)

    assert proves(apart, GradientDescent(1 / (k + 1)))
    assert not proves(replace(apart, right=(x1.g / (k + 1)) ** 2), GradientDescent(1 / (k + 1)))
    assert proves(replace(apart, right=x1.g**2 / 4, from_start=True), GradientDescent(1 / (k + 1)))


@dataclass(frozen=True)
class Odd:
    """Steps that are no combination of points."""

    what: str

    def init(self, x0: Any, oracle: Any) -> State:
        """At x_0."""
        return State(x0)

    def step(self, state: State, oracle: Any) -> State:
        """One of several."""
        g = oracle.gradient(state.x)
        match self.what:
            case "signs":
                return State(state.x - sign(g))
            case "squares":
                return State(state.x - g * g)
            case "turned":
                return State(state.x - g[:, ::-1])
            case "weighed":
                return State(state.x - np.array([[1, 2]], dtype=object) * g)
        return State(state.x + 1)


@pytest.mark.parametrize("what", ["signs", "squares", "turned", "weighed", "shifted"])
def test_a_step_that_is_no_combination_of_vectors_is_refused(what: str) -> None:
    """Two coordinates tell a vector from numbers that are treated one by one."""
    found = proof(DESCENT, Odd(what))

    assert found.status is Status.FAILED
    assert "undecided" in (found.residual or "")


# ---- malformed certificates
@pytest.mark.parametrize(("changes", "word"), [
    ({"terms": ((-1, descent(x1, x0)),)}, "negative"), ({"terms": ((sp.Symbol("c") * 0 + sp.Symbol("c", positive=True), descent(x1, x0)),)}, "contains c"),
    ({"terms": ((x0.g**2, descent(x1, x0)),)}, "contains g(x_0)"), ({"squares": ((1, x0.f),)}, "no combination of vectors"),
    ({"left": x1.f**2}, "no combination of inner products"), ({"right": Point("z", 0).f}, "z_0"), ({"terms": ((1, descent(x1, Point("x", 5))),)}, "x_5"),
    ({"case": gamma > 2 / L}, "no point")])
def test_a_malformed_certificate_names_what_is_wrong(changes: dict[str, Any], word: str) -> None:
    """The term, the symbol, the point, or the sign with a place where it is wrong."""
    found = proof(replace(DESCENT, **changes))

    assert found.status is Status.FAILED
    assert word in (found.residual or "")


def test_a_subgradient_exists_only_where_it_is_known_to() -> None:
    """A proximable function may be infinite at x_0; where an oracle answered it has one."""
    from_x0 = Certificate(star.f, x0.f, ((1, convexity(x0, star)),))
    at_x0 = Certificate(0, G**2 - x0.g**2, ((1, bounded_slope(x0)),))
    through_x0 = Certificate(x0.f - star.f, x0.g * (x0.x - star.x), ((1, convexity(star, x0)),))

    assert proves(from_x0, ProximalPoint(gamma), (Convex, Proximable, Minimum)) is False
    assert proves(through_x0, ProximalPoint(gamma), (Convex, Proximable, Minimum)) is False
    assert proves(at_x0, assumptions=(Convex, Lipschitz, Minimum))
    assert not proves(at_x0, assumptions=(Convex, Smooth, Minimum))


# ---- sums
def test_a_telescope_counts_exactly_the_iterates_that_the_claim_counts() -> None:
    """The sum, the mean and the minimum before k; with k itself, with another metric, or another bound it is refused."""
    weight = gamma * (1 - gamma * L / 2)
    fact = Telescope(x0.g**2, x0.f - star.f, k * weight, ((1, descent(x1, x0)),), weight=weight, end=((1, minimality(x0)),))
    told: dict[str, Any] = {"metric": squared_gradient_norm, "assumptions": (Smooth, Minimum)}

    assert proves(fact, bound=Delta / (k * weight), mode=best_of(0, -1), **told)
    assert proves(fact, bound=Delta / (k * weight), mode=mean_of(0, -1), **told)
    assert proves(fact, bound=Delta / weight, mode=sum_of(0, -1), **told)
    assert not proves(fact, bound=Delta / weight, mode=sum_of(0, 0), **told)
    assert not proves(fact, bound=Delta / ((k + 1) * weight), mode=best_of(0, -1), **told)
    assert not proves(fact, bound=Delta / (k * weight), **told)
    assert not proves(fact, bound=Delta / (k * weight), mode=best_of(0, -1), assumptions=(Smooth, Minimum))
    assert not proves(replace(fact, end=()), bound=Delta / (k * weight), mode=best_of(0, -1), **told)


# ---- patience
def test_a_proof_ends_when_its_time_is_over() -> None:
    """At the next question, with the seconds in the sentence; an outer limit stays; without one nothing is limited."""
    go_on("idling")
    small_enough(10**9, 10, "idling")
    with patience(-1.0), patience(5.0), pytest.raises(TooLong, match="idling took longer than -1 s"):
        go_on("idling")
    with patience(5.0), pytest.raises(TooLong, match="beyond the 10"):
        small_enough(11, 10, "idling")
    go_on("idling")
