"""Formal points: what a run on them says is true of every real run, and a step that they cannot follow is refused by name."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.strategies import fractions, integers

import convlab as cl
from convlab import catalogue, symbols
from convlab.algorithms.gradient_descent import GradientDescent, Point
from convlab.arithmetic import RATIONAL, cast
from convlab.metrics import Case
from convlab.operations import Unsupported, norm_squared, sign
from convlab.prove.pep.formal import Quadratic
from convlab.prove.pep.statement import Statement, statement_of
from convlab.run.bind import Binder
from convlab_problems import constrained, huber, nonsmooth, quadratic, sawtooth

POSITIVE = fractions(Fraction(1, 9), 9, max_denominator=40)
GD = catalogue.theorem("gd-smooth-convex-fgap").claims[0]


@dataclass
class Recorded:
    """A real problem that keeps its answers in the order in which a formal oracle names them."""

    problem: Any
    answers: list[Any] = field(default_factory=list)
    seen: dict[Any, Any] = field(default_factory=dict)

    def _asked(self, kind: str, x: Any, answer: Callable[[], Any]) -> Any:
        key = (kind, *x[0])
        if key not in self.seen:
            self.seen[key] = answer()
            self.answers.append(self.seen[key][1][0])
        return self.seen[key][0]

    def gradient(self, x: Any) -> Any:
        g = self.problem.gradient(x)
        return self._asked("gradient", x, lambda: (g, g))

    def gap(self, x: Any) -> Any:
        if not any(key[0] == "value" and key[1:] == tuple(x[0]) for key in self.seen):
            self.gradient(x)
        return self.problem.gap(x)

    def prox(self, x: Any, step: Any) -> Any:
        y = self.problem.prox(x, step)
        self.seen["value", *y[0]] = None
        return self._asked("prox", x, lambda: (y, (x - y) / step))

    def project(self, x: Any) -> Any:
        y = self.problem.project(x)
        return self._asked("project", x, lambda: (y, x - y))


def on_the_instance(form: Quadratic, vectors: list[Any], values: dict[str, Fraction]) -> Fraction:
    """A quantity of a statement, with the vectors and values of a real run."""
    return form.constant + sum(c * values[label] for label, c in form.values.items()) + sum(c * (vectors[i] @ vectors[j]) for (i, j), c in form.square.items())


def violated(statement: Statement, claim: Any, problem: Any, n: int, values: dict[Any, Any]) -> list[str]:
    """The constraints that a real run breaks; and it measures what the statement's metric says."""
    problem = cast(problem, RATIONAL)
    recorded, minimum = Recorded(problem), next(f for f in problem.facts() if hasattr(f, "at"))
    best, start = minimum.at, problem.starts(np.random.default_rng(0))[0].point
    vectors = [best, start - best] + ([problem.gradient(best[None])[0]] if statement.kind.constrained else [])
    binder = Binder(claim.algorithm, values, 2, n, RATIONAL)
    state = binder.at(0).init(start[None], recorded)
    case = Case(recorded, values, best[None], Fraction(0))
    measured = []
    for k in range(n + 1):
        state = state if k == 0 else binder.at(k - 1).step(state, recorded)
        if k in (range(claim.mode.first, n + claim.mode.last + 1) if claim.mode.statistic == "best" else [n]):
            measured.append(claim.metric(state, case)[0])
    vectors += recorded.answers
    assume(len(vectors) == len(statement.oracle.basis))              # a run that meets a point twice names fewer answers
    kept = [vectors[i] for i in statement.kept]
    heights = {"*": Fraction(0)} | {s.value: problem.gap(sum(c * vectors[i] for i, c in s.x.items())[None])[0] for s in statement.oracle.samples if s.name != "*"}
    assert [on_the_instance(m, kept, heights) for m in statement.metrics] == measured
    return [c.name for c in statement.constraints if on_the_instance(c.form, kept, heights) > 0 or (c.equality and on_the_instance(c.form, kept, heights) != 0)]


@given(L=POSITIVE, share=fractions(Fraction(1, 9), Fraction(19, 10), max_denominator=20), R=POSITIVE, place=fractions(Fraction(1, 9), 1, max_denominator=9),
       n=integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_every_inequality_holds_on_a_real_convex_run(L: Fraction, share: Fraction, R: Fraction, place: Fraction, n: int) -> None:
    """On Huber functions and quadratics, in rationals: no constraint of the statement is violated, and its metric is what the run measures."""
    values = {symbols.L: L, symbols.gamma: share / L, symbols.R: R}
    statement = statement_of(GD, values, n)

    assert violated(statement, GD, huber.make(0, L, Fraction(-3, 7), place * R, start=Fraction(-3, 7) + R), n, values) == []
    assert "R" in violated(statement, GD, huber.make(0, L, Fraction(-3, 7), place * R, start=Fraction(-3, 7) + 2 * R), n, values)      # we would notice


@given(mu=POSITIVE, excess=POSITIVE, n=integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_strongly_convex_nonconvex_constrained_and_proximal_runs_obey_theirs(mu: Fraction, excess: Fraction, n: int) -> None:
    """Each class on a member of its own."""
    L, R = mu + excess, Fraction(7, 3)
    values = {symbols.L: L, symbols.mu: mu, symbols.gamma: 1 / (2 * L), symbols.R: R}
    lyapunov = cl.RateBound(algorithm=GradientDescent(symbols.gamma), bound=symbols.L * symbols.R**2, assumptions=(cl.StronglyConvex, cl.Smooth, cl.Minimum),
                            metric=lambda state, case: norm_squared(state.x - case.minimiser) * case[symbols.L] + 2 * case.problem.gap(state.x))
    bowl = quadratic.make((mu, L), 0, start=(R * 3 / 5, R * 4 / 5))
    nonconvex = catalogue.theorem("gd-nonconvex-mingrad").claims[0]
    teeth = sawtooth.make(steps=4, gamma=1 / (2 * L), L=L, c=2, start=0)
    projected, proximal = catalogue.theorem("projected-gd-convex-fgap").claims[0], catalogue.theorem("proximal-point").claims[0]

    assert violated(statement_of(lyapunov, values, n), lyapunov, bowl, n, values) == []
    assert violated(statement_of(nonconvex, {**values, symbols.Delta: Fraction(10**9)}, n), nonconvex, teeth, n, values) == []
    assert violated(statement_of(projected, values, n), projected, constrained.make_half_line(mu / 20, L, start=R), n, values) == []
    assert violated(statement_of(proximal, values, n), proximal, nonsmooth.make(mu / 20, start=R), n, values) == []


def odd(change: Callable[[Any], Any]) -> Any:
    """Gradient descent with something that no combination of points is."""
    @dataclass(frozen=True)
    class Odd:
        def init(self, x0: Any, oracle: Any) -> Point:
            return Point(x0)

        def step(self, state: Point, oracle: Any) -> Point:
            return Point(state.x - change(oracle.gradient(state.x)))

    return Odd()


@pytest.mark.parametrize(("change", "reason"), [
    (sign, "a comparison"), (lambda g: g * g, "a point plus"), (lambda g: g[:, ::-1], "a sum of two coordinates"), (lambda g: g + 1, "a point plus 1"),
    (lambda g: np.concatenate([g[:, :1] / 2, g[:, 1:]], axis=1), "coordinates apart"), (lambda g: g / g.shape[-1], "depends on the dimension"),
])
def test_steps_that_are_no_combinations_of_points_are_refused(change: Callable[[Any], Any], reason: str) -> None:
    """A sign, a product, a permutation, a shift, a preconditioner, a share of the dimension: none gets a worst case, each is named."""
    with pytest.raises(Unsupported, match=reason):
        statement_of(replace(GD, algorithm=odd(change)), {symbols.L: Fraction(3), symbols.R: Fraction(2)}, 2)


def test_what_is_not_assumed_is_not_used() -> None:
    """Without Minimum no inequality speaks of x*; without monotonicity none of <F(z) - F(w), z - w>."""
    gradient = cl.RateBound(algorithm=GradientDescent(1 / symbols.L), metric=cl.squared_gradient_norm, bound=symbols.M0, assumptions=(cl.Convex, cl.Smooth))
    values = {symbols.L: Fraction(3), symbols.mu: Fraction(1, 2), symbols.R: Fraction(2), symbols.M0: Fraction(5), symbols.gamma: Fraction(1, 9)}
    game = replace(catalogue.theorem("gda-strongly-monotone").claims[0], assumptions=(cl.LipschitzOperator, cl.SaddlePoint))

    assert not any(c.name.startswith(("Q(*", "Q(0,*")) for c in statement_of(gradient, values, 1).constraints)
    assert {c.name[0] for c in statement_of(game, values, 2).constraints} == {"L", "R"}


@pytest.mark.parametrize(("id", "reason"), [
    ("svrg-johnson-zhang", "draws at random"), ("heavy-ball-quadratic", "rate bounds"),
    ("gossip-exact-and-gaps", "speaks of mixing"), ("dynamic-loss-scaling", "draws at random"),
])
def test_claims_without_a_worst_case_say_why(id: str, reason: str) -> None:
    found = cl.certify(id, 1)

    assert not found.results
    assert any(reason in skip.reason for skip in found.skipped)
