"""Certificates of a worst case: multipliers of interpolation inequalities, checked for the algorithm's own steps in rationals.

Points and gradients are vectors of coordinates in the abstract basis (x_0 - x*, g_0, ..., g_N): the oracle answers each new point with the next basis
vector, so the run itself says how x_1, ..., x_N are made. With L = 1 a convex smooth function obeys, for all points i, j (x* with gradient 0),

    Q(i, j) = f_j - f_i + <g_j, x_i - x_j> + |g_i - g_j|^2/2 <= 0.

If the f-part of sum lam Q is f_N - f*, and B |x_0 - x*|^2 plus its quadratic part is positive semidefinite, then f_N - f* <= B |x_0 - x*|^2.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import RATIONAL, SYMBOLIC
from convlab.assumptions import Convex, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.operations import Unsupported
from convlab.prove.formulas import formula
from convlab.prove.proof import Finding
from convlab.prove.reading import Unreadable
from convlab.run.bind import Binder
from convlab.theorem import Multipliers, RateBound


@dataclass(frozen=True)
class GramOracle:
    """A function known by its gradients alone: the i-th new point gets basis vector i + 1, a point seen before its old answer."""

    size: int
    seen: dict[tuple[Fraction, ...], int] = field(default_factory=dict)

    def gradient(self, x: Array) -> Array:
        """(1, size): a basis vector."""
        index = self.seen.setdefault(tuple(x[0]), len(self.seen))
        if index + 1 >= self.size:
            raise Unreadable(f"the run asks for more gradients than the {self.size - 1} of a certificate with one gradient a step")
        return basis_vector(index + 1, self.size)


def basis_vector(index: int, size: int) -> Array:
    """(1, size) with a one at index."""
    return np.array([[Fraction(int(i == index)) for i in range(size)]], dtype=object)


def points_of_run(algorithm: Any, horizon: int, parameters: Mapping[Any, Any]) -> list[Array]:
    """x_0 .. x_N relative to x*, each (N + 2,), in the order in which gradients were taken, x_N last. Raises Unreadable."""
    oracle = GramOracle(horizon + 2)
    binder = Binder(algorithm, {s: Fraction(str(value)) for s, value in parameters.items()}, 2, horizon, RATIONAL)
    try:
        state = binder.at(0).init(basis_vector(0, oracle.size), oracle)
        for k in range(horizon):
            state = binder.at(k).step(state, oracle)
    except (Unsupported, TypeError, AttributeError) as error:
        raise Unreadable(f"the step does not run on Gram vectors: {error}") from error
    oracle.gradient(state[0])
    points = [np.array(seen, dtype=object) for seen in oracle.seen]
    if len(points) != horizon + 1 or tuple(state[0][0]) != tuple(points[-1]):
        raise Unreadable(f"N = {horizon}: the run takes gradients at {len(points)} points, the certificate speaks of {horizon + 1}")
    return points


def certificate_residual(points: list[Array], multipliers: Mapping[tuple[Any, Any], Any], constant: Any) -> str | None:
    """None if the multipliers prove f_N - f* <= constant |x_0 - x*|^2 at L = 1, else what is wrong."""
    last, size = len(points) - 1, len(points) + 1
    zero = np.array([Fraction(0)] * size, dtype=object)
    place: dict[Any, Array] = {"*": zero, **dict(enumerate(points))}
    slope: dict[Any, Array] = {"*": zero, **{i: basis_vector(i + 1, size)[0] for i in range(last + 1)}}
    values: dict[Any, Fraction] = dict.fromkeys(place, Fraction(0))
    form = RATIONAL.number(constant) * np.outer(basis_vector(0, size)[0], basis_vector(0, size)[0])
    for (i, j), given in multipliers.items():
        if i not in place or j not in place:
            return f"Q({i}, {j}) speaks of a point that the run does not have: 0 .. {last} or '*'"
        try:
            weight = RATIONAL.number(given)
        except (TypeError, ValueError):
            return f"the multiplier of Q({i}, {j}) is {given}, no rational number"
        if weight < 0:
            return f"the multiplier of Q({i}, {j}) is {weight} < 0"
        values[j] += weight
        values[i] -= weight
        form = form + weight * (_symmetric(slope[j], place[i] - place[j]) + _symmetric(slope[i] - slope[j], slope[i] - slope[j]) / 2)
    wanted = {**dict.fromkeys(place, Fraction(0)), last: Fraction(1), "*": Fraction(-1)}
    left = {i: values[i] - wanted[i] for i in values if values[i] != wanted[i]}
    if left:
        return f"function values are left over: {', '.join(f'{coefficient} f_{i}' for i, coefficient in left.items())}"
    return semidefinite_residual(form)


def semidefinite_residual(form: Array) -> str | None:
    """None if a symmetric rational matrix is positive semidefinite (LDL^T: no negative pivot, and a zero pivot only with a zero row)."""
    work = form.copy()
    for i in range(len(work)):
        pivot = work[i, i]
        if pivot < 0:
            return f"the quadratic form is indefinite: pivot {i} of its LDL^T is {pivot}"
        if pivot == 0:
            if any(entry != 0 for entry in work[i, i + 1:]):
                return f"the quadratic form is indefinite: pivot {i} of its LDL^T is 0 and its row is not"
            continue
        below = work[i + 1:, i] / pivot
        work[i + 1:, i + 1:] = work[i + 1:, i + 1:] - np.outer(below, work[i, i + 1:])
    return None


def prove_multipliers(fact: Multipliers, claim: Any, algorithm: Any) -> Finding:
    """Every horizon: the certificate, and that its constant is at most the claimed bound."""
    held = tuple(getattr(claim, "assumptions", ()))
    if Smooth not in held or not {Convex, StronglyConvex} & set(held):
        return Finding("the interpolation inequalities need a convex and smooth function, and the claim does not assume one")
    shown: list[tuple[str, Any]] = []
    for horizon in fact.horizons:
        points = points_of_run(algorithm, horizon, fact.parameters)
        constant = fact.constant(horizon)
        residual = certificate_residual(points, fact.multipliers(horizon), constant) or _weaker_than_claimed(claim, fact, horizon, constant)
        if residual is not None:
            return Finding(f"N = {horizon}: {residual}", (), tuple(shown))
        shown.append((f"N = {horizon}: f(x_N) - f* <= B |x_0 - x*|^2 with B", SYMBOLIC.number(constant)))
    step = f"for N = {', '.join(map(str, fact.horizons))}: the multipliers are nonnegative, the function values cancel, and an LDL^T in rationals has no negative pivot"
    return Finding(None, (step,), tuple(shown))


def _weaker_than_claimed(claim: Any, fact: Multipliers, horizon: int, constant: Any) -> str | None:
    if not isinstance(claim, RateBound) or not isinstance(claim.bound, sp.Basic):
        return None
    at = {symbols.k: horizon, symbols.K: horizon, symbols.L: 1, symbols.R: 1}
    claimed = claim.bound.subs({s: formula(value) for s, value in fact.parameters.items()}).subs(at)
    return None if claimed.is_number and SYMBOLIC.number(constant) <= claimed else f"the certificate proves the constant {constant}, the claim says {claimed}"


def _symmetric(a: Array, b: Array) -> Array:
    return (np.outer(a, b) + np.outer(b, a)) / Fraction(2)
