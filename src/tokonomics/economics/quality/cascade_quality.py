"""What quality a cascade keeps, and whether it beats the simplest rival: one cheaper model for everything.

Ability is taken as nested: what a tier answers well, every later tier answers well too. Then random routing
keeps the mean of the tier qualities, and perfect routing, for the same shares, keeps the most that those
shares allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.quality.cascade import Tier, cascade_cost, check_tiers
from tokonomics.errors import InputError, MissingFact


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeQuality:
    """Quality under random, actual and perfect routing.

    `routing_frac` is the skill of the router: 0 is a coin, 1 knows every answer in advance.
    """

    random_frac: float
    perfect_frac: float
    routing_frac: float
    blended_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rival:
    """One way to answer every request: its price and its quality (None: not measured)."""

    name: str
    kind: str
    rival_usd_per_mtok: float
    quality_frac: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeVerdict:
    """All ways in order of price, those that reach the bar, and what is left to the cascade's credit.

    `substitute` is the cheapest single model that reaches the bar. `credit_frac` is what the cheaper of
    cascade and router saves beyond it: negative where swapping one model is better, None where either side
    is missing.
    """

    rivals: tuple[Rival, ...]
    adequate: tuple[Rival, ...]
    substitute: Rival | None
    winner: Rival | None
    credit_frac: float | None


def cascade_quality(tiers: Sequence[Tier], *, routing_frac: float) -> CascadeQuality:
    """Quality of a cascade whose router has a given skill.

    Source: the article, section 7, states about 95 %: its shares keep 69.4 % at random, and 88 % at best.

    Raises: MissingFact when a tier has no measured quality.

    >>> tiers = [Tier(name="a", tier_usd_per_mtok=0.02, share_frac=0.6, quality_frac=0.60),
    ...          Tier(name="b", tier_usd_per_mtok=0.05, share_frac=0.3, quality_frac=0.78),
    ...          Tier(name="c", tier_usd_per_mtok=0.46, share_frac=0.1, quality_frac=1.00)]
    >>> quality = cascade_quality(tiers, routing_frac=0.5)
    >>> round(quality.random_frac, 3), round(quality.perfect_frac, 3)
    (0.694, 0.88)
    """
    check_tiers(tiers)
    Checks().fraction(routing_frac=routing_frac).done()
    abilities = [_ability(tier) for tier in tiers]
    random = sum(tier.share_frac * ability for tier, ability in zip(tiers, abilities))
    perfect = _perfect(tiers, abilities)
    return CascadeQuality(
        random_frac=random,
        perfect_frac=perfect,
        routing_frac=routing_frac,
        blended_frac=random + routing_frac * (perfect - random),
    )


def routing_needed_frac(tiers: Sequence[Tier], *, target_quality_frac: float) -> float | None:
    """The router skill at which a cascade reaches a quality; None where its shares do not allow it."""
    quality = cascade_quality(tiers, routing_frac=0.0)
    Checks().fraction(target_quality_frac=target_quality_frac).done()
    if target_quality_frac <= quality.random_frac:
        return 0.0
    if target_quality_frac > quality.perfect_frac + 1e-12:
        return None
    return (target_quality_frac - quality.random_frac) / (quality.perfect_frac - quality.random_frac)


def cascade_verdict(
    tiers: Sequence[Tier],
    *,
    routing_frac: float,
    min_quality_frac: float,
    router_usd_per_mtok: float = 0.0,
    apis_usd_per_mtok: Mapping[str, float] | None = None,
    api_quality_frac: Mapping[str, float] | None = None,
) -> CascadeVerdict:
    """Rank single models, router and cascade by price, and credit the cascade only with what it adds."""
    Checks().fraction(min_quality_frac=min_quality_frac).done()
    quality = cascade_quality(tiers, routing_frac=routing_frac).blended_frac
    cost = cascade_cost(tiers, router_usd_per_mtok=router_usd_per_mtok)
    mixed = [
        Rival(name="cascade", kind="cascade", rival_usd_per_mtok=cost.cascade_usd_per_mtok, quality_frac=quality),
        Rival(name="router", kind="router", rival_usd_per_mtok=cost.router_usd_per_mtok, quality_frac=quality),
    ]
    single = [
        Rival(name=tier.name, kind="single", rival_usd_per_mtok=tier.tier_usd_per_mtok, quality_frac=tier.quality_frac)
        for tier in tiers
    ]
    apis = [
        Rival(name=name, kind="api", rival_usd_per_mtok=usd, quality_frac=(api_quality_frac or {}).get(name))
        for name, usd in (apis_usd_per_mtok or {}).items()
    ]
    rivals = tuple(sorted([*single, *apis, *mixed], key=lambda rival: (rival.rival_usd_per_mtok, rival.name)))
    return _judge(rivals, min_quality_frac)


def hard_query_reach_frac(is_hard: ArrayLike, answered_by: ArrayLike, *, best_tier: int) -> float | None:
    """The share of hard queries that the best tier answered, from a router's log; None where none was hard.

    `is_hard` (bool) and `answered_by` (index of a tier) have one entry a query.
    """
    hard, tiers = np.asarray(is_hard, dtype=bool), np.asarray(answered_by)
    if hard.shape != tiers.shape or hard.ndim != 1:
        raise InputError(f"is_hard has shape {hard.shape}, answered_by {tiers.shape}; give one entry a query")
    return float(np.mean(tiers[hard] == best_tier)) if hard.any() else None


def _judge(rivals: tuple[Rival, ...], min_quality_frac: float) -> CascadeVerdict:
    adequate = tuple(
        rival for rival in rivals if rival.quality_frac is not None and rival.quality_frac >= min_quality_frac - 1e-12
    )
    substitute = next((rival for rival in adequate if rival.kind in ("single", "api")), None)
    mixed = next((rival for rival in adequate if rival.kind in ("cascade", "router")), None)
    credit = None
    if substitute is not None and mixed is not None and substitute.rival_usd_per_mtok > 0:
        credit = 1.0 - mixed.rival_usd_per_mtok / substitute.rival_usd_per_mtok
    return CascadeVerdict(
        rivals=rivals,
        adequate=adequate,
        substitute=substitute,
        winner=adequate[0] if adequate else None,
        credit_frac=credit,
    )


def _ability(tier: Tier) -> float:
    if tier.quality_frac is None:
        raise MissingFact(f"tier {tier.name} has no measured quality; give its quality_frac")
    return tier.quality_frac


def _perfect(tiers: Sequence[Tier], abilities: Sequence[float]) -> float:
    """The most that the shares allow: a tier and all weaker ones together answer no more than its ability."""
    kept = 0.0
    for ability, share in sorted((ability, tier.share_frac) for tier, ability in zip(tiers, abilities)):
        kept = min(kept + share, ability)
    return kept
