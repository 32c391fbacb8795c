"""The zig-zag: what a large condition number does to gradient descent, seen from above."""
from __future__ import annotations

from sympy import Integer, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.figure import Contour, Figure, Run
from convlab.symbols import K, L, gamma, mu
from convlab.vocabulary import Instance

zigzag = Figure(
    id="gd-zigzag",
    title="Gradient descent zigzags across a narrow valley",
    problem=Instance("quadratic", spectrum=(mu, L), centre=(2, -1), rotation=5, start=(Rational(-3), Rational(17, 4))),
    parameters={L: Integer(6), mu: Rational(2, 5), gamma: Rational(37, 20) / L, K: Integer(24)},
    runs=(Run(GradientDescent(step_size=gamma), r"long steps, $\gamma L = [gamma*L]$"),
          Run(GradientDescent(step_size=gamma), r"short steps, $\gamma L = [gamma*L]$", at={gamma: Rational(1, 2) / L})),
    kind=Contour(),
    caption="Close to 2/L each step jumps across the valley; a short step slides into it and then creeps along. Neither is fast where curvatures differ much.",
)
