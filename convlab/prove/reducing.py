"""From many inequalities to the few that say the same: factors of certain sign stand alone, what the others imply is left out.

Sampling only saves work: a sample shows that an implication is false; that it is true is always decided exactly (`resolving.certain`).
"""
from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import Any

import sympy as sp

from convlab.prove.patience import go_on
from convlab.prove.resolving import certain

SAMPLES = 400                    # points by which false implications are told without a decision procedure


def reduced(positive: Iterable[Any], given: Any = sp.true) -> Any:
    """Relations that hold, where `given` does, exactly at the points at which all these expressions are > 0."""
    ordered = sorted(positive, key=lambda p: (sp.count_ops(p), str(p)))
    symbols = sorted(set().union(*(p.free_symbols for p in ordered), given.free_symbols), key=str)
    points = _Points(symbols, [*ordered], given)
    kept: list[Any] = []
    for p in ordered:
        go_on("simplifying the derived region")
        for piece in _pieces(p, sp.And(given, *kept), points):
            if not points.implied(kept, piece) or not certain(sp.And(given, *kept), piece):
                kept.append(piece)
    for piece in list(kept):
        others = [other for other in kept if other != piece]
        if points.implied(others, piece) and certain(sp.And(given, *others), piece):
            kept = others
    return sp.And(*kept)


class _Points:
    """Seeded samples of the symbols where `given` holds, and those among them where all the expressions are positive."""

    def __init__(self, symbols: list[Any], positive: list[Any], given: Any) -> None:
        rng = random.Random(7)
        self.symbols = symbols
        drawn = [[_drawn(s, rng) for s in symbols] for _ in range(SAMPLES)]
        self.points = [p for p in drawn if self._true(given, p)]
        self.inside = [p for p in self.points if all(self._true(one > 0, p) for one in positive)]

    def _true(self, relation: Any, point: list[float]) -> bool:
        if relation in (sp.true, sp.false):
            return bool(relation == sp.true)
        try:
            return bool(sp.lambdify(self.symbols, relation, "math")(*point))
        except (ArithmeticError, ValueError, TypeError):
            return False

    def sign(self, p: Any) -> int:
        """The sign of an expression at every inside sample, 0 where there are two or no samples."""
        f = sp.lambdify(self.symbols, p, "math")
        signs = {math.copysign(1, f(*point)) for point in self.inside}
        return int(signs.pop()) if len(signs) == 1 else 0

    def implied(self, premises: list[Any], conclusion: Any) -> bool:
        """Whether no sample speaks against it."""
        if not self.points:
            return True
        f, g = sp.lambdify(self.symbols, sp.And(*premises), "math"), sp.lambdify(self.symbols, conclusion, "math")
        return all(g(*point) or not f(*point) for point in self.points)


def _drawn(symbol: Any, rng: random.Random) -> float:
    size = 10 ** rng.uniform(-1.3, 0.7)
    return size if symbol.is_positive or rng.random() < 0.8 else -size


def _pieces(p: Any, given: Any, points: _Points) -> list[Any]:
    """Inequalities that hold together, where `given` does, exactly where p > 0: factors of certain sign alone, what is left as one product."""
    numerator, denominator = (sp.factor_list(part) for part in sp.fraction(sp.together(p)))
    alone, product = [], sp.sign(numerator[0] * denominator[0])
    whole = sp.And(given, p > 0)
    for factor, power in numerator[1] + denominator[1]:
        if factor.is_positive:
            continue
        sign = points.sign(factor)
        if sign and not certain(whole, sign * factor > 0):
            sign = 0
        if sign:
            alone.append(_inequality(sign * factor))
        product *= sign**power if sign else factor ** (2 - power % 2)
    return alone if product.is_Number else [*alone, _inequality(product)]


def _inequality(p: Any) -> Any:
    """p > 0 with each term on the side where it is positive; a product stays a product."""
    if len(sp.factor_list(p)[1]) > 1:
        return p > 0
    expanded = sp.expand(p)
    less = sp.Add(*(-t for t in sp.Add.make_args(expanded) if t.could_extract_minus_sign()))
    return expanded > 0 if less == 0 else sp.StrictLessThan(less, sp.expand(expanded + less))
