"""Certificates as files: the statement's numbers and the multipliers, every number a rational; and the check of one, from the statement anew.

A certificate is pinned by its redundancy: the level and the matrix S follow from the multipliers, the bound from the statement. One number changed,
and some equation between rationals fails.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from convlab import symbols
from convlab.errors import BadInput
from convlab.jsonfile import read_json
from convlab.operations import Unsupported
from convlab.prove.pep.identity import Proof, combination, negative_pivot, remainder, residual
from convlab.prove.pep.statement import Statement, statement_of
from convlab.run.points import holds
from convlab.theorem import FalseClaim, RateBound, Theorem

SCHEMA = "convlab.certificate/1"
INSTANCES = "convlab.worst-case/1"
SLACK = Fraction(1, 10**6)       # a certificate proves the bound up to this factor more: room for rounding where the bound is attained


@dataclass(frozen=True)
class Checked:
    """What the check of a certificate found: `wrong` is None where it proves metric <= (1 + slack) bound for every function of the class."""

    theorem: str
    claim: str
    n: int
    slack: float
    wrong: str | None

    def __str__(self) -> str:
        name = self.theorem if self.claim == "main" else f"{self.theorem}:{self.claim}"
        return f"{name}, n = {self.n}: " + (f"rejected: {self.wrong}" if self.wrong else f"valid, up to a factor 1 + {max(self.slack, 0.0):.3g}")


def allowed(statement: Statement) -> Fraction:
    """The largest level that still counts as a proof of the bound."""
    return statement.level * (1 + SLACK) ** (2 if statement.squared else 1)


def document_of(theorem: str, claim: RateBound, n: int, values: Mapping[Any, Any], statement: Statement, proof: Proof) -> dict[str, Any]:
    """What the file holds."""
    total = combination(statement, proof)
    matrix = remainder(total, len(statement.basis))
    constants = sorted((s for s in values if s not in claim.defaults and _depends(statement, s)), key=str)
    return {"schema": SCHEMA, "theorem": theorem, "claim": claim.name, "n": n,
            "constants": {str(s): str(values[s]) for s in constants}, "parameters": {str(s): str(values[s]) for s in claim.defaults},
            "squared": statement.squared, "bound": str(statement.level), "level": str(-total.constant), "basis": list(statement.basis),
            "multipliers": {c.name: str(y) for c, y in zip(statement.constraints, proof.multipliers, strict=True) if y},
            "weights": [str(w) for w in proof.weights], "remainder": [[str(v) for v in row[i:]] for i, row in enumerate(matrix)],
            "notes": list(statement.notes)}


def _depends(statement: Statement, symbol: Any) -> bool:
    """Whether the statement depends on a constant; kappa follows from L and mu."""
    own = {symbols.L: statement.kind.high is not None or statement.kind.operator, symbols.G: statement.kind.slope is not None, symbols.mu: statement.kind.low > 0}
    return symbol is not symbols.kappa and (symbol in statement.constants or own.get(symbol, False) or
                                            (symbol in (symbols.L, symbols.mu) and symbols.kappa in statement.constants) or
                                            (symbol in (symbols.mu, symbols.coupling) and statement.kind.operator))


def check_certificate(theorem: Theorem, document: Mapping[str, Any]) -> Checked:
    """Proves the certificate again, or tells what is wrong with it. Raises BadInput for what is no certificate of this theorem."""
    claim, n = _claim(theorem, document), _count(document)
    table = {str(s): s for s in (*symbols.table().values(), *claim.defaults)}
    given = {**_rationals(document["constants"]), **_rationals(document["parameters"])}
    unknown = sorted(set(given) - set(table)) or sorted({str(s) for s in claim.defaults} ^ set(document["parameters"]))
    if unknown:
        raise BadInput(f"the certificate's parameters do not fit {theorem.id}: {unknown[0]}.")
    values = with_condition_number({table[name]: value for name, value in given.items()})
    try:
        statement = statement_of(claim, values, n)
    except (Unsupported, ArithmeticError) as reason:
        return Checked(theorem.id, claim.name, n, 0.0, f"there is no such statement: {reason}")
    wrong = _wrong(claim, statement, values, document)
    level = Fraction(0) if wrong else Fraction(document["level"])
    slack = float(level / statement.level - 1) / (2 if statement.squared else 1) if statement.level and not wrong else 0.0
    return Checked(theorem.id, claim.name, n, slack, wrong)


def _wrong(claim: RateBound, statement: Statement, values: Mapping[Any, Any], document: Mapping[str, Any]) -> str | None:
    try:
        if not holds(claim.condition, values):
            return "its parameters lie outside the theorem's condition"
    except KeyError as error:
        return f"it gives no {error.args[0]}, of which the condition speaks"
    if not statement.exact:
        return "the statement is rounded at these numbers: there is nothing to prove in rationals"
    if [str(b) for b in document["basis"]] != list(statement.basis) or bool(document["squared"]) != statement.squared:
        return "it speaks of another run"
    multipliers, weights = _rationals(document["multipliers"]), [_rational(w) for w in document["weights"]]
    names = [c.name for c in statement.constraints]
    if set(multipliers) - set(names) or len(weights) != len(statement.metrics):
        return f"the class has no inequality {sorted(set(multipliers) - set(names))[0]}" if set(multipliers) - set(names) else "it weighs other iterates"
    proof = Proof(tuple(multipliers.get(name, Fraction(0)) for name in names), tuple(weights))
    if _rational(document["bound"]) != statement.level:
        return f"the bound is {statement.level}, not {document['bound']}"
    total = combination(statement, proof)
    if _rational(document["level"]) != -total.constant:
        return f"the multipliers prove {-total.constant}, not {document['level']}"
    stored = [[_rational(v) for v in row] for row in document["remainder"]]
    if stored != [row[i:] for i, row in enumerate(remainder(total, len(statement.basis)))]:
        return "its matrix is not what the multipliers leave"
    return residual(statement, proof, allowed(statement)) or negative_pivot(remainder(total, len(statement.basis)))


def with_condition_number(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """The values and kappa = L/mu."""
    if symbols.L in values and values.get(symbols.mu):
        return {**values, symbols.kappa: values[symbols.L] / values[symbols.mu]}
    return dict(values)


# ---- reading
KEYS = ("theorem", "claim", "n", "constants", "parameters", "squared", "bound", "level", "basis", "multipliers", "weights", "remainder")


def read_certificate(path: str | Path) -> dict[str, Any]:
    """The document of a file, a certificate or an instance. Raises BadInput for a file that is no certificate."""
    document = read_json(path)
    if isinstance(document, dict) and document.get("schema") == INSTANCES and isinstance(document.get("theorem"), str):
        return document
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BadInput(f"{path} is no certificate: its schema is not {SCHEMA!r}.")
    missing = [key for key in KEYS if key not in document]
    if missing:
        raise BadInput(f"{path}: {missing[0]!r} is missing.")
    kinds = {"constants": dict, "parameters": dict, "multipliers": dict, "basis": list, "weights": list, "remainder": list}
    for key, kind in kinds.items():
        if not isinstance(document[key], kind):
            raise BadInput(f"{path}: {key!r} must be a {'mapping' if kind is dict else 'list'}.")
    if not all(isinstance(row, list) for row in document["remainder"]):
        raise BadInput(f"{path}: 'remainder' must be a list of lists.")
    return document


def _claim(theorem: Theorem, document: Mapping[str, Any]) -> RateBound:
    if document["theorem"] != theorem.id:
        raise BadInput(f"the certificate speaks of {document['theorem']}, not of {theorem.id}.")
    found = next((c for c in theorem.claims if c.name == document["claim"]), None)
    found = found.asserted if isinstance(found, FalseClaim) else found
    if not isinstance(found, RateBound):
        raise BadInput(f"{theorem.id} has no rate bound called {document['claim']!r}.")
    return found


def _count(document: Mapping[str, Any]) -> int:
    n = document["n"]
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise BadInput(f"the certificate's n = {n} is no count of updates.")
    return n


def _rational(text: Any) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise BadInput(f"the certificate holds {text!r}, which is no rational number.") from error


def _rationals(given: Mapping[str, Any]) -> dict[str, Fraction]:
    return {str(name): _rational(value) for name, value in given.items()}
