"""A trial before the run: one `init`, one `step` and one look by the metric, whose answers are of the shapes that the engine counts on.

What a user's class gets wrong is told here, in a sentence, not by whatever the engine trips over later.
"""
from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.draws import Draws, Inexact
from convlab.errors import BadInput
from convlab.judge.grid import algorithm_of
from convlab.run.bind import Binder
from convlab.run.cases import Batch, NotApplicable, Setting, batches
from convlab.run.engine import initial_state, is_random, raw_draws
from convlab.theorem import RateBound

LEAST = 2          # cases, so that an answer for all of them together is told from one for each


def tried(title: str, claim: RateBound, problem: str, found: list[Setting]) -> None:
    """Raises BadInput for a state, step, metric or bound of the wrong shape; NotApplicable where a bound reads what the problem does not know."""
    first = next(batches(found))
    batch = first if len(first.settings) >= LEAST else next(batches(first.settings * LEAST))
    algorithm, where = algorithm_of(claim), f"theorem {title}, claim {claim.name} on problem {problem}"
    binder = Binder(algorithm, batch.values, batch.x0.ndim, 1, FLOAT64)
    name = type(claim.algorithm if claim.coupled is None else claim.coupled[0]).__name__
    with np.errstate(all="ignore"):
        state = initial_state(binder, batch)
        _refuse(where, name, "init", _wrong_state(state, len(batch.x0)))
        try:
            following = _stepped(binder.at(0), state, batch)
        except Inexact:                                     # a law that is not drawn: nothing to try
            following = None
        if following is not None:
            _refuse(where, name, "step", _wrong_state(following, len(batch.x0)) or _changed(state, following))
        measured = _measured(where, claim, following if following is not None else state, batch)
        _try_bound(where, claim, measured, batch)


def _refuse(where: str, name: str, method: str, wrong: str) -> None:
    if wrong:
        raise BadInput(f"{where}: {name}.{method} returned {wrong}")


def _stepped(algorithm: Any, state: Any, batch: Batch) -> Any:
    """The state after one update, on draws of a fixed seed."""
    problem = batch.case.problem
    if not is_random(algorithm):
        return algorithm.step(state, problem)
    declared = algorithm.draws(problem)
    if not isinstance(declared, Draws):
        raise BadInput(f"{type(algorithm).__name__}.draws returned a {type(declared).__name__}; return cl.Draws(index=cl.Uniform(oracle.n)) or the like.")
    draw = next(declared.each(next(raw_draws(declared, (0, "trial"), 1, len(batch.x0)))))
    return algorithm.step(state, problem, draw if declared.stateless else declared.value(draw._asdict(), state))


def _wrong_state(state: Any, count: int, name: str = "") -> str:
    """What is wrong with a state of so many cases; nothing if nothing is."""
    if not (isinstance(state, tuple) and hasattr(state, "_fields")):
        kind = f"an array of shape {_shape(np.shape(state), count)}" if isinstance(state, np.ndarray) else f"a {type(state).__name__}"
        return f"{name}{kind}, not a NamedTuple of arrays; declare class State(NamedTuple): x: Any and return State(x)."
    for field, value in zip(state._fields, state, strict=True):
        wrong = _wrong_state(value, count, f"{field}, ") if isinstance(value, tuple) else _wrong_field(field, value, count)
        if wrong:
            return wrong
    return ""


def _wrong_field(field: str, value: Any, count: int) -> str:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return f"{field} as a {type(value).__name__}; a field of the state is an array with one entry a case, the leading axis of x0."
    if value.dtype == object:
        return (f"{field} as an array of objects, not of floats: a Fraction, or a sympy number, times a float array gives one. "
                f"Divide by integers (x / 2 for Fraction(1, 2) * x), or make the number a field of the algorithm.")
    if value.ndim == 0 or value.shape[0] != count:
        return f"{field} of shape {_shape(value.shape, count)}, without the leading axis of B cases that x0 has: sum over axis=-1, not over all."
    return ""


def _changed(before: Any, after: Any) -> str:
    """How the state after an update differs in form from the one before."""
    if type(before) is not type(after):
        return f"a {type(after).__name__}, where init returned a {type(before).__name__}; return the same NamedTuple."
    count = len(_leaf(before))
    for field, old, new in zip(before._fields, before, after, strict=True):
        if isinstance(old, tuple):
            wrong = _changed(old, new)
            if wrong:
                return wrong
        elif old.shape != new.shape:
            return f"{field} of shape {_shape(new.shape, count)}, not {_shape(old.shape, count)} as before the step."
    return ""


def _leaf(state: Any) -> Array:
    return _leaf(state[0]) if isinstance(state, tuple) else state


def _shape(shape: tuple[int, ...], count: int) -> str:
    """A shape with B for the number of cases."""
    if not shape:
        return "()"
    sizes = ["B" if axis == 0 and size == count else str(size) for axis, size in enumerate(shape)]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _measured(where: str, claim: RateBound, state: Any, batch: Batch) -> Array:
    assert claim.metric is not None
    value, count = claim.metric(state, batch.case), len(batch.x0)
    name = getattr(claim.metric, "name", getattr(claim.metric, "__name__", "the metric"))
    asked = "a metric returns an array with one number a case, (B,), such as norm(state.x - case.minimiser)"
    if not (hasattr(value, "shape") and hasattr(value, "dtype")) or np.ndim(value) == 0:
        raise BadInput(f"{where}: the metric ({name}) returned a {type(value).__name__}; {asked}.")
    if value.shape[0] != count:
        raise BadInput(f"{where}: the metric ({name}) returned shape {_shape(value.shape, count)}; {asked}.")
    if value.dtype == object:
        raise BadInput(f"{where}: the metric ({name}) returned an array of objects, not of floats: divide by integers in place of a Fraction or a sympy number.")
    if np.isnan(value).all() and np.isfinite(_leaf(state)).all():
        raise BadInput(f"{where}: the metric ({name}) is NaN at a finite point, after one update; give it a number there.")
    return value


def _try_bound(where: str, claim: RateBound, measured: Array, batch: Batch) -> None:
    """A bound that is a function, at k = 1."""
    if isinstance(claim.bound, sp.Basic) or not callable(claim.bound) or claim.reads:
        return
    try:
        value = np.asarray(claim.bound(1, batch.case, {"M0": measured}))
    except KeyError as error:
        if error.args and isinstance(error.args[0], sp.Symbol):
            raise NotApplicable(f"the bound speaks of {error.args[0]}, which the problem does not know") from None
        raise
    try:
        np.broadcast_to(value, measured.shape)
    except ValueError:
        raise BadInput(f"{where}: the bound returned shape {_shape(value.shape, len(measured))}, the metric {_shape(measured.shape, len(measured))}; "
                       f"return one number a case.") from None


