"""Wrong optimizers as optax transformations."""
# mypy: ignore-errors
from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from tests.optimizers_gallery.bug import Bug


class Moments(NamedTuple):
    count: Any
    mean: Any
    squares: Any


def adam_like(learning_rate: Any, b1: Any, b2: Any, eps: Any, direction: Any) -> optax.GradientTransformation:
    """Adam with another way from (mean, squares, count) to a direction."""
    def init(params: Any) -> Moments:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return Moments(jnp.zeros([], jnp.int32), zeros, zeros)

    def update(gradients: Any, state: Moments, params: Any = None) -> Any:
        t = state.count + 1
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mean, gradients)
        squares = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.squares, gradients)
        changes = jax.tree.map(lambda m, v: -learning_rate * direction(m, v, t, b1, b2, eps), mean, squares)
        return changes, Moments(t, mean, squares)

    return optax.GradientTransformation(init, update)


def uncorrected(learning_rate: Any = 1e-3, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Any:
    return adam_like(learning_rate, b1, b2, eps, lambda m, v, t, b1, b2, eps: m / (jnp.sqrt(v) + eps))


def multiplied(learning_rate: Any = 1e-3, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Any:
    return adam_like(learning_rate, b1, b2, eps, lambda m, v, t, b1, b2, eps: m * (1 - b1**t) / (jnp.sqrt(v * (1 - b2**t)) + eps))


def epsilon_inside(learning_rate: Any = 1e-3, b1: Any = 0.9, b2: Any = 0.999, eps: Any = 1e-8) -> Any:
    return adam_like(learning_rate, b1, b2, eps, lambda m, v, t, b1, b2, eps: m / (1 - b1**t) / jnp.sqrt(v / (1 - b2**t) + eps))


def nesterov_away(learning_rate: Any = 1e-3, momentum: Any = 0.9) -> Any:
    def update(gradients: Any, buffer: Any, params: Any = None) -> Any:
        buffer = jax.tree.map(lambda m, g: momentum * m + g, buffer, gradients)
        return jax.tree.map(lambda m, g: -learning_rate * g + learning_rate * momentum * m, buffer, gradients), buffer      # - was meant

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


def first_sum_for_all(learning_rate: Any = 1e-2, eps: Any = 1e-7, initial_accumulator_value: Any = 0.1) -> Any:
    """AdaGrad whose index into its sums is never advanced: every array of parameters is divided by the sum of the first."""
    def init(params: Any) -> Any:
        return jax.tree.map(lambda p: jnp.full_like(p, initial_accumulator_value), params)

    def update(gradients: Any, sums: Any, params: Any = None) -> Any:
        sums = jax.tree.map(lambda s, g: s + g * g, sums, gradients)
        first = jax.tree.leaves(sums)[0]
        return jax.tree.map(lambda g: -learning_rate * g / (jnp.sqrt(first if first.shape == g.shape else first[..., :1]) + eps), gradients), sums

    return optax.GradientTransformation(init, update)


BUGS = (
    Bug("missing bias correction", "optax", uncorrected, "first_step", "adam", "allenai/OLMo-core#317"),
    Bug("bias correction multiplied, not divided by", "optax", multiplied, "first_step", "adam", "karpathy/convnetjs#70"),
    Bug("epsilon inside the root", "optax", epsilon_inside, "agrees_with_the_rule", "adam", "CyberZHG/keras-radam#29"),
    Bug("Nesterov's momentum of the wrong sign", "optax", nesterov_away, "nesterov-stability", "nesterov", "PaddlePaddle/Paddle#12231"),
    Bug("one sum of squares for all arrays", "optax", first_sum_for_all, "one_group_equals_two", "adagrad", "PennyLaneAI/pennylane#1928"),
)
