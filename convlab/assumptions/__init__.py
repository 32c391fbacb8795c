"""Assumptions: what each means, which constants it brings, and how an audit tries to break it.

An assumption is a frozen dataclass of constants with `statement` (words), `formula` (Typst mathematics), `constants()` and `audit(problem, rng)`.
A user's own needs nothing of ours: with a classmethod `derive(problem)` it can even be read off problems that never heard of it.
`restricts = True` marks facts that change what the problem is (a constraint, a saddle): such a problem matches only statements that ask for them.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, cast
from convlab.assumptions.attacks import MarginAttack
from convlab.assumptions.components import Interpolation, KnownSampleMinima, SmoothnessOfEach, StronglyConvexSamples
from convlab.assumptions.finding import Finding, Implied, Status, judged
from convlab.assumptions.functions import (
    ConstrainedMinimum,
    Convex,
    ExactLineSearch,
    Isotropic,
    Lipschitz,
    Minimum,
    PolyakLojasiewicz,
    Proximable,
    Quadratic,
    Smooth,
    StronglyConvex,
)
from convlab.assumptions.growth import ExpectedGrowth, StrongGrowth
from convlab.assumptions.machines import BoundedGradients, FixedPointGrid, InexactGradients, LossScaling, Tasks
from convlab.assumptions.networks import DisagreeingWorkers, MixingMatrix, OnePeerRounds, QuadraticWorkers, Workers
from convlab.assumptions.online import ConvexLosses
from convlab.assumptions.oracles import BoundedSecondMoment
from convlab.assumptions.saddles import Bilinear, LipschitzOperator, OneCoupling, SaddlePoint, StronglyMonotone
from convlab.assumptions.samples import BoundedVariance, ConvexSamples, FiniteSum, LipschitzSamples, NeighbouringSamples, NoiseCovariance, SmoothSamples
from convlab.probing import sample_points


def audit(problem: Any, rng: np.random.Generator) -> list[tuple[Any, Finding]]:
    """Every fact of a problem with what its audit found, in float64."""
    floating = cast(problem, FLOAT64)
    return [(fact, finding) for fact in floating.facts() for finding in findings_of(fact, floating, rng)]


def findings_of(fact: Any, problem: Any, rng: np.random.Generator) -> list[Finding]:
    """What the audit of one fact found; of a user's assumption that has none, that nothing was tried."""
    if not callable(getattr(fact, "audit", None)):
        name = type(fact).__name__
        return [Finding(name, None, None, f"nothing was tried: {name} has no audit(self, problem, rng)", Status.HOLDS)]
    return list(fact.audit(problem, rng))


__all__ = [
    "Bilinear", "BoundedGradients", "BoundedSecondMoment", "BoundedVariance", "ConstrainedMinimum", "Convex", "ConvexLosses", "ConvexSamples", "DisagreeingWorkers",
    "ExactLineSearch", "ExpectedGrowth", "Finding", "FiniteSum", "FixedPointGrid", "Implied", "InexactGradients", "Interpolation", "Isotropic",
    "KnownSampleMinima", "Lipschitz", "LipschitzOperator", "LipschitzSamples", "LossScaling", "MarginAttack", "Minimum", "MixingMatrix",
    "NeighbouringSamples", "NoiseCovariance", "OneCoupling", "OnePeerRounds", "PolyakLojasiewicz", "Proximable", "Quadratic", "QuadraticWorkers",
    "SaddlePoint", "Smooth", "SmoothSamples", "SmoothnessOfEach", "Status", "StrongGrowth", "StronglyConvex", "StronglyConvexSamples",
    "StronglyMonotone", "Tasks", "Workers", "audit", "findings_of", "judged", "sample_points",
]
