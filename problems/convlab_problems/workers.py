"""Workers with one curvature and gradients that disagree by constants: where compressed gradient descent can be followed exactly."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab.assumptions import DisagreeingWorkers, Isotropic, Minimum, Quadratic, Smooth, StronglyConvex, Workers
from convlab.constants import Array, Number, exact
from convlab.operations import inner
from convlab.problem import Family, Member, Space, Start
from convlab_problems.rational import array_of, number, root_constant, vector


@dataclass(frozen=True, eq=False)
class IsotropicWorkers:
    """f_i(x) = lam |x - x*|^2/2 + <c_i, x - x*> with sum_i c_i = 0, so that f(x) = lam |x - x*|^2/2; minimum 0 at x*.

    Every inequality in the analysis of compressed gradient descent is an equality here: one curvature, and an error of the compressor whose cross term
    with the common part vanishes because the c_i sum to zero.
    """

    lam: Number
    shifts: Array            # c_i, (workers, dimension)
    minimiser: Array         # (dimension,)
    start: Array | None = None

    @property
    def workers(self) -> int:
        """N."""
        return int(self.shifts.shape[0])

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.shifts.shape[1])

    def value(self, x: Array) -> Array:
        """f(x)."""
        return self.gap(x)

    def gap(self, x: Array) -> Array:
        """f(x) - f*."""
        return self.lam * inner(x - self.minimiser, x - self.minimiser) / 2

    def gradient(self, x: Array) -> Array:
        """lam (x - x*)."""
        return self.lam * (x - self.minimiser)

    def worker_gradients(self, x: Array) -> Array:
        """lam (x - x*) + c_i: (replicates, workers, dimension), x common to all or one point a worker."""
        common = x[:, None, :] if x.ndim == 2 else x
        return self.lam * (common - self.minimiser) + self.shifts

    def facts(self) -> tuple[Any, ...]:
        """Everything is known exactly."""
        return (Workers(self.workers), Quadratic(),
                Isotropic(exact(self.lam, how="f = lam |x - x*|^2/2: its Hessian is lam I")),
                Smooth(exact(self.lam, how="the Hessian is lam I")),
                StronglyConvex(exact(self.lam, how="the Hessian is lam I")),
                DisagreeingWorkers(root_constant((self.shifts * self.shifts).sum() / self.workers, how="grad f_i(x*) = c_i: root mean square of the c_i")),
                Minimum(exact(0, how="a multiple of a squared norm, 0 at x*"), at=self.minimiser))

    def starts(self, rng: np.random.Generator) -> tuple[Start, ...]:
        """The given one, or one at a rational distance from the minimiser and one along the first axis."""
        if self.start is not None:
            return (Start("given", self.start),)
        axis = [Fraction(23, 2)] + [Fraction(0)] * (self.dimension - 1)
        return (Start("rational-distance", self.minimiser + vector(_RATIONAL_NORM[self.dimension]) * Fraction(7, 3)),
                Start("first-axis", self.minimiser - array_of(axis)))


# integer vectors of integer length (5, 7, 9, 4), so that R is rational
_RATIONAL_NORM = {1: (1,), 2: (3, 4), 3: (2, 3, 6), 4: (2, 4, 5, 6), 5: (1, 1, 1, 2, 3)}


def make(lam: Number, shifts: Sequence[Sequence[Number]] | int, minimiser: Sequence[Number] | None = None, start: Any = None) -> IsotropicWorkers:
    """Workers with these c_i (a number: so many workers of one variable that agree), minimiser 0 unless given. Raises ValueError unless the c_i sum to zero."""
    rows = [(0,)] * shifts if isinstance(shifts, int) else shifts
    table = array_of([[number(entry) for entry in row] for row in rows])
    if any(total != 0 for total in table.sum(axis=0)):
        raise ValueError(f"the shifts must sum to zero over the workers, not to {[str(total) for total in table.sum(axis=0)]}")
    centre = vector(0 if minimiser is None else minimiser, table.shape[1])
    return IsotropicWorkers(number(lam), table, centre, None if start is None else vector(start, table.shape[1]))


def members() -> Iterable[Member]:
    """Few and many workers, with and without disagreement, root mean square shifts rational."""
    yield Member("workers-2", make(Fraction(7, 2), [(30, 40), (-30, -40)], minimiser=(Fraction(5, 2), -3)))
    yield Member("workers-4", make(Fraction(2, 9), [(6, 8, 0), (-6, -8, 0), (0, 8, -6), (0, -8, 6)], minimiser=(0, 11, 4)))
    yield Member("workers-agree", make(Fraction(19), [(0, 0)] * 3, minimiser=(-6, 1)))


CENTRE = Fraction(-11, 4)      # where the searched ones have their minimum: not at 0, which a method might know
SEARCH = (Space({"lam": (1 / 8, 64), "R": (1 / 8, 64), "shift_over_lam_R": (-10, 10)},
                lambda n: {"lam": n["lam"], "shifts": ((n["shift_over_lam_R"] * n["lam"] * n["R"],), (-n["shift_over_lam_R"] * n["lam"] * n["R"],)),
                           "minimiser": (CENTRE,), "start": (CENTRE + n["R"],)}, asked=(Workers,)),
          Space({"lam": (1 / 8, 64), "R": (1 / 8, 64), "along": (-1, 1), "across": (-1, 1), "shift_over_lam_R": (0, 10)},
                lambda n: {"lam": n["lam"], "shifts": tuple((s * n["shift_over_lam_R"] * n["lam"] * n["R"] * a, s * n["shift_over_lam_R"] * n["lam"] * n["R"] * (1 - a))
                                                            for s, a in ((1, n["across"]), (-1, n["across"]), (0, n["across"]))),
                           "minimiser": (CENTRE, 2 * CENTRE), "start": (CENTRE + n["R"], 2 * CENTRE + n["along"] * n["R"])}, asked=(Workers,)))
FAMILY = Family("workers", make, members, SEARCH)
