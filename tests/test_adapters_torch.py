"""Optimizers of torch as convlab algorithms: step for step what torch does, case by case, in either format. Skipped where torch is not installed."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlab as cl
from convlab.symbols import gamma
from tests.gradient_paths import GRADIENTS, STARTS, path

torch = pytest.importorskip("torch", reason="torch is not installed; pip install torch==2.13.0 brings it, the extra torch a newer one")

from convlab.adapters.torch import algorithm  # noqa: E402

SHORT = cl.Settings(iterations=30, problems=("quadratic", "huber"))


def torch_rules() -> list[Any]:
    names = [("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}), ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
             ("Adam", {"betas": (0.8, 0.95), "amsgrad": True}), ("AdamW", {"lr": 0.1}), ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.3, "lr_decay": 0.1}),
             ("RMSprop", {"centered": True, "momentum": 0.5}), ("NAdam", {}), ("RAdam", {}), ("ASGD", {}), ("Rprop", {}), ("Adafactor", {})]
    return [pytest.param(name, options, id=f"{name}-{'-'.join(options)}") for name, options in names]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), torch_rules())
def test_torch_runs_as_it_does_by_itself_to_the_last_bit(name: str, options: dict[str, Any], dtype: str) -> None:
    """One case after the other by torch alone; the adapter carries the memory from step to step as arrays."""
    make, alone = getattr(torch.optim, name), []
    for start, gradients in zip(STARTS, GRADIENTS.transpose(1, 0, 2), strict=True):
        parameter = torch.nn.Parameter(torch.tensor(start, dtype=getattr(torch, dtype)))
        optimizer, points = make([parameter], **options), []
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient, dtype=parameter.dtype)
            optimizer.step()
            points.append(parameter.detach().numpy().copy())
        alone.append(points)
    ours, theirs = path(algorithm(make, dtype=dtype, **options)), np.array(alone).transpose(1, 0, 2)
    assert np.abs(ours - theirs).max() <= 4 * np.finfo(dtype).eps * np.abs(theirs).max()      # vectorised loops may round otherwise at their ends


def test_cases_that_a_norm_couples_get_a_tensor_each() -> None:
    """An optimizer that clips by the norm of its parameter: a shared tensor would clip the cases by each other."""
    class Clipped(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            torch.nn.utils.clip_grad_norm_([p for group in self.param_groups for p in group["params"]], 1.0)
            return super().step(closure)

    together = path(algorithm(Clipped, lr=0.1))
    apart = np.concatenate([path(algorithm(Clipped, lr=0.1), STARTS[i:i + 1], GRADIENTS[:, i:i + 1]) for i in range(3)], axis=1)
    assert np.array_equal(together, apart)
    steps = np.linalg.norm(np.diff(together, axis=0), axis=-1)
    assert np.allclose(steps[:, 1], 0.1, rtol=1e-5)                  # the large gradients are clipped to 1 (torch divides by norm + 1e-6)
    assert (steps[:, 2] < 0.01).all()                                # the small ones are left alone


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_is_judged_with_the_resolution_of_its_format(dtype: str) -> None:
    found = cl.check(cl.theorem("gd-strongly-convex-distance"), algorithm=algorithm(torch.optim.SGD, lr=gamma, dtype=dtype), settings=SHORT)
    assert found.word is cl.Word.HOLDS, found
    wrong = cl.check(cl.theorem("gd-strongly-convex-distance"), algorithm=algorithm(torch.optim.SGD, lr=gamma, maximize=True, dtype=dtype),
                     settings=cl.Settings(iterations=5, problems=("quadratic-ill-6",)))
    assert wrong.word is cl.Word.REFUTED, wrong


def test_torch_that_needs_a_closure_or_is_no_optimizer_is_refused() -> None:
    with pytest.raises(cl.BadInput, match="needs a closure"):
        path(algorithm(torch.optim.LBFGS))
    with pytest.raises(cl.BadInput, match="makes a list, no torch"):
        path(algorithm(lambda params: params))
    with pytest.raises(cl.BadInput, match="float16"):
        algorithm(torch.optim.SGD, dtype="float16")


def test_an_instance_lends_its_class_and_defaults() -> None:
    made = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.07, momentum=0.6, nesterov=True)
    assert np.array_equal(path(algorithm(made)), path(algorithm(torch.optim.SGD, lr=0.07, momentum=0.6, nesterov=True)))
