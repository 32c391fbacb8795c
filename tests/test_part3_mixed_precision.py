"""Low precision: stochastic rounding in fractions, its floor, and the loss scale against a plain account of the same events."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.algorithms.mixed_precision import DynamicLossScaling, LowPrecisionSGD, chance_up, rounded
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.assumptions import FixedPointGrid, audit
from convlab.constants import exact
from convlab.draws import Bernoulli, Draws, rademacher
from convlab.operations import norm_squared
from convlab_problems import loss_scaling, low_precision

rationals = st.fractions(min_value=-30, max_value=30, max_denominator=16)
positive = st.fractions(min_value=Fraction(1, 16), max_value=30, max_denominator=16)


# ---- coins that see earlier draws
@given(bias=st.fractions(min_value=0, max_value=1, max_denominator=9))
def test_a_coin_given_the_noise_is_enumerated_after_it(bias):
    """P(noise, coin) is P(noise) p(noise), and the joint probabilities add up to one."""
    draws = Draws(noise=rademacher(1), up=Bernoulli(lambda state, earlier: (earlier.noise + 1) * bias / 2 + 0 * state, given=("noise",)))
    state = RATIONAL.array([0, 0])
    found = {(int(draw.noise[0]), int(draw.up[0])): weight[0] for draw, weight in draws.branches(2, state)}

    assert found == {(-1, 0): Fraction(1, 2), (-1, 1): 0, (1, 0): (1 - bias) / 2, (1, 1): bias / 2}


def test_sampled_coins_see_the_same_draws():
    """`Draws.value` throws a coin that copies the sign of the noise: never heads on a negative one."""
    draws = Draws(noise=rademacher(1), up=Bernoulli(lambda state, earlier: (earlier.noise > 0) * 1.0, given=("noise",)))
    raw = {name: law.raw(np.random.default_rng(1), 1, 64)[0] for name, law in draws.items()}
    drawn = draws.value(raw, None)

    assert (drawn.up == (drawn.noise > 0)).all()
    assert 0 < drawn.up.sum() < 64


def test_a_coin_cannot_see_what_is_drawn_later():
    with pytest.raises(ValueError, match="no law before it"):
        Draws(up=Bernoulli(lambda state, earlier: 0, given=("noise",)), noise=rademacher(1))


# ---- stochastic rounding
@given(y=rationals, spacing=positive)
def test_rounding_is_unbiased_with_the_variance_of_a_coin(y, spacing):
    """E SR(y) = y and Var SR(y) = (y - lo)(hi - y) <= spacing^2/4, with ==; on the grid nothing is drawn."""
    at = RATIONAL.array([[y]])
    up, low, high = chance_up(at, spacing)[0, 0], rounded(at, spacing, 0)[0, 0], rounded(at, spacing, 1)[0, 0]

    assert 0 <= up < 1
    assert low <= y < high == low + spacing
    assert (1 - up) * low + up * high == y
    assert (1 - up) * (low - y) ** 2 + up * (high - y) ** 2 == (y - low) * (high - y) <= spacing**2 / 4


@given(y=rationals, spacing=positive, scale=positive)
def test_rounding_scales_and_shifts_with_the_grid(y, spacing, scale):
    """Measured in cells, the grid has no scale and no origin among its points."""
    at = RATIONAL.array([[y]])

    assert chance_up(scale * at, scale * spacing) == chance_up(at, spacing) == chance_up(at + 7 * spacing, spacing)
    assert rounded(scale * at, scale * spacing, 1) == scale * rounded(at, spacing, 1)


def expected_distances(problem, algorithm, x0, steps):
    """E |x_k - x*|^2 by a dictionary of points: the law of the run, written apart from the engine."""
    best = next(f.at for f in problem.facts() if hasattr(f, "at"))
    law, found = {tuple(x0): Fraction(1)}, []
    for _ in range(steps + 1):
        points, weights = RATIONAL.array(list(law)), list(law.values())
        found.append(sum(w * v for w, v in zip(weights, norm_squared(points - best), strict=True)))
        state, after = algorithm.init(points, problem), {}
        for draw, probability in algorithm.draws(problem).branches(len(points), state):
            for target, weight, chance in zip(map(tuple, algorithm.step(state, problem, draw).x), weights, np.broadcast_to(probability, len(points)), strict=True):
                after[target] = after.get(target, 0) + weight * chance
        law = {target: weight for target, weight in after.items() if weight}
    return found


@given(L=positive, spacing=positive, cells=st.integers(-20, 20), noise=st.integers(0, 5))
def test_midway_minimisers_attain_the_floor_at_every_step(L, spacing, cells, noise):
    """At gamma = 1/L, x* midway and noise of whole cells, E d_k = gamma^2 sigma^2 + spacing^2/4 for every k >= 1, with ==."""
    problem = low_precision.make((L,), spacing, centre=spacing / 2, noise=noise * spacing * L, cells=cells)
    found = expected_distances(problem, LowPrecisionSGD(1 / L, spacing), [cells * spacing], 3)

    assert found[1:] == [(noise * spacing) ** 2 + spacing**2 / 4] * 3


def test_one_cell_off_the_minimiser_half_a_step_attains_the_first_bound():
    """gamma L = 1/2, x* = 0, x_0 = delta: E d_1 = delta^2/4 + delta^2/4, and E d_2 lies below its bound 3/8 delta^2."""
    delta = Fraction(3, 7)
    found = expected_distances(low_precision.make((5,), delta, cells=1), LowPrecisionSGD(Fraction(1, 10), delta), [delta], 2)

    assert found[1] == delta**2 / 2
    assert found[2] < delta**2 * (Fraction(1, 16) + Fraction(1, 4) + Fraction(1, 16))


@pytest.mark.parametrize("member", list(low_precision.FAMILY.members()), ids=lambda m: m.name)
def test_every_member_stays_below_the_bound_in_fractions_and_survives_its_audit(member):
    """Three exact steps at gamma = 1/(2L): rho^(2k) R^2 + (gamma^2 sigma^2 + d delta^2/4) (1 - rho^(2k))/(1 - rho^2), recomputed here."""
    facts = {str(s): c.value for f in member.problem.facts() for s, c in f.constants().items()}
    gamma, dimension = 1 / (2 * facts["L"]), member.problem.dimension
    contraction = 1 - gamma * facts["mu"]
    x0 = member.problem.starts(np.random.default_rng(0))[0].point
    found = expected_distances(member.problem, LowPrecisionSGD(gamma, member.problem.spacing), RATIONAL.array(x0), 3)
    bound = found[0]
    for measured in found[1:]:
        bound = contraction**2 * bound + (gamma * facts["sigma"]) ** 2 + dimension * facts["grid"] ** 2 / 4
        assert measured <= bound
    assert {finding.status.value for _, finding in audit(member.problem, np.random.default_rng(4))} <= {"attained", "holds"}


def test_floats_follow_the_fractions_on_the_grid():
    """With a dyadic spacing float64 visits the very points of the fractions; probabilities agree to rounding."""
    problem = low_precision.make((Fraction(12, 5),), Fraction(1, 4), centre=Fraction(11, 3), noise=Fraction(7, 2), cells=-9)
    step = Fraction(1, 7)
    laws = []
    for arithmetic in (RATIONAL, FLOAT64):
        own, algorithm = cast(problem, arithmetic), LowPrecisionSGD(arithmetic.number(step), arithmetic.number(Fraction(1, 4)))
        state = algorithm.init(arithmetic.array([[Fraction(-9, 4)]]), own)
        laws.append({float(algorithm.step(state, own, draw).x[0, 0]): float(np.ravel(weight)[0]) for draw, weight in algorithm.draws(own).branches(1, state)})

    assert laws[0].keys() == laws[1].keys()
    assert all(abs(laws[0][x] - laws[1][x]) < 1e-13 for x in laws[0])        # a dozen roundings of numbers near 10


def test_a_start_off_the_grid_is_broken_by_the_audit():
    problem = cast(low_precision.make((2,), Fraction(1, 4), cells=3), FLOAT64)
    finer = FixedPointGrid(exact(Fraction(1, 2), how="wrong on purpose"))

    assert [f.status.value for f in finer.audit(problem, np.random.default_rng(0))] == ["broken"]


# ---- the loss scale
class Tape:
    """An oracle that answers with whatever the draw holds."""

    def stochastic_gradient(self, x, draw):
        return draw


def plain_account(magnitudes, patience, overflow, scale):
    """The same events counted by hand: (scale, skips) after each gradient."""
    good = skips = 0
    for magnitude in magnitudes:
        if scale * magnitude >= overflow:
            scale, good, skips = scale / 2, 0, skips + 1
        else:
            good += 1
            if good == patience:
                scale, good = scale * 2, 0
        yield scale, skips


@given(magnitudes=st.lists(positive, min_size=1, max_size=40), patience=st.integers(1, 5), overflow=positive, first=positive)
def test_the_scale_follows_a_plain_account_and_both_bounds_hold(magnitudes, patience, overflow, first):
    """Scale and skips equal the plain account with ==; s_k >= min(s_0, V/(2G)) and 2^(skips - (k - skips)/n) <= max(1, 2 s_0 G/V)."""
    algorithm = DynamicLossScaling(Fraction(0), patience, overflow, first)
    state, G = algorithm.init(RATIONAL.array([[0]]), Tape()), max(magnitudes)
    for k, (magnitude, (scale, skips)) in enumerate(zip(magnitudes, plain_account(magnitudes, patience, overflow, first), strict=True), start=1):
        state = algorithm.step(state, Tape(), RATIONAL.array([[magnitude]]))

        assert (state.scale[0, 0], state.skips[0, 0]) == (scale, skips)
        assert scale >= min(first, overflow / (2 * G))
        excess = patience * skips - (k - skips)                    # n times what is beyond (k - skips)/n, an integer: no logarithm is needed
        assert excess <= 0 or 2**excess <= max(1, 2 * first * G / overflow) ** patience


@given(G=positive, overflow=positive, patience=st.integers(1, 4), periods=st.integers(1, 4))
def test_constant_gradients_at_the_edge_skip_one_step_in_n_plus_one(G, overflow, patience, periods):
    """From s_0 = V/(2G) the skipped steps are exactly n + 1, 2(n + 1), ..."""
    algorithm = DynamicLossScaling(Fraction(0), patience, overflow, overflow / (2 * G))
    state, skipped = algorithm.init(RATIONAL.array([[0]]), Tape()), []
    for k in range(1, periods * (patience + 1) + 1):
        before, state = state, algorithm.step(state, Tape(), RATIONAL.array([[G]]))
        skipped += [k] if state.skips[0, 0] > before.skips[0, 0] else []

    assert skipped == [(patience + 1) * (i + 1) for i in range(periods)]


@given(lam=positive, gamma_lam=st.fractions(min_value=Fraction(1, 10), max_value=Fraction(19, 10), max_denominator=10), start=positive, overflow=positive, first=positive)
def test_gradient_descent_is_only_delayed(lam, gamma_lam, start, overflow, first):
    """On lam x^2/2, x_k = (1 - gamma lam)^(k - skips) x_0 with ==, in three dimensions at once."""
    problem = loss_scaling.make_quadratic(lam, overflow, first, centre=(0, 0, 0), start=(start, -2 * start, start / 3))
    algorithm = DynamicLossScaling(gamma_lam / lam, 2, overflow, first)
    x0 = RATIONAL.array(problem.starts(np.random.default_rng(0))[0].point)[None]
    state = algorithm.init(x0, problem)
    for k in range(1, 12):
        state = algorithm.step(state, problem, None)
        assert (state.x == (1 - gamma_lam) ** (k - int(state.skips[0, 0])) * x0).all()


def test_floats_count_as_fractions_do():
    """64 steps of a fixed sequence in a batch of two first scales: the same scales and skips in both arithmetics."""
    magnitudes = [Fraction(int(v), 8) for v in np.random.default_rng(5).integers(1, 60, size=64)]
    results = []
    for arithmetic in (RATIONAL, FLOAT64):
        algorithm = DynamicLossScaling(arithmetic.number(Fraction(1, 3)), 3, arithmetic.number(35), arithmetic.array([[64], [Fraction(1, 4)]]))
        state = algorithm.init(arithmetic.array([[0], [0]]), Tape())
        for magnitude in magnitudes:
            state = algorithm.step(state, Tape(), arithmetic.array([[magnitude], [magnitude]]))
        results.append((state.scale.astype(float).tolist(), state.skips.astype(float).tolist()))

    assert results[0] == results[1]


@pytest.mark.parametrize("member", [*loss_scaling.SEQUENCES.members(), *loss_scaling.QUADRATICS.members()], ids=lambda m: m.name)
def test_constants_of_the_loss_scaling_problems_survive_their_audit(member):
    assert {finding.status.value for _, finding in audit(member.problem, np.random.default_rng(4))} <= {"attained", "holds"}


@pytest.mark.parametrize("build", [lambda: loss_scaling.make((1, -2), 8, 4), lambda: loss_scaling.make_quadratic(0, 8, 4), lambda: low_precision.make((1,), 0)])
def test_meaningless_constants_are_refused(build):
    with pytest.raises(ValueError, match="must be positive"):
        build()
