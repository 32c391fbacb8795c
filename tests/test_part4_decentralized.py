"""Gossip keeps the mean and forgets the rest at the graph's rate; the rates in closed form are those of the matrices."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.decentralized import Gossip, TimeVaryingGossip
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab_problems.graphs import make

graphs = st.sampled_from([("ring", 4), ("ring", 6), ("star", 3), ("star", 7), ("torus", 9), ("torus", 16), ("lazy_complete", 5), ("exponential", 8)])
enough = settings(max_examples=30, deadline=None)      # a law of fractions breaks at the first generic point; exact runs take their time
rationals = st.fractions(min_value=-60, max_value=60, max_denominator=9)


def disagreement(x):
    off = x - x.sum(axis=1)[:, None, :] / x.shape[1]
    return (off * off).sum()


def point(data, workers):
    return np.array([[[data.draw(rationals), data.draw(rationals)] for _ in range(workers)]], dtype=object)


@enough
@given(graph=graphs, data=st.data())
def test_gossip_keeps_the_mean_and_contracts(graph, data):
    """In fractions: the mean does not move, and the squared disagreement shrinks by rho^2 at least."""
    problem = cast(make(*graph), RATIONAL)
    x = point(data, problem.workers)
    after = Gossip().step(Gossip().init(x, problem), problem).x

    assert (after.sum(axis=1) == x.sum(axis=1)).all()
    assert disagreement(after) <= problem.mixing**2 * disagreement(x)


@enough
@given(graph=graphs, steps=st.integers(1, 5))
def test_the_slowest_disagreement_attains_the_rate(graph, steps):
    """From the eigenvector that the problem offers, rho^k is an equality."""
    problem = cast(make(*graph), RATIONAL)
    x = state = problem.starts(np.random.default_rng(0))[0].point[None]
    for _ in range(steps):
        state = Gossip().step(Gossip().init(state, problem), problem).x

    assert disagreement(state) == problem.mixing ** (2 * steps) * disagreement(x)


@pytest.mark.parametrize(("kind", "size"), [("ring", 5), ("ring", 11), ("ring", 32), ("torus", 25), ("torus", 49), ("star", 12), ("exponential", 32)])
def test_closed_forms_are_spectral_norms(kind, size):
    """The rate that a graph states is the norm of W - J, to rounding."""
    problem = cast(make(kind, size), FLOAT64)

    assert abs(np.linalg.norm(problem.matrix - 1 / size, 2) - problem.mixing) < 1e-13      # a singular value of a matrix of norm 1, some 100 eps


def test_the_least_eigenvalue_may_govern():
    """A ring of 6 that hardly listens to itself oscillates: rho is 4/5, from the eigenvalue -4/5, while the second is only 11/20."""
    problem = make("ring", 6, self_weight=Fraction(1, 10))

    assert problem.mixing == Fraction(4, 5)
    assert problem.slowest.tolist() == [1, -1, 1, -1, 1, -1]
    assert (problem.matrix @ problem.slowest == Fraction(-4, 5) * problem.slowest).all()


def one_period(size, x):
    problem = cast(make("one_peer", size), RATIONAL)
    state = TimeVaryingGossip(0).init(x, problem)
    for k in range(problem.rounds):
        state = TimeVaryingGossip(k).step(state, problem)
    return state.x


@enough
@given(power=st.integers(1, 4), data=st.data())
def test_one_period_of_one_peer_gossip_is_the_average(power, data):
    """N = 2^m workers agree exactly after m exchanges with one peer each."""
    x = point(data, 2**power)

    assert disagreement(one_period(2**power, x)) == 0


def test_six_workers_never_agree_in_three_rounds():
    """2^3 > 6: the coins' sums wrap around unevenly."""
    x = np.array([[[Fraction(int(i == 0))] for i in range(6)]], dtype=object)

    assert disagreement(one_period(6, x)) > 0


def test_a_wrong_rate_would_be_noticed():
    """rho^2 in place of rho is broken after one step, from the slowest disagreement."""
    problem = cast(make("star", 7), RATIONAL)
    x = problem.starts(np.random.default_rng(0))[0].point[None]

    assert disagreement(problem.mix(x)) > problem.mixing**4 * disagreement(x)


def test_errors_name_what_exists():
    """An unknown graph, a torus that is no square, an exponential graph that is no power of two."""
    with pytest.raises(ValueError, match="no graph is called 'wheel'"):
        make("wheel", 5)
    with pytest.raises(ValueError, match="square torus"):
        make("torus", 10)
    with pytest.raises(ValueError, match="2\\^m workers"):
        make("exponential", 6)
