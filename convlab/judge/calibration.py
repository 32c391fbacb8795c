"""The judge judged: how often it refutes true statements, and how soon false ones, beside what people do by hand.

A law gives samples of X/E[X] along a curve of iterations; a statement with excess e claims the bound E[X]/(1 + e), so it is true at e = 0, exactly
tight, and false by e beyond. The e-value may be looked at after each of the replicate numbers; the tests by hand are made once at each.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from convlab import catalogue
from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.judge.evalues import BETS, looked_at, threshold, wealth
from convlab.judge.grid import algorithm_of
from convlab.judge.power import SEEN, SHARE, WORTH, Moments, moments, reached
from convlab.judge.sampled import DOUBT, SPREAD, Sampler
from convlab.problem import installed_families
from convlab.run.bind import Binder
from convlab.run.cases import batch_of, settings_on
from convlab.run.moments import exact_moments
from convlab.run.settings import Settings
from convlab.theorem import RateBound

ALPHAS = (0.1, 0.01, 0.001)
EXCESSES = (0.0, 0.05, 0.1, 0.2)
ITERATIONS = 16          # of the laws that are independent along the curve
LAST = 100               # k at which the runs of algorithms end
CHUNK = 16_384           # replicates drawn at a time
CONFIDENCE = 0.99        # one-sided, of the Clopper-Pearson limit of a rate of refutations
HEAVY = 2.0      # log-normal: kurtosis about 9 million, so that no sample variance here is near the true one
RARE = 0.02      # Bernoulli: 50 with probability 1/50
METHODS = ("refuted", "holds", "t_test", "bonferroni", "last_iterate", "mean")

Draw = Callable[[int, int, int], Array]      # (chunk number, repeats, replicates) -> (repeats, iterations, replicates) of X/E[X]


@dataclass(frozen=True)
class Rates:
    """How often each method spoke, of so many repeats: the columns of `convlab calibrate`. `refuted_lower` is a 99 % lower limit of the true rate."""

    law: str
    excess: float
    alpha: float
    replicates: int
    repeats: int
    counts: tuple[int, ...]      # in the order of METHODS

    @property
    def refuted_lower(self) -> float:
        """Clopper and Pearson's one-sided lower limit of the rate of refutations."""
        k = self.counts[0]
        return float(stats.beta.ppf(1 - CONFIDENCE, k, self.repeats - k + 1)) if k else 0.0

    @property
    def as_promised(self) -> bool:
        """Whether a true statement is refuted with probability at most alpha, as far as these repeats tell."""
        return self.excess > 0 or self.refuted_lower <= self.alpha

    def to_json(self) -> dict[str, object]:
        """An item of `results`."""
        fractions = {f"{method}_fraction": count / self.repeats for method, count in zip(METHODS, self.counts, strict=True)}
        return {"law": self.law, "excess": self.excess, "alpha": self.alpha, "replicates": self.replicates, "repeats": self.repeats,
                **fractions, "refuted_lower": self.refuted_lower}


def _independent(seed: int, law: Callable[[np.random.Generator, tuple[int, ...]], Array], number: int, repeats: int, count: int) -> Array:
    return law(np.random.default_rng((seed, number)), (repeats, ITERATIONS, count))


def algorithm_law(title: str, problem: str, seed: int) -> Draw:
    """Replicates of a theorem's algorithm on a problem, over their exact expectation at each checkpoint."""
    claim = catalogue.theorem(title).claims[0]
    assert isinstance(claim, RateBound)
    assert claim.metric is not None
    member = next(m for family in installed_families().values() for m in family.members() if m.name == problem)
    settings = Settings(seed=seed, iterations=LAST)
    setting = settings_on(claim, title, member, settings, claim.assumptions)[0]
    sampler = Sampler("calibration", claim, setting, settings)
    batch = batch_of([setting], FLOAT64)
    exact = exact_moments(Binder(algorithm_of(claim), batch.values, batch.x0.ndim, LAST, FLOAT64), batch, claim.metric, sampler.points).measured
    rows = 1 + looked_at(sampler.points[1:])

    def draw(number: int, repeats: int, count: int) -> Array:
        measured = sampler.block(number, repeats * count).measured[rows] / exact[rows]
        return np.asarray(measured.reshape(len(rows), repeats, count).transpose(1, 0, 2))

    return draw


# Three laws that are independent along the curve, two algorithms of the catalogue measured against their exact moments; each made from a seed.
LAWS: Mapping[str, Callable[[int], Draw]] = {
    "exponential": lambda seed: partial(_independent, seed, lambda rng, shape: rng.exponential(size=shape)),
    "lognormal": lambda seed: partial(_independent, seed, lambda rng, shape: rng.lognormal(-HEAVY**2 / 2, HEAVY, size=shape)),
    "bernoulli": lambda seed: partial(_independent, seed, lambda rng, shape: rng.binomial(1, RARE, size=shape) / RARE),
    "sgd-quadratic": partial(algorithm_law, "sgd-sc-const-sharp", "noisy-quadratic-covariance"),
    "loopless-svrg": partial(algorithm_law, "lsvrg", "sum-spread-3")}


def calibrated(seed: int, repeats: int, sizes: tuple[int, ...], only: tuple[str, ...] = (), excesses: tuple[float, ...] = EXCESSES) -> Iterator[Rates]:
    """The rates of every law, excess, alpha and number of replicates (increasing `sizes`)."""
    for name in only or LAWS:
        draw, together = LAWS[name](seed), max(1, CHUNK // sizes[-1])
        totals = np.zeros((len(excesses), len(ALPHAS), len(sizes), len(METHODS)), dtype=int)
        for number, first in enumerate(range(0, repeats, together)):
            ratios = draw(number, min(together, repeats - first), sizes[-1])
            totals += np.stack([spoken(ratios * (1 + excess), sizes) for excess in excesses])
        for e, a, s in np.ndindex(*totals.shape[:3]):
            yield Rates(name, excesses[e], ALPHAS[a], sizes[s], repeats, tuple(int(count) for count in totals[e, a, s]))


def spoken(ratios: Array, sizes: tuple[int, ...]) -> Array:
    """How many of the repeats each method alarms on (or, `holds`, is content with): (alphas, sizes, methods). `ratios` is (repeats, iterations, replicates)."""
    repeats, iterations, _ = ratios.shape
    flat = ratios.reshape(repeats * iterations, -1)
    owned, seen, richest = wealth(len(flat)), moments(len(flat)), np.full(repeats, -np.inf)
    found = np.zeros((len(ALPHAS), len(sizes), len(METHODS)), dtype=int)
    for s, (before, size) in enumerate(zip((0, *sizes), sizes, strict=False)):
        owned, seen = owned.after(flat[:, before:size]), seen.after(flat[:, before:size])
        logs = owned.logs.reshape(len(BETS), repeats, iterations).transpose(1, 0, 2).reshape(repeats, -1)
        richest = np.maximum(richest, np.logaddexp.reduce(logs, axis=1) - np.log(logs.shape[1]))      # looked at after each size
        p_values = _p_values(seen).reshape(repeats, iterations)
        above = ((seen.mean > 1) & _spread(seen)).reshape(repeats, iterations).any(axis=1)
        for a, alpha in enumerate(ALPHAS):
            refuted = richest >= threshold(alpha)
            held = ~refuted & (richest < threshold(DOUBT)) & _content(seen, alpha, repeats)
            hand = (p_values.min(axis=1) <= alpha, p_values.min(axis=1) <= alpha / iterations, p_values[:, -1] <= alpha, above)
            found[a, s] = [int(alarm.sum()) for alarm in (refuted, held, *hand)]
    return found


def _p_values(seen: Moments) -> Array:
    """One-sided t-tests of mean <= bound."""
    with np.errstate(all="ignore"):
        t = (seen.mean - 1) / (seen.deviation / np.sqrt(seen.replicates))
    return np.where(_spread(seen), stats.t.sf(t, seen.replicates - 1), 1.0)


def _spread(seen: Moments) -> Array:
    """Where replicates differ by more than rounding: nobody would test a constant, or call 1 + 2e-16 above 1."""
    return np.asarray(seen.deviation > SPREAD * seen.mean)


def _content(seen: Moments, alpha: float, repeats: int) -> Array:
    """Where a sample has the power that `holds` needs and no replicate carries it."""
    iterations = len(seen.mean) // repeats
    sees = reached(seen, np.array([SEEN]))[0] >= threshold(alpha) + np.log(iterations)
    fine = (sees | (seen.mean <= WORTH)) & (seen.share <= SHARE)
    return np.asarray(fine.reshape(repeats, iterations).all(axis=1))
