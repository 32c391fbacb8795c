"""A violation in float64 is told only if it stands in extended precision: where a run first grows and then contracts, early roundings outweigh what is left.

Steps at Chebyshev roots, for instance, multiply an error by thousands on the way to a point that is known to the last digit in theory only.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from convlab.arithmetic import EXTENDED, FLOAT64
from convlab.constants import Array
from convlab.judge.compare import Comparison
from convlab.judge.words import Evidence
from convlab.operations import Unsupported
from convlab.run.cases import Batch, batch_of

DOUBT = 16               # the rounding of the finer run, in what that of the coarser one is seen to be, times the ratio of their precisions
NOTE = "a violation that float64 showed is gone in extended precision: it was rounding"


def settled(evidence: Evidence, again: Callable[[Batch], Comparison]) -> Evidence:
    """The evidence without the violations that `again`, the same comparison of one case, does not show; the first case that it shows ends the search.

    A problem that extended precision cannot serve keeps its violations, and so do iterations that it does not reach.
    """
    result = evidence.result
    suspects = np.nonzero(result.violated.any(axis=0) & (result.broke < 0))[0]
    coarse = evidence.batch is None or evidence.batch.arithmetic.eps != FLOAT64.eps       # an optimizer that runs in float32 has its own resolution
    if coarse or result.measured.dtype == object or not len(suspects) or (result.violated.any(axis=0) & (result.broke >= 0)).any():
        return evidence
    violated, ratio, note = result.violated.copy(), result.ratio.copy(), NOTE
    for case in map(int, suspects):
        try:
            finer = again(batch_of([evidence.settings[case]], EXTENDED))
        except (Unsupported, TypeError, ValueError, ArithmeticError):
            return evidence
        reached = np.isin(result.k, finer.k)
        finer = finer.at(np.isin(finer.k, result.k))
        still = violated[reached, case] & stands(result.at(reached), finer, case)
        ratio[reached, case] = np.where(still, ratio[reached, case], finer.ratio[:, 0])
        violated[reached, case] = still
        if violated[:, case].any():
            note = ""
            break
    return replace(evidence, result=replace(result, violated=violated, ratio=ratio), note="; ".join(filter(None, (evidence.note, note))))


def stands(coarse: Comparison, finer: Comparison, case: int) -> Array:
    """Where the finer run violates the claim by more than its own rounding, told from what the coarser run's was, (checkpoints,)."""
    with np.errstate(all="ignore"):
        rounding = np.abs(coarse.measured[:, case] - finer.measured[:, 0]) * (EXTENDED.eps / FLOAT64.eps)
        return np.asarray(finer.violated[:, 0] & ~(np.abs(finer.measured[:, 0] - finer.bound[:, 0]) <= DOUBT * rounding))
