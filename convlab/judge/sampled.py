"""Judging an expectation by independent replicates: an e-value against the bound, block by block, and what the sample had the power to see.

`refuted` when the e-value passes 1/alpha; `holds` when no excess of 10 % could have hidden wherever the mean is near the bound; else more blocks while
they can be afforded, and `inconclusive`. Beside an exact source on the same problem no blocks are added.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.errors import BadInput
from convlab.judge.bounds import bound_along
from convlab.judge.compare import CLEAR, HUGE, OPERATIONS, compared
from convlab.judge.evalues import Wealth, log_mean, looked_at, threshold, wealth
from convlab.judge.fits import kept_sample
from convlab.judge.grid import algorithm_of, floor_of, judged_points
from convlab.judge.power import SEEN, SHARE, WORTH, Moments, Power, moments, refuted_factor, visible_excess
from convlab.judge.verdict import Curve, Verdict, Witness, Word
from convlab.judge.words import Evidence, Spot, verdict_of, witness
from convlab.run.bind import Binder
from convlab.run.cases import Setting, batch_of, distinct_points
from convlab.run.engine import BLOCK, initial_state, run_sampled
from convlab.run.expressions import evaluate
from convlab.run.recorder import Record, Recorder
from convlab.run.settings import Settings
from convlab.theorem import Law, RateBound, Relation, Source

BUDGET = 65_536      # replicates of a claim that has no exact source
POINTS = 4           # settings where samples alone judge: the default and some others, as far as they can be afforded
PILOTS = 8           # replicates run beforehand for the floating-point floor; they judge nothing
LEAST_REPLICATES = 32
SAMPLED_WORK = 1e8   # replicate-coordinates updated, each component gradient counted: a few seconds
BUDGET_WORK = 4e8    # the same where there is no exact source and more replicates may decide
JAX_WORK = 2e8       # replicate-coordinates updated: about where compilation (a second at most) is paid back
SPREAD = 1e-6        # a relative deviation below this is rounding (moments are known to the root of 2e-16), and so is its kurtosis
NEGATIVE = "the metric takes the negative value"
DOUBT = 1e-2         # a claim against which the e-value has reached 1/DOUBT is not said to hold


# ---- running blocks
@dataclass(frozen=True)
class Sampler:
    """Independent replicates of one setting, in blocks: the same block is the same bits whatever else is run."""

    title: str
    claim: RateBound
    setting: Setting
    settings: Settings

    @cached_property
    def points(self) -> Array:
        """The k at which a run is looked at; of a claim on horizons the last."""
        horizon = self.claim.grid.horizons[-1] if self.claim.grid.horizons else None
        return judged_points(self.claim, batch_of([self.setting], FLOAT64), self.settings, horizon)

    @cached_property
    def work(self) -> float:
        """What one replicate costs: coordinates updated, each component gradient counted."""
        return float(self.points[-1]) * np.asarray(self.setting.start.point).size * int(self.setting.values.get(symbols.n, 1))

    def affordable(self, wanted: int, work: float) -> int:
        """The replicates wanted, fewer where they would take long. Raises Inexact where even a few would."""
        if self.work * LEAST_REPLICATES > work:
            raise Inexact(f"{self.points[-1]} updates of {self.setting.values.get(symbols.n, 1)} components in dimension "
                          f"{np.asarray(self.setting.start.point).size} take too long to sample")
        return min(wanted, int(work // self.work))

    def block(self, number: int, count: int) -> Record:
        """The metric at the checkpoints, (checkpoints, count, ...); of a claim with high probability whether it fails there, 1 or 0."""
        record = self._run(("block", number), count, self.points, 0.0)
        return record if self.level is None else self._failures(record, count)

    @cached_property
    def level(self) -> float | None:
        """How often a claim with high probability may fail; None of an expectation. Raises BadInput where it is no probability."""
        if self.claim.law is not Law.HIGH_PROBABILITY:
            return None
        level = float(evaluate(sp.sympify(self.claim.delta), self.setting.values)) if self.claim.delta is not None else np.nan
        if not 0 < level < 1:
            raise BadInput(f"{self.title}: a claim with high probability needs delta= strictly between 0 and 1, not {self.claim.delta}.")
        return level

    def _failures(self, record: Record, count: int) -> Record:
        """1 where a replicate leaves its own bound beyond rounding, 0 where it keeps it, nan where it was lost."""
        batch = batch_of([self.setting] * count, FLOAT64)
        bound = bound_along(self.claim, batch, record, record.measured[0])
        failed = compared(record.k, record.measured, bound, self.floor, self.claim.relation, FLOAT64.eps).violated
        return Record(record.k, np.where(np.isnan(_cells(record.measured)).any(axis=2), np.nan, failed))

    @cached_property
    def resolution(self) -> Array:
        """What is counted as rounding of the judged values, (checkpoints, 1): indicators have none."""
        return self.floor if self.level is None else np.zeros((len(self.points), 1))

    @cached_property
    def floor(self) -> Array:
        """The floating-point floor at the checkpoints, (checkpoints, 1): the largest of a few replicates of their own, at the nearest k looked at."""
        points = np.concatenate([[0], self.points[1:][looked_at(self.points[1:])]])
        record = self._run(("pilot",), PILOTS, points, FLOAT64.eps)
        assert record.floor is not None
        largest = record.floor.reshape(len(record.k), -1).max(axis=1, keepdims=True)
        after = np.searchsorted(points, self.points)
        return np.asarray(np.maximum(largest[after], largest[np.maximum(after - 1, 0)]))

    def _run(self, names: tuple[Any, ...], count: int, points: Array, eps: float) -> Record:
        assert self.claim.metric is not None
        batch = batch_of([self.setting] * count, FLOAT64)
        binder = Binder(algorithm_of(self.claim), batch.values, batch.x0.ndim, int(points[-1]), FLOAT64)
        if binder.at(0).draws(batch.case.problem).adversarial:
            raise Inexact("an adversary has no law to sample from")
        recorder = Recorder(self.claim.metric, batch.case, self.claim.mode, self.claim.reads, eps, floor_of(self.claim) if eps else None)
        seed = (self.settings.seed, self.title, self.claim.name, self.setting.name, *names)
        loop = run_sampled if eps else sampling_loop(self.settings, 0 if self.claim.reads else int(points[-1]) * count * batch.x0[0].size)
        loop(binder, batch.case.problem, initial_state(binder, batch), points, recorder, count, seed)       # series are read by the NumPy loop
        record = recorder.record(None)
        return replace(record, measured=np.asarray(record.measured, dtype=float))        # an algorithm may draw fractions


def sampling_loop(settings: Settings, work: int) -> Callable[..., Any]:
    """NumPy below about a second of work, JAX above where it is installed, or what the user forces."""
    from convlab.run.jax_loop import available, run_compiled

    if settings.engine == "jax" or (settings.engine == "auto" and work > JAX_WORK and available()):
        return run_compiled
    return run_sampled


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
    verdicts = [sampled_verdict(title, claim, setting, settings, alone=True) for setting in chosen]
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
    sampler = Sampler(title, claim, setting, settings)
    wanted = sampler.affordable(settings.replicates, SAMPLED_WORK)
    most = max(wanted, sampler.affordable(BUDGET, BUDGET_WORK)) if alone else wanted
    record = sampler.block(0, min(BLOCK, wanted))
    bound = bound_of(claim, setting, record) if sampler.level is None else np.full((len(record.k), 1), sampler.level)
    found = first_tally(claim, sampler, record, bound).after(_cells(record.measured))
    judging = opinion(found, settings.alpha)
    while (have := found.all.replicates) < (wanted if judging.word is not Word.INCONCLUSIVE or not len(found.judged) else most):
        measured = sampler.block(-(-have // BLOCK), min(BLOCK, most - have)).measured
        refuse_negative(record.k, measured, sampler.resolution, found)
        found = found.after(_cells(measured))
        judging = opinion(found, settings.alpha)
    return _verdict(sampler, record, found, bound, judging)


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
    low = np.nanmin(_cells(measured), axis=1, initial=np.inf)
    negative = np.flatnonzero((low < -CLEAR * floor).reshape(-1))
    for at in negative[np.isin(negative, found.judged)][:1] // low.shape[1]:
        raise Inexact(f"{NEGATIVE} {low[at].min():.6g} at k = {int(k[at])}: an e-value needs one that is never negative")


def _cells(measured: Array) -> Array:
    """(checkpoints, replicates, cells), each cell a metric of its own; what is NaN after a run had grown without bound counts as infinite."""
    flat = measured.reshape(*measured.shape[:2], -1)
    grown = np.maximum.accumulate(np.where(np.isnan(flat), 0, np.abs(flat)), axis=0) > HUGE
    return np.where(np.isnan(flat) & grown, np.inf, flat)


def _verdict(sampler: Sampler, record: Record, found: Tally, bound: Array, judging: Opinion) -> Verdict:
    claim, settings, n = sampler.claim, sampler.settings, found.all.replicates
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
