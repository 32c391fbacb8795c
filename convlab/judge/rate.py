"""Judging a RateBound: on its declared instances in rationals, on every matching problem by the best exact source, and sampled runs beside."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convlab import symbols
from convlab.arithmetic import EXTENDED, FLOAT64, RATIONAL
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.errors import Noted
from convlab.judge.bounds import compared_along, needed_symbols
from convlab.judge.compare import Comparison, as_float
from convlab.judge.enumerated import comparison_of, ending_together, expectations, record_of, worst_states
from convlab.judge.extended import settled
from convlab.judge.grid import algorithm_of, at_its_precision, floor_of, grid_step, judged_points
from convlab.judge.replaced import lacking
from convlab.judge.sampled import sampled_verdict, verdict_alone
from convlab.judge.trial import tried
from convlab.judge.verdict import Skipped, Verdict, short
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family, Member
from convlab.run.bind import Binder, symbols_of
from convlab.run.cases import Batch, NotApplicable, Setting, batch_of, batches, check_exact, realised, settings_on, speaks_of_horizon
from convlab.run.engine import flattened, initial_state, is_random, run_deterministic, steps
from convlab.run.enumeration import WORK, Cloud, cases_reaching, clouds, of_every_case
from convlab.run.free import with_free_memory
from convlab.run.moments import exact_moments
from convlab.run.passes import effective_passes
from convlab.run.recorder import Record, Recorder
from convlab.run.settings import Settings
from convlab.theorem import Instance, Law, RateBound, Relation, Source, every_iterate, tight_instances

EXACT_STEPS = 50                       # rational runs of affine steps
EXACT_MOMENTS = 12                     # rational second moments: the digits double with the square
EXACT_CLOUD = 6                        # rational enumeration; as far as asked where draws lead to the same few states
FEW = 8
DIGITS = 4000                          # a rational run ends where a number passes this length (Python prints no more than 4,300)
HORIZONS = (1, 2, 3, 7, 15)            # where an instance is another problem for each horizon
ENUMERATED = 64                        # updates enumerated where states merge: the law has settled or the states have outgrown the budget
ATTAINED = 1e-9                        # a bound or an instance that is not rational is attained to nine digits
REASONS = (NotApplicable, Unsupported, Inexact)      # what keeps a pair from being judged; the message is printed


def judge_rate(title: str, claim: RateBound, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """Verdicts on the claim's instances and on every matching problem, with what was skipped and why."""
    for instance in claim.on or tight_instances(claim):
        if not settings.problems or instance.family in settings.problems or repr(instance) in settings.problems:
            try:
                with Noted(f"on {instance!r}"), lacking(settings):
                    verdict = judge_instance(title, claim, instance, families, settings)
                yield verdict
            except REASONS as reason:
                yield Skipped(title, claim.name, repr(instance), str(reason))
    for member in () if claim.on else members(families, settings):
        try:
            with Noted(f"on problem {member.name}"), lacking(settings):
                yield from judge_member(title, claim, member, settings)
        except REASONS as reason:
            yield Skipped(title, claim.name, member.name, str(reason))


def members(families: Mapping[str, Family], settings: Settings) -> Iterator[Member]:
    """Members of all families, or those that the user named (a family's name stands for all of its members)."""
    for family in families.values():
        for member in family.members():
            if not settings.problems or member.name in settings.problems or family.name in settings.problems:
                yield member


# ---- declared instances, in rationals where they are rational
def judge_instance(title: str, claim: RateBound, instance: Instance, families: Mapping[str, Family], settings: Settings) -> Verdict:
    """The verdict on one declared instance: exact where its data are rational, else by the float sources."""
    horizons = (claim.grid.horizons or HORIZONS) if speaks_of_horizon(instance) else (None,)
    found = [(k, setting) for k in horizons for setting in realised(instance, claim, title, families, settings, k)]
    if not found:
        raise NotApplicable("none of its parameter points lies in the condition")
    if claim.relation in (Relation.EQUAL, Relation.AT_LEAST):
        check_exact(needed_symbols(claim) | symbols_of(algorithm_of(claim)), found[0][1].provenance)
    tried(title, claim, repr(instance), [found[0][1]])
    if claim.law is Law.HIGH_PROBABILITY:
        return verdict_alone(title, claim, [setting for _, setting in found], settings)
    try:
        evidence = [e for k, setting in found for e in exact_evidence(claim, setting, k, settings)]
    except (Unsupported, ValueError, TypeError, ArithmeticError) as reason:
        evidence = [e for k, setting in found for e in float_evidence(claim, [setting], settings, k)]
        evidence = [replace(e, note=_joined(e.note, f"not in rationals: {reason}")) for e in evidence]
    verdict = verdict_of(title, claim, repr(instance), evidence, settings)
    reached = verdict.worst_ratio is None or as_float(verdict.worst_ratio) >= 1 - ATTAINED
    return verdict if reached or claim.on else replace(verdict, note=_joined(verdict.note, f"declared tight, but measured/bound is {short(verdict.worst_ratio)} at most"))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def exact_evidence(claim: RateBound, setting: Setting, k: int | None, settings: Settings) -> list[Evidence]:
    """Rational evidence on one setting, judged at horizon k only if given. Raises where it leaves the rationals."""
    batch = batch_of([setting], RATIONAL)
    algorithm = algorithm_of(claim)
    found, unreached = [], []
    for horizon in ((k,) if k is not None else claim.grid.horizons or (None,)):
        last = horizon if horizon is not None else min(settings.iterations, EXACT_STEPS)
        binder = Binder(algorithm, batch.values, batch.x0.ndim, last, RATIONAL)
        try:
            if is_random(algorithm):
                found += _exact_law(claim, binder, batch, last, horizon)
            else:
                record, note = rational_record(claim, binder, batch, last)
                found.append(_evidence(claim, batch, record, Source.RATIONAL, horizon, note))
        except Inexact as reason:
            unreached.append(_at_horizon(horizon, reason))
    return _reached(found, unreached)


def _enumerable(binder: Binder, batch: Batch, last: int) -> int:
    """How many updates are enumerated in fractions: all where there are never more than FEW states, as without noise."""
    try:
        merged = clouds(binder, batch, last, states=FEW)[-1].k
    except Inexact:
        merged = 0
    return max(merged, min(last, EXACT_CLOUD))


def _at_horizon(horizon: int | None, reason: Inexact) -> str:
    """A horizon that a source does not reach leaves the others to be judged; without horizons the source fails."""
    if horizon is None:
        raise reason
    return f"not at K = {horizon}: {reason}"


def _reached(found: list[Evidence], unreached: list[str]) -> list[Evidence]:
    """The evidence, with a note of what it does not cover. Raises Inexact where there is none."""
    if not found:
        raise Inexact("; ".join(unreached))
    return [replace(found[0], note=_joined(found[0].note, *unreached)), *found[1:]] if unreached else found


def rational_record(claim: RateBound, binder: Binder, batch: Batch, last: int) -> tuple[Record, str]:
    """A deterministic run in fractions, up to `last` or until a number passes DIGITS digits."""
    assert claim.metric is not None
    recorder = Recorder(claim.metric, batch.case, claim.mode, claim.reads)
    state = initial_state(binder, batch)
    recorder.look(0, state, True)
    algorithms, every = steps(binder), grid_step(claim, batch)
    for k in range(1, last + 1):
        state = next(algorithms).step(state, batch.case.problem)
        recorder.look(k, state, k % every == 0)
        if _digits(state) > DIGITS:
            return recorder.record(state), f"rationals up to k = {k}, where they pass {DIGITS} digits"
    return recorder.record(state), ""


def _digits(state: Any) -> int:
    entries = flattened(state).reshape(-1)
    return int(max((v.denominator.bit_length() for v in entries if hasattr(v, "denominator")), default=0) * 0.30103)


# ---- matching problems
def judge_member(title: str, claim: RateBound, member: Member, settings: Settings) -> Iterator[Verdict | Skipped]:
    """Verdicts on one problem: by an exact source, and sampled beside it where the run is random."""
    found = settings_on(claim, title, member, settings, claim.assumptions)
    if claim.relation is not Relation.AT_MOST:
        check_exact(needed_symbols(claim) | symbols_of(algorithm_of(claim)), found[0].provenance)
    if getattr(claim.metric, "needs_minimiser", False) and batch_of(found[:1], FLOAT64).case.minimiser is None:
        raise NotApplicable("its minimiser is not known")
    tried(title, claim, member.name, found)
    found = [*found, *with_free_memory(algorithm_of(claim), claim.free_state, found, settings.seed)]
    exact = True
    try:
        if claim.law is Law.HIGH_PROBABILITY:
            raise Inexact("the probability of failing is judged by samples")
        yield _with_passes(claim, verdict_of(title, claim, member.name, float_evidence(claim, found, settings), settings), found[0])
    except Inexact as reason:
        exact = False
        yield Skipped(title, claim.name, member.name, f"no exact source: {reason}")
    if is_random(algorithm_of(claim)) and _sampled(claim, settings):
        try:
            yield sampled_verdict(title, claim, found[0], settings) if exact else verdict_alone(title, claim, found, settings)
        except Inexact as reason:
            yield Skipped(title, claim.name, member.name, f"not sampled: {reason}")


def _with_passes(claim: RateBound, verdict: Verdict, setting: Setting) -> Verdict:
    """The verdict's curve with the effective passes of its default case."""
    if verdict.curve is None:
        return verdict
    batch = batch_of([setting], FLOAT64)
    binder = Binder(algorithm_of(claim), batch.values, batch.x0.ndim, int(verdict.curve.k[-1]), FLOAT64)
    passes = effective_passes(binder, batch.case.problem, int(setting.values.get(symbols.n, 1)), verdict.curve.k)
    return replace(verdict, curve=replace(verdict.curve, passes=passes))


def _sampled(claim: RateBound, settings: Settings) -> bool:
    """Whether replicates judge: beside an exact expectation where the user wants them, of a probability always."""
    return claim.law is Law.HIGH_PROBABILITY or (settings.sampled and claim.law is Law.EXPECTATION and claim.relation is not Relation.EQUAL)


def float_evidence(claim: RateBound, found: list[Setting], settings: Settings, k: int | None = None) -> list[Evidence]:
    """Evidence by the best exact source in float64, over all settings of one problem."""
    algorithm = algorithm_of(claim)
    evidence: list[Evidence] = []
    unreached = []
    for batch in batches(found):
        batch = at_its_precision(batch, algorithm)
        for horizon in ((k,) if k is not None else claim.grid.horizons or (None,)):
            points = judged_points(claim, batch, settings, horizon)
            binder = Binder(algorithm, batch.values, batch.x0.ndim, int(points[-1]), FLOAT64)
            try:
                evidence += [settled(e, partial(_extended, claim, points, horizon)) for e in _run(claim, binder, batch, points, horizon)]
            except Inexact as reason:
                unreached.append(_at_horizon(horizon, reason))
    return _reached(evidence, unreached)


def _run(claim: RateBound, binder: Binder, batch: Batch, points: Array, horizon: int | None) -> list[Evidence]:
    """A batch by its best source; several where enumeration ends at several k."""
    if is_random(binder.algorithm):
        return random_evidence(claim, binder, batch, points, horizon)
    return [_evidence(claim, batch, deterministic_record(claim, binder, batch, points), Source.DETERMINISTIC, horizon)]


def _extended(claim: RateBound, points: Array, horizon: int | None, batch: Batch) -> Comparison:
    """The run of one case again, in extended precision."""
    binder = Binder(algorithm_of(claim), batch.values, batch.x0.ndim, int(points[-1]), EXTENDED)
    (evidence,) = _run(claim, binder, batch, points, horizon)
    return evidence.result


def deterministic_record(claim: RateBound, binder: Binder, batch: Batch, points: Array) -> Record:
    """A float run of every case at once."""
    assert claim.metric is not None
    recorder = Recorder(claim.metric, batch.case, claim.mode, claim.reads, batch.arithmetic.eps, floor_of(claim))
    return recorder.record(run_deterministic(binder, batch.case.problem, initial_state(binder, batch), points, recorder))


def random_evidence(claim: RateBound, binder: Binder, batch: Batch, points: Array, horizon: int | None) -> list[Evidence]:
    """Exact moments of the whole batch, else enumeration of it."""
    try:
        if claim.law is Law.SURELY or claim.reads:
            raise Inexact("the claim speaks of single runs")
        return [_evidence(claim, batch, _moments(claim, binder, batch, points), Source.MOMENTS, horizon)]
    except Inexact as reason:
        last = min(int(points[-1]), ENUMERATED)
        try:
            parts = _enumerated(claim, binder, batch, last, WORK // len(batch.settings))
        except Inexact as second:
            raise Inexact(f"exact moments: {reason}; enumeration: {second}") from second
        return [e for part, found in parts for e in _by_states(claim, part, found, last, Source.ENUMERATION, horizon)]


def _exact_law(claim: RateBound, binder: Binder, batch: Batch, last: int, horizon: int | None) -> list[Evidence]:
    """Exact moments in fractions, else enumeration in fractions."""
    try:
        if claim.law is Law.SURELY or claim.reads or claim.grid.step != 1:
            raise Inexact("the claim speaks of single runs or of epochs")
        record = _moments(claim, binder, batch, np.arange(min(last, EXACT_MOMENTS) + 1))
    except Inexact:
        last = _enumerable(binder, batch, last)
        return [e for part, found in _enumerated(claim, binder, batch, last) for e in _by_states(claim, part, found, last, Source.RATIONAL, horizon)]
    return [_evidence(claim, batch, record, Source.RATIONAL, horizon)]


def _moments(claim: RateBound, binder: Binder, batch: Batch, points: Array) -> Record:
    """Exact moments in the claim's mode; means and sums of the metric need every k."""
    assert claim.metric is not None
    if claim.mode == every_iterate:
        return exact_moments(binder, batch, claim.metric, points)
    every = exact_moments(binder, batch, claim.metric, np.arange(int(points[-1]) + 1))
    return _in_mode(claim, every, points[points <= every.k[-1]])


def _in_mode(claim: RateBound, every: Record, points: Array) -> Record:
    """A record of all k turned into the claim's mode at the checkpoints (best: the least expectation, known as well as the least of what is certain)."""
    chosen = _statistic(claim, every.measured, points)
    floor = None if every.floor is None else every.floor[points]
    if every.floor is not None and claim.mode.statistic == "best":
        floor = np.nan_to_num(chosen.measured - _statistic(claim, every.measured - every.floor, points).measured, nan=0.0, posinf=np.inf)
    return Record(chosen.k, chosen.measured, floor)


def _statistic(claim: RateBound, values: Array, points: Array) -> Record:
    """The statistic of the claim's mode over all values before the checkpoints."""
    recorder = Recorder(lambda state, case: state[0], None, claim.mode)  # type: ignore[arg-type]   # the states are the measured values themselves
    wanted = set(points.tolist())
    for k in range(int(points[-1]) + 1):
        recorder.look(k, (values[k],), k in wanted)
    return recorder.record(None)


def _enumerated(claim: RateBound, binder: Binder, batch: Batch, last: int, work: int = WORK) -> list[tuple[Batch, list[Cloud]]]:
    """The reachable states of all cases, together where they share their draws. `work` is the budget of one case."""
    if claim.reads and claim.law is Law.EXPECTATION:
        raise Inexact(f"the bound reads {claim.reads[0].name}, which differs between runs")
    together = len(batch.settings) == 1 or of_every_case(binder.at(0).draws(batch.case.problem))
    parts = [batch] if together else [replace(batch_of([setting], FLOAT64), arithmetic=batch.arithmetic) for setting in batch.settings]
    found = [(part, clouds(replace(binder, values=part.values), part, last, work=work)) for part in parts]
    step = grid_step(claim, batch)
    if claim.law is not Law.SURELY and step > 1 and any(cases_reaching(states, step) < len(part.settings) for part, states in found):
        raise Inexact(f"enumeration ends before the first multiple of {step}")
    return found


def _by_states(claim: RateBound, batch: Batch, found: list[Cloud], last: int, source: Source, horizon: int | None) -> list[Evidence]:
    """Reachable states compared with the bound: each of them where the claim holds surely, else their expectation. Cases that end together are judged together."""
    evidence = []
    worst = worst_states(claim, batch, found) if claim.law is Law.SURELY else None
    every = expectations(claim, batch, found) if worst is None else None
    for part, kept, end in ending_together(batch, found):
        note = f"enumerated up to k = {end}" if end < last or last == ENUMERATED else ""
        if worst is not None:
            evidence.append(Evidence(part.settings, _spoken_of(claim, part, comparison_of(worst, kept, end), horizon, note), source, note))
        elif every is not None:
            evidence.append(_evidence(claim, part, _expected(claim, part, record_of(every, kept, end)), source, horizon, note))
    return evidence


def _expected(claim: RateBound, batch: Batch, every: Record) -> Record:
    """The expectations in the claim's mode, at the k that the claim speaks of."""
    record = every if claim.mode == every_iterate else replace(_in_mode(claim, replace(every, floor=None), every.k), floor=every.floor)
    kept = record.k % grid_step(claim, batch) == 0
    return Record(record.k[kept], record.measured[kept], None if record.floor is None else record.floor[kept])


def _evidence(claim: RateBound, batch: Batch, record: Record, source: Source, horizon: int | None, note: str = "") -> Evidence:
    """A record compared with the bound; at the horizon only, where one is fixed. In extended precision with the slack of float64: constants may be known to no more."""
    batch = replace(batch, arithmetic=FLOAT64) if batch.arithmetic is EXTENDED else batch
    result = compared_along(claim, batch, record)
    return Evidence(batch.settings, _spoken_of(claim, batch, result, horizon, note), source, note, batch, record)


def _spoken_of(claim: RateBound, batch: Batch, result: Comparison, horizon: int | None, note: str) -> Comparison:
    """The rows of the k that the claim speaks of. Raises Inexact where the run ends before them."""
    rows = (result.k >= claim.grid.first) & (result.k % grid_step(claim, batch) == 0) if horizon is None else result.k == horizon
    if not rows.any():
        raise Inexact(f"{note or f'the run ends at k = {int(result.k[-1])}'}, before the claim speaks")
    return result.at(rows)
