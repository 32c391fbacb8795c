"""Slips of users of the Python API and of own assumptions get a sentence, never a silent change of the problem or a bare TypeError."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import convlab as cl
from convlab.arithmetic import EXTENDED, FLOAT64, cast
from convlab.assumptions import audit
from convlab.errors import BadInput


@dataclass(frozen=True)
class Separable:
    """An assumption without numbers, whose author saw nothing to audit."""

    statement = "f is a sum of functions of one coordinate"

    def constants(self) -> dict[Any, Any]:
        return {}


@dataclass(frozen=True, eq=False)
class Bowl:
    centre: Any

    def facts(self) -> tuple[Any, ...]:
        return (Separable(),)


@pytest.mark.parametrize("arithmetic", [FLOAT64, EXTENDED])
def test_complex_numbers_are_refused_and_not_halved(arithmetic: Any) -> None:
    with pytest.raises(BadInput, match="two real ones"):
        cast(Bowl(np.array([3 + 40j, 1])), arithmetic)
    assert cast(Bowl(np.array([3.5, 1])), arithmetic).centre[0] == 3.5


def test_an_assumption_without_an_audit_is_told_as_not_tried() -> None:
    (_, finding), = audit(Bowl(np.array([1.0])), np.random.default_rng(0))
    assert finding.found is None
    assert "nothing was tried: Separable has no audit" in finding.sentence


def test_an_id_is_as_good_as_its_theorem() -> None:
    for question in (cl.check, cl.falsify, cl.sharpen, cl.mutants):
        with pytest.raises(BadInput, match="Did you mean gd-strongly-convex-distance"):
            question("gd-strongly-convex-distence")


def test_an_algorithm_that_is_no_dataclass_is_told_how_to_become_one() -> None:
    class Plain:
        def init(self, x0: Any, oracle: Any) -> Any:
            return (x0,)

        def step(self, state: Any, oracle: Any) -> Any:
            return state

    with pytest.raises(BadInput, match="algorithm=Plain: it is no dataclass"):
        cl.check(cl.theorem("gd-strongly-convex-distance"), algorithm=Plain())
