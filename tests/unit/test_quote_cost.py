"""Unit costs, fleets, API rates and the load curve, against figures worked out by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.rates import Rates
from tokonomics.economics.figures.cost_per_token import TokenVolume, token_cost
from tokonomics.economics.hardware.owned import owned_offers
from tokonomics.economics.quoting.api_cost import api_option, api_rates
from tokonomics.economics.quoting.candidates import Search, candidates, default_precisions
from tokonomics.economics.quoting.demand import demand_of
from tokonomics.economics.quoting.load_curve import load_curve
from tokonomics.economics.quoting.self_host import fleets, priced, unpriced
from tokonomics.errors import InputError
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_MONTH, tokens_per_gpu_hour, usd_per_mtok
from tokonomics.workload.scenario import Owned
from tokonomics.workload.slo import Slo, parse_slo
from tokonomics.workload.traffic import traffic_from_rate

NO_SLO = Slo(limits=())
TODAY = date(2026, 11, 23)


def demand(rps=3.0, inputs=1000.0, outputs=200.0, slo="", **more):
    return demand_of(traffic_from_rate(rps, inputs, outputs, **more), parse_slo(slo) if slo else NO_SLO)


def offer(num_gpus=1, usd_per_hour=2.0, instance="box", part="h100-sxm"):
    return Offer(
        provider="here", instance=instance, accelerator_id=part, num_gpus=num_gpus, region="", spot_usd_per_hour=None,
        reserved_1yr_usd_per_hour=None, on_demand_usd_per_hour=usd_per_hour, as_of="2026-11-01", source="test",
    )  # fmt: skip


def fleet_of(model="llama-3.1-8b", part="h100-sxm", gpus=1, precision="bf16", want=None, **more):
    catalog, want = load_catalog(), want or demand(**more)
    search = Search(precisions=(precision,), gpus_per_replica=(gpus,))
    found = candidates([catalog.model(model)], [catalog.accelerator(part)], want, search)
    return fleets(found, want)[0], want


@pytest.mark.parametrize(
    ("usd_per_hour", "rate", "published"), [(10.0, 1000.0, 2.78), (1.0, 200.0, 1.39), (2.49, 1500.0, 0.46)]
)
def test_fundamental_equation_of_the_article(usd_per_hour, rate, published):
    assert usd_per_mtok(usd_per_hour, rate) == pytest.approx(published, abs=0.005)
    assert usd_per_hour / tokens_per_gpu_hour(rate) * 1e6 == pytest.approx(usd_per_mtok(usd_per_hour, rate))


TOKENS = st.just(0.0) | st.floats(1, 1e12)


@given(st.floats(0, 1e9), TOKENS, st.floats(1, 1e12), st.floats(0, 1))
def test_parts_of_the_cost_add_up_to_the_bill(month, inputs, outputs, share):
    cost = token_cost(month, TokenVolume(input_tokens=inputs, output_tokens=outputs), input_share_frac=share)
    billed = (cost.input_usd_per_mtok * inputs + cost.output_usd_per_mtok * outputs) / 1e6
    assert billed == pytest.approx(month, rel=1e-9, abs=1e-9)
    assert cost.blended_usd_per_mtok * (inputs + outputs) / 1e6 == pytest.approx(month, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("month", "share", "inputs"), [(-1.0, 0.5, 1.0), (float("nan"), 0.5, 1.0), (1.0, 1.5, 1.0), (1.0, 0.5, -1.0)]
)
def test_impossible_costs_are_refused(month, share, inputs):
    with pytest.raises(InputError):
        token_cost(month, TokenVolume(input_tokens=inputs, output_tokens=1.0), input_share_frac=share)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 500), st.sampled_from(["", "ttft_p95=1s,itl_p95=50ms", "itl_p99=30ms", "e2e_mean=20s"]))
def test_fleet_carries_the_peak_and_no_smaller_one_would(rps, slo):
    fleet, want = fleet_of(rps=rps, slo=slo, peak_ratio=1.5)
    run = fleet.operation
    assert run.num_replicas * run.capacity_requests_per_s >= want.peak_requests_per_s * (1 - 1e-6)
    assert (run.num_replicas - 1) * run.capacity_requests_per_s < want.peak_requests_per_s
    assert 0 < run.utilisation_frac <= 1 / 1.5 + 1e-6
    assert not fleet.fails


def test_tighter_slo_never_needs_fewer_replicas():
    needed = [fleet_of(rps=200, slo=f"itl_p95={limit}ms")[0].operation.num_replicas for limit in (100, 50, 25, 15)]
    assert needed == sorted(needed)
    assert needed[-1] > needed[0]


def test_impossible_slo_is_named_and_still_priced():
    fleet, want = fleet_of(slo="itl_p95=1ms")
    assert fleet.fails
    assert fleet.fails[0].startswith("itl_p95=")
    option = priced(fleet, offer(), "on_demand", want)
    assert option.meets_slo is False
    assert option.usd_per_month > 0


def test_allocation_reconciles_to_the_bill_and_usage_to_the_work():
    fleet, want = fleet_of(rps=3.0)
    option = priced(fleet, offer(num_gpus=8, usd_per_hour=16.0), "on_demand", want)
    month_tokens = 3.0 * SECONDS_PER_MONTH * 1200
    assert option.usd_per_month == 16.0 * HOURS_PER_MONTH  # one box of eight, for one GPU
    assert option.usd_per_mtok.allocation.blended_usd_per_mtok == pytest.approx(
        option.usd_per_month / month_tokens * 1e6
    )
    ratio = option.usd_per_mtok.usage.blended_usd_per_mtok / option.usd_per_mtok.allocation.blended_usd_per_mtok
    assert ratio == pytest.approx(fleet.operation.utilisation_frac / 8)
    assert (option.num_gpus, option.num_used_gpus) == (8, 1)


def test_replica_never_spans_boxes_unless_sold_by_the_gpu():
    fleet, want = fleet_of(gpus=4)
    assert priced(fleet, offer(num_gpus=2), "on_demand", want) is None
    by_gpu = priced(fleet, offer(num_gpus=1, usd_per_hour=2.0, instance="per GPU"), "on_demand", want)
    assert by_gpu.usd_per_month == 4 * 2.0 * HOURS_PER_MONTH


def test_missing_price_is_unpriced_and_never_zero():
    fleet, want = fleet_of()
    for option in (unpriced(fleet, want), priced(fleet, offer(usd_per_hour=None), "on_demand", want)):
        assert option.usd_per_month is None
        assert option.usd_per_mtok is None
        assert option.to_dict()["price_status"] == "unpriced"


def test_load_curve_passes_through_the_users_own_point():
    fleet, want = fleet_of(rps=40.0, peak_ratio=1.3)
    option = priced(fleet, offer(num_gpus=2, usd_per_hour=5.0), "on_demand", want)
    curve = load_curve(option, want)
    middle = len(curve.requests_per_s) // 2
    assert curve.requests_per_s[middle] == pytest.approx(40.0)
    assert curve.blended_usd_per_mtok[middle] == pytest.approx(option.usd_per_mtok.allocation.blended_usd_per_mtok)
    assert curve.blended_usd_per_mtok[0] > curve.blended_usd_per_mtok[-1]


def api(**more):
    plain = {"provider": "p", "model": "m", "source": "test", "as_of": "2026-11-01"}
    prices = {"input_usd_per_mtok": Decimal(1), "output_usd_per_mtok": Decimal(4)}
    return ApiPrice(**{**plain, **prices, **more})


def test_api_tier_moves_the_whole_request():
    tier = Rates(input_usd_per_mtok=Decimal(2), output_usd_per_mtok=Decimal(6), above_input_tokens=1000)
    traffic = traffic_from_rate(1.0, [500.0, 1000.0, 3000.0], [100.0, 100.0, 100.0])
    rates = api_rates(api(tiers=(tier,)), demand_of(traffic, NO_SLO))
    assert rates.input_usd_per_mtok == pytest.approx((500 * 1 + 1000 * 1 + 3000 * 2) / 4500)
    assert rates.output_usd_per_mtok == pytest.approx((4 + 4 + 6) / 3)
    assert rates.tiered_frac == pytest.approx(1 / 3)


def test_api_cached_share_pays_the_cached_rate():
    cached = api(cached_input_usd_per_mtok=Decimal("0.1"))
    rates = api_rates(cached, demand(cached_input_frac=0.5))
    assert rates.input_usd_per_mtok == pytest.approx(0.55)
    plain = api_rates(api(), demand(cached_input_frac=0.5))
    assert (plain.input_usd_per_mtok, plain.cached_input_frac) == (1.0, 0.0)


def test_api_without_an_output_price_is_unpriced():
    option = api_option(api(output_usd_per_mtok=None), demand())
    assert option.usd_per_month is None
    assert option.meets_slo is None


def test_api_month_is_tokens_times_price():
    option = api_option(api(), demand(rps=2.0))
    assert option.usd_per_month == pytest.approx(2.0 * SECONDS_PER_MONTH * (1000 * 1 + 200 * 4) / 1e6)
    assert option.usd_per_mtok.allocation == option.usd_per_mtok.usage


def test_prefix_cache_saves_work_on_own_hardware():
    plain, cached = (fleet_of(rps=300.0, cached_input_frac=frac)[0].operation for frac in (0.0, 0.8))
    assert cached.capacity_requests_per_s > plain.capacity_requests_per_s


def test_owned_part_has_the_price_of_the_article():
    article = Owned(gpu="h100-sxm", purchase_usd=30_000.0, electricity_usd_per_kwh=0.10, horizon_years=3.0)
    (hour,) = owned_offers(load_catalog(), [article], today=TODAY)
    assert hour.on_demand_usd_per_hour == pytest.approx(36_839.60 / 26_280, abs=1e-4)
    assert "assumed hosting_usd_per_year" in hour.source


def test_owned_part_without_facts_is_an_error_that_names_them():
    with pytest.raises(InputError, match="mi325x lacks device_watts and purchase_usd"):
        owned_offers(load_catalog(), [Owned(gpu="mi325x")], today=TODAY)


def test_four_bits_are_considered_only_when_asked_for():
    catalog = load_catalog()
    h100, a100 = catalog.accelerator("h100-sxm"), catalog.accelerator("a100-sxm-80")
    assert default_precisions(catalog.model("llama-3.3-70b"), h100) == ("bf16", "fp8")
    assert default_precisions(catalog.model("llama-3.3-70b"), a100) == ("bf16",)
    assert default_precisions(catalog.model("deepseek-v3"), h100) == ("fp8",)


def test_long_answers_weigh_more_in_the_running_context():
    lengths = np.array([100.0, 100.0]), np.array([10.0, 1000.0])
    shape = demand_of(traffic_from_rate(1.0, *lengths), NO_SLO).shape
    assert shape.context_tokens == pytest.approx((10 * 105 + 1000 * 600) / 1010)


def test_spare_replicas_cost_and_do_not_carry():
    catalog, want = load_catalog(), demand(rps=1.0)
    search = Search(precisions=("bf16",), gpus_per_replica=(1,))
    found = candidates([catalog.model("llama-3.1-8b")], [catalog.accelerator("h100-sxm")], want, search)
    one, spare = fleets(found, want)[0], fleets(found, want, num_spare_replicas=2)[0]
    assert spare.operation.num_replicas == one.operation.num_replicas + 2
    assert spare.operation.capacity_requests_per_s == one.operation.capacity_requests_per_s
    assert replace(spare.operation, utilisation_frac=0).binds
