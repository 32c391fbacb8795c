"""The cloud: where a constant step leaves SGD, and how it shrinks with the step."""
from __future__ import annotations

from sympy import Integer, Rational, sqrt

from convlab.algorithms.sgd import SGD
from convlab.figure import Figure, Run, Scatter
from convlab.symbols import K, L, gamma, mu, sigma
from convlab.vocabulary import Instance

share = sigma**2 / 2      # of the variance, along each axis

cloud = Figure(
    id="sgd-stationary-cloud",
    title="A constant step ends in a cloud, whose width is the root of the step",
    problem=Instance("noisy", clean="quadratic", spectrum=(mu, L), centre=(2, -1), noise=((sigma / sqrt(2), 0), (0, sigma / sqrt(2))), start=(32, -6)),
    parameters={L: Integer(2), mu: Rational(1, 2), sigma: Integer(3), gamma: Rational(2, 5) / L, K: Integer(2000)},
    runs=(Run(SGD(step_size=gamma), r"$\gamma L = [gamma*L]$"), Run(SGD(step_size=gamma), r"$\gamma L = [gamma*L]$", at={gamma: gamma / 9})),
    kind=Scatter(spread=(sqrt(gamma * share / (mu * (2 - gamma * mu))), sqrt(gamma * share / (L * (2 - gamma * L))))),
    caption="The last iterates of 400 runs at each step. Ellipses: twice the standard deviations that the second moments predict.",
)
