"""The adaptive algorithms: their laws in exact numbers, and their steps against those of torch and optax."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.algorithms.adaptive import (
    AdaGrad,
    AdaGradInside,
    Adam,
    AMSGrad,
    AMSGradCorrectedAfter,
    AMSGradCorrectedBefore,
    RMSProp,
    RMSPropInside,
)
from convlab.arithmetic import FLOAT64
from convlab.run.bind import Binder


@dataclass(frozen=True)
class Recorded:
    """Answers the k-th call with the k-th of some gradients, whatever the point."""

    gradients: list[np.ndarray]

    def gradient(self, x: Any) -> Any:
        return self.gradients.pop(0)


def path(algorithm: Any, x0: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """x_0, x_1, ... along given gradients (updates, 1, dimension)."""
    oracle = Recorded(list(gradients))
    binder, state = Binder(algorithm, {}, 2, len(gradients), FLOAT64), algorithm.init(x0, None)
    found = [state.x]
    for k in range(len(gradients)):
        state = binder.at(k).step(state, oracle)
        found.append(state.x)
    return np.array(found)


RULES = (AdaGrad(0.3), AdaGradInside(0.3), RMSProp(0.3, 0.7), RMSPropInside(0.3, 0.7), Adam(0.3, 0.8, 0.95), AMSGrad(0.3, 0.8, 0.95),
         AMSGradCorrectedAfter(0.3, 0.8, 0.95), AMSGradCorrectedBefore(0.3, 0.8, 0.95))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 2**16))
def test_without_epsilon_a_coordinate_does_not_know_its_unit_of_f(rule: Any, scale: float, seed: int) -> None:
    """Gradients times a positive number, coordinate by coordinate, leave every step as it was."""
    gradients = np.random.default_rng(seed).normal(size=(9, 1, 3))
    factors = np.array([1.0, scale, 1 / scale])
    plain, scaled = path(rule, np.zeros((1, 3)), gradients), path(rule, np.zeros((1, 3)), gradients * factors)
    assert np.allclose(plain, scaled, rtol=1e-12, atol=1e-13)       # a dozen roundings an update, nine updates of size 0.3


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_coordinate_without_gradients_stays(rule: Any) -> None:
    """0/0 is 0, also with epsilon = 0."""
    assert path(rule, np.array([[5.0, -7.0]]), np.array([[[2.0, 0.0]]] * 4))[:, 0, 1].tolist() == [-7.0] * 5


def test_the_first_step_of_adam_has_the_length_of_the_step_size_exactly() -> None:
    """In rationals: mean and root mean square of one gradient are both its size, whatever beta1 and beta2."""
    x = np.array([[Fraction(11), Fraction(-3)]], dtype=object)
    adam = Adam(Fraction(2, 7), Fraction(4, 5), Fraction(3, 4), update=1)
    moved = adam.step(adam.init(x, None), Recorded([np.array([[Fraction(900, 7), Fraction(-1, 35)]], dtype=object)])).x - x
    assert moved.tolist() == [[Fraction(-2, 7), Fraction(2, 7)]]


def test_the_three_forms_of_amsgrad_differ() -> None:
    """A form taken for another would be seen."""
    gradients = np.random.default_rng(5).normal(size=(12, 1, 2))
    ends = [path(rule, np.zeros((1, 2)), gradients)[-1, 0, 0] for rule in RULES[5:]]
    assert min(abs(a - b) for a, b in ((ends[0], ends[1]), (ends[0], ends[2]), (ends[1], ends[2]))) > 0.01


def test_the_correction_of_adam_is_seen_from_the_first_step() -> None:
    """Without the schedule (every update taken for a late one) the first step is (1 - beta1)/sqrt(1 - beta2) as long."""
    gradients = np.array([[[3.0]]])
    right, late = (path(rule, np.zeros((1, 1)), gradients)[1, 0, 0] for rule in (RULES[4], replace(RULES[4], update=10**6)))
    assert right == pytest.approx(-0.3, rel=1e-14)                  # a handful of roundings
    assert late == pytest.approx(-0.3 * 0.2 / 0.05**0.5, rel=1e-13)
