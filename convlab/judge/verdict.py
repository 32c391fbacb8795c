"""What a check returns: verdicts, each with its worst ratio, who judged it and a witness; and what was not judged, with the reason."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import Array
from convlab.judge.power import Power
from convlab.theorem import Source


class Word(Enum):
    """The four verdicts."""

    HOLDS = "holds"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Witness:
    """What a stranger needs to see the violation again."""

    problem: str
    parameters: Mapping[str, Any]
    constants: Mapping[str, Any]
    start: str
    iteration: int
    measured: Any
    bound: Any
    seed: int
    reproduce: str

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {short(value)}" for name, value in {**self.parameters, **self.constants}.items())
        where = f" from {self.start}" if self.start else ""
        measured, bound = short(self.measured), short(self.bound)
        if measured == bound and all(isinstance(side, float) for side in (self.measured, self.bound)):      # a violation that six digits do not show
            measured, bound = f"{self.measured:.15g}", f"{self.bound:.15g}"
        return f"{self.problem}{where} ({at}): at k = {self.iteration} measured {measured}, bound {bound}"


@dataclass(frozen=True)
class Sample:
    """Single replicates at some k: `values` is (checkpoints, replicates)."""

    k: Array
    values: Array


@dataclass(frozen=True)
class Fit:
    """What a bound claims of a curve's order and what its tail from `from_k` to `to_k` measures: of `kind` sublinear the power p of k^-p, of linear the factor
    a step, of superlinear the order q, of floor the level, of growing the power or the factor. `how` says what `low` and `high` are.
    """

    kind: str
    claimed: float | None
    measured: float | None
    low: float | None
    high: float | None
    from_k: int
    to_k: int
    how: str
    by_factor: bool = False

    def to_json(self) -> dict[str, Any]:
        """The item `fit` of a verdict."""
        return {"kind": self.kind, "claimed": jsonable(self.claimed), "measured": jsonable(self.measured), "low": jsonable(self.low), "high": jsonable(self.high),
                "from_k": self.from_k, "to_k": self.to_k, "how": self.how}


@dataclass(frozen=True)
class Curve:
    """Measured against bound along a run, for the plot: k (checkpoints,), the others likewise; `low`, `high` a 95 % band of a sampled mean."""

    label: str
    k: Array
    measured: Array
    bound: Array
    low: Array | None = None
    high: Array | None = None
    sampled: Array | None = None
    passes: Array | None = None      # effective passes up to each k, where the algorithm declares its cost
    clear: Array | None = None       # where the measured value stands clear of the floating-point floor (None: everywhere)
    sample: Sample | None = None     # some of the replicates of a sampled mean, until the curve's order is fitted


@dataclass(frozen=True)
class Verdict:
    """One claim on one problem, judged by one source over all its parameter points and starts. Parameters and constants are those of the worst ratio."""

    theorem: str
    claim: str
    kind: str
    problem: str
    judged_by: Source
    word: Word
    parameters: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    worst_ratio: Any = None          # measured/bound over k >= 1 (bound/measured where the claim is a lower bound)
    worst_k: int | None = None
    last_ratio: Any = None
    measured: Any = None             # at the worst k
    bound: Any = None
    replicates: int | None = None
    points: int = 1                  # how many parameter points and starts were judged
    witness: Witness | None = None
    outcome: str | None = None       # divergence, NaN, overflow, with its iteration
    note: str = ""
    curve: Curve | None = None
    e_value_log10: float | None = None      # evidence of a sample against the claim: beyond log10(1/alpha) it is refuted
    power: Power | None = None              # what excess over the bound the sample would have betrayed
    suspect: Witness | None = None          # the witness, should a decision over several claims refute this one
    fit: Fit | None = None                  # the order of the curve, claimed and measured; a fit informs, it refutes no bound
    fit_reason: str = ""                    # why there is none

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab check --json`."""
        return {
            "theorem": self.theorem, "claim": self.claim, "kind": self.kind, "problem": self.problem,
            "parameters": jsonable(self.parameters), "constants": jsonable(self.constants), "judged_by": self.judged_by.value,
            "verdict": self.word.value, "worst_ratio": jsonable(self.worst_ratio), "worst_ratio_log10": log10(self.worst_ratio),
            "worst_k": self.worst_k, "last_ratio": jsonable(self.last_ratio), "last_ratio_log10": log10(self.last_ratio),
            "measured": jsonable(self.measured), "measured_log10": log10(self.measured), "bound": jsonable(self.bound),
            "bound_log10": log10(self.bound), "replicates": self.replicates, "points": self.points, "e_value_log10": jsonable(self.e_value_log10),
            "power": None if self.power is None else {"excess": self.power.excess, "probability": self.power.probability},
            "outcome": self.outcome, "note": self.note, "fit": None if self.fit is None else self.fit.to_json(), "fit_reason": self.fit_reason,
            "witness": None if self.witness is None else {
                "problem": self.witness.problem, "parameters": jsonable(self.witness.parameters), "constants": jsonable(self.witness.constants),
                "start": self.witness.start, "iteration": self.witness.iteration, "measured": jsonable(self.witness.measured),
                "bound": jsonable(self.witness.bound), "seed": self.witness.seed, "reproduce": self.witness.reproduce},
        }


@dataclass(frozen=True)
class Skipped:
    """A claim x problem pair (or a source of it) that was not judged, and why."""

    theorem: str
    claim: str
    problem: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The item of `skipped`."""
        return {"theorem": self.theorem, "claim": self.claim, "problem": self.problem, "reason": self.reason}


@dataclass(frozen=True)
class Check:
    """The verdicts of one or more claims and what was skipped."""

    verdicts: tuple[Verdict, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def word(self) -> Word:
        """The worst verdict: refuted, else inconclusive where some claim has no `holds`, else holds; not_applicable when nothing was judged."""
        words = {v.word for v in self.verdicts}
        if Word.REFUTED in words:
            return Word.REFUTED
        if not words:
            return Word.NOT_APPLICABLE
        held = {(v.theorem, v.claim) for v in self.verdicts if v.word is Word.HOLDS}
        return Word.HOLDS if held == {(v.theorem, v.claim) for v in self.verdicts} else Word.INCONCLUSIVE

    @property
    def counts(self) -> dict[str, int]:
        """How many verdicts each source gave."""
        return dict(Counter(v.judged_by.value for v in self.verdicts))

    def __add__(self, other: Check) -> Check:
        return Check(self.verdicts + other.verdicts, self.skipped + other.skipped)

    def to_json(self) -> dict[str, Any]:
        """Counts, skips and results, as in `convlab check --json`."""
        return {"counts": self.counts, "skipped": [s.to_json() for s in self.skipped], "results": [v.to_json() for v in self.verdicts]}

    def __str__(self) -> str:
        lines = [f"{self.word.value}: {len(self.verdicts)} verdicts ({', '.join(f'{count} {name}' for name, count in sorted(self.counts.items()))}), "
                 f"{len(self.skipped)} pairs skipped"]
        for v in self.verdicts:
            ratio = "" if v.worst_ratio is None else f" worst ratio {short(v.worst_ratio)} at k = {v.worst_k}, last {short(v.last_ratio)}"
            lines.append(f"  {v.word.value:12} {v.theorem}:{v.claim} on {v.problem} by {v.judged_by.value}{ratio}")
            if v.witness is not None:
                lines.append(f"      {v.witness}")
        return "\n".join(lines)


def short(value: Any) -> str:
    """A number as a reader wants it: six digits, short fractions as they are, long ones beside their decimal value."""
    if isinstance(value, Fraction):
        text = str(value)
        return text if len(text) <= 20 else decimal(value)
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return str(value)


def decimal(value: Fraction) -> str:
    """A rational as a decimal, also beyond the range of floats."""
    if value == 0:
        return "0"
    exponent = log10(value)
    if exponent is None or abs(exponent) < 300:
        return f"{float(value):.6g}"
    return f"{10 ** (exponent % 1):.4f}e{math.floor(exponent)}"


def log10(value: Any) -> float | None:
    """log10 of a positive number of any arithmetic and size; None for zero, negatives and what is no number."""
    if value is None:
        return None
    if isinstance(value, Fraction):
        return _log10_of(value.numerator) - _log10_of(value.denominator) if value > 0 else None
    if isinstance(value, sp.Basic):
        value = float(value)
    return float(np.log10(value)) if np.isfinite(value) and value > 0 else None


def _log10_of(integer: int) -> float:
    shift = max(0, integer.bit_length() - 60)                  # floats end at 2^1024; the leading 60 bits carry all digits of the logarithm
    return math.log10(integer >> shift) + shift * math.log10(2)


def jsonable(value: Any) -> Any:
    """Strict JSON: rationals as "p/q" (decimal beyond 80 digits), no NaN and no infinity (null), arrays as lists."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Fraction):
        return (str(value) if value.denominator != 1 else int(value)) if abs(_size(value)) <= 80 else decimal(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(float(value)) else None
    if isinstance(value, np.ndarray):
        return [jsonable(item) for item in value.tolist()] if value.dtype != object else [jsonable(item) for item in value]
    if isinstance(value, (tuple, list)):
        return [jsonable(item) for item in value]
    return str(value)


def _size(value: Fraction) -> int:
    return int((value.numerator.bit_length() + value.denominator.bit_length()) * 0.30103)
