"""What a declared figure shows, measured: one trace a run, as floats, by the same engine that judges theorems."""
from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convlab import symbols
from convlab.constants import Array
from convlab.draws import Inexact
from convlab.errors import BadInput
from convlab.figure import Axis, Contour, Curves, Figure, Run, Scatter, Sweep
from convlab.judge.verdict import short
from convlab.operations import Unsupported
from convlab.report.scene import Scene
from convlab.run.bind import Binder
from convlab.run.cases import Batch
from convlab.run.engine import initial_state, is_random, run_deterministic, run_sampled
from convlab.run.expressions import float_values
from convlab.run.moments import exact_moments
from convlab.run.passes import effective_passes
from convlab.run.recorder import Record, Recorder
from convlab.theorem import every_iterate

SHOWN = 400                  # points of a curve
DENSE = 801                  # points of a formula
UPDATES = 200_000            # of a run: seconds
ROUNDED = 1e-9               # relative: passes are sums of as many fractions as there are updates
BAND = (0.1, 0.9)            # quantiles of the replicates


@dataclass(frozen=True, eq=False)
class Trace:
    """What one run leaves on the paper: x and y, and beside them what is declared or sampled of it (None where there is nothing)."""

    label: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    one_run: Array | None = None                 # a sampled run at the same x
    bound: tuple[Array, Array] | None = None     # the formula's own x and y
    bound_label: str = ""
    columns: Mapping[str, Array] = field(default_factory=dict)      # of its data file, where they are not x, y and the rest


def traces(scene: Scene) -> tuple[Trace, ...]:
    """A trace for each run of the figure. Raises BadInput for what cannot be run or measured."""
    kind = scene.figure.kind
    follow: Callable[[Scene, Run], Trace] = {Curves: _curve, Sweep: _sweep, Contour: _path, Scatter: _cloud}[type(kind)]
    try:
        with np.errstate(all="ignore"):                      # a run that diverges is shown as far as it goes
            return tuple(follow(scene, run) for run in scene.figure.runs)
    except (Unsupported, Inexact, AttributeError) as error:      # what a problem does not offer
        raise BadInput(f"figure {scene.figure.id}: {error}.") from error


def csv_of(figure: Figure, found: Sequence[Trace]) -> bytes:
    """The plotted data, a row for each point of a run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    shown = [_columns(figure, trace) for trace in found]
    names = list(dict.fromkeys(name for columns in shown for name in columns))
    writer.writerow(["run", *names])
    for trace, columns in zip(found, shown, strict=True):
        for i in range(len(next(iter(columns.values())))):
            writer.writerow([trace.label, *(_cell(columns[name][i]) if name in columns else "" for name in names)])
    return out.getvalue().encode()


# ---- the four kinds
def _curve(scene: Scene, run: Run) -> Trace:
    kind: Curves = scene.figure.kind                # type: ignore[assignment]    # `traces` has looked
    random, last = is_random(run.algorithm), scene.value(kind.last)
    batch = scene.batch(run, scene.starts[:1] * (kind.replicates if random else 1))
    binder = scene.binder(run, batch, int(last))
    points, x = _by_pass(scene, binder, batch, last) if kind.axis is Axis.PASS else _by_iteration(kind, int(last))
    bound = None if run.bound is None else (x, np.broadcast_to(_values(scene, run, {symbols.k: points}, run.bound), x.shape))
    made = Trace(scene.told(run.label, run), x, x, bound=bound, bound_label=scene.notation.label(run.bound_label))
    if not random:
        return replace(made, y=_played(scene, run, binder, batch, points, kind.metric).measured[:, 0])
    sampled = _played(scene, run, binder, batch, points, kind.metric).measured
    if kind.replicates == 1:
        exact = exact_moments(binder, batch, kind.metric, points)
        if len(exact.k) < len(points):
            raise BadInput(f"figure {scene.figure.id}: exact expectations of {made.label!r} can be afforded up to k = {exact.k[-1]} only; "
                           "end the axis there, or give Curves(replicates=100).")
        return replace(made, y=exact.measured[:, 0], one_run=sampled[:, 0])
    low, high = np.quantile(sampled, BAND, axis=1)
    return replace(made, y=sampled.mean(axis=1), low=low, high=high)


def _sweep(scene: Scene, run: Run) -> Trace:
    kind: Sweep = scene.figure.kind                 # type: ignore[assignment]
    low, high, last = scene.value(kind.low), scene.value(kind.high), int(scene.value(kind.last))
    if not low < high:
        raise BadInput(f"figure {scene.figure.id}: the sweep over {kind.over} ends at {short(high)}, before it begins at {short(low)}.")
    x, dense, starts = np.linspace(low, high, kind.points), np.linspace(0.0 if low > 0 else low, high, DENSE), scene.starts
    batch = scene.batch(run, starts * len(x), {kind.over: np.repeat(x, len(starts))})
    binder = scene.binder(run, batch, last)
    measured = _played(scene, run, binder, batch, np.array([0, last]), kind.metric).measured
    factor = ((measured[1] / measured[0]) ** (1 / last)).reshape(len(x), len(starts)).max(axis=1)
    bound = None if run.bound is None else (dense, np.broadcast_to(_values(scene, run, {kind.over: dense}, run.bound), dense.shape))
    return Trace(scene.told(run.label, run), x, factor, bound=bound, bound_label=scene.notation.label(run.bound_label))


def _path(scene: Scene, run: Run) -> Trace:
    kind: Contour = scene.figure.kind               # type: ignore[assignment]
    batch = scene.batch(run, scene.starts[:1])
    if batch.x0.shape[1:] != (2,):
        raise BadInput(f"figure {scene.figure.id}: level sets are drawn in two dimensions, and the problem's points have shape {batch.x0.shape[1:]}.")
    last = int(scene.value(kind.last))
    points = np.arange(last + 1)
    places = _played(scene, run, scene.binder(run, batch, last), batch, points, lambda state, case: state[0]).measured[:, 0]
    values = batch.case.problem.value(places)
    return Trace(scene.told(run.label, run), places[:, 0], places[:, 1], columns={"k": points, "x_1": places[:, 0], "x_2": places[:, 1], "f": values})


def _cloud(scene: Scene, run: Run) -> Trace:
    kind: Scatter = scene.figure.kind               # type: ignore[assignment]
    last = int(scene.value(kind.last))
    batch = scene.batch(run, scene.starts[:1] * kind.replicates)
    if batch.x0.ndim != 2 or batch.x0.shape[1] < 2:
        raise BadInput(f"figure {scene.figure.id}: a scatter shows two coordinates, and the problem's points have shape {batch.x0.shape[1:]}.")
    places = _played(scene, run, scene.binder(run, batch, last), batch, np.array([last]), lambda state, case: state[0]).measured[0]
    bound = None
    if kind.spread is not None:
        centre = np.zeros(2) if batch.case.minimiser is None else batch.case.minimiser
        around, (wide, high) = np.linspace(0, 2 * np.pi, DENSE), (scene.value(formula, run) for formula in kind.spread)
        bound = (centre[0] + 2 * wide * np.cos(around), centre[1] + 2 * high * np.sin(around))
    return Trace(scene.told(run.label, run), places[:, 0], places[:, 1], bound=bound, columns={"x_1": places[:, 0], "x_2": places[:, 1]})


# ---- running
def _played(scene: Scene, run: Run, binder: Binder, batch: Batch, points: Array, metric: Any) -> Record:
    """The metric at these k, (points, cases, ...)."""
    if points[-1] > UPDATES:
        raise BadInput(f"figure {scene.figure.id}: {points[-1]} updates are more than {UPDATES}; take a smaller end of the axis.")
    recorder = Recorder(metric, batch.case, every_iterate)
    state, oracle = initial_state(binder, batch), batch.case.problem
    if is_random(run.algorithm):
        final = run_sampled(binder, oracle, state, points, recorder, len(batch.x0), (scene.figure.seed, scene.figure.id, run.label))
    else:
        final = run_deterministic(binder, oracle, state, points, recorder)
    return recorder.record(final)


def _values(scene: Scene, run: Run, at: Mapping[Any, Array], formula: Any) -> Array:
    values = {**scene.of(run), **at}
    missing = [s for s in getattr(formula, "free_symbols", ()) if s not in values]
    if missing:
        raise BadInput(f"figure {scene.figure.id}: the bound {formula} speaks of {missing[0]}, which has no value.")
    return np.asarray(float_values(formula, values), dtype=float)


def _by_iteration(kind: Curves, last: int) -> tuple[Array, Array]:
    spread = np.geomspace(1, max(last, 1), SHOWN) if kind.logarithmic else np.linspace(0, last, SHOWN)
    points = np.unique(np.round(spread).astype(int))
    return points, points.astype(float)


def _by_pass(scene: Scene, binder: Binder, batch: Batch, last: float) -> tuple[Array, Array]:
    """Updates and the passes up to each, what the first state takes included; the axis begins at nothing evaluated."""
    oracle = batch.case.problem
    if not hasattr(oracle, "n"):
        raise BadInput(f"figure {scene.figure.id}: effective passes need a finite sum, and the problem has no components.")
    every = np.arange(min(int(np.ceil(last * oracle.n)), UPDATES) + 1)
    passed = effective_passes(binder, oracle, oracle.n, every)
    if passed is None:
        raise BadInput(f"figure {scene.figure.id}: {type(binder.algorithm).__name__} declares no cost(oracle), so its passes cannot be counted.")
    end = last * (1 + ROUNDED)
    if passed[-1] < last * (1 - ROUNDED):
        raise BadInput(f"figure {scene.figure.id}: {UPDATES} updates of {type(binder.algorithm).__name__} make {passed[-1]:.6g} passes, not {last:.6g}; take fewer.")
    passed = passed + opening_passes(binder, batch)
    within = every[passed <= end]
    kept = np.unique(within[np.unique(np.searchsorted(passed[within], np.linspace(0, passed[within][-1], SHOWN)).clip(max=len(within) - 1))])
    return kept, passed[kept]


def opening_passes(binder: Binder, batch: Batch) -> float:
    """Full gradients that the first state takes: SVRG's first snapshot, SAGA's first table."""
    watched = Watched(batch.case.problem)
    binder.at(0).init(batch.x0[:1], watched)
    return float(watched.components / batch.case.problem.n)


class Watched:
    """A finite sum that counts the component gradients that it is asked for."""

    def __init__(self, problem: Any) -> None:
        self.problem, self.components = problem, 0

    def __getattr__(self, name: str) -> Any:
        cost = {"gradient": self.problem.n, "sample_gradients": self.problem.n, "sample_gradient": 1, "stochastic_gradient": 1}.get(name, 0)
        self.components += cost
        return getattr(self.problem, name)


def _columns(figure: Figure, trace: Trace) -> Mapping[str, Array]:
    if trace.columns:
        return trace.columns
    kind = figure.kind
    name = kind.over.name if isinstance(kind, Sweep) else "effective_passes" if isinstance(kind, Curves) and kind.axis is Axis.PASS else "k"
    found = {name: trace.x, "measured": trace.y, "low": trace.low, "high": trace.high, "one_run": trace.one_run}
    if trace.bound is not None:
        found["bound"] = np.interp(trace.x, *trace.bound) if isinstance(kind, Sweep) else trace.bound[1]
    return {name: values for name, values in found.items() if values is not None}


def _cell(value: Any) -> str:
    return str(int(value)) if isinstance(value, np.integer) else f"{value:.10g}" if np.isfinite(value) else ""
