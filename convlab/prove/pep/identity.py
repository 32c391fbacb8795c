"""What a proof of a worst case is, and the exact check of one: an identity between rationals and a matrix without a negative pivot. No solver, no floats.

With y_k >= 0 for constraints c_k <= 0 (any sign for equations) and weights w_i >= 0 that sum to 1, if the function values cancel in

    sum y_k c_k - sum w_i metric_i = <S, G> - level

and S is positive semidefinite, then min_i metric_i <= sum w_i metric_i <= level on every instance, since the Gram matrix G is, too.
"""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from convlab.prove.pep.formal import Quadratic
from convlab.prove.pep.statement import Statement


@dataclass(frozen=True)
class Proof:
    """Multipliers of the constraints and weights of the metrics, in the order of the statement."""

    multipliers: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]


def combination(statement: Statement, proof: Proof) -> Quadratic:
    """sum y_k c_k - sum w_i metric_i."""
    total = Quadratic()
    for weight, form in [*zip(proof.multipliers, (c.form for c in statement.constraints), strict=True),
                         *((-w, m) for w, m in zip(proof.weights, statement.metrics, strict=True))]:
        if weight:
            total = total + form.scaled(weight)
    return total


def remainder(total: Quadratic, size: int) -> list[list[Fraction]]:
    """The symmetric matrix S of a combination."""
    matrix = [[Fraction(0)] * size for _ in range(size)]
    for (i, j), value in total.square.items():
        matrix[i][j] += value / 2
        matrix[j][i] += value / 2
    return matrix


def residual(statement: Statement, proof: Proof, level: Fraction) -> str | None:
    """None if the proof shows that the metric is at most `level`, else what is wrong with it."""
    for value, constraint in zip(proof.multipliers, statement.constraints, strict=True):
        if value < 0 and not constraint.equality:
            return f"the multiplier of {constraint.name} is {float(value):.3g} < 0"
    if min(proof.weights) < 0 or sum(proof.weights) != 1:
        return "the weights of the iterates are no convex combination"
    total = combination(statement, proof)
    if total.values:
        return f"function values are left over: {', '.join(total.values)}"
    if -total.constant > level:
        return f"the multipliers prove {float(-total.constant):.12g}, which is above {float(level):.12g}"
    return negative_pivot(remainder(total, len(statement.basis)))


def negative_pivot(matrix: list[list[Fraction]]) -> str | None:
    """None if a symmetric rational matrix is positive semidefinite: its LDL^T has no negative pivot, and a zero pivot only with a zero row."""
    work = [list(row) for row in matrix]
    for i, row in enumerate(work):
        if row[i] < 0:
            return f"the quadratic form is indefinite: pivot {i} of its LDL^T is {float(row[i]):.3g}"
        if row[i] == 0:
            if any(row[i + 1:]):
                return f"the quadratic form is indefinite: pivot {i} of its LDL^T is 0 and its row is not"
            continue
        for other in work[i + 1:]:
            factor = other[i] / row[i]
            if factor:
                for j in range(i, len(row)):
                    other[j] -= factor * row[j]
    return None
