"""`convlab bound` gives the bound as a number: exactly for rational values, else as a float."""
from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers

from convlab import catalogue
from convlab.cli.bounds import value
from tests.command_line import convlab

GD = catalogue.theorem("gd-strongly-convex-distance")


@given(k=integers(0, 60), mu=fractions(Fraction(1, 50), 3), excess=fractions(1, 40), R=fractions(Fraction(1, 9), 90), part=fractions(Fraction(1, 99), 1))
@settings(max_examples=60, deadline=None)
def test_short_steps_give_the_power_of_one_contraction_exactly(k: int, mu: Fraction, excess: Fraction, R: Fraction, part: Fraction) -> None:
    """For gamma <= 1/L the rate is 1 - gamma mu: the bound at k + 1 is that factor times the bound at k, a fraction of integers, no rounding."""
    L = mu * excess
    given = {"mu": mu, "L": L, "R": R, "gamma": part / L}
    now, then = (value(GD, GD.claims[0], {name: str(v) for name, v in {**given, "k": i}.items()}, outside=False)[0] for i in (k, k + 1))

    assert isinstance(now, Fraction)
    assert then == (1 - part / L * mu) * now


def test_the_bound_of_the_readme() -> None:
    """L R^2/(4 k gamma L + 2) at k = 10 and units is 1/42."""
    answer = convlab("bound", "gd-smooth-convex-fgap", "k=10", "L=1", "R=1", "gamma=1", "--json")

    assert answer.status == 0
    assert answer.json["results"] == [{"theorem": "gd-smooth-convex-fgap", "claim": "main", "bound": "1/42", "exact": True}]


def test_decimals_give_a_float() -> None:
    found, = convlab("bound", "gd-smooth-convex-fgap", "k=10", "L=2.5", "R=7", "gamma=0.4", "--json").json["results"]

    assert found["exact"] is False
    assert found["bound"] == pytest.approx(2.5 * 49 / 42, rel=1e-12)     # twelve digits: one rounding an operation


def test_a_default_is_taken_and_told() -> None:
    answer = convlab("bound", "gd-smooth-convex-fgap", "k=10", "L=1/3", "R=7/2")

    assert answer.status == 0
    assert "default gamma = 3" in answer.out


@pytest.mark.parametrize(("words", "told"), [
    (("k=10", "L=1", "R=1", "gamma=1", "speed=3"), "no symbol 'speed'; it has"),
    (("k=10", "L=1", "R=1", "gamma=1", "sigma=3"), "noise standard deviation of one gradient elsewhere"),
    (("k=10", "R=1", "gamma=1"), "give L=... (L: smoothness of f"),
    (("k=ten", "L=1", "R=1"), "'ten' is no number; write 10, 0.25 or 1/4"),
    (("k=1/2", "L=1", "R=1"), "k is an integer"),
    (("k=1", "L=-1", "R=1"), "out of its domain"),
    (("k=1", "L=1/0", "R=1"), "'1/0' is no number"),
    (("k=1", "k=2", "L=1", "R=1"), "k is given twice"),
    (("k", "L=1", "R=1"), "write a name and a value"),
])
def test_bad_values_are_told_with_the_meaning_of_the_symbols(words: tuple[str, ...], told: str) -> None:
    answer = convlab("bound", "gd-smooth-convex-fgap", *words)

    assert answer.status == 2
    assert answer.out == ""
    assert told in " ".join(answer.err.split())


def test_beyond_the_condition_the_numbers_are_shown_and_outside_goes_there() -> None:
    words = ("bound", "gd-strongly-convex-distance", "k=3", "L=10", "mu=1", "R=2", "gamma=1/2")
    answer = convlab(*words)

    assert answer.status == 2
    for piece in ("gamma = 0.5 is outside the condition of gd-strongly-convex-distance", "0.2", "--outside"):
        assert piece in " ".join(answer.err.split())
    assert convlab(*words, "--outside", "--json").json["results"][0]["bound"] == 128      # 2 max(|1 - 5|, |1 - 1/2|)^3


def test_a_claim_without_a_formula_is_refused() -> None:
    answer = convlab("bound", "shb-equivalent-forms", "k=1")

    assert answer.status == 2
    assert "states no bound as a formula" in answer.err
