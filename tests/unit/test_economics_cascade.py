"""Cascades that pay every tier they try, their quality, and the rival of one cheaper model."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tokonomics.economics.quality.cascade import Tier, article_tiers, cascade_cost, cascade_month
from tokonomics.economics.quality.cascade_quality import (
    cascade_quality,
    cascade_verdict,
    hard_query_reach_frac,
    routing_needed_frac,
)
from tokonomics.errors import InputError, MissingFact

PRINTED = (
    Tier(name="1.5b", tier_usd_per_mtok=0.02, share_frac=0.6, quality_frac=0.60),
    Tier(name="7b", tier_usd_per_mtok=0.05, share_frac=0.3, quality_frac=0.78),
    Tier(name="70b", tier_usd_per_mtok=0.46, share_frac=0.1, quality_frac=1.00),
)


def test_escalation_is_paid() -> None:
    cost = cascade_cost(PRINTED)
    assert cost.cascade_usd_per_mtok == pytest.approx(0.086)
    assert cost.router_usd_per_mtok == pytest.approx(0.073)
    assert cost.escalation_usd_per_mtok == pytest.approx(0.013)
    assert cost.best_tier_ratio == pytest.approx(5.35, abs=0.005)
    assert [tier.attempted_frac for tier in cost.tiers] == pytest.approx([1.0, 0.4, 0.1])


def test_the_articles_tiers_priced_from_their_throughput() -> None:
    tiers = article_tiers(gpu_usd_per_hour=2.49)
    assert [tier.tier_usd_per_mtok for tier in tiers] == pytest.approx([0.02161, 0.04770, 0.45504], abs=1e-5)
    hard = (*tiers[:2], replace(tiers[2], length_ratio=5.0))
    cost = cascade_cost(hard)
    assert cost.cascade_usd_per_mtok == pytest.approx(0.211, abs=5e-4)
    assert cost.best_tier_ratio == pytest.approx(2.2, abs=0.05)
    awq = (*tiers[:2], replace(tiers[2], tier_usd_per_mtok=2.49 / (2800 * 3600) * 1e6))
    assert cascade_cost(awq).cascade_usd_per_mtok == pytest.approx(0.065, abs=5e-4)
    assert cascade_cost(awq).best_tier_ratio == pytest.approx(3.8, abs=0.05)


def test_samples_and_verifiers_are_paid_at_every_attempt_but_the_last() -> None:
    sampled = replace(PRINTED[0], sampling_ratio=20, verifier_usd_per_mtok=0.01)
    cost = cascade_cost((sampled, *PRINTED[1:]))
    assert cost.tiers[0].model_usd_per_mtok == pytest.approx(0.4)
    assert cost.tiers[0].verifier_usd_per_mtok == pytest.approx(0.01)
    last = replace(PRINTED[2], sampling_ratio=20, verifier_usd_per_mtok=9.0)
    assert cascade_cost((*PRINTED[:2], last)).cascade_usd_per_mtok == pytest.approx(0.086)


def test_a_router_pays_one_tier_and_itself() -> None:
    assert cascade_cost(PRINTED, router_usd_per_mtok=0.02).router_usd_per_mtok == pytest.approx(0.093)


def test_a_cascade_of_one_tier_is_that_tier() -> None:
    cost = cascade_cost([Tier(name="only", tier_usd_per_mtok=0.46, share_frac=1.0)])
    assert cost.cascade_usd_per_mtok == cost.router_usd_per_mtok == 0.46
    assert cost.escalation_usd_per_mtok == 0


def test_floors_bind_at_low_volume() -> None:
    floored = tuple(replace(tier, floor_usd_per_month=1800.0) for tier in PRINTED)
    small = cascade_month(floored, volume_tokens_per_month=300e6)
    assert small.cascade_usd_per_month == pytest.approx(5400)
    assert small.idle_floor_usd == pytest.approx(5400 - 0.086 * 300)
    assert small.month_usd_per_mtok == pytest.approx(18.0)
    large = cascade_month(floored, volume_tokens_per_month=1e12)
    assert large.cascade_usd_per_month == pytest.approx(0.086 * 1e6)
    assert large.idle_floor_usd == pytest.approx(0.0, abs=1e-6)


def test_quality_at_random_and_at_best() -> None:
    assert cascade_quality(PRINTED, routing_frac=0.0).blended_frac == pytest.approx(0.694)
    assert cascade_quality(PRINTED, routing_frac=1.0).blended_frac == pytest.approx(0.88)
    assert routing_needed_frac(PRINTED, target_quality_frac=0.95) is None
    assert routing_needed_frac(PRINTED, target_quality_frac=0.6) == 0
    needed = routing_needed_frac(PRINTED, target_quality_frac=0.85)
    assert needed is not None
    assert cascade_quality(PRINTED, routing_frac=needed).blended_frac == pytest.approx(0.85)


def test_perfect_routing_gives_a_weak_tier_what_nobody_can_answer() -> None:
    weak = Tier(name="weak", tier_usd_per_mtok=1, share_frac=0.8, quality_frac=0.2)
    strong = Tier(name="strong", tier_usd_per_mtok=2, share_frac=0.2, quality_frac=0.9)
    assert cascade_quality([weak, strong], routing_frac=1.0).blended_frac == pytest.approx(0.4)


def test_quality_needs_measured_tiers() -> None:
    with pytest.raises(MissingFact, match="70b has no measured quality"):
        cascade_quality((*PRINTED[:2], replace(PRINTED[2], quality_frac=None)), routing_frac=1.0)


def test_substitution_comes_first() -> None:
    verdict = cascade_verdict(PRINTED, routing_frac=0.5, min_quality_frac=0.75)
    assert verdict.substitute is not None
    assert verdict.substitute.name == "7b"
    assert verdict.winner is not None
    assert verdict.winner.name == "7b"
    assert verdict.credit_frac == pytest.approx(1 - 0.073 / 0.05)


def test_a_cascade_earns_credit_where_no_single_model_is_cheap_enough() -> None:
    verdict = cascade_verdict(PRINTED, routing_frac=1.0, min_quality_frac=0.85)
    assert verdict.substitute is not None
    assert verdict.substitute.name == "70b"
    assert verdict.credit_frac == pytest.approx(1 - 0.073 / 0.46)
    dear_router = cascade_verdict(PRINTED, routing_frac=1.0, min_quality_frac=0.85, router_usd_per_mtok=0.05)
    assert dear_router.winner is not None
    assert dear_router.winner.name == "cascade"


def test_apis_are_rivals_and_unmeasured_ones_are_never_adequate() -> None:
    verdict = cascade_verdict(
        PRINTED,
        routing_frac=0.0,
        min_quality_frac=0.9,
        apis_usd_per_mtok={"gpt-4o": 6.25, "mystery": 0.001},
        api_quality_frac={"gpt-4o": 1.0},
    )
    assert [rival.name for rival in verdict.adequate] == ["70b", "gpt-4o"]
    assert verdict.rivals[0].name == "mystery"
    assert verdict.credit_frac is None
    impossible = cascade_verdict(
        (*PRINTED[:2], replace(PRINTED[2], quality_frac=0.8)), routing_frac=0, min_quality_frac=0.99
    )
    assert impossible.winner is None


def test_hard_queries_that_reached_the_best_tier() -> None:
    hard = np.array([True, True, False, True])
    assert hard_query_reach_frac(hard, [2, 0, 2, 2], best_tier=2) == pytest.approx(2 / 3)
    assert hard_query_reach_frac([False, False], [0, 1], best_tier=2) is None
    with pytest.raises(InputError, match="one entry a query"):
        hard_query_reach_frac([True], [0, 1], best_tier=1)


def test_shares_must_add_up() -> None:
    with pytest.raises(InputError, match="add up to 1"):
        cascade_cost(PRINTED[:2])
    with pytest.raises(InputError, match="at least one"):
        cascade_cost([])
    with pytest.raises(InputError, match="share a name"):
        cascade_cost([replace(PRINTED[0], share_frac=0.5), replace(PRINTED[0], share_frac=0.5)])
    everything = [replace(tier, share_frac=share) for tier, share in zip(PRINTED, (0.0, 0.0, 1.0))]
    assert cascade_cost(everything).cascade_usd_per_mtok == pytest.approx(0.53)


def test_a_tier_names_every_bad_figure() -> None:
    with pytest.raises(InputError) as caught:
        Tier(name="x", tier_usd_per_mtok=-1, share_frac=math.nan, length_ratio=0, sampling_ratio=0.5)
    assert len(caught.value.violations) == 4
