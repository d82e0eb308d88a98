"""Freshness: incomplete dates read as their earliest day, and an unknown date ranks worst."""

from datetime import date, timedelta

import pytest

from tokonomics.catalog.freshness import cut_offs, earliest_date, freshness_of, oldest_date, oldest_price_date
from tokonomics.errors import InputError

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-10", date(2026, 11, 10)),
        ("2026-02", date(2026, 2, 1)),
        ("2026", date(2026, 1, 1)),
        ("2025-H1", date(2025, 1, 1)),
        ("2025-H2", date(2025, 7, 1)),
        ("2024-Q4", date(2024, 10, 1)),
        ("2026 (undated copy)", date(2026, 1, 1)),
        ("2025-H2 (undated copy)", date(2025, 7, 1)),
        (" 2026-05-18 ", date(2026, 5, 18)),
        ("", None),
        ("unknown", None),
        ("2026-13", None),
        ("2026-02-30", None),
        ("20261110", None),
        ("0000", None),
    ],
)
def test_earliest_date(text: str, day: date | None) -> None:
    assert earliest_date(text) == day


@pytest.mark.parametrize(
    ("age_days", "kind", "level"),
    [
        (0, "api_price", "fresh"),
        (29, "api_price", "fresh"),
        (30, "api_price", "aging"),
        (89, "api_price", "aging"),
        (90, "api_price", "stale"),
        (29, "on_demand", "fresh"),
        (90, "on_demand", "stale"),
        (0, "spot", "fresh"),
        (1, "spot", "aging"),
        (7, "spot", "stale"),
        (4000, "hardware", "fresh"),
    ],
)
def test_levels_at_their_cut_offs(age_days: int, kind: str, level: str) -> None:
    found = freshness_of((TODAY - timedelta(days=age_days)).isoformat(), kind=kind, today=TODAY)
    assert (found.age_days, found.level) == (age_days, level)


def test_no_date_and_a_date_ahead_are_unknown() -> None:
    assert freshness_of("", kind="spot", today=TODAY).level == "unknown"
    assert freshness_of("2027-01-01", kind="spot", today=TODAY).level == "unknown"
    assert freshness_of("2026-11-24", kind="spot", today=TODAY).age_days == 0


def test_an_unknown_kind_is_an_input_error() -> None:
    with pytest.raises(InputError, match="kind='milk'"):
        freshness_of("2026", kind="milk", today=TODAY)


def test_the_oldest_counts_and_an_unknown_date_is_the_worst() -> None:
    assert oldest_date(["2026-11-10", "2026-02", "2026-03-17"]) == "2026-02"
    assert oldest_date(["2026-11-10", "someday"]) == "unknown"
    assert oldest_date([]) == "unknown"
    assert oldest_price_date(["2026-11-10", "2025-Q1"]) == date(2025, 1, 1)
    assert oldest_price_date(["2026-11-10", ""]) is None


def test_every_kind_that_ages_does_so_in_order() -> None:
    for cut in cut_offs().values():
        if cut.fresh_below_days is not None:
            assert cut.stale_from_days is not None
            assert 0 < cut.fresh_below_days < cut.stale_from_days
