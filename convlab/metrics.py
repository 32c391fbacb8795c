"""What a claim measures: functions of the algorithm's state and the case, shape (replicates,) or (replicates, ...) for componentwise claims.

A metric is a function of (state, case). `floor` says how its floating-point resolution follows from s, the resolution of a point: below it nothing is
judged. A user's plain function works too; its floor is then measured, by moving the state by s.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from convlab import symbols
from convlab.constants import Array
from convlab.operations import Unsupported, absolute, maximum, norm, norm_squared, sqrt


@dataclass(frozen=True)
class Case:
    """A problem with a start and a point of parameters, in the arithmetic of one run; many cases may be batched along the replicate axis.

    `case[gamma]`, `case[L]` give a value, or (replicates,) of them. `minimiser` has the shape of a start (or with a replicate axis of 1), `minimum` is f*.
    """

    problem: Any
    values: Mapping[symbols.Symbol, Any] = field(default_factory=dict)
    minimiser: Array | None = None
    minimum: Any = None

    def __getitem__(self, symbol: symbols.Symbol) -> Any:
        return self.values[symbol]

    def get(self, symbol: symbols.Symbol, otherwise: Any = None) -> Any:
        """The value of a symbol, or something else where the case has none."""
        return self.values.get(symbol, otherwise)


class Measure(Protocol):
    """What a metric is to the engine."""

    def __call__(self, state: Any, case: Case) -> Array:
        """The measured quantity."""
        ...


Floor = Callable[[Any, Case, Array], Array]      # (state, case, s) -> resolution of the metric


def at_distance(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a distance."""
    return s


def at_squared_distance(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a squared distance D^2: (D + s)^2 - D^2."""
    return s * s + 2 * s * norm(state[0] - case.minimiser)


def at_gap(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a function gap: |g| s + L s^2/2 with |g|^2 <= 2 L gap, or G s where f has kinks."""
    smoothness = case.get(symbols.L)
    if smoothness is None:
        return case.get(symbols.G, 1) * s + cancelled(state, case)
    return cancelled(state, case) + smoothness * s * s / 2 + s * sqrt(2 * smoothness * maximum(gap_of(case.problem, state[0], case.minimum), 0 * s))


def cancelled(state: Any, case: Case) -> Array:
    """What f(x) - f* loses where the problem offers no gap of its own: the rounding of its two values."""
    if hasattr(case.problem, "gap"):
        return 0
    return 4 * np.finfo(float).eps * (absolute(case.problem.value(state[0])) + abs(case.minimum))


def at_gradient(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a gradient norm."""
    return case[symbols.L] * s


def at_squared_gradient(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a squared gradient norm |g|^2: (|g| + L s)^2 - |g|^2."""
    error = case[symbols.L] * s
    return error * error + 2 * error * norm(case.problem.gradient(state[0]))


@dataclass(frozen=True)
class Metric:
    """A named measure with its formula (Typst mathematics), unit and floating-point floor."""

    name: str
    formula: str
    unit: str
    evaluate: Callable[[Any, Case], Array]
    floor: Floor | None = None          # None: measured by moving the state by s
    needs_minimiser: bool = True

    def __call__(self, state: Any, case: Case) -> Array:
        """The measured quantity."""
        return self.evaluate(state, case)


def metric(formula: str, unit: str = "", floor: Floor | None = None, needs_minimiser: bool = True) -> Callable[[Callable[[Any, Case], Array]], Metric]:
    """Decorator: a function of (state, case) as a named metric."""
    return lambda function: Metric(function.__name__.replace("_", " "), formula, unit, function, floor, needs_minimiser)


def gap_of(problem: Any, x: Array, minimum: Any) -> Array:
    """f(x) - f*: the problem's own cancellation-free gap where it offers one. Raises Unsupported where it offers no value or its least one is unknown."""
    if not (hasattr(problem, "gap") or (hasattr(problem, "value") and minimum is not None)):
        raise Unsupported(f"{type(problem).__name__} offers neither gap(x) nor value(x) with a known least value")
    return problem.gap(x) if hasattr(problem, "gap") else problem.value(x) - minimum


@metric("f(x_k) - f^*", "f", at_gap)
def function_gap(state: Any, case: Case) -> Array:
    """f(x) - f*, x the first field of the state."""
    return gap_of(case.problem, state[0], case.minimum)


@metric("norm(x_k - x^*)", "x", at_distance)
def distance_to_minimiser(state: Any, case: Case) -> Array:
    """Distance of x to x*."""
    return norm(state[0] - case.minimiser)


@metric("norm(x_k - x^*)^2", "x^2", at_squared_distance)
def squared_distance(state: Any, case: Case) -> Array:
    """Squared distance of x to x*."""
    return norm_squared(state[0] - case.minimiser)


@metric("norm(nabla f(x_k))", "f/x", at_gradient, needs_minimiser=False)
def gradient_norm(state: Any, case: Case) -> Array:
    """Gradient norm at x."""
    return sqrt(norm_squared(case.problem.gradient(state[0])))


@metric("norm(nabla f(x_k))^2", "f^2/x^2", at_squared_gradient, needs_minimiser=False)
def squared_gradient_norm(state: Any, case: Case) -> Array:
    """Squared gradient norm at x."""
    return norm_squared(case.problem.gradient(state[0]))


@metric("x_k - x^*", "x", at_distance)
def displacement(state: Any, case: Case) -> Array:
    """x - x*, componentwise and with its sign."""
    return state[0] - case.minimiser
