"""A notebook (plain JSON, no package needed) with one cell a statement, which students change and run again: past 2/L, for instance."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from convlab.problem import Family, Member, installed_families
from convlab.report.latex import latex
from convlab.report.stated import Stated
from convlab.report.statement import inner
from convlab.report.trial import tried_claim
from convlab.run.cases import NotApplicable, Setting, settings_on
from convlab.run.settings import Settings
from convlab.symbols import L, mu
from convlab.theorem import Theorem, tight_instances

OPENING = """import convlab as cl

# Each cell below runs one statement of the handout. Change a number, run the cell again with Shift-Enter, and look:
# inside its condition every curve stays below its bound; the condition is there because beyond it that ends."""
WELL = 4      # condition number from which a problem shows something


@dataclass(frozen=True)
class Cell:
    """A cell: "markdown" or "code", and its text."""

    kind: str
    text: str


def notebook(cells: Sequence[Cell], title: str) -> str:
    """The .ipynb file, format 4.5. Equal input gives equal text."""
    made = [_cell(cell, number) for number, cell in enumerate([Cell("markdown", f"# {title}"), Cell("code", OPENING), *cells])]
    language = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    return json.dumps({"cells": made, "metadata": language, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def statement_cells(told: Stated, file: str = "", families: Mapping[str, Family] | None = None) -> tuple[Cell, Cell]:
    """The statement as text, and the cell that runs it; `file` is the user's file in which its declaration stands."""
    parts = [f"## {told.title}"]
    for claim in told.claims:
        parts.append(f"$$ {latex(claim.statement)} $$")
        parts += [f"for ${latex(claim.condition)}$"] if claim.condition else []
    return Cell("markdown", "\n\n".join(parts)), Cell("code", _code(told.theorem, file, families))


def _code(theorem: Theorem, file: str, families: Mapping[str, Family] | None) -> str:
    claim = inner(tried_claim(theorem))
    parameters = "{" + ", ".join(f'"{s.name}": "{value}"' for s, value in getattr(claim, "defaults", {}).items()) + "}"
    problem = _problem(claim, families)
    chosen = [f'problem="{problem}"'] if problem else []
    head = [f"# {theorem.id}", *_hint(claim), f"parameters = {parameters}"]
    if not file:
        return _ending(head, f'"{theorem.id}"', ["parameters", *chosen])
    own = ["from convlab.userfile import load", f"own = load({file!r})"]
    return _ending([*head, *own], f'own.theorems["{theorem.id}"]', ["parameters", *chosen, "families=own.problems()"])


def _ending(lines: list[str], theorem: str, arguments: list[str]) -> str:
    return "\n".join([*lines, f"result = cl.tried({', '.join([theorem, *arguments])})", "print(result)", "result"])


def _hint(claim: Any) -> Iterable[str]:
    names = [s.name for s in getattr(claim, "defaults", {})]
    if "gamma" in names and getattr(claim, "condition", None) is not None and L in getattr(claim.condition, "free_symbols", ()):
        yield f'# its condition: {claim.condition}. Try "gamma": "1.9/L", then "2.1/L".'
    elif names:
        yield f"# its condition: {getattr(claim, 'condition', True)}. Change {', '.join(names)}, inside and beyond."
    else:
        yield "# Nothing to choose here; take another problem."


def _problem(claim: Any, families: Mapping[str, Family] | None) -> str:
    """The plainest problem on which the claim is judged and shows something; else that of its first instance."""
    instances = [*getattr(claim, "on", ()), *tight_instances(claim)]
    fitting: list[tuple[tuple[bool, bool, bool, int], str]] = []
    matched = hasattr(claim, "assumptions") and hasattr(claim, "defaults") and not getattr(claim, "on", ())
    for family, member in (_installed() if families is None else _members(families)) if matched else ():
        try:
            found = settings_on(claim, "handout", member, Settings(), claim.assumptions)
        except (NotApplicable, ValueError):
            continue
        fitting.append((_rank(found[0], claim, family in {instance.family for instance in instances}), member.name))
    return min(fitting)[1] if fitting else instances[0].family if instances else ""


@cache
def _installed() -> tuple[tuple[str, Member], ...]:
    """Made once for all statements of a handout."""
    return tuple(_members(installed_families()))


def _members(families: Mapping[str, Family]) -> Iterable[tuple[str, Member]]:
    return ((name, member) for name, family in families.items() for member in family.members())


def _rank(setting: Setting, claim: Any, own: bool) -> tuple[bool, bool, bool, int]:
    """Several curvatures before one, no noise where the algorithm asks for none, a family that the claim itself names, few dimensions."""
    values, dimension = setting.constants, int(np.size(setting.start.point))
    telling = dimension >= 2 and L in values and mu in values and float(values[L]) >= WELL * float(values[mu])
    idle = hasattr(setting.problem, "gradient_draws") and not hasattr(getattr(claim, "algorithm", None), "draws")
    return not telling, idle, not own, dimension


def _cell(cell: Cell, number: int) -> dict[str, Any]:
    common = {"cell_type": cell.kind, "id": f"cell-{number}", "metadata": {}, "source": cell.text.splitlines(keepends=True)}
    return {**common, "execution_count": None, "outputs": []} if cell.kind == "code" else common
