"""What a sample could have shown: the smallest excess over the bound that it would have betrayed, and how far to trust that.

Everything is computed from four moments of X/B by one inequality, log(1 + lam z) >= lam z - (-log(1 - lam) - lam) z^2 for z >= -1: it bounds the wealth
of every bet from below without the sample at hand (Fan, Grama, Liu 2015).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.judge.evalues import BETS, RANGE

PROBABILITY = 0.99
EXCESSES = np.geomspace(1e-3, 1e3, 300)        # what is looked through: steps of 5 %
FACTORS = np.concatenate([np.geomspace(1e-9, 0.5, 400), 1 - np.geomspace(0.49, 1e-3, 200)])        # steps of 5 % below a half, of 3 % of the distance to 1 above
WORTH = 0.8                                    # `holds` needs power wherever the measured mean is above this part of the bound
SEEN = 0.1                                     # and the power it needs: this excess
SHARE = 0.1                                    # where one replicate carries more of the sum, sampling certifies nothing


@dataclass(frozen=True)
class Power:
    """An excess over the bound (0.04 is 4 %) and the probability with which it would have been refuted."""

    excess: float
    probability: float = PROBABILITY

    def __str__(self) -> str:
        return f"an excess of {100 * self.excess:.2g} % over the bound would have been seen with probability {self.probability:g}"


@dataclass(frozen=True)
class Moments:
    """Sums of powers 1 to 4 of X/B, (4, checkpoints), and its largest value, over so many replicates."""

    sums: Array
    largest: Array
    replicates: int = 0

    def after(self, ratios: Array) -> Moments:
        """With more replicates: (checkpoints, replicates)."""
        with np.errstate(all="ignore"):                       # beyond float64 a moment is infinite, and no power is claimed
            capped = np.clip(ratios, -RANGE, RANGE)
            squares = capped * capped
            sums = np.stack([capped.sum(axis=1), squares.sum(axis=1), np.vecdot(squares, capped), np.vecdot(squares, squares)])
        return Moments(self.sums + sums, np.maximum(self.largest, ratios.max(axis=1)), self.replicates + ratios.shape[1])

    @property
    def raw(self) -> Array:
        """The first four raw moments, (4, checkpoints)."""
        return self.sums / self.replicates

    @property
    def mean(self) -> Array:
        """Measured mean over bound."""
        return self.raw[0]

    @property
    def deviation(self) -> Array:
        """Standard deviation of X/B."""
        return np.sqrt(central(self.raw, self.mean, 2) * self.replicates / max(1, self.replicates - 1))

    @property
    def kurtosis(self) -> Array:
        """Fourth central moment over squared variance: 3 for a normal law; the relative error of the variance is sqrt((kurtosis - 1)/replicates)."""
        with np.errstate(all="ignore"):
            return central(self.raw, self.mean, 4) / central(self.raw, self.mean, 2) ** 2

    @property
    def share(self) -> Array:
        """The part of the sum that the largest replicate carries; 0 where all are 0."""
        return np.divide(self.largest, self.sums[0], out=np.zeros_like(self.largest), where=self.sums[0] > 0)


def moments(checkpoints: int) -> Moments:
    """Before any replicate."""
    return Moments(np.zeros((4, checkpoints)), np.zeros(checkpoints))


def central(raw: Array, about: Any, power: int) -> Array:
    """E (Y - about)^2 or ^4 from the raw moments of Y; never below 0, where rounding would put it."""
    m1, m2, m3, m4 = raw
    with np.errstate(all="ignore"):
        found = (m2 - 2 * about * m1 + about**2) if power == 2 else (m4 - 4 * about * m3 + 6 * about**2 * m2 - 4 * about**3 * m1 + about**4)
    return np.maximum(found, 0)


def reached(seen: Moments, excess: Array, probability: float = PROBABILITY, bets: Array = BETS, level: float | None = None) -> Array:
    """log of the e-value that each checkpoint alone reaches with that probability when its mean is (1 + excess) B, (excesses, checkpoints).

    The law is the measured one, scaled to that mean. Sums of that many replicates are taken as normal, the sum of squares with the error that the fourth
    moment gives it. With `level`, X/B is the indicator of a failure over the probability that is allowed to it, and its law is known: no sample is asked.
    """
    from scipy.special import ndtri  # a tenth of a second that checks without samples need not wait

    n, far = seen.replicates, float(ndtri(1 - (1 - probability) / 2))       # half of the doubt for each of the two sums
    excess = excess[:, None]
    with np.errstate(all="ignore"):
        scale = (1 + excess) / seen.mean
        raw = np.stack([seen.raw[i] * scale ** (i + 1) if level is None else (1 + excess) / level**i + 0 * seen.mean for i in range(4)])
        square, fourth = central(raw, 1.0, 2), central(raw, 1.0, 4)
        low = n * excess - far * np.sqrt(n * np.maximum(square - excess**2, 0))
        high = n * square + far * np.sqrt(n * np.maximum(fourth - square**2, 0))
        found = np.max([bet * low - _cost(bet) * high for bet in bets if bet < 1], axis=0) - np.log(len(bets))
    return np.where(np.isnan(found), -np.inf, found)


def visible_excess(seen: Moments, log_threshold: float, probability: float = PROBABILITY, level: float | None = None) -> Array:
    """The smallest relative excess of each checkpoint at which the e-value of the whole curve passes with that probability; inf where none does.

    At the other checkpoints the gambler may have lost everything.
    """
    passed = reached(seen, EXCESSES, probability, level=level) >= log_threshold + np.log(len(seen.mean))
    return np.where(passed.any(axis=0), EXCESSES[np.argmax(passed, axis=0)], np.inf)


def refuted_factor(seen: Moments, log_threshold: float, bets: Array = BETS) -> float | None:
    """The largest c < 1 for which `c * bound` is refuted by this sample too: how loose the bound is on this problem. None where no c is."""
    inside = bets[bets < 1]
    factors = FACTORS[:, None]
    with np.errstate(all="ignore"):
        low = seen.replicates * (seen.raw[0] / factors - 1)
        high = seen.replicates * (seen.raw[1] / factors**2 - 2 * seen.raw[0] / factors + 1)
        logs = np.stack([bet * low - _cost(bet) * high for bet in inside])
        logs = np.where(np.isfinite(logs), logs, -np.inf)
    e_values = np.logaddexp.reduce(np.logaddexp.reduce(logs, axis=0), axis=1) - np.log(len(bets) * logs.shape[2])
    refuted = FACTORS[e_values >= log_threshold]
    return float(refuted.max()) if len(refuted) else None


def _cost(bet: float) -> float:
    return float(-np.log1p(-bet) - bet)
