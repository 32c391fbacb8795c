"""Bad input: the one exception for what a user can put right. Its message is one sentence: what, where, what to do."""
from __future__ import annotations


class BadInput(ValueError):
    """Something that the user gave cannot be used. Caught once, by the command line, which prints the sentence and exits with status 2."""


def suggestion(word: str, known: list[str]) -> str:
    """` Did you mean ...?` with the nearest known words, or nothing where none is near."""
    import difflib  # used on the way to an error only

    near = [name for name in known if word.lower() in name.lower()][:3] or difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
