"""The declared false statements are false for their published reason: their true neighbours are not refuted, and the claim weakened into a true one holds."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab.algorithms.adaptive import AMSGrad
from convlab.algorithms.asynchronous import FixedDelay
from convlab.algorithms.byzantine import HijackedGD, Krum
from convlab.algorithms.compression import CompressedGD, ScaledSign, TopK
from convlab.algorithms.federated import FedAvg
from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.mixed_precision import nearest
from convlab.algorithms.online import Online
from convlab.arithmetic import FLOAT64, RATIONAL, cast
from convlab.catalogue import theorem, theorems
from convlab.judge.check import judge_claim
from convlab.judge.verdict import Verdict, Word
from convlab.problem import installed_families
from convlab.run.settings import Settings
from convlab.symbols import Delta, G, L, R, diameter, gamma, k, lam, mu, relative_error, sigma
from convlab.theorem import FalseClaim, Instance, Source
from convlab_problems import inexact, wolfe
from convlab_problems.clients import make as clients_of
from convlab_problems.rational import vector

FAMILIES = installed_families()
QUICK = Settings(iterations=60, sampled=False)
FALSE = [(t.id, c) for t in theorems().values() for c in t.claims if isinstance(c, FalseClaim)]
TOPICS = ("momentum", "gradient_descent", "sgd", "adaptive", "mixed_precision", "adversarial", "multitask", "compression", "federated", "decentralized",
          "asynchronous", "byzantine")
TRANSCENDENTAL = {"false-adam-regret", "false-scalarisation-reaches-every-pareto-point"}      # roots of averaged squares, exp


def asserted(id: str, name: str = "main", on: Instance | None = None, **changes: Any) -> Any:
    """What a false claim asserts, on its witness (or elsewhere), with these fields changed."""
    claim = next(c for c in theorem(id).claims if c.name == name)
    return replace(claim.asserted, on=(on or claim.witness,), name=name, **changes)


def verdict(claim: Any) -> Verdict:
    """The one verdict on a claim's one instance."""
    (found,) = [v for v in judge_claim("claim", claim, FAMILIES, QUICK) if isinstance(v, Verdict)]
    return found


def word(claim: Any) -> Word:
    return verdict(claim).word


# ---- all of them
@pytest.mark.parametrize(("id", "claim"), FALSE, ids=[f"{id}:{claim.name}" for id, claim in FALSE])
def test_the_witness_refutes_beyond_the_start_and_in_fractions(id: str, claim: FalseClaim) -> None:
    """Exactly, wherever the witness is rational; and what is true instead is in the catalogue."""
    found = verdict(asserted(id, claim.name))

    assert found.word is Word.REFUTED
    assert found.witness is not None
    assert found.witness.iteration >= 1
    assert found.judged_by is (Source.DETERMINISTIC if id in TRANSCENDENTAL else Source.RATIONAL)
    assert not claim.instead or not theorem(claim.instead).false


@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_has_one(topic: str) -> None:
    """Every topic that the literature has a folklore error on."""
    assert any(theorem(id).topic == topic for id, _ in FALSE)


# ---- the same claim of a method or a problem of which it is true
def networked(targets: tuple[Any, ...]) -> Instance:
    return Instance("networked", lam=lam, targets=targets, pull=sp.Rational(1, 2), start=((4 * R,), (3 * R,)))


def clients(targets: tuple[Any, ...], curvatures: tuple[Any, ...] = (lam, 3 * lam)) -> Instance:
    return Instance("clients", curvatures=curvatures, targets=targets, start=3 * R)


root_L, root_mu = sp.sqrt(L), sp.sqrt(mu)
rate = (root_L - root_mu) / (root_L + root_mu)


class Feedback(NamedTuple):
    """A point, and what was not sent yet."""

    x: Any
    error: Any


@dataclass(frozen=True)
class ErrorFeedback:
    """x_{k+1} = x_k - C(step_size g + e), e what C dropped: signs with a memory."""

    step_size: Any
    compressor: Any

    def init(self, x0: Any, oracle: Any) -> Feedback:
        return Feedback(x0, 0 * x0)

    def step(self, state: Feedback, oracle: Any) -> Feedback:
        wanted = self.step_size * oracle.gradient(state.x) + state.error
        sent = self.compressor(wanted)
        return Feedback(state.x - sent, wanted - sent)


TRUE = {
    "gradient descent on the three-cycle": asserted("false-heavy-ball-strongly-convex", algorithm=GradientDescent(2 / (L + mu)),
                                                    bound=((L - mu) / (L + mu)) ** k * R),
    "heavy ball from outside the basin": asserted("false-heavy-ball-strongly-convex", on=Instance(
        "three_cycle", mu=sp.Rational(4, 9), width=4, start=sp.Rational(78, 5))),
    "heavy ball on a quadratic": asserted("false-heavy-ball-strongly-convex", bound=(1 + (1 + rate) * k) * rate**k * R, on=Instance(
        "quadratic", spectrum=(mu, L), start=(R, R), at={mu: sp.Rational(1, 4), L: 16})),
    "decreasing normalised steps on Wolfe's function": asserted("false-steepest-descent-nonsmooth", algorithm=GradientDescent(140 * R / (G**2 * sp.sqrt(k + 1))),
                                                                bound=20 * Delta / (k + 1)),
    "short steps at the kink": asserted("false-subgradient-constant-last-iterate", "converges", algorithm=GradientDescent(gamma / (10 * (k + 1)))),
    "noise-free SGD": asserted("false-sgd-constant-step-converges", on=Instance("noisy", clean="quadratic", spectrum=(lam,), noise=0, start=(5 * R,))),
    "AMSGrad": asserted("false-adam-regret", algorithm=Online(AMSGrad(step_size=gamma / sp.sqrt(k + 1), beta1=0, beta2=sp.Rational(1, 101)))),
    "online gradient descent": asserted("false-adam-regret", algorithm=Online(GradientDescent(diameter / (G * sp.sqrt(k + 1))))),
    "weights that are not rounded": asserted("false-smaller-step-cures-stagnation", algorithm=GradientDescent(gamma)),
    "gradients at the exact weights": asserted("false-master-weights-reach-minimiser", algorithm=GradientDescent(gamma)),
    "errors along the gradient": asserted("false-relative-error-distance-rate", on=Instance(
        "inexact", spectrum=(mu, L), relative_error=relative_error, turn=-1, start=(4 * R, -3 * R), at={relative_error: sp.Rational(1, 5)})),
    "a hinge below margin 1": asserted("false-fgsm-exact-for-hinge", on=Instance(
        "linear_attack", model=(3, -2), input=(sp.Rational(1, 5), sp.Rational(1, 10)), radius=diameter / 2, at={diameter: sp.Rational(3, 2)})),
    "the logistic loss": asserted("false-fgsm-exact-for-hinge", on=Instance(
        "linear_attack", model=(3, 7), input=(2, sp.Rational(-1, 3)), radius=diameter / 2, at={diameter: sp.Rational(5, 2)}, loss="logistic")),
    "gradient descent on the sum": asserted("false-pcgrad-reaches-minimum-of-sum", algorithm=GradientDescent(gamma)),
    "weights of convex tasks": asserted("false-scalarisation-reaches-every-pareto-point", on=Instance(
        "task-pairs", matrices=(L, L), centres=((9 * R,), (-R,)), start=(5 * R,))),
    "error feedback": asserted("false-sign-descent", "scaled", algorithm=ErrorFeedback(gamma, ScaledSign()), bound=2 * (R**2 / (2 * gamma * k) + gamma * G**2)),
    "one local step": asserted("false-fedavg-heterogeneous", algorithm=FedAvg(gamma, 1)),
    "clients that share their minimiser": asserted("false-fedavg-heterogeneous", on=clients((R, R))),
    "clients of one curvature": asserted("false-fedavg-heterogeneous", on=clients((R, -2 * R), (lam, lam))),
    "workers that share their minimiser": asserted("false-dgd-constant-step-exact", on=networked((R, R))),
    "gradient descent without delay": asserted("false-async-synchronous-step", "one-late", algorithm=FixedDelay(1 / L, 0)),
    "a quarter of the step": asserted("false-async-synchronous-step", "one-late", algorithm=FixedDelay(1 / (4 * L), 1)),
    "a short step at a delay of ten": asserted("false-async-synchronous-step", "two-late", algorithm=FixedDelay(1 / (10 * L), 10), condition=sp.true, defaults={}),
    "Krum under the same attack": asserted("false-mean-is-robust", algorithm=HijackedGD(gamma, Krum(20 - 1 - 1), pull=lam, target=-7 * R)),
    "top-1 where every worker agrees": asserted("false-naive-topk-dcgd", algorithm=CompressedGD(gamma, TopK(1)), on=Instance(
        "workers", lam=lam, shifts=((0, 0),) * 3, start=(3 * R, 4 * R), at={L: sp.Rational(4, 3)})),
}


@pytest.mark.parametrize("name", TRUE)
def test_the_true_neighbour_is_not_refuted(name: str) -> None:
    """The same bound, asserted of what repairs the method or of a problem without the cause: it holds."""
    assert word(TRUE[name]) is Word.HOLDS


# ---- the same method, the claim weakened into a true one
WEAKER = {
    "heavy ball stays bounded": asserted("false-heavy-ball-strongly-convex", bound=R),
    "the spiral descends": asserted("false-steepest-descent-nonsmooth", bound=Delta),
    "the hop stays as high": asserted("false-subgradient-constant-last-iterate", "converges", bound=Delta),
    "SGD up to its floor": asserted("false-sgd-constant-step-converges", bound=R**2 + gamma * sigma**2 / mu),
    "linear regret": asserted("false-adam-regret", bound=G * diameter * k),
    "stagnation where it is": asserted("false-smaller-step-cures-stagnation", bound=R),
    "PCGrad does not rise": asserted("false-pcgrad-reaches-minimum-of-sum", bound=Delta),
    "a distance that contracts more slowly": asserted("false-relative-error-distance-rate", bound=sp.Rational(4, 7) ** k * R**2),
    "FedAvg up to its drift": asserted("false-fedavg-heterogeneous", bound=R),
    "DGD up to its drift": asserted("false-dgd-constant-step-exact", bound=R**2),
    "a bounded cycle under delay": asserted("false-async-synchronous-step", "one-late", bound=R),
    "no farther than the attacker's target": asserted("false-mean-is-robust", bound=7 * R),
    "signs do not rise above the start": asserted("false-sign-descent", "scaled", bound=Delta),
}


@pytest.mark.parametrize("name", WEAKER)
def test_weakened_into_a_true_claim_it_holds(name: str) -> None:
    """It is the bound that is false, not the judge that says no."""
    assert word(WEAKER[name]) is Word.HOLDS


# ---- laws behind the witnesses
rationals = st.fractions(min_value=-30, max_value=30, max_denominator=24)
positive = st.fractions(min_value=Fraction(1, 9), max_value=40, max_denominator=9)
quickly = settings(max_examples=40, deadline=None)


@quickly
@given(y=rationals, spacing=positive)
def test_rounding_to_nearest_is_pythons_round(y: Fraction, spacing: Fraction) -> None:
    """Ties to even included; never more than half a cell away."""
    (found,) = nearest(vector((y,)), spacing)

    assert found == spacing * round(y / spacing)
    assert abs(found - y) <= spacing / 2


@quickly
@given(x=rationals, y=rationals, dx=rationals, dy=rationals, t=positive)
def test_wolfes_line_search_is_exact(x: Fraction, y: Fraction, dx: Fraction, dy: Fraction, t: Fraction) -> None:
    """No other step along a ray is better than the one that it returns, from any point in any direction (to rounding)."""
    f = cast(wolfe.make(Fraction(7, 2), depth=40), FLOAT64)
    point, ray = (FLOAT64.array(vector(v))[None] for v in ((x, y), (dx, dy)))
    best = f.best_step(point, ray)
    reached, other = (f.gap(point + s * ray)[0] for s in (best[0], float(t)))

    assert best[0] >= 0
    if reached <= f.gap(point)[0] * (1 + 1e-12):                # a direction in which f does not rise, as promised; 1e-12: a dozen roundings
        assert reached <= other + 1e-9 * (1 + abs(float(f.gap(point)[0])))


@quickly
@given(step=positive, spread=rationals, a=positive, b=positive, rounds=st.integers(1, 6), m=st.integers(1, 4))
def test_federated_averaging_rests_at_its_limit_alone(step: Fraction, spread: Fraction, a: Fraction, b: Fraction, rounds: int, m: int) -> None:
    """Started at xi it does not move; xi is the minimiser where m = 1 or the curvatures agree."""
    step = step / 100
    targets, weights = (Fraction(3), 3 + spread), [1 - (1 - step * c) ** m for c in (a, b)]
    if sum(weights) == 0:
        return
    xi = sum(w * t for w, t in zip(weights, targets, strict=True)) / sum(weights)
    problem, method = clients_of((a, b), targets), FedAvg(step, m)
    state = method.init(RATIONAL.array(vector((xi,)))[None], problem)
    for _ in range(rounds):
        state = method.step(state, problem)

    assert state.x[0, 0] == xi
    assert (xi == problem.minimiser()[0]) or (m > 1 and a != b and spread != 0)


@quickly
@given(x=st.tuples(rationals, rationals), error=st.fractions(0, Fraction(9, 10), max_denominator=10), low=positive, high=positive)
def test_inexact_gradients_are_off_by_their_declared_part(x: tuple[Fraction, Fraction], error: Fraction, low: Fraction, high: Fraction) -> None:
    """|g - grad f| = error |grad f| exactly, for mirrored errors too."""
    problem = inexact.make((low, high), error, (Fraction(-21, 29), Fraction(20, 29)))
    point = RATIONAL.array(vector(x))[None]
    true, given_ = problem.gradient(point), problem.inexact_gradient(point)

    assert ((given_ - true) ** 2).sum() == error**2 * (true**2).sum()
