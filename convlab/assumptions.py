"""Assumptions: what each means, which constants it brings, and how an audit tries to break it.

An assumption is a frozen dataclass of constants with `statement` (words), `formula` (Typst mathematics), `constants()` and `audit(problem, rng)`.
A user's own needs nothing of ours: with a classmethod `derive(problem)` it can even be read off problems that never heard of it.
`restricts = True` marks facts that change what the problem is (a constraint, a saddle): such a problem matches only statements that ask for them.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import numpy as np

from convlab import symbols
from convlab.arithmetic import FLOAT64, cast
from convlab.constants import Array, Constant, Exactness
from convlab.probing import SLACK, climb, descended, flattest_secant, steepest_secant
from convlab.probing import flat as _flat
from convlab.probing import norms as _norms
from convlab.probing import pairs as _pairs
from convlab.probing import sample_points as sample_points


class Status(Enum):
    """What an audit found."""

    ATTAINED = "attained"      # an exact constant, reached at a point that the audit shows
    HOLDS = "holds"            # not broken by any point tried
    LOOSE = "not attained"     # called exact, but nothing tried came near it
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One audited constant: what was claimed, the worst that was found and where."""

    constant: str
    claimed: float | None
    found: float | None
    how: str
    status: Status
    where: str = ""

    @property
    def sentence(self) -> str:
        """What was claimed and what was found, for whoever has to mend it: "claimed L = 1, found 1.7 at x = [...]: broken (...)"."""
        claimed = self.constant if self.claimed is None else f"{self.constant} = {self.claimed:.6g}"
        found = "nothing that contradicts it" if self.found is None else f"{self.found:.6g}"
        return f"claimed {claimed}, found {found}{f' at {self.where}' if self.where else ''}: {self.status.value} ({self.how})"


@dataclass(frozen=True)
class Implied:
    """A weaker assumption that comes with a stronger one."""

    kind: type
    of: Callable[[Any], Any]


def judged(name: str, constant: Constant, worst: float, above: bool, where: Any, noise: float = 0.0) -> Finding:
    """A finding for a constant that must bound what was found from above (or from below), with the point that came nearest; `noise` may be rounding."""
    claimed = float(constant.value)
    excess = (worst - claimed) if above else (claimed - worst)
    scale = max(abs(claimed), abs(worst), 1e-300)
    if excess > SLACK * scale + noise:
        status = Status.BROKEN
    elif constant.exactness is Exactness.EXACT:
        status = Status.ATTAINED if abs(worst - claimed) <= 0.02 * scale else Status.LOOSE   # two hundredths: extremes are met by search
    else:
        status = Status.HOLDS
    return Finding(name, claimed, worst, constant.how, status, "" if where is None else f"x = {_told(where)}")


def _told(point: Any) -> str:
    return np.array2string(np.asarray(point, dtype=float), precision=4, threshold=6)


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
        found = flattest_secant(problem.gradient, *_pairs(problem, rng))
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
        found = steepest_secant(problem.gradient, *_pairs(problem, rng))
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
        found = flattest_secant(problem.gradient, *_pairs(problem, rng))
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
        top = steepest_secant(problem.gradient, *_pairs(problem, rng)).slope
        x = descended(problem.gradient, sample_points(problem, rng, 60), 1 / top)

        def flatness(x: Array) -> Array:
            gap = problem.gap(x)
            clear = gap > 1e-9 * np.abs(problem.value(x)) + 1e-300        # nearer to the minimum the quotient is rounding
            return np.where(clear, -(_norms(problem.gradient(x)) ** 2) / (2 * np.where(clear, gap, 1)), -np.inf)

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
        largest, at = climb(problem, lambda x: _norms(problem.gradient(x)), sample_points(problem, rng), rng)
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
        typical = float(np.median(np.abs(problem.value(x) - claimed)))
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
    slopes = _norms(problem.gradient(x))
    if stationary:
        slope = float(_norms(problem.gradient(best))[0])
        status = Status.ATTAINED if slope <= 1e-10 * float(np.median(slopes)) else Status.BROKEN          # rounding, with six digits to spare
        smooth = any(isinstance(f, Smooth) for f in problem.facts())
        yield Finding("gradient at x*", 0.0, slope, fact.value.how, status if smooth else Status.HOLDS, shown)
    elif hasattr(problem, "project"):
        step = float(_norms(x - best).max()) / max(float(slopes.max()), 1e-300)
        moved = float(_norms(problem.project(best - step * problem.gradient(best)) - best)[0])
        status = Status.ATTAINED if moved <= 1e-10 * float(_norms(x).max()) else Status.BROKEN
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
            best = problem.value(y) + _norms(y - x) ** 2 / (2 * step)
            for scale in (1e-4, 1e-2, 1.0):
                z = y + scale * rng.standard_normal(y.shape) * (_norms(x - y) + 1e-6 * _norms(x)).reshape((-1,) + (1,) * (x.ndim - 1))
                worst = max(worst, float(np.max((best - problem.value(z) - _norms(z - x) ** 2 / (2 * step)) / (np.abs(best) + 1e-300))))
        yield Finding("prox", 0.0, worst, "minimality against random points", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


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
        bend = _norms(problem.gradient((x + y) / 2) - (problem.gradient(x) + problem.gradient(y)) / 2)
        size = _norms(problem.gradient(x)) + _norms(problem.gradient(y)) + 1e-300
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
        x, y = _pairs(problem, rng)
        change, step = _flat(problem.gradient(x) - problem.gradient(y)), _flat(x - y)
        off = np.sqrt(((change - float(self.lam.value) * step) ** 2).sum(axis=1)) / np.sqrt((step**2).sum(axis=1))
        worst = int(np.argmax(off))
        broken = off[worst] > SLACK * float(self.lam.value)
        yield Finding("lam", float(self.lam.value), float(self.lam.value) + float(off[worst]), self.lam.how, Status.BROKEN if broken else Status.ATTAINED)


@dataclass(frozen=True)
class FiniteSum:
    """f is the mean of n components with gradients of their own."""

    n: int
    statement: ClassVar[str] = "f is the mean of n components"
    formula: ClassVar[str] = "f = 1/n sum_i f_i"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """n."""
        return {symbols.n: Constant(self.n, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The mean of the component gradients is the gradient, and single ones agree with the table of all."""
        x = sample_points(problem, rng, 50)
        every = problem.sample_gradients(x)
        size = float(np.abs(every).max())
        index = rng.integers(self.n, size=len(x))
        off = max(float(np.abs(every.mean(axis=1) - problem.gradient(x)).max()),
                  float(np.abs(every[np.arange(len(x)), index] - problem.sample_gradient(x, index)).max())) / size
        broken = off > 1e-10 or every.shape[1] != self.n          # sums of n float64 terms
        yield Finding("n", float(self.n), float(every.shape[1]), "mean of component gradients", Status.BROKEN if broken else Status.ATTAINED)


@dataclass(frozen=True)
class SmoothSamples:
    """Every component is L_max-smooth (and convex when the problem also states ConvexSamples)."""

    L_max: Constant
    statement: ClassVar[str] = "every f_i is L_max-smooth"
    formula: ClassVar[str] = "norm(nabla f_i (x) - nabla f_i (y)) <= L_max norm(x - y)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L_max."""
        return {symbols.L_max: self.L_max}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant of every component."""
        x, y = _pairs(problem, rng)

        def component(i: int) -> Callable[[Array], Array]:
            return lambda z: problem.sample_gradient(z, np.full(len(z), i))

        worst = max((steepest_secant(component(i), x, y, rounds=8) for i in range(problem.n)), key=lambda found: found.slope)
        yield judged("L_max", self.L_max, worst.slope, True, worst.at)


@dataclass(frozen=True)
class ConvexSamples:
    """Every component is convex."""

    statement: ClassVar[str] = "every f_i is convex"
    formula: ClassVar[str] = "chevron.l nabla f_i (x) - nabla f_i (y), x - y chevron.r >= 0"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Monotone component gradients on random pairs."""
        x, y = _pairs(problem, rng)
        change = problem.sample_gradients(x) - problem.sample_gradients(y)
        steep = (change * (x - y)[:, None]).sum(axis=-1) / (_norms(x - y) ** 2)[:, None]
        worst = float(steep.min())
        yield Finding("convex components", 0.0, worst, "random pairs", Status.BROKEN if worst < -SLACK * float(np.abs(steep).max()) else Status.HOLDS)


@dataclass(frozen=True)
class LipschitzSamples:
    """Every component is G-Lipschitz."""

    G: Constant
    statement: ClassVar[str] = "every f_i is G-Lipschitz"
    formula: ClassVar[str] = "norm(nabla f_i (x)) <= G"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest component gradient at random points."""
        x = sample_points(problem, rng)
        size = np.sqrt((problem.sample_gradients(x) ** 2).sum(axis=-1)).max(axis=1)
        worst = int(np.argmax(size))
        yield judged("G", self.G, float(size[worst]), True, x[worst])


@dataclass(frozen=True)
class BoundedVariance:
    """The stochastic gradient is unbiased with E |g - grad f|^2 <= sigma^2 (the trace of the covariance)."""

    sigma: Constant
    statement: ClassVar[str] = "the stochastic gradient is unbiased with variance at most sigma^2"
    formula: ClassVar[str] = 'EE [g(x)] = nabla f(x), quad EE norm(g(x) - nabla f(x))^2 <= sigma^2'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """sigma."""
        return {symbols.sigma: self.sigma}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Mean and variance over the whole support where it is finite, else over the declared covariance."""
        x = sample_points(problem, rng, 40)
        draws = problem.gradient_draws()
        exact_gradient = problem.gradient(x)
        if draws.size() is None:
            total = sum(float(np.trace(np.asarray(law.covariance, dtype=float))) for law in draws.values() if hasattr(law, "covariance"))
            yield judged("sigma", self.sigma, float(np.sqrt(total)), True, None)
            return
        mean, second = np.zeros_like(x), np.zeros(len(x))
        for draw, weight in draws.branches(len(x), None):
            off = problem.stochastic_gradient(x, draw) - exact_gradient
            mean, second = mean + float(weight) * off, second + float(weight) * _norms(off) ** 2
        bias = float(np.abs(mean).max())
        yield Finding("unbiased", 0.0, bias, "mean over the support", Status.BROKEN if bias > 1e-10 * (1 + float(np.abs(exact_gradient).max())) else Status.ATTAINED)
        worst = int(np.argmax(second))
        yield judged("sigma", self.sigma, float(np.sqrt(second[worst])), True, x[worst])


@dataclass(frozen=True)
class SaddlePoint:
    """z* = (x*, y*) is a saddle point: x* minimises f(., y*), y* maximises f(x*, .). Points are z = (x, y); the oracle is F(z) = (grad_x f, -grad_y f)."""

    value: Constant
    at: Array
    statement: ClassVar[str] = "f has a saddle point"
    formula: ClassVar[str] = "f(x^*, y) <= f(x^*, y^*) <= f(x, y^*)"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """R is computed from it for each start."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The operator vanishes at z*, and f(x*, y) <= f* <= f(x, y*) at random points."""
        z, best = sample_points(problem, rng), FLOAT64.array(np.asarray(self.at))
        half = z.shape[1] // 2
        slope, typical = float(_norms(problem.operator(best[None]))[0]), float(np.median(_norms(problem.operator(z))))
        yield Finding("F(z*)", 0.0, slope, self.value.how, Status.ATTAINED if slope <= 1e-10 * typical else Status.BROKEN, f"z* = {best}")
        low, high = z.copy(), z.copy()
        low[:, :half], high[:, half:] = best[:half], best[half:]
        crossed = float(np.maximum(problem.value(low) - float(self.value.value), float(self.value.value) - problem.value(high)).max())
        size = float(np.abs(problem.value(z)).max())         # rounding of values of that size
        yield Finding("f*", float(self.value.value), crossed, self.value.how, Status.BROKEN if crossed > 1e-12 * size else Status.HOLDS)


@dataclass(frozen=True)
class Bilinear:
    """f(x, y) = <x - x*, B (y - y*)>; `planes(z)` gives the squared length of z - z* in each singular plane of B, `singular_values` its s."""

    statement: ClassVar[str] = "f is bilinear"
    formula: ClassVar[str] = "f(x, y) = chevron.l x - x^*, B (y - y^*) chevron.r"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None: every singular plane has its own s."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """F is affine and antisymmetric, F^2 = -s^2 on each singular plane, and the planes make up the space."""
        z = sample_points(problem, rng)
        origin = next(FLOAT64.array(np.asarray(f.at)) for f in problem.facts() if isinstance(f, SaddlePoint))
        turned, size = problem.operator(z), _norms(z - origin) ** 2
        work = np.abs((turned * (z - origin)).sum(axis=1)) / (_norms(turned) * np.sqrt(size) + 1e-300)
        lost = np.abs(problem.planes(z).sum(axis=1) / size - 1)
        stretched = np.abs(problem.planes(origin + turned) - np.asarray(problem.singular_values) ** 2 * problem.planes(z)).max(axis=1) / size
        worst = float(max(work.max(), lost.max(), stretched.max() / max(1.0, float(np.max(problem.singular_values)) ** 2)))
        yield Finding("bilinear", 0.0, worst, "no work, planes complete, F^2 = -s^2", Status.BROKEN if worst > 1e-9 else Status.HOLDS)


@dataclass(frozen=True)
class OneCoupling:
    """All singular values of B are equal: |F(z)| = s |z - z*|."""

    coupling: Constant
    statement: ClassVar[str] = "all singular values of B equal s"
    formula: ClassVar[str] = "B^top B = s^2 I"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """coupling."""
        return {symbols.coupling: self.coupling}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest and the least |F(z)|/|z - z*|."""
        z = sample_points(problem, rng)
        origin = next(FLOAT64.array(np.asarray(f.at)) for f in problem.facts() if isinstance(f, SaddlePoint))
        ratio = _norms(problem.operator(z)) / _norms(z - origin)
        yield judged("coupling", self.coupling, float(ratio.max()), True, z[int(np.argmax(ratio))])
        yield judged("coupling", self.coupling, float(ratio.min()), False, z[int(np.argmin(ratio))])


@dataclass(frozen=True)
class LipschitzOperator:
    """F is L-Lipschitz."""

    L: Constant
    statement: ClassVar[str] = "F is L-Lipschitz"
    formula: ClassVar[str] = "norm(F(z) - F(w)) <= L norm(z - w)"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """L."""
        return {symbols.L: self.L}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The steepest secant over random pairs, w moved on towards what F^T F stretches most (a step of power iteration on an affine F)."""
        z, w = _pairs(problem, rng)
        ratio = _norms(problem.operator(z) - problem.operator(w)) / _norms(z - w)
        directions = np.linalg.svd(_jacobian(problem, z[0]))[2]
        tilted = z[:1] + directions
        ratio = np.concatenate([ratio, _norms(problem.operator(tilted) - problem.operator(z[:1])) / _norms(tilted - z[:1])])
        yield judged("L", self.L, float(ratio.max()), True, z[int(np.argmax(ratio[: len(z)]))])


@dataclass(frozen=True)
class StronglyMonotone:
    """F is mu-strongly monotone."""

    mu: Constant
    statement: ClassVar[str] = "F is mu-strongly monotone"
    formula: ClassVar[str] = "chevron.l F(z) - F(w), z - w chevron.r >= mu norm(z - w)^2"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mu."""
        return {symbols.mu: self.mu}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The flattest secant over random pairs and along the eigenvectors of the symmetric part at one point."""
        z, w = _pairs(problem, rng)
        jacobian = _jacobian(problem, z[0])
        z, w = np.concatenate([z, np.repeat(z[:1], z.shape[1], axis=0)]), np.concatenate([w, z[:1] + np.linalg.eigh(jacobian + jacobian.T)[1].T])
        flat = ((problem.operator(z) - problem.operator(w)) * (z - w)).sum(axis=1) / _norms(z - w) ** 2
        worst = int(np.argmin(flat))
        yield judged("mu", self.mu, float(flat[worst]), False, z[worst])


def _jacobian(problem: Any, z: Array) -> Array:
    """Differences of the operator at one point, (dimension, dimension), with a step of the size of z: exact for an affine operator."""
    step = max(1e-3, float(np.abs(z).max())) * np.eye(len(z))
    return ((problem.operator(z + step) - problem.operator(z[None])) / step.max()).T


@dataclass(frozen=True)
class FixedPointGrid:
    """Weights are stored as multiples of a spacing: every first point is one of them."""

    grid: Constant
    statement: ClassVar[str] = "weights are stored on the fixed-point grid of spacing delta"
    formula: ClassVar[str] = "x_0 in delta ZZ^d"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """grid."""
        return {symbols.grid: self.grid}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The starts are whole multiples of the spacing."""
        cells = [FLOAT64.array(np.asarray(start.point)) / float(self.grid.value) for start in problem.starts(rng)]
        off = max(float(np.abs(c - np.round(c)).max() / max(1.0, float(np.abs(c).max()))) for c in cells)
        yield Finding("grid", 0.0, off, self.grid.how, Status.BROKEN if off > 1e-12 else Status.ATTAINED)     # one division's rounding


@dataclass(frozen=True)
class BoundedGradients:
    """Every gradient that can be drawn has entries of magnitude at most G."""

    G: Constant
    statement: ClassVar[str] = "no gradient entry exceeds G"
    formula: ClassVar[str] = "norm(g_k)_infinity <= G"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """G."""
        return {symbols.G: self.G}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The largest entry over the whole support of the oracle."""
        x = sample_points(problem, rng, 20)
        top = max(float(np.abs(FLOAT64.array(problem.stochastic_gradient(x, draw))).max()) for draw, _ in problem.gradient_draws().branches(len(x), None))
        yield judged("G", self.G, top, True, None)


@dataclass(frozen=True)
class LossScaling:
    """Gradients are stored in a format that overflows from V on, after the loss was multiplied by a scale that starts at s_0."""

    overflow: Constant
    scale0: Constant
    statement: ClassVar[str] = "a scaled gradient entry overflows when its magnitude is at least V; the scale starts at s_0"
    formula: ClassVar[str] = '"overflow" <=> s_k norm(g_k)_infinity >= V'
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """overflow, scale0."""
        return {symbols.overflow: self.overflow, symbols.scale0: self.scale0}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Both are chosen, not measured: that they are positive is all that can be asked."""
        for name, constant in (("overflow", self.overflow), ("scale0", self.scale0)):
            yield Finding(name, float(constant.value), float(constant.value), constant.how, Status.HOLDS if constant.value > 0 else Status.BROKEN)


@dataclass(frozen=True)
class Tasks:
    """f is the sum of n tasks with gradients of their own."""

    n: int
    statement: ClassVar[str] = "f is the sum of n tasks"
    formula: ClassVar[str] = "f = sum_i f_i"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """n."""
        return {symbols.n: Constant(self.n, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The task gradients add up to the gradient."""
        x = sample_points(problem, rng, 50)
        every = problem.task_gradients(x)
        off = float(np.abs(every.sum(axis=1) - problem.gradient(x)).max()) / (1 + float(np.abs(every).max()))
        yield Finding("n", float(self.n), float(every.shape[1]), "sum of task gradients",
                      Status.BROKEN if off > 1e-10 or every.shape[1] != self.n else Status.ATTAINED)


@dataclass(frozen=True, eq=False)
class NoiseCovariance:
    """The noise has one covariance at every x, and f is quadratic: both are given in an orthonormal eigenbasis (`basis`, in columns; None is the identity)."""

    curvatures: Array          # (dimension,): the eigenvalues of the Hessian
    covariance: Array          # (dimension, dimension): of the noise, in the eigenbasis
    basis: Array | None = None
    statement: ClassVar[str] = "f is quadratic, the noise has mean 0 and the same covariance S at every x, independent of the past"
    formula: ClassVar[str] = 'EE [g(x)] = nabla f(x), quad "Cov" g(x) = S'

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None: arrays, read by the claims themselves."""
        return {}

    def rotated(self, t: Array) -> Array:
        """Vectors (..., dimension) in the eigenbasis."""
        return t if self.basis is None else t @ self.basis

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """In the eigenbasis secants of the gradient are the curvatures, and the mean of xi xi^T over the whole support is S."""
        x, y = _pairs(problem, rng)
        bend = self.rotated(problem.gradient(x) - problem.gradient(y)) - self.curvatures * self.rotated(x - y)
        worst = float((_norms(bend) / _norms(x - y)).max())
        yield Finding("curvatures", 0.0, worst, "secants in the eigenbasis", Status.BROKEN if worst > SLACK * float(max(self.curvatures)) else Status.ATTAINED)
        draws = problem.gradient_draws()
        if draws.size() is None:
            return
        found = np.zeros(self.covariance.shape)
        for draw, weight in draws.branches(len(x), None):
            off = self.rotated(problem.stochastic_gradient(x, draw) - problem.gradient(x))
            found = found + float(weight) * off[:, :, None] * off[:, None, :]
        gap = float(np.abs(found - self.covariance).max())
        size = float(np.abs(self.covariance).max())
        yield Finding("covariance", size, size + gap, "mean over the support", Status.BROKEN if gap > 1e-8 * (size + 1) else Status.ATTAINED)   # far points: eps |grad|


@dataclass(frozen=True)
class NeighbouringSamples:
    """The problem knows a neighbour: the same n losses, one of them replaced by another loss of the same class (same constants)."""

    statement: ClassVar[str] = "S and S' are samples of n losses that differ in one"
    formula: ClassVar[str] = "f_i = f'_i quad \"for all\" i != j"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """None."""
        return {}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Exactly one component gradient differs."""
        x = sample_points(problem, rng, 200)
        change = np.abs(problem.sample_gradients(x) - problem.neighbour().sample_gradients(x)).sum(axis=-1).max(axis=0)
        differing = int((change > 0).sum())
        yield Finding("samples that differ", 1.0, float(differing), "component gradients", Status.ATTAINED if differing == 1 else Status.BROKEN)


@dataclass(frozen=True)
class Workers:
    """f is the mean of the functions of N workers, each with gradients of its own."""

    workers: int
    statement: ClassVar[str] = "f is the mean of the functions of N workers"
    formula: ClassVar[str] = "f = 1/N sum_i f_i"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """workers."""
        return {symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The mean of the workers' gradients is the gradient."""
        x = sample_points(problem, rng, 50)
        every = problem.worker_gradients(x)
        off = float(np.abs(every.mean(axis=1) - problem.gradient(x)).max()) / (1 + float(np.abs(every).max()))
        broken = off > 1e-10 or every.shape[1] != self.workers         # ten digits: a mean of N gradients is rounded to about N eps
        yield Finding("workers", float(self.workers), float(every.shape[1]), "mean of the workers' gradients", Status.BROKEN if broken else Status.ATTAINED)


@dataclass(frozen=True)
class DisagreeingWorkers:
    """At the minimiser of f the workers' gradients have root mean square sigma_opt."""

    sigma_opt: Constant
    statement: ClassVar[str] = "the workers' gradients at the minimiser of f have root mean square sigma_opt"
    formula: ClassVar[str] = "1/N sum_i norm(nabla f_i (x^*))^2 = sigma_*^2"

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """sigma_opt."""
        return {symbols.sigma_opt: self.sigma_opt}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The workers' gradients at the stated minimiser."""
        best = next(f.at for f in problem.facts() if isinstance(f, Minimum) and f.at is not None)
        every = problem.worker_gradients(FLOAT64.array(np.asarray(best))[None])
        yield judged("sigma_opt", self.sigma_opt, float(np.sqrt((every**2).sum(axis=-1).mean())), True, best)


@dataclass(frozen=True)
class MixingMatrix:
    """Workers on a graph average with their neighbours: W is doubly stochastic and norm(W - J) = mixing, J the average of all."""

    mixing: Constant
    workers: int
    statement: ClassVar[str] = "W is doubly stochastic and mixing is the spectral norm of W - J"
    formula: ClassVar[str] = "W bb(1) = bb(1), quad bb(1)^top W = bb(1)^top, quad rho = norm(W - J)"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """mixing, workers."""
        return {symbols.mixing: self.mixing, symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """The matrix read off `mix`: its row and column sums, and the spectral norm of its distance to J."""
        matrix = problem.mix(np.eye(self.workers)[None])[0]
        sums = max(float(np.abs(matrix.sum(axis=axis) - 1).max()) for axis in (0, 1))
        yield Finding("doubly stochastic", 0.0, sums, "row and column sums", Status.BROKEN if sums > 1e-12 else Status.HOLDS)   # sums of N numbers below 1
        yield judged("mixing", self.mixing, float(np.linalg.norm(matrix - 1 / self.workers, 2)), True, None)


@dataclass(frozen=True)
class OnePeerRounds:
    """In round j = 0 .. rounds - 1, over and over, each worker averages with the one 2^j places further on."""

    rounds: int
    workers: int
    statement: ClassVar[str] = "in round j each worker averages with the one 2^j places further on, the rounds taking their turns"
    formula: ClassVar[str] = "W_j = (I + P^(2^j)) / 2"
    restricts: ClassVar[bool] = True

    def constants(self) -> Mapping[symbols.Symbol, Constant]:
        """rounds, workers."""
        return {symbols.rounds: Constant(self.rounds, Exactness.EXACT, "counted"), symbols.workers: Constant(self.workers, Exactness.EXACT, "counted")}

    def audit(self, problem: Any, rng: np.random.Generator) -> Iterator[Finding]:
        """Every round's matrix, read off `mix`."""
        unit = np.eye(self.workers)
        off = max(float(np.abs(problem.mix(unit[None], j)[0] - (unit + np.roll(unit, 2 ** (j % self.rounds), axis=1)) / 2).max()) for j in range(2 * self.rounds))
        yield Finding("one peer", 0.0, off, "two periods of rounds", Status.BROKEN if off > 0 else Status.ATTAINED)


def audit(problem: Any, rng: np.random.Generator) -> list[tuple[Any, Finding]]:
    """Every fact of a problem with what its audit found, in float64."""
    floating = cast(problem, FLOAT64)
    return [(fact, finding) for fact in floating.facts() for finding in fact.audit(floating, rng)]
