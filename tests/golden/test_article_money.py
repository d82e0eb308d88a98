"""The article's money, as it should be: computed here, recomputed by the audit from the same inputs."""

from dataclasses import replace

import pytest

from tokonomics.economics.build_or_buy.api_wins import burst
from tokonomics.economics.build_or_buy.break_even import break_even, build_or_buy
from tokonomics.economics.build_or_buy.cost_curve import CostCurve, api_curve
from tokonomics.economics.build_or_buy.duration_curve import steady_and_peak
from tokonomics.economics.build_or_buy.hybrid import HybridTerms, best_hybrid, split_cost
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.economics.hardware.bundle_tax import Box, bundle_tax
from tokonomics.economics.hardware.on_prem import OnPrem, on_prem_cost
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok
from tokonomics.units import usd_per_mtok

REFERENCE = assumed_values("reference")
DAYS = REFERENCE["days_per_month"]
DECODE_DAY = REFERENCE["decode_tokens_per_s"] * 86_400
BLENDED = blended_tokens_per_s(
    prefill_tokens_per_s=REFERENCE["prefill_tokens_per_s"],
    decode_tokens_per_s=REFERENCE["decode_tokens_per_s"],
    input_frac=REFERENCE["input_frac"],
)
GPT4O_USD = blended_usd_per_mtok(
    input_usd_per_mtok=REFERENCE["api_input_usd_per_mtok"],
    output_usd_per_mtok=REFERENCE["api_output_usd_per_mtok"],
    input_frac=REFERENCE["input_frac"],
)
GPT4O = api_curve("gpt-4o", usd_per_mtok=GPT4O_USD, days_per_month=DAYS)
HOSTED = api_curve("hosted 70b", usd_per_mtok=(0.59 + 0.79) / 2, days_per_month=DAYS)
MINI = api_curve("gpt-4o-mini", usd_per_mtok=(0.15 + 0.60) / 2, days_per_month=DAYS)
H100 = CostCurve(
    name="H100",
    fixed_usd_per_month=REFERENCE["ops_usd_per_month"],
    replica_usd_per_month=REFERENCE["gpu_usd_per_month"],
    replica_tokens_per_day=DECODE_DAY,
    days_per_month=DAYS,
)
POOL = CostCurve(
    name="pay per use",
    fixed_usd_per_month=REFERENCE["ops_usd_per_month"],
    usd_per_mtok=usd_per_mtok(REFERENCE["gpu_usd_per_hour"], REFERENCE["decode_tokens_per_s"]),
    days_per_month=DAYS,
)


def test_prices_and_rates() -> None:
    assert GPT4O_USD == 6.25
    assert DECODE_DAY == 129.6e6
    mtok_per_day = BLENDED * 86_400 / 1e6
    assert mtok_per_day == pytest.approx(188.5, abs=0.05)
    assert usd_per_mtok(2.49, BLENDED) == pytest.approx(0.317, abs=5e-4)
    assert POOL.usd_per_mtok == pytest.approx(0.46, abs=0.005)


@pytest.mark.parametrize(
    ("build", "buy", "mtok_per_day", "tolerance"),
    [
        pytest.param(H100, GPT4O, 36.3, 0.05, id="always on"),
        pytest.param(POOL, GPT4O, 28.8, 0.05, id="pay per use"),
        pytest.param(replace(H100, fixed_usd_per_month=20_000), GPT4O, 116, 0.5, id="ops 20k"),
        pytest.param(
            replace(H100, fixed_usd_per_month=20_000, min_replicas=2),
            GPT4O,
            126,
            0.5,
            id="ops 20k, two replicas",
        ),
        pytest.param(replace(H100, replica_usd_per_month=3.29 * 730), GPT4O, 39.5, 0.05, id="sxm at 3.29"),
        pytest.param(replace(H100, num_spare_replicas=1), GPT4O, 45.9, 0.05, id="one spare"),
        pytest.param(H100, HOSTED, 763, 0.5, id="hosted 70b"),
        pytest.param(replace(H100, replica_tokens_per_day=188.5e6), HOSTED, 502, 0.5, id="hosted 70b, blended rate"),
        pytest.param(replace(H100, replica_tokens_per_day=10e6), GPT4O, 670, 0.5, id="if 10M a day were true"),
        pytest.param(replace(H100, replica_tokens_per_day=13e6), GPT4O, 103, 0.5, id="if 13M a day were true"),
    ],
)
def test_break_even(build: CostCurve, buy: CostCurve, mtok_per_day: float, tolerance: float) -> None:
    point = break_even(build, buy)
    assert point.volume_tokens_per_day is not None
    assert point.volume_tokens_per_day / 1e6 == pytest.approx(mtok_per_day, abs=tolerance)


@pytest.mark.parametrize(("capacity", "gpus"), [(10e6, 67), (13e6, 8)])
def test_replicas_at_break_even(capacity: float, gpus: int) -> None:
    assert break_even(replace(H100, replica_tokens_per_day=capacity), GPT4O).num_replicas == gpus


def test_never_against_a_budget_api() -> None:
    assert break_even(H100, MINI).volume_tokens_per_day is None
    assert break_even(POOL, MINI).volume_tokens_per_day is None


@pytest.mark.parametrize(
    ("mtok", "api_usd", "saving_usd", "winner"),
    [
        (0.1, 18.75, 6781.25, "gpt-4o"),
        (1, 187.5, 6612.5, "gpt-4o"),
        (5, 937.5, 5862.5, "gpt-4o"),
        (10, 1875, 4925, "gpt-4o"),
        (50, 9375, 2575, "H100"),
    ],
)
def test_the_table_of_volumes(mtok: float, api_usd: float, saving_usd: float, winner: str) -> None:
    (row,) = build_or_buy(H100, GPT4O, [mtok * 1e6])
    assert row.buy_usd_per_month == pytest.approx(api_usd)
    assert row.build_usd_per_month == 6800
    assert row.saving_usd_per_month == pytest.approx(saving_usd)
    assert row.winner == winner


def test_fifty_million_a_day_under_the_articles_own_capacity() -> None:
    (row,) = build_or_buy(replace(H100, replica_tokens_per_day=10e6), GPT4O, [50e6])
    assert (row.num_replicas, row.build_usd_per_month, row.winner) == (5, 14_000, "gpt-4o")
    assert row.saving_usd_per_month == pytest.approx(4625)


HYBRID = HybridTerms(
    replica_usd_per_month=1800, replica_tokens_per_s=13e6 / 86_400, api_usd_per_mtok=6.25, days_per_month=30
)


def test_the_hybrid_example_saves_under_three_percent() -> None:
    split = split_cost(HYBRID, num_replicas=1, total_tokens_per_day=15e6, overflow_tokens_per_day=5e6)
    api = split_cost(HYBRID, num_replicas=0, total_tokens_per_day=15e6, overflow_tokens_per_day=15e6)
    assert split.overflow_usd_per_month == pytest.approx(937.5)
    assert api.total_usd_per_month == pytest.approx(2812.5)  # the article: 18,750
    assert split.total_usd_per_month == pytest.approx(2740, abs=3)
    assert 1 - split.total_usd_per_month / api.total_usd_per_month == pytest.approx(0.026, abs=0.001)


def test_the_hybrid_example_with_operations_is_dearer_than_the_api() -> None:
    terms = replace(HYBRID, ops_usd_per_month=REFERENCE["ops_usd_per_month"])
    split = split_cost(terms, num_replicas=1, total_tokens_per_day=15e6, overflow_tokens_per_day=5e6)
    assert split.total_usd_per_month == pytest.approx(7737.5)
    assert split.total_usd_per_month / 2812.5 == pytest.approx(2.75, abs=0.005)


def test_one_real_replica_covers_the_hybrid_peak() -> None:
    load = steady_and_peak(steady_tokens_per_day=10e6, peak_tokens_per_day=40e6, peak_hours=24 * 5 / 27)
    answer = best_hybrid(load, replace(HYBRID, replica_tokens_per_s=1500))
    assert answer.pure_self_host.num_replicas == 1
    assert load.peak_tokens_per_s / 1500 == pytest.approx(0.31, abs=0.005)
    assert answer.best.total_usd_per_month == 1800
    assert best_hybrid(load, HYBRID).pure_self_host.num_replicas == 4


def test_on_prem_and_the_bundle() -> None:
    article = OnPrem(**assumed_values("on_prem"))
    assert on_prem_cost(article).total_usd == pytest.approx(36_839.60)
    assert on_prem_cost(article).effective_usd_per_hour == pytest.approx(1.56, abs=0.005)
    audited = replace(article, pue_factor=1.3, capital_cost_frac=0.10)
    assert on_prem_cost(audited).effective_usd_per_hour == pytest.approx(1.79, abs=0.005)
    p5 = Box(name="p5.48xlarge", num_gpus=8, usd_per_hour=98.32)
    assert bundle_tax(p5, num_replicas=1, gpus_per_replica=2).effective_usd_per_hour == pytest.approx(49.16)


def test_the_article_counted_ten_times_the_electricity() -> None:
    article = OnPrem(**assumed_values("on_prem"))
    tenfold = on_prem_cost(replace(article, device_watts=7000))
    assert tenfold.electricity_usd == pytest.approx(18_396)  # it says 18,400
    assert tenfold.effective_usd_per_hour == pytest.approx(2.26, abs=0.005)


def test_burst() -> None:
    day = burst(peak_ratio=10, peak_hours=2)
    assert (100 * day.idle_capacity_frac, 100 * day.off_peak_hours_frac) == pytest.approx((82.5, 91.7), abs=0.05)
