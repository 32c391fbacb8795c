"""A claim's fields are put into one form when it is declared, or refused in a sentence that names theorem, field and what to write."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import convlab as cl
from convlab import userfile
from convlab.constants import Constant, Exactness
from convlab.declaring import recording
from convlab.errors import BadInput
from convlab.run.expressions import evaluate, float_values
from convlab.run.offered import refuse_misstated, with_condition_number
from convlab.run.settings import Settings
from convlab.symbols import L, R, gamma, k, kappa, mu


class State(NamedTuple):
    x: Any


@dataclass(frozen=True)
class Descent:
    step_size: Any

    def init(self, x0: Any, oracle: Any) -> Any:
        return State(x0)

    def step(self, state: Any, oracle: Any) -> Any:
        return State(state.x - self.step_size * oracle.gradient(state.x))


class Undeclared:
    step_size = gamma
    init, step = Descent.init, Descent.step


@dataclass(frozen=True)
class Standing:
    def init(self, x0: Any, oracle: Any) -> Any:
        return State(x0)


@dataclass(frozen=True)
class Short(Descent):
    def step(self, state: Any) -> Any:  # type: ignore[override]
        return state


RIGHT = {"algorithm": Descent(gamma), "assumptions": (cl.Convex, cl.Smooth, cl.Minimum), "metric": cl.function_gap, "defaults": {gamma: 1 / L},
         "condition": sp.And(gamma > 0, gamma <= 1 / L), "bound": R**2 / (2 * gamma * k)}


def declared(**changes: Any) -> cl.RateBound:
    """The claim of a theorem with other fields."""
    claim = cl.Theorem(id="mine", title="mine", **{**RIGHT, **changes}).claims[0]
    assert isinstance(claim, cl.RateBound)
    return claim


# ---- what is taken for what it means
@given(st.one_of(st.integers(), st.fractions(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_is_a_bound(number: Any) -> None:
    """Of the same value, exactly."""
    bound = declared(bound=number).bound

    assert isinstance(bound, sp.Expr)
    assert Fraction(str(sp.Rational(bound))) == Fraction(number)


@given(st.sampled_from([*cl.Relation, *cl.Law]))
def test_words_stand_for_relations_and_laws(member: Any) -> None:
    field = "relation" if isinstance(member, cl.Relation) else "law"

    assert getattr(declared(**{field: member.value}), field) is member


def test_one_thing_needs_no_comma_and_a_tuple_of_relations_is_a_conjunction() -> None:
    instance = cl.Instance("quadratic", spectrum=(mu, L), start=(R, 0))
    claim = declared(assumptions=cl.Smooth, condition=[gamma > 0, gamma <= 1 / L], tight=instance, mutants=cl.Bound(R), free_state="x")

    assert (claim.assumptions, claim.tight, claim.free_state, len(claim.mutants)) == ((cl.Smooth,), (instance,), ("x",), 1)
    assert claim.condition == RIGHT["condition"]
    assert replace(claim) == claim                   # a second time changes nothing


# ---- what is refused
@pytest.mark.parametrize(("changes", "sentence"), [
    ({"bound": "R**2/k"}, "bound='R**2/k': that is text; write the formula without quotes"),
    ({"bound": float("nan")}, "give a formula"),
    ({"bound": lambda k: 1}, "wrong arguments of the function: bound(k, case, record)"),
    ({"metric": "gap"}, "that is text; give a function, metric(state, case)"),
    ({"metric": lambda state: 1}, "wrong arguments of the function: metric(state, case)"),
    ({"algorithm": Descent}, "that is a class; give an object of it, Descent(...)"),
    ({"algorithm": Undeclared()}, "Undeclared is no dataclass"),
    ({"algorithm": Standing()}, "Standing has no step; write def step(self, state, oracle)"),
    ({"algorithm": Short(gamma)}, "wrong arguments of step: write def step(self, state, oracle)"),
    ({"assumptions": (cl.Convex(), cl.Smooth)}, "give the class Convex, without parentheses"),
    ({"assumptions": ("Convex",)}, "'Convex' is text; give the class, cl.Convex, without quotes"),
    ({"condition": "gamma <= 1/L"}, "that is text; write it without quotes, condition=sp.And("),
    ({"condition": gamma == 1 / L}, "An equation is sp.Eq(gamma, 1/L)"),
    ({"condition": sp.false}, "nothing would be judged"),
    ({"condition": gamma}, "write a relation"),
    ({"defaults": {"gamma": 1 / L}}, "the key 'gamma' is text; write the symbol, without quotes"),
    ({"defaults": {gamma: "1/L"}}, "that is text"),
    ({"mode": "last"}, "write cl.every_iterate"),
    ({"grid": [1, 2, 3]}, "cl.horizons(1, 10, 100)"),
    ({"relation": "<"}, 'write one of "<=" (cl.Relation.AT_MOST)'),
    ({"law": "expectation"}, '"in expectation" (cl.Law.EXPECTATION)'),
    ({"tight": "quadratic"}, 'cl.Instance("quadratic"'),
])
def test_another_form_is_refused_with_theorem_field_and_what_to_write(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="theorem 'mine', RateBound 'main': ") as caught:
        declared(**changes)

    assert f": {next(iter(changes))}=" in str(caught.value)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("made", [lambda: cl.Mode("median"), lambda: cl.mean_of(0, -2), lambda: cl.best_of(0, 1), lambda: cl.sum_of(-1, 0)])
def test_a_mode_that_no_run_knows_is_refused(made: Any) -> None:
    with pytest.raises(ValueError, match="a mode"):
        made()


def test_claims_must_be_claims() -> None:
    with pytest.raises(ValueError, match="'R' in claims= is no claim"):
        cl.Theorem(id="mine", title="mine", claims=("R",))  # type: ignore[arg-type]


# ---- theorems that are made and lost
HEAD = "import convlab as cl\nfrom convlab.symbols import R\nclaim = lambda: cl.FalseClaim(None, cl.Instance('quadratic'))\n"
MADE = "cl.Theorem(id={id}, title='t', claims=(claim(),))"


@given(st.lists(st.sampled_from(["named", "list", "tuple", "dict", "nested"]), min_size=1, max_size=5))
def test_kept_theorems_are_found_wherever_they_are_kept(tmp_path_factory: Any, places: list[str]) -> None:
    forms = {"named": "{name} = {one}", "list": "{name} = [{one}]", "tuple": "{name} = ({one}, 1)", "dict": "{name} = {{'a': {one}}}",
             "nested": "{name} = [({{1: {one}}},)]"}
    rows = [forms[place].format(name=f"v{i}", one=MADE.format(id=f"'t{i}'")) for i, place in enumerate(places)]
    file = tmp_path_factory.mktemp("kept") / "mine.py"
    file.write_text(HEAD + "\n".join(rows), encoding="utf-8")

    assert list(userfile.load(file).theorems) == [f"t{i}" for i in range(len(places))]


@pytest.mark.parametrize(("rows", "lost"), [
    (f"for i in range(3):\n    theorem = {MADE.format(id='str(i)')}\n", "makes 0, 1 and does not keep them"),
    (f"for i in range(2):\n    theorem = {MADE.format(id=repr('same'))}\n", "makes same and does not keep it"),
    (f"a = {MADE.format(id=repr('a'))}\n{MADE.format(id=repr('b'))}\n", "makes b and does not keep it"),
])
def test_a_lost_theorem_is_told_by_id(tmp_path: Path, rows: str, lost: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(BadInput, match=lost):
        userfile.load(file)


def test_a_theorem_made_anew_keeps_the_one_it_was_made_from(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(HEAD + f"import dataclasses\ntheorem = dataclasses.replace({MADE.format(id=repr('a'))}, title='better')\n", encoding="utf-8")

    assert userfile.load(file).theorems["a"].title == "better"


def test_recording_ends_with_its_block() -> None:
    with recording() as made:
        declared()
    declared()

    assert [theorem.id for theorem, _ in made] == ["mine"]


# ---- the trial before the run
def answering(first: Any, following: Any) -> Any:
    """An algorithm with these answers."""
    @dataclass(frozen=True)
    class Answering:
        def init(self, x0: Any, oracle: Any) -> Any:
            return first(x0)

        def step(self, state: Any, oracle: Any) -> Any:
            return following(state)

    return Answering()


def same(x: Any) -> Any:
    return State(x)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"algorithm": answering(lambda x: x, lambda s: s)}, "Answering.init returned an array of shape (B, 2), not a NamedTuple"),
    ({"algorithm": answering(lambda x: (x,), lambda s: s)}, "Answering.init returned a tuple, not a NamedTuple"),
    ({"algorithm": answering(lambda x: State(1.0), lambda s: s)}, "Answering.init returned x as a float"),
    ({"algorithm": answering(same, lambda s: State(s.x.sum(axis=1)))}, "Answering.step returned x of shape (B,), not (B, 2)"),
    ({"algorithm": answering(same, lambda s: State(s.x.sum(axis=0)))}, "Answering.step returned x of shape"),
    ({"algorithm": answering(same, lambda s: State(s.x * Fraction(1, 2)))}, "Answering.step returned x as an array of objects"),
    ({"algorithm": answering(same, lambda s: s.x)}, "Answering.step returned an array"),
    ({"metric": lambda s, c: float(s.x.sum())}, "returned a float; a metric returns an array with one number a case"),
    ({"metric": lambda s, c: s.x.sum(axis=1).tolist()}, "returned a list"),
    ({"metric": lambda s, c: s.x.sum(axis=1)[:1]}, "returned shape (1,)"),
    ({"bound": lambda k, c, r: np.ones(7)}, "the bound returned shape (7,), the metric (B,)"),
])
def test_an_answer_of_another_form_is_told_before_the_run(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        cl.check(cl.Theorem(id="mine", title="mine", **{**RIGHT, **changes}), settings=Settings(problems=("quadratic-2",)))

    assert str(caught.value).startswith("theorem mine, claim main on problem quadratic-2: ")
    assert sentence in str(caught.value)


def test_the_trial_lets_a_right_claim_pass() -> None:
    found = cl.check(cl.Theorem(id="mine", title="mine", **RIGHT), settings=Settings(problems=("quadratic-2",)))

    assert found.word is cl.Word.HOLDS


def test_a_bound_that_reads_an_unknown_constant_is_not_judged() -> None:
    from convlab.symbols import G

    found = cl.check(cl.Theorem(id="mine", title="mine", **{**RIGHT, "bound": lambda k, case, record: case[G]}), settings=Settings(problems=("quadratic-2",)))

    assert [s.reason for s in found.skipped] == ["the bound speaks of G, which the problem does not know"]


# ---- what problems say of themselves
@dataclass(frozen=True)
class Said:
    given: Any

    def facts(self) -> tuple[Any, ...]:
        return (self.given,)


@pytest.mark.parametrize(("given", "sentence"), [
    (cl.Smooth(3.0), "Smooth holds 3.0 without a reason; write Smooth(cl.exact(3.0"),  # type: ignore[arg-type]
    (cl.Minimum(0.0, at=np.zeros(2)), "Minimum holds 0.0 without a reason"),  # type: ignore[arg-type]
    (cl.Convex, "the class Convex; give an object of it"),
    ("convex", "gives a str"),
])
def test_a_fact_without_a_reason_is_refused(given: Any, sentence: str) -> None:
    with pytest.raises(BadInput, match="problem p: ") as caught:
        refuse_misstated(Said(given), "p")

    assert sentence in str(caught.value)


@given(st.fractions(min_value=Fraction(1, 9), max_value=9), st.fractions(min_value=10, max_value=99), st.sampled_from(Exactness), st.sampled_from(Exactness))
def test_kappa_follows_from_both_where_it_is_no_guess(low: Fraction, high: Fraction, of_mu: Exactness, of_L: Exactness) -> None:
    """Exact of exact ones, an upper bound of those on the safe side, else not offered."""
    found = with_condition_number({L: Constant(high, of_L, ""), mu: Constant(low, of_mu, "")})

    if of_L is Exactness.LOWER or of_mu is Exactness.UPPER:
        assert kappa not in found
    else:
        assert found[kappa].value == high / low
        assert found[kappa].exactness is (Exactness.EXACT if of_L is of_mu is Exactness.EXACT else Exactness.UPPER)


# ---- formulas that no compiled program has
@given(st.integers(0, 12), st.fractions(min_value=Fraction(1, 4), max_value=4))
def test_sums_and_special_numbers_are_what_they_stand_for(n: int, x: Fraction) -> None:
    """Exactly among rationals, and the same among floats."""
    i = sp.Symbol("i")
    chebyshev = [Fraction(1), x]
    while len(chebyshev) <= n:
        chebyshev.append(2 * x * chebyshev[-1] - chebyshev[-2])
    from math import comb, factorial, prod

    for formula, value in ((mu * sp.Sum(mu**i, (i, 0, k)), x * sum((x**j for j in range(n + 1)), Fraction(0))),
                           (sp.Product(1 + mu / (i + 1), (i, 0, k)), prod((1 + x / (j + 1) for j in range(n + 1)), start=Fraction(1))),
                           (mu * sp.binomial(2 * k, k), x * comb(2 * n, n)), (sp.gamma(k + 1) * mu, factorial(n) * x), (sp.chebyshevt(k, mu), chebyshev[n])):
        assert evaluate(formula, {k: n, mu: x}) == value
        assert np.allclose(float(float_values(formula, {k: np.array([n]), mu: float(x)})[0]), float(value), rtol=1e-12, atol=1e-12 * 9**n)


def test_a_function_that_sympy_does_not_know_is_refused() -> None:
    with pytest.raises(BadInput, match="speaks of h, a function that sympy does not know"):
        evaluate(sp.Function("h")(k), {k: 1})
