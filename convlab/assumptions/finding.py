"""What an audit found, and how it is judged."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from convlab.constants import Constant, Exactness
from convlab.probing import SLACK


class Status(Enum):
    """What an audit found."""

    ATTAINED = "attained"      # an exact constant, reached at a point that the audit shows
    HOLDS = "holds"            # not broken by any point tried
    LOOSE = "not attained"     # called exact, but nothing tried came near it
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One audited constant: what was claimed, the worst that was found and where."""

    constant: str
    claimed: float | None
    found: float | None
    how: str
    status: Status
    where: str = ""

    @property
    def sentence(self) -> str:
        """What was claimed and what was found, for whoever has to mend it: "claimed L = 1, found 1.7 at x = [...]: broken (...)"."""
        claimed = self.constant if self.claimed is None else f"{self.constant} = {self.claimed:.6g}"
        found = "nothing that contradicts it" if self.found is None else f"{self.found:.6g}"
        return f"claimed {claimed}, found {found}{f' at {self.where}' if self.where else ''}: {self.status.value} ({self.how})"


@dataclass(frozen=True)
class Implied:
    """A weaker assumption that comes with a stronger one."""

    kind: type
    of: Callable[[Any], Any]


def judged(name: str, constant: Constant, worst: float, above: bool, where: Any, noise: float = 0.0) -> Finding:
    """A finding for a constant that must bound what was found from above (or from below), with the point that came nearest; `noise` may be rounding."""
    claimed = float(constant.value)
    excess = (worst - claimed) if above else (claimed - worst)
    scale = max(abs(claimed), abs(worst), 1e-300)
    if excess > SLACK * scale + noise:
        status = Status.BROKEN
    elif constant.exactness is Exactness.EXACT:
        status = Status.ATTAINED if abs(worst - claimed) <= 0.02 * scale else Status.LOOSE   # two hundredths: extremes are met by search
    else:
        status = Status.HOLDS
    return Finding(name, claimed, worst, constant.how, status, "" if where is None else f"x = {_told(where)}")


def _told(point: Any) -> str:
    return np.array2string(np.asarray(point, dtype=float), precision=4, threshold=6)
