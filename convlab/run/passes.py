"""Effective passes: what the algorithm declares that its steps cost, added up along a run, so that SGD, SVRG and SAGA share one axis."""
from __future__ import annotations

from itertools import accumulate, islice
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.run.bind import Binder
from convlab.run.engine import steps


def effective_passes(binder: Binder, oracle: Any, components: int, points: Array) -> Array | None:
    """Gradients evaluated by the updates up to each k, in full ones (n component gradients are one); None for an algorithm that declares no cost.

    Expected numbers where a refresh is random. What `init` evaluates is not counted.
    """
    if not hasattr(binder.algorithm, "cost"):
        return None
    costs = (algorithm.cost(oracle) for algorithm in islice(steps(binder), int(points[-1])))
    each = (float(np.max(cost.component_gradients)) / components + float(np.max(cost.full_gradients)) for cost in costs)
    return np.array([0.0, *accumulate(each)])[points]
