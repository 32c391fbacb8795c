"""The noise floor: a constant step is fast and stops short, a decreasing one arrives."""
from __future__ import annotations

from sympy import Integer, Piecewise, Rational

from convlab.algorithms.sgd import SGD
from convlab.figure import Curves, Figure, Run
from convlab.metrics import squared_distance
from convlab.symbols import K, L, gamma, k, mu, sigma
from convlab.vocabulary import Instance

floor = Piecewise((gamma * sigma**2 / (mu * (2 - gamma * mu)), gamma < 2 / L))      # beyond 2/L there is none

noise_floor = Figure(
    id="sgd-noise-floor",
    title="Constant steps stop at their noise floor, decreasing steps do not",
    problem=Instance("noisy", clean="quadratic", spectrum=(mu, L), centre=(2, -1), noise=(sigma, 0), start=(32, -6)),
    parameters={L: Integer(4), mu: Rational(1, 2), sigma: Integer(3), gamma: 1 / L, K: Integer(800)},
    runs=(Run(SGD(step_size=gamma), r"constant, $\gamma L = [gamma*L]$", bound=floor, bound_label=r"$\gamma\sigma^2/(\mu(2 - \gamma\mu))$"),
          Run(SGD(step_size=gamma), r"constant, $\gamma L = [gamma*L]$", at={gamma: gamma / 8}, bound=floor),
          Run(SGD(step_size=1 / (mu * (k + L / mu) / 2)), r"decreasing, $2/(\mu k + L)$")),
    kind=Curves(metric=squared_distance, logarithmic=True),
    caption="Expected squared distances, exact (thick), and one run each (thin). Dashed: the noise floors.",
)
