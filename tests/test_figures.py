"""Declared figures: what they show is what the formulas say, nothing is cropped, the same declaration gives the same bytes."""
from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import fractions, integers, sampled_from

import convlab as cl
from convlab.catalogue import figures
from convlab.report.drawing import SIZES, canvas
from convlab.report.scene import scene
from convlab.report.traces import Trace, traces
from convlab.symbols import L_max
from tests.command_line import convlab

FIGURES = figures()
SMALL: Mapping[str, Mapping[str, str]] = {       # a few updates show as much of the drawing as all
    "gd-step-size-sweep": {}, "gd-zigzag": {}, "sgd-noise-floor": {"K": "40"}, "sgd-stationary-cloud": {"K": "20"}, "variance-reduction-passes": {"K": "3", "n": "20"}}


def shown(id: str, **parameters: object) -> tuple[Trace, ...]:
    return traces(scene(FIGURES[id], {name: str(value) for name, value in parameters.items()}))


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


# ---- what they show
@settings(max_examples=8)
@given(L=fractions(min_value=Fraction(1, 4), max_value=90, max_denominator=9), ratio=fractions(min_value=Fraction(1, 60), max_value=Fraction(1, 3), max_denominator=60))
def test_the_sweep_measures_the_factor_of_the_worse_end_of_the_spectrum_and_diverges_beyond_two_over_L(L: Fraction, ratio: Fraction) -> None:
    """Dots on max(|1 - gamma mu|, |1 - gamma L|), which is below 1 up to 2/L and above 1 beyond; nine digits, for twenty steps are rounded and rooted."""
    mu = ratio * L
    (trace,) = shown("gd-step-size-sweep", L=L, mu=mu)
    expected = np.maximum(np.abs(1 - trace.x * float(mu)), np.abs(1 - trace.x * float(L)))

    np.testing.assert_allclose(trace.y, expected, rtol=1e-9)
    np.testing.assert_array_equal(trace.y[np.abs(trace.x * float(L) - 2) > 1e-6] < 1, trace.x[np.abs(trace.x * float(L) - 2) > 1e-6] * float(L) < 2)


@settings(max_examples=4)
@given(sigma=integers(1, 40),
       mu=fractions(min_value=Fraction(4, 3), max_value=3, max_denominator=7),
       share=fractions(min_value=Fraction(1, 2), max_value=Fraction(7, 4), max_denominator=8))
def test_constant_steps_end_on_their_noise_floor(sigma: int, mu: Fraction, share: Fraction) -> None:
    """gamma sigma^2/(mu (2 - gamma mu)) with L = 9, reached to nine digits: the start is forgotten by a factor (1 - 2/27)^600 at least."""
    first = shown("sgd-noise-floor", sigma=sigma, mu=mu, L=9, gamma=share / 9, K=300)[0]
    gamma = share / 9

    assert first.y[-1] == pytest.approx(float(gamma * sigma**2 / (mu * (2 - gamma * mu))), rel=1e-9)
    assert first.bound is not None
    assert first.y[-1] == pytest.approx(first.bound[1][-1], rel=1e-9)


def test_decreasing_steps_pass_below_every_floor() -> None:
    """And as 1/k: over the last half of the run k times the error stays within a tenth."""
    long, short, decreasing = shown("sgd-noise-floor")
    late = decreasing.x > 400

    assert decreasing.y[-1] < short.y[-1] / 3 < long.y[-1] / 20
    assert np.ptp(decreasing.x[late] * decreasing.y[late]) < 0.1 * (decreasing.x * decreasing.y)[-1]


@settings(max_examples=4)
@given(n=integers(4, 30), m=integers(2, 50))
def test_passes_are_counted_from_the_declared_costs(n: int, m: int) -> None:
    """GD one a step, SGD 1/n; SAGA 1/n after the first table; SVRG 2/n a step and 1 a snapshot, the first one included."""
    gd, sgd, svrg, saga = (trace.x for trace in shown("variance-reduction-passes", n=n, inner_steps=m, K=4))

    def reachable(start: float, cost: object) -> set[float]:
        return {round(start + cost(k), 9) for k in range(4 * n + 1)}      # type: ignore[operator]

    assert {round(x, 9) for x in gd} == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert {round(x, 9) for x in sgd} <= reachable(0, lambda k: k / n)
    assert {round(x, 9) for x in saga} <= reachable(1, lambda k: k / n)
    assert {round(x, 9) for x in svrg} <= reachable(1, lambda k: 2 * k / n + k // m)
    assert max(sgd[-1], saga[-1], svrg[-1]) <= 4 + 1e-9


def test_variance_reduction_goes_below_the_floor_of_sgd_on_a_problem_whose_constants_are_exact() -> None:
    """The step reads L_max = max |a_i|^2/4 + mu off the data, and the gap is taken from Newton's minimiser."""
    made = scene(FIGURES["variance-reduction-passes"], {"K": "25", "n": "240"})
    problem = made.problem
    _, sgd, svrg, saga = traces(made)

    assert made.values[L_max] == pytest.approx(float((problem.rows**2).sum(axis=1).max() / 4 + problem.penalty), rel=1e-12)
    assert np.linalg.norm(problem.gradient(problem.minimiser[None])) <= 1e-13
    assert saga.y[-1] < 1e-3 * sgd.y[-1]
    assert svrg.y[-1] < sgd.y[-1]


@settings(max_examples=15)
@given(gamma=fractions(min_value=Fraction(1, 50), max_value=Fraction(33, 100), max_denominator=100))
def test_a_zigzag_is_the_run_of_gradient_descent(gamma: Fraction) -> None:
    """Each point is the last one less gamma times the gradient of the quadratic, and f falls at every step below 2/L = 1/3."""
    made = scene(FIGURES["gd-zigzag"], {"gamma": str(gamma)})
    path = traces(made)[0]
    places = np.stack([path.x, path.y], axis=1)
    basis, spectrum, centre = (np.asarray(v, dtype=float) for v in (made.problem.basis, made.problem.spectrum, made.problem.centre))
    slopes = (places[:-1] - centre) @ (basis * spectrum) @ basis.T

    np.testing.assert_allclose(places[1:], places[:-1] - float(gamma) * slopes, atol=1e-12)      # some tens of roundings of numbers up to 10
    assert (np.diff(path.columns["f"]) < 0).all()


def test_the_cloud_has_the_spread_that_the_second_moments_predict() -> None:
    """The standard deviation of 400 runs is known to 3.5 %; 15 % is beyond four of these."""
    for trace in shown("sgd-stationary-cloud"):
        assert trace.bound is not None
        for sample, ellipse in ((trace.x, trace.bound[0]), (trace.y, trace.bound[1])):
            assert sample.std() == pytest.approx(np.ptp(ellipse) / 4, rel=0.15)


# ---- how they look
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("id", FIGURES)
def test_nothing_is_cropped_and_no_two_names_touch(id: str, size: str) -> None:
    made = scene(FIGURES[id], SMALL[id])
    with mpl.rc_context(SIZES[size].style):
        picture = canvas(made, traces(made), SIZES[size])
        picture.canvas.draw()
        renderer = picture.canvas.get_renderer()      # type: ignore[attr-defined]
        (axes,) = picture.axes
        legend = axes.get_legend()
        names = [*axes.texts, *(legend.get_texts() if legend is not None else ())]
        extents = [text.get_window_extent(renderer) for text in (*names, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels())
                   if text.get_visible() and text.get_text() and _inside_limits(axes, text)]
    page = picture.bbox

    assert len(extents) > 6
    for box in extents:
        assert page.x0 - 0.5 <= box.x0 and box.x1 <= page.x1 + 0.5 and page.y0 - 0.5 <= box.y0 and box.y1 <= page.y1 + 0.5      # noqa: PT018
    beside = [text.get_window_extent(renderer) for text in names]
    assert not any(one.x0 < two.x1 - 1 and two.x0 < one.x1 - 1 and one.y0 < two.y1 - 1 and two.y0 < one.y1 - 1 for one, two in combinations(beside, 2))
    assert axes.get_xlabel()
    assert axes.get_ylabel()


def _inside_limits(axes: object, text: object) -> bool:
    """Ticks beyond the limits are made, but not drawn."""
    if text not in (*axes.get_xticklabels(), *axes.get_yticklabels()):      # type: ignore[attr-defined]
        return True
    x, y = text.get_position()                                              # type: ignore[attr-defined]
    value, limits = (x, axes.get_xlim()) if text in axes.get_xticklabels() else (y, axes.get_ylim())      # type: ignore[attr-defined]
    return bool(min(limits) <= value <= max(limits))


@pytest.mark.parametrize("id", ["gd-zigzag", "sgd-stationary-cloud"])
def test_the_same_bytes_again_and_no_state_of_matplotlib_changed(id: str) -> None:
    before = dict(mpl.rcParams)
    one, two = (cl.draw(FIGURES[id], "column", SMALL[id]) for _ in range(2))

    assert one.files == two.files
    assert dict(mpl.rcParams) == before
    assert set(one.files) == {"pdf", "svg", "png", "csv"}


def test_a_run_that_flies_off_leaves_the_picture_and_nothing_warns() -> None:
    """Warnings are errors here; labels follow the parameter."""
    for id in ("gd-zigzag", "sgd-noise-floor"):
        data = cl.draw(FIGURES[id], parameters={"gamma": "3", "K": "600"}).files["csv"]
        assert "= 18$" in data.decode() or "= 12$" in data.decode()


# ---- the commands
def test_the_list_names_each_figure_with_its_kind_and_parameters() -> None:
    items = convlab("list", "--figures", "--json").json["results"]

    assert {item["kind"] for item in items} == {"curves", "sweep", "contour", "scatter"}
    assert {item["figure"] for item in items} == set(FIGURES)
    assert "gd-zigzag" in convlab("list", "--figures").out


def test_a_figure_is_written_with_its_data(tmp_path: Path) -> None:
    answer = convlab("figure", "gd-zigzag", "--param", "K=3", "--out", str(tmp_path), "--json")

    assert answer.status == 0
    assert {Path(file).name for file in answer.json["results"][0]["files"]} == {f"gd-zigzag.{ending}" for ending in ("pdf", "svg", "png", "csv")}
    found = rows((tmp_path / "gd-zigzag.csv").read_bytes())
    assert [row["k"] for row in found] == ["0", "1", "2", "3"] * 2
    assert (float(found[0]["x_1"]), float(found[0]["x_2"])) == (-3.0, 4.25)


OWN = """
    from convlab.algorithms.gradient_descent import GradientDescent
    import convlab as cl
    from convlab.symbols import K, L, gamma
    from convlab_problems.quadratic import make
    bowl = cl.Family("my_bowl", lambda **given: make(**given), [])
    one = cl.Figure(id="mine", title="mine", problem=cl.Instance("my_bowl", spectrum=(L, L / 20), start=(3, 50)), parameters={L: 7, gamma: 1 / L, K: 30},
                    runs=(cl.Run(GradientDescent(gamma), "down"),), kind=cl.Curves())
    two = cl.Figure(id="mine-too", title="mine", problem="quadratic-2", parameters={gamma: 1 / L, K: 5},
                    runs=(cl.Run(GradientDescent(gamma), "down"),), kind=cl.Contour())
"""


def test_a_figure_in_ones_own_file_is_drawn_on_ones_own_family(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(textwrap.dedent(OWN), encoding="utf-8")

    assert convlab("figure", str(file), "--out", str(tmp_path)).status == 0
    assert {path.stem for path in tmp_path.glob("*.pdf")} == {"mine", "mine-too"}
    assert float(rows((tmp_path / "mine.csv").read_bytes())[0]["measured"]) == pytest.approx((7 * 9 + 7 / 20 * 2500) / 2)
    assert convlab("figure", f"{file}:mine-to", "--out", str(tmp_path)).err.startswith(f"{file} has no figure")


@pytest.mark.parametrize(("words", "told"), [
    (["gd-zigzog"], "Did you mean gd-zigzag?"), ([], "convlab list --figures"), (["gd-zigzag", "--size", "poster"], "slide and column"),
    (["gd-zigzag", "--param", "beta=1"], "it has K, L, gamma, mu"),
    (["gd-zigzag", "--param", "gamma"], "gamma=1/4"),
    (["gd-zigzag", "--param", "L=-1"], "negative eigenvalue"),
    (["gd-zigzag", "--param", "L=x"], "is no number"), (["gd-zigzag", "--param", "K=1/2"], "must be an integer"), (["gd-zigzag", "--param", "L=0"], "divides by zero"),
    (["variance-reduction-passes", "--param", "K=1000000"], "take fewer"), (["sgd-noise-floor", "--param", "K=9999999"], "more than"),
    (["sgd-noise-floor", "--param", "K=9999"], "can be afforded up to k")])
def test_bad_input_is_one_sentence_and_status_2(words: list[str], told: str, tmp_path: Path) -> None:
    answer = convlab("figure", *words, "--out", str(tmp_path))

    assert answer.status == 2
    assert told in " ".join(answer.err.split())
    assert list(tmp_path.iterdir()) == []


@given(sampled_from(sorted(FIGURES)))
def test_a_declaration_that_cannot_be_a_figure_is_refused(id: str) -> None:
    good = FIGURES[id]
    wrong = (({"id": "Not An Id"}, "small letters"), ({"runs": ()}, "at least one"), ({"runs": good.runs * 5}, "nobody tells apart"),
             ({"kind": "curves"}, "kind is one of"))
    for change, told in wrong:
        with pytest.raises(ValueError, match=told):
            replace(good, **change)      # type: ignore[arg-type]
