"""The options that commands share, each declared once, and how they become `Settings`."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convlab.errors import BadInput
from convlab.run.settings import Settings

Names = Annotated[list[str] | None, typer.Argument(metavar="[ID | FILE.py]...", help="Theorems of the catalogue, or files of your own.", show_default=False)]
Problems = Annotated[list[str] | None, typer.Argument(metavar="[PROBLEM | FILE.py]...", help="Families or single problems, or files of your own.",
                                                      show_default="all problems")]
Part = Annotated[str | None, typer.Option("--part", metavar="I..IV", help="Only this part of the lecture.", show_default="all parts")]
Topic = Annotated[str | None, typer.Option("--topic", metavar="T", help="Only this topic.", show_default="all topics")]
All = Annotated[bool, typer.Option("--all", help="The whole catalogue, less its false claims.")]
False_ = Annotated[bool, typer.Option("--false", help="Only false claims, expected to be refuted.")]
Json = Annotated[bool, typer.Option("--json", help="Exactly one JSON document on standard output.")]
Problem = Annotated[list[str] | None, typer.Option("--problem", metavar="P", help="Only this problem; may be repeated.", show_default="all that match")]
Param = Annotated[list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Fix a parameter, such as gamma=1/4; may be repeated.",
                                                 show_default="points all over the condition")]
Outside = Annotated[bool, typer.Option("--outside", help="Explore parameters beyond the condition on purpose.")]
Engine = Annotated[str, typer.Option("--engine", metavar="auto|numpy|jax", help="Which loop runs the algorithm.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of starts, parameter points and sampled runs.")]
Replicates = Annotated[int, typer.Option("--replicates", metavar="N", help="Sampled runs beside an exact expectation.")]
Iterations = Annotated[int, typer.Option("--iterations", metavar="N", help="Updates of a run.")]
Dimension = Annotated[int | None, typer.Option("--dimension", metavar="N", help="Only problems of this dimension.", show_default="all dimensions")]
Alpha = Annotated[float, typer.Option("--alpha", metavar="A", help="Error level of a sampled verdict.")]
Workers = Annotated[int, typer.Option("--workers", metavar="N", help="Processes; the results are the same for any number.")]
Budget = Annotated[float, typer.Option("--budget", metavar="SECONDS", help="How long to search each theorem.")]
InstanceFile = Annotated[Path | None, typer.Option("--instance", metavar="FILE", help="Judge this instance alone: a file that falsify or check --out wrote.",
                                                   show_default="all that match")]
Witnesses = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Write what was found there: data file and standalone script.",
                                                show_default="nothing is written")]
Certifiable = Annotated[list[str] | None, typer.Argument(metavar="[ID[:CLAIM] | FILE.py]...", help="Theorems of the catalogue, or files of your own.",
                                                         show_default=False)]
Counts = Annotated[list[int] | None, typer.Option("--n", metavar="N", help="Updates of the run; may be repeated.", show_default="1, 2, 5")]
Numbers = Annotated[list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Fix a parameter or a constant, such as gamma=1/4 or L=8; may be repeated.",
                                                   show_default="defaults, and constants far from 1")]
CertificateFile = Annotated[Path | None, typer.Option("--certificate", metavar="FILE", help="Check this certificate: a file that certify --out wrote.",
                                                      show_default="none")]
Certificates = Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Write certificates and instances there.", show_default="nothing is written")]
Drawings = Annotated[list[str] | None, typer.Argument(metavar="[ID | FILE.py]...", help="Figures of `list --figures`, or files of your own.", show_default=False)]
Figures = Annotated[bool, typer.Option("--figures", help="The figures in place of the theorems.")]
Adjusted = Annotated[list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="Change a parameter, such as gamma=1/4; may be repeated.",
                                                    show_default="as declared")]
Paper = Annotated[str, typer.Option("--size", metavar="slide|column", help="For a projector, or for a column of a page.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files go.")]


def settings(*, problem: list[str] | None = None, param: list[str] | None = None, **given: Any) -> Settings:
    """The options as Settings. Raises BadInput for a number that cannot be meant."""
    for name in ("replicates", "iterations", "dimension", "workers"):
        value = given.get(name)
        if value is not None and value < 1:
            raise BadInput(f"--{name} {value}: there must be at least 1.")
    if given.get("seed", 0) < 0:
        raise BadInput(f"--seed {given['seed']}: a seed is an integer from 0 on.")
    if not 0 < given.get("alpha", 0.5) < 1:
        raise BadInput(f"--alpha {given['alpha']}: an error level lies strictly between 0 and 1.")
    if given.get("engine", "auto") not in ("auto", "numpy", "jax"):
        raise BadInput(f"--engine {given['engine']}: the engines are auto, numpy and jax.")
    if given.get("engine") == "jax":
        _require_jax()
    return Settings(problems=tuple(problem or ()), parameters=assignments(param or [], "--param "), **given)


def assignments(texts: list[str], option: str = "") -> dict[str, str]:
    """name=value texts as a mapping. Raises BadInput for a text of another form, or a name given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (piece.strip() for piece in text.partition("="))
        if not (equals and value and name.isidentifier()):
            raise BadInput(f"{option}{text}: write a name and a value, such as {option}gamma=1/4.")
        if name in found:
            raise BadInput(f"{option}{text}: {name} is given twice.")
        found[name] = value
    return found


def _require_jax() -> None:
    from importlib.util import find_spec

    if find_spec("jax") is None:
        raise BadInput("--engine jax: JAX is not installed; run `pip install 'convergence-lab[jax]'`, or take --engine numpy.")
