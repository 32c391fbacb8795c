"""Gradient descent on smooth nonconvex functions: the best gradient so far, and the gap where the gradient dominates it (Polyak, Lojasiewicz)."""
from __future__ import annotations

from sympy import And, Eq, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, PolyakLojasiewicz, Smooth
from convlab.inequalities import descent, descent_to_minimum, domination, interpolation, minimality, star, x0, x1
from convlab.metrics import function_gap, squared_gradient_norm
from convlab.symbols import M0, Delta, G, L, R, gamma, k, mu
from convlab.theorem import (
    Bound,
    Certificate,
    Instance,
    Recursion,
    StableOnQuadratics,
    Step,
    SymbolicIdentity,
    Telescope,
    Theorem,
    best_of,
    every_iterate,
    from_k,
    previous,
)
from convlab.theorems.gradient_descent.constant_step import ascent, stable, stable_on_quadratics, steepest, too_long

descent_weight = gamma * (1 - gamma * L / 2)
zigzag = Instance("sawtooth", steps=20, gamma=gamma, L=L, c=G, start=0)     # slope G at each of the first 20 iterates
short = {gamma: Rational(1, 20) / L}

nonconvex_gradient = Theorem(
    id="gd-nonconvex-mingrad",
    title="Gradient descent, nonconvex: smallest gradient so far",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=squared_gradient_norm,
    mode=best_of(0, -1),
    bound=2 * Delta / (gamma * (2 - gamma * L) * k),
    grid=from_k(1),
    source="Nesterov (2018), eq. 1.2.22",
    tight=Instance("quadratic", spectrum=(L,), start=R, when=And(Eq(gamma, 1 / L), Eq(k, 1))),
    facts=(Telescope(measured=x0.g**2, potential=x0.f - star.f, weight=descent_weight, total=k * descent_weight,
                     terms=((1, descent(x1, x0)),), end=((1, minimality(x0)),), name="k descents cannot exceed Delta"),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(2 * Delta / (gamma * (2 - gamma * L) * (k + 5) ** 2), zigzag, defaults=short),
             Bound(Delta / (gamma * (2 - gamma * L) * k), zigzag, defaults=short, name="half"),
             Step(steepest, bound=M0, mode=every_iterate, defaults=too_long), ascent),
)

# ---- the best possible constant
worst = Instance("sawtooth", steps=k, gamma=gamma, L=L, c=G, start=0)           # slope G at every iterate up to k
in_all = k * gamma * G**2 * (4 - gamma * L) / 4 + G**2 / (2 * L)

nonconvex_gradient_tight = Theorem(
    id="gd-nonconvex-mingrad-tight",
    title="Gradient descent, nonconvex: smallest gradient so far, with the best possible constant",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, Minimum),
    condition=And(0 < gamma, gamma <= 1 / L),
    defaults={gamma: 1 / L},
    metric=squared_gradient_norm,
    mode=best_of(0, 0),
    bound=4 * Delta / (gamma * k * (4 - gamma * L) + 2 / L),
    source="Abbaszadehpeivasti, de Klerk, Zamani (2022)",
    tight=worst,
    facts=(Telescope(measured=x0.g**2, potential=x0.f - star.f, weight=gamma * (3 - gamma * L) / 4, after=gamma / 4, last=1 / (2 * L),
                     total=k * gamma * (4 - gamma * L) / 4 + 1 / (2 * L), terms=((1, interpolation(x0, x1)),),
                     squares=(((1 / L - gamma) / 4, x0.g - x1.g),), end=((1, descent_to_minimum(x0)),),
                     name="k steps and the last gradient make up the gap"),
           SymbolicIdentity("where the gradient is G all the way, the bound is its square", 4 * in_all / (gamma * k * (4 - gamma * L) + 2 / L), G**2),
           StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound(4 * Delta / (gamma * k * (4 - gamma * L) + 3 / L), worst), Bound(3 * Delta / (gamma * k * (4 - gamma * L) + 2 / L), worst),
             Bound(4 * Delta / (gamma * k * (5 - gamma * L) + 2 / L), worst), Step(steepest, defaults={gamma: Rational(19, 10) / L})),
)

# ---- dominated by the gradient
pl_rate = 1 - gamma * mu * (2 - gamma * L)
pl_linear = Theorem(
    id="gd-pl-linear",
    title="Gradient descent under the Polyak-Lojasiewicz inequality: gap",
    algorithm=GradientDescent(step_size=gamma),
    assumptions=(Smooth, PolyakLojasiewicz, Minimum),
    condition=stable,
    defaults={gamma: 1 / L},
    metric=function_gap,
    bound=pl_rate**k * Delta,
    source="Polyak (1963); Karimi, Nutini, Schmidt (2016)",
    note="No convexity is needed: the gradient dominates the gap. Loose by the square on strongly convex quadratics.",
    tight=steepest,
    facts=(Certificate(x1.f - star.f, pl_rate * (x0.f - star.f), ((1, descent(x1, x0)), (descent_weight, domination(x0))),
                       name="descent, and the gradient at least 2 mu times the gap"),
           Recursion(pl_rate * previous, start=Delta), StableOnQuadratics(stable_on_quadratics)),
    mutants=(Bound((1 - mu / L) ** (3 * k) * Delta, Instance("quadratic", spectrum=(mu, L), start=(R, 0)), name="the cube of the rate"),
             Bound((1 - gamma * L * (2 - gamma * L) / 8) ** k * Delta, Instance("wavy", L=L, width=R, start=Rational(11, 5) * R), name="mu = L/8 on a wavy bowl"),
             Step(steepest, bound=M0, defaults=too_long), ascent),
)
