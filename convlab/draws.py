"""Declarations of randomness. Nothing here draws by itself: a law tells its support, its moments, and how uniform bits become its values.

`raw(rng, steps, count)` gives what is drawn ahead of a run, shape (steps, count, *shape); `value(raw, state)` turns one step of it into the draw.
`branches(count, state)` enumerates (values (count, *shape), probabilities: a number or (count,)) for a finite support. Shapes: `shape=` is what one
replicate draws (workers, components). Laws of one step are independent, but for a coin whose `given` names earlier ones (see `Draws`).
"""
from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from itertools import combinations, permutations, product, repeat
from typing import Any, Protocol

import numpy as np

from convlab.constants import Array, Number

Branch = tuple[Array, Any]


class Law(Protocol):
    """What every declaration of randomness offers."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one replicate's draw."""
        ...

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """What is drawn ahead, (steps, count, *shape)."""
        ...

    def value(self, raw: Array, state: Any) -> Array:
        """The draw of one step, (count, *shape), from its raw material."""
        ...

    def size(self) -> int | None:
        """Number of branches; None when the support is infinite or only moments are declared."""
        ...

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """All values with their probabilities, given the states."""
        ...


def _everywhere(value: Any, count: int) -> Array:
    value = np.asarray(value)
    return np.broadcast_to(value, (count, *value.shape))


def _product_branches(values: list[Any], weights: list[Any], shape: tuple[int, ...], count: int) -> Iterator[Branch]:
    cells = math.prod(shape)
    kind = object if any(isinstance(v, Fraction) for v in values) else None
    for choice in product(range(len(values)), repeat=cells):
        yield _everywhere(np.array([values[c] for c in choice], dtype=kind).reshape(shape), count), math.prod(weights[c] for c in choice)


class _Stateless:
    """Laws whose value does not look at the state. (Shared one-liners, no behaviour of their own.)"""

    def value(self, raw: Array, state: Any) -> Array:
        """The raw material is the value."""
        return raw


@dataclass(frozen=True)
class Uniform(_Stateless):
    """An index, uniform on 0 .. n-1."""

    n: int
    shape: tuple[int, ...] = ()

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Indices."""
        return rng.integers(self.n, size=(steps, count, *self.shape))

    def size(self) -> int:
        """n to the number of cells."""
        return int(self.n ** math.prod(self.shape))

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every index."""
        return _product_branches(list(range(self.n)), [Fraction(1, self.n)] * self.n, self.shape, count)


@dataclass(frozen=True)
class Finite(_Stateless):
    """One of finitely many numbers, with probabilities (which must sum to 1)."""

    values: tuple[Any, ...]
    probabilities: tuple[Any, ...]
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if abs(float(sum(self.probabilities)) - 1) > 1e-12 or min(map(float, self.probabilities)) < 0:   # twelve digits: floats may be given
            raise ValueError(f"probabilities {self.probabilities} must be nonnegative and sum to 1")

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Positions in `values`, looked up."""
        edges = np.cumsum([float(q) for q in self.probabilities])[:-1]
        return np.asarray(self.values)[np.searchsorted(edges, rng.random((steps, count, *self.shape)), side="right")]

    def size(self) -> int:
        """Number of values to the number of cells."""
        return int(len(self.values) ** math.prod(self.shape))

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every value."""
        return _product_branches(list(self.values), list(self.probabilities), self.shape, count)


def rademacher(scale: Number = 1, shape: tuple[int, ...] = ()) -> Finite:
    """+scale or -scale with probability one half each, independently in every cell."""
    return Finite((-scale, scale), (Fraction(1, 2), Fraction(1, 2)), shape)


@dataclass(frozen=True)
class Bernoulli:
    """A coin, 1 with probability p. p is a number, one number a replicate, or a function of the state (then enumeration follows the law of the state).

    With `given=("noise",)` the coin is thrown after the draws of those names: p is a function of (state, earlier), earlier.noise being their values.
    """

    p: Number | Callable[..., Array]
    shape: tuple[int, ...] = ()
    given: tuple[str, ...] = ()

    def after(self, earlier: Any) -> Bernoulli:
        """The coin once the draws that it waits for are known."""
        p = self.p
        if not callable(p):
            raise ValueError(f"a coin that is given {self.given} needs p as a function of (state, earlier draws), not {p}")
        return replace(self, p=lambda state: p(state, earlier), given=())

    def _probability(self, state: Any, count: int) -> Array:
        given = self.p(state) if callable(self.p) else self.p
        if getattr(given, "ndim", 0) == 0:
            return given
        return given.reshape((count,) + (1,) * len(self.shape)) if given.size == count else given.reshape((count, *self.shape))

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Uniform numbers, compared with p when the state is known."""
        return rng.random((steps, count, *self.shape))

    def value(self, raw: Array, state: Any) -> Array:
        """0 or 1."""
        return (raw < self._probability(state, raw.shape[0])) * 1

    def size(self) -> int:
        """2 to the number of cells."""
        return int(2 ** math.prod(self.shape))

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every pattern of bits, with probabilities given the state."""
        probability = self._probability(state, count)
        for bits in product((0, 1), repeat=math.prod(self.shape)):
            pattern = np.array(bits, dtype=int).reshape(self.shape)
            cells = pattern * probability + (1 - pattern) * (1 - probability)
            weight = cells if getattr(cells, "ndim", 0) == 0 else cells.reshape(cells.shape[0] if cells.ndim > len(self.shape) else 1, -1).prod(axis=-1)
            yield _everywhere(pattern, count), weight[0] if getattr(weight, "shape", None) == (1,) else weight


@dataclass(frozen=True)
class Subset(_Stateless):
    """A uniformly drawn subset of `kept` of n coordinates, as a 0/1 mask of length n (the last axis)."""

    n: int
    kept: int
    cells: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.kept <= self.n:
            raise ValueError(f"a subset of {self.kept} of {self.n} coordinates does not exist")

    @property
    def shape(self) -> tuple[int, ...]:
        """Independent cells, then the mask."""
        return (*self.cells, self.n)

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Masks."""
        return (orders(rng, (steps, count, *self.shape)) < self.kept) * 1

    def size(self) -> int:
        """Binomial coefficient to the number of cells."""
        return int(math.comb(self.n, self.kept) ** math.prod(self.cells))

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every subset."""
        masks = [np.isin(np.arange(self.n), chosen) * 1 for chosen in combinations(range(self.n), self.kept)]
        for choice in product(masks, repeat=math.prod(self.cells)):
            yield _everywhere(np.array(choice).reshape(self.shape), count), Fraction(1, len(masks) ** len(choice))


MANTISSA = 53       # bits of a uniform number


def orders(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Uniformly drawn orders of 0 .. n-1 along the last axis, of length n: those that sort uniform numbers.

    Sorting takes half the time of `argsort`, so the place of each number is written below its bits where 64 hold both.
    """
    uniform, n = rng.random(shape), shape[-1]
    room = (n - 1).bit_length() if n else 0
    if MANTISSA + room > 63:
        return uniform.argsort(axis=-1)
    uniform *= 2.0**MANTISSA
    keys = uniform.astype(np.int64)
    keys <<= room
    keys |= np.arange(n)
    keys.sort(axis=-1)
    keys &= (1 << room) - 1
    return keys


@dataclass(frozen=True)
class Permutation(_Stateless):
    """A uniformly drawn order of 0 .. n-1."""

    n: int

    @property
    def shape(self) -> tuple[int, ...]:
        """One order."""
        return (self.n,)

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Orders."""
        return orders(rng, (steps, count, self.n))

    def size(self) -> int:
        """n!."""
        return math.factorial(self.n)

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every order."""
        for order in permutations(range(self.n)):
            yield _everywhere(np.array(order), count), Fraction(1, math.factorial(self.n))


@dataclass(frozen=True)
class Noise(_Stateless):
    """A centred vector of which only the covariance (dimension, dimension) is declared. Sampled as a Gaussian, judged by exact moments."""

    covariance: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """One vector."""
        return (self.covariance.shape[0],)

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Gaussian vectors of that covariance."""
        values, vectors = np.linalg.eigh(np.asarray(self.covariance, dtype=float))
        return rng.standard_normal((steps, count, *self.shape)) @ (vectors * np.sqrt(np.maximum(values, 0))).T

    def size(self) -> None:
        """Only moments are known."""

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Refused: a law known by its moments has no support to enumerate."""
        raise Inexact("noise of which only the covariance is declared cannot be enumerated")


@dataclass(frozen=True)
class Adversary:
    """An adversary: any of these values, chosen by whoever wants the claim to fail. No probability."""

    values: tuple[Any, ...]
    shape: tuple[int, ...] = ()

    def raw(self, rng: np.random.Generator, steps: int, count: int) -> Array:
        """Refused: an adversary is never sampled as if it were random."""
        raise Inexact("an adversary has no law to sample from")

    def value(self, raw: Array, state: Any) -> Array:
        """The chosen value."""
        return raw

    def size(self) -> int:
        """Number of choices."""
        return int(len(self.values) ** math.prod(self.shape))

    def branches(self, count: int, state: Any) -> Iterator[Branch]:
        """Every choice, with the weight None: no probability."""
        for value, _ in _product_branches(list(self.values), [1] * len(self.values), self.shape, count):
            yield value, None


class Inexact(ValueError):
    """A source cannot serve a law: no support to enumerate, no law to sample from, no affine map. The message is the reason to print."""


class Draws(Mapping[str, Law]):
    """What one step draws: names and laws, in order. `Draws(index=Uniform(n), coin=Bernoulli(p))`.

    They are independent, except that `Bernoulli(p, given=names)` sees the values of the laws that stand before it. Raises ValueError where they do not.
    """

    def __init__(self, **laws: Law) -> None:
        self._laws = laws
        for position, (name, law) in enumerate(laws.items()):
            missing = set(_given(law)) - set(list(laws)[:position])
            if missing:
                raise ValueError(f"draw {name!r} is given {min(missing)!r}, which no law before it draws; declare that one first.")

    def __getitem__(self, name: str) -> Law:
        return self._laws[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._laws)

    def __len__(self) -> int:
        return len(self._laws)

    def __repr__(self) -> str:
        return f"Draws({', '.join(f'{name}={law}' for name, law in self._laws.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Draws) and self._laws == other._laws

    def __hash__(self) -> int:
        return hash(tuple(self._laws))

    def draw(self, **values: Array) -> Any:
        """A named tuple of one draw."""
        return _draw_type(tuple(self._laws))(**values)

    def without(self, *names: str) -> Draws:
        """These declarations less some."""
        return Draws(**{name: law for name, law in self._laws.items() if name not in names})

    @property
    def adversarial(self) -> bool:
        """Whether an adversary chooses some of it."""
        return any(isinstance(law, Adversary) for law in self._laws.values())

    def size(self) -> int | None:
        """Number of joint branches, None if infinite."""
        sizes = [law.size() for law in self._laws.values()]
        return None if any(s is None for s in sizes) else math.prod(s for s in sizes if s is not None)

    @property
    def stateless(self) -> bool:
        """Whether the raw material is the draw already, whatever the state."""
        return all(isinstance(law, _Stateless) for law in self._laws.values())

    def each(self, raw: Mapping[str, Array]) -> Iterator[Any]:
        """The raw material of each of several steps, (steps, count, *shape), named as a draw is; without laws, draws of nothing without end."""
        if not self._laws:
            return repeat(self.draw())
        named = partial(tuple.__new__, _draw_type(tuple(self._laws)))            # what `_make` does, without a call in Python
        return map(named, zip(*(raw[name] for name in self._laws), strict=True))

    def value(self, raw: Mapping[str, Array], state: Any) -> Any:
        """One step's raw material, each (count, *shape), as a draw."""
        drawn: dict[str, Array] = {}
        for name, law in self._laws.items():
            drawn[name] = _after(law, drawn).value(raw[name], state)
        return self.draw(**drawn)

    def branches(self, count: int, state: Any) -> Iterator[tuple[Any, Any]]:
        """Every joint draw with its probability (None where an adversary chooses)."""
        listed = {name: list(law.branches(count, state)) for name, law in self._laws.items() if not _given(law)}

        def joint(names: tuple[str, ...], drawn: dict[str, Array], weights: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
            if not names:
                yield self.draw(**drawn), None if any(w is None for w in weights) else _together(weights)
                return
            name, *later = names
            for value, weight in listed[name] if name in listed else _after(self._laws[name], drawn).branches(count, state):
                yield from joint(tuple(later), {**drawn, name: value}, (*weights, weight))

        return joint(tuple(self._laws), {}, ())


def _together(weights: tuple[Any, ...]) -> Any:
    """The product of probabilities; beside arrays of floats the exact ones are rounded first, or NumPy would multiply fractions entry by entry."""
    arrays = [w for w in weights if getattr(w, "ndim", 0)]
    number = math.prod(w for w in weights if not getattr(w, "ndim", 0))
    return math.prod(arrays, start=float(number) if any(a.dtype.kind == "f" for a in arrays) else number)


def _given(law: Law) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(law, "given", ())
    return names


def _after(law: Law, drawn: Mapping[str, Array]) -> Law:
    names = _given(law)
    return law.after(_draw_type(names)(*(drawn[name] for name in names))) if isinstance(law, Bernoulli) and names else law


@cache
def _draw_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Draw", names)
