"""Rational data and starting points: numbers that floats, fractions and symbols all represent, so that one problem serves every arithmetic."""
from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import Array, Constant, Number, exact, is_rational, upper
from convlab.problem import Start

ROOT_SCALE = 10**15     # rational roots are rounded up at the fifteenth decimal, next to what float64 resolves


def number(value: Any) -> Number:
    """An integer or a sympy rational as a Fraction (so that `/ 2` stays exact); anything else as it is."""
    if isinstance(value, (int, np.integer, sp.Integer)) and not isinstance(value, bool):
        return Fraction(int(value))
    return Fraction(int(value.p), int(value.q)) if isinstance(value, sp.Rational) else value


def program_of(value: Any) -> str:
    """A number, or an array of them as a list, as Python text: rationals as Fraction(p, q), floats by their shortest digits."""
    if np.ndim(value) > 0:
        return f"[{', '.join(program_of(v) for v in value)}]"
    exact_value = number(value)
    return f"Fraction({exact_value.numerator}, {exact_value.denominator})" if is_rational(exact_value) else repr(float(value))


def vector(values: Any, dimension: int | None = None) -> Array:
    """A vector from a scalar (repeated `dimension` times) or a sequence: objects where all entries are exact, else float64.

    Raises ValueError when a sequence has not the dimension asked for.
    """
    flat = np.asarray(values, dtype=object).reshape(-1)
    if np.ndim(values) == 0 and dimension is not None:
        flat = np.repeat(flat, dimension)
    if dimension is not None and len(flat) != dimension:
        raise ValueError(f"{len(flat)} coordinates were given where the dimension is {dimension}: give one number, or {dimension} of them.")
    return array_of([number(v) for v in flat])


def array_of(values: Any) -> Array:
    """Nested numbers as an array: of objects where all are exact (fractions, sympy), else float64."""
    objects = np.asarray(values, dtype=object)
    exact_entries = all(is_rational(v) or isinstance(v, sp.Basic) for v in objects.reshape(-1))
    return objects if exact_entries else objects.astype(np.float64)


def matching(values: Array, like: Array) -> Array:
    """Exact `values` in the arithmetic of `like`: floats when it holds floats, unchanged when it holds objects."""
    return values if like.dtype.kind == "O" else values.astype(np.float64)


def root_constant(square: Number, how: str) -> Constant:
    """The square root of a nonnegative number as a constant: exact where the arithmetic has it, else the next rational above."""
    if isinstance(square, sp.Basic):
        return exact(sp.sqrt(square), how)
    if not is_rational(square):
        return exact(math.sqrt(square), how)
    fraction = Fraction(square)
    root = Fraction(math.isqrt(fraction.numerator), math.isqrt(fraction.denominator))
    if root * root == fraction:
        return exact(root, how)
    above = Fraction(math.isqrt(math.ceil(fraction * ROOT_SCALE**2)) + 1, ROOT_SCALE)
    return upper(above, how + "; the root is irrational and rounded up at the fifteenth decimal")


def orthogonal(seed: int, dimension: int) -> Array:
    """A rational orthogonal matrix: the product of two reflections at random integer vectors (exactly orthogonal, no float needed)."""
    rng = np.random.default_rng(seed)
    product = np.array([[Fraction(int(i == j)) for j in range(dimension)] for i in range(dimension)], dtype=object)
    for _ in range(2):
        normal = np.array([Fraction(int(v)) for v in rng.choice([-3, -2, -1, 1, 2, 3], size=dimension)], dtype=object)
        product = product - 2 * np.outer(product @ normal, normal) / (normal @ normal)
    return product


def direction(rng: np.random.Generator, dimension: int) -> Array:
    """A random vector of sup norm 1 with entries in eighths, none of them zero."""
    entries = rng.choice([-1, 1], size=dimension) * rng.integers(1, 9, size=dimension)
    entries[rng.integers(dimension)] = 8
    return np.array([Fraction(int(v), 8) for v in entries], dtype=object)


def starts_around(centre: Array, rng: np.random.Generator, given: Array | None = None) -> tuple[Start, ...]:
    """The given start alone; without one, three random points at sup-norm distances 1/16, 7 and 300 from the centre."""
    if given is not None:
        return (Start("given", given),)
    return tuple(Start(name, centre + matching(distance * direction(rng, len(centre)), centre)) for name, distance in DISTANCES)


DISTANCES = (("near", Fraction(1, 16)), ("typical", Fraction(7)), ("far", Fraction(300)))
