"""Effective passes: what SGD, SVRG and SAGA are compared by."""
from __future__ import annotations

import numpy as np
import pytest

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.catalogue import theorem
from convlab.judge.check import check
from convlab.run.bind import Binder
from convlab.run.passes import effective_passes
from convlab.run.settings import Settings


@pytest.mark.parametrize(("id", "k", "passes"), [("saga-lyapunov", 14, 14 / 7), ("gd-smooth-convex-fgap", 9, 9.0)])
def test_a_curve_carries_its_passes(id: str, k: int, passes: float) -> None:
    """SAGA spends one of n = 7 component gradients an update, gradient descent a full gradient (n component gradients)."""
    curve = check(theorem(id), settings=Settings(iterations=20, problems=("sum-wide-7",), sampled=False)).verdicts[-1].curve

    assert curve is not None
    assert curve.passes is not None
    assert curve.passes[0] == 0
    assert curve.passes[list(curve.k).index(k)] == pytest.approx(passes, rel=1e-12)


def test_an_epoch_of_svrg_costs_its_inner_steps_twice_and_one_pass_for_the_snapshot() -> None:
    """m inner steps of 2 component gradients, and n where the epoch ends: (2 m + n)/n passes."""
    verdict = check(theorem("svrg-johnson-zhang"), settings=Settings(iterations=20, problems=("sum-spread-3",), sampled=False)).verdicts[-1]
    curve, m = verdict.curve, None if verdict.curve is None else int(verdict.curve.k[1])

    assert curve is not None
    assert m is not None
    assert curve.passes == pytest.approx(np.arange(len(curve.k)) * (2 * m + 3) / 3, rel=1e-12)


def test_an_algorithm_that_declares_no_cost_has_no_passes() -> None:
    class Silent:
        pass

    assert effective_passes(Binder(GradientDescent(0.1), {}, 2, 3), None, 1, np.arange(4)) is not None
    assert effective_passes(Binder(Silent(), {}, 2, 3), None, 1, np.arange(4)) is None
