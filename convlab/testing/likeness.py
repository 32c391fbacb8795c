"""What an optimizer of a well-known kind owes: its rule in every form that libraries give it, its symmetries, how far a step may go, its theorems.

A battery asks these declared properties which checks apply; nothing is decided by the name of a class.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from convlab.adapters.stochastic import Stochastic
from convlab.algorithms.adaptive import AdaGrad, AdaGradInside, Adam, AMSGrad, AMSGradCorrectedAfter, AMSGradCorrectedBefore, RMSProp, RMSPropInside
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import BufferedHeavyBall, ExponentialAverage
from convlab.algorithms.nesterov import BufferedNesterov
from convlab.constants import Array
from convlab.symbols import Delta, L, beta, beta1, beta2, d, gamma, symbol

epsilon = symbol("epsilon", meaning="what keeps a denominator from 0", domain=">= 0", unit="f/x")
accumulator = symbol("accumulator", meaning="what the sum of squares starts at", domain=">= 0", unit="f^2/x^2")

Values = Mapping[Any, float]
SPELLED: Mapping[Any, tuple[Any, ...]] = {      # how libraries call them; (name, place) is an entry of a tuple
    gamma: ("lr", "learning_rate", "step_size"), beta: ("momentum",), beta1: ("b1", "beta1", ("betas", 0)),
    beta2: ("b2", "beta2", "decay", "alpha", "rho", ("betas", 1)), epsilon: ("eps", "epsilon"), accumulator: ("initial_accumulator_value", "accumulator"),
}
TESTED: Values = {gamma: 0.037, beta: 0.7, beta1: 0.8, beta2: 0.95, epsilon: 0.004, accumulator: 0.3}      # far from the defaults, so that none can hide
LATE = 10**9          # an update so late that its bias corrections are 1


@dataclass(frozen=True)
class Form:
    """One way in which a rule is written. `first(g, values)` is what it adds to x at its first gradient."""

    name: str
    algorithm: Any
    first: Callable[[Array, Values], Array]


@dataclass(frozen=True)
class Suspect:
    """A rule that is taken for another one by mistake, and the mistake in words."""

    cause: str
    algorithm: Any


@dataclass(frozen=True)
class Owed:
    """A theorem of the catalogue (or a declaration) that the optimizer obeys; `as_of` makes the algorithm that the theorem speaks of from it."""

    theorem: Any
    as_of: Callable[[Any], Any] | None = None
    claims: tuple[str, ...] = ()
    at: Mapping[Any, float] = field(default_factory=dict)      # hyperparameters at which the theorem speaks of it
    parameters: Mapping[Any, Any] = field(default_factory=dict)      # tunables that are set, so that its condition is judged along the others only


@dataclass(frozen=True)
class Likeness:
    """The declared properties of a kind of optimizers. None or False: not promised."""

    name: str
    roles: tuple[Any, ...] = (gamma,)
    forms: tuple[Form, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    decay: bool | None = None                    # whether weights shrink without a gradient; None: not known
    linear_in_step_size: bool = False            # along given gradients
    linear_in_gradients: bool = False
    translation: bool = False
    permutation: bool = False
    rotation: bool = False
    coordinate_scale: bool = False               # with epsilon and accumulator 0, gradients times a positive number a coordinate change nothing
    elementwise: bool = False                    # parameters may be cut into groups anywhere
    longest: Callable[[int, float, Values], float] | None = None       # update t >= 1, largest |gradient| so far: how far a coordinate may move
    on_quadratic: Callable[[float, Values], tuple[float, ...]] | None = None      # characteristic polynomial of the step on lam x^2/2, from lam
    theorems: tuple[Owed, ...] = ()


# ---- the SGD family: linear in the gradients, blind to the choice of axes
def _linear(name: str, roles: tuple[Any, ...], **declared: Any) -> Likeness:
    return Likeness(name, roles, decay=False, linear_in_step_size=True, linear_in_gradients=True, translation=True, permutation=True, rotation=True,
                    elementwise=True, **declared)


def _geometric(t: int, ratio: float) -> float:
    """1 + ratio + ... + ratio^(t-1)."""
    return sum(ratio**j for j in range(t))


half = sp.Rational(1, 2)
root_step = sp.sqrt(2 * Delta / (d * L)) / 8      # an eighth of the step at which the two terms of its bound are equal after one update
descent_theorems = ("gd-strongly-convex-distance", "gd-smooth-convex-fgap", "gd-nonconvex-mingrad")
UPHILL = "it steps along the gradient, not against it: a wrong sign"

SGD = _linear(
    "sgd", (gamma,),
    forms=(Form("x - gamma g", GradientDescent(gamma), lambda g, v: -v[gamma] * g),),
    suspects=(Suspect(UPHILL, GradientDescent(-gamma)), Suspect("every step is half as long as it should be", GradientDescent(gamma / 2)),
              Suspect("every step is twice as long as it should be", GradientDescent(2 * gamma))),
    longest=lambda t, g, v: v[gamma] * g,
    on_quadratic=lambda lam, v: (1, v[gamma] * lam - 1),
    theorems=(*(Owed(id) for id in descent_theorems), Owed("sgd-sc-const-sharp", Stochastic)))

MOMENTUM = _linear(
    "momentum", (gamma, beta),
    forms=(Form("buffer", BufferedHeavyBall(gamma, beta), lambda g, v: -v[gamma] * g),),
    suspects=(Suspect(UPHILL, BufferedHeavyBall(-gamma, beta)),
              Suspect("the gradient enters its buffer times 1 - momentum: an average, or dampening", ExponentialAverage(gamma, beta)),
              Suspect("its momentum is applied twice: once in the buffer, once more in the step (Nesterov's rule)", BufferedNesterov(gamma, beta)),
              Suspect("it keeps no momentum", GradientDescent(gamma)), Suspect("the momentum has a wrong sign", BufferedHeavyBall(gamma, -beta)),
              Suspect("the momentum is applied twice", BufferedHeavyBall(gamma, beta**2)),
              Suspect("the momentum buffer is added to itself", BufferedHeavyBall(gamma, 2 * beta))),
    longest=lambda t, g, v: v[gamma] * g * _geometric(t, v[beta]),
    on_quadratic=lambda lam, v: (1, v[gamma] * lam - 1 - v[beta], v[beta]),
    theorems=(Owed("heavy-ball-quadratic", parameters={beta: half}),))

NESTEROV = _linear(
    "nesterov", (gamma, beta),
    forms=(Form("buffer", BufferedNesterov(gamma, beta), lambda g, v: -v[gamma] * (1 + v[beta]) * g),),
    suspects=(Suspect(UPHILL, BufferedNesterov(-gamma, beta)), Suspect("it is heavy ball: its gradient is not extrapolated", BufferedHeavyBall(gamma, beta)),
              Suspect("it keeps no momentum", GradientDescent(gamma))),
    longest=lambda t, g, v: v[gamma] * g * (1 + v[beta] * _geometric(t, v[beta])),
    on_quadratic=lambda lam, v: (1, -(1 + v[beta]) * (1 - v[gamma] * lam), v[beta] * (1 - v[gamma] * lam)),
    theorems=(Owed("nesterov-stability", parameters={beta: half}),))


# ---- the adaptive family: blind to the unit of f in each coordinate
def _adaptive(name: str, roles: tuple[Any, ...], **declared: Any) -> Likeness:
    return Likeness(name, roles, decay=False, linear_in_step_size=True, translation=True, permutation=True, coordinate_scale=True, elementwise=True, **declared)


def _outside(square: Callable[[Array, Values], Array], mean: Callable[[Values], float] = lambda v: 1.0) -> Callable[[Array, Values], Array]:
    return lambda g, v: -v[gamma] * mean(v) * g / (np.sqrt(square(g, v)) + v[epsilon])


def _inside(square: Callable[[Array, Values], Array]) -> Callable[[Array, Values], Array]:
    return lambda g, v: -v[gamma] * g / np.sqrt(square(g, v) + v[epsilon])


def _adam_longest(t: int, largest: float, v: Values) -> float:
    """By Cauchy and Schwarz, where beta1^2 < beta2; attained by gradients that grow like (beta2/beta1)^t."""
    q = v[beta1] ** 2 / v[beta2]
    corrected = np.sqrt(1 - v[beta2] ** t) / (1 - v[beta1] ** t)
    return float(v[gamma] * (1 - v[beta1]) / np.sqrt(1 - v[beta2]) * np.sqrt(_geometric(t, q)) * corrected)


def _uncorrected_longest(t: int, largest: float, v: Values) -> float:
    """The larger of the bounds with and without corrections."""
    return _adam_longest(t, largest, v) * max(1.0, float((1 - v[beta1] ** t) / np.sqrt(1 - v[beta2] ** t)))


sign_descent = Owed("sign-descent", parameters={gamma: root_step}, at={beta1: 0.0, beta2: 0.0, epsilon: 1e-300})      # gamma times the sign

ADAGRAD = _adaptive(
    "adagrad", (gamma, epsilon, accumulator),
    forms=(Form("epsilon beside the root", AdaGrad(gamma, epsilon, accumulator), _outside(lambda g, v: g * g + v[accumulator])),
           Form("epsilon inside the root", AdaGradInside(gamma, epsilon, accumulator), _inside(lambda g, v: g * g + v[accumulator]))),
    suspects=(Suspect(UPHILL, AdaGrad(-gamma, epsilon, accumulator)), Suspect("its sum of squares forgets: an average, as in RMSProp", RMSProp(gamma, 0.9, epsilon))),
    longest=lambda t, g, v: v[gamma])

RMSPROP = _adaptive(
    "rmsprop", (gamma, beta2, epsilon),
    forms=(Form("epsilon beside the root", RMSProp(gamma, beta2, epsilon), _outside(lambda g, v: (1 - v[beta2]) * g * g)),
           Form("epsilon inside the root", RMSPropInside(gamma, beta2, epsilon), _inside(lambda g, v: (1 - v[beta2]) * g * g))),
    suspects=(Suspect(UPHILL, RMSProp(-gamma, beta2, epsilon)),
              Suspect("decay and 1 - decay have changed places", RMSProp(gamma, 1 - beta2, epsilon)),
              Suspect("its averages are corrected, as in Adam", Adam(gamma, 0, beta2, epsilon)),
              Suspect("its squares are summed, as in AdaGrad", AdaGrad(gamma, epsilon))),
    longest=lambda t, g, v: float(v[gamma] / np.sqrt(1 - v[beta2])),
    theorems=(sign_descent,))

ADAM = _adaptive(
    "adam", (gamma, beta1, beta2, epsilon),
    forms=(Form("as published", Adam(gamma, beta1, beta2, epsilon), _outside(lambda g, v: g * g)),),
    suspects=(Suspect(UPHILL, Adam(-gamma, beta1, beta2, epsilon)), Suspect("its averages are not corrected for starting at 0", Adam(gamma, beta1, beta2, epsilon, LATE)),
              Suspect("its largest average of squares is kept, as in AMSGrad", AMSGradCorrectedAfter(gamma, beta1, beta2, epsilon)),
              Suspect("beta1 and beta2 have changed places", Adam(gamma, beta2, beta1, epsilon)),
              Suspect("it keeps no average of gradients", Adam(gamma, 0, beta2, epsilon))),
    longest=_adam_longest,
    theorems=(sign_descent,))

AMSGRAD = _adaptive(
    "amsgrad", (gamma, beta1, beta2, epsilon),
    forms=(Form("the maximum of plain averages, corrected after", AMSGradCorrectedAfter(gamma, beta1, beta2, epsilon), _outside(lambda g, v: g * g)),
           Form("the maximum of corrected averages", AMSGradCorrectedBefore(gamma, beta1, beta2, epsilon), _outside(lambda g, v: g * g)),
           Form("as published, nothing corrected", AMSGrad(gamma, beta1, beta2, epsilon),
                _outside(lambda g, v: (1 - v[beta2]) * g * g, lambda v: 1 - v[beta1]))),
    suspects=(Suspect(UPHILL, AMSGradCorrectedAfter(-gamma, beta1, beta2, epsilon)), Suspect("it keeps no maximum: it is Adam", Adam(gamma, beta1, beta2, epsilon))),
    longest=_uncorrected_longest)

UNKNOWN = Likeness("none")
LIKE: Mapping[str, Likeness] = {likeness.name: likeness for likeness in (SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, AMSGRAD)}
