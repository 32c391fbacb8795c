"""From a worst-case Gram matrix to an explicit instance in rationals: vectors, values, and a function through them.

A point well inside the inequalities is rounded; they are then checked exactly. The start lies at distance R exactly, on the first axis.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, log10
from typing import Any

import numpy as np

from convlab import symbols
from convlab.constants import Array
from convlab.prove.pep.formal import Parts, Quadratic
from convlab.prove.pep.instances import wrong_data
from convlab.prove.pep.interpolant import Interpolant
from convlab.prove.pep.oracle import ORIGIN, STAR, START
from convlab.prove.pep.sdp import Program, Worst, interior
from convlab.prove.pep.statement import Statement

SHARES = (3e-7, 9e-7, 1e-5, 1e-3)      # of the worst case, given up for room: the first two leave an instance that shows the bound to be tight
DIGITS = 15                      # of the largest entry of a vector, of the largest value
ATTAINED = (("R", "Delta"), ("R",), ("Delta",), ())      # constants of the start that the instance has exactly: both, if the worst case has
FAR = 40                         # doublings of the distance of a minimum that the run never sees


def reconstructed(statement: Statement, program: Program, worst: Worst) -> Interpolant | None:
    """An instance in rationals that obeys all inequalities exactly and comes close to the worst case; None where there is none to be found."""
    if statement.kind.operator or statement.kind.relaxed:
        return None
    given = {c.name for c in statement.constraints}
    for attained in dict.fromkeys(tuple(name for name in names if name in given) for names in ATTAINED):
        met = np.array([c.name in attained for c in statement.constraints] + [False] * program.metrics)
        for share in SHARES:
            inside = interior(program, worst, met, share)
            made = None if inside is None else _rounded(statement, inside, attained)
            if made is not None:
                return made
    return None


def _rounded(statement: Statement, inside: Worst, attained: tuple[str, ...]) -> Interpolant | None:
    vectors = _vectors(statement, inside.gram, exact="R" in attained)
    values = _values(statement, inside.values, exact="Delta" in attained)
    rows = np.array([vectors[i] for i in statement.kept], dtype=object).reshape(len(statement.kept), -1)
    gram = rows @ rows.T
    for constraint in statement.constraints:
        number = _number(constraint.form, gram, values)
        if number > 0 or (number != 0 and constraint.name in attained):
            return None
    return _interpolant(statement, vectors, values)


def _vectors(statement: Statement, gram: Array, exact: bool) -> dict[int, Array]:
    """Rational coordinates (d,) of the basis vectors, by their place in the oracle's basis; x_0 - x* on the first axis."""
    first = statement.kept.index(START) if START in statement.kept else 0
    order = [first, *(i for i in range(len(gram)) if i != first)]
    scale = np.sqrt(np.maximum(np.diag(gram)[order], 1e-300))
    spread, turn = np.linalg.eigh(gram[np.ix_(order, order)] / scale[:, None] / scale)
    root = (turn * np.sqrt(np.maximum(spread, 0))).T * scale                 # columns are vectors with this Gram matrix
    corner: Array = np.linalg.qr(root, mode="r")
    corner = corner * np.where(np.diag(corner) < 0, -1.0, 1.0)[:, None]
    found = {}
    for place, column in zip(order, corner.T, strict=True):
        quantum = _quantum(float(np.abs(column).max()))
        found[statement.kept[place]] = np.array([round(Fraction(float(v)) / quantum) * quantum for v in column], dtype=object)
    if START in found and exact:
        found[START] = np.array([Fraction(statement.kind.values[symbols.R]), *[Fraction(0)] * (len(gram) - 1)], dtype=object)
    return found


def _values(statement: Statement, values: Mapping[str, float], exact: bool) -> dict[str, Fraction]:
    quantum = _quantum(max((abs(v) for v in values.values()), default=1.0))
    found = {label: round(Fraction(v) / quantum) * quantum for label, v in values.items()}
    found[STAR] = Fraction(0)
    for constraint in statement.constraints:
        if exact and constraint.name == "Delta" and not constraint.form.square:
            label = next(name for name in constraint.form.values if name != STAR)
            found[label] = -constraint.form.constant / constraint.form.values[label]
    return found


def _quantum(size: float) -> Fraction:
    return Fraction(10) ** ((ceil(log10(size)) if size > 0 else 0) - DIGITS)


def _number(form: Quadratic, gram: Array, values: Mapping[str, Fraction]) -> Fraction:
    """A quantity of the statement at this Gram matrix and these values."""
    squares = sum((c * gram[i, j] for (i, j), c in form.square.items()), Fraction(0))
    return form.constant + squares + sum((c * values[label] for label, c in form.values.items()), Fraction(0))


def _interpolant(statement: Statement, vectors: Mapping[int, Array], values: Mapping[str, Fraction]) -> Interpolant | None:
    size = len(statement.basis)

    def at(parts: Parts) -> Array:
        total = np.array([Fraction(0)] * size, dtype=object)
        for i, c in parts.items():
            if i in vectors:
                total = total + c * vectors[i]
        return total

    def table(rows: list[Array]) -> Array:
        return np.array(rows, dtype=object).reshape(len(rows), size)

    oracle, kind = statement.oracle, statement.kind
    placed = kind.located and (kind.convex or START in statement.kept)
    samples = [s for s in oracle.samples if s.value in values and (placed or s.name != STAR)]
    points, slopes, heights = [at(s.x) for s in samples], [at(s.g) for s in samples], [values[s.value] for s in samples]
    implicit, minimiser = [int(s.implicit) for s in samples], at({ORIGIN: Fraction(1)})
    if not placed and (kind.high is None or not samples):
        return None
    if not placed and kind.high is not None:                 # the minimum of the interpolant itself: a gradient step down from the lowest point
        bend = kind.high
        fallen = [height - Fraction(g @ g) / (2 * bend) for height, g in zip(heights, slopes, strict=True)]
        lowest = min(range(len(fallen)), key=fallen.__getitem__)
        minimiser = points[lowest] - slopes[lowest] / bend
        points, slopes, implicit = [*points, minimiser], [*slopes, 0 * minimiser], [*implicit, 0]
        heights = [*(height - fallen[lowest] for height in heights), Fraction(0)]
    made = Interpolant(table(points), table(slopes), np.array(heights, dtype=object), np.array(implicit), table([at(s.x) for s in oracle.normals]),
                       table([at(s.normal) for s in oracle.normals]), kind.low, kind.high, kind.slope, at({ORIGIN: Fraction(1), START: Fraction(1)}), minimiser,
                       kind.assumptions)
    return made if placed or kind.convex else _with_a_far_minimum(made, [values[s.value] for s in samples])


def _with_a_far_minimum(found: Interpolant, heights: list[Fraction]) -> Interpolant | None:
    """The same data with the value 0 attained far away, in a direction of its own: what a nonconvex function does there the run never sees."""
    def wider(rows: Array, last: Any = Fraction(0)) -> Array:
        return np.concatenate([rows, np.full((*rows.shape[:-1], 1), last, dtype=object)], axis=-1)

    count, size = len(heights), len(found.start)
    values = np.array([*heights, Fraction(0)], dtype=object)
    distance = 1 + max((abs(v) for v in found.points.reshape(-1)), default=Fraction(1))
    for _ in range(FAR):
        minimiser = np.array([Fraction(0)] * size + [distance], dtype=object)
        made = replace(found, points=np.concatenate([wider(found.points[:count]), minimiser[None]]), values=values, start=wider(found.start),
                       gradients=np.concatenate([wider(found.gradients[:count]), 0 * minimiser[None]]), implicit=np.zeros(count + 1, dtype=int),
                       feasible=wider(found.feasible), normals=wider(found.normals), minimiser=minimiser)
        if wrong_data(made) is None:
            return made
        distance *= 2
    return None
