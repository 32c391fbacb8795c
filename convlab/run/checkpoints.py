"""Where a run is looked at: every k up to 2,000, then 64 a decade."""
from __future__ import annotations

import numpy as np

from convlab.constants import Array

EVERY = 2000
A_DECADE = 64


def checkpoints(last: int) -> Array:
    """Increasing k from 0 to `last`, both included."""
    dense = np.arange(min(last, EVERY) + 1)
    if last <= EVERY:
        return dense
    count = int(np.ceil(A_DECADE * np.log10(last / EVERY)))
    sparse = np.unique(np.round(EVERY * (last / EVERY) ** (np.arange(1, count + 1) / count)).astype(int))
    return np.concatenate([dense, sparse])
