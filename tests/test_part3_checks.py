"""Part III's game, low-precision and multi-task theorems before the judge: rounding refutes none of them, and a wrong update rule is seen."""
from __future__ import annotations

import pytest

from convlab.algorithms.adversarial import SimultaneousGDA
from convlab.algorithms.mixed_precision import DynamicLossScaling, LowPrecisionSGD
from convlab.algorithms.multitask import PCGrad
from convlab.judge.check import check
from convlab.judge.verdict import Word
from convlab.problem import Family, installed_families
from convlab.run.settings import Settings
from convlab.symbols import gamma, grid, overflow, patience, scale0
from convlab.theorem import Source
from convlab.theorems.adversarial import false_gda_bilinear_converges, gda_bilinear_diverges, gda_strongly_monotone
from convlab.theorems.mixed_precision import dynamic_loss_scaling, sgd_low_precision_weights
from convlab.theorems.multitask import pcgrad_two_task


def family(name, *members):
    """One installed family, with these members only."""
    found = installed_families()[name]
    return {name: Family(name, found.make, lambda: [m for m in found.members() if m.name in members])}


@pytest.mark.parametrize(("theorem", "claim", "problems", "wrong"), [
    (gda_bilinear_diverges, "one-coupling", "bilinear", SimultaneousGDA(gamma / 2)),
    (gda_bilinear_diverges, "every-plane", "bilinear", SimultaneousGDA(gamma / 2)),
    (gda_strongly_monotone, "main", "strongly-monotone-saddle", SimultaneousGDA(-gamma)),
    (sgd_low_precision_weights, "main", "grid-weights", LowPrecisionSGD(gamma, 2 * grid)),
    (dynamic_loss_scaling, "scale", "gradient-sequences", DynamicLossScaling(0, patience, overflow / 2, scale0)),
    (dynamic_loss_scaling, "skips", "gradient-sequences", DynamicLossScaling(0, patience, overflow / 2, scale0)),
    (dynamic_loss_scaling, "one-in-n-plus-one", "gradient-sequences", DynamicLossScaling(0, patience + 1, overflow, scale0)),
    (dynamic_loss_scaling, "only-delay", "scaled-quadratic", DynamicLossScaling(gamma / 2, patience, overflow, scale0)),
    (pcgrad_two_task, "conflict", "task-pairs", PCGrad(2 * gamma)),
    (pcgrad_two_task, "conflict-short-step", "task-pairs", PCGrad(2 * gamma)),
    (pcgrad_two_task, "agreement", "task-pairs", PCGrad(2 * gamma)),
], ids=lambda value: value if isinstance(value, str) else getattr(value, "id", ""))
def test_a_wrong_rule_is_refuted_beyond_the_start_where_the_right_one_holds(theorem, claim, problems, wrong):
    """Half the step, twice the grid, an earlier overflow: each is refuted on a declared instance, with a witness at k >= 1."""
    settings, families = Settings(sampled=False, iterations=20), family(problems)
    right = check(theorem, claim=claim, families=families, settings=settings)
    refuted = check(theorem, claim=claim, families=families, settings=settings, algorithm=wrong)

    assert right.word is Word.HOLDS
    assert refuted.word is Word.REFUTED
    assert all(v.witness.iteration >= 1 for v in refuted.verdicts if v.word is Word.REFUTED)


def test_that_small_or_decreasing_steps_converge_is_refuted_on_the_plane():
    """Both false claims fall at the first step of their witness, by exactly the growth that the identity states."""
    result = check(false_gda_bilinear_converges, families=family("bilinear"))

    assert [(v.word, v.judged_by, v.witness.iteration) for v in result.verdicts] == [(Word.REFUTED, Source.RATIONAL, 1)] * 2


def test_a_violation_by_rounding_alone_is_settled_in_rationals():
    """On a line with Hessian L a step 1/L attains the bound from every state; a search of float states finds rounding, the rationals say equality."""
    result = check(pcgrad_two_task, claim="agreement", families=family("task-pairs", "tasks-line"), settings=Settings(sampled=False))
    searched = next(v for v in result.verdicts if v.problem == "tasks-line")

    assert (searched.word, searched.judged_by) == (Word.HOLDS, Source.RATIONAL)


def test_the_exact_law_of_low_precision_weights_holds_on_every_kind_of_member():
    """Off the grid, rotated and Huber: enumeration of the rounding after the noise, k up to 20."""
    members = ("grid-quadratic-1d-off", "grid-quadratic-2-rotated", "grid-huber-1d")
    result = check(sgd_low_precision_weights, families=family("grid-weights", *members), settings=Settings(sampled=False, iterations=20))

    assert result.word is Word.HOLDS
    assert {v.problem for v in result.verdicts if v.judged_by is Source.ENUMERATION} == set(members)
