"""Validators: each trap met in a published price file, refused with its reason."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_validators import api_jump, api_problem, check_api_prices
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.validators import (
    check_offers,
    is_below_spot,
    is_placeholder,
    is_unpriced,
    jump,
    limit,
    spot_problem,
)


def offer(on_demand: float | None, spot: float | None = None, num_gpus: int = 1) -> Offer:
    return Offer(
        provider="p",
        instance="i",
        accelerator_id="l4",
        num_gpus=num_gpus,
        region="r",
        on_demand_usd_per_hour=on_demand,
        spot_usd_per_hour=spot,
        reserved_1yr_usd_per_hour=None,
        as_of="2026-11-23",
        source="feed#x",
    )


def price(input_usd: str | None, output_usd: str | None = "1", **other: object) -> ApiPrice:
    return ApiPrice(
        provider="p",
        model="m",
        input_usd_per_mtok=None if input_usd is None else Decimal(input_usd),
        output_usd_per_mtok=None if output_usd is None else Decimal(output_usd),
        source="s",
        **other,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("sentinel", [0.0, 0.01, -1.0, 700.0])
def test_placeholders_are_no_prices(sentinel: float) -> None:
    assert "placeholder" in (is_placeholder(offer(sentinel)) or "")
    assert "placeholder" in (spot_problem(offer(None, sentinel)) or "")


def test_a_placeholder_is_judged_per_accelerator() -> None:
    assert is_placeholder(offer(142.416, num_gpus=8)) is None
    assert is_placeholder(offer(142.416)) is not None


def test_the_cheapest_and_dearest_real_offers_pass() -> None:
    assert is_placeholder(offer(0.1381)) is None
    assert is_placeholder(offer(17.802)) is None


def test_on_demand_below_spot_is_another_product() -> None:
    assert "below spot" in (is_below_spot(offer(5.3833, 5.9832)) or "")
    assert is_below_spot(offer(5.9832, 5.3833)) is None
    assert is_below_spot(offer(None, 1.0)) is None


def test_spot_that_repeats_on_demand_is_cut_off_and_listed() -> None:
    checked = check_offers([offer(1.39, 1.39)], {}, accept_jumps=False)
    assert [one.spot_usd_per_hour for one in checked.kept] == [None]
    assert [one.on_demand_usd_per_hour for one in checked.kept] == [1.39]
    assert "repeats" in checked.rejected[0].reason


def test_a_bad_spot_price_does_not_cost_the_row() -> None:
    checked = check_offers([offer(1.8, 0.0)], {}, accept_jumps=False)
    assert (len(checked.kept), len(checked.rejected)) == (1, 1)


def test_a_row_whose_only_price_is_a_placeholder_is_refused() -> None:
    checked = check_offers([offer(None, 0.0)], {}, accept_jumps=False)
    assert checked.kept == ()
    assert checked.rejected[0].reason == "no price in any column"
    assert is_unpriced(offer(None)) is not None


def test_a_jump_is_refused_until_it_is_accepted() -> None:
    before = {offer(2.0).key: offer(2.0)}
    refused = check_offers([offer(10.5)], before, accept_jumps=False)
    assert refused.kept == ()
    assert "moved 5.25x, from 2 to 10.5 USD; limit=5x" in refused.rejected[0].reason
    assert check_offers([offer(10.5)], before, accept_jumps=True).kept == (offer(10.5),)
    assert check_offers([offer(10.0)], before, accept_jumps=False).kept == (offer(10.0),)


def test_a_fall_is_a_jump_too_and_spot_may_move_freely() -> None:
    assert jump(10.0, 1.9) is not None
    before = {offer(2.0).key: offer(2.0, 1.5)}
    assert check_offers([offer(2.0, 0.1)], before, accept_jumps=False).kept == (offer(2.0, 0.1),)


def test_every_refusal_says_what_and_where() -> None:
    [rejected] = check_offers([offer(700.0)], {}, accept_jumps=False).rejected
    assert (rejected.table, rejected.key, rejected.source) == ("offers", "p i l4 r", "feed#x")
    assert "700" in rejected.values


@pytest.mark.parametrize("bad", [price("0", "0"), price("0", None), price("5000"), price("0.1", "20000")])
def test_api_prices_that_cannot_be_meant(bad: ApiPrice) -> None:
    assert api_problem(bad)


def test_a_free_input_beside_a_paid_output_may_be_meant() -> None:
    assert api_problem(price("0", "1")) is None
    assert api_problem(price("30", "180")) is None


def test_an_api_price_may_change_at_a_new_date_but_not_silently() -> None:
    from datetime import date

    before = price("1")
    assert api_jump(price("6"), before)
    assert api_jump(price("0.1"), before)
    assert api_jump(price("6", effective_from=date(2026, 12, 1)), before) is None
    assert api_jump(price("6"), None) is None


def test_one_bad_row_refuses_its_endpoint_and_no_other() -> None:
    good = replace(price("1"), model="other")
    checked = check_api_prices([price("1"), price("9000"), good], lambda _: None, accept_jumps=False)
    assert checked.kept == (good,)
    assert [one.key for one in checked.rejected] == ["p/m"]


def test_limits_are_facts_with_a_reason() -> None:
    assert limit("max_move_ratio") == 5
    assert limit("shown_move_frac") == 0.05
    with pytest.raises(KeyError):
        limit("nothing")
