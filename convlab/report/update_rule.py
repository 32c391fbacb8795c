"""An algorithm's update as mathematics, read off its own code: `step` runs on named vectors, and what comes out is printed.

A vector is two coordinates that carry one name. Rules of first-order methods look alike in each coordinate, so the first one is printed; what mixes
the two is an inner product, and is folded back into one. A rule that does more than arithmetic (a sort, a rounding, a branch on a symbol) cannot run on names.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.sorting import default_sort_key

from convlab import symbols
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.report.typst_math import TypstPrinter, name_in_typst, typst

# what arithmetic on names raises when a rule asks for more; operations.Unsupported is a TypeError
CANNOT = (TypeError, ValueError, AttributeError, IndexError, KeyError, ZeroDivisionError, NotImplementedError, Inexact)
CALLS = {"gradient": "nabla f", "stochastic_gradient": "g_k", "operator": "F", "project": 'op("proj")_C', "subgradient": "g", "resolvent": "J",
         "sample_gradient": "nabla f_(i_k)", "minimise_linear": 'op("lmo")_C', "apply": "T", "mix": "W"}


def update_rule(algorithm: Any) -> tuple[str, ...]:
    """One Typst equation for each state field that is more than a memory of another one; empty where the rule cannot run on names."""
    try:
        return _equations(algorithm)
    except CANNOT:
        return ()


def rule_in_words(algorithm: Any) -> str:
    """The first line of the class docstring, which states the rule as text."""
    return ((type(algorithm).__doc__ or type(algorithm).__name__).strip().splitlines()[0]).strip().replace("`", "")


class Quantity(sp.Symbol):  # type: ignore[misc]
    """One coordinate of a named vector (1 or 2), or a named number (0)."""

    typeset: str

    def __new__(cls, typeset: str, coordinate: int) -> Quantity:
        """Equal when name and coordinate are."""
        made: Quantity = sp.Symbol.__xnew__(cls, f"{typeset}@{coordinate}", real=True)
        made.typeset = typeset
        return made


class Inner(sp.Function):  # type: ignore[misc]
    """An inner product of two vectors, each given by its first coordinate."""

    is_real = True


class Length(sp.Function):  # type: ignore[misc]
    """The norm of a vector, given by its first coordinate."""

    is_nonnegative = True


class RulePrinter(TypstPrinter):
    """Vectors first, then what is added to them; norms and inner products of what stands for a vector."""

    def _terms(self, expr: Any) -> list[Any]:
        return sorted(expr.args, key=lambda t: (not t.is_Symbol, bool(t.could_extract_minus_sign()), t.count_ops(), default_sort_key(t)))

    def _rank(self, factor: Any) -> tuple[Any, ...]:
        scalars = factor.replace(lambda e: isinstance(e, Length | Inner), lambda e: sp.S.One)
        return (any(str(s).endswith("@1") for s in scalars.free_symbols), *super()._rank(factor))

    def _base(self, base: Any) -> str:
        return str(self._print(base)) if isinstance(base, Length) else super()._base(base)

    def _print_Length(self, expr: Any) -> str:
        return f"norm({self._print(expr.args[0])})"

    def _print_Inner(self, expr: Any) -> str:
        return f"chevron.l {self._print(expr.args[0])}, {self._print(expr.args[1])} chevron.r"


@dataclass(frozen=True)
class Oracle:
    """Answers every oracle call with a vector named after the call."""

    pairs: dict[Any, Any] = field(default_factory=dict)      # coordinate 1 <-> coordinate 2

    n = symbols.n
    workers = symbols.workers
    dimension = 2

    def vector(self, typeset: str) -> Array:
        """A named vector, (1, 2)."""
        first, second = Quantity(typeset, 1), Quantity(typeset, 2)
        self.pairs.update({first: second, second: first})
        return np.array([[first, second]], dtype=object)

    def __getattr__(self, name: str) -> Any:
        if name not in CALLS:
            raise AttributeError(f"no name for the oracle call {name!r}")
        return lambda x, *others: self.vector(f"{CALLS[name]} ({self.shown(x[0, 0])})")

    def prox(self, x: Array, step_size: Any) -> Array:
        """prox of the objective."""
        return self.vector(f'op("prox")_({typst(np.reshape(step_size, -1)[0], inline=True)} f) ({self.shown(x[0, 0])})')

    def value(self, x: Array) -> Array:
        """f(x), a number."""
        return np.array([Quantity(f"f({self.shown(x[0, 0])})", 0)], dtype=object)

    def gradient_draws(self) -> Mapping[str, Any]:
        """Nothing to draw: the stochastic gradient has a name already."""
        return {}

    def shown(self, expression: Any) -> str:
        """A first coordinate, printed as the vector that it stands for."""
        return str(RulePrinter().doprint(self.folded(sp.sympify(expression))))

    def folded(self, expression: Any) -> Any:
        """Sums over both coordinates as inner products."""
        return expression.replace(lambda e: e.is_Add, self._inner)

    def _inner(self, total: Any) -> Any:
        seconds = {second for first, second in self.pairs.items() if str(first).endswith("@1")}
        mixed = [term for term in total.args if term.free_symbols & seconds]
        rest = [term for term in total.args if not term.free_symbols & seconds]
        swapped = [t.xreplace(self.pairs) for t in mixed]
        if not mixed or any(s not in rest for s in swapped):
            return total
        return sp.Add(*(t for t in rest if t not in swapped), *(self._product(t) for t in swapped))

    def _product(self, term: Any) -> Any:
        scalar = sp.Mul(*(f for f in sp.Mul.make_args(term) if not f.free_symbols & set(self.pairs)))
        factors = [f for f in sp.Mul.make_args(term) if f.free_symbols & set(self.pairs)]
        if len(factors) == 1 and factors[0].is_Pow and factors[0].exp == 2:
            return scalar * Length(factors[0].base) ** 2
        if len(factors) == 2:
            return scalar * Inner(*factors)
        raise ValueError(f"{term} mixes coordinates, but is no inner product")


def _equations(algorithm: Any) -> tuple[str, ...]:
    start = algorithm.init(Oracle().vector("x_0"), Oracle())
    names = {name: _indexed(name, "k") for name in start._fields}
    _, new, old = _run(algorithm, start, names)
    kept = {name: "x_0" for name, value in new.items() if value == old[name] and _first(getattr(start, name)) == Quantity("x_0", 1)}
    lagged = {name: _indexed(other, "k - 1") for name, value in new.items() for other in old if other != name and value == old[other]}
    oracle, new, old = _run(algorithm, start, {**names, **lagged, **kept})
    shown = {name: value for name, value in new.items() if name not in kept and name not in lagged}
    shown = _shortened(shown, {name: Quantity(_indexed(name, "k + 1"), 1) for name in shown})
    rule = tuple(f"{_indexed(name, 'k + 1')} &= {oracle.shown(value)}" for name, value in shown.items())
    return rule + tuple(f"{_indexed(f.name, 'k')} &= {typst(given)}" for f in fields(algorithm) if _switches(given := getattr(algorithm, f.name)))


def _run(algorithm: Any, start: Any, names: Mapping[str, str]) -> tuple[Oracle, dict[str, Any], dict[str, Any]]:
    """First coordinates of the fields after and before one step from a state of names."""
    oracle = Oracle()
    state = type(start)(*(_named(oracle, names[name], value) for name, value in zip(start._fields, start, strict=True)))
    bound = _with_arrays(algorithm)
    after = bound.step(state, oracle, _draw(bound, oracle)) if hasattr(bound, "draws") else bound.step(state, oracle)
    return oracle, {name: sp.sympify(_first(value)) for name, value in zip(after._fields, after, strict=True)}, \
        {name: _first(value) for name, value in zip(state._fields, state, strict=True)}


def _first(value: Any) -> Any:
    return value.reshape(-1)[0] if hasattr(value, "reshape") else value


def _named(oracle: Oracle, typeset: str, like: Any) -> Any:
    if np.shape(like) == (1, 2):
        return oracle.vector(typeset)
    if np.size(like) != 1:
        raise ValueError(f"a state of shape {np.shape(like)} has no short name")
    return np.full(np.shape(like), Quantity(typeset, 0), dtype=object)


def _draw(algorithm: Any, oracle: Oracle) -> Any:
    laws = algorithm.draws(oracle)
    named = {name: _named(oracle, _indexed("i" if name == "index" else name, "k"), np.empty((1, *law.shape))) for name, law in laws.items()}
    return laws.draw(**named) if named else None


def _with_arrays(algorithm: Any) -> Any:
    """Its parameters as arrays that broadcast against a point; coefficients from a recursion and schedules with cases get a name with index k."""
    changed: dict[str, Any] = {}
    for f in fields(algorithm):
        given = getattr(algorithm, f.name)
        if isinstance(given, FunctionType) or _switches(given):
            given = Quantity(_indexed(f.name, "k"), 0)
        if isinstance(given, sp.Expr):
            changed[f.name] = np.array([[given]], dtype=object)
        elif is_dataclass(given) and not isinstance(given, type):
            changed[f.name] = _with_arrays(given)
    return replace(algorithm, **changed)


def _switches(given: Any) -> bool:
    """Whether a field is a schedule with cases (an epoch's end, a period): it gets a name in the rule and a line of its own."""
    return isinstance(given, sp.Expr) and given.has(sp.Piecewise, sp.Mod)


def _indexed(name: str, index: str) -> str:
    head, _, tail = name_in_typst(name).partition("_")
    return f"{head}_({tail.strip('()')}, {index})" if tail else f"{head}_({index})"


def _shortened(rule: dict[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Fields written through the new value of another field where that is shorter: y = x_(k+1) + beta (x_(k+1) - x_k)."""
    through: dict[str, str] = {}
    for name in rule:
        for other in rule:
            if other == name or through.get(other) == name:
                continue
            short = _through(rule[name], rule[other], after[other])
            if short is not None and short.count_ops() < rule[name].count_ops():
                rule, through = {**rule, name: short}, {**through, name: other}
    return rule


def _through(expression: Any, other: Any, new: Any) -> Any | None:
    """The expression with a quantity eliminated in favour of `new`, the value of `other`; None where `other` is linear in nothing that both share."""
    for quantity in sorted(other.free_symbols & expression.free_symbols, key=lambda q: (-len(q.name), q.name)):
        slope = sp.diff(other, quantity)
        if isinstance(quantity, Quantity) and slope != 0 and not slope.has(quantity):
            return sp.sympify(expression).subs(quantity, (new - other.subs(quantity, 0)) / slope)
    return None
