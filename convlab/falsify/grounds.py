"""Where an adversary looks: the search spaces of families, the parameters inside a claim's condition, and what a choice of them is as a case to run."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from convlab.judge.grid import algorithm_of
from convlab.problem import Family, Space, Start
from convlab.run.bind import symbols_of
from convlab.run.cases import NotApplicable, Setting, check_exact, condition_of, constants_of, refuse_restrictions, start_constants, stream
from convlab.run.points import INSIDE, default_point, holds, interval
from convlab.symbols import Role, Symbol
from convlab.theorem import RateBound, Relation

LOWEST = Fraction(1, 10**5)   # real tunables are searched in the logarithm of their place in the interval, from this share of it on
EDGE = 0.1           # so much of a tunable's coordinate means the upper end itself: a condition that is too wide by little is wrong only there
SIZES = (1, 2, 3, 5, 8)   # what is tried of an integer tunable, beside its default


@dataclass(frozen=True)
class Ground:
    """Problems that numbers in some ranges select. `build` makes the problem and the start, `told` is what a data file says of them."""

    name: str
    ranges: Mapping[str, tuple[float, float]]
    build: Callable[[Mapping[str, Any]], tuple[Any, Start]]
    told: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Choice:
    """What the adversary chose on a ground: its numbers and, for each tunable, the place in its interval (0 to 1) or, of a size, its value."""

    ground: Ground
    numbers: Mapping[str, Any]
    places: Mapping[Any, Any]


def spaces(families: Mapping[str, Family], random: bool = True, assumptions: tuple[type, ...] | None = None) -> Iterator[Ground]:
    """The search spaces of every family; without `random`, those only that a method without draws is worth running on; with `assumptions`, those only
    that are worth a look for a claim of these."""
    for family in families.values():
        for number, space in enumerate(s for s in family.search if (random or not s.random) and _worth(s, assumptions)):
            yield Ground(family.name if len(family.search) == 1 else f"{family.name}/{number + 1}", space.ranges,
                         partial(_made, family, space), partial(_told, family, space))


def _worth(space: Space, assumptions: tuple[type, ...] | None) -> bool:
    return assumptions is None or not space.asked or any(issubclass(kind, space.asked) for kind in assumptions)


def members(families: Mapping[str, Family]) -> Iterator[Ground]:
    """Every single problem, from its own starts."""
    for family in families.values():
        for member in family.members():
            starts = member.problem.starts(np.random.default_rng(stream(0, member.name, "starts")))
            yield Ground(member.name, {"start": (0, len(starts))}, partial(_member, member.problem, starts), partial(_member_told, member.name, starts))


def _made(family: Family, space: Space, numbers: Mapping[str, Any]) -> tuple[Any, Start]:
    problem = family.make(**space.parameters(numbers))
    return problem, problem.starts(np.random.default_rng(0))[0]


def _told(family: Family, space: Space, numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = {name: value for name, value in space.parameters(numbers).items() if name != "start"}
    return {"family": family.name, "start": _made(family, space, numbers)[1].point, "parameters": parameters}


def _member(problem: Any, starts: tuple[Start, ...], numbers: Mapping[str, Any]) -> tuple[Any, Start]:
    return problem, starts[_which(numbers, starts)]


def _member_told(name: str, starts: tuple[Start, ...], numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"problem": name, "start": starts[_which(numbers, starts)].point}


def _which(numbers: Mapping[str, Any], starts: tuple[Start, ...]) -> int:
    return min(int(numbers["start"]), len(starts) - 1)


# ---- the unit cube that an optimiser sees
def variables(claim: RateBound, ground: Ground) -> list[Any]:
    """Names of the ground's numbers, then the claim's tunables."""
    return [*ground.ranges, *claim.defaults]


def choice_at(claim: RateBound, ground: Ground, cube: Any) -> Choice:
    """The choice that a point of the unit cube stands for, one coordinate a variable."""
    count = len(ground.ranges)
    return Choice(ground, numbers_at(ground, cube), {t: _place(t, float(u)) for u, t in zip(cube[count:], claim.defaults, strict=True)})


def numbers_at(ground: Ground, cube: Any) -> dict[str, float]:
    """The ground's numbers at a point of the unit cube."""
    return {name: _in_range(float(u), *ends) for u, (name, ends) in zip(cube, ground.ranges.items(), strict=False)}


def _in_range(u: float, low: float, high: float) -> float:
    return float(low ** (1 - u) * high**u) if low > 0 else low + u * (high - low)


def is_size(tunable: Any) -> bool:
    """Whether a tunable counts something."""
    return isinstance(tunable, Symbol) and tunable.role in (Role.SIZE, Role.COUNTER)


def _place(tunable: Any, u: float) -> Any:
    if is_size(tunable):
        return (None, *SIZES)[min(int(u * (len(SIZES) + 1)), len(SIZES))]      # None: the default
    return float(LOWEST) ** max(0.0, 1 - u / (1 - EDGE))


def rounded(choice: Choice, denominator: int) -> Choice:
    """The nearest choice in rationals of short denominators: the same problem in numbers that a reader can copy."""
    def short(value: Any) -> Any:
        if value is None or isinstance(value, int):
            return value
        return Fraction(value).limit_denominator(denominator) if abs(value) >= 1 else _small(Fraction(value), denominator)

    return Choice(choice.ground, {name: short(v) for name, v in choice.numbers.items()}, {t: short(v) for t, v in choice.places.items()})


def _small(value: Fraction, denominator: int) -> Fraction:
    """A number below 1 with as many digits as its inverse would get."""
    return value if value == 0 else 1 / (1 / value).limit_denominator(denominator)


# ---- as a case
def setting_of(claim: RateBound, choice: Choice, beyond: Mapping[Any, Any] | None = None) -> Setting:
    """The case that a choice stands for. `beyond`: tunables set outside the condition on purpose, as factors of their upper limit.

    Raises NotApplicable where the problem does not fit the claim or the parameters do not fit its condition.
    """
    problem, start = choice.ground.build(choice.numbers)
    refuse_restrictions(problem, claim.assumptions)
    provenance = constants_of(problem, claim.assumptions)
    if claim.relation is not Relation.AT_MOST:
        check_exact(getattr(claim.bound, "free_symbols", set()) | symbols_of(algorithm_of(claim)), provenance)
    constants = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
    return Setting(problem, choice.ground.name, start, point_of(claim, constants, choice.places, beyond), constants, provenance)


def point_of(claim: RateBound, constants: Mapping[Any, Any], places: Mapping[Any, Any], beyond: Mapping[Any, Any] | None = None) -> dict[Any, Any]:
    """Parameters at these places of their intervals, one after the other."""
    condition = condition_of(claim)
    try:
        point = default_point(claim.defaults, constants)
        for tunable, place in places.items():
            if is_size(tunable):
                point[tunable] = point[tunable] if place is None else place
                continue
            around = interval(condition, tunable, {**constants, **point})
            low, high = (0 if around.low_closed else LOWEST), (1 if around.high_closed else 1 - INSIDE)
            point[tunable] = around.at(min(max(place, low), high))
        for tunable, factor in (beyond or {}).items():
            point[tunable] = factor * interval(condition, tunable, {**constants, **point}).high
        if not beyond and not holds(condition, {**constants, **point}):
            raise NotApplicable("the parameters leave the condition")
    except KeyError as error:
        raise NotApplicable(f"it does not know {error.args[0]}") from None
    return point
