"""What is imported when: `--help` and `import convlab` stay light, and `cl` offers every word that a declaration needs."""
from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import convlab as cl
from convlab import assumptions
from convlab import draws as draws_module

HEAVY = ("sympy", "numpy", "scipy", "matplotlib", "jax", "joblib", "typst", "array_api_compat")


@pytest.mark.parametrize("program", [
    "import convlab",
    "from convlab.cli import app\nfrom typer.testing import CliRunner\nassert CliRunner().invoke(app, ['--help']).exit_code == 0",
    "from convlab.cli import app\nfrom typer.testing import CliRunner\nassert CliRunner().invoke(app, ['check', '--help']).exit_code == 0",
])
def test_help_loads_nothing_heavy(program: str) -> None:
    told = f"{program}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}} & {set(HEAVY)!r}))"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()

    assert loaded == []


def test_the_watch_would_notice() -> None:
    """The same subprocess, importing a theorem, does load sympy and numpy."""
    told = "import convlab as cl, sys\ncl.Theorem\nprint('sympy' in sys.modules, 'numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]


def test_every_promised_name_is_there_and_is_what_its_home_holds() -> None:
    for name in cl.__all__:
        assert getattr(cl, name) is not None, name
        assert name in dir(cl)


def test_every_assumption_and_every_law_is_offered() -> None:
    """A new assumption or law that users could not reach as cl.Name would be found here."""
    kinds = [name for name, kind in vars(assumptions).items() if inspect.isclass(kind) and hasattr(kind, "statement") and hasattr(kind, "audit")]
    laws = [name for name, kind in vars(draws_module).items() if inspect.isclass(kind) and hasattr(kind, "branches") and name not in ("Law", "Draws")]

    assert len(kinds) > 10
    assert len(laws) > 5
    assert set(kinds) | set(laws) <= set(cl.__all__)


def test_functions_keep_their_names_when_modules_of_the_same_name_are_imported() -> None:
    """`import convlab.prove` must not put the package in the place of cl.prove; from-imports of its modules still work."""
    told = ("import convlab as cl, convlab.prove, convlab.theorem, convlab.theorems, convlab.report\n"
            "from convlab.theorem import Theorem\nfrom convlab.prove import proof\n"
            "print(all(map(callable, (cl.prove, cl.theorem, cl.theorems))), cl.Theorem is Theorem)")

    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split() == ["True", "True"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_word"):
        cl.no_such_word  # noqa: B018


def test_no_module_top_level_of_the_command_line_is_read_before_it_runs() -> None:
    """commands.py imports only light modules at its head: what is heavy stands inside the commands."""
    source = Path(inspect.getfile(importlib.import_module("convlab.cli.commands"))).read_text(encoding="utf-8")
    heads = {node.module for node in ast.parse(source).body if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("convlab")}

    assert heads == {"convlab.cli.documents", "convlab.cli.options", "convlab.errors", "convlab.run.settings"}
