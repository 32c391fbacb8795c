"""What a case knows of its problem and start beside the stated facts: R, Delta, and the noise at the minimiser of a sum."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Smooth
from convlab.metrics import squared_distance
from convlab.problem import Member
from convlab.run.cases import points_at, settings_on, start_constants
from convlab.run.expressions import evaluate
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, sigma_opt
from convlab.theorem import RateBound
from convlab_problems.finite_sum import make
from convlab_problems.quadratic import make as quadratic

curvatures = st.lists(st.fractions(Fraction(1, 7), 19, max_denominator=9), min_size=2, max_size=5)


def known(problem: Any) -> Any:
    return start_constants(problem, problem.starts(np.random.default_rng(0))[0])


@given(a=curvatures, c=st.data(), scale=st.fractions(Fraction(1, 8), 50, max_denominator=8))
def test_the_noise_at_the_minimiser_is_exact_and_scales_with_the_function(a: Any, c: Any, scale: Fraction) -> None:
    """sigma_opt^2 = mean a_i^2 (x* - c_i)^2 in fractions; of s f it is s^2 times as large, and the distance stays."""
    centres = c.draw(st.lists(st.fractions(-30, 40, max_denominator=6), min_size=len(a), max_size=len(a)))
    best = sum(x * y for x, y in zip(a, centres, strict=True)) / sum(a)
    expected = sum(x**2 * (best - y) ** 2 for x, y in zip(a, centres, strict=True)) / len(a)
    one, other = known(make(a, centres)), known(make([scale * x for x in a], centres))

    assert evaluate(sigma_opt**2, one) == expected
    assert evaluate(sigma_opt**2, other) == scale**2 * expected
    assert evaluate(R**2, one) == evaluate(R**2, other)


def test_a_single_function_has_no_noise_to_know() -> None:
    """A problem without samples does not know sigma_opt: a claim that speaks of it is not judged there."""
    assert sigma_opt not in known(quadratic(spectrum=(3, 11)))


@pytest.mark.parametrize("condition", [sp.And(gamma > 0, gamma < 1 / L), sp.And(gamma > 0, gamma < (1 + R) / L)], ids=["no start", "R"])
def test_points_shared_by_starts_are_those_of_each(condition: Any) -> None:
    """Found once where the condition speaks of nothing that a start changes, anew where it does: always what each start alone would get."""
    claim = RateBound(algorithm=GradientDescent(gamma), assumptions=(Smooth,), condition=condition, defaults={gamma: 1 / (9 * L)},
                      metric=squared_distance, bound=R**2)
    found = settings_on(claim, "t", Member("p", quadratic(spectrum=(3, 11))), Settings(), (Smooth,))
    starts = list(dict.fromkeys(id(setting.start) for setting in found))
    own = [points_at(claim, "t", "p", next(s.constants for s in found if id(s.start) == start), Settings()) for start in starts]

    assert [setting.point for setting in found] == [point for points in own for point in points]
    assert (len({str(points) for points in own}) == 1) == (R not in condition.free_symbols)
