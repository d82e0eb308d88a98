"""Merging: fresh rows replace the same product; the rest, the past and what only we know stays."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from tokonomics.catalog.api_price import ApiPrice, SecondOpinion
from tokonomics.catalog.diff import diff_api_prices, diff_offers
from tokonomics.catalog.merge import is_same_price, merge_api_prices, merge_offers
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.price_book import price_layer
from tokonomics.catalog.rates import Rates

TODAY = date(2026, 12, 15)
SECOND = SecondOpinion(
    input_usd_per_mtok=Decimal(1),
    cached_input_usd_per_mtok=None,
    output_usd_per_mtok=Decimal(2),
    as_of="2026-11-17",
    source="other",
    agrees=True,
)


def offer(instance: str, usd: float, source: str, provider: str = "aws") -> Offer:
    return Offer(
        provider=provider,
        instance=instance,
        accelerator_id="l4",
        num_gpus=1,
        region="r",
        on_demand_usd_per_hour=usd,
        spot_usd_per_hour=None,
        reserved_1yr_usd_per_hour=None,
        as_of="2026",
        source=source,
    )


def price(input_usd: str, start: date | None = None, **other: object) -> ApiPrice:
    return ApiPrice(
        provider="p",
        model="m",
        input_usd_per_mtok=Decimal(input_usd),
        output_usd_per_mtok=Decimal(2),
        effective_from=start,
        **{"source": "old", **other},  # type: ignore[arg-type]
    )


def inputs(prices: tuple[ApiPrice, ...]) -> list[tuple[str, str]]:
    return [(str(one.effective_from or "always"), str(one.input_usd_per_mtok)) for one in prices]


def test_a_fresh_offer_takes_the_place_of_the_same_product() -> None:
    before = [offer("a", 1, "blog"), offer("b", 2, "blog")]
    after = merge_offers(before, [offer("b", 3, "gpuhunt#aws@1"), offer("c", 4, "gpuhunt#aws@1")])
    assert [(one.instance, one.on_demand_usd_per_hour) for one in after] == [("a", 1), ("b", 3), ("c", 4)]


def test_what_a_feed_no_longer_lists_goes_but_only_its_own() -> None:
    before = [offer("gone", 1, "gpuhunt#aws@1"), offer("kept", 1, "blog"), offer("x", 1, "gpuhunt#gcp@1", "gcp")]
    after = merge_offers(before, [offer("new", 2, "gpuhunt#aws@2")])
    assert [one.instance for one in after] == ["kept", "x", "new"]


def test_an_empty_feed_removes_nothing() -> None:
    before = [offer("a", 1, "gpuhunt#aws@1")]
    assert merge_offers(before, []) == tuple(before)


def test_a_confirmed_price_is_only_dated_anew() -> None:
    old = (price("9", source="older"), price("1", date(2026, 7, 1), as_of="2026-11-10", second=SECOND, model_id="open"))
    merged = merge_api_prices(old, [price("1", source="new", as_of="2026-12-15")], today=TODAY)
    assert inputs(merged) == [("always", "9"), ("2026-07-01", "1")]
    assert (merged[1].as_of, merged[1].source, merged[1].model_id) == ("2026-12-15", "new", "open")
    assert merged[1].second == SECOND


def test_a_new_price_without_a_date_begins_today_and_the_past_stays() -> None:
    merged = merge_api_prices([price("1", second=SECOND, model_id="open")], [price("3")], today=TODAY)
    assert inputs(merged) == [("always", "1"), ("2026-12-15", "3")]
    assert "first seen 2026-12-15" in merged[1].notes
    assert merged[1].model_id == "open"
    assert merged[1].second is None, "an opinion on the old price says nothing of the new one"
    layer = price_layer("x", merged)
    yesterday, now = (layer.in_force("p/m", day) for day in (date(2026, 12, 14), TODAY))
    assert yesterday is not None
    assert now is not None
    assert (yesterday.input_usd_per_mtok, now.input_usd_per_mtok) == (1, 3)


def test_a_second_change_on_one_day_replaces_the_first() -> None:
    first = merge_api_prices([price("1")], [price("3")], today=TODAY)
    assert inputs(merge_api_prices(first, [price("4")], today=TODAY)) == [("always", "1"), ("2026-12-15", "4")]


def test_a_list_that_keeps_history_is_taken_as_it_is() -> None:
    fresh = [price("1", source="new"), price("5", date(2026, 12, 1), source="new")]
    assert inputs(merge_api_prices([price("1")], fresh, today=TODAY)) == [("always", "1"), ("2026-12-01", "5")]


def test_endpoints_that_only_one_side_has_are_kept() -> None:
    other = replace(price("7"), model="other")
    merged = merge_api_prices([price("1")], [other], today=TODAY)
    assert [one.name for one in merged] == ["p/m", "p/other"]


def test_tiers_of_a_price_seen_today_begin_today_too() -> None:
    tier = Rates(input_usd_per_mtok=Decimal(6), output_usd_per_mtok=Decimal(9), above_input_tokens=1000)
    merged = merge_api_prices([price("1")], [price("3", tiers=(tier,))], today=TODAY)
    assert merged[-1].tiers[0].effective_from == TODAY


def test_a_feed_without_batch_prices_does_not_take_them_away() -> None:
    batch = Rates(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(1), variant="batch")
    flex = replace(batch, variant="flex")
    kept = merge_api_prices([price("1", variants=(batch,))], [price("3")], today=TODAY)
    assert kept[-1].variants == (batch,)
    replaced = merge_api_prices([price("1", variants=(batch,))], [price("3", variants=(flex,))], today=TODAY)
    assert replaced[-1].variants == (flex,)


def test_sameness_is_of_charges_not_of_reports() -> None:
    assert is_same_price(price("1"), price("1", date(2026, 1, 1), source="x", notes="y", as_of="z"))
    assert not is_same_price(price("1"), price("2"))
    tier = Rates(input_usd_per_mtok=Decimal(6), output_usd_per_mtok=Decimal(9), above_input_tokens=1000)
    assert not is_same_price(price("1"), price("1", tiers=(tier,)))


def test_diff_of_offers_shows_what_came_went_and_moved() -> None:
    before = [offer("same", 1.0, "s"), offer("moved", 2.0, "s"), offer("gone", 3.0, "s")]
    after = [offer("same", 1.04, "s"), offer("moved", 2.2, "s"), offer("new", 4.0, "s")]
    found = diff_offers(before, after)
    assert (found.added, found.removed) == (("aws new l4 r",), ("aws gone l4 r",))
    assert found.added_usd == {"aws new l4 r": {"on_demand_usd_per_hour": 4.0}}
    assert found.removed_usd == {"aws gone l4 r": {"on_demand_usd_per_hour": 3.0}}
    [move] = found.moved
    assert (move.key, move.column, move.before_usd, move.after_usd) == (
        "aws moved l4 r",
        "on_demand_usd_per_hour",
        2.0,
        2.2,
    )
    assert round(move.move_frac, 6) == 0.1


def test_diff_of_prices_says_what_a_new_endpoint_costs() -> None:
    found = diff_api_prices([], [price("1"), price("2", date(2026, 12, 1))], at=TODAY)
    [costs] = found.added_usd.values()
    assert costs["input_usd_per_mtok"] == 2.0
    assert diff_api_prices([price("1")], [], at=TODAY).removed_usd.keys() == found.added_usd.keys()


def test_diff_of_prices_compares_what_is_in_force() -> None:
    before = [price("1")]
    after = [price("1"), price("2", date(2026, 12, 1)), price("9", date(2027, 1, 1))]
    [move] = diff_api_prices(before, after, at=TODAY).moved
    assert (move.column, move.before_usd, move.after_usd) == ("input_usd_per_mtok", 1.0, 2.0)
    assert diff_api_prices(before, after, at=date(2026, 11, 30)).moved == ()
