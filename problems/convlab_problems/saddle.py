"""Quadratic games: x^T B y alone, whose flow only turns, or with curvature mu on both sides, which pulls it inwards."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import Bilinear, LipschitzOperator, OneCoupling, SaddlePoint, StronglyMonotone
from convlab.constants import Array, Number, exact
from convlab.operations import stack
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, orthogonal, program_of, root_constant, starts_around, vector


@dataclass(frozen=True, eq=False)
class QuadraticSaddle:
    """f(x, y) = mu |u|^2/2 + <u, B v> - mu |v|^2/2, u = x - x*, v = y - y*, B = left diag(singular_values) right^T. Points are z = (x, y).

    F(z) = (grad_x f, -grad_y f) acts on each singular plane as mu - i s: the worst case of gradient methods for games. The saddle value is 0.
    """

    mu: Number
    singular_values: Array         # (dimension of x,), all >= 0
    left: Array                    # orthogonal, (dimension of x, dimension of x)
    right: Array
    saddle: Array                  # z* = (x*, y*)
    start: Array | None = None

    def _in_planes(self, z: Array) -> tuple[Array, Array]:
        t = z - self.saddle
        half = len(self.singular_values)
        return t[:, :half] @ self.left, t[:, half:] @ self.right

    def value(self, z: Array) -> Array:
        """f(z), (replicates,)."""
        u, v = self._in_planes(z)
        return (self.mu * u * u / 2 + self.singular_values * u * v - self.mu * v * v / 2).sum(axis=-1)

    def operator(self, z: Array) -> Array:
        """F(z) = (mu u + B v, mu v - B^T u)."""
        u, v = self._in_planes(z)
        halves = [(self.mu * u + self.singular_values * v) @ self.left.T, (self.mu * v - self.singular_values * u) @ self.right.T]
        return stack(halves, axis=1).reshape(z.shape)

    def program(self) -> str:
        """By the matrix B = left diag(singular_values) right^T; `minimiser` is the saddle."""
        return (f"mu = {program_of(self.mu)}\nB = {program_of((self.left * self.singular_values) @ self.right.T)}\nminimiser = {program_of(self.saddle)}\n\n"
                "def operator(z):\n    t = [a - c for a, c in zip(z, minimiser)]\n    u, v = t[:len(B)], t[len(B):]\n"
                "    Bv = [sum(b * a for b, a in zip(row, v)) for row in B]\n    Bu = [sum(b * a for b, a in zip(column, u)) for column in zip(*B)]\n"
                "    return [mu * a + b for a, b in zip(u, Bv)] + [mu * a - b for a, b in zip(v, Bu)]\n")

    def planes(self, z: Array) -> Array:
        """Squared length of z - z* in each singular plane of B, (replicates, dimension of x)."""
        u, v = self._in_planes(z)
        return u * u + v * v

    def facts(self) -> tuple[Any, ...]:
        """A saddle point; bilinear when mu = 0, else strongly monotone."""
        largest, least = max(self.singular_values), min(self.singular_values)
        lipschitz = root_constant(self.mu * self.mu + largest * largest, how="|mu - i s| in the singular plane of the largest s")
        if self.mu > 0:
            shape: tuple[Any, ...] = (StronglyMonotone(exact(self.mu, how="<F(z) - F(w), z - w> = mu |z - w|^2: B turns, it does no work")),)
        elif largest == least:
            shape = (Bilinear(), OneCoupling(exact(largest, how="B is s times an orthogonal matrix")))
        else:
            shape = (Bilinear(),)
        return (*shape, LipschitzOperator(lipschitz),
                SaddlePoint(exact(0, how="at x = x* or y = y* the terms in u v vanish and mu |u|^2 >= 0 >= -mu |v|^2"), at=self.saddle))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """Random directions at three distances from the saddle."""
        return starts_around(self.saddle, rng, self.start)


def _rotation(seed: int | None, dimension: int) -> Array:
    if seed is not None:
        return orthogonal(seed, dimension)
    return np.array([[Fraction(int(i == j)) for j in range(dimension)] for i in range(dimension)], dtype=object)


def saddle(spectrum: Any, mu: Any = 0, at: Any = 0, rotation: int | None = None, start: Any = None) -> QuadraticSaddle:
    """The game with these singular values (a scalar: x and y are numbers); `rotation` seeds rational orthogonal singular vectors on both sides.

    `at` and `start` are scalars or sequences (x, then y). Raises ValueError for a negative singular value or mu.
    """
    values = vector(spectrum)
    if min(values) < 0 or mu < 0:
        raise ValueError(f"singular values and mu must be >= 0: given {tuple(values)}, mu = {mu}.")
    half = len(values)
    sides = (_rotation(rotation, half), _rotation(None if rotation is None else rotation + 1, half))
    return QuadraticSaddle(number(mu), values, *sides, vector(at, 2 * half), None if start is None else vector(start, 2 * half))


def make_bilinear(matrix: Any = None, coupling: Any = None, at: Any = 0, start: Any = None) -> QuadraticSaddle:
    """x^T B y for a matrix B (its singular values are computed in float64), or for B = coupling (x and y numbers; several: a diagonal).

    Raises ValueError unless exactly one of them is given, and for a matrix that is not square.
    """
    if (matrix is None) == (coupling is None):
        raise ValueError("a bilinear game needs either matrix= or coupling=, not both.")
    if matrix is None:
        return saddle((coupling,), at=at, start=start)
    square = array_of(matrix).astype(np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1]:
        raise ValueError(f"a bilinear game takes a square matrix; given shape {square.shape}.")
    left, values, right = np.linalg.svd(square)
    size = 2 * len(values)
    return QuadraticSaddle(0.0, values, left, right.T, vector(at, size).astype(np.float64), None if start is None else vector(start, size).astype(np.float64))


def bilinear_members() -> Iterator[Member]:
    """One coupling in the plane and rotated, several couplings (one of them 0), and a matrix without rational singular vectors."""
    yield Member("bilinear-plane", make_bilinear(coupling=Fraction(7, 3), at=(Fraction(-5, 2), 4)))
    yield Member("bilinear-rotated-3", saddle((Fraction(13, 4),) * 3, at=(1, -6, Fraction(3, 2), 0, 8, -2), rotation=5))
    yield Member("bilinear-spectrum-3", saddle((Fraction(1, 9), 2, 11), at=(4, 0, Fraction(-7, 3), 5, -1, 2), rotation=23))
    yield Member("bilinear-kernel-2", saddle((0, Fraction(9, 5)), at=(-3, 7, Fraction(1, 2), 6)))
    yield Member("bilinear-matrix-3", make_bilinear(matrix=((3, -1, 4), (1, 5, -9), (2, 6, 5))))


def strongly_monotone_members() -> Iterator[Member]:
    """More turn than pull and more pull than turn, in the plane and rotated."""
    yield Member("saddle-plane", saddle((4,), mu=3, at=(Fraction(5, 2), -7)))
    yield Member("saddle-weak-plane", saddle((Fraction(17, 2),), mu=Fraction(1, 5), at=(6, Fraction(-1, 3))))
    yield Member("saddle-spectrum-3", saddle((Fraction(1, 4), Fraction(16, 3), 12), mu=Fraction(5, 2), at=(2, -4, 0, Fraction(9, 2), 1, -8), rotation=31))


AT = (Fraction(9, 4), Fraction(-5, 2), Fraction(7, 3), Fraction(1, 2))      # where the searched ones have their saddle: not at 0, which a method might know


def _from(n: Any, planes: int) -> dict[str, Any]:
    """Saddle and start: R apart in the first plane and `other` R in the second, turned between x and y."""
    apart = (n["R"] * (1 - n["turn"]), n["R"] * n["turn"]) if planes == 1 else (n["R"] * (1 - n["turn"]), n["other"] * n["R"], n["R"] * n["turn"], 0 * n["R"])
    return {"at": AT[:2 * planes], "start": tuple(a + b for a, b in zip(AT, apart, strict=False))}


PLANE, PLANES = {"R": (1 / 8, 64), "turn": (0, 1)}, {"R": (1 / 8, 64), "turn": (0, 1), "other": (-1, 1), "least_over_s": (1e-3, 1)}
BILINEAR_SEARCH = (Space({"s": (1 / 8, 64), **PLANE}, lambda n: {"coupling": n["s"], **_from(n, 1)}),
                   Space({"s": (1 / 8, 64), **PLANES}, lambda n: {"coupling": (n["s"], n["least_over_s"] * n["s"]), **_from(n, 2)}))
MONOTONE_SEARCH = (Space({"s": (1 / 8, 64), "mu_over_s": (1e-3, 10), **PLANE}, lambda n: {"spectrum": (n["s"],), "mu": n["mu_over_s"] * n["s"], **_from(n, 1)}),
                   Space({"s": (1 / 8, 64), "mu_over_s": (1e-3, 10), **PLANES},
                         lambda n: {"spectrum": (n["s"], n["least_over_s"] * n["s"]), "mu": n["mu_over_s"] * n["s"], **_from(n, 2)}))
BILINEAR = Family("bilinear", make_bilinear, bilinear_members, BILINEAR_SEARCH)
STRONGLY_MONOTONE = Family("strongly-monotone-saddle", saddle, strongly_monotone_members, MONOTONE_SEARCH)
