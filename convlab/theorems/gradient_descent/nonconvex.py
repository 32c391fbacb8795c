"""Gradient descent on smooth nonconvex functions: the best gradient so far."""
from __future__ import annotations

from sympy import And, Eq, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.assumptions import Minimum, Smooth
from convlab.metrics import squared_gradient_norm
from convlab.symbols import M0, Delta, G, L, R, gamma, k
from convlab.theorem import Bound, Instance, Step, SymbolicIdentity, Theorem, best_of, every_iterate, from_k, v
from convlab.theorems.gradient_descent.constant_step import ascent, stable, steepest, too_long

descent = gamma * (1 - gamma * L / 2)
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
    facts=(SymbolicIdentity("descent lemma at the step", -gamma * v**2 + L * (gamma * v) ** 2 / 2, -descent * v**2),
           SymbolicIdentity("k descents cannot exceed Delta", Delta / (k * descent), 2 * Delta / (gamma * (2 - gamma * L) * k))),
    mutants=(Bound(2 * Delta / (gamma * (2 - gamma * L) * (k + 5) ** 2), zigzag, defaults=short),
             Bound(Delta / (gamma * (2 - gamma * L) * k), zigzag, defaults=short, name="half"),
             Step(steepest, bound=M0, mode=every_iterate, defaults=too_long), ascent),
)
