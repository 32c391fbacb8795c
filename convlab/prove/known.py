"""What the known inequalities say at the points of a formal run, and which assumptions they need: each as an expression that is >= 0."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.assumptions import (
    Bilinear,
    BoundedVariance,
    ConstrainedMinimum,
    Convex,
    ExactLineSearch,
    Lipschitz,
    LipschitzOperator,
    Minimum,
    PolyakLojasiewicz,
    SaddlePoint,
    Smooth,
    StronglyConvex,
    StronglyMonotone,
)
from convlab.inequalities import Inequality, Known, star
from convlab.prove.formal_run import FormalRun, Place
from convlab.prove.reading import Unreadable

L, mu = symbols.L, symbols.mu


@dataclass(frozen=True)
class Setting:
    """Where inequalities are read: a run, and the classes that its function is assumed to belong to."""

    run: FormalRun
    held: tuple[type, ...]
    named: Callable[[Any], Any]        # replaces the symbols of named points by those of the run

    def has(self, kind: type) -> bool:
        """Whether this is assumed, or something stronger of the same class."""
        return any(issubclass(one, kind) for one in self.held)

    def need(self, *kinds: type) -> None:
        """Raises Unreadable unless one of these is assumed."""
        if not any(self.has(kind) for kind in kinds):
            raise Unreadable(f"it needs {' or '.join(kind.__name__ for kind in kinds)}, which the claim does not assume")


def expression_of(one: Inequality, setting: Setting) -> Any:
    """The expression in the run's symbols that is >= 0 (== 0 for a line search). Raises Unreadable where the assumptions do not give it."""
    try:
        reading, needs_two = READINGS[one.known]
        if needs_two and one.j is None:
            raise Unreadable("it speaks of two points")
        i, j = setting.run.place(one.i), setting.run.place(one.j) if one.j is not None else None
        found = sp.expand(reading(setting, one, i, j))
        if needs_two:
            _refuse_missing_slopes(setting, i, j)
        return found
    except Unreadable as reason:
        raise Unreadable(f"{text(one)}: {reason}") from reason


def text(one: Inequality) -> str:
    """descent lemma (x_1, x_0)."""
    return f"{one.known.value} ({', '.join(p.label for p in (one.i, one.j) if p is not None)})"


def _refuse_missing_slopes(setting: Setting, *places: Any) -> None:
    """A convex function has subgradients where an oracle answered, at its minimiser, and everywhere if it is finite everywhere."""
    everywhere = any(setting.has(kind) for kind in (Smooth, Lipschitz, LipschitzOperator, SaddlePoint))
    for place in places:
        if not everywhere and not place.asked and place.gradient != 0 and sp.cancel(place.form - setting.run.minimiser) != 0:
            raise Unreadable("no oracle was asked there, and the function may have no subgradient")


def _above_tangent(i: Place, j: Place) -> Any:
    """f_i - f_j - <g_j, x_i - x_j>."""
    return i.value - j.value - j.gradient * (i.form - j.form)


def _interpolation(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    d, e = i.form - j.form, i.gradient - j.gradient
    if not s.has(Smooth):
        s.need(Convex, StronglyConvex)
        return _above_tangent(i, j) - (mu * d**2 / 2 if s.has(StronglyConvex) else 0)
    if s.has(StronglyConvex):
        return _above_tangent(i, j) - (e**2 / L + mu * d**2 - 2 * mu / L * e * d) / (2 * (1 - mu / L))
    if s.has(Convex):
        return _above_tangent(i, j) - e**2 / (2 * L)
    return _above_tangent(i, j) - e * d / 2 - e**2 / (4 * L) + L * d**2 / 4


def _convexity(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(Convex, StronglyConvex)
    return _above_tangent(i, j)


def _strong_convexity(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(StronglyConvex)
    return _above_tangent(i, j) - mu * (i.form - j.form) ** 2 / 2


def _descent(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(Smooth)
    return L * (i.form - j.form) ** 2 / 2 - _above_tangent(i, j)


def _cocoercivity(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(Smooth)
    s.need(Convex, StronglyConvex)
    e = i.gradient - j.gradient
    return e * (i.form - j.form) - e**2 / L


def _domination(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(PolyakLojasiewicz)
    return i.gradient**2 - 2 * mu * (i.value - s.run.place(star).value)


def _minimality(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(Minimum)
    return i.value - s.run.place(star).value


def _descent_to_minimum(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(Smooth)
    s.need(Minimum)
    return i.value - s.run.place(star).value - i.gradient**2 / (2 * L)


def _variance(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(BoundedVariance)
    drawn = [noise for noise in s.run.oracle.noises if sp.cancel(noise.form - i.form) == 0]
    if len(drawn) != 1:
        raise Unreadable(f"{len(drawn)} stochastic gradients are drawn there, and it speaks of one")
    return symbols.sigma**2 - drawn[0].symbol ** 2


def _bounded_slope(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(Lipschitz)
    _refuse_missing_slopes(s, i)
    return symbols.G**2 - i.gradient**2


def _feasibility(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(ConstrainedMinimum)
    feasible = {s.run.minimiser, *(s.run.oracle.places[index].form for index in s.run.oracle.projected)}
    if j.form not in feasible:
        raise Unreadable(f"{one.j.label if one.j else ''} is not known to be feasible")
    if i.form == s.run.minimiser:
        return i.gradient * (j.form - i.form)
    before = [form for index, form in s.run.oracle.projected.items() if s.run.oracle.places[index].form == i.form]
    if not before:
        raise Unreadable(f"nothing was projected to {one.i.label}")
    return (i.form - before[0]) * (j.form - i.form)


def _line_search(s: Setting, one: Inequality, i: Place, j: Any) -> Any:
    s.need(ExactLineSearch)
    along = sp.expand(s.named(one.along))
    for search in s.run.oracle.searches:
        reached = sp.cancel(search.form + search.step * search.direction - i.form) == 0
        down = sp.expand(search.direction + s.run.oracle.at(search.form, False).gradient) == 0
        if reached and down and _parallel(along, search.direction, s.run.oracle.basis):
            return i.gradient * along
    raise Unreadable(f"no search along a negative gradient, parallel to {one.along}, ends there")


def _parallel(a: Any, b: Any, basis: list[Any]) -> bool:
    """Whether the forms are multiples of each other."""
    return all(sp.cancel(a.coeff(p) * b.coeff(q) - a.coeff(q) * b.coeff(p)) == 0 for p in basis for q in basis)


def _monotonicity(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(Bilinear, StronglyMonotone)
    d = i.form - j.form
    return (i.gradient - j.gradient) * d - (mu * d**2 if s.has(StronglyMonotone) else 0)


def _lipschitz(s: Setting, one: Inequality, i: Place, j: Place) -> Any:
    s.need(LipschitzOperator, Smooth)
    return L**2 * (i.form - j.form) ** 2 - (i.gradient - j.gradient) ** 2


READINGS: Mapping[Known, tuple[Callable[..., Any], bool]] = {
    Known.INTERPOLATION: (_interpolation, True), Known.CONVEXITY: (_convexity, True), Known.STRONG_CONVEXITY: (_strong_convexity, True),
    Known.DESCENT: (_descent, True), Known.COCOERCIVITY: (_cocoercivity, True), Known.DOMINATION: (_domination, False),
    Known.MINIMUM: (_minimality, False), Known.DESCENT_TO_MINIMUM: (_descent_to_minimum, False), Known.VARIANCE: (_variance, False),
    Known.SLOPE: (_bounded_slope, False), Known.FEASIBILITY: (_feasibility, True), Known.LINE_SEARCH: (_line_search, False),
    Known.MONOTONICITY: (_monotonicity, True), Known.LIPSCHITZ: (_lipschitz, True),
}
