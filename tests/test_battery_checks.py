"""The battery on correct optimizers of our own and of optax: what it counts, what it says, what it refuses, and that it leaves the process as it was."""
from __future__ import annotations

import random
import sys
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from _pytest.outcomes import Skipped
from hypothesis import given, settings
from hypothesis import strategies as st

import convlab as cl
from convlab.algorithms.adaptive import AdaGrad, Adam, AMSGrad, RMSProp
from convlab.algorithms.gradient_descent import GradientDescent, Point
from convlab.algorithms.momentum import BufferedHeavyBall
from convlab.algorithms.nesterov import BufferedNesterov
from convlab.symbols import beta, gamma
from convlab.testing.battery import LAWS, Battery
from convlab.testing.candidate import recognised
from convlab.testing.finding import Outcome
from convlab.testing.laws import step_matrix
from convlab.testing.likeness import ADAM, LIKE, TESTED, accumulator, epsilon

OURS = {"sgd": GradientDescent, "momentum": BufferedHeavyBall, "nesterov": BufferedNesterov, "adagrad": AdaGrad, "rmsprop": RMSProp, "adam": Adam, "amsgrad": AMSGrad}
LAW_NAMES = tuple(LAWS)


# ---- what it says of correct ones
@pytest.mark.parametrize("kind", OURS)
def test_our_own_algorithms_keep_every_law_of_their_kind(kind: str) -> None:
    found = cl.check_optimizer(OURS[kind], like=kind, checks=LAW_NAMES)
    assert found.ok, found
    assert len(found.passed) >= 14, found


@pytest.mark.parametrize(("optimizer", "kind"), [
    (optax.sgd, "sgd"), (partial(optax.sgd, momentum=0.9), "momentum"), (partial(optax.sgd, momentum=0.9, nesterov=True), "nesterov"), (optax.adagrad, "adagrad"),
    (optax.rmsprop, "rmsprop"), (optax.adam, "adam"), (optax.amsgrad, "amsgrad")], ids=list(OURS))
def test_optax_keeps_every_law_of_its_kind(optimizer: Any, kind: str) -> None:
    found = cl.check_optimizer(optimizer, like=kind, checks=LAW_NAMES)
    assert found.ok, found
    assert len(found.passed) >= 15, found


def test_the_theorems_of_a_kind_are_judged_on_the_problems_of_the_catalogue() -> None:
    found = cl.check_optimizer(optax.sgd, like="sgd", checks=["sgd-sc-const-sharp"])
    assert found["sgd-sc-const-sharp"].outcome is Outcome.PASSED, found
    assert int(found["sgd-sc-const-sharp"].reason.split()[1]) > 5         # on so many problems


def test_the_form_of_a_rule_is_told() -> None:
    found = cl.check_optimizer(optax.amsgrad, like="amsgrad", checks=["agrees_with_the_rule"])
    assert found["agrees_with_the_rule"].reason == "form: the maximum of corrected averages"


def test_without_a_kind_only_what_every_optimizer_owes_is_checked() -> None:
    found = cl.check_optimizer(optax.lamb, checks=LAW_NAMES)
    assert found.ok, found
    asked = {"keeps_shape_and_dtype", "finite", "deterministic", "cases_are_independent", "compiled_equals_plain", "saved_state_continues"}
    assert asked <= {f.name for f in found.passed}
    assert 'not known: say what it is like, like="sgd" or so' in {f.reason for f in found.skipped}


def test_the_printed_table_counts_what_ran_and_tells_why_the_rest_did_not() -> None:
    told = str(cl.check_optimizer(optax.adam, like="adam", checks=LAW_NAMES))
    assert told.startswith("optax adam like adam: 19 checks, 16 passed, 0 failed, 3 skipped")
    assert ["skipped", "rotation_equivariant", "not promised: like='adam' declares nothing of the choice of axes"] in [line.split(None, 2) for line in told.splitlines()]


def test_two_runs_say_the_same() -> None:
    assert cl.check_optimizer(optax.adam, like="adam", checks=LAW_NAMES) == cl.check_optimizer(optax.adam, like="adam", checks=LAW_NAMES)


# ---- hyperparameters
def test_a_ready_made_transformation_is_checked_at_what_is_said_of_it() -> None:
    silent, told = (cl.check_optimizer(optax.sgd(0.05), like="sgd", parameters=said, checks=LAW_NAMES) for said in ({}, {gamma: 0.05}))
    assert silent.ok
    assert silent["agrees_with_the_rule"].reason.startswith("gamma is not known: it can neither be set nor was it said")
    assert told["agrees_with_the_rule"].outcome is Outcome.PASSED
    wrong = cl.check_optimizer(optax.sgd(0.05), like="sgd", parameters={gamma: 0.1}, checks=["agrees_with_the_rule", "first_step"])
    assert {f.outcome for f in wrong.results} == {Outcome.FAILED}


def test_hyperparameters_of_other_names_can_be_named() -> None:
    def mine(tempo: float) -> Any:
        return optax.sgd(tempo)

    with pytest.raises(cl.BadInput, match="names="):
        cl.check_optimizer(mine, like="sgd")
    assert cl.check_optimizer(mine, like="sgd", names={"tempo": gamma}, checks=LAW_NAMES).ok


@settings(max_examples=20, deadline=None)
@given(lam=st.floats(0.1, 20), step=st.floats(1e-3, 0.2), momentum=st.floats(0, 0.95))
def test_the_matrix_read_off_a_step_has_the_declared_polynomial(lam: float, step: float, momentum: float) -> None:
    """Whatever the curvature and the hyperparameters."""
    for kind, rule in (("momentum", BufferedHeavyBall), ("nesterov", BufferedNesterov)):
        declared = LIKE[kind].on_quadratic
        assert declared is not None
        assert np.allclose(np.poly(step_matrix(rule(step, momentum), lam)), declared(lam, {gamma: step, beta: momentum}), rtol=1e-12, atol=1e-12)


def test_the_longest_step_of_adam_is_attained_by_growing_gradients() -> None:
    """The bound of Cauchy and Schwarz is no larger than it must be: with epsilon 0 the growing gradients reach it to ten digits."""
    from convlab.testing.laws import Given, path

    values = {**TESTED, epsilon: 0.0}
    growing = 3.0 * (TESTED[list(ADAM.roles)[2]] / TESTED[list(ADAM.roles)[1]]) ** np.arange(12)[:, None, None]
    points = path(ADAM.forms[0].algorithm, np.zeros((1, 1)), Given(growing), 12, values)
    steps = np.abs(np.diff(points[:, 0, 0]))
    assert ADAM.longest is not None
    assert np.allclose(steps, [ADAM.longest(t + 1, 1.0, values) for t in range(12)], rtol=1e-10)


def test_roles_are_found_by_the_spellings_of_the_libraries() -> None:
    found = recognised(optax.adagrad, LIKE["adagrad"].roles, {})
    assert found.spelled == {gamma: "learning_rate", epsilon: "eps", accumulator: "initial_accumulator_value"}


# ---- expected failures
def test_an_expected_failure_is_counted_with_its_reason() -> None:
    found = cl.check_optimizer(partial(optax.sgd, nesterov=True), like="momentum", checks=["finite", "iteration_matrix", "agrees_with_the_rule"],
                               expected_failed_checks={"iteration_matrix": "it is Nesterov's", "agrees_with_the_rule": "it is Nesterov's"})
    assert found.ok
    assert found.counts == {"passed": 1, "expected failure": 2}
    assert found["iteration_matrix"].reason == "it is Nesterov's"


def test_an_expected_failure_that_passes_fails_in_one_sentence() -> None:
    found = cl.check_optimizer(optax.sgd, like="sgd", checks=["first_step"], expected_failed_checks={"first_step": "it overshoots"})
    assert [f.witness for f in found.failed] == ["it passes, though a failure was expected (it overshoots): take it out of expected_failed_checks"]


# ---- bad input
def shaped(learning_rate: float) -> Any:
    return optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda a: -learning_rate * a.sum(keepdims=True), g), s))


def single(learning_rate: float) -> Any:
    return optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda a: (-learning_rate * a).astype(jnp.float32), g), s))


def lost(learning_rate: float) -> Any:
    return optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (jax.tree.map(lambda a: -learning_rate * jnp.sqrt(-jnp.abs(a)), g), s))


@pytest.mark.parametrize(("optimizer", "check", "sentence"), [
    (shaped, "keeps_shape_and_dtype", "the update of a parameter of shape (5,) has shape (1,)"),
    (single, "keeps_shape_and_dtype", "the update of a float64 parameter is float32"),
    (lost, "finite", "its point is [nan, nan, nan, nan] after the gradient"),
])
def test_updates_of_a_wrong_kind_are_told_and_nothing_else_is_run(optimizer: Any, check: str, sentence: str) -> None:
    found = cl.check_optimizer(optimizer, like="sgd", checks=LAW_NAMES)
    assert found[check].witness.startswith(sentence)
    assert "\n" not in found[check].witness
    assert found["agrees_with_the_rule"].reason == f"not run, since {check} failed"


@pytest.mark.parametrize(("optimizer", "options", "sentence"), [
    (3, {}, "3 is no optimizer: give a function of optax or a GradientTransformation, a class of torch.optim or an instance"),
    (lambda learning_rate: 3, {"like": "sgd"}, "makes a int, which is no optimizer"),
    (optax.adam, {"like": "adan"}, "'adan' is unknown; there are 'sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'amsgrad', and None. Did you mean adam"),
    (optax.adam, {"like": "adam", "expected_failed_checks": {"frist_step": "?"}}, "no check of optax adam like adam is called 'frist_step'. Did you mean first_step"),
    (optax.adam, {"like": "adam", "checks": ["all"]}, "checks: no check of optax adam like adam is called 'all'"),
])
def test_bad_input_is_told_in_a_sentence(optimizer: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(cl.BadInput) as told:
        cl.check_optimizer(optimizer, **options)
    assert sentence in str(told.value)


# ---- failures
@dataclass(frozen=True)
class TwoThirds:
    """A step of two thirds: a bug that no symmetry shows."""

    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Point:
        return Point(x0)

    def step(self, state: Any, oracle: Any) -> Point:
        return Point(state.x - 2 * self.step_size / 3 * oracle.gradient(state.x))


def test_a_failure_shows_the_witness_the_cause_and_the_line_to_see_it_again() -> None:
    message = cl.check_optimizer(partial(optax.sgd, momentum=0.9, nesterov=True), like="momentum", checks=["agrees_with_the_rule"]).failed[0].message
    assert message.startswith("agrees_with_the_rule (law) failed at k = 1")
    assert "its momentum is applied twice: once in the buffer, once more in the step (Nesterov's rule) (with that, it agrees to the last digits)" in message
    again = "print(convlab.check_optimizer(functools.partial(optax.sgd, momentum=0.9, nesterov=True), like='momentum', checks=['agrees_with_the_rule']))"
    assert f"reproduce    {again}" in message


def test_a_bug_that_makes_no_bound_wrong_is_caught_by_a_law() -> None:
    found = cl.check_optimizer(TwoThirds, like="sgd", checks=["first_step", "agrees_with_the_rule", "translation_equivariant", "gd-nonconvex-mingrad"])
    assert {f.name for f in found.failed} >= {"first_step", "agrees_with_the_rule"}
    assert "translation_equivariant" not in {f.name for f in found.failed}


# ---- the process
def state_of_the_process() -> dict[str, Any]:
    return {"x64": jax.config.jax_enable_x64, "random": random.getstate(), "numpy": repr(np.random.get_state()), "numpy errors": np.geterr(),
            "warnings": list(warnings.filters), "matplotlib": sys.modules["matplotlib"].get_backend() if "matplotlib" in sys.modules else None,
            "print options": np.get_printoptions()}


def draws(learning_rate: float) -> Any:
    """An optimizer that draws from the global streams and warns."""
    def update(g: Any, s: Any, p: Any = None) -> Any:
        random.random(), np.random.rand(), warnings.warn("drawing", stacklevel=1)
        return jax.tree.map(lambda a: -learning_rate * a, g), s

    return optax.GradientTransformation(lambda p: (), update)


def test_nothing_of_the_process_is_changed() -> None:
    """JAX's x64 flag, dtypes, seeds, warning filters, Matplotlib's backend: whatever the optimizer does."""
    random.seed(5)
    before = state_of_the_process()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filters = list(warnings.filters)
        cl.check_optimizer(draws, like="sgd", checks=(*LAW_NAMES, "gd-strongly-convex-distance"))
        assert list(warnings.filters) == filters
    assert state_of_the_process() == before


# ---- one test a check
def test_parametrize_makes_each_check_a_test_of_its_own() -> None:
    from convlab.testing import parametrize_with_checks

    mark = parametrize_with_checks([(optax.adam, "adam"), Battery(optax.sgd, like="sgd", expected_failed_checks={"finite": "no"}), optax.lamb])
    ids = [parameter.id for parameter in mark.args[1]]
    assert ids[0] == "optax.adam-keeps_shape_and_dtype"
    assert len(ids) == len(set(ids)) == sum(len(Battery(*pair).checks) for pair in ((optax.adam, "adam"), (optax.sgd, "sgd"), (optax.lamb,)))
    by_id = {parameter.id: parameter.values[0] for parameter in mark.args[1]}
    by_id["optax.adam-first_step"]()
    with pytest.raises(Skipped, match="declares nothing of the choice of axes"):
        by_id["optax.adam-rotation_equivariant"]()
    with pytest.raises(AssertionError, match="take it out of expected_failed_checks"):
        by_id["optax.sgd-finite"]()
    with pytest.raises(cl.BadInput, match="no pair"):
        parametrize_with_checks([(optax.adam, "adam", "more")])
