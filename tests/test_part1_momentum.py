"""The forms of heavy ball have the same iterates on any gradients, nonlinear or drawn."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import fractions, lists

from convlab.algorithms.momentum import BufferedHeavyBall, ExponentialAverage, HeavyBall, IterateAverage, StochasticHeavyBall
from convlab.arithmetic import RATIONAL
from convlab.constants import Array
from convlab.draws import Draws

enough = settings(max_examples=50, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
steps = fractions(Fraction(1, 50), 3, max_denominator=50)
momenta = fractions(0, Fraction(19, 20), max_denominator=20)
numbers = fractions(-9, 9, max_denominator=7)


class Cubic:
    """f'(x) = x^3/5 - 2 x: neither linear nor monotone."""

    def gradient(self, x: Array) -> Array:
        return x * x * x / 5 - 2 * x


class Given:
    """The draw is the gradient; what it is drawn from does not matter here."""

    def gradient_draws(self) -> Draws:
        return Draws()

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        return draw


def states(algorithm: Any, x0: Fraction, count: int = 4) -> list[Any]:
    """States along a run on the cubic; four updates, for the digits triple each time."""
    found = [algorithm.init(RATIONAL.array([[x0]]), Cubic())]
    for _ in range(count):
        found.append(algorithm.step(found[-1], Cubic()))
    return found


FORMS: dict[str, Callable[[Fraction, Fraction], Any]] = {
    "buffer": BufferedHeavyBall,
    "exponential-average": lambda step, momentum: ExponentialAverage(step / (1 - momentum), momentum),
    "iterate-average": IterateAverage,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@enough
@given(step=steps, momentum=momenta, x0=numbers)
def test_every_form_follows_polyaks(form: Callable[[Fraction, Fraction], Any], step: Fraction, momentum: Fraction, x0: Fraction) -> None:
    """The iterates are equal as fractions."""
    polyak, other = states(HeavyBall(step, momentum), x0), states(form(step, momentum), x0)

    assert [s.x[0, 0] for s in polyak] == [s.x[0, 0] for s in other]


@enough
@given(step=steps, momentum=momenta, gradients=lists(numbers, min_size=1, max_size=12), x0=numbers)
def test_drawn_gradients_add_up_with_their_weights(step: Fraction, momentum: Fraction, gradients: list[Fraction], x0: Fraction) -> None:
    """x_k = x_0 - step sum_j (1 + momentum + ... + momentum^(k-1-j)) g_j: the closed form of the recursion."""
    algorithm = StochasticHeavyBall(step, momentum)
    state = algorithm.init(RATIONAL.array([[x0]]), Given())
    for g in gradients:
        state = algorithm.step(state, Given(), RATIONAL.array([[g]]))
    weights = [sum(momentum**i for i in range(len(gradients) - j)) for j in range(len(gradients))]

    assert state.x[0, 0] == x0 - step * sum(w * g for w, g in zip(weights, gradients, strict=True))


def test_the_same_step_in_another_form_is_another_method() -> None:
    """The average of gradients at heavy ball's own step is 1 - momentum times as fast, and is noticed at the first update."""
    step, momentum, x0 = Fraction(1, 7), Fraction(3, 5), Fraction(4)
    heavy, slow = (states(rule, x0)[1].x[0, 0] - x0 for rule in (HeavyBall(step, momentum), ExponentialAverage(step, momentum)))

    assert slow == (1 - momentum) * heavy != heavy
