"""Optimizers of optax and SciPy as convlab algorithms: step for step what the libraries do, case by case, in either format."""
from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import convlab as cl
from convlab.symbols import gamma
from tests.gradient_paths import GRADIENTS, STARTS, path

SHORT = cl.Settings(iterations=30, problems=("quadratic", "huber"))


# ---- optax
def optax_alone(make: Any, dtype: str) -> np.ndarray:
    import jax
    import optax

    with jax.enable_x64(dtype == "float64"):
        found = []
        for start, gradients in zip(STARTS, GRADIENTS.transpose(1, 0, 2), strict=True):
            point, points = jax.numpy.asarray(start, dtype=dtype), []
            transformation = make()
            memory = transformation.init(point)
            for gradient in gradients:
                change, memory = transformation.update(jax.numpy.asarray(gradient, dtype=dtype), memory, point)
                point = optax.apply_updates(point, change)
                points.append(np.asarray(point))
            found.append(points)
        return np.array(found).transpose(1, 0, 2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw", "amsgrad", "adagrad", "rmsprop", "lamb", "clipped", "scheduled"])
def test_optax_runs_as_it_does_by_itself(name: str, dtype: str) -> None:
    import optax

    from convlab.adapters.optax import algorithm

    makes = {"momentum": partial(optax.sgd, 0.1, momentum=0.9, nesterov=True), "clipped": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
             "scheduled": lambda: optax.sgd(optax.piecewise_constant_schedule(0.5, {4: 0.25}))}
    make = makes.get(name) or partial(getattr(optax, name), 0.1)
    ours, theirs = path(algorithm(make(), dtype=dtype)), optax_alone(make, dtype)
    assert np.abs(ours - theirs).max() <= 64 * np.finfo(dtype).eps * np.abs(theirs).max()      # compiled, it fuses and reorders a few operations an update


def test_hyperparameters_may_differ_from_case_to_case_and_need_not_be_traceable() -> None:
    """One compiled program for three step sizes; a factory that branches on its own is asked once for each value, with the same result."""
    import optax

    from convlab.adapters.optax import algorithm

    def branching(learning_rate: float) -> Any:
        return optax.sgd(learning_rate, momentum=0.9 if learning_rate > 0.01 else None)

    rates = np.array([[0.05], [0.2], [0.1]])
    plain = partial(optax.sgd, momentum=0.9)
    apart = np.concatenate([path(algorithm(plain(float(rate[0]))), STARTS[i:i + 1], GRADIENTS[:, i:i + 1]) for i, rate in enumerate(rates)], axis=1)
    for make in (plain, branching):
        assert np.allclose(path(algorithm(make, learning_rate=rates)), apart, rtol=1e-13, atol=1e-12)      # sizes up to 100, 12 updates


def test_optax_is_judged_in_both_formats_and_leaves_jax_as_it_was() -> None:
    import jax
    import optax

    from convlab.adapters.optax import algorithm

    before = jax.config.jax_enable_x64
    for dtype in ("float64", "float32"):
        found = cl.check(cl.theorem("gd-strongly-convex-distance"), algorithm=algorithm(optax.sgd, learning_rate=gamma, dtype=dtype), settings=SHORT)
        assert found.word is cl.Word.HOLDS, found
    assert jax.config.jax_enable_x64 == before


def test_optax_that_is_none_is_refused() -> None:
    import optax

    from convlab.adapters.optax import algorithm

    with pytest.raises(cl.BadInput, match="takes no learning_rate"):
        algorithm(optax.sgd(0.1), learning_rate=0.1)
    with pytest.raises(cl.BadInput, match="makes a int, no optax"):
        path(algorithm(lambda: 3))
    with pytest.raises(cl.BadInput, match="is no optax optimizer"):
        algorithm(3)
    wrong = optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (g.sum(), s))
    with pytest.raises(cl.BadInput, match=r"of shape \(4,\) is of shape \(\)"):
        path(algorithm(wrong))


# ---- SciPy
@pytest.mark.parametrize("method", ["CG", "L-BFGS-B", "Newton-CG"])
def test_scipy_methods_are_judged_on_their_own_iterates(method: str) -> None:
    """Superlinear methods on quadratics are faster than a short gradient step."""
    from convlab.adapters.scipy import algorithm

    found = cl.check(cl.theorem("gd-strongly-convex-distance"), algorithm=algorithm(method, iterations=20), parameters={gamma: 1e-3},
                     settings=cl.Settings(iterations=20, problems=("quadratic",)))
    assert found.word is cl.Word.HOLDS, found


def test_scipy_paths_are_those_of_its_callback_and_end_with_a_sentence() -> None:
    from scipy.optimize import minimize

    from convlab.adapters.scipy import algorithm

    class Bowl:
        def value(self, x: Any) -> Any:
            return (x * x * np.array([1.0, 30.0])).sum(axis=-1) / 2

        def gradient(self, x: Any) -> Any:
            return x * np.array([1.0, 30.0])

    starts, seen = np.array([[7.0, -2.0], [0.0, 11.0]]), []
    minimize(lambda x: Bowl().value(x), starts[0], jac=lambda x: Bowl().gradient(x), method="BFGS", callback=lambda x: seen.append(x.copy()))
    made = algorithm("bfgs", iterations=4)
    state = made.init(starts, Bowl())
    for k in range(4):
        state = made.step(state, Bowl())
        assert np.array_equal(state.x[0], seen[k])
    with pytest.raises(TypeError, match="4 updates; give the adapter more"):
        made.step(state, Bowl())
    with pytest.raises(cl.BadInput, match="no method 'SGD'"):
        algorithm("SGD")
