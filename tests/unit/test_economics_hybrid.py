"""Own the base, buy the peaks."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tokonomics.economics.build_or_buy.duration_curve import (
    capacity_for_share_tokens_per_s,
    capacity_split,
    exceeded_level_tokens_per_s,
    load_duration,
    steady_and_peak,
)
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, best_hybrid, share_rule, split_cost, strategy
from tokonomics.errors import InputError

DAY = 86_400.0
TERMS = HybridTerms(
    replica_usd_per_month=1800, replica_tokens_per_s=13e6 / DAY, api_usd_per_mtok=6.25, days_per_month=30
)


def test_curve_sorts_and_weighs() -> None:
    load = load_duration([4.0, 1.0, 2.0], weights=[1, 2, 1])
    assert load.demand_tokens_per_s.tolist() == [1.0, 2.0, 4.0]
    assert load.mean_tokens_per_s == pytest.approx(2.0)
    assert load.peak_tokens_per_s == 4.0


@pytest.mark.parametrize(
    ("capacity", "served", "exceeded"), [(0, 0, 1), (1, 1, 0.5), (1.5, 1.25, 0.5), (2, 1.5, 0.25), (4, 2, 0), (9, 2, 0)]
)
def test_split(capacity: float, served: float, exceeded: float) -> None:
    load = load_duration([4.0, 1.0, 1.0, 2.0])
    split = capacity_split(load, capacity_tokens_per_s=capacity)
    assert split.served_tokens_per_s == pytest.approx(served)
    assert split.exceeded_frac == pytest.approx(exceeded)
    assert split.overflow_tokens_per_s == pytest.approx(2 - served)
    assert split.utilisation_frac == (pytest.approx(served / capacity) if capacity else None)


def test_levels_and_shares_invert_the_split() -> None:
    load = load_duration([4.0, 1.0, 1.0, 2.0])
    assert [exceeded_level_tokens_per_s(load, exceeded_frac=share) for share in (0, 0.25, 0.3, 0.5, 1)] == [
        4.0, 2.0, 2.0, 1.0, 0.0,
    ]  # fmt: skip
    for share in (0.0, 0.1, 0.6, 0.8, 1.0):
        capacity = capacity_for_share_tokens_per_s(load, served_frac=share)
        assert capacity_split(load, capacity_tokens_per_s=capacity).served_frac == pytest.approx(share)


def test_a_load_that_rests_most_of_the_time_needs_no_base() -> None:
    load = load_duration([0.0, 0.0, 0.0, 10.0])
    assert exceeded_level_tokens_per_s(load, exceeded_frac=0.25) == 0.0
    assert exceeded_level_tokens_per_s(load, exceeded_frac=0.2) == 10.0


def test_steady_and_peak_are_rates() -> None:
    load = steady_and_peak(steady_tokens_per_day=10e6, peak_tokens_per_day=40e6, peak_hours=6)
    assert load.mean_tokens_per_s * DAY == pytest.approx(17.5e6)
    assert load.peak_tokens_per_s * DAY == pytest.approx(40e6)


def test_the_best_count_is_the_best_of_all_counts() -> None:
    rng = np.random.default_rng(7)
    load = load_duration(rng.gamma(2.0, 500.0, size=400))
    for usd in (200.0, 900.0, 2400.0, 5000.0):
        terms = HybridTerms(
            replica_usd_per_month=usd, replica_tokens_per_s=150, api_usd_per_mtok=6.25, ops_usd_per_month=500
        )
        answer = best_hybrid(load, terms)
        costs = [
            strategy(load, terms, num_replicas=count).total_usd_per_month
            for count in range(answer.pure_self_host.num_replicas + 1)
        ]
        assert answer.best.total_usd_per_month == pytest.approx(min(costs))


def test_operations_are_paid_once_and_only_with_replicas() -> None:
    load = steady_and_peak(steady_tokens_per_day=10e6, peak_tokens_per_day=40e6, peak_hours=4)
    terms = replace(TERMS, ops_usd_per_month=5000)
    assert strategy(load, terms, num_replicas=0).total_usd_per_month == pytest.approx(15e6 * 30 / 1e6 * 6.25)
    assert strategy(load, terms, num_replicas=0).name == "api"
    assert strategy(load, terms, num_replicas=2).ops_usd_per_month == 5000
    assert best_hybrid(load, terms).best.name == "api"


def test_a_free_peak_is_no_hybrid() -> None:
    load = steady_and_peak(steady_tokens_per_day=10e6, peak_tokens_per_day=10e6, peak_hours=4)
    terms = replace(TERMS, replica_usd_per_month=100)
    answer = best_hybrid(load, terms)
    assert answer.best.name == "self-host"
    assert answer.best.num_replicas == 1


def test_share_rule_is_evaluated_not_asserted() -> None:
    load = steady_and_peak(steady_tokens_per_day=100e6, peak_tokens_per_day=400e6, peak_hours=4)
    terms = HybridTerms(replica_usd_per_month=1800, replica_tokens_per_s=150, api_usd_per_mtok=6.25, days_per_month=30)
    rule = share_rule(load, terms)
    assert rule.rule.served_frac >= 0.8
    assert rule.regret_usd_per_month >= 0
    assert rule.captured_ratio is None  # at its peak this fleet costs more than the API
    api_usd = 150e6 * 30 / 1e6 * 6.25
    cheap = share_rule(load, replace(terms, replica_usd_per_month=200))
    assert cheap.captured_ratio is not None
    assert cheap.captured_ratio == pytest.approx(
        (api_usd - cheap.rule.total_usd_per_month) / (api_usd - 31 * 200), rel=1e-6
    )


@pytest.mark.parametrize("samples", [[], [[1.0]], [1.0, -1.0], [math.nan], [0.0, 0.0]])
def test_bad_samples(samples: list[float]) -> None:
    with pytest.raises(InputError):
        load_duration(samples)


def test_bad_weights_and_figures() -> None:
    with pytest.raises(InputError, match="weights"):
        load_duration([1.0, 2.0], weights=[1.0])
    with pytest.raises(InputError, match="weights"):
        load_duration([1.0, 2.0], weights=[0.0, 0.0])
    with pytest.raises(InputError) as caught:
        HybridTerms(replica_usd_per_month=0, replica_tokens_per_s=-1, api_usd_per_mtok=math.nan)
    assert len(caught.value.violations) == 3
    with pytest.raises(InputError, match="swap them"):
        steady_and_peak(steady_tokens_per_day=2, peak_tokens_per_day=1, peak_hours=2)
    with pytest.raises(InputError, match="exceeds total_tokens_per_day"):
        split_cost(TERMS, num_replicas=1, total_tokens_per_day=1.0, overflow_tokens_per_day=2.0)
