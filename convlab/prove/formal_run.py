"""Run a step on formal vectors: the state's fields are unknown vectors, oracles answer with unknown vectors, and every point is a linear form in them.

A vector is followed in two coordinates, each with symbols of its own. A form that is linear in one coordinate, free of the other, and the same in both is a
combination of vectors, whatever the dimension; a step that mixes, compares or weighs coordinates gives no such form and is refused. In what is handed out
a vector is one symbol: a product of two reads as their inner product, for a polynomial identity is the equality of the coefficients of all such products.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.constants import Array
from convlab.draws import Draws, Noise
from convlab.inequalities import Point, star
from convlab.operations import Unsupported
from convlab.prove.formulas import formula
from convlab.prove.reading import Unreadable, symbolic

WIDTH = 2


@dataclass(frozen=True)
class Place:
    """A point of the run: a linear form in basis symbols, with the symbols of gradient and value there; `asked` if an oracle answered there."""

    form: Any
    gradient: Any
    value: Any
    asked: bool


@dataclass(frozen=True)
class Drawn:
    """Noise: its basis symbol, where it was drawn, and the basis symbols that were there before it."""

    symbol: Any
    form: Any
    before: frozenset[Any]


@dataclass(frozen=True)
class Searched:
    """A line search: from where, along what, and the symbol of the unknown step."""

    form: Any
    direction: Any
    step: Any


@dataclass
class Oracle:
    """An unknown function: answers are new vectors, at a point seen before the old ones. It collects what was asked in the order of asking."""

    basis: list[Any] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    noises: list[Drawn] = field(default_factory=list)
    projected: dict[int, Any] = field(default_factory=dict)      # index among the asked -> the form that was projected
    searches: list[Searched] = field(default_factory=list)
    order: list[int] = field(default_factory=list)               # the asked points, as indices of `places`
    kinds: set[str] = field(default_factory=set)
    pending: list[Any] = field(default_factory=list)

    def vector(self, name: str) -> Any:
        """A new basis symbol."""
        found = sp.Symbol(name, real=True)
        self.basis.append(found)
        return found

    def at(self, form: Any, asked: bool) -> Place:
        """The place with this form, made where it is new."""
        for index, place in enumerate(self.places):
            if sp.cancel(place.form - form) == 0:
                self.places[index] = replace(place, asked=place.asked or asked)
                self.order += [index] if asked else []
                return self.places[index]
        count = len(self.places)
        made = Place(form, self.vector(f"gradient_{count}"), sp.Symbol(f"value_{count}", real=True), asked)
        self.places.append(made)
        self.order += [count] if asked else []
        return made

    def _of(self, kind: str) -> None:
        self.kinds.add(kind)
        if len(self.kinds & {"prox", "gradient", "operator"}) > 1:
            raise Unreadable("the step asks two functions, and one is named")

    def gradient(self, x: Array) -> Array:
        """An unknown vector."""
        self._of("gradient")
        return coordinates(self.at(self.form(x), True).gradient, self.basis)

    def operator(self, x: Array) -> Array:
        """An unknown vector."""
        self._of("operator")
        return coordinates(self.at(self.form(x), True).gradient, self.basis)

    def prox(self, x: Array, step_size: Any) -> Array:
        """The point p = x - step_size g with g a subgradient at p."""
        self._of("prox")
        count = len(self.places)
        slope = self.vector(f"gradient_{count}")
        self.places.append(Place(sp.expand(self.form(x) - step_size * slope), slope, sp.Symbol(f"value_{count}", real=True), True))
        self.order.append(count)
        return coordinates(self.places[count].form, self.basis)

    def project(self, x: Array) -> Array:
        """An unknown feasible point, nearest to x."""
        form, nearest = self.form(x), self.vector(f"projection_{len(self.projected)}")
        self.at(nearest, False)
        self.order.append(len(self.places) - 1)
        self.projected[len(self.places) - 1] = form
        return coordinates(nearest, self.basis)

    def best_step(self, x: Array, direction: Array) -> Array:
        """An unknown number, (1,)."""
        step = sp.Symbol(f"step_{len(self.searches)}", real=True)
        self.searches.append(Searched(self.form(x), self.form(direction), step))
        return np.array([step], dtype=object)

    def gradient_draws(self) -> Draws:
        """Noise of which only the mean is known; its second moment is what `variance` speaks of."""
        return Draws(noise=Noise(np.array(np.diag([1] * WIDTH), dtype=object)))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient and noise."""
        form = self.form(x)
        if form.has(self.pending[-1]):
            raise Unreadable("the stochastic gradient is taken at a point that has seen its noise")
        found = self.gradient(x)
        before = frozenset(self.basis) - {self.pending[-1]}
        self.noises.append(Drawn(self.pending[-1], form, before))
        return found + draw.noise

    def form(self, x: Array) -> Any:
        """The linear form of a point. Raises Unreadable for what is none."""
        return linear_form(x, self.basis)


def coordinates(form: Any, basis: list[Any]) -> Array:
    """(1, 2): the form in each coordinate."""
    return np.array([[form.xreplace({b: _coordinate(b, i) for b in basis}) for i in range(WIDTH)]], dtype=object)


def _coordinate(symbol: Any, i: int) -> Any:
    return sp.Symbol(f"{symbol.name} in coordinate {i}", real=True)


def linear_form(x: Array, basis: list[Any]) -> Any:
    """One expression for a point of two coordinates. Raises Unreadable unless both are the same combination of vectors."""
    if np.shape(x) != (1, WIDTH):
        raise Unreadable(f"a point of shape {np.shape(x)} where one point is asked for")
    forms = []
    for i in range(WIDTH):
        own = {_coordinate(b, i): b for b in basis}
        expression = sp.expand(formula(x[0, i]))
        if not expression.is_polynomial(*own) or any(sum(powers) != 1 for powers, _ in sp.Poly(expression, *own).terms() if expression != 0):
            raise Unreadable("the step makes a point that is no combination of points and gradients")
        forms.append(expression.xreplace(own))
    every = {_coordinate(b, i) for b in basis for i in range(WIDTH)}
    if any(form.free_symbols & every for form in forms) or sp.cancel(forms[0] - forms[1]) != 0:
        raise Unreadable("the step treats coordinates apart")
    return forms[0]


@dataclass(frozen=True)
class FormalRun:
    """What a run gave: each named point's place, and the oracle with all that was asked. The minimiser is a basis symbol of its own."""

    oracle: Oracle
    fields: Mapping[str, Any]           # x_0, y_1, ... -> form
    minimiser: Any
    free_slope: bool                    # whether the gradient at the minimiser may differ from 0

    def place(self, point: Point) -> Place:
        """The place of a named point. Raises Unreadable for a name that the run does not have."""
        if point.index is None:
            slope = self.oracle.at(self.minimiser, False).gradient if self.free_slope else sp.Integer(0)
            return replace(self.oracle.at(self.minimiser, False), gradient=slope)
        if point.name == "asked":
            if point.index >= len(self.oracle.order):
                raise Unreadable(f"{point.label}: the run asks for {len(self.oracle.order)} answers")
            return self.oracle.places[self.oracle.order[point.index]]
        if point.label not in self.fields:
            raise Unreadable(f"{point.label} is no point of the run: it has {', '.join(sorted(self.fields))}")
        return self.oracle.at(self.fields[point.label], False)

    def values(self) -> set[Any]:
        """The symbols of function values."""
        return {place.value for place in self.oracle.places}


def formal_run(algorithm: Any, steps: int, from_start: bool, free_slope: bool) -> FormalRun:
    """So many updates, from a state of unknown vectors or from the algorithm's own start. Raises Unreadable."""
    oracle = Oracle()
    minimiser = oracle.vector("minimiser")
    oracle.at(minimiser, False)
    run = symbolic(algorithm, {})
    state = _call(lambda: run.init(coordinates(oracle.vector("place_x"), oracle.basis), oracle))
    if not hasattr(state, "_fields"):
        raise Unreadable("the state is no NamedTuple of arrays")
    if not from_start:
        oracle = Oracle()
        minimiser = oracle.vector("minimiser")
        oracle.at(minimiser, False)
        state = type(state)(*(_unknown(oracle, name, value) for name, value in zip(state._fields, state, strict=True)))
    named = _named(state, 0, oracle)
    for i in range(steps):
        state = _call(partial(_update, _at_step(run, 0 if from_start else symbols.k, i), state, oracle))
        named |= _named(state, i + 1, oracle)
    return FormalRun(oracle, named, minimiser, free_slope)


def _unknown(oracle: Oracle, name: str, value: Any) -> Array:
    if np.shape(value) != (1, WIDTH):
        raise Unreadable(f"the field {name} of the state is no vector")
    return coordinates(oracle.vector(f"place_{name}"), oracle.basis)


def _named(state: Any, index: int, oracle: Oracle) -> dict[str, Any]:
    return {f"{name}_{index}": oracle.form(value) for name, value in zip(state._fields, state, strict=True)}


def _at_step(algorithm: Any, first: Any, i: int) -> Any:
    """The algorithm (and what its fields hold) with its schedules at k = first + i."""
    def at(value: Any) -> Any:
        if isinstance(value, sp.Basic):
            return value.subs(symbols.k, first + i)
        return _at_step(value, first, i) if is_dataclass(value) and not isinstance(value, type) else value

    return replace(algorithm, **{f.name: at(getattr(algorithm, f.name)) for f in fields(algorithm)})


def _update(algorithm: Any, state: Any, oracle: Oracle) -> Any:
    if not hasattr(algorithm, "draws"):
        return algorithm.step(state, oracle)
    draws = algorithm.draws(oracle)
    laws = dict(draws.items())
    if list(laws) != ["noise"] or not isinstance(laws["noise"], Noise):
        raise Unreadable("the step draws more than noise of mean 0")
    oracle.pending.append(oracle.vector(f"noise_{len(oracle.pending)}"))
    return algorithm.step(state, oracle, draws.draw(noise=coordinates(oracle.pending[-1], oracle.basis)))


def _call(call: Callable[[], Any]) -> Any:
    """The algorithm's own code, which may not be made for formal vectors: that is a finding, not a crash."""
    try:
        return call()
    except (Unsupported, TypeError, AttributeError) as error:
        raise Unreadable(f"the step does not run on formal vectors: {error}") from error


def minimiser_of(run: FormalRun) -> Any:
    """The basis symbol of the minimiser."""
    return run.place(star).form
