"""Dated prices first, announced changes next, a fit last."""

from datetime import date

import numpy as np
import pytest

from tokonomics.economics.figures._student import t_quantile
from tokonomics.economics.outlook.decline import compound, decline_factor, fit_decline
from tokonomics.economics.outlook.price_path import PriceRow, fit_path, price_path
from tokonomics.errors import InputError, MissingFact

ROWS = [
    PriceRow(on=date(2026, 6, 1), row_usd_per_mtok=1.0, source="b"),
    PriceRow(on=date(2025, 1, 1), row_usd_per_mtok=2.0, source="a"),
    PriceRow(on=date(2027, 1, 1), row_usd_per_mtok=0.8, source="announced"),
]
TODAY = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042), (200, 1.972)],
)
def test_student_against_the_printed_table(freedom: int, quantile: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(quantile, abs=6e-4)


def test_rows_in_force() -> None:
    days = [
        date(2025, 1, 1),
        date(2026, 5, 31),
        date(2026, 6, 1),
        date(2026, 12, 31),
        date(2027, 1, 1),
        date(2030, 1, 1),
    ]
    points = price_path(ROWS, days, today=TODAY)
    assert [point.point_usd_per_mtok for point in points] == [2, 2, 1, 1, 0.8, 0.8]
    assert [point.basis for point in points] == ["listed"] * 4 + ["scheduled"] * 2
    assert points[4].source == "announced"


def test_a_fit_begins_only_after_everything_that_is_known() -> None:
    decline = fit_decline([0, 1, 2, 3], [8.0, 4.1, 1.9, 1.0])
    known, later = price_path(ROWS, [date(2026, 12, 1), date(2028, 1, 1)], today=TODAY, decline=decline)
    assert known.basis == "listed"
    assert later.basis == "fitted"
    assert later.point_usd_per_mtok == pytest.approx(0.8 / decline.yearly_factor, rel=1e-3)
    assert later.low_usd_per_mtok is not None
    assert later.high_usd_per_mtok is not None
    assert later.low_usd_per_mtok < later.point_usd_per_mtok < later.high_usd_per_mtok


def test_without_later_rows_the_fit_begins_today() -> None:
    decline = fit_decline([0, 1], [2.0, 1.0])
    (point,) = price_path(ROWS[:2], [date(2027, 11, 1)], today=TODAY, decline=decline)
    assert point.point_usd_per_mtok == pytest.approx(0.5, rel=1e-3)
    assert point.low_usd_per_mtok is None  # two points always lie on a line: there is no interval


def test_before_the_first_row_nothing_is_known() -> None:
    with pytest.raises(MissingFact, match="no price before 2025-01-01"):
        price_path(ROWS, [date(2024, 1, 1)], today=TODAY)
    with pytest.raises(InputError, match="same day"):
        price_path([*ROWS, ROWS[0]], [TODAY], today=TODAY)
    with pytest.raises(InputError, match="at least one row"):
        price_path([], [TODAY], today=TODAY)


def test_the_fit_recovers_a_known_decline_and_its_interval_covers_it() -> None:
    rng = np.random.default_rng(11)
    years = np.linspace(0, 4, 9)
    covered = 0
    for _ in range(200):
        prices = 5.0 * 3.0**-years * np.exp(rng.normal(0, 0.2, years.size))
        fit = fit_decline(years.tolist(), prices.tolist())
        assert fit.low_yearly_factor is not None
        assert fit.high_yearly_factor is not None
        covered += fit.low_yearly_factor <= 3.0 <= fit.high_yearly_factor
    assert 0.90 <= covered / 200 <= 0.99


def test_an_exact_decline() -> None:
    fit = fit_decline([2020, 2021, 2022], [8.0, 4.0, 2.0])
    assert fit.yearly_factor == pytest.approx(2.0)
    assert fit.halving_years == pytest.approx(1.0)
    assert fit.residual_factor == pytest.approx(1.0)
    assert fit.low_yearly_factor == pytest.approx(2.0)


def test_a_rising_price_never_halves() -> None:
    fit = fit_decline([0, 1, 2], [1.0, 2.0, 4.0])
    assert fit.yearly_factor == pytest.approx(0.5)
    assert fit.halving_years is None


def test_the_articles_decline_is_775_and_not_10() -> None:
    factor = decline_factor(start_usd_per_mtok=1.20, end_usd_per_mtok=0.02, span_years=4, per_years=2)
    assert factor == pytest.approx(7.746, abs=5e-4)


def test_factors_compound() -> None:
    both = compound({"bandwidth": 4.0, "experts": 2.0, "dearer hour": 0.5})
    assert both.total_factor == 4.0
    assert dict(both.shares)["bandwidth"] == pytest.approx(1.0)
    assert sum(share or 0 for _, share in both.shares) == pytest.approx(1.0)
    assert compound({"a": 2.0, "b": 0.5}).shares == (("a", None), ("b", None))


def test_path_fit_uses_the_dates() -> None:
    rows = [PriceRow(on=date(2023 + index, 1, 1), row_usd_per_mtok=8 / 2**index) for index in range(4)]
    assert fit_path(rows).yearly_factor == pytest.approx(2.0, rel=1e-3)


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="fewer than two dates"):
        fit_decline([1, 1], [2.0, 1.0])
    with pytest.raises(InputError, match="usd_per_mtok"):
        fit_decline([1, 2], [2.0, 0.0])
    with pytest.raises(InputError, match="one each"):
        fit_decline([1, 2, 3], [2.0, 1.0])
    with pytest.raises(InputError, match="no factor"):
        compound({})
