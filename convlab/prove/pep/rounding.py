"""From multipliers in floats to multipliers in rationals that prove a level: a face where the cone has no interior, an exact repair, an exact check.

A cone without interior is first cut to the smallest face that the solver exposes: rational null vectors of S, and multipliers that are zero. On that face
there is room, and rounding is harmless: the linear equations are solved again in rationals for as few multipliers as there are equations.
"""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, log10

import numpy as np

from convlab.constants import Array
from convlab.prove.pep.identity import Proof, residual
from convlab.prove.pep.sdp import Inside, Program, Worst, inside
from convlab.prove.pep.statement import Statement

ROOM = 1e-11           # scaled: less depth than this is none, to a solver of eleven digits
FACES = 5              # cuts, at most
EXPOSED = 0.2          # of what exposes the face most: the rest may be noise, and shows itself again after the cut
IDLE = 1e-5            # of the largest: a multiplier that the worst case does without
SIMPLE = 4096          # denominators of null vectors, at most
AIM = 1 - 1e-7         # of the level: rounding moves what is proved
LEAST = 11             # digits of a multiplier: the level moves by less than AIM leaves


def proved(statement: Statement, program: Program, worst: Worst, level: Fraction) -> Proof | None:
    """Rational multipliers that prove `level`; None where none were found. First without those that the worst case does without: there is more room."""
    idle = np.abs(worst.y) < IDLE * np.abs(worst.y).max()
    idle[idle.size - program.metrics:] = False
    start = np.array([c.name.endswith(",start)") for c in statement.constraints] + [False] * program.metrics)       # a start that need not be feasible
    for dropped in (idle | start, start, *([np.zeros_like(idle)] if start.any() else [])):
        proof = _on_faces(statement, program, dropped, level)
        if proof is not None:
            return proof
    return None


def _on_faces(statement: Statement, program: Program, dropped: Array, level: Fraction) -> Proof | None:
    size = len(statement.basis)
    null, rational = np.zeros((size, 0)), list[list[Fraction]]()
    for _ in range(FACES):
        found = inside(program, AIM * float(level), null, dropped)
        proof = _rounded(statement, program, found, rational, dropped, level) if found.depth > ROOM else None
        if proof is not None:
            return proof
        largest = max(found.vanishing.max(initial=0), np.linalg.eigvalsh(found.exposing).max(initial=0), 1e-300)
        vectors = _exposed(program, found, rational, EXPOSED * largest)
        smaller = dropped | (found.vanishing > EXPOSED * largest)
        smaller[smaller.size - program.metrics:] = False
        if vectors is None or smaller.sum() == len(statement.constraints) or len(vectors) == size or (len(vectors) == len(rational) and (smaller == dropped).all()):
            return None
        rational, dropped = vectors, smaller
        null = np.array([[float(v) for v in vector] for vector in rational]).T if rational else null
    return None


def _exposed(program: Program, found: Inside, known: list[list[Fraction]], least: float) -> list[list[Fraction]] | None:
    """The null vectors of S that the solver exposes, with the known ones: rational."""
    sizes, vectors = np.linalg.eigh(found.exposing)
    chosen = vectors[:, sizes > least]                       # in the units of the program, where step sizes are numbers near 1
    rows = [list(vector) for vector in chosen.T] + [[float(v / unit) for v, unit in zip(vector, program.units, strict=True)] for vector in known]
    if not rows:
        return known
    reduced = _echelon(np.array(rows) / np.abs(np.array(rows)).max(axis=1, keepdims=True))
    rational = [[Fraction(float(v)).limit_denominator(SIMPLE) for v in row] for row in reduced]
    close = all(abs(float(r) - v) <= 1e-4 * max(1.0, abs(v)) for row, exact in zip(reduced, rational, strict=True) for v, r in zip(row, exact, strict=True))
    return [[v * unit for v, unit in zip(row, program.units, strict=True)] for row in rational] if close else None


def _echelon(rows: Array) -> Array:
    """Reduced echelon form in floats, with complete pivoting in each row; what is small against a row is rounding."""
    work = rows.copy()
    kept: list[Array] = []
    while len(work):
        best = np.unravel_index(np.abs(work).argmax(), work.shape)
        if abs(work[best]) < 1e-3:
            break
        pivot = work[best[0]] / work[best]
        work = np.delete(work, best[0], axis=0)
        work = work - work[:, best[1]][:, None] * pivot
        kept = [row - row[best[1]] * pivot for row in kept] + [pivot]
    return np.array(kept) if kept else np.zeros((0, rows.shape[1]))


def _rounded(statement: Statement, program: Program, found: Inside, null: Sequence[Sequence[Fraction]], dropped: Array, level: Fraction) -> Proof | None:
    digits = max(LEAST, ceil(-log10(found.depth)) + 4)
    quantum = [Fraction(10) ** (-digits - ceil(log10(unit / program.unit[-1]))) for unit in program.unit]
    y = [Fraction(0) if out else round(Fraction(float(v)) / q) * q for v, q, out in zip(found.y, quantum, dropped, strict=True)]
    repaired = _repaired(y, _equations(statement, null), found.y * program.unit * ~dropped)
    if repaired is None:
        return None
    weights = len(statement.metrics)
    proof = Proof(tuple(repaired[:-weights]), tuple(repaired[-weights:]))
    return proof if residual(statement, proof, level) is None else None


def _equations(statement: Statement, null: Sequence[Sequence[Fraction]]) -> list[tuple[dict[int, Fraction], Fraction]]:
    """Rows (coefficients by column, right side): values cancel, weights sum to 1, S vanishes on the null vectors."""
    forms = [c.form for c in statement.constraints] + [m.scaled(Fraction(-1)) for m in statement.metrics]
    first = len(statement.constraints)
    rows: list[tuple[dict[int, Fraction], Fraction]] = [({c: Fraction(1) for c in range(first, len(forms))}, Fraction(1))]
    labels = sorted({label for form in forms for label in form.values})
    rows += [({c: form.values[label] for c, form in enumerate(forms) if label in form.values}, Fraction(0)) for label in labels]
    for vector in null:
        products: list[dict[int, Fraction]] = [{} for _ in vector]
        for c, form in enumerate(forms):
            for (i, j), value in form.square.items():
                for row, column in {(i, j), (j, i)}:
                    half = value if i == j else value / 2
                    if vector[column]:
                        products[row][c] = products[row].get(c, Fraction(0)) + half * vector[column]
        rows += [(product, Fraction(0)) for product in products]
    return rows


def _repaired(y: list[Fraction], rows: list[tuple[dict[int, Fraction], Fraction]], size: Array) -> list[Fraction] | None:
    """y with as few entries changed as there are independent equations, large ones first, so that all hold exactly; None where they cannot."""
    found = list(y)
    left = [(dict(row), right - sum((value * y[c] for c, value in row.items()), Fraction(0))) for row, right in rows]
    pivots: list[tuple[int, dict[int, Fraction], Fraction]] = []
    for _ in range(len(left)):
        candidates = [(abs(float(value)) * size[c], index, c) for index, (row, _) in enumerate(left) for c, value in row.items() if value and size[c] > 0]
        if not candidates:
            break
        _, index, column = max(candidates, key=lambda item: item[0])
        row, right = left.pop(index)
        scale = row[column]
        row, right = {c: v / scale for c, v in row.items()}, right / scale
        left = [_eliminated(other, value, row, right, column) for other, value in left]
        pivots = [(c, *_eliminated(other, value, row, right, column)) for c, other, value in pivots] + [(column, row, right)]
    if any(right != 0 for _, right in left):
        return None
    for column, _, change in pivots:                       # the other columns keep their rounded values
        found[column] += change
    return found


def _eliminated(row: dict[int, Fraction], right: Fraction, pivot: dict[int, Fraction], value: Fraction, column: int) -> tuple[dict[int, Fraction], Fraction]:
    factor = row.get(column, Fraction(0))
    if factor == 0:
        return row, right
    made = dict(row)
    for c, v in pivot.items():
        made[c] = made.get(c, Fraction(0)) - factor * v
    return {c: v for c, v in made.items() if v != 0}, right - factor * value
