"""Laws of splitting a load: hybrid, bursts, registers and tornadoes."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.economics.build_or_buy.api_wins import burst
from tokonomics.economics.build_or_buy.duration_curve import (
    LoadDuration,
    capacity_for_share_tokens_per_s,
    capacity_split,
    load_duration,
)
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, best_hybrid, share_rule, strategy
from tokonomics.economics.figures.sensitivity import tornado
from tokonomics.economics.hardware.hidden_costs import HiddenCost, hidden_costs

law = settings(max_examples=60, deadline=None)

fractions = st.floats(0.0, 1.0)
loads = st.lists(st.floats(0, 1e5), min_size=1, max_size=30).filter(lambda values: max(values) > 0.1).map(load_duration)
terms_of = st.builds(
    HybridTerms,
    replica_usd_per_month=st.floats(1, 1e5),
    replica_tokens_per_s=st.floats(100, 1e5),
    api_usd_per_mtok=st.floats(0.01, 50),
    ops_usd_per_month=st.floats(0, 2e4),
)


@law
@given(load=loads, terms=terms_of)
def test_the_best_split_never_costs_more_than_either_pure_strategy(load: LoadDuration, terms: HybridTerms) -> None:
    answer = best_hybrid(load, terms)
    best = answer.best.total_usd_per_month
    assert 0 <= best <= answer.pure_api.total_usd_per_month
    assert best <= answer.pure_self_host.total_usd_per_month
    assert answer.saving_vs_api_frac >= 0
    assert answer.pure_self_host.overflow_tokens_per_day <= 1e-6 * load.mean_tokens_per_s * 86_400


@law
@given(load=loads, terms=terms_of)
def test_the_best_split_is_best_among_all_counts(load: LoadDuration, terms: HybridTerms) -> None:
    answer = best_hybrid(load, terms)
    counts = range(min(answer.pure_self_host.num_replicas, 60) + 1)
    cheapest = min(strategy(load, terms, num_replicas=count).total_usd_per_month for count in counts)
    assert answer.best.total_usd_per_month <= cheapest * (1 + 1e-9)


@law
@given(load=loads, low=st.floats(0, 2e5), high=st.floats(0, 2e5))
def test_more_capacity_serves_more_and_every_token_goes_somewhere(load: LoadDuration, low: float, high: float) -> None:
    low, high = sorted((low, high))
    less, more = (capacity_split(load, capacity_tokens_per_s=each) for each in (low, high))
    assert less.served_tokens_per_s <= more.served_tokens_per_s * (1 + 1e-9) + 1e-9
    assert less.served_tokens_per_s <= low * (1 + 1e-9) + 1e-9
    assert 0 <= more.overflow_frac <= 1
    direct = float(np.minimum(load.demand_tokens_per_s, low) @ load.weight_frac)
    assert abs(less.served_tokens_per_s - direct) <= 1e-9 * load.mean_tokens_per_s + 1e-9


@law
@given(load=loads, share=fractions)
def test_capacity_for_a_share_serves_it(load: LoadDuration, share: float) -> None:
    capacity = capacity_for_share_tokens_per_s(load, served_frac=share)
    assert abs(capacity_split(load, capacity_tokens_per_s=capacity).served_frac - share) <= 1e-6


@law
@given(load=loads, terms=terms_of, share=fractions)
def test_no_rule_of_thumb_beats_the_optimum(load: LoadDuration, terms: HybridTerms, share: float) -> None:
    rule = share_rule(load, terms, served_frac=share)
    assert rule.regret_usd_per_month >= -1e-6 * rule.best.total_usd_per_month
    assert rule.rule.served_frac >= share - 1e-6


@law
@given(peak=st.floats(1, 100), hours=st.floats(0, 24), more=st.floats(1, 5))
def test_a_sharper_peak_idles_more(peak: float, hours: float, more: float) -> None:
    mild, sharp = burst(peak_ratio=peak, peak_hours=hours), burst(peak_ratio=peak * more, peak_hours=hours)
    assert 0 <= mild.idle_capacity_frac <= sharp.idle_capacity_frac + 1e-12
    assert mild.peak_usd_ratio >= 1 - 1e-12


@law
@given(
    once=st.floats(0, 1e5),
    every=st.floats(0.1, 24),
    event=st.floats(0, 1e4),
    rate=st.floats(0, 300),
    factor=st.floats(1, 9),
)
def test_registers_add_up_and_rise_with_the_rate(
    once: float, every: float, event: float, rate: float, factor: float
) -> None:
    rows = [
        HiddenCost(name="a", once_usd=once, once_engineer_weeks=1),
        HiddenCost(name="b", interval_months=every, event_usd=event, event_engineer_hours=2),
    ]
    both = hidden_costs(rows, engineer_usd_per_hour=rate, amortise_months=12)
    apart = [hidden_costs([row], engineer_usd_per_hour=rate, amortise_months=12) for row in rows]
    parts = sum(each.total_usd_per_month for each in apart)
    assert abs(both.total_usd_per_month - parts) <= 1e-9 * (1 + parts)
    dearer = hidden_costs(rows, engineer_usd_per_hour=rate * factor, amortise_months=12)
    assert dearer.total_usd_per_month >= both.total_usd_per_month >= 0


@law
@given(weights=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 100), min_size=1))
def test_a_tornado_of_a_sum_is_ordered_by_its_weights(weights: dict[str, float]) -> None:
    base = dict.fromkeys(weights, 1.0)
    result = tornado(
        lambda inputs: sum(weights[name] * inputs[name] for name in weights),
        base=base,
        spans=dict.fromkeys(weights, (0.0, 2.0)),
    )
    swings = [weights[bar.name] for bar in result.bars]
    assert all(left >= right - 1e-9 * (1 + left) for left, right in itertools.pairwise(swings))
