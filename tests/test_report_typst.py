"""Formulas as Typst: what is printed compiles and reads as a person would write it, and an update rule is the code's own."""
from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest
import sympy as sp
import typst as compiler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import Abs, And, Eq, Max, Mod, Piecewise, Rational, Sum, ceiling, floor, log, sqrt

from convlab.algorithms.gradient_descent import GradientDescent
from convlab.algorithms.momentum import HeavyBall
from convlab.algorithms.nesterov import Nesterov
from convlab.constants import Array
from convlab.operations import norm_squared, rowwise, sort
from convlab.report.declared import mathematics
from convlab.report.typst_math import name_in_typst, typst
from convlab.report.update_rule import rule_in_words, update_rule
from convlab.symbols import G, K, L, L_max, R, beta, gamma, k, mu, n, sigma

NUMBERS = st.fractions(min_value=-9, max_value=9, max_denominator=7).map(lambda q: Rational(q.numerator, q.denominator))
ATOMS = st.one_of(st.sampled_from([gamma, beta, L, mu, R, G, sigma, L_max, k, n, sp.Symbol("inner_part"), sp.Symbol("x0"), sp.pi]), NUMBERS)


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]), pairs.map(lambda p: p[0] * p[1]), pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] / (p[1] ** 2 + 1)), pairs.map(lambda p: Max(sp.re(p[0]), sp.re(p[1]))), inner.map(lambda e: Abs(e)),
        inner.map(lambda e: (e**2 + 1) ** k), inner.map(lambda e: sqrt(e**2 + 3)), inner.map(lambda e: log(e**2 + 2)), inner.map(lambda e: sp.exp(-e)))


EXPRESSIONS = st.recursive(ATOMS, _grown, max_leaves=8)


def compiles(*formulas: str) -> bool:
    """Whether Typst sets the formulas without an error or a warning."""
    source = "\n\n".join(f"$ {formula} $" for formula in formulas)
    _, warnings = compiler.compile_with_warnings(source.encode(), format="svg", ignore_system_fonts=True)
    return not warnings


@given(expression=EXPRESSIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_sympy_builds_compiles(expression):
    """Display and running text both; a printer that leaks Python (`**`, a bare name) does not compile."""
    assert compiles(typst(expression), typst(expression, inline=True))
    assert "**" not in typst(expression)


def value(formula: str, at: dict[Any, Any]) -> sp.Expr:
    """The number that printed mathematics of + - products, fractions, powers and roots stands for: an independent reading of what a reader sees."""
    names = {s.typeset: s for s in (gamma, beta, L, mu, R, k)}
    text = formula
    for _ in range(40):                                             # innermost fractions and roots first
        text, fractions = re.subn(r"frac\(((?:[^(),]|\((?:[^(),]|\([^(),]*\))*\))*), ((?:[^(),]|\((?:[^(),]|\([^(),]*\))*\))*)\)", r"((\1)/(\2))", text)
        if not fractions:
            break
    text = text.replace(" slash ", "/").replace("^", "**")
    text = re.sub(r"(?<=[A-Za-z0-9)]) (?=[A-Za-z0-9(])", "*", text)
    return sp.sympify(text, locals={**names, "sqrt": sp.sqrt}).subs(at)


ARITHMETIC = st.recursive(st.one_of(st.sampled_from([gamma, beta, L, mu, R, k]), st.integers(-5, 5).map(sp.Integer), NUMBERS), lambda inner: st.one_of(
    st.tuples(inner, inner).map(lambda p: p[0] + p[1]), st.tuples(inner, inner).map(lambda p: p[0] * p[1]), st.tuples(inner, inner).map(lambda p: p[0] - p[1]),
    inner.map(lambda e: e**2), inner.map(lambda e: 1 / (e**2 + 1)), inner.map(lambda e: sqrt(e**2 + 1))), max_leaves=6)


@given(expression=ARITHMETIC)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_printed_has_the_value_of_the_expression(expression):
    """Read back by the rules of mathematics (juxtaposition multiplies, a fraction bar groups), slanted: no sign, bracket or factor is lost."""
    at = {gamma: Rational(3, 7), beta: Rational(-2, 5), L: 12, mu: Rational(1, 3), R: Rational(7, 2), k: 4}
    assert sp.simplify(value(typst(expression, inline=True), at) - expression.subs(at)) == 0


def test_the_reading_notices_a_lost_bracket():
    at = {gamma: 2, L: 3}
    assert value("(1 - gamma L)^(2)", at) != value("1 - gamma L^(2)", at)


@pytest.mark.parametrize(("expression", "printed"), [
    (L * R**2 / (4 * k * gamma * L + 2), "frac(L R^(2), 4 k gamma L + 2)"),
    (Max(Abs(1 - gamma * mu), Abs(1 - gamma * L)) ** k * R, "max {abs(1 - gamma L), abs(1 - gamma mu)}^(k) R"),
    (sqrt(mu / L), "sqrt(mu slash L)"),
    (-(gamma + L) / (2 * mu), "-frac(L + gamma, 2 mu)"),
    (G * R / sqrt(k), "frac(G R, sqrt(k))"),
    (And(gamma > 0, gamma < 2 / L), "0 < gamma < frac(2, L)"),
    (And(beta >= 0, beta < 1, k >= 1), "0 <= beta < 1, quad k >= 1"),
    (gamma > 2 / L, "gamma > frac(2, L)"),
    (Piecewise((1, Eq(Mod(k + 1, K), 0)), (0, True)), 'cases(1 & "if " ((k + 1) mod K) = 0, 0 & "otherwise")'),
    (floor(k / n), "floor(frac(k, n))"), (ceiling(log(k)), "ceil(log (k))"),
    (Sum(1 / k**2, (k, 1, n)), "sum_(k = 1)^(n) frac(1, k^(2))"),
    (sp.Matrix([[1 - gamma * L, beta], [1, 0]]), "mat(1 - gamma L, beta; 1, 0)"),
    (L_max, 'L_("max")'), (sp.Symbol("theta_k"), "theta_(k)"), (sp.Symbol("skips"), '"skips"'), (sp.Symbol('odd "name"'), '"odd \\"name\\""'),
])
def test_formulas_read_as_people_write_them(expression, printed):
    assert typst(expression) == printed
    assert compiles(printed)


@given(name=st.text(min_size=1, max_size=12))
def test_any_name_is_printed_safely(name):
    """A symbol of a user may be called anything: whatever Typst could take for markup is inside a string."""
    if "\0" not in name:
        outside = re.sub(r'"(?:\\.|[^"\\])*"', "", name_in_typst(name), flags=re.DOTALL)
        assert re.fullmatch(r"[A-Za-z0-9_()]*", outside)


def test_declared_mathematics_resolves_names_and_keeps_sentences():
    """Names of symbols become their letters, Python's stars mathematics, and words text, even words that name a symbol of Typst or of ours."""
    assert mathematics("EE norm(C(x) - x)^2 = (d/n_kept - 1) norm(x)^2") == "EE norm(C(x) - x)^2 = (d/k_c - 1) norm(x)^2"
    assert mathematics("2*cos(2*pi/workers)/3 + x**2") == "2 cos(2 pi/N)/3 + x^2"
    assert mathematics("the second moment tends to its floor from every start iff 0 < rho") == '"the second moment tends to its floor from every start iff" 0 < rho'
    assert mathematics("norm(x_k - x^*) <= L_max") == 'norm(x_k - x^*) <= L_("max")'
    assert compiles(mathematics("skips_k >= s_0 and nothing unknown_word remains"))


# ---- update rules
def test_gradient_descent_prints_its_own_step():
    assert update_rule(GradientDescent(gamma)) == ("x_(k + 1) &= x_(k) - gamma nabla f (x_(k))",)


def test_a_remembered_point_prints_as_the_previous_iterate():
    assert update_rule(HeavyBall(gamma, beta)) == ("x_(k + 1) &= x_(k) + beta (x_(k) - x_(k - 1)) - gamma nabla f (x_(k))",)


def test_a_second_sequence_prints_through_the_new_point():
    """y_{k+1} is written with x_{k+1}, and a schedule stays an expression in k."""
    assert update_rule(Nesterov(1 / L, k / (k + 3))) == (
        "x_(k + 1) &= y_(k) - frac(nabla f (y_(k)), L)", "y_(k + 1) &= x_(k + 1) + frac(k (x_(k + 1) - x_(k)), k + 3)")


def test_a_schedule_with_cases_has_a_line_of_its_own():
    """The rule names it, and the line below says what it is."""
    rule = update_rule(HeavyBall(gamma, Piecewise((0, Eq(Mod(k, 5), 0)), (beta, True))))
    assert rule == ('x_(k + 1) &= x_(k) + "momentum"_(k) (x_(k) - x_(k - 1)) - gamma nabla f (x_(k))',
                    '"momentum"_(k) &= cases(0 & "if " (k mod 5) = 0, beta & "otherwise")')
    assert compiles(*rule)


def test_a_changed_sign_changes_the_printed_rule():
    assert update_rule(GradientDescent(-gamma)) != update_rule(GradientDescent(gamma))


class Point(NamedTuple):
    x: Array


@dataclass(frozen=True)
class Normalised:
    """x_{k+1} = x_k - step_size |g|^2 g."""

    step_size: Any

    def init(self, x0: Array, oracle: Any) -> Point:
        return Point(x0)

    def step(self, state: Point, oracle: Any) -> Point:
        g = oracle.gradient(state.x)
        return Point(state.x - self.step_size * rowwise(norm_squared(g), g) * g)


@dataclass(frozen=True)
class Sorting(Normalised):
    """x_{k+1} = sort(x_k)."""

    def step(self, state: Point, oracle: Any) -> Point:
        return Point(sort(oracle.gradient(state.x)))


def test_sums_over_coordinates_print_as_norms():
    (rule,) = update_rule(Normalised(gamma))
    assert "norm(nabla f (x_(k)))^(2)" in rule
    assert compiles(rule)


def test_a_rule_that_cannot_run_on_names_says_its_formula_in_words():
    sorting = replace(Sorting(gamma))
    assert update_rule(sorting) == ()
    assert rule_in_words(sorting) == "x_{k+1} = sort(x_k)."
