"""From comparisons to one verdict: the worst ratio beyond k = 0, the ratio at the end, the word, and the witness."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from convlab.constants import Array
from convlab.judge.compare import CLEAR, Comparison, as_float
from convlab.judge.verdict import Curve, Verdict, Witness, Word, jsonable
from convlab.run.cases import Batch, Setting
from convlab.run.points import holds
from convlab.run.recorder import Record
from convlab.run.settings import Settings
from convlab.theorem import KINDS, OperatorConstant, Relation, Source


@dataclass(frozen=True)
class Evidence:
    """One batch of settings compared with the bound, by one source. `batch` and `record` are the run itself, where it is one: its other bounds can be told from it."""

    settings: tuple[Setting, ...]
    result: Comparison
    source: Source
    note: str = ""
    batch: Batch | None = None
    record: Record | None = None


@dataclass(frozen=True)
class Spot:
    """One place in the evidence: which batch, checkpoint and case."""

    evidence: Evidence
    row: int
    case: int

    @property
    def k(self) -> int:
        """The iteration."""
        return int(self.evidence.result.k[self.row])

    @property
    def ratio(self) -> Any:
        """Measured over bound."""
        return self.evidence.result.ratio[self.row, self.case]

    @property
    def setting(self) -> Setting:
        """Start and parameters."""
        return self.evidence.settings[self.case]


def verdict_of(title: str, claim: Any, problem: str, evidence: list[Evidence], settings: Settings) -> Verdict:
    """The verdict on one problem from all its evidence."""
    relation = getattr(claim, "relation", Relation.AT_MOST)
    violation = first_violation(evidence)
    worst = worst_spot(evidence, relation)
    shown = violation or worst or Spot(evidence[0], len(evidence[0].result.k) - 1, 0)
    lost = _lost(evidence) or _valueless(evidence)
    if worst is not None and worst.k == 0 and any((e.result.k >= 1).any() for e in evidence):
        worst = None                                             # the start alone certifies nothing
    sampled = evidence[0].source is Source.MONTE_CARLO
    word = Word.REFUTED if violation is not None else Word.INCONCLUSIVE if sampled or worst is None or lost else Word.HOLDS
    setting = shown.setting
    measured, bound = (x[shown.row, shown.case] for x in (shown.evidence.result.measured, shown.evidence.result.bound))
    return Verdict(
        title, claim.name, KINDS[type(claim)], problem, evidence[0].source, word, named(setting.point), named(setting.constants),
        _plain(shown.ratio), shown.k, _plain(last_ratio(evidence, relation)), _plain(measured), _plain(bound),
        points=sum(len(e.settings) for e in evidence), witness=None if violation is None else _witness(title, claim, problem, violation, settings),
        outcome=lost or _divergence(evidence), note=_note(evidence, worst, violation), curve=default_curve(problem, evidence))


def first_violation(evidence: list[Evidence]) -> Spot | None:
    """The earliest violation, one beyond k = 0 before one at k = 0."""
    spots = [Spot(e, int(row), int(case)) for e in evidence for row, case in zip(*np.nonzero(e.result.violated), strict=True)]
    return min(spots, key=lambda s: (s.k == 0, s.k), default=None)


def worst_spot(evidence: list[Evidence], relation: Relation) -> Spot | None:
    """The worst judged ratio over k >= 1 (over k = 0 where nothing else was judged)."""
    best: tuple[float, Spot] | None = None
    for minimum_k in (1, 0):
        for e in evidence:
            far = badness(e.result.ratio, relation)
            far[e.result.k < minimum_k] = -1
            row, case = np.unravel_index(int(np.argmax(far)), far.shape)
            if far[row, case] >= 0 and (best is None or far[row, case] > best[0]):
                best = (float(far[row, case]), Spot(e, int(row), int(case)))
        if best is not None:
            return best[1]
    return None


def badness(ratio: Array, relation: Relation) -> Array:
    """How bad a ratio is, -1 where nothing was judged: the ratio itself, or its distance from 1 for equalities."""
    plain = _floats(ratio)
    far = np.abs(plain - 1) if relation is Relation.EQUAL else plain
    return np.where(np.isnan(far), -1.0, far)


def last_ratio(evidence: list[Evidence], relation: Relation) -> Any:
    """The worst ratio at the last k that was judged in each batch."""
    worst: tuple[float, Any] = (-1.0, None)
    for e in evidence:
        far = badness(e.result.ratio, relation)
        rows = np.nonzero((far >= 0).any(axis=1))[0]
        if len(rows):
            case = int(np.argmax(far[rows[-1]]))
            if far[rows[-1], case] > worst[0]:
                worst = (float(far[rows[-1], case]), e.result.ratio[rows[-1], case])
    return worst[1]


def _witness(title: str, claim: Any, problem: str, spot: Spot, settings: Settings) -> Witness:
    """Of an operator, which runs on no problem, the whole claim is what reproduces it."""
    found = witness(title, problem, spot, settings, getattr(claim, "condition", sp.false))
    return replace(found, reproduce=f"convlab check {title} --seed {settings.seed}") if isinstance(claim, OperatorConstant) else found


def witness(title: str, problem: str, spot: Spot, settings: Settings, condition: Any = sp.false) -> Witness:
    """What a stranger needs to see the violation again; beyond the condition on purpose only where the parameters are not known to lie in it."""
    setting, result = spot.setting, spot.evidence.result
    beyond = " --outside" if setting.point and not holds(condition, setting.values) else ""
    told = "".join(f" --param {name}={_typed(value)}" for name, value in named(setting.point).items())
    return Witness(problem, named(setting.point), named(setting.constants), setting.start.name, spot.k, _plain(result.measured[spot.row, spot.case]),
                   _plain(result.bound[spot.row, spot.case]), settings.seed,
                   f"convlab check {title} --problem '{problem}'{told}{beyond} --iterations {max(1, spot.k)} --seed {settings.seed}")


def _typed(value: Any) -> str:
    return str(jsonable(value))


def named(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Values by symbol name; surds as floats."""
    return {str(symbol): value if hasattr(value, "denominator") or isinstance(value, (int, float)) else float(value) for symbol, value in values.items()}


def _plain(value: Any) -> Any:
    if value is None or hasattr(value, "denominator"):
        return value
    return value if isinstance(value, np.longdouble) and not (1e-300 < abs(value) < 1e300) and value != 0 else float(value)


def _lost(evidence: list[Evidence]) -> str | None:
    for e in evidence:
        for case, k in enumerate(e.result.broke):
            if k >= 0 and not e.result.diverged[case]:
                return f"NaN at k = {int(k)}: the oracle (or the metric) returned no number, from {e.settings[case].start.name} with {_told(e.settings[case])}"
    return None


def _valueless(evidence: list[Evidence]) -> str | None:
    for e in evidence:
        bound, measured = (_floats(side) for side in (e.result.bound, e.result.measured))
        rows, cases = np.nonzero(np.isnan(bound) & np.isfinite(measured) & (e.result.k >= 1)[:, None])
        if len(rows):
            return f"the bound has no value at k = {int(e.result.k[rows[0]])}, with {_told(e.settings[cases[0]])}"
    return None


def _divergence(evidence: list[Evidence]) -> str | None:
    for e in evidence:
        for case, k in enumerate(e.result.broke):
            if k >= 0:
                return f"left the range of float64 at k = {int(k)}, with {_told(e.settings[case])}"
    return None


def _told(setting: Setting) -> str:
    return ", ".join(f"{name} = {float(value):.6g}" for name, value in named(setting.point).items()) or "no parameters"


def _note(evidence: list[Evidence], worst: Spot | None, violation: Spot | None) -> str:
    notes = list(dict.fromkeys(e.note for e in evidence if e.note))
    if worst is None and violation is None:
        notes.append("nothing lies above the floating-point resolution: nothing was judged")
    return "; ".join(notes)


def default_curve(problem: str, evidence: list[Evidence]) -> Curve | None:
    """The curve of the default parameters from the first start; one point a horizon where the claim speaks of horizons."""
    shown = [evidence[0]]
    if all(len(e.result.k) == 1 for e in evidence):
        shown = list({int(e.result.k[0]): e for e in reversed(evidence)}.values())[::-1]      # the first of each horizon is that of the default
    k = np.concatenate([e.result.k for e in shown])
    measured, bound = (np.concatenate([_floats(side[:, 0]) for side in sides])
                       for sides in ([e.result.measured for e in shown], [e.result.bound for e in shown]))
    kept = np.isfinite(measured) & np.isfinite(bound)
    clear = np.concatenate([clear_of_floor(e)[:, 0] for e in shown])
    return Curve(problem, k[kept], measured[kept], bound[kept], clear=clear[kept]) if kept.sum() >= 2 else None


def clear_of_floor(evidence: Evidence) -> Array:
    """(checkpoints, cases): where the measured value itself stands clear of the floating-point floor of its run; everywhere in exact arithmetic."""
    result, record = evidence.result, evidence.record
    if record is None or record.floor is None or result.measured.dtype == object:
        return np.ones(result.measured.shape, dtype=bool)
    rows = record.floor[np.isin(record.k, result.k)]
    floor = rows.reshape(*rows.shape[:2], -1).max(axis=2)                # of several cells the coarsest
    return np.asarray(np.abs(result.measured) > CLEAR * floor)


def _floats(values: Array) -> Array:
    if values.dtype != object:
        with np.errstate(over="ignore"):                       # extended precision reaches further than float64: infinite there
            return values.astype(float)
    return np.array([np.nan if v is None else as_float(v) for v in values.reshape(-1)], dtype=float).reshape(values.shape)
