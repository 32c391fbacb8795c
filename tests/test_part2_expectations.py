"""Expectations by independent roads: paths enumerated by hand, the exact moments of the engine, and sampled means."""
from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from convlab import symbols
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, SVRG, LooplessSVRG
from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic, cast
from convlab.constants import Array
from convlab.metrics import squared_distance
from convlab.run.bind import Binder
from convlab.run.cases import Batch, Setting, batch_of
from convlab.run.engine import initial_state, run_sampled
from convlab.run.moments import exact_moments
from convlab.run.recorder import Recorder
from convlab.theorem import every_iterate
from convlab.theorems.variance_reduction import reference_gap, svrg_algorithm, table_lyapunov
from convlab_problems import finite_sum

A, B, X0, STEP = (Fraction(3), Fraction(8), Fraction(1, 2)), (Fraction(-4), Fraction(5, 2), Fraction(20)), Fraction(13), Fraction(1, 25)
SUM = finite_sum.make(A, B, start=X0)
RULES = {"sgd": SGD(STEP), "loopless-svrg": LooplessSVRG(STEP, Fraction(1, 4)), "saga": SAGA(STEP),
         "svrg": SVRG(STEP, take=1 / (symbols.k % 3 + 1), refresh=(symbols.k % 3) * (symbols.k % 3 - 1) / 2)}      # 0, 0, 1 in an epoch of three
each_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def batch(arithmetic: Arithmetic, replicates: int = 1, problem: Any = SUM) -> Batch:
    """The problem from its start."""
    start = problem.starts(np.random.default_rng(0))[0]
    values = {symbols.n: problem.n, symbols.L_max: problem.L_max.value, symbols.mu: problem.mu.value}
    return batch_of([Setting(problem, "sum", start, {symbols.gamma: STEP}, values)] * replicates, arithmetic)


def lifted(rule: Any, metric: Any, last: int, arithmetic: Arithmetic) -> Array:
    """E metric for k = 0 .. last, from the engine's exact moments."""
    one = batch(arithmetic)
    return exact_moments(Binder(rule, one.values, one.x0.ndim, last, arithmetic), one, metric, np.arange(last + 1)).measured[:, 0]


def saga_by_hand(steps: int) -> Fraction:
    """E of the Lyapunov function of SAGA: every path of indices, in plain fractions, from the formulas of the paper."""
    n = len(A)
    best = sum(a * b for a, b in zip(A, B, strict=True)) / sum(A)
    total = Fraction(0)
    for path in product(range(n), repeat=steps):
        x, table = X0, [a * (X0 - b) for a, b in zip(A, B, strict=True)]
        for i in path:
            fresh = A[i] * (x - B[i])
            x -= STEP * (fresh - table[i] + sum(table) / n)
            table[i] = fresh
        total += (x - best) ** 2 + 4 * STEP**2 * sum((y - a * (best - b)) ** 2 for y, a, b in zip(table, A, B, strict=True))
    return total / n**steps


def svrg_by_hand(inner: int) -> Fraction:
    """E f(w_1) - f*: the mean over all paths and over the points x_0 .. x_{m-1}, with no reservoir."""
    n, mean = len(A), sum(A) / len(A)
    best = sum(a * b for a, b in zip(A, B, strict=True)) / sum(A)
    full = sum(a * (X0 - b) for a, b in zip(A, B, strict=True)) / n
    total = Fraction(0)
    for path in product(range(n), repeat=inner):
        x = X0
        for i in path:
            total += mean * (x - best) ** 2 / 2 / inner
            x -= STEP * (A[i] * (x - X0) + full)
    return total / n**inner


@pytest.mark.parametrize("steps", range(6))
def test_saga_agrees_with_paths_enumerated_by_hand(steps: int) -> None:
    """The lift is == in fractions; in floats it loses less than a hundred roundings (1e-13)."""
    truth = saga_by_hand(steps)

    assert lifted(SAGA(STEP), table_lyapunov, 5, RATIONAL)[steps] == truth
    assert abs(lifted(SAGA(STEP), table_lyapunov, 5, FLOAT64)[steps] - float(truth)) <= 1e-13 * float(truth)


@pytest.mark.parametrize("inner", range(1, 6))
def test_the_reservoir_of_svrg_is_uniform_over_the_epoch(inner: int) -> None:
    """Coins of probability 1/(t + 1) choose among x_0 .. x_{m-1} as a uniform draw at the end would, with ==."""
    one = batch(RATIONAL)
    values = {**one.values, symbols.inner_steps: inner}
    binder = Binder(svrg_algorithm, values, one.x0.ndim, inner, RATIONAL)

    assert exact_moments(binder, one, reference_gap, np.array([0, inner])).measured[1, 0] == svrg_by_hand(inner)


@each_rule
def test_floats_and_fractions_follow_the_same_moments(rule: Any) -> None:
    """Eight updates of the lift differ by rounding only (1e-12 relative)."""
    exact, floating = (lifted(rule, squared_distance, 8, arithmetic) for arithmetic in (RATIONAL, FLOAT64))

    assert np.abs(floating / exact.astype(float) - 1).max() <= 1e-12


@each_rule
def test_a_step_leaves_the_state_that_it_was_given_alone(rule: Any) -> None:
    """The same state is stepped with every draw: what one branch writes must not reach the next."""
    one = batch(FLOAT64)
    algorithm = Binder(rule, one.values, one.x0.ndim, 3, FLOAT64).at(1)
    state = initial_state(Binder(rule, one.values, one.x0.ndim, 3, FLOAT64), one)
    before = [field.copy() for field in state]
    for draw, _ in algorithm.draws(one.case.problem).branches(1, state):
        algorithm.step(state, one.case.problem, draw)

    assert all((now == then).all() for now, then in zip(state, before, strict=True))


@each_rule
def test_sampled_means_agree_with_exact_moments(rule: Any) -> None:
    """4,096 seeded replicates over 12 updates lie within five standard errors of the exact value at every k (a miss in 2e6 each)."""
    many, replicates = batch(FLOAT64, 4096), 4096
    binder = Binder(rule, many.values, many.x0.ndim, 12, FLOAT64)
    recorder = Recorder(squared_distance, many.case, every_iterate)
    run_sampled(binder, many.case.problem, initial_state(binder, many), np.arange(13), recorder, replicates, (7, "sampled"))
    measured = recorder.record(None).measured
    error = measured.std(axis=1, ddof=1) / np.sqrt(replicates)

    exact = lifted(rule, squared_distance, 12, FLOAT64)
    assert (np.abs(measured.mean(axis=1) - exact) <= 5 * error + 1e-12 * exact).all()




def test_sgd_stalls_where_variance_reduction_converges() -> None:
    """At one constant step SGD tends to gamma^2 sigma_*^2/(1 - mean (1 - gamma a_i)^2), the others to zero: exact moments see both."""
    problem = cast(SUM, FLOAT64)
    plateau = float(STEP) ** 2 * problem.noise_at_minimiser() / (1 - np.mean([(1 - float(STEP * a)) ** 2 for a in A]))

    assert lifted(RULES["sgd"], squared_distance, 400, FLOAT64)[-1] == pytest.approx(plateau, rel=1e-9)     # the transient is (1 - gamma mu)^400 < 1e-15
    assert lifted(RULES["saga"], squared_distance, 400, FLOAT64)[-1] < 1e-9 * plateau
    assert lifted(RULES["loopless-svrg"], squared_distance, 400, FLOAT64)[-1] < 1e-9 * plateau
