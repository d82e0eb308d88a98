"""Cascades judged on queries they were not tuned on."""

import math

import numpy as np
import pytest

from tokonomics.economics.quality.cascade_curve import cost_at_quality_usd_per_request, hull_area_frac, upper_hull
from tokonomics.economics.quality.cascade_eval import (
    TwoTier,
    choose_threshold_frac,
    evaluate_cascade,
    judge_threshold,
    split_halves,
    threshold_curve,
)
from tokonomics.economics.quality.gap_recovery import (
    auroc_frac,
    escalated_for_quality_frac,
    gap_recovery,
    oracle_for_quality_frac,
    random_for_quality_frac,
)
from tokonomics.errors import InputError

DATA = TwoTier.of(
    weak_score=[1, 0, 1, 0],
    weak_cost_usd=1.0,
    strong_score=[1, 1, 0, 1],
    strong_cost_usd=10.0,
    confidence=[0.9, 0.2, 0.8, 0.5],
)


def test_hull_drops_dominated_and_interior_points() -> None:
    hull = upper_hull([1, 2, 3, 4, 2.5], [0.4, 0.5, 0.8, 0.7, 0.6])
    assert hull.cost_usd.tolist() == [1, 3]
    assert hull.quality_frac.tolist() == [0.4, 0.8]


def test_hull_of_equal_costs_keeps_the_best() -> None:
    hull = upper_hull([1, 1, 1], [0.2, 0.9, 0.5])
    assert (hull.cost_usd.tolist(), hull.quality_frac.tolist()) == ([1], [0.9])


def test_area_over_a_range() -> None:
    hull = upper_hull([1.0, 3.0], [0.5, 0.9])
    assert hull_area_frac(hull, span_usd_per_request=(1.0, 3.0)) == pytest.approx(0.7)
    assert hull_area_frac(hull, span_usd_per_request=(3.0, 9.0)) == pytest.approx(0.9)
    assert hull_area_frac(hull, span_usd_per_request=(0.0, 1.0)) == pytest.approx(0.5)
    with pytest.raises(InputError, match="the lower first"):
        hull_area_frac(hull, span_usd_per_request=(3.0, 1.0))


def test_cost_at_quality_interpolates_or_refuses() -> None:
    hull = upper_hull([1.0, 3.0], [0.5, 0.9])
    assert cost_at_quality_usd_per_request(hull, target_frac=0.1) == 1.0
    assert cost_at_quality_usd_per_request(hull, target_frac=0.8) == pytest.approx(2.5)
    assert cost_at_quality_usd_per_request(hull, target_frac=0.95) is None


def test_every_threshold() -> None:
    curve = threshold_curve(DATA)
    assert curve.escalated_frac.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert curve.quality_frac.tolist() == [0.5, 0.75, 1.0, 0.75, 0.75]
    assert curve.cost_usd.tolist() == [1, 3.5, 6, 8.5, 11]
    assert curve.threshold_frac.tolist() == [0.2, 0.5, 0.8, 0.9, math.inf]


def test_ties_escalate_together() -> None:
    data = TwoTier.of(
        weak_score=[0, 1, 0], weak_cost_usd=0, strong_score=[1, 1, 1], strong_cost_usd=1, confidence=[0.5, 0.5, 0.9]
    )
    assert threshold_curve(data).escalated_frac.tolist() == pytest.approx([0, 2 / 3, 1])


def test_a_threshold_is_chosen_for_quality_and_judged() -> None:
    assert choose_threshold_frac(DATA, target_frac=0.75) == 0.5
    assert choose_threshold_frac(DATA, target_frac=1.0) == 0.8
    judged = judge_threshold(DATA, threshold_frac=0.8)
    assert judged.escalated_frac == 0.5
    assert judged.quality_frac == 1.0
    assert judged.cost_usd_per_request == 6.0
    assert judged.oracle_quality_frac == 1.0
    assert judged.oracle_usd_per_request == 6.0
    assert judged.saving_vs_strong_frac == pytest.approx(0.4)
    assert judged.random_usd_per_request == pytest.approx(10.0)


def test_a_cascade_pays_both_tiers_so_it_can_lose_to_the_strong_model() -> None:
    everything = judge_threshold(DATA, threshold_frac=math.inf)
    assert everything.cost_usd_per_request == 11.0
    assert everything.saving_vs_strong_frac == pytest.approx(-0.1)


def test_unreachable_quality_escalates_all() -> None:
    data = TwoTier.of(weak_score=[0, 0], weak_cost_usd=1, strong_score=[1, 0], strong_cost_usd=2, confidence=[0.1, 0.2])
    assert choose_threshold_frac(data, target_frac=0.9) == math.inf


def test_the_judged_half_is_never_tuned_on() -> None:
    rng = np.random.default_rng(3)
    fit = split_halves(400, rng)
    assert fit.sum() == 200
    confidence = rng.random(400)
    weak = (rng.random(400) < confidence).astype(float)
    strong = (rng.random(400) < 0.9).astype(float)
    data = TwoTier.of(
        weak_score=weak, weak_cost_usd=0.1, strong_score=strong, strong_cost_usd=1.0, confidence=confidence
    )
    result = evaluate_cascade(data, fit=fit, of_strong_frac=0.95)
    altered = TwoTier.of(
        weak_score=np.where(fit, weak, 1 - weak),
        weak_cost_usd=0.1,
        strong_score=np.where(fit, strong, 1 - strong),
        strong_cost_usd=1.0,
        confidence=confidence,
    )
    assert evaluate_cascade(altered, fit=fit, of_strong_frac=0.95).threshold_frac == result.threshold_frac
    assert result.strong_quality_frac == pytest.approx(strong[~fit].mean())
    assert result.saving_vs_random_frac is not None


def test_equal_models_have_no_random_mix() -> None:
    data = TwoTier.of(weak_score=[1, 0], weak_cost_usd=1, strong_score=[0, 1], strong_cost_usd=2, confidence=[0.9, 0.1])
    assert judge_threshold(data, threshold_frac=0.5).saving_vs_random_frac is None
    with pytest.raises(InputError, match="no gap"):
        gap_recovery(data)


def test_gap_recovery_and_shares() -> None:
    gap = gap_recovery(DATA)
    assert gap.fixed_frac == 0.5
    assert gap.broken_frac == 0.25
    assert gap.oracle_quality_frac == 1.0
    assert gap.mean_gap_ratio == pytest.approx((0 / 2 + 1 + 2 + 1 + 1 / 2) / 4)
    assert escalated_for_quality_frac(DATA, target_frac=0.75) == 0.25
    assert oracle_for_quality_frac(DATA, target_frac=1.0) == 0.5
    assert random_for_quality_frac(DATA, target_frac=0.625) == pytest.approx(0.5)
    assert random_for_quality_frac(DATA, target_frac=0.3) == 0
    assert random_for_quality_frac(DATA, target_frac=0.8) is None
    assert escalated_for_quality_frac(DATA, target_frac=1.0) == 0.5


def test_auroc_counts_ties_half() -> None:
    assert auroc_frac([0.5, 0.5], [True, False]) == 0.5
    assert auroc_frac([0.9, 0.1], [True, False]) == 1.0
    assert auroc_frac([0.1, 0.9], [True, False]) == 0.0
    assert auroc_frac([0.1, 0.9], [True, True]) is None


def test_bad_arrays() -> None:
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        upper_hull([1.0], [1.5])
    with pytest.raises(InputError, match="negative or not finite"):
        upper_hull([-1.0], [0.5])
    with pytest.raises(InputError, match="one each a point"):
        upper_hull([], [])
    with pytest.raises(InputError, match="confidence"):
        TwoTier.of(weak_score=[1], weak_cost_usd=1, strong_score=[1], strong_cost_usd=1, confidence=[0.5, 0.5])
    with pytest.raises(InputError, match="fit must be a mask"):
        evaluate_cascade(DATA, fit=np.ones(4, dtype=bool))
