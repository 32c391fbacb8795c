"""E-values: what a gambler owns who bets against `E[X] <= B`. Under it the wealth has expectation at most 1, whatever the law of X >= 0.

The wealth is mean_j prod_i (1 + lam_j (X_i/B - 1)) over a grid of bets 0 <= lam_j <= 1, averaged over checkpoints: each average of e-values is an
e-value. It grows block by block as replicates arrive and is a supermartingale, so by Ville's inequality `wealth >= 1/alpha` at any time whatever has
probability at most alpha. Source: Ville (1939); Waudby-Smith, Ramdas (2024); e-BH: Wang, Ramdas (2022).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convlab.constants import Array
from convlab.errors import BadInput

BETS = 2.0 ** (-np.arange(24) / 2)     # 1 to 1/2900: the best bet on a relative excess d with deviation s is about d/s^2; a neighbour keeps 97 % of its growth
RANGE = 1e300                          # a replicate beyond this counts as this: less wealth, never more
TOGETHER = 16                          # factors multiplied before a logarithm
TAME = 1e15                            # ratios up to here: 16 of them stay below 1e240
HALF_IN = 0.9                          # bets up to here: 16 factors of at least 0.1 stay above 1e-16
CHECKPOINTS = 32                       # a curve is judged at so many k, spread in the logarithm, and at the last
SEVERAL = 0.01                         # false discovery rate of a decision over several claims


@dataclass(frozen=True)
class Wealth:
    """log of the wealth of every bet at every checkpoint, (bets, checkpoints), after so many replicates."""

    logs: Array
    bets: Array
    replicates: int = 0

    def after(self, ratios: Array) -> Wealth:
        """The wealth after more replicates: `ratios` X/B, (checkpoints, replicates). Raises BadInput for an empty, negative or NaN sample."""
        refuse_sample(ratios, self.logs.shape[1])
        gained = log_gains(np.minimum(ratios, RANGE), self.bets)
        return Wealth(self.logs + gained, self.bets, self.replicates + ratios.shape[1])

    @property
    def log(self) -> float:
        """log of the e-value: the mean over bets and checkpoints."""
        return log_mean(self.logs.reshape(-1))

    @property
    def log_at(self) -> Array:
        """log of the e-value of each checkpoint alone."""
        return np.asarray(np.logaddexp.reduce(self.logs, axis=0) - math.log(len(self.bets)))

    @property
    def log10(self) -> float:
        """log10 of the e-value."""
        return self.log / math.log(10)


def wealth(checkpoints: int, bets: Array = BETS) -> Wealth:
    """The wealth before any replicate: 1 everywhere."""
    return Wealth(np.zeros((len(bets), checkpoints)), bets)


def log_mean(logs: Array) -> float:
    """log of the mean of exp(logs)."""
    return float(np.logaddexp.reduce(logs)) - math.log(len(logs))


def log_gains(ratios: Array, bets: Array) -> Array:
    """sum over replicates of log(1 + bet (X/B - 1)), (bets, checkpoints), for `ratios` in [0, RANGE].

    Factors are multiplied before a logarithm is taken, TOGETHER at a time, wherever that can neither overflow nor underflow: a factor is at least
    1 - bet, and at most the largest ratio. That is four times faster, and each product rounds as a logarithm does.
    """
    excess, room, tame = ratios - 1, np.empty(ratios.shape), bool(ratios.max() <= TAME)
    with np.errstate(divide="ignore"):                           # all on X > 0 and X = 0 came: that bet is broke, log 0
        return np.stack([_grouped(bet, excess, room) if tame and bet <= HALF_IN else np.log1p(bet * excess).sum(axis=1) for bet in bets])


def _grouped(bet: float, excess: Array, room: Array) -> Array:
    """The sum of logarithms of 1 + bet excess over columns. `room` is overwritten: fresh memory would cost more than the arithmetic."""
    factors = np.add(np.multiply(excess, bet, out=room), 1, out=room)
    whole = factors.shape[1] - factors.shape[1] % TOGETHER
    product, rest = factors[:, :whole], factors[:, whole:]
    while product.shape[1] > whole // TOGETHER:
        half = product.shape[1] // 2
        product = np.multiply(product[:, :half], product[:, half:], out=product[:, :half])
    return np.asarray(np.log(product).sum(axis=1) + np.log(rest).sum(axis=1))


def refuse_sample(ratios: Array, checkpoints: int) -> None:
    """Raises BadInput for a sample that no e-value can be made of."""
    if np.ndim(ratios) != 2 or len(ratios) != checkpoints:
        raise BadInput(f"The sample has shape {np.shape(ratios)}: an e-value takes (checkpoints, replicates), here ({checkpoints}, ...).")
    if ratios.size == 0:
        raise BadInput("The sample is empty: an e-value needs at least one replicate and one checkpoint.")
    if np.isnan(ratios).any():
        raise BadInput(f"Replicate {int(np.argwhere(np.isnan(ratios))[0][1])} is NaN: an e-value needs numbers.")
    if (ratios < 0).any():
        raise BadInput(f"The metric takes the negative value {ratios.min():.6g} (in units of the bound): an e-value needs a metric that is never negative.")


def threshold(alpha: float) -> float:
    """log(1/alpha): an e-value beyond it refutes. Raises BadInput outside (0, 1)."""
    if not 0 < alpha < 1:
        raise BadInput(f"alpha = {alpha}: an error level lies strictly between 0 and 1.")
    return -math.log(alpha)


def looked_at(k: Array) -> Array:
    """Positions of at most CHECKPOINTS entries of increasing k >= 1, spread in the logarithm, and of the last."""
    if len(k) <= CHECKPOINTS:
        return np.arange(len(k))
    return np.unique(np.searchsorted(k, np.floor(np.geomspace(k[0], k[-1], CHECKPOINTS))).clip(0, len(k) - 1))


def discoveries(logs: Sequence[float], level: float = SEVERAL) -> list[bool]:
    """e-BH: which of several hypotheses with these log e-values are rejected, at false discovery rate `level`, however they depend on each other."""
    order = sorted(logs, reverse=True)
    kept = [log for number, log in enumerate(order, start=1) if log >= math.log(len(order)) - math.log(number) + threshold(level)]
    return [bool(kept) and log >= kept[-1] for log in logs]
