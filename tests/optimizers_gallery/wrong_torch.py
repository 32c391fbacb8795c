"""Wrong optimizers as subclasses of torch.optim.Optimizer."""
# mypy: ignore-errors
from __future__ import annotations

from typing import Any

import torch

from tests.optimizers_gallery.bug import Bug


class Written(torch.optim.Optimizer):
    """What the exhibits share: a loop over parameters with a gradient."""

    def __init__(self, params: Any, **defaults: Any) -> None:
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                self.move(p, p.grad, group, self.state[p])


class Uphill(Written):
    def __init__(self, params: Any, lr: float = 1e-3) -> None:
        super().__init__(params, lr=lr)

    def move(self, p, g, group, state):
        p.add_(g, alpha=group["lr"])


class TwiceTheMomentum(Written):
    def __init__(self, params: Any, lr: float = 1e-3, momentum: float = 0.9) -> None:
        super().__init__(params, lr=lr, momentum=momentum)

    def move(self, p, g, group, state):
        buffer = state.setdefault("momentum_buffer", torch.zeros_like(p))
        buffer.mul_(group["momentum"]).add_(g)
        p.add_(g + group["momentum"] * buffer, alpha=-group["lr"])      # heavy ball was meant


class DecaysTheGradient(Written):
    def __init__(self, params: Any, lr: float = 1e-3, weight_decay: float = 0.01) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)

    def move(self, p, g, group, state):
        p.sub_(group["lr"] * (g - group["weight_decay"] * p))           # + was meant: weights grow


class AdamLike(Written):
    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps)

    def memory(self, p, state):
        for name in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
            state.setdefault(name, torch.zeros_like(p))

    def averaged(self, g, group, state):
        b1, b2 = group["betas"]
        state["exp_avg"].mul_(b1).add_(g, alpha=1 - b1)
        state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)

    def advanced(self, group, state):
        state["step"] = state.get("step", 0) + 1
        return state["step"]

    def move(self, p, g, group, state):
        self.memory(p, state)
        t = self.advanced(group, state)
        self.averaged(g, group, state)
        self.moved(p, group, state, t)

    def moved(self, p, group, state, t):
        b1, b2 = group["betas"]
        p.sub_(group["lr"] * (state["exp_avg"] / (1 - b1**t)) / ((state["exp_avg_sq"] / (1 - b2**t)).sqrt() + group["eps"]))


class CountsParameters(AdamLike):
    def advanced(self, group, state):
        group["updates"] = group.get("updates", 0) + 1                  # of the group: once for each parameter
        return group["updates"]


class RemembersInAnAttribute(AdamLike):
    def advanced(self, group, state):
        self.updates = getattr(self, "updates", 0) + 1                  # no state_dict knows of it
        return self.updates


class CorrectsInPlace(AdamLike):
    def moved(self, p, group, state, t):
        b1, b2 = group["betas"]
        mean = state["exp_avg"].div_(1 - b1**t)                         # and the memory with it
        p.sub_(group["lr"] * mean / ((state["exp_avg_sq"] / (1 - b2**t)).sqrt() + group["eps"]))


class RootsInPlace(AdamLike):
    def moved(self, p, group, state, t):
        b1, b2 = group["betas"]
        highest = state["max_exp_avg_sq"]
        torch.maximum(highest, state["exp_avg_sq"], out=highest)
        root = highest.sqrt_()                                          # the maximum is a root from now on
        p.sub_(group["lr"] * (state["exp_avg"] / (1 - b1**t)) / (root / (1 - b2**t) ** 0.5 + group["eps"]))


BUGS = (
    Bug("wrong sign", "torch", Uphill, "first_step", "sgd"),
    Bug("momentum applied twice", "torch", TwiceTheMomentum, "iteration_matrix", "momentum", "oysteijo/simd_neuralnet#17"),
    Bug("decay on the wrong side", "torch", DecaysTheGradient, "gd-strongly-convex-distance", "sgd", "chainer/chainer#261"),
    Bug("counter advanced for each parameter", "torch", CountsParameters, "one_group_equals_two", "adam", "flashlight/flashlight#143"),
    Bug("counter outside of the saved state", "torch", RemembersInAnAttribute, "saved_state_continues", "adam", "KempnerInstitute/KempnerForge#115"),
    Bug("average corrected in place", "torch", CorrectsInPlace, "agrees_with_the_rule", "adam", "frgfm/holocron#1"),
    Bug("root of the maximum in place", "torch", RootsInPlace, "blind_to_coordinate_scales", "amsgrad", "pytorch/pytorch#4314"),
)
