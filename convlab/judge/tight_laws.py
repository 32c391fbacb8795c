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
from convlab.judge.sampled import Sampler
from convlab.problem import Member, installed_families
from convlab.run.bind import Binder
from convlab.run.cases import batch_of, settings_on
from convlab.run.moments import exact_moments
from convlab.run.recorder import Record
from convlab.run.settings import Settings
from convlab.theorem import RateBound

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


def stationary_quadratic() -> Member:
    """lam x^2/2 with gradient noise of deviation sigma, started where E (x_k - x*)^2 stays: at gamma sigma/sqrt(1 - (1 - gamma lam)^2), here 7/2."""
    lam, sigma, at = Fraction(3), Fraction(21), Fraction(-5)
    start = at + Fraction(5, 4) * GAMMA * sigma               # 1 - (1 - gamma lam)^2 = (4/5)^2
    family = installed_families()["noisy"]
    return Member("stationary-quadratic", family.make(clean="quadratic", spectrum=(lam,), centre=at, start=(start,), noise=sigma, law="covariance"))


GAMMA = Fraction(2, 15)      # of that run: 2/(5 lam)


def member(name: str) -> Member:
    """An installed problem by its name."""
    return next(found for family in installed_families().values() for found in family.members() if found.name == name)


def run_of(title: str, problem: Callable[[], Member], exact: Callable[[Sampler], Array], parameters: Mapping[str, str], last: bool, seed: int) -> Draw:
    """Replicates of a theorem's algorithm on a problem, over `exact` at the checkpoints that the judge looks at, or at the last k alone."""
    sampler = sampler_of(title, problem(), parameters, seed)
    rows = np.array([-1]) if last else 1 + looked_at(sampler.points[1:])
    expected = exact(sampler)[rows]

    def draw(number: int, repeats: int, count: int) -> Array:
        measured = sampler.block(number, repeats * count).measured[rows] / expected
        return np.asarray(measured.reshape(len(rows), repeats, count).transpose(1, 0, 2))

    return draw


def sampler_of(title: str, problem: Member, parameters: Mapping[str, str], seed: int) -> Sampler:
    """Replicates of a theorem's first claim at its default parameters, or at those given."""
    claim = catalogue.theorem(title).claims[0]
    assert isinstance(claim, RateBound)
    settings = Settings(seed=seed, iterations=LAST, parameters=parameters)
    return Sampler("calibration", claim, settings_on(claim, title, problem, settings, claim.assumptions)[0], settings)


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
    "sgd-stationary": TightLaw(partial(run_of, "sgd-sc-const-sharp", stationary_quadratic, by_bound, {"gamma": str(GAMMA)}, False), 16_384),
    "loopless-svrg": TightLaw(partial(run_of, "lsvrg", partial(member, "sum-spread-3"), by_moments, {}, True), 4096)}
