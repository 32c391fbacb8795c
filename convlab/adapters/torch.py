"""Optimizers of torch: any `torch.optim.Optimizer`, one for each case of a batch; cases share a tensor only where that is seen to change nothing.

The state holds x and what the optimizer remembers of it (its `state_dict`), so that a step is a function of the state. Torch's default dtype is never touched.
"""
from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch

from convlab.adapters.memory import DTYPES, Factory, each, identifiers, of_case, opened, refuse_foreign, state_type
from convlab.algorithms.cost import Cost
from convlab.constants import Array
from convlab.errors import BadInput
from convlab.operations import Unsupported
from convlab.problem import HasGradient

NUMBERS = (bool, int, float)
TYPICAL = 0.5        # a step size, a momentum, a decay or an epsilon that no optimizer refuses
PROBED = 4           # updates that a probe of an optimizer makes
SCALES = (1e-3, 1.0, 1e3)      # of the gradients of a probe: what couples cases through a norm shows at unlike ones
ROUNDING = 16        # units of rounding an update by which a tensor of several cases may differ from one of each (vectorised loops round otherwise at their ends)


def algorithm(optimizer: Any, /, *, dtype: str = "float64", **hyperparameters: Any) -> Optimizer:
    """A class of optimizers (or a function of parameters that makes one) with its hyperparameters, or an instance, as a convlab algorithm.

    `algorithm(torch.optim.SGD, lr=gamma, momentum=0.9)` is judged over a condition on gamma. An instance lends its class and its defaults.
    Raises BadInput for what is neither, and for an optimizer that needs a closure or keeps what are no numbers.
    """
    if dtype not in DTYPES:
        raise BadInput(f"dtype {dtype!r} is not judged; there are {' and '.join(DTYPES)}.")
    if isinstance(optimizer, torch.optim.Optimizer):
        kept = settings_of(optimizer)
        return algorithm(type(optimizer), dtype=dtype, **{**kept, **hyperparameters})
    if not callable(optimizer):
        raise BadInput(f"{optimizer!r} is no torch optimizer: give a class such as torch.optim.SGD, or an instance.")
    names, values, fixed = opened(hyperparameters)
    return Optimizer(optimizer if isinstance(optimizer, Factory) and not fixed else Factory(optimizer, **fixed), names, values, dtype)


def settings_of(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The hyperparameters that an instance was made with, as its constructor takes them."""
    taken = inspect.signature(type(optimizer)).parameters
    return {name: value for name, value in optimizer.defaults.items() if name in taken}


@dataclass(frozen=True)
class Part:
    """One number or tensor of what an optimizer remembers: of a parameter (`where` is "state") or of its group."""

    where: str
    key: str
    kind: Any                # torch dtype, or the type of a Python number
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """What an optimizer remembers of parameters of one shape. `empty`: keys that stay None; `lazy`: an empty memory is not one of zeros."""

    parts: tuple[Part, ...]
    empty: tuple[str, ...]
    lazy: bool
    together: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of the state beside x."""
        return identifiers([p.key for p in self.parts]) + (("started",) if self.lazy else ())


@dataclass(frozen=True)
class Optimizer:
    """x_{k+1} is what an optimizer of torch makes of x_k with grad f(x_k) as its gradient.

    State: x, and the optimizer's memory part by part, each with the cases on its leading axis. One gradient a step.
    """

    make: Callable[..., Any]
    names: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """As reports tell it."""
        return f"torch {self.make!r}"

    @property
    def rounding(self) -> float:
        """Of its format."""
        return float(np.finfo(DTYPES[self.dtype]).eps)

    def init(self, x0: Array, oracle: HasGradient) -> Any:
        """x_0, and no memory yet."""
        refuse_foreign(x0, "torch")
        layout = self._layout(x0)
        memory = [np.zeros((len(x0), *part.shape), dtype=_stored(part)) for part in layout.parts]
        started = [np.zeros(len(x0), dtype=np.int64)] if layout.lazy else []
        return state_type(layout.names)(x0.astype(DTYPES[self.dtype]).astype(np.float64), *memory, *started)

    def step(self, state: Any, oracle: HasGradient) -> Any:
        """One update."""
        x = state[0]
        if not isinstance(x, np.ndarray):
            raise Unsupported("torch computes on its own tensors, not on those of a compiled loop")
        refuse_foreign(x, "torch")
        gradient = np.asarray(oracle.gradient(x), dtype=np.float64)
        layout, new = self._layout(x), [np.array(part) for part in state]
        new[0] = new[0].astype(np.float64)
        for slot, (values, rows) in enumerate(self._groups(layout, state)):
            self._moved(layout, values, slot, rows, gradient, new)
        if layout.lazy:
            new[-1][:] = 1
        return type(state)(*new)

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)

    # ---- one optimizer for each case, or for those that may share a tensor
    def _groups(self, layout: Layout, state: Any) -> Iterator[tuple[Any, list[int]]]:
        count = len(state[0])
        single = [part for part, kept in zip(state[1:], layout.parts, strict=False) if kept.shape == ()] + ([state[-1]] if layout.lazy else [])
        if not layout.together:
            yield from ((values, [row]) for row, values in enumerate(self._points(count)))
            return
        groups: dict[Any, tuple[Any, list[int]]] = {}
        for row, values in enumerate(self._points(count)):
            groups.setdefault((values, *(p[row].item() for p in single)), (values, []))[1].append(row)
        yield from groups.values()

    def _moved(self, layout: Layout, values: Any, slot: int, rows: list[int], gradient: Array, new: list[Array]) -> None:
        parameter, optimizer, first = self._made(values, slot, (len(rows), *new[0].shape[1:]) if layout.together else new[0].shape[1:])
        where: Any = rows if layout.together else rows[0]
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(new[0][where]))
        parameter.grad = torch.from_numpy(gradient[where]).to(parameter.dtype, copy=True)
        _load(optimizer, parameter, layout, [array[rows] for array in new[1:]], layout.together, first)
        _stepped(optimizer)
        new[0][where] = parameter.detach().numpy()
        for part, array in zip(layout.parts, new[1:], strict=False):
            array[where] = _read(optimizer, parameter, part)

    @cached_property
    def _pool(self) -> dict[Any, tuple[torch.Tensor, torch.optim.Optimizer, Mapping[str, Any]]]:
        return {}

    def _made(self, values: Any, slot: int, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.optim.Optimizer, Mapping[str, Any]]:
        key = (values, slot, shape)
        if key not in self._pool:
            parameter, optimizer = made(self.make, dict(zip(self.names, values, strict=True)), shape, self.dtype)
            self._pool[key] = parameter, optimizer, deepcopy(dict(optimizer.state.get(parameter, {})))
        return self._pool[key]

    def _points(self, count: int) -> list[Any]:
        """The hyperparameters of each of so many cases."""
        if count not in self._remembered:
            every = each(self.values, count)
            self._remembered[count] = [of_case(every, row) for row in range(count)]
        found: list[Any] = self._remembered[count]
        return found

    @cached_property
    def _remembered(self) -> dict[Any, Any]:
        return {}

    def _layout(self, x: Array) -> Layout:
        if x.shape not in self._remembered:
            self._remembered[x.shape] = self._tried(dict.fromkeys(self._points(len(x))), tuple(x.shape[1:]))
        found: Layout = self._remembered[x.shape]
        return found

    def _tried(self, points: Iterable[Any], shape: tuple[int, ...]) -> Layout:
        """What all of these hyperparameters have an optimizer remember; of each only counts which are 0, since that is what rules branch on."""
        found = [_layout(self.make, self.names, values, shape, self.dtype) for values in dict.fromkeys(map(_typical, points))]
        parts = tuple(dict.fromkeys(part for layout in found for part in layout.parts))
        return replace(found[0], parts=parts, lazy=any(f.lazy for f in found), together=all(f.together for f in found),
                       empty=tuple(sorted({key for f in found for key in f.empty} - {p.key for p in parts})))


def made(make: Callable[..., Any], hyperparameters: Mapping[str, Any], shape: tuple[int, ...], dtype: str) -> tuple[torch.Tensor, torch.optim.Optimizer]:
    """A parameter of zeros and its optimizer. Raises Unsupported where the library refuses the hyperparameters, BadInput for what is no optimizer."""
    parameter = torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype)))
    try:
        optimizer = make([parameter], **hyperparameters)
    except ValueError as error:
        raise Unsupported(f"torch {make!r} refuses its hyperparameters: {error}") from error
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise BadInput(f"{make!r} makes a {type(optimizer).__name__}, no torch.optim.Optimizer.")
    return parameter, optimizer


def _stepped(optimizer: torch.optim.Optimizer) -> None:
    try:
        optimizer.step()
    except TypeError as error:
        if "closure" not in str(error):
            raise
        raise BadInput(f"{type(optimizer).__name__}.step needs a closure that evaluates f anew; only optimizers that step on a given gradient are judged.") from error


def _typical(values: Any) -> Any:
    """Hyperparameters that lie in everybody's range, 0 where these are."""
    return tuple(map(_typical, values)) if isinstance(values, tuple) else TYPICAL if values else 0.0


# ---- memory in and out
def _stored(part: Part) -> Any:
    whole = part.kind in (bool, int) or (isinstance(part.kind, torch.dtype) and not part.kind.is_floating_point)
    return np.int64 if whole else np.float64


def _load(optimizer: torch.optim.Optimizer, parameter: torch.Tensor, layout: Layout, memory: list[Array], together: bool, first: Mapping[str, Any]) -> None:
    """Puts a memory (arrays with the rows in front) into an optimizer; none at all where it has not started."""
    optimizer.state.clear()
    if layout.lazy and not memory[-1][0]:
        if first:                                           # some fill their memory when they are made
            optimizer.state[parameter] = deepcopy(dict(first))
        return
    state: dict[str, Any] = dict.fromkeys(layout.empty)
    for part, array in zip(layout.parts, memory, strict=False):
        value = array if together and part.shape else array[0]
        number = torch.tensor(value, dtype=part.kind) if isinstance(part.kind, torch.dtype) else part.kind(value)
        if part.where == "state":
            state[part.key] = number
        else:
            optimizer.param_groups[0][part.key] = number
    if state:
        optimizer.state[parameter] = state


def _read(optimizer: torch.optim.Optimizer, parameter: torch.Tensor, part: Part) -> Any:
    kept = optimizer.state.get(parameter, {}) if part.where == "state" else optimizer.param_groups[0]
    value = kept.get(part.key)
    if value is None:
        return 0
    return value.detach().numpy() if isinstance(value, torch.Tensor) else value


# ---- what an optimizer remembers, found by trying
@lru_cache(maxsize=1024)
def _layout(make: Callable[..., Any], names: tuple[str, ...], values: Any, shape: tuple[int, ...], dtype: str) -> Layout:
    hyperparameters = dict(zip(names, values, strict=True))
    gradients = np.random.default_rng(0).normal(size=(PROBED, 2, *shape)) * np.resize(SCALES, (PROBED, 1) + (1,) * len(shape))
    gradients[:, 1] *= 1e2
    before = made(make, hyperparameters, shape, dtype)
    groups = dict(before[1].param_groups[0])
    native = _run(*before, gradients[:, 0])
    parts, empty = _parts(before, groups, type(before[1]).__name__)
    layout = Layout(parts, empty, lazy=False, together=False)
    zeros = [np.zeros((1, *part.shape), dtype=_stored(part)) for part in parts]
    fresh = made(make, hyperparameters, shape, dtype)
    lazy = bool(parts) and not _same_start(fresh, layout, zeros, gradients[:, 0], native)
    pair = _run(*made(make, hyperparameters, (2, *shape), dtype), gradients)
    other = _run(*made(make, hyperparameters, shape, dtype), gradients[:, 1])
    alone = np.stack([native, other], axis=1)
    scalars = all(part.shape == shape or part.shape == () for part in parts)
    return replace(layout, lazy=lazy, together=bool(shape) and scalars and bool(np.allclose(pair, alone, rtol=ROUNDING * PROBED * np.finfo(DTYPES[dtype]).eps, atol=0)))


def _same_start(fresh: tuple[torch.Tensor, torch.optim.Optimizer], layout: Layout, zeros: list[Array], gradients: Array, native: Array) -> bool:
    """Whether an optimizer that finds zeros in its memory runs as one that finds nothing."""
    _load(fresh[1], fresh[0], layout, zeros, together=False, first={})
    try:
        return bool(np.array_equal(_run(*fresh, gradients), native))
    except (RuntimeError, ArithmeticError, ValueError):       # a count of 0 that it divides by
        return False


def _run(parameter: torch.Tensor, optimizer: torch.optim.Optimizer, gradients: Array) -> Array:
    """The points along given gradients."""
    found = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=parameter.dtype)
        _stepped(optimizer)
        found.append(parameter.detach().numpy().copy())
    return np.array(found)


def _parts(used: tuple[torch.Tensor, torch.optim.Optimizer], groups: Mapping[str, Any], name: str) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    parameter, optimizer = used
    kept = optimizer.state.get(parameter, {})
    parts = [_part("state", key, value, name) for key, value in kept.items() if value is not None]
    changed = [(key, value) for key, value in optimizer.param_groups[0].items() if key != "params" and not _equal(value, groups.get(key))]
    return (*parts, *(_part("group", key, value, name) for key, value in changed)), tuple(key for key, value in kept.items() if value is None)


def _equal(value: Any, before: Any) -> bool:
    return bool(torch.equal(value, before)) if isinstance(value, torch.Tensor) and isinstance(before, torch.Tensor) else value is before or bool(value == before)


def _part(where: str, key: str, value: Any, name: str) -> Part:
    if isinstance(value, torch.Tensor):
        return Part(where, key, value.dtype, tuple(value.shape))
    if isinstance(value, NUMBERS):
        return Part(where, key, type(value), ())
    raise BadInput(f"torch {name} keeps a {type(value).__name__} as {key!r}; only numbers and tensors in its memory can be carried from step to step.")
