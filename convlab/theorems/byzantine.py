"""Robust aggregation: how far an answer may lie from the honest mean, in units of the honest variance, whoever the honest inputs are.

The mean itself has no such limit: one input of any number moves it anywhere.
"""
from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp

from convlab.algorithms.byzantine import HijackedGD, Krum, Mean
from convlab.assumptions import Isotropic, Minimum, Workers
from convlab.constants import Array
from convlab.metrics import displacement, distance_to_minimiser
from convlab.operations import norm_squared, where
from convlab.symbols import R, byzantine, d, gamma, k, lam, n, workers
from convlab.theorem import Bound, Changed, FalseClaim, Instance, OperatorConstant, RateBound, Relation, SymbolicIdentity, Theorem, u, v


def robustness(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """The largest |y - mean_S|^2/var_S over all sets S of n - f inputs, (count,); 0/0 is 0, and anything else over 0 infinite.

    Variances and means are summed from pairwise differences, so that inputs that coincide give exactly 0 in floats too.
    """
    size = x.shape[1] - int(values[byzantine])
    member = np.array([[int(i in chosen) for i in range(x.shape[1])] for chosen in combinations(range(x.shape[1]), size)])
    apart = x[:, :, None, :] - x[:, None, :, :]
    variance = ((member @ (apart * apart).sum(axis=-1)) * member).sum(axis=-1) / (2 * size * size)      # (count, sets)
    off = member @ (y[:, None, :] - x) / size
    distance = (off * off).sum(axis=-1)
    tight = variance == 0
    ratio = where(tight, where(distance == 0, 0 * distance, 0 * distance + np.inf), distance / where(tight, 1 + 0 * variance, variance))
    return ratio.max(axis=1)


def one(x: Array, values: Mapping[Any, Any]) -> Array:
    """1: robustness is a ratio already."""
    return 1 + 0 * norm_squared(x)


def attacks(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    """Honest inputs all equal, in two clusters, Gaussian; attackers on an honest input, at three deviations, far away or mixed; in random order, over six decades."""
    total, bad, dimension = int(values[n]), int(values[byzantine]), int(values[d])
    honest = [np.repeat(np.arange(total - bad)[:, None] < many, dimension, axis=1) * 1.0 for many in range(total - bad)]
    honest += [rng.standard_normal((total - bad, dimension)) for _ in range(6)]
    found = []
    for cloud in honest:
        centre, spread = cloud.mean(axis=0), cloud.std(axis=0) + 0.1
        far = rng.standard_normal((bad, dimension)) * 1e3
        for sent in (np.repeat(cloud[-1:], bad, axis=0), np.repeat((centre + 3 * spread)[None], bad, axis=0), far, 2 * cloud[rng.integers(len(cloud), size=bad)]):
            found.append(rng.permutation(np.concatenate([sent, cloud])) * 10 ** rng.uniform(-3, 3))
    found.append(np.concatenate([np.full((bad, dimension), 2.0), np.zeros((total - bad - 1, dimension)), np.ones((1, dimension))]))
    return np.stack(found)


kappa = 6 * (n - byzantine) / (n - 2 * byzantine)
t = sp.Symbol("t", positive=True)
young = 2 * (1 + t) + 1 + 1 / t
sizes = ({n: 3, byzantine: 1, d: 1}, {n: 5, byzantine: 1, d: 1}, {n: 5, byzantine: 2, d: 2}, {n: 7, byzantine: 2, d: 1}, {n: 7, byzantine: 2, d: 2},
         {n: 10, byzantine: 3, d: 1})
published_sizes = ({n: 5, byzantine: 1, d: 1}, {n: 7, byzantine: 2, d: 2}, {n: 10, byzantine: 3, d: 1})
half = ({n: 4, byzantine: 2, d: 1},)


def krum_claim(neighbours: Any, bound: Any, **fields: Any) -> OperatorConstant:
    """|Krum - mean_S|^2 <= bound var_S for every honest set S, over searched inputs."""
    return OperatorConstant(Krum(neighbours), error=robustness, scale=one, bound=bound, inputs=attacks,
                            statement="max_S norm(F(x) - overline(x)_S)^2 / var_S <= kappa", **fields)


krum = Theorem(
    id="byz-krum-kappa",
    title="Krum is robust: squared error at most 6(n - f)/(n - 2f) honest variances",
    source="rule: Blanchard, El Mhamdi, Guerraoui, Stainer (2017); constant: Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan (2023)",
    claims=(
        krum_claim(
            n - byzantine - 1, kappa, sizes=sizes, condition=2 * byzantine < n,
            facts=(SymbolicIdentity("parallelogram", 2 * u**2 + 2 * v**2, (u + v) ** 2 + (u - v) ** 2),
                   SymbolicIdentity("Young's inequality at t = 1", young.subs(t, 1), 6),
                   SymbolicIdentity("Young's inequality at its best t", young.subs(t, 1 / sp.sqrt(2)), 3 + 2 * sp.sqrt(2)),
                   SymbolicIdentity("which is stationary", sp.diff(young, t).subs(t, 1 / sp.sqrt(2)), 0)),
            mutants=(Bound(byzantine / (n - 2 * byzantine), name="the optimal f/(n - 2f)"), Bound(sp.Integer(1), name="kappa <= 1"),
                     Changed("f = n/2 tolerated", sizes=half, bound=sp.Integer(1000), condition=sp.true)),
            note="n - f - 1 neighbours. Proved, not known to be attained: 3/4 of it at n = 3, f = 1, and 2/3 in the limit of n = 2f + 1."),
        krum_claim(n - byzantine - 1, (3 + 2 * sp.sqrt(2)) * (n - byzantine) / (n - 2 * byzantine), sizes=sizes, condition=2 * byzantine < n, name="sharper",
                   note="The same proof with the best weight in Young's inequality."),
        krum_claim(n - byzantine - 2, kappa, sizes=published_sizes, condition=2 * byzantine + 2 < n, name="as-first-published",
                   note="n - f - 2 neighbours: the last step of the proof is a numerical maximum, for n - f <= 29 and some larger sizes."),
    ),
)


# ---- the mean
def alike(count: int) -> Instance:
    """So many workers with one and the same function, its minimum at 0: the honest ones do not disagree at all."""
    return Instance("workers", lam=lam, shifts=count, start=(R,))


hijacked = HijackedGD(gamma, Mean(), pull=lam, target=-7 * R)
crowd = alike(20)
workers_alike = (Workers, Isotropic, Minimum)
steps = sp.And(gamma > 0, gamma * lam <= 1)

false_mean = Theorem(
    id="false-mean-is-robust",
    title="FALSE: the mean of many workers is insensitive to one attacker",
    source="Blanchard, El Mhamdi, Guerraoui, Stainer (2017)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=hijacked, assumptions=workers_alike, condition=steps, defaults={gamma: 1 / (2 * lam)}, metric=distance_to_minimiser,
                               bound=R),
            note="The honest workers agree, and descent never leads them away from their minimiser.",
            witness=crowd,
            instead="byz-krum-kappa",
            mutants=(Changed("of a hundred workers one does no harm", alike(100)),
                     Changed("the honest optimum, after a while", bound=20 * R / (k + 1), condition=sp.And(gamma * lam >= sp.Rational(1, 4), steps)))),
        RateBound(
            name="anywhere",
            algorithm=hijacked,
            assumptions=workers_alike,
            condition=steps,
            defaults={gamma: 1 / (2 * lam)},
            metric=displacement,
            bound=-7 * R + 8 * R * (1 - gamma * lam) ** k,
            relation=Relation.EQUAL,
            on=(alike(2), crowd),
            facts=(SymbolicIdentity("one input makes the mean what it likes", (u + (n * v - u)) / n, v),),
            mutants=(Bound(R * (1 - gamma * lam) ** k, crowd, name="it ends at the honest optimum"),
                     Bound(-7 * R / workers + (R + 7 * R / workers) * (1 - gamma * lam) ** k, crowd, name="an error of a part 1/N")),
            note="The attacker sends N lambda (x + 7 R) minus the others' gradients: the run is gradient descent to -7 R, from R."),
    ),
)
