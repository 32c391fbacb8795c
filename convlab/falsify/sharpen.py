"""`sharpen`: how far a theorem could be bettered. For each part of its bound the smallest constant, for each tunable the largest value, the fastest rate in k."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from convlab.catalogue import theorem as of_id
from convlab.errors import BadInput
from convlab.falsify.grounds import Ground, is_size
from convlab.falsify.instances import document_of
from convlab.falsify.search import Clock, Score, fitting
from convlab.falsify.sharpen_factors import factor_of, increases, only
from convlab.falsify.sharpen_known import Known, known
from convlab.falsify.sharpen_powers import powers
from convlab.falsify.sharpen_rates import HORIZONS, contraction, horizons
from convlab.falsify.sharpen_search import CLOSE, Field, Found, best_known, better, fields_of, hunted, proposed
from convlab.falsify.sharpen_steps import reach
from convlab.falsify.sharpen_terms import Part, parts_of
from convlab.falsify.sharpness import limited
from convlab.judge.operator import judge_operator
from convlab.judge.verdict import Skipped, Verdict, jsonable, short
from convlab.judge.words import named
from convlab.problem import Family, installed_families
from convlab.run.orders import Kind, Order, order_of_formula
from convlab.run.settings import Settings
from convlab.symbols import M0, K, k
from convlab.theorem import FalseClaim, Law, OperatorConstant, RateBound, Relation, Source, Theorem

STEPS = 16                 # updates of a run in the search for factors; the worst k among them counts
LATE = 32                  # the k from which on a factor is called late
NEWS = 0.01                # relative: a factor that is smaller by less at late k, or at the default, is not told apart
TIGHT = 1e-3               # relative: what a search may miss of an optimum that is approached in a limit only
SHARES = {"known": 0.25, "constants": 0.5, "default": 0.6, "rates": 0.72, "steps": 0.86, "powers": 1.0}      # of a claim's time, where each part of the work ends


@dataclass(frozen=True)
class Row:
    """One quantity of one claim: what is claimed, what is the least that is not refuted, and the instance that allows no less.

    `quantity` is constant (times the claimed one), default constant (at the default parameters alone), late constant (at large k alone), step (times its limit),
    exponent (p of k^-p), contraction (a step) or iterations (a power in the iterations to accuracy). `claimed` and `smallest` are in these units; `smallest` is
    None where the budget was used up before anything was tried.
    """

    theorem: str
    claim: str
    quantity: str
    term: str
    claimed: Any
    smallest: Any
    told: str                                  # the finding in words
    problem: str = ""
    start: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    k: int | None = None
    judged_by: Source | None = None
    instance: Mapping[str, Any] | None = None  # as `convlab check ID --instance FILE` reads it
    note: str = ""
    finished: bool = True                      # whether every search behind it ended by itself, not by the budget

    @property
    def tight(self) -> bool:
        """Whether nothing better stands, to the digits that are told."""
        return self.smallest is not None and bool(abs(float(self.smallest) - float(self.claimed)) <= TIGHT * abs(float(self.claimed)))

    def to_json(self) -> dict[str, Any]:
        """The item of `results` in `convlab sharpen --json`."""
        return {"theorem": self.theorem, "claim": self.claim, "quantity": self.quantity, "term": self.term, "claimed": jsonable(self.claimed),
                "smallest": jsonable(self.smallest), "told": self.told, "problem": self.problem, "start": self.start, "parameters": jsonable(self.parameters),
                "constants": jsonable(self.constants), "k": self.k, "judged_by": None if self.judged_by is None else self.judged_by.value,
                "instance": None if self.instance is None else dict(self.instance), "note": self.note, "finished": self.finished}


@dataclass(frozen=True)
class Sharpening:
    """The table, the claims of which nothing is told, with the reason, and the problems that the budget left unrun."""

    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Results and skips, as in `convlab sharpen --json`."""
        return {"results": [row.to_json() for row in self.rows], "skipped": [skip.to_json() for skip in self.skipped]}

    def __str__(self) -> str:
        return "\n".join(f"{row.theorem}:{row.claim}: {row.quantity} of {row.term}: {row.told}" for row in self.rows) or "nothing was judged"


def sharpen(theorem: Theorem | str, *, budget: float = 30.0, seed: int = 0, families: Mapping[str, Family] | None = None) -> Sharpening:
    """How far every bound of a theorem could be bettered; `budget` is in seconds, shared by the claims. Raises BadInput for one that is not positive.

    Only exact runs are read (deterministic, exact moments, enumerations, rationals): samples certify no constant.
    """
    theorem = of_id(theorem) if isinstance(theorem, str) else theorem
    if not 0 < budget < float("inf"):
        raise BadInput(f"--budget {budget:g}: sharpening needs a positive number of seconds.")
    families = installed_families() if families is None else families
    clock, rows, skipped = Clock(budget), [], []
    for number, claim in enumerate(theorem.claims):
        share = max(0.0, clock.left) / (len(theorem.claims) - number)
        reason = why_not(claim)
        if reason or not isinstance(claim, (RateBound, OperatorConstant)):
            skipped.append(Skipped(theorem.id, claim.name, "", reason))
            continue
        found, left = _operator(theorem.id, claim, seed) if isinstance(claim, OperatorConstant) else _Work(theorem.id, claim, families, seed, share, Clock(share)).done()
        rows += found
        if not found:
            left = [*left, Skipped(theorem.id, claim.name, "", "no exact run of a matching problem tells anything of it, within this budget")]
        skipped += left
    return Sharpening(tuple(rows), tuple(skipped))


def why_not(claim: Any) -> str:
    """Why nothing can be sharpened, in words; empty where something can."""
    if isinstance(claim, FalseClaim):
        return "it is declared false: nothing of it is to be bettered"
    if not isinstance(claim, (RateBound, OperatorConstant)):
        return f"claims of the kind {type(claim).__name__} have no constant that could be smaller"
    if claim.relation is Relation.EQUAL:
        return "it is an equality: nothing of it can be bettered"
    if claim.relation not in (Relation.AT_MOST, Relation.AT_LEAST):
        return "it claims an order without a constant"
    if claim.law is Law.HIGH_PROBABILITY:
        return "how often it fails is judged by samples, which certify no constant"
    return ""


def _operator(title: str, claim: OperatorConstant, seed: int) -> tuple[list[Row], list[Skipped]]:
    """The constant of an operator: the largest error over scale that the judge's own search finds."""
    judged = list(judge_operator(title, claim, Settings(seed=seed)))
    verdicts = [v for v in judged if isinstance(v, Verdict) and v.worst_ratio is not None]
    if not verdicts:
        return [], [item for item in judged if isinstance(item, Skipped)]
    worst = max(verdicts, key=lambda v: float(v.worst_ratio))
    smallest = worst.worst_ratio if claim.relation is Relation.AT_MOST else 1 / worst.worst_ratio
    return [Row(title, claim.name, "constant", str(claim.bound), 1, smallest, _of_factor(smallest, claim.relation), worst.problem, parameters=worst.parameters,
                judged_by=worst.judged_by, note=worst.note)], []


@dataclass(frozen=True)
class _Work:
    """One rate bound and what its rows need."""

    title: str
    claim: RateBound
    families: Mapping[str, Family]
    seed: int
    seconds: float
    clock: Clock

    def until(self, phase: str) -> Clock:
        """What is left of a phase."""
        return Clock(max(0.0, SHARES[phase] * self.seconds - (self.seconds - self.clock.left)))

    def done(self) -> tuple[list[Row], list[Skipped]]:
        """All rows of the claim, and the problems that were not run."""
        ks = HORIZONS if self.claim.grid.step == 1 and not self.claim.grid.horizons else ()
        samples = known(self.title, self.claim, self.families, Settings(seed=self.seed), self.until("known"), ks)
        fields = fields_of(self.claim, self.grounds())
        rows, scores = self.constants(samples, fields)
        if rows and self.claim.relation is Relation.AT_MOST and float(rows[0].smallest) <= 1 + CLOSE:
            rows += [*self.rates(samples, fields), *self.steps(samples, scores), *self.powers(samples, fields)]
        return rows, [Skipped(self.title, self.claim.name, name, reason) for name, reason in samples.left]

    def grounds(self) -> Sequence[Ground]:
        """Where to search: nowhere for a claim about one instance."""
        return [] if self.claim.on else fitting(self.claim, self.families)

    # ---- constants
    def parts(self, samples: Known) -> list[Part]:
        """The parts of the bound that can be multiplied."""
        every = [e for sample in samples.samples for e in sample.evidence]
        found = parts_of(self.claim.bound) if self.claim.relation is Relation.AT_MOST else parts_of(self.claim.bound)[:1]
        return [part for part in found if increases(part, self.claim, every)]

    def constants(self, samples: Known, fields: Sequence[Field]) -> tuple[list[Row], tuple[Score, ...]]:
        """Rows for the whole and each part, over all k >= 1 and late; the scores of the whole."""
        rows: list[Row] = []
        kept: tuple[Score, ...] = ()
        clock, parts = self.until("constants"), self.parts(samples)
        late = self.late(samples)
        for number, part in enumerate(parts):
            share = Clock(max(0.0, clock.left) / (len(parts) - number))
            found, scores, finished = self.best(part, samples, fields, Clock(share.left / 2), first=1, steps=STEPS)
            kept = kept or scores
            if found is None:
                continue
            rows.append(self.constant_row(part, found, finished))
            if late > 1 and 0 < float(found.value) <= 1 + CLOSE:
                again, _, ended = self.best(part, samples, fields, share, first=late, steps=2 * late)
                if again is not None and float(again.value) < float(found.value) * (1 - NEWS):
                    rows.append(self.constant_row(part, again, ended, late))
        if rows and parts[0].name == rows[0].term:
            rows[1:1] = self.at_default(parts[0], float(rows[0].smallest), fields)
        return rows, kept

    def at_default(self, whole: Part, anywhere: float, fields: Sequence[Field]) -> list[Row]:
        """The whole at the default parameters alone: where a step goes to 0 nothing moves, and most bounds are attained there for no reason of interest."""
        fixed = [sp.Eq(t, value) for t, value in self.claim.defaults.items() if not is_size(t)]
        if self.claim.relation is not Relation.AT_MOST or not fixed or self.claim.on or not 0 < anywhere <= 1 + CLOSE:
            return []
        there = replace(self, claim=replace(self.claim, condition=sp.And(self.claim.condition, *fixed)))
        samples = known(self.title, there.claim, self.families, Settings(seed=self.seed), self.until("default"))
        found, _, finished = there.best(whole, samples, fields, self.until("default"), first=1, steps=STEPS)
        news = found is not None and (finished or found.value > 0) and float(found.value) < anywhere * (1 - NEWS)
        return [replace(there.constant_row(whole, found, finished), quantity="default constant")] if found is not None and news else []

    def best(self, part: Part, samples: Known, fields: Sequence[Field], clock: Clock, first: int, steps: int) -> tuple[Found | None, tuple[Score, ...], bool]:
        """The largest factor needed at k >= first: of the runs that are there, then of a search. Nothing is searched for where the bound is attained already."""
        objective = only(factor_of(part), lambda seen: seen >= first)
        found = best_known(objective, self.claim, samples)
        attained = found is not None and float(found.value) >= 1 - CLOSE
        scores, finished = hunted(objective, self.claim, fields, self.seed, clock, steps) if not attained or first == 1 else ((), True)
        return better(found, proposed(objective, self.claim, scores, steps)), scores, finished or attained

    def late(self, samples: Known) -> int:
        """From which k on a factor is late: LATE, or half of the longest run."""
        longest = max((int(e.result.k[-1]) for sample in samples.samples for e in sample.evidence), default=0)
        return 0 if self.claim.grid.horizons else min(LATE, longest // 2)

    def constant_row(self, part: Part, found: Found, finished: bool, late: int = 0) -> Row:
        """One row of factors."""
        smallest = found.value if self.claim.relation is Relation.AT_MOST or not found.value else 1 / found.value
        told = _of_factor(smallest, self.claim.relation) + (f" at k >= {late}" if late else "")
        if not finished and not found.value:                # a search that was cut short and found nothing says nothing
            smallest, told = None, "not tried: the budget was used up"
        return self.row("late constant" if late else "constant", part.name, 1, smallest, told, found, finished)

    # ---- rates
    def rates(self, samples: Known, fields: Sequence[Field]) -> Iterator[Row]:
        """The fastest rate of each additive part."""
        clock = self.until("rates")
        parts = [part for part in self.parts(samples) if part.value is not None and part.rest == 0]
        parts = parts[1:] or parts
        orders = [(part, self.order(part, samples)) for part in parts]
        told = [(part, order) for part, order in orders if order is not None and order.kind in (Kind.LINEAR, Kind.SUBLINEAR) and order.stretch is None]
        for number, (part, order) in enumerate(told):
            yield from self.rate(part, order, samples, fields, Clock(max(0.0, clock.left) / (len(told) - number)))

    def order(self, part: Part, samples: Known) -> Order | None:
        """What the part does as k grows, at the first case that was run."""
        settings = [s for sample in samples.samples for e in sample.evidence for s in e.settings if e.batch is not None]
        if self.claim.grid.step != 1 or not settings or part.value.free_symbols - {k, K, M0} - set(settings[0].values):
            return None
        return order_of_formula(part.value, {M0: 1, **settings[0].values})

    def rate(self, part: Part, order: Order, samples: Known, fields: Sequence[Field], clock: Clock) -> Iterable[Row]:
        """A row, or none where the runs do not tell."""
        if order.kind is Kind.LINEAR:
            found = contraction(part, self.claim, samples, fields, self.seed, clock) if not self.claim.grid.horizons else None
            if found is not None:
                told = "no faster factor stands" if found.power == 1 else f"its power {found.power:.3g} is not refuted"
                yield self.row("contraction", part.name, found.claimed, found.smallest, told, found.found, found.finished)
            return
        across = horizons(part, self.claim, samples, fields, self.seed, clock)
        if across is not None:
            claimed = float(order.exponent or 0)
            factors = ", ".join(f"{float(f.value):.3g} at k = {at}" for at, f in across.worst)
            told = "no faster power stands" if across.faster == 0 else f"falling like k^-{claimed + across.faster:.3g} is not refuted"
            yield self.row("exponent", part.name, claimed, claimed + across.faster, told, across.worst[-1][1], across.finished, f"worst factors {factors}")

    # ---- steps
    def steps(self, samples: Known, scores: Sequence[Score]) -> Iterator[Row]:
        """The largest value of each tunable that has an upper limit, where its grounds can be searched."""
        settings = [s for sample in samples.samples for e in sample.evidence for s in e.settings]
        tunables = limited(self.claim, settings[0]) if scores and settings else []
        for number, tunable in enumerate(tunables):
            clock = Clock(max(0.0, self.until("steps").left) / (len(tunables) - number))
            found = reach(self.claim, tunable, scores, self.seed, clock)
            if found.worst is None or found.fails is None:
                tried = found.stands > 1
                told = f"not refuted up to {digits(found.stands)} times its limit" if tried else "not tried: the budget was used up"
                yield Row(self.title, self.claim.name, "step", f"largest {tunable}", 1, found.stands if tried else None, told, finished=found.finished)
                continue
            told = f"fails at {digits(found.fails)} times its limit"
            told = told if found.stands == 1 else f"not refuted up to {digits(found.stands)} times its limit, {told}"
            spot, worst = found.worst.spot, found.worst
            document = document_of(self.title, self.claim.name, worst.choice.ground.told(worst.choice.numbers), worst.setting, spot.k, outside=True)
            yield Row(self.title, self.claim.name, "step", f"largest {tunable}", 1, found.stands, told, worst.choice.ground.name, worst.setting.start.name,
                      named(worst.setting.point), named(worst.setting.constants), spot.k, worst.source, document, worst.reason, found.finished)

    # ---- powers
    def powers(self, samples: Known, fields: Sequence[Field]) -> Iterator[Row]:
        """How the iterations to accuracy grow with each constant, where a bound in k alone says so too."""
        whole = self.parts(samples)[0]
        if whole.value is None or self.claim.grid.step != 1 or self.claim.grid.horizons or self.claim.reads:
            return
        order = self.order(whole, samples)
        for found in powers(self.claim, fields, self.seed, self.until("powers"), order is not None and order.kind is Kind.SUBLINEAR):
            xs = [x for x, *_ in found.points]
            told = f"grow like {found.name}^{found.fitted:.2f} over {len(xs)} values from {xs[0]:.3g} to {xs[-1]:.3g}; by the bound like ^{found.claimed:.2f}"
            readings = ", ".join(f"{measured:g} of {by_bound:g} at {x:.3g}" for x, by_bound, measured in found.points)
            document = document_of(self.title, self.claim.name, found.told, found.setting, int(found.points[-1][2]))
            yield Row(self.title, self.claim.name, "iterations", found.name, round(found.claimed, 4), round(found.fitted, 4), told, found.setting.name,
                      found.setting.start.name, named(found.setting.point), named(found.setting.constants), int(found.points[-1][2]), found.source, document,
                      f"iterations: {readings}")

    def row(self, quantity: str, term: str, claimed: Any, smallest: Any, told: str, found: Found, finished: bool, note: str = "") -> Row:
        """A row on the place that was found."""
        setting = found.setting
        document = None if found.told is None else document_of(self.title, self.claim.name, found.told, setting, found.top.k)
        return Row(self.title, self.claim.name, quantity, term, claimed, smallest, told, found.name, setting.start.name, named(setting.point),
                   named(setting.constants), found.top.k, found.source, document, note, finished)


def _of_factor(smallest: Any, relation: Relation) -> str:
    """The sentence of a factor."""
    value = float(smallest)
    if relation is Relation.AT_LEAST:
        return "attained: no larger one stands" if abs(value - 1) <= CLOSE else f"not refuted up to {short(value)} times"
    if value > 1 + CLOSE:
        return f"refuted: it would have to be {short(value)} times as large"
    if value == 0:
        return "never needed: the rest of the bound is enough"
    return "attained: no smaller one stands" if value >= 1 - CLOSE else f"not refuted down to {digits(value)} times"


def digits(value: Any) -> str:
    """Four digits; six close to 1, where the distance from it matters."""
    return f"{float(value):.6g}" if abs(float(value) - 1) < 1e-3 else f"{float(value):.4g}"
