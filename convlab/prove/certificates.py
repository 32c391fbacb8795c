"""Certificates over a formal run: right - left is identically the declared combination of known inequalities and squares, and every weight has its sign."""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.assumptions import ConstrainedMinimum, Smooth, StronglyConvex
from convlab.inequalities import Known, Point, star
from convlab.prove.formal_run import FormalRun, formal_run
from convlab.prove.formulas import formula
from convlab.prove.identities import difference
from convlab.prove.known import Setting, expression_of, text
from convlab.prove.one_step import ordered
from convlab.prove.proof import Finding, point_text
from convlab.prove.reading import Unreadable
from convlab.prove.reals import counterexample, satisfiable
from convlab.prove.resolving import resolved
from convlab.theorem import Certificate

TOLD = 3                         # terms of a residual that are printed
_LABEL = re.compile(r"([A-Za-z]\w*)_(\d+|star)$")
_SLOPE_OR_VALUE = re.compile(r"([gf])\((.+)\)$")


def prove_certificate(fact: Certificate, claim: Any, algorithm: Any) -> Finding:
    """The identity, the signs of multipliers and coefficients on the condition, and what the assumptions give."""
    setting = setting_of(fact, claim, algorithm)
    condition = condition_of(fact, claim)
    shown = _shown(fact)
    if satisfiable(condition) is None:
        return Finding("no point of the claim's condition lies in this case", (), shown)
    wrong = next(filter(None, (*(_weight_residual(m, text(q), condition, q.known is Known.LINE_SEARCH) for m, q in fact.terms),
                               *(_weight_residual(c, f"the square of {v}", condition) for c, v in fact.squares))), None)
    if wrong is not None:
        return Finding(wrong, (), shown)
    left, right = (resolved(setting.named(formula(side)), condition) for side in (fact.left, fact.right))
    roots = [sp.expand(setting.named(formula(v))) for _, v in fact.squares]
    wrong = next(filter(None, (*(_shape_residual(side, setting.run) for side in (left, right)), *(_linear_residual(v, setting.run) for v in roots))), None)
    if wrong is not None:
        return Finding(wrong, (), shown)
    combination = sum((resolved(formula(m), condition) * expression_of(q, setting) for m, q in fact.terms), sp.Integer(0)) \
        + sum((resolved(formula(c), condition) * v**2 for (c, _), v in zip(fact.squares, roots, strict=True)), sp.Integer(0))
    rest = _coefficients(_in_expectation(right - left - combination, setting.run), setting.run)
    if rest:
        return Finding(f"right - left - combination = {_told(rest, fact, setting.run)}", (), shown)
    where = "" if fact.case == sp.true else f" where {fact.case}"
    used = ", ".join(dict.fromkeys(text(q) for _, q in fact.terms))
    limits = ("it is divided by L - mu: at mu = L both sides are limits",) if _divides(fact, setting) else ()
    return Finding(None, (f"right - left - combination vanishes identically{where}", f"used: {used or 'squares alone'}",
                          f"multipliers and coefficients are nonnegative{where}", *limits), shown)


def _coefficients(expression: Any, run: FormalRun) -> dict[Any, Any]:
    """What stands before each inner product and value, where it is not 0: a rational function of constants (and of roots of positive ones) is 0 identically."""
    letters = [*run.oracle.basis, *sorted(run.values(), key=str)]
    rooted = {p.base: sp.Symbol(f"root_{p.base}", positive=True) for p in expression.atoms(sp.Pow) if p.base.is_Symbol and p.base.is_positive and p.exp.is_Rational
              and p.exp.q == 2}
    numerator, denominator = sp.fraction(sp.together(expression.subs({s: root**2 for s, root in rooted.items()})))
    if not numerator.is_polynomial(*letters) or denominator.free_symbols & set(letters):
        raise Unreadable("right - left - combination is no polynomial in vectors and values")
    found, back = {}, {root: sp.sqrt(s) for s, root in rooted.items()}
    for powers, c in sp.Poly(numerator, *letters).terms():
        rest = sp.expand(c) if c.is_polynomial(*c.free_symbols) else difference(c, 0)[0]
        if rest != 0:
            found[sp.prod([s**power for s, power in zip(letters, powers, strict=True)])] = sp.factor(rest / denominator).subs(back)
    return found


def _told(rest: dict[Any, Any], fact: Certificate, run: FormalRun) -> str:
    """What is left, by inner products; of many the first few."""
    names = _names(fact, run)
    parts = [str((c * product).xreplace(names)) for product, c in list(rest.items())[:TOLD]]
    return " + ".join(parts) + (f" + {len(rest) - TOLD} other inner products" if len(rest) > TOLD else "")


def _names(fact: Certificate, run: FormalRun) -> dict[Any, Any]:
    """The run's symbols by the names that the certificate gives them, as far as it does."""
    found: dict[Any, Any] = {}
    said = [formula(e).free_symbols for e in (fact.left, fact.right, *(v for _, v in fact.squares))]
    for s in sorted(set().union(*said), key=str):
        part = meaning(s)
        found |= {in_run(s, run): s} if part is not None and in_run(s, run).is_Symbol else {}
    return found


def setting_of(fact: Certificate, claim: Any, algorithm: Any) -> Setting:
    """The formal run of a certificate, and the claim's classes."""
    held = tuple(getattr(getattr(claim, "asserted", claim), "assumptions", ()))
    run = formal_run(algorithm, fact.steps, fact.from_start, any(issubclass(kind, ConstrainedMinimum) for kind in held))
    return Setting(run, held, lambda expression: in_run(expression, run))


def condition_of(fact: Certificate, claim: Any) -> Any:
    """Where the certificate speaks: its case, the claim's condition, mu <= L (mu < L where an inequality is divided by L - mu)."""
    held = set(getattr(claim, "assumptions", ()))
    strict = symbols.mu < symbols.L if {Smooth, StronglyConvex} <= held and any(q.known is Known.INTERPOLATION for _, q in fact.terms) else sp.true
    return sp.And(fact.case, getattr(claim, "condition", sp.true), ordered(claim), strict)


def _divides(fact: Certificate, setting: Setting) -> bool:
    return setting.has(Smooth) and setting.has(StronglyConvex) and any(q.known is Known.INTERPOLATION for _, q in fact.terms)


def in_run(expression: Any, run: FormalRun) -> Any:
    """The expression with the symbols of named points replaced by what they are in the run. Raises Unreadable for a point that the run does not have."""
    expression = formula(expression)
    found = {}
    for s in expression.free_symbols:
        part = meaning(s)
        if part is not None:
            kind, point = part
            place = run.place(point)
            found[s] = {"x": place.form, "g": place.gradient, "f": place.value}[kind]
    return expression.xreplace(found)


def meaning(symbol: Any) -> tuple[str, Point] | None:
    """("g", x_0) of the gradient at x_0; None for a symbol that is no part of a point."""
    inside = _SLOPE_OR_VALUE.match(symbol.name)
    kind, label = (inside.group(1), inside.group(2)) if inside else ("x", symbol.name)
    named = _LABEL.match(label)
    if named is None:
        return None
    point = Point(named.group(1), None if named.group(2) == "star" else int(named.group(2)))
    return (kind, point) if symbol == {"x": point.x, "g": point.g, "f": point.f}[kind] else None


def shifted(expression: Any, updates: int) -> Any:
    """The same expression at points so many updates later, schedules included. Raises Unreadable below 0."""
    found: dict[Any, Any] = {symbols.k: symbols.k + updates}
    for s in formula(expression).free_symbols:
        part = meaning(s)
        if part is not None and part[1].index is not None:
            if part[1].index + updates < 0:
                raise Unreadable(f"{s} has nothing before it")
            later = part[1].after(updates)
            found[s] = {"x": later.x, "g": later.g, "f": later.f}[part[0]]
    return formula(expression).xreplace(found)


# ---- what a weight, a side and a square may be
def _weight_residual(weight: Any, what: str, condition: Any, any_sign: bool = False) -> str | None:
    """What is wrong with a multiplier or coefficient."""
    weight = formula(weight)
    known = condition.free_symbols | set(symbols.table().values())
    formal = sorted(str(s) for s in weight.free_symbols - known if meaning(s) is not None)
    strange = sorted(str(s) for s in weight.free_symbols - known)
    if formal:
        return f"the weight {weight} of {what} contains {formal[0]}"
    if strange:
        return f"the weight {weight} of {what} contains {strange[0]}, of which neither the claim nor the table of symbols speaks"
    if any_sign:
        return None
    negative = _where_negative(weight, condition)
    return None if negative is None else f"the weight {weight} of {what} is negative at {negative}"


@lru_cache(maxsize=1024)
def _where_negative(weight: Any, condition: Any) -> str | None:
    """A point of the condition at which the weight is negative, in words."""
    point = counterexample(condition, weight >= 0)
    return None if point is None else point_text(point)


def _terms(expression: Any, run: FormalRun) -> list[tuple[tuple[int, int], Any]]:
    """(degree in vectors, degree in values) of each monomial. Raises Unreadable for what is no polynomial in them."""
    vectors, values = list(run.oracle.basis), sorted(run.values(), key=str)
    if not expression.is_polynomial(*vectors, *values):
        raise Unreadable(f"{expression} is no polynomial in vectors and values")
    found = sp.Poly(expression, *vectors, *values).terms() if expression != 0 else []
    return [((sum(powers[:len(vectors)]), sum(powers[len(vectors):])), c) for powers, c in found]


def _shape_residual(side: Any, run: FormalRun) -> str | None:
    wrong = [degrees for degrees, _ in _terms(sp.expand(side), run) if degrees not in ((2, 0), (0, 1), (0, 0))]
    return f"{side} is no combination of inner products, values and constants" if wrong else None


def _linear_residual(root: Any, run: FormalRun) -> str | None:
    wrong = [degrees for degrees, _ in _terms(root, run) if degrees != (1, 0)]
    return f"{root} is squared, and is no combination of vectors" if wrong else None


def _in_expectation(expression: Any, run: FormalRun) -> Any:
    """Without inner products of noise with what was there before it: their mean is 0."""
    if not run.oracle.noises:
        return expression
    expression = sp.expand(expression)
    for noise in run.oracle.noises:
        linear = expression.coeff(noise.symbol, 1)
        gone = sum((linear.coeff(b, 1) * b for b in noise.before), sp.Integer(0))
        expression = sp.expand(expression - gone * noise.symbol)
    return expression


def _shown(fact: Certificate) -> tuple[tuple[str, Any], ...]:
    return (("to be shown", sp.Le(fact.left, fact.right, evaluate=False)), *(() if fact.case == sp.true else (("case", fact.case),)),
            *((f"weight of the {text(q)}", formula(m)) for m, q in fact.terms), *(("weight, and what is squared", sp.Tuple(c, v)) for c, v in fact.squares))


def certificates_of(claim: Any) -> list[Certificate]:
    """Those that a claim declares."""
    return [fact for fact in claim.facts if isinstance(fact, Certificate)]


def at_start(expression: Any, algorithm: Any) -> Any:
    """The expression at the algorithm's own first state, in Delta and R; what has no such value stays a symbol of the run."""
    run = formal_run(algorithm, 0, True, False)
    x = run.place(Point(_first_field(run), 0))
    minimum = run.place(star)
    found = sp.expand(in_run(expression, run).xreplace({x.form: minimum.form + _AWAY, x.value: minimum.value + symbols.Delta}))
    return sp.expand(found.subs(_AWAY**2, symbols.R**2))


_AWAY = sp.Symbol("away", real=True)


def _first_field(run: FormalRun) -> str:
    return next(iter(run.fields)).rpartition("_")[0]

