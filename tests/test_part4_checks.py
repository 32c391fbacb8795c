"""Part IV's theorems before the judge, and its assumptions before their audit: what is right holds, what is wrong is seen."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from convlab.algorithms.asynchronous import DelayedGradient
from convlab.algorithms.compression import CompressedGD, KeepK, RandK, TopK
from convlab.arithmetic import FLOAT64, cast
from convlab.assumptions import DisagreeingWorkers, MixingMatrix, OnePeerRounds, Status, Workers, audit
from convlab.constants import exact
from convlab.falsify.mutants import mutants
from convlab.judge.check import check
from convlab.judge.verdict import Word
from convlab.problem import Family, installed_families
from convlab.run.settings import Settings
from convlab.symbols import gamma, n_kept, p
from convlab.theorem import Source
from convlab.theorems.asynchronous import random_delay
from convlab.theorems.byzantine import krum
from convlab.theorems.compression import isotropic, local_top_one, random_k
from convlab.theorems.decentralized import gossip
from convlab_problems.graphs import make as graph
from convlab_problems.workers import make as isotropic_workers

quick = Settings(sampled=False, iterations=40)


def only(family, *members):
    """One installed family with these members alone."""
    found = installed_families()[family]
    return {family: Family(family, found.make, lambda: [m for m in found.members() if not members or m.name in members])}


quadratics = only("quadratic", "quadratic-2", "quadratic-isotropic-3")
cases = [(random_k, only("workers")), (isotropic, only("workers")), (gossip, only("graphs")), (random_delay, quadratics), (krum, only("workers"))]


def named(value):
    return getattr(value, "id", "")


@pytest.mark.parametrize(("theorem", "families"), cases, ids=named)
def test_what_is_claimed_holds(theorem, families):
    """Every claim has verdicts, and all of them hold."""
    result = check(theorem, families=families, settings=quick)

    assert {v.claim for v in result.verdicts} == {claim.name for claim in theorem.claims}
    assert {v.word for v in result.verdicts} == {Word.HOLDS}


@pytest.mark.parametrize(("theorem", "families"), [*cases, (local_top_one, only("topk_witness"))], ids=named)
def test_every_false_neighbour_is_refuted(theorem, families):
    """Beyond k = 0, each with its witness."""
    found = mutants(theorem, quick, families)

    assert [m.mutant for m in found if not m.refuted] == []


def test_expectations_are_exact():
    """The second moment of compressed gradient descent is judged by moments, and in rationals on its instance: no sample certifies it."""
    result = check(isotropic, claim="main", families=only("workers"), settings=quick)

    assert {v.judged_by for v in result.verdicts} == {Source.RATIONAL, Source.MOMENTS}


def test_local_top_one_is_refuted_and_its_growth_is_exact():
    """The false claim fails at its first step; the true one beside it is an equality in rationals."""
    result = check(local_top_one, families=only("topk_witness"), settings=quick)
    words = {v.claim: (v.word, v.judged_by) for v in result.verdicts}

    assert words["main"][0] is Word.REFUTED
    assert words["grows"] == (Word.HOLDS, Source.RATIONAL)


@pytest.mark.parametrize("wrong", [CompressedGD(gamma, KeepK(n_kept)), CompressedGD(gamma, TopK(n_kept)), CompressedGD(gamma / 2, RandK(n_kept))], ids=str)
def test_another_compressor_or_step_breaks_the_exact_moment(wrong):
    """No scale, the largest coordinates, half the step."""
    assert check(isotropic, claim="main", families=only("workers"), settings=quick, algorithm=wrong).word is Word.REFUTED


@pytest.mark.parametrize("wrong", [DelayedGradient(gamma, 1 - p), DelayedGradient(gamma, p * 0 + p**2)], ids=str)
def test_another_law_of_the_delay_moves_the_edge(wrong):
    """Late with probability 1 - p (off one half), or p^2."""
    assert check(random_delay, families=quadratics, settings=quick, algorithm=wrong).word is Word.REFUTED


# ---- the audits
def broken(problem, *claims):
    """The constants that an audit of these claims breaks."""
    told = cast(problem, FLOAT64)
    facts = type("Claiming", (), {"facts": lambda self: claims, "__getattr__": lambda self, name: getattr(told, name)})()
    return {found.constant for _, found in audit(facts, np.random.default_rng(0)) if found.status is Status.BROKEN}


def test_a_wrong_number_of_workers_is_found():
    """Three workers do not pass for four."""
    problem = isotropic_workers(19, [(1, 2), (-3, 1), (2, -3)])

    assert broken(problem, Workers(4)) == {"workers"}
    assert broken(problem, Workers(3)) == set()


def test_gradients_that_do_not_average_to_the_gradient_are_found():
    """A worker whose shift does not cancel is seen against f's own gradient."""
    problem = isotropic_workers(19, [(1, 2), (-3, 1), (2, -3)])
    skewed = replace(problem, shifts=problem.shifts + np.array([[Fraction(5), 0], [0, 0], [0, 0]], dtype=object))

    assert broken(skewed, Workers(3)) == {"workers"}


def test_an_understated_disagreement_is_found():
    """sigma_opt is 50 on two workers shifted by (30, 40): 49 is broken."""
    problem = isotropic_workers(Fraction(7, 2), [(30, 40), (-30, -40)])
    minimum = problem.facts()[-1]

    assert broken(problem, minimum, DisagreeingWorkers(exact(49, how="claimed"))) == {"sigma_opt"}
    assert broken(problem, minimum, DisagreeingWorkers(exact(50, how="claimed"))) == set()


def test_an_understated_mixing_rate_is_found():
    """A ring of 11 mixes at 0.894, not at 0.89; and a matrix whose rows do not sum to 1 is no mixing matrix."""
    ring = graph("ring", 11)

    assert broken(ring, MixingMatrix(exact(0.89, how="claimed"), 11)) == {"mixing"}
    assert "doubly stochastic" in broken(replace(ring, matrix=ring.matrix * 2), MixingMatrix(exact(2.0, how="claimed"), 11))


def test_rounds_in_another_order_are_found():
    """Peers 2 and 1 places on, where 1 and 2 were promised."""
    peers = graph("one_peer", 4)

    assert broken(replace(peers, matrices=peers.matrices[::-1]), OnePeerRounds(2, 4)) == {"one peer"}
    assert broken(peers, OnePeerRounds(2, 4)) == set()


def test_compressed_messages_cost_what_they_hold():
    """Random-k sends k numbers, top-k their indices too, the average everything."""
    problem = isotropic_workers(Fraction(2, 9), [(6, 8, 0), (-6, -8, 0), (0, 8, -6), (0, -8, 6)])

    assert CompressedGD(Fraction(1), RandK(2)).cost(problem).bits == 4 * 2 * 64
    assert CompressedGD(Fraction(1), TopK(2)).cost(problem).bits == 4 * 2 * (64 + 2)
    assert CompressedGD(Fraction(1), RandK(2)).cost(problem).component_gradients == 4
