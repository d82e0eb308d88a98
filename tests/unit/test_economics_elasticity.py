"""Elasticity, spending and projections."""

import pytest

from tokonomics.economics.outlook.elasticity import (
    DemandPoint,
    elasticity_exponent,
    forecast_spend,
    measure_elasticity,
    volume_growth_ratio,
)
from tokonomics.economics.outlook.projection import YearFactor, article_projection, project_cost
from tokonomics.economics.outlook.use_cases import anchor_ratios, open_use_cases
from tokonomics.errors import InputError

POINTS = [
    DemandPoint(demand_usd_per_mtok=row.stated_usd_per_mtok, volume_ratio=row.volume_ratio)
    for row in article_projection()
]


def test_the_articles_table() -> None:
    measured = measure_elasticity(POINTS)
    assert measured.overall_exponent == pytest.approx(1.518, abs=5e-4)
    assert measured.step_exponents == pytest.approx([1.68, 1.53, 1.59, 1.30], abs=0.006)
    assert measured.halving_ratio == pytest.approx(2.86, abs=0.005)
    assert measured.tenfold_ratio == pytest.approx(32.9, abs=0.1)
    assert measured.spend_ratios == pytest.approx([1, 1.95, 3.5, 6.0, 8.33], abs=0.01)
    assert measured.spend_rises


def test_three_to_four_times_per_halving_is_another_elasticity() -> None:
    for growth, exponent in ((3, 1.58), (4, 2.0)):
        before, after = (
            DemandPoint(demand_usd_per_mtok=2, volume_ratio=1),
            DemandPoint(demand_usd_per_mtok=1, volume_ratio=growth),
        )
        assert elasticity_exponent(before, after) == pytest.approx(exponent, abs=0.006)


@pytest.mark.parametrize(("elasticity", "rises"), [(0.5, False), (1.0, None), (1.5, True)])
def test_spending_rises_exactly_above_one(elasticity: float, rises: bool | None) -> None:
    path = forecast_spend([2.0, 1.0], elasticity=elasticity, base_tokens_per_month=1e9)
    assert path[0].spend_usd_per_month == pytest.approx(2000)
    if rises is None:
        assert path[1].spend_ratio == pytest.approx(1.0)
    else:
        assert (path[1].spend_ratio > 1) is rises


def test_volume_grows_as_stated() -> None:
    assert volume_growth_ratio(price_ratio=1.0, elasticity=1.5) == 1
    assert volume_growth_ratio(price_ratio=2.0, elasticity=1.0) == pytest.approx(0.5)


def test_use_cases_open_one_by_one() -> None:
    assert [len(open_use_cases(price)) for price in (11, 10, 1, 0.1, 0.01)] == [0, 1, 2, 3, 4]


def test_a_web_search_costs_half_a_cent() -> None:
    assert anchor_ratios(0.02 / 1e6 * 1000)["web search"] == pytest.approx(0.004)


def test_projection_with_and_without_the_price_of_an_hour() -> None:
    rows = project_cost(
        1.20, [YearFactor(year=2024, yield_factor=8 / 3), YearFactor(year=2025, yield_factor=8, hour_price_ratio=1.5)]
    )
    assert [row.projected_usd_per_mtok for row in rows] == pytest.approx([0.45, 0.225])
    assert rows[1].steady_hour_usd_per_mtok == pytest.approx(0.15)
    assert rows[1].cheaper_factor == pytest.approx(8 / 1.5)


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="at least two"):
        measure_elasticity(POINTS[:1])
    with pytest.raises(InputError, match="same"):
        elasticity_exponent(POINTS[0], POINTS[0])
    with pytest.raises(InputError, match="yield_factor of 2024"):
        project_cost(1.2, [YearFactor(year=2024, yield_factor=0)])
    with pytest.raises(InputError, match="no price"):
        forecast_spend([], elasticity=1, base_tokens_per_month=1)
