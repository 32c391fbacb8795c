"""The exhibits, the correct optimizers beside them, and what the battery says of each."""
from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import convlab as cl
from convlab.testing.finding import Finding, Findings, Outcome
from tests.optimizers_gallery.bug import Bug

KINDS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "amsgrad")


def bugs() -> tuple[Bug, ...]:
    """All exhibits of the libraries that are installed."""
    from tests.optimizers_gallery import wrong_plain

    found: tuple[Bug, ...] = wrong_plain.BUGS
    if find_spec("optax"):
        from tests.optimizers_gallery import wrong_optax

        found = (*wrong_optax.BUGS, *found)
    if find_spec("torch"):
        from tests.optimizers_gallery import wrong_torch

        found = (*wrong_torch.BUGS, *found)
    return found


def caught(bug: Bug, *, everything: bool = False) -> tuple[Finding, ...]:
    """What fails: of the check that is to catch it, or of the whole battery."""
    if bug.like:
        return cl.check_optimizer(bug.optimizer, like=bug.like, checks=None if everything else [bug.caught_by]).failed
    return tuple(refutations(bug))


def refutations(bug: Bug) -> Iterator[Finding]:
    """Of the theorem that it breaks, on the problems named."""
    result = cl.check(cl.theorem(bug.caught_by), algorithm=bug.optimizer, settings=cl.Settings(sampled=False, problems=bug.on))
    for verdict in result.verdicts:
        if verdict.word is cl.Word.REFUTED and verdict.witness is not None:
            yield Finding(bug.caught_by, "theorem", Outcome.FAILED, k=verdict.witness.iteration, ratio=verdict.worst_ratio, witness=str(verdict.witness))


def correct(library: str, kind: str) -> Any:
    """The library's own optimizer of a kind."""
    if library == "torch":
        from torch import optim

        return {"sgd": optim.SGD, "momentum": partial(optim.SGD, momentum=0.9), "nesterov": partial(optim.SGD, momentum=0.9, nesterov=True),
                "adagrad": optim.Adagrad, "rmsprop": optim.RMSprop, "adam": optim.Adam, "amsgrad": partial(optim.Adam, amsgrad=True)}[kind]
    import optax

    return {"sgd": optax.sgd, "momentum": partial(optax.sgd, momentum=0.9), "nesterov": partial(optax.sgd, momentum=0.9, nesterov=True),
            "adagrad": optax.adagrad, "rmsprop": optax.rmsprop, "adam": optax.adam, "amsgrad": optax.amsgrad}[kind]


def findings(library: str, kind: str) -> Findings:
    """The whole battery on it."""
    return cl.check_optimizer(correct(library, kind), like=kind)
