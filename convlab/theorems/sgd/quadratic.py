"""SGD on a quadratic: the second moment, exactly; the bounds for strongly convex functions are the same recursion at the worst curvature."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, Isotropic, Minimum, NoiseCovariance, Smooth, StronglyConvex
from convlab.constants import Array, Number
from convlab.metrics import Case, metric, squared_distance
from convlab.operations import rowwise
from convlab.problem import fact
from convlab.symbols import L, R, gamma, k, lam, mu, sigma
from convlab.theorem import (
    Bound,
    Changed,
    FalseClaim,
    Instance,
    Law,
    RateBound,
    Relation,
    SecondMoment,
    Sense,
    StabilityRegion,
    StationaryVariance,
    SymbolicIdentity,
    Theorem,
    u,
)
from convlab.theorems.sgd.strongly_convex import best_step, flattest, stable


def at_products(state: Any, case: Case, s: Array) -> Array:
    """Resolution of products of coordinates: points known to s, at most as far away as the start and some noise, mix all coordinates in the change of basis."""
    found: Array = 4 * s * (case[R] + case[gamma] * case[sigma])
    return found


@metric("EE [e_k e_k^T], quad e_k = Q^T (x_k - x^*)", "x^2", at_products)
def second_moment(state: Any, case: Case) -> Array:
    """e e^T of the error in the eigenbasis, (replicates, dimension, dimension)."""
    error = noise_of(case).rotated(state[0] - case.minimiser)
    return error[:, :, None] * error[:, None, :]


@metric("EE [e_(k,i)^2], quad e_k = Q^T (x_k - x^*)", "x^2", at_products)
def squared_coordinates(state: Any, case: Case) -> Array:
    """e_i^2 for every eigenvector, (replicates, dimension)."""
    error = noise_of(case).rotated(state[0] - case.minimiser)
    return error * error


def noise_of(case: Case) -> NoiseCovariance:
    """The curvatures and the covariance that a case's problem states."""
    found = fact(case.problem, NoiseCovariance)
    assert isinstance(found, NoiseCovariance)            # the claims below assume it
    return found


def exact_moment(k: int, case: Case, record: Mapping[str, Array]) -> Array:
    """q^k M_0 + gamma^2 S (1 - q^k)/(1 - q), entry by entry, q_ij = (1 - gamma l_i)(1 - gamma l_j); k in place of the fraction where q = 1."""
    noise, initial = noise_of(case), record["M0"]
    shrink = 1 - rowwise(case[gamma], initial[..., 0]) * noise.curvatures
    q = shrink[..., :, None] * shrink[..., None, :]
    one = (q == 1) * 1
    series = (1 - one) * (1 - q**k) / (1 - q + one) + one * k
    return q**k * initial + rowwise(case[gamma] ** 2, initial) * noise.covariance * series


Variance = Callable[[Number, Array, Array], Array]


def stationary_variance(step: Number, curvature: Array, variance: Array) -> Array:
    """gamma s/(l (2 - gamma l))."""
    return step * variance / (curvature * (2 - step * curvature))


def small_step_variance(step: Number, curvature: Array, variance: Array) -> Array:
    """gamma s/(2 l): what the exact value tends to as gamma l -> 0."""
    return step * variance / (2 * curvature)


def textbook_variance(step: Number, curvature: Array, variance: Array) -> Array:
    """gamma s/l: an upper bound for gamma l <= 1 only."""
    return step * variance / curvature


@dataclass(frozen=True)
class DiagonalMoment:
    """(1 - gamma l)^(power k) e_0^2 + stationary (1 - (1 - gamma l)^(2k)) for every eigenvalue l."""

    stationary: Variance
    power: int = 2

    def __call__(self, k: int, case: Case, record: Mapping[str, Array]) -> Array:
        """The bound at k, (replicates, dimension)."""
        noise = noise_of(case)
        step = rowwise(case[gamma], record["M0"])
        shrink = 1 - step * noise.curvatures
        variance = noise.covariance.diagonal()
        return shrink ** (self.power * k) * record["M0"] + self.stationary(step, noise.curvatures, variance) * (1 - shrink ** (2 * k))


stationary = sp.Symbol("stationary")
one_curvature = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=(R,))
any_covariance = Instance("noisy", clean="quadratic", spectrum=(mu, L), rotation=2, noise=((sigma, 0), (2 * sigma, 2 * sigma)), law="covariance", start=(R, -3 * R))

quadratic_moment = Theorem(
    id="sgd-quad-exact-second-moment",
    title="SGD on a quadratic: the second moment, exactly",
    source="folklore: the discrete Lyapunov equation; Polyak (1987), Bach, Moulines (2013)",
    claims=(
        RateBound(
            algorithm=SGD(step_size=gamma),
            assumptions=(Smooth, NoiseCovariance, Minimum),
            condition=And(0 < gamma, gamma <= 2 / L),
            defaults={gamma: 1 / L},
            relation=Relation.EQUAL,
            law=Law.EXPECTATION,
            metric=second_moment,
            bound=exact_moment,
            statement="q_(i j)^k M_(0,i j) + gamma^2 S_(i j) (1 - q_(i j)^k)/(1 - q_(i j)), quad q_(i j) = (1 - gamma lambda_i) (1 - gamma lambda_j)",
            tight=(any_covariance,),
            note="An identity for every gamma; judged where the moment stays bounded, and at gamma = 2/L, where it grows like k.",
        ),
        RateBound(
            name="diagonal",
            algorithm=SGD(step_size=gamma),
            assumptions=(Smooth, StronglyConvex, NoiseCovariance, Minimum),
            condition=stable,
            defaults={gamma: 1 / L},
            relation=Relation.EQUAL,
            law=Law.EXPECTATION,
            metric=squared_coordinates,
            bound=DiagonalMoment(stationary_variance),
            statement="(1 - gamma lambda_i)^(2 k) e_(0,i)^2 + (gamma S_(i i))/(lambda_i (2 - gamma lambda_i)) (1 - (1 - gamma lambda_i)^(2 k))",
            tight=(any_covariance, one_curvature),
            facts=(SecondMoment((1 - gamma * lam) ** 2 * u**2 + gamma**2 * sigma**2),
                   StationaryVariance(gamma * sigma**2 / (lam * (2 - gamma * lam))),
                   SymbolicIdentity("the stationary variance is fixed",
                                    ((1 - gamma * lam) ** 2 * stationary + gamma**2 * sigma**2).subs(stationary, gamma * sigma**2 / (lam * (2 - gamma * lam))),
                                    gamma * sigma**2 / (lam * (2 - gamma * lam)))),
            mutants=(Changed("stationary variance gamma s/(2 l)", one_curvature, bound=DiagonalMoment(small_step_variance)),
                     Changed("at most gamma s/l for every gamma < 2/l", one_curvature, bound=DiagonalMoment(textbook_variance), relation=Relation.AT_MOST,
                             defaults={gamma: Rational(3, 2) / L}),
                     Changed("transient (1 - gamma l)^(3 k)", one_curvature, bound=DiagonalMoment(stationary_variance, power=3))),
        ),
        StabilityRegion(
            name="stationary",
            algorithm=SGD(step_size=gamma),
            assumptions=(Smooth, StronglyConvex, NoiseCovariance, Minimum),
            condition=stable,
            sweep=gamma,
            defaults={gamma: 1 / L},
            sense=Sense.MEAN_SQUARE,
            statement="a stationary law with a second moment exists",
            mutants=(Changed("stable up to 3/L", condition=And(0 < gamma, gamma < 3 / L)),
                     Changed("stable up to 2/(L + mu) only", condition=And(0 < gamma, gamma < best_step), on=flattest)),
        ),
    ),
)


still_noise = gamma * sigma**2 / (lam * (2 - gamma * lam))
at_the_minimiser = Instance("noisy", clean="quadratic", spectrum=(lam,), noise=sigma, centre=7 * R, start=(7 * R,))

false_constant_step = Theorem(
    id="false-sgd-constant-step-converges",
    title="FALSE: SGD with a small enough constant step converges to the minimiser",
    source="folklore; the stationary variance is Polyak's (1987)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=SGD(step_size=gamma), assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum),
                               condition=And(0 < gamma, gamma <= 1 / (10 * L)), defaults={gamma: 1 / (10 * L)}, law=Law.EXPECTATION,
                               metric=squared_distance, bound=(1 - gamma * mu) ** (2 * k) * (R**2 + 2 * gamma * sigma**2 / mu)),
            note="As fast as without noise, from a distance as large as the noise of several steps.",
            witness=at_the_minimiser,
            instead="sgd-sc-const-sharp",
            mutants=(Changed("from the minimiser it does not move away", bound=R**2),)),
        RateBound(
            name="floor",
            algorithm=SGD(step_size=gamma),
            assumptions=(Isotropic, BoundedVariance, Minimum),
            condition=And(0 < gamma, gamma < 2 / lam),
            defaults={gamma: 1 / (10 * lam)},
            law=Law.EXPECTATION,
            metric=squared_distance,
            bound=(1 - gamma * lam) ** (2 * k) * R**2 + still_noise * (1 - (1 - gamma * lam) ** (2 * k)),
            relation=Relation.EQUAL,
            tight=(at_the_minimiser, one_curvature),
            facts=(SymbolicIdentity("the floor is fixed", (1 - gamma * lam) ** 2 * still_noise + gamma**2 * sigma**2, still_noise),),
            mutants=(Bound((1 - gamma * lam) ** (2 * k) * (R**2 + still_noise), at_the_minimiser, name="no floor"),
                     Bound((1 - gamma * lam) ** (2 * k) * R**2 + gamma * still_noise * lam * (1 - (1 - gamma * lam) ** (2 * k)), at_the_minimiser,
                           name="a floor of order gamma^2")),
            note="At every step size the error stays as large as the noise that is never averaged out: of order gamma, from wherever one starts."),
    ),
)
