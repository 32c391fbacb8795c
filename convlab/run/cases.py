"""Cases: which problems a claim speaks of, with their constants, starts and parameter points, batched for the engine."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import sympy as sp

from convlab import symbols
from convlab.arithmetic import FLOAT64, RATIONAL, Arithmetic, cast
from convlab.assumptions import ConstrainedMinimum, Minimum
from convlab.constants import Array, Constant, Exactness, is_rational
from convlab.errors import BadInput
from convlab.metrics import Case, gap_of
from convlab.operations import norm_squared
from convlab.problem import Family, Member, Start, fact
from convlab.run.expressions import Surd, evaluate, root
from convlab.run.frozen import frozen
from convlab.run.offered import refuse_misstated, started, with_condition_number
from convlab.run.points import Point, holds, parameter_points, relations
from convlab.run.settings import Settings
from convlab.symbols import Role, Symbol
from convlab.theorem import Instance

# What a declared instance gets for the constants that it leaves open: far from 1 and from each other, rational.
OPEN_CONSTANTS: Mapping[Any, Fraction] = {
    symbols.L: Fraction(12), symbols.L_max: Fraction(30), symbols.mu: Fraction(1, 3), symbols.R: Fraction(7, 2), symbols.G: Fraction(5, 2),
    symbols.sigma: Fraction(3, 4), symbols.lam: Fraction(4, 3), symbols.coupling: Fraction(5, 3), symbols.grid: Fraction(1, 8),
    symbols.Delta: Fraction(9, 2), symbols.sigma_opt: Fraction(5, 4), symbols.scale0: Fraction(64), symbols.overflow: Fraction(8),
}


@dataclass(frozen=True)
class Setting:
    """One problem with one start and one parameter point: exact values of every symbol that it knows."""

    problem: Any
    name: str
    start: Start
    point: Point
    constants: Mapping[Any, Any]                       # of the problem and the start; may hold Surds
    provenance: Mapping[Any, Constant] = field(default_factory=dict)

    @property
    def values(self) -> dict[Any, Any]:
        """Constants and parameters together."""
        return {**self.constants, **self.point}


class NotApplicable(ValueError):
    """A claim x problem pair that is not judged; the message is the reason to print."""


def stream(seed: int, *names: object) -> np.random.SeedSequence:
    """The random stream of a named thing: the same whatever else runs, in whatever order and on how many workers."""
    return np.random.SeedSequence([seed, *(crc32(str(name).encode()) for name in names)])


def constants_of(problem: Any, assumptions: Iterable[type]) -> dict[Any, Constant]:
    """Every constant that the problem's facts and the asked-for assumptions bring; the latter win. Raises NotApplicable for a missing one."""
    found: dict[Any, Constant] = {}
    for offered in problem.facts():
        found.update(offered.constants())
    for kind in assumptions:
        matching = fact(problem, kind)
        if matching is None:
            raise NotApplicable(f"it does not offer {kind.__name__}" + (f" ({kind.statement})" if hasattr(kind, "statement") else ""))
        found.update(matching.constants())
    return with_condition_number(found)


def refuse_restrictions(problem: Any, assumptions: Iterable[type]) -> None:
    """Raises NotApplicable where the problem is of a kind (constrained, saddle, ...) that the claim does not speak of."""
    asked = tuple(assumptions)
    for offered in problem.facts():
        if getattr(offered, "restricts", False) and not isinstance(offered, asked):
            raise NotApplicable(f"the claim does not speak of problems with {type(offered).__name__}")


def minimum_of(problem: Any) -> Any | None:
    """The fact that names the minimiser, saddle point or solution (the first with an `at`)."""
    return next((offered for offered in problem.facts() if getattr(offered, "at", None) is not None), None)


def least_value(problem: Any) -> Any | None:
    """f*, of a minimum (a saddle value is none)."""
    return next((offered.value.value for offered in problem.facts() if isinstance(offered, (Minimum, ConstrainedMinimum))), None)


class Shared(NamedTuple):
    """What the constants of all starts of a problem are computed from, and the one that is the same at each: sigma_opt."""

    best: Any | None
    least: Any | None
    noise: Mapping[Any, Any]


def shared_by_starts(problem: Any) -> Shared:
    """Read off the problem once: its facts, and of a sum the noise at the minimiser, may cost more than all its starts."""
    best = minimum_of(problem)
    noise = {symbols.sigma_opt: _noise_at(problem, best.at)} if best is not None and hasattr(problem, "sample_gradients") else {}
    return Shared(best, least_value(problem), noise)


def start_constants(problem: Any, start: Start, shared: Shared | None = None) -> dict[Any, Any]:
    """R, Delta, d of one start, and sigma_opt of a sum, exact where the data are rational; workers and n come from the facts."""
    best, least, noise = shared_by_starts(problem) if shared is None else shared
    point = np.asarray(start.point)
    found: dict[Any, Any] = {symbols.d: point.shape[-1]}
    if best is not None and np.shape(best.at) == point.shape:
        arithmetic = RATIONAL if _rational(point) and _rational(best.at) else FLOAT64
        found[symbols.R] = root(norm_squared((arithmetic.array(point) - arithmetic.array(np.asarray(best.at)))[None])[0])
    found.update(noise)
    if least is not None and (hasattr(problem, "value") or hasattr(problem, "gap")):
        found[symbols.Delta] = _gap(problem, point, least)
    return found


def _rational(point: Any) -> bool:
    return all(is_rational(v) for v in np.asarray(point).reshape(-1).tolist())


def _noise_at(problem: Any, minimiser: Any) -> Any:
    """sqrt(mean_i |grad f_i(x*)|^2), unit f/x."""
    try:
        every = norm_squared(cast(problem, RATIONAL).sample_gradients(RATIONAL.array(np.asarray(minimiser))[None])[0])
        mean = every.sum() / len(every)
        if is_rational(mean):
            return root(mean)
    except (TypeError, ValueError, AttributeError, ArithmeticError):         # transcendental gradients have no rational form
        pass
    every = norm_squared(cast(problem, FLOAT64).sample_gradients(FLOAT64.array(np.asarray(minimiser))[None])[0])
    return float(every.mean()) ** 0.5


def _gap(problem: Any, point: Array, least: Any) -> Any:
    try:
        exact = cast(problem, RATIONAL)
        gap = gap_of(exact, RATIONAL.array(point)[None], RATIONAL.number(least))[0]
        return gap if is_rational(gap) else float(gap)
    except (TypeError, ValueError, AttributeError, ArithmeticError):         # a problem with transcendental values has no rational form
        return float(gap_of(cast(problem, FLOAT64), FLOAT64.array(point)[None], float(least))[0])


def check_exact(needed: Iterable[Any], provenance: Mapping[Any, Constant]) -> None:
    """Raises NotApplicable where an equality or lower bound would be judged with a constant that is only one-sided."""
    for symbol in needed:
        if symbol in provenance and provenance[symbol].exactness is not Exactness.EXACT:
            raise NotApplicable(f"the claim needs the exact {symbol}, the problem knows only {provenance[symbol].exactness.value}")


def given_parameters(settings: Settings, condition_symbols: Iterable[Any]) -> Point:
    """Parameters given by name and text, as numbers. Raises BadInput for an unknown name or a text that is no number."""
    known = {s.name: s for s in condition_symbols}
    found: Point = {}
    for name, text in settings.parameters.items():
        if name not in known:
            raise BadInput(f"--param {name}: this claim has no parameter of that name; it has {', '.join(sorted(known)) or 'none'}.")
        try:
            value: Any = Fraction(str(text))
        except ValueError:
            raise BadInput(f"--param {name}={text}: {text!r} is no number; write 0.25 or 1/4.") from None
        except ZeroDivisionError:
            raise BadInput(f"--param {name}={text}: the denominator is zero.") from None
        if known[name].role in (Role.SIZE, Role.COUNTER) and isinstance(known[name], Symbol):
            if value.denominator != 1:
                raise BadInput(f"--param {name}={text}: {name} counts {known[name].meaning} and must be an integer.")
            value = int(value)
        found[known[name]] = value
    return found


def refuse_outside(claim: Any, title: str, values: Mapping[Any, Any], problem: str) -> None:
    """Raises BadInput with the condition and its numbers where parameters given by hand leave it."""
    if holds(claim.condition, values):
        return
    numbers = _violated(claim.condition, values)
    told = ", ".join(f"{s} = {_show(v)}" for s, v in values.items() if s in claim.defaults)
    known = ", ".join(f"{s} = {_show(values[s])}" for s in sorted(sp.sympify(claim.condition).free_symbols - set(claim.defaults), key=str))
    raise BadInput(f"{told} is outside the condition of {title}: {_told(claim.condition)}, violated with {numbers} ({known}{', ' if known else ''}problem {problem}).\n"
                   f"Choose it inside, or add --outside to explore beyond the condition on purpose.")


def _violated(condition: Any, values: Mapping[Any, Any]) -> str:
    """The relations that do not hold at these numbers, with what their sides are."""
    return "; ".join(_with_numbers(relation, values) for relation in relations(condition) if not holds(relation, values))


def _with_numbers(relation: Any, values: Mapping[Any, Any]) -> str:
    if not isinstance(relation, sp.core.relational.Relational):
        return f"{relation} with {', '.join(f'{s} = {_show(values[s])}' for s in sorted(relation.free_symbols, key=str))}"
    sides = [f"{side} = {_show(evaluate(side, values))}" for side in (relation.lhs, relation.rhs) if side.free_symbols]
    return f"{relation} with {', '.join(sides)}"


def _told(condition: Any) -> str:
    return " and ".join(str(relation) for relation in relations(condition))


def _show(value: Any) -> str:
    return f"{float(value):.6g}"


def settings_on(claim: Any, title: str, member: Member, settings: Settings, assumptions: Iterable[type]) -> list[Setting]:
    """Every start x parameter point of one problem. Raises NotApplicable with the reason."""
    problem = member.problem
    refuse_misstated(problem, member.name)
    refuse_restrictions(problem, assumptions)
    provenance = constants_of(problem, assumptions)
    starts = started(problem.starts(np.random.default_rng(stream(settings.seed, member.name, "starts"))), member.name)
    if settings.dimension is not None:
        starts = tuple(s for s in starts if np.shape(s.point)[-1] == settings.dimension)
        if not starts:
            raise NotApplicable(f"it has no start of dimension {settings.dimension}")
    found, asked, known, shared = [], _asked(claim, settings), dict[Any, list[Point]](), shared_by_starts(problem)
    for start in starts:
        constants = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start, shared)}
        key = tuple(constants.get(s) for s in asked)         # most conditions speak of nothing that a start changes: their points are found once
        if key not in known:
            known[key] = points_at(claim, title, member.name, constants, settings)
        found += [Setting(problem, member.name, start, point, constants, provenance) for point in known[key]]
    return found


def _asked(claim: Any, settings: Settings) -> list[Any]:
    """The symbols on which the points of a claim depend."""
    said = (condition_of(claim), *claim.defaults.values(), *settings.at.values())
    return sorted(set().union(*(sp.sympify(each).free_symbols for each in said)), key=str)


def condition_of(claim: Any) -> Any:
    """Where the parameters of a claim may lie: its condition and, of a stability region, the domain of its other tunables."""
    return sp.And(claim.condition, getattr(claim, "domain", sp.true))


def distinct_points(found: Iterable[Setting]) -> list[Setting]:
    """One setting a parameter point: for what does not depend on the start, or searches around it."""
    kept: dict[tuple[Any, ...], Setting] = {}
    for setting in found:
        kept.setdefault(tuple(setting.point.values()), setting)
    return list(kept.values())


def points_at(claim: Any, title: str, problem: str, constants: Mapping[Any, Any], settings: Settings) -> list[Point]:
    """The parameter points of a claim at these constants, with what the user fixed."""
    fixed = {**given_parameters(settings, claim.defaults), **_set(settings, claim, constants)}
    needed = condition_of(claim).free_symbols - set(claim.defaults) - set(constants)
    if needed:
        raise NotApplicable(f"its condition speaks of {sorted(map(str, needed))[0]}, which the problem does not know")
    try:
        if fixed and not settings.outside:
            from_default = {**constants, **parameter_points(sp.true, claim.defaults, constants, stream(0), fixed)[0]}
            if settings.at and not holds(condition_of(claim), from_default):
                told = ", ".join(f"{s} = {_show(v)}" for s, v in fixed.items())
                raise NotApplicable(f"{told} is outside its condition there: {_violated(condition_of(claim), from_default)}")
            refuse_outside(claim, title, from_default, problem)
        condition = sp.true if settings.outside else condition_of(claim)
        if settings.outside and fixed:
            return parameter_points(sp.true, claim.defaults, constants, stream(0), {**fixed, **{}})[:1]
        found = parameter_points(condition, claim.defaults, constants, stream(settings.seed, title, problem, "points"), fixed)
    except KeyError as error:
        raise NotApplicable(f"its defaults speak of {error.args[0]}, which the problem does not know") from None
    if not holds(condition, {**constants, **found[0]}):
        told = ", ".join(f"{s} = {_show(v)}" for s, v in found[0].items())
        violated = _violated(condition, {**constants, **found[0]})
        raise NotApplicable(f"its default {told} lies outside its own condition there: {violated}" if told else f"its condition does not hold there: {violated}")
    return found


def _set(settings: Settings, claim: Any, constants: Mapping[Any, Any]) -> Point:
    """The tunables of the claim that the settings say, at these constants. Raises NotApplicable where one speaks of a constant that the problem does not know."""
    try:
        return {s: evaluate(v, constants) if isinstance(v, sp.Basic) else v for s, v in settings.at.items() if s in claim.defaults}
    except KeyError as error:
        raise NotApplicable(f"a parameter was set by {error.args[0]}, which the problem does not know") from None


@dataclass(frozen=True)
class Batch:
    """Settings that run together: same problem, shapes and integer parameters. Values are numbers or float64 arrays (cases,)."""

    settings: tuple[Setting, ...]
    case: Case
    x0: Array
    values: Mapping[Any, Any]
    arithmetic: Arithmetic

    def free(self) -> Mapping[str, Array]:
        """Fields of the initial state that the starts prescribe, stacked."""
        names = self.settings[0].start.free
        return {name: np.stack([self.arithmetic.array(np.asarray(s.start.free[name])) for s in self.settings]) for name in names}


def batches(found: Iterable[Setting], arithmetic: Arithmetic = FLOAT64) -> Iterator[Batch]:
    """Settings grouped into batches; in exact arithmetic every setting is a batch of its own."""
    groups: dict[Any, list[Setting]] = {}
    for number, setting in enumerate(found):
        sizes = tuple(v for s, v in setting.point.items() if isinstance(s, Symbol) and s.role in (Role.SIZE, Role.COUNTER))
        key: Any = (id(setting.problem), np.shape(setting.start.point), tuple(setting.start.free), sizes) if arithmetic is FLOAT64 else number
        groups.setdefault(key, []).append(setting)
    for group in groups.values():
        yield batch_of(group, arithmetic)


def batch_of(group: list[Setting], arithmetic: Arithmetic) -> Batch:
    """One batch of settings that share everything but starts and real parameters."""
    first = group[0]
    problem = cast(first.problem, arithmetic)
    values: dict[Any, Any] = {}
    for s in first.values:
        entries = [setting.values[s] for setting in group]
        if arithmetic is not FLOAT64 or all(isinstance(e, (int, np.integer)) and e == entries[0] for e in entries):     # a size; one default may be 0, too
            values[s] = entries[0]
        elif all(not isinstance(e, Surd) and e == entries[0] for e in entries):
            values[s] = float(entries[0])
        else:
            values[s] = np.array([float(e) for e in entries])
    best = minimum_of(problem)
    least = least_value(problem)
    case = Case(problem, {s: arithmetic.number(v) if is_rational(v) and not isinstance(v, int) else v for s, v in values.items()},
                None if best is None else arithmetic.array(np.asarray(best.at)), None if least is None else arithmetic.number(least))
    x0 = frozen(np.stack([arithmetic.array(np.asarray(setting.start.point)) for setting in group]))
    return Batch(tuple(group), case, x0, values, arithmetic)


def realised(instance: Instance, claim: Any, title: str, families: Mapping[str, Family], settings: Settings, k: int | None = None) -> list[Setting]:
    """The settings of a declared instance, over the parameter points of the claim's condition on which it speaks; `k` where it depends on the horizon.

    Raises BadInput for an unknown family or parameter, NotApplicable where its points leave the condition.
    """
    if instance.family not in families:
        raise BadInput(f"{title}: no problem family is called {instance.family!r}; there are {', '.join(sorted(families))}.")
    constants = chosen_constants(instance, k)
    first = points_at(claim, title, instance.family, constants, settings) if claim.defaults else [{}]      # without tunables nothing is chosen
    tuned = bool(_symbols_of(instance) & set(claim.defaults))
    found = []
    for point in first if tuned else first[:1]:
        problem = _made(instance, families[instance.family], {**constants, **point}, title)
        provenance = constants_of(problem, getattr(claim, "assumptions", ()))
        for start in problem.starts(np.random.default_rng(stream(settings.seed, title, "start"))):
            own = {**{s: c.value for s, c in provenance.items()}, **start_constants(problem, start)}
            known = {**constants, **own}
            # a problem that no tunable shapes has constants of its own: the points are drawn again from the condition at these
            for chosen in [point] if tuned or not claim.defaults else points_at(claim, title, instance.family, known, settings):
                if holds(instance.when, {**known, **chosen}) and holds(condition_of(claim), {**known, **chosen}):
                    found.append(Setting(problem, repr(instance), start, chosen, own, provenance))
    return found


def chosen_constants(instance: Instance, k: int | None = None) -> dict[Any, Any]:
    """Values for the constants that an instance speaks of: its own, the checker's for those left open, and the horizon."""
    own = {s: evaluate(v, {}) if isinstance(v, sp.Basic) else v for s, v in instance.at.items()}
    return {**OPEN_CONSTANTS, symbols.kappa: Fraction(36), **own, **({} if k is None else {symbols.k: k, symbols.K: k})}


def numbers_of(instance: Instance, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The keyword arguments of the family's `make` that an instance stands for at these values."""
    def number(given: Any) -> Any:
        if isinstance(given, (tuple, list)):
            return tuple(number(item) for item in given)
        if not isinstance(given, sp.Basic):
            return given
        value = evaluate(given, values)
        return int(value) if given.is_integer and value == int(value) else value

    parameters = {name: number(value) for name, value in instance.parameters.items()}
    return parameters if instance.start is None else {**parameters, "start": number(instance.start)}


def _made(instance: Instance, family: Family, values: Mapping[Any, Any], title: str) -> Any:
    try:
        return family.make(**numbers_of(instance, values))
    except TypeError as error:
        raise BadInput(f"{title}: instance {instance!r} does not fit the family {family.name!r}: {error}.") from error
    except KeyError as error:
        raise BadInput(f"{title}: instance {instance!r} speaks of {error.args[0]}, which has no value.") from error


def speaks_of_horizon(instance: Instance) -> bool:
    """Whether an instance is another problem for each k."""
    return bool((_symbols_of(instance) | sp.sympify(instance.when).free_symbols) & {symbols.k, symbols.K})


def _symbols_of(instance: Instance) -> set[Any]:
    """The symbols that an instance's parameters and start speak of."""
    def inside(given: Any) -> set[Any]:
        if isinstance(given, (tuple, list)):
            return set().union(*(inside(item) for item in given))
        return set(given.free_symbols) if isinstance(given, sp.Basic) else set()

    return inside([*instance.parameters.values(), instance.start])
