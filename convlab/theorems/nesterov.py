"""Acceleration: Nesterov's methods, the optimized gradient method for a horizon known in advance, and heavy ball on quadratics.

At every horizon the bound of OGM lies below that of Nesterov's method. Heavy ball has their speed on quadratics, and only there.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy import And, Rational, sqrt

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.nesterov import Nesterov, OptimizedGradientMethod, ogm_thetas
from convlab.assumptions import Convex, Minimum, Quadratic, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.inequalities import Point, convexity, descent, star, strong_convexity, x0, x1
from convlab.metrics import Case, distance_to_minimiser, function_gap
from convlab.symbols import Delta, L, R, beta, gamma, k, lam, mu
from convlab.theorem import (
    Bound,
    Certificate,
    Changed,
    Instance,
    IterationMatrix,
    Mutant,
    OptimalOnQuadratics,
    RateBound,
    Recursion,
    Relation,
    StabilityRegion,
    StableOnQuadratics,
    SymbolicIdentity,
    Theorem,
    from_k,
    horizons,
    previous,
)

steepest = Instance("quadratic", spectrum=(L,), start=R)

# ---- Nesterov, convex
accelerated = 2 * L * R**2 / (k**2 + 5 * k + 6)
huber = Instance("huber", mu=0, L=L, threshold=4 * R / ((k + 2) * (k + 3)), start=R)
slow_for_descent = Instance("huber", mu=0, L=L, threshold=R / (2 * k + 1), start=R)
moved = (k**2 + 5 * k + 2) / 8          # how far a unit slope carries x in k steps of 1/L, in units of 1/L

convex_gap = Theorem(
    id="nesterov-convex",
    title="Nesterov's method with momentum k/(k+3), convex: gap of the last iterate",
    algorithm=Nesterov(step_size=1 / L, momentum=k / (k + 3)),
    assumptions=(Convex, Smooth, Minimum),
    metric=function_gap,
    bound=accelerated,
    grid=from_k(1),
    source="Nesterov (1983); exact constant Taylor, Hendrickx, Glineur (2017)",
    tight=huber,
    facts=(SymbolicIdentity("Huber, linear for k steps, attains the bound", L * R**2 / (2 * (2 * moved + 1)), accelerated),),
    mutants=(Bound(2 * L * R**2 / (k**2 + 5 * k + 7), huber), Bound(2 * L * R**2 / k**3, huber),
             Changed("step 1.45/L", steepest, algorithm=Nesterov(Rational(29, 20) / L, k / (k + 3))),
             Changed("gradient descent is as good", slow_for_descent, algorithm=GradientDescent(1 / L)),
             Changed("momentum of the wrong sign", huber, algorithm=Nesterov(1 / L, -k / (k + 3)))),
)


# ---- Nesterov, strongly convex
slowness = sqrt(mu / L)                         # 1/sqrt(kappa)
constant_momentum = (sqrt(L) - sqrt(mu)) / (sqrt(L) + sqrt(mu))
y0, y1 = Point("y", 0), Point("y", 1)


def energy(x: Point, y: Point) -> sp.Expr:
    """f(x) - f* + mu/2 |z - x*|^2, where z = y + sqrt(kappa) (y - x) lies beyond the extrapolated point."""
    return x.f - star.f + mu / 2 * (y.x + (y.x - x.x) / slowness - star.x) ** 2


flattest_of_two = Instance("quadratic", spectrum=(mu, L), start=(R, 0), at={L: 100, mu: 1})

strongly_convex_gap = Theorem(
    id="nesterov-strongly-convex",
    title="Nesterov's method with constant momentum, strongly convex: gap",
    algorithm=Nesterov(step_size=1 / L, momentum=constant_momentum),
    assumptions=(Smooth, StronglyConvex, Minimum),
    metric=function_gap,
    bound=(1 - slowness) ** k * (Delta + mu * R**2 / 2),
    source="Nesterov (2018), section 2.2; d'Aspremont, Scieur, Taylor (2021)",
    note="The energy f(x_k) - f* + mu/2 |z_k - x*|^2 falls by this factor at each step; the gap itself may grow. The bound is not attained.",
    facts=(Certificate(energy(x1, y1), (1 - slowness) * energy(x0, y0),
                       ((1 - slowness, convexity(x0, y0)), (slowness, strong_convexity(star, y0)), (1, descent(x1, y0))),
                       ((mu * (1 - slowness) / (2 * slowness), y0.x - x0.x),), name="the energy falls at each step"),
           Certificate(x0.f - star.f, energy(x0, y0), (), ((mu / 2, y0.x + (y0.x - x0.x) / slowness - star.x),), steps=0, name="the gap is a part of it"),
           Recursion((1 - slowness) * previous, start=Delta + mu * R**2 / 2)),
    mutants=(Bound((1 - slowness) ** k * (Delta + mu * R**2 / 2) / 2, flattest_of_two, name="half"),
             Bound((1 - slowness) ** (2 * k) * Delta, flattest_of_two, name="the square of the rate"),
             Bound(2 * (1 - 2 * slowness) ** k * Delta, flattest_of_two, name="twice the speed"),
             Changed("step 1.8/L", steepest, algorithm=Nesterov(Rational(9, 5) / L, constant_momentum)),
             Changed("plain gradient descent is as fast", flattest_of_two, algorithm=GradientDescent(1 / L))),
)


# ---- the optimized gradient method
def ogm_gap(factor: float = 1, shift: float = 0) -> Callable[[int, Case, Mapping[str, Array]], Array]:
    """factor L R^2/(2 (theta_K + shift)^2), theta_K from the recursion."""
    def bound(horizon: int, case: Case, record: Mapping[str, Array]) -> Array:
        return factor * case[L] * case[R] ** 2 / (2 * (ogm_thetas(horizon)[-1] + shift) ** 2)

    return bound


def without_last_theta(coefficients: Callable[[int], Any]) -> Callable[[int], Any]:
    """Coefficients in which the last theta obeys the same recursion as the others."""
    return lambda horizon: coefficients(horizon + 1)[:horizon]


th = sp.Symbol("theta_i", positive=True)


def quadratic_in(theta: sp.Expr) -> sp.Expr:
    """theta^2 - theta."""
    return theta**2 - theta


ogm = OptimizedGradientMethod(step_size=1 / L)
flat = Instance("huber", mu=0, L=L, threshold=R / 40, start=R)

ogm_convex = Theorem(
    id="ogm-convex",
    title="Optimized gradient method, convex: gap at a horizon fixed in advance",
    algorithm=ogm,
    assumptions=(Convex, Smooth, Minimum),
    metric=function_gap,
    bound=ogm_gap(),
    statement="(L R^2) / (2 theta_K^2)",
    grid=horizons(1, 2, 5, 10, 50),
    source="Drori, Teboulle (2014); Kim, Fessler (2016)",
    tight=steepest,
    facts=(SymbolicIdentity("the last theta solves t^2 - t = 2 theta^2", quadratic_in((1 + sqrt(1 + 8 * th**2)) / 2), 2 * th**2),
           SymbolicIdentity("the others solve t^2 - t = theta^2", quadratic_in((1 + sqrt(1 + 4 * th**2)) / 2), th**2)),
    mutants=(Bound(ogm_gap(factor=0.99), steepest, name="0.99 of it"), Bound(ogm_gap(shift=1), steepest, name="theta_K + 1"),
             Changed("the last theta from the ordinary recursion", steepest,
                     algorithm=OptimizedGradientMethod(1 / L, without_last_theta(ogm.momentum), without_last_theta(ogm.correction))),
             Changed("the correction forgotten", flat, algorithm=OptimizedGradientMethod(1 / L, correction=0))),
)

# ---- heavy ball on quadratics
r = (sqrt(L) - sqrt(mu)) / (sqrt(L) + sqrt(mu))
polyak = HeavyBall(step_size=4 / (sqrt(L) + sqrt(mu)) ** 2, momentum=r**2)
squares = {L: 100, mu: 4}               # L mu is a square, so the pair is rational
flattest_start = Instance("quadratic", spectrum=(mu, L), start=(R, 0), at=squares)
steepest_start = Instance("quadratic", spectrum=(mu, L), start=(0, R), at=squares)
quadratic = (Quadratic, StronglyConvex, Smooth, Minimum)


def double_root(z: sp.Expr) -> sp.Expr:
    """What Polyak's pair makes of the start 1 where z is a double root of z^2 - (1 + beta - gamma lam) z + beta: z = r at mu, -r at L."""
    return (1 + k * (1 - z)) * z**k


def from_an_end(name: str, eigenvalue: sp.Expr, sign: int, start: Instance, *mutants: Mutant) -> RateBound:
    """Polyak's pair from an eigenvector of one end of the spectrum: the distance is known exactly."""
    z = sp.Symbol("z", nonzero=True)
    return RateBound(
        name=name, algorithm=polyak, assumptions=quadratic, metric=distance_to_minimiser, relation=Relation.EQUAL,
        bound=(1 + k * (1 - sign * r)) * r**k * R, on=(start,), tight=start, mutants=mutants,
        facts=(SymbolicIdentity("a double root", 1 + r**2 - polyak.step_size * eigenvalue, 2 * sign * r),
               SymbolicIdentity("its solution obeys the recursion",
                                double_root(z).subs(k, k + 2), 2 * z * double_root(z).subs(k, k + 1) - z**2 * double_root(z))))


heavy_ball = Theorem(
    id="heavy-ball-quadratic",
    also=("heavy-ball-stability-region",),
    title="Heavy ball on quadratics: where it converges, and how fast with Polyak's pair",
    source="Polyak (1964)",
    claims=(
        StabilityRegion(
            algorithm=HeavyBall(step_size=gamma, momentum=beta),
            condition=And(0 < gamma, gamma * L < 2 * (1 + beta)),
            sweep=gamma,
            domain=And(0 <= beta, beta < 1),
            defaults={beta: Rational(3, 5), gamma: 1 / L},
            assumptions=quadratic,
            statement="0 < gamma L < 2 (1 + beta)",
            facts=(IterationMatrix(sp.Matrix([[1 + beta - gamma * lam, -beta], [1, 0]])),
                   StableOnQuadratics(And(0 < gamma * lam, gamma * lam < 2 * (1 + beta))),
                   OptimalOnQuadratics({gamma: polyak.step_size, beta: polyak.momentum}, r),
                   SymbolicIdentity("Polyak's pair: both roots have modulus sqrt(beta) from mu to L, where this discriminant is <= 0",
                                    (1 + r**2 - polyak.step_size * lam) ** 2 - 4 * r**2, polyak.step_size**2 * (lam - mu) * (lam - L))),
            mutants=(Changed("stable beyond 2 (1 + beta)", condition=And(0 < gamma, gamma * L < Rational(101, 50) * (1 + beta))),
                     Changed("2/L is the limit, as without momentum", condition=And(0 < gamma, gamma * L < 2)),
                     Changed("momentum of the wrong sign", algorithm=HeavyBall(gamma, -beta)))),
        from_an_end("from-flattest", mu, 1, flattest_start,
                    Bound(r**k * R, name="the factor of k forgotten", relation=Relation.AT_MOST),
                    Bound(9 * r ** (2 * k) * R, name="9 beta^k", relation=Relation.AT_MOST)),
        from_an_end("from-steepest", L, -1, steepest_start,
                    Bound(2 * r**k * R, name="Chebyshev's bound", relation=Relation.AT_MOST)),
    ),
)
