"""States that nobody writes into: a step or a metric that changes what it is given changes, silently, what was measured before."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from convlab.errors import BadInput

State = TypeVar("State")
OURS = str(Path(__file__).parents[1])                    # the package: no frame of it wrote


def frozen(state: State) -> State:
    """The same state (or array), its NumPy arrays marked read-only: nothing is copied, and what was a view of them stays one."""
    if isinstance(state, np.ndarray):
        state.flags.writeable = False
    elif isinstance(state, tuple):
        for value in state:
            frozen(value)
    return state


@contextmanager
def writing_refused() -> Iterator[None]:
    """Turns NumPy's refusal to write into a frozen array into BadInput that names who wrote."""
    try:
        yield
    except ValueError as error:
        if "read-only" not in str(error) or isinstance(error, BadInput):
            raise
        raise BadInput(f"{_writer(error.__traceback__)} writes into the state it is given; return a new one (x = x - ..., not x -= ...).") from error


def _writer(trace: TracebackType | None) -> str:
    """The innermost function that is neither ours nor NumPy's, with its line."""
    told = "the declaration"
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith((OURS, str(Path(np.__file__).parent))):
            told = f"{code.co_qualname} ({Path(code.co_filename).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return told
