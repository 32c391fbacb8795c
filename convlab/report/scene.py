"""What a declared figure stands for: its problem and start, and the value of every symbol, with what `--param` changes."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.errors import BadInput, suggestion
from convlab.figure import Figure, Run
from convlab.judge.verdict import short
from convlab.operations import Unsupported
from convlab.problem import Family, Start, installed_families
from convlab.report.notation import Notation
from convlab.run.bind import Binder
from convlab.run.cases import Batch, Setting, batch_of, constants_of, given_parameters, numbers_of, start_constants, stream
from convlab.run.expressions import evaluate
from convlab.run.settings import Settings
from convlab.symbols import Role, Symbol
from convlab.vocabulary import Instance


@dataclass(frozen=True)
class Scene:
    """A figure with its problem, its starts, and values by symbol: parameters and the problem's constants. Starts have constants of their own (R, Delta)."""

    figure: Figure
    problem: Any
    starts: tuple[Start, ...]
    values: Mapping[Any, Any]
    notation: Notation = Notation()      # noqa: RUF009 (frozen)

    def value(self, formula: Any, run: Run | None = None) -> float:
        """A formula as a number, at a run's parameters where one is given. Raises BadInput for a symbol without a value."""
        return float(_evaluated(self.figure, formula, self.of(run) if run is not None else self.values))

    def of(self, run: Run) -> dict[Any, Any]:
        """The values at which a run is made."""
        return {**self.values, **{s: _whole(s, _evaluated(self.figure, formula, self.values), self.figure) for s, formula in run.at.items()}}

    def batch(self, run: Run, starts: tuple[Start, ...], over: Mapping[Any, Any] | None = None) -> Batch:
        """A case for each start; `over` gives symbols another value in each of them."""
        values = self.of(run)
        cases = [Setting(self.problem, self.figure.id, start, {s: v[i] for s, v in (over or {}).items()}, {**values, **start_constants(self.problem, start)})
                 for i, start in enumerate(starts)]
        return batch_of(cases, FLOAT64)

    def binder(self, run: Run, batch: Batch, last: int) -> Binder:
        """The run's algorithm with its numbers. Raises BadInput for a field that has no value."""
        try:
            made = Binder(run.algorithm, batch.values, batch.x0.ndim, last)
            made.at(0)
        except Unsupported as error:
            raise BadInput(f"figure {self.figure.id}: {error}; give it among the parameters.") from error
        return made

    def told(self, text: str, run: Run) -> str:
        """A label with the formulas between square brackets as numbers: a short decimal, a short fraction, or three digits."""
        import sympy as sp  # the labels are the only text that is parsed

        names = {s.name: s for s in self.of(run) if isinstance(s, Symbol)}
        try:
            return self.notation.label(re.sub(r"\[([^]]+)\]", lambda found: _brief(_evaluated(self.figure, sp.sympify(found[1], locals=names), self.of(run))), text))
        except (sp.SympifyError, SyntaxError, TypeError) as error:
            raise BadInput(f"figure {self.figure.id}: the label {text!r} quotes no formula between its square brackets; write [gamma*L].") from error


def scene(figure: Figure, given: Mapping[str, str] | None = None, families: Mapping[str, Family] | None = None, notation: Notation | None = None) -> Scene:
    """The figure's scene, parameters changed as given by name and text. Raises BadInput for a name it does not have, and for what makes no problem."""
    families = installed_families() if families is None else families
    known = {s.name for s in figure.parameters}
    for name in given or {}:
        if name not in known:
            raise BadInput(f"--param {name}: figure {figure.id} has no parameter of that name; it has {', '.join(sorted(known)) or 'none'}.")
    formulas = {**figure.parameters, **given_parameters(Settings(parameters=dict(given or {})), figure.parameters)}
    early, late = _known(figure, formulas, {})
    problem = _problem(figure, early, families)
    constants = {s: c.value for s, c in constants_of(problem, ()).items()}
    starts = tuple(problem.starts(np.random.default_rng(stream(figure.seed, figure.id, "starts"))))
    values, left = _known(figure, late, {**early, **constants, **start_constants(problem, starts[0])})
    if left:
        symbol, formula = next(iter(left.items()))
        missing = sorted(str(s) for s in formula.free_symbols if s not in values)
        raise BadInput(f"figure {figure.id}: its parameter {symbol} = {formula} speaks of {missing[0]}, which is neither a parameter nor known of the problem.")
    return Scene(figure, problem, starts, values, notation or Notation())


def _known(figure: Figure, formulas: Mapping[Any, Any], values: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """The values that follow, and the formulas that speak of something unknown yet."""
    found, left = dict(values), dict(formulas)
    while ready := [s for s, formula in left.items() if getattr(formula, "free_symbols", set()) <= set(found)]:
        for s in ready:
            found[s] = _whole(s, _evaluated(figure, left.pop(s), found), figure)
    return found, left


def _evaluated(figure: Figure, formula: Any, values: Mapping[Any, Any]) -> Any:
    try:
        return evaluate(formula, values)
    except KeyError as error:
        raise BadInput(f"figure {figure.id}: {formula} speaks of {error.args[0]}, which has no value.") from error
    except ZeroDivisionError as error:
        raise BadInput(f"figure {figure.id}: {formula} divides by zero at these parameters.") from error


def _whole(symbol: Any, value: Any, figure: Figure) -> Any:
    """An integer where the symbol counts something."""
    if getattr(symbol, "role", None) not in (Role.SIZE, Role.COUNTER):
        return value
    if value != int(value) or value < 0:
        raise BadInput(f"figure {figure.id}: {symbol} counts {symbol.meaning} and must be an integer >= 0, not {short(value)}.")
    return int(value)


def _problem(figure: Figure, values: Mapping[Any, Any], families: Mapping[str, Family]) -> Any:
    wanted = figure.problem
    if isinstance(wanted, str):
        members = {member.name: member.problem for family in families.values() for member in family.members()}
        if wanted not in members:
            raise BadInput(f"figure {figure.id}: no problem is called {wanted!r}.{suggestion(wanted, list(members))}")
        return members[wanted]
    if not isinstance(wanted, Instance):
        return wanted
    if wanted.family not in families:
        raise BadInput(f"figure {figure.id}: no problem family is called {wanted.family!r}.{suggestion(wanted.family, list(families))}")
    try:
        return families[wanted.family].make(**numbers_of(wanted, values))
    except KeyError as error:
        raise BadInput(f"figure {figure.id}: its problem speaks of {error.args[0]}, which has no value before the problem is made.") from error
    except (TypeError, ValueError) as error:
        raise BadInput(f"figure {figure.id}: the family {wanted.family!r} makes no problem of these parameters: {str(error).rstrip('.')}.") from error


def _brief(value: Any) -> str:
    decimal = f"{float(value):.3g}"
    return str(value) if isinstance(value, Fraction) and Fraction(decimal) != value and value.denominator < 100 else decimal
