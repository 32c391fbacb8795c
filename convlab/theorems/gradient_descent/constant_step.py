"""What the statements on gradient descent at a constant step share: the condition that its code derives, the function that is steepest, two bugs."""
from __future__ import annotations

from sympy import And, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.symbols import L, R, gamma, lam
from convlab.theorem import Changed, Instance

stable_on_quadratics = And(0 < gamma * lam, gamma * lam < 2)
stable = And(0 < gamma, gamma < 2 / L)
too_long = {gamma: Rational(41, 20) / L}
steepest = Instance("quadratic", spectrum=(L,), start=R)
ascent = Changed("ascent", algorithm=GradientDescent(-gamma))
