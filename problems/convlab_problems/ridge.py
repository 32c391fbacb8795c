"""Ridge regression: least squares with a quadratic penalty, as a finite sum."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.arithmetic import Arithmetic, cast_fields
from convlab.assumptions import ConvexSamples, FiniteSum, Minimum, PolyakLojasiewicz, Quadratic, Smooth, SmoothSamples, StronglyConvex
from convlab.constants import Array, Number, exact
from convlab.draws import Draws, Uniform
from convlab.operations import inner, solve, taken
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, starts_around, vector
from convlab_problems.regression_data import SAMPLES, breast_cancer, designed, digits, noisy_targets
from convlab_problems.transcendental import cast_irrational


@dataclass(frozen=True, eq=False)
class Ridge:
    """f = mean over i of (a_i . x - b_i)^2/2 + mu |x|^2/2; without a penalty, mu = 0, plain least squares. The minimiser solves the normal equations."""

    design: Array              # (n, dimension)
    targets: Array             # (n,)
    minimiser: Array           # (dimension,)
    penalty: Number            # mu of the penalty
    largest: Number            # ends of the spectrum of A^T A/n + penalty I
    least: Number
    start: Array | None = None

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.design.shape[0])

    def value(self, x: Array) -> Array:
        """f(x), (replicates,)."""
        miss = x @ self.design.T - self.targets
        return (inner(miss, miss) / self.n + self.penalty * inner(x, x)) / 2

    def gap(self, x: Array) -> Array:
        """mean (a_i . t)^2/2 + mu |t|^2/2: the linear terms cancel at the minimiser, so squares alone are left."""
        t = x - self.minimiser
        reach = t @ self.design.T
        return (inner(reach, reach) / self.n + self.penalty * inner(t, t)) / 2

    def gradient(self, x: Array) -> Array:
        """(A^T A/n + mu I) (x - x*)."""
        t = x - self.minimiser
        return (t @ self.design.T) @ self.design / self.n + self.penalty * t

    def sample_gradient(self, x: Array, index: Array) -> Array:
        """(a_i . x - b_i) a_i + mu x."""
        row = taken(self.design, index)
        miss = inner(row, x) - taken(self.targets, index)
        gradient = miss[:, None] * row
        return gradient + self.penalty * x if self.penalty else gradient            # plain least squares does not pay for a penalty of 0

    def sample_gradients(self, x: Array) -> Array:
        """All of them, (replicates, n, dimension)."""
        miss = x @ self.design.T - self.targets
        return miss[:, :, None] * self.design + self.penalty * x[:, None, :]

    def sample_smoothness(self) -> Array:
        """|a_i|^2 + mu, (n,)."""
        return inner(self.design, self.design) + self.penalty

    def sample_convexity(self) -> Array:
        """The penalty of every sample (of one dimension its row would add to it: a lower bound), (n,)."""
        return 0 * self.targets + self.penalty

    def gradient_draws(self) -> Draws:
        """A sample."""
        return Draws(index=Uniform(self.n))

    def stochastic_gradient(self, x: Array, draw: Any) -> Array:
        """The gradient of the drawn sample."""
        return self.sample_gradient(x, draw.index)

    def facts(self) -> tuple[Any, ...]:
        """Everything that a strongly convex quadratic finite sum is."""
        ends = "an eigenvalue of A^T A/n + mu I"
        longest = max((self.design * self.design).sum(axis=-1)) + self.penalty
        best = self.value(self.minimiser[None])[0]
        return (Smooth(exact(self.largest, how=f"the largest: {ends}")), StronglyConvex(exact(self.least, how=f"the smallest: {ends}")),
                PolyakLojasiewicz(exact(self.least, how=f"the smallest: {ends}; equality along its eigenvector")), Quadratic(),
                Minimum(exact(best, how="f at the solution of the normal equations"), at=self.minimiser),
                FiniteSum(self.n), SmoothSamples(exact(longest, how="max |a_i|^2 + mu, along the longest row")), ConvexSamples())

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances from the minimiser."""
        return starts_around(self.minimiser, rng, self.start)

    def cast(self, arithmetic: Arithmetic) -> Any:
        """The same problem in another arithmetic. Raises Unsupported for fractions where the data are floats: the constants are then rounded eigenvalues."""
        if self.design.dtype.kind == "f":
            return cast_irrational(self, arithmetic, "its constants are eigenvalues of measured data")
        return cast_fields(self, arithmetic)


def ridge(design: Array, targets: Array, penalty: Number, spectrum: Sequence[Number], start: Any = None) -> Ridge:
    """The problem of these data; `spectrum` holds the eigenvalues of A^T A/n."""
    n, dimension = design.shape
    normal = design.T @ design / n + penalty * np.eye(dimension, dtype=int)
    minimiser = solve(normal, (targets @ design / n)[None])[0]
    return Ridge(design, targets, minimiser, penalty, max(spectrum) + penalty, min(spectrum) + penalty,
                 None if start is None else vector(start, dimension))


def make(scales: Any, mu: Any, seed: int = 0, start: Any = None) -> Ridge:
    """16 rational samples whose A^T A/16 has the eigenvalues scales^2, so all constants and the minimiser are exact.

    Raises ValueError unless mu > 0, and for more than 16 scales.
    """
    stretch = [number(s) for s in np.atleast_1d(np.asarray(scales, dtype=object))]
    if not (mu > 0 and len(stretch) <= SAMPLES):
        raise ValueError(f"ridge regression needs mu > 0 and at most {SAMPLES} scales; given mu = {mu} and {len(stretch)} scales.")
    design = array_of(designed(stretch, seed))
    return ridge(design, array_of(noisy_targets(design, seed)), number(mu), [s * s for s in stretch], start)


def measured(design: Array, targets: Array, penalty: float) -> Ridge:
    """The problem of measured data, whose spectrum is computed."""
    return ridge(design, targets, penalty, [float(v) for v in np.linalg.eigvalsh(design.T @ design / len(design))])


def members() -> Iterator[Member]:
    """Rational designs, well and badly conditioned, and measured data where scikit-learn is installed."""
    yield Member("ridge-3", make((Fraction(1, 2), 2, 3), Fraction(1, 6), seed=11))
    yield Member("ridge-ill-conditioned-5", make((Fraction(1, 8), Fraction(1, 2), 1, 3, 7), Fraction(1, 40), seed=5))
    for name, data, scale, aim, penalty in (("breast-cancer", breast_cancer(), 3, 5, 0.25), ("digits", digits(), 7, 1, 0.6)):
        if data is not None:
            yield Member(f"ridge-{name}", measured(scale * data[0], aim * data[1], penalty))


DRAWN = (Space({"mu": (1 / 64, 8)}, lambda n: {"scales": n["scales"], "mu": n["mu"], "seed": n["seed"]},
               random=True, counts={"seed": (0, 999)}, each={"scales": (1 / 8, 8)}),)
SEARCH = (Space({"mu": (1 / 64, 8), "first": (1 / 8, 8), "second": (1 / 8, 8), "seed": (0, 999)},
                lambda n: {"scales": (n["first"], n["second"]), "mu": n["mu"], "seed": int(n["seed"])}, random=True),)
FAMILY = Family("ridge", make, members, SEARCH, DRAWN)
