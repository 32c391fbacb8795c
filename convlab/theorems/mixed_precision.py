"""Mixed precision: stochastic rounding of the weights costs a floor of d delta^2/4 a step, and a dynamic loss scale only skips a bounded number of steps."""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import Abs, And, Eq, Max, Min

from convlab.algorithms.mixed_precision import DynamicLossScaling, LowPrecisionSGD
from convlab.assumptions import BoundedGradients, BoundedVariance, FixedPointGrid, Isotropic, LossScaling, Minimum, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, distance_to_minimiser, metric, squared_distance
from convlab.symbols import G, L, R, d, gamma, grid, k, lam, mu, overflow, patience, scale0, sigma
from convlab.theorem import Bound, Instance, Law, RateBound, Relation, Series, SymbolicIdentity, Theorem

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
