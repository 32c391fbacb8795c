"""Certificates: proofs in rationals of what is true, of nothing below it, and of nothing at all once a number in them is changed."""
from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import fractions, integers, sampled_from

import convlab as cl
from convlab import catalogue
from convlab.algorithms.gradient_descent import GradientDescent, Point
from convlab.algorithms.proximal import ProximalPoint
from convlab.prove.pep.certificate import check_certificate
from convlab.prove.pep.certified import Status
from convlab.symbols import M0, G, K, L, R, gamma, k, mu
from convlab.theorem import Theorem, horizons, mean_of

PROVED = {Status.TIGHT, Status.VALID}
CATALOGUE = ("gd-smooth-convex-fgap", "gd-strongly-convex-distance", "gd-nonconvex-mingrad", "projected-gd-convex-fgap", "proximal-point", "nesterov-convex",
             "ogm-convex", "gda-strongly-monotone", "gd-exact-line-search")
strongly = {"assumptions": (cl.StronglyConvex, cl.Smooth, cl.Minimum), "metric": cl.distance_to_minimiser, "defaults": {gamma: 1 / L}}
proximal = {"assumptions": (cl.Convex, cl.Proximable, cl.Minimum), "metric": cl.function_gap, "defaults": {gamma: sp.Integer(3)}}
convex = {"assumptions": (cl.Convex, cl.Smooth, cl.Minimum), "metric": cl.function_gap}


@pytest.mark.parametrize("id", CATALOGUE)
def test_the_catalogue_is_proved_in_rationals(id: str) -> None:
    """At n = 1, 2 and 5 each bound has a certificate that its file proves again, the worst case is at most the bound, and the engine's run of it agrees."""
    theorem = catalogue.theorem(id)
    found = cl.certify(theorem, (1, 2, 5))

    assert len(found.results) == 3
    for result in found.results:
        assert result.status in PROVED, result
        assert result.certificate is not None
        assert check_certificate(theorem, result.certificate).wrong is None
        assert result.slack is not None
        assert result.slack <= 1e-6
        assert float(result.worst_case) <= float(result.bound) * (1 + 2e-6)           # the certificate's slack, and eleven digits of the solver
        if id not in ("gda-strongly-monotone", "gd-exact-line-search"):                # of operators and line searches nothing is reconstructed
            assert result.measured == pytest.approx(float(result.worst_case), rel=1e-4)


@pytest.mark.parametrize("numbers", [{"L": "80", "mu": "1/30", "gamma": "1/90"}, {"L": "1/7", "mu": "1/50", "gamma": "13"}, {"L": "9", "mu": "8", "gamma": "1/60"}])
def test_strongly_convex_descent_is_proved_far_from_units(numbers: dict[str, str]) -> None:
    """Short, long and very short steps; condition numbers 2400, 7 and 9/8."""
    found = cl.certify("gd-strongly-convex-distance", (2, 4), parameters=numbers)

    assert [r.status for r in found.results] == [Status.TIGHT] * 2


@given(L=fractions(Fraction(1, 50), 50, max_denominator=60), R=fractions(Fraction(1, 20), 30, max_denominator=60),
       share=fractions(Fraction(1, 20), 1, max_denominator=30), n=integers(1, 4))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_worst_case_of_gradient_descent_is_its_closed_form(L: Fraction, R: Fraction, share: Fraction, n: int) -> None:
    """L R^2/(4 n gamma L + 2) for every short step: the solver's value scales with L and R^2, and the bound is proved and attained."""
    result, = cl.certify("gd-smooth-convex-fgap", n, parameters={"L": L, "R": R, "gamma": share / L}).results

    assert float(result.worst_case) == pytest.approx(float(L * R**2 / (4 * n * share + 2)), rel=1e-6)
    assert result.status is Status.TIGHT


@given(share=fractions(Fraction(9, 10), Fraction(9999, 10000), max_denominator=10**5), n=integers(1, 4),
       base=sampled_from([(GradientDescent(1 / cl.symbols.L), L * R**2 / (4 * k + 2), convex),
                          (GradientDescent(gamma), (1 - gamma * mu) ** k * R, strongly),
                          (ProximalPoint(gamma), R**2 / (4 * gamma * k), proximal)]))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_below_the_truth_is_proved(share: Fraction, n: int, base: tuple[Any, Any, dict[str, Any]]) -> None:
    """A bound that is a share of the exact worst case ends in a refutation, by an instance that was run in rationals."""
    algorithm, bound, fields = base
    false = Theorem(id="mine", title="mine", algorithm=algorithm, bound=sp.Rational(share.numerator, share.denominator) * bound, **fields)
    result, = cl.certify(false, n).results

    assert result.status is Status.REFUTED
    assert result.certificate is None
    assert result.instance is not None
    assert result.instance["ratio"] > 1


# ---- certificates on file
def changed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document with one rational a little larger, for each."""
    def walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict):
            yield from (found for key, item in value.items() for found in walk(item, (*path, key)))
        elif isinstance(value, list):
            yield from (found for i, item in enumerate(value) for found in walk(item, (*path, i)))
        elif path[0] in ("constants", "parameters", "bound", "level", "multipliers", "weights", "remainder", "n"):
            yield path

    for path in list(walk(document, ())):
        other = copy.deepcopy(document)
        inner: Any = other
        for key in path[:-1]:
            inner = inner[key]
        number = Fraction(inner[path[-1]])
        inner[path[-1]] = inner[path[-1]] + 1 if path[0] == "n" else str(number + (abs(number) or 1) / 10**9)
        yield "/".join(map(str, path)), other


@pytest.mark.parametrize("id", ["gd-smooth-convex-fgap", "gd-strongly-convex-distance", "projected-gd-convex-fgap", "gd-nonconvex-mingrad", "proximal-point"])
def test_a_certificate_with_one_rational_changed_is_rejected(id: str) -> None:
    """Every number is pinned: constants, parameters, bound, level, each multiplier and weight, each entry of the matrix, and n."""
    theorem = catalogue.theorem(id)
    document = cl.certify(theorem, 2).results[0].certificate
    assert document is not None
    accepted = [name for name, other in changed(dict(document)) if check_certificate(theorem, other).wrong is None]

    assert accepted == []


def test_a_certificate_proves_nothing_of_another_method() -> None:
    """The multipliers of gradient descent do not fit a step of 1.9/L, and a bound 0.999 times as large does not follow from them."""
    theorem = catalogue.theorem("gd-smooth-convex-fgap")
    document = cl.certify(theorem, 3).results[0].certificate
    assert document is not None
    longer = replace(theorem.claims[0], algorithm=GradientDescent(sp.Rational(19, 10) * gamma))
    smaller = replace(theorem.claims[0], bound=sp.Rational(999, 1000) * theorem.claims[0].bound)

    assert "matrix" in str(check_certificate(Theorem(id=theorem.id, title="t", claims=(longer,)), document).wrong)
    assert "bound" in str(check_certificate(Theorem(id=theorem.id, title="t", claims=(smaller,)), document).wrong)


def test_the_certificate_of_gradient_descent_checks_by_hand() -> None:
    """The identity, written out without a line of the checker: with x_1 = x_0 - g_0/L on plain vectors, sum y q - (f_1 - f*) = <S, G> - level."""
    document = cl.certify("gd-smooth-convex-fgap", 1, parameters={"L": "5", "R": "3", "gamma": "1/5"}).results[0].certificate
    assert document is not None
    y = {name: Fraction(v) for name, v in document["multipliers"].items()}
    upper = [[Fraction(v) for v in row] for row in document["remainder"]]
    x0, g0, g1 = (Fraction(3), Fraction(1)), (Fraction(-2), Fraction(7)), (Fraction(1, 2), Fraction(-4))          # any vectors, any values
    f = {"*": Fraction(0), "0": Fraction(11), "1": Fraction(-6)}
    zero = (Fraction(0), Fraction(0))

    def dot(a: Any, b: Any) -> Fraction:
        return sum((s * t for s, t in zip(a, b, strict=True)), Fraction(0))

    def less(a: Any, b: Any, factor: Any = 1) -> Any:
        return tuple(s - factor * t for s, t in zip(a, b, strict=True))

    points = {"*": (zero, zero), "0": (x0, g0), "1": (less(x0, g0, Fraction(1, 5)), g1)}

    def q(name: str) -> Fraction:
        (i, (xi, gi)), (j, (xj, gj)) = ((s, points[s]) for s in name[2:-1].split(","))
        return f[j] - f[i] + dot(gj, less(xi, xj)) + dot(less(gi, gj), less(gi, gj)) / 10

    left = sum(v * (dot(x0, x0) - 9 if name == "R" else q(name)) for name, v in y.items()) - f["1"]
    basis = (x0, g0, g1)
    right = sum(upper[i][j - i] * dot(basis[i], basis[j]) * (1 if i == j else 2) for i in range(3) for j in range(i, 3)) - Fraction(document["level"])

    assert left == right


# ---- methods that nobody has seen
@dataclass(frozen=True)
class Extrapolating:
    """Two gradients a step: x - b grad f(x - a grad f(x))."""

    a: Any
    b: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        """At x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: Any) -> Point:
        """One update."""
        return Point(state.x - self.b * oracle.gradient(state.x - self.a * oracle.gradient(state.x)))


def mine(**fields: Any) -> Theorem:
    return Theorem(id="mine", title="mine", **fields)


@pytest.mark.parametrize(("theorem", "n", "expected"), [
    (mine(algorithm=Extrapolating(1 / (2 * L), 1 / (2 * L)), bound=L * R**2 / (k + 1), **convex), 3, PROVED),
    (mine(algorithm=Extrapolating(1 / (2 * L), 1 / L), bound=L * R**2 / (4 * k + 2), **convex), 2, {Status.REFUTED}),
    (mine(algorithm=GradientDescent(1 / L), mode=mean_of(1, 0), grid=cl.from_k(1), bound=L * R**2 / (2 * k), **convex), 3, PROVED),
    (mine(algorithm=GradientDescent(R / (G * sp.sqrt(K + 1))), mode=cl.best_of(0, 0), grid=horizons(3), bound=G * R / sp.sqrt(k + 1), metric=cl.function_gap,
          assumptions=(cl.Convex, cl.Lipschitz, cl.Minimum)), 3, {Status.TIGHT}),
    (mine(algorithm=GradientDescent(R / (G * sp.sqrt(K + 1))), mode=cl.best_of(0, 0), grid=horizons(3), bound=sp.Rational(99, 100) * G * R / sp.sqrt(k + 1),
          metric=cl.function_gap, assumptions=(cl.Convex, cl.Lipschitz, cl.Minimum)), 3, {Status.REFUTED}),
    (mine(algorithm=GradientDescent(1 / L), metric=cl.squared_distance, assumptions=(cl.StronglyConvex, cl.Smooth, cl.Minimum), bound=(1 - mu / L) ** (2 * k) * M0), 2,
     {Status.TIGHT}),
    (mine(algorithm=GradientDescent(1 / L), metric=cl.gradient_norm, assumptions=(cl.Convex, cl.Smooth, cl.Minimum), bound=2 * L * R / (k + 1)), 2, PROVED),
    (mine(algorithm=GradientDescent(sp.sqrt(2) / (2 * L)), bound=L * R**2, **convex), 2, {Status.NUMERICAL}),
], ids=["two gradients", "two gradients, too good", "mean", "subgradients", "subgradients, too good", "Lyapunov", "gradient norm", "irrational"])
def test_new_methods(theorem: Theorem, n: int, expected: set[Status]) -> None:
    """Several gradients a step, means, subgradients at a horizon, the metric at the start, roots; an irrational step has no rational proof."""
    result, = cl.certify(theorem, n).results

    assert result.status in expected, result
    assert (result.certificate is not None) == (result.status in PROVED)


@dataclass(frozen=True)
class Decaying:
    """Gradient descent that pulls towards 0, which is not x*."""

    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        """At x_0."""
        return Point(x0)

    def step(self, state: Point, oracle: Any) -> Point:
        """One update."""
        return Point(state.x / 2 - self.step_size * oracle.gradient(state.x))


def test_a_method_that_knows_where_zero_is_has_no_worst_case() -> None:
    """x* may lie anywhere: the worst case is unbounded, and a far instance refutes the bound."""
    result, = cl.certify(mine(algorithm=Decaying(1 / L), bound=L * R**2 / (4 * k + 2), **convex), 1).results

    assert result.status is Status.REFUTED
    assert result.to_json()["worst_case"] is None
