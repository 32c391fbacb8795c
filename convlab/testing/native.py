"""Laws that speak of an optimizer as its library runs it, without the adapter: kinds of arrays, groups of parameters, compilation, saved states, counters.

A Session is one optimizer on a list of parameter arrays, in the library's own way.
"""
from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from copy import deepcopy
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from convlab.constants import Array
from convlab.run.bind import Binder
from convlab.testing.laws import EQUAL, Given, Law, NotAsked, Seen, Subject, along, compared, gradients_and_start

DTYPES = ("float32", "float64")
SHAPES = ((5,), (2, 3))
COMPILED = 4             # updates of a convlab algorithm under JAX
SAVED_AT = 11            # updates before the state is saved


class Session(Protocol):
    """One optimizer at work on some parameters."""

    def update(self, gradients: list[Array]) -> list[Array]:
        """One update; the parameters after it, in the kind that the library left them in."""
        ...

    def saved(self) -> bytes:
        """Its state, as the library saves it."""
        ...

    def counters(self) -> Mapping[str, float]:
        """The numbers in its state that count."""
        ...


# ---- torch
class TorchSession:
    """A torch optimizer; `groups` are lists of places of parameters."""

    def __init__(self, subject: Subject, values: Mapping[Any, float], parameters: list[Array], groups: list[list[int]] | None = None, **fixed: Any) -> None:
        import torch

        self.parameters = [torch.nn.Parameter(torch.tensor(p)) for p in parameters]
        given: list[Any] = self.parameters if groups is None else [{"params": [self.parameters[i] for i in group]} for group in groups]
        self.optimizer = subject.candidate.make(given, **subject.candidate.keywords(values), **fixed)
        self.settings = set(self.optimizer.param_groups[0])

    def update(self, gradients: list[Array]) -> list[Array]:
        """One update."""
        import torch

        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient, dtype=parameter.dtype)
        self.optimizer.step()
        return [p.detach().numpy().copy() for p in self.parameters]

    def saved(self) -> bytes:
        """Its `state_dict`, through `torch.save`."""
        import torch

        buffer = io.BytesIO()
        torch.save(self.optimizer.state_dict(), buffer)
        return buffer.getvalue()

    def load(self, saved: bytes) -> None:
        """Another optimizer's `state_dict`."""
        import torch

        self.optimizer.load_state_dict(torch.load(io.BytesIO(saved), weights_only=False))

    def counters(self) -> Mapping[str, float]:
        """Scalars of the state that are called a step or a count, or are integers."""
        kept, group = self.optimizer.state.get(self.parameters[0], {}), self.optimizer.param_groups[0]
        made = {name for name in group if name not in self.settings}      # a setting is no counter
        return {name: float(v) for name, v in [*kept.items(), *((name, group[name]) for name in sorted(made))] if _counts(name, v)}


def _counts(name: str, value: Any) -> bool:
    single = np.ndim(value) == 0 and not isinstance(value, (str, bool, type(None)))
    return single and ((any(word in name.lower() for word in ("step", "count")) and not name.lower().endswith("size")) or isinstance(value, int))


# ---- optax
class OptaxSession:
    """An optax transformation on a dictionary of arrays, with Python numbers as hyperparameters."""

    def __init__(self, subject: Subject, values: Mapping[Any, float], parameters: list[Array], compiled: bool = False, state: bytes | None = None) -> None:
        import jax
        import optax

        from convlab.adapters.optax import is_transformation

        make = subject.candidate.make
        self.transformation = make if is_transformation(make) else make(**subject.candidate.keywords(values))
        with jax.enable_x64(True):
            self.parameters = {str(i): jax.numpy.asarray(p) for i, p in enumerate(parameters)}
            self.state = self.transformation.init(self.parameters) if state is None else pickle.loads(state)
        self.changes: Any = None

        def step(gradients: Any, state: Any, parameters: Any) -> Any:
            changes, after = self.transformation.update(gradients, state, parameters)
            return changes, after, optax.apply_updates(parameters, changes)

        self.step: Callable[..., Any] = jax.jit(step) if compiled else step

    def update(self, gradients: list[Array]) -> list[Array]:
        """One update."""
        import jax

        with jax.enable_x64(True):
            given = {name: jax.numpy.asarray(g, dtype=self.parameters[name].dtype) for name, g in zip(self.parameters, gradients, strict=True)}
            self.changes, self.state, self.parameters = self.step(given, self.state, self.parameters)
            return [np.asarray(p) for p in self.parameters.values()]

    def saved(self) -> bytes:
        """Its state, its arrays as NumPy's, pickled."""
        import jax

        return pickle.dumps(jax.tree.map(np.asarray, self.state))

    def counters(self) -> Mapping[str, float]:
        """Integer scalars of the state."""
        import jax

        leaves, _ = jax.tree_util.tree_flatten_with_path(self.state)
        return {jax.tree_util.keystr(path): float(leaf) for path, leaf in leaves if np.ndim(leaf) == 0 and np.issubdtype(np.asarray(leaf).dtype, np.integer)}


# ---- convlab
class PlainSession:
    """A convlab algorithm on one array, one case."""

    def __init__(self, subject: Subject, values: Mapping[Any, float], parameters: list[Array], state: bytes | None = None, updates: int = 0) -> None:
        (parameter,) = parameters
        self.algorithm = deepcopy(subject.candidate.algorithm(values))
        self.made, self.k, self.rank = None, updates, parameter.ndim + 1
        with np.errstate(all="ignore"):
            self.state = self._at().init(parameter[None], None) if state is None else pickle.loads(state)

    def _at(self) -> Any:
        return Binder(self.algorithm, {}, self.rank, 1).at(self.k)

    def update(self, gradients: list[Array]) -> list[Array]:
        """One update."""
        with np.errstate(all="ignore"):
            self.state = self._at().step(self.state, Given(np.asarray(gradients)[:, None]))
        self.k += 1
        return [np.asarray(self.state[0])[0]]

    def saved(self) -> bytes:
        """The arrays of its state, pickled."""
        return pickle.dumps(self.state)

    def counters(self) -> Mapping[str, float]:
        """Integer fields."""
        return {name: float(np.asarray(v).reshape(-1)[0]) for name, v in zip(self.state._fields, self.state, strict=True)
                if not isinstance(v, tuple) and np.asarray(v).dtype.kind in "iu" and np.size(v) == 1}


SESSIONS: Mapping[str, Any] = {"torch": TorchSession, "optax": OptaxSession, "convlab": PlainSession}


def session(subject: Subject, parameters: list[Array], **options: Any) -> Any:
    """The optimizer at the checks' hyperparameters, at work on these parameters."""
    return SESSIONS[subject.candidate.library](subject, subject.candidate.values(subject.like.roles), parameters, **options)


def _run(at_work: Any, gradients: Array) -> Array:
    """(updates, total size): the parameters along gradients (updates, size), cut as the parameters are."""
    found = []
    for row in gradients:
        sizes = [np.size(p) for p in _parameters(at_work)]
        parts = np.split(row, np.cumsum(sizes)[:-1])
        found.append(np.concatenate([np.asarray(p, dtype=float).reshape(-1) for p in at_work.update(parts)]))
    return np.array(found)


def _parameters(at_work: Any) -> list[Any]:
    if isinstance(at_work, PlainSession):
        return [at_work.state[0][0]]
    if isinstance(at_work, OptaxSession):
        return list(at_work.parameters.values())
    return [p.detach().numpy() for p in at_work.parameters]


# ---- the laws
def keeps_shape_and_dtype(subject: Subject) -> Seen:
    """An update has the shape and the dtype of the parameters, in float32 and in float64, for vectors and matrices."""
    for dtype in DTYPES:
        for shape in SHAPES:
            parameter = np.linspace(-3, 5, int(np.prod(shape))).reshape(shape).astype(dtype)
            at_work = session(subject, [parameter])
            for _ in range(2):
                (after,) = at_work.update([np.ones(shape, dtype=dtype)])
                wrong = _wrong_kind(at_work, after, shape, dtype)
                if wrong:
                    return Seen(1, np.inf, wrong, cause="a sum over all axes, a constant of another dtype, or a reshaped state")
    return Seen(None, 0.0, note="float32 and float64")


def _wrong_kind(at_work: Any, after: Array, shape: tuple[int, ...], dtype: str) -> str:
    change = at_work.changes["0"] if isinstance(at_work, OptaxSession) else after
    if tuple(change.shape) != shape or after.shape != shape:
        return f"the update of a parameter of shape {shape} has shape {tuple(change.shape)}"
    if str(change.dtype) != dtype or str(after.dtype) != dtype:
        return f"the update of a {dtype} parameter is {change.dtype}"
    return ""


def one_group_equals_two(subject: Subject) -> Seen:
    """Parameters in one array and in one group, or cut into two, are treated alike."""
    if not subject.like.elementwise:
        raise NotAsked("not promised: some kinds scale each array by its own norm")
    if subject.candidate.library == "convlab":
        raise NotAsked("a convlab algorithm has one array of parameters")
    gradients, x0 = gradients_and_start()
    whole = _run(session(subject, [x0[0]]), gradients[:, 0])
    cut = [x0[0, :1], x0[0, 1:]]
    groups = {"groups": [[0], [1]]} if subject.candidate.library == "torch" else {}
    kinds = {"two arrays": session(subject, cut), **({"two groups": session(subject, cut, **groups)} if groups else {})}
    for told, at_work in kinds.items():
        seen = _apart(_run(at_work, gradients[:, 0]), whole, x0, f"one array, and {told}")
        if seen.k is not None:
            return Seen(seen.k, seen.off, seen.witness, cause="a state that all parameters share: a counter that advances once a parameter, or one buffer for all")
    return Seen(None, 0.0)


def _apart(left: Array, right: Array, x0: Array, told: str) -> Seen:
    first = np.asarray(x0[0], dtype=float).reshape(1, -1)
    return compared(np.concatenate([first, left])[:, None], np.concatenate([first, right])[:, None], EQUAL, told)


def compiled_equals_plain(subject: Subject) -> Seen:
    """optax under `jit`, torch with its vectorised loops (`foreach`), a convlab algorithm under JAX: as without."""
    gradients, x0 = gradients_and_start()
    if subject.candidate.library == "optax":
        return _apart(_run(session(subject, [x0[0]], compiled=True), gradients[:, 0]), _run(session(subject, [x0[0]]), gradients[:, 0]), x0, "under jit, and without")
    if subject.candidate.library == "convlab":
        return _under_jax(subject)
    try:
        one, other = (_run(session(subject, [x0[0, :1], x0[0, 1:]], foreach=each), gradients[:, 0]) for each in (True, False))
    except TypeError:
        raise NotAsked("it has one loop only: no foreach to switch") from None
    return _apart(one, other, x0, "with foreach, and without")


def _under_jax(subject: Subject) -> Seen:
    if find_spec("jax") is None:
        raise NotAsked("JAX is not installed")
    import jax

    (gradients, x0), algorithm = gradients_and_start(), subject.candidate.algorithm(subject.candidate.values(subject.like.roles))
    binder, found = Binder(algorithm, {}, 2, len(gradients)), [x0]
    try:
        with jax.enable_x64(True):
            state = binder.at(0).init(jax.numpy.asarray(x0), None)
            for k, gradient in enumerate(gradients[:COMPILED]):      # each is compiled anew
                state = jax.jit(lambda s, g, k=k: binder.at(k).step(s, Given(g[None])))(state, jax.numpy.asarray(gradient))
                found.append(np.asarray(state[0]))
    except (jax.errors.JAXTypeError, TypeError, AttributeError) as error:
        raise NotAsked(f"it runs on NumPy arrays only: {type(error).__name__} under JAX") from None
    return compared(np.stack(found), along(subject, subject.candidate.values(subject.like.roles), gradients[:COMPILED], x0), EQUAL, "under JAX, and in NumPy")


def saved_state_continues(subject: Subject) -> Seen:
    """A state that is saved and loaded into a new optimizer continues as the uninterrupted run; and so does the run that the adapter makes step by step."""
    gradients, x0 = gradients_and_start()
    start, rows = x0[0], gradients[:, 0]
    uninterrupted = _run(session(subject, [start]), rows)
    first = session(subject, [start])
    before, saved = _run(first, rows[:SAVED_AT]), first.saved()
    if subject.candidate.library == "torch":
        second = session(subject, [before[-1]])
        second.load(saved)
    else:
        second = session(subject, [before[-1]], state=saved, **({"updates": SAVED_AT} if subject.candidate.library == "convlab" else {}))
    resumed = np.concatenate([before, _run(second, rows[SAVED_AT:])])
    seen = _apart(resumed, uninterrupted, x0, f"saved after {SAVED_AT} updates and loaded, and uninterrupted")
    if seen.k is None:
        carried = along(subject, subject.candidate.values(subject.like.roles), gradients, x0)[1:, 0]
        seen = _apart(carried, uninterrupted, x0, "its state carried from step to step, and by itself")
    if seen.k is None:
        return seen
    return Seen(seen.k, seen.off, seen.witness, cause="something that it remembers is not in its state: an attribute, a global, a closure")


def counts_updates(subject: Subject) -> Seen:
    """A counter in its state advances by one an update, with one array of parameters and with two."""
    gradients, x0 = gradients_and_start()
    for parts in ([x0[0]],) if subject.candidate.library == "convlab" else ([x0[0]], [x0[0, :1], x0[0, 1:]]):
        at_work, seen = session(subject, parts), []
        for row in gradients[:4, 0]:
            _run(at_work, row[None])
            seen.append(at_work.counters())
        if not seen[-1]:
            raise NotAsked("its state has no counter")
        for name in seen[-1]:
            steps = np.diff([row.get(name, np.nan) for row in seen])
            if (steps != 1).any():
                return Seen(int(np.argmax(steps != 1)) + 2, float(np.abs(steps - 1).max()), f"{name} advances by {steps.tolist()} with {len(parts)} arrays of parameters",
                            cause="the counter is advanced for each parameter, or not at all")
    return Seen(None, 0.0)


FIRST_LAWS: tuple[Law, ...] = (keeps_shape_and_dtype,)
NATIVE_LAWS: tuple[Law, ...] = (one_group_equals_two, compiled_equals_plain, saved_state_continues, counts_updates)
