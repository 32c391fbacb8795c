"""Theory as a test suite: strategies that draw problems, assertions that judge an algorithm on them, and batteries of checks.

Each name loads its home when it is first used: pytest imports this package at its start, for the sake of the plugin beside it.
"""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convlab.testing.assertions import assert_theorem as assert_theorem
    from convlab.testing.battery import Battery as Battery
    from convlab.testing.battery import check_optimizer as check_optimizer
    from convlab.testing.likeness import Likeness as Likeness
    from convlab.testing.parametrize import parametrize_with_checks as parametrize_with_checks
    from convlab.testing.rates import assert_rate as assert_rate
    from convlab.testing.strategies import noise as noise
    from convlab.testing.strategies import problems as problems
    from convlab.testing.strategies import spectra as spectra
    from convlab.testing.strategies import starts as starts

_HOMES = {"problems": "strategies", "spectra": "strategies", "noise": "strategies", "starts": "strategies",
          "assert_theorem": "assertions", "assert_rate": "rates"}
_HOMES |= {"Battery": "battery", "check_optimizer": "battery", "Likeness": "likeness", "parametrize_with_checks": "parametrize"}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
