"""The compiled loop makes the numbers of the plain one, on the same draws; and nothing global changes in the process that convlab runs in."""
from __future__ import annotations

import decimal
import locale
import os
import random
import subprocess
import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

from convlab.algorithms.compression import CompressedGD, RandK
from convlab.algorithms.mixed_precision import LowPrecisionSGD
from convlab.algorithms.sgd import SGD
from convlab.algorithms.variance_reduction import SAGA, SVRG, LooplessSVRG
from convlab.constants import Array
from convlab.judge.check import check
from convlab.judge.verdict import Word
from convlab.metrics import function_gap, squared_distance
from convlab.run import engine, jax_loop
from convlab.run.jax_loop import available, run_compiled
from convlab.run.settings import Settings
from convlab.symbols import k
from convlab.theorem import Mode, best_of, every_iterate, mean_of
from convlab.theorems.sgd.strongly_convex import strongly_convex
from convlab_problems import finite_sum, low_precision, noisy, quadratic, workers
from tests.engine_runs import sampled

SUM = finite_sum.least_squares([(3, 1), (1, 3), (2, -2), (-2, 2)], [5, -7, 11, 2], start=(Fraction(9), Fraction(-16)))
STEP = Fraction(1, 25)
GRID = next(member.problem for member in low_precision.FAMILY.members())
RUNS: dict[str, tuple[Any, Any]] = {
    "sgd": (SGD(STEP), SUM), "decreasing-sgd": (SGD(STEP / (1 + k / sp.Integer(9))), SUM),
    "noisy-sgd": (SGD(Fraction(1, 40)), noisy.make(quadratic.make((Fraction(1, 7), 3, 23), centre=(2, 0, 13), rotation=4), ((3, 0, 1), (0, 5, -2)), law="covariance")),
    "svrg": (SVRG(STEP, take=1 / (sp.Mod(k, 9) + 1), refresh=sp.Piecewise((1, sp.Eq(sp.Mod(k + 1, 9), 0)), (0, True))), SUM),
    "loopless-svrg": (LooplessSVRG(STEP, Fraction(1, 4)), SUM), "saga": (SAGA(STEP), SUM),
    "low-precision": (LowPrecisionSGD(Fraction(1, 40), GRID.spacing), GRID),
    "compressed": (CompressedGD(Fraction(1, 12), RandK(2)), workers.make(Fraction(7, 2), [(30, 40, 10), (-30, -40, -10)], start=(9, -2, 6))),
}
each_run = pytest.mark.parametrize(("rule", "problem"), RUNS.values(), ids=RUNS)


def test_jax_is_installed() -> None:
    """The extra `test` brings it, so that nothing here is skipped."""
    assert available()


@each_run
@pytest.mark.parametrize("mode", [every_iterate, best_of(0, 0), mean_of(0, -1)], ids=["every", "best", "mean"])
def test_both_loops_agree_on_the_same_draws(rule: Any, problem: Any, mode: Mode) -> None:
    """Sixty updates of sixteen replicates: the metric to 1e-12 relative of the largest value (the order of roundings may differ), the states likewise."""
    plain, compiled = (sampled(rule, problem, squared_distance, [0, 1, 7, 60], 16, mode=mode, loop=loop) for loop in (engine.run_sampled, run_compiled))
    size = np.nanmax(np.abs(plain.measured))

    assert plain.k.tolist() == compiled.k.tolist()
    np.testing.assert_allclose(compiled.measured, plain.measured, rtol=1e-12, atol=1e-12 * size)
    for one, other in zip(plain.final, compiled.final, strict=True):
        assert isinstance(other, np.ndarray)
        assert other.dtype == np.float64
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-12 * np.abs(one).max())
    assert np.abs(plain.measured[-1] - plain.measured[1]).max() > 1e-3 * size      # it moved: runs agree and not starts


def test_the_compiled_loop_is_the_same_for_any_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty updates at once or by sevens: bit by bit, since each update is the same program."""
    whole = sampled(SAGA(STEP), SUM, function_gap, range(61), 8, loop=run_compiled).measured
    monkeypatch.setattr(jax_loop, "chunk_length", lambda draws, count: 7)

    np.testing.assert_array_equal(sampled(SAGA(STEP), SUM, function_gap, range(61), 8, loop=run_compiled).measured, whole)


def test_engines_are_forced_by_name() -> None:
    """--engine jax and --engine numpy give the same sampled verdicts, to rounding."""
    options = [Settings(iterations=20, replicates=64, engine=name, problems=("noisy",)) for name in ("numpy", "jax")]
    one, other = ([v for v in check(strongly_convex, settings=each).verdicts if v.word is Word.INCONCLUSIVE] for each in options)

    assert one
    assert [v.problem for v in one] == [v.problem for v in other]
    assert [v.worst_ratio for v in one] == pytest.approx([v.worst_ratio for v in other], rel=1e-9)


def test_another_draw_would_be_noticed() -> None:
    """Another seed moves the compiled loop's states by more than rounding."""
    one, other = (sampled(SGD(STEP), SUM, squared_distance, [0, 9], 16, loop=run_compiled, seed=(seed, "sampled")).measured for seed in (7, 8))

    assert np.abs(one[-1] - other[-1]).max() > 1e-6 * one.max()


# ---- nothing global changes
def process_state() -> dict[str, Any]:
    """What belongs to the process and not to us."""
    import jax
    import matplotlib as mpl

    return {
        "x64": jax.config.jax_enable_x64, "jax array": str(jax.numpy.asarray(1.0).dtype),
        "errstate": np.geterr(), "print options": repr(np.get_printoptions()), "legacy random state": repr(np.random.get_state()),
        "random state": random.getstate(), "warnings": list(warnings.filters), "rcParams": dict(mpl.rcParams), "backend": mpl.rcParams["backend"],
        "locale": locale.setlocale(locale.LC_ALL), "decimal": repr(decimal.getcontext()), "recursion": sys.getrecursionlimit(),
        "digits": sys.get_int_max_str_digits(), "environment": dict(os.environ), "folder": os.getcwd(), "hook": sys.excepthook,
    }


def use_everything(folder: Any) -> None:
    """A check with exact, sampled and compiled runs, mutants, proofs, and the report's figures and pages."""
    from convlab.falsify.mutants import mutants
    from convlab.prove import prove
    from convlab.report.write import write_report

    options = Settings(iterations=20, replicates=32, engine="jax", problems=("noisy", "quadratic-2"))
    check(strongly_convex, settings=options)
    mutants(strongly_convex, Settings(iterations=20))
    proofs = prove(strongly_convex)
    found = check(strongly_convex, settings=replace(options, engine="auto"))
    write_report((strongly_convex,), {strongly_convex.id: found}, {strongly_convex.id: proofs}, folder, options)


def test_no_global_state_is_changed(tmp_path: Any) -> None:
    """x64 flag, NumPy's error state, print options and legacy random state, warning filters, Matplotlib, locale, decimal context: before and after."""
    check(strongly_convex, settings=Settings(iterations=2, replicates=2, engine="jax", problems=("noisy",)))       # what third parties do when imported is theirs
    before = process_state()
    use_everything(tmp_path)
    after = process_state()

    assert {name for name in before if before[name] != after[name]} == set()


def test_a_change_would_be_noticed() -> None:
    """Each of these is seen by the comparison."""
    before = process_state()
    with np.printoptions(precision=3), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = np.random.get_state()
        np.random.rand()
        changed = process_state()
        np.random.set_state(state)

    assert {name for name in before if before[name] != changed[name]} == {"print options", "errstate", "warnings", "legacy random state"}


def test_importing_changes_nothing() -> None:
    """A fresh process: importing every module of convlab leaves the warning filters, NumPy's settings, the random states and the environment as they were."""
    program = """
import json, os, pkgutil, importlib.util, random, sys, warnings, decimal, locale
import numpy, matplotlib, sympy, scipy.special, hypothesis
def state():
    return [repr(warnings.filters), repr(numpy.geterr()), repr(numpy.get_printoptions()), repr(numpy.random.get_state()), repr(random.getstate()),
            repr(decimal.getcontext()), locale.setlocale(locale.LC_ALL), sorted(os.environ.items()), repr(dict(matplotlib.rcParams)), sys.getrecursionlimit()]
import jax, typer, rich.console, rich.progress, typst, joblib, ml_dtypes, sklearn.datasets, cvxpy, PEPit, optax
if importlib.util.find_spec("torch"):
    import torch
before = state()
import convlab
for found in pkgutil.walk_packages(convlab.__path__, "convlab."):
    if found.name.rpartition(".")[2] != "__main__":
        importlib.import_module(found.name)
after = state()
print([i for i, (a, b) in enumerate(zip(before, after)) if a != b])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout.strip() == "[]"


def test_arrays_of_the_caller_are_left_alone() -> None:
    """A compiled run returns NumPy arrays and leaves the start that it was given."""
    start: Array = np.array([[9.0, -16.0]])
    before = start.copy()
    sampled(SAGA(STEP), SUM, squared_distance, [0, 5], 4, loop=run_compiled)

    np.testing.assert_array_equal(start, before)
