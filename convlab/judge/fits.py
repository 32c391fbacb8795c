"""The order of a measured curve: the power of k, the factor a step, or the order of a superlinear rate, fitted to its tail, beside what the bound says.

A fit informs and refutes nothing: on one instance a method is mostly faster than its worst case. It looks at the tail alone, above the floating-point floor.
Beside it stands, of a sampled mean, a 95 % interval from a bootstrap over replicates; of an exact curve the range of the fits in three windows of the tail,
which is no confidence interval: it tells how straight the curve is there.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from convlab.constants import Array
from convlab.judge.verdict import Curve, Fit, Sample, Verdict
from convlab.run.orders import Kind, Order, factor_text, typical_order
from convlab.theorem import FalseClaim, RateBound

LEAST = 4              # points of a tail that can be fitted
WINDOWS = 3            # of the tail, in which it is fitted again
TAIL = {Kind.LINEAR: 2.0, Kind.SUBLINEAR: 10.0}      # the tail begins at the last k over this: half the steps, or a decade
RESAMPLES = 200        # of the bootstrap
ROWS = 24              # checkpoints of the tail that the bootstrap looks at
QUANTILES = (2.5, 97.5)
SETTLED = 1e-3         # |slope| in log k below which a bound that is a program counts as constant
LENGTHS = 1e-12        # relative: slopes below it are rounding


# ---- of one curve
@dataclass(frozen=True)
class Tail:
    """The points of a curve that are fitted: k and logarithms, both (points,); `weights` make sums over k integrals over log k."""

    k: Array
    logs: Array

    @property
    def weights(self) -> Array:
        """1/k: as many points as there are in a decade count as one decade."""
        return 1 / self.k


def tail(kind: Kind, k: Array, values: Array, clear: Array) -> Tail | None:
    """The last part of the stretch that stands clear of the floor; None where it has fewer than LEAST points."""
    seen = (k >= 1) & clear & (values > 0) & np.isfinite(values)
    gone = np.flatnonzero(~seen & (k >= 1))
    first_gone = next((i for i in gone if seen[:i].any()), len(k))       # what comes back above the floor is rounding
    rows = np.flatnonzero(seen[:first_gone])
    if len(rows) < LEAST:
        return None
    begin = k[rows[-1]] / TAIL.get(kind, TAIL[Kind.LINEAR])
    late = rows[k[rows] >= begin]
    rows = late if len(late) >= LEAST else rows[-LEAST:]
    return Tail(k[rows].astype(float), np.log(values[rows].astype(np.longdouble)).astype(float))


def power(found: Tail) -> float:
    """p of k^-p: minus the slope of log measured in log k, points weighted so that each part of a decade counts by its length."""
    return -_slope(np.log(found.k), found.logs, found.weights)


def factor(found: Tail) -> float:
    """The factor a step: exp of the slope of log measured in k."""
    return float(np.exp(_slope(found.k, found.logs, np.ones(len(found.k)))))


def _slope(x: Array, y: Array, weights: Array) -> float:
    return float(_projection(x, weights) @ y)


def _projection(x: Array, weights: Array) -> Array:
    """The row that gives the weighted least-squares slope of any y."""
    centred = x - (weights @ x) / weights.sum()
    return np.asarray(weights * centred / (weights @ centred**2))


def superlinear_order(found: Tail) -> tuple[float, float, float]:
    """(q, low, high): the median, least and largest of the last three log r_k / log r_{k-1}, r_k the ratio of successive values; needs consecutive falling values."""
    steps = np.diff(found.logs)
    falling = steps < -LENGTHS
    orders = (steps[1:] / steps[:-1])[falling[1:] & falling[:-1]][-3:]
    if not len(orders):
        return np.nan, np.nan, np.nan
    return float(np.median(orders)), float(orders.min()), float(orders.max())


def windows(kind: Kind, found: Tail) -> list[Tail]:
    """The tail in three parts of equal length in log k (in k, for a linear rate), each of at least two points; of few points every neighbouring pair."""
    place = found.k if kind is Kind.LINEAR else np.log(found.k)
    edges = np.linspace(place[0], place[-1], WINDOWS + 1)
    parts = [(place >= low - LENGTHS) & (place <= high + LENGTHS) for low, high in pairwise(edges)]
    if any(part.sum() < 2 for part in parts):
        parts = [np.isin(np.arange(len(place)), (i, i + 1)) for i in range(len(place) - 1)]
    return [Tail(found.k[part], found.logs[part]) for part in parts]


MEASURES: Mapping[Kind, Callable[[Tail], float]] = {Kind.SUBLINEAR: power, Kind.LINEAR: factor}


def measured_order(kind: Kind, k: Array, values: Array, clear: Array, sample: Sample | None = None, seed: int = 0) -> Fit | str:
    """The fit of a curve as sublinear, linear, superlinear or to a floor; or why there is none. `claimed` is left open."""
    found = tail(kind, k, values, clear)
    if found is None:
        return f"fewer than {LEAST} points stand clear of the floating-point floor"
    ends = (int(found.k[0]), int(found.k[-1]))
    if kind is Kind.SUPERLINEAR:
        whole = _all(k, values, clear)
        q, low, high = superlinear_order(whole)
        ratios = np.exp(np.diff(whole.logs))
        told = f"ratios of successive values from {ratios.max():.2g} to {ratios[-1]:.2g}; range of the last three orders"
        return Fit(kind.value, None, q, low, high, int(whole.k[0]), ends[1], told) if np.isfinite(q) else "it does not fall at three successive k"
    if kind is Kind.FLOOR:
        levels = np.exp(found.logs)
        return Fit(kind.value, None, float(np.exp(np.average(found.logs, weights=found.weights))), float(levels.min()), float(levels.max()), *ends,
                   "mean level of the tail, and its range there")
    measure = MEASURES[kind]
    if sample is not None:
        interval = _bootstrapped(kind, found, sample, seed)
        if interval is not None:
            return Fit(kind.value, None, measure(found), *interval, *ends, "95 % interval of a bootstrap over replicates")
    parts = [measure(part) for part in windows(kind, found)]
    return Fit(kind.value, None, measure(found), min([*parts, measure(found)]), max([*parts, measure(found)]), *ends,
               f"range over {len(parts)} windows of the tail, no confidence interval{_straighter(kind, found)}")


def _straighter(kind: Kind, found: Tail) -> str:
    """A curve that falls faster than every power has no power: its factor is told beside."""
    if kind is Kind.SUBLINEAR and power(found) > 0 and _bent(found.k, found.logs) < _bent(np.log(found.k), found.logs) / 2:
        return f"; rather linear there, factor {factor_text(factor(found))} a step"
    return ""


def _all(k: Array, values: Array, clear: Array) -> Tail:
    """Every point up to the first below the floor: a superlinear curve has few."""
    seen = clear & (values > 0) & np.isfinite(values)
    rows = np.arange(len(k))[: int(np.argmin(seen)) if not seen.all() else len(k)]
    return Tail(np.maximum(k[rows], 1).astype(float), np.log(values[rows].astype(np.longdouble)).astype(float))


def _bootstrapped(kind: Kind, found: Tail, sample: Sample, seed: int) -> tuple[float, float] | None:
    """Quantiles of the fit to means of resampled replicates; replicates are drawn whole, so that their dependence along k stays."""
    rows = np.flatnonzero(np.isin(sample.k, found.k))
    if len(rows) < 2:
        return None
    n = sample.values.shape[1]
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    x = sample.k[rows].astype(float)
    with np.errstate(all="ignore"):                          # where all replicates that were drawn have arrived, the logarithm is -inf and no slope is finite
        logs = np.log(sample.values[rows].astype(float) @ counts.T / n)
        slopes = _projection(np.log(x), 1 / x) @ logs if kind is Kind.SUBLINEAR else _projection(x, np.ones(len(x))) @ logs
    slopes = slopes[np.isfinite(slopes)]
    if not len(slopes):
        return None
    low, high = np.percentile(-slopes if kind is Kind.SUBLINEAR else np.exp(slopes), QUANTILES)
    return float(low), float(high)


def kept_sample(k: Array, values: Array) -> Sample:
    """Of a block of replicates (checkpoints, replicates) ROWS checkpoints of the last half, evenly in k, and as many of all, evenly in log k."""
    spoken = np.flatnonzero(k >= 1)
    places = [np.linspace(len(spoken) // 2, len(spoken) - 1, ROWS), np.geomspace(1, len(spoken), ROWS) - 1]
    rows = spoken[np.unique(np.concatenate(places).astype(int))]
    return Sample(k[rows], np.asarray(values[rows], dtype=np.float32))


# ---- beside a verdict
def fitted(found: Verdict, order: Order | None, seed: int = 0) -> Verdict:
    """The verdict with claimed and measured order of its curve; without one, with the reason."""
    if found.fit is not None:
        return found
    curve = found.curve
    answer = _of_curve(curve, order, seed) if curve is not None and order is not None else "there is no curve to fit"
    lighter = curve if curve is None or curve.sample is None else replace(curve, sample=None)
    return replace(found, curve=lighter, fit=None if isinstance(answer, str) else answer, fit_reason=answer if isinstance(answer, str) else "")


def order_for_fits(claim: Any) -> Order | None:
    """The order of a rate bound (of what a false claim asserts), at values of our own; None of other claims."""
    told = claim.asserted if isinstance(claim, FalseClaim) else claim
    return typical_order(told) if isinstance(told, RateBound) else None


def _of_curve(curve: Curve, order: Order, seed: int) -> Fit | str:
    if order.kind is Kind.ZERO:
        return "the bound is 0 there: nothing is left to fit"
    k, bound, measured = (np.asarray(side) for side in (curve.k, curve.bound, curve.measured))
    known = np.isfinite(bound) & (bound > 0)
    kind, claimed = _claimed(order, k, bound, known)
    if kind is None:
        return claimed if isinstance(claimed, str) else "the order of the bound is not known"
    fit = measured_order(_form(kind, order), k, measured, np.ones(len(k), dtype=bool) if curve.clear is None else curve.clear, curve.sample, seed)
    if isinstance(fit, str):
        return fit
    if kind is Kind.GROWING and order.factor is None:
        fit = replace(fit, measured=-(fit.measured or 0), low=-(fit.high or 0), high=-(fit.low or 0))
    return replace(_beside_bound(fit, order, k, bound, known), kind=kind.value, claimed=None if isinstance(claimed, str) else claimed,
                   by_factor=kind is Kind.LINEAR or order.factor is not None)


def _form(kind: Kind, order: Order) -> Kind:
    """As what a curve is fitted: what grows by a factor like a linear rate, by a power like a sublinear one."""
    return kind if kind is not Kind.GROWING else Kind.LINEAR if order.factor is not None else Kind.SUBLINEAR


def _claimed(order: Order, k: Array, bound: Array, known: Array) -> tuple[Kind | None, float | str]:
    """The kind, and the number that the bound claims on this problem."""
    if order.kind is Kind.UNKNOWN:
        kind = kind_of_curve(k, bound, known)
        if kind is None:
            return None, f"the order of the bound is {order}"
        own = measured_order(kind, k, bound, known)
        return kind, own if isinstance(own, str) else own.measured or 0.0
    if order.kind is Kind.SUPERLINEAR:
        return order.kind, order.q or 1.0
    if order.factor is not None or order.kind is Kind.FLOOR:
        own = measured_order(_form(order.kind, order), k, bound, known)
        return order.kind, "" if isinstance(own, str) else own.measured or 0.0
    return order.kind, abs(order.exponent) if order.exponent is not None else ""


def _beside_bound(fit: Fit, order: Order, k: Array, bound: Array, known: Array) -> Fit:
    """Where the bound's own power differs over the fitted k from that at infinity, it is told."""
    if order.exponent is None or order.kind is Kind.FLOOR:
        return fit
    own = tail(Kind.SUBLINEAR, k, bound, known & (k <= (fit.to_k or 0)))
    if own is None or abs(power(own) - order.exponent) < 0.02:
        return fit
    return replace(fit, how=f"{fit.how}; the bound itself has {abs(power(own)):.3g} over these k")


def kind_of_curve(k: Array, values: Array, known: Array) -> Kind | None:
    """Whether a curve is straighter against log k or against k, or does not move; None where it has too few points."""
    found = tail(Kind.SUBLINEAR, k, values, known)
    if found is None:
        return None
    if abs(power(found)) < SETTLED:
        return Kind.FLOOR
    bent = [_bent(x, found.logs) for x in (np.log(found.k), found.k)]
    return Kind.SUBLINEAR if bent[0] <= bent[1] else Kind.LINEAR


def _bent(x: Array, y: Array) -> float:
    """The largest distance from the least-squares line."""
    return float(np.abs((y - y.mean()) - _slope(x, y, np.ones(len(x))) * (x - x.mean())).max())


def in_column(fit: Fit | None) -> str:
    """`1/k: 1.03`, in a column: what is claimed, and in brackets what was measured."""
    if fit is None or fit.measured is None:
        return ""
    if not fit.by_factor and fit.kind in (Kind.SUBLINEAR.value, Kind.GROWING.value):
        sign = "-" if fit.kind == Kind.SUBLINEAR.value else ""
        return f"{_power_of_k(fit.claimed, sign)} ({_power_of_k(fit.measured, sign)})"
    shown = {Kind.FLOOR.value: "to {}", Kind.SUPERLINEAR.value: "order {}"}.get(fit.kind, "{}^k")
    return f"{shown.format(_short(fit.claimed))} ({_short(fit.measured)})"


def _short(value: float | None) -> str:
    """Three digits; near 1 as many as tell it from 1."""
    return "?" if value is None else factor_text(value) if 0 < abs(value - 1) < 1e-3 else f"{value:.3g}"


def _power_of_k(exponent: float | None, sign: str) -> str:
    return "?" if exponent is None else f"k^{sign}{exponent:.3g}" if exponent >= 0 else f"k^{'' if sign else '-'}{-exponent:.3g}"
