"""How the tests of the engine run one rule on one problem: by exact moments, by enumeration and by sampled replicates."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convlab.arithmetic import FLOAT64, Arithmetic
from convlab.constants import Array
from convlab.run.bind import Binder
from convlab.run.cases import Batch, Setting, batch_of, constants_of, start_constants
from convlab.run.engine import initial_state, run_sampled
from convlab.run.enumeration import clouds
from convlab.run.moments import exact_moments
from convlab.run.recorder import Record, Recorder
from convlab.theorem import Mode, every_iterate


def batch_on(problem: Any, arithmetic: Arithmetic = FLOAT64, replicates: int = 1, point: Any = None) -> Batch:
    """A problem from its first start, with all the constants that it knows."""
    start = problem.starts(np.random.default_rng(0))[0]
    constants = {**{s: c.value for s, c in constants_of(problem, ()).items()}, **start_constants(problem, start)}
    return batch_of([Setting(problem, "the problem", start, point or {}, constants)] * replicates, arithmetic)


def bound_to(rule: Any, batch: Batch, horizon: int) -> Binder:
    """The rule with the values of a batch."""
    return Binder(rule, batch.values, batch.x0.ndim, horizon, batch.arithmetic)


def lifted(rule: Any, problem: Any, metric: Any, last: int, arithmetic: Arithmetic = FLOAT64, point: Any = None) -> Array:
    """E metric for k = 0 .. last by exact moments."""
    batch = batch_on(problem, arithmetic, point=point)
    return exact_moments(bound_to(rule, batch, last), batch, metric, np.arange(last + 1)).measured[:, 0]


def enumerated(rule: Any, problem: Any, metric: Any, last: int, arithmetic: Arithmetic = FLOAT64, point: Any = None) -> Array:
    """The same over every path of draws (equal states merged)."""
    batch = batch_on(problem, arithmetic, point=point)
    found = clouds(bound_to(rule, batch, last), batch, last)
    assert len(found) == last + 1, "the paths outgrew the budget: the test would compare less than it says"
    return np.array([(cloud.weights * metric(cloud.state, cloud.case)).sum() for cloud in found])


def sampled(rule: Any, problem: Any, metric: Any, points: Any, replicates: int, seed: tuple[object, ...] = (7, "sampled"), mode: Mode = every_iterate,
            loop: Callable[..., Any] = run_sampled, point: Any = None) -> Record:
    """Seeded replicates: measured is (checkpoints, replicates)."""
    points = np.asarray(points)
    batch = batch_on(problem, FLOAT64, replicates, point)
    binder = bound_to(rule, batch, int(points[-1]))
    recorder = Recorder(metric, batch.case, mode)
    final = loop(binder, batch.case.problem, initial_state(binder, batch), points, recorder, replicates, seed)
    return recorder.record(final)
