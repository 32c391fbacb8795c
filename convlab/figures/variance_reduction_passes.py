"""Per effective pass: what variance reduction buys, counted in gradients and not in iterations."""
from __future__ import annotations

import sympy as sp
from sympy import Integer, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, SVRG
from convlab.figure import Axis, Curves, Figure, Run
from convlab.symbols import K, L, L_max, gamma, inner_steps, k, mu, n
from convlab.vocabulary import Instance

svrg = SVRG(step_size=gamma, take=1 / (sp.Mod(k, inner_steps) + 1), refresh=sp.Piecewise((1, sp.Eq(sp.Mod(k + 1, inner_steps), 0)), (0, True)))

passes = Figure(
    id="variance-reduction-passes",
    title="GD, SGD, SVRG and SAGA at the same number of gradients",
    problem=Instance("logistic", mu=mu, samples=n, dimension=5, width=4, spread=10, seed=3, start=0),
    parameters={mu: Rational(1, 20), n: Integer(500), inner_steps: 2 * n, gamma: 1 / (3 * L_max), K: Integer(40)},
    runs=(Run(GradientDescent(step_size=2 / (L + mu)), "GD"), Run(SGD(step_size=gamma), "SGD"),
          Run(svrg, "SVRG"), Run(SAGA(step_size=gamma), "SAGA")),
    kind=Curves(axis=Axis.PASS, replicates=10),
    caption="Logistic regression with a ridge. A pass is n gradients of one sample; SVRG takes two a step and n a snapshot, and its first snapshot counts, "
            "as SAGA's first table does. Means of ten runs; bands: from the tenth to the ninetieth percentile.",
)
