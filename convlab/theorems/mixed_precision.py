"""Mixed precision: stochastic rounding of the weights costs a floor of d delta^2/4 a step, and a dynamic loss scale only skips a bounded number of steps.

Three remedies that are none: a smaller step against stagnation, exact weights beside rounded ones, and a rate for distances read off that for values.
"""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Abs, And, Eq, Max, Min, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.mixed_precision import DynamicLossScaling, InexactGD, LowPrecisionSGD, MasterWeights, NearestRoundingGD
from convlab.assumptions import BoundedGradients, BoundedVariance, FixedPointGrid, InexactGradients, Isotropic, LossScaling, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, distance_to_minimiser, function_gap, metric, squared_distance
from convlab.symbols import M0, Delta, G, L, R, d, gamma, grid, k, lam, mu, overflow, patience, relative_error, scale0, sigma
from convlab.theorem import Bound, Changed, FalseClaim, Instance, Law, RateBound, Relation, Series, Step, SymbolicIdentity, Theorem

# ---- weights on a grid
contraction = Max(Abs(1 - gamma * mu), Abs(1 - gamma * L))
noise_floor, rounding_floor = gamma**2 * sigma**2, d * grid**2 / 4


def approach(per_step: sp.Expr) -> sp.Expr:
    """r_k of r -> contraction^2 r + per_step from R^2."""
    return contraction ** (2 * k) * R**2 + per_step * (1 - contraction ** (2 * k)) / (1 - contraction**2)


r, per_step, low, high, between, up = sp.symbols("r D l h x p", positive=True)
fixed_point = per_step / (1 - contraction**2)
midway = Instance("grid-weights", spectrum=(L,), spacing=grid, centre=grid / 2, noise=3 * grid * L, cells=5, when=Eq(gamma, 1 / L))
midway_in_the_plane = Instance("grid-weights", spectrum=(L, L), spacing=grid, centre=grid / 2, noise=(3 * grid * L, -4 * grid * L), cells=(5, -7),
                               when=Eq(gamma, 1 / L))
short_step = {gamma: 1 / (10 * L)}
to_a_midpoint = Instance("grid-weights", spectrum=(L,), spacing=grid, cells=5)      # 9/10 of 5 cells is 4.5 cells

sgd_low_precision_weights = Theorem(
    id="sgd-low-precision-weights",
    title="SGD with weights on a grid, stochastic rounding, strongly convex: squared distance",
    algorithm=LowPrecisionSGD(step_size=gamma, spacing=grid),
    assumptions=(StronglyConvex, Smooth, BoundedVariance, Minimum, FixedPointGrid),
    condition=And(gamma > 0, gamma < 2 / L),
    defaults={gamma: 1 / L},
    metric=squared_distance,
    law=Law.EXPECTATION,
    bound=approach(noise_floor + rounding_floor),
    source="Li, De, Xu, Studer, Samet, Goldstein (2017) in spirit; this form and its constant follow from the two moments of stochastic rounding",
    tight=(midway, midway_in_the_plane),
    facts=(SymbolicIdentity("the floor is the fixed point of one step", contraction**2 * fixed_point + per_step, fixed_point),
           SymbolicIdentity("rounding is unbiased", (low * (1 - up) + high * up).subs(up, (between - low) / (high - low)), between),
           SymbolicIdentity("variance of rounding", ((low - between) ** 2 * (1 - up) + (high - between) ** 2 * up).subs(up, (between - low) / (high - low)),
                            (between - low) * (high - between)),
           SymbolicIdentity("it is largest midway", (between - low) * (high - between), (high - low) ** 2 / 4 - (between - (low + high) / 2) ** 2)),
    mutants=(Bound(approach(noise_floor + rounding_floor / 2), midway, name="floor delta^2/8"),
             Bound(approach(noise_floor), midway, name="no floor"),
             Bound(approach(noise_floor + gamma * L * rounding_floor), to_a_midpoint, name="rounding noise multiplied by the step", defaults=short_step),
             Bound(approach(noise_floor + grid**2 / 4), midway_in_the_plane, name="dimension omitted")),
    note="Also attained at k = 1 from one cell off a minimiser on the grid, at gamma = 1/(2 L). For gamma -> 0 the bound grows like 1/gamma; the truth does not.",
)

# ---- the loss scale
scaling = DynamicLossScaling(step_size=0, patience=patience, overflow=overflow, first_scale=scale0)     # the point plays no role: nothing moves it
skips = sp.Symbol("skips", integer=True, nonnegative=True)


@metric("s_k", "1", needs_minimiser=False)
def loss_scale(state: Any, case: Case) -> Array:
    """The scale after k steps."""
    return state.scale[:, 0]


@metric('"skips"_k', "1", needs_minimiser=False)
def skipped_steps(state: Any, case: Case) -> Array:
    """How many of the first k steps were skipped."""
    return state.skips[:, 0]


lowest = overflow / (2 * G)
excess = Max(0, sp.log(2 * scale0 * G / overflow, 2))
recovered = (k - skips) / patience
at_the_edge = Instance("gradient-sequences", magnitudes=(G,), overflow=overflow, scale0=overflow / (2 * G))
far_too_large = Instance("gradient-sequences", magnitudes=(G,), overflow=overflow, scale0=8 * overflow / G)
almost_large = Instance("gradient-sequences", magnitudes=(G,), overflow=overflow, scale0=7 * overflow / (10 * G))
twice_too_large = Instance("scaled-quadratic", lam=lam, overflow=overflow, scale0=2 * overflow / (lam * R), start=R)     # two skips, then it moves
sequences = (BoundedGradients, LossScaling)
counted = (Series("skips", skipped_steps),)

dynamic_loss_scaling = Theorem(
    id="dynamic-loss-scaling",
    title="Dynamic loss scaling: the scale stays useful and few steps are skipped",
    source="Micikevicius et al. (2018) for the algorithm; log2 s_k = log2 s_0 - skips + doublings and doublings <= (k - skips)/n give the bounds",
    claims=(
        RateBound(
            name="scale",
            algorithm=scaling,
            assumptions=sequences,
            condition=patience >= 1,
            defaults={patience: 2},
            metric=loss_scale,
            bound=Min(scale0, lowest),
            relation=Relation.AT_LEAST,
            tight=(at_the_edge, far_too_large),
            mutants=(Bound(Min(scale0, 2 * lowest), far_too_large, name="the scale stays above V/G"),
                     Bound(2 * lowest, almost_large, name="the scale stays below V/G", relation=Relation.AT_MOST)),
        ),
        RateBound(
            name="skips",
            algorithm=scaling,
            assumptions=sequences,
            condition=patience >= 1,
            defaults={patience: 2},
            metric=skipped_steps,
            bound=excess + recovered,
            reads=counted,
            tight=(at_the_edge, far_too_large),
            facts=(SymbolicIdentity("one skip in n + 1 steps fills the bound", (k - k / (patience + 1)) / patience, k / (patience + 1)),),
            mutants=(Bound(excess + (k - skips) / (patience + 1), at_the_edge), Bound(recovered, far_too_large, name="no initial term")),
            note="A bound that reads the run: skips are the steps skipped so far.",
        ),
        RateBound(
            name="one-in-n-plus-one",
            algorithm=scaling,
            assumptions=sequences,
            condition=patience >= 1,
            defaults={patience: 2},
            metric=skipped_steps,
            bound=sp.floor(k / (patience + 1)),
            relation=Relation.EQUAL,
            on=(at_the_edge,),
            tight=at_the_edge,
            mutants=(Bound(sp.floor(k / patience), at_the_edge), Bound(sp.floor((k + 1) / (patience + 1)), at_the_edge)),
            note="Constant gradients, first scale V/(2 G).",
        ),
        RateBound(
            name="only-delay",
            algorithm=DynamicLossScaling(step_size=gamma, patience=patience, overflow=overflow, first_scale=scale0),
            assumptions=(Isotropic, Minimum, LossScaling),
            condition=And(gamma > 0, gamma < 2 / lam, patience >= 1),
            defaults={gamma: 1 / (3 * lam), patience: 2},
            metric=distance_to_minimiser,
            bound=Abs(1 - gamma * lam) ** (k - skips) * R,
            relation=Relation.EQUAL,
            reads=counted,
            tight=twice_too_large,
            mutants=(Bound(Abs(1 - gamma * lam) ** k * R, twice_too_large, name="nothing is skipped"),
                     Bound(Abs(1 - gamma * lam) ** (k - skips + 1) * R, twice_too_large)),
        ),
    ),
)


# ---- a smaller step does not cure stagnation
stored = NearestRoundingGD(step_size=gamma, spacing=grid)
stop = 2 * grid * sp.floor(1 / (4 * gamma * lam))      # even multiples of the grid up to 1/(2 gamma lam): an update of half a cell at most goes back
one_in_hundred = Instance("grid-weights", spectrum=(lam,), spacing=grid, cells=60)
at_the_stop = Instance("grid-weights", spectrum=(lam,), spacing=grid, cells=2 * sp.floor(1 / (4 * gamma * lam)))
quarter = And(gamma > 0, gamma * lam <= Rational(1, 4))

false_smaller_step = Theorem(
    id="false-smaller-step-cures-stagnation",
    title="FALSE: with weights rounded to the nearest grid point, a smaller step ends closer to the minimiser",
    source="folklore; Gupta, Agrawal, Gopalakrishnan, Narayanan (2015) in experiments; the place of the stop is derived here",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=stored, assumptions=(Isotropic, Minimum, FixedPointGrid), condition=quarter, defaults={gamma: 1 / (100 * lam)},
                               metric=distance_to_minimiser, bound=(1 - gamma * lam) ** k * R + 2 * grid),
            note="2 delta is where the step 1/(4 lambda) stops.",
            witness=one_in_hundred,
            instead="sgd-low-precision-weights",
            mutants=(Changed("the stop of 1/(8 lambda) bounds those of smaller steps", bound=(1 - gamma * lam) ** k * R + 4 * grid,
                             condition=And(gamma > 0, gamma * lam <= Rational(1, 8))),)),
        RateBound(
            name="stopped",
            algorithm=stored,
            assumptions=(Isotropic, Minimum, FixedPointGrid),
            condition=quarter,
            defaults={gamma: 1 / (100 * lam)},
            metric=distance_to_minimiser,
            bound=stop,
            relation=Relation.EQUAL,
            on=(at_the_stop,),
            facts=(SymbolicIdentity("at delta/(2 gamma lambda) an update is half a cell", gamma * lam * (grid / (2 * gamma * lam)), grid / 2),),
            mutants=(Changed("exact weights stop there, too", at_the_stop, algorithm=GradientDescent(gamma)),
                     Bound(grid / 2, at_the_stop, name="within half a cell of the minimiser")),
            note="The smaller the step, the farther away it stops: at about delta/(2 gamma lambda), the minimiser being on the grid."),
        RateBound(
            name="kept-away",
            algorithm=stored,
            assumptions=(Isotropic, Minimum, FixedPointGrid),
            condition=And(quarter, gamma * lam >= Rational(1, 110)),
            defaults={gamma: 1 / (100 * lam)},
            metric=distance_to_minimiser,
            bound=stop,
            relation=Relation.AT_LEAST,
            on=(one_in_hundred,),
            mutants=(Bound(stop + 2 * grid, one_in_hundred, name="two cells farther"),),
            note="From 60 cells away: no iterate passes the stop."),
    ),
)

# ---- exact weights beside rounded ones
master = MasterWeights(step_size=gamma, spacing=grid)
a_third = Instance("grid-weights", spectrum=(lam,), spacing=grid, centre=5 * grid + grid / 3, cells=5)

false_master_weights = Theorem(
    id="false-master-weights-reach-minimiser",
    title="FALSE: exact weights converge although gradients are taken at their rounded copy",
    source="derived here; the algorithm is that of Micikevicius et al. (2018)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=master, assumptions=(Isotropic, Minimum, FixedPointGrid), condition=And(gamma > 0, gamma * lam <= Rational(1, 2)),
                               defaults={gamma: 1 / (2 * lam)}, metric=distance_to_minimiser, bound=10 * (1 - gamma * lam) ** k * (R + grid)),
            witness=a_third,
            instead="sgd-low-precision-weights",
            mutants=(Changed("as slowly as 10/(k + 1)", bound=10 * (R + grid) / (k + 1), condition=Eq(gamma * lam, 1), defaults={gamma: 1 / lam}),)),
        RateBound(
            name="three-cycle",
            algorithm=master,
            assumptions=(Isotropic, Minimum, FixedPointGrid),
            condition=Eq(gamma * lam, 1),
            defaults={gamma: 1 / lam},
            metric=distance_to_minimiser,
            bound=R * sp.Piecewise((0, Eq(sp.Mod(k, 3), 1)), (1, True)),
            relation=Relation.EQUAL,
            on=(a_third,),
            facts=(SymbolicIdentity("three steps x + (x* - rounded x), rounded to 5, 6 and 5 cells, come back", 3 * (5 * grid + grid / 3) - (5 + 6 + 5) * grid, 0),),
            mutants=(Changed("gradients at the exact weights", a_third, algorithm=GradientDescent(gamma)),
                     Changed("once there it stays", a_third, bound=R * sp.Piecewise((1, Eq(k, 0)), (0, True)))),
            note="The minimiser a third of a cell above the start, gamma = 1/lambda: 0, 1/3, 2/3 of a cell, and again. Every third iterate is the minimiser "
                 "itself, and its rounded copy sends it away."),
    ),
)

# ---- gradients with a relative error
short_pull, long_pull = (1 - relative_error) * mu, (1 + relative_error) * L
best_for_values = 2 / (short_pull + long_pull)
factor = Max(Abs(1 - gamma * short_pull), Abs(1 - gamma * long_pull))


def mirrored(error: Rational, turn: tuple[Rational, Rational], start: tuple[int, int]) -> Instance:
    """L = 4 mu, errors reflected by this mirror, from this direction."""
    return Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=turn, start=tuple(R * v for v in start),
                    at={mu: Rational(5, 3), L: Rational(20, 3), relative_error: error})


fifth = mirrored(Rational(1, 5), (Rational(-21, 29), Rational(20, 29)), (4, -3))
four_fifths = mirrored(Rational(4, 5), (Rational(-5, 13), Rational(12, 13)), (20, -21))
too_short = Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=-1, start=(R, 0), when=gamma <= best_for_values,
                     at={relative_error: Rational(2, 7)})
too_long = Instance("inexact", spectrum=(mu, L), relative_error=relative_error, turn=1, start=(0, R), when=gamma >= best_for_values,
                    at={relative_error: Rational(2, 7)})
relative = (Smooth, StronglyConvex, InexactGradients, Minimum)

false_distance_rate = Theorem(
    id="false-relative-error-distance-rate",
    title="FALSE: with a relative gradient error the distance contracts as the gap does",
    source="derived here; for values: de Klerk, Glineur, Taylor (2017, 2020)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=InexactGD(gamma), assumptions=relative, condition=Eq(gamma, best_for_values), defaults={gamma: best_for_values},
                               metric=squared_distance, bound=factor ** (2 * k) * R**2),
            witness=fifth,
            instead="gd-relative-error-best-step",
            mutants=(Changed("at four fifths it contracts, if slower", four_fifths, bound=R**2),)),
        RateBound(
            name="values",
            algorithm=InexactGD(gamma),
            assumptions=relative,
            condition=And(gamma > 0, gamma < 2 / long_pull),
            defaults={gamma: best_for_values},
            metric=function_gap,
            bound=factor ** (2 * k) * Delta,
            tight=(too_short, too_long),
            facts=(SymbolicIdentity("the two branches meet at the best step", 1 - best_for_values * short_pull, best_for_values * long_pull - 1),),
            mutants=(Bound((factor * Rational(49, 50)) ** (2 * k) * Delta, name="98/100 of the factor"),
                     Bound(Max(Abs(1 - gamma * mu), Abs(1 - gamma * L)) ** (2 * k) * Delta, name="the factor without errors"),
                     Step(too_long, bound=M0, defaults={gamma: Rational(101, 50) / long_pull})),
            note="Of values the claim is true: in other coordinates the inexact step is an exact one, on a function of the same values."),
    ),
)
