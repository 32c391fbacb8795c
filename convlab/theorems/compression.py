"""Compressed communication: what random-k costs, what that cost does to gradient descent, and why a biased compressor alone does not do.

The operator's variance enters the second moment of compressed gradient descent on isotropic workers as an equality, so every constant of the theory
can be read off: omega/N in the rate, omega sigma_opt^2/N in the floor. Top-k has a smaller error than random-k, and diverges; signs get stuck.
"""
from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from sympy import And, Eq, Piecewise, Rational

from convlab.algorithms.compression import (
    BernoulliCoordinates,
    CompressedAverage,
    CompressedGD,
    CompressedGradient,
    KeepK,
    OneDrawForAll,
    RandK,
    ScaledSign,
    Sign,
    TopK,
    WithReplacement,
)
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Convex, DisagreeingWorkers, Isotropic, Lipschitz, Minimum, Smooth, StronglyConvex, Workers
from convlab.constants import Array
from convlab.metrics import Case, at_distance, function_gap, metric, squared_distance
from convlab.operations import absolute, norm_squared
from convlab.symbols import M0, Delta, G, L, R, d, gamma, k, lam, mu, n_kept, p, sigma_opt, workers
from convlab.theorem import (
    Bound,
    Changed,
    FalseClaim,
    Instance,
    Law,
    OperatorConstant,
    RateBound,
    Recursion,
    Reduces,
    Relation,
    Sense,
    StabilityRegion,
    SymbolicIdentity,
    Theorem,
    best_of,
    from_k,
    previous,
    u,
    v,
)


# ---- the operators
def answer(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """C(x), componentwise."""
    return y


def identity(x: Array, values: Mapping[Any, Any]) -> Array:
    """x, componentwise."""
    return x


def squared_error(x: Array, y: Array, values: Mapping[Any, Any]) -> Array:
    """|C(x) - x|^2."""
    return norm_squared(y - x)


def squared_length(x: Array, values: Mapping[Any, Any]) -> Array:
    """|x|^2."""
    return norm_squared(x)


def vectors(rng: np.random.Generator, values: Mapping[Any, Any]) -> Array:
    """Vectors over six decades of length, one along an axis, one of equal entries, none of them zero."""
    dimension = int(values[d])
    scattered = rng.standard_normal((12, dimension)) * 10 ** rng.uniform(-3, 3, size=(12, 1))
    return np.concatenate([scattered, 40 * np.eye(dimension)[:1], np.full((1, dimension), -7.0)])


few = ({d: 2, n_kept: 1}, {d: 3, n_kept: 2}, {d: 4, n_kept: 3}, {d: 6, n_kept: 2})


def operator_claim(operator: Any, bound: Any, name: str, **fields: Any) -> OperatorConstant:
    """E |C(x) - x|^2 = bound |x|^2, enumerated over the operator's draws."""
    told = {"condition": And(1 <= n_kept, n_kept <= d), "sizes": few, **fields}
    return OperatorConstant(operator, error=squared_error, scale=squared_length, bound=bound, inputs=vectors, relation=Relation.EQUAL,
                            law=Law.EXPECTATION, name=name, statement=f"EE norm(C(x) - x)^2 = ({sp.sstr(bound)}) norm(x)^2", **told)


def unbiased(operator: Any, name: str, **fields: Any) -> OperatorConstant:
    """E C(x) = x, componentwise."""
    told = {"condition": And(1 <= n_kept, n_kept <= d), "sizes": few, **fields}
    return OperatorConstant(operator, error=answer, scale=identity, bound=sp.Integer(1), inputs=vectors, relation=Relation.EQUAL,
                            law=Law.EXPECTATION, name=name, statement="EE C(x) = x", **told)


omega_k = d / n_kept - 1
coins = {"condition": And(0 < p, p <= 1), "sizes": ({d: 3, p: Fraction(2, 7)}, {d: 4, p: Fraction(3, 5)})}

random_k = Theorem(
    id="comp-randk-variance",
    title="Random-k: unbiased, with variance (d/k - 1) |x|^2",
    source="folklore; Khirirat, Feyzmahdavian, Johansson (2018)",
    claims=(
        operator_claim(
            RandK(n_kept), omega_k, "main",
            facts=(SymbolicIdentity("kept and dropped coordinates", n_kept / d * (d / n_kept - 1) ** 2 + (1 - n_kept / d), omega_k),),
            mutants=(Bound((d - n_kept) / d, name="omega = (d - k)/d"),
                     Changed("indices drawn with replacement have the same omega", operator=WithReplacement(n_kept)))),
        unbiased(RandK(n_kept), "unbiased", facts=(SymbolicIdentity("a coordinate is kept k times of d", n_kept / d * (d / n_kept), 1),),
                 mutants=(Changed("unscaled", operator=KeepK(n_kept)),)),
        operator_claim(KeepK(n_kept), 1 - n_kept / d, "unscaled", mutants=(Bound(omega_k, name="the variance of the scaled operator"),)),
        operator_claim(WithReplacement(n_kept), (d - 1) / n_kept, "with-replacement",
                       facts=(SymbolicIdentity("second moment of a binomial count", (d / n_kept) ** 2 * (n_kept / d * (1 - 1 / d) + n_kept**2 / d**2) - 1,
                                               (d - 1) / n_kept),),
                       mutants=(Bound(omega_k, name="omega of random-k"),)),
        unbiased(WithReplacement(n_kept), "with-replacement-unbiased"),
        operator_claim(BernoulliCoordinates(p), 1 / p - 1, "bernoulli", **coins, facts=(SymbolicIdentity("kept and dropped", p * (1 / p - 1) ** 2 + (1 - p), 1 / p - 1),),
                       mutants=(Bound(1 / p, name="omega = 1/p"),)),
        unbiased(BernoulliCoordinates(p), "bernoulli-unbiased", **coins),
    ),
)


# ---- compressed gradient descent on isotropic workers
contraction = (1 - gamma * lam) ** 2 + gamma**2 * lam**2 * omega_k / workers
noise = gamma**2 * omega_k * sigma_opt**2 / workers
floor = omega_k * gamma * sigma_opt**2 / (workers * lam * (2 - gamma * lam * (1 + omega_k / workers)))


def second_moment(rate: sp.Expr, added: sp.Expr) -> sp.Expr:
    """The solution of m_{k+1} = rate m_k + added from m_0 = R^2."""
    return rate**k * R**2 + added * Piecewise((k, Eq(rate, 1)), ((1 - rate**k) / (1 - rate), True))


squared_omega = contraction.subs(workers, workers**2)
one_mask = CompressedGD(gamma, OneDrawForAll(RandK(n_kept)))
two_workers = Instance("workers", lam=lam, shifts=((30, 40), (-30, -40)), start=(3 * R / 5, 4 * R / 5), at={workers: 2, d: 2, sigma_opt: 50})
three_agree = Instance("workers", lam=lam, shifts=((0,) * 4,) * 3, start=(R, 0, 0, 0), at={workers: 3, d: 4},
                      when=Eq(n_kept, 1))

isotropic = Theorem(
    id="dcgd-isotropic-exact",
    title="Compressed gradient descent, isotropic workers: the exact second moment",
    source="derived here; the method is that of Khirirat, Feyzmahdavian, Johansson (2018)",
    claims=(
        RateBound(
            algorithm=CompressedGD(gamma, RandK(n_kept)),
            assumptions=(Workers, Isotropic, DisagreeingWorkers, Minimum),
            condition=And(0 < gamma, gamma * lam <= 2, 1 <= n_kept, n_kept <= d),
            defaults={n_kept: 1, gamma: 1 / (lam * (1 + omega_k / workers))},
            metric=squared_distance,
            bound=second_moment(contraction, noise),
            relation=Relation.EQUAL,
            law=Law.EXPECTATION,
            tight=two_workers,
            facts=(SymbolicIdentity("the floor is the fixed point of the recursion", contraction * floor + noise, floor),
                   SymbolicIdentity("the rate is 1 at the edge", contraction.subs(gamma, 2 / (lam * (1 + omega_k / workers))), 1),
                   Recursion(contraction * previous + noise, start=R**2, closed=contraction**k * R**2 + noise * (1 - contraction**k) / (1 - contraction)),
                   Reduces({n_kept: d}, "gd-strongly-convex-distance", power=2, other={L: lam, mu: lam})),
            mutants=(Changed("one common mask for all workers keeps omega/N", algorithm=one_mask),
                     Bound(second_moment(squared_omega, noise / workers), name="omega/N^2"),
                     Bound(contraction**k * R**2, name="no floor")),
            note="An identity at every gamma; judged up to gamma = 2/lam, which lies beyond the edge of stability. At a rate of 1 the quotient "
                 "(1 - q^k)/(1 - q) means k."),
        StabilityRegion(
            algorithm=CompressedGD(gamma, RandK(n_kept)),
            assumptions=(Workers, Isotropic, Minimum),
            condition=And(0 < gamma, gamma * lam * (1 + omega_k / workers) < 2),
            domain=And(1 <= n_kept, n_kept <= d),
            sweep=gamma,
            defaults={n_kept: 1, gamma: 1 / (lam * (1 + omega_k / workers))},
            sense=Sense.MEAN_SQUARE,
            statement="the second moment tends to its floor from every start iff 0 < gamma lambda (1 + omega/N) < 2",
            facts=(SymbolicIdentity("the rate is 1 at gamma = 0 and at the edge", sp.expand(1 - contraction),
                                    sp.expand(gamma * lam * (2 - gamma * lam * (1 + omega_k / workers)))),),
            mutants=(Changed("gamma < 2/lam suffices", three_agree, condition=And(0 < gamma, gamma * lam < 2)),),
            name="stable"),
    ),
)


# ---- biased compression of every worker's gradient
diagonal = Instance("topk_witness", start=Fraction(17, 4), at={L: Fraction(103, 6)})

local_top_one = Theorem(
    id="false-naive-topk-dcgd",
    title="FALSE: compressed gradient descent with top-k converges for small steps",
    source="Beznosikov, Horvath, Richtarik, Safaryan (2020)",
    claims=(
        FalseClaim(
            asserted=RateBound(
                algorithm=CompressedGD(gamma, TopK(1)),
                assumptions=(Workers, Smooth, StronglyConvex, Minimum),
                condition=And(0 < gamma, gamma <= 1 / (10 * L)),
                defaults={gamma: 1 / (10 * L)},
                metric=squared_distance,
                bound=R**2),
            witness=diagonal,
            instead="dcgd-isotropic-exact"),
        RateBound(
            algorithm=CompressedGD(gamma, TopK(1)),
            assumptions=(Workers, Smooth, StronglyConvex, Minimum),
            condition=And(0 < gamma, gamma * L <= 1),
            defaults={gamma: 1 / (10 * L)},
            metric=squared_distance,
            bound=(1 + Rational(11, 6) * gamma) ** (2 * k) * M0,
            relation=Relation.EQUAL,
            on=(diagonal,),
            facts=(SymbolicIdentity("at (u, u, u) each worker sends its entry (2 (-3) + 1/2) u, and the mean of three such vectors leads uphill",
                                    u - gamma * (2 * (-3) + Rational(1, 2)) * u / 3, (1 + Rational(11, 6) * gamma) * u),),
            mutants=(Bound((1 + Rational(11, 8) * gamma) ** (2 * k) * M0, diagonal, name="factor 1 + 11 gamma/8"),
                     Changed("top-1 of the averaged gradient grows too", diagonal, algorithm=CompressedAverage(gamma, TopK(1)))),
            name="grows",
            note="x_k = (1 + 11 gamma/6)^k x_0 at every gamma > 0: the largest entry of every worker's gradient points uphill."),
    ),
)


# ---- signs
@metric("abs(sum_i (x_(k,i) - x_i^*))", "x", at_distance)
def distance_along_ones(state: Any, case: Case) -> Array:
    """|<(1, ..., 1), x - x*>|."""
    return absolute((state[0] - case.minimiser).sum(axis=-1))


flat_ridge = Instance("crossed_ridges", weight=17 * G / 26, flat=Rational(7, 17), start=(3 * R / 5, 4 * R / 5))     # |subgradient| = G
steep_ridge = Instance("crossed_ridges", weight=G / 2, flat=Rational(3, 2), start=(3 * R / 5, 4 * R / 5))
nonsmooth = (Convex, Lipschitz, Minimum)


def like_a_subgradient(compressor: Any, bound: sp.Expr, name: str, note: str) -> FalseClaim:
    """The best gap so far obeys the bound of the method that sends the subgradient itself."""
    return FalseClaim(
        asserted=RateBound(algorithm=CompressedGradient(gamma, compressor), assumptions=nonsmooth, condition=gamma > 0, defaults={gamma: R / (10 * G)},
                           metric=function_gap, mode=best_of(0, -1), bound=bound, grid=from_k(1)),
        witness=flat_ridge, name=name, note=note,
        mutants=(Changed("seven tenths of the first gap are reached", bound=Piecewise((Delta, k < 20), (7 * Delta / 10, True))),))


def along_ones(compressor: Any, step: sp.Expr, default: sp.Expr, name: str, note: str) -> RateBound:
    """x_1 + x_2 stays as it is."""
    return RateBound(
        algorithm=CompressedGradient(step, compressor), assumptions=nonsmooth, condition=gamma > 0, defaults={gamma: default}, metric=distance_along_ones,
        bound=M0, relation=Relation.EQUAL, on=(flat_ridge,), name=name, note=note,
        facts=(SymbolicIdentity("what one coordinate loses the other gains", (u - step) + (v + step), u + v),),
        mutants=(Changed("on a steep ridge, too", steep_ridge), Changed("sent in full", flat_ridge, algorithm=GradientDescent(step))))


false_sign_descent = Theorem(
    id="false-sign-descent",
    title="FALSE: descent along the signs of subgradients converges on convex functions",
    source="Karimireddy, Rebjock, Stich, Jaggi (2019)",
    claims=(
        like_a_subgradient(ScaledSign(), R**2 / (2 * gamma * k) + gamma * G**2 / 2, "scaled", "What the subgradient method does at the same step."),
        like_a_subgradient(Sign(), G * (R**2 / (2 * gamma * k) + gamma * d / 2), "unscaled",
                           "What the method does that divides by the subgradient's length, at steps as long."),
        along_ones(ScaledSign(), gamma, R / (10 * G), "scaled-steps", "x_1 + x_2 never changes, so the gap stays above its share in the first one."),
        along_ones(Sign(), gamma / (k + 1), R / 3, "decreasing-steps", "Steps of any length, decreasing or not, for every sign is (1, -1) or (-1, 1)."),
    ),
)
