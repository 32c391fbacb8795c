"""What a test that is running may be told and may tell: its error level and seed, and what was judged in it. Light: pytest imports it at its start."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Running:
    """The test that is running: `alpha` of each of its assertions, the seed they start from, and who hears of every result."""

    alpha: float | None
    seed: int
    heard: Callable[[Mapping[str, Any]], None]


_RUNNING: ContextVar[Running | None] = ContextVar("convlab_running", default=None)


def running() -> Running | None:
    """The test that is running under the plugin; None outside of one, and in threads that it starts."""
    return _RUNNING.get()


@contextmanager
def within(test: Running) -> Iterator[None]:
    """The block belongs to this test."""
    token = _RUNNING.set(test)
    try:
        yield
    finally:
        _RUNNING.reset(token)
