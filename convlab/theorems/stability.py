"""Uniform stability: how far SGD moves when one of n samples is replaced. Convex smooth losses never pull two runs apart; the replaced one does, in 1/n of the steps."""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.sgd import SGD
from convlab.assumptions import ConvexSamples, FiniteSum, LipschitzSamples, NeighbouringSamples, SmoothSamples
from convlab.constants import Array
from convlab.metrics import Case, at_distance, metric
from convlab.operations import absolute, norm
from convlab.symbols import G, L_max, gamma, k, n
from convlab.theorem import Bound, Changed, Instance, Law, RateBound, SymbolicIdentity, Theorem

delta = sp.Symbol("delta", positive=True)                 # the distance of the two runs


@metric("norm(x_k - x'_k)", "x", at_distance, needs_minimiser=False)
def distance_of_runs(state: Any, case: Case) -> Array:
    """Distance of the runs on the sample and on its neighbour."""
    return norm(state.first.x - state.second.x)


@metric("abs(ell(x_k; z) - ell(x'_k; z))", "f", lambda state, case, s: case[G] * s, needs_minimiser=False)
def loss_differences(state: Any, case: Case) -> Array:
    """How much each loss z tells the two runs apart, those of the sample and the replacing one: (replicates, n + 1)."""
    return absolute(case.problem.losses(state.first.x) - case.problem.losses(state.second.x))


sgd = SGD(step_size=gamma)
samples = (FiniteSum, NeighbouringSamples, LipschitzSamples, SmoothSamples)
turned = Instance("neighbours", slopes=(G, G, G, -G), smoothness=L_max, start=3)      # linear losses, one of n = 3 with its sign turned
concave = Instance("neighbours", slopes=(0, 0, 0, 1), curvatures=(-5, -5, -5, 0), widths=(1, 1, 1, 0), start=Rational(1, 50), at={L_max: 5})

drift = 2 * G / n * gamma * k
stable_step = And(0 < gamma, gamma <= 2 / L_max)

convex = Theorem(
    id="hrs-stability-convex",
    title="SGD on neighbouring samples, convex losses: uniform stability",
    source="Hardt, Recht, Singer (2016), Theorem 3.8",
    claims=(
        RateBound(
            coupled=(sgd, sgd),
            assumptions=(*samples, ConvexSamples),
            condition=stable_step,
            defaults={gamma: 1 / L_max},
            law=Law.EXPECTATION,
            metric=distance_of_runs,
            bound=drift,
            tight=turned,
            facts=(SymbolicIdentity("one step", (1 - 1 / n) * delta + (delta + 2 * gamma * G) / n, delta + 2 * gamma * G / n),),
            mutants=(Bound(drift / 2, turned, name="half"),
                     Bound(drift / n, turned, name="1/n^2"),
                     Changed("losses that need not be convex", concave, assumptions=samples, defaults={gamma: 1 / L_max})),
        ),
        RateBound(
            name="losses",
            coupled=(sgd, sgd),
            assumptions=(*samples, ConvexSamples),
            condition=stable_step,
            defaults={gamma: 1 / L_max},
            law=Law.EXPECTATION,
            metric=loss_differences,
            bound=G * drift,
            tight=turned,
            mutants=(Bound(G * drift / 2, turned, name="half"), Bound(G * drift / n, turned, name="1/n^2")),
            note="For every single loss z: the supremum over z stands outside the expectation.",
        ),
    ),
)
