"""One update of a claim's algorithm, from any number of states: what the claim measures after it, what it bounds that by, and the rounding of both."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from convlab.arithmetic import FLOAT64, Arithmetic
from convlab.constants import Array
from convlab.draws import Draws
from convlab.judge.compare import Comparison, compared
from convlab.judge.states import Surroundings, leaves, repeated
from convlab.metrics import Case
from convlab.run.bind import Binder
from convlab.run.cases import Batch, NotApplicable
from convlab.run.engine import flattened, initial_state, is_random, unflattened
from convlab.run.frozen import frozen
from convlab.run.recorder import ROUNDINGS
from convlab.theorem import StepInequality

BRANCHES = 1024        # draws of one update that are enumerated
AT_ONCE = 4096         # updates in one array where draws are enumerated: in a larger one the call costs no less, and the masks of many draws fill the memory
SHOWN = 3              # states of each setting at which functions are asked whether they take arrays of parameters: the start, and two with another memory


class Branches(NamedTuple):
    """Some of the draws of one update side by side."""

    draw: Any            # each field (states, draws, ...), or (1, draws, ...) where the draws are the same from every state
    weights: Array       # their probabilities, (states, draws) or (1, draws)


class Outcomes(NamedTuple):
    """The states after some draws, (states x draws, ...), those of one state before it in a row."""

    state: Any
    weights: Array
    update: Update       # with its numbers repeated as the states are


@dataclass(frozen=True)
class Update:
    """One update on one problem, from any number of states, of which each belongs to a setting of a batch: `owner` has the number of that setting, (states,)."""

    claim: StepInequality
    batch: Batch
    owner: Array
    always: Branches | None = None        # its draws, where they are the same from every state

    @staticmethod
    def on(claim: StepInequality, batch: Batch) -> Update:
        """From one state of each setting."""
        update = Update(claim, batch, np.arange(len(batch.settings)))
        return replace(update, always=_side_by_side(update.draws.branches(1, None), batch.arithmetic)) if update.draws.stateless else update

    def of(self, owner: Array) -> Update:
        """From other states of the same settings."""
        return replace(self, owner=owner)

    @cached_property
    def binder(self) -> Binder:
        """The algorithm with its numbers."""
        return Binder(self.claim.algorithm, self._owned(self.batch.values), self.batch.x0.ndim, 1, self.batch.arithmetic)

    @cached_property
    def algorithm(self) -> Any:
        """The algorithm of the update."""
        return self.binder.at(0)

    @cached_property
    def case(self) -> Case:
        """What the claim's functions see: one number for all states, or one a state."""
        return replace(self.batch.case, values=self._owned(self.batch.case.values))

    def _owned(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        alone = len(self.batch.settings) == 1                    # its numbers serve all states
        return {s: v if alone or not getattr(v, "ndim", 0) else v[self.owner] for s, v in values.items()}

    def of_setting(self, number: int) -> Case:
        """What the claim's functions see of one setting alone."""
        case = self.batch.case
        return replace(case, values={s: float(v[number]) if getattr(v, "ndim", 0) else v for s, v in case.values.items()})

    def initial(self) -> Any:
        """The states that the settings start in, (settings, ...)."""
        return frozen(initial_state(self.of(np.arange(len(self.batch.settings))).binder, self.batch))

    @cached_property
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

    def _branches(self, state: Any, count: int) -> Iterator[Branches]:
        """All draws, so many side by side as make AT_ONCE updates."""
        draw, weights = self.always or _side_by_side(self.draws.branches(count, state), self.batch.arithmetic)
        length = max(1, AT_ONCE // count)
        for first in range(0, weights.shape[1], length):
            part = slice(first, first + length)
            yield Branches(type(draw)(*(value[:, part] for value in draw)), weights[:, part])

    def outcomes(self, state: Any) -> list[Outcomes]:
        """The states after the update, over all its draws."""
        problem, count = self.batch.case.problem, len(next(leaves(state)))
        if not is_random(self.algorithm):
            return [Outcomes(frozen(self.algorithm.step(state, problem)), np.ones((1, 1)), self)]
        found = []
        for draw, weights in self._branches(state, count):
            number = weights.shape[1]
            update = self.of(np.repeat(self.owner, number))
            drawn = frozen(type(draw)(*(np.broadcast_to(v, (count, *v.shape[1:])).reshape(count * number, *v.shape[2:]) for v in draw)))
            found.append(Outcomes(frozen(update.algorithm.step(frozen(repeated(state, number)), problem, drawn)), weights, update))
        return found

    def told(self, function: Callable[[Any, Case], Array], state: Any, case: Case) -> Array:
        """What a function of the claim says, in floats where the states are: a Fraction times an array of them is an array of objects."""
        found = np.asarray(function(state, case))
        return found.astype(float) if self.batch.arithmetic.eps and found.dtype == object else found

    def compared(self, state: Any, tries: int) -> Comparison:
        """The claim on a batch of states, kept apart as cases so that the worst state is found: (1, states). Their rounding is the largest of so many tries."""
        claim, case = self.claim, self.case
        with np.errstate(all="ignore"):
            after = self.outcomes(state)
            values = [self.told(claim.after, outcome.state, outcome.update.case) for outcome in after]
            measured = _mean(after, values)
            bound = self.told(claim.bound, state, case)
            selected = np.ones(len(measured), dtype=bool) if claim.where is None else np.asarray(claim.where(state, case), dtype=bool)
        if measured.dtype == object:
            measured, bound = (np.array([v if s else None for v, s in zip(x, selected, strict=True)], dtype=object) for x in (measured, bound))
            return compared(np.array([1]), measured[None], bound[None], None, claim.relation, 0.0)
        floor = self._floor(state, after, values, bound, tries)
        lost = selected & np.isnan(measured.astype(float)).reshape(len(measured), -1).any(axis=1)
        cells = selected.reshape((-1,) + (1,) * (measured.ndim - 1))
        measured, bound = np.where(cells, measured, np.nan), np.where(cells, bound, np.nan)
        result = compared(np.array([1]), measured[None], bound[None], floor[None], claim.relation, self.batch.arithmetic.eps)
        return replace(result, broke=np.where(lost, 1, result.broke), diverged=result.diverged & ~lost)      # of selected states, unlike of the others, nan is news

    def _floor(self, state: Any, after: list[Outcomes], values: list[Array], bound: Array, tries: int) -> Array:
        """Rounding of both sides: what they change by when every state moves by its resolution (that of the larger of both, from which the update was made).

        A side whose terms cancel (f(x) - gamma |g|^2/2) hardly moves, but is rounded anew at each try: the largest change of several tells how much.
        """
        here = np.abs(flattened(state)).max(axis=1)
        size = np.max([here, *(np.abs(flattened(outcome.state)).max(axis=1).reshape(len(here), -1).max(axis=1) for outcome in after)], axis=0)

        def change(side: Callable[[Any, Case], Array], value: Any, case: Case, size: Array, here: Array) -> Array:
            return np.asarray(np.max([np.abs(self.told(side, frozen(_moved(value, i, size[:, None])), case) - here) for i in range(tries)], axis=0))

        with np.errstate(all="ignore"):
            left = _mean(after, [change(self.claim.after, outcome.state, outcome.update.case, np.repeat(size, outcome.weights.shape[1]), value)
                                 for outcome, value in zip(after, values, strict=True)])
            right = change(self.claim.bound, state, self.case, size, bound)
        return np.asarray(np.nan_to_num(2 * (left + right)))


def _side_by_side(listed: Iterable[tuple[Any, Any]], arithmetic: Arithmetic) -> Branches:
    """The draws that have a probability."""
    draws, weights = zip(*((draw, weight) for draw, weight in listed if getattr(weight, "ndim", 0) or weight), strict=True)
    numbers = np.broadcast_arrays(*(arithmetic.array(np.atleast_1d(weight)) for weight in weights))
    return Branches(type(draws[0])(*(np.stack(values, axis=1) for values in zip(*draws, strict=True))), np.stack(numbers, axis=1))


def _mean(after: list[Outcomes], values: list[Array]) -> Array:
    """The mean of values (states x draws, ...) over the draws."""
    if len(after) == 1 and after[0].weights.shape[1] == 1:
        return values[0]
    total: Any = 0
    for (_, weights, _), value in zip(after, values, strict=True):
        cells = value.reshape(-1, weights.shape[1], *value.shape[1:])
        mass = weights.reshape(weights.shape + (1,) * (cells.ndim - 2))
        total = total + np.where(mass == 0, 0, mass * cells).sum(axis=1)            # what has probability zero may be no number
    return np.asarray(total)


def _moved(value: Any, number: int, size: Array) -> Any:
    """The states moved by their resolution, along one of many diagonals."""
    flat = flattened(value)
    signs = 1 - 2 * ((np.arange(flat.shape[1]) >> (number // 4)) + number) % 2 if number else 1 - 2 * (np.arange(flat.shape[1]) % 2)
    return unflattened(flat + ROUNDINGS * FLOAT64.eps * (1 + number % 4 / 4) * size * signs, value)


def takes_arrays(claim: StepInequality, batch: Batch, around: Surroundings, rows: Array) -> bool:
    """Whether the claim's functions say of some states of every setting at once what they say of those of each alone.

    One that was written for numbers may not: it may reduce an array of parameters, or let it meet the entries of a state. `rows` are (settings, states, entries).
    """
    few = rows[:, :SHOWN]
    update = Update(claim, batch, np.repeat(np.arange(len(rows)), few.shape[1]))
    cases = [update.of_setting(number) for number in range(len(rows))]
    with np.errstate(all="ignore"):
        return all(_same(update.told(function, frozen(around.state(few)), update.case),
                         [update.told(function, frozen(around.state(own)), case) for own, case in zip(few, cases, strict=True)], few.shape[1])
                   for function in (claim.after, claim.bound, claim.where) if function is not None)


def _same(at_once: Array, alone: list[Array], count: int) -> bool:
    """Whether an array over all states is the parts put together, but for rounding: in a larger array a product may be summed in another order."""
    parts = np.concatenate([np.broadcast_to(part, (count, *part.shape[1:])) for part in alone]).astype(float)
    largest = np.abs(parts[np.isfinite(parts)]).max(initial=0)
    close = {"rtol": 1e-9, "atol": 1e-12 * largest}          # thousands of roundings (the second where terms cancel), far below what other parameters change
    return at_once.shape in ((), parts.shape) and np.allclose(np.broadcast_to(at_once, parts.shape).astype(float), parts, **close, equal_nan=True)
