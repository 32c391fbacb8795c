"""Momentum: the forms in which heavy ball is written have the same iterates, whatever the gradients; and its tuning for quadratics serves quadratics only."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.momentum import BufferedHeavyBall, ExponentialAverage, HeavyBall, IterateAverage, StochasticHeavyBall, TwoPoints
from convlab.assumptions import BoundedVariance, Minimum, Quadratic, Smooth, StronglyConvex
from convlab.constants import Array, Number
from convlab.metrics import Case, displacement, distance_to_minimiser, squared_distance
from convlab.operations import rowwise
from convlab.problem import HasGradient
from convlab.symbols import M0, G, L, R, beta, gamma, k, lam, mu, sigma
from convlab.theorem import (
    Bound,
    Changed,
    FalseClaim,
    Identity,
    Instance,
    Law,
    Mutant,
    RateBound,
    Relation,
    Sense,
    StabilityRegion,
    StationaryVariance,
    SymbolicIdentity,
    Theorem,
    Trajectory,
)


def iterate(state: Any, case: Case) -> Array:
    """x_k."""
    return state.x


def averaged(state: Any, case: Case) -> Array:
    """z_k of the averaging form."""
    return state.z


def extrapolated(state: TwoPoints, case: Case) -> Array:
    """x_k + beta/(1 - beta) (x_k - x_{k-1})."""
    return state.x + rowwise(case[beta] / (1 - case[beta]), state.x) * (state.x - state.previous)


def extrapolated_by_beta(state: TwoPoints, case: Case) -> Array:
    """The same with beta in place of beta/(1 - beta): wrong."""
    return state.x + rowwise(case[beta], state.x) * (state.x - state.previous)


@dataclass(frozen=True)
class PushedHeavyBall:
    """Heavy ball with x_{-1} = 0 in place of x_0: wrong, it starts with a push away from 0."""

    step_size: Number
    momentum: Number

    def init(self, x0: Array, oracle: HasGradient) -> TwoPoints:
        """In motion."""
        return TwoPoints(x0, 0 * x0)

    def step(self, state: TwoPoints, oracle: HasGradient) -> TwoPoints:
        """Polyak's update."""
        return TwoPoints(*HeavyBall(self.step_size, self.momentum).step(state, oracle))


STEPS = 6           # each form is a recursion of two terms: what agrees for three updates agrees for ever


def run(algorithm: Any, read: Any = iterate) -> Trajectory:
    """The first updates of a form."""
    return Trajectory(algorithm, read, STEPS)


buffered = run(BufferedHeavyBall(gamma, beta))
kinked = Instance("huber", mu=mu, L=L, threshold=R / 3, start=R)
nonconvex = Instance("sawtooth", steps=4, gamma=3 / (2 * L), L=L, c=G, start=G / L)
linear = Instance("quadratic", spectrum=(mu, L), start=(R, 2 * R))


x, previous, g = sp.symbols("x previous g", real=True)
moved = x - gamma * g + beta * (x - previous)


def ahead(now: sp.Expr, before: sp.Expr) -> sp.Expr:
    """z, formally."""
    return now + beta / (1 - beta) * (now - before)


def form(name: str, statement: str, left: Trajectory, right: Trajectory, *mutants: Mutant, facts: tuple[SymbolicIdentity, ...] = ()) -> Identity:
    """One pair of forms, at any step; judged on gradients of three kinds, which are as good as any."""
    return Identity(name=name, statement=statement, left=left, right=right, assumptions=(Smooth,), on=(kinked, nonconvex, linear),
                    mutants=mutants, facts=facts, condition=And(0 <= beta, beta < 1), defaults={gamma: 1 / L, beta: Rational(7, 10)})


equivalent_forms = Theorem(
    id="shb-equivalent-forms",
    title="Heavy ball: Polyak's form, the buffer, the average of gradients and the average of iterates agree",
    source="Folklore; Yuan, Ying, Sayed (2016); Liu, Gao, Yin (2020)",
    claims=(
        form("polyak", "x_(k+1) = x_k - gamma g_k + beta (x_k - x_(k-1)), quad x_(-1) = x_0", buffered,
             run(HeavyBall(gamma, beta)),
             Changed("x_{-1} = 0", right=run(PushedHeavyBall(gamma, beta)))),
        form("exponential-average", "m_k = beta m_(k-1) + (1 - beta) g_k, quad x_(k+1) = x_k - gamma / (1 - beta) m_k", buffered,
             run(ExponentialAverage(gamma / (1 - beta), beta)),
             Changed("the same step", right=run(ExponentialAverage(gamma, beta)))),
        form("iterate-average", "z_(k+1) = z_k - gamma / (1 - beta) g_k, quad z_k = x_k + beta / (1 - beta) (x_k - x_(k-1))",
             run(IterateAverage(gamma, beta), averaged), run(HeavyBall(gamma, beta), extrapolated),
             Changed("beta in place of beta/(1 - beta)", right=run(HeavyBall(gamma, beta), extrapolated_by_beta)),
             facts=(SymbolicIdentity("z takes plain gradient steps", ahead(moved, x), ahead(x, previous) - gamma / (1 - beta) * g),)),
        form("average-of-z", "x_(k+1) = beta x_k + (1 - beta) z_(k+1)", buffered, run(IterateAverage(gamma, beta))),
    ),
)


# ---- the tuning for quadratics
root_L, root_mu = sp.sqrt(L), sp.sqrt(mu)
rate = (root_L - root_mu) / (root_L + root_mu)
tuned = HeavyBall(4 / (root_L + root_mu) ** 2, rate**2)
on_quadratics = (1 + (1 + rate) * k) * rate**k * R


def trapped(at_first: Any, previous: Any = None) -> Instance:
    """The three-cycle's function with knots at 4 and 8 and rational roots of mu and L, from this multiple of 4."""
    moving = {} if previous is None else {"previous": 4 * previous}
    return Instance("three_cycle", mu=Rational(4, 9), width=4, start=4 * at_first, **moving)


turns = (Rational(792, 1225), Rational(-2208, 1225), Rational(2592, 1225))      # times the width, one after the other, for ever
second, third = turns[1] / turns[0], turns[2] / turns[0]
in_turn = M0 * sp.Piecewise((1, sp.Eq(sp.Mod(k, 3), 0)), (second, sp.Eq(sp.Mod(k, 3), 1)), (third, True))
in_motion = trapped(turns[0], previous=turns[2])
middle = {"left": 25 * x, "right": 25 * x - 24}      # f' at mu = 1, width 1, below 1 and above 2


def turned(now: int, slope: sp.Expr, name: str) -> SymbolicIdentity:
    """One step of tuned heavy ball along the cycle, where f' is this straight line."""
    here, before, after = turns[now % 3], turns[(now - 1) % 3], turns[(now + 1) % 3]
    return SymbolicIdentity(name, here - slope.subs(x, here) / 9 + Rational(4, 9) * (here - before), after)


false_heavy_ball = Theorem(
    id="false-heavy-ball-strongly-convex",
    title="FALSE: heavy ball, tuned for quadratics, converges on every strongly convex smooth function",
    source="Lessard, Recht, Packard (2016); the values of the cycle are computed here",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=tuned, assumptions=(Smooth, StronglyConvex, Minimum), metric=distance_to_minimiser, bound=1000 * on_quadratics),
            note="A thousand times what holds on quadratics.",
            witness=trapped(Rational(13, 4)),
            instead="heavy-ball-quadratic",
            mutants=(Changed("converges at the rate of gradient descent", bound=1000 * ((L - mu) / (L + mu)) ** (2 * k) * R),)),
        RateBound(
            name="cycle",
            algorithm=tuned,
            assumptions=(Smooth, StronglyConvex, Minimum),
            metric=displacement,
            bound=in_turn,
            relation=Relation.EQUAL,
            on=(in_motion,),
            facts=(turned(0, middle["left"], "from 792/1225"), turned(1, middle["left"], "from -2208/1225"), turned(2, middle["right"], "from 2592/1225")),
            mutants=(Bound(M0 * (sp.Rational(99, 100)) ** k, in_motion, name="it comes to rest"),
                     Changed("with half of the momentum, too", in_motion, algorithm=HeavyBall(tuned.step_size, rate**2 / 2))),
            note="kappa = 25, from 792/1225 coming from 2592/1225 (times the width): the three values repeat for ever."),
        RateBound(
            name="basin",
            algorithm=tuned,
            assumptions=(Smooth, StronglyConvex, Minimum),
            metric=distance_to_minimiser,
            bound=R / 8,
            relation=Relation.AT_LEAST,
            on=(trapped(Rational(13, 4)),),
            mutants=(Changed("from any start", trapped(Rational(39, 10))),),
            note="From rest at 13/4 of the width the iterates tend to the cycle, and none comes near the minimiser; from 39/10 they converge to it."),
        RateBound(
            name="quadratics",
            algorithm=tuned,
            assumptions=(Quadratic, Smooth, StronglyConvex, Minimum),
            condition=mu < L,
            metric=distance_to_minimiser,
            bound=on_quadratics,
            tight=Instance("quadratic", spectrum=(mu, L), start=(0, R), at={mu: Rational(4, 9), L: Rational(49, 4)}),
            mutants=(Bound((1 + k) * rate**k * R, name="(1 + k) rho^k"),),
            note="Where the claim comes from: true of quadratics, and attained in the steepest direction, where both roots of the recursion are -rho."),
    ),
)


# ---- with noise, on a quadratic
def level(curvature: sp.Expr) -> sp.Expr:
    """The stationary E (x - x*)^2 at this curvature."""
    return gamma * sigma**2 * (1 + beta) / ((1 - beta) * curvature * (2 * (1 + beta) - gamma * curvature))


at_rest = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=0)
damped = And(0 < gamma, gamma * L < 2 * (1 + beta), beta >= 0, beta < 1)
noisy_momentum = StochasticHeavyBall(gamma, beta)

stationary_variance = Theorem(
    id="shb-quadratic-stationary-variance",
    title="Stochastic heavy ball on a quadratic: the stationary variance",
    source="Yule and Walker's equations; Mandt, Hoffman, Blei (2017) for small steps",
    claims=(
        RateBound(
            name="from-rest",
            algorithm=noisy_momentum,
            assumptions=(Smooth, StronglyConvex, BoundedVariance, Minimum),
            condition=damped,
            defaults={gamma: 1 / L, beta: Rational(1, 2)},
            law=Law.EXPECTATION,
            metric=squared_distance,
            bound=level(L),
            on=(at_rest,),
            facts=(StationaryVariance(level(lam)),
                   SymbolicIdentity("without momentum it is that of SGD", level(lam).subs(beta, 0), gamma * sigma**2 / (lam * (2 - gamma * lam)))),
            mutants=(Bound(gamma * sigma**2 / (L * (2 - gamma * L)), at_rest, name="that of SGD at the same step"),
                     Bound(Rational(99, 100) * level(L), at_rest, name="0.99 of it"),
                     Bound(gamma * sigma**2 / (2 * L * (1 - beta)), at_rest, name="its value for small steps", defaults={gamma: 3 / L, beta: Rational(4, 5)})),
            note="From the minimiser, at rest, the variance increases to it.",
        ),
        StabilityRegion(
            name="stationary",
            algorithm=noisy_momentum,
            assumptions=(Smooth, StronglyConvex, Quadratic, BoundedVariance, Minimum),
            condition=And(0 < gamma, gamma * L < 2 * (1 + beta)),
            domain=And(beta >= 0, beta < 1),
            sweep=gamma,
            defaults={gamma: 1 / L, beta: Rational(1, 2)},
            sense=Sense.MEAN_SQUARE,
            statement="a stationary law with a second moment exists iff 0 < gamma L < 2 (1 + beta)",
            mutants=(Changed("2/L is the limit, as without momentum", condition=And(0 < gamma, gamma * L < 2)),
                     Changed("2.1 (1 + beta)", condition=And(0 < gamma, gamma * L < Rational(21, 10) * (1 + beta)))),
        ),
    ),
)
