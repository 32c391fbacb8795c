"""Optimizers of optax: any `GradientTransformation`, vectorised over the cases of a batch, so that what couples coordinates never couples cases.

The state holds x and the leaves of the transformation's own state, each with the cases on its leading axis. Float64 is asked for through JAX's context manager.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from convlab.adapters.memory import DTYPES, Factory, each, identifiers, of_case, opened, refuse_foreign, state_type
from convlab.algorithms.cost import Cost
from convlab.constants import Array
from convlab.errors import BadInput
from convlab.problem import HasGradient

CONCRETE = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError, jax.errors.TracerIntegerConversionError)


def algorithm(optimizer: Any, /, *, dtype: str = "float64", **hyperparameters: Any) -> Optimizer:
    """A transformation, or a function that makes one with its hyperparameters, as a convlab algorithm.

    `algorithm(optax.sgd, learning_rate=gamma, momentum=0.9)` is judged over a condition on gamma, `algorithm(optax.sgd(0.1))` as it is.
    Raises BadInput for what is neither.
    """
    if is_transformation(optimizer):
        if hyperparameters:
            raise BadInput(f"a ready-made transformation takes no {next(iter(hyperparameters))}; give the function that makes it, such as optax.sgd.")
        return Optimizer(Ready(optimizer), dtype=dtype)
    if not callable(optimizer):
        raise BadInput(f"{optimizer!r} is no optax optimizer: give a GradientTransformation or a function that makes one.")
    if dtype not in DTYPES:
        raise BadInput(f"dtype {dtype!r} is not judged; there are {' and '.join(DTYPES)}.")
    names, values, fixed = opened(hyperparameters)
    return Optimizer(optimizer if isinstance(optimizer, Factory) and not fixed else Factory(optimizer, **fixed), names, values, dtype)


def is_transformation(given: Any) -> bool:
    """Whether this is a pair of functions `init(params)`, `update(updates, state, params)`."""
    return isinstance(given, tuple) and callable(getattr(given, "init", None)) and callable(getattr(given, "update", None))


class Ready:
    """A transformation that stands already."""

    def __init__(self, transformation: Any) -> None:
        self.transformation = transformation

    def __call__(self) -> Any:
        """The transformation."""
        return self.transformation

    def __repr__(self) -> str:
        return "a GradientTransformation"


@dataclass(frozen=True)
class Optimizer:
    """x_{k+1} = x_k + u_k, u_k the update that a transformation makes of grad f(x_k).

    State: x, and the transformation's own state leaf by leaf. One gradient a step, and a value where the transformation asks for it.
    """

    make: Callable[..., Any]
    names: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """As reports tell it."""
        return f"optax {self.make!r}"

    @property
    def rounding(self) -> float:
        """Its rounding."""
        return float(np.finfo(DTYPES[self.dtype]).eps)

    def init(self, x0: Array, oracle: HasGradient) -> Any:
        """x_0, and the transformation's first state."""
        refuse_foreign(x0, "optax")
        x0 = x0.astype(DTYPES[self.dtype])
        layout = self._layout(x0)
        with jax.enable_x64(True):
            leaves = self._rowwise(layout, "init", len(x0), (x0,))
        return state_type(layout.names)(x0.astype(np.float64), *map(np.asarray, leaves))

    def step(self, state: Any, oracle: HasGradient) -> Any:
        """One update."""
        x, *leaves = state
        refuse_foreign(x, "optax")
        gradient = oracle.gradient(x)
        layout = self._layout(x)
        value = (oracle.value(x),) if layout.value else ()  # type: ignore[attr-defined]
        if not isinstance(x, np.ndarray):                   # inside a compiled loop
            return type(state)(*self._rowwise(layout, "update", len(x), (x, gradient, *value, *leaves)))
        kind = DTYPES[self.dtype]
        given = tuple(a.astype(kind) for a in (x, gradient, *value))
        with jax.enable_x64(True):
            x, *leaves = self._rowwise(layout, "update", len(x), (*given, *leaves))
        return type(state)(np.asarray(x).astype(np.float64), *map(np.asarray, leaves))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)

    def _layout(self, x: Array) -> Layout:
        shape, form = tuple(x.shape[1:]), jax.tree.map(lambda v: 0.5, self.values)
        try:
            return _layout(self.make, self.names, form, shape, self.dtype, True)
        except CONCRETE:                                    # it asks whether a hyperparameter is 0, say: then they must be Python numbers
            return _layout(self.make, self.names, _first(self.values), shape, self.dtype, False)

    def _rowwise(self, layout: Layout, what: str, count: int, arrays: tuple[Any, ...]) -> Any:
        """`init` or `update` for every case: compiled for all at once, or, where hyperparameters must be Python numbers, once for each of their values."""
        if layout.traced:
            if not isinstance(arrays[0], np.ndarray):
                return layout.run(what, jax.tree.map(lambda v: jnp.broadcast_to(jnp.asarray(v).reshape(-1), (count,)), self.values), arrays)
            values = jax.tree.map(lambda v: v.astype(DTYPES[self.dtype]), each(self.values, count))
            size = 1 << (count - 1).bit_length()            # few sizes, few compilations
            padded = jax.tree.map(lambda a: np.concatenate([a, np.repeat(a[-1:], size - count, axis=0)]) if size > count else a, (values, arrays))
            return [a[:count] for a in layout.run(what, *padded)]
        every = each(self.values, count)
        groups: dict[Any, list[int]] = {}
        for case in range(count):
            groups.setdefault(of_case(every, case), []).append(case)
        parts = {key: layout.run(what, key, tuple(np.asarray(a)[rows] for a in arrays)) for key, rows in groups.items()}
        order = np.argsort(np.concatenate(list(groups.values())), kind="stable")
        return [np.concatenate([np.asarray(part[i]) for part in parts.values()])[order] for i in range(len(next(iter(parts.values()))))]


def _first(values: Any) -> Any:
    """The hyperparameters of the first case."""
    return tuple(map(_first, values)) if isinstance(values, tuple) else float(np.asarray(values).reshape(-1)[0])


@dataclass(frozen=True)
class Layout:
    """What a transformation's state looks like for points of one shape, and its compiled programs."""

    make: Callable[..., Any]
    hyperparameters: tuple[str, ...]
    names: tuple[str, ...]
    tree: Any
    traced: bool              # hyperparameters may be traced
    value: bool               # the update asks for f(x)

    def run(self, what: str, values: Any, arrays: tuple[Any, ...]) -> Any:
        """`init`: leaves of the state; `update`: the new x and leaves. Cases on the leading axis; `values` are Python floats where not traced."""
        program = _initial if what == "init" else _updated
        if self.traced:
            return program(self, None, values, *arrays)
        return program(self, values, (), *arrays)


@lru_cache(maxsize=256)
def _layout(make: Callable[..., Any], names: tuple[str, ...], values: Any, shape: tuple[int, ...], dtype: str, traced: bool) -> Layout:
    """The layout at hyperparameters of which, where they are traced, only the form counts. Raises what JAX raises where they cannot be traced."""
    with jax.enable_x64(True):
        form: Any = jax.ShapeDtypeStruct
        point, number = form(shape, DTYPES[dtype]), form((), DTYPES[dtype])
        given = jax.tree.map(lambda v: number, values) if traced else ()

        def made(v: Any) -> Any:
            return _made(make, names, v if traced else values)

        memory = jax.eval_shape(lambda v, x: made(v).init(x), given, point)
        try:
            value = False
            change, after = jax.eval_shape(lambda v, x, m: made(v).update(x, m, x), given, point, memory)
        except TypeError as error:
            if "value" not in str(error):
                raise
            value = True
            change, after = jax.eval_shape(lambda v, x, m, f: made(v).update(x, m, x, value=f), given, point, memory, number)
        if getattr(change, "shape", None) != shape:
            raise BadInput(f"optax {make!r}: the update of a parameter of shape {shape} is of shape {getattr(change, 'shape', None)}; it must be the parameter's.")
        _refuse_change(make, memory, after)
        paths, tree = jax.tree_util.tree_flatten_with_path(memory)
        return Layout(make, names, identifiers(jax.tree_util.keystr(path) for path, _ in paths), tree, traced, value)


def _refuse_change(make: Any, before: Any, after: Any) -> None:
    old, new = map(jax.tree.structure, (before, after))
    if str(old) != str(new) or any(a.shape != b.shape for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)):
        raise BadInput(f"optax {make!r}: its state after an update has another form than before; a state keeps its form.")


def _made(make: Callable[..., Any], names: tuple[str, ...], values: Any) -> Any:
    made = make(**dict(zip(names, values, strict=True)))
    if not is_transformation(made):
        raise BadInput(f"{make!r} makes a {type(made).__name__}, no optax GradientTransformation.")
    return made


def _initial_of(layout: Layout, fixed: Any, values: Any, x: Any) -> Any:
    return jax.vmap(lambda v, p: jax.tree.leaves(_made(layout.make, layout.hyperparameters, v if fixed is None else fixed).init(p)))(values, x)


def _updated_of(layout: Layout, fixed: Any, values: Any, x: Any, gradient: Any, *rest: Any) -> Any:
    def one(v: Any, p: Any, g: Any, *others: Any) -> Any:
        f, leaves = (others[:1], others[1:]) if layout.value else ((), others)
        transformation = _made(layout.make, layout.hyperparameters, v if fixed is None else fixed)
        change, memory = transformation.update(g, layout.tree.unflatten(leaves), p, **dict(zip(("value",), f, strict=False)))
        kinds = [a.dtype for a in leaves]
        return (optax.apply_updates(p, change), *(a.astype(kind) for a, kind in zip(jax.tree.leaves(memory), kinds, strict=True)))

    return jax.vmap(one)(values, x, gradient, *rest)


_initial = jax.jit(_initial_of, static_argnums=(0, 1))
_updated = jax.jit(_updated_of, static_argnums=(0, 1))
