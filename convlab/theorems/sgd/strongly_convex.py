"""SGD on strongly convex functions: contraction by the gradient step, plus the noise that each step adds and later steps contract.

At a constant step the noise leaves a floor of order gamma; steps of order 1/k bring it down to order 1/k.
"""
from __future__ import annotations

import sympy as sp
from sympy import Abs, And, Eq, Max, Rational

from convlab.algorithms.sgd import SGD
from convlab.assumptions import BoundedVariance, Isotropic, Minimum, Smooth, StronglyConvex
from convlab.inequalities import descent_to_minimum, star, strong_convexity, variance, x0, x1
from convlab.metrics import squared_distance
from convlab.symbols import L, R, gamma, k, lam, mu, sigma, symbol
from convlab.theorem import (
    Bound,
    Certificate,
    Changed,
    Formula,
    Instance,
    Law,
    OneStep,
    Recursion,
    Reduces,
    Relation,
    SecondMoment,
    Step,
    SymbolicIdentity,
    Theorem,
    When,
    from_k,
    previous,
    u,
    v,
)

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


# ---- the form of the textbooks, as far as it goes
edge = (2 * L - mu) / L**2
at_the_edge = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(0, sigma), start=(0, R), when=Eq(gamma, edge))
beyond = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(0, sigma), start=(0, R))
textbook_step = (1 - gamma * mu) * u**2 + gamma**2 * sigma**2

textbook = Theorem(
    id="sgd-sc-const-textbook",
    title="SGD, strongly convex, constant step: the form of the textbooks, with its exact range of steps",
    algorithm=SGD(step_size=gamma),
    assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum),
    condition=And(0 < gamma, gamma <= edge),
    defaults={gamma: 1 / L},
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=forgotten_and_added(1 - gamma * mu, gamma**2 * sigma**2),
    source="form: Bottou, Curtis, Nocedal (2018), Theorem 4.6, for values; Gower et al. (2019). The range follows from the exact contraction",
    note="So at most (1 - gamma mu)^k R^2 + gamma sigma^2/mu. Textbooks ask for 1/L or 2/(L + mu); beyond (2 L - mu)/L^2 one step on curvature L breaks it.",
    tight=at_the_edge,
    facts=(OneStep(textbook_step, name="one short step, in mean", cases=(
               When(And(0 < gamma, gamma <= best_step),
                    ((gamma**2, spread), (gamma * (2 - gamma * (L + mu)), (v - mu * u) * u), (gamma * mu * (1 - gamma * mu), u**2))),)),
           OneStep(textbook_step, name="one long step, in mean", cases=(
               When(And(gamma >= best_step, gamma <= edge),
                    ((gamma**2, spread), (gamma * (gamma * (L + mu) - 2), (L * u - v) * u), (gamma * (2 * L - mu - gamma * L**2), u**2))),)),
           SymbolicIdentity("where curvature L contracts as much", (1 - gamma * mu) - (1 - gamma * L) ** 2, gamma * (2 * L - mu - gamma * L**2)),
           Recursion((1 - gamma * mu) * previous + gamma**2 * sigma**2, start=R**2)),
    mutants=(Bound(forgotten_and_added(1 - gamma * mu, gamma**2 * sigma**2 / 2), at_the_edge, name="half the noise"),
             Bound(forgotten_and_added((1 - gamma * mu) ** 2, gamma**2 * sigma**2), at_the_edge, name="rate (1 - gamma mu)^(2 k)"),
             Step(beyond, name="2 % beyond the range", defaults={gamma: Rational(51, 50) * edge})),
)


# ---- decreasing steps
shift = symbol("shift", meaning="how many steps later a decreasing schedule begins", domain="> 0", unit="1", typeset="s")
pace = symbol("pace", meaning="a decreasing step times mu (k + s)", domain="> 0", unit="1", typeset="theta")
planned = pace / (mu * (k + shift))
heard = pace**2 * sigma**2 / (mu**2 * (pace - 1))          # what the noise leaves, times k
settled = Max(shift * R**2, heard)
silent = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(sigma, 0), start=(0, 9 * R))
loud = Instance("noisy", clean="quadratic", spectrum=(mu,), noise=40 * sigma, start=(R / 9,))
quiet = Instance("noisy", clean="quadratic", spectrum=(mu,), noise=sigma, start=(R,))
m, C = sp.symbols("m C", positive=True)                    # k + shift, and any constant

decreasing = Theorem(
    id="sgd-sc-decreasing-last",
    title="SGD, strongly convex, steps of order 1/k: squared distance of the last iterate",
    algorithm=SGD(step_size=planned),
    assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum),
    condition=And(pace > 1, shift >= pace * L / mu),
    defaults={pace: 2, shift: pace * L / mu},
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=settled / (k + shift),
    source="Chung (1954), Nemirovski et al. (2009); for values Bottou, Curtis, Nocedal (2018), Theorem 4.7",
    note="The step is at most 1/L from the start. Of all paces 2 leaves the smallest constant of the noise, 4 sigma^2/mu^2.",
    facts=(Certificate((x1.x - star.x) ** 2, (1 - planned * mu) * (x0.x - star.x) ** 2 + planned**2 * sigma**2,
                       ((2 * planned, strong_convexity(star, x0)), (2 * planned, descent_to_minimum(x0)), (planned**2, variance(x0))),
                       ((planned / L - planned**2, x0.g),), name="one step, in mean"),
           SymbolicIdentity("induction: what is left over of C/m to C/(m + 1)", C / (m + 1) - ((1 - pace / m) * C / m + (pace - 1) * C / m**2), C / (m**2 * (m + 1))),
           SymbolicIdentity("the noise of one step is (pace - 1) of its constant", planned**2 * sigma**2, (pace - 1) * heard / (k + shift) ** 2),
           SymbolicIdentity("pace 2 is the best", sp.diff(pace**2 / (pace - 1), pace).subs(pace, 2), 0)),
    mutants=(Bound(Max(shift * R**2, sigma**2 / mu**2) / (k + shift), loud, name="a quarter of the noise"),
             Bound(heard / (k + shift), silent, name="no start"),
             Bound(Max(shift**2 * R**2, shift * heard) / (k + shift) ** 2, loud, name="1/k^2"),
             Step(quiet, name="pace 1/4", bound=Max(shift * R**2, 4 * sigma**2 / mu**2) / (k + shift), defaults={pace: Rational(1, 4), shift: 3})),
)

# ---- the step that averages
averaging = 1 / (lam * (k + 1))
started = Instance("noisy", clean="quadratic", spectrum=(lam, lam), noise=((sigma, 0), (2 * sigma, -2 * sigma)), start=(R, -8 * R))

averaging_step = Theorem(
    id="sgd-sc-averaging-step-exact",
    title="SGD with the step 1/(mu (k + 1)) on curvature mu: the last iterate is the mean of all noise",
    algorithm=SGD(step_size=averaging),
    assumptions=(Isotropic, BoundedVariance, Minimum),
    relation=Relation.EQUAL,
    law=Law.EXPECTATION,
    metric=squared_distance,
    bound=sigma**2 / (lam**2 * k),
    grid=from_k(1),
    source="folklore",
    note="x_k - x* is -1/(lambda k) times the sum of the first k noises, wherever one starts: the first step forgets the start. On other curvatures it is no identity.",
    tight=started,
    facts=(SecondMoment((1 - 1 / (k + 1)) ** 2 * u**2 + sigma**2 / (lam**2 * (k + 1) ** 2)),
           SymbolicIdentity("induction", (k / (k + 1)) ** 2 * sigma**2 / (lam**2 * k) + sigma**2 / (lam**2 * (k + 1) ** 2), sigma**2 / (lam**2 * (k + 1)))),
    mutants=(Bound(sigma**2 / (2 * lam**2 * k), started, name="half"),
             Changed("the same at most, for the step 1/(lambda (k + 2))", started, relation=Relation.AT_MOST, algorithm=SGD(1 / (lam * (k + 2)))),
             Changed("the same at most, for half the step", started, relation=Relation.AT_MOST, algorithm=SGD(averaging / 2))),
)
