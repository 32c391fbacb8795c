"""Averages of SGD on a quadratic: their covariance, exactly. At every step size it tends to H^-1 S H^-1/K, while the last iterate keeps its noise."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import And, Rational

from convlab.algorithms.averaging import AveragedSGD
from convlab.assumptions import Minimum, NoiseCovariance, Smooth, StronglyConvex
from convlab.constants import Array
from convlab.metrics import Case, metric
from convlab.operations import rowwise
from convlab.symbols import L, R, gamma, k, lam, mu, sigma
from convlab.theorem import Changed, Instance, Law, RateBound, Relation, Step, SymbolicIdentity, Theorem, from_k
from convlab.theorems.sgd.quadratic import any_covariance, at_products, noise_of, second_moment, squared_coordinates

mean_so_far = AveragedSGD(step_size=gamma, share=1 / (k + 1))


@dataclass(frozen=True)
class Forgotten:
    """What the average keeps of the start and of the noise, eigenvalue by eigenvalue, with a = 1 - gamma l: sums of powers of a, nothing cancels.

    Of the start (1 + a + ... + a^(k-1))/k; of the noise drawn m updates before the last it has seen gamma (1 + ... + a^(m-1))/k = (1 - a^m)/(l k).
    """

    step: Array                # (replicates, 1)
    curvatures: Array          # (dimension,)
    k: int

    def powers(self) -> list[Array]:
        """1, a, ..., a^(k-1), each (replicates, dimension)."""
        a = 1 - self.step * self.curvatures
        found = [a**0]
        for _ in range(1, max(self.k, 1)):
            found.append(found[-1] * a)
        return found

    def of_start(self) -> Array:
        """(replicates, dimension)."""
        found: Array = sum(self.powers()) / max(self.k, 1)
        return found

    def of_noise(self) -> list[Array]:
        """For m = 1 .. k - 1, each (replicates, dimension)."""
        powers, found, total = self.powers(), [], 0
        for m in range(1, self.k):
            total = total + powers[m - 1]
            found.append(self.step * total / self.k)
        return found


def _forgotten(k: int, case: Case, initial: Array) -> Forgotten:
    return Forgotten(rowwise(case[gamma], initial), noise_of(case).curvatures, k)


def exact_covariance(k: int, case: Case, record: Mapping[str, Array]) -> Array:
    """Start and noise of the average, entry by entry, (replicates, dimension, dimension)."""
    kept = _forgotten(k, case, record["M0"][..., 0])
    start = kept.of_start()
    noise = sum((w[..., :, None] * w[..., None, :] for w in kept.of_noise()), 0 * record["M0"])
    found: Array = start[..., :, None] * start[..., None, :] * record["M0"] + noise * noise_of(case).covariance
    return found


@dataclass(frozen=True)
class AtMost:
    """start^2 e_0^2 + share S_ii/(l_i^2 k): the limit of the noise, reached from below. `faster`: the start forgotten like a^(2k), as the last iterate does."""

    share: Any = 1
    faster: bool = False

    def __call__(self, k: int, case: Case, record: Mapping[str, Array]) -> Array:
        """The bound at k, (replicates, dimension)."""
        noise, kept = noise_of(case), _forgotten(k, case, record["M0"])
        start = kept.powers()[-1] * kept.powers()[-1] if self.faster else kept.of_start() * kept.of_start()
        found: Array = start * record["M0"] + self.share * noise.covariance.diagonal() / (noise.curvatures * noise.curvatures * max(k, 1))
        return found


@metric("EE (e_1 - e_2)^2, quad e = Q^T (macron(x)_k - x^*)", "x^2", at_products)
def first_less_second(state: Any, case: Case) -> Array:
    """Along (1, -1) in the eigenbasis, (replicates,)."""
    error = noise_of(case).rotated(state[0] - case.minimiser)
    return (error[:, 0] - error[:, 1]) ** 2


def limit_along(k: int, case: Case, record: Mapping[str, Array]) -> Array:
    """The quadratic form of H^-1 S H^-1 at (1, -1), over k; the run starts at x*."""
    noise = noise_of(case)
    along = noise.covariance / (noise.curvatures[:, None] * noise.curvatures)
    return record["M0"] + (along[0, 0] + along[1, 1] - along[0, 1] - along[1, 0]) / max(k, 1)


a = 1 - gamma * lam
one_curvature = Instance("noisy", clean="quadratic", spectrum=(L,), noise=sigma, start=(R,))
far = Instance("noisy", clean="quadratic", spectrum=(mu, L), noise=(sigma, sigma), start=(100 * R, 100 * R))
aligned = Instance("noisy", clean="quadratic", spectrum=(L / 100, L), noise=(L / 100, L), start=(0, 0))       # H^-1 S H^-1 sees nothing along (1, -1)
quadratic_noise = (Smooth, StronglyConvex, NoiseCovariance, Minimum)

polyak_ruppert = Theorem(
    id="polyak-ruppert-exact-covariance",
    title="The average of SGD on a quadratic: second moment, exactly, and its limit whatever the step",
    source="Polyak, Juditsky (1992); Bach, Moulines (2013); Defossez, Bach (2015)",
    claims=(
        RateBound(
            algorithm=mean_so_far, assumptions=quadratic_noise, condition=And(0 < gamma, gamma <= 2 / L), defaults={gamma: 1 / L}, relation=Relation.EQUAL,
            law=Law.EXPECTATION, metric=second_moment, grid=from_k(1), bound=exact_covariance, tight=any_covariance,
            statement="A_i A_j e_(0,i) e_(0,j) + S_(i j)/(lambda_i lambda_j k^2) sum_(m = 1)^(k - 1) (1 - a_i^m) (1 - a_j^m), quad A_i = (1 - a_i^k)/(gamma lambda_i k), "
                      "quad a_i = 1 - gamma lambda_i",
            note="The average of x_0 .. x_(k-1). So k times its covariance tends to H^-1 S H^-1 for every gamma < 2/L: what the best unbiased estimate has. "
                 "An identity for every gamma > 0; judged where it stays bounded.",
            facts=(SymbolicIdentity("what the average keeps of the start: one more power of a", (1 - a**k) / (1 - a) + a**k, (1 - a ** (k + 1)) / (1 - a)),
                   SymbolicIdentity("what it has seen of a noise", gamma * (1 - a**k) / (1 - a), (1 - a**k) / lam)),
            mutants=(Changed("half of the limit", one_curvature, relation=Relation.AT_MOST, bound=AtMost(Rational(1, 2)), metric=squared_coordinates),)),
        RateBound(
            name="limit", algorithm=mean_so_far, assumptions=quadratic_noise, condition=And(0 < gamma, gamma <= sp.sqrt(2) / L), defaults={gamma: 1 / L},
            law=Law.EXPECTATION, metric=squared_coordinates, grid=from_k(1), bound=AtMost(),
            statement="A_i^2 e_(0,i)^2 + S_(i i)/(lambda_i^2 k)",
            note="The limit is reached from below, eigenvalue by eigenvalue, at every k exactly up to gamma L = sqrt(2): at k = 2 the ratio is (gamma L)^2/2. "
                 "As matrices k Cov <= H^-1 S H^-1 is false unless S and H commute.",
            facts=(SymbolicIdentity("at k = 2 one noise has been seen", (1 - a) ** 2 / (lam**2 * 4), (gamma * lam) ** 2 / 2 * (1 / (2 * lam**2))),),
            mutants=(Changed("half of the limit", one_curvature, bound=AtMost(Rational(1, 2))),
                     Changed("the start forgotten exponentially", far, bound=AtMost(faster=True)),
                     Step(one_curvature, name="at gamma = 19/(10 L)", defaults={gamma: Rational(19, 10) / L}),
                     Changed("as matrices, along (1, -1)", aligned, metric=first_less_second, bound=limit_along))),
    ),
)
