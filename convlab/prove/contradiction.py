"""A run in rationals at a point that a condition allows: does the metric exceed the bound there? Only what a run shows is called wrong."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import RATIONAL
from convlab.constants import Array
from convlab.metrics import Case
from convlab.operations import Unsupported
from convlab.prove.formulas import formula
from convlab.prove.models import Model
from convlab.prove.reading import Unreadable, linear_maps, second_moment_matrix, symbolic
from convlab.run.bind import Binder
from convlab.symbols import Symbol
from convlab.theorem import RateBound

UPDATES = 600                    # a radius of 1.01 grows four hundredfold meanwhile; the rationals of longer runs grow too long
CHECKED = {*range(1, 33), *(round(1.3**i) for i in range(13, 24)), UPDATES}
START = Fraction(7, 2)
SLACK = sp.Rational(1, 10**9)    # the bound is evaluated to thirty digits: what exceeds it by this much exceeds it
OVERFLOW = 10**60                # a metric that has grown so far is compared now, and the run ends


def contradiction(claim: RateBound, model: Model, point: Mapping[Any, Any]) -> str | None:
    """Where the metric exceeds the bound, in words; None where it does not, or where that cannot be told in rationals."""
    if not isinstance(claim.bound, sp.Basic) or claim.reads or claim.metric is None:
        return None
    try:
        values = {s: RATIONAL.number(value) for s, value in point.items()}
        oracle = _numbers(model.oracle, values)
        series = _moments(claim, oracle, values) if hasattr(claim.algorithm, "draws") else _run(claim, oracle, values)
        return _first_excess(claim, series, values, oracle)
    except (Unsupported, Unreadable, ValueError, TypeError, AttributeError, KeyError, ZeroDivisionError):
        return None                                      # not a finding: the sentence beside it says that no run exceeded the bound


def _numbers(oracle: Any, values: Mapping[Any, Any]) -> Any:
    """The oracle with numbers in place of its symbols; without noise, which every bound on the noise allows."""
    names = {name: formula(value) for name, value in vars(oracle).items() if isinstance(value, sp.Basic)}
    return replace(oracle, **{name: RATIONAL.number(value.subs({s: in_sympy(v) for s, v in values.items()})) for name, value in names.items()})


def in_sympy(value: Fraction) -> Any:
    """A fraction as sympy has it."""
    return sp.Rational(value.numerator, value.denominator)


def _start(oracle: Any) -> Array:
    return np.array([[START, *[Fraction(0)] * (oracle.dimension - 1)]], dtype=object)


def _case(claim: RateBound, oracle: Any, values: Mapping[Any, Any]) -> Case:
    zero = np.array([Fraction(0)] * oracle.dimension, dtype=object)
    return Case(oracle, {s: np.array([value], dtype=object) for s, value in values.items() if isinstance(s, Symbol)}, zero, Fraction(0))


def _run(claim: RateBound, oracle: Any, values: Mapping[Any, Any]) -> Iterator[Any]:
    """The metric at k = 0, 1, ..."""
    binder, case = Binder(claim.algorithm, values, 2, UPDATES, RATIONAL), _case(claim, oracle, values)
    algorithm = binder.at(0)
    state = algorithm.init(_start(oracle), oracle)
    for _ in range(UPDATES + 1):
        yield _only(claim.metric(state, case))            # type: ignore[misc]
        state = algorithm.step(state, oracle)


def _moments(claim: RateBound, oracle: Any, values: Mapping[Any, Any]) -> Iterator[Any]:
    """The mean of a metric that is a multiple of x^2, without noise, by the map of second moments."""
    at = {s: in_sympy(v) for s, v in values.items()}
    _, maps = linear_maps(symbolic(claim.algorithm, {}), replace(oracle, curvature=formula(in_sympy(oracle.curvature))))
    matrix = np.array([[RATIONAL.number(e) for e in row] for row in second_moment_matrix(maps).subs(at).tolist()], dtype=object)
    binder, case = Binder(claim.algorithm, values, 2, UPDATES, RATIONAL), _case(claim, oracle, values)
    first = binder.at(0).init(_start(oracle), oracle)
    at_start, at_double = (_only(claim.metric(first._replace(**{first._fields[0]: factor * first[0]}), case)) for factor in (1, 2))  # type: ignore[misc]
    if at_double != 4 * at_start:
        raise Unreadable("the metric is no multiple of x^2")
    entries = [RATIONAL.number(e) for field in first for e in np.asarray(field, dtype=object).reshape(-1)]
    moments = np.array([a * b for i, a in enumerate(entries) for b in entries[i:]], dtype=object)
    for _ in range(UPDATES + 1):
        yield at_start * moments[0] / START**2
        moments = matrix @ moments


def _only(measured: Any) -> Fraction:
    (value,) = np.asarray(measured, dtype=object).reshape(-1)
    return RATIONAL.number(value)                        # type: ignore[no-any-return]


def _first_excess(claim: RateBound, series: Iterator[Any], values: Mapping[Any, Any], oracle: Any) -> str | None:
    known = {**{s: in_sympy(v) for s, v in values.items()}, symbols.R: in_sympy(START), symbols.sigma: sp.Integer(0), symbols.d: sp.Integer(oracle.dimension),
             symbols.sigma_opt: sp.Integer(0), symbols.G: sp.Integer(0)}
    if hasattr(oracle, "gap"):
        known[symbols.Delta] = in_sympy(oracle.gap(_start(oracle))[0])
    seen: list[Fraction] = []
    first, step = max(claim.grid.first, 1), claim.grid.step
    for k, measured in enumerate(series):
        seen.append(measured)
        if k < first or k not in CHECKED or claim.grid.horizons or step != 1:
            continue
        bound = claim.bound.subs({**known, symbols.M0: in_sympy(seen[0])}).subs({symbols.k: k, symbols.K: k})
        told = _statistic(claim, seen, k)
        limit = sp.N(bound, 30) if told is not None else None
        if limit is not None and limit.is_comparable and in_sympy(told) > limit + SLACK * abs(limit):
            return f"from x_0 = {START} the metric at k = {k} is {float(told):.6g}, the bound {float(limit):.6g}"
        if measured > OVERFLOW:
            return None
    return None


def _statistic(claim: RateBound, seen: list[Fraction], k: int) -> Any:
    """What the claim's mode makes of the values so far; None where it has none yet, or is no mean of a random run."""
    if claim.mode.statistic == "last":
        return seen[k]
    window = seen[claim.mode.first:k + claim.mode.last + 1]
    if not window or (claim.mode.statistic == "best" and hasattr(claim.algorithm, "draws")):
        return None
    return min(window) if claim.mode.statistic == "best" else sum(window) / (len(window) if claim.mode.statistic == "mean" else 1)
