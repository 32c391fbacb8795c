"""Judging a StepInequality: one update from any state; states from a generator and from search."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic, cast
from convlab.constants import Array
from convlab.draws import Draws
from convlab.errors import BadInput, Noted
from convlab.judge.compare import Comparison, compared
from convlab.judge.rate import members
from convlab.judge.replaced import lacking
from convlab.judge.states import Surroundings, points_around, start_size, told
from convlab.judge.verdict import Skipped, Verdict
from convlab.judge.words import Evidence, verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family
from convlab.run.bind import Binder
from convlab.run.cases import Batch, NotApplicable, Setting, batch_of, distinct_points, realised, settings_on, stream
from convlab.run.engine import flattened, initial_state, is_random, unflattened
from convlab.run.frozen import frozen
from convlab.run.recorder import ROUNDINGS
from convlab.run.settings import Settings
from convlab.theorem import Law, Relation, Source, StepInequality, tight_instances

STATES = 20480         # updates tried on one problem, shared by its parameter points (and, in expectation, by the draws)
ROUNDS = 12            # of search: each keeps the worst states and moves around them
FEWEST = 32            # states a round
KEPT = 16              # one of so many states is kept as among the worst
SEARCHED = 3           # tries at the rounding of each of many states, where some seem to violate the claim
SETTLED = 16           # and of one that seems to violate the claim
BRANCHES = 1024        # draws of one update that are enumerated


def judge_step(title: str, claim: StepInequality, families: Mapping[str, Family], settings: Settings) -> Iterator[Verdict | Skipped]:
    """One verdict a problem; declared instances in rationals from their start, and by search around it."""
    if is_random(claim.algorithm) and claim.law is Law.SURELY:
        yield Skipped(title, claim.name, "", "a step inequality speaks of one certain update, this algorithm draws; of the mean over its draws with law=Law.EXPECTATION")
        return
    for instance in claim.on or tight_instances(claim):
        try:
            found = realised(instance, claim, title, families, settings)
            if not found:
                raise NotApplicable("none of its parameter points lies in the condition")
            with lacking(settings):
                evidence = _on_instance(claim, title, repr(instance), found, settings)
            yield verdict_of(title, claim, repr(instance), evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, repr(instance), str(reason))
    for member in () if claim.on else members(families, settings):
        try:
            found = distinct_points(settings_on(claim, title, member, settings, claim.assumptions))
            with Noted(f"on problem {member.name}"), lacking(settings):
                evidence = _around(claim, title, member.name, found, settings)
            yield verdict_of(title, claim, member.name, evidence, settings)
        except (NotApplicable, Unsupported) as reason:
            yield Skipped(title, claim.name, member.name, str(reason))


def _on_instance(claim: StepInequality, title: str, name: str, found: list[Setting], settings: Settings) -> list[Evidence]:
    """From the declared start, exactly where it is rational; where that says nothing against the claim, also what a search around it says against it."""
    exact = [judged_at(claim, setting) for setting in found]
    if any(e.result.violated.any() for e in exact):
        return exact
    against = [e for e in _around(claim, title, name, distinct_points(found), settings) if e.result.violated.any() or (e.result.broke >= 0).any()]
    return [*against, *exact]


def _around(claim: StepInequality, title: str, name: str, found: list[Setting], settings: Settings) -> list[Evidence]:
    seeds = [stream(settings.seed, title, claim.name, name, number) for number in range(len(found))]
    return [searched(claim, setting, STATES // len(found), seed) for setting, seed in zip(found, seeds, strict=True)]


def judged_at(claim: StepInequality, setting: Setting, state: Any = None) -> Evidence:
    """The claim at one state (of floats, as a search found it; else the initial one), in rationals where it has them."""
    for arithmetic, source in ((RATIONAL, Source.RATIONAL), (FLOAT64, Source.DETERMINISTIC)):
        try:
            update = Update.of(claim, setting, arithmetic)
            result = update.compared(update.initial() if state is None else frozen(cast(state, arithmetic)), SETTLED)
        except BadInput:
            raise
        except (Unsupported, ValueError, TypeError, ArithmeticError) as reason:
            if arithmetic is FLOAT64:
                raise NotApplicable(str(reason)) from reason
            continue
        return Evidence((setting,), result, source)
    raise AssertionError("the float arithmetic answers or raises")


@dataclass(frozen=True)
class Update:
    """One update of a claim's algorithm on one problem, from any number of states."""

    claim: StepInequality
    algorithm: Any
    batch: Batch
    binder: Binder

    @staticmethod
    def of(claim: StepInequality, setting: Setting, arithmetic: Arithmetic) -> Update:
        """The update with its numbers put in."""
        batch = batch_of([setting], arithmetic)
        binder = Binder(claim.algorithm, batch.values, batch.x0.ndim, 1, arithmetic)
        return Update(claim, binder.at(0), batch, binder)

    def initial(self) -> Any:
        """The state that the setting starts in."""
        return frozen(initial_state(self.binder, self.batch))

    def draws(self) -> Draws:
        """What the update draws. Raises NotApplicable where its mean cannot be taken over finitely many draws."""
        if not is_random(self.algorithm):
            return Draws()
        declared: Draws = self.algorithm.draws(self.batch.case.problem)
        for name, law in declared.items():
            if law.size() is None:
                raise NotApplicable(f"the mean over {name!r} is no finite sum: {type(law).__name__} has no finite support")
        if declared.adversarial:
            raise NotApplicable("an adversary has no expectation")
        if (declared.size() or 0) > BRANCHES:
            raise NotApplicable(f"one update has {declared.size()} draws, too many to enumerate")
        return declared

    def outcomes(self, state: Any) -> list[tuple[Any, Any]]:
        """The states after the update, each with its probability: a number, or an array (states,)."""
        problem, draws = self.batch.case.problem, self.draws()
        if not is_random(self.algorithm):
            return [(frozen(self.algorithm.step(state, problem)), 1)]
        if not len(draws):
            return [(frozen(self.algorithm.step(state, problem, draws.draw())), 1)]
        branches = draws.branches(len(flattened(state)), state)
        return [(frozen(self.algorithm.step(state, problem, draw)), weight) for draw, weight in branches if getattr(weight, "ndim", 0) or weight]

    def mean(self, weighted: list[tuple[Array, Any]]) -> Array:
        """The mean of values (states, ...) over the draws."""
        if len(weighted) == 1:
            return weighted[0][0]
        arithmetic = self.batch.arithmetic
        total: Any = 0
        for value, weight in weighted:
            if getattr(weight, "ndim", 0):
                mass = arithmetic.array(weight).reshape((-1,) + (1,) * (value.ndim - 1))
                total = total + np.where(mass == 0, 0, mass * value)            # what has probability zero may be no number
            else:
                total = total + arithmetic.number(weight) * value
        return np.asarray(total)

    def compared(self, state: Any, tries: int) -> Comparison:
        """The claim on a batch of states, kept apart as checkpoints so that the worst state is found: (1, states)."""
        claim, case = self.claim, self.batch.case
        with np.errstate(all="ignore"):
            after = self.outcomes(state)
            values = [np.asarray(claim.after(outcome, case)) for outcome, _ in after]
            measured = self.mean([(value, weight) for value, (_, weight) in zip(values, after, strict=True)])
            bound = np.asarray(claim.bound(state, case))
            selected = np.ones(len(measured), dtype=bool) if claim.where is None else np.asarray(claim.where(state, case), dtype=bool)
        if measured.dtype == object:
            measured, bound = (np.array([v if s else None for v, s in zip(x, selected, strict=True)], dtype=object) for x in (measured, bound))
            return compared(np.array([1]), measured[None], bound[None], None, claim.relation, 0.0)
        floor = self._floor(state, [(*outcome, value) for outcome, value in zip(after, values, strict=True)], bound, tries)
        lost = selected & np.isnan(measured.astype(float)).reshape(len(measured), -1).any(axis=1)
        cells = selected.reshape((-1,) + (1,) * (measured.ndim - 1))
        measured, bound = np.where(cells, measured, np.nan), np.where(cells, bound, np.nan)
        result = compared(np.array([1]), measured[None], bound[None], floor[None], claim.relation, self.batch.arithmetic.eps)
        return replace(result, broke=np.where(lost, 1, result.broke), diverged=result.diverged & ~lost)      # of selected states, unlike of the others, nan is news

    def _floor(self, state: Any, after: list[tuple[Any, Any, Array]], bound: Array, tries: int) -> Array:
        """Rounding of both sides: what they change by when every state moves by its resolution (that of the larger of both, from which the update was made).

        A side whose terms cancel (f(x) - gamma |g|^2/2) hardly moves, but is rounded anew at each try: the largest change of several tells how much.
        """
        size = np.max([np.abs(flattened(value)).max(axis=1, keepdims=True) for value in (state, *(outcome for outcome, _, _ in after))], axis=0)
        case = self.batch.case

        def change(side: Any, value: Any, here: Array) -> Array:
            return np.asarray(np.max([np.abs(np.asarray(side(frozen(_moved(value, i, size)), case)) - here) for i in range(tries)], axis=0))

        with np.errstate(all="ignore"):
            left = self.mean([(change(self.claim.after, outcome, here), weight) for outcome, weight, here in after])
            right = change(self.claim.bound, state, bound)
        return np.asarray(np.nan_to_num(2 * (left + right)))


def _moved(value: Any, number: int, size: Array) -> Any:
    """The states moved by their resolution, along one of many diagonals."""
    flat = flattened(value)
    signs = 1 - 2 * ((np.arange(flat.shape[1]) >> (number // 4)) + number) % 2 if number else 1 - 2 * (np.arange(flat.shape[1]) % 2)
    return unflattened(flat + ROUNDINGS * FLOAT64.eps * (1 + number % 4 / 4) * size * signs, value)


def searched(claim: StepInequality, setting: Setting, budget: int, seed: np.random.SeedSequence) -> Evidence:
    """The worst of many states: generated around the start and its memory at distances over six decades, then moved towards larger ratios."""
    rng = np.random.default_rng(seed)
    update = Update.of(claim, setting, FLOAT64)
    count = max(FEWEST, budget // (ROUNDS * max(1, update.draws().size() or 1)))
    kept = max(1, count // KEPT)
    start = update.batch.x0[0]
    around = Surroundings(update.initial(), start_size(start))
    x0 = points_around(start, count, rng)
    rows = flattened(update.binder.at(0).init(frozen(x0), update.batch.case.problem)).astype(float)
    rows[0] = around.base[0]                                   # with what the start prescribes of the memory
    rows = around.with_memory(rows, rng)
    best: tuple[float, Comparison, Array] | None = None
    lost: tuple[Comparison, Array] | None = None
    for _ in range(ROUNDS):
        result = _on_rows(update, around, rows)
        gain = _gain(result, claim.relation)
        order = np.argsort(-gain)[:kept]
        worst = int(order[0])
        if best is None or gain[worst] > best[0]:
            best = float(gain[worst]), _only(result, worst), rows[worst:worst + 1]
        if lost is None and (result.broke >= 0).any():
            broken = int(np.argmax(result.broke))
            lost = _only(result, broken), rows[broken:broken + 1]
        chosen = rows[np.resize(order, count)]
        rows = np.concatenate([chosen[:kept], around.around(chosen[kept:], rng)])
    assert best is not None
    note = f"{count * ROUNDS} states"
    settled = _settled(claim, setting, best[1], around.state(best[2]), note)
    return settled if lost is None or settled.result.violated.any() else Evidence((_at(setting, around.state(lost[1])),), lost[0], Source.SEARCH, note)


def _on_rows(update: Update, around: Surroundings, rows: Array) -> Comparison:
    state = frozen(around.state(rows))
    result = update.compared(state, 1)
    return update.compared(state, SEARCHED) if result.violated.any() else result


def _at(setting: Setting, state: Any) -> Setting:
    """The setting with a state as its start, so that a witness tells it."""
    return replace(setting, start=replace(setting.start, name=told(state)))


def _settled(claim: StepInequality, setting: Setting, result: Comparison, state: Any, note: str) -> Evidence:
    """A violation in floats, judged again at the same state, in rationals where the claim has them, else above its rounding: a search finds the worst of that too.

    The one kept violates by the largest share of its sides, so that what is rounding there is rounding everywhere.
    """
    found = Evidence((_at(setting, state),), result, Source.SEARCH, note)
    if not result.violated.any():
        return found
    exact = judged_at(claim, found.settings[0], state)
    again = "in rationals" if exact.source is Source.RATIONAL else "above its rounding"
    return replace(exact, source=Source.SEARCH if exact.source is not Source.RATIONAL else exact.source, note=f"{note}; the worst again {again}")


def _gain(result: Comparison, relation: Relation) -> Array:
    ratio = result.ratio[0].astype(float)
    far = np.abs(ratio - 1) if relation is Relation.EQUAL else ratio
    measured, bound = result.measured[0].astype(float), result.bound[0].astype(float)
    with np.errstate(all="ignore"):
        excess = np.nan_to_num(np.abs(measured - bound) / np.maximum(np.abs(measured), np.abs(bound)), nan=1.0)     # nan: an infinite side
    return np.where(result.violated[0], 1e300 * (1 + excess), np.nan_to_num(far, nan=-1.0, posinf=1e300))


def _only(result: Comparison, case: int) -> Comparison:
    pick = slice(case, case + 1)
    return Comparison(result.k, result.ratio[:, pick], result.violated[:, pick], result.measured[:, pick], result.bound[:, pick],
                      result.broke[pick], result.diverged[pick])
