"""`check_optimizer`: a battery of named checks on an optimizer that nobody here wrote, and how much of it ran."""
from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from convlab.adapters.memory import told
from convlab.errors import BadInput, suggestion
from convlab.operations import Unsupported
from convlab.testing.candidate import recognised
from convlab.testing.finding import Finding, Findings, Outcome
from convlab.testing.laws import PLAIN_LAWS, PROMISED_LAWS, Law, NotAsked, Subject
from convlab.testing.likeness import LIKE, UNKNOWN, Likeness
from convlab.testing.native import FIRST_LAWS, NATIVE_LAWS
from convlab.testing.owed import owed_theorem
from convlab.testing.theorem_checks import owed_finding

BEFORE = (*FIRST_LAWS, PLAIN_LAWS[0])      # without a shape, a dtype and finite numbers nothing else makes sense
LAWS: Mapping[str, Law] = {law.__name__: law for law in (*BEFORE, *PLAIN_LAWS[1:], *NATIVE_LAWS, *PROMISED_LAWS)}


def check_optimizer(optimizer: Any, like: str | Likeness | None = None, *, parameters: Mapping[Any, float] | None = None, names: Mapping[str, Any] | None = None,
                    expected_failed_checks: Mapping[str, str] | None = None, checks: Iterable[str] | None = None) -> Findings:
    """Runs every check that applies to an optimizer of optax, of torch or of one's own; the findings print as a table, and `.ok` says whether all is well.

    `like`: "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "amsgrad", a Likeness of one's own, or None: then only what every optimizer owes.
    `parameters`: hyperparameters of a ready-made optimizer, {gamma: 0.1}. `names`: what spells a role that is not known here, {"alpha_t": gamma}.
    `expected_failed_checks`: {check: reason}. `checks`: these alone. Deterministic; nothing global is changed.
    Raises BadInput for what is no optimizer, for an unknown `like` and for an unknown check.
    """
    return Battery(optimizer, like, parameters or {}, names or {}, expected_failed_checks or {}).run(checks)


@dataclass(frozen=True)
class Battery:
    """The checks of one optimizer, by name."""

    optimizer: Any
    like: str | Likeness | None = None
    parameters: Mapping[Any, float] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    expected_failed_checks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known(self.expected_failed_checks, "expected_failed_checks")

    @cached_property
    def subject(self) -> Subject:
        """The optimizer with its declared properties."""
        likeness = likeness_of(self.like)
        return Subject(recognised(self.optimizer, likeness.roles, dict(self.parameters), self.names), likeness)

    @cached_property
    def checks(self) -> Mapping[str, Callable[[], Finding]]:
        """Every check by its name, in the order of the battery: laws, then theorems."""
        owed = {owed_theorem(o.theorem).id: o for o in self.subject.like.theorems}
        return {**{name: partial(self._law, law) for name, law in LAWS.items()},
                **{name: partial(owed_finding, self.subject, o, name) for name, o in owed.items()}}

    def run(self, names: Iterable[str] | None = None) -> Findings:
        """The findings of the named checks, or of all."""
        chosen = tuple(self.checks) if names is None else tuple(names)
        self._known(chosen, "checks")
        return Findings(self.subject.candidate.label, self.subject.like.name, tuple(self.finding(name) for name in chosen))

    def finding(self, name: str) -> Finding:
        """What one check found, with what was expected of it."""
        with undisturbed():
            hindered = self._hindered_by(name)
            found = Finding(name, "law" if name in LAWS else "theorem", Outcome.SKIPPED, f"not run, since {hindered} failed") if hindered else self.checks[name]()
        found = replace(found, reproduce=self._again(name)) if found.outcome is Outcome.FAILED else found
        return self._as_expected(found)

    def _hindered_by(self, name: str) -> str:
        """The check without which this one makes no sense, if it failed."""
        for law in BEFORE:
            if law.__name__ == name:
                return ""
            if law.__name__ not in self._before:
                self._before[law.__name__] = self._law(law).outcome
            if self._before[law.__name__] is Outcome.FAILED:
                return law.__name__
        return ""

    @cached_property
    def _before(self) -> dict[str, Outcome]:
        return {}

    def _law(self, law: Law) -> Finding:
        name = law.__name__
        try:
            seen = law(self.subject)
        except (NotAsked, Unsupported) as reason:
            return Finding(name, "law", Outcome.SKIPPED, str(reason))
        if seen.k is None:
            return Finding(name, "law", Outcome.PASSED, seen.note, ratio=seen.off)
        return Finding(name, "law", Outcome.FAILED, seen.note, seen.k, seen.off, seen.witness, seen.cause)

    def _as_expected(self, found: Finding) -> Finding:
        reason = self.expected_failed_checks.get(found.name)
        if reason is None:
            return found
        if found.outcome is Outcome.FAILED:
            return replace(found, outcome=Outcome.XFAILED, reason=reason)
        if found.outcome is Outcome.PASSED:
            return replace(found, outcome=Outcome.FAILED, witness=f"it passes, though a failure was expected ({reason}): take it out of expected_failed_checks",
                           cause="", reproduce=self._again(found.name))
        return found

    def _again(self, name: str) -> str:
        like = f", like={self.subject.like.name!r}" if self.like is not None else ""
        said = f", parameters={{{', '.join(f'{role}: {value!r}' for role, value in self.parameters.items())}}}" if self.parameters else ""
        return f"print(convlab.check_optimizer({spelled(self.optimizer)}{like}{said}, checks=[{name!r}]))"

    def _known(self, names: Iterable[str], where: str) -> None:
        for name in names:
            if name not in self.checks:
                tested = f"{self.subject.candidate.label} like {self.subject.like.name}"
                raise BadInput(f"{where}: no check of {tested} is called {name!r}.{suggestion(name, list(self.checks))} It has {', '.join(self.checks)}.")


def likeness_of(like: str | Likeness | None) -> Likeness:
    """The declared properties of a kind. Raises BadInput for an unknown one."""
    if like is None:
        return UNKNOWN
    if isinstance(like, Likeness):
        return like
    if like not in LIKE:
        raise BadInput(f"like={like!r} is unknown; there are {', '.join(map(repr, LIKE))}, and None.{suggestion(str(like), list(LIKE))}")
    return LIKE[like]


def spelled(optimizer: Any) -> str:
    """An optimizer as Python."""
    if isinstance(optimizer, partial):
        inside = [spelled(optimizer.func), *map(repr, optimizer.args), *(f"{name}={value!r}" for name, value in optimizer.keywords.items())]
        return f"functools.partial({', '.join(inside)})"
    name, root = told(optimizer), str(getattr(optimizer, "__module__", "")).partition(".")[0]
    if root in ("optax", "torch"):
        return f"{'torch.optim' if root == 'torch' else root}.{name}"
    return name


@contextmanager
def undisturbed() -> Iterator[None]:
    """Random streams and warning filters of the process are given back as they were, whatever an optimizer draws or warns of."""
    torch = sys.modules.get("torch")
    with ExitStack() as kept:
        kept.enter_context(warnings.catch_warnings())
        kept.callback(random.setstate, random.getstate())
        kept.callback(np.random.set_state, np.random.get_state())
        if torch is not None:
            kept.enter_context(torch.random.fork_rng(devices=[]))
        yield
