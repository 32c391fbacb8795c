"""Wrong optimizers as algorithms of our own protocol, three of which need a finite sum or a feasible set."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from convlab.algorithms.gradient_descent import Point
from convlab.algorithms.projected import ProjectedGradientDescent
from convlab.algorithms.variance_reduction import SAGA, SVRG
from convlab.draws import Draws, Uniform
from convlab.symbols import L, gamma, inner_steps, k
from tests.optimizers_gallery.bug import Bug


@dataclass(frozen=True)
class StaleSnapshot:
    """SVRG whose reference moves at an epoch's end, but not the full gradient that is remembered for it."""

    step_size: Any
    take: Any
    refresh: Any

    def init(self, x0: Any, oracle: Any) -> Any:
        return SVRG(self.step_size, self.take, self.refresh).init(x0, oracle)

    def draws(self, oracle: Any) -> Draws:
        return SVRG(self.step_size, self.take, self.refresh).draws(oracle)

    def step(self, state: Any, oracle: Any, draw: Any) -> Any:
        return SVRG(self.step_size, self.take, self.refresh).step(state, oracle, draw)._replace(full=state.full)


@dataclass(frozen=True)
class NeverTheLast:
    """SAGA that draws one component too few: randrange(n - 1)."""

    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Any:
        return SAGA(self.step_size).init(x0, oracle)

    def draws(self, oracle: Any) -> Draws:
        return Draws(index=Uniform(max(1, oracle.n - 1)))

    def step(self, state: Any, oracle: Any, draw: Any) -> Any:
        return SAGA(self.step_size).step(state, oracle, draw)


@dataclass(frozen=True)
class ProjectsOnce:
    """Projected gradient descent that projects the first point only."""

    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        return ProjectedGradientDescent(self.step_size).init(oracle.project(x0), oracle)

    def step(self, state: Any, oracle: Any) -> Point:
        return Point(state.x - self.step_size * oracle.gradient(state.x))


@dataclass(frozen=True)
class ClipsTheBatch:
    """Gradient descent with clipping, by the norm of the whole batch of cases."""

    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        return Point(x0)

    def step(self, state: Any, oracle: Any) -> Point:
        g = oracle.gradient(state.x)
        return Point(state.x - self.step_size * g / (1 + (g * g).sum() ** 0.5 / 1e3))


svrg = StaleSnapshot(gamma, 1 / (sp.Mod(k, inner_steps) + 1), sp.Piecewise((1, sp.Eq(sp.Mod(k + 1, inner_steps), 0)), (0, True)))

BUGS = (
    Bug("stale SVRG snapshot", "convlab", svrg, "svrg-johnson-zhang", on=("sum-equal-curvatures-4",)),
    Bug("biased sampling", "convlab", NeverTheLast(gamma), "saga-lyapunov", on=("sum-equal-curvatures-4", "sum-interpolation-2")),
    Bug("forgotten projection", "convlab", ProjectsOnce(1 / L), "projected-gd-convex-fgap", on=("ball_quadratic",)),
    Bug("one norm for the whole batch", "convlab", ClipsTheBatch, "cases_are_independent", "sgd"),
)
