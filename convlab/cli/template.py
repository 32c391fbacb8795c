"""`new`: a theorem to start from, which holds as it stands."""
from __future__ import annotations

from pathlib import Path

from convlab.cli.documents import messages
from convlab.errors import BadInput

TEMPLATE = '''"""TODO: what the theorem says, and where it is from."""
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

import convlab as cl
from convlab.symbols import L, gamma, k, mu      # every symbol with its meaning: convlab/symbols.py; your own: cl.symbol(...)
from convlab.symbols import R                    # |x_0 - x*|


class State(NamedTuple):
    x: cl.Array                                  # (replicates, dimension); the first field is the point that metrics look at


@dataclass(frozen=True)
class MyMethod:
    """x_{{k+1}} = x_k - step_size grad f(x_k)."""

    step_size: cl.Number

    def init(self, x0, oracle):
        return State(x0)

    def step(self, state, oracle):               # a rule with randomness declares draws(self, oracle) and takes `draw` here
        return State(state.x - self.step_size * oracle.gradient(state.x))


theorem = cl.Theorem(
    id="{id}",
    title="TODO: a title",
    algorithm=MyMethod(step_size=gamma),
    assumptions=(cl.Smooth, cl.StronglyConvex, cl.Minimum),
    condition=sp.And(0 < gamma, gamma <= 2 / (L + mu)),      # the claim is judged all over it
    defaults={{gamma: 1 / L}},
    metric=cl.distance_to_minimiser,                         # also cl.function_gap, cl.gradient_norm, or your own: @cl.metric(...)
    bound=(1 - gamma * mu) ** k * R,
    mode=cl.every_iterate,                                   # also cl.best_of(0, -1), cl.mean_of(...); law=cl.Law.EXPECTATION for a mean
    source="TODO: author (year), theorem number",
    mutants=(cl.Bound((1 - gamma * mu) ** (k + 1) * R),      # what a tired author might have published; `convlab mutants` must refute it
             cl.Step(defaults={{gamma: sp.Rational(41, 20) / L}})),
)
'''


def written(file: Path) -> int:
    """Writes the template. Raises BadInput where something is there already or nothing can be written."""
    if file.suffix != ".py":
        raise BadInput(f"{file} is to be a Python file: give a name that ends in .py.")
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(TEMPLATE.format(id=file.stem.replace("_", "-")))
    except FileExistsError:
        raise BadInput(f"{file} exists and stays as it is: give another name.") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
    messages().print(f"Wrote {file}. It holds as it stands: `convlab check {file}`, then make it yours.", markup=False)
    return 0
