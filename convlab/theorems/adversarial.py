"""Games: simultaneous gradient descent-ascent turns in each singular plane of a bilinear game, and every turn leads outwards, at every step size.

Curvature mu on both sides pulls inwards: then steps below 2 mu/L^2 converge, at a rate that the plane mu - i s attains. Attacks on linear models along
signs of gradients find the worst perturbation, where there is a gradient.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.adversarial import Extragradient, OptimisticGDA, SignPGD, SimultaneousGDA
from convlab.assumptions import Bilinear, ConstrainedMinimum, LipschitzOperator, MarginAttack, OneCoupling, SaddlePoint, StronglyMonotone
from convlab.constants import Array
from convlab.inequalities import lipschitz, monotonicity, star, x0, x1
from convlab.metrics import Case, function_gap, metric, squared_distance
from convlab.operations import minimum, rowwise, sqrt
from convlab.symbols import M0, Delta, G, L, R, a, coupling, diameter, gamma, k, mu
from convlab.theorem import (
    Bound,
    Certificate,
    Changed,
    FalseClaim,
    Instance,
    RateBound,
    Recursion,
    Reduces,
    Relation,
    StabilityRegion,
    Step,
    SymbolicIdentity,
    Theorem,
    previous,
)

x, y = sp.symbols("x y", real=True)
growth = 1 + gamma**2 * coupling**2
plane = Instance("bilinear", coupling=coupling, start=(R, -2 * R))
two_planes = Instance("bilinear", matrix=((coupling, 0), (0, 7 * coupling)), start=(R, -2 * R, 5 * R, R / 3))


def resolution_of_planes(state: Any, case: Case, s: Array) -> Array:
    """Each step rounds every plane at the size of the whole point, s, which grows by g = sqrt(1 + (gamma L)^2): together s/(1 - 1/g)."""
    turn = case[gamma] * case[L]
    g = sqrt(1 + turn * turn + 0 * s)
    moved = rowwise(s * g * (g + 1) / (turn * turn), plane_lengths(state, case))
    return moved * (2 * sqrt(plane_lengths(state, case)) + moved)


@metric("norm(P_i (z_k - z^*))^2", "x^2", resolution_of_planes)
def plane_lengths(state: Any, case: Case) -> Array:
    """Squared length of z - z* in every singular plane."""
    return case.problem.planes(state[0])


def squared_turns(case: Case, like: Array) -> Array:
    """(gamma s_i)^2, s_i the singular values: as many rows as the step sizes of the case."""
    turns = rowwise(case[gamma], like) * case.problem.singular_values
    return turns * turns


def grown(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
    """(1 + (gamma s_i)^2)^k times the squared lengths at the start."""
    return grown_by(1 + squared_turns(case, record["M0"]), updates, record["M0"])


def grown_by(factor: Array, updates: int, start: Array) -> Array:
    """factor^k start, half of the power on either side of the start: nothing overflows that the result does not."""
    half = updates // 2
    return factor ** half * start * factor ** (updates - half)


def grown_at_the_mean(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
    """The same with the mean of the (gamma s_i)^2 in place of each plane's own."""
    turns = squared_turns(case, record["M0"])
    mean = turns.sum(axis=-1)[..., None] / turns.shape[-1]
    return grown_by(1 + mean, updates, record["M0"])


def grown_unsquared(updates: int, case: Case, record: Mapping[str, Array]) -> Array:
    """A mutant: gamma s_i in place of its square."""
    return grown_by(1 + rowwise(case[gamma], record["M0"]) * case.problem.singular_values, updates, record["M0"])


gda_bilinear_diverges = Theorem(
    id="gda-bilinear-diverges",
    title="Simultaneous gradient descent-ascent on bilinear games: the exact divergence",
    source="Daskalakis, Ilyas, Syrgkanis, Zeng (2018); Gidel et al. (2019); folklore",
    claims=(
        RateBound(
            name="one-coupling",
            algorithm=SimultaneousGDA(step_size=gamma),
            assumptions=(Bilinear, OneCoupling, SaddlePoint),
            condition=gamma > 0,
            defaults={gamma: 3 / (4 * coupling)},
            metric=squared_distance,
            bound=growth**k * R**2,
            relation=Relation.EQUAL,
            tight=plane,
            facts=(SymbolicIdentity("one turn", (x - a * y) ** 2 + (y + a * x) ** 2, (1 + a**2) * (x**2 + y**2)), Recursion(growth * previous, start=R**2)),
            mutants=(Bound(M0, plane, name="a small step converges", relation=Relation.AT_MOST, defaults={gamma: 1 / (1000 * coupling)}),
                     Bound((1 + gamma**2 * coupling**2 / 2) ** k * R**2, plane),
                     Bound(growth ** (k / 2) * R**2, plane, name="the factor of the norm for its square"),
                     Bound(R**2, plane, name="the iterates circulate")),
            note="Whatever the step, no iterate comes nearer than z_0.",
        ),
        RateBound(
            name="every-plane",
            algorithm=SimultaneousGDA(step_size=gamma),
            assumptions=(Bilinear, LipschitzOperator, SaddlePoint),
            condition=gamma > 0,
            defaults={gamma: 1 / (2 * L)},
            metric=plane_lengths,
            bound=grown,
            relation=Relation.EQUAL,
            statement="norm(P_i (z_k - z^*))^2 = (1 + gamma^2 s_i^2)^k norm(P_i (z_0 - z^*))^2",
            tight=plane,
            mutants=(Changed("one factor for all planes, at the mean of s_i^2", bound=grown_at_the_mean, on=two_planes),
                     Changed("gamma s for its square", bound=grown_unsquared, on=plane)),
            note="P_i projects on the singular plane of s_i; in a plane with s_i = 0 nothing moves.",
        ),
    ),
)

# ---- small and decreasing steps do not help
never_farther = RateBound(algorithm=SimultaneousGDA(step_size=gamma), assumptions=(Bilinear, OneCoupling, SaddlePoint), condition=gamma > 0,
                          defaults={gamma: 1 / (10 * coupling)}, metric=squared_distance, bound=M0)

false_gda_bilinear_converges = Theorem(
    id="false-gda-bilinear-converges",
    title="FALSE: simultaneous gradient descent-ascent approaches the saddle of a bilinear game for small or decreasing steps",
    source="folklore; with steps 1/(k + 1) the squared distance grows by the product of 1 + s^2/(k + 1)^2, which for s = 1 tends to sinh(pi)/pi",
    claims=(
        FalseClaim(asserted=never_farther, witness=plane, instead="gda-bilinear-diverges", name="small-steps",
                   facts=(SymbolicIdentity("a step turns, and stretches by 1 + gamma^2 s^2", (x - gamma * coupling * y) ** 2 + (y + gamma * coupling * x) ** 2,
                                           (1 + gamma**2 * coupling**2) * (x**2 + y**2)),),
                   mutants=(Changed("at gamma s = 1/1000", defaults={gamma: 1 / (1000 * coupling)}), Changed("at gamma s = 1", defaults={gamma: 1 / coupling}))),
        FalseClaim(asserted=replace(never_farther, algorithm=SimultaneousGDA(step_size=gamma / (k + 1))), witness=plane, instead="gda-bilinear-diverges",
                   name="decreasing-steps", mutants=(Changed("at gamma s = 1", defaults={gamma: 1 / coupling}),)),
    ),
)

# ---- strongly monotone
contraction = 1 - 2 * gamma * mu + gamma**2 * L**2
best = mu / L**2


def spiral(pull: Fraction, turn: Fraction, lipschitz: Fraction) -> Instance:
    """The plane mu - i s, the three constants being a right triangle: L^2 = mu^2 + s^2."""
    return Instance("strongly-monotone-saddle", spectrum=coupling, mu=mu, start=(R, -2 * R), at={mu: pull, coupling: turn, L: lipschitz})


pulled = spiral(Fraction(5, 4), Fraction(5, 3), Fraction(25, 12))
hardly_pulled = spiral(Fraction(9, 8), Fraction(5), Fraction(41, 8))

gda_strongly_monotone = Theorem(
    id="gda-strongly-monotone",
    title="Simultaneous gradient descent-ascent, strongly monotone: squared distance",
    algorithm=SimultaneousGDA(step_size=gamma),
    assumptions=(StronglyMonotone, LipschitzOperator, SaddlePoint),
    condition=And(gamma > 0, gamma < 2 * mu / L**2),
    defaults={gamma: best},
    metric=squared_distance,
    bound=contraction**k * R**2,
    source="Facchinei, Pang (2003)",
    tight=pulled,
    facts=(SymbolicIdentity("one step in the plane mu - i s", (x - gamma * (mu * x + coupling * y)) ** 2 + (y - gamma * (mu * y - coupling * x)) ** 2,
                            (1 - 2 * gamma * mu + gamma**2 * (mu**2 + coupling**2)) * (x**2 + y**2)),
           SymbolicIdentity("the best step", contraction.subs(gamma, best), 1 - mu**2 / L**2),
           SymbolicIdentity("the edge of the condition", contraction.subs(gamma, 2 * best), 1),
           Certificate((x1.x - star.x) ** 2, contraction * (x0.x - star.x) ** 2, ((2 * gamma, monotonicity(x0, star)), (gamma**2, lipschitz(x0, star))),
                       name="one step, by strong monotonicity and Lipschitz continuity"),
           Recursion(contraction * previous, start=R**2),
           Reduces({L: mu}, "gd-strongly-convex-distance", power=2, other={L: mu})),
    mutants=(Bound((1 - 2 * gamma * mu) ** k * R**2, pulled),
             Step(pulled, bound=M0, defaults={gamma: Rational(22, 10) * best}),
             Bound((1 - mu / L) ** (2 * k) * R**2, pulled, name="the rate of gradient descent"),
             Step(hardly_pulled, bound=M0, defaults={gamma: 1 / L}, name="step 1/L converges"),
             Bound((Rational(9, 10) * contraction) ** k * R**2, pulled)),
)


# ---- attacks on linear models
def still_to_gain(rounds: int, case: Case, record: Mapping[str, Array]) -> Array:
    """loss(m - D G/2) - loss(m - min(k gamma, D/2) G), m the margin of the unmoved input."""
    radius, first = case[diameter] / 2, record["M0"]
    moved = minimum(rounds * case[gamma] + 0 * first, radius)
    problem = case.problem
    m = problem.margin(0 * problem.model[None])
    return problem.loss(m - radius * case[G]) - problem.loss(m - moved * case[G])


def attacked(model: tuple[Any, ...], input: tuple[Any, ...], side: Any, **loss: Any) -> Instance:
    """A linear model at an input that may be moved within a cube of this side."""
    return Instance("linear_attack", model=model, input=input, radius=diameter / 2, at={diameter: side}, **loss)


above_one = attacked((3,), (Rational(2, 5),), Rational(1, 3))             # margin 6/5, which the cube brings down by 1/2
below_one = attacked((3, -2), (Rational(1, 5), Rational(1, 10)), Rational(3, 2))
logistic = attacked((3, Rational(-1, 2), 7), (2, 1, Rational(1, 3)), Rational(5, 2), label=-1, loss="logistic")
attack: dict[str, Any] = {"algorithm": SignPGD(gamma), "assumptions": (MarginAttack, ConstrainedMinimum), "condition": And(gamma > 0, gamma <= diameter / 2),
                          "defaults": {gamma: diameter / 8}, "metric": function_gap}

false_fgsm = Theorem(
    id="false-fgsm-exact-for-hinge",
    title="FALSE: FGSM and PGD find the worst perturbation of a linear model under the hinge loss",
    source="derived here; for losses with a slope: Goodfellow, Shlens, Szegedy (2015)",
    claims=(
        FalseClaim(
            asserted=RateBound(**attack, bound=G * sp.Max(0, diameter / 2 - k * gamma)),
            note="A step of D/2 is FGSM.",
            witness=above_one,
            mutants=(Changed("half of the loss is found", bound=Delta / 2 + G * sp.Max(0, diameter / 2 - k * gamma)),)),
        RateBound(
            name="at-rest",
            **attack,
            bound=Delta,
            relation=Relation.EQUAL,
            on=(above_one,),
            facts=(SymbolicIdentity("the corner has margin 6/5 - 3/6 and the loss 3/10", 1 - (Rational(6, 5) - 3 * Rational(1, 3) / 2), Rational(3, 10)),),
            mutants=(Bound(Delta / 2, above_one, name="half of it"), Changed("below margin 1, too", below_one)),
            note="Margin 6/5, radius 1/2 in units of the margin: the gradient is 0 and nothing moves, while the loss could be 3/10."),
        RateBound(
            name="with-a-slope",
            **attack,
            bound=still_to_gain,
            relation=Relation.EQUAL,
            statement='"loss"(m - D/2 G) - "loss"(m - min(k gamma, D/2) G), quad m = b chevron.l a, w chevron.r',
            on=(below_one, logistic),
            mutants=(Changed("above margin 1, too", above_one), Changed("steps half as long do as well", below_one, algorithm=SignPGD(gamma / 2))),
            note="Logistic loss, or a hinge below margin 1: every step of gamma lowers the margin by gamma G, until the corner is reached."),
    ),
)

# ---- looking ahead, and looking back: both turn inwards on bilinear games
turned = gamma * coupling
eg_factor = 1 - turned**2 + turned**4
pulled_by, turned_by = gamma * mu, gamma**2 * (L**2 - mu**2)          # q = gamma mu and a^2 = (gamma s)^2 in the plane mu - i s, where L^2 = mu^2 + s^2
spiral_factor = (1 - pulled_by + pulled_by**2 - turned_by) ** 2 + turned_by * (1 - 2 * pulled_by) ** 2
one_coupling = (Bilinear, OneCoupling, SaddlePoint)
q_, a_ = sp.symbols("q a", real=True)
lookahead = 1 - (q_ + sp.I * a_) + (q_ + sp.I * a_) ** 2              # what a step multiplies by, on F(z) = (mu + i s) z

extragradient_rotation = Theorem(
    id="extragradient-rotation-exact",
    title="Extragradient on rotations: the exact factor, and the steps that converge",
    source="Korpelevich (1976); Mokhtari, Ozdaglar, Pattathil (2020) for context",
    claims=(
        RateBound(
            name="bilinear",
            algorithm=Extragradient(step_size=gamma),
            assumptions=one_coupling,
            condition=gamma > 0,
            defaults={gamma: 2 / (3 * coupling)},
            metric=squared_distance,
            bound=eg_factor**k * R**2,
            relation=Relation.EQUAL,
            tight=plane,
            facts=(SymbolicIdentity("one step", sp.expand(lookahead.subs(q_, 0) * sp.conjugate(lookahead.subs(q_, 0))), 1 - a_**2 + a_**4),
                   SymbolicIdentity("the best factor is 3/4, at a^2 = 1/2", 1 - a_**2 + a_**4, (a_**2 - Rational(1, 2)) ** 2 + Rational(3, 4)),
                   Recursion(eg_factor * previous, start=R**2)),
            mutants=(Bound((1 - turned**2) ** k * R**2, plane, name="factor 1 - a^2"),
                     Bound(2**-k * R**2, plane, name="best factor 1/2", relation=Relation.AT_MOST, defaults={gamma: 7 / (10 * coupling)}),
                     Bound((1 + turned**2) ** -k * R**2, plane, name="as fast as the implicit step", relation=Relation.AT_MOST),
                     Step(plane, name="a = 21/20 contracts", bound=M0, relation=Relation.AT_MOST, defaults={gamma: 21 / (20 * coupling)})),
        ),
        RateBound(
            name="pulled",
            algorithm=Extragradient(step_size=gamma),
            assumptions=(StronglyMonotone, LipschitzOperator, SaddlePoint),
            condition=gamma > 0,
            defaults={gamma: 1 / (2 * L)},
            metric=squared_distance,
            bound=spiral_factor**k * R**2,
            relation=Relation.EQUAL,
            on=(pulled, hardly_pulled),
            tight=pulled,
            facts=(SymbolicIdentity("one step in the plane", sp.expand(lookahead * sp.conjugate(lookahead)), (1 - q_ + q_**2 - a_**2) ** 2 + a_**2 * (1 - 2 * q_) ** 2),
                   Recursion(spiral_factor * previous, start=R**2)),
            mutants=(Bound(contraction**k * R**2, pulled, name="the factor of simultaneous steps"),),
            note="In one singular plane, where L^2 = mu^2 + s^2.",
        ),
        StabilityRegion(
            name="range",
            algorithm=Extragradient(step_size=gamma),
            assumptions=one_coupling,
            condition=And(0 < gamma, turned < 1),
            sweep=gamma,
            domain=gamma > 0,
            defaults={gamma: 1 / (2 * coupling)},
            statement="0 < gamma s < 1",
            mutants=(Changed("up to 21/20", plane, condition=And(0 < gamma, turned < Rational(21, 20))),
                     Changed("only up to 1/sqrt(3), as optimistic steps", plane, condition=And(0 < gamma, 3 * turned**2 < 1))),
        ),
    ),
)

root = ((1 - 2 * sp.I * a_) + sp.sqrt(1 - 4 * a_**2)) / 2
half_turn = OptimisticGDA(step_size=1 / (2 * coupling))

optimistic_bilinear = Theorem(
    id="optimistic-gda-bilinear-exact",
    title="Optimistic gradient descent-ascent on bilinear games: the steps that converge, and the best of them exactly",
    source="Daskalakis, Ilyas, Syrgkanis, Zeng (2018); Liang, Stokes (2019) for the range; the closed form is derived here",
    claims=(
        StabilityRegion(
            name="range",
            algorithm=OptimisticGDA(step_size=gamma),
            assumptions=one_coupling,
            condition=And(0 < gamma, 3 * turned**2 < 1),
            sweep=gamma,
            domain=gamma > 0,
            defaults={gamma: 1 / (2 * coupling)},
            statement="0 < gamma s < 1 / sqrt(3)",
            facts=(SymbolicIdentity("the roots of a turn by a", sp.expand(root**2 - (1 - 2 * sp.I * a_) * root - sp.I * a_), 0),
                   SymbolicIdentity("the edge, where a root has modulus 1", (Rational(1, 4) + (a_ + sp.sqrt(4 * a_**2 - 1) / 2) ** 2).subs(a_, 1 / sp.sqrt(3)), 1)),
            mutants=(Changed("up to 3/5", plane, condition=And(0 < gamma, turned < Rational(3, 5))),
                     Changed("the range of extragradient", plane, condition=And(0 < gamma, turned < 1))),
        ),
        RateBound(
            name="best-step",
            algorithm=half_turn,
            assumptions=one_coupling,
            metric=squared_distance,
            bound=(1 + k + k**2 / 2) * R**2 / 2**k,
            relation=Relation.EQUAL,
            tight=plane,
            facts=(SymbolicIdentity("a double root at a = 1/2", root.subs(a_, Rational(1, 2)), (1 - sp.I) / 2),
                   SymbolicIdentity("z_k = (1 + k (1 + i)/2) ((1 - i)/2)^k z_0", sp.expand((1 + k / 2) ** 2 + k**2 / 4), 1 + k + k**2 / 2)),
            mutants=(Bound(R**2 / 2**k, plane, name="the factor of k forgotten", relation=Relation.AT_MOST),
                     Bound((1 + k + k**2 / 2) * R**2 / 4**k, plane, name="best factor 1/4", relation=Relation.AT_MOST),
                     Changed("without memory", plane, algorithm=SimultaneousGDA(1 / (2 * coupling)))),
            note="gamma s = 1/2: the smallest spectral radius, 1/sqrt(2).",
        ),
    ),
)
