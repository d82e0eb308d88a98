"""Laws of the cases behind the commands: equal costs at the break-even, the right direction of every input, no loss."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.catalog.load import load_catalog
from tokonomics.economics.build_or_buy.break_even import break_even
from tokonomics.economics.build_or_buy.build_case import build_curves
from tokonomics.economics.build_or_buy.build_inputs import Found, gather_build_case
from tokonomics.economics.build_or_buy.cost_curve import monthly_cost
from tokonomics.economics.build_or_buy.hybrid_case import answer_hybrid, hybrid_case
from tokonomics.economics.hardware.on_prem_case import answer_on_prem

prices = st.floats(0.01, 100)
money = st.floats(0, 1e5)
shares = st.floats(0.01, 0.99)


@st.composite
def stated(draw):
    return {
        "gpu_usd_per_hour": draw(prices),
        "num_gpus": draw(st.integers(1, 16)),
        "replica_tokens_per_s": draw(st.floats(10, 1e5)),
        "api_input_usd_per_mtok": draw(prices),
        "api_output_usd_per_mtok": draw(prices),
        "input_frac": draw(shares),
        "ops_usd_per_month": draw(money),
        "peak_ratio": draw(st.floats(1, 20)),
        "num_spare_replicas": draw(st.integers(0, 4)),
    }


def point(figures):
    curves = build_curves(gather_build_case(figures, Found()))
    return break_even(curves.always_on, curves.api), curves


@settings(max_examples=80, deadline=None)
@given(stated())
def test_the_break_even_costs_the_same_both_ways(figures):
    found, curves = point(figures)
    volume = found.volume_tokens_per_day
    if volume is None or volume == 0.0:
        return
    own = monthly_cost(curves.always_on, volume_tokens_per_day=volume).total_usd_per_month
    bought = monthly_cost(curves.api, volume_tokens_per_day=volume).total_usd_per_month
    assert own == pytest.approx(bought, rel=1e-6)


@settings(max_examples=80, deadline=None)
@given(stated(), st.sampled_from(["ops_usd_per_month", "gpu_usd_per_hour", "peak_ratio"]), st.floats(1.01, 5))
def test_dearer_building_never_breaks_even_earlier(figures, name, factor):
    before = point(figures)[0].volume_tokens_per_day
    after = point({**figures, name: figures[name] * factor})[0].volume_tokens_per_day
    assert (math.inf if after is None else after) >= (math.inf if before is None else before) * (1 - 1e-9)


@settings(max_examples=80, deadline=None)
@given(stated(), st.floats(1.01, 5))
def test_a_dearer_api_never_breaks_even_later(figures, factor):
    before = point(figures)[0].volume_tokens_per_day
    dearer = {name: figures[name] * factor for name in ("api_input_usd_per_mtok", "api_output_usd_per_mtok")}
    after = point({**figures, **dearer})[0].volume_tokens_per_day
    assert (math.inf if after is None else after) <= (math.inf if before is None else before) * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(stated(), st.floats(1e5, 1e9), st.floats(1, 30), st.floats(0.1, 23.9), shares)
def test_the_best_split_is_never_dearer_than_either_pure_way_nor_than_the_rule(figures, steady, ratio, hours, share):
    build = gather_build_case({**figures, "num_spare_replicas": None, "peak_ratio": None}, Found())
    levels = {"steady_tokens_per_day": steady, "peak_tokens_per_day": steady * ratio, "peak_hours": hours}
    told = answer_hybrid(hybrid_case(build, levels, trace=None, window_s=60.0), served_frac=share)
    best = told.answer.best.total_usd_per_month * (1 - 1e-9)
    assert 0 <= best
    for rival in (told.answer.pure_api, told.answer.pure_self_host, told.rule.rule, *told.splits):
        assert best <= rival.total_usd_per_month


CATALOG = load_catalog(with_genai_prices=False)


@settings(max_examples=60, deadline=None)
@given(st.floats(1000, 1e5), st.floats(0, 2000), st.floats(0, 1), shares, st.floats(0.5, 10), st.floats(0, 1))
def test_an_owned_hour_is_never_free_and_cheaper_when_used_more(purchase, watts, kwh, share, years, resale):
    figures = {
        "purchase_usd": purchase, "device_watts": watts, "electricity_usd_per_kwh": kwh, "utilisation_frac": share,
        "horizon_years": years, "resale_frac": resale, "hosting_usd_per_year": 100.0,
    }  # fmt: skip
    answer = answer_on_prem(figures, catalog=CATALOG)
    busier = answer_on_prem({**figures, "utilisation_frac": min(share * 1.2, 1.0)}, catalog=CATALOG)
    assert 0 < busier.cost.effective_usd_per_hour <= answer.cost.effective_usd_per_hour * (1 + 1e-9)
    cost = answer.cost
    parts = (
        cost.upfront_usd + cost.capital_usd - cost.resale_usd + cost.electricity_usd + cost.hosting_usd + cost.staff_usd
    )
    assert parts == pytest.approx(cost.total_usd)
