"""A figure is a declaration, as a theorem is: a problem, what runs on it, at which parameters, and how one looks at it.

Nothing about running or drawing stands here. Formulas are sympy expressions in the parameters and in the problem's own constants; a label may
quote one between square brackets, "$\\gamma = [gamma*L]/L$", and so stays true when a parameter is changed.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from convlab.metrics import Measure, distance_to_minimiser, function_gap
from convlab.symbols import K
from convlab.theorem import Formula

ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Axis(Enum):
    """What progress is measured in."""

    ITERATION = "iteration"
    PASS = "effective pass"      # gradients evaluated, in full ones: the algorithm's declared cost, and what its first state takes


@dataclass(frozen=True)
class Run:
    """One algorithm at one choice of parameters, and the name beside its curve. `at` changes parameters of the figure, in terms of them.

    `bound` is drawn dashed in the run's colour: a formula in k along a run, in the swept parameter of a sweep.
    """

    algorithm: Any
    label: str
    at: Mapping[Any, Formula] = field(default_factory=dict)
    bound: Formula = None
    bound_label: str = ""


@dataclass(frozen=True)
class Mark:
    """A vertical line with its name: a threshold. What lies beyond it is shaded where `beyond` says so."""

    at: Formula
    label: str
    beyond: bool = False


@dataclass(frozen=True)
class Curves:
    """A metric along runs. `last` is where the axis ends: an iteration or an effective pass.

    Expectations are exact where second moments are (`replicates` = 1 then adds one sampled run, thin); else they are means of `replicates` runs, with a band
    from the tenth to the ninetieth percentile.
    """

    metric: Measure = function_gap
    last: Formula = K
    axis: Axis = Axis.ITERATION
    logarithmic: bool = False        # the horizontal axis: powers of k are then straight, else factors a step are
    replicates: int = 1


@dataclass(frozen=True)
class Sweep:
    """The factor a step of a metric, (m_last/m_0)^(1/last), the largest over the problem's starts, against one parameter."""

    over: Any
    low: Formula
    high: Formula
    metric: Measure = distance_to_minimiser
    last: Formula = K
    marks: tuple[Mark, ...] = ()
    points: int = 91


@dataclass(frozen=True)
class Contour:
    """Iterates in the plane over the level sets of f, whose gaps grow by one factor from line to line. The problem has two dimensions."""

    last: Formula = K
    levels: int = 9


@dataclass(frozen=True)
class Scatter:
    """Where `replicates` runs stand after `last` updates, in the first two coordinates, around the minimiser.

    `spread`: standard deviations along both axes that theory predicts; the ellipse of twice these is drawn.
    """

    last: Formula = K
    replicates: int = 400
    spread: tuple[Formula, Formula] | None = None


Kind = Curves | Sweep | Contour | Scatter


@dataclass(frozen=True)
class Figure:
    """`problem` is an Instance (a family by name, with parameters in the figure's own), the name of an installed problem, or a problem.

    `parameters` are what `--param` may change, numbers or expressions in others and in the problem's constants. Raises ValueError for what no figure can be.
    """

    id: str
    title: str
    problem: Any
    runs: tuple[Run, ...]
    kind: Kind
    parameters: Mapping[Any, Formula] = field(default_factory=dict)
    caption: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise ValueError(f"figure {self.id!r}: an id is made of small letters, digits and hyphens, such as gd-zigzag.")
        if not isinstance(self.kind, Kind):
            raise ValueError(f"figure {self.id!r}: kind is one of Curves(...), Sweep(...), Contour(...), Scatter(...); given {self.kind!r}.")
        if not self.runs or not all(isinstance(run, Run) for run in self.runs):
            raise ValueError(f"figure {self.id!r}: runs is a tuple of Run(algorithm, label), at least one.")
        if len(self.runs) > 4:
            raise ValueError(f"figure {self.id!r}: {len(self.runs)} runs; more than four curves nobody tells apart.")
