"""The step-size sweep: what one step gains against its length, up to the threshold beyond which it loses."""
from __future__ import annotations

from sympy import Abs, Integer, Max, Rational

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.figure import Figure, Mark, Run, Sweep
from convlab.symbols import K, L, gamma, mu
from convlab.vocabulary import Instance

sweep = Figure(
    id="gd-step-size-sweep",
    title="Every step size contracts up to 2/L, and none beyond",
    problem=Instance("quadratic", spectrum=(mu, 2 * mu, L / 2, L), centre=(2, -1, 4, 3)),
    parameters={L: Integer(8), mu: Rational(3, 2), K: Integer(20)},
    runs=(Run(GradientDescent(step_size=gamma), "measured", bound=Max(Abs(1 - gamma * mu), Abs(1 - gamma * L)),
              bound_label=r"$\max\{|1 - \gamma\mu|,\ |1 - \gamma L|\}$"),),
    kind=Sweep(over=gamma, low=Rational(1, 40) / L, high=Rational(47, 20) / L, points=32,
               marks=(Mark(2 / (L + mu), r"best: $2/(L + \mu)$"), Mark(2 / L, r"$2/L$: diverges beyond", beyond=True))),
    caption="The largest factor by which a step multiplies the distance, over starts in all directions (dots), on the formula (line).",
)
