"""Typst source to PDF, and files to their folder: compiled without a warning, every character covered by a font, replaced in one piece or not at all."""
from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typst

from convlab.errors import BadInput

NOWHERE = "\U0010ffff"      # a noncharacter: no font has it, so its glyph is the one that stands for what is missing


def compiled(source: str, root: Path) -> bytes:
    """The PDF of a Typst source whose files lie below `root`. Raises BadInput, in one sentence, for an error, a warning or a character that no font has."""
    missing = uncovered(source)
    if missing:
        named = ", ".join(f"{c} (U+{ord(c):04X})" for c in missing)
        raise BadInput(f"The report cannot print {named}: none of its fonts has it. Write it otherwise in the title, source or name where it occurs.")
    try:
        pdf, warnings = typst.Compiler(source.encode(), root=root, ignore_system_fonts=True).compile_with_warnings()
    except typst.TypstError as error:
        raise BadInput(f"The report does not compile: {error.message}{_place(source, error.diagnostic)}.") from error
    if warnings:
        raise BadInput(f"The report compiles with a warning: {warnings[0].message}{_place(source, warnings[0].diagnostic)}.")
    assert isinstance(pdf, bytes)      # a PDF is one file; only images come in pages
    return pdf


def uncovered(text: str) -> str:
    """The characters of a text for which none of the compiler's fonts has a glyph."""
    unusual = sorted({c for c in text if ord(c) > 126})
    if _missing_glyphs("".join(unusual)) == 0:
        return ""
    return "".join(c for c in unusual if _missing_glyphs(c))


def _missing_glyphs(characters: str) -> int:
    """How often the glyph of the noncharacter appears beside its own one time."""
    if not characters:
        return 0
    lines = "\\ ".join(f'#"{c}"' for c in (NOWHERE, *characters))
    svg = bytes(typst.compile(f'#set text(font: "New Computer Modern")\n#set page(height: auto)\n{lines}'.encode(), format="svg", ignore_system_fonts=True)).decode()
    glyphs = re.findall(r'<use xlink:href="#(g[0-9A-F]+)"', svg)
    return Counter(glyphs)[glyphs[0]] - 1


def _place(source: str, diagnostic: str) -> str:
    """The source line that a diagnostic points to, shortened: it holds the formula or text at fault."""
    found = re.search(r":(\d+):\d+", diagnostic)
    lines = source.splitlines()
    if found is None or not 0 < int(found.group(1)) <= len(lines):
        return ""
    line = lines[int(found.group(1)) - 1].strip()
    return f", at: {line if len(line) <= 160 else line[:157] + '...'}"


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A fresh folder beside the files that it is to replace. What was written there is moved over at the end of the block, the report last;
    if the block does not end, what stood in `folder` is untouched. Raises BadInput where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise BadInput(f"The report cannot be written to {folder}: {error.strerror}. Give another folder with --out.") from error
    try:
        yield beside
        for path in sorted((p for p in beside.rglob("*") if p.is_file()), key=lambda p: (p.suffix == ".pdf" and p.parent == beside, p)):
            target = folder / path.relative_to(beside)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    except OSError as error:
        raise BadInput(f"The report cannot be written to {folder}: {error.strerror or error}. Give another folder with --out.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
