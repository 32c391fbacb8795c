"""Checks convergence theorems against the code that runs. `import convlab as cl` offers what a user types; each name loads its home when first used.

The names stand once, with their homes, in `__init__.pyi`: type checkers read it, and so does this module.
"""
from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any


@cache
def _homes() -> dict[str, str]:
    """The module that each public name comes from."""
    import ast
    from importlib.resources import files

    stub = ast.parse(files(__name__).joinpath("__init__.pyi").read_text(encoding="utf-8"))
    return {name.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) and node.module for name in node.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_homes())
    if name.startswith("_") or name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_homes()[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes()})


class _Package(ModuleType):
    """The importing of `convlab.prove` would put that module over the function `cl.prove` (so with `theorem`, `theorems` and `report`): the function stays."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _homes()):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
