"""The rational constants and parameters of a certificate: given by name, or a default and constants far from 1."""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.constants import is_rational
from convlab.errors import BadInput
from convlab.operations import Unsupported
from convlab.prove.pep.certificate import with_condition_number
from convlab.run.cases import refuse_outside
from convlab.run.expressions import evaluate
from convlab.run.points import default_point, holds
from convlab.symbols import Role, Symbol
from convlab.theorem import RateBound, tight_instances

SIMPLE = 10**6                   # denominators of defaults that are no rationals: any point of the condition does as well
# Far from 1 and from each other, and squares where formulas take roots: sqrt(L), sqrt(mu), sqrt(kappa) and sqrt(L mu) are rational.
CONSTANTS: Mapping[Any, Fraction] = {symbols.L: Fraction(49, 4), symbols.mu: Fraction(4, 9), symbols.R: Fraction(5, 2), symbols.Delta: Fraction(9, 2),
                                     symbols.G: Fraction(8, 3), symbols.coupling: Fraction(5, 3), symbols.M0: Fraction(7, 3)}



def values_of(title: str, claim: RateBound, given: Mapping[str, Any]) -> tuple[dict[Any, Any], tuple[str, ...]]:
    """Rational constants and parameters. Raises BadInput for a name that the claim has not or a point outside its condition, Unsupported where it has no default."""
    known = {str(s): s for s in (*CONSTANTS, *claim.defaults) if s is not symbols.M0}
    wrong = sorted(set(given) - set(known))
    if wrong:
        raise BadInput(f"--param {wrong[0]}: {title} has no such parameter or constant; it has {', '.join(sorted(known))}.")
    chosen = {known[name]: _number(name, value, known[name]) for name, value in given.items()}
    constants = with_condition_number({**CONSTANTS, **_of_the_tight_instance(claim), **{s: v for s, v in chosen.items() if s not in claim.defaults}})
    try:
        point = default_point({s: v for s, v in claim.defaults.items() if s not in chosen}, {**constants, **chosen})
        point |= {s: v for s, v in chosen.items() if s in claim.defaults}
    except KeyError as error:
        raise Unsupported(f"its defaults speak of {error.args[0]}, which has no value here") from error
    simple = {s: v if is_rational(v) else Fraction(float(v)).limit_denominator(SIMPLE) for s, v in point.items()}
    values = {**constants, **{s: simple[s] for s in claim.defaults}}
    notes = tuple(f"{s} = {simple[s]}, near its default {float(v):.9g}" for s, v in point.items() if not is_rational(v))
    try:
        if chosen:
            refuse_outside(claim, title, values, "as given")
        if not holds(claim.condition, values):
            raise Unsupported("the default lies outside the condition at the constants of a certificate; give numbers with --param")
    except KeyError as error:
        raise Unsupported(f"its condition speaks of {error.args[0]}, which has no value here") from error
    return values, notes


def _of_the_tight_instance(claim: RateBound) -> dict[Any, Fraction]:
    """The constants that the claim's first tight instance insists on: there it can be compared with the proof."""
    own = {s: evaluate(v, {}) if isinstance(v, sp.Basic) else v for instance in tight_instances(claim)[:1] for s, v in instance.at.items()}
    return {s: Fraction(v) for s, v in own.items() if is_rational(v) and s in CONSTANTS}


def _number(name: str, value: Any, symbol: Any) -> Any:
    try:
        number = Fraction(value) if not isinstance(value, float) else Fraction(str(value))
    except (ValueError, TypeError, ZeroDivisionError):
        raise BadInput(f"--param {name}={value}: {value!r} is no number; write 0.25 or 1/4.") from None
    if isinstance(symbol, Symbol) and symbol.role is Role.CONSTANT and number <= 0:
        raise BadInput(f"--param {name}={value}: {name} is {symbol.meaning}, a positive number.")
    if isinstance(symbol, Symbol) and symbol.role in (Role.SIZE, Role.COUNTER):
        if number.denominator != 1:
            raise BadInput(f"--param {name}={value}: {name} counts {symbol.meaning} and must be an integer.")
        return int(number)
    return number
