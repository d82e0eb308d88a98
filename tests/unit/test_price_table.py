"""The price table: rate cards gathered into dated prices, and written back unchanged."""

from datetime import date, time
from decimal import Decimal

import pytest

from tokonomics.catalog.api_price_rows import api_prices_csv
from tokonomics.catalog.api_price_table import read_api_prices
from tokonomics.errors import InputError

HEADER = (
    "provider,model,effective_from,variant,above_input_tokens,utc_from,utc_to,"
    "input_usd_per_mtok,output_usd_per_mtok,status,as_of,source\n"
)


def test_cards_of_one_endpoint_become_one_price_per_start_date() -> None:
    text = HEADER + (
        "x,m,,,,,,1,2,,2026,s\n"
        "x,m,2026-07-30,,,,,3,4,,2026,s\n"
        "x,m,2026-07-30,,1000,,,5,6,,2026,s\n"
        "x,m,2026-07-30,,,01:00,04:00,7,8,,2026,s\n"
        "x,m,2026-10-14,batch,,,,0.5,1,,2026,s\n"
    )
    first, second = read_api_prices(text)
    assert (first.effective_from, first.tiers, first.windows) == (None, (), ())
    assert first.variants == (), "the batch price begins after this price has ended"
    assert second.effective_from == date(2026, 7, 30)
    assert second.tiers[0].above_input_tokens == 1000
    assert second.windows[0].utc_from == time(1)
    assert second.batch_input_usd_per_mtok == Decimal("0.5")


def test_a_variant_lives_on_through_a_change_of_the_standard_price() -> None:
    text = HEADER + "x,m,,,,,,1,2,,2026,s\nx,m,2026-12-01,,,,,3,4,,2026,s\nx,m,2026-10-14,batch,,,,0.5,1,,2026,s\n"
    assert [price.batch_input_usd_per_mtok for price in read_api_prices(text)] == [Decimal("0.5")] * 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,m,2026-01-01,,1000,,,1,2,,2026,s\n", "has no plain standard row"),
        ("x,m,,,,,,1,2,,2026,s\nx,m,2026-01-01,,9,,,1,2,,2026,s\n", "no plain standard row of that date"),
        ("x,m,,,,,,1,2,,2026,s\nx,m,,,,,,1,3,,2026,s\n", "repeats a row"),
        ("x,m,,,,,,1,2,,2026,s\nx,m,,batch,,,,1,2,,2026,s\nx,m,,batch,,,,1,3,,2026,s\n", "repeats a row"),
        ("x,m,,,,,,,,,2026,s\n", "unpriced is no row"),
        ("x,m,,,,01:00,,1,2,,2026,s\n", "both ends"),
        ("x,m,,cheap,,,,1,2,,2026,s\n", "not one of standard, batch"),
        ("x,m,,,,,,1,2,,2026,\n", "source='' is empty"),
        ("x,m,,,,,,-1,2,,2026,s\n", "not a number of 0 or more"),
        ("x,m,soon,,,,,1,2,,2026,s\n", "not a date"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_api_prices(HEADER + rows, where="mine.csv")
    assert all(violation.startswith("mine.csv:") for violation in caught.value.violations)


def test_the_second_opinion_is_kept_with_its_verdict() -> None:
    text = (
        "provider,model,input_usd_per_mtok,output_usd_per_mtok,second_input_usd_per_mtok,second_output_usd_per_mtok,"
        "second_as_of,second_source,sources_agree,source\nx,m,1,2,1.5,2,2026-11-17,other,no,s\ny,m,1,2,,,,,,s\n"
    )
    first, second = read_api_prices(text)
    assert first.second is not None
    assert first.second.agrees is False
    assert first.second.input_usd_per_mtok == Decimal("1.5")
    assert second.second is None


def test_prices_write_and_read_back_unchanged() -> None:
    text = HEADER + (
        "x,m,,,,,,1,2,,2026,s\n"
        "x,m,2026-12-01,,,,,3,4,disputed,2026,s\n"
        "x,m,2026-12-01,,1000,,,5,6,disputed,2026,s\n"
        "x,m,2026-10-14,batch,,,,0.5,1,,2026,s\n"
    )
    prices = read_api_prices(text)
    assert read_api_prices(api_prices_csv(prices)) == prices
