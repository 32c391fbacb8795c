"""What an update rule needs beyond `+ - * / @` and indexing: one name each, on floats, rationals, sympy expressions and JAX arrays.

An arithmetic that cannot do an operation says so by name (`Unsupported`). Arrays carry replicates on the leading axis.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import array_api_extra as xpx
import numpy as np
import sympy as sp
from array_api_compat import array_namespace

from convlab.arithmetic import holds_objects
from convlab.constants import Array, Number

State = TypeVar("State")


class Unsupported(TypeError):
    """An operation that the arithmetic of the run does not offer."""


def _objects(*values: Any) -> bool:
    return any(holds_objects(v) or isinstance(v, (Fraction, sp.Basic)) for v in values)


def _symbolic(*values: Any) -> bool:
    return any(isinstance(x, sp.Basic) and not x.is_number for v in values if holds_objects(v) or isinstance(v, sp.Basic)
               for x in np.asarray(v, dtype=object).reshape(-1))


def _namespace(*values: Any) -> Any:
    if all(isinstance(v, (np.ndarray, np.generic, float, int)) for v in values):
        return np                                        # the measured run: the general look-up costs as much as a small step
    return array_namespace(*(v for v in values if hasattr(v, "dtype")))


def _elementwise(function: Callable[..., Any], *values: Any) -> Array:
    return np.asarray(np.frompyfunc(function, len(values), 1)(*values), dtype=object)


def _floats(*values: Any) -> bool:
    """Whether these are plain float arrays (or numbers): then NumPy is asked directly, since dispatch would cost as much as a small step."""
    return type(values[0]) is np.ndarray and all((type(v) is np.ndarray and v.dtype.kind == "f") or type(v) in (float, int) for v in values)


def maximum(x: Array, y: Array) -> Array:
    """Elementwise maximum, broadcast."""
    if _floats(x, y):
        return np.maximum(x, y)
    if _objects(x, y):
        return _elementwise(sp.Max if _symbolic(x, y) else max, x, y)
    return _namespace(x, y).maximum(x, y) if hasattr(x, "dtype") or hasattr(y, "dtype") else max(x, y)


def minimum(x: Array, y: Array) -> Array:
    """Elementwise minimum, broadcast."""
    if _floats(x, y):
        return np.minimum(x, y)
    if _objects(x, y):
        return _elementwise(sp.Min if _symbolic(x, y) else min, x, y)
    return _namespace(x, y).minimum(x, y) if hasattr(x, "dtype") or hasattr(y, "dtype") else min(x, y)


def clip(x: Array, low: Number, high: Number) -> Array:
    """x limited to [low, high], elementwise (NumPy's own works neither on sympy objects nor under `jit`)."""
    return minimum(maximum(x, low), high)


def absolute(x: Array) -> Array:
    """Elementwise absolute value."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return np.abs(x)
    return _elementwise(abs, x) if _objects(x) else abs(x)


def sign(x: Array) -> Array:
    """Elementwise sign, 0 at 0."""
    if _objects(x):
        return _elementwise(sp.sign if _symbolic(x) else (lambda v: (v > 0) - (v < 0)), x)
    return _namespace(x).sign(x)


def floor(x: Array) -> Array:
    """Elementwise floor, in the arithmetic of x."""
    return _elementwise(sp.floor if _symbolic(x) else math.floor, x) if _objects(x) else _namespace(x).floor(x)


def sqrt(x: Array) -> Array:
    """Elementwise square root; rationals only of perfect squares (else `Unsupported`)."""
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return np.sqrt(x)
    return _elementwise(exact_sqrt, x) if _objects(x) else _namespace(x).sqrt(x) if hasattr(x, "dtype") else math.sqrt(x)


def exact_sqrt(value: Any) -> Any:
    """The square root of a rational, a sympy expression or a quantity with a `sqrt` of its own."""
    if isinstance(value, sp.Basic):
        return sp.sqrt(value)
    if hasattr(value, "sqrt"):
        return value.sqrt()
    value = Fraction(value)
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator)) if value >= 0 else Fraction(-1)
    if root * root != value:
        raise Unsupported(f"the rational arithmetic has no square root of {value}")
    return root


def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y, broadcast. A condition on free symbols has no truth value: `Unsupported`."""
    if type(condition) is np.ndarray and condition.dtype.kind == "b":
        return np.where(condition, x, y)
    if _objects(condition) and _symbolic(condition):
        raise Unsupported("a branch on a condition between symbols: sympy arithmetic cannot decide it")
    if holds_objects(condition):
        condition = np.asarray(condition, dtype=bool)
    if _objects(x, y) or isinstance(condition, np.ndarray):
        return np.where(condition, x, y)
    return _namespace(condition, x, y).where(condition, x, y)


def patched(values: Array, condition: Array, there: Callable[..., Array], *arguments: Array) -> Array:
    """`there(*arguments)` where the condition holds, else `values`, all broadcast. On NumPy floats `there` is asked about those entries alone."""
    if not _floats(values):
        return where(condition, there(*arguments), values)
    if not condition.any():
        return values
    changed = values.copy()
    changed[condition] = there(*(np.broadcast_to(each, condition.shape)[condition] for each in arguments))
    return changed


def rowwise(values: Array, like: Array) -> Array:
    """One value a replicate, shaped so that it multiplies `like`: `(replicates,)` becomes `(replicates, 1, ..., 1)`."""
    return values.reshape(values.shape + (1,) * (like.ndim - values.ndim)) if getattr(values, "ndim", 0) else values


def inner(x: Array, y: Array) -> Array:
    """Inner product over the last axis."""
    if type(x) is type(y) is np.ndarray and x.dtype.char == y.dtype.char == "d":
        return np.vecdot(x, y)                               # without the array of products
    return (x * y).sum(axis=-1)


def taken(table: Array, index: Array) -> Array:
    """table[index] along the first axis."""
    return table.take(index, 0) if type(table) is np.ndarray else table[index]         # NumPy's `take` is several times faster


def norm_squared(x: Array) -> Array:
    """Squared Euclidean norm of each replicate: the sum over all axes but the first, shape (replicates,)."""
    flat = x.reshape(x.shape[0], -1)
    return inner(flat, flat)


def norm(x: Array) -> Array:
    """Euclidean norm of each replicate, shape (replicates,)."""
    return sqrt(norm_squared(x))


def put(array: Array, where: Any, value: Array) -> Array:
    """A copy of the array with `array[where] = value`."""
    if holds_objects(array):              # array_api_extra knows no object arrays
        copied = array.copy()
        copied[where] = value
        return copied
    return xpx.at(array, where).set(value, copy=True)        # without copy= NumPy arrays are written in place, and with them the state of the caller


def rows(array: Array) -> Array:
    """The index of each replicate, for `array[rows(array), index]`."""
    return _namespace(array).arange(array.shape[0])


def argsort(x: Array) -> Array:
    """Indices that sort the last axis, stable (first on ties)."""
    if _objects(x):
        flat = x.reshape(-1, x.shape[-1])
        return np.array([sorted(range(flat.shape[1]), key=row.__getitem__) for row in flat], dtype=int).reshape(x.shape)
    return np.argsort(x, axis=-1, kind="stable") if isinstance(x, np.ndarray) else _namespace(x).argsort(x, axis=-1, stable=True)


def ones(mask: Array, count: int) -> Array:
    """Where the ones of a 0/1 mask (replicates, n) stand, `count` in each row: (replicates, count)."""
    return mask.nonzero()[1].reshape(len(mask), count) if type(mask) is np.ndarray and mask.dtype.kind in "iub" else argsort(-mask)[:, :count]


def argmin(x: Array) -> Array:
    """Index of the smallest entry of the last axis, the first on ties."""
    return argsort(x)[..., 0] if _objects(x) else _namespace(x).argmin(x, axis=-1)


def sort(x: Array) -> Array:
    """The last axis in increasing order."""
    return np.take_along_axis(x, argsort(x), axis=-1) if _objects(x) else _namespace(x).sort(x, axis=-1)


def solve(matrix: Array, vectors: Array) -> Array:
    """`matrix^{-1} vectors` for each replicate of `vectors` (replicates, dimension), one matrix (dimension, dimension) for all."""
    if _objects(matrix, vectors):
        return np.asarray(vectors @ np.asarray(sp.Matrix(matrix).inv().T.applyfunc(sp.nsimplify)).astype(object), dtype=object) \
            if _symbolic(matrix) else vectors @ _rational_inverse(matrix).T
    xp = _namespace(matrix, vectors)
    return xp.linalg.solve(matrix, vectors.T).T


def _rational_inverse(matrix: Array) -> Array:
    size = matrix.shape[0]
    work = [[Fraction(v) for v in row] + [Fraction(int(i == j)) for j in range(size)] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(r for r in range(column, size) if work[r][column] != 0)
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = [v / work[column][column] for v in work[column]]
        for r in range(size):
            if r != column and work[r][column] != 0:
                work[r] = [v - work[r][column] * w for v, w in zip(work[r], work[column], strict=True)]
    return np.array([row[size:] for row in work], dtype=object)


def stack(arrays: Sequence[Array], axis: int) -> Array:
    """Arrays joined along a new axis."""
    return np.stack(arrays, axis=axis) if isinstance(arrays[0], np.ndarray) else _namespace(*arrays).stack(list(arrays), axis=axis)


def fold(step: Callable[[State, Any], State], state: State, items: Array) -> State:
    """`step` applied along the leading axis of `items`: a Python loop, or `lax.scan` when the state lives in JAX."""
    if any(type(v).__module__.startswith("jax") for v in (state if isinstance(state, tuple) else (state,))):
        import jax

        folded: State = jax.lax.scan(lambda s, item: (step(s, item), None), state, items)[0]
        return folded
    for item in items:
        state = step(state, item)
    return state


def least_along(gradient: Callable[[Array], Array], x: Array, direction: Array, longest: Number) -> Array:
    """The t in [0, longest] with the least f(x + t direction), (replicates,), for convex f that rises again by then: its slope's zero, by bisection.

    Sixty halvings leave an error in t of longest 2^-60, and of f its square. Raises Unsupported where numbers are exact: the zero is in general irrational.
    """
    if _objects(x, direction, longest):
        raise Unsupported("a line search by bisection ends at no exact number")
    low = 0 * (direction * direction).sum(-1)
    high = low + longest
    for _ in range(60):
        middle = (low + high) / 2
        falls = (gradient(x + middle[:, None] * direction) * direction).sum(-1) < 0
        low, high = where(falls, middle, low), where(falls, high, middle)
    return (low + high) / 2
