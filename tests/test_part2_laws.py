"""Laws of the stochastic rules: origin, units of f and the order of components do not matter, and in limiting cases they are gradient descent."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import fractions, integers, lists, tuples

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, SVRG, LooplessSVRG
from convlab.arithmetic import FLOAT64, RATIONAL, cast, jax_arithmetic
from convlab.constants import Array, Number
from convlab_problems import finite_sum

EPOCH = 3
HALF = Fraction(1, 2)
Schedule = Callable[[int], Any]


def svrg(step: Number) -> Schedule:
    """SVRG with epochs of three steps."""
    return lambda k: SVRG(step, take=Fraction(1, k % EPOCH + 1), refresh=int(k % EPOCH == EPOCH - 1))


RULES: dict[str, Callable[[Number], Schedule]] = {
    "sgd": lambda step: lambda k: SGD(step),
    "svrg": svrg,
    "loopless-svrg": lambda step: lambda k: LooplessSVRG(step, HALF),
    "saga": lambda step: lambda k: SAGA(step),
}
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)

positive = fractions(Fraction(1, 20), 40, max_denominator=20)
real = fractions(-60, 60, max_denominator=20)
components = lists(tuples(positive, real), min_size=2, max_size=4)
steps_given = lists(tuples(integers(0, 11), integers(0, 1)), min_size=5, max_size=7)      # (index, coin) of each update


def final_state(schedule: Schedule, problem: Any, x0: Array, taken: list[tuple[Any, Any]]) -> Any:
    """The state after updates with given draws: (index, coin), numbers or one a replicate."""
    state = schedule(0).init(x0, problem)
    for k, (index, coin) in enumerate(taken):
        algorithm = schedule(k)
        draws = algorithm.draws(problem)
        values = {"index": index, "coin": coin}
        each = {name: np.broadcast_to(np.asarray(values[name]), (len(x0),)) for name in draws}
        state = algorithm.step(state, problem, draws.draw(**each))
    return state


def within(taken: list[tuple[int, int]], n: int) -> list[tuple[int, int]]:
    """The same draws for n components; a coin of probability 1 shows 1."""
    return [(index % n, coin if k % EPOCH else 1) for k, (index, coin) in enumerate(taken)]


def row(*values: Any) -> Array:
    """One replicate, in fractions."""
    return RATIONAL.array([list(values)])


@each_rule
@given(parts=components, x=real, taken=steps_given, shift=real)
def test_the_origin_does_not_matter(rule: Any, parts: Any, x: Any, taken: Any, shift: Any) -> None:
    """Moving every centre and the start moves the iterates."""
    curvatures, centres = zip(*parts, strict=True)
    moves = within(taken, len(parts))
    here = final_state(rule(Fraction(1, 30)), finite_sum.make(curvatures, centres), row(x), moves)
    there = final_state(rule(Fraction(1, 30)), finite_sum.make(curvatures, [b + shift for b in centres]), row(x + shift), moves)

    assert there.x[0, 0] == here.x[0, 0] + shift


@each_rule
@given(parts=components, x=real, taken=steps_given, scale=positive)
def test_the_unit_of_f_does_not_matter(rule: Any, parts: Any, x: Any, taken: Any, scale: Any) -> None:
    """f -> c f with gamma -> gamma/c leaves the iterates alone."""
    curvatures, centres = zip(*parts, strict=True)
    moves = within(taken, len(parts))
    here = final_state(rule(Fraction(1, 30)), finite_sum.make(curvatures, centres), row(x), moves)
    there = final_state(rule(Fraction(1, 30) / scale), finite_sum.make([scale * a for a in curvatures], centres), row(x), moves)

    assert there.x[0, 0] == here.x[0, 0]


@each_rule
@given(parts=components, x=real, taken=steps_given)
def test_the_names_of_components_do_not_matter(rule: Any, parts: Any, x: Any, taken: Any) -> None:
    """Reversing the components and the indices gives the same iterates."""
    curvatures, centres = zip(*parts, strict=True)
    moves = within(taken, len(parts))
    here = final_state(rule(Fraction(1, 30)), finite_sum.make(curvatures, centres), row(x), moves)
    there = final_state(rule(Fraction(1, 30)), finite_sum.make(curvatures[::-1], centres[::-1]), row(x), [(len(parts) - 1 - i, c) for i, c in moves])

    assert there.x[0, 0] == here.x[0, 0]


@given(curvature=positive, centre=real, x=real, step=fractions(Fraction(1, 90), Fraction(1, 3), max_denominator=90), taken=steps_given)
@pytest.mark.parametrize("name", ["sgd", "loopless-svrg", "saga"])
def test_one_component_is_gradient_descent(name: str, curvature: Any, centre: Any, x: Any, step: Any, taken: Any) -> None:
    """With n = 1 there is nothing to draw, and corrections cancel."""
    problem = finite_sum.make((curvature,), (centre,))
    moves = [(0, coin) for _, coin in taken]
    expected = GradientDescent(step).init(row(x), problem)
    for _ in moves:
        expected = GradientDescent(step).step(expected, problem)

    assert final_state(RULES[name](step), problem, row(x), moves).x[0, 0] == expected.x[0, 0]


@given(curvature=positive, centre=real, x=real, coins=tuples(integers(0, 1), integers(0, 1)))
def test_one_component_is_gradient_descent_within_an_epoch_of_svrg(curvature: Any, centre: Any, x: Any, coins: Any) -> None:
    """Two steps of an epoch of three are gradient descent; the third goes back to one of the points that were stepped from."""
    problem, step = finite_sum.make((curvature,), (centre,)), Fraction(1, 30)
    path = [row(x)]
    for _ in range(2):
        path.append(path[-1] - step * problem.gradient(path[-1]))
    moves = [(0, 1), *((0, coin) for coin in coins)]

    assert (final_state(svrg(step), problem, row(x), moves[:2]).x == path[2]).all()
    ended = final_state(svrg(step), problem, row(x), moves)
    assert any((ended.x == point).all() for point in path)
    assert (ended.reference == ended.x).all()
    assert (ended.full == problem.gradient(ended.x)).all()


@given(parts=components, x=real, taken=steps_given)
def test_a_sure_coin_leaves_the_reference_one_step_behind(parts: Any, x: Any, taken: Any) -> None:
    """L-SVRG with p = 1: w_{k+1} = x_k."""
    curvatures, centres = zip(*parts, strict=True)
    problem = finite_sum.make(curvatures, centres)
    moves = [(index, 1) for index, _ in within(taken, len(parts))]
    before, after = (final_state(RULES["loopless-svrg"](Fraction(1, 30)), problem, row(x), moves[:end]) for end in (-1, None))

    assert (after.reference == before.x).all()


@given(parts=components, x=real, taken=steps_given)
def test_the_table_of_saga_holds_the_last_gradient_seen_of_each_component(parts: Any, x: Any, taken: Any) -> None:
    """Entry i is f_i' at the point where i was drawn last, or at x_0."""
    curvatures, centres = zip(*parts, strict=True)
    problem = finite_sum.make(curvatures, centres)
    moves = within(taken, len(parts))
    seen = [row(x)] * len(parts)
    for end, (index, _) in enumerate(moves):
        seen[index] = final_state(RULES["saga"](Fraction(1, 30)), problem, row(x), moves[:end]).x
    table = final_state(RULES["saga"](Fraction(1, 30)), problem, row(x), moves).table[0, :, 0]

    assert list(table) == [a * (point[0, 0] - b) for a, b, point in zip(curvatures, centres, seen, strict=True)]


@each_rule
@pytest.mark.parametrize("member", list(finite_sum.members()), ids=lambda member: member.name)
def test_floats_fractions_and_jax_agree_on_the_same_draws(rule: Any, member: Any) -> None:
    """Three arithmetics, one rule: twelve updates lose at most some hundred roundings (1e-12 of the largest coordinate met)."""
    import jax

    rng, exact = np.random.default_rng(11), cast(member.problem, RATIONAL)
    x0 = np.stack([start.point for start in exact.starts(rng)])
    moves = [(rng.integers(exact.n, size=len(x0)), rng.integers(2, size=len(x0)) if k % EPOCH else np.ones(len(x0), dtype=int)) for k in range(12)]
    step = Fraction(1, 5) / exact.L_max.value
    truth = final_state(rule(step), exact, x0, moves).x.astype(float)
    floating = final_state(rule(float(step)), cast(exact, FLOAT64), x0.astype(float), moves).x
    with jax.enable_x64(True):
        arithmetic = jax_arithmetic()
        compiled = np.asarray(final_state(rule(float(step)), cast(exact, arithmetic), arithmetic.array(x0.astype(float)), moves).x)
    size = np.abs(x0.astype(float)).max() + 100

    assert np.abs(floating - truth).max() <= 1e-12 * size
    assert np.abs(compiled - floating).max() <= 1e-12 * size


@pytest.mark.parametrize(("name", "calls"), [("sgd", 6), ("saga", 6), ("loopless-svrg", 6 * (2 + 2)), ("svrg", 6 * 2 + 2 * 4)])
def test_declared_costs_are_the_calls_that_a_frugal_run_makes(name: str, calls: int) -> None:
    """SGD and SAGA one component gradient a step, L-SVRG 2 + p n in expectation, SVRG 2 and n more where an epoch ends."""
    problem = finite_sum.make((3, 5, 8, 2), (1, -6, 9, 4))

    assert sum(RULES[name](Fraction(1, 90))(k).cost(problem).component_gradients for k in range(2 * EPOCH)) == calls


def test_a_stale_snapshot_would_be_noticed() -> None:
    """An SVRG that moves its reference but keeps the old full gradient is no longer gradient descent for n = 1: the law above fails."""
    problem, step = finite_sum.make((7,), (2,)), Fraction(1, 30)
    fresh = final_state(svrg(step), problem, row(11), [(0, 1), (0, 1), (0, 1)])
    stale = fresh._replace(full=problem.gradient(row(11)))
    algorithm = svrg(step)(3)
    draw = algorithm.draws(problem).draw(index=np.array([0]), coin=np.array([1]))

    assert (algorithm.step(fresh, problem, draw).x == fresh.x - step * problem.gradient(fresh.x)).all()
    assert (algorithm.step(stale, problem, draw).x != fresh.x - step * problem.gradient(fresh.x)).all()
