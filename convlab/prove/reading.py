"""Read an algorithm's own code with symbols in place of numbers: its step on lam x^2/2, and expectations over what it draws.

The problem is the scalar quadratic with its minimiser at 0, so that the point is x - x*. A quadratic in any dimension splits into such scalars along its
eigenvectors, for a step that combines points, gradients and noise linearly acts on each eigendirection by itself.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from convlab.arithmetic import SYMBOLIC, cast
from convlab.constants import Array
from convlab.draws import Draws, Noise
from convlab.operations import Unsupported
from convlab.prove.formulas import formula
from convlab.symbols import Role, Symbol, lam, lambda_2, sigma


class Unreadable(ValueError):
    """The step does not run on symbols, or is not what the fact is about; the message says why."""


@dataclass(frozen=True)
class ScalarQuadratic:
    """lam x^2/2 with every oracle that makes sense on it; its stochastic gradient adds noise of mean 0 and variance sigma^2.

    As a finite sum it has two components with gradients lam x +- sigma; as a network two equal workers, whose mixing matrix has eigenvalues 1 and lambda_2.
    """

    curvature: Any = lam
    n: int = 2
    workers: int = 2
    dimension: int = 1

    def value(self, x: Array) -> Array:
        """lam |x|^2/2."""
        return (self.curvature * x * x / 2).sum(axis=-1)

    gap = value

    def gradient(self, x: Array) -> Array:
        """lam x."""
        return self.curvature * x

    operator = gradient

    def prox(self, x: Array, step_size: Any) -> Array:
        """x/(1 + step_size lam)."""
        return x / (1 + step_size * self.curvature)

    def project(self, x: Array) -> Array:
        """x: nothing is constrained."""
        return x

    def gradient_draws(self) -> Draws:
        """Noise of which only mean and variance are known."""
        return Draws(noise=Noise(np.array([[sigma**2]], dtype=object)))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """lam x + noise."""
        return self.gradient(x) + draw.noise

    def sample_gradients(self, x: Array) -> Array:
        """lam x - sigma and lam x + sigma (of more components than two: lam x)."""
        shifts = [-sigma, sigma] if self.n == 2 else [sp.Integer(0)] * self.n
        return self.gradient(x)[:, None, :] + np.array(shifts, dtype=object)[:, None]

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """That of the drawn component."""
        return self.gradient(x) + (sigma * (2 * np.asarray(index, dtype=object) - 1)).reshape((-1,) + (1,) * (x.ndim - 1))

    def worker_gradients(self, x: Array) -> Array:
        """lam x at each worker."""
        return np.repeat(self.gradient(x)[:, None, :], self.workers, axis=1) if x.ndim == 2 else self.gradient(x)

    def mix(self, x: Array) -> Array:
        """W x."""
        mean = x.sum(axis=1, keepdims=True) / self.workers
        return mean + lambda_2 * (x - mean)


@dataclass(frozen=True)
class PlanarGame:
    """One singular plane of a quadratic game, its saddle at 0: F(x, y) = (pull x + turn y, pull y - turn x), (replicates, 2). A bilinear game has pull 0."""

    pull: Any
    turn: Any
    dimension: int = 2

    def operator(self, z: Array) -> Array:
        """F(z)."""
        x, y = z[:, 0], z[:, 1]
        return np.stack([self.pull * x + self.turn * y, self.pull * y - self.turn * x], axis=1)


def symbolic(algorithm: Any, sizes: Mapping[Any, Any]) -> Any:
    """The algorithm with its fields in symbolic arithmetic, sizes replaced by integers; schedules in k stay expressions in k."""
    return cast(_sized(algorithm, sizes), SYMBOLIC)


def _sized(algorithm: Any, sizes: Mapping[Any, Any]) -> Any:
    changed = {}
    for f in fields(algorithm):
        given = getattr(algorithm, f.name)
        if isinstance(given, sp.Basic):
            chosen = {s: sizes.get(s, 2) for s in given.free_symbols if isinstance(s, Symbol) and s.role is Role.SIZE}
            value = given.subs(chosen) if chosen else given
            changed[f.name] = int(value) if chosen and value.is_Integer else value
        elif is_dataclass(given) and not isinstance(given, type):
            changed[f.name] = _sized(given, sizes)
        elif callable(given) and not hasattr(given, "law"):
            raise Unreadable(f"{f.name} is a function of the horizon, not an expression")
    return replace(algorithm, **changed)


def point(symbol: Any) -> Array:
    """One replicate of a one-dimensional point."""
    return np.array([[symbol]], dtype=object)


def first_state(algorithm: Any, oracle: Any, start: Any) -> Any:
    """`init` at a symbol."""
    return _run(lambda: algorithm.init(point(start), oracle))


@dataclass(frozen=True)
class Outcome:
    """One branch of a step: its probability, the state after it, and the symbols that stand for noise, with their second moments."""

    weight: Any
    state: Any
    noise: Mapping[tuple[Any, Any], Any]


def outcomes(algorithm: Any, oracle: Any, state: Any) -> list[Outcome]:
    """Every branch of one step from a symbolic state; a single sure one where nothing is drawn."""
    if not hasattr(algorithm, "draws"):
        return [Outcome(sp.Integer(1), _run(lambda: algorithm.step(state, oracle)), {})]
    draws = _run(lambda: algorithm.draws(oracle))
    noisy = {name: law for name, law in draws.items() if isinstance(law, Noise)}
    values, moments = _noise(noisy)
    found = []
    for draw, weight in draws.without(*noisy).branches(1, state):
        if weight is None:
            raise Unreadable("an adversary chooses a draw: there is no expectation")
        full = draws.draw(**draw._asdict(), **values)
        weight = SYMBOLIC.number(weight.reshape(-1)[0] if isinstance(weight, np.ndarray) else weight)
        found.append(Outcome(weight, _run(lambda full=full: algorithm.step(state, oracle, full)), moments))  # type: ignore[misc]
    return found


def _noise(laws: Mapping[str, Noise]) -> tuple[dict[str, Array], dict[tuple[Any, Any], Any]]:
    values: dict[str, Array] = {}
    moments: dict[tuple[Any, Any], Any] = {}
    for name, law in laws.items():
        size = law.covariance.shape[0]
        cells = [sp.Symbol(f"{name}_{i}", real=True) for i in range(size)]
        values[name] = np.array([cells], dtype=object)
        moments |= {(cells[i], cells[j]): SYMBOLIC.number(law.covariance[i, j]) for i in range(size) for j in range(size)}
    return values, moments


def expectation(branches: list[Outcome], function: Callable[[Any], Any]) -> Any:
    """E of an expression in the next state, from the first two moments of the noise. Raises Unreadable where more moments are needed."""
    return sp.expand(sum(branch.weight * _without_noise(sp.expand(function(branch.state)), branch.noise) for branch in branches))


def _without_noise(expression: Any, moments: Mapping[tuple[Any, Any], Any]) -> Any:
    cells = sorted({cell for pair in moments for cell in pair}, key=str)
    if not cells:
        return expression
    if not expression.is_polynomial(*cells) or sp.Poly(expression, *cells).total_degree() > 2:
        raise Unreadable("only mean and covariance of the noise are known, and the step needs more")
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(expression, *cells).terms():
        used = [cell for cell, power in zip(cells, powers, strict=True) for _ in range(power)]
        total += coefficient * (moments.get((used[0], used[1]), 0) if len(used) == 2 else 0 if used else 1)
    return total


@dataclass(frozen=True)
class StateSymbols:
    """A state whose every entry is a symbol, and these symbols in order."""

    state: Any
    symbols: tuple[Any, ...]


def symbolic_state(algorithm: Any, oracle: Any) -> StateSymbols:
    """The state that `init` makes, with a symbol of its own in every entry."""
    start = np.array([[sp.Symbol(f"x_0_{i}", real=True) for i in range(oracle.dimension)]], dtype=object)
    made = _run(lambda: algorithm.init(start, oracle))
    names = getattr(made, "_fields", None)
    if names is None:
        raise Unreadable("the state is no NamedTuple of arrays")
    symbols: list[Any] = []
    entries = []
    for name, value in zip(names, made, strict=True):
        shape = np.shape(value)
        count = int(np.prod(shape))
        here = [sp.Symbol(name if count == 1 else f"{name}_{i}", real=True) for i in range(count)]
        symbols += here
        entries.append(np.array(here, dtype=object).reshape(shape))
    return StateSymbols(type(made)(*entries), tuple(symbols))


def flat(state: Any) -> list[Any]:
    """All entries of a state in order."""
    return [formula(entry) for value in state for entry in np.asarray(value, dtype=object).reshape(-1)]


def linear_maps(algorithm: Any, oracle: Any) -> tuple[tuple[Any, ...], list[tuple[Any, Any]]]:
    """The state's symbols and, for each branch of a step, (probability, Jacobian in lam and the tunables). Raises Unreadable for a step not affine in the state."""
    made = symbolic_state(algorithm, oracle)
    maps = []
    for branch in outcomes(algorithm, oracle, made.state):
        after = sp.Matrix(flat(branch.state))
        jacobian = after.jacobian(sp.Matrix(made.symbols)).applyfunc(sp.cancel)
        cells = {cell for pair in branch.noise for cell in pair}
        if jacobian.free_symbols & (set(made.symbols) | cells) or branch.weight.free_symbols & set(made.symbols):
            raise Unreadable(f"the step is not affine in the state with fixed coefficients: {jacobian}")
        maps.append((branch.weight, jacobian))
    return made.symbols, maps


def mean_matrix(maps: list[tuple[Any, Any]]) -> Any:
    """The expected map."""
    first = maps[0][1]
    return sum((weight * matrix for weight, matrix in maps), sp.zeros(*first.shape)).applyfunc(sp.factor)


def second_moment_matrix(maps: list[tuple[Any, Any]]) -> Any:
    """The map of E s s^T, on the entries s_i s_j with i <= j."""
    size = maps[0][1].shape[0]
    pairs = [(i, j) for i in range(size) for j in range(i, size)]
    s = sp.symbols(f"s:{size}")
    names = {s[i] * s[j]: p for p, (i, j) in enumerate(pairs)}
    rows = []
    for i, j in pairs:
        form = sp.expand(sum(weight * (matrix[i, :] * sp.Matrix(s))[0] * (matrix[j, :] * sp.Matrix(s))[0] for weight, matrix in maps))
        row = [sp.Integer(0)] * len(pairs)
        for powers, coefficient in sp.Poly(form, *s).terms():
            row[names[sp.prod(v**e for v, e in zip(s, powers, strict=True))]] += coefficient
        rows.append([sp.factor(entry) for entry in row])
    return sp.Matrix(rows)


def _run(call: Callable[[], Any]) -> Any:
    """The algorithm's own code, which may not be made for symbols: a comparison of symbols or a missing oracle is a finding, not a crash."""
    try:
        return call()
    except (Unsupported, TypeError, AttributeError) as error:
        raise Unreadable(f"the step does not run on symbols: {error}") from error
