"""Arbitrary initial memory: beside every start, one more whose named state fields hold other values than `init` puts there."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64
from convlab.problem import Start
from convlab.run.bind import Binder
from convlab.run.cases import Setting, batch_of, stream
from convlab.run.engine import initial_state

FACTORS = (-3, -1, 0, 2, 5)      # entries keep their scale, change sign, vanish, grow: memory that belongs to no point


def with_free_memory(algorithm: Any, fields: tuple[str, ...], found: Iterable[Setting], seed: int) -> Iterator[Setting]:
    """The settings again, their free fields multiplied entry by entry with factors that depend on problem and start only; none where no field is free."""
    for setting in found if fields else ():
        batch = batch_of([setting], FLOAT64)
        state = initial_state(Binder(algorithm, batch.values, batch.x0.ndim, 1, FLOAT64), batch)
        rng = np.random.default_rng(stream(seed, setting.name, setting.start.name, "memory"))
        free = {name: getattr(state, name)[0] * rng.choice(FACTORS, size=getattr(state, name).shape[1:]) for name in fields}
        yield replace(setting, start=Start(f"{setting.start.name}, {' and '.join(fields)} arbitrary", setting.start.point, free))
