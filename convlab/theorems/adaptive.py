"""Adaptive steps: what dividing by the size of recent gradients breaks. A method that forgets can pay as much in every round, for ever."""
from __future__ import annotations

from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.adaptive import Adam, AMSGrad, RMSProp
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.online import Online
from convlab.assumptions import ConvexLosses
from convlab.constants import Array
from convlab.metrics import Case, metric
from convlab.symbols import G, diameter, gamma, k
from convlab.theorem import Bound, Changed, FalseClaim, Instance, RateBound, Relation, SymbolicIdentity, Theorem, from_k, multiples_of


# ---- Adam on losses with a rare large slope
@metric("x_k", "x", needs_minimiser=False)
def played(state: Any, case: Case) -> Array:
    """The point, componentwise."""
    return state[0]


@metric("op(\"Regret\")_k", "f", needs_minimiser=False)
def regret(state: Any, case: Case) -> Array:
    """What was paid, over what the best fixed point would have paid in the same rounds."""
    return state.paid[:, 0] - state.rivals.min(axis=-1)


rarely = Instance("periodic_losses", slopes=(G, -G / 10, -G / 10), radius=diameter / 2, at={diameter: 14})       # C = 10 times the frequent slope
forgetful = Rational(1, 101)                       # beta_2 = 1/(1 + C^2)
decreasing = gamma / sp.sqrt(k + 1)
long_enough = And(gamma >= diameter / 4, gamma < diameter / 2 * sp.sqrt(1 - forgetful))
shared: dict[str, Any] = {"assumptions": (ConvexLosses,), "condition": long_enough, "defaults": {gamma: diameter / 4}}
adam = Online(RMSProp(step_size=decreasing, decay=forgetful))
amsgrad = Online(AMSGrad(step_size=decreasing, beta1=0, beta2=forgetful))

false_adam_regret = Theorem(
    id="false-adam-regret",
    title="FALSE: Adam has the regret of online gradient descent",
    source="Reddi, Kale, Kumar (2018), Theorem 1; the bound is that of Zinkevich (2003)",
    claims=(
        FalseClaim(
            asserted=RateBound(algorithm=adam, metric=regret, bound=3 * G * diameter * sp.sqrt(k) / 2, grid=from_k(1), **shared),
            note="beta_1 = 0 and no correction of the first averages. Even a fifth of G D a round would be too little.",
            witness=rarely,
            mutants=(Bound(G * diameter * (2 + k / 5), name="at most a fifth of G D a round, the first ones aside"),
                     Changed("with bias corrections", algorithm=Online(Adam(step_size=decreasing, beta1=0, beta2=forgetful))))),
        RateBound(
            name="back-each-period",
            algorithm=adam,
            metric=played,
            bound=diameter / 2,
            relation=Relation.EQUAL,
            grid=multiples_of(3),
            on=(rarely,),
            **shared,
            mutants=(Changed("AMSGrad comes back, too", rarely, algorithm=amsgrad),
                     Changed("so does online gradient descent", rarely, algorithm=Online(GradientDescent(decreasing / G)))),
            note="After every period the point is the upper end of the interval again, the worst there is: the rare step is divided by C, and the two "
                 "frequent ones by little more than 1."),
        RateBound(
            name="linear",
            algorithm=adam,
            metric=regret,
            bound=4 * G * diameter * k / 15,
            relation=Relation.AT_LEAST,
            grid=multiples_of(3),
            on=(rarely,),
            **shared,
            facts=(SymbolicIdentity("a period from the upper end costs at least so much more than one at the lower end",
                                    G * diameter / 2 - 2 * (G / 10) * diameter / 2 - (G - 2 * G / 10) * (-diameter / 2), 4 * G * diameter * 3 / 15),),
            mutants=(Bound(8 * G * diameter * k / 15, rarely, name="twice that"), Changed("of AMSGrad, too", rarely, algorithm=amsgrad)),
            note="(2 C - 4) G D/(2 C) a period of three rounds, with C = 10."),
    ),
)
