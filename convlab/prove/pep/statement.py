"""A claim at numbers and a horizon, as a statement about Gram matrices: the run on formal points, the inequalities of its class, its metric, its bound."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic
from convlab.metrics import Case
from convlab.operations import Unsupported
from convlab.prove.pep.classes import Constraint, Kind, constraints, kind_of
from convlab.prove.pep.formal import WIDTHS, Form, Quadratic, Root, inner, point, scalars
from convlab.prove.pep.oracle import ORIGIN, STAR, START, FormalOracle
from convlab.run.bind import Binder, symbols_of
from convlab.run.engine import is_random
from convlab.run.expressions import Irrational, float_values, rational_value
from convlab.theorem import Law, RateBound, Relation

BELOW = Fraction(1, 10**12)      # relative: a bound known in floats (eighteen digits) is proved at a rational this much below it
FEASIBLE = "the start is feasible"
DOUBLES = "numbers that the code computes in floats are taken as those floats"
MEANT = frozenset({symbols.L, symbols.mu, symbols.G, symbols.kappa, symbols.coupling, symbols.k, symbols.K, symbols.R, symbols.Delta, symbols.M0})


@dataclass(frozen=True)
class Statement:
    """The least of `metrics`, over Gram matrices of `basis` and function values that obey the constraints, is claimed to be at most `level`.

    `squared`: metrics and level are squares of what the claim speaks of. `exact`: nothing was rounded on the way. `kept` are the places of the basis
    vectors in the oracle's basis, `constants` the symbols that the statement depends on, `notes` what a reader must know.
    """

    basis: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    metrics: tuple[Quadratic, ...]
    level: Fraction
    bound: Any
    squared: bool
    kind: Kind
    oracle: FormalOracle
    kept: tuple[int, ...]
    constants: frozenset[Any]
    notes: tuple[str, ...] = ()
    exact: bool = True


@dataclass
class Read(Mapping[Any, Any]):
    """Values that remember which of them were read: a bound given as a function does not tell otherwise."""

    known: Mapping[Any, Any]
    names: set[Any] = field(default_factory=set)

    def __getitem__(self, symbol: Any) -> Any:
        self.names.add(symbol)
        return self.known[symbol]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


class _Initial(dict[str, Any]):
    """What a bound given as a function may read of the run: M0 alone."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        super().__init__()
        self.values_of = values

    def __missing__(self, name: str) -> Any:
        if name != "M0":
            raise KeyError(name)
        return self.values_of[symbols.M0]


def unfit(claim: Any, n: int | None = None) -> str | None:
    """Why no worst case is computed of a claim (at a horizon); None where one is."""
    if not isinstance(claim, RateBound):
        return "only rate bounds have a worst case along a run"
    reasons = {
        "two coupled runs have no worst case here": claim.coupled is not None,
        "the algorithm draws at random; worst cases are computed of deterministic methods": claim.coupled is None and is_random(claim.algorithm),
        "the claim speaks of random runs": claim.law is not Law.SURELY,
        f"its relation is {claim.relation.value}; a worst case bounds from above": claim.relation is not Relation.AT_MOST,
        "the bound reads the run": bool(claim.reads),
        "part of the initial state is free": bool(claim.free_state),
        f"the claim speaks from k = {claim.grid.first} on": n is not None and n < claim.grid.first,
        f"the claim speaks of multiples of {claim.grid.step}": n is not None and isinstance(claim.grid.step, int) and n % claim.grid.step != 0,
    }
    return next((reason for reason, wrong in reasons.items() if wrong), None)


def statement_of(claim: RateBound, values: Mapping[Any, Any], n: int) -> Statement:
    """The statement at rational constants and parameters. Raises Unsupported, with the reason, where it has no such form."""
    reason = unfit(claim, n)
    if reason is not None:
        raise Unsupported(reason)
    try:
        kind = kind_of(claim.assumptions, values)
        try:
            return _stated(claim, kind, values, n, RATIONAL)
        except Unsupported as irrational:
            if "irrational" not in str(irrational):
                raise
            found = _stated(claim, kind, values, n, FLOAT64)
            return replace(found, exact=False, notes=(*found.notes, f"coefficients of the step are rounded to floats ({irrational})"))
    except KeyError as error:
        raise Unsupported(f"the claim speaks of {error.args[0]}, which has no value here") from error
    except (ArithmeticError, ValueError, IndexError) as error:
        raise Unsupported(f"the run on formal points breaks off: {error}") from error
    except (AttributeError, TypeError) as error:
        raise error if isinstance(error, Unsupported) else Unsupported(f"step or metric ask for what formal points do not have: {error}") from error


def _stated(claim: RateBound, kind: Kind, values: Mapping[Any, Any], n: int, arithmetic: Arithmetic) -> Statement:
    read = Read({**values, symbols.k: n, symbols.K: n})
    bound_symbols = _symbols_of_bound(claim, read, n)
    needed = bound_symbols | symbols_of(claim.algorithm) | sp.sympify(claim.condition).free_symbols | read.names
    foreign = sorted(str(s) for s in bound_symbols - MEANT - set(claim.defaults))
    if foreign:
        raise Unsupported(f"the bound speaks of {foreign[0]}, of which the samples of a run know nothing")
    binder = Binder(claim.algorithm, values, 2, n, arithmetic)
    (oracle, plain, squared), *others = [_run(claim, kind, read, binder, n, symbols.M0 in bound_symbols, width) for width in WIDTHS]
    if any((_asked(other), again) != (_asked(oracle), plain) for other, again, _ in others):
        raise Unsupported("the run depends on the dimension")
    limits = tuple(_limits(needed, values, oracle, plain.get(0) if symbols.M0 in bound_symbols else None, squared))
    metrics = _in_mode(claim, plain, n, squared)
    bound, level, rounded = _level(claim, {**values, symbols.k: n, symbols.K: n}, n, squared)
    touched = {i for form in [*metrics, *(c.form for c in limits)] for key in form.square for i in key}
    known = tuple(c for c in (*constraints(oracle, kind, bool(touched & {ORIGIN, START})), *limits) if c.form.square or c.form.values)
    kept = tuple(sorted({i for form in [*metrics, *(c.form for c in known)] for key in form.square for i in key}))
    place = {old: new for new, old in enumerate(kept)}
    return Statement(tuple(oracle.basis[i] for i in kept), tuple(replace(c, form=_renumbered(c.form, place)) for c in known),
                     tuple(_renumbered(m, place) for m in metrics), level, bound, squared, kind, oracle, kept, frozenset(needed - {symbols.k, symbols.K}),
                     (*rounded, *kind.relaxed, *([FEASIBLE] if kind.constrained else []), *([DOUBLES] if arithmetic is RATIONAL and _doubles(oracle) else [])))


def _asked(oracle: FormalOracle) -> tuple[Any, ...]:
    return oracle.samples, oracle.normals, oracle.operators, oracle.searches


def _doubles(oracle: FormalOracle) -> bool:
    """Whether the run holds numbers that were computed in floats."""
    parts = [p for s in (*oracle.samples, *oracle.operators) for p in (s.x, s.g)] + [n.x for n in oracle.normals]
    return any(c.denominator % 2**30 == 0 for p in parts for c in p.values())


def window(claim: RateBound, n: int) -> range:
    """The iterates whose metric the claim speaks of at k = n."""
    return range(n, n + 1) if claim.mode.statistic == "last" else range(claim.mode.first, n + claim.mode.last + 1)


def _run(claim: RateBound, kind: Kind, read: Read, binder: Binder, n: int, start: bool, width: int) -> tuple[FormalOracle, dict[int, Quadratic], bool]:
    """What the run asked, the metric (or its square) at the iterates that matter, and whether it is the square."""
    oracle = FormalOracle(smooth=kind.high is not None, constrained=kind.constrained, width=width)
    oracle.begin()
    case = Case(oracle, read, point(oracle.star(), width) if kind.located else None, Form(None, {STAR: Fraction(1)}))
    measured = _measured(claim, case, binder, n, start)
    squared = any(isinstance(value, Root) for value in measured.values())
    return oracle, {k: _plain(value, squared, width) for k, value in measured.items()}, squared


def _measured(claim: RateBound, case: Case, binder: Binder, n: int, start: bool) -> dict[int, Any]:
    """The metric at the iterates that matter, along the algorithm's own run."""
    assert claim.metric is not None
    wanted = {*window(claim, n), *([0] if start else [])}
    state = binder.at(0).init(point({ORIGIN: Fraction(1), START: Fraction(1)}, case.problem.width), case.problem)
    found: dict[int, Any] = {}
    for k in range(n + 1):
        state = state if k == 0 else binder.at(k - 1).step(state, case.problem)
        if k in wanted:
            found[k] = scalars(claim.metric(state, case))[0]
    if not set(window(claim, n)):
        raise Unsupported(f"the claim's window of iterates is empty at k = {n}")
    return found


def _plain(value: Any, squared: bool, width: int) -> Quadratic:
    if squared and not isinstance(value, Root):
        raise Unsupported("the metric is a root at one iterate and none at another")
    form = value.radicand if isinstance(value, Root) else value
    return form.quadratic(width) if isinstance(form, Form) else Quadratic({}, {}, Fraction(form))


def _in_mode(claim: RateBound, plain: Mapping[int, Quadratic], n: int, squared: bool) -> tuple[Quadratic, ...]:
    found = [plain[k] for k in window(claim, n)]
    if claim.mode.statistic not in ("mean", "sum"):
        return tuple(found)
    if squared and len(found) > 1:
        raise Unsupported("a mean or a sum of roots is no quadratic form")
    total = Quadratic()
    for value in found:
        total = total + value
    return (total.scaled(Fraction(1, len(found) if claim.mode.statistic == "mean" else 1)),)


def _limits(needed: set[Any], values: Mapping[Any, Any], oracle: FormalOracle, start: Quadratic | None, squared: bool) -> Iterator[Constraint]:
    """What the constants of the start say: |x_0 - x*| <= R, f(x_0) - f* <= Delta, the metric at k = 0 is at most M0."""
    if symbols.R in needed:
        yield Constraint("R", Quadratic(inner({START: Fraction(1)}, {START: Fraction(1)}), {}, -values[symbols.R] ** 2))
    if symbols.Delta in needed:
        gap = oracle.gap(point({ORIGIN: Fraction(1), START: Fraction(1)}, oracle.width))[0].quadratic(oracle.width)
        yield Constraint("Delta", gap.plus(-values[symbols.Delta]))
    if start is not None:
        yield Constraint("M0", start.plus(-values[symbols.M0] ** (2 if squared else 1)))


def _symbols_of_bound(claim: RateBound, read: Read, n: int) -> set[Any]:
    if isinstance(claim.bound, sp.Basic):
        return set(claim.bound.free_symbols)
    _called(claim, read, n)
    return set(read.names)


def _called(claim: RateBound, values: Mapping[Any, Any], n: int) -> float:
    found = np.asarray(claim.bound(n, Case(None, values), _Initial(values)), dtype=float).reshape(-1)
    if found.size != 1:
        raise Unsupported("the bound is a function with more than one number a run")
    return float(found[0])


def _level(claim: RateBound, values: Mapping[Any, Any], n: int, squared: bool) -> tuple[Any, Fraction, tuple[str, ...]]:
    """The bound, the rational that the metric (or its square) is proved against, and a note where that is not the bound itself."""
    power = 2 if squared else 1
    if isinstance(claim.bound, sp.Basic):
        try:
            if not squared or rational_value(claim.bound >= 0, values):
                bound = rational_value(claim.bound, values)
                return bound, bound**power, ()
        except Irrational:
            number = float(float_values(claim.bound, values))
        except ZeroDivisionError:
            raise Unsupported(f"the bound has no value at k = {n}") from None
    else:
        number = _called(claim, values, n)
    if not np.isfinite(number) or number < 0:
        raise Unsupported(f"the bound is {number} there")
    return number, (Fraction(number) * (1 - BELOW)) ** power, (f"the bound is no rational; it is proved at a rational {float(BELOW):.0e} below its float",)


def _renumbered(form: Quadratic, place: Mapping[int, int]) -> Quadratic:
    return Quadratic({(place[i], place[j]): value for (i, j), value in form.square.items()}, form.values, form.constant)
