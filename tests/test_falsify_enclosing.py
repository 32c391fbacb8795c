"""Where roots keep a witness from the rationals, interval arithmetic decides: it refutes what is false, with a script, and never what is true."""
from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab as cl
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.falsify.enclosing import surely_violated
from convlab.falsify.falsifier import Falsified, falsify
from convlab.falsify.grounds import Choice, choice_at, rounded, setting_of, spaces, variables
from convlab.falsify.search import fits
from convlab.judge.rate import float_evidence
from convlab.problem import installed_families
from convlab.run.settings import Settings
from convlab.symbols import L, R, k, mu
from convlab.theorem import RateBound


class State(NamedTuple):
    """Two points; the second is called as the first is in scripts."""

    y: cl.Array
    x: cl.Array


@dataclass(frozen=True)
class Nesterov:
    """Nesterov's method with constant momentum."""

    step_size: cl.Number
    momentum: cl.Number

    def init(self, x0: cl.Array, oracle: Any) -> State:
        return State(x0, x0)

    def step(self, state: State, oracle: Any) -> State:
        x = state.y - self.step_size * oracle.gradient(state.y)
        return State(x + self.momentum * (x - state.x), x)


ROOT = sp.sqrt(mu / L)


def nesterov(factor: sp.Rational) -> cl.Theorem:
    """The bound (1 - sqrt(mu/L))^k (L + mu) R^2/2 on the points y, of Nesterov's x, here times a factor."""
    return cl.Theorem(id="nesterov-roots", title="Nesterov, in roots", algorithm=Nesterov(1 / L, (1 - ROOT) / (1 + ROOT)), metric=cl.function_gap,
                      assumptions=(cl.Smooth, cl.StronglyConvex, cl.Minimum), bound=factor * (1 - ROOT) ** k * (L + mu) / 2 * R**2)


def claim_of(theorem: cl.Theorem) -> RateBound:
    claim = theorem.claims[0]
    assert isinstance(claim, RateBound)
    return claim


def test_a_false_bound_with_roots_is_refuted_and_its_script_says_so(tmp_path: Path) -> None:
    found = falsify(nesterov(sp.Rational(1, 2)), budget=4, families={"huber": installed_families()["huber"]}).found[0]
    assert isinstance(found, Falsified)
    assert found.refuted
    assert "interval arithmetic" in found.reason
    assert found.script is not None
    (tmp_path / "witness.py").write_text(found.script)
    told = subprocess.run([sys.executable, "-I", str(tmp_path / "witness.py")], capture_output=True, text=True, check=True).stdout
    assert float(told.split("ratio ")[1]) == pytest.approx(float(found.worst.ratio), rel=1e-9)
    assert float(found.worst.ratio) > 1.5


def huber_choice(claim: RateBound, cube: list[float]) -> Choice:
    ground = next(g for g in spaces({"huber": installed_families()["huber"]}, False, claim.assumptions) if fits(claim, g))
    return choice_at(claim, ground, np.resize(np.array(cube), len(variables(claim, ground))))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6), st.integers(1, 12), st.fractions(min_value=Fraction(1, 10), max_value=3))
def test_it_says_what_floats_say_wherever_they_are_clear(cube: list[float], updates: int, factor: Fraction) -> None:
    claim = claim_of(nesterov(sp.Rational(factor.numerator, factor.denominator)))
    setting = setting_of(claim, rounded(huber_choice(claim, cube), 1000))
    result = float_evidence(claim, [setting], Settings(iterations=updates))[0].result
    ratio = float(result.ratio[-1, 0])
    if int(result.k[-1]) == updates and np.isfinite(ratio) and abs(ratio - 1) > 1e-6:
        assert surely_violated(claim, setting, updates) == (ratio > 1)


def test_what_is_attained_in_roots_is_not_refuted() -> None:
    """|x - gamma g| on a quadratic is |1 - gamma L| R exactly, gamma and the rate in roots: both sides overlap, and nothing is said."""
    step = 2 / (sp.sqrt(L) + sp.sqrt(mu)) ** 2
    theorem = cl.Theorem(id="roots-attained", title="attained in roots", algorithm=GradientDescent(step), metric=cl.distance_to_minimiser,
                         assumptions=(cl.Smooth, cl.StronglyConvex, cl.Minimum), bound=sp.Max(sp.Abs(1 - step * L), sp.Abs(1 - step * mu)) ** k * R)
    found = falsify(theorem, budget=2, families={"quadratic": installed_families()["quadratic"]}).found[0]
    assert isinstance(found, Falsified)
    assert not found.refuted
