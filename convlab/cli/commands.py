"""The commands: what each is called, takes and answers. Each imports what it needs when it runs."""
from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from convlab.cli.documents import BAD_INPUT, INTERRUPTED, messages
from convlab.cli.options import (
    Adjusted,
    All,
    Alpha,
    Budget,
    Certifiable,
    CertificateFile,
    Certificates,
    Counts,
    Dimension,
    Drawings,
    Engine,
    False_,
    Figures,
    InstanceFile,
    Iterations,
    Json,
    Names,
    Numbers,
    Out,
    Outside,
    Paper,
    Param,
    Part,
    Problem,
    Problems,
    Replicates,
    Seed,
    Topic,
    Witnesses,
    Workers,
    assignments,
    settings,
)
from convlab.errors import BadInput
from convlab.run.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich",
                  help="Is this convergence theorem right, and does my code obey it?")
DEFAULT = Settings(workers=min(8, os.cpu_count() or 1))      # a catalogue is judged on all cores, with the same results


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Registers a command that returns its exit status; the one place where bad input becomes a sentence and status 2."""

    @functools.wraps(function)
    def run(*arguments: object, **options: object) -> None:
        try:
            status = function(*arguments, **options)
        except BadInput as error:
            messages().print(str(error), style="red", markup=False)
            status = BAD_INPUT
        except KeyboardInterrupt:
            messages().print("Interrupted; nothing was written.", style="red")
            status = INTERRUPTED
        raise typer.Exit(status)

    app.command(function.__name__.rstrip("_"))(run)
    return run


@command
def list_(names: Names = None, all: All = False, part: Part = None, topic: Topic = None, false: False_ = False, figures: Figures = False,
          json: Json = False) -> int:
    """What is in the catalogue."""
    if figures:
        from convlab.cli import figuring

        return figuring.listed(names, json=json)
    from convlab.cli import reading

    return reading.listed(names, part=part, topic=topic, true=all, false=false, json=json)


@command
def show(names: Names = None, all: All = False, part: Part = None, topic: Topic = None, false: False_ = False, json: Json = False) -> int:
    """A theorem as its reviewer reads it: assumptions, condition, bound, source, facts, mutants."""
    from convlab.cli import reading

    return reading.shown(names, part=part, topic=topic, true=all, false=false, json=json)


@command
def bound(name: Annotated[str, typer.Argument(metavar="ID | FILE.py", help="A theorem; ID:CLAIM for one of its claims.", show_default=False)],
          values: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="k=10 L=1 R=1 gamma=1/4.", show_default=False)] = None,
          outside: Outside = False, json: Json = False) -> int:
    """The bound as a number: exact for rational values, else a float."""
    from convlab.cli import bounds

    return bounds.told(name, assignments(values or []), outside=outside, json=json)


@command
def check(names: Names = None, all: All = False, part: Part = None, topic: Topic = None, false: False_ = False, problem: Problem = None,
          param: Param = None, outside: Outside = False, engine: Engine = DEFAULT.engine, seed: Seed = DEFAULT.seed,
          replicates: Replicates = DEFAULT.replicates, iterations: Iterations = DEFAULT.iterations,
          dimension: Dimension = DEFAULT.dimension, alpha: Alpha = DEFAULT.alpha, workers: Workers = DEFAULT.workers,
          instance: InstanceFile = None, out: Witnesses = None, json: Json = False) -> int:
    """Does it hold? Runs the algorithm on every matching problem, over the whole condition."""
    from convlab.cli import checking
    from convlab.cli.targets import targets

    chosen = settings(problem=problem, param=param, outside=outside, engine=engine, seed=seed, replicates=replicates, iterations=iterations,
                      dimension=dimension, alpha=alpha, workers=workers)
    return checking.checked(targets(names, part=part, topic=topic, true=all, false=false, verb="check"), chosen, json=json, instance=instance, out=out)


@command
def prove(names: Names = None, all: All = False, part: Part = None, topic: Topic = None, false: False_ = False,
          workers: Workers = DEFAULT.workers, json: Json = False) -> int:
    """What sympy derives from the code: conditions, one-step inequalities, recursions."""
    from convlab.cli import proving
    from convlab.cli.targets import targets

    return proving.proved(targets(names, part=part, topic=topic, true=all, false=false, verb="prove"), settings(workers=workers), json=json)


@command
def certify(names: Certifiable = None, n: Counts = None, all: All = False, part: Part = None, topic: Topic = None, false: False_ = False, param: Numbers = None,
            workers: Workers = DEFAULT.workers, certificate: CertificateFile = None, out: Certificates = None, json: Json = False) -> int:
    """The exact worst case after n updates, and a proof of the bound in rationals."""
    from convlab.cli import certifying

    if certificate is not None:
        return certifying.checked(names, certificate, json=json)
    return certifying.told(names, n or (1, 2, 5), param or [], settings(workers=workers).workers, part=part, topic=topic, true=all, false=false, out=out, json=json)


@command
def mutants(names: Names = None, all: All = False, part: Part = None, topic: Topic = None, problem: Problem = None,
            engine: Engine = DEFAULT.engine, seed: Seed = DEFAULT.seed, replicates: Replicates = DEFAULT.replicates,
            iterations: Iterations = DEFAULT.iterations, dimension: Dimension = DEFAULT.dimension, workers: Workers = DEFAULT.workers,
            json: Json = False) -> int:
    """Would we have noticed? Judges the false neighbours of a theorem, each expected to be refuted."""
    from convlab.cli import proving
    from convlab.cli.targets import targets

    chosen = settings(problem=problem, engine=engine, seed=seed, replicates=replicates, iterations=iterations, dimension=dimension, workers=workers)
    return proving.mutated(targets(names, part=part, topic=topic, true=all, false=False, verb="mutate"), chosen, json=json)


@command
def falsify(names: Names = None, part: Part = None, topic: Topic = None, all: All = False, false: False_ = False, budget: Budget = 60.0,
            seed: Seed = DEFAULT.seed, out: Witnesses = None, json: Json = False) -> int:
    """The worst instance that a search of the whole problem class finds: how close it comes to the bound, or how far above."""
    from convlab.cli import falsifying
    from convlab.cli.targets import targets

    settings(seed=seed)
    return falsifying.falsified(targets(names, part=part, topic=topic, true=all, false=false, verb="falsify"), budget=budget, seed=seed, out=out, json=json)


@command
def sharpen(names: Names = None, part: Part = None, topic: Topic = None, all: All = False, budget: Budget = 30.0, seed: Seed = DEFAULT.seed,
            out: Witnesses = None, json: Json = False) -> int:
    """How far it could be bettered: the smallest constant of each term, the largest step, the fastest rate that nothing refutes."""
    from convlab.cli import sharpening
    from convlab.cli.targets import targets

    settings(seed=seed)
    return sharpening.sharpened(targets(names, part=part, topic=topic, true=all, false=False, verb="sharpen"), budget=budget, seed=seed, out=out, json=json)


@command
def audit(names: Problems = None, seed: Seed = DEFAULT.seed, json: Json = False) -> int:
    """Are the problems' constants true? Tries to break every claimed constant and assumption."""
    from convlab.cli import auditing

    return auditing.audited(names or [], settings(seed=seed), json=json)


@command
def report(names: Names = None, part: Part = None, topic: Topic = None, out: Out = Path("reports"), seed: Seed = DEFAULT.seed,
           replicates: Replicates = DEFAULT.replicates, iterations: Iterations = DEFAULT.iterations, workers: Workers = DEFAULT.workers,
           json: Json = False) -> int:
    """Checks and writes it down: PDF, results.json, every figure as PDF, SVG, PNG and CSV."""
    from convlab.cli import reporting

    chosen = settings(seed=seed, replicates=replicates, iterations=iterations, workers=workers)
    return reporting.written(names, chosen, part=part, topic=topic, out=out, json=json)


@command
def figure(names: Drawings = None, param: Adjusted = None, size: Paper = "slide", out: Out = Path("reports/figures"), json: Json = False) -> int:
    """Draws figures of the lecture: PDF, SVG and PNG, with their data as CSV."""
    from convlab.cli import figuring

    return figuring.drawn(names, assignments(param or [], "--param "), size=size, out=out, json=json)


@command
def handout(file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Title, author, and what stands in it, in order.", show_default=False)],
            out: Out = Path("reports/handout"), json: Json = False) -> int:
    """A lecturer's own selection: a PDF of statements, figures and sentences, with LaTeX, BibTeX and a notebook."""
    from convlab.cli import handing_out

    return handing_out.written(file, out=out, json=json)


@command
def calibrate(repeats: Annotated[int, typer.Option("--repeats", metavar="N", help="Experiments of each kind.")] = 200,
              replicates: Annotated[int, typer.Option("--replicates", metavar="N", help="Of each experiment at most; told at every fourth part of it too.")] = 65_536,
              seed: Seed = DEFAULT.seed, out: Out = Path("reports"), json: Json = False) -> int:
    """The judge's own error rates, on true statements and on false ones, beside tests by hand; a page for the report."""
    from convlab.cli import calibrating

    return calibrating.calibrated(settings(seed=seed, replicates=replicates), repeats, out, json=json)


@command
def new(file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Where the template goes; an existing file stays as it is.", show_default=False)]) -> int:
    """A template for a theorem of your own."""
    from convlab.cli import template

    return template.written(file)
