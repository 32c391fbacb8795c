"""The semidefinite programs in floats, by Clarabel: the worst case with its Gram matrix, and multipliers well inside the dual cone. Nothing here proves anything.

The dual: find multipliers y (of the constraints) and weights w (of the metrics, sum 1) such that

    sum y_k c_k - sum w_i metric_i = <S, G> - level   identically in the Gram matrix G and the values f, with S positive semidefinite.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from convlab import symbols
from convlab.constants import Array
from convlab.prove.pep.classes import Constraint
from convlab.prove.pep.formal import Quadratic
from convlab.prove.pep.statement import Statement

ACCURATE = 1e-11       # the solver's tolerances: the certificates leave a millionth
HUGE = 1e12            # a worst case beyond this is none to a solver of eleven digits
SIZE = Fraction(1000)  # of instances where the worst case is unbounded


@dataclass(frozen=True)
class Program:
    """A statement in scaled floats. Columns are constraints, then metrics: `square` (columns, m, m), `values` (labels, columns), `constant` (columns,).

    `basis` (m,) (exactly: `units`) and `value` are the units of the basis vectors and of f, `unit` (columns,) what each column was divided by.
    """

    square: Array
    values: Array
    constant: Array
    equality: Array
    metrics: int
    basis: Array
    value: float
    unit: Array
    labels: tuple[str, ...]
    units: tuple[Fraction, ...]


@dataclass(frozen=True)
class Worst:
    """The worst case as the solver has it: its value (of the metric, or of its square), Gram matrix (m, m) and function values by label."""

    value: float
    gram: Array
    values: dict[str, float]
    y: Array                 # (columns,) multipliers and weights, scaled to size 1
    solved: bool

    @property
    def bounded(self) -> bool:
        """Whether there is a number at all."""
        return bool(np.isfinite(self.value)) and bool(np.isfinite(self.gram).all()) and abs(self.value) < HUGE


@dataclass(frozen=True)
class Inside:
    """Multipliers (columns,) in the units of the statement, how far inside the cone they are (scaled), and what exposes the face if they are on one."""

    y: Array
    depth: float
    exposing: Array
    vanishing: Array


def program_of(statement: Statement) -> Program:
    """The statement in floats, basis vectors and columns scaled to size 1."""
    forms = [c.form for c in statement.constraints] + list(statement.metrics)
    size, labels = len(statement.basis), tuple(sorted({label for form in forms for label in form.values}))
    exact = _units(statement)
    scale = np.array([float(unit) for unit in exact])
    square = np.zeros((len(forms), size, size))
    values, constant = np.zeros((len(labels), len(forms))), np.array([float(form.constant) for form in forms])
    for column, form in enumerate(forms):
        for (i, j), c in form.square.items():
            square[column, i, j] += float(c) / 2
            square[column, j, i] += float(c) / 2
        for label, c in form.values.items():
            values[labels.index(label), column] = float(c)
    square *= scale[:, None] * scale
    value = float(np.median([np.abs(square[c]).max() for c in range(len(forms)) if values[:, c].any() and square[c].any()] or [1.0]))
    values *= value
    unit = np.array([max(np.abs(square[c]).max(initial=0), np.abs(values[:, c]).max(initial=0)) for c in range(len(forms))])
    weights = len(statement.metrics)
    unit[-weights:] = unit[-weights:].max()
    equality = np.array([c.equality for c in statement.constraints])
    return Program(square / unit[:, None, None], values / unit, constant / unit, equality, weights, scale, value, unit, labels, exact)


def _units(statement: Statement) -> tuple[Fraction, ...]:
    """Typical lengths of the basis vectors: R for points, L R (or G, or R over a proximal step) for gradients."""
    values = statement.kind.values
    slope = values.get(symbols.L) if statement.kind.high is not None or statement.kind.operator else None
    steps = statement.oracle.steps
    rate = Fraction(slope) if slope is not None else 1 / sorted(steps)[len(steps) // 2] if steps else Fraction(1)
    length = Fraction(1)
    if any(c.name == "R" for c in statement.constraints):
        length = Fraction(values[symbols.R])
    elif any(c.name == "Delta" for c in statement.constraints):
        length = Fraction((2 * float(values[symbols.Delta]) / float(rate)) ** 0.5)
    gradient = Fraction(statement.kind.slope) if statement.kind.slope is not None else rate * length
    return tuple(length if name[0] in "xn" else gradient for name in statement.basis)


def limited(statement: Statement, program: Program) -> Statement:
    """The statement for instances of limited size: the squared lengths of the basis vectors, in their units, sum to at most SIZE."""
    lengths = {(i, i): Fraction(float(1 / unit**2)) for i, unit in enumerate(program.basis)}
    return replace(statement, constraints=(*statement.constraints, Constraint("size", Quadratic(lengths, {}, -SIZE))))


def worst_case(program: Program) -> Worst:
    """The worst case, from one solution of the dual: the multipliers of its rows are Gram matrix and values."""
    conic = _Conic(program.constant.size)
    conic.zero(_signed(program, program.values), np.zeros(len(program.labels)))
    conic.zero(_weights(program)[None], np.ones(1))
    conic.nonnegative(_inequalities(program))
    conic.semidefinite(_signed(program, program.square))
    solution, duals = conic.solved(-_signed(program, program.constant))
    gram = _matrix(duals[3], len(program.basis)) * program.basis[:, None] * program.basis
    values = {label: -float(v) * program.value for label, v in zip(program.labels, duals[0], strict=True)}
    return Worst(float(solution.obj_val) * program.unit[-1], gram, values, np.asarray(solution.x), str(solution.status) in ("Solved", "AlmostSolved"))


def inside(program: Program, level: float, null: Array, dropped: Array) -> Inside:
    """The multipliers deepest inside the cone at this level. S vanishes on `null` (m, r); `dropped` columns have y = 0."""
    kept = np.flatnonzero(~dropped)
    count, rows = kept.size, _free_rows(null)
    square, values = _signed(program, program.square)[kept], _signed(program, program.values)[:, kept]
    conic = _Conic(count + 1)                                # the last variable is the depth
    conic.zero(_wider(values), np.zeros(len(program.labels)))
    conic.zero(_wider(_weights(program)[None, kept]), np.ones(1))
    conic.zero(_wider(-_signed(program, program.constant)[None, kept]), np.array([level / program.unit[-1]]))
    if null.size:
        scaled = null / program.basis[:, None]
        conic.zero(_wider(np.einsum("cij,jr->irc", square, scaled / np.linalg.norm(scaled, axis=0)).reshape(-1, count)), np.zeros(null.size))
    selection = _wider(_inequalities(program)[:, kept])
    selection = selection[np.abs(selection).sum(axis=1) > 0]
    selection[:, -1] = -1
    conic.nonnegative(selection)
    depth = -np.eye(len(rows))[None]
    conic.semidefinite(np.concatenate([square[:, rows][:, :, rows], depth]))
    conic.nonnegative(-np.eye(count + 1)[-1:], np.ones(1))   # a depth of 1 is plenty: the cone may be unbounded
    cost = np.zeros(count + 1)
    cost[-1] = -1.0
    solution, duals = conic.solved(cost)
    y = np.zeros(program.constant.size)
    y[kept] = np.asarray(solution.x)[:-1]
    exposing = np.zeros((len(null), len(null)))
    exposing[np.ix_(rows, rows)] = _matrix(duals[-2], len(rows))
    vanishing = np.zeros(program.constant.size)
    vanishing[kept[np.abs(_inequalities(program)[:, kept]).sum(axis=0) > 0]] = duals[-3]
    solved = str(solution.status) in ("Solved", "AlmostSolved", "InsufficientProgress", "MaxIterations")
    return Inside(y * program.unit[-1] / program.unit, float(solution.x[-1]) if solved else -1.0, exposing, vanishing)


def interior(program: Program, worst: Worst, met: Array, share: float) -> Worst | None:
    """A Gram matrix within `share` of the worst case that obeys every inequality with as much room as there is; `met` (columns,): constraints to be met exactly.

    None where the solver finds no room: then no rational point can be found by rounding.
    """
    size, labels = len(program.basis), len(program.labels)
    rows, columns = _upper(size)
    double = np.where(rows == columns, 1.0, 2.0)
    linear = np.concatenate([program.square[:, rows, columns] * double, program.values.T, np.zeros((program.constant.size, 1))], axis=1)   # G, f, room
    inequality = np.concatenate([~program.equality, np.zeros(program.metrics, dtype=bool)]) & ~met
    conic = _Conic(linear.shape[1])
    conic.zero(linear[met], -program.constant[met])
    anchor = np.zeros((1, linear.shape[1]))                     # only differences of values matter: f* is 0
    if "*" in program.labels:
        anchor[0, len(rows) + program.labels.index("*")] = 1
        conic.zero(anchor, np.zeros(1))
    limits = -linear[inequality]
    limits[:, -1] = -1
    conic.nonnegative(limits, -program.constant[inequality])
    least = (worst.value / program.unit[-1]) * (1 - share)
    metrics = linear[-program.metrics:]
    conic.nonnegative(metrics, program.constant[-program.metrics:] - least)
    conic.nonnegative(-np.eye(linear.shape[1])[-1:], np.ones(1))
    basis = np.zeros((linear.shape[1], size, size))
    basis[np.arange(len(rows)), rows, columns] = basis[np.arange(len(rows)), columns, rows] = 1.0
    conic.semidefinite(basis)
    cost = np.zeros(linear.shape[1])
    cost[-1] = -1.0
    solution, _ = conic.solved(cost)
    x = np.asarray(solution.x)
    if not np.isfinite(x).all() or x[-1] <= 0:
        return None
    gram = np.zeros((size, size))
    gram[rows, columns] = gram[columns, rows] = x[:len(rows)]
    values = {label: float(v) * program.value for label, v in zip(program.labels, x[len(rows):len(rows) + labels], strict=True)}
    return Worst(worst.value, gram * program.basis[:, None] * program.basis, values, np.asarray([]), True)


def _signed(program: Program, columns: Array) -> Array:
    """Metrics with a minus; the columns are the first axis of `square` and the last of the others."""
    sign = np.ones(program.constant.size)
    sign[sign.size - program.metrics:] = -1
    return columns * (sign[:, None, None] if columns.ndim == 3 else sign)


def _weights(program: Program) -> Array:
    """The sum of the metrics' weights."""
    row = np.zeros(program.constant.size)
    row[row.size - program.metrics:] = 1
    return row


def _inequalities(program: Program) -> Array:
    """One row for each multiplier that must be nonnegative."""
    signed = np.concatenate([~program.equality, np.ones(program.metrics, dtype=bool)])
    return np.eye(program.constant.size)[signed]


def _free_rows(null: Array) -> Array:
    """The rows beyond as many independent ones as `null` has columns: where S vanishes on `null`, S on these decides."""
    from scipy.linalg import qr

    pivots = qr(null.T, mode="r", pivoting=True)[-1][:null.shape[1]].tolist() if null.size else []
    return np.array([i for i in range(len(null)) if i not in pivots], dtype=int)


def _wider(rows: Array) -> Array:
    """With a column of zeros for the depth."""
    return np.concatenate([rows, np.zeros((len(rows), 1))], axis=1)


class _Conic:
    """minimise cost x over linear cones, handed to Clarabel; keeps the duals of each block."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows: list[Array] = []
        self.right: list[Array] = []
        self.cones: list[Any] = []

    def _block(self, rows: Array, right: Array, cone: Any) -> None:
        self.rows.append(rows)
        self.right.append(right)
        self.cones.append(cone)

    def zero(self, rows: Array, right: Array) -> None:
        """rows x = right."""
        import clarabel

        self._block(rows, right, clarabel.ZeroConeT(len(rows)))

    def nonnegative(self, rows: Array, right: Array | None = None) -> None:
        """rows x + right >= 0."""
        import clarabel

        self._block(-rows, np.zeros(len(rows)) if right is None else right, clarabel.NonnegativeConeT(len(rows)))

    def semidefinite(self, matrices: Array) -> None:
        """sum x_c matrices[c] is positive semidefinite."""
        import clarabel

        self._block(-np.array([_triangle(m) for m in matrices]).T, np.zeros(_length(matrices.shape[1])), clarabel.PSDTriangleConeT(matrices.shape[1]))

    def solved(self, cost: Array) -> tuple[Any, list[Array]]:
        """Clarabel's solution and the duals by block."""
        import clarabel
        from scipy import sparse

        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = ACCURATE
        settings.max_threads = 1
        problem = clarabel.DefaultSolver(sparse.csc_matrix((self.count, self.count)), cost, sparse.csc_matrix(np.concatenate(self.rows)), np.concatenate(self.right),
                                         self.cones, settings)
        solution = problem.solve()
        return solution, np.split(np.asarray(solution.z), np.cumsum([len(r) for r in self.right])[:-1])


def _length(size: int) -> int:
    return size * (size + 1) // 2


def _triangle(matrix: Array) -> Array:
    """The upper triangle by columns, off the diagonal times sqrt(2): inner products of matrices become those of vectors."""
    rows, columns = _upper(len(matrix))
    return np.where(rows == columns, 1.0, 2**0.5) * matrix[rows, columns]


def _matrix(triangle: Array, size: int) -> Array:
    rows, columns = _upper(size)
    made = np.zeros((size, size))
    made[rows, columns] = made[columns, rows] = triangle / np.where(rows == columns, 1.0, 2**0.5)
    return made


def _upper(size: int) -> tuple[Array, Array]:
    columns, rows = np.tril_indices(size)
    return rows, columns
