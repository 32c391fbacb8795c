"""What the engine costs: a run with its record against the same updates written by hand. `python -m tests.benchmarks.engine` prints the README's table.

SGD on least squares with 500 samples, 5,000 updates, 200 checkpoints of the exact objective gap. Three ratios to each hand-written loop (`peers.py`), which only
updates and is given the samples: "updates" is the engine less its drawing; "run" draws the samples, updates and records a coordinate at the checkpoints, which is free;
"measured run" records the gap, which no peer computes. The targets are for the run. Compilation, below a second, is in no time.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

from convlab.algorithms.sgd import SGD, State
from convlab.constants import Array
from convlab.metrics import Case, Measure, function_gap
from convlab.run.bind import Binder
from convlab.run.engine import raw_draws, run_sampled
from convlab.run.jax_loop import CompiledLoop
from convlab.run.recorder import Recorder
from convlab.theorem import every_iterate
from convlab_problems.ridge import Ridge, ridge
from tests.benchmarks import peers

ROUNDS = 7
SEED = (2024, "benchmark")
TARGETS = {"functional": 1.3, "in place": 2.2, "scan": 1.25}
TITLES = {"functional": "NumPy loop, written functionally", "in place": "NumPy loop, in place", "scan": "JAX `scan` over pre-drawn indices"}
Clock = Callable[[], float]


@dataclass(frozen=True)
class Setup:
    """One size of the experiment."""

    title: str
    dimension: int
    replicates: int
    samples: int = 500
    updates: int = 5000
    checkpoints: int = 200

    @cached_property
    def problem(self) -> Ridge:
        """Gaussian rows of length about 3 sqrt(dimension), targets with errors about 2; no penalty."""
        rng = np.random.default_rng(self.dimension)
        rows = 3 * rng.standard_normal((self.samples, self.dimension))
        targets = rows @ rng.standard_normal(self.dimension) + 2 * rng.standard_normal(self.samples)
        return ridge(rows, targets, 0.0, np.linalg.eigvalsh(rows.T @ rows / self.samples).tolist())

    @property
    def step_size(self) -> float:
        """Half of 1/L_max: the iterates stay near the minimiser and keep moving."""
        return float(0.5 / (self.problem.design**2).sum(axis=1).max())

    @property
    def start(self) -> Array:
        """Replicates at a distance from the minimiser."""
        return np.full((self.replicates, self.dimension), 5.0)

    @property
    def points(self) -> Array:
        """The checkpoints, evenly spaced up to the last update."""
        return np.linspace(0, self.updates, self.checkpoints + 1).round().astype(int)[1:]

    @property
    def binder(self) -> Binder:
        """SGD with its step size."""
        return Binder(SGD(self.step_size), {}, 2, self.updates)

    @property
    def case(self) -> Case:
        """The problem with its minimiser."""
        return Case(self.problem, {}, self.problem.minimiser)

    def recorder(self, metric: Measure = function_gap) -> Recorder:
        """An empty record."""
        return Recorder(metric, self.case, every_iterate)

    def drawn(self) -> Array:
        """The samples that the engine draws, (updates, replicates)."""
        return np.concatenate([chunk["index"] for chunk in self.drawing()])

    def drawing(self) -> Iterator[Mapping[str, Array]]:
        """The same in the engine's chunks."""
        return raw_draws(self.problem.gradient_draws(), SEED, self.updates, self.replicates)


SETUPS = (Setup("d = 20", 20, 256), Setup("d = 200", 200, 256), Setup("one replicate, d = 20", 20, 1))


def coordinate(state: Any, case: Case) -> Array:
    """A metric that costs next to nothing: the product is a small array of its own, where a view would keep the state of every checkpoint."""
    first: Array = 2 * state.x[:, 0]
    return first


def numpy_work(setup: Setup) -> dict[str, Callable[[], Any]]:
    """The things to be timed in NumPy: all but the drawing return the last iterates."""
    given = (setup.problem.design, setup.problem.targets, setup.step_size, setup.start, setup.drawn())

    def run(metric: Measure) -> Any:
        return run_sampled(setup.binder, setup.problem, State(setup.start), setup.points, setup.recorder(metric), setup.replicates, SEED).x

    return {"run": lambda: run(coordinate), "in place": lambda: peers.in_place(*given), "functional": lambda: peers.functional(*given),
            "measured run": lambda: run(function_gap), "drawing": lambda: list(setup.drawing())}


def jax_work(setup: Setup) -> dict[str, Callable[[], Any]]:
    """The things to be timed in JAX, compiled on their first call."""
    import jax.numpy as jnp

    loops = {metric: CompiledLoop(setup.binder, setup.problem, metric, setup.case) for metric in (coordinate, function_gap)}
    scan, samples = peers.scanned(setup.problem.design, setup.problem.targets, setup.step_size), jnp.asarray(setup.drawn())

    def run(metric: Any) -> Any:
        return loops[metric].run(State(setup.start), setup.points, setup.recorder(metric), setup.replicates, SEED).x

    return {"run": lambda: run(coordinate), "scan": lambda: scan(setup.start, samples).block_until_ready(),
            "measured run": lambda: run(function_gap), "drawing": lambda: list(setup.drawing())}


def rounds(work: Mapping[str, Callable[[], Any]], number: int, clock: Clock) -> list[dict[str, float]]:
    """Times of each, in turn and over again, after a first round that is not counted."""
    def timed(function: Callable[[], Any]) -> float:
        begun = clock()
        function()
        return clock() - begun

    return [{name: timed(function) for name, function in work.items()} for _ in range(number + 1)][1:]


def medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of every column."""
    return {name: median(one[name] for one in found) for name in found[0]}


def ratios(time: Mapping[str, float], peer: str) -> dict[str, float]:
    """Updates, run and measured run over a peer's time."""
    return {"updates": (time["run"] - time["drawing"]) / time[peer], "run": time["run"] / time[peer], "measured run": time["measured run"] / time[peer]}


def float64() -> AbstractContextManager[Any]:
    """JAX in double precision, for as long as it lasts."""
    import jax

    context: AbstractContextManager[Any] = jax.enable_x64(True)
    return context


def measured(clock: Clock) -> dict[str, list[dict[str, float]]]:
    """The ratios to every peer, one for each setup: medians over the rounds, for in a round the machine is about equally busy. Prints the times as they come."""
    found: dict[str, list[dict[str, float]]] = {peer: [] for peer in TARGETS}
    for setup in SETUPS:
        for context, work in ((nullcontext(), numpy_work), (float64(), jax_work)):
            with context:
                times = rounds(work(setup), ROUNDS, clock)
            print(f"{setup.title:22} {work.__name__[:-5]:6}", *(f"{name} {1e3 * t:.1f} ms" for name, t in medians(times).items()), sep="  ", file=sys.stderr)
            for peer in set(times[0]) & set(TARGETS):
                found[peer].append(medians([ratios(time, peer) for time in times]))
    return found


def table(found: Mapping[str, list[dict[str, float]]]) -> str:
    """Markdown."""
    head = ["| convlab against | target | " + " | ".join(setup.title for setup in SETUPS) + " |", "|---|---|" + "---|" * len(SETUPS)]
    lines = [f"| {TITLES[peer]} | {TARGETS[peer]} | " + " | ".join(f"{r['updates']:.2f} / **{r['run']:.2f}** / {r['measured run']:.2f}" for r in row) + " |"
             for peer, row in found.items()]
    return "\n".join([*head, *lines])


def main() -> int:
    """Prints the table by wall time and by processor time; 1 if a target is missed by wall time."""
    import jax

    print(f"NumPy {np.__version__}, JAX {jax.__version__}, medians of {ROUNDS} interleaved rounds; updates / **run** / measured run\n")
    wall = measured(perf_counter)
    print(table(wall), "By processor time of all threads:", table(measured(process_time)), sep="\n\n")
    return int(any(ratio["run"] > TARGETS[peer] for peer, row in wall.items() for ratio in row))


if __name__ == "__main__":
    sys.exit(main())
