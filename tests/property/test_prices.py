"""Laws of prices: additive, monotone, never negative, and equal to what an independent library computes."""

import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.api_price_rows import api_prices_csv
from tokonomics.catalog.api_price_table import read_api_prices
from tokonomics.catalog.freshness import earliest_date, freshness_of, oldest_date
from tokonomics.catalog.load import load_catalog
from tokonomics.catalog.rates import Rates
from tokonomics.catalog.token_usage import TokenUsage
from tokonomics.catalog.validators import jump

CATALOG = load_catalog(snapshot="2026-11-23", with_genai_prices=False)
NAMES = CATALOG.price_book.names()
CLASSES = ("input_uncached", "input_cache_read", "input_cache_write_5m", "output_text", "output_reasoning")

counts = st.integers(0, 400_000)
usages = st.builds(TokenUsage, **dict.fromkeys(CLASSES, counts))
names = st.sampled_from(NAMES)
moments = st.datetimes(datetime(2026, 11, 1), datetime(2027, 2, 1), timezones=st.just(UTC))
money = st.decimals(0, 200, places=4, allow_nan=False, allow_infinity=False)
optional_money = st.none() | money


@st.composite
def prices(draw: st.DrawFn) -> ApiPrice:
    """Any price with up to two tiers that cost no less than the step before."""
    fields = ("cached_input_usd_per_mtok", "cache_write_5m_usd_per_mtok", "cache_write_1h_usd_per_mtok")
    base = {name: draw(optional_money) for name in fields}
    base |= {"input_usd_per_mtok": draw(money), "output_usd_per_mtok": draw(money)}
    tiers = []
    for above in draw(st.lists(st.integers(1, 500_000), max_size=2, unique=True)):
        dearer = draw(st.integers(1, 4))
        card = {name: None if value is None else value * dearer for name, value in base.items()}
        tiers.append(Rates(**card, above_input_tokens=above))
    tiers.sort(key=lambda card: card.above_input_tokens)
    return ApiPrice(provider="p", model="m", source="s", as_of="2026", tiers=tuple(tiers), **base)


@given(prices(), usages, usages)
def test_costs_add_up_within_one_tier(price: ApiPrice, one: TokenUsage, other: TokenUsage) -> None:
    card = price.rates(input_tokens=(one + other).input_tokens)
    assert card.cost_usd(one) + card.cost_usd(other) == card.cost_usd(one + other)


@given(prices(), usages)
def test_a_cost_is_never_negative_and_nothing_costs_nothing(price: ApiPrice, usage: TokenUsage) -> None:
    assert price.cost_usd(usage) >= 0
    assert price.cost_usd(TokenUsage()) == 0


@given(prices(), usages, st.sampled_from(CLASSES), st.integers(1, 100_000))
def test_another_token_on_the_same_card_never_costs_less(
    price: ApiPrice, usage: TokenUsage, name: str, more: int
) -> None:
    card = price.rates(input_tokens=usage.input_tokens)
    assert card.cost_usd(usage + TokenUsage(**{name: more})) >= card.cost_usd(usage)


@given(prices(), st.integers(0, 600_000))
def test_exactly_one_card_holds_for_a_size(price: ApiPrice, input_tokens: int) -> None:
    card = price.rates(input_tokens=input_tokens)
    assert card.above_input_tokens == max(
        (tier.above_input_tokens for tier in price.tiers if input_tokens > tier.above_input_tokens), default=0
    )


@given(names, usages, moments)
def test_the_day_mean_lies_between_the_cheapest_and_the_dearest_hour(
    name: str, usage: TokenUsage, at: datetime
) -> None:
    price = CATALOG.api_price(name, at=at.date())
    hours = [price.cost_usd(usage, at=at.replace(hour=hour, minute=0)) for hour in range(24)]
    slack = Decimal("1e-20")
    assert min(hours) - slack <= price.cost_usd(usage) <= max(hours) + slack
    assert abs(price.cost_usd(usage) - sum(hours) / 24) < slack or any(
        card.utc_from and card.utc_from.minute for card in price.windows
    )


@given(names, st.dates(date(2025, 1, 1), date(2028, 1, 1)))
def test_some_row_is_in_force_on_every_date_and_it_is_the_latest_begun(name: str, at: date) -> None:
    found = CATALOG.price_book.price(name, at)
    begun = [row for row in CATALOG.price_book.history(name) if (row.effective_from or date.min) <= at]
    assert (found is None) == (not begun)
    if found is not None:
        assert found.effective_from == max(row.effective_from or date.min for row in begun) or not found.effective_from


@given(st.lists(prices(), min_size=1, max_size=3))
def test_a_table_of_prices_reads_back_as_it_was_written(some: list[ApiPrice]) -> None:
    from dataclasses import replace

    distinct = tuple(replace(price, model=f"m{number}") for number, price in enumerate(some))
    assert read_api_prices(api_prices_csv(distinct)) == distinct


@settings(max_examples=60)
@given(names, usages, moments, st.sampled_from(["standard", "batch"]))
def test_costs_equal_those_of_genai_prices(name: str, usage: TokenUsage, at: datetime, variant: str) -> None:
    """Differential: the same request priced by the library that the prices came from, by its own code."""
    genai_prices = pytest.importorskip("genai_prices")
    price = CATALOG.api_price(name, at=at.date())
    if variant == "batch" and not price.variants:
        return
    provider, _, model = name.partition("/")
    theirs = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.input_cache_read,
        cache_write_tokens=usage.input_cache_write_5m,
        output_tokens=usage.output_tokens,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [found] = [
            one
            for owner in __import__("genai_prices.data").data.providers
            if owner.id == provider
            for one in owner.models
            if one.id == model
        ]
        context = {"processing": "batch"} if variant == "batch" else None
        expected = found.get_prices(at, context).calc_price(theirs)["total_price"]
    has_variant = any(card.variant == variant for card in price.variants)
    ours = price.cost_usd(usage, at=at, variant=variant if has_variant else "standard")
    assert ours == expected


@given(st.dates(date(2024, 1, 1), date(2026, 11, 23)), st.sampled_from(["api_price", "on_demand", "spot"]))
def test_facts_only_get_staler(day: date, kind: str) -> None:
    order = ["fresh", "aging", "stale"]
    levels = [
        freshness_of(day.isoformat(), kind=kind, today=day + timedelta(days=age)).level for age in range(0, 120, 7)
    ]
    assert [order.index(level) for level in levels] == sorted(order.index(level) for level in levels)


@given(st.lists(st.sampled_from(["2026-11-10", "2026-02", "2026", "2025-H2", "2025-Q1", "2024"]), min_size=1))
def test_the_oldest_date_is_no_later_than_any(as_ofs: list[str]) -> None:
    oldest = earliest_date(oldest_date(as_ofs))
    assert oldest is not None
    assert all(oldest <= (earliest_date(one) or date.min) for one in as_ofs)


@given(st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_a_jump_is_judged_alike_in_both_directions(before: float, after: float) -> None:
    assert (jump(before, after) is None) == (jump(after, before) is None)
