"""From the words of a user to a cascade: tiers read, the blended cost, the quality, and one cheaper model first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Explanation, Term, unit_of
from tokonomics.economics.figures.inputs import AS_STATED, resolve_inputs, stated_term
from tokonomics.economics.quality.cascade import (
    CascadeCost,
    CascadeMonth,
    Tier,
    article_tiers,
    cascade_cost,
    cascade_month,
)
from tokonomics.economics.quality.cascade_quality import (
    CascadeQuality,
    CascadeVerdict,
    cascade_quality,
    cascade_verdict,
    routing_needed_frac,
)
from tokonomics.economics.quality.cascade_words import Block, Single, singles_of, tiers_of
from tokonomics.economics.quality.distillation import article_students, price_students
from tokonomics.errors import Infeasible
from tokonomics.units import HOURS_PER_MONTH

_MONTHS_TOKENS: Final = (1e8, 1e9, 1e10, 1e11)
_TABLE_SOURCE: Final = "table of the article s7, 2025-Q1"


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeQuestion:
    """What the user says. Blocks are tiers and single models by key; no tier means those of the article.

    `routing_frac` is the router's skill, 0 a coin and 1 perfect; `min_quality_frac` the bar (None: the quality that
    the cascade keeps).
    """

    gpu_usd_per_hour: float | None = None
    router_usd_per_mtok: float | None = None
    routing_frac: float | None = None
    min_quality_frac: float | None = None
    tiers: Sequence[Block] = ()
    singles: Sequence[Block] = ()
    volumes: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthRow:
    """A month of the cascade beside the same month of one model; `winner` is the cheaper name."""

    cascade: CascadeMonth
    single: str
    single_usd_per_month: float
    winner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeTold:
    """The answer. Without a quality for every tier, `quality` and `verdict` are None: a cost without a rival.

    `students` are the rows that the article's tiers come from; `skill_needed_frac` is the router skill that reaches the
    bar (None: no skill does, or no quality is known).
    """

    inputs: Mapping[str, Term]
    tiers: tuple[Tier, ...]
    singles: tuple[Single, ...]
    students: tuple[Single, ...]
    cost: CascadeCost
    quality: CascadeQuality | None
    bar_frac: float | None
    skill_needed_frac: float | None
    verdict: CascadeVerdict | None
    months: tuple[MonthRow, ...]
    is_article: bool

    def standing_of(self, name: str) -> str:
        """What physics says of a tier or a single model; empty where nothing is known against it."""
        twins = {one.name: one for one in self.tiers}
        wanted = twins.get(name)
        alike = (
            one.standing for one in self.students if one.name == name or (wanted is not None and _is_twin(one, wanted))
        )
        return next(alike, "")


def ask_cascade(question: CascadeQuestion) -> CascadeTold:
    """Price a cascade and set it against one cheaper model for everything.

    Raises: InputError with every violation; Infeasible when nothing reaches a stated bar.
    """
    inputs = _inputs(question)
    rate = float(inputs["gpu_usd_per_hour"].value) if not question.tiers else 0.0
    tiers = tiers_of(question.tiers) if question.tiers else _default_tiers(rate)
    students = () if question.tiers else _students(rate)
    singles = singles_of(question.singles) or tuple(
        one for one in students if not any(_is_twin(one, tier) for tier in tiers)
    )
    router_usd = float(inputs["router_usd_per_mtok"].value)
    cost = cascade_cost(tiers, router_usd_per_mtok=router_usd)
    quality = _quality(tiers, float(inputs["routing_frac"].value))
    bar = question.min_quality_frac
    if bar is None and quality is not None:
        bar = quality.blended_frac
    verdict = None
    if quality is not None and bar is not None:
        verdict = cascade_verdict(
            tiers,
            routing_frac=quality.routing_frac,
            min_quality_frac=bar,
            router_usd_per_mtok=router_usd,
            apis_usd_per_mtok={one.name: one.tier_usd_per_mtok for one in singles},
            api_quality_frac={one.name: one.quality_frac for one in singles if one.quality_frac is not None},
        )
        _check_reached(verdict, bar)
    return CascadeTold(
        inputs=inputs,
        tiers=tiers,
        singles=singles,
        students=students,
        cost=cost,
        quality=quality,
        bar_frac=bar,
        skill_needed_frac=routing_needed_frac(tiers, target_quality_frac=bar) if quality and bar is not None else None,
        verdict=verdict,
        months=_months(question, tiers, singles, verdict),
        is_article=not question.tiers,
    )


def explain_cascade(told: CascadeTold) -> Explanation:
    """The blended cost with the terms of every tier."""
    source = _TABLE_SOURCE if told.is_article else AS_STATED
    terms = list(told.inputs.values())
    for tier, line in zip(told.tiers, told.cost.tiers):
        values = {
            "share_frac": (tier.share_frac, "assumed", source),
            "tier_usd_per_mtok": (tier.tier_usd_per_mtok, "assumed", source),
            "attempted_tokens_frac": (
                line.attempted_tokens_frac,
                "modelled",
                "shares x lengths of this and later tiers",
            ),
            "paid_usd_per_mtok": (
                line.model_usd_per_mtok + line.verifier_usd_per_mtok,
                "modelled",
                "attempted x price",
            ),
        }
        for name, (value, status, where) in values.items():
            terms.append(Term(f"{tier.name}: {name}", value, unit_of(name), status, where))
    return Explanation(
        number="cascade_usd_per_mtok",
        option="cascade",
        value=told.cost.cascade_usd_per_mtok,
        unit="USD per M tokens",
        formula="sum over tiers of tokens that try it x (sampling x price + verifier)",
        terms=tuple(terms),
    )


def _inputs(question: CascadeQuestion) -> dict[str, Term]:
    checks = Checks().non_negative(router_usd_per_mtok=question.router_usd_per_mtok)
    checks.positive(gpu_usd_per_hour=question.gpu_usd_per_hour)
    checks.positive(**{f"tokens_per_month[{i}]": each for i, each in enumerate(question.volumes)})
    checks.fraction(routing_frac=question.routing_frac, min_quality_frac=question.min_quality_frac).done()
    names = [] if question.tiers else ["gpu_usd_per_hour"]  # stated tiers carry their own prices
    found = resolve_inputs("reference", {"gpu_usd_per_hour": question.gpu_usd_per_hour}, names)
    defaults = {
        "router_usd_per_mtok": (question.router_usd_per_mtok, 0.0, "none stated; a router costs something"),
        "routing_frac": (question.routing_frac, 1.0, "a perfect router, the most these shares allow"),
    }
    for name, (stated, default, why) in defaults.items():
        found[name] = (
            stated_term(name, stated) if stated is not None else Term(name, default, unit_of(name), "assumed", why)
        )
    return found


def _default_tiers(gpu_usd_per_hour: float) -> tuple[Tier, ...]:
    """The article's tiers, each on one accelerator that stays on: its price per token is that of a full one."""
    floor = gpu_usd_per_hour * HOURS_PER_MONTH
    return tuple(replace(tier, floor_usd_per_month=floor) for tier in article_tiers(gpu_usd_per_hour=gpu_usd_per_hour))


def _students(gpu_usd_per_hour: float) -> tuple[Single, ...]:
    """Every model of the article's table, each on one accelerator that stays on."""
    return tuple(
        Single(
            name=row.student.name,
            tier_usd_per_mtok=row.student_usd_per_mtok,
            quality_frac=row.student.quality_frac,
            floor_usd_per_month=gpu_usd_per_hour * HOURS_PER_MONTH,
            standing=row.student.status,
        )
        for row in price_students(article_students(), gpu_usd_per_hour=gpu_usd_per_hour)
    )


def _is_twin(one: Single, tier: Tier) -> bool:
    """Whether a single model is the model of a tier: the same price and quality."""
    return (one.tier_usd_per_mtok, one.quality_frac) == (tier.tier_usd_per_mtok, tier.quality_frac)


def _quality(tiers: Sequence[Tier], routing_frac: float) -> CascadeQuality | None:
    """The quality of a cascade, where every tier has one."""
    if any(tier.quality_frac is None for tier in tiers):
        return None
    return cascade_quality(tiers, routing_frac=routing_frac)


def _check_reached(verdict: CascadeVerdict, bar_frac: float) -> None:
    if not verdict.adequate:
        best = max((one.quality_frac for one in verdict.rivals if one.quality_frac is not None), default=0.0)
        raise Infeasible(
            f"nothing reaches --min-quality={bar_frac:g}; the best reaches {best:.3g}; lower the bar, or name a"
            " better model with --single"
        )


def _months(
    question: CascadeQuestion, tiers: tuple[Tier, ...], singles: Sequence[Single], verdict: CascadeVerdict | None
) -> tuple[MonthRow, ...]:
    """Months of the cascade beside the substitute; without one, beside the last tier alone."""
    if not question.volumes and not any(tier.floor_usd_per_month for tier in tiers):
        return ()
    alone = {tier.name: (tier.tier_usd_per_mtok, tier.floor_usd_per_month) for tier in tiers}
    alone |= {one.name: (one.tier_usd_per_mtok, one.floor_usd_per_month) for one in singles}
    name = verdict.substitute.name if verdict and verdict.substitute else tiers[-1].name
    usd, floor = alone[name]
    one = Tier(name=name, tier_usd_per_mtok=usd, share_frac=1.0, floor_usd_per_month=floor)
    return tuple(_month(tiers, one, volume) for volume in question.volumes or _MONTHS_TOKENS)


def _month(tiers: tuple[Tier, ...], one: Tier, volume: float) -> MonthRow:
    cascade = cascade_month(tiers, volume_tokens_per_month=volume)
    single = cascade_month((one,), volume_tokens_per_month=volume).cascade_usd_per_month
    cheaper = cascade.cascade_usd_per_month < single
    return MonthRow(
        cascade=cascade, single=one.name, single_usd_per_month=single, winner="cascade" if cheaper else one.name
    )
