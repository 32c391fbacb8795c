"""Simultaneous gradient descent-ascent on quadratic games: the divergence is an identity, in fractions as in floats."""
from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.algorithms.adversarial import SimultaneousGDA
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import LipschitzOperator, SaddlePoint, audit
from convlab.operations import norm_squared
from convlab_problems.saddle import BILINEAR, STRONGLY_MONOTONE, make_bilinear, saddle

rationals = st.fractions(min_value=-20, max_value=20, max_denominator=12)
positive = st.fractions(min_value=Fraction(1, 12), max_value=20, max_denominator=12)


def iterates(algorithm, problem, z0, steps):
    state = algorithm.init(z0, problem)
    yield state.x
    for _ in range(steps):
        state = algorithm.step(state, problem)
        yield state.x


def point(*entries):
    return RATIONAL.array([entries])


# ---- the law
@given(step=rationals, values=st.lists(positive, min_size=1, max_size=3), seed=st.integers(0, 50), data=st.data())
def test_every_plane_grows_by_its_own_factor(step, values, seed, data):
    """|P_i z_k|^2 = (1 + gamma^2 s_i^2)^k |P_i z_0|^2 with ==, for every step size of either sign, around every saddle."""
    entries = data.draw(st.lists(rationals, min_size=4 * len(values), max_size=4 * len(values)))
    game = saddle(values, at=entries[: 2 * len(values)], rotation=seed)
    z0 = point(*entries[2 * len(values):])
    factor = 1 + (step * RATIONAL.array(values)) ** 2

    for k, z in enumerate(iterates(SimultaneousGDA(step), game, z0, 5)):
        assert (game.planes(z) == factor**k * game.planes(z0)).all()


@given(step=positive, coupling=positive, scale=positive, x=rationals, y=rationals)
def test_the_run_scales_with_the_start_and_commutes_with_turns(step, coupling, scale, x, y):
    """The rule is linear and the plane has no preferred direction: scaling or turning the start scales or turns every iterate."""
    game, algorithm = make_bilinear(coupling=coupling), SimultaneousGDA(step)
    turn = RATIONAL.array([[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]])
    z0 = point(x, y)

    for plain, scaled, turned in zip(iterates(algorithm, game, z0, 4), iterates(algorithm, game, scale * z0, 4), iterates(algorithm, game, z0 @ turn, 4), strict=True):
        assert (scaled == scale * plain).all()
        assert (turned == plain @ turn).all()


@given(seed=st.integers(0, 1000))
def test_a_matrix_without_rational_singular_vectors_agrees_with_numpy(seed):
    """For a random matrix the operator is (B y, -B^T x), and the squared lengths in the planes of its singular vectors grow by 1 + (gamma s)^2."""
    rng = np.random.default_rng(seed)
    matrix, z = rng.standard_normal((3, 3)), rng.standard_normal((4, 6))
    game = make_bilinear(matrix=matrix.tolist())

    np.testing.assert_allclose(game.operator(z), np.hstack([z[:, 3:] @ matrix.T, -z[:, :3] @ matrix]), rtol=0, atol=1e-13)     # entries of order 10
    after = SimultaneousGDA(0.7).step(SimultaneousGDA(0.7).init(z, game), game).x
    np.testing.assert_allclose(game.planes(after), (1 + (0.7 * np.linalg.svd(matrix)[1]) ** 2) * game.planes(z), rtol=1e-12)   # one step of rounding


# ---- the example
def test_the_strongly_monotone_plane_contracts_by_its_exact_factor():
    """mu = 3, s = 4, gamma = mu/L^2 = 3/25: one step multiplies the squared distance by exactly 16/25."""
    game, z0 = saddle((4,), mu=3, at=(2, -7)), point(Fraction(5), Fraction(1, 3))
    distances = [norm_squared(z - game.saddle)[0] for z in iterates(SimultaneousGDA(Fraction(3, 25)), game, z0, 6)]

    assert all(after == Fraction(16, 25) * before for before, after in itertools.pairwise(distances))


@pytest.mark.parametrize("member", [*BILINEAR.members(), *STRONGLY_MONOTONE.members()], ids=lambda m: m.name)
def test_floats_follow_the_fractions_and_constants_survive_their_audit(member):
    """20 steps in float64 stay within rounding of the same steps in fractions; no audit breaks a constant."""
    L = next(float(f.L.value) for f in member.problem.facts() if isinstance(f, LipschitzOperator))
    step = Fraction(1, 2) / Fraction(L).limit_denominator(1000)
    start = member.problem.starts(np.random.default_rng(3))[1].point
    *_, exact = iterates(SimultaneousGDA(step), cast(member.problem, RATIONAL), RATIONAL.array(start)[None], 20)
    *_, rounded = iterates(SimultaneousGDA(float(step)), cast(member.problem, FLOAT64), FLOAT64.array(start)[None], 20)

    np.testing.assert_allclose(rounded, exact.astype(float), rtol=0, atol=1e-12 * np.abs(exact.astype(float)).max())   # 20 steps of tens of roundings
    assert {finding.status.value for _, finding in audit(member.problem, np.random.default_rng(4))} <= {"attained", "holds"}


# ---- we would notice
def test_a_wrong_coupling_or_saddle_is_broken_by_the_audit():
    """A saddle point claimed elsewhere fails the audit, and so does a Lipschitz constant half as large."""
    game = saddle((3, 7), mu=2, at=(1, -2, 4, 0), rotation=11)
    elsewhere = SaddlePoint(next(f.value for f in game.facts() if isinstance(f, SaddlePoint)), at=game.saddle + Fraction(1, 2))
    lipschitz = next(f for f in game.facts() if isinstance(f, LipschitzOperator))
    halved = LipschitzOperator(type(lipschitz.L)(float(lipschitz.L.value) / 2, lipschitz.L.exactness, ""))
    floating = cast(game, FLOAT64)

    for wrong in (elsewhere, halved):
        assert "broken" in {finding.status.value for finding in wrong.audit(floating, np.random.default_rng(0))}


@pytest.mark.parametrize("arguments", [{}, {"coupling": 2, "matrix": ((1,),)}, {"matrix": ((1, 2, 3), (4, 5, 6))}])
def test_a_game_that_is_not_one_is_refused(arguments):
    """Neither, both, or a matrix that is not square."""
    with pytest.raises(ValueError, match="bilinear game"):
        make_bilinear(**arguments)
