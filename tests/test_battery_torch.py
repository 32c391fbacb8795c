"""The battery on torch's optimizers and on wrong ones written for torch. Skipped where torch is not installed."""
from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import convlab as cl
from convlab.testing.battery import LAWS
from convlab.testing.finding import Outcome
from tests.optimizers_gallery.bug import Bug
from tests.optimizers_gallery.gallery import KINDS, caught, correct

torch = pytest.importorskip("torch", reason="torch is not installed; pip install torch==2.13.0 brings it, the extra torch a newer one")

from tests.optimizers_gallery import wrong_torch  # noqa: E402


@pytest.mark.parametrize("kind", KINDS)
def test_torch_keeps_every_law_of_its_kind(kind: str) -> None:
    found = cl.check_optimizer(correct("torch", kind), like=kind, checks=LAWS)
    assert found.ok, found
    assert len(found.passed) >= 16, found


@pytest.mark.parametrize(("kind", "theorem"), [("momentum", "heavy-ball-quadratic"), ("sgd", "sgd-sc-const-sharp")])
def test_torch_obeys_the_theorems_of_its_kind(kind: str, theorem: str) -> None:
    found = cl.check_optimizer(correct("torch", kind), like=kind, checks=[theorem])
    assert found[theorem].outcome is Outcome.PASSED, found


@pytest.mark.parametrize("bug", wrong_torch.BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_bug_is_caught_by_the_check_named_for_it(bug: Bug) -> None:
    assert bug.caught_by in {found.name for found in caught(bug)}


def test_an_instance_is_checked_as_its_class_with_its_settings() -> None:
    made = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.3, momentum=0.5, nesterov=True)
    found = cl.check_optimizer(made, like="nesterov", checks=["agrees_with_the_rule", "iteration_matrix"])
    assert found.ok, found


def test_torch_is_left_as_it_was() -> None:
    """Default dtype, seeds and threads, though the optimizer draws."""
    class Draws(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            torch.rand(3)
            return super().step(closure)

    torch.manual_seed(3)
    before = torch.get_default_dtype(), torch.random.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_num_threads()
    assert cl.check_optimizer(partial(Draws, momentum=0.9), like="momentum", checks=LAWS).ok
    assert (torch.get_default_dtype(), torch.random.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_num_threads()) == before
