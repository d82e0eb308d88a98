"""Build against buy on the staircase of whole replicas."""

import math
from dataclasses import replace

import pytest

from tokonomics.economics.build_or_buy.break_even import break_even, build_or_buy
from tokonomics.economics.build_or_buy.cost_curve import (
    CostCurve,
    always_on_curve,
    api_curve,
    monthly_cost,
    num_replicas,
)
from tokonomics.economics.build_or_buy.volume_bands import volume_bands
from tokonomics.economics.tokens.blended import blended_tokens_per_s, blended_usd_per_mtok
from tokonomics.errors import InputError

OWN = CostCurve(
    name="H100",
    fixed_usd_per_month=5000,
    replica_usd_per_month=1800,
    replica_tokens_per_day=129.6e6,
    days_per_month=30,
)
GPT4O = api_curve("gpt-4o", usd_per_mtok=6.25, days_per_month=30)
HOSTED = api_curve("hosted-70b", usd_per_mtok=0.69, days_per_month=30)
MINI = api_curve("gpt-4o-mini", usd_per_mtok=0.375, days_per_month=30)


def crossing(build: CostCurve, buy: CostCurve) -> float:
    volume = break_even(build, buy).volume_tokens_per_day
    assert volume is not None
    return volume / 1e6


def test_the_staircase() -> None:
    assert [num_replicas(OWN, volume_tokens_per_day=v * 129.6e6) for v in (0, 0.5, 1, 1.0001, 2, 3)] == [
        1, 1, 1, 2, 2, 3,
    ]  # fmt: skip
    assert num_replicas(GPT4O, volume_tokens_per_day=1e12) == 0


def test_a_fleet_is_sized_for_its_peak_and_keeps_spares() -> None:
    fleet = replace(OWN, peak_ratio=3.0, num_spare_replicas=1)
    cost = monthly_cost(fleet, volume_tokens_per_day=100e6)
    assert cost.num_replicas == 3 + 1
    assert cost.replicas_usd_per_month == 7200
    assert cost.utilisation_frac == pytest.approx(100 / (4 * 129.6))


def test_terms_add_up_and_blend() -> None:
    cost = monthly_cost(replace(OWN, usd_per_mtok=0.1), volume_tokens_per_day=10e6)
    assert cost.total_usd_per_month == cost.fixed_usd_per_month + cost.usage_usd_per_month + 1800
    assert cost.usage_usd_per_month == pytest.approx(30.0)
    assert cost.blended_usd_per_mtok == pytest.approx(cost.total_usd_per_month / 300)


def test_nothing_served_has_no_price_per_token() -> None:
    cost = monthly_cost(OWN, volume_tokens_per_day=0)
    assert cost.blended_usd_per_mtok is None
    assert cost.total_usd_per_month == 6800


def test_always_on_curve_counts_730_hours() -> None:
    curve = always_on_curve("tp2", gpu_usd_per_hour=2.0, replica_tokens_per_s=1000, gpus_per_replica=2)
    assert curve.replica_usd_per_month == 2920
    assert curve.replica_tokens_per_day == 86.4e6


def test_first_crossing_is_exact() -> None:
    point = break_even(OWN, GPT4O)
    assert point.volume_tokens_per_day == pytest.approx(6800 / 187.5 * 1e6)
    assert point.total_usd_per_month == pytest.approx(6800)
    assert point.num_replicas == 1
    assert point.reason.startswith("H100 costs no more")


def test_a_fleet_without_fixed_costs_wins_from_its_first_step_or_never() -> None:
    bare = replace(OWN, fixed_usd_per_month=0.0)
    assert crossing(bare, GPT4O) == pytest.approx(9.6)
    assert break_even(replace(bare, replica_usd_per_month=1e9), GPT4O).volume_tokens_per_day is None


def test_between_first_and_secure_the_api_wins_again() -> None:
    point = break_even(OWN, HOSTED)
    assert point.volume_tokens_per_day is not None
    assert point.secure_tokens_per_day is not None
    first, secure = point.volume_tokens_per_day, point.secure_tokens_per_day
    assert first / 1e6 == pytest.approx(763.3, abs=0.1)
    assert secure > first
    just_after_the_step = 6 * 129.6e6 * 1.001
    rows = build_or_buy(OWN, HOSTED, [first * 0.999, first * 1.001, just_after_the_step, secure * 1.001, 10 * secure])
    assert [row.winner for row in rows] == ["hosted-70b", "H100", "hosted-70b", "H100", "H100"]


@pytest.mark.parametrize("steps", range(1, 40))
def test_secure_is_secure_just_after_every_step(steps: int) -> None:
    secure = break_even(OWN, HOSTED).secure_tokens_per_day
    assert secure is not None
    volume = steps * 129.6e6 * (1 + 1e-9)
    if volume >= secure:
        assert build_or_buy(OWN, HOSTED, [volume])[0].winner == "H100"


def test_never_when_a_full_replica_costs_more_than_its_tokens() -> None:
    point = break_even(OWN, MINI)
    assert point.volume_tokens_per_day is None
    assert point.secure_tokens_per_day is None
    assert point.replica_margin_usd_per_month == pytest.approx(1458 - 1800)
    assert "never: a full replica of H100 costs 342.00 USD" in point.reason


def test_never_when_every_token_costs_more() -> None:
    pay_per_use = CostCurve(name="pool", fixed_usd_per_month=5000, usd_per_mtok=0.46, days_per_month=30)
    point = break_even(pay_per_use, MINI)
    assert point.volume_tokens_per_day is None
    assert "0.46 USD per million tokens, gpt-4o-mini 0.375" in point.reason


def test_building_wins_at_once_when_buying_has_the_larger_fixed_cost() -> None:
    committed = CostCurve(name="committed", fixed_usd_per_month=9000, usd_per_mtok=6.25, days_per_month=30)
    assert crossing(OWN, committed) == 0
    dear = replace(OWN, replica_usd_per_month=20_000, fixed_usd_per_month=0)
    assert crossing(dear, committed) == pytest.approx(11_000 / 187.5)


def test_wins_for_a_while_and_then_never_again() -> None:
    committed = CostCurve(name="committed", fixed_usd_per_month=6900, usd_per_mtok=0.375, days_per_month=30)
    point = break_even(OWN, committed)
    assert point.volume_tokens_per_day == 0
    assert point.secure_tokens_per_day is None


def test_equal_prices_without_fixed_costs_tie_everywhere() -> None:
    twin = CostCurve(name="twin", usd_per_mtok=6.25, days_per_month=30)
    point = break_even(twin, GPT4O)
    assert point.volume_tokens_per_day == 0
    assert point.secure_tokens_per_day == 0


def test_two_fleets_or_two_months_are_refused() -> None:
    with pytest.raises(InputError, match="volume_bands"):
        break_even(OWN, OWN)
    with pytest.raises(InputError, match="days_per_month=30"):
        break_even(OWN, api_curve("x", usd_per_mtok=1.0))


def test_bands_are_derived_from_the_curves() -> None:
    bands = volume_bands([GPT4O, OWN], up_to_tokens_per_day=200e6)
    assert [band.name for band in bands] == ["gpt-4o", "H100"]
    assert bands[0].high_tokens_per_day == pytest.approx(36.2667e6, rel=1e-5)
    assert bands[-1].high_tokens_per_day == 200e6


def test_bands_show_where_the_api_returns_after_a_step() -> None:
    names = [band.name for band in volume_bands([HOSTED, OWN], up_to_tokens_per_day=900e6)]
    assert names[:4] == ["hosted-70b", "H100", "hosted-70b", "H100"]


def test_three_ways_to_pay() -> None:
    pool = CostCurve(name="pool", fixed_usd_per_month=1000, usd_per_mtok=2.0, days_per_month=30)
    bands = volume_bands([GPT4O, pool, OWN], up_to_tokens_per_day=129e6)
    assert [band.name for band in bands] == ["gpt-4o", "pool", "H100"]
    assert bands[0].high_tokens_per_day == pytest.approx(1000 / 4.25 / 30 * 1e6)
    assert bands[1].high_tokens_per_day == pytest.approx(5800 / 2.0 / 30 * 1e6)


def test_bands_refuse_nonsense() -> None:
    with pytest.raises(InputError, match="replica steps"):
        volume_bands([GPT4O, OWN], up_to_tokens_per_day=1e15)
    with pytest.raises(InputError, match="share a name"):
        volume_bands([GPT4O, GPT4O], up_to_tokens_per_day=1e6)
    with pytest.raises(InputError, match="no curve"):
        volume_bands([], up_to_tokens_per_day=1e6)


def test_blended_both_sides() -> None:
    assert blended_usd_per_mtok(input_usd_per_mtok=2.5, output_usd_per_mtok=10, input_frac=0.75) == 4.375
    assert blended_tokens_per_s(prefill_tokens_per_s=4000, decode_tokens_per_s=1500, input_frac=0.0) == pytest.approx(
        1500
    )


def test_every_bad_figure_of_a_curve_is_named() -> None:
    with pytest.raises(InputError) as caught:
        CostCurve(name="x", fixed_usd_per_month=-1, usd_per_mtok=math.nan, replica_usd_per_month=5, peak_ratio=0.5)
    assert len(caught.value.violations) == 4
    with pytest.raises(InputError, match="volume_tokens_per_day=-1"):
        monthly_cost(OWN, volume_tokens_per_day=-1)
    with pytest.raises(InputError, match=r"input_frac=1\.2"):
        blended_usd_per_mtok(input_usd_per_mtok=1, output_usd_per_mtok=1, input_frac=1.2)
