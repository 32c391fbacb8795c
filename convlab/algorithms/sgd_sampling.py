"""SGD on sums, by what is drawn of the components: a batch, one by importance, all in a new order; and a step read off the drawn component."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from convlab.algorithms.cost import Cost
from convlab.algorithms.sgd import State
from convlab.constants import Array, Number
from convlab.draws import Draws, Finite, Permutation, Subset, Uniform
from convlab.operations import minimum, norm_squared, ones, where
from convlab.problem import HasSamples


@dataclass(frozen=True)
class MiniBatchSGD:
    """x_{k+1} = x_k - step_size times the mean of the gradients of `batch` components, drawn without replacement, anew at every step.

    State: the point, (replicates, dimension). `batch` component gradients a step. Source: Robbins, Monro (1951) for one component.
    """

    step_size: Number
    batch: int

    def init(self, x0: Array, oracle: HasSamples) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: HasSamples) -> Draws:
        """The components of the batch, as a mask."""
        return Draws(chosen=Subset(oracle.n, self.batch))

    def step(self, state: State, oracle: HasSamples, draw: Any) -> State:
        """One update."""
        return State(state.x - self.step_size * batch_gradient(oracle, state.x, draw.chosen, self.batch))

    def cost(self, oracle: HasSamples) -> Cost:
        """As many component gradients as the batch has."""
        return Cost(component_gradients=self.batch)


def batch_gradient(oracle: HasSamples, x: Array, chosen: Array, batch: int) -> Array:
    """The mean of the chosen component gradients, shaped as x; `chosen` is a mask (replicates, n). A small batch is asked for one component after the other."""
    if 2 * batch > oracle.n:
        everything: Array = (chosen[:, :, None] * oracle.sample_gradients(x)).sum(axis=1) / batch
        return everything
    index = ones(chosen, batch)
    return sum(oracle.sample_gradient(x, index[:, place]) for place in range(batch)) / batch


class HasSmoothSamples(HasSamples, Protocol):
    """A sum whose components have known smoothness."""

    def sample_smoothness(self) -> Array:
        """L_i, (n,)."""
        ...


@dataclass(frozen=True)
class ImportanceSGD:
    """x_{k+1} = x_k - step_size grad f_i(x_k)/(n p_i), i drawn with p_i = L_i/sum_j L_j; without `reweighted` the factor 1/(n p_i) is forgotten (a bug).

    State: the point, (replicates, dimension). One component gradient a step. Source: Needell, Srebro, Ward (2014).
    """

    step_size: Number
    reweighted: bool = True

    def init(self, x0: Array, oracle: HasSmoothSamples) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: HasSmoothSamples) -> Draws:
        """A component, by its smoothness."""
        smoothness = oracle.sample_smoothness()
        total = smoothness.sum()
        return Draws(index=Finite(tuple(range(oracle.n)), tuple(each / total for each in smoothness)))

    def step(self, state: State, oracle: HasSmoothSamples, draw: Any) -> State:
        """One update; a component that is never drawn has no weight."""
        slope = oracle.sample_gradient(state.x, draw.index)
        smoothness = oracle.sample_smoothness()
        drawn = smoothness > 0
        weights = where(drawn, smoothness.sum() / (oracle.n * where(drawn, smoothness, 1 + 0 * smoothness)), 0 * smoothness)
        return State(state.x - self.step_size * (weights[draw.index][:, None] * slope if self.reweighted else slope))

    def cost(self, oracle: HasSmoothSamples) -> Cost:
        """One component gradient."""
        return Cost(component_gradients=1)


@dataclass(frozen=True)
class Epoch:
    """A pass over the data as one step: x <- x - step_size grad f_i(x) for n components i one after the other, in a new random order.

    Without `reshuffled` each of the n is drawn anew from all (with replacement). State: the point, (replicates, dimension). n component gradients a step.
    Source: Bottou (2009); Mishchenko, Khaled, Richtarik (2020).
    """

    step_size: Number
    reshuffled: bool = True

    def init(self, x0: Array, oracle: HasSamples) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: HasSamples) -> Draws:
        """The order of the components."""
        return Draws(order=Permutation(oracle.n) if self.reshuffled else Uniform(oracle.n, shape=(oracle.n,)))

    def step(self, state: State, oracle: HasSamples, draw: Any) -> State:
        """One epoch."""
        x = state.x
        for place in range(oracle.n):
            x = x - self.step_size * oracle.sample_gradient(x, draw.order[:, place])
        return State(x)

    def cost(self, oracle: HasSamples) -> Cost:
        """Every component once."""
        return Cost(component_gradients=oracle.n)


class HasSampleGaps(HasSamples, Protocol):
    """A sum whose components have known minima of their own."""

    def sample_gap(self, x: Array, index: Array) -> Array:
        """f_i(x) - min f_i for each replicate's own i, (replicates,)."""
        ...


@dataclass(frozen=True)
class StochasticPolyak:
    """x_{k+1} = x_k - min((f_i(x_k) - min f_i)/(caution |g|^2), longest) g, g = grad f_i(x_k); where g = 0 x stays. Without `longest` nothing caps the step.

    State: the point, (replicates, dimension). One component gradient and value a step. Source: Loizou, Vaswani, Laradji, Lacoste-Julien (2021).
    """

    caution: Number
    longest: Number | None = None

    def init(self, x0: Array, oracle: HasSampleGaps) -> State:
        """The first point."""
        return State(x0)

    def draws(self, oracle: HasSampleGaps) -> Draws:
        """A component."""
        return Draws(index=Uniform(oracle.n))

    def step(self, state: State, oracle: HasSampleGaps, draw: Any) -> State:
        """One update."""
        slope = oracle.sample_gradient(state.x, draw.index)
        squared = norm_squared(slope)[:, None]
        moving = squared > 0
        length = oracle.sample_gap(state.x, draw.index)[:, None] / (self.caution * where(moving, squared, 1 + 0 * squared))
        return State(state.x - (length if self.longest is None else minimum(length, self.longest)) * slope)

    def cost(self, oracle: HasSampleGaps) -> Cost:
        """One component gradient; its value comes with it."""
        return Cost(component_gradients=1)


class Compared(NamedTuple):
    """A point, and one that it is compared with."""

    x: Array
    reference: Array


@dataclass(frozen=True)
class BatchDifference:
    """One draw of a batch, shown by what it says of two points: x becomes the batch's gradient at x less its gradient at the reference.

    State: both, (replicates, dimension) each; the reference stays. Two batch gradients.
    """

    batch: int

    def init(self, x0: Array, oracle: HasSamples) -> Compared:
        """The start, compared with the origin."""
        return Compared(x0, 0 * x0)

    def draws(self, oracle: HasSamples) -> Draws:
        """The components of the batch, as a mask."""
        return Draws(chosen=Subset(oracle.n, self.batch))

    def step(self, state: Compared, oracle: HasSamples, draw: Any) -> Compared:
        """The difference."""
        here, there = (batch_gradient(oracle, x, draw.chosen, self.batch) for x in state)
        return Compared(here - there, state.reference)

    def cost(self, oracle: HasSamples) -> Cost:
        """Two batches."""
        return Cost(component_gradients=2 * self.batch)
