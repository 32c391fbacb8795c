"""A theorem is a declaration: an id, a title, a source and a tuple of claims of six kinds. Nothing here runs, judges or prints.

The words of this file (Instance, Bound, Step, OneStep, ...) are inert data; `run`, `judge`, `prove` and `falsify` give them meaning.
"""
# ruff: noqa: I001 (the words that are passed on, many to a line)
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import FrameType
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from convlab import declaring
from convlab.constants import Array
from convlab.inequalities import Inequality
from convlab.metrics import Case, Measure
from convlab.vocabulary import (
    Condition as Condition, Formula as Formula, Grid as Grid, Instance as Instance, Law as Law, Mode as Mode, Relation as Relation,
    Sense as Sense, Source as Source, best_of as best_of, every_iterate as every_iterate, every_k as every_k,
    from_k as from_k, horizons as horizons, mean_of as mean_of, multiples_of as multiples_of, sum_of as sum_of,
)


@dataclass(frozen=True)
class Mutant:
    """A false neighbour of a claim: the fields that change, and the instance that refutes it where one is known (else the claim's own problems)."""

    name: str
    changes: Mapping[str, Any]
    on: Instance | None = None
    outside: bool = False      # its parameters leave the condition on purpose


def Bound(bound: Formula, on: Instance | None = None, name: str = "", **changes: Any) -> Mutant:
    """The claim with another bound (or constant)."""
    return Mutant(name or f"bound {bound}", {"bound": bound, **changes}, on)


def Step(on: Instance | None = None, name: str = "", **changes: Any) -> Mutant:
    """The claim at parameters beyond its condition: give `defaults={gamma: ...}`; they become the condition."""
    told = ", ".join(f"{s} = {v}" for s, v in changes.get("defaults", {}).items())
    return Mutant(name or f"at {told}", {**changes, "condition": sp.And(*(sp.Eq(s, v) for s, v in changes.get("defaults", {}).items()))}, on, outside=True)


def Changed(name: str, on: Instance | None = None, **changes: Any) -> Mutant:
    """The claim with any fields changed: an assumption dropped, a buggy algorithm, a wider condition."""
    return Mutant(name, changes, on, outside="condition" in changes)


# ---- facts for the prover
u, v = sp.symbols("u v", real=True)     # x - x* and the gradient at x, as formal vectors: only their inner products occur


@dataclass(frozen=True)
class SymbolicIdentity:
    """`left` equals `right` identically; sympy expands the difference."""

    name: str
    left: Formula
    right: Formula


@dataclass(frozen=True)
class IterationMatrix:
    """On lam x^2/2 the algorithm's own step is this matrix (state fields in order, tunables and `lam` as symbols)."""

    matrix: sp.Matrix
    name: str = "iteration matrix from the code"


@dataclass(frozen=True)
class StableOnQuadratics:
    """The step-size condition: `region` (in lam and the tunables) is exactly where the step contracts lam x^2/2; sympy derives it from the code."""

    region: Condition
    name: str = "step-size condition from the code"


@dataclass(frozen=True)
class SecondMoment:
    """On lam x^2/2 (with the oracle's noise) the code's own step gives this E (x+ - x*)^2, in `u`, lam, sigma and the tunables."""

    expected: Formula
    name: str = "second moment from the code"


@dataclass(frozen=True)
class OptimalOnQuadratics:
    """Of all parameters, these give the smallest spectral radius on the curvatures from mu to L, and it is `rate`; derived from the step of `algorithm`.

    `algorithm` holds the tunables that are chosen (by default the claim's own algorithm does).
    """

    parameters: Mapping[Any, Any]
    rate: Formula
    algorithm: Any = None
    name: str = "optimal parameters and rate from the code"


@dataclass(frozen=True)
class StationaryVariance:
    """On lam x^2/2 with noise of variance sigma^2 the fixed point of the second moments of the code's own step is this E (x - x*)^2."""

    expected: Formula
    name: str = "stationary variance from the code"


previous = sp.Symbol("previous", real=True)     # the bound at k, in a recursion


@dataclass(frozen=True)
class Recursion:
    """`closed` (by default the claim's bound) solves a_{k+1} = step(a_k), a_0 = start: proved by induction. `step` speaks of `previous`, and grows with it."""

    step: Formula
    start: Formula
    closed: Formula = None
    name: str = "the recursion, solved by induction"


@dataclass(frozen=True)
class Reduces:
    """At these values (a limit where they cannot be put in) the bound is that of another theorem's claim, raised to `power`; `other` renames its symbols."""

    at: Mapping[Any, Any]
    to: str
    claim: str = "main"
    power: int = 1
    other: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reduces to what."""
        return f"at {', '.join(f'{s} = {v}' for s, v in self.at.items())} it is {self.to}"


@dataclass(frozen=True)
class When:
    """A part of the condition with nonnegative multipliers of known nonnegative brackets: ((multiplier, bracket), ...)."""

    condition: Condition
    terms: tuple[tuple[Formula, Formula], ...]


@dataclass(frozen=True)
class OneStep:
    """Certificate of a one-step inequality |x+ - x*|^2 <= bound: bound - |x+ - x*|^2 = sum multiplier * bracket, x+ from the algorithm's own step.

    Brackets are in `u` = x - x* and `v` = grad f(x), e.g. (v - mu u)(L u - v) >= 0.
    """

    bound: Formula
    cases: tuple[When, ...]
    name: str = "one-step inequality"


@dataclass(frozen=True)
class Certificate:
    """left <= right at points of `steps` updates: right - left = sum multiplier * inequality + sum coefficient * square, identically.

    The points (`convlab.inequalities`: x0, x1, star, ...) are made by the algorithm's own step, from any state (k is then symbolic) or, with
    `from_start`, from its first one. `case` is the part of the condition on which multipliers and coefficients are nonnegative. Sides speak of function
    values, inner products of places and gradients, and constants; where noise is drawn, of their expectations.
    """

    left: Formula
    right: Formula
    terms: tuple[tuple[Formula, Inequality], ...]
    squares: tuple[tuple[Formula, Formula], ...] = ()
    case: Condition = sp.true
    steps: int = 1
    from_start: bool = False
    name: str = "one step, by known inequalities"


@dataclass(frozen=True)
class Telescope:
    """The sum of a claim's metric over a run, by induction: a certificate says weight m_k + after m_{k+1} <= potential_k - potential_{k+1}.

    `measured` is the metric at x0, `potential` what falls; `total` is the closed form in k of sum_{i<k} (weight + after) + last, where `last` is the weight
    of m_k that the last potential still pays for (by `end` and `end_squares`: potential >= last m). The bound must be potential_0 / total (of a sum: / weight).
    """

    measured: Formula
    potential: Formula
    total: Formula
    terms: tuple[tuple[Formula, Inequality], ...]
    squares: tuple[tuple[Formula, Formula], ...] = ()
    weight: Formula = 1
    after: Formula = 0
    last: Formula = 0
    end: tuple[tuple[Formula, Inequality], ...] = ()
    end_squares: tuple[tuple[Formula, Formula], ...] = ()
    case: Condition = sp.true
    name: str = "the sum over the run, by telescoping"


@dataclass(frozen=True)
class Multipliers:
    """Certificate of a worst case: nonnegative multipliers of interpolation inequalities Q(i, j) at L = 1, for each horizon, checked by a rational LDL^T.

    `multipliers(N)` maps pairs (i, j) of 0..N and "*" to rationals, `constant(N)` is B in f(x_N) - f* <= B |x_0 - x*|^2, `step` the parameters at L = 1.
    """

    multipliers: Callable[[int], Mapping[tuple[Any, Any], Any]]
    constant: Callable[[int], Any]
    parameters: Mapping[Any, Any]
    horizons: tuple[int, ...] = tuple(range(1, 9))
    name: str = "multipliers of interpolation inequalities"


# ---- the six kinds of claim
@dataclass(frozen=True)
class Series:
    """A series of the run that a bound reads: `read(state, case)`, its last value or its sum so far."""

    name: str
    read: Callable[[Any, Case], Array]
    summed: bool = False


@dataclass(frozen=True)
class RateBound:
    """measured(k) RELATION bound(k) along a run.

    `bound` is a sympy expression in k, K, the tunables and constants, or a function (k, case, record) -> array of the metric's shape, `record` mapping
    the names in `reads` to arrays; then `statement` (Typst mathematics) is what is printed. `reads` also serve a sympy bound, as symbols of those names.
    `coupled=(a, b)`: two algorithms on the problem and its neighbour (`problem.neighbour()`) with the same draws; the state is (first, second).
    """

    algorithm: Any = None
    bound: Any = None
    metric: Measure | None = None
    assumptions: tuple[type, ...] = ()
    condition: Condition = sp.true
    defaults: Mapping[Any, Any] = field(default_factory=dict)
    mode: Mode = every_iterate
    relation: Relation = Relation.AT_MOST
    law: Law = Law.SURELY
    grid: Grid = every_k
    tight: tuple[Instance, ...] | Instance = ()
    on: tuple[Instance, ...] = ()              # judged on these alone, not on every matching problem
    free_state: tuple[str, ...] = ()
    reads: tuple[Series, ...] = ()
    delta: Formula = None                      # with law=Law.HIGH_PROBABILITY: at each k the relation may fail with this probability at most
    coupled: tuple[Any, Any] | None = None
    statement: str = ""
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


@dataclass(frozen=True)
class StepInequality:
    """after(x+, case) RELATION bound(x, case) for one update from any state.

    `bound(state, case)` sees the state before the update; `where(state, case)` selects the states that the claim speaks of (all by default).
    """

    algorithm: Any
    after: Callable[[Any, Case], Array]
    bound: Callable[[Any, Case], Array]
    statement: str
    where: Callable[[Any, Case], Array] | None = None
    assumptions: tuple[type, ...] = ()
    condition: Condition = sp.true
    defaults: Mapping[Any, Any] = field(default_factory=dict)
    relation: Relation = Relation.AT_MOST
    law: Law = Law.SURELY
    tight: tuple[Instance, ...] | Instance = ()
    on: tuple[Instance, ...] = ()
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


@dataclass(frozen=True)
class Trajectory:
    """A program of an Identity: what `read(state, case)` gives along `steps` updates of an algorithm, k = 0 included."""

    algorithm: Any
    read: Callable[[Any, Case], Array]
    steps: int = 12


@dataclass(frozen=True)
class Identity:
    """Two programs that agree on every input. A program is a Trajectory, or a function of a Case that returns an array.

    Rational problems are compared with ==, others to 1e-9 of the larger side.
    """

    left: Any
    right: Any
    statement: str
    assumptions: tuple[type, ...] = ()
    condition: Condition = sp.true
    defaults: Mapping[Any, Any] = field(default_factory=dict)
    on: tuple[Instance, ...] = ()
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


@dataclass(frozen=True)
class OperatorConstant:
    """E error(x, C(x)) RELATION bound * scale(x) over all inputs x, C the operator with its draws, enumerated.

    `operator` is a frozen dataclass with `draws(x) -> Draws` (may be empty) and `__call__(x, draw)`; its fields may hold symbols, bound from each of
    `sizes`. `inputs(rng, values)` gives (count, ...) inputs, `error(x, y, values)` and `scale(x, values)` arrays (count,) (or (count, ...) componentwise).
    `attained`: inputs with their sizes at which equality holds. For AT_MOST the worst input is searched for, starting from the generated ones.
    """

    operator: Any
    error: Callable[[Array, Array, Mapping[Any, Any]], Array]
    scale: Callable[[Array, Mapping[Any, Any]], Array]
    bound: Any
    inputs: Callable[[np.random.Generator, Mapping[Any, Any]], Array]
    sizes: tuple[Mapping[Any, Any], ...]
    statement: str
    condition: Condition = sp.true
    relation: Relation = Relation.AT_MOST
    law: Law = Law.SURELY
    search: bool = True
    attained: tuple[tuple[Mapping[Any, Any], Array], ...] = ()
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


@dataclass(frozen=True)
class StabilityRegion:
    """The state map of an algorithm is stable exactly on `condition` (iff), on every matching problem.

    Judged by the spectral radius of the map read off `step` (mean square: of its second-moment operator) just inside and just outside the edge in `sweep`.
    """

    algorithm: Any
    condition: Condition
    sweep: Any                                   # the tunable along which the edge is crossed
    defaults: Mapping[Any, Any] = field(default_factory=dict)
    domain: Condition = sp.true                  # where the other tunables live; the claim is iff inside it
    sense: Sense = Sense.SURELY
    assumptions: tuple[type, ...] = ()
    on: tuple[Instance, ...] = ()
    statement: str = ""
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


@dataclass(frozen=True)
class FalseClaim:
    """A claim that is wrong, with the instance that violates it and the id of what is true instead."""

    asserted: Any
    witness: Instance
    instead: str = ""
    facts: tuple[Any, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    name: str = "main"
    note: str = ""

    def __post_init__(self) -> None:
        declaring.normalise(self)


Claim: TypeAlias = RateBound | StepInequality | Identity | OperatorConstant | StabilityRegion | FalseClaim

KINDS = {RateBound: "RateBound", StepInequality: "StepInequality", Identity: "Identity", OperatorConstant: "OperatorConstant",
         StabilityRegion: "StabilityRegion", FalseClaim: "FalseClaim"}


@dataclass(frozen=True, init=False)
class Theorem:
    """An id, title, source and claims. A theorem of one rate bound takes that claim's fields directly: `Theorem(id=..., title=..., algorithm=..., ...)`.

    `topic` is the file it stands in, or the folder where a large topic has several files. Raises ValueError where a field is missing or unknown, naming the theorem.
    """

    id: str
    title: str
    claims: tuple[Claim, ...]
    source: str
    topic: str
    also: tuple[str, ...]          # other ids under which readers look for it

    def __init__(self, id: str, title: str, *, claims: tuple[Claim, ...] = (), source: str = "", topic: str = "", also: tuple[str, ...] = (), **claim: Any) -> None:
        known = {f.name for f in fields(RateBound)}
        unknown = sorted(set(claim) - known)
        if unknown:
            raise ValueError(f"theorem {id!r}: unknown field {unknown[0]!r}. A rate bound has: {', '.join(sorted(known))}.")
        if bool(claim) == bool(claims):
            raise ValueError(f"theorem {id!r}: give either claims=(...) or the fields of one rate bound (algorithm=, metric=, bound=, ...).")
        if claim:
            missing = [name for name in ("bound", "metric") if claim.get(name) is None]
            if claim.get("algorithm") is None and claim.get("coupled") is None:
                missing.insert(0, "algorithm")
            if missing:
                raise ValueError(f"theorem {id!r}: {missing[0]}= is missing.")
            claims = (_rate_bound(id, claim),)
        claims = (claims,) if isinstance(claims, Claim) else tuple(claims)
        for wrong in (c for c in claims if not isinstance(c, Claim)):
            raise ValueError(f"theorem {id!r}: {wrong!r} in claims= is no claim; a claim is a cl.RateBound(...) or another of {', '.join(KINDS.values())}.")
        names = [c.name for c in claims]
        if len(set(names)) < len(names):
            raise ValueError(f"theorem {id!r}: two claims are called {max(names, key=names.count)!r}; give each a name=.")
        module = _maker()
        for name, value in (("id", id), ("title", title), ("claims", tuple(claims)), ("source", source), ("also", also),
                            ("topic", topic or _topic_of(module))):
            object.__setattr__(self, name, value)
        declaring.record(self, module)

    @property
    def false(self) -> bool:
        """Whether it consists of false claims."""
        return all(isinstance(c, FalseClaim) for c in self.claims)


def _topic_of(module: str) -> str:
    """`gradient_descent`, of convlab.theorems.gradient_descent and of convlab.theorems.gradient_descent.convex; else the module's own name."""
    _, inside, topic = module.partition(".theorems.")
    return topic.partition(".")[0] if inside else module.rpartition(".")[2]


def _rate_bound(id: str, given: Mapping[str, Any]) -> RateBound:
    try:
        return RateBound(**given)
    except ValueError as error:
        raise ValueError(f"theorem {id!r}, {error}") from None


def _maker() -> str:
    """The name of the module in which a theorem is made or, by `dataclasses.replace`, made anew."""
    names = (str(frame.f_globals.get("__name__", "")) for frame in _frames())
    return next(name for name in names if name not in (__name__, "dataclasses"))


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def tight_instances(claim: Any) -> tuple[Instance, ...]:
    """The instances on which a claim says it is attained."""
    tight = getattr(claim, "tight", ())
    return (tight,) if isinstance(tight, Instance) else tuple(tight)


def mutated(claim: Any, mutant: Mutant) -> Any:
    """The claim with a mutant's changes; it is judged on the mutant's own instance where it names one, and claims no tightness."""
    changes = dict(mutant.changes)
    known = {f.name for f in fields(claim)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"mutant {mutant.name!r}: a {type(claim).__name__} has no field {unknown[0]!r}")
    if mutant.on is not None and "on" in known:
        changes["on"] = (mutant.on,)
    return replace(claim, mutants=(), facts=(), **changes)
