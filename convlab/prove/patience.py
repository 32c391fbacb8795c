"""How long a proof may take: a limit of CPU time for what runs inside, asked between steps, and a limit of size for single steps that cannot be interrupted."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from convlab.prove.atoms import Undecided

SECONDS = 10.0                   # of CPU time for a fact or a derived condition; those of the catalogue take 3 at most
_limit: ContextVar[tuple[float, float] | None] = ContextVar("limit", default=None)     # (end, seconds) in CPU time


class TooLong(Undecided):
    """The limit is passed. Nobody takes it for an answer: it ends the proof."""


@contextmanager
def patience(seconds: float = SECONDS) -> Iterator[None]:
    """Whatever asks `go_on` inside raises TooLong after so many seconds of CPU time; an outer limit stays in force."""
    end, outer = time.process_time() + seconds, _limit.get()
    token = _limit.set(outer if outer is not None and outer[0] <= end else (end, seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def go_on(doing: str) -> None:
    """Raises TooLong where the limit is passed."""
    limit = _limit.get()
    if limit is not None and time.process_time() > limit[0]:
        raise TooLong(f"{doing} took longer than {limit[1]:g} s")


def small_enough(size: int, largest: int, doing: str) -> None:
    """Raises TooLong where a step that cannot be interrupted would be too large, or the limit is passed; without a limit anything goes."""
    go_on(doing)
    if _limit.get() is not None and size > largest:
        raise TooLong(f"{doing} meets expressions of size {size}, beyond the {largest} that are tried")
