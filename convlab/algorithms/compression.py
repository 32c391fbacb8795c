"""Compressed gradient descent: workers send compressed gradients, and a compressor is a small random operator on the last axis.

A compressor has `law(shape)`, what it draws for an array of that shape (without the replicate axis), independently over all axes but the last; `draws(x)`,
the same read off an array; and is called with the array and the draw. Unbiased with variance `omega |x|^2`: RandK, BernoulliCoordinates, AllOrNothing,
WithReplacement. Biased: KeepK, TopK, Sign, ScaledSign.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.constants import Array, Number
from convlab.draws import Bernoulli, Draws, Subset, Uniform
from convlab.operations import absolute, argsort, rowwise, sign, stack
from convlab.problem import HasGradient, HasWorkers

FLOAT_BITS = 64      # of one number that is sent


class Compressor(Protocol):
    """What compressed methods ask of a compressor."""

    def law(self, shape: tuple[int, ...]) -> Draws:
        """What it draws for an array of this shape, replicates left out."""
        ...

    def bits(self, dimension: int) -> Number:
        """What one message of this dimension takes, in expectation."""
        ...

    def __call__(self, x: Array, draw: Any) -> Array:
        """The compressed array, shaped as x."""
        ...


class HasWorkersOfDimension(HasWorkers, Protocol):
    """Workers, and the dimension of their common variable."""

    @property
    def dimension(self) -> int:
        """Length of one point."""
        ...


class State(NamedTuple):
    """The common point, (replicates, dimension)."""

    x: Array


@dataclass(frozen=True)
class CompressedGD:
    """x_{k+1} = x_k - step_size/N sum_i C_i(grad f_i(x_k)): each worker compresses its own gradient, with draws of its own.

    State: one point. One gradient and one compressed message a worker and step. Source: Khirirat, Feyzmahdavian, Johansson (2018).
    """

    step_size: Number
    compressor: Any

    def init(self, x0: Array, oracle: HasWorkersOfDimension) -> State:
        """The start."""
        return State(x0)

    def draws(self, oracle: HasWorkersOfDimension) -> Draws:
        """One draw of the compressor for each worker."""
        return self.compressor.law((oracle.workers, oracle.dimension))  # type: ignore[no-any-return]

    def step(self, state: State, oracle: HasWorkersOfDimension, draw: Any) -> State:
        """One step along the mean of the compressed gradients."""
        messages = self.compressor(oracle.worker_gradients(state.x), draw)
        return State(state.x - self.step_size * (messages.sum(axis=1) / oracle.workers))

    def cost(self, oracle: HasWorkersOfDimension) -> Cost:
        """A gradient and a message of every worker."""
        return Cost(component_gradients=oracle.workers, bits=oracle.workers * self.compressor.bits(oracle.dimension))


@dataclass(frozen=True)
class CompressedAverage:
    """x_{k+1} = x_k - step_size C(1/N sum_i grad f_i(x_k)): the server compresses the average, the workers send everything.

    State: one point. One gradient a worker and step.
    """

    step_size: Number
    compressor: Any

    def init(self, x0: Array, oracle: HasWorkersOfDimension) -> State:
        """The start."""
        return State(x0)

    def draws(self, oracle: HasWorkersOfDimension) -> Draws:
        """One draw of the compressor."""
        return self.compressor.law((oracle.dimension,))  # type: ignore[no-any-return]

    def step(self, state: State, oracle: HasWorkersOfDimension, draw: Any) -> State:
        """One step along the compressed mean gradient."""
        mean = oracle.worker_gradients(state.x).sum(axis=1) / oracle.workers
        return State(state.x - self.step_size * self.compressor(mean, draw))

    def cost(self, oracle: HasWorkersOfDimension) -> Cost:
        """A gradient of every worker, sent in full."""
        return Cost(component_gradients=oracle.workers, bits=oracle.workers * FLOAT_BITS * oracle.dimension)


@dataclass(frozen=True)
class CompressedGradient:
    """x_{k+1} = x_k - step_size C(g(x_k)), C a compressor that draws nothing: one machine that sends its gradient with few bits, and forgets the error.

    State: one point, (replicates, dimension). One gradient a step.
    """

    step_size: Number
    compressor: Any

    def init(self, x0: Array, oracle: HasGradient) -> State:
        """The start."""
        return State(x0)

    def step(self, state: State, oracle: HasGradient) -> State:
        """One step along the compressed gradient."""
        return State(state.x - self.step_size * self.compressor(oracle.gradient(state.x)))

    def cost(self, oracle: HasGradient) -> Cost:
        """One gradient."""
        return Cost(full_gradients=1)


@dataclass(frozen=True)
class RandK:
    """(d/kept) x on a uniformly drawn set of `kept` coordinates, 0 elsewhere: unbiased, omega = d/kept - 1. Sends kept of d numbers."""

    kept: int

    def law(self, shape: tuple[int, ...]) -> Draws:
        """A 0/1 mask for each row."""
        return Draws(mask=Subset(shape[-1], self.kept, cells=shape[:-1]))

    def draws(self, x: Array) -> Draws:
        """The law for the shape of x."""
        return self.law(x.shape[1:])

    def bits(self, dimension: int) -> Number:
        """The kept numbers; a shared seed tells which."""
        return FLOAT_BITS * self.kept

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        return x * draw.mask * x.shape[-1] / self.kept


@dataclass(frozen=True)
class KeepK:
    """x on a uniformly drawn set of `kept` coordinates, 0 elsewhere: RandK without its scale, biased, with the smaller error (1 - kept/d) |x|^2."""

    kept: int

    def law(self, shape: tuple[int, ...]) -> Draws:
        """A 0/1 mask for each row."""
        return RandK(self.kept).law(shape)

    def draws(self, x: Array) -> Draws:
        """The law for the shape of x."""
        return self.law(x.shape[1:])

    def bits(self, dimension: int) -> Number:
        """The kept numbers; a shared seed tells which."""
        return FLOAT_BITS * self.kept

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        return x * draw.mask


@dataclass(frozen=True)
class WithReplacement:
    """(d/kept) sum_j x_{i_j} e_{i_j} with `kept` indices drawn independently: unbiased, but its variance is (d - 1)/kept |x|^2."""

    kept: int

    def law(self, shape: tuple[int, ...]) -> Draws:
        """The indices of each row."""
        return Draws(index=Uniform(shape[-1], shape=(*shape[:-1], self.kept)))

    def draws(self, x: Array) -> Draws:
        """The law for the shape of x."""
        return self.law(x.shape[1:])

    def bits(self, dimension: int) -> Number:
        """The kept numbers; a shared seed tells which."""
        return FLOAT_BITS * self.kept

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        dimension = x.shape[-1]
        times = stack([(draw.index == i).sum(axis=-1) for i in range(dimension)], axis=-1)
        return x * times * dimension / self.kept


@dataclass(frozen=True)
class BernoulliCoordinates:
    """x_i/p with probability p, else 0, independently for each coordinate: unbiased, omega = 1/p - 1."""

    p: Number

    def law(self, shape: tuple[int, ...]) -> Draws:
        """A coin a coordinate."""
        return Draws(coin=Bernoulli(self.p, shape=shape))

    def draws(self, x: Array) -> Draws:
        """The law for the shape of x."""
        return self.law(x.shape[1:])

    def bits(self, dimension: int) -> Number:
        """The kept numbers, in expectation; a shared seed tells which."""
        return FLOAT_BITS * self.p * dimension

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        return x * draw.coin / rowwise(self.p, x)


@dataclass(frozen=True)
class AllOrNothing:
    """x/p with probability p, else 0, one coin for each row: unbiased, omega = 1/p - 1."""

    p: Number

    def law(self, shape: tuple[int, ...]) -> Draws:
        """A coin a row."""
        return Draws(coin=Bernoulli(self.p, shape=(*shape[:-1], 1)))

    def draws(self, x: Array) -> Draws:
        """The law for the shape of x."""
        return self.law(x.shape[1:])

    def bits(self, dimension: int) -> Number:
        """All numbers with probability p."""
        return FLOAT_BITS * self.p * dimension

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        return x * draw.coin / rowwise(self.p, x)


@dataclass(frozen=True)
class TopK:
    """x on its `kept` coordinates of largest modulus (the first of equals), 0 elsewhere: deterministic, biased."""

    kept: int

    def law(self, shape: tuple[int, ...]) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def bits(self, dimension: int) -> Number:
        """The kept numbers, each with its index."""
        return (FLOAT_BITS + (dimension - 1).bit_length()) * self.kept

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """C(x)."""
        rank = argsort(argsort(-absolute(x)))
        return x * (rank < self.kept)


@dataclass(frozen=True)
class OneDrawForAll:
    """A compressor whose randomness all rows share (one common seed): the errors of the workers no longer average out."""

    compressor: Any

    def law(self, shape: tuple[int, ...]) -> Draws:
        """The draw of a single row, broadcast over the others."""
        return self.compressor.law((*(1 for _ in shape[:-1]), shape[-1]))  # type: ignore[no-any-return]

    def bits(self, dimension: int) -> Number:
        """Those of the compressor."""
        return self.compressor.bits(dimension)

    def __call__(self, x: Array, draw: Any) -> Array:
        """C(x)."""
        return self.compressor(x, draw)


@dataclass(frozen=True)
class Sign:
    """The signs of x, 0 at 0: a bit a coordinate, and no length at all. Source: Seide, Fu, Droppo, Li, Yu (2014)."""

    def law(self, shape: tuple[int, ...]) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def bits(self, dimension: int) -> Number:
        """One a coordinate."""
        return dimension

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """C(x)."""
        return sign(x)


@dataclass(frozen=True)
class ScaledSign:
    """(|x|_1/d) sign(x): signs with the length that makes the error smallest, a contraction by 1 - |x|_1^2/(d |x|^2). Source: Karimireddy et al. (2019)."""

    def law(self, shape: tuple[int, ...]) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def draws(self, x: Array) -> Draws:
        """Nothing is drawn."""
        return Draws()

    def bits(self, dimension: int) -> Number:
        """One a coordinate, and the length."""
        return dimension + FLOAT_BITS

    def __call__(self, x: Array, draw: Any = None) -> Array:
        """C(x)."""
        return absolute(x).sum(axis=-1, keepdims=True) / x.shape[-1] * sign(x)
