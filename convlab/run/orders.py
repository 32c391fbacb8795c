"""The order of a bound in k, derived from the bound itself: d log bound / d log k far out, and what that says (a power of k, a factor a step, a floor, ...).

A formula is evaluated by mpmath with 160 digits, whose exponents have no end: (1 - gamma mu)^k is a number at k = 10^60, too. The slopes at 10^6 and 10^9 are
told; the class is read off the slopes at 10^30 and 10^60, where a logarithm and a power of k can be told apart.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.run.expressions import Surd, evaluate, float_values

DIGITS = 160             # of mpmath: sqrt(k + 1) - sqrt(k) at k = 10^60 loses 60 of them, the difference for a slope 20
TOLD = (6, 9)            # powers of ten at which the slope is reported
FAR = (30, 60)           # powers of ten at which the class is read: a / log k is 0.01 a there, k^-p for p >= 0.1 is gone
STEP = -20               # power of ten of the step in log k of a central difference: its error is the square of it
TOGETHER = 5040          # multiples of it agree modulo every number up to 10, where a formula is no smooth function of k
TOO_LARGE = 2**1000      # exponents beyond it are not evaluated: k = 10^30 in 2^k
STEEP = 1e3              # |slope| at 10^30 beyond any power of k
MODERATE = (64, 256, 1024, 4096)     # where a bound that is a program (or a sum of k terms) is evaluated instead


class Kind(Enum):
    """How a bound behaves as k grows."""

    SUBLINEAR = "sublinear"        # k^-p, up to logarithms; or faster than any power, and still slower than q^k
    LINEAR = "linear"              # q^k, up to powers of k
    SUPERLINEAR = "superlinear"    # successive ratios tend to 0
    FLOOR = "floor"                # tends to a positive number
    GROWING = "growing"
    ZERO = "zero"                  # is 0 from some k on
    UNKNOWN = "not derived"


@dataclass(frozen=True)
class Order:
    """The order of a bound at some values of its constants. Which numbers there are depends on the kind; the others are None.

    `exponent` is p of k^-p (negative where it grows) and `log_power` a of log(k)^a beside it; `factor` is q of q^k, a step; `q` the order of a superlinear
    rate (log b(k+1) / log b(k)); `stretch` is s of exp(-c k^s); `floor` the limit; `slopes` are d log b / d log k at k = 10^6 and 10^9.
    """

    kind: Kind
    exponent: float | None = None
    log_power: float | None = None
    factor: float | None = None
    q: float | None = None
    stretch: float | None = None
    floor: float | None = None
    slopes: tuple[float, float] | None = None
    formula: Any = None            # the factor a step as a formula, where it can be read off the bound
    limit: str | None = None       # what sympy finds for the limit of the slope
    reason: str = ""               # why it was not derived, or from where

    def __str__(self) -> str:
        match self.kind:
            case Kind.SUBLINEAR:
                return self._sublinear()
            case Kind.LINEAR:
                return f"linear, factor {factor_text(self.factor)} a step"
            case Kind.SUPERLINEAR:
                return f"superlinear of order {self.q:.4g}" if self.q is not None and self.q > 1.001 else "superlinear, successive ratios tend to 0"
            case Kind.FLOOR:
                return f"to a floor {self.floor:.6g}"
            case Kind.GROWING:
                return self._growing()
            case Kind.ZERO:
                return "0 from some k on"
        return f"not derived: {self.reason}"

    def _sublinear(self) -> str:
        if self.stretch is not None:
            return f"faster than any power of k, slower than linear: exp(-c k^{self.stretch:.3g})"
        return f"O({_power(-(self.exponent or 0), self.log_power or 0)})"

    def _growing(self) -> str:
        if self.factor is not None:
            return f"growing, factor {factor_text(self.factor)} a step"
        return "growing faster than any factor a step" if self.exponent is None else f"growing like {_power(-self.exponent, self.log_power or 0)}"

    def to_json(self) -> dict[str, Any]:
        """The numbers that there are, the sentence, and the reason where nothing was derived."""
        numbers = {name: value for name in ("exponent", "log_power", "factor", "q", "stretch", "floor") if (value := getattr(self, name)) is not None}
        return {"kind": self.kind.value, "sentence": str(self), **numbers, "slopes": None if self.slopes is None else list(self.slopes),
                "formula": None if self.formula is None else str(self.formula), "limit": self.limit, "reason": self.reason}


def factor_text(factor: float | None) -> str:
    """A factor a step; near 1 as its distance from it, 1 - 3e-12."""
    if factor is None or abs(factor - 1) >= 1e-4 or factor == 1:
        return "" if factor is None else f"{factor:.6g}"
    return f"1 {'-' if factor < 1 else '+'} {abs(factor - 1):.3g}"


def _power(exponent: float, logs: float) -> str:
    """1/k^2, k^0.5, log(k)/k."""
    powers = [("k", exponent), ("log(k)", logs)]
    above, below = ([name if abs(p) == 1 else f"{name}^{abs(p):.4g}" for name, p in powers if p and (p > 0) is up] for up in (True, False))
    return (" ".join(above) or "1") + (f"/{below[0] if len(below) == 1 else '(' + ' '.join(below) + ')'}" if below else "")


# ---- of a claim
def order_of(claim: Any, values: Mapping[Any, Any], case: Any = None) -> Order:
    """The order of a rate bound's right-hand side at these values (symbol to number), of a program on a case; UNKNOWN with the reason where there is none."""
    bound = claim.bound
    if not isinstance(bound, sp.Basic) and callable(bound):
        return order_of_program(bound, case, values) if case is not None and not claim.reads else Order(Kind.UNKNOWN, reason="the bound is a program" + (
            ", evaluated only along a run" if claim.reads or case is None else ""))
    formula = sp.sympify(bound)
    read = {s.name for s in claim.reads} & {s.name for s in formula.free_symbols}
    if read:
        return Order(Kind.UNKNOWN, reason=f"the bound reads {', '.join(sorted(read))} along the run")
    return order_of_formula(formula, values)


def typical_order(claim: Any) -> Order:
    """The order at values of our own for constants and tunables, inside the condition: what is true of a claim before it meets a problem.

    The class is that of every such value; factors and floors move with them. Of two choices of constants the one that the condition allows and on which
    the bound does not grow (a contraction factor may pass 1 on hard problems).
    """
    from convlab.run.points import default_point, holds

    found = Order(Kind.UNKNOWN, reason="no constants were found at which its condition holds")
    for condition_number in (4, 36):
        constants = typical_constants(claim, condition_number)
        try:
            values = {**constants, **default_point(claim.defaults, constants)}
            if not holds(claim.condition, values):
                continue
        except (KeyError, ArithmeticError, TypeError, ValueError):
            continue
        found = order_of(claim, values)
        if found.kind is not Kind.GROWING:
            return replace(found, formula=factor_formula(claim.bound) if found.kind is Kind.LINEAR else None)
    return found


def typical_constants(claim: Any, condition_number: int) -> dict[Any, Any]:
    """Numbers for every symbol that is no tunable: positive, far from 1 and from each other, inside the unit interval where the symbol's domain is."""
    from convlab.run.points import domain_of

    used = {s for part in (claim.bound, claim.condition, *claim.defaults.values()) if isinstance(part, sp.Basic) for s in part.free_symbols}
    mu = Fraction(7, 2)
    known: dict[Any, Any] = {symbols.mu: mu, symbols.L: condition_number * mu, symbols.L_mean: condition_number * mu, symbols.L_rms: (condition_number + 1) * mu,
                             symbols.L_max: (condition_number + 2) * mu, symbols.kappa: condition_number, symbols.n: 11, symbols.workers: 8, symbols.rounds: 3,
                             symbols.d: 24, symbols.lam: Fraction(4, 3), symbols.R: Fraction(9, 2), symbols.Delta: 40, symbols.M0: 50}
    for place, symbol in enumerate(sorted(used - set(claim.defaults) - set(known), key=lambda s: str(s.name))):
        high = domain_of(symbol).high
        known[symbol] = place + 3 if symbol.is_integer else Fraction(2, 5 + place) if high <= 1 else Fraction(5 + 2 * place, 2)
    return known


def factor_formula(bound: Any) -> Any:
    """The factor a step of a bound that is a product of powers, as a formula; None where its form does not show one."""
    if not isinstance(bound, sp.Basic):
        return None
    factors = [_factor(part) for part in sp.Mul.make_args(bound)]
    return None if None in factors else sp.Mul(*factors)


def _factor(part: Any) -> Any:
    k = symbols.k
    if part.is_rational_function(k):
        return sp.Integer(1)
    if isinstance(part, sp.Pow) and not part.base.has(k) and part.exp.is_polynomial(k) and sp.degree(part.exp, k) == 1:
        return part.base ** sp.diff(part.exp, k)
    return None


# ---- of a formula
@cache
def _smooth(formula: Any) -> bool:
    """Whether the formula means something between the integers."""
    counted = {symbols.k, symbols.K}
    wild = (sp.floor, sp.ceiling, sp.Mod, sp.cos, sp.sin, sp.Equality, sp.Unequality, sp.binomial)
    signs = [p for p in formula.atoms(sp.Pow) if p.exp.free_symbols & counted and not p.base.is_nonnegative]
    return not any(part.free_symbols & counted for kind in wild for part in formula.atoms(kind)) and not any(p.base.could_extract_minus_sign() for p in signs)


def order_of_formula(formula: Any, values: Mapping[Any, Any]) -> Order:
    """The order of a formula in k (and K, which runs with it) at these values of its other symbols. UNKNOWN with the reason where it has none."""
    import mpmath  # type: ignore[import-untyped]

    missing = sorted(str(s) for s in formula.free_symbols - {symbols.k, symbols.K} if s not in values)
    if missing:
        return Order(Kind.UNKNOWN, reason=f"{missing[0]} has no value")
    with mpmath.workdps(DIGITS):
        evaluator = _Evaluator(mpmath, {s: _number(mpmath, values[s]) for s in formula.free_symbols if s in values})
        try:
            return _classified(evaluator, formula)
        except _TooLarge:
            return _doubly_exponential(evaluator, formula)
        except _NoProgram as part:
            return _moderate(lambda k: float_values(formula, {**values, symbols.k: k, symbols.K: k}), f"{part} is not evaluated far out")
        except _NoValue as reason:
            return _negative_floor(evaluator, formula) or Order(Kind.UNKNOWN, reason=str(reason))


def _negative_floor(e: _Evaluator, formula: Any) -> Order | None:
    """The limit of a formula that ends below 0 (a bound on a quantity of both signs); None where it has none there."""
    try:
        found = _flat(e, *(_look(e, -formula, power) for power in FAR))
    except (_NoValue, TypeError):                     # of both signs far out, or 0 there
        return None
    return replace(found, floor=-found.floor) if found.kind is Kind.FLOOR and found.floor is not None else None


def _number(mp: Any, value: Any) -> Any:
    if isinstance(value, Surd):
        return mp.sqrt(mp.mpf(value.square.numerator) / value.square.denominator)
    if isinstance(value, sp.Basic):
        value = evaluate(value, {})
    return mp.mpf(int(value.numerator)) / int(value.denominator) if isinstance(value, (int, Fraction, np.integer)) else mp.mpf(float(value))


class _TooLarge(ArithmeticError):
    """An exponent that is exponential in k itself."""


class _NoProgram(ArithmeticError):
    """A part of a formula that is not evaluated here."""


class _NoValue(ArithmeticError):
    """No positive number far out."""


@dataclass(frozen=True)
class _Evaluator:
    """A formula in mpmath numbers; those parts that do not speak of k are evaluated once."""

    mp: Any
    values: Mapping[Any, Any]

    def log(self, formula: Any, k: Any) -> Any:
        """log of the formula at k; None where it is 0. Raises _NoValue where it is negative or no number."""
        value = self.value(formula, k)
        if self.mp.isnan(value) or self.mp.isinf(value) or value.imag or value < 0:
            raise _NoValue(f"it is {'negative' if value.real < 0 else 'no finite number'} at k = {self.mp.nstr(k, 3)}")
        return self.mp.log(value) if value else None

    def value(self, part: Any, k: Any) -> Any:
        """The number itself."""
        mp = self.mp
        if part.is_Symbol:
            return k if part in (symbols.k, symbols.K) else self.values[part]
        if part.is_Number or part.is_NumberSymbol:
            return mp.mpf(part.p) / part.q if part.is_Rational else mp.mpf(part._to_mpmath(mp.mp.prec))
        if isinstance(part, sp.Piecewise):
            return next((self.value(case.expr, k) for case in part.args if self.true(case.cond, k)), mp.nan)
        if isinstance(part, sp.Pow):
            return self.power(self.value(part.base, k), self.value(part.exp, k))
        combine = _PROGRAMS.get(type(part).__name__)
        if combine is None:
            raise _NoProgram(str(part.func))
        return combine(self, [self.value(argument, k) for argument in part.args])

    def power(self, base: Any, exponent: Any) -> Any:
        """base^exponent; of a negative base at integers alone."""
        mp = self.mp
        if base == 0:
            return mp.mpf(1) if exponent == 0 else mp.mpf(0) if exponent > 0 else mp.inf
        if base < 0 and exponent != mp.floor(exponent):
            return mp.nan
        grown = exponent * mp.log(abs(base))
        if abs(grown) > TOO_LARGE:
            raise _TooLarge
        sign = -1 if base < 0 and int(exponent) % 2 else 1
        return sign * (abs(base) ** int(exponent) if abs(exponent) < 64 and exponent == int(exponent) else mp.exp(grown))

    def exp(self, exponent: Any) -> Any:
        """e^exponent. Raises _TooLarge where the exponent is itself exponential."""
        if abs(exponent) > TOO_LARGE:
            raise _TooLarge
        return self.mp.exp(exponent)

    def true(self, condition: Any, k: Any) -> bool:
        """Whether a condition holds; equalities up to the last third of the digits."""
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, (sp.And, sp.Or, sp.Not)):
            parts = [self.true(part, k) for part in condition.args]
            return all(parts) if isinstance(condition, sp.And) else any(parts) if isinstance(condition, sp.Or) else not parts[0]
        if not isinstance(condition, sp.core.relational.Relational):
            raise _NoProgram(str(condition.func))
        left, right = self.value(condition.lhs, k), self.value(condition.rhs, k)
        equal = abs(left - right) <= self.mp.mpf(10) ** (-2 * DIGITS // 3) * max(abs(left), abs(right))
        return bool({"==": equal, "!=": not equal, "<": left < right and not equal, ">": left > right and not equal,
                     "<=": left < right or equal, ">=": left > right or equal}[condition.rel_op])


def _total(values: list[Any]) -> Any:
    return sum(values[1:], values[0])


def _modulo(e: _Evaluator, a: list[Any]) -> Any:
    return e.mp.mpf(int(a[0]) % int(a[1])) if a[0] == int(a[0]) and a[1] == int(a[1]) else a[0] - a[1] * e.mp.floor(a[0] / a[1])


_PROGRAMS: Mapping[str, Callable[[_Evaluator, list[Any]], Any]] = {
    "Add": lambda e, a: _total(a), "Mul": lambda e, a: e.mp.fprod(a), "Max": lambda e, a: max(a), "Min": lambda e, a: min(a), "Abs": lambda e, a: abs(a[0]),
    "exp": lambda e, a: e.exp(a[0]), "log": lambda e, a: e.mp.log(a[0]) if len(a) == 1 else e.mp.log(a[0]) / e.mp.log(a[1]), "sign": lambda e, a: e.mp.sign(a[0]),
    "floor": lambda e, a: e.mp.floor(a[0]), "ceiling": lambda e, a: e.mp.ceil(a[0]), "Mod": _modulo, "factorial": lambda e, a: e.exp(e.mp.loggamma(a[0] + 1)),
    "gamma": lambda e, a: e.exp(e.mp.loggamma(a[0])), "loggamma": lambda e, a: e.mp.loggamma(a[0]), "harmonic": lambda e, a: _harmonic(e.mp, a),
    "binomial": lambda e, a: e.exp(e.mp.loggamma(a[0] + 1) - e.mp.loggamma(a[1] + 1) - e.mp.loggamma(a[0] - a[1] + 1)),
    "sin": lambda e, a: e.mp.sin(a[0]), "cos": lambda e, a: e.mp.cos(a[0]), "tan": lambda e, a: e.mp.tan(a[0]), "atan": lambda e, a: e.mp.atan(a[0]),
    "sinh": lambda e, a: (e.exp(a[0]) - e.exp(-a[0])) / 2, "cosh": lambda e, a: (e.exp(a[0]) + e.exp(-a[0])) / 2, "tanh": lambda e, a: e.mp.tanh(a[0]),
    "erf": lambda e, a: e.mp.erf(a[0]), "LambertW": lambda e, a: e.mp.lambertw(a[0]),
}


def _harmonic(mp: Any, a: list[Any]) -> Any:
    return mp.digamma(a[0] + 1) + mp.euler if len(a) == 1 or a[1] == 1 else mp.zeta(a[1]) - mp.zeta(a[1], a[0] + 1)


@dataclass(frozen=True)
class _Look:
    """log b and d log b / d log k at one k; None where b is 0."""

    k: Any
    log: Any
    slope: Any


def _look(e: _Evaluator, formula: Any, power: int) -> _Look:
    """A central difference in log k; a secant to 2 k, at multiples of TOGETHER, where the formula lives on integers."""
    mp = e.mp
    if _smooth(formula):
        k, h = mp.mpf(10) ** power, mp.mpf(10) ** STEP
        here, low, high = e.log(formula, k), e.log(formula, k * mp.exp(-h)), e.log(formula, k * mp.exp(h))
        width = 2 * h
    else:
        k = mp.mpf(TOGETHER) * mp.mpf(10) ** power
        here, low, high = e.log(formula, k), e.log(formula, k), e.log(formula, 2 * k)
        width = mp.log(2)
    return _Look(k, here, None if None in (here, low, high) else (high - low) / width)


def _classified(e: _Evaluator, formula: Any) -> Order:
    told, far = [_look(e, formula, p) for p in TOLD], [_look(e, formula, p) for p in FAR]
    if far[1].log is None:
        return Order(Kind.ZERO)
    if any(look.slope is None for look in (*told, *far)):
        raise _NoValue("it is 0 at some k and positive at others")
    slopes = (_float(told[0].slope), _float(told[1].slope))
    return replace(_steep(e, formula, *far) if abs(far[0].slope) > STEEP else _flat(e, *far), slopes=slopes)


def _float(value: Any) -> float:
    """As a float; infinite beyond their range."""
    return float(value) if abs(value) < 1e300 else math.copysign(math.inf, value)


def _steep(e: _Evaluator, formula: Any, near: _Look, far: _Look) -> Order:
    """Beyond any power of k: by how d log b / dk behaves. A secant over [k, 2 k] of c k is c k / log 2."""
    mp = e.mp
    scale = mp.mpf(1) if _smooth(formula) else mp.log(2)
    rates = [scale * look.slope / look.k for look in (near, far)]
    if abs(rates[1] - rates[0]) < 1e-9 * abs(rates[1]):
        factor = float(mp.exp(rates[1])) if abs(rates[1]) < 700 else math.inf if rates[1] > 0 else 0.0
        return Order(Kind.GROWING if rates[1] > 0 else Kind.LINEAR, factor=factor)
    if rates[1] > 0:
        return Order(Kind.GROWING)
    if abs(rates[1]) > abs(rates[0]):
        return Order(Kind.SUPERLINEAR, q=1.0)
    return Order(Kind.SUBLINEAR, stretch=_snapped(float(mp.log(far.slope / near.slope) / mp.log(far.k / near.k)), 12, 2e-3))


def _flat(e: _Evaluator, near: _Look, far: _Look) -> Order:
    """slope = -p + a / log k through both: a power of k, and a logarithm beside it where they differ. The limit is positive where neither is left."""
    inverse = [1 / e.mp.log(look.k) for look in (near, far)]
    a = (near.slope - far.slope) / (inverse[0] - inverse[1])
    logs = _snapped(float(a), 2, 0.05) if abs(a) > 1e-6 else 0.0
    exponent = _snapped(float(a * inverse[1] - far.slope), 12, 2e-3 if logs else 1e-9)
    if exponent == 0 and logs == 0:
        return Order(Kind.FLOOR, exponent=0.0, floor=float(e.mp.exp(far.log)))
    growing = exponent < 0 or (exponent == 0 and logs > 0)
    return Order(Kind.GROWING if growing else Kind.SUBLINEAR, exponent=exponent + 0.0, log_power=logs)


def _snapped(value: float, parts: int, within: float) -> float:
    """The nearest multiple of 1/parts, where it is as near as that."""
    nearest = round(value * parts) / parts
    return nearest if abs(value - nearest) < within else value


def _doubly_exponential(e: _Evaluator, formula: Any) -> Order:
    """q^(2^k): the order is the ratio of successive logarithms, at the largest power of two that can be evaluated."""
    logs = None
    for k in (2**i for i in range(2, 10)):
        try:
            logs = (e.log(formula, e.mp.mpf(k)), e.log(formula, e.mp.mpf(k + 1)))
        except (_TooLarge, _NoValue):
            break
    if logs is None or None in logs:
        return Order(Kind.UNKNOWN, reason="it leaves every range within a few k")
    if logs[1] > 0:
        return Order(Kind.GROWING)
    return Order(Kind.SUPERLINEAR, q=_snapped(float(logs[1] / logs[0]), 12, 1e-6))


# ---- of a program
def order_of_program(bound: Callable[..., Any], case: Any, values: Mapping[Any, Any]) -> Order:
    """The order of a bound that is a function (k, case, record), from its values at moderate k; componentwise bounds have none."""
    initial = np.array([float(values.get(symbols.M0, 1.0))])

    def value(k: int) -> Any:
        found = np.asarray(bound(k, case, {"M0": initial}), dtype=float)
        if found.size != 1 and np.ptp(found) > 0:
            raise _NoValue("it has several components")
        return found.reshape(-1)[0]

    try:
        return _moderate(value, "from the program")
    except (_NoValue, ValueError, TypeError, KeyError, ArithmeticError, IndexError) as reason:
        return Order(Kind.UNKNOWN, reason=f"the bound is a program: {reason}")


def _moderate(value: Callable[[int], Any], reason: str) -> Order:
    """A class from a few values in floats: a power of k where the slopes in log k settle, a factor where those in k do, a floor where nothing moves."""
    with np.errstate(all="ignore"):
        found = [np.longdouble(value(k)) for k in MODERATE]
        logs = np.log(np.array(found))
    if not np.isfinite(logs).all():
        return Order(Kind.UNKNOWN, reason=f"{reason}; at moderate k it leaves the range of floats")
    powers, rates = np.diff(logs) / np.diff(np.log(MODERATE)), np.diff(logs) / np.diff(MODERATE)
    told = f"{reason}: from k = {MODERATE[0]} to {MODERATE[-1]}"
    if abs(powers[-1]) < 1e-3:
        return Order(Kind.FLOOR, exponent=0.0, floor=float(found[-1]), reason=told)
    if abs(rates[-1] - rates[-2]) < 1e-3 * abs(rates[-1]):
        return Order(Kind.LINEAR if rates[-1] < 0 else Kind.GROWING, factor=float(np.exp(rates[-1])), reason=told)
    if abs(powers[-1]) > 2 * abs(powers[-2]):
        return Order(Kind.UNKNOWN, reason=f"{told} it is neither a power of k nor a factor a step")
    exponent = _snapped(float(-powers[-1] - (powers[-1] - powers[-2]) / 3), 4, 0.02)      # what is left of a correction in 1/k: a quarter at each next k
    return Order(Kind.SUBLINEAR if exponent > 0 else Kind.GROWING, exponent=exponent, log_power=0.0, reason=told)


# ---- sympy's word
def limit_of_slope(formula: Any) -> str | None:
    """What sympy finds for the limit of k b'(k) / b(k); asked only of rational functions of k, where it cannot hang."""
    k = symbols.k
    formula = sp.sympify(formula).subs(symbols.K, k)
    if not formula.has(k) or not formula.is_rational_function(k):
        return None
    return str(sp.limit(sp.cancel(k * sp.diff(formula, k) / formula), k, sp.oo))
