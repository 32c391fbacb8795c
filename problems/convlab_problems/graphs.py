"""Workers on graphs whose mixing rate is known in closed form: ring, star, torus, lazy complete, exponential, and one-peer exponential in turns.

No objective: a problem is a doubly stochastic matrix, a point is one row a worker, and the starts hold the slowest disagreement that there is.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import MixingMatrix, OnePeerRounds
from convlab.constants import Array, Number, exact
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of


@dataclass(frozen=True, eq=False)
class Graph:
    """X -> W X with W doubly stochastic. `slowest` is a vector with |(W - J) slowest| = mixing |slowest|, so gossip from it attains its rate."""

    matrix: Array            # W, (workers, workers)
    mixing: Number           # spectral norm of W - J
    how: str
    slowest: Array           # (workers,)
    start: Array | None = None

    @property
    def workers(self) -> int:
        """N."""
        return int(self.matrix.shape[0])

    def mix(self, x: Array) -> Array:
        """W x, x (replicates, workers, dimension)."""
        return self.matrix @ x

    def facts(self) -> tuple[Any, ...]:
        """The mixing rate."""
        return (MixingMatrix(exact(self.mixing, how=self.how), self.workers),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The slowest disagreement around a common point, and a random one."""
        return _starts(self.start, self.slowest, rng)


@dataclass(frozen=True, eq=False)
class OnePeer:
    """X -> W_j X with W_j = (I + P^(2^j))/2, P the cyclic shift, the rounds j = 0 .. m - 1 taking turns, m = ceil(log2 N).

    For N = 2^m the product of one period is J exactly: the binary digits of a uniform number are independent coins.
    """

    matrices: Array          # (rounds, workers, workers)
    start: Array | None = None

    @property
    def workers(self) -> int:
        """N."""
        return int(self.matrices.shape[1])

    @property
    def rounds(self) -> int:
        """m."""
        return int(self.matrices.shape[0])

    def mix(self, x: Array, round: int) -> Array:
        """W_round x, x (replicates, workers, dimension)."""
        return self.matrices[round % self.rounds] @ x

    def facts(self) -> tuple[Any, ...]:
        """The order of the rounds."""
        return (OnePeerRounds(self.rounds, self.workers),)

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """One worker alone away from the others, and a random point."""
        alone = array_of([Fraction(int(i == 0)) for i in range(self.workers)])
        return _starts(self.start, alone, rng)


def _starts(given: Array | None, slowest: Array, rng: np.random.Generator) -> tuple[Start, ...]:
    if given is not None:
        return (Start("given", given),)
    scattered = array_of([[Fraction(int(v), 7) for v in row] for row in rng.integers(-60, 61, size=(len(slowest), 3))])
    around = slowest[:, None] * array_of([[Fraction(23, 2), Fraction(-4), Fraction(3)]]) + array_of([[Fraction(2), Fraction(-9, 4), Fraction(5)]])
    return (Start("slowest", around), Start("scattered", scattered))


def _shift(size: int, places: int) -> Array:
    """P^places: worker i hears worker i + places."""
    return array_of([[Fraction(int((i + places - j) % size == 0)) for j in range(size)] for i in range(size)])


def _cosine(turns: int, size: int) -> Number:
    """cos(2 pi turns/size), rational where it is."""
    turn = Fraction(turns, size) % 1
    turn = min(turn, 1 - turn)
    twice = {Fraction(0): 2, Fraction(1, 6): 1, Fraction(1, 4): 0, Fraction(1, 3): -1, Fraction(1, 2): -2}
    return Fraction(twice[turn], 2) if turn in twice else math.cos(2 * math.pi * float(turn))


def _wave(turns: int, size: int) -> Array:
    """The eigenvector of every symmetric circulant matrix at this frequency: cos(2 pi turns i/size)."""
    return array_of([_cosine(turns * i, size) for i in range(size)])


def _ring(size: int, self_weight: Number = Fraction(1, 3)) -> Graph:
    """Weight `self_weight` on oneself, the rest in halves on both neighbours; N >= 4."""
    matrix = self_weight * _shift(size, 0) + (1 - self_weight) / 2 * (_shift(size, 1) + _shift(size, -1))
    slow, fast = (self_weight + (1 - self_weight) * _cosine(turns, size) for turns in (1, size // 2))
    how = "eigenvalues s + (1 - s) cos(2 pi j/N) of a circulant matrix, s the own weight: the largest modulus is at j = 1 or at j = floor(N/2)"
    return Graph(matrix, max(abs(slow), abs(fast)), how, _wave(1 if abs(slow) >= abs(fast) else size // 2, size))


def _star(size: int) -> Graph:
    """Metropolis weights W = I - Laplacian/N; N >= 3."""
    edges = array_of([[Fraction(int(i == 0) - int(i == leaf)) for i in range(size)] for leaf in range(1, size)])
    matrix = _shift(size, 0) - edges.T @ edges / size
    slowest = array_of([Fraction(int(i == 1) - int(i == 2)) for i in range(size)])
    return Graph(matrix, 1 - Fraction(1, size), "the Laplacian of a star has eigenvalues 0, 1 (on leaves that cancel) and N", slowest)


def _torus(size: int) -> Graph:
    """A square of size workers, weight 1/5 on oneself and each of four neighbours; the side is sqrt(size) >= 3."""
    side = math.isqrt(size)
    if side * side != size:
        raise ValueError(f"a square torus has n^2 workers, not {size}: take 9, 16, 25, ...")
    one, ring = _shift(side, 0), _shift(side, 1) + _shift(side, -1)
    matrix = (np.kron(one, one) + np.kron(one, ring) + np.kron(ring, one)) / 5
    wave = _wave(1, side)
    how = "eigenvalues (1 + 2 cos a + 2 cos b)/5 of a product of circulant matrices; the largest modulus below 1 is at (a, b) = (2 pi/n, 0)"
    return Graph(matrix, Fraction(3, 5) + _cosine(1, side) * Fraction(2, 5), how, np.repeat(wave, side))


def _lazy_complete(size: int, pull: Number = Fraction(3, 7)) -> Graph:
    """(1 - pull) I + pull J."""
    average = array_of([[Fraction(1, size)] * size] * size)
    slowest = array_of([Fraction(i) - Fraction(size - 1, 2) for i in range(size)])
    return Graph((1 - pull) * _shift(size, 0) + pull * average, abs(1 - pull), "W - J = (1 - pull)(I - J), and I - J is a projection", slowest)


def _exponential(size: int) -> Graph:
    """Equal weights on oneself and on the workers 1, 2, 4, ... places further on; N = 2^m, m >= 2. Circulant, not symmetric."""
    rounds = _log2(size)
    matrix = (_shift(size, 0) + sum(_shift(size, 2**j) for j in range(rounds))) * Fraction(1, rounds + 1)
    how = "a circulant (normal) matrix: the largest modulus below 1 is (1 - 1 + (m - 1))/(m + 1), at the frequency N/2"
    return Graph(matrix, Fraction(rounds - 1, rounds + 1), how, array_of([Fraction((-1) ** i) for i in range(size)]))


def _log2(size: int) -> int:
    if size & (size - 1) or size < 4:
        raise ValueError(f"the exponential graph's rate is known for 2^m workers with m >= 2, not for {size}: take 4, 8, 16, ...")
    return size.bit_length() - 1


def _one_peer(size: int) -> OnePeer:
    """One peer a round, ceil(log2 N) rounds."""
    rounds = (size - 1).bit_length()
    return OnePeer(np.stack([(_shift(size, 0) + _shift(size, 2**j)) * Fraction(1, 2) for j in range(rounds)]))


KINDS: dict[str, Callable[..., Any]] = {
    "ring": _ring, "star": _star, "torus": _torus, "lazy_complete": _lazy_complete, "exponential": _exponential, "one_peer": _one_peer}


def make(kind: str, size: int, start: Any = None, **weights: Number) -> Graph | OnePeer:
    """A graph of `size` workers. `weights`: self_weight of a ring, pull of a lazy complete graph. Raises ValueError for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"no graph is called {kind!r}; there are {', '.join(sorted(KINDS))}.")
    graph: Graph | OnePeer = KINDS[kind](size, **weights)
    return graph if start is None else replace(graph, start=array_of(start))


def members() -> Iterable[Member]:
    """Rates rational and irrational, governed by the second and by the least eigenvalue, symmetric and not."""
    yield Member("ring-6", make("ring", 6))
    yield Member("ring-11", make("ring", 11))
    yield Member("ring-6-alternating", make("ring", 6, self_weight=Fraction(1, 10)))
    yield Member("star-7", make("star", 7))
    yield Member("torus-16", make("torus", 16))
    yield Member("lazy-complete-5", make("lazy_complete", 5))
    yield Member("exponential-8", make("exponential", 8))
    yield Member("one-peer-8", make("one_peer", 8))


SEARCH = (Space({"size": (3, 12), "self_weight": (1e-2, 0.99)}, lambda n: {"kind": "ring", "size": int(n["size"]), "self_weight": n["self_weight"]}),
          Space({"size": (2, 12), "pull": (1e-2, 0.99)}, lambda n: {"kind": "lazy_complete", "size": int(n["size"]), "pull": n["pull"]}),
          Space({"size": (3, 16)}, lambda n: {"kind": "star", "size": int(n["size"])}),
          Space({"size": (2, 16)}, lambda n: {"kind": "one_peer", "size": int(n["size"])}))
FAMILY = Family("graphs", make, members, SEARCH)
