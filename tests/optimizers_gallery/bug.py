"""What an exhibit of the gallery is."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bug:
    """A wrong optimizer. `like`: what it is meant to be; or `theorem`: what it ought to obey, where that is no kind of the battery. `caught_by`: a check.

    `on`: the problems that a theorem is looked at on. `seen`: where such a bug has been found in public, or "" for one that textbooks warn of.
    """

    name: str
    library: str
    optimizer: Any
    caught_by: str
    like: str = ""
    seen: str = ""
    on: tuple[str, ...] = ()
