"""A witness as a program that a stranger runs without convlab: fractions only, under 40 lines, printing measured, bound and k.

The problem prints itself, the bound is sympy's, and the update is read off the algorithm's own step, run once on named numbers. What cannot be
printed so is refused by name; a program that would not tell what the judge measured is refused too, for it is run before it is given away.
"""
from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from convlab import metrics, symbols
from convlab.arithmetic import RATIONAL, cast
from convlab.constants import Array, is_rational
from convlab.operations import Unsupported
from convlab.run.bind import symbols_of
from convlab.run.cases import Setting
from convlab.run.engine import is_random
from convlab.run.expressions import Surd
from convlab.theorem import RateBound

LINES = 40
EXACT = 12             # updates that a program makes in fractions where the judge's own run was none: their digits may double with each
FLOATS = "def Fraction(p, q=1):\n    return p / q       # floats: so long a run of fractions would grow too many digits\n"
CLOSE = 1e-9           # relative: what a program with a square root in it may differ by from the judge
CANNOT = (TypeError, ValueError, AttributeError, IndexError, KeyError, ZeroDivisionError, NotImplementedError)      # arithmetic on names that a rule does not allow
OURS = {"x", "x0", "measured", "bound", "value", "gradient", "operator", "project", "prox", "minimiser", "root", "sqrt", "isqrt", "Fraction", *vars(symbols)}
SQUARES = "sum((t - c) ** 2 for t, c in zip(x, minimiser))"
MEASURED = {metrics.function_gap: "value(x)", metrics.squared_distance: SQUARES, metrics.distance_to_minimiser: f"root({SQUARES})",
            metrics.squared_gradient_norm: "sum(g * g for g in gradient(x))", metrics.gradient_norm: "root(sum(g * g for g in gradient(x)))"}
ROOT = ("def root(square):\n    exact = Fraction(isqrt(Fraction(square).numerator), isqrt(Fraction(square).denominator))\n"
        "    return exact if exact * exact == square else sqrt(square)\n")


def script(title: str, claim: RateBound, setting: Setting, k: int, measured: Any = None, bound: Any = None) -> str:
    """The program. Raises Unsupported with the reason where there is none; `measured` and `bound` are what it must print."""
    problem = cast(setting.problem, RATIONAL)
    if claim.coupled is not None or is_random(claim.algorithm):
        raise Unsupported("the run is random: an expectation is no single trajectory")
    if not hasattr(problem, "program"):
        raise Unsupported(f"{type(problem).__name__} cannot print itself")
    if claim.metric not in MEASURED:
        raise Unsupported("the metric cannot be printed")
    if not isinstance(claim.bound, sp.Basic) or claim.reads:
        raise Unsupported("the bound is no formula in k and the constants")
    text = _program(title, claim, setting, k, problem.program(), measured_text=MEASURED[claim.metric], exact=is_rational(measured) or k <= EXACT)
    if text.count("\n") > LINES:
        raise Unsupported(f"it would take more than {LINES} lines")
    _refuse_disagreement(text, {"measured": measured, "bound": bound})
    return text


def _program(title: str, claim: RateBound, setting: Setting, k: int, problem: str, measured_text: str, exact: bool) -> str:
    try:
        start, update = _rule(claim.algorithm)
        printer = Printer({"fully_qualified_modules": False})
        printer.surds = frozenset(s for s, v in setting.values.items() if isinstance(v, Surd))
        bound = printer.doprint(claim.bound)
    except CANNOT as error:
        raise Unsupported(f"the update cannot be printed: {error}") from error
    named = {s: setting.values.get(s) for s in sorted(symbols_of(claim.algorithm) | claim.bound.free_symbols, key=str)}
    values = [line for s, v in named.items() if v is not None and s not in (symbols.k, symbols.K, symbols.M0) for line in _value(s.name, v, update, bound)]
    clean = ("" if exact else FLOATS) + problem + ("\n" + (ROOT if exact else "root = sqrt") if "root(" in "".join([measured_text, bound, *values]) else "")
    point = f"[{', '.join(_number(v) for v in np.asarray(setting.start.point).reshape(-1))}]"
    first, last = claim.mode.first, claim.mode.last
    window = f"measured[{first}:K {'+' if last + 1 >= 0 else '-'} {abs(last + 1)}]"
    statistic = {"last": "measured[K]", "best": f"min({window})", "mean": f"sum({window}) / len({window})", "sum": f"sum({window})"}[claim.mode.statistic]
    head = ["from fractions import Fraction" if exact else "", "from math import isqrt, sqrt" if "root" in clean else "", f"# {title}: a witness"]
    run = [f"K = {k}", *values, f"x0 = {point}", *start, f"measured = [{measured_text}]", "for k in map(Fraction, range(K)):", *(f"    {line}" for line in update),
           f"    measured.append({measured_text})", f"k, M0, measured = Fraction(K), measured[0], {statistic}", f"bound = {bound}",
           'print(f"k = {K}: measured {measured} = {float(measured):.9g}, bound {bound} = {float(bound):.9g}, ratio {float(measured / bound):.9g}")']
    return "\n".join([*(line for line in head if line), *_used(clean, "\n".join(run)), *run]) + "\n"


def _used(definitions: str, run: str) -> list[str]:
    """The lines of the definitions that the run needs, blank ones left out."""
    blocks: list[list[str]] = []
    for line in filter(None, definitions.splitlines()):
        if line.startswith(" "):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    while True:
        text = "\n".join([*("\n".join(block) for block in blocks), run])
        kept = [block for block in blocks if not block[0].startswith("def ") or text.count(f"{block[0][4:].partition('(')[0]}(") > 1]
        if len(kept) == len(blocks):
            return [line for block in blocks for line in block]
        blocks = kept


def _value(name: str, value: Any, update: list[str], bound: str) -> list[str]:
    """Lines that define a constant; of the root of a rational the square, and itself only where it is used."""
    if not isinstance(value, Surd):
        return [f"{name} = {_number(value)}"]
    used = any(re.search(rf"\b{name}\b", line) for line in (*update, bound))
    return [f"{name}_squared = {_number(value.square)}", *([f"{name} = root({name}_squared)"] if used else [])]


def _number(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    exact = value if is_rational(value) else Fraction(float(value))
    return f"Fraction({exact.numerator}, {exact.denominator})"


class Printer(PythonCodePrinter):  # type: ignore[misc]    # sympy is untyped
    """Python in which rationals stay rational; square roots are `root`, and of `surds` the even powers are those of a rational."""

    surds: frozenset[Any] = frozenset()

    def _print_Rational(self, expr: Any) -> str:
        return f"Fraction({expr.p}, {expr.q})"

    def _print_Symbol(self, expr: Any) -> str:
        return str(expr.name)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.base.is_Symbol and expr.base in self.surds and expr.exp.is_Integer and expr.exp % 2 == 0:
            return f"{expr.base.name}_squared**({expr.exp // 2})"
        if expr.exp == sp.Rational(1, 2):
            return f"root({self._print(expr.base)})"
        if expr.exp == -1:
            return f"1 / {self.parenthesize(expr.base, 1000)}"
        return f"{self.parenthesize(expr.base, 1000)}**({self._print(expr.exp)})"

    def _print_sign(self, expr: Any) -> str:
        inner = self._print(expr.args[0])
        return f"(({inner} > 0) - ({inner} < 0))"


# ---- the update, read off the step
@dataclass
class Names:
    """An oracle that answers with fresh names and notes each call as a line of the program. Mutable on purpose: it lives for one step."""

    lines: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def gradient(self, x: Array) -> Array:
        """A name for the gradient at x."""
        return self._called("gradient", x)

    def operator(self, x: Array) -> Array:
        """A name for the operator of a game at x."""
        return self._called("operator", x)

    def project(self, x: Array) -> Array:
        """A name for the projection of x."""
        return self._called("project", x)

    def prox(self, x: Array, step_size: Any) -> Array:
        """A name for the proximal point of x."""
        return self._called("prox", x, f", {_text(step_size)}")

    def _called(self, name: str, x: Array, more: str = "") -> Array:
        fresh = f"{name[0]}{len(self.lines)}"
        self.lines.append(f"{fresh} = {name}({_listed(x, self.known)}{more})")
        self.known.append(fresh)
        return _named(fresh)


def _rule(algorithm: Any) -> tuple[list[str], list[str]]:
    """Lines that make the first state from x0, and lines that make the next one."""
    if any(isinstance(getattr(algorithm, f.name), FunctionType) for f in fields(algorithm)):
        raise Unsupported("its coefficients are a function of the horizon")
    beginning = Names(known=["x0"])
    state = algorithm.init(_named("x0"), beginning)
    taken = OURS | {s.name for s in symbols_of(algorithm)}
    names = ["x", *(f"{name}_" if name in taken else name for name in state._fields[1:])]
    oracle = Names(known=list(names))
    after = algorithm.step(type(state)(*(_named(name) for name in names)), oracle)
    return [*beginning.lines, _assigned(names, state, beginning.known)], [*oracle.lines, _assigned(names, after, oracle.known)]


def _assigned(names: list[str], state: Any, known: list[str]) -> str:
    return f"{', '.join(names)} = {', '.join(_listed(value, known) for value in state)}"


def _named(name: str) -> Array:
    return np.array([[sp.Symbol(name, real=True)]], dtype=object)


def _text(expression: Any) -> str:
    return str(Printer({"fully_qualified_modules": False}).doprint(sp.sympify(expression)))


def _listed(x: Array, known: list[str]) -> str:
    """A vector as a list, coordinate by coordinate: lists that it speaks of are walked together."""
    if np.shape(x) != (1, 1):
        raise Unsupported("its state is more than points")
    value = sp.sympify(x[0, 0])
    used = [name for name in known if name in {s.name for s in value.free_symbols}]
    if len(used) == 1 and value.is_Symbol:
        return used[0]
    if not used:
        return f"[{_text(value)}] * len(x0)"
    walk = used[0] if len(used) == 1 else f"zip({', '.join(used)})"
    return f"[{_text(value)} for {', '.join(used)} in {walk}]"


# ---- before it is given away
def _refuse_disagreement(text: str, judged: Mapping[str, Any]) -> None:
    """Runs the program, as its reader will, and raises Unsupported unless it tells what the judge measured and what the bound is."""
    told: dict[str, Any] = {}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, "witness", "exec"), told)
    except Exception as error:                       # a generated program may fail in any way, and must then not be handed out
        raise Unsupported(f"the program that was written fails: {type(error).__name__}: {error}") from error
    for name, value in judged.items():
        if value is not None and not math.isclose(float(told[name]), float(value), rel_tol=CLOSE, abs_tol=1e-300):
            raise Unsupported(f"the program that was written tells {name} = {float(told[name]):g}, the judge {float(value):g}: the rule is not coordinate by coordinate")


def script_or_reason(title: str, claim: RateBound, setting: Setting, k: int, measured: Any, bound: Any) -> tuple[str | None, str]:
    """The program, or None and why there is none."""
    try:
        return script(title, claim, setting, k, measured, bound), ""
    except Unsupported as reason:
        return None, f"no script: {reason}"
