"""SGD at a constant step on strongly convex functions: contraction by the gradient step, plus the noise that each step adds and later steps contract."""
from __future__ import annotations

from sympy import Abs, And, Max, Rational

from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, Minimum, Smooth, StronglyConvex
from convlab.metrics import squared_distance
from convlab.symbols import L, R, gamma, k, lam, mu, sigma
from convlab.theorem import Bound, Formula, Instance, Law, OneStep, Recursion, Reduces, SecondMoment, Step, SymbolicIdentity, Theorem, When, previous, u, v

stable = And(0 < gamma, gamma < 2 / L)

best_step = 2 / (L + mu)
factor = Max(Abs(1 - gamma * mu), Abs(1 - gamma * L))
spread = (v - mu * u) * (L * u - v)       # >= 0, as are both of its factors times u


def forgotten_and_added(contraction: Formula, added: Formula) -> Formula:
    """The k-th value of d -> contraction d + added, from R^2."""
    return contraction**k * R**2 + added * (1 - contraction**k) / (1 - contraction)


flattest = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(sigma, 0), start=(R, 0), when=gamma <= best_step)
steepest = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(0, sigma), start=(0, R), when=gamma >= best_step)

strongly_convex = Theorem(
    id="sgd-sc-const-sharp",
    title="SGD, strongly convex, constant step: squared distance",
    algorithm=SGD(step_size=gamma),
    assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=forgotten_and_added(factor**2, gamma**2 * sigma**2),
    source="contraction: Polyak (1987), Taylor, Hendrickx, Glineur (2018); the noise is orthogonal to it in mean",
    tight=(flattest, steepest),
    facts=(OneStep((1 - gamma * mu) ** 2 * u**2 + gamma**2 * sigma**2, name="one short step, in mean", cases=(
               When(And(0 < gamma, gamma <= best_step), ((gamma**2, spread), (gamma * (2 - gamma * (L + mu)), (v - mu * u) * u))),)),
           OneStep((1 - gamma * L) ** 2 * u**2 + gamma**2 * sigma**2, name="one long step, in mean", cases=(
               When(gamma >= best_step, ((gamma**2, spread), (gamma * (gamma * (L + mu) - 2), (L * u - v) * u))),)),
           SecondMoment((1 - gamma * lam) ** 2 * u**2 + gamma**2 * sigma**2),
           SymbolicIdentity("the two contractions meet at 2/(L + mu)", (1 - gamma * mu).subs(gamma, best_step), (gamma * L - 1).subs(gamma, best_step)),
           SymbolicIdentity("the floor of a short step", gamma**2 * sigma**2 / (1 - (1 - gamma * mu) ** 2), gamma * sigma**2 / (mu * (2 - gamma * mu))),
           Recursion(factor**2 * previous + gamma**2 * sigma**2, start=R**2),
           Reduces({sigma: 0}, "gd-strongly-convex-distance", power=2)),
    mutants=(Bound(forgotten_and_added(factor**2, gamma**2 * sigma**2 / 2), flattest, name="half the noise"),
             Bound(forgotten_and_added(factor**3, gamma**2 * sigma**2), flattest, name="rate rho^(3k)"),
             Bound(forgotten_and_added((1 - gamma * mu) ** 2, gamma**2 * sigma**2), steepest, name="the short step's rate beyond 2/(L + mu)",
                   defaults={gamma: Rational(9, 5) / L}),
             Step(steepest, name="at gamma = 41/(20 L)", bound=R**2 + gamma * sigma**2 / mu, defaults={gamma: Rational(41, 20) / L})),
)
