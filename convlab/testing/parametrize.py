"""`parametrize_with_checks`: every check of every optimizer as a test of its own in pytest."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convlab.errors import BadInput
from convlab.testing.battery import Battery
from convlab.testing.finding import Outcome


@dataclass(frozen=True)
class Check:
    """One check of one optimizer: called, it passes, raises AssertionError with the witness, or is skipped with the reason."""

    battery: Battery
    name: str

    def __call__(self) -> None:
        """Runs the check in a test of pytest."""
        import pytest

        found = self.battery.finding(self.name)
        if found.outcome is Outcome.SKIPPED:
            pytest.skip(found.reason)
        if found.outcome is Outcome.XFAILED:
            pytest.xfail(found.reason)
        if found.outcome is Outcome.FAILED:
            raise AssertionError(found.message)


def parametrize_with_checks(optimizers: Sequence[Any]) -> Callable[[Any], Any]:
    """A decorator for `def test_optimizer(check): check()`. Each entry is an optimizer, a pair (optimizer, like) or a Battery.

    Raises BadInput, when tests are collected, for what `check_optimizer` would refuse.
    """
    import pytest

    items = [(battery, name) for battery in map(_battery, optimizers) for name in battery.checks]
    return pytest.mark.parametrize("check", [pytest.param(Check(battery, name), id=f"{_id(battery)}-{name}") for battery, name in items])


def _battery(given: Any) -> Battery:
    if isinstance(given, Battery):
        return given
    transformation = isinstance(given, tuple) and hasattr(given, "update")
    if isinstance(given, tuple) and not transformation:
        if len(given) != 2:
            raise BadInput(f"parametrize_with_checks: {given!r} is no pair (optimizer, like); of more than these make a Battery(optimizer, like=..., ...).")
        return Battery(*given)
    return Battery(given)


def _id(battery: Battery) -> str:
    return battery.subject.candidate.label.replace(" ", ".").replace("partial(", "").replace(")", "").replace(",.", "-")
