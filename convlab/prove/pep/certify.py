"""`certify`: the exact worst case of a claim after n updates, a rational proof of its bound there, and an instance that comes close to it."""
from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from convlab import symbols
from convlab.catalogue import theorem as named
from convlab.constants import is_rational
from convlab.errors import BadInput
from convlab.judge.verdict import jsonable
from convlab.operations import Unsupported
from convlab.problem import Family, installed_families
from convlab.prove.pep.certificate import allowed, document_of
from convlab.prove.pep.certified import Certification, Certified, Status, Unclaimed
from convlab.prove.pep.identity import Proof, combination, residual
from convlab.prove.pep.instances import instance_document, wrong_data
from convlab.prove.pep.interpolant import Interpolant
from convlab.prove.pep.numbers import values_of
from convlab.prove.pep.reconstruct import reconstructed
from convlab.prove.pep.rounding import proved
from convlab.prove.pep.runs import Run, run_exactly, run_in_floats, setting_of, tight_runs
from convlab.prove.pep.sdp import Program, Worst, limited, program_of, worst_case
from convlab.prove.pep.statement import FEASIBLE, Statement, statement_of, unfit
from convlab.theorem import FalseClaim, Multipliers, OneStep, RateBound, Theorem

CLOSE = Fraction(1, 10**6)       # an instance this close to the bound shows that it is tight
SURE = Fraction(1, 10**9)        # above a bound that is known in floats by this much, an instance refutes it
def refuse_without_solver() -> None:
    """Raises BadInput where the solver is not installed."""
    if find_spec("clarabel") is None:
        raise BadInput("certify needs a solver for semidefinite programs: run `pip install 'convergence-lab[pep]'`.")


def certify(theorem: Theorem | str, n: int | Iterable[int] = (1, 2, 5), *, claim: str | None = None, parameters: Mapping[str, Any] | None = None,
            families: Mapping[str, Family] | None = None) -> Certification:
    """The worst case of each claim after n updates, with its proof.

    `parameters` fixes tunables and constants by name (gamma="1/4", L=8); others take defaults, and constants far from 1. Raises BadInput for an unknown name,
    a number outside the condition, or where the solver is not installed.
    """
    refuse_without_solver()
    theorem = named(theorem) if isinstance(theorem, str) else theorem
    chosen = [c for c in theorem.claims if claim in (None, c.name)]
    if not chosen:
        raise BadInput(f"{theorem.id} has no claim {claim!r}: it has {', '.join(c.name for c in theorem.claims)}.")
    families = installed_families() if families is None else families
    found = Certification(())
    for each in chosen:
        found = found + _claim(theorem.id, each, [n] if isinstance(n, int) else list(n), parameters or {}, families)
    return found


def _claim(title: str, claim: Any, counts: list[int], given: Mapping[str, Any], families: Mapping[str, Family]) -> Certification:
    name, stated = claim.name, replace(claim.asserted, tight=(claim.witness,)) if isinstance(claim, FalseClaim) and hasattr(claim.asserted, "tight") else claim
    reason = unfit(stated)
    if reason is not None:
        return Certification((), (Unclaimed(title, name, reason),))
    try:
        values, notes = values_of(title, stated, given)
    except Unsupported as impossible:
        return Certification((), (Unclaimed(title, name, str(impossible)),))
    found: list[Certified] = []
    skipped: dict[str, Unclaimed] = {}
    for n in counts:
        try:
            found.append(certified(title, stated, name, values, n, families, notes))
        except Unsupported as impossible:
            skipped.setdefault(str(impossible), Unclaimed(title, name, f"n = {n}: {impossible}" if found else str(impossible)))
    return Certification(tuple(found), tuple(skipped.values()))


# ---- one claim at one n
def certified(title: str, claim: RateBound, name: str, values: Mapping[Any, Any], n: int, families: Mapping[str, Family], notes: tuple[str, ...] = ()) -> Certified:
    """What stands of one claim at one n. Raises Unsupported where it has no statement about Gram matrices."""
    statement = statement_of(claim, values, n)
    program = program_of(statement)
    worst = worst_case(program)
    proof = _proof(claim, values, n, statement, program, worst) if worst.bounded else None
    instance = reconstructed(statement, program, worst) if worst.bounded else _far(statement, program)
    point = {s: values[s] for s in claim.defaults}
    runs = tight_runs(title, claim, values, n, families, statement.constants, statement.kind.slope is None)
    runs += [] if instance is None else _own_run(claim, instance, point, n)
    measured = None if instance is None else run_in_floats(claim, setting_of(instance, claim, "reconstructed", point), n)
    best = max(runs, key=lambda run: (run.ratio, run.instance != "reconstructed"), default=None)
    status = _status(statement, proof, best)
    if status is Status.NUMERICAL and proof is None and statement.kind.relaxed:
        raise Unsupported(f"{statement.kind.relaxed[0]}, and the larger class does not obey the bound" if worst.value > float(statement.level)
                          else f"{statement.kind.relaxed[0]}, and no proof was found without it")
    shown = best if best is not None and (status is Status.REFUTED or status is Status.TIGHT) else None
    exactly = shown is not None and status is Status.TIGHT and shown.measured == shown.bound
    told = _Notes(statement, worst, proof, status, notes)
    return Certified(title, name, n, status, statement.bound if exactly and is_rational(statement.bound) else _number(statement, worst, proof), statement.bound,
                     {str(s): v for s, v in point.items()}, {str(s): v for s, v in values.items() if s in statement.constants and s not in claim.defaults},
                     None if proof is None or not statement.exact else _slack(statement, proof), None if measured is None else float(measured.measured),
                     None if proof is None or not statement.exact else document_of(title, _renamed(claim, name), n, values, statement, proof),
                     None if shown is None else _shown(shown, title, name, n, values, claim, instance), symbolic(claim), told.lines())


def _number(statement: Statement, worst: Worst, proof: Proof | None) -> float:
    """The solver's worst case, of the metric itself; never above what is proved."""
    if not worst.bounded:
        return math.inf
    level = math.inf if proof is None else float(-combination(statement, proof).constant)
    return max(min(worst.value, level), 0.0) ** (0.5 if statement.squared else 1)


def _far(statement: Statement, program: Program) -> Interpolant | None:
    """Where the worst case has no bound, or none that the solver sees: the worst among instances of limited size."""
    near = limited(statement, program)
    small = program_of(near)
    worst = worst_case(small)
    return reconstructed(near, small, worst) if worst.bounded else None


def _renamed(claim: RateBound, name: str) -> RateBound:
    return claim if claim.name == name else replace(claim, name=name)


def _proof(claim: RateBound, values: Mapping[Any, Any], n: int, statement: Statement, program: Program, worst: Worst) -> Proof | None:
    """The declared multipliers where they prove the bound itself; else a rounded dual, at the bound where there is room, else a millionth above."""
    declared = _declared(claim, values, n, statement)
    if declared is not None:
        return declared
    room = worst.value < float(statement.level) * (1 - float(CLOSE))
    for level in ([statement.level] if room else []) + [allowed(statement)]:
        found = proved(statement, program, worst, level)
        if found is not None:
            return found
    return None


def _declared(claim: RateBound, values: Mapping[Any, Any], n: int, statement: Statement) -> Proof | None:
    for fact in claim.facts:
        if isinstance(fact, Multipliers) and symbols.L in values and all(_unitless(s, values) == v for s, v in fact.parameters.items()):
            weights = {f"Q({i},{j})": Fraction(v) for (i, j), v in fact.multipliers(n).items()} | {"R": Fraction(fact.constant(n)) * values[symbols.L]}
            if set(weights) <= {c.name for c in statement.constraints} and len(statement.metrics) == 1:
                proof = Proof(tuple(weights.get(c.name, Fraction(0)) for c in statement.constraints), (Fraction(1),))
                if residual(statement, proof, statement.level) is None:
                    return proof
    return None


def _unitless(symbol: Any, values: Mapping[Any, Any]) -> Any:
    """A tunable at L = 1: steps are measured in 1/L."""
    return values[symbol] * values[symbols.L] if getattr(symbol, "unit", "") == "x^2/f" else values[symbol]


def _own_run(claim: RateBound, instance: Interpolant, point: Mapping[Any, Any], n: int) -> list[Run]:
    run = run_exactly(claim, setting_of(instance, claim, "reconstructed", point), n)
    if run is None or (run.above(Fraction(1)) and wrong_data(instance) is not None):      # a refutation is worth a second look, at the vectors themselves
        return []
    return [run]


def _status(statement: Statement, proof: Proof | None, best: Run | None) -> Status:
    known = is_rational(statement.bound)
    if best is not None and best.above(Fraction(1) if known else 1 + SURE):
        return Status.REFUTED
    if proof is None or not statement.exact:
        return Status.NUMERICAL
    return Status.TIGHT if best is not None and best.above(1 - CLOSE) else Status.VALID


def _slack(statement: Statement, proof: Proof) -> float:
    level = -combination(statement, proof).constant
    return float(level / statement.level - 1) / (2 if statement.squared else 1) if statement.level else 0.0


def _shown(run: Run, title: str, name: str, n: int, values: Mapping[Any, Any], claim: RateBound, instance: Interpolant | None) -> dict[str, Any]:
    if run.instance == "reconstructed" and instance is not None:
        return instance_document(title, name, n, values, {str(s): values[s] for s in claim.defaults}, run, instance)
    return {"name": run.instance, "ratio": jsonable(run.ratio), "measured": jsonable(float(run.measured)), "bound": jsonable(float(run.bound)), "squares": run.squared}


def symbolic(claim: RateBound) -> tuple[str, ...]:
    """The facts of a claim that are certificates in closed form."""
    return tuple(fact.name for fact in claim.facts if isinstance(fact, (OneStep, Multipliers)))


@dataclass(frozen=True)
class _Notes:
    statement: Statement
    worst: Worst
    proof: Proof | None
    status: Status
    given: tuple[str, ...] = field(default=())

    def lines(self) -> tuple[str, ...]:
        """What a reader must know of the numbers."""
        unsolved = () if self.worst.solved else ("the solver did not reach its accuracy",)
        unsolved = unsolved if self.worst.bounded else ("the solver finds no upper bound on the worst case",)
        above = self.worst.bounded and self.worst.value > float(allowed(self.statement))
        missed = ("the solver's worst case lies above the bound, and no instance in rationals shows it",) if above and self.status is Status.NUMERICAL else ()
        unused = self.proof is not None and not any(y and c.name.endswith(",start)")
                                                    for y, c in zip(self.proof.multipliers, self.statement.constraints, strict=True))
        notes = (f"{note}, which the proof does not use" if note == FEASIBLE and unused else note for note in self.statement.notes)
        return (*self.given, *notes, *unsolved, *missed)
