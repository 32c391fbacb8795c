"""What a problem says of itself, in the form that the engine counts on: facts with constants that have a reason, starts with a name."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from convlab.assumptions import ConstrainedMinimum, Minimum
from convlab.constants import Constant, Exactness, exact, upper
from convlab.errors import BadInput
from convlab.problem import Start
from convlab.symbols import L, kappa, mu

REASON = 'how="the largest eigenvalue"'


def refuse_misstated(problem: Any, name: str) -> None:
    """Raises BadInput for a fact or a start of another form, naming problem and fact."""
    for offered in problem.facts():
        kind = offered.__name__ if isinstance(offered, type) else type(offered).__name__
        if isinstance(offered, type):
            raise BadInput(f"problem {name}: facts() gives the class {kind}; give an object of it, {kind}(...), with its constants.")
        constants = getattr(offered, "constants", None)
        if constants is None:
            raise BadInput(f"problem {name}: facts() gives a {kind}, which has no constants(); give assumptions such as cl.Convex().")
        stated = [*constants().values(), *([offered.value] if isinstance(offered, (Minimum, ConstrainedMinimum)) else [])]
        plain = [value for value in stated if not isinstance(value, Constant)]
        if plain:
            raise BadInput(f"problem {name}: {kind} holds {plain[0]!r} without a reason; write {kind}(cl.exact({plain[0]!r}, {REASON})), cl.upper(...) or cl.lower(...).")


def started(starts: Iterable[Any], name: str) -> tuple[Start, ...]:
    """The starts of a problem. Raises BadInput for a bare point."""
    found = tuple(starts)
    for start in found:
        if not (hasattr(start, "point") and hasattr(start, "name")):
            raise BadInput(f'problem {name}: starts() gives {np.array2string(np.asarray(start), threshold=6)}; name it, cl.Start("far", point).')
    return found


def with_condition_number(found: dict[Any, Constant]) -> dict[Any, Constant]:
    """The constants and kappa = L/mu, where both are known and a problem gives no kappa itself: an upper bound where one of them is not exact."""
    if kappa in found or not {L, mu} <= set(found) or found[mu].value == 0:
        return found
    both = (found[L].exactness, found[mu].exactness)
    if both == (Exactness.EXACT, Exactness.EXACT):
        return {**found, kappa: exact(found[L].value / found[mu].value, how="L/mu of the exact L and mu")}
    if both[0] is Exactness.LOWER or both[1] is Exactness.UPPER:      # on the wrong side for a bound
        return found
    return {**found, kappa: upper(found[L].value / found[mu].value, how=f"L/mu, L: {both[0].value}, mu: {both[1].value}")}
