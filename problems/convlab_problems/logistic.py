"""Logistic regression with a quadratic penalty: smooth, strongly convex, not quadratic, as a finite sum."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic
from convlab.assumptions import ConvexSamples, FiniteSum, Minimum, PolyakLojasiewicz, Smooth, SmoothSamples, StronglyConvex
from convlab.constants import Array, Number, exact, lower
from convlab.draws import Draws, Uniform
from convlab.operations import absolute, inner, maximum, minimum, patched, taken, where
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import starts_around, vector
from convlab_problems.regression_data import breast_cancer, two_classes
from convlab_problems.transcendental import cast_irrational, exp, expm1, log, log1p

SERIES = 0.02      # below it seven cumulants leave 2e-14 of the remainder; above it log1p - r u loses at most 1e-14
LINEAR = 60.0      # beyond it expm1 would overflow float32, and the exponential dominates
CERTAIN = 80.0     # a miss is not less probable than 2e-35: beside the penalty's share of the gradient, at margins that large, not even that is seen


@dataclass(frozen=True, eq=False)
class Logistic:
    """f = mean over i of log(1 + exp(-y_i a_i . x)) + mu |x|^2/2. The minimiser is Newton's, polished to the last bits."""

    rows: Array                # (n, dimension): y_i a_i
    penalty: Number            # mu
    minimiser: Array           # (dimension,)
    largest: Number            # curvature at the origin: the largest eigenvalue of A^T A/(4 n), plus mu
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.rows.shape[0])

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        margins = x @ self.rows.T
        losses = maximum(-margins, 0) + log1p(exp(-absolute(margins)))
        return losses.sum(axis=-1) / self.n + self.penalty * (x * x).sum(axis=-1) / 2

    def gap(self, x: Array) -> Array:
        """f(x) - f(x*) - <f'(x*), x - x*>, whose last term is 0: one second-order remainder a sample, each >= 0 and accurate however small."""
        t = x - self.minimiser
        remainders = remainder((self.minimiser[None] @ self.rows.T), t @ self.rows.T)
        return remainders.sum(axis=-1) / self.n + self.penalty * (t * t).sum(axis=-1) / 2

    def gradient(self, x: Array) -> Array:
        """mu x - mean p_i y_i a_i with p_i = 1/(1 + exp(y_i a_i . x))."""
        return self.penalty * x - miss_probability(x @ self.rows.T) @ self.rows / self.n

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """mu x - p_i y_i a_i."""
        row = taken(self.rows, index)
        return self.penalty * x - miss_probability(inner(x, row))[:, None] * row

    def sample_gradients(self, x: Array) -> Array:
        """All of them, (replicates, n, dimension)."""
        return self.penalty * x[:, None, :] - miss_probability(x @ self.rows.T)[:, :, None] * self.rows

    def sample_smoothness(self) -> Array:
        """|a_i|^2/4 + mu, (n,)."""
        return (self.rows * self.rows).sum(axis=-1) / 4 + self.penalty

    def sample_convexity(self) -> Array:
        """The penalty of every sample, (n,): far away the losses are straight."""
        return 0 * self.rows[:, 0] + self.penalty

    def gradient_draws(self) -> Draws:
        """A sample."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient of the drawn sample."""
        return self.sample_gradient(x, draw.index)

    def facts(self) -> tuple[Any, ...]:
        """Smooth and strongly convex, with convex components."""
        longest = max((self.rows * self.rows).sum(axis=-1)) / 4 + self.penalty
        best = self.value(self.minimiser[None])[0]
        return (Smooth(exact(self.largest, how="the loss curves at most 1/4, and exactly 1/4 at the origin: lambda_max(A^T A)/(4 n) + mu")),
                StronglyConvex(lower(self.penalty, how="the penalty's share; far away the losses are straight and nothing else is left")),
                PolyakLojasiewicz(lower(self.penalty, how="implied by mu-strong convexity")),
                Minimum(exact(best, how="f at the point where Newton's method has driven the gradient below 1e-14 of its terms"), at=self.minimiser),
                FiniteSum(self.n), SmoothSamples(exact(longest, how="max |a_i|^2/4 + mu, at the origin along the longest row")), ConvexSamples())

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The origin, where the curvature is largest, and random directions at three distances from the minimiser."""
        random = starts_around(self.minimiser, rng, self.start)
        return random if self.start is not None else (Start("origin", self.minimiser * 0), *random)

    def cast(self, arithmetic: Arithmetic) -> Any:
        """The same problem in another arithmetic. Raises Unsupported for fractions."""
        return cast_irrational(self, arithmetic, "exponentials of fractions are irrational")


def miss_probability(margins: Array) -> Array:
    """1/(1 + exp(margin)), never overflowing."""
    return 1 / (1 + exp(minimum(margins, CERTAIN)))


def remainder(z: Array, h: Array) -> Array:
    """phi(z + h) - phi(z) - phi'(z) h for phi(z) = log(1 + exp(-z)), to full relative accuracy.

    With r = 1/(1 + exp(|z|)) <= 1/2 and u = -h or h (the sign of z) it is log(1 + r (exp(u) - 1)) - r u: the cumulant function of a coin less its mean.
    Near u = 0 these two cancel, so there its series in the coin's cumulants is summed.
    """
    small = exp(-absolute(z))
    r = small / (1 + small)
    u = where(z > 0, -1 + 0 * z, 1 + 0 * z) * h
    inside = minimum(u, LINEAR)
    curved = log1p(r * expm1(inside)) - r * inside
    return patched(patched(curved, u > LINEAR, _straight, r, u), absolute(u) < SERIES, _series, r, u)


def _straight(r: Array, u: Array) -> Array:
    return (1 - r) * u + log(r + (1 - r) * exp(-u))


def _series(r: Array, u: Array) -> Array:
    v = r * (1 - r)
    odd = v * (1 - 2 * r)
    cumulants = (v, odd, v * (1 - 6 * v), odd * (1 - 12 * v), v * (1 - 30 * v + 120 * v * v), odd * (1 - 60 * v + 360 * v * v))
    total = cumulants[-1] * 0 * u
    for order, cumulant in reversed(tuple(enumerate(cumulants, start=2))):       # Horner in u: kappa_m u^m/m!
        total = (total * u + cumulant) / order
    return total * u * u


def logistic(features: Array, labels: Array, penalty: float, start: Any = None) -> Logistic:
    """The problem of these data (labels +-1). Raises ValueError where Newton's method does not reach a vanishing gradient."""
    rows = labels[:, None] * features
    largest = float(np.linalg.eigvalsh(rows.T @ rows / (4 * len(rows)))[-1]) + penalty
    at_origin = Logistic(rows, penalty, np.zeros(rows.shape[1]), largest)
    return Logistic(rows, penalty, _newton(at_origin), largest, None if start is None else vector(start, rows.shape[1]).astype(np.float64))


def _newton(problem: Logistic) -> Array:
    x = problem.minimiser
    for _ in range(60):
        step = np.linalg.solve(_hessian(problem, x), problem.gradient(x[None])[0])
        halved = next((s for s in 0.5 ** np.arange(30) if problem.value((x - s * step)[None])[0] < problem.value(x[None])[0]), 1.0)
        before, x = x, x - halved * step                 # at rounding level no step lowers f: then the full step polishes
        if np.array_equal(before, x):
            break
    slope = float(np.linalg.norm(problem.gradient(x[None])))
    terms = float(np.abs(problem.sample_gradients(x[None])).sum(axis=-1).mean())
    if slope > 1e-14 * terms:
        raise ValueError(f"Newton's method stopped at a gradient of {slope:.1e} with terms of {terms:.1e}: rescale the features.")
    return x


def _hessian(problem: Logistic, x: Array) -> Array:
    miss = miss_probability(x[None] @ problem.rows.T)[0]
    return (problem.rows.T * (miss * (1 - miss))) @ problem.rows / problem.n + problem.penalty * np.eye(len(x))


def make(mu: Any, samples: int = 24, dimension: int = 3, width: Any = 2, seed: int = 0, start: Any = None, spread: Any = 1) -> Logistic:
    """Two noisy classes; the features' widths fall geometrically by `spread`. Raises ValueError unless mu > 0, spread > 0 and there are samples."""
    if not (mu > 0 and samples > 0 and dimension > 0 and spread > 0):
        raise ValueError(f"logistic regression needs mu > 0, samples, a dimension and spread > 0; given {mu}, {samples}, {dimension}, {spread}.")
    rows, labels = two_classes(int(samples), int(dimension), float(width), seed)
    return logistic(rows / np.geomspace(1, float(spread), int(dimension)), labels, float(mu), start)


def members() -> Iterator[Member]:
    """Two sizes of features, and measured data where scikit-learn is installed."""
    yield Member("logistic-3", make(0.3, samples=24, dimension=3, width=5, seed=7))
    yield Member("logistic-weak-penalty-5", make(0.02, samples=40, dimension=5, width=8, seed=2))
    data = breast_cancer()
    if data is not None:
        yield Member("logistic-breast-cancer", logistic(3 * data[0], data[1], 0.15))


DRAWN = (Space({"mu": (1 / 64, 8), "width": (1 / 8, 8)}, lambda n: n,
               counts={"dimension": (1, 5), "samples": (1, 24), "seed": (0, 999)}),)
SEARCH = (Space({"mu": (1 / 64, 8), "width": (1 / 8, 8), "samples": (2, 9), "dimension": (1, 3), "seed": (0, 999)},
                lambda n: {"mu": n["mu"], "samples": int(n["samples"]), "dimension": int(n["dimension"]), "width": n["width"], "seed": int(n["seed"])}, random=True),)
FAMILY = Family("logistic", make, members, SEARCH, DRAWN)
