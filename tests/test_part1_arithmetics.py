"""One rule, many arithmetics: on symbols the code of Part I yields its iteration matrices, under JAX's scan it makes the same floats."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import BufferedHeavyBall, HeavyBall, IterateAverage
from convlab.algorithms.nesterov import Nesterov
from convlab.algorithms.proximal import ProximalPoint
from convlab.arithmetic import FLOAT64, SYMBOLIC, cast, jax_arithmetic
from convlab.constants import Array, Number
from convlab.symbols import beta, gamma, lam
from convlab_problems import huber


class Curvature:
    """lam x^2/2 on symbols."""

    def gradient(self, x: Array) -> Array:
        return lam * x

    def prox(self, x: Array, step_size: Number) -> Array:
        return x / (1 + step_size * lam)


def iteration_matrix(algorithm: Any) -> sp.Matrix:
    """The matrix of one update on lam x^2/2, read off `step` at symbols."""
    state = algorithm.init(SYMBOLIC.array([[sp.Symbol("x")]]), Curvature())
    entries = sp.symbols(f"s:{len(state)}")
    after = algorithm.step(type(state)(*(SYMBOLIC.array([[e]]) for e in entries)), Curvature())
    return sp.Matrix([sp.expand(field[0, 0]) for field in after]).jacobian(entries)


EXPECTED: dict[str, tuple[Any, sp.Matrix]] = {
    "gradient-descent": (GradientDescent(gamma), sp.Matrix([[1 - gamma * lam]])),
    "proximal-point": (ProximalPoint(gamma), sp.Matrix([[1 / (1 + gamma * lam)]])),
    "heavy-ball": (HeavyBall(gamma, beta), sp.Matrix([[1 + beta - gamma * lam, -beta], [1, 0]])),
    "buffered": (BufferedHeavyBall(gamma, beta), sp.Matrix([[1 - gamma * lam, -gamma * beta], [lam, beta]])),
    "nesterov": (Nesterov(gamma, beta), sp.Matrix([[0, 1 - gamma * lam], [-beta, (1 + beta) * (1 - gamma * lam)]])),
}


@pytest.mark.parametrize(("algorithm", "expected"), EXPECTED.values(), ids=EXPECTED)
def test_the_code_on_symbols_is_its_iteration_matrix(algorithm: Any, expected: sp.Matrix) -> None:
    """Derived by hand from the formula, compared with what `step` does."""
    assert (iteration_matrix(algorithm) - expected).applyfunc(sp.simplify) == sp.zeros(*expected.shape)


def test_the_forms_of_heavy_ball_have_one_characteristic_polynomial() -> None:
    """Polyak's form, the buffer and the average of iterates are similar matrices."""
    z = sp.Symbol("z")
    polynomials = [sp.expand(iteration_matrix(form(gamma, beta)).charpoly(z).as_expr()) for form in (HeavyBall, BufferedHeavyBall, IterateAverage)]

    assert all(sp.simplify(p - (z**2 - (1 + beta - gamma * lam) * z + beta)) == 0 for p in polynomials)


def test_a_wrong_sign_of_momentum_shows_in_the_matrix() -> None:
    """With -beta the determinant is -beta: a real root of each sign, never the complex pair of heavy ball."""
    assert sp.expand(iteration_matrix(HeavyBall(gamma, -beta)).det()) == -beta
    assert sp.expand(iteration_matrix(HeavyBall(gamma, beta)).det()) == beta


def scanned(algorithm: Any, problem: Any, x0: Array, steps: int) -> Array:
    """x after `steps` updates inside one compiled `lax.scan`."""
    import jax

    with jax.enable_x64(True):
        arithmetic = jax_arithmetic()
        oracle = cast(problem, arithmetic)
        state = algorithm.init(arithmetic.array(x0), oracle)
        final, _ = jax.jit(lambda s: jax.lax.scan(lambda s, _: (algorithm.step(s, oracle), None), s, None, length=steps))(state)
        return np.asarray(final[0])


FLOATING: dict[str, Callable[[float], Any]] = {
    "gradient-descent": GradientDescent,
    "proximal-point": ProximalPoint,
    "nesterov": lambda step: Nesterov(step, 0.4),
    "heavy-ball": lambda step: HeavyBall(step, 0.6),
}


@pytest.mark.parametrize("rule", FLOATING.values(), ids=FLOATING)
def test_jax_makes_the_same_iterates(rule: Callable[[float], Any]) -> None:
    """200 updates from 64 starts agree with NumPy to 1e-12 of the largest coordinate: only the order of roundings may differ."""
    problem = huber.make(Fraction(2, 5), 21, centre=(-4, Fraction(1, 3), 6), threshold=Fraction(5, 3))
    x0 = 40 * np.random.default_rng(7).standard_normal((64, 3))
    oracle = cast(problem, FLOAT64)
    state = rule(0.04).init(x0, oracle)
    for _ in range(200):
        state = rule(0.04).step(state, oracle)

    assert np.abs(scanned(rule(0.04), problem, x0, 200) - state[0]).max() <= 1e-12 * np.abs(x0).max()
    assert np.abs(scanned(rule(0.04), problem, x0, 3) - x0).max() > 1      # it moved, so the agreement is of runs and not of starts
