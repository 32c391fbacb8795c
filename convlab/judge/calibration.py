"""The judge judged: how often it refutes true statements, and how soon false ones, beside what people do by hand.

A law gives samples of X/E[X] along a curve of iterations; a statement with excess e claims the bound E[X]/(1 + e), so it is true at e = 0, exactly
tight, and false by e beyond. The e-value is looked at after every block of replicates, as the judge does; the tests by hand are made once at each of
the replicate numbers that are told.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from convlab.constants import Array
from convlab.judge.evalues import BETS, Wealth, threshold, wealth
from convlab.judge.power import EXCESSES as SCALE
from convlab.judge.power import PROBABILITY, SEEN, SHARE, WORTH, Moments, moments, reached
from convlab.judge.sampled import DOUBT, SPREAD
from convlab.judge.tight_laws import LAWS, Draw
from convlab.run.engine import BLOCK

ALPHAS = (0.1, 0.01, 0.001)
EXCESSES = (0.0, 0.05, 0.1, 0.2)
GROUP = 65_536           # repeats times replicates of a block: what is drawn at a time
BLOCKS = 1 << 20         # more than one group of repeats has, so that no two draw the same block
CONFIDENCE = 0.99        # one-sided, of the Clopper-Pearson limit of a rate of refutations
METHODS = ("refuted", "holds", "t_test", "bonferroni", "last_iterate", "mean")


@dataclass(frozen=True)
class Rates:
    """How often each method spoke, of so many repeats: the rows of `convlab calibrate`."""

    law: str
    excess: float
    alpha: float
    replicates: int
    repeats: int
    counts: tuple[int, ...]      # in the order of METHODS

    @property
    def refuted_lower(self) -> float:
        """A 99 % lower limit of the true rate of refutations."""
        return lower_limit(self.counts[0], self.repeats)

    @property
    def holds_lower(self) -> float:
        """The same of `holds`."""
        return lower_limit(self.counts[1], self.repeats)

    def to_json(self) -> dict[str, object]:
        """An item of `results`."""
        fractions = {f"{method}_fraction": count / self.repeats for method, count in zip(METHODS, self.counts, strict=True)}
        return {"law": self.law, "excess": self.excess, "alpha": self.alpha, "replicates": self.replicates, "repeats": self.repeats,
                **fractions, "refuted_lower": self.refuted_lower, "holds_lower": self.holds_lower}


@dataclass(frozen=True)
class Promise:
    """A rate that must not pass a limit, and whether it did as far as the repeats tell: a row that passes or fails."""

    law: str
    what: str
    limit: float
    count: int
    repeats: int

    @property
    def lower(self) -> float:
        """Clopper and Pearson's one-sided 99 % lower limit of the true rate."""
        return lower_limit(self.count, self.repeats)

    @property
    def kept(self) -> bool:
        """Whether the rate may lie within the limit. A limit of 0 forgives nothing."""
        return self.lower <= self.limit and (self.limit > 0 or self.count == 0)

    def to_json(self) -> dict[str, object]:
        """An item of `promises`."""
        return {"law": self.law, "promise": self.what, "limit": self.limit, "count": self.count, "repeats": self.repeats, "lower": self.lower, "kept": self.kept}


def lower_limit(count: int, repeats: int) -> float:
    """Clopper and Pearson's one-sided lower limit of a rate: above it lies the true one in at least 99 % of all experiments."""
    return float(stats.beta.ppf(1 - CONFIDENCE, count, repeats - count + 1)) if count else 0.0


def promises(rates: list[Rates]) -> list[Promise]:
    """What the judge promises on each law, from its longest looks: true statements refuted with probability at most alpha at any look; false ones whose
    excess the stated power speaks of (10 % and more) said to hold with probability at most 1 - 0.99."""
    longest = {law: max(rate.replicates for rate in rates if rate.law == law) for law in dict.fromkeys(rate.law for rate in rates)}
    kept = [Promise(rate.law, f"true, refuted at alpha = {rate.alpha:g}", rate.alpha, rate.counts[0], rate.repeats)
            for rate in rates if rate.excess == 0 and rate.replicates == longest[rate.law]]
    seen = [rate for rate in rates if rate.excess >= SEEN]
    worst = {(rate.law, rate.excess): max((r for r in seen if (r.law, r.excess) == (rate.law, rate.excess)), key=lambda r: r.counts[1]) for rate in seen}
    return kept + [Promise(law, f"false by {100 * excess:.0f} %, said to hold", 1 - PROBABILITY, rate.counts[1], rate.repeats)
                   for (law, excess), rate in worst.items()]


def calibrated(seed: int, repeats: int, sizes: tuple[int, ...], only: tuple[str, ...] = (), excesses: tuple[float, ...] = EXCESSES) -> Iterator[Rates]:
    """The rates of every law, excess, alpha and number of replicates (of increasing `sizes` those that the law is worth, at least the first)."""
    for name in only or LAWS:
        law = LAWS[name]
        looks = tuple(size for size in sizes if size <= law.most) or sizes[:1]
        draw, together = law.made(seed), max(1, GROUP // min(BLOCK, looks[-1]))
        totals = np.zeros((len(excesses), len(looks), len(ALPHAS), len(METHODS)), dtype=int)
        for group, first in enumerate(range(0, repeats, together)):
            blocks = drawn(draw, group, min(together, repeats - first), looks)
            totals += spoken(blocks, looks, excesses)
        for e, s, a in np.ndindex(*totals.shape[:3]):
            yield Rates(name, excesses[e], ALPHAS[a], looks[s], repeats, tuple(int(count) for count in totals[e, s, a]))


def drawn(draw: Draw, group: int, repeats: int, looks: tuple[int, ...]) -> Iterator[Array]:
    """Blocks of replicates, none of which crosses a look."""
    ends = sorted({*looks, *range(BLOCK, looks[-1], BLOCK)})
    for number, (before, end) in enumerate(zip((0, *ends), ends, strict=False)):
        yield draw(group * BLOCKS + number, repeats, end - before)


def spoken(blocks: Iterator[Array], looks: tuple[int, ...], excesses: tuple[float, ...] = EXCESSES) -> Array:
    """How many of the repeats each method alarms on (or, `holds`, is content with): (excesses, looks, alphas, methods).

    A block is (repeats, iterations, replicates) of X/E[X]; some end at each look.
    """
    trials: list[Trial] | None = None
    found = []
    for block in blocks:
        trials = [begun(*block.shape[:2])] * len(excesses) if trials is None else trials
        trials = [trial.after((1 + excess) * block) for trial, excess in zip(trials, excesses, strict=True)]
        if trials[0].seen.replicates in looks:
            found.append([[trial.alarms(alpha) for alpha in ALPHAS] for trial in trials])
    return np.array(found, dtype=int).transpose(1, 0, 2, 3)


@dataclass(frozen=True)
class Trial:
    """Independent repeats of one experiment after some replicates. `richest` is the log of the largest e-value that each has seen."""

    wealth: Wealth
    seen: Moments
    richest: Array              # (repeats,)
    iterations: int

    def after(self, ratios: Array) -> Trial:
        """With one more block (repeats, iterations, replicates). Repeats that every alpha has refuted bet no more: nothing can change their word."""
        flat = ratios.reshape(-1, ratios.shape[2])
        playing = self.richest < threshold(min(ALPHAS))
        rows = np.repeat(playing, self.iterations)
        logs, richest = self.wealth.logs.copy(), self.richest.copy()
        if playing.any():
            logs[:, rows] = Wealth(logs[:, rows], BETS).after(flat[rows]).logs
            each = logs.reshape(len(BETS), len(playing), self.iterations)[:, playing].transpose(1, 0, 2).reshape(int(playing.sum()), -1)
            richest[playing] = np.maximum(richest[playing], np.logaddexp.reduce(each, axis=1) - np.log(each.shape[1]))
        return Trial(Wealth(logs, BETS, self.wealth.replicates + ratios.shape[2]), self.seen.after(flat), richest, self.iterations)

    def alarms(self, alpha: float) -> list[int]:
        """How many repeats each of METHODS speaks on."""
        refuted = self.richest >= threshold(alpha)
        held = ~refuted & (self.richest < threshold(DOUBT)) & self._content(alpha)
        p_values = p_values_of(self.seen).reshape(-1, self.iterations)
        above = ((self.seen.mean > 1) & _spread(self.seen)).reshape(-1, self.iterations).any(axis=1)
        hand = (p_values.min(axis=1) <= alpha, p_values.min(axis=1) <= alpha / self.iterations, p_values[:, -1] <= alpha, above)
        return [int(alarm.sum()) for alarm in (refuted, held, *hand)]

    def _content(self, alpha: float) -> Array:
        """Where a sample has the power that `holds` needs and no replicate carries it: as `opinion` has it, which looks for the visible excess on a scale."""
        sees = reached(self.seen, SCALE[SCALE <= SEEN][-1:])[0] >= threshold(alpha) + np.log(self.iterations)
        fine = (sees | (self.seen.mean <= WORTH)) & (self.seen.share <= SHARE)
        return np.asarray(fine.reshape(-1, self.iterations).all(axis=1))


def begun(repeats: int, iterations: int) -> Trial:
    """Before any replicate."""
    return Trial(wealth(repeats * iterations), moments(repeats * iterations), np.full(repeats, -np.inf), iterations)


def p_values_of(seen: Moments) -> Array:
    """One-sided t-tests of mean <= bound."""
    with np.errstate(all="ignore"):
        t = (seen.mean - 1) / (seen.deviation / np.sqrt(seen.replicates))
    return np.where(_spread(seen), stats.t.sf(t, seen.replicates - 1), 1.0)


def _spread(seen: Moments) -> Array:
    """Where replicates differ by more than rounding: nobody would test a constant, or call 1 + 2e-16 above 1."""
    return np.asarray(seen.deviation > SPREAD * seen.mean)
