"""The linear members of a claim's class: lam x^2/2 with the curvatures that the assumptions allow, or a singular plane of a quadratic game.

A step-size condition that fails on one of them is wrong for the class; where it holds on all of them it may still be too wide for the others.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from convlab import symbols
from convlab.assumptions import (
    Bilinear,
    BoundedVariance,
    Convex,
    ConvexSamples,
    FiniteSum,
    Isotropic,
    LipschitzOperator,
    Minimum,
    NoiseCovariance,
    OneCoupling,
    PolyakLojasiewicz,
    Proximable,
    Quadratic,
    SaddlePoint,
    Smooth,
    SmoothSamples,
    StronglyConvex,
    StronglyMonotone,
)
from convlab.prove.reading import PlanarGame, ScalarQuadratic, Unreadable
from convlab.symbols import L_max, lam, mu

FUNCTIONS = {Convex, Smooth, StronglyConvex, Minimum, Quadratic, Isotropic, BoundedVariance, NoiseCovariance, FiniteSum, ConvexSamples, SmoothSamples,
             Proximable, PolyakLojasiewicz}
GAMES = {Bilinear, OneCoupling, LipschitzOperator, SaddlePoint, StronglyMonotone}
pull, turn, turn_squared = (sp.Symbol(name, positive=True) for name in ("pull", "turn", "turn_squared"))
_ANY: tuple[dict[Any, Any], ...] = ({},)
BELOW = {Smooth: symbols.L, SmoothSamples: L_max}            # constants that bound the curvature from above
ABOVE = {StronglyConvex: mu, PolyakLojasiewicz: mu}


@dataclass(frozen=True)
class Model:
    """Linear members of a class: the oracle, the symbols that number them, where these lie, and the extreme members by which all are expected to be decided."""

    oracle: Any
    spectrum: tuple[Any, ...]
    inside: Any                                          # a condition on the spectrum and the constants
    extremes: tuple[Mapping[Any, Any], ...]
    constants: frozenset[Any]                            # what the condition may speak of beside tunables
    name: str

    @property
    def met(self) -> Any:
        """What makes the extreme members members: mu <= L."""
        return sp.And(*(self.inside.subs(one) for one in self.extremes), *(value > 0 for one in self.extremes for value in one.values()))

    @staticmethod
    def rational(point: Mapping[Any, Any]) -> dict[Any, Any]:
        """The point with a turn that is rational (a little smaller, so that L still bounds it), for a run in rationals."""
        floors = {s: sp.Rational(sp.floor(sp.sqrt(value) * 2**20), 2**20) ** 2 for s, value in point.items() if s == turn_squared}
        return {**point, **floors}


def model_of(assumptions: tuple[type, ...]) -> Model:
    """The linear members of a class. Raises Unreadable for a class of which it is not known whether it has any."""
    held = set(assumptions)
    unknown = sorted(kind.__name__ for kind in held - FUNCTIONS - GAMES)
    if unknown:
        raise Unreadable(f"whether quadratics satisfy {unknown[0]} is not known")
    if not held:
        raise Unreadable("the claim assumes nothing of the function")
    if held & GAMES:
        if held - GAMES:
            raise Unreadable("the claim speaks of functions and of games at once")
        return _game(held)
    return _function(held)


def _function(held: set[type]) -> Model:
    below, above = [c for kind, c in BELOW.items() if kind in held], [c for kind, c in ABOVE.items() if kind in held]
    if Isotropic in held:
        inside, extremes = sp.And(*(lam <= c for c in below), *(c <= lam for c in above)), _ANY
    else:
        inside = sp.And(*(lam <= c for c in below), *(c <= lam for c in above[:1]))
        extremes = tuple({lam: c} for c in (*below[-1:], *above[:1])) or _ANY
    return Model(ScalarQuadratic(), (lam,), inside, extremes, frozenset({lam, *below, *above}), "lam x^2/2")


def _game(held: set[type]) -> Model:
    strength, turning, largest = mu, symbols.coupling, symbols.L
    if StronglyMonotone not in held:
        inside = sp.And(*([sp.Eq(turn, turning)] if OneCoupling in held else []), *([turn <= largest] if LipschitzOperator in held else []))
        extremes: tuple[dict[Any, Any], ...] = ({turn: turning},) if OneCoupling in held else ({turn: largest},) if LipschitzOperator in held else ({},)
        return Model(PlanarGame(sp.Integer(0), turn), (turn,), inside, extremes, frozenset({turning, largest, turn}), "the plane -i s")
    inside = sp.And(pull >= strength, *([pull**2 + turn_squared <= largest**2] if LipschitzOperator in held else []))
    extremes = ({pull: strength, turn_squared: largest**2 - strength**2},) if LipschitzOperator in held else ({},)
    return Model(PlanarGame(pull, sp.sqrt(turn_squared)), (pull, turn_squared), inside, extremes,
                 frozenset({strength, largest, pull, turn_squared}), "the plane mu - i s")
