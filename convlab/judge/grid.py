"""What the run of a rate bound consists of: its algorithm, the k at which it is looked at, the floating-point floor of its metric."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.checkpoints import checkpoints
from convlab.run.coupling import Coupled
from convlab.run.engine import initial_state
from convlab.run.expressions import evaluate
from convlab.run.recorder import measured_floor
from convlab.run.settings import Settings
from convlab.theorem import RateBound

EPOCHS = 8                             # multiples judged of a claim that speaks only of them


def algorithm_of(claim: RateBound) -> Any:
    """The algorithm of a claim; two coupled ones as one."""
    return Coupled(*claim.coupled) if claim.coupled is not None else claim.algorithm


def at_its_precision(batch: Batch, algorithm: Any) -> Batch:
    """The batch, with the rounding of the format that the algorithm computes in where that is coarser: what it declares (`rounding`), else that of its state."""
    eps = getattr(algorithm, "rounding", None)
    if eps is None:
        with np.errstate(all="ignore"):
            point = initial_state(Binder(algorithm, batch.values, batch.x0.ndim, 1, batch.arithmetic), batch)
        while isinstance(point, tuple):
            point = point[0]
        eps = float(np.finfo(point.dtype).eps) if isinstance(point, np.ndarray) and point.dtype.kind == "f" else 0.0
    return replace(batch, arithmetic=replace(batch.arithmetic, eps=eps)) if eps > batch.arithmetic.eps else batch


def judged_points(claim: RateBound, batch: Batch, settings: Settings, horizon: int | None) -> Array:
    """The k at which the run is looked at; 0 is always among them, for M0."""
    if horizon is not None:
        return np.array([0, horizon])
    if claim.grid.step == 1:
        return checkpoints(settings.iterations)
    every = grid_step(claim, batch)
    return np.arange(max(2, min(EPOCHS, settings.iterations // every)) + 1) * every


def grid_step(claim: RateBound, batch: Batch) -> int:
    """The claim speaks of multiples of this."""
    return claim.grid.step if isinstance(claim.grid.step, int) else int(evaluate(claim.grid.step, batch.values))


def floor_of(claim: RateBound) -> Callable[[Any, Any, Array], Array]:
    """The floating-point floor of the claim's metric."""
    assert claim.metric is not None
    declared: Callable[[Any, Any, Array], Array] | None = getattr(claim.metric, "floor", None)
    return declared or measured_floor(claim.metric)
