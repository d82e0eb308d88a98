"""The cost of an owned accelerator-hour: its terms, its limits, its errors."""

import math
from dataclasses import replace

import pytest

from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.economics.hardware.on_prem import (
    OnPrem,
    annuity_usd_per_month,
    break_even_utilisation_frac,
    on_prem_cost,
    on_prem_curve,
)
from tokonomics.errors import InputError


@pytest.fixture
def article() -> OnPrem:
    return OnPrem(**assumed_values("on_prem"))


def test_the_article_as_it_should_be(article: OnPrem) -> None:
    cost = on_prem_cost(article)
    assert cost.electricity_usd == pytest.approx(1839.60)  # the article says 18,400: ten times too much
    assert cost.total_usd == pytest.approx(36_839.60)
    assert cost.used_hours == pytest.approx(23_652)
    assert cost.effective_usd_per_hour == pytest.approx(1.5576, abs=1e-4)


def test_pue_and_cost_of_capital(article: OnPrem) -> None:
    cost = on_prem_cost(replace(article, pue_factor=1.3, capital_cost_frac=0.10))
    assert cost.electricity_usd == pytest.approx(2391.48)
    assert cost.capital_usd == pytest.approx(4848.56, abs=0.01)
    assert cost.effective_usd_per_hour == pytest.approx(1.79, abs=0.005)


def test_the_terms_add_up(article: OnPrem) -> None:
    cost = on_prem_cost(
        replace(
            article,
            host_usd=4_000,
            host_watts=300,
            staff_usd_per_year=900,
            resale_frac=0.2,
            capital_cost_frac=0.08,
        )
    )
    assert cost.upfront_usd == 34_000
    assert cost.resale_usd == 6_000
    parts = cost.upfront_usd + cost.capital_usd - cost.resale_usd
    parts += cost.electricity_usd + cost.hosting_usd + cost.staff_usd
    assert cost.total_usd == pytest.approx(parts)
    assert cost.energy_kwh == pytest.approx(1.0 * 26_280)
    assert cost.owned_usd_per_hour * cost.owned_hours == pytest.approx(cost.total_usd)


def test_idle_hours_draw_their_share(article: OnPrem) -> None:
    half = replace(article, utilisation_frac=0.5)
    assert on_prem_cost(replace(half, idle_draw_frac=0.0)).energy_kwh == pytest.approx(0.7 * 26_280 * 0.5)
    assert on_prem_cost(replace(half, idle_draw_frac=0.2)).energy_kwh == pytest.approx(0.7 * 26_280 * 0.6)


def test_annuity_repays_the_principal_down_to_the_residual() -> None:
    payment = annuity_usd_per_month(10_000, rate_frac=0.12, horizon_months=24, residual_usd=2_500)
    balance = 10_000.0
    for _ in range(24):
        balance = balance * 1.01 - payment
    assert balance == pytest.approx(2_500)


def test_annuity_without_interest_is_a_plain_share() -> None:
    assert annuity_usd_per_month(3_600, rate_frac=0.0, horizon_months=36) == 100
    almost = annuity_usd_per_month(3_600, rate_frac=1e-9, horizon_months=36)
    assert almost == pytest.approx(100, rel=1e-6)


def test_curve_falls_with_utilisation(article: OnPrem) -> None:
    rates = [cost.effective_usd_per_hour for cost in on_prem_curve(article, (0.3, 0.6, 0.9))]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(3 * rates[2], rel=1e-9)  # full draw while idle: exactly inverse


def test_break_even_utilisation_substituted_back(article: OnPrem) -> None:
    machine = replace(article, idle_draw_frac=0.3)
    share = break_even_utilisation_frac(machine, rental_usd_per_hour=2.49)
    assert share is not None
    assert share == pytest.approx(0.563, abs=0.01)
    at_share = on_prem_cost(replace(machine, utilisation_frac=share))
    assert at_share.effective_usd_per_hour == pytest.approx(2.49)


def test_break_even_utilisation_never(article: OnPrem) -> None:
    assert break_even_utilisation_frac(article, rental_usd_per_hour=1.0) is None
    assert break_even_utilisation_frac(article, rental_usd_per_hour=0.01) is None


def test_every_bad_input_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        OnPrem(
            purchase_usd=-1,
            device_watts=math.nan,
            electricity_usd_per_kwh=math.inf,
            horizon_years=0,
            utilisation_frac=1.2,
            pue_factor=0.9,
            resale_frac=2,
        )
    assert len(caught.value.violations) == 7
    for name in (
        "purchase_usd=-1",
        "device_watts=nan",
        "horizon_years=0",
        "utilisation_frac=1.2",
        "pue_factor=0.9",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize("rent", [0.0, -1.0, math.nan])
def test_rent_must_be_positive(article: OnPrem, rent: float) -> None:
    with pytest.raises(InputError, match="rental_usd_per_hour"):
        break_even_utilisation_frac(article, rental_usd_per_hour=rent)
