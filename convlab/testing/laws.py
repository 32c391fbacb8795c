"""The laws of an optimizer that hold exactly or to rounding, each a check of milliseconds, on gradients that do not depend on the point.

Along given gradients a rule is a sum, so symmetries are equations between runs. A law returns a Seen, or raises NotAsked with the reason.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.constants import Array
from convlab.run.bind import Binder
from convlab.run.counters import joined, split
from convlab.symbols import beta1, beta2, gamma
from convlab.testing.candidate import Candidate, defaults_of
from convlab.testing.likeness import UNKNOWN, Likeness, accumulator, epsilon

UPDATES = 30
AGREES = 1e-12           # of the way made: 30 updates of a few dozen roundings
EQUAL = 1e-11            # two runs that round differently, and gradients that were rounded before
SPACING = 64             # units of rounding at which a point is stored


class NotAsked(Exception):
    """A law that says nothing of this optimizer; the message is the reason."""


@dataclass(frozen=True)
class Seen:
    """How two sides of a law compare: `off` in units of the way made, `k` the first update at which they differ (None: they agree)."""

    k: int | None
    off: float
    witness: str = ""
    note: str = ""
    cause: str = ""


@dataclass(frozen=True)
class Subject:
    """An optimizer with what it is said to be like."""

    candidate: Candidate
    like: Likeness

    def values(self) -> dict[Any, float]:
        """The roles of its kind, where the checks are made. Raises NotAsked where the value of one is neither known nor to be set."""
        found = self.candidate.values(self.like.roles)
        missing = [role for role in self.like.roles if role not in found]
        if missing:
            raise NotAsked(f"{missing[0]} is not known: it can neither be set nor was it said, parameters={{{missing[0]}: ...}}")
        return found

    def without(self, roles: tuple[Any, ...]) -> dict[Any, float]:
        """The same with some roles 0. Raises NotAsked where one is not and cannot be set."""
        found = self.values()
        for role in (r for r in roles if r in found):
            if role not in self.candidate.spelled and found[role] != 0:
                raise NotAsked(f"it holds for {role} = 0, which cannot be set")
            found[role] = 0.0
        return found


class Given:
    """An oracle that answers its k-th call with the k-th of some gradients."""

    def __init__(self, gradients: Array) -> None:
        self.gradients: Iterator[Array] = iter(gradients)

    def gradient(self, x: Array) -> Array:
        """The next one."""
        return next(self.gradients)


def path(algorithm: Any, x0: Array, oracle: Any, updates: int, values: Mapping[Any, float] | None = None) -> Array:
    """x_0 .. x_updates, (updates + 1, cases, ...), the symbols in the algorithm's fields at these values."""
    binder = Binder(algorithm, values or {}, x0.ndim, updates, FLOAT64)
    with np.errstate(all="ignore"):
        state = binder.at(0).init(x0, oracle)
        found = [np.asarray(state[0])]
        for k in range(updates):
            state = binder.at(k).step(state, oracle)
            found.append(np.asarray(state[0]))
    return np.stack(found).astype(np.float64)


def along(subject: Subject, values: Mapping[Any, Any], gradients: Array, x0: Array) -> Array:
    """The optimizer's path along given gradients (updates, cases, ...)."""
    return path(subject.candidate.algorithm(values), x0, Given(gradients), len(gradients))


def gradients_and_start() -> tuple[Array, Array]:
    """Gradients (updates, 1, 4) that fluctuate, decay, grow and spike, coordinate by coordinate, none of them 0; and a start far from 1."""
    rng = np.random.default_rng(20)
    t = np.arange(UPDATES)
    fluctuating = 7 * rng.normal(size=UPDATES)
    spiking = np.where(t % 7 == 3, 50.0, -0.4) * (1 + 0.1 * rng.random(UPDATES))
    return np.stack([fluctuating, 30 * 0.8**t, -0.01 * 1.35**t, spiking], axis=1)[:, None, :], np.array([[3.0, -20.0, 0.4, 150.0]])


def compared(left: Array, right: Array, tolerance: float, witness: str = "") -> Seen:
    """Two paths: they agree to `tolerance` of the way that the right one makes, and to the rounding of its points."""
    way = np.abs(right - right[0]).max(initial=0.0)
    stored = SPACING * np.finfo(float).eps * max(np.abs(right).max(initial=0.0), np.abs(left[0]).max(initial=0.0))
    with np.errstate(all="ignore"):
        apart = np.abs(left - right).reshape(len(left), -1)
    apart = np.where(np.isfinite(apart), apart, np.inf)
    wrong = apart.max(axis=1) > tolerance * way + stored
    off = float(apart.max() / way) if way > 0 else float(np.where(wrong.any(), np.inf, 0.0))
    if not wrong.any():
        return Seen(None, off)
    k = int(np.argmax(wrong))
    place = int(np.argmax(apart[k]))
    told = f"coordinate {place % left.shape[-1]} is {left[k].reshape(-1)[place]:.10g} after {k} updates, not {right[k].reshape(-1)[place]:.10g}"
    return Seen(k, off, f"{told}{f' ({witness})' if witness else ''}")


def told_values(values: Mapping[Any, Any]) -> str:
    """Hyperparameters, for a witness."""
    return ", ".join(f"{role} = {float(v):g}" for role, v in values.items())


# ---- laws that need no declaration
def finite(subject: Subject) -> Seen:
    """Ordinary gradients move the point to finite numbers."""
    gradients, x0 = gradients_and_start()
    points = along(subject, subject.candidate.values(subject.like.roles), gradients, x0)
    lost = ~np.isfinite(points).reshape(len(points), -1).all(axis=1)
    if not lost.any():
        return Seen(None, 0.0)
    k = int(np.argmax(lost))
    return Seen(k, np.inf, f"its point is {points[k].reshape(-1).tolist()} after the gradient {gradients[k - 1].reshape(-1).tolist()}",
                cause="a division by 0 or a root of a negative number")


def deterministic(subject: Subject) -> Seen:
    """Two runs give the same bits."""
    gradients, x0 = gradients_and_start()
    runs = [along(subject, subject.candidate.values(subject.like.roles), gradients, x0) for _ in range(2)]
    if np.array_equal(runs[0], runs[1], equal_nan=True):
        return Seen(None, 0.0)
    k = int(np.argmax(np.any(runs[0] != runs[1], axis=(1, 2))))
    return Seen(k, float(np.abs(runs[0] - runs[1]).max() / np.abs(runs[1] - x0).max()), "two runs on the same gradients differ",
                cause="memory outside of its state, or a random number that no seed fixes")


def cases_are_independent(subject: Subject) -> Seen:
    """Three cases with unlike gradients run together as each runs alone."""
    gradients, x0 = gradients_and_start()
    many = np.concatenate([gradients, 1e3 * gradients[::-1], 1e-3 * gradients], axis=1)
    starts, values = np.concatenate([x0, -x0, 2 * x0]), subject.candidate.values(subject.like.roles)
    together = along(subject, values, many, starts)
    for case in range(3):
        seen = compared(together[:, case:case + 1], along(subject, values, many[:, case:case + 1], starts[case:case + 1]), EQUAL, f"case {case} of 3")
        if seen.k is not None:
            return Seen(seen.k, seen.off, seen.witness, cause="a norm or a sum over all axes, in place of each case's own; or memory shared between instances")
    return Seen(None, 0.0)


# ---- laws that a kind promises
def _promised(subject: Subject, promised: bool, what: str) -> None:
    if not promised and subject.like.name == UNKNOWN.name:
        raise NotAsked('not known: say what it is like, like="sgd" or so')
    if not promised:
        raise NotAsked(f"not promised: like={subject.like.name!r} declares nothing of {what}")


def zero_gradient_is_a_fixed_point(subject: Subject) -> Seen:
    """Without a gradient, and none before, nothing moves: not by a rounding."""
    _promised(subject, subject.like.decay is False, "what happens without a gradient")
    _, x0 = gradients_and_start()
    points = along(subject, subject.values(), np.zeros((3, *x0.shape)), x0)
    moved = (points != x0).any(axis=(1, 2))
    if not moved.any():
        return Seen(None, 0.0)
    k = int(np.argmax(moved))
    cause = "weight decay that is always on" if np.isfinite(points[k]).all() else "0/0 in a quotient without epsilon"
    return Seen(k, float(np.abs(points[k] - x0).max() / np.abs(x0).max()), f"from {x0[0].tolist()} gradients of 0 lead to {points[k][0].tolist()}", cause=cause)


def linear_in_the_step_size(subject: Subject) -> Seen:
    """Three times the step size makes three times the way, along the same gradients."""
    _promised(subject, subject.like.linear_in_step_size, "step sizes")
    if gamma not in subject.candidate.spelled:
        raise NotAsked("its step size cannot be set")
    (gradients, x0), values = gradients_and_start(), subject.values()
    once, thrice = (along(subject, {**values, gamma: times * values[gamma]}, gradients, x0) for times in (1, 3))
    return _caused(compared(thrice - x0, 3 * (once - x0), EQUAL, f"{told_values(values)}, and three times {gamma}; displacements"),
                   "the step size is applied twice, or enters a memory that should know nothing of it")


def linear_in_gradients(subject: Subject) -> Seen:
    """The way along g + 2h is the way along g and twice that along h."""
    _promised(subject, subject.like.linear_in_gradients, "sums of gradients")
    (gradients, x0), values = gradients_and_start(), subject.values()
    other = gradients[::-1] * 0.3
    first, second, both = (along(subject, values, g, x0) - x0 for g in (gradients, other, gradients + 2 * other))
    return _caused(compared(both, first + 2 * second, EQUAL, f"{told_values(values)}; displacements"), "it clips, normalises or takes signs")


def translation_equivariant(subject: Subject) -> Seen:
    """From a shifted start, along the same gradients, the path is shifted."""
    _promised(subject, subject.like.translation, "shifted starts")
    (gradients, x0), values = gradients_and_start(), subject.values()
    shift = np.array([[-7.0, 300.0, 41.0, -0.5]])
    return _caused(compared(along(subject, values, gradients, x0 + shift) - shift, along(subject, values, gradients, x0), EQUAL, told_values(values)),
                   "weight decay that is always on, or a step that looks at the point")


def permutation_equivariant(subject: Subject) -> Seen:
    """Coordinates in another order are the same coordinates."""
    _promised(subject, subject.like.permutation, "the order of coordinates")
    (gradients, x0), values, order = gradients_and_start(), subject.values(), [2, 0, 3, 1]
    return _caused(compared(along(subject, values, gradients[..., order], x0[..., order]), along(subject, values, gradients, x0)[..., order], EQUAL, told_values(values)),
                   "coordinates that are treated unlike by their place")


def rotation_equivariant(subject: Subject) -> Seen:
    """Turned gradients make the turned path."""
    _promised(subject, subject.like.rotation, "the choice of axes")
    (gradients, x0), values = gradients_and_start(), subject.values()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    return _caused(compared((along(subject, values, gradients @ turn, x0 @ turn)) - x0 @ turn, (along(subject, values, gradients, x0) - x0) @ turn, EQUAL,
                            f"{told_values(values)}; displacements"), "each coordinate is treated by itself: clipped, scaled or signed")


def blind_to_coordinate_scales(subject: Subject) -> Seen:
    """With epsilon 0, gradients times a positive number a coordinate change nothing."""
    _promised(subject, subject.like.coordinate_scale, "the scale of a coordinate")
    values = subject.without((epsilon, accumulator))
    gradients, x0 = gradients_and_start()
    scales = np.array([1e-3, 17.0, 1e4, 1.0])
    return _caused(compared(along(subject, values, gradients * scales, x0), along(subject, values, gradients, x0), EQUAL, told_values(values)),
                   "it divides by the square, not by the root; or a constant is added that epsilon = 0 does not switch off")


def first_step(subject: Subject) -> Seen:
    """The first gradient moves the point by the formula of its kind."""
    _promised(subject, bool(subject.like.forms), "its first step")
    (gradients, x0), values = gradients_and_start(), subject.values()
    moved = along(subject, values, gradients[:1], x0) - x0
    expected = [np.stack([0 * x0, form.first(gradients[0], values)]) for form in subject.like.forms]
    seen = [compared(moved, there, AGREES, f"{told_values(values)}, the gradient {gradients[0][0].tolist()}; displacement") for there in expected]
    best = min(range(len(seen)), key=lambda i: seen[i].off)
    with np.errstate(all="ignore"):
        quotient = moved[1] / expected[best][1]
    return _caused(seen[best], f"the first step is {np.array2string(quotient[0], precision=4)} times what it should be, coordinate by coordinate")


def longest_step(subject: Subject) -> Seen:
    """No coordinate moves further than its kind allows, on gradients that grow as fast as they may and on others."""
    longest = subject.like.longest
    _promised(subject, longest is not None, "the length of steps")
    assert longest is not None
    values = subject.values()
    gradients, x0 = gradients_and_start()
    growth = values[beta2] / values[beta1] if beta1 in values and values[beta1] > 0 else 1.1
    growing = 3 * growth ** np.arange(UPDATES)[:, None, None] * np.array([1.0, -1.0, 1e-2, 1e2])
    worst = Seen(None, 0.0)
    for sequence in (gradients, growing):
        steps = np.abs(np.diff(along(subject, values, sequence, 0 * x0), axis=0))
        largest = np.maximum.accumulate(np.abs(sequence), axis=0)
        limits = np.array([[[longest(t + 1, g, values) for g in case] for case in row] for t, row in enumerate(largest)])
        ratio = np.where(np.isfinite(steps), steps / limits, np.inf).reshape(UPDATES, -1).max(axis=1)
        if ratio.max() > 1 + EQUAL * UPDATES and worst.k is None:
            k = int(np.argmax(ratio > 1 + EQUAL * UPDATES))
            worst = Seen(k + 1, float(ratio.max()), f"update {k + 1} moves a coordinate by {ratio[k]:.6g} of what is allowed ({told_values(values)})",
                         cause="a factor that is missing in the denominator, or a correction applied twice")
    return worst


def agrees_with_the_rule(subject: Subject) -> Seen:
    """Step by step its path is that of convlab's own algorithm of its kind, in one of the forms in use, at two points of hyperparameters."""
    _promised(subject, bool(subject.like.forms), "its rule")
    gradients, x0 = gradients_and_start()
    tested = subject.values()
    points = [tested] + [own for own in [defaults_of(subject.candidate, subject.like.roles)] if own != tested]
    best, chosen = Seen(0, np.inf), ""
    for form in subject.like.forms:
        found = [compared(along(subject, values, gradients, x0), path(form.algorithm, x0, Given(gradients), UPDATES, values), AGREES, told_values(values))
                 for values in points]
        wrong = next((seen for seen in found if seen.k is not None), None)
        if wrong is None:
            return Seen(None, max(seen.off for seen in found), note=f"form: {form.name}" if len(subject.like.forms) > 1 else "")
        if wrong.off < best.off:
            best, chosen = wrong, form.name
    ours = along(subject, tested, gradients, x0)
    causes = [s.cause for s in subject.like.suspects if compared(ours, path(s.algorithm, x0, Given(gradients), UPDATES, tested), AGREES).k is None]
    return Seen(best.k, best.off, best.witness, f"nearest form: {chosen}",
                f"{causes[0]} (with that, it agrees to the last digits)" if causes else "none of the usual mistakes: compare its update with the rule term by term")


def iteration_matrix(subject: Subject) -> Seen:
    """On lam x^2/2 the matrix of one step, read off the step, has the characteristic polynomial of its kind."""
    declared = subject.like.on_quadratic
    _promised(subject, declared is not None, "a matrix")
    assert declared is not None
    values, lam = subject.values(), 7.3
    matrix = step_matrix(subject.candidate.algorithm(values), lam)
    found = np.poly(matrix)
    expected = np.concatenate([np.asarray(declared(lam, values), dtype=float), np.zeros(max(0, len(found) - len(declared(lam, values))))])
    found = np.concatenate([found, np.zeros(len(expected) - len(found))])
    off = float(np.abs(found - expected).max() / np.abs(expected).max())
    if off <= EQUAL:
        return Seen(None, off)
    return Seen(1, off, f"its polynomial on {lam} x^2/2 is {np.array2string(found, precision=8)}, not {np.array2string(expected, precision=8)} ({told_values(values)})",
                cause=f"its spectral radius there is {np.abs(np.roots(found)).max():.6g}, that of its kind {np.abs(np.roots(expected)).max():.6g}")


def step_matrix(algorithm: Any, lam: float) -> Array:
    """The linear map of one step on lam x^2/2 in one dimension, read off a settled state and its neighbours."""
    class Parabola:
        def gradient(self, x: Array) -> Array:
            return lam * x

    binder = Binder(algorithm, {}, 2, 4, FLOAT64)
    state = binder.at(0).init(np.array([[1.5]]), Parabola())
    for k in range(2):                                      # counters and flags have settled
        state = binder.at(k).step(state, Parabola())
    reals, counters = split(state, state)
    size = reals.shape[1]
    rows = np.concatenate([np.zeros((1, size)), np.eye(size)])
    after, _ = split(binder.at(2).step(joined(rows, tuple(np.repeat(c, size + 1, axis=0) for c in counters), state), Parabola()), state)
    return np.asarray(after[1:] - after[:1]).T


def _caused(seen: Seen, cause: str) -> Seen:
    return seen if seen.k is None else Seen(seen.k, seen.off, seen.witness, seen.note, cause)


Law = Callable[[Subject], Seen]
PLAIN_LAWS: tuple[Law, ...] = (finite, deterministic, cases_are_independent)
PROMISED_LAWS: tuple[Law, ...] = (
    zero_gradient_is_a_fixed_point, linear_in_the_step_size, linear_in_gradients, translation_equivariant, permutation_equivariant, rotation_equivariant,
    blind_to_coordinate_scales, first_step, longest_step, agrees_with_the_rule, iteration_matrix)
