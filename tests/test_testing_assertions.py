"""`assert_theorem` and `assert_rate`: right algorithms pass, bugs fail with a witness that runs again, and nothing that was not judged is green."""
from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import convlab as cl
from convlab.errors import BadInput
from convlab.judge.check import check
from convlab.problem import installed_families
from convlab.run.engine import is_random
from convlab.symbols import L, gamma, k
from convlab.testing import assert_rate, assert_theorem, problems, starts
from convlab.testing import assertions as under_test
from convlab.testing.context import Running, within
from convlab.testing.rates import slack
from convlab.testing.spelled import imports, spelled

CONVEX, STRONGLY = (cl.Smooth, cl.Convex, cl.Minimum), (cl.Smooth, cl.StronglyConvex, cl.Minimum)
quick = settings(deadline=None, max_examples=15, database=None, derandomize=True, phases=[Phase.generate, Phase.shrink],
                 suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
make = installed_families()["quadratic"].make
PLAIN = {name: installed_families()[name] for name in ("quadratic", "huber", "noisy")}      # of all families, what shrinks may end at the plainest of another
PLANE = make((Fraction(1, 3), 12), centre=Fraction(5, 4), start=(Fraction(9, 4), -7))


class State(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Mine:
    """Nesterov's method by a stranger: `sign` of the momentum, `slip` a factor that should be 1."""

    lr: Any
    momentum: Any = 0
    sign: int = 1
    slip: Any = 1

    def init(self, x0: Any, oracle: Any) -> State:
        return State(x0, x0)

    def step(self, state: State, oracle: Any) -> State:
        x = state.y - self.slip * self.lr * oracle.gradient(state.y)
        return State(x, x + self.sign * self.momentum * (x - state.x))


@dataclass(frozen=True)
class Noisy:
    """SGD by a stranger."""

    lr: Any
    slip: Any = 1

    def init(self, x0: Any, oracle: Any) -> State:
        return State(x0, x0)

    def draws(self, oracle: Any) -> Any:
        return oracle.gradient_draws()

    def step(self, state: State, oracle: Any, draw: Any) -> State:
        return State(state.x - self.slip * self.lr * oracle.stochastic_gradient(state.x, draw), state.x)


def failure(test: Any) -> str:
    """The message of a test that fails, as Hypothesis leaves it."""
    with pytest.raises(AssertionError) as caught:
        test()
    return str(caught.value)


def again(message: str) -> str:
    """The lines of a message that show the failure again."""
    return "\n".join(line.strip() for line in message.split("To see it again:")[1].splitlines())


# ---- right algorithms and bugs, on drawn problems
@given(problems(*STRONGLY))
@quick
def test_a_right_algorithm_passes_on_every_drawn_problem(problem: Any) -> None:
    assert assert_theorem("gd-strongly-convex-distance", Mine(gamma), problem).word is cl.Word.HOLDS


@given(problems(*CONVEX))
@quick
def test_nesterovs_method_by_a_stranger_keeps_nesterovs_bound(problem: Any) -> None:
    assert_theorem("nesterov-convex", Mine(1 / L, k / (k + 3)), problem)


@given(problems(*STRONGLY, cl.BoundedVariance))
@quick
def test_sgd_by_a_stranger_keeps_the_sharp_bound(problem: Any) -> None:
    assert_theorem("sgd-sc-const-sharp", Noisy(gamma), problem)


@pytest.mark.parametrize(("theorem", "algorithm", "kinds"), [
    ("nesterov-convex", Mine(1 / L, slip=Fraction(21, 10)), CONVEX),
    ("gd-strongly-convex-distance", Mine(gamma, slip=Fraction(21, 20)), STRONGLY),
    ("sgd-sc-const-sharp", Noisy(gamma, slip=Fraction(21, 10)), (*STRONGLY, cl.BoundedVariance)),
], ids=["step 2.1/L", "step 5 % too long", "sgd's step 2.1 times too long"])
def test_a_bug_is_found_and_shrunk_to_one_dimension_and_simple_numbers(theorem: str, algorithm: Any, kinds: tuple[type, ...]) -> None:
    """Everything in the witness is a short rational, the dimension is 1, L is at most 2; and the lines in the message, run as they are, fail in the same way."""
    found: list[Any] = []

    @settings(quick, max_examples=100)
    @given(problems(*kinds, families=PLAIN))
    def test(problem: Any) -> None:
        found.append(problem)
        assert_theorem(theorem, algorithm, problem, settings=cl.Settings(iterations=60))

    message = failure(test)
    last = found[-1]

    assert "is refuted for" in message
    assert len(last.starts(None)[0].point) == 1
    assert cl.fact(last, cl.Smooth).L.value <= 2
    assert all(len(str(v.value)) <= 7 for fact in last.facts() for v in fact.constants().values())
    with pytest.raises(AssertionError) as repeated:
        exec(again(message), {})
    assert str(repeated.value) == message


@pytest.mark.parametrize(("theorem", "algorithm", "kinds"), [
    ("nesterov-convex", Mine(1 / L, k / (k + 3), sign=-1), CONVEX), ("gd-strongly-convex-distance", Mine(gamma, slip=Fraction(21, 20)), STRONGLY)])
def test_a_bug_is_found_among_all_families(theorem: str, algorithm: Any, kinds: tuple[type, ...]) -> None:
    """Wherever it shrinks to, the message runs again."""
    @settings(quick, max_examples=100, phases=[Phase.generate])
    @given(problems(*kinds))
    def test(problem: Any) -> None:
        assert_theorem(theorem, algorithm, problem, settings=cl.Settings(iterations=60))

    message = failure(test)

    assert failure(lambda: exec(again(message), {})) == message


def test_same_seed_same_verdict() -> None:
    """Twice the same run: word, witness and message; and the seed reaches the parameter points."""
    results = [assert_theorem("gd-strongly-convex-distance", Mine(gamma), PLANE, seed=seed) for seed in (7, 7, 8)]
    messages = [failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(gamma, slip=2), PLANE, seed=3)) for _ in range(2)]

    assert results[0].to_json() == results[1].to_json()
    assert messages[0] == messages[1]
    assert "seed=3" in messages[0]


# ---- what is told
def test_the_message_has_the_witness() -> None:
    """Problem, start, parameters, constants, claim, k, measured, bound and ratio."""
    message = failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(gamma, slip=2), PLANE))

    for word in ("spectrum=[1/3, 12]", "from the start 'given'", "gamma = ", "L = 12", "mu = 1/3", "main, judged by deterministic", "at k = ", "measured ",
                 "bound ", "ratio "):
        assert word in message


def test_without_a_problem_every_matching_one_is_judged() -> None:
    """And the line that shows the worst again names it."""
    assert len(assert_theorem("gd-strongly-convex-distance", Mine(gamma), settings=cl.Settings(iterations=25)).verdicts) > 10
    message = failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(gamma, slip=2), "quadratic"))

    assert "problem='quadratic" in message
    with pytest.raises(AssertionError, match="is refuted"):
        exec(again(message), {})


def test_parameters_say_what_the_tunables_are() -> None:
    """A step written out instead of a symbol; a bug in it; and they are among the lines that show it again."""
    assert_theorem("gd-strongly-convex-distance", Mine(Fraction(1, 20)), PLANE, parameters={gamma: Fraction(1, 20)})
    message = failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(1 / L, slip=2), PLANE, parameters={gamma: 1 / L}))

    assert failure(lambda: exec(again(message), {})) == message


# ---- what was not judged is never green
@pytest.mark.parametrize(("arguments", "told"), [
    ({"theorem": "gd-strongly-convex-distance", "problem": make((0, 3), start=(1, 4))}, "does not offer StronglyConvex"),
    ({"theorem": "gd-strongly-convex-distance", "problem": "no-such-problem"}, "no problem of that name"),
    ({"theorem": "gd-strongly-convex-distance", "algorithm": Mine(Fraction(1, 2)), "problem": PLANE, "parameters": {gamma: Fraction(1, 2)}}, "judged on nothing"),
    ({"theorem": "gd-strongly-convex-distance", "claim": "other"}, "has no true claim called 'other'"),
    ({"theorem": "false-sgd-constant-step-converges", "claim": "main"}, "true claim"),
    ({"theorem": "gd-strongly-convex"}, "No theorem is called"),
])
def test_what_cannot_be_judged_is_bad_input(arguments: dict[str, Any], told: str) -> None:
    """A test that judges nothing fails, and says why: a missing assumption, a name that nothing has, parameters outside the condition."""
    with pytest.raises(BadInput, match=told):
        assert_theorem(**arguments)


def test_what_nothing_decides_fails_unless_it_is_let_pass() -> None:
    """From a start next to the minimiser everything is rounding."""
    near = make((3,), centre=10**9, start=(10**9 + Fraction(1, 10**8),))

    assert "is not decided" in failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(gamma), near))
    assert assert_theorem("gd-strongly-convex-distance", Mine(gamma), near, undecided=True).word is cl.Word.INCONCLUSIVE


# ---- the error level
def levels(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """(alpha, seed) of every check that is made from here on."""
    seen: list[tuple[float, int]] = []

    def watched(*args: Any, **kwargs: Any) -> Any:
        seen.append((kwargs["settings"].alpha, kwargs["settings"].seed))
        return check(*args, **kwargs)

    monkeypatch.setattr(under_test, "check", watched)
    return seen


def test_alpha_is_split_over_the_examples_and_the_seed_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example has alpha/max_examples, so all of them together alpha; seeds differ from example to example and shrink to the base."""
    seen = levels(monkeypatch)

    @settings(quick, max_examples=20)
    @given(problems(*STRONGLY))
    def test(problem: Any) -> None:
        assert_theorem("gd-strongly-convex-distance", Mine(gamma), problem)

    with within(Running(0.01, 500, lambda told: None)):
        test()
    assert len(seen) <= 20
    assert {alpha for alpha, _ in seen} == {0.01 / 20}
    assert sum(alpha for alpha, _ in seen) <= 0.01 * (1 + 1e-12)          # rounding of twenty sums
    assert len({seed for _, seed in seen}) > 3
    assert min(seed for _, seed in seen) >= 500


def test_an_example_that_comes_again_is_judged_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Hypothesis shrinks and replays, the level stays what it was: else a failure near the threshold would come and go."""
    seen = levels(monkeypatch)

    @settings(quick, max_examples=20)
    @given(problems(*STRONGLY))
    def test(problem: Any) -> None:
        assert_theorem("gd-strongly-convex-distance", Mine(gamma, slip=2), problem)

    failure(test)

    assert {alpha for alpha, _ in seen} == {cl.Settings().alpha / 20}
    assert seen[-1][1] == 0


def test_claims_and_problems_share_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """A theorem of several claims is judged claim by claim, so that no false discovery rate stands in the place of alpha; outside of @given nothing else is split."""
    seen = levels(monkeypatch)
    theorem = cl.theorem("gd-strongly-convex-distance")
    twice = replace(theorem, claims=(*theorem.claims, replace(theorem.claims[0], name="again")))
    assert_theorem(twice, Mine(gamma), PLANE, settings=cl.Settings(alpha=0.02))

    assert [alpha for alpha, _ in seen] == [0.01, 0.01]


def test_the_running_test_gives_level_and_seed_and_hears_of_results() -> None:
    heard: list[Any] = []
    with within(Running(0.003, 11, heard.append)):
        assert_theorem("gd-strongly-convex-distance", Mine(gamma), PLANE)
        failure(lambda: assert_theorem("gd-strongly-convex-distance", Mine(gamma, slip=2), PLANE))
        assert_rate(Mine(1 / L), PLANE, at_most=0.95)

    assert [(one["verdict"], one["seed"], one["alpha"]) for one in heard] == [("holds", 11, 0.003), ("refuted", 11, 0.003), ("holds", 11, 0.003)]
    assert heard[0]["worst"]["problem"].startswith("PrescribedSpectrum")


def test_other_tracers_are_left_alone() -> None:
    """Only Hypothesis' own is asked to look away: coverage and debuggers see everything."""
    before = sys.gettrace()
    seen: list[Any] = []

    def tracer(frame: Any, event: str, argument: Any) -> None:
        seen.append(frame.f_code.co_name)

    try:
        sys.settrace(tracer)
        with under_test.unwatched():
            during = sys.gettrace()
    finally:
        sys.settrace(before)

    assert during is tracer


# ---- rates
@given(slow=st.fractions(Fraction(1, 50), Fraction(9, 10), max_denominator=60), scale=st.fractions(Fraction(1, 8), 60, max_denominator=8))
@settings(quick, max_examples=12)
def test_the_factor_of_gradient_descent_on_a_quadratic_is_1_minus_gamma_mu(slow: Fraction, scale: Fraction) -> None:
    """On the flat eigenvector the gap falls by exactly (1 - gamma mu)^2 a step: stated so it passes, one part in a hundred less and it fails."""
    problem = make((slow * scale, scale), centre=Fraction(5, 4), start=(Fraction(41, 4), Fraction(5, 4)))
    factor = (1 - slow) ** 2

    fit = assert_rate(Mine(1 / L), problem, at_most=factor)

    assert fit.measured == pytest.approx(float(factor), abs=slack("linear", float(factor), fit))
    assert "the factor a step is" in failure(lambda: assert_rate(Mine(1 / L), problem, at_most=factor * Fraction(99, 100)))


def test_a_sublinear_rate_is_told_by_its_power() -> None:
    """On x^4, the flow of whose gradient falls like k^-2 in value: the power passes stated as -1.9, and fails stated as -2.1."""
    fit = assert_rate(Mine(Fraction(1, 100)), Quartic(), at_most=-1.9, kind="sublinear", settings=cl.Settings(iterations=20_000))
    message = failure(lambda: assert_rate(Mine(Fraction(1, 100)), Quartic(), at_most=-2.1, kind="sublinear", settings=cl.Settings(iterations=20_000)))

    assert fit.kind == "sublinear"
    assert "the power of k is -" in message


@dataclass(frozen=True)
class Quartic:
    """x^4/4."""

    def value(self, x: Any) -> Any:
        return (x**4).sum(axis=-1) / 4

    def gradient(self, x: Any) -> Any:
        return x**3

    def facts(self) -> tuple[Any, ...]:
        return (cl.Convex(), cl.Minimum(cl.exact(0, how="a fourth power"), at=[Fraction(0)]))

    def starts(self, rng: Any) -> tuple[cl.Start, ...]:
        return (cl.Start("given", [Fraction(3)]),)


def test_a_rate_in_expectation_is_exact_where_it_can_be() -> None:
    """The mean gap of SGD comes to rest at its noise: no factor below 1 is left, and the message runs again."""
    noisy = installed_families()["noisy"].make(PLANE, Fraction(5, 2))
    message = failure(lambda: assert_rate(Noisy(1 / (2 * L)), noisy, at_most=0.99, metric=cl.squared_distance))

    assert is_random(Noisy(1))
    assert failure(lambda: exec(again(message), {})) == message


@pytest.mark.parametrize(("arguments", "told"), [
    ({"at_most": 0.5, "kind": "fast"}, "the kinds are linear and sublinear"),
    ({"at_most": -1}, "give kind='sublinear'"),
    ({"at_most": 0.5, "problem": make((2,), start=(3,))}, "no rate can be told"),
])
def test_a_rate_that_cannot_be_told_is_bad_input(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        assert_rate(Mine(1 / L), **{"problem": PLANE, **arguments})


# ---- values as the Python that builds them
@given(data=st.data())
@settings(quick, max_examples=30)
def test_what_is_spelled_evaluates_to_the_same_problem(data: Any) -> None:
    """Of any drawn problem: the text, run with its imports, spells the same again, and has the same gradients."""
    problem = data.draw(problems(cl.Smooth, cl.Convex, cl.Minimum))
    start = data.draw(starts(problem))
    names: dict[str, Any] = {}
    exec("\n".join(imports(problem)), names)
    rebuilt = eval(spelled(problem), names)

    assert spelled(rebuilt) == spelled(problem)
    assert (rebuilt.gradient(start.point[None]) == problem.gradient(start.point[None])).all()
