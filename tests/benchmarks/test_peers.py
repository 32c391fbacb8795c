"""What the benchmark compares computes the same numbers, so that its ratios compare times and nothing else."""
from __future__ import annotations

import numpy as np
import pytest

from convlab.algorithms.sgd import State
from convlab.constants import Array
from convlab.run.engine import run_sampled
from tests.benchmarks import peers
from tests.benchmarks.engine import SEED, Setup, float64, jax_work, numpy_work, ratios

SMALL = (Setup("a batch", 5, 12, samples=30, updates=90, checkpoints=9), Setup("one replicate", 7, 1, samples=20, updates=41, checkpoints=3))
ROUNDING = 1e-12      # ninety updates that contract, each rounded a dozen times at about 10: some 1e-14


def definition(setup: Setup, samples: Array) -> Array:
    """SGD on f_i(x) = (<rows_i, x> - targets_i)^2/2, one replicate and one update at a time."""
    ends = setup.start.copy()
    for replicate in range(setup.replicates):
        for i in samples[:, replicate]:
            row, target = setup.problem.design[i], setup.problem.targets[i]
            ends[replicate] = ends[replicate] - setup.step_size * (sum(row * ends[replicate]) - target) * row
    return ends


@pytest.mark.parametrize("setup", SMALL, ids=lambda s: s.title)
def test_engine_and_peers_end_where_the_definition_does(setup: Setup) -> None:
    """Both engines, which draw the samples themselves, and the three loops that are given them."""
    expected = definition(setup, setup.drawn())
    work = numpy_work(setup)
    ends = {name: work[name]() for name in ("run", "measured run", "in place", "functional")}
    with float64():
        compiled = jax_work(setup)
        ends |= {f"JAX {name}": compiled[name]() for name in ("run", "measured run", "scan")}

    for name, found in ends.items():
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING, err_msg=name)
    assert np.abs(expected - setup.start).max() > 1           # they went somewhere


def test_other_samples_end_elsewhere() -> None:
    """The agreement would notice one sample of 90 x 12 that is another."""
    setup = SMALL[0]
    samples = setup.drawn()
    samples[-1, 3] = (samples[-1, 3] + 1) % setup.samples
    found = peers.functional(setup.problem.design, setup.problem.targets, setup.step_size, setup.start, samples)

    assert np.abs(found - definition(setup, setup.drawn())).max() > 1e6 * ROUNDING


def test_the_engine_records_the_exact_gap_at_every_checkpoint() -> None:
    """The last recorded gap is f(x) - f*, computed from the definition of f."""
    setup = SMALL[0]
    recorder = setup.recorder()
    x = run_sampled(setup.binder, setup.problem, State(setup.start), setup.points, recorder, setup.replicates, SEED).x

    def value(point: Array) -> Array:
        return ((point @ setup.problem.design.T - setup.problem.targets) ** 2).mean(axis=-1) / 2

    assert recorder.k == setup.points.tolist()
    np.testing.assert_allclose(recorder.measured[-1], value(x) - value(setup.problem.minimiser), rtol=1e-10)      # the difference cancels some digits


def test_ratios_are_of_updates_run_and_measured_run() -> None:
    """A run of 7 s, of which 1 s drawing, and of 10 s with the gap, against a peer of 4 s."""
    assert ratios({"run": 7, "drawing": 1, "measured run": 10, "scan": 4}, "scan") == {"updates": 1.5, "run": 1.75, "measured run": 2.5}
