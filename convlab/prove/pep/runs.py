"""Instances run by the engine, in rationals and in floats: the reconstructed worst case, and the instances that a claim says are tight."""
from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.constants import is_rational
from convlab.errors import BadInput
from convlab.judge.rate import REASONS, exact_evidence, float_evidence
from convlab.metrics import distance_to_minimiser, gradient_norm, squared_distance, squared_gradient_norm
from convlab.problem import Family, Start
from convlab.run.cases import Setting, constants_of, realised, start_constants
from convlab.run.settings import Settings
from convlab.theorem import Instance, RateBound, tight_instances

SQUARES = {distance_to_minimiser: squared_distance, gradient_norm: squared_gradient_norm}


@dataclass(frozen=True)
class Run:
    """Measured and bound at k = n on one instance; `exact`: in rationals (of a square root, the squares of both: `squared`)."""

    instance: str
    setting: Setting
    measured: Any
    bound: Any
    exact: bool
    squared: bool = False

    @property
    def ratio(self) -> float:
        """Measured over bound."""
        if not self.bound:
            return float("inf") if self.measured else 0.0
        found = float(Fraction(self.measured) / Fraction(self.bound)) if self.exact else float(self.measured) / float(self.bound)
        return found**0.5 if self.squared else found

    def above(self, factor: Fraction) -> bool:
        """Whether measured > factor bound, exactly (squares are compared with the square of the factor)."""
        return self.exact and bool(self.measured > factor ** (2 if self.squared else 1) * self.bound)


def setting_of(problem: Any, claim: RateBound, name: str, point: Mapping[Any, Any]) -> Setting:
    """A problem with its one start, at given parameters."""
    start: Start = problem.starts(None)[0]
    provenance = constants_of(problem, claim.assumptions)
    constants = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
    return Setting(problem, name, start, dict(point), constants, provenance)


def run_exactly(claim: RateBound, setting: Setting, n: int) -> Run | None:
    """The rational run; None where there is none, or where its bound is no rational."""
    plain = replace(claim, tight=(), on=(), mutants=(), facts=())
    if claim.metric in SQUARES and claim.mode.statistic in ("last", "best") and isinstance(claim.bound, sp.Basic):
        squared = replace(plain, metric=SQUARES[claim.metric], bound=claim.bound.subs(symbols.M0, sp.sqrt(symbols.M0)) ** 2)
        found = _run(squared, setting, n, exact=True)
        if found is not None and found.exact:
            return replace(found, squared=True)
    found = _run(plain, setting, n, exact=True)
    return found if found is not None and found.exact else None


def run_in_floats(claim: RateBound, setting: Setting, n: int) -> Run | None:
    """The run in float64, by the engine that measures everything else."""
    return _run(replace(claim, tight=(), on=(), mutants=(), facts=()), setting, n, exact=False)


def _run(claim: RateBound, setting: Setting, n: int, exact: bool) -> Run | None:
    horizon = n if claim.grid.horizons else None
    try:
        evidence = (exact_evidence(claim, setting, horizon, Settings(iterations=n)) if exact else float_evidence(claim, [setting], Settings(iterations=n), horizon))
    except (*REASONS, ValueError, TypeError, ArithmeticError, KeyError):        # KeyError: a metric's floor speaks of a constant that the class has not
        return None
    for found in evidence:
        for row, k in enumerate(found.result.k.tolist()):
            if k == n:
                measured, bound = found.result.measured[row, 0], found.result.bound[row, 0]
                return Run(setting.name, setting, measured, bound, exact and is_rational(measured) and (is_rational(bound) or isinstance(bound, float)))
    return None


def tight_runs(title: str, claim: RateBound, values: Mapping[Any, Any], n: int, families: Mapping[str, Family], constants: Set[Any], scales: bool) -> list[Run]:
    """The claim's own tight instances, made for these constants and parameters, run in rationals.

    `constants`: those that must be the same; `scales`: R and Delta may differ, since the class is the same at every size.
    """
    fixed = {str(s): str(values[s]) for s in claim.defaults}
    settings = Settings(parameters=fixed, iterations=n)
    found = []
    for instance in tight_instances(claim):
        here = _at(instance, claim, values)
        try:
            made = realised(here, claim, title, families, settings, n)
        except (*REASONS, BadInput, ValueError, ArithmeticError, KeyError):
            continue
        same = {*claim.defaults, *constants} - ({symbols.R, symbols.Delta, symbols.M0} if scales else {symbols.M0})
        runs = [run_exactly(claim, setting, n) for setting in made if all(setting.values.get(s) == values.get(s) for s in same)]
        found += [replace(run, instance=repr(instance)) for run in runs if run is not None]
    return found


def _at(instance: Instance, claim: RateBound, values: Mapping[Any, Any]) -> Instance:
    constants = {s: value for s, value in values.items() if s not in claim.defaults and s not in instance.at and s is not symbols.M0}
    return Instance(instance.family, start=instance.start, when=instance.when, at={**constants, **instance.at}, **instance.parameters)
