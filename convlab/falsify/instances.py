"""Instances as data files: theorem, claim, problem, start, parameters and k, every number a rational, to be run again by `convlab check ID --instance FILE`."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import BadInput
from convlab.jsonfile import read_json
from convlab.judge.rate import EXACT_STEPS, REASONS, exact_evidence, float_evidence
from convlab.judge.verdict import Check, Verdict
from convlab.judge.words import verdict_of
from convlab.operations import Unsupported
from convlab.problem import Family, Start
from convlab.run.cases import (
    NotApplicable,
    Setting,
    chosen_constants,
    constants_of,
    numbers_of,
    realised,
    refuse_outside,
    refuse_restrictions,
    settings_on,
    speaks_of_horizon,
    start_constants,
)
from convlab.run.settings import Settings
from convlab.theorem import FalseClaim, RateBound, Theorem, tight_instances

SCHEMA = "convlab.instance/1"
CLOSE = 1e-12      # relative: a constant that is no rational, written down as the rational of its float


# ---- writing
def document_of(theorem: str, claim: str, told: Mapping[str, Any], setting: Setting, k: int, outside: bool = False) -> dict[str, Any]:
    """What the file holds. `told` names the problem: a family with parameters and start, or a member with its start."""
    constants = {str(s): value for s, value in setting.constants.items() if s in setting.provenance}
    return {"schema": SCHEMA, "theorem": theorem, "claim": claim, **_written(told), "point": _written({str(s): v for s, v in setting.point.items()}),
            "constants": _written(constants), "k": k, "outside": outside}


def _written(value: Any) -> Any:
    """Strict JSON in which every number but an integer is the text of a rational."""
    if isinstance(value, Mapping):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, (tuple, list, np.ndarray)):
        return [_written(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    exact = Fraction(value) if isinstance(value, (int, Fraction)) else Fraction(float(value))
    return int(exact) if exact.denominator == 1 else str(exact)


def refutations(theorem: Theorem, result: Check, families: Mapping[str, Family], settings: Settings) -> Iterator[tuple[Verdict, RateBound, Setting, dict[str, Any]]]:
    """Every refutation of a check that has a witness on a rate bound: the verdict, the claim, the case and its document."""
    claims = {c.name: c.asserted if isinstance(c, FalseClaim) else c for c in theorem.claims}
    witnesses = {c.name: c.witness for c in theorem.claims if isinstance(c, FalseClaim)}
    for verdict in result.verdicts:
        claim = claims.get(verdict.claim)
        if verdict.theorem != theorem.id or verdict.witness is None or not isinstance(claim, RateBound):
            continue
        given = replace(claim, on=(witnesses[verdict.claim],)) if verdict.claim in witnesses else claim
        found = _located(theorem.id, given, verdict, families, settings)
        if found is not None and not found[1].start.free:
            told, setting = found
            yield verdict, claim, setting, document_of(theorem.id, verdict.claim, told, setting, verdict.witness.iteration, settings.outside)


def _located(title: str, claim: RateBound, verdict: Verdict, families: Mapping[str, Family], settings: Settings) -> tuple[dict[str, Any], Setting] | None:
    """The case of a verdict's witness, built again as the judge built it."""
    witness = verdict.witness
    assert witness is not None
    for instance in (*claim.on, *tight_instances(claim)):
        if repr(instance) == verdict.problem:
            k = witness.iteration if speaks_of_horizon(instance) else None
            for setting in realised(instance, claim, title, families, settings, k):
                if _is(setting, verdict):
                    parameters = numbers_of(instance, {**chosen_constants(instance, k), **setting.values})
                    parameters.pop("start", None)
                    return {"family": instance.family, "parameters": parameters, "start": setting.start.point}, setting
    for family in families.values():
        for member in family.members():
            if member.name == verdict.problem:
                for setting in settings_on(claim, title, member, settings, claim.assumptions):
                    if _is(setting, verdict):
                        return {"problem": member.name, "start": setting.start.point}, setting
    return None


def _is(setting: Setting, verdict: Verdict) -> bool:
    witness = verdict.witness
    assert witness is not None
    return setting.start.name == witness.start and all(float(v) == float(witness.parameters[str(s)]) for s, v in setting.point.items())


# ---- reading
def judged_instance(theorem: Theorem, path: str | Path, families: Mapping[str, Family], settings: Settings) -> Check:
    """The verdict on the instance of a file: in rationals, or in floats where it has no rational run. Raises BadInput with a sentence for a file that does not fit."""
    document = _document(path)
    if document["theorem"] != theorem.id:
        raise BadInput(f"{path} is an instance of {document['theorem']}, not of {theorem.id}: give the theorem that it was written for.")
    claim = next((c for c in theorem.claims if c.name == document["claim"]), None)
    claim = claim.asserted if isinstance(claim, FalseClaim) else claim
    if not isinstance(claim, RateBound):
        raise BadInput(f"{path}: {theorem.id} has no rate bound called {document['claim']!r}.")
    setting = _setting(path, document, claim, families)
    if not (document["outside"] or settings.outside):
        refuse_outside(claim, theorem.id, setting.values, setting.name)
    return Check((_verdict(path, theorem.id, claim, setting, document["k"]),))


def _verdict(path: str | Path, title: str, claim: RateBound, setting: Setting, k: int) -> Verdict:
    settings = Settings(iterations=max(1, k))
    horizon = k if claim.grid.horizons else None
    try:
        if k > EXACT_STEPS:
            raise Unsupported(f"k = {k} lies beyond the {EXACT_STEPS} steps of a rational run")
        evidence = exact_evidence(claim, setting, horizon, settings)
        if max(int(e.result.k[-1]) for e in evidence) < k:
            raise Unsupported(f"the rational run ends before k = {k}")
    except (*REASONS, ValueError, TypeError, OverflowError) as reason:
        try:
            evidence = [replace(e, note=f"not in rationals: {reason}") for e in float_evidence(claim, [setting], settings, horizon)]
        except REASONS as second:
            raise BadInput(f"{path}: the claim cannot be judged on this problem: {second}.") from second
    verdict = verdict_of(title, claim, setting.name, evidence, settings)
    witness = verdict.witness and replace(verdict.witness, reproduce=f"convlab check {title} --instance {path}")
    return replace(verdict, witness=witness)


KEYS = ("theorem", "claim", "start", "point", "k")


def _document(path: str | Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BadInput(f"{path} is no instance file: its schema is not {SCHEMA!r}.")
    missing = [key for key in KEYS if key not in document] or ([] if "problem" in document or "family" in document else ["family"])
    if missing:
        raise BadInput(f"{path}: {missing[0]!r} is missing.")
    if not isinstance(document["k"], int) or isinstance(document["k"], bool) or document["k"] < 0:
        raise BadInput(f"{path}: k = {document['k']} is no count of updates.")
    for key in ("point", "parameters", "constants"):
        if not isinstance(document.setdefault(key, {}), dict):
            raise BadInput(f"{path}: {key!r} must map names to numbers.")
    return {"outside": False, **document, **{key: _read(document[key]) for key in ("start", "point", "parameters", "constants")}}


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _read(item) for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_read(item) for item in value)
    try:
        return Fraction(value) if isinstance(value, str) else value
    except (ValueError, ZeroDivisionError):
        return value                      # a word, such as the name of a law


def _setting(path: str | Path, document: Mapping[str, Any], claim: RateBound, families: Mapping[str, Family]) -> Setting:
    problem, name = _problem(path, document, families)
    try:
        refuse_restrictions(problem, claim.assumptions)
        provenance = constants_of(problem, claim.assumptions)
    except NotApplicable as reason:
        raise BadInput(f"{path}: the problem does not satisfy the theorem's assumptions: {reason}.") from reason
    start = Start("given", _start(path, document["start"], problem))
    found = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
    _compare(path, document["constants"], {str(s): v for s, v in found.items()})
    return Setting(problem, name, start, _point(path, document["point"], claim), found, provenance)


def _problem(path: str | Path, document: Mapping[str, Any], families: Mapping[str, Family]) -> tuple[Any, str]:
    if "problem" in document:
        for family in families.values():
            for member in family.members():
                if member.name == document["problem"]:
                    return member.problem, member.name
        raise BadInput(f"{path}: no problem is called {document['problem']!r}.")
    if document["family"] not in families:
        raise BadInput(f"{path}: no problem family is called {document['family']!r}; there are {', '.join(sorted(families))}.")
    try:
        make = families[document["family"]].make
        takes = "start" in signature(make).parameters
        problem = make(**document["parameters"], **({"start": document["start"]} if takes else {}))
        return problem, f"{document['family']}({', '.join(f'{name}={_short(v)}' for name, v in document['parameters'].items())})"
    except (ValueError, TypeError, KeyError, ZeroDivisionError, AttributeError) as error:      # numbers of a file may be anything
        raise BadInput(f"{path}: the family {document['family']} cannot be made with these parameters: {error}") from error


def _short(value: Any) -> str:
    return f"({', '.join(map(_short, value))})" if isinstance(value, tuple) else str(value)


def _start(path: str | Path, given: Any, problem: Any) -> Any:
    own = np.asarray(problem.starts(np.random.default_rng(0))[0].point)
    try:
        point = np.array(given, dtype=object)
        exact = np.frompyfunc(Fraction, 1, 1)(point)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: the start holds something that is no number.") from error
    exact = np.asarray(exact, dtype=object).reshape(-1) if np.ndim(exact) == 0 else exact
    if exact.shape != own.shape:
        raise BadInput(f"{path}: the start has shape {exact.shape}, a point of the problem {own.shape}.")
    return exact if own.dtype == object else exact.astype(np.float64)


def _point(path: str | Path, given: Mapping[str, Any], claim: RateBound) -> dict[Any, Any]:
    known = {str(s): s for s in claim.defaults}
    wrong = sorted(set(known) ^ set(given))
    if wrong:
        raise BadInput(f"{path}: the parameters are {', '.join(sorted(given)) or 'none'}, the claim has {', '.join(sorted(known)) or 'none'}.")
    for name, value in given.items():
        if not isinstance(value, (int, Fraction)) or isinstance(value, bool):
            raise BadInput(f"{path}: {name} = {value} is no number.")
    return {known[name]: value for name, value in given.items()}


def _compare(path: str | Path, told: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Refuses a file whose constants are not those that the problem's own facts state."""
    for name, value in told.items():
        if name not in found:
            raise BadInput(f"{path}: the file states {name} = {value}, which the problem does not know.")
        own = found[name]
        agrees = isinstance(value, (int, Fraction)) and abs(float(value) - float(own)) <= CLOSE * abs(float(own))
        if not agrees:
            raise BadInput(f"{path}: the file states {name} = {value}, the problem's own constant is {own}: one of the two is broken.")



