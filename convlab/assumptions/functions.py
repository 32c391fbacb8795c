"""Assumptions on one function: convexity, smoothness, growth, minimum, form."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.assumptions.finding import Finding, Implied, Status, _told, judged
from convlab.constants import Array, Constant
from convlab.probing import SLACK, climb, descended, flat, flattest_secant, norms, pairs, sample_points, steepest_secant


@dataclass(frozen=True)
class Convex:
    """f is convex."""

    statement: ClassVar[str] = "f is convex"
    formula: ClassVar[str] = "f(y) >= f(x) + chevron.l g(x), y - x chevron.r"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Monotonicity of the gradient on random pairs, turned into the flattest direction."""
        if not hasattr(problem, "gradient"):
            return
        found = flattest_secant(problem.gradient, *pairs(problem, rng))
        broken = found.slope < -found.noise
        yield Finding("least curvature", 0.0, found.slope, "the gradient is monotone", Status.BROKEN if broken else Status.HOLDS,
                      f"x = {_told(found.at)}" if broken else "")


@dataclass(frozen=True)
class Smooth:
    """The gradient is L-Lipschitz."""

    L: Constant
    statement: ClassVar[str] = "the gradient of f is L-Lipschitz"
    formula: ClassVar[str] = "norm(nabla f(x) - nabla f(y)) <= L norm(x - y)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L."""
        return {symbols.L: self.L}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant of the gradient over random pairs, improved by following the direction of the largest change."""
        found = steepest_secant(problem.gradient, *pairs(problem, rng))
        yield judged("L", self.L, found.slope, True, found.at)


@dataclass(frozen=True)
class StronglyConvex:
    """f - mu |x|^2/2 is convex."""

    mu: Constant
    statement: ClassVar[str] = "f is mu-strongly convex"
    formula: ClassVar[str] = "chevron.l nabla f(x) - nabla f(y), x - y chevron.r >= mu norm(x - y)^2"
    implies: ClassVar[tuple[Implied, ...]] = (Implied(Convex, lambda fact: Convex()),)

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mu."""
        return {symbols.mu: self.mu}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The flattest secant of the gradient over random pairs, improved by following the direction of the least change."""
        found = flattest_secant(problem.gradient, *pairs(problem, rng))
        yield judged("mu", self.mu, found.slope, False, found.at, found.noise)


@dataclass(frozen=True)
class PolyakLojasiewicz:
    """|grad f(x)|^2 >= 2 mu (f(x) - f*)."""

    mu: Constant
    statement: ClassVar[str] = "f obeys the Polyak-Lojasiewicz inequality with constant mu"
    formula: ClassVar[str] = "norm(nabla f(x))^2 >= 2 mu (f(x) - f^*)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mu."""
        return {symbols.mu: self.mu}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The smallest |g|^2/(2 gap) at random points, along gradient descent from them, and by random moves from the best."""
        top = steepest_secant(problem.gradient, *pairs(problem, rng)).slope
        x = descended(problem.gradient, sample_points(problem, rng, 60), 1 / top)

        def flatness(x: Array) -> Array:
            gap = problem.gap(x)
            clear = gap > 1e-9 * np.abs(problem.value(x)) + 1e-300        # nearer to the minimum the quotient is rounding
            return np.where(clear, -(norms(problem.gradient(x)) ** 2) / (2 * np.where(clear, gap, 1)), -np.inf)

        least, at = climb(problem, flatness, np.concatenate([x, sample_points(problem, rng, 1000)]), rng)
        yield judged("mu", self.mu, -least, False, at)


@dataclass(frozen=True)
class Lipschitz:
    """f is G-Lipschitz: subgradients have norm at most G."""

    G: Constant
    statement: ClassVar[str] = "f is G-Lipschitz"
    formula: ClassVar[str] = "norm(g(x)) <= G"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest gradient at random points, and by random moves from the best."""
        largest, at = climb(problem, lambda x: norms(problem.gradient(x)), sample_points(problem, rng), rng)
        yield judged("G", self.G, largest, True, at)


@dataclass(frozen=True)
class Minimum:
    """f* and a minimiser over the whole space (`at` is None where only the infimum is known)."""

    value: Constant
    at: Array | None = None
    statement: ClassVar[str] = "f has a minimum"
    formula: ClassVar[str] = "f^* = min f"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """R and Delta are computed from it for each start."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """No random point lies below f*, and the gradient vanishes at the minimiser."""
        yield from _audit_minimum(self, problem, rng, stationary=True)


@dataclass(frozen=True)
class ConstrainedMinimum:
    """f* and a minimiser over the feasible set."""

    value: Constant
    at: Array | None = None
    statement: ClassVar[str] = "f has a minimum over the closed convex set C"
    formula: ClassVar[str] = "f^* = min_(x in C) f(x)"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """R and Delta are computed from it for each start."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """No random feasible point lies below f*."""
        yield from _audit_minimum(self, problem, rng, stationary=False)


def _audit_minimum(fact: Minimum | ConstrainedMinimum, problem: Any, rng: np.random.Generator, stationary: bool) -> Iterator[Finding]:
    claimed = float(fact.value.value)
    x = sample_points(problem, rng)
    if hasattr(problem, "value"):
        typical = float(np.mean(np.abs(problem.value(x) - claimed)))        # not the median: on a simplex most points are projected to one vertex
        lowest, at = climb(problem, lambda x: -problem.value(x), x, rng)
        low = -lowest < claimed - 1e-9 * max(abs(claimed), 1e-6 * typical)        # rounding: nine digits of f*, fifteen of the usual gap
        yield Finding("f*", claimed, -lowest, fact.value.how, Status.BROKEN if low else Status.HOLDS, f"x = {_told(at)}" if low else "")
    if fact.at is None:
        return
    best = FLOAT64.array(np.asarray(fact.at))[None]
    shown = f"x* = {_told(best[0])}"
    if hasattr(problem, "value"):
        reached = float(problem.value(best)[0])
        close = abs(reached - claimed) <= 1e-9 * max(abs(claimed), 1e-6 * typical)
        yield Finding("f(x*)", claimed, reached, fact.value.how, Status.ATTAINED if close else Status.BROKEN, shown)
    if hasattr(problem, "gradient"):
        yield from _audit_stationarity(fact, problem, x, best, stationary, shown)


def _audit_stationarity(fact: Minimum | ConstrainedMinimum, problem: Any, x: Array, best: Array, stationary: bool, shown: str) -> Iterator[Finding]:
    slopes = norms(problem.gradient(x))
    if stationary:
        slope = float(norms(problem.gradient(best))[0])
        status = Status.ATTAINED if slope <= 1e-10 * float(np.median(slopes)) else Status.BROKEN          # rounding, with six digits to spare
        smooth = any(isinstance(f, Smooth) for f in problem.facts())
        yield Finding("gradient at x*", 0.0, slope, fact.value.how, status if smooth else Status.HOLDS, shown)
    elif hasattr(problem, "project"):
        step = float(norms(x - best).max()) / max(float(slopes.max()), 1e-300)
        moved = float(norms(problem.project(best - step * problem.gradient(best)) - best)[0])
        status = Status.ATTAINED if moved <= 1e-10 * float(norms(x).max()) else Status.BROKEN
        yield Finding("projected gradient step from x*", 0.0, moved, fact.value.how, status, shown)


@dataclass(frozen=True)
class Proximable:
    """The proximal operator of f is available in closed form."""

    statement: ClassVar[str] = "f is closed, with a computable proximal operator"
    formula: ClassVar[str] = '"prox"_(gamma f)(x) = "argmin"_y f(y) + norm(y - x)^2 / (2 gamma)'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """No random point beats the prox in its own minimisation."""
        x = sample_points(problem, rng, 100)
        worst = 0.0
        for step in (0.1, 1.0, 7.0):
            y = problem.prox(x, step)
            best = problem.value(y) + norms(y - x) ** 2 / (2 * step)
            for scale in (1e-4, 1e-2, 1.0):
                z = y + scale * rng.standard_normal(y.shape) * (norms(x - y) + 1e-6 * norms(x)).reshape((-1,) + (1,) * (x.ndim - 1))
                worst = max(worst, float(np.max((best - problem.value(z) - norms(z - x) ** 2 / (2 * step)) / (np.abs(best) + 1e-300))))
        yield Finding("prox", 0.0, worst, "minimality against random points", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


@dataclass(frozen=True)
class ExactLineSearch:
    """The best step along a descent direction can be computed."""

    statement: ClassVar[str] = "the minimum of f along a ray is attained and computable"
    formula: ClassVar[str] = '"argmin"_(t >= 0) f(x + t d)'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Along the negative gradient no shorter and no longer step has a smaller value."""
        x = sample_points(problem, rng, 100)
        away = (-1,) + (1,) * (x.ndim - 1)
        descent = -problem.gradient(x)
        step = np.asarray(problem.best_step(x, descent), dtype=float)
        best = problem.value(x + step.reshape(away) * descent)
        scale = np.abs(problem.value(x)) + np.abs(best) + 1e-300
        others = [problem.value(x + (factor * step).reshape(away) * descent) for factor in (0.0, 0.5, 0.99, 1.01, 2.0)]
        worst = max(float(np.max((best - other) / scale)) for other in others)
        yield Finding("best step", 0.0, worst, "against shorter and longer steps", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


@dataclass(frozen=True)
class Quadratic:
    """f(x) = <x - c, A (x - c)>/2: the gradient is affine."""

    statement: ClassVar[str] = "f is quadratic"
    formula: ClassVar[str] = "f(x) = 1/2 chevron.l x - c, A (x - c) chevron.r"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None of its own: L and mu are the ends of the spectrum."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The gradient of a midpoint is the mean of the gradients."""
        x, y = sample_points(problem, rng), sample_points(problem, rng)
        bend = norms(problem.gradient((x + y) / 2) - (problem.gradient(x) + problem.gradient(y)) / 2)
        size = norms(problem.gradient(x)) + norms(problem.gradient(y)) + 1e-300
        worst = float((bend / size).max())
        yield Finding("affine gradient", 0.0, worst, "midpoints", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


@dataclass(frozen=True)
class Isotropic:
    """f(x) = lam |x - x*|^2/2: every direction has the same curvature."""

    lam: Constant
    statement: ClassVar[str] = "f is quadratic with one curvature in all directions"
    formula: ClassVar[str] = "nabla f(x) = lambda (x - x^*)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """lam."""
        return {symbols.lam: self.lam}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Every secant of the gradient has slope lam."""
        x, y = pairs(problem, rng)
        change, step = flat(problem.gradient(x) - problem.gradient(y)), flat(x - y)
        off = np.sqrt(((change - float(self.lam.value) * step) ** 2).sum(axis=1)) / np.sqrt((step**2).sum(axis=1))
        worst = int(np.argmax(off))
        broken = off[worst] > SLACK * float(self.lam.value)
        yield Finding("lam", float(self.lam.value), float(self.lam.value) + float(off[worst]), self.lam.how, Status.BROKEN if broken else Status.ATTAINED)
