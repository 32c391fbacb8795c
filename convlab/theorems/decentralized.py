"""Gossip: how fast neighbours that average forget their disagreement, and that rate in closed form for the graphs that people build.

With a constant step, gradients of their own keep them apart.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy import And, Eq, Rational

from convlab.algorithms.decentralized import DGD, Gossip, TimeVaryingGossip
from convlab.assumptions import ConstrainedMinimum, MixingMatrix, OnePeerRounds, QuadraticWorkers
from convlab.constants import Array
from convlab.metrics import Case, at_distance, metric, squared_distance
from convlab.operations import norm_squared, rowwise, sqrt, stack
from convlab.symbols import M0, R, gamma, k, lam, mixing, rounds, workers
from convlab.theorem import Bound, Changed, FalseClaim, Identity, Instance, RateBound, Relation, SymbolicIdentity, Theorem, multiples_of


def at_squared_disagreement(state: Any, case: Case, s: Array) -> Array:
    """Resolution of a squared disagreement D^2: (D + s)^2 - D^2."""
    return s * s + 2 * s * sqrt(squared_disagreement(state, case))


@metric("norm(X_k - overline(X)_k)^2", "x^2", at_squared_disagreement, needs_minimiser=False)
def squared_disagreement(state: Any, case: Case) -> Array:
    """Sum over the workers of the squared distance to their mean."""
    x = state[0]
    return norm_squared(x - x.sum(axis=1)[:, None, :] / x.shape[1])


def measured_mixing(case: Case) -> Array:
    """The spectral norm of W - J, W read off the problem's `mix`, (1,): always in floats, since it is the root of a polynomial."""
    size = int(case[workers])
    matrix = np.asarray(case.problem.mix(np.eye(size, dtype=int)[None])[0], dtype=float)
    return np.array([np.linalg.norm(matrix - 1 / size, 2)])


def formula(rate: sp.Expr) -> Callable[[Case], Array]:
    """A closed form in the number of workers, (1,) floats."""
    return lambda case: np.array([float(rate.subs(workers, int(case[workers])))])


def at_least(rate: sp.Expr) -> Callable[[Case], Array]:
    """The measured rate, or the closed form where that is larger: equal to the closed form wherever it is an upper bound."""
    return lambda case: np.maximum(measured_mixing(case), formula(rate)(case))


def closed_form(kind: str, rate: sp.Expr, sizes: tuple[int, ...], **fields: Any) -> Identity:
    """The rate of one kind of graph at these sizes."""
    return Identity(left=measured_mixing, right=formula(rate), statement=f"norm(W - J) = {sp.sstr(rate)}", assumptions=(MixingMatrix,),
                    on=tuple(Instance("graphs", kind=kind, size=size) for size in sizes), name=kind, **fields)


side = sp.sqrt(workers)
ring_rate = 1 - Rational(2, 3) * (1 - sp.cos(2 * sp.pi / workers))
torus_rate = 1 - Rational(2, 5) * (1 - sp.cos(2 * sp.pi / side))
digits = sp.log(workers, 2)
turn = sp.exp(2 * sp.pi * sp.I / 9)

gossip = Theorem(
    id="gossip-exact-and-gaps",
    title="Gossip: exact rate, and the spectral gaps of common graphs",
    source="folklore; Xiao, Boyd (2004); exponential graphs: Ying, Yuan, Chen, Hu, Pan, Yin (2021)",
    claims=(
        RateBound(
            algorithm=Gossip(),
            assumptions=(MixingMatrix,),
            condition=mixing < 1,
            metric=squared_disagreement,
            bound=mixing ** (2 * k) * M0,
            tight=(Instance("graphs", kind="lazy_complete", size=5), Instance("graphs", kind="star", size=7), Instance("graphs", kind="ring", size=6),
                   Instance("graphs", kind="ring", size=6, self_weight=Rational(1, 10)), Instance("graphs", kind="exponential", size=8)),
            mutants=(Bound(mixing ** (4 * k) * M0, name="rho^(2k) for the distance itself"),),
            note="The squares of norm(X_k - mean) <= rho^k norm(X_0 - mean); equality on an eigenvector whose eigenvalue has modulus rho, which may be "
                 "the least one (ring of 6 with own weight 1/10)."),
        closed_form("ring", ring_rate, (4, 6, 7, 16, 33),
                    facts=(SymbolicIdentity("a circulant eigenvalue", sp.expand_complex((1 + turn + 1 / turn) / 3), ring_rate.subs(workers, 9)),),
                    mutants=(Changed("a gap of at least 1/N", Instance("graphs", kind="ring", size=16), left=at_least(1 - 1 / workers),
                                     right=formula(1 - 1 / workers)),)),
        closed_form("star", 1 - 1 / workers, (3, 5, 12)),
        closed_form("torus", torus_rate, (9, 16, 25, 49),
                    facts=(SymbolicIdentity("a sum of two circulant eigenvalues", (1 + 2 * sp.cos(2 * sp.pi / side) + 2) / 5, torus_rate),)),
        closed_form("exponential", 1 - 2 / (digits + 1), (4, 8, 16, 32),
                    facts=(SymbolicIdentity("the alternating vector: one neighbour cancels oneself", (1 - 1 + (digits - 1)) / (digits + 1), 1 - 2 / (digits + 1)),)),
        RateBound(
            algorithm=TimeVaryingGossip(round=k),
            assumptions=(OnePeerRounds,),
            condition=Eq(workers, 2**rounds),
            metric=squared_disagreement,
            bound=sp.Piecewise((M0, Eq(k, 0)), (0, True)),
            relation=Relation.EQUAL,
            grid=multiples_of(rounds),
            tight=(Instance("graphs", kind="one_peer", size=4), Instance("graphs", kind="one_peer", size=16)),
            mutants=(Changed("exact for any number of workers", Instance("graphs", kind="one_peer", size=6), condition=sp.true),),
            name="one-peer",
            note="The product of one period is exactly the average: exact consensus after log2 N exchanges with one neighbour each."),
    ),
)


# ---- two workers who never agree
@metric("(x_1 + x_2 - 2 x^*, x_1 - x_2)", "x", at_distance)
def sum_and_difference(state: Any, case: Case) -> Array:
    """Of two workers' points in one dimension: twice their mean's error, and how far they are apart, (replicates, 2)."""
    error = (state[0] - case.minimiser)[..., 0]
    return stack([error[:, 0] + error[:, 1], error[:, 0] - error[:, 1]], 1)


def apart_for_ever(power: int = 1) -> Callable[[int, Case, Mapping[str, Array]], Array]:
    """The mean contracts by 1 - gamma lam, the difference by rho - gamma lam towards (gamma lam)^power (b_1 - b_2)/(1 - rho + gamma lam)."""
    def bound(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
        first = record["M0"]
        pull = rowwise(case[gamma] * case[lam], first[:, 0])
        targets = case.problem.targets[:, 0]
        left = pull**power * (targets[0] - targets[1]) / (1 - case[mixing] + pull)
        return stack([(1 - pull) ** updates * first[:, 0], left + (case[mixing] - pull) ** updates * (first[:, 1] - left)], 1)

    return bound


between = sp.Symbol("between", real=True)                                    # b_1 - b_2
resting = gamma * lam * between / (1 - mixing + gamma * lam)
pair = Instance("networked", lam=lam, targets=(R, -R), pull=Rational(1, 2), start=((4 * R,), (3 * R,)))
perfect = Instance("networked", lam=lam, targets=(4 * R, -R), pull=1, start=((5 * R,), (0,)))
steps = And(gamma > 0, gamma * lam <= Rational(1, 2))

false_dgd_exact = Theorem(
    id="false-dgd-constant-step-exact",
    title="FALSE: decentralized gradient descent with a constant step reaches the minimiser",
    source="Yuan, Ling, Yin (2016)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=DGD(gamma), assumptions=(MixingMatrix, QuadraticWorkers, ConstrainedMinimum), condition=steps,
                               defaults={gamma: 1 / (10 * lam)}, metric=squared_distance, bound=100 * (1 - gamma * lam) ** (2 * k) * R**2),
            note="A hundred times what holds where the workers share their minimiser.",
            witness=pair,
            instead="gossip-exact-and-gaps",
            mutants=(Changed("perfect averaging in every round makes it exact", perfect),)),
        RateBound(
            name="two-workers",
            algorithm=DGD(gamma),
            assumptions=(MixingMatrix, QuadraticWorkers, ConstrainedMinimum),
            condition=steps,
            defaults={gamma: 1 / (10 * lam)},
            metric=sum_and_difference,
            bound=apart_for_ever(),
            relation=Relation.EQUAL,
            statement="(x_1 + x_2 - 2 x^*) = (1 - gamma lambda)^k s_0, quad x_1 - x_2 = d + (rho - gamma lambda)^k (d_0 - d), "
                      "quad d = gamma lambda (b_1 - b_2) / (1 - rho + gamma lambda)",
            on=(pair, Instance("networked", lam=lam, targets=(5 * R, 2 * R), pull=Rational(2, 5), start=((R,), (R / 3,))),
                perfect),
            facts=(SymbolicIdentity("where the difference rests", (mixing - gamma * lam) * resting + gamma * lam * between, resting),),
            mutants=(Changed("an error of order gamma^2", pair, bound=apart_for_ever(power=2)),),
            note="rho the second eigenvalue of W. Only the mean of the workers is right: each stops at distance d/2, of order gamma/(1 - rho), and with "
                 "perfect averaging (rho = 0) too."),
    ),
)
