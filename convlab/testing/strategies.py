"""Hypothesis strategies: problems whose facts hold what is asked for, spectra, noise and first points, all in short rationals.

Problems are drawn from every installed family, in the spaces that the family itself names (of a family without any, its members), and kept if their facts
include the assumptions asked for. What fails shrinks towards one dimension, the plainest space, condition number 1 and small integers.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from convlab import symbols
from convlab.constants import is_rational
from convlab.draws import Finite
from convlab.errors import BadInput
from convlab.problem import Family, Member, Space, Start, installed_families
from convlab.run.cases import NotApplicable, constants_of, minimum_of, refuse_restrictions, start_constants

Strategy = st.SearchStrategy
PLAIN = 5                            # half of the problems come from so many of the plainest spaces: what fails there shrinks best
TWELFTHS = 12                        # in ranges that hold 0, they are told as shares of at most so many parts
EIGHTHS = 8                          # between two powers of 2, numbers that are no integers are told in eighths
CONDITION = Fraction(10**4)          # the largest condition number, unless another is asked for
SIZE = (Fraction(1, 8), Fraction(64))   # the constants of spectra, noise and distances


def problems(*assumptions: type, max_dimension: int = 6, max_condition: Any = CONDITION, families: Mapping[str, Family] | None = None) -> Strategy[Any]:
    """Problems whose facts include the assumptions: `problems(cl.Smooth, cl.StronglyConvex)`, or `problems(*theorem.assumptions)` without its claims' own.

    A problem is a frozen dataclass with `facts()`, `starts(rng)` and its oracles, in rationals where its family has them; L/mu is at most `max_condition`
    where it knows both. `families`: where to look (default: all that are installed). Raises BadInput for what is no assumption, for limits below 1, and
    (when the first problem is drawn) where no family offers the assumptions.
    """
    strangers = [kind for kind in assumptions if not (isinstance(kind, type) and hasattr(kind, "constants"))]
    if strangers:
        raise BadInput(f"problems({strangers[0]!r}): this is no assumption; give classes such as cl.Smooth, cl.StronglyConvex.")
    if max_dimension < 1 or not max_condition >= 1:
        raise BadInput(f"problems(max_dimension={max_dimension}, max_condition={max_condition}): both are at least 1.")
    limits = _Limits(assumptions, max_dimension, _exact(max_condition))
    return st.deferred(lambda: _installed(limits) if families is None else _drawn(limits, families))


@dataclass(frozen=True)
class _Limits:
    """What is asked of a problem."""

    assumptions: tuple[type, ...]
    dimension: int
    condition: Fraction

    def keeps(self, problem: Any) -> bool:
        """Whether a problem is of the kind, dimension and condition asked for."""
        try:
            refuse_restrictions(problem, self.assumptions)
            known = constants_of(problem, self.assumptions)
        except NotApplicable:
            return False
        if _dimension(problem) > self.dimension or _starts_at_rest(problem):
            return False
        return symbols.L not in known or symbols.mu not in known or known[symbols.L].value <= self.condition * known[symbols.mu].value

    def spaces_in(self, families: Mapping[str, Family]) -> list[tuple[Family, Space]]:
        """Those whose problems have the facts, the plainest first: few dimensions, rational constants, no number for every coordinate, few numbers.

        Spaces for methods that draw only where no other has the facts: to ask for FiniteSum or BoundedVariance is to ask for them.
        """
        found = [(_plainness(space, problem), family, space) for family in families.values() for space in (*family.search, *family.drawn)
                 if (problem := next(filter(self.keeps, _samples(family, space, self)), None)) is not None]
        plain = [(rank, family, space) for rank, family, space in found if not space.random]
        return [(family, space) for rank, family, space in sorted(plain or found, key=lambda one: (one[0], one[1].name))]

    def members_of(self, families: Mapping[str, Family]) -> list[Member]:
        """The members of families without spaces, from the fewest dimensions to the most."""
        found = [member for family in families.values() if not family.search + family.drawn for member in family.members() if self.keeps(member.problem)]
        return sorted(found, key=lambda member: (_dimension(member.problem), member.name))

    def ranges(self, space: Space) -> Mapping[str, tuple[Any, Any]]:
        """Those of a space, with the condition number kept below the limit where the space names it."""
        return {name: (max(_exact(low), min(_exact(high), 1 / self.condition)), high) if name == "mu_over_L" else (low, high)
                for name, (low, high) in space.ranges.items()}

    def counts(self, space: Space) -> Mapping[str, tuple[int, int]]:
        """Those of a space, with the dimension kept below the limit."""
        return {name: (low, max(low, min(high, self.dimension)) if name == "dimension" else high) for name, (low, high) in space.counts.items()}


def _plainness(space: Space, problem: Any) -> tuple[int, bool, bool, int]:
    """The order of spaces, by one of their problems."""
    rational = all(is_rational(constant.value) for offered in problem.facts() for constant in offered.constants().values())
    return _dimension(problem), not rational, bool(space.each), len(space.ranges) + len(space.counts)


def _dimension(problem: Any) -> int:
    return max(int(np.shape(start.point)[-1]) for start in problem.starts(np.random.default_rng(0)))


def _starts_at_rest(problem: Any) -> bool:
    """Whether some start is a minimiser (everything is one of a constant function): from there nothing can be seen."""
    known = (start_constants(problem, start) for start in problem.starts(np.random.default_rng(0)))
    return any(float(numbers.get(symbol, 1)) == 0 for numbers in known for symbol in (symbols.R, symbols.Delta))


def _samples(family: Family, space: Space, limits: _Limits) -> Iterator[Any]:
    """The plainest problem of a space, and those with every number in the middle and at the low end of its range."""
    for share in (None, Fraction(1, 2), Fraction(0)):
        def at(ends: tuple[Any, Any], share: Fraction | None = share) -> Fraction:
            low, high = map(_exact, ends)
            return min(max(Fraction(1), low), high) if share is None else low + share * (high - low)

        problem = _built(family, space, {**{name: at(ends) for name, ends in limits.ranges(space).items()},
                                         **{name: (at(ends),) for name, ends in space.each.items()}, **{name: low for name, (low, _) in space.counts.items()}})
        if problem is not None:
            yield problem


def _built(family: Family, space: Space, numbers: Mapping[str, Any]) -> Any | None:
    """The problem of a choice; None where the family refuses it with a ValueError, as families do."""
    try:
        return family.make(**space.parameters(numbers))
    except ValueError:
        return None


@cache
def _installed(limits: _Limits) -> Strategy[Any]:
    return _drawn(limits, installed_families())


def _drawn(limits: _Limits, families: Mapping[str, Family]) -> Strategy[Any]:
    """Problems of every space and every member that fits. Raises BadInput where nothing does."""
    spaces, members = limits.spaces_in(families), limits.members_of(families)
    if not spaces and not members:
        asked = ", ".join(kind.__name__ for kind in limits.assumptions) or "any facts"
        raise BadInput(f"No family has problems with {asked}, at most {limits.dimension} dimensions and L/mu <= {limits.condition}: "
                       f"ask for less, or give families= of your own.")
    return _one(_Sources(limits, spaces, members))


class _Sources:
    """Where one problem comes from. No dataclass: Hypothesis prints the arguments of a strategy, of a dataclass field by field."""

    def __init__(self, limits: _Limits, spaces: list[tuple[Family, Space]], members: list[Member]) -> None:
        self.limits, self.spaces, self.members = limits, spaces, members

    def __repr__(self) -> str:
        return f"{', '.join(kind.__name__ for kind in self.limits.assumptions)}: {len(self.spaces)} spaces, {len(self.members)} members"


@st.composite
def _one(draw: Callable[..., Any], sources: _Sources) -> Any:
    """One problem: which space, how many dimensions, then slips of paper from which any space reads its numbers.

    Hypothesis takes what needed fewer draws for simpler, and lowers one number at a time: so the number of slips depends on the dimension alone, and they
    keep their meaning where `which` is lowered to a plainer space.
    """
    limits, spaces, members = sources.limits, sources.spaces, sources.members
    last = len(spaces) - (not members)
    which, dimension = draw(st.integers(0, draw(st.sampled_from((min(last, PLAIN), last))))), draw(st.integers(1, limits.dimension))
    common = max((len(space.ranges) + len(space.counts) for _, space in spaces), default=1)
    every = max((len(space.each) for _, space in spaces), default=0) or 1
    slips = [draw(SLIP) for _ in range(common + every * dimension)]
    if which < len(spaces):
        family, space = spaces[which]
        problem = _built(family, space, _read(space, limits, iter(slips), dimension))
    else:
        problem = members[slips[0].number % len(members)].problem
    if problem is None or not limits.keeps(problem):
        reject()
    for _ in range(every * (_dimension(problem) - dimension)):
        draw(SLIP)
    return problem


def _read(space: Space, limits: _Limits, slips: Iterator[Slip], dimension: int) -> Mapping[str, Any]:
    """The choice in a space that some slips stand for."""
    return {**{name: next(slips).within(*ends) for name, ends in limits.ranges(space).items()},
            **{name: next(slips).counting(*ends) for name, ends in limits.counts(space).items()},
            **{name: tuple(next(slips).within(*ends) for _ in range(dimension)) for name, ends in space.each.items()}}


# ---- numbers
class Slip(NamedTuple):
    """Three integers that stand for a short rational in any range; the smaller they are, the simpler it is."""

    way: int
    number: int
    part: int

    def counting(self, low: int, high: int) -> int:
        """An integer of a range."""
        return low + self.number % (high - low + 1)

    def within(self, low: Any, high: Any) -> Fraction:
        """Integers first, then (of positive ranges) their inverses, then eighths of powers of 2, over all magnitudes; where 0 is inside, shares of the range."""
        low, high = _exact(low), _exact(high)
        ways = list(_ways(low, high))
        return ways[self.way % len(ways)](self)

    def octave(self, low: Fraction, high: Fraction) -> Fraction:
        """(1 + part/8) 2^j, within a positive range; j = 0 is the simplest."""
        exponents = sorted(range(math.floor(math.log2(low)), math.ceil(math.log2(high)) + 1), key=lambda j: (abs(j), -j))
        power = Fraction(2) ** exponents[self.number % len(exponents)]
        return min(max((1 + Fraction(self.part % EIGHTHS, EIGHTHS)) * power, low), high)

    def share(self, low: Fraction, high: Fraction) -> Fraction:
        """A point of the range that divides it as two small integers do."""
        parts = 2 + self.number % (TWELFTHS - 1)
        return low + (high - low) * Fraction(self.part % (parts + 1), parts)


@st.composite
def _slip(draw: Callable[..., Any]) -> Slip:
    """Drawn by hand: of what `builds` or `tuples` put together Hypothesis explains every part by a hundred more runs."""
    return Slip(draw(st.integers(0, 2)), draw(st.integers(0, 9999)), draw(st.integers(0, 143)))


SLIP = _slip()


def numbers_in(low: Any, high: Any) -> Strategy[Fraction]:
    """Short rationals in a range, as a slip tells them."""
    return SLIP.map(lambda slip: slip.within(low, high))


def _ways(low: Fraction, high: Fraction) -> Iterator[Callable[[Slip], Fraction]]:
    """The ways in which a slip is read in a range, the simplest first."""
    whole, inverse = (math.ceil(low), math.floor(high)), (max(1, math.ceil(1 / high)), math.floor(1 / low)) if low > 0 else (1, 0)
    if whole[0] < whole[1] or (whole[0] == whole[1] and low <= 0):        # one integer alone is 1, an inverse too
        yield lambda slip: Fraction(slip.counting(*whole))
    if low < 1 and inverse[0] <= inverse[1]:
        yield lambda slip: Fraction(1, slip.counting(*inverse))
    yield (lambda slip: slip.octave(low, high)) if low > 0 else (lambda slip: slip.share(low, high))


def _exact(value: Any) -> Fraction:
    """The rational that a float is written as: 1e-4 is 1/10000."""
    return Fraction(str(value))


# ---- for problems of one's own
@st.composite
def spectra(draw: Callable[..., Any], max_dimension: int = 6, max_condition: Any = CONDITION) -> tuple[Fraction, ...]:
    """Eigenvalues of a positive definite matrix, the largest first; their quotients are at most `max_condition`. The simplest is (1,)."""
    largest = draw(numbers_in(*SIZE))
    shares = draw(st.lists(numbers_in(Fraction(1) / _exact(max_condition), 1), max_size=max_dimension - 1))
    return (largest, *sorted((share * largest for share in shares), reverse=True))


@st.composite
def noise(draw: Callable[..., Any], dimension: int = 1) -> Finite:
    """Laws of mean 0 of independent coordinates, for the draws of a problem: -a, 0 and b, with a, b and the probability of 0 rational.

    The simplest is -1 or 1 with equal probability; most are skewed, and where 0 is likely they have heavy tails.
    """
    below, above = draw(numbers_in(*SIZE)), draw(numbers_in(*SIZE))
    idle = draw(st.one_of(st.just(Fraction(0)), st.fractions(0, Fraction(9, 10), max_denominator=10)))
    moved = 1 - idle
    law = {-below: moved * above / (below + above), Fraction(0): idle, above: moved * below / (below + above)}
    kept = {value: chance for value, chance in law.items() if chance > 0}
    return Finite(tuple(kept), tuple(kept.values()), shape=(dimension,))


@st.composite
def starts(draw: Callable[..., Any], problem: Any, max_distance: Any = SIZE[1]) -> Start:
    """First points of a problem, at most `max_distance` from its minimiser in every coordinate (from its own first start, where no minimiser is known)."""
    known = minimum_of(problem)
    centre = np.asarray(problem.starts(np.random.default_rng(0))[0].point if known is None else known.at)
    apart = [draw(numbers_in(min(SIZE[0], _exact(max_distance)), max_distance)) * draw(st.sampled_from((1, -1))) for _ in range(centre.size)]
    moves = np.array(apart, dtype=object).reshape(centre.shape)
    return Start("drawn", centre + (moves if centre.dtype == object else moves.astype(float)))
