"""Which two models of the data make a cascade: named by the user, or chosen on the tuned half."""

import numpy as np

from tokonomics.economics.quality.cascade_curve import Array
from tokonomics.economics.quality.cascade_eval import Mask, TwoTier, threshold_curve
from tokonomics.economics.quality.router_eval import Pool
from tokonomics.economics.quality.routing_data import RoutingData
from tokonomics.errors import InputError


def best_model(pool: Pool) -> int:
    """The index of the model with the best mean score."""
    return int(pool.score_frac.mean(axis=0).argmax())


def choose_tiers(data: RoutingData, fit: Mask, weak: str, strong: str, level: float) -> tuple[int, int] | None:
    """The tiers of a cascade by index; None where no model has a confidence, so that a router is judged."""
    tuned = data.pool.part(fit)
    top = data.model_index(strong) if strong else best_model(tuned)
    if weak:
        index = data.model_index(weak)
        if not data.is_confident(index) or index == top:
            raise InputError(f"--weak {weak}: has no confidence that varies, or is the strong tier; choose another")
        return index, top
    costs = tuned.cost_usd.mean(axis=0)
    able = [i for i in range(len(tuned.names)) if i != top and costs[i] < costs[top] and data.is_confident(i)]
    if not able:
        return None
    return min(able, key=lambda index: _tuned_usd(data, fit, (index, top), level)), top


def _tuned_usd(data: RoutingData, fit: Mask, tiers: tuple[int, int], level: float) -> float:
    """What a cascade costs at a level on the tuned half, at its best threshold."""
    two = two_tier(data, tiers).part(fit)
    curve = threshold_curve(two)
    good = np.flatnonzero(curve.quality_frac >= level * float(two.strong_score_frac.mean()) - 1e-12)
    return float(curve.cost_usd[good].min()) if good.size else float("inf")


def two_tier(data: RoutingData, tiers: tuple[int, int]) -> TwoTier:
    """Scores, costs and confidence of two models of the data."""
    weak, strong = tiers
    return TwoTier.of(
        weak_score=data.pool.score_frac[:, weak],
        weak_cost_usd=data.pool.cost_usd[:, weak],
        strong_score=data.pool.score_frac[:, strong],
        strong_cost_usd=data.pool.cost_usd[:, strong],
        confidence=data.confidence_frac[:, weak],
    )


def with_confidence(two: TwoTier, confidence: Array) -> TwoTier:
    """The same queries with another confidence, of shape (queries,)."""
    return TwoTier.of(
        weak_score=two.weak_score_frac,
        weak_cost_usd=two.weak_cost_usd,
        strong_score=two.strong_score_frac,
        strong_cost_usd=two.strong_cost_usd,
        confidence=confidence,
    )
