"""`assert_rate`: the measured order of one run against a stated one. It is a statement on that run, fitted to its tail; what holds for a class says a theorem."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convlab.errors import BadInput
from convlab.judge.check import judge_claim
from convlab.judge.fits import measured_order
from convlab.judge.verdict import Curve, Fit, Skipped, jsonable, log10
from convlab.metrics import function_gap
from convlab.problem import Family, Member
from convlab.run.engine import is_random
from convlab.run.orders import Kind
from convlab.run.settings import Settings
from convlab.symbols import M0
from convlab.testing.assertions import call, chosen, unwatched
from convlab.testing.context import running
from convlab.testing.spelled import name_of, spelled
from convlab.theorem import Law, RateBound

KINDS = {"linear": Kind.LINEAR, "sublinear": Kind.SUBLINEAR}
FAR = 10**200        # a bound that only what diverges breaks: the run is wanted, no verdict
KNOWN = 1e-3         # what is fitted stands a thousand times above the floor, so its logarithm is known to this


def assert_rate(algorithm: Any, problem: Any, at_most: float, kind: str = "linear", *, metric: Any = function_gap, seed: int | None = None,
                parameters: Mapping[Any, Any] | None = None, settings: Settings | None = None) -> Fit:
    """Returns the fit; raises AssertionError where the tail of the run, from the problem's first start, is slower than stated.

    `kind="linear"`: the factor a step is at most `at_most` (0.9 of q^k). `kind="sublinear"`: the power of k is at most `at_most` (-1 of 1/k). The run is
    as long as `settings.iterations`; an expectation is exact where it can be computed, else a mean of samples. It fails only where the whole range of the
    fits (of samples: the 95 % interval, so by chance one time in forty) lies beyond. Raises BadInput where no curve can be fitted, with the reason.
    """
    __tracebackhide__ = True
    if kind not in KINDS:
        raise BadInput(f"assert_rate(kind={kind!r}): the kinds are {' and '.join(KINDS)}.")
    if kind == "linear" and not at_most > 0:
        raise BadInput(f"assert_rate(at_most={at_most}): a factor a step is positive; for a power of k give kind='sublinear'.")
    asked = chosen(settings, seed)
    with unwatched():
        curve = _curve(algorithm, problem, metric, parameters or {}, asked)
    found = measured_order(KINDS[kind], curve.k, np.asarray(curve.measured), np.ones(len(curve.k), dtype=bool) if curve.clear is None else curve.clear,
                           curve.sample, asked.seed)
    if isinstance(found, str):
        raise BadInput(f"assert_rate: no rate can be told of {spelled(algorithm)} on {name_of(problem)}: {found}. "
                       f"Take a problem that is not solved at once, or more iterations.")
    least, measured = (found.low, found.measured) if kind == "linear" else (_minus(found.high), _minus(found.measured))
    slower = least is not None and measured is not None and least > at_most + slack(kind, at_most, found)
    _tell(algorithm, problem, kind, measured, at_most, slower, found.to_k, asked)
    if slower:
        named = {"at_most": at_most, "kind": kind, "seed": asked.seed, "parameters": parameters, "settings": settings,
                 "metric": None if metric is function_gap else metric}
        raise AssertionError("\n".join([_sentence(algorithm, problem, kind, measured, at_most, found), "To see it again:",
                                        *call("assert_rate", [algorithm, problem], named)]))
    return found


def slack(kind: str, at_most: float, found: Fit) -> float:
    """What rounding may add to a fit: of a line through n even points, each known to KNOWN, the slope is known to 3 KNOWN over their width."""
    if kind == "linear":
        return 3 * KNOWN / (found.to_k - found.from_k) * at_most
    return 3 * KNOWN / float(np.log(found.to_k / found.from_k))


def _curve(algorithm: Any, problem: Any, metric: Any, parameters: Mapping[Any, Any], settings: Settings) -> Curve:
    """The run as the judge of rate bounds makes it. Raises BadInput where it makes none."""
    name = name_of(problem)
    claim = RateBound(algorithm=algorithm, bound=FAR * M0, metric=metric, defaults=parameters, law=Law.EXPECTATION if is_random(algorithm) else Law.SURELY)
    families = {"given": Family("given", type(problem), lambda: [Member(name, problem)])}
    found = list(judge_claim("assert_rate", claim, families, replace(settings, problems=(name,))))
    curve = next((v.curve for v in found if not isinstance(v, Skipped) and v.curve is not None), None)
    if curve is None:
        reasons = [item.reason if isinstance(item, Skipped) else item.note or item.outcome or "the metric is 0 all along" for item in found]
        raise BadInput(f"assert_rate: no rate can be told of {spelled(algorithm)} on {name}: {'; '.join(reasons) or 'nothing ran'}.")
    return curve


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _sentence(algorithm: Any, problem: Any, kind: str, measured: float | None, at_most: float, found: Fit) -> str:
    what = "the factor a step" if kind == "linear" else "the power of k"
    return (f"{what} is {measured:.6g}, more than {float(at_most):.6g}, fitted from k = {found.from_k} to {found.to_k} ({found.how}), "
            f"for {spelled(algorithm)} on {name_of(problem)}.")


def _tell(algorithm: Any, problem: Any, kind: str, measured: float | None, at_most: float, slower: bool, to_k: int,
          settings: Settings) -> None:
    """The running test hears of it: as the ratio of what is left after a step (after a decade of steps) to what the stated rate would leave."""
    test = running()
    if test is not None and measured is not None:
        ratio = measured / float(at_most) if kind == "linear" else 10 ** (measured - float(at_most))
        test.heard({"theorem": f"{kind} rate <= {float(at_most):.6g}", "algorithm": spelled(algorithm), "verdict": "refuted" if slower else "holds", "examples": 1,
                    "judged": {"fit": 1}, "skipped": 0, "seed": settings.seed, "alpha": settings.alpha,
                    "worst": {"problem": name_of(problem), "k": to_k, "ratio": jsonable(ratio), "ratio_log10": log10(ratio)}})
