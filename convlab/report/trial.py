"""A statement tried at parameters of one's choice, inside its condition or beyond: what a cell of a notebook runs, and how it shows itself there."""
from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from convlab import catalogue, symbols
from convlab.errors import BadInput
from convlab.judge.check import check
from convlab.judge.verdict import Check, Verdict, short
from convlab.problem import Family
from convlab.report.figures import claim_figure
from convlab.report.statement import inner
from convlab.run.cases import condition_of
from convlab.run.points import holds
from convlab.run.settings import Settings
from convlab.theorem import RateBound, Theorem


@dataclass(frozen=True)
class Trial:
    """What came out, as text (`print`), as a picture in a notebook, and as verdicts (`check`)."""

    theorem: Theorem
    claim: Any
    check: Check

    def __str__(self) -> str:
        lines = [_line(self.claim, verdict) for verdict in self.check.verdicts]
        return "\n".join([f"{self.theorem.id}: {self.theorem.title}", *lines, *(f"{s.problem}: not judged, {s.reason}" for s in self.check.skipped if not lines)])

    def _repr_html_(self) -> str:
        drawn = claim_figure(inner(self.claim), self.check.verdicts)
        return f"<pre>{html.escape(str(self))}</pre>" + ("" if drawn is None else drawn.files["svg"].decode().partition("?>")[2])


def tried(theorem: str | Theorem, parameters: Mapping[str, Any] | None = None, *, problem: str = "", iterations: int = 100,
          families: Mapping[str, Family] | None = None) -> Trial:
    """The statement at these parameters, numbers or formulas in the problem's constants ("2.1/L"), on one problem (default: on all that match).

    Parameters may leave the condition: that is the point. Raises BadInput for a name that the statement does not have and for a formula that is none.
    """
    found = catalogue.theorem(theorem) if isinstance(theorem, str) else theorem
    claim = tried_claim(found)
    at = {_symbol(name, claim, found): _formula(name, value, found) for name, value in (parameters or {}).items()}
    settings = Settings(problems=(problem,) if problem else (), iterations=iterations, outside=bool(at), sampled=False)
    return Trial(found, claim, check(found, settings=settings, families=families, claim=claim.name, parameters=at))


def tried_claim(theorem: Theorem) -> Any:
    """The claim that is tried: the first bound along a run with a parameter, else the first."""
    rates = [claim for claim in theorem.claims if isinstance(claim, RateBound)]
    return next((claim for claim in rates if claim.defaults), (rates or theorem.claims)[0])


def _symbol(name: str, claim: Any, theorem: Theorem) -> Any:
    known = {s.name: s for s in getattr(inner(claim), "defaults", {})}
    if name not in known:
        raise BadInput(f"{theorem.id} has no parameter {name!r}; it has {', '.join(known) or 'none'}.")
    return known[name]


def _formula(name: str, value: Any, theorem: Theorem) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return Fraction(value)
    except ValueError:
        pass
    try:
        return sp.sympify(value, locals=dict(symbols.table()), rational=True)
    except (sp.SympifyError, TypeError, SyntaxError) as error:
        raise BadInput(f"{theorem.id}: {name} = {value!r} is no number and no formula in constants; write 0.25, 1/4 or 2.1/L.") from error


def _line(claim: Any, verdict: Verdict) -> str:
    told = ", ".join(f"{s} = {short(v)}" for s, v in verdict.parameters.items())
    inside = "" if not told or _inside(claim, {**verdict.constants, **verdict.parameters}) else ", OUTSIDE the condition"
    curve = verdict.curve
    along = "" if curve is None or len(curve.k) < 2 else (
        f"; measured {_size(curve.measured[0])} at k = {int(curve.k[0])} and {_size(curve.measured[-1])} at k = {int(curve.k[-1])} (bound {_size(curve.bound[-1])})")
    return f"{verdict.problem}: {verdict.word.value} at {told or 'its parameters'}{inside}{along}"


def _inside(claim: Any, values: Mapping[Any, Any]) -> bool:
    named = {str(s): v for s, v in values.items()}
    condition = condition_of(inner(claim))
    return all(s.name in named for s in condition.free_symbols) and bool(holds(condition, {s: named[s.name] for s in condition.free_symbols}))


def _size(value: Any) -> str:
    return f"{float(value):.3g}"
