"""The catalogue is found by walking it, chosen by part, topic and kind, and told truly by `list` and `show`."""
from __future__ import annotations

from types import ModuleType

import pytest
import sympy as sp
from hypothesis import given
from hypothesis.strategies import sampled_from

from convlab import catalogue, symbols
from convlab.cli import statement
from convlab.errors import BadInput
from convlab.theorem import FalseClaim, Theorem
from tests.command_line import convlab

THEOREMS = catalogue.theorems()
KEYS = {"theorem", "claim", "title", "part", "topic", "kind", "mode", "law", "condition", "bound", "source", "tight", "exact_source", "order"}
named = {**symbols.table(), **{name: sp.Symbol(name) for name in "xy"}}


@given(sampled_from(sorted(THEOREMS)))
def test_all_and_false_share_out_the_claims_of_every_theorem(id: str) -> None:
    """--all and --false are complements: each claim is taken by exactly one of them."""
    whole = THEOREMS[id]
    taken = [claim.name for true, false in ((True, False), (False, True)) for part in catalogue.select([whole], true=true, false=false) for claim in part.claims]

    assert sorted(taken) == sorted(claim.name for claim in whole.claims)


@given(sampled_from(sorted(THEOREMS)))
def test_conditions_and_bounds_are_printed_so_that_sympy_reads_them_back(id: str) -> None:
    for claim in THEOREMS[id].claims:
        told, item = statement.stated(claim), statement.item(THEOREMS[id], claim)
        formulas = [part for part in (told.condition, getattr(told, "bound", None)) if isinstance(part, sp.Basic)]
        own = {s.name: s for part in formulas for s in part.free_symbols if isinstance(s, symbols.Symbol)}
        if item["condition"] is not None:
            assert sp.sympify(item["condition"], locals={**named, **own}) == sp.sympify(told.condition)
        if isinstance(getattr(told, "bound", None), sp.Basic) and told.bound.free_symbols <= {*named.values(), *own.values()}:
            assert sp.simplify(sp.sympify(item["bound"], locals={**named, **own}) - told.bound) == 0


@given(sampled_from(sorted(THEOREMS)))
def test_every_theorem_stands_in_a_part_under_its_own_topic(id: str) -> None:
    part = catalogue.part_of(THEOREMS[id])

    assert part is not None
    assert catalogue.select([THEOREMS[id]], part=part, topic=THEOREMS[id].topic) == (THEOREMS[id],)


@given(sampled_from(sorted(THEOREMS)), sampled_from(sorted(catalogue.PARTS)))
def test_a_theorem_is_in_one_part_only(id: str, part: str) -> None:
    assert (catalogue.select([THEOREMS[id]], part=part) != ()) == (catalogue.part_of(THEOREMS[id]) == part)


def test_list_has_one_item_a_claim_with_the_keys_of_the_contract() -> None:
    answer = convlab("list", "--json")

    assert answer.status == 0
    assert answer.json["schema"] == "convlab.list/1"
    assert [(i["theorem"], i["claim"]) for i in answer.json["results"]] == [(t.id, c.name) for t in THEOREMS.values() for c in t.claims]
    assert all(set(item) == KEYS for item in answer.json["results"])


@pytest.mark.parametrize("command", ["list", "show"])
def test_pages_are_at_most_a_hundred_columns_wide(command: str) -> None:
    """Every theorem, in full, fits an 100-column terminal; nothing is cut off there."""
    answer = convlab(command, *THEOREMS)

    assert answer.status == 0
    assert max(map(len, answer.out.splitlines())) <= 100
    assert all(id in answer.out for id in THEOREMS)


def test_show_tells_assumptions_condition_bound_source_and_mutants() -> None:
    out = convlab("show", "gd-strongly-convex-distance").out

    for piece in ("the gradient of f is L-Lipschitz", "0 < γ < 2/L", "max(|L γ - 1|, |γ μ - 1|)^k", "Polyak (1963)", "ascent", "step size"):
        assert piece in out


def test_list_chooses_by_part_topic_and_kind() -> None:
    assert {i["part"] for i in convlab("list", "--part", "II", "--json").json["results"]} == {"II"}
    assert {i["topic"] for i in convlab("list", "--topic", "sgd", "--json").json["results"]} == {"sgd"}
    assert {i["kind"] for i in convlab("list", "--false", "--json").json["results"]} == {"FalseClaim"}
    assert "FalseClaim" not in {i["kind"] for i in convlab("list", "--all", "--json").json["results"]}


def test_an_id_used_twice_is_an_error_that_names_both_files() -> None:
    claims = next(iter(THEOREMS.values())).claims
    modules = []
    for name in ("one", "two"):
        module = ModuleType(name)
        module.__file__ = f"theorems/{name}.py"
        module.theorem = Theorem("twice", "t", claims=claims)  # type: ignore[attr-defined]
        modules.append(module)

    with pytest.raises(BadInput, match=r"theorems/one\.py.*theorems/two\.py"):
        catalogue.collected(modules, Theorem)


def test_a_theorem_imported_by_a_second_module_is_found_once() -> None:
    first = next(iter(THEOREMS.values()))
    modules = [ModuleType("a"), ModuleType("b")]
    for module in modules:
        module.theorem = first  # type: ignore[attr-defined]

    assert catalogue.collected(modules, Theorem) == {first.id: first}


def test_other_names_of_a_theorem_find_it() -> None:
    for theorem in THEOREMS.values():
        for other in theorem.also:
            assert catalogue.theorem(other) is theorem or other in THEOREMS


def test_false_theorems_are_those_of_false_claims() -> None:
    assert [t.id for t in catalogue.select(THEOREMS.values(), false=True)] == [
        t.id for t in THEOREMS.values() if any(isinstance(c, FalseClaim) for c in t.claims)]
