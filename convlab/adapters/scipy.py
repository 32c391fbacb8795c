"""Methods of `scipy.optimize.minimize`, seen through their callback: their iterates, one run for each case, as a convlab algorithm."""
from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.optimize import minimize

from convlab.adapters.memory import refuse_foreign
from convlab.constants import Array
from convlab.errors import BadInput
from convlab.operations import Unsupported
from convlab.problem import HasGradient

METHODS = ("BFGS", "CG", "COBYLA", "L-BFGS-B", "Nelder-Mead", "Newton-CG", "Powell", "SLSQP", "TNC", "trust-constr")
GRADIENT_FREE = ("COBYLA", "Nelder-Mead", "Powell")


class HasValueAndGradient(HasGradient, Protocol):
    """What a minimizer asks for."""

    def value(self, x: Array) -> Array:
        """f(x)."""
        ...


class Path(NamedTuple):
    """The present point, all iterates of the run that it is on, and how many updates have been shown."""

    x: Array
    path: Array              # (cases, iterates, dimension)
    shown: Array             # (cases,)


@dataclass(frozen=True)
class Minimizer:
    """The k-th iterate of a SciPy method, as its callback shows it; a run that has stopped stays where it is.

    The whole run is made by `init`, `iterations` updates at most; each step shows one more. State: see Path.
    """

    method: str
    iterations: int = 300
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As reports tell it."""
        return f"scipy {self.method}"

    def init(self, x0: Array, oracle: HasValueAndGradient) -> Path:
        """Runs the method from every start. Raises Unsupported on what is no batch of vectors of floats, or offers no values."""
        refuse_foreign(x0, "SciPy")
        if not isinstance(x0, np.ndarray) or x0.ndim != 2 or not hasattr(oracle, "value"):
            raise Unsupported("SciPy minimises functions of one vector, of which it asks for the values")
        path = np.stack([self._run(start, oracle) for start in x0])
        return Path(x0, path, np.zeros(len(x0), dtype=np.int64))

    def step(self, state: Path, oracle: HasValueAndGradient) -> Path:
        """Shows one more iterate. Raises Unsupported beyond `iterations` updates."""
        shown = state.shown + 1
        if int(shown.max(initial=0)) > self.iterations:
            raise Unsupported(f"the run of {self.method} has {self.iterations} updates; give the adapter more iterations=")
        return Path(state.path[np.arange(len(shown)), shown], state.path, shown)

    def _run(self, start: Array, oracle: HasValueAndGradient) -> Array:
        """(iterations + 1, dimension): the iterates from one start, the last one repeated."""
        found = [start.astype(np.float64)]
        gradient = {} if self.method in GRADIENT_FREE else {"jac": lambda x: np.asarray(oracle.gradient(x[None]))[0]}
        with warnings.catch_warnings(), np.errstate(all="ignore"):       # of line searches that fail: the run shows it
            warnings.simplefilter("ignore")
            run: Any = minimize
            run(lambda x: float(np.asarray(oracle.value(x[None]))[0]), start, method=self.method, callback=lambda x, *rest: found.append(np.array(x, dtype=float)),
                options={"maxiter": self.iterations, **self.options}, **gradient)
        found = found[:self.iterations + 1]
        return np.array(found + [found[-1]] * (self.iterations + 1 - len(found)))


def algorithm(method: str, *, iterations: int = 300, **options: Any) -> Minimizer:
    """A method of `scipy.optimize.minimize` by its name, with its options, as a convlab algorithm. Raises BadInput for an unknown name."""
    known = {name.lower(): name for name in METHODS}
    if not isinstance(method, str) or method.lower() not in known:
        raise BadInput(f"scipy has no method {method!r} that shows its iterates; there are {', '.join(METHODS)}.")
    return Minimizer(known[method.lower()], iterations, options)
