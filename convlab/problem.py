"""What a problem may offer, and how it is found: families register through the entry-point group `convlab.problems`.

A problem is a frozen dataclass with `facts()` (assumptions with their constants), `starts(rng)` and the oracles it can answer. It inherits nothing.
Points carry replicates on the leading axis: x is (replicates, dimension) unless the problem says otherwise.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np

from convlab.constants import Array
from convlab.draws import Draws


@dataclass(frozen=True)
class Start:
    """A first point, without the replicate axis; `free` fills named fields of the algorithm's initial state in place of what `init` puts there."""

    name: str
    point: Array
    free: Mapping[str, Array] = field(default_factory=dict)


class Problem(Protocol):
    """The least that a problem offers."""

    def facts(self) -> tuple[Any, ...]:
        """Assumptions that hold, with certified constants."""
        ...

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """First points that the claims are checked from."""
        ...


@runtime_checkable
class HasValue(Protocol):
    """f(x), shape (replicates,)."""

    def value(self, x: Array) -> Array:
        """f(x)."""
        ...


@runtime_checkable
class HasGap(Protocol):
    """f(x) - f*, without cancellation near the minimum."""

    def gap(self, x: Array) -> Array:
        """f(x) - f*, shape (replicates,)."""
        ...


@runtime_checkable
class HasGradient(Protocol):
    """The gradient (or a declared subgradient), shaped as x."""

    def gradient(self, x: Array) -> Array:
        """grad f(x)."""
        ...


@runtime_checkable
class HasStochasticGradient(Protocol):
    """A stochastic gradient oracle: what it draws, and its answer to a draw."""

    def gradient_draws(self) -> Draws:
        """The declaration of one call's randomness."""
        ...

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """An unbiased estimate of the gradient, shaped as x."""
        ...


@runtime_checkable
class HasProgram(Protocol):
    """The same problem as a few lines of Python for a stranger: no import but `from fractions import Fraction`, points are lists of numbers."""

    def program(self) -> str:
        """Text that defines value(x) and those of gradient(x), operator(x), prox(x, step), project(x) that the problem has, and `minimiser`, a list."""
        ...


@runtime_checkable
class HasSamples(Protocol):
    """A finite sum f = mean of n components."""

    @property
    def n(self) -> int:
        """Number of components."""
        ...

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """grad f_i(x) for each replicate's own index (replicates,), shaped as x."""
        ...

    def sample_gradients(self, x: Array) -> Array:
        """All of them: (replicates, n, dimension)."""
        ...


@runtime_checkable
class HasProx(Protocol):
    """The proximal operator of the objective."""

    def prox(self, x: Array, step_size: Any) -> Array:
        """argmin_y f(y) + |y - x|^2/(2 step_size)."""
        ...


@runtime_checkable
class HasProjection(Protocol):
    """The Euclidean projection on the feasible set."""

    def project(self, x: Array) -> Array:
        """The nearest feasible point."""
        ...


@runtime_checkable
class HasOperator(Protocol):
    """A monotone operator F(z), of a saddle problem (grad_x, -grad_y)."""

    def operator(self, z: Array) -> Array:
        """F(z), shaped as z."""
        ...


@runtime_checkable
class HasWorkers(Protocol):
    """N workers with gradients of their own."""

    @property
    def workers(self) -> int:
        """Number of workers."""
        ...

    def worker_gradients(self, x: Array) -> Array:
        """grad f_i at a common point (replicates, dimension) or at each worker's (replicates, workers, dimension): (replicates, workers, dimension)."""
        ...


@runtime_checkable
class HasMixing(Protocol):
    """Workers on a graph: x is (replicates, workers, dimension)."""

    def mix(self, x: Array) -> Array:
        """W x along the worker axis."""
        ...


@runtime_checkable
class HasTasks(Protocol):
    """Several objectives on one variable."""

    def task_gradients(self, x: Array) -> Array:
        """(replicates, tasks, dimension)."""
        ...


@dataclass(frozen=True)
class Member:
    """One problem of a family, under the name that reports print."""

    name: str
    problem: Any


@dataclass(frozen=True)
class Space:
    """Where an adversary may look in a family: a range for each number of its choice, and the keyword arguments of `make` that a choice means.

    A range with positive ends is searched in the logarithm, any other one evenly. `parameters` is plain arithmetic, so that rational numbers give a
    rational problem; `start` is among what it returns. `random`: worth a look only for methods that draw (others see a plainer family's problem there).
    `asked`: worth a look only for claims that assume one of these (to others its problems are those of a plainer family).
    `mu_over_L` names the inverse of the condition number, wherever a space has it. For property-based tests a choice may also hold integers (`counts`;
    one called `dimension` is kept below the dimension asked for) and tuples with one number a coordinate (`each`, all of the same length).
    """

    ranges: Mapping[str, tuple[float, float]]
    parameters: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    random: bool = False
    asked: tuple[type, ...] = ()
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    each: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A way to build problems (`make(**parameters)`, for tight instances and witnesses) and the members that every matching theorem is run on.

    `members` may be the members themselves, in a list; a function makes them when they are first asked for, once: a minimiser by Newton takes its time.
    `search`: the spaces in which the falsifier looks for the worst problem; of a family without any it tries the members.
    `drawn`: spaces of more dimensions and more data, in which property-based tests look besides.
    """

    name: str
    make: Callable[..., Any]
    members: Callable[[], Iterable[Member]]
    search: tuple[Space, ...] = ()
    drawn: tuple[Space, ...] = ()

    def __post_init__(self) -> None:
        given: Any = self.members
        made: list[tuple[Member, ...]] = []

        def listed() -> tuple[Member, ...]:
            if not made:
                made.append(tuple(given() if callable(given) else given))
            return made[0]

        object.__setattr__(self, "members", listed)


def installed_families() -> dict[str, Family]:
    """Families of every installed package, by name. Raises ValueError naming both packages when two share a name."""
    found: dict[str, tuple[Family, str]] = {}
    for point in sorted(entry_points(group="convlab.problems"), key=lambda e: (e.name, e.value)):
        family = point.load()
        if family.name in found and found[family.name][1] != point.value:
            raise ValueError(f"two problem families are called {family.name!r}: {found[family.name][1]} and {point.value}; rename one.")
        found[family.name] = (family, point.value)
    return {name: family for name, (family, _) in found.items()}


def fact(problem: Any, kind: type) -> Any | None:
    """The problem's fact of this kind, one it implies, or one that the assumption derives from the problem's data; None if it has none."""
    for offered in problem.facts():
        if isinstance(offered, kind):
            return offered
        for implied in getattr(offered, "implies", ()):
            if issubclass(implied.kind, kind):
                return implied.of(offered)
    derive = getattr(kind, "derive", None)
    return derive(problem) if derive is not None else None
