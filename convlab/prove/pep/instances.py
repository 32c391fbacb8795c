"""Reconstructed instances as files: the data of the function, every number a rational, to be checked and run again by `convlab certify --certificate FILE`."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from convlab import symbols
from convlab.constants import Array
from convlab.errors import BadInput
from convlab.judge.verdict import jsonable
from convlab.operations import Unsupported
from convlab.prove.pep.certificate import INSTANCES
from convlab.prove.pep.classes import interpolated, kind_of
from convlab.prove.pep.interpolant import Interpolant
from convlab.prove.pep.oracle import Sample
from convlab.prove.pep.runs import Run, run_exactly, setting_of
from convlab.theorem import FalseClaim, RateBound, Theorem

ARRAYS = ("points", "gradients", "values", "feasible", "normals", "start", "minimiser")
CLASS = (symbols.L, symbols.mu, symbols.G)


@dataclass(frozen=True)
class Rerun:
    """What an instance file shows: `wrong` where it is no instance of the class, else measured over bound at k = n."""

    theorem: str
    claim: str
    n: int
    ratio: float
    above: bool
    wrong: str | None = None

    def __str__(self) -> str:
        name = self.theorem if self.claim == "main" else f"{self.theorem}:{self.claim}"
        if self.wrong is not None:
            return f"{name}, n = {self.n}: no instance: {self.wrong}"
        return f"{name}, n = {self.n}: measured/bound is {self.ratio:.9g}, in rationals" + (": the bound is exceeded" if self.above else "")


def instance_document(theorem: str, claim: str, n: int, values: Mapping[Any, Any], parameters: Mapping[str, Any], run: Run, instance: Interpolant) -> dict[str, Any]:
    """What the file holds."""
    return {"schema": INSTANCES, "theorem": theorem, "claim": claim, "n": n, "name": run.instance, "ratio": jsonable(run.ratio),
            "measured": jsonable(float(run.measured)), "bound": jsonable(float(run.bound)), "squares": run.squared,
            "constants": {str(s): str(values[s]) for s in CLASS if s in values},
            "parameters": {name: str(value) for name, value in parameters.items()},
            "implicit": [int(v) for v in instance.implicit], **{key: _text(getattr(instance, key)) for key in ARRAYS}}


def _text(value: Any) -> Any:
    return [_text(item) for item in value] if hasattr(value, "__len__") else str(value)


def rerun(theorem: Theorem, document: Mapping[str, Any]) -> Rerun:
    """Checks in rationals that the data are those of a function of the class, and runs the algorithm on it. Raises BadInput for a file that does not fit."""
    found = next((c for c in theorem.claims if c.name == document.get("claim")), None)
    claim = found.asserted if isinstance(found, FalseClaim) else found
    n = document.get("n")
    if document.get("theorem") != theorem.id or not isinstance(claim, RateBound) or not isinstance(n, int) or n < 0:
        raise BadInput(f"the instance is none of a rate bound of {theorem.id}.")
    try:
        numbers = {s: Fraction(document["constants"][str(s)]) for s in CLASS if str(s) in document["constants"]}
        point = {s: Fraction(document["parameters"][str(s)]) for s in claim.defaults}
        data = {key: _read(document[key]) for key in ARRAYS}
        kind = kind_of(claim.assumptions, {**dict.fromkeys(CLASS, Fraction(1)), **numbers})
        implicit = np.array([int(v) for v in document["implicit"]], dtype=int)
        size = len(data["start"])
        made = Interpolant(data["points"], data["gradients"], data["values"], implicit, data["feasible"].reshape(-1, size), data["normals"].reshape(-1, size),
                           kind.low, kind.high, kind.slope, data["start"], data["minimiser"], claim.assumptions)
        wrong = wrong_data(made)
    except (KeyError, ValueError, TypeError, ZeroDivisionError, AttributeError, IndexError, Unsupported) as error:
        raise BadInput(f"the instance cannot be read: {error!r}.") from error
    run = None if wrong else run_exactly(claim, setting_of(made, claim, "given", point), n)
    if run is None:
        return Rerun(theorem.id, claim.name, n, 0.0, False, wrong or "it has no run in rationals")
    return Rerun(theorem.id, claim.name, n, run.ratio, run.above(Fraction(1)))


def _read(value: Any) -> Array:
    array = np.array(value, dtype=object)
    return np.array([Fraction(v) for v in array.reshape(-1)], dtype=object).reshape(array.shape)


def wrong_data(problem: Interpolant) -> str | None:
    """Which inequality of the class the data break; None if they are those of a function of the class with the stated minimum."""
    count = len(problem.points)
    for i in range(count):
        if problem.slope is not None and problem.gradients[i] @ problem.gradients[i] > problem.slope**2:
            return f"gradient {i} is longer than {problem.slope}"
        for j in range(count):
            if i != j and _between(problem, i, j) > 0:
                return f"no function of the class goes through points {i} and {j}"
    return _wrong_minimum(problem)


def _between(problem: Interpolant, i: int, j: int) -> Fraction:
    """The interpolation inequality of a pair: the formal one, at these vectors."""
    rows = (problem.points[i], problem.points[j], problem.gradients[i], problem.gradients[j])
    one = Fraction(1)
    form = interpolated(Sample("i", {0: one}, {2: one}, "i"), Sample("j", {1: one}, {3: one}, "j"), problem.low, problem.high)
    return Fraction(problem.values[j] - problem.values[i]) + sum((c * (rows[a] @ rows[b]) for (a, b), c in form.square.items()), Fraction(0))


def _wrong_minimum(problem: Interpolant) -> str | None:
    at = next((i for i in range(len(problem.points)) if (problem.points[i] == problem.minimiser).all() and problem.values[i] == 0), None)
    if at is None:
        return "x* is no point of the data with value 0"
    if len(problem.feasible) == 0:
        if (problem.gradients[at] != 0).any():
            return "the gradient at x* is not 0"
        if problem.low < 0 and any(v - Fraction(g @ g) / (2 * problem.high) < 0 for v, g in zip(problem.values, problem.gradients, strict=True)):
            return "a gradient step falls below f*"
        return None
    for x, normal in zip(problem.feasible, problem.normals, strict=True):
        if any(normal @ (y - x) > 0 for y in problem.feasible):
            return "a normal of the feasible set is none"
    inside = any((x == problem.minimiser).all() for x in problem.feasible) and all(problem.gradients[at] @ (y - problem.minimiser) >= 0 for y in problem.feasible)
    return None if inside else "f falls from x* into the feasible set"

