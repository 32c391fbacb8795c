"""A sympy expression as Typst mathematics, written as a person would write it: 4 k gamma L + 2, 0 < gamma < 2/L, (1 - gamma mu)^k R.

Symbols print by their `typeset`; a name that nobody described is split at its underscore and quoted, so that it compiles whatever it is.
Fractions are stacked in display and slanted in exponents, inside other fractions and in running text (`inline=True`).
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.core.sorting import default_sort_key
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.printer import Printer

from convlab.symbols import Role

GREEK = frozenset({"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
                   "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"})
LETTERS = GREEK | {name.capitalize() for name in GREEK}
SPOKEN = {"lam": "lambda", "lamda": "lambda", "eps": "epsilon"}     # Python's keyword, and what people type instead
ASCENDING = {sp.StrictGreaterThan: "<", sp.GreaterThan: "<=", sp.StrictLessThan: "<", sp.LessThan: "<="}
NAMED = {sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.atan: "arctan",
         sp.asin: "arcsin", sp.acos: "arccos", sp.gamma: "Gamma", sp.sign: 'op("sign")', sp.erf: 'op("erf")'}


def typst(expression: Any, inline: bool = False) -> str:
    """Typst mathematics (without dollar signs) of a sympy expression, relation, condition or matrix, or of a number."""
    return str(TypstPrinter({"inline": inline}).doprint(sp.sympify(expression)))


def name_in_typst(name: str) -> str:
    """A plain name as Typst mathematics: `theta_k` as theta with index k, `inner` upright, digits at the end as an index."""
    head, _, tail = name.partition("_")
    if not tail and head.rstrip("0123456789") not in ("", head):
        head, tail = head.rstrip("0123456789"), head[len(head.rstrip("0123456789")):]
    return f"{_word(head)}_({_word(tail)})" if tail else _word(head)


def quoted(text: str) -> str:
    """A Typst string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _word(word: str) -> str:
    word = SPOKEN.get(word, word)
    return word if word in LETTERS or (len(word) == 1 and word.isalpha() and word.isascii()) or (word.isascii() and word.isdigit()) else quoted(word)


class TypstPrinter(Printer):  # type: ignore[misc]
    """The printer behind `typst`; sympy dispatches on the method names."""

    printmethod = "_typst"
    _default_settings = {"order": None}     # noqa: RUF012 (sympy's own name and form)

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        """`inline`: slanted fractions throughout."""
        settings = dict(settings or {})
        self.slanted = int(bool(settings.pop("inline", False)))
        super().__init__(settings)

    def _slant(self, expr: Any) -> str:
        self.slanted += 1
        printed = self._print(expr)
        self.slanted -= 1
        return str(printed)

    def _bracketed(self, expr: Any, level: int, strict: bool = False) -> str:
        low = precedence(expr) < level or (strict and precedence(expr) == level)
        printed = self._print(expr)
        return f"({printed})" if low else str(printed)

    def _call(self, name: str, arguments: Iterable[Any]) -> str:
        return f"{name} ({', '.join(self._print(a) for a in arguments)})"

    # ---- atoms
    def _print_Symbol(self, expr: Any) -> str:
        return str(getattr(expr, "typeset", "")) or name_in_typst(expr.name)

    _print_Dummy = _print_Symbol

    def _print_Integer(self, expr: Any) -> str:
        return str(expr.p)

    def _print_Rational(self, expr: Any) -> str:
        sign = "-" if expr.p < 0 else ""
        return sign + (f"{abs(expr.p)} slash {expr.q}" if self.slanted else f"frac({abs(expr.p)}, {expr.q})")

    def _print_Float(self, expr: Any) -> str:
        digits, _, exponent = f"{float(expr):.6g}".partition("e")
        return digits if not exponent else f"{digits} dot 10^({int(exponent)})"

    def _print_Infinity(self, expr: Any) -> str:
        return "infinity"

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "-infinity"

    def _print_Exp1(self, expr: Any) -> str:
        return "upright(e)"

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        return "upright(i)"

    def _print_BooleanTrue(self, expr: Any) -> str:
        return '"always"'

    def _print_BooleanFalse(self, expr: Any) -> str:
        return '"never"'

    def _print_Pi(self, expr: Any) -> str:
        return "pi"

    def _print_str(self, expr: Any) -> str:
        return quoted(str(expr))

    def _print_Integers(self, expr: Any) -> str:
        return "ZZ"

    # ---- sums
    def _print_Add(self, expr: Any) -> str:
        printed = ""
        for term in self._terms(expr):
            minus = term.could_extract_minus_sign() and not (term.is_Add and printed)
            body = self._bracketed(-term if minus else term, PRECEDENCE["Add"], strict=True)
            printed += (f" - {body}" if minus else f" + {body}") if printed else (f"-{body}" if minus else body)
        return printed

    def _terms(self, expr: Any) -> list[Any]:
        return _ordered(list(self._as_ordered_terms(expr)))

    # ---- products, fractions and powers
    def _print_Mul(self, expr: Any) -> str:
        negative, above, below = _fraction(expr)
        sign = "-" if negative else ""
        if not below:
            return sign + self._product(above)
        if self.slanted:
            under = self._alone(below)
            return f"{sign}{self._product(above)} slash {under if len(below) == 1 and _tight(below[0]) else f'({under})'}"
        return f"{sign}frac({self._alone(above)}, {self._alone(below)})"

    def _alone(self, factors: Sequence[Any]) -> str:
        """Above or below a fraction bar: no brackets around a single sum, slanted fractions inside."""
        self.slanted += 1
        printed = str(self._print(factors[0])) if len(factors) == 1 else self._product(factors)
        self.slanted -= 1
        return printed

    def _product(self, factors: Sequence[Any]) -> str:
        factors = sorted(factors, key=self._rank) or [sp.S.One]
        if len(factors) > 1 and factors[0] == 1:
            factors = factors[1:]
        printed = [self._bracketed(f, PRECEDENCE["Mul"], strict=len(factors) > 1 and not isinstance(f, sp.Integer)) for f in factors]
        return printed[0] + "".join((" thin " if before[0] == after[0] == '"' else " ") + after for before, after in pairwise(printed))     # two words apart

    def _rank(self, factor: Any) -> tuple[Any, ...]:
        return _rank(factor)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.as_base_exp() if expr.base is not sp.S.Exp1 else (expr.base, expr.exp)
        if exponent.is_Rational and exponent.is_negative:
            below = base ** -exponent
            if self.slanted:
                return f"1 slash {self._print(below) if _tight(below) else f'({self._print(below)})'}"
            return f"frac(1, {self._alone([below])})"
        if exponent.is_Rational and exponent.q == 2 and exponent.p == 1:
            return f"sqrt({self._slant(base)})"
        if exponent.is_Rational and exponent.p == 1:
            return f"root({exponent.q}, {self._slant(base)})"
        return f"{self._base(base)}^({self._slant(exponent)})"

    def _base(self, base: Any) -> str:
        printed = self._print(base)
        plain = base.is_Symbol and "^" not in printed and " " not in printed
        return str(printed) if plain or base is sp.S.Exp1 or (base.is_Integer and base.p >= 0) or isinstance(base, sp.Abs | sp.Max | sp.Min) else f"({printed})"

    def _print_exp(self, expr: Any) -> str:
        return f"upright(e)^({self._slant(expr.args[0])})"

    # ---- functions
    def _print_Abs(self, expr: Any) -> str:
        inside = expr.args[0]
        flipped = inside.is_Add and any(t.is_number and t.could_extract_minus_sign() for t in inside.args)      # |1 - gamma L|, not |gamma L - 1|
        return f"abs({self._print(-inside if flipped else inside)})"

    def _print_Max(self, expr: Any) -> str:
        return self._extreme("max", expr)

    def _print_Min(self, expr: Any) -> str:
        return self._extreme("min", expr)

    def _extreme(self, name: str, expr: Any) -> str:
        return f"{name} {{{', '.join(self._print(a) for a in sorted(expr.args, key=default_sort_key))}}}"

    def _print_floor(self, expr: Any) -> str:
        return f"floor({self._print(expr.args[0])})"

    def _print_ceiling(self, expr: Any) -> str:
        return f"ceil({self._print(expr.args[0])})"

    def _print_Mod(self, expr: Any) -> str:
        return f"({' mod '.join(self._bracketed(a, PRECEDENCE['Mul'], strict=True) for a in expr.args)})"

    def _print_factorial(self, expr: Any) -> str:
        return f"{self._base(expr.args[0])}!"

    def _print_binomial(self, expr: Any) -> str:
        return f"binom({self._print(expr.args[0])}, {self._print(expr.args[1])})"

    def _print_conjugate(self, expr: Any) -> str:
        return f"overline({self._print(expr.args[0])})"

    def _print_re(self, expr: Any) -> str:
        return self._call("Re", expr.args)

    def _print_im(self, expr: Any) -> str:
        return self._call("Im", expr.args)

    def _print_Function(self, expr: Any) -> str:
        if isinstance(expr, AppliedUndef):
            return self._call(name_in_typst(expr.func.__name__), expr.args)
        return self._call(NAMED.get(expr.func) or f"op({quoted(expr.func.__name__)})", expr.args)

    def _print_Indexed(self, expr: Any) -> str:
        return f"{self._print(expr.base.label)}_({', '.join(self._print(i) for i in expr.indices)})"

    def _print_Idx(self, expr: Any) -> str:
        return str(self._print(expr.label))

    def _print_Sum(self, expr: Any) -> str:
        return self._over("sum", expr)

    def _print_Product(self, expr: Any) -> str:
        return self._over("product", expr)

    def _over(self, sign: str, expr: Any) -> str:
        ends = "".join(f"{sign}_({self._print(i)} = {self._slant(low)})^({self._slant(high)}) " for i, low, high in reversed(expr.limits))
        return ends + self._bracketed(expr.function, PRECEDENCE["Mul"])

    def _print_Piecewise(self, expr: Any) -> str:
        rows = [f'{self._print(value)} & {quoted("otherwise") if condition == True else quoted("if ") + " " + self._slant(condition)}'  # noqa: E712 (sympy's true)
                for value, condition in expr.args]
        return f"cases({', '.join(rows)})"

    def _print_MatrixBase(self, expr: Any) -> str:
        self.slanted += 1
        rows = "; ".join(", ".join(self._print(expr[i, j]) for j in range(expr.cols)) for i in range(expr.rows))
        self.slanted -= 1
        return f"mat({rows})"

    _print_Matrix = _print_ImmutableMatrix = _print_ImmutableDenseMatrix = _print_MutableDenseMatrix = _print_DenseMatrix = _print_MatrixBase

    def _print_Interval(self, expr: Any) -> str:
        return f"{'(' if expr.left_open else '['}{self._print(expr.start)}, {self._print(expr.end)}{')' if expr.right_open else ']'}"

    def _print_Tuple(self, expr: Any) -> str:
        return f"({', '.join(self._print(a) for a in expr)})"

    _print_tuple = _print_list = _print_Tuple

    # ---- conditions
    def _print_Relational(self, expr: Any) -> str:
        return self._chain(_turned(_ascending(expr)))

    def _chain(self, links: Sequence[Any]) -> str:
        return str(self._print(links[0]) + "".join(f" {link if isinstance(link, str) else self._print(link)}" for link in links[1:]))

    def _print_And(self, expr: Any) -> str:
        return ', quad '.join(link if isinstance(link, str) else self._chain(link) for link in self._conditions(expr))

    def _conditions(self, expr: Any) -> list[Any]:
        parts = sorted(expr.args, key=default_sort_key)
        chains = _chains([_ascending(p) for p in parts if isinstance(p, Relational)])
        return [*chains, *(self._bracketed(p, PRECEDENCE["And"]) for p in parts if not isinstance(p, Relational))]

    def _print_Or(self, expr: Any) -> str:
        return ' "or" '.join(f"({self._print(a)})" if isinstance(a, sp.And) and len(a.args) > 2 else self._print(a) for a in sorted(expr.args, key=default_sort_key))

    def _print_Not(self, expr: Any) -> str:
        return f'"not" ({self._print(expr.args[0])})'

    def _print_Contains(self, expr: Any) -> str:
        return f"{self._print(expr.args[0])} in {self._print(expr.args[1])}"

    def emptyPrinter(self, expr: Any) -> str:
        """What sympy has and we have no mathematics for: its own text, upright."""
        return quoted(str(expr))


def _ordered(terms: list[Any]) -> list[Any]:
    """1 - gamma mu and 1 + beta, but 4 k gamma L + 2: a positive number leads unless something counts."""
    counts = any(getattr(s, "role", None) in (Role.COUNTER, Role.SIZE) for t in terms for s in t.free_symbols)
    number = next((t for t in terms if t.is_number and not t.could_extract_minus_sign()), None)
    negative = terms[0].could_extract_minus_sign()
    first = number if number is not None and (negative or not counts) else next((t for t in terms if not t.could_extract_minus_sign()), None) if negative else None
    return terms if first is None else [first, *(t for t in terms if t is not first)]


def _fraction(expr: Any) -> tuple[bool, list[Any], list[Any]]:
    """Whether it is negative, and its factors above and below the bar. Symbolic exponents stay above; sqrt(mu)/sqrt(L) becomes sqrt(mu/L) again."""
    negative, above, below = False, [], []
    for factor in sp.Mul.make_args(expr):
        if factor.is_Add and all(t.could_extract_minus_sign() for t in factor.args):
            negative, factor = not negative, -factor
        if factor.is_Rational:
            negative = negative != (factor.p < 0)
            above += [sp.Integer(abs(factor.p))] if abs(factor.p) != 1 else []
            below += [sp.Integer(factor.q)] if factor.q != 1 else []
        elif factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative:
            below.append(factor.base ** -factor.exp)
        else:
            above.append(factor)
    roots = [[f for f in side if f.is_Pow and f.exp == sp.S.Half and not f.is_number] for side in (above, below)]
    if all(roots):
        root = sp.Pow(sp.Mul(*(f.base for f in roots[0])) / sp.Mul(*(f.base for f in roots[1])), sp.S.Half, evaluate=False)
        above, below = [root, *(f for f in above if f not in roots[0])], [f for f in below if f not in roots[1]]
    return negative, above, below


def _tight(expr: Any) -> bool:
    """Whether it may stand under a slanted bar without brackets."""
    return bool(expr.is_Atom or expr.is_Function or isinstance(expr, sp.Max | sp.Min) or (expr.is_Pow and not (expr.exp.is_Rational and expr.exp.is_negative)))


def _rank(factor: Any) -> tuple[Any, ...]:
    """Numbers, powers in k, counters, tunables, constants, brackets, functions, sums: the order in which people write factors."""
    base, exponent = factor.as_base_exp()
    role: Any = getattr(base, "role", None)
    if factor.is_number:
        group = -1 if factor.is_Integer else 0
    elif not exponent.is_number:
        group = 1
    elif base.is_Symbol:
        group = {Role.COUNTER: 2, Role.SIZE: 2, Role.TUNABLE: 3, Role.CONSTANT: 4}.get(role, 5)
    else:
        group = 8 if isinstance(factor, sp.Sum | sp.Product) else 7 if base.is_Function and not isinstance(base, sp.Abs) else 6
    return (group, default_sort_key(base), default_sort_key(exponent))


def _ascending(relation: Any) -> list[Any]:
    """[left, sign, right] with the smaller side first."""
    if isinstance(relation, sp.StrictGreaterThan | sp.GreaterThan):
        return [relation.rhs, ASCENDING[relation.func], relation.lhs]
    if isinstance(relation, sp.StrictLessThan | sp.LessThan):
        return [relation.lhs, ASCENDING[relation.func], relation.rhs]
    return [relation.lhs, "!=" if isinstance(relation, sp.Ne) else "=", relation.rhs]


def _chains(relations: list[list[Any]]) -> list[list[Any]]:
    """a < x and x <= b joined to a < x <= b wherever one ends with what another begins with; a lone lower bound is turned round: x > a."""
    chains = [list(r) for r in relations]
    joined = True
    while joined:
        joined = False
        for first in chains:
            rest = next((c for c in chains if c is not first and _joinable(first, c)), None)
            if rest is not None:
                first += rest[1:]
                chains.remove(rest)
                joined = True
                break
    return sorted((_turned(c) for c in chains), key=lambda c: not any(getattr(link, "role", None) is Role.TUNABLE for link in c))


def _joinable(first: list[Any], second: list[Any]) -> bool:
    return bool(first[-1] == second[0] and not first[-1].is_number and {first[1], second[1]} <= {"<", "<="})


def _turned(chain: list[Any]) -> list[Any]:
    if len(chain) == 3 and chain[1] in ("<", "<=") and chain[2].is_Symbol and not chain[0].is_Symbol:
        return [chain[2], {"<": ">", "<=": ">="}[chain[1]], chain[0]]
    return chain
