"""Each wrong optimizer of the gallery is caught by the check that is named for it; the README shows the table that the gallery prints."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.optimizers_gallery import wrong_optax, wrong_plain
from tests.optimizers_gallery.bug import Bug
from tests.optimizers_gallery.gallery import caught

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("bug", [*wrong_optax.BUGS, *wrong_plain.BUGS], ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_bug_is_caught_by_the_check_named_for_it(bug: Bug) -> None:
    assert bug.caught_by in {found.name for found in caught(bug)}


@pytest.mark.parametrize("bug", [*wrong_optax.BUGS, *wrong_plain.BUGS], ids=lambda bug: bug.name.replace(" ", "-"))
def test_the_readme_shows_it(bug: Bug) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| {bug.name}"))
    assert f"`{bug.caught_by}`" in row
