"""Assertions for a test suite: an algorithm keeps a theorem, or a rate; else a message with the witness and the lines that show it again.

The error level. A test may fail by chance only where samples judge, and there `alpha` bounds the probability. Under `@given` an assertion runs once an
example, so each example gets alpha/max_examples. That is enough: a test fails only if some example fails before any other has, and until then Hypothesis
runs at most `max_examples` examples that end normally (those replayed from its database among them). What it runs afterwards, to shrink, can only change
how a test fails that has failed. The share depends on nothing that changes from run to run, so an example that is replayed is judged as before. Two things
are not counted: examples written by `@example`, each of which adds alpha/max_examples, and those that the test throws away by `assume` after the assertion:
assume first. Several claims and problems of one assertion share its level equally. Exact sources have no error to split.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from convlab.catalogue import theorem as named_theorem
from convlab.errors import BadInput
from convlab.judge.check import check
from convlab.judge.compare import as_float
from convlab.judge.verdict import Check, Verdict, Word, jsonable, log10, short
from convlab.problem import Family, Member, installed_families
from convlab.run.settings import Settings
from convlab.testing.context import running
from convlab.testing.spelled import homonyms, imports, name_of, spelled
from convlab.theorem import FalseClaim, Theorem

SEEDS = 2**32 - 1
SHOWN = 6            # reasons and verdicts told in a message


def assert_theorem(theorem: str | Theorem, algorithm: Any = None, problem: Any = None, seed: int | None = None, *,
                   parameters: Mapping[Any, Any] | None = None, claim: str | None = None, settings: Settings | None = None,
                   undecided: bool = False) -> Check:
    """Returns the check; raises AssertionError, with the witness, where the algorithm (default: the theorem's own) breaks a claim of the theorem.

    `problem`: one of your own, one drawn by `problems(...)`, or the name of an installed one; without it every installed problem that matches. `seed`: of
    parameter points and samples; under `@given` it is drawn, so that it is replayed and shrinks. `parameters`: what the theorem's tunables are, as in
    `cl.check`, for an algorithm whose fields do not hold them. A claim that nothing decides fails, too: a test that
    certified nothing must not be green; `undecided=True` lets it pass, with `check.word` to be looked at. Nothing judged at all (an assumption missing,
    a claim of another name, parameters outside the condition) raises BadInput with the reasons. `settings`: iterations, replicates, alpha and so on.
    """
    __tracebackhide__ = True                              # pytest shows the caller's line, and the message
    given = named_theorem(theorem) if isinstance(theorem, str) else theorem
    asked = _Asked(given, algorithm, problem, chosen(settings, seed), parameters, claim)
    with unwatched():
        result = asked.judged()
    _tell(asked, result)
    if result.word is Word.NOT_APPLICABLE:
        raise BadInput(asked.unjudged(result))
    if result.word is Word.REFUTED:
        raise AssertionError(asked.message(result))
    if result.word is Word.INCONCLUSIVE and not undecided:
        raise AssertionError(asked.message(result))       # on a line of its own: Hypothesis then takes it for another failure, and does not shrink one into it
    return result


# ---- seed and error level
def chosen(given: Settings | None, seed: int | None) -> Settings:
    """Those of the caller, else of the running test; the share of an example in alpha, and the seed that was drawn for it."""
    test, own = running(), given or Settings()
    level, base = own.alpha, own.seed
    if test is not None and given is None:
        level, base = own.alpha if test.alpha is None else test.alpha, test.seed
    if "hypothesis" not in sys.modules:
        return replace(own, alpha=level, seed=base if seed is None else seed)
    return replace(own, alpha=level / _examples(), seed=_drawn_seed(base) if seed is None else seed)


def _examples() -> int:
    """How many examples the running property may take; 1 outside of one."""
    from hypothesis import currently_in_test_context, settings

    return settings().max_examples if currently_in_test_context() else 1


def _drawn_seed(base: int) -> int:
    """A seed that is part of the running example; `base` outside of one."""
    from hypothesis import currently_in_test_context
    from hypothesis import strategies as st
    from hypothesis.control import current_build_context

    return base + int(current_build_context().data.draw(st.integers(0, SEEDS))) if currently_in_test_context() else base


@contextmanager
def unwatched() -> Iterator[None]:
    """Before Python 3.12 Hypothesis follows a failing test line by line, which takes the judge minutes; it may look away meanwhile. No other tracer is touched."""
    tracer = sys.gettrace()
    if not type(getattr(tracer, "__self__", None)).__module__.startswith("hypothesis."):
        yield
        return
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


# ---- judging
@dataclass(frozen=True)
class _Asked:
    """One assertion: what is to be judged, and how it is told."""

    theorem: Theorem
    algorithm: Any
    problem: Any
    settings: Settings
    parameters: Mapping[Any, Any] | None
    claim: str | None

    def judged(self) -> Check:
        """Claim by claim, each at its share of alpha."""
        claims = [c.name for c in self.theorem.claims if not isinstance(c, FalseClaim) and self.claim in (None, c.name)]
        if not claims:
            raise BadInput(f"{self.theorem.id} has no true claim{f' called {self.claim!r}' if self.claim else ''} to assert; "
                           f"it has {', '.join(c.name for c in self.theorem.claims)}.")
        families, settings = self._where()
        share = settings.alpha / (len(claims) * max(1, sum(1 for family in families.values() for _ in family.members())))
        return sum((check(self.theorem, settings=replace(settings, alpha=share), families=families, algorithm=self.algorithm, claim=name,
                          parameters=self.parameters)
                    for name in claims), Check(()))

    def _where(self) -> tuple[Mapping[str, Family], Settings]:
        """The problems to look at: all, the installed one of that name, or the one given."""
        if self.problem is None:
            return installed_families(), self.settings
        if isinstance(self.problem, str):
            return installed_families(), replace(self.settings, problems=(self.problem,))
        name = name_of(self.problem)
        return {"given": Family("given", type(self.problem), lambda: [Member(name, self.problem)])}, replace(self.settings, problems=(name,))

    # ---- words
    @property
    def runs(self) -> str:
        """The algorithm, as it is told."""
        return "its own algorithm" if self.algorithm is None else spelled(self.algorithm)

    def message(self, result: Check) -> str:
        """What was refuted or left open, the witness, and the lines that show it again."""
        told = [v for v in result.verdicts if v.word is result.word]
        others = [f"and {len(told) - 1} more of {len(result.verdicts)} verdicts"] if len(told) > 1 else []
        head = f"{self.theorem.id} is {'refuted' if result.word is Word.REFUTED else 'not decided'} for {self.runs}."
        return "\n".join([head, *_witnessed(told[0]), *others, "To see it again:", *self.again(told[0])])

    def unjudged(self, result: Check) -> str:
        """Why nothing was judged."""
        reasons = [f"{s.claim} on {s.problem or 'no problem'}: {s.reason}" for s in result.skipped[:SHOWN]] or ["no problem of that name matches"]
        asked = ", ".join(kind.__name__ for kind in dict.fromkeys(k for c in self.theorem.claims for k in getattr(c, "assumptions", ())))
        more = f"; and {len(result.skipped) - SHOWN} more" if len(result.skipped) > SHOWN else ""
        return f"{self.theorem.id} was judged on nothing with {self.runs}: {'; '.join(reasons)}{more}. It asks for {asked or 'nothing'}."

    def again(self, verdict: Verdict) -> tuple[str, ...]:
        """The lines of Python that judge this again."""
        problem = self.problem if self.problem is not None and not isinstance(self.problem, str) else verdict.problem
        told = replace(Settings(), **{name: getattr(self.settings, name) for name in ("iterations", "replicates", "parameters", "outside")})
        named = {"problem": problem, "seed": self.settings.seed, "parameters": self.parameters or None,
                 "claim": verdict.claim if len(self.theorem.claims) > 1 else None, "settings": told if told != Settings() else None}
        return call("assert_theorem", [self.theorem.id, *([] if self.algorithm is None else [self.algorithm])], named)


def call(function: str, values: Sequence[Any], named: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines of Python that make a call of `convlab.testing` again; arguments that are None are left out."""
    given = {name: value for name, value in named.items() if value is not None}
    everything = (*values, *given.values())
    shared = homonyms(*everything)
    arguments = [*(spelled(v, shared) for v in values), *(f"{name}={spelled(v, shared)}" for name, v in given.items())]
    return tuple(f"    {line}" for line in (*imports(*everything), f"from convlab.testing import {function}", f"{function}({', '.join(arguments)})"))


def _witnessed(verdict: Verdict) -> list[str]:
    """The facts of a verdict, a line each."""
    witness = verdict.witness
    numbers = {**verdict.parameters, **verdict.constants}
    lines = [f"  problem     {verdict.problem}{f', from the start {witness.start!r}' if witness is not None and witness.start else ''}",
             f"  with        {', '.join(f'{name} = {short(value)}' for name, value in numbers.items())}" if numbers else "",
             f"  claim       {verdict.claim}, judged by {verdict.judged_by.value}",
             f"  at k = {verdict.worst_k}:  measured {short(verdict.measured)}, bound {short(verdict.bound)}, ratio {short(verdict.worst_ratio)}"
             if verdict.worst_k is not None else "",
             f"  e-value     10^{verdict.e_value_log10:.3g} from {verdict.replicates} replicates" if verdict.e_value_log10 is not None else "",
             f"  outcome     {verdict.outcome}" if verdict.outcome else "", f"  note        {verdict.note}" if verdict.note else ""]
    return [line for line in lines if line]


def _tell(asked: _Asked, result: Check) -> None:
    """The running test hears of it."""
    test = running()
    if test is None:
        return
    seen = [v for v in result.verdicts if v.worst_ratio is not None and v.worst_ratio == v.worst_ratio]
    worst = max(seen, key=lambda v: (v.word is Word.REFUTED, as_float(v.worst_ratio)), default=None)
    test.heard({"theorem": asked.theorem.id, "algorithm": asked.runs, "verdict": result.word.value, "examples": 1, "judged": result.counts,
                "skipped": len(result.skipped), "seed": asked.settings.seed, "alpha": asked.settings.alpha,
                "worst": None if worst is None else {"problem": worst.problem, "k": worst.worst_k, "ratio": jsonable(worst.worst_ratio),
                                                     "ratio_log10": log10(worst.worst_ratio)}})
