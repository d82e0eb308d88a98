"""The register of what self-hosting costs beside its accelerators."""

import math

import pytest

from tokonomics.economics.figures.assumptions import assumed_values, read_table
from tokonomics.economics.hardware.hidden_costs import HiddenCost, hidden_cost_register, hidden_costs
from tokonomics.errors import InputError


def test_the_default_register_prices_what_the_article_gives_and_names_the_rest() -> None:
    priced = hidden_costs(hidden_cost_register(), **assumed_values("hidden_costs"))
    assert [line.name for line in priced.lines] == ["set-up", "operations"]
    assert priced.once_usd == pytest.approx(3 * 40 * 63.91)
    assert priced.recurring_usd_per_month == 5000
    assert priced.unpriced == ("monitoring", "scaling", "model updates", "availability", "redundancy")


def test_total_spreads_the_one_off_part() -> None:
    lines = [HiddenCost(name="a", once_usd=2400), HiddenCost(name="b", interval_months=3, event_usd=600)]
    priced = hidden_costs(lines, engineer_usd_per_hour=0, amortise_months=24)
    assert priced.amortised_usd_per_month == 100
    assert priced.recurring_usd_per_month == 200
    assert priced.total_usd_per_month == 300
    assert priced.unpriced == ()


def test_hours_weeks_and_hardware_shares() -> None:
    lines = [
        HiddenCost(name="updates", interval_months=2, event_engineer_hours=10, event_usd=100),
        HiddenCost(name="spot", gpu_cost_frac=0.1),
        HiddenCost(name="start", once_engineer_weeks=0.5),
    ]
    priced = hidden_costs(lines, engineer_usd_per_hour=50, amortise_months=10, gpu_usd_per_month=1800)
    by_name = {line.name: line for line in priced.lines}
    assert by_name["updates"].recurring_usd_per_month == (10 * 50 + 100) / 2
    assert by_name["spot"].recurring_usd_per_month == pytest.approx(180)
    assert by_name["start"].once_usd == 1000


def test_an_interval_without_a_figure_is_unpriced_and_a_zero_is_a_price() -> None:
    lines = [HiddenCost(name="empty", interval_months=1), HiddenCost(name="free", once_usd=0.0)]
    priced = hidden_costs(lines, engineer_usd_per_hour=50, amortise_months=12)
    assert priced.unpriced == ("empty",)
    assert priced.lines[0].once_usd == 0


def test_the_register_names_what_a_dashboard_needs() -> None:
    monitoring = next(line for line in hidden_cost_register() if line.name == "monitoring")
    for word in ("utilisation", "latency percentiles", "error rate", "KV pressure", "token throughput"):
        assert word in monitoring.covers


def test_every_row_is_dated_and_sourced_and_holds_its_range() -> None:
    for row in read_table("hidden_costs"):
        assert row["as_of"]
        assert row["source"]
        if row["once_engineer_weeks"]:
            assert float(row["once_engineer_weeks_low"]) <= float(row["once_engineer_weeks"])
            assert float(row["once_engineer_weeks"]) <= float(row["once_engineer_weeks_high"])


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        HiddenCost(name="bad", once_usd=-1, event_usd=math.nan, interval_months=0)
    assert len(caught.value.violations) == 3
    with pytest.raises(InputError, match="amortise_months"):
        hidden_costs([], engineer_usd_per_hour=1, amortise_months=0)
