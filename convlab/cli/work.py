"""Long work over many theorems: in order, with a progress bar where somebody watches, on several processes if asked, and never lost to Ctrl-C."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from convlab.cli.documents import messages
from convlab.cli.targets import Target

Result = TypeVar("Result")


@dataclass(frozen=True)
class Work(Generic[Result]):
    """The results of the targets that were done, in their order, and the targets that an interruption left."""

    results: tuple[Result, ...]
    left: tuple[Target, ...] = ()


def over(targets: Sequence[Target], function: Callable[[Target], Result], workers: int, doing: str) -> Work[Result]:
    """`function` of every target; the same results in the same order for any number of workers."""
    done: list[Result] = []
    console = messages()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[id]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(doing, total=len(targets), id=targets[0].id)
        try:
            for result in _each(targets, function, workers):
                done.append(result)
                progress.update(task, advance=1, id=targets[min(len(done), len(targets) - 1)].id)
        except KeyboardInterrupt:
            return Work(tuple(done), tuple(targets[len(done):]))
    return Work(tuple(done))


def _each(targets: Sequence[Target], function: Callable[[Target], Result], workers: int) -> Iterator[Result]:
    if min(workers, len(targets)) == 1:
        yield from map(function, targets)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield from Parallel(n_jobs=min(workers, len(targets)), return_as="generator")(delayed(function)(target) for target in targets)
