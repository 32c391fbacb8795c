"""Judging an expectation by independent replicates: an e-value against the bound, block by block, and what the sample had the power to see.

`refuted` when the e-value passes 1/alpha; `holds` when no excess of 10 % could have hidden wherever the mean is near the bound; else more blocks while
they can be afforded, and `inconclusive`. Beside an exact source on the same problem no blocks are added.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.judge.bounds import bound_along
from convlab.judge.compare import CLEAR, HUGE, OPERATIONS, compared
from convlab.judge.evalues import Wealth, log_mean, looked_at, threshold, wealth
from convlab.judge.fits import kept_sample
from convlab.judge.power import SEEN, SHARE, WORTH, Moments, Power, moments, refuted_factor, visible_excess
from convlab.judge.replicates import Sampler, blocks, cells, opened
from convlab.judge.verdict import Curve, Verdict, Witness, Word
from convlab.judge.words import Evidence, Spot, verdict_of, witness
from convlab.run.cases import Setting, batch_of, batches, distinct_points
from convlab.run.engine import BLOCK
from convlab.run.recorder import Record
from convlab.run.settings import Settings
from convlab.theorem import Law, RateBound, Relation, Source

BUDGET = 65_536      # replicates of a claim that has no exact source
POINTS = 4           # settings where samples alone judge: the default and some others, as far as they can be afforded
SAMPLED_WORK = 1e8   # replicate-coordinates updated, each component gradient counted: a few seconds
BUDGET_WORK = 4e8    # the same where there is no exact source and more replicates may decide
SPREAD = 1e-6        # a relative deviation below this is rounding (moments are known to the root of 2e-16), and so is its kurtosis
NEGATIVE = "the metric takes the negative value"
DOUBT = 1e-2         # a claim against which the e-value has reached 1/DOUBT is not said to hold


# ---- what is known after some blocks
@dataclass(frozen=True)
class Tally:
    """After some blocks: moments of X/scale at every checkpoint and cell, and wealth and moments of X/B at those that judge."""

    scale: Array                # (checkpoints, cells): the bound where it is a positive number, else 1
    bound: Array                # (judged,): the bound, with the resolution of float64 added
    judged: Array               # positions in the flattened (checkpoints, cells)
    all: Moments
    seen: Moments
    wealth: Wealth
    lost: bool = False          # a NaN came out of nowhere: nothing is judged
    level: float | None = None  # of a claim with high probability: how often it may fail

    def after(self, measured: Array) -> Tally:
        """With one more block, (checkpoints, count, cells); rounding below 0 counts as 0."""
        rows = measured.transpose(0, 2, 1).reshape(-1, measured.shape[1])
        with np.errstate(all="ignore"):
            ratios = np.maximum((rows[self.judged] / self.bound[:, None]).astype(float), 0)
            everything = (rows / self.scale.reshape(-1, 1)).astype(float)
        lost = self.lost or bool(np.isnan(ratios).any())
        return replace(self, all=self.all.after(everything), lost=lost, seen=self.seen.after(ratios),
                       wealth=self.wealth.after(ratios) if ratios.size and not lost else self.wealth)


def tally(k: Array, bound: Array, floor: Array) -> Tally:
    """Before the first block. `bound` (checkpoints, cells), `floor` (checkpoints, 1): the bound judges at k >= 1 where it stands clear of the floor."""
    with np.errstate(all="ignore"):
        usable = np.isfinite(bound) & (bound > 0) & (bound < HUGE)
        clear = usable & (bound > CLEAR * floor) & (k[:, None] > 0)
        relaxed = bound * (1 + OPERATIONS * (k[:, None] + 1) * FLOAT64.eps) + floor
    rows = np.flatnonzero(clear.any(axis=1))
    rows = rows[looked_at(k[rows])] if len(rows) else rows
    judged = np.flatnonzero(clear & np.isin(np.arange(len(k)), rows)[:, None])
    return Tally(np.where(usable, bound, 1.0), relaxed.reshape(-1)[judged], judged, moments(bound.size), moments(len(judged)), wealth(len(judged)))


@dataclass(frozen=True)
class Opinion:
    """The word on a tally and what it rests on. `powers` are the visible excesses of the judged checkpoints, `nearest` the one that is worst measured."""

    word: Word
    log_e: float
    powers: Array
    nearest: int
    why: str


def opinion(found: Tally, alpha: float) -> Opinion:
    """Refuted beyond 1/alpha; holds with a power that can be stated, an excess of 10 % where the mean is above 0.8 of the bound, no replicate carrying it all."""
    if not len(found.judged) or found.lost:
        return Opinion(Word.INCONCLUSIVE, 0.0, np.full(len(found.judged), np.inf), 0, "")
    log_e, powers, seen = found.wealth.log, visible_excess(found.seen, threshold(alpha), level=found.level), found.seen
    nearest = int(np.argmax(seen.mean))
    if log_e >= threshold(alpha):
        return Opinion(Word.REFUTED, log_e, powers, int(np.argmax(found.wealth.log_at)), "")
    heavy = (seen.share > SHARE) & (found.level is None)         # how an indicator is spread is known without a sample
    blind = (seen.mean > WORTH) & (powers > SEEN)
    if heavy.any():
        where = f"at {int(heavy.sum())} of {len(heavy)} checkpoints" if not heavy.all() else "everywhere"
        return Opinion(Word.INCONCLUSIVE, log_e, powers, nearest,
                       f"{where} one replicate carries more than a tenth of the sum ({100 * float(seen.share.max()):.0f} %): there sampling certifies nothing")
    if blind.any():
        return Opinion(Word.INCONCLUSIVE, log_e, powers, nearest, "too few replicates to see an excess of 10 % everywhere near the bound")
    if not np.isfinite(powers[nearest]):
        return Opinion(Word.INCONCLUSIVE, log_e, powers, nearest, "")
    doubtful = log_e >= threshold(DOUBT)
    return Opinion(Word.INCONCLUSIVE if doubtful else Word.HOLDS, log_e, powers, nearest,
                   "the e-value speaks against the claim, short of refuting it" if doubtful else "")


# ---- the verdict
def verdict_alone(title: str, claim: RateBound, found: list[Setting], settings: Settings) -> Verdict:
    """The verdict of samples where nothing exact judges: at the default parameters and some others, as one e-value, the mean of theirs."""
    chosen = spread(found, Sampler(title, claim, found[0], settings), settings)
    verdicts = [verdict for batch in batches(chosen) for verdict in sampled_together(title, claim, batch.settings, settings, alone=True)]
    return verdicts[0] if len(verdicts) == 1 else together(verdicts, settings.alpha)


def spread(found: list[Setting], sampler: Sampler, settings: Settings) -> list[Setting]:
    """The default, the same from another start, then the ends of the condition: so many that all of them can be afforded."""
    default, *others = distinct_points(found)
    elsewhere = [setting for setting in found if setting.point == default.point and setting.start is not default.start]
    return [default, *elsewhere[-1:], *others][:min(POINTS, max(1, int(SAMPLED_WORK // (sampler.work * settings.replicates))))]


def together(verdicts: list[Verdict], alpha: float) -> Verdict:
    """Verdicts at several points as one: refuted by the mean of their e-values, else what all of them say; shown is the one with most against it."""
    known = [v for v in verdicts if v.e_value_log10 is not None]
    if not known:
        return replace(verdicts[0], points=len(verdicts))
    mean = log_mean(np.array([v.e_value_log10 or 0.0 for v in known]) * np.log(10))
    words = {v.word for v in verdicts}
    word = Word.REFUTED if mean >= threshold(alpha) else Word.HOLDS if words == {Word.HOLDS} and mean < threshold(DOUBT) else Word.INCONCLUSIVE
    open_ones = [v for v in known if v.word is Word.INCONCLUSIVE]
    shown = max(open_ones if word is Word.INCONCLUSIVE and open_ones else known, key=lambda v: v.e_value_log10 or 0.0)
    return replace(shown, word=word, e_value_log10=float(mean / np.log(10)), points=len(verdicts), curve=verdicts[0].curve,
                   witness=shown.suspect if word is Word.REFUTED else None)


def sampled_verdict(title: str, claim: RateBound, setting: Setting, settings: Settings, *, alone: bool = False) -> Verdict:
    """The verdict of replicates at the default parameters; `alone`: no exact source judges this problem, so replicates are added until it is decided.

    Raises Inexact where it cannot be sampled, or its metric takes negative values.
    """
    return sampled_together(title, claim, [setting], settings, alone=alone)[0]


def sampled_together(title: str, claim: RateBound, chosen: Sequence[Setting], settings: Settings, *, alone: bool) -> list[Verdict]:
    """A verdict for each of several settings that share problem, shapes and integer parameters: their blocks run as one batch."""
    samplers = [Sampler(title, claim, setting, settings) for setting in chosen]
    wanted = samplers[0].affordable(settings.replicates, SAMPLED_WORK)
    most = max(wanted, samplers[0].affordable(BUDGET, BUDGET_WORK)) if alone else wanted
    trials = [begun(claim, sampler, record) for sampler, record in opened(samplers, min(BLOCK, wanted))]
    while unsettled := [at for at, trial in enumerate(trials) if trial.replicates < (most if trial.undecided else wanted)]:
        have = trials[unsettled[0]].replicates               # the same for all that are not settled
        records = blocks([trials[at].sampler for at in unsettled], -(-have // BLOCK), min(BLOCK, most - have))
        for at, record in zip(unsettled, records, strict=True):
            trials[at] = trials[at].after(record.measured)
    return [_verdict(trial) for trial in trials]


@dataclass(frozen=True)
class Trial:
    """One setting after some blocks: its first record, the bound at its checkpoints, and what is known."""

    sampler: Sampler
    record: Record
    bound: Array
    found: Tally

    @property
    def replicates(self) -> int:
        """So far."""
        return self.found.all.replicates

    @cached_property
    def judging(self) -> Opinion:
        """The word on it."""
        return opinion(self.found, self.sampler.settings.alpha)

    @property
    def undecided(self) -> bool:
        """Whether more replicates may decide it."""
        return self.judging.word is Word.INCONCLUSIVE and bool(len(self.found.judged))

    def after(self, measured: Array) -> Trial:
        """With one more block. Raises Inexact for a negative metric."""
        refuse_negative(self.record.k, measured, self.sampler.resolution, self.found)
        return replace(self, found=self.found.after(cells(measured)))


def begun(claim: RateBound, sampler: Sampler, record: Record) -> Trial:
    """After the first block. Raises Inexact for a negative metric."""
    bound = bound_of(claim, sampler.setting, record) if sampler.level is None else np.full((len(record.k), 1), sampler.level)
    return Trial(sampler, record, bound, first_tally(claim, sampler, record, bound).after(cells(record.measured)))


def bound_of(claim: RateBound, setting: Setting, record: Record) -> Array:
    """The bound at the checkpoints, (checkpoints, 1, ...); one that reads the run is taken at the mean of what it reads."""
    with np.errstate(all="ignore"):
        mean = record.measured.mean(axis=1, keepdims=True)
    averaged = Record(record.k, mean, None, {name: values.mean(axis=1, keepdims=True) for name, values in record.series.items()})
    return np.broadcast_to(bound_along(claim, batch_of([setting], FLOAT64), averaged, mean[0]), mean.shape)


def first_tally(claim: RateBound, sampler: Sampler, record: Record, bound: Array) -> Tally:
    """The tally before the first block: what has no e-value has no checkpoint that judges. Raises Inexact for a negative metric."""
    cells = np.asarray(bound.reshape(len(record.k), -1))
    empty = np.isnan(record.measured.reshape(*record.measured.shape[:2], -1)).all(axis=1)             # a window of iterates that has not begun
    spoken = record.k >= (record.k[-1] if claim.grid.horizons else claim.grid.first)
    found = tally(record.k, np.where(empty | ~spoken[:, None] | bool(no_e_value(claim)), np.nan, cells), sampler.resolution)
    refuse_negative(record.k, record.measured, sampler.resolution, found)
    return replace(found, level=sampler.level, scale=np.where(np.isfinite(cells) & (cells > 0), cells, 1.0))


def no_e_value(claim: RateBound) -> str:
    """Why a claim has no e-value; empty where it has one."""
    if claim.law is Law.HIGH_PROBABILITY:
        return ""
    if claim.relation is not Relation.AT_MOST:
        return "a lower bound on an expectation has no e-value: a sampled mean certifies nothing by itself"
    return "the bound reads the run itself and so has no e-value: a sampled mean certifies nothing by itself" if claim.reads else ""


def refuse_negative(k: Array, measured: Array, floor: Array, found: Tally) -> None:
    """Raises Inexact where a judged metric is negative beyond rounding."""
    low = np.nanmin(cells(measured), axis=1, initial=np.inf)
    negative = np.flatnonzero((low < -CLEAR * floor).reshape(-1))
    for at in negative[np.isin(negative, found.judged)][:1] // low.shape[1]:
        raise Inexact(f"{NEGATIVE} {low[at].min():.6g} at k = {int(k[at])}: an e-value needs one that is never negative")


def _verdict(trial: Trial) -> Verdict:
    sampler, record, found, bound, judging = trial.sampler, trial.record, trial.found, trial.bound, trial.judging
    claim, settings, n = sampler.claim, sampler.settings, trial.replicates
    flat = [np.where(np.isinf(found.all.largest), np.inf, found.all.mean), found.all.deviation / np.sqrt(n) if n > 1 else np.full(found.scale.size, np.nan)]
    mean, error = ((column.reshape(found.scale.shape) * found.scale).reshape(bound.shape) for column in flat)
    result = compared(record.k, mean, bound, sampler.resolution, claim.relation if sampler.level is None else Relation.AT_MOST, FLOAT64.eps)
    evidence = Evidence((sampler.setting,), replace(result, violated=np.zeros_like(result.violated)), Source.MONTE_CARLO)
    verdict = verdict_of(sampler.title, claim, sampler.setting.name, [evidence], settings)
    if mean.ndim == 2:
        k_curve, b_curve, width = mean[:, 0].astype(float), np.asarray(bound, dtype=float)[:, 0], 1.96 * error[:, 0].astype(float)
        clear, sample = k_curve > CLEAR * sampler.resolution[:, 0], kept_sample(record.k, record.measured) if sampler.level is None else None
        verdict = replace(verdict, curve=Curve(sampler.setting.name, record.k, k_curve, b_curve, k_curve - width, k_curve + width, clear=clear, sample=sample))
    word = judging.word if not found.lost or judging.word is Word.REFUTED else Word.INCONCLUSIVE
    judged = bool(len(found.judged)) and not found.lost
    row = int(found.judged[judging.nearest]) // found.scale.shape[1] if judged else 0
    excess = float(judging.powers[judging.nearest]) if judged else np.inf
    suspect = _witness(sampler, Spot(evidence, row, 0), n) if judged and judging.log_e >= threshold(DOUBT) else None
    return replace(verdict, word=word, replicates=n, e_value_log10=float(judging.log_e / np.log(10)) if judged else None,
                   power=Power(excess) if np.isfinite(excess) else None, suspect=suspect, witness=suspect if word is Word.REFUTED else None,
                   note="; ".join(part for part in (verdict.note, no_e_value(claim) or judging.why, *(_told(found, judging, settings.alpha) if judged else ())) if part))


def _told(found: Tally, judging: Opinion, alpha: float) -> tuple[str, ...]:
    """Power, looseness and their doubt, in words."""
    seen, at = found.seen, judging.nearest
    excess, factor = float(judging.powers[at]), refuted_factor(found.seen, threshold(alpha))
    return (str(Power(excess)) if np.isfinite(excess) else "no excess over the bound would surely have been seen",
            f"{factor:.3g} times the bound is refuted too" if factor is not None and judging.word is not Word.REFUTED else "",
            "measured and bound are the probability of failing" if found.level is not None else
            f"kurtosis {float(seen.kurtosis[at]):.3g}, the largest replicate carries {100 * float(seen.share[at]):.2g} % of the sum"
            if seen.deviation[at] > SPREAD * seen.mean[at] else "all replicates agree there")


def _witness(sampler: Sampler, spot: Spot, replicates: int) -> Witness:
    """The witness of a curve's e-value: the iteration where it is largest, reproduced by the same run."""
    found = witness(sampler.title, sampler.setting.name, spot, sampler.settings, sampler.claim.condition)
    told, _, _ = found.reproduce.partition(" --iterations")
    return replace(found, reproduce=f"{told} --iterations {sampler.settings.iterations} --replicates {replicates} --seed {sampler.settings.seed}")
