"""Bad input: the one exception for what a user can put right. Its message is one sentence: what, where, what to do."""
from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType


class BadInput(ValueError):
    """Something that the user gave cannot be used. Caught once, by the command line, which prints the sentence and exits with status 2."""


@dataclass(frozen=True)
class Noted:
    """Notes on an exception that passes where the judge was; what turns it into a sentence reads the notes from the last to the first."""

    where: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            error.add_note(self.where)


def suggestion(word: str, known: list[str]) -> str:
    """` Did you mean ...?` with the nearest known words, or nothing where none is near."""
    import difflib  # used on the way to an error only

    near = [name for name in known if word.lower() in name.lower()][:3] or difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
