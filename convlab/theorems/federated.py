"""Federated averaging: several local steps between averages pull the limit away from the minimiser, and where to is known exactly on quadratic clients."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy import Abs, And, Eq, Rational

from convlab.algorithms.federated import FedAvg
from convlab.assumptions import Minimum, QuadraticWorkers, Smooth, StronglyConvex, Workers
from convlab.constants import Array
from convlab.metrics import Case, at_distance, displacement, distance_to_minimiser, metric
from convlab.operations import rowwise
from convlab.symbols import M0, L, L_max, R, gamma, inner_steps, k, lam, mu
from convlab.theorem import Bound, Changed, FalseClaim, Instance, RateBound, Recursion, Relation, Step, SymbolicIdentity, Theorem, previous


# ---- the limit
def pulls(case: Case, like: Array) -> Array:
    """Q_i = 1 - (1 - gamma a_i)^H, how far a round takes client i towards its own target, (cases, workers)."""
    local = 1 - rowwise(case[gamma], like) * case.problem.curvatures
    return 1 - local ** int(case[inner_steps])


def limit(case: Case, like: Array) -> Array:
    """xi = sum Q_i b_i/sum Q_i, (cases, dimension)."""
    weights = pulls(case, like)
    return (weights[..., None] * case.problem.targets).sum(axis=-2) / weights.sum(axis=-1, keepdims=True)


@metric("x_k - xi", "x", at_distance, needs_minimiser=False)
def off_the_limit(state: Any, case: Case) -> Array:
    """x - xi, componentwise."""
    return state[0] - limit(case, state[0])


@metric("x_k - overline(b)", "x", at_distance, needs_minimiser=False)
def off_the_mean_target(state: Any, case: Case) -> Array:
    """A mutant: x minus the mean of the clients' own minimisers, componentwise."""
    targets = case.problem.targets
    return state[0] - targets.sum(axis=0) / len(targets)


def shrunk(power: int = 1) -> Callable[[int, Case, Mapping[str, Array]], Array]:
    """(1 - mean Q_i)^(power k) times the value at the start."""
    def bound(rounds: int, case: Case, record: Mapping[str, Array]) -> Array:
        weights = pulls(case, record["M0"])
        factor = 1 - weights.sum(axis=-1, keepdims=True) / weights.shape[-1]
        return factor ** (power * rounds) * record["M0"]

    return bound


quadratic_clients = (Workers, QuadraticWorkers, Minimum)
averaging = FedAvg(step_size=gamma, local_steps=inner_steps)
opposed = Instance("clients", curvatures=(lam, 3 * lam), targets=(R, -R), start=3 * R)           # minimum at -R/2
from_the_middle = Instance("clients", curvatures=(lam, 3 * lam), targets=(R, -R), start=0)
agreeing = Instance("clients", curvatures=(lam,) * 3, targets=(R, -2 * R, 5 * R), start=7 * R)
x, a, b, c = sp.symbols("x a b c", real=True)
first, second = sp.symbols("Q_1 Q_2", positive=True)
xi = (first * a + second * b) / (first + second)

fixed_point = Theorem(
    id="fedavg-quadratic-fixed-point",
    title="FedAvg on quadratic clients: the limit and the rate, exactly",
    source="folklore; this form is derived here",
    claims=(
        RateBound(
            algorithm=averaging,
            assumptions=quadratic_clients,
            condition=And(gamma > 0, gamma * L_max < 2),
            defaults={gamma: 1 / (4 * L_max), inner_steps: 5},
            metric=off_the_limit,
            bound=shrunk(),
            relation=Relation.EQUAL,
            statement="x_k - xi = (1 - overline(Q))^k (x_0 - xi), quad xi = (sum_i Q_i b_i) / (sum_i Q_i), quad Q_i = 1 - (1 - gamma a_i)^m",
            tight=opposed,
            facts=(SymbolicIdentity("two clients, one round", ((1 - first) * x + first * a + (1 - second) * x + second * b) / 2 - xi,
                                    (1 - (first + second) / 2) * (x - xi)),),
            mutants=(Changed("the limit is the minimiser", opposed, metric=displacement),
                     Changed("the limit is the mean of the targets", opposed, metric=off_the_mean_target),
                     Changed("twice as fast", opposed, bound=shrunk(power=2))),
            note="Q_i is how far m local steps take client i towards its own minimiser b_i; the server weighs the clients by it. The overlined Q is their mean."),
        RateBound(
            name="equal-curvatures",
            algorithm=averaging,
            assumptions=quadratic_clients,
            condition=And(gamma > 0, gamma * lam < 2),
            defaults={gamma: 1 / (4 * lam), inner_steps: 5},
            metric=distance_to_minimiser,
            bound=Abs(1 - gamma * lam) ** (inner_steps * k) * R,
            relation=Relation.EQUAL,
            tight=agreeing,
            mutants=(Bound(Abs(1 - gamma * lam) ** k * R, agreeing, name="one local step a round"),
                     Step(Instance("clients", curvatures=(lam, lam), targets=(R, -2 * R), start=7 * R), bound=M0, relation=Relation.AT_MOST,
                          defaults={gamma: Rational(11, 5) / lam, inner_steps: 2})),
            note="Where all clients have one curvature, however far apart their targets are, nothing drifts: m local steps a round do what m steps do."),
    ),
)


# ---- which is not the minimiser
false_heterogeneous = Theorem(
    id="false-fedavg-heterogeneous",
    title="FALSE: FedAvg with a constant step and several local steps converges to the minimiser",
    source="folklore; Khaled, Mishchenko, Richtarik (2020); Karimireddy, Kale, Mohri, Reddi, Stich, Suresh (2020)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=averaging, assumptions=(Workers, QuadraticWorkers, Smooth, StronglyConvex, Minimum),
                               condition=And(gamma > 0, gamma * L_max <= 1), defaults={gamma: 1 / (4 * L_max), inner_steps: 2},
                               metric=distance_to_minimiser, bound=10 * (1 - gamma * mu) ** k * R),
            note="Ten times what holds with one local step, or with clients that share their minimiser.",
            witness=opposed,
            instead="fedavg-quadratic-fixed-point",
            mutants=(Changed("a step ten times as small suffices", condition=And(gamma > 0, gamma * L_max <= Rational(1, 5), inner_steps >= 20),
                             defaults={gamma: 1 / (10 * L_max), inner_steps: 20}),
                     Changed("as slowly as 10/(k + 1)", from_the_middle, bound=10 * R / (k + 1), condition=And(Eq(gamma * L_max, 1), inner_steps >= 20),
                             defaults={gamma: 1 / L_max, inner_steps: 20}))),
        RateBound(
            name="one-instance",
            algorithm=FedAvg(step_size=gamma, local_steps=2),
            assumptions=(Workers, QuadraticWorkers, Smooth, StronglyConvex, Minimum),
            condition=Eq(gamma * L, Rational(1, 2)),
            defaults={gamma: 1 / (2 * L)},
            metric=displacement,
            bound=R * (Rational(3, 77) + Rational(74, 77) * Rational(5, 16) ** k),
            relation=Relation.EQUAL,
            on=(opposed,),
            facts=(Recursion(((1 - Rational(1, 4)) ** 2 + (1 - Rational(3, 4)) ** 2) / 2 * previous + 3 * R / 112, start=R,
                             name="the mean of two local steps at curvatures lambda and 3 lambda, and their drift"),),
            mutants=(Bound(R * Rational(5, 16) ** k, opposed, name="it tends to the minimiser"),
                     Changed("with one local step, too", opposed, algorithm=FedAvg(step_size=gamma, local_steps=1))),
            note="Curvatures lambda and 3 lambda, targets 1 and -1, two local steps of 1/(4 lambda): x tends to -4/11, the minimiser is -1/2. From 3."),
    ),
)
