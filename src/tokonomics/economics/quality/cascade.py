"""What a cascade of models costs when every tier that was tried is paid.

A request answered by tier k has also been tried, and paid, at tiers 1 to k-1. A predictive router chooses
one tier beforehand and pays only that. Costs are per million tokens delivered, so a tier that answers longer
requests weighs more than its share of requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import number_or_none, read_table
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.distillation import article_students, price_students
from tokonomics.units import MTOK

SHARES_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """One model of a cascade, the cheapest first.

    `share_frac` is the share of requests that this tier answers for good, `length_ratio` how long those
    requests are relative to each other. `sampling_ratio` is the tokens spent per token of answer to gain
    confidence (20 for twenty samples) and `verifier_usd_per_mtok` the price of judging an answer: both are
    paid at every attempt except at the last tier, whose answer stands. `floor_usd_per_month` is the least
    the tier costs while deployed.
    """

    name: str
    tier_usd_per_mtok: float
    share_frac: float
    quality_frac: float | None = None
    length_ratio: float = 1.0
    sampling_ratio: float = 1.0
    verifier_usd_per_mtok: float = 0.0
    floor_usd_per_month: float = 0.0

    def __post_init__(self) -> None:
        checks = Checks().non_negative(
            tier_usd_per_mtok=self.tier_usd_per_mtok,
            verifier_usd_per_mtok=self.verifier_usd_per_mtok,
            floor_usd_per_month=self.floor_usd_per_month,
        )
        checks.fraction(share_frac=self.share_frac, quality_frac=self.quality_frac)
        checks.positive(length_ratio=self.length_ratio).at_least(1.0, sampling_ratio=self.sampling_ratio).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class TierCost:
    """A tier inside a cascade, per million tokens delivered by the whole.

    `attempted_frac` and `answered_frac` are shares of requests; `attempted_tokens_frac` of delivered tokens.
    """

    name: str
    attempted_frac: float
    answered_frac: float
    attempted_tokens_frac: float
    model_usd_per_mtok: float
    verifier_usd_per_mtok: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeCost:
    """A cascade and its rivals, USD per million delivered tokens.

    `cascade_usd_per_mtok` pays every tier tried, `router_usd_per_mtok` one tier and the router;
    `escalation_usd_per_mtok` is the difference that escalation makes.
    """

    tiers: tuple[TierCost, ...]
    cascade_usd_per_mtok: float
    router_usd_per_mtok: float
    escalation_usd_per_mtok: float
    best_tier_ratio: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeMonth:
    """A month of a cascade, with the floor of every tier that is deployed; `idle_floor_usd` is paid for nothing."""

    volume_tokens_per_month: float
    usage_usd_per_month: float
    cascade_usd_per_month: float
    idle_floor_usd: float
    month_usd_per_mtok: float


def article_tiers(*, gpu_usd_per_hour: float) -> tuple[Tier, ...]:
    """The article's three tiers, each priced from its throughput at an hourly rate."""
    costs = {
        row.student.name: row.student_usd_per_mtok
        for row in price_students(article_students(), gpu_usd_per_hour=gpu_usd_per_hour)
    }
    return tuple(
        Tier(
            name=row["name"],
            tier_usd_per_mtok=costs[row["student"]],
            share_frac=float(row["share_frac"]),
            quality_frac=number_or_none(row["quality_frac"]),
        )
        for row in read_table("cascade_tiers")
    )


def cascade_cost(tiers: Sequence[Tier], *, router_usd_per_mtok: float = 0.0) -> CascadeCost:
    """Cost per million delivered tokens when an escalated request pays every tier tried.

    Source: the article, section 7, which forgets the lower tiers: 0.073 where its own shares give 0.086.

    >>> tiers = [Tier(name="1.5b", tier_usd_per_mtok=0.02, share_frac=0.6),
    ...          Tier(name="7b", tier_usd_per_mtok=0.05, share_frac=0.3),
    ...          Tier(name="70b", tier_usd_per_mtok=0.46, share_frac=0.1)]
    >>> cost = cascade_cost(tiers)
    >>> round(cost.cascade_usd_per_mtok, 3), round(cost.router_usd_per_mtok, 3)
    (0.086, 0.073)
    """
    check_tiers(tiers)
    Checks().non_negative(router_usd_per_mtok=router_usd_per_mtok).done()
    lines = tuple(_tier_cost(tiers, index) for index in range(len(tiers)))
    cascade = sum(line.model_usd_per_mtok + line.verifier_usd_per_mtok for line in lines)
    routed = sum(share * tier.tier_usd_per_mtok for share, tier in zip(_token_shares(tiers), tiers))
    best = tiers[-1].tier_usd_per_mtok
    return CascadeCost(
        tiers=lines,
        cascade_usd_per_mtok=cascade,
        router_usd_per_mtok=routed + router_usd_per_mtok,
        escalation_usd_per_mtok=cascade - routed,
        best_tier_ratio=best / cascade if cascade else 1.0,
    )


def cascade_month(tiers: Sequence[Tier], *, volume_tokens_per_month: float) -> CascadeMonth:
    """A month of a cascade: each tier costs its tokens or its floor, whichever is more."""
    Checks().positive(volume_tokens_per_month=volume_tokens_per_month).done()
    lines = cascade_cost(tiers).tiers
    month_mtok = volume_tokens_per_month / MTOK
    model = [line.model_usd_per_mtok * month_mtok for line in lines]
    verifier = sum(line.verifier_usd_per_mtok * month_mtok for line in lines)
    paid = [max(usd, tier.floor_usd_per_month) for usd, tier in zip(model, tiers)]
    total = sum(paid) + verifier
    return CascadeMonth(
        volume_tokens_per_month=volume_tokens_per_month,
        usage_usd_per_month=sum(model) + verifier,
        cascade_usd_per_month=total,
        idle_floor_usd=sum(paid) - sum(model),
        month_usd_per_mtok=total / month_mtok,
    )


def check_tiers(tiers: Sequence[Tier]) -> None:
    """Raise InputError unless there is a tier, names differ and the shares add up to 1."""
    total = sum(tier.share_frac for tier in tiers)
    checks = Checks().that(len(tiers) > 0, "a cascade of no tiers; give at least one")
    checks.that(
        not tiers or abs(total - 1.0) <= SHARES_TOLERANCE, f"shares add up to {total:.6g}; make them add up to 1"
    )
    checks.that(len({tier.name for tier in tiers}) == len(tiers), "two tiers share a name; rename one").done()


def _token_shares(tiers: Sequence[Tier]) -> list[float]:
    """The share of delivered tokens that each tier answers."""
    tokens = [tier.share_frac * tier.length_ratio for tier in tiers]
    total = sum(tokens)
    return [each / total for each in tokens]


def _tier_cost(tiers: Sequence[Tier], index: int) -> TierCost:
    tier, is_last = tiers[index], index == len(tiers) - 1
    attempted = sum(_token_shares(tiers)[index:])
    sampled = attempted if is_last else attempted * tier.sampling_ratio
    return TierCost(
        name=tier.name,
        attempted_frac=sum(each.share_frac for each in tiers[index:]),
        answered_frac=tier.share_frac,
        attempted_tokens_frac=attempted,
        model_usd_per_mtok=sampled * tier.tier_usd_per_mtok,
        verifier_usd_per_mtok=0.0 if is_last else attempted * tier.verifier_usd_per_mtok,
    )
