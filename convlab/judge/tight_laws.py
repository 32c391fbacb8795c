"""Samples whose expectation is exactly the bound, at every iteration of a curve: the true and tight statements that the judge is tried on.

Three laws that are independent along the curve, two algorithms of the catalogue whose replicates are divided by what is known of them exactly.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np

from convlab import catalogue
from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.judge.bounds import bound_along
from convlab.judge.evalues import looked_at
from convlab.judge.grid import algorithm_of
from convlab.judge.replicates import Sampler
from convlab.problem import installed_families
from convlab.run.bind import Binder
from convlab.run.cases import batch_of, realised, settings_on
from convlab.run.moments import exact_moments
from convlab.run.recorder import Record
from convlab.run.settings import Settings
from convlab.symbols import L, R, mu, sigma
from convlab.theorem import Instance, RateBound, tight_instances

ITERATIONS = 12          # of the laws that are independent along the curve
LAST = 100               # k at which the runs of algorithms end
HEAVY = 2.0              # log-normal: kurtosis about 9 million, so that no sample variance here is near the true one
RARE = 0.2               # Bernoulli: 5 with probability 1/5

Draw = Callable[[int, int, int], Array]      # (block number, repeats, replicates) -> (repeats, iterations, replicates) of X/B, where E X = B


@dataclass(frozen=True)
class TightLaw:
    """A law made from a seed. `most`: more replicates than that are not worth their time: a heavy tail hides its mean, an algorithm must be run."""

    made: Callable[[int], Draw]
    most: int


def independent(seed: int, law: Callable[[np.random.Generator, tuple[int, ...]], Array], number: int, repeats: int, count: int) -> Array:
    """Replicates without memory along the curve."""
    return law(np.random.default_rng((seed, number)), (repeats, ITERATIONS, count))


def stationary_sgd(seed: int) -> Sampler:
    """The theorem's tight instance, started where E (x_k - x*)^2 stays: at gamma sigma/sqrt(1 - (1 - gamma mu)^2), which is 5 gamma sigma/4 = 7/2 here."""
    claim, settings = rate_bound(STATIONARY), Settings(seed=seed, iterations=LAST, parameters={"gamma": str(GAMMA)})
    attained = tight_instances(claim)[0]
    instance = Instance(attained.family, start=attained.start, at={mu: Fraction(3), L: Fraction(7), sigma: Fraction(21), R: Fraction(7, 2)},
                        **{**attained.parameters, "law": "covariance"})
    return Sampler("calibration", claim, realised(instance, claim, STATIONARY, installed_families(), settings)[0], settings)


STATIONARY = "sgd-sc-const-sharp"
GAMMA = Fraction(2, 15)      # 2/(5 mu): a step multiplies the distance by 3/5, and 1 - (3/5)^2 = (4/5)^2


def on_problem(title: str, problem: str, seed: int) -> Sampler:
    """A theorem's first claim on an installed problem, at its default parameters."""
    claim, settings = rate_bound(title), Settings(seed=seed, iterations=LAST)
    found = next(found for family in installed_families().values() for found in family.members() if found.name == problem)
    return Sampler("calibration", claim, settings_on(claim, title, found, settings, claim.assumptions)[0], settings)


def run_of(sampled: Callable[[int], Sampler], exact: Callable[[Sampler], Array], last: bool, seed: int) -> Draw:
    """Replicates of an algorithm over `exact` at the checkpoints that the judge looks at, or at the last k alone."""
    sampler = sampled(seed)
    rows = np.array([-1]) if last else 1 + looked_at(sampler.points[1:])
    expected = exact(sampler)[rows]

    def draw(number: int, repeats: int, count: int) -> Array:
        measured = sampler.block(number, repeats * count).measured[rows] / expected
        return np.asarray(measured.reshape(len(rows), repeats, count).transpose(1, 0, 2))

    return draw


def rate_bound(title: str) -> RateBound:
    """The first claim of a theorem of the catalogue."""
    claim = catalogue.theorem(title).claims[0]
    assert isinstance(claim, RateBound)
    return claim


def by_moments(sampler: Sampler) -> Array:
    """The exact expectation of the metric, (checkpoints, 1): the tightest bound that is true."""
    claim, batch = sampler.claim, batch_of([sampler.setting], FLOAT64)
    assert claim.metric is not None
    return exact_moments(Binder(algorithm_of(claim), batch.values, batch.x0.ndim, LAST, FLOAT64), batch, claim.metric, sampler.points).measured


def by_bound(sampler: Sampler) -> Array:
    """The theorem's own bound, (checkpoints, 1), on a problem where it is attained."""
    batch = batch_of([sampler.setting], FLOAT64)
    record = Record(sampler.points, np.ones((len(sampler.points), 1)), None)
    return np.asarray(bound_along(sampler.claim, batch, record, record.measured[0]), dtype=float)


LAWS: Mapping[str, TightLaw] = {
    "exponential": TightLaw(lambda seed: partial(independent, seed, lambda rng, shape: rng.exponential(size=shape)), 65_536),
    "lognormal": TightLaw(lambda seed: partial(independent, seed, lambda rng, shape: rng.lognormal(-HEAVY**2 / 2, HEAVY, size=shape)), 4096),
    "bernoulli": TightLaw(lambda seed: partial(independent, seed, lambda rng, shape: (rng.random(shape) < RARE) / RARE), 65_536),
    "sgd-stationary": TightLaw(partial(run_of, stationary_sgd, by_bound, False), 16_384),
    "loopless-svrg": TightLaw(partial(run_of, partial(on_problem, "lsvrg", "sum-spread-3"), by_moments, True), 4096)}
