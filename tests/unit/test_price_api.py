"""One API price: disjoint classes of tokens, whole-request tiers, variants and daily windows."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.rates import Rates
from tokonomics.catalog.token_usage import TokenUsage
from tokonomics.errors import InputError, MissingFact

D = Decimal


def rates(input_usd: str, output_usd: str, **other: object) -> Rates:
    return Rates(input_usd_per_mtok=D(input_usd), output_usd_per_mtok=D(output_usd), **other)  # type: ignore[arg-type]


def price(**other: object) -> ApiPrice:
    base = {"provider": "p", "model": "m", "input_usd_per_mtok": D(2), "output_usd_per_mtok": D(10), "source": "s"}
    return ApiPrice(**{**base, **other})  # type: ignore[arg-type]


def test_usage_refuses_negative_and_fractional_counts_together() -> None:
    with pytest.raises(InputError) as caught:
        TokenUsage(input_uncached=-1, output_text=1.5)  # type: ignore[arg-type]
    assert len(caught.value.violations) == 2


def test_usage_adds_class_by_class() -> None:
    total = TokenUsage(input_uncached=1, output_text=2) + TokenUsage(input_uncached=10, output_reasoning=5)
    assert total == TokenUsage(input_uncached=11, output_text=2, output_reasoning=5)
    assert (total.input_tokens, total.output_tokens) == (11, 7)


def test_each_class_is_billed_once_at_its_own_price() -> None:
    card = price(
        cached_input_usd_per_mtok=D("0.2"),
        cache_write_5m_usd_per_mtok=D("2.5"),
        cache_write_1h_usd_per_mtok=D(4),
    )
    usage = TokenUsage(
        input_uncached=1_000_000,
        input_cache_read=2_000_000,
        input_cache_write_5m=3_000_000,
        input_cache_write_1h=4_000_000,
        output_text=5_000_000,
        output_reasoning=6_000_000,
    )
    assert card.cost_usd(usage) == D("2") + D("0.4") + D("7.5") + D("16") + D("50") + D("60")


def test_money_is_exact() -> None:
    assert price(input_usd_per_mtok=D("0.1")).cost_usd(TokenUsage(input_uncached=3)) == D("0.0000003")


def test_without_a_cached_price_cached_tokens_cost_the_plain_price() -> None:
    usage = TokenUsage(input_cache_read=1_000_000, input_cache_write_5m=1_000_000, input_cache_write_1h=1_000_000)
    assert price().cost_usd(usage) == 6


def test_a_one_hour_write_beside_a_listed_five_minute_write_is_unpriced() -> None:
    card = price(cache_write_5m_usd_per_mtok=D("2.5"))
    assert card.cost_usd(TokenUsage(input_cache_write_5m=1_000_000)) == D("2.5")
    with pytest.raises(MissingFact, match="input_cache_write_1h=7 tokens have no listed price"):
        card.cost_usd(TokenUsage(input_cache_write_1h=7))


def test_a_missing_price_is_an_error_and_never_free() -> None:
    embeddings = price(output_usd_per_mtok=None)
    assert embeddings.cost_usd(TokenUsage(input_uncached=1_000_000)) == 2
    with pytest.raises(MissingFact) as caught:
        price(input_usd_per_mtok=None, output_usd_per_mtok=None).cost_usd(TokenUsage(input_uncached=1, output_text=1))
    assert len(caught.value.violations) == 2
    assert caught.value.exit_code == 5


def test_the_whole_request_moves_to_the_tier_and_only_beyond_the_threshold() -> None:
    card = price(tiers=(rates("4", "15", above_input_tokens=200_000), rates("8", "30", above_input_tokens=500_000)))
    assert card.cost_usd(TokenUsage(input_uncached=200_000, output_text=1000)) == D("0.4") + D("0.01")
    assert card.cost_usd(TokenUsage(input_uncached=200_001, output_text=1000)) == D("0.800004") + D("0.015")
    assert card.cost_usd(TokenUsage(input_uncached=300_000, input_cache_read=200_001)) == D("4.000008")


def test_output_does_not_push_a_request_into_a_tier() -> None:
    card = price(tiers=(rates("4", "15", above_input_tokens=1000),))
    assert card.rates(input_tokens=1000).output_usd_per_mtok == 10
    assert card.cost_usd(TokenUsage(input_uncached=1, output_text=9999)) == D("0.099992")


def test_a_variant_has_its_own_card_and_its_own_tiers() -> None:
    card = price(
        tiers=(rates("4", "15", above_input_tokens=1000),),
        variants=(rates("1", "5", variant="batch"), rates("2", "7.5", variant="batch", above_input_tokens=1000)),
    )
    assert card.cost_usd(TokenUsage(input_uncached=1000), variant="batch") == D("0.001")
    assert card.cost_usd(TokenUsage(input_uncached=2000), variant="batch") == D("0.004")
    assert (card.batch_input_usd_per_mtok, card.batch_output_usd_per_mtok) == (1, 5)


def test_a_variant_that_is_not_listed_is_missing_and_names_those_that_are() -> None:
    card = price(variants=(rates("1", "5", variant="flex"),))
    with pytest.raises(MissingFact, match="p/m has no batch price; listed variants: flex"):
        card.rates(variant="batch")
    assert card.batch_input_usd_per_mtok is None


def test_the_latest_begun_card_of_a_variant_holds() -> None:
    card = price(
        variants=(
            rates("1", "5", variant="batch", effective_from=date(2026, 10, 14)),
            rates("0.5", "2", variant="batch", effective_from=date(2026, 10, 29)),
        )
    )
    assert card.rates(variant="batch", at=datetime(2026, 10, 20, tzinfo=UTC)).input_usd_per_mtok == 1
    assert card.rates(variant="batch", at=datetime(2026, 10, 29, tzinfo=UTC)).input_usd_per_mtok == D("0.5")
    assert card.rates(variant="batch").input_usd_per_mtok == D("0.5")
    with pytest.raises(MissingFact):
        card.rates(variant="batch", at=datetime(2026, 10, 1, tzinfo=UTC))


PEAKS = (
    rates("4", "20", utc_from=time(1), utc_to=time(4)),
    rates("4", "20", utc_from=time(6), utc_to=time(10)),
)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"), [(0, 59, 2), (1, 0, 4), (3, 59, 4), (4, 0, 2), (6, 0, 4), (10, 0, 2), (23, 0, 2)]
)
def test_a_daily_window_holds_from_its_start_until_its_end(hour: int, minute: int, expected: int) -> None:
    at = datetime(2026, 11, 23, hour, minute, tzinfo=UTC)
    assert price(windows=PEAKS).rates(at=at).input_usd_per_mtok == expected


def test_windows_are_in_utc_whatever_the_clock_of_the_request() -> None:
    at = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=8)))  # 01:00 UTC
    assert price(windows=PEAKS).rates(at=at).input_usd_per_mtok == 4


def test_without_a_time_the_day_is_averaged() -> None:
    assert price(windows=PEAKS).rates().input_usd_per_mtok == (D(2) * 17 + D(4) * 7) / 24
    assert price(windows=PEAKS[:1]).cost_usd(TokenUsage(output_text=1_000_000)) == (D(10) * 21 + D(20) * 3) / 24


def test_a_window_may_cross_midnight() -> None:
    card = rates("1", "1", utc_from=time(22), utc_to=time(2))
    assert card.num_window_minutes == 240
    assert card.holds_at(datetime(2026, 1, 1, 23))
    assert not card.holds_at(datetime(2026, 1, 1, 12))


def test_a_window_with_a_price_that_base_lacks_has_no_mean() -> None:
    windows = (rates("4", "20", utc_from=time(1), utc_to=time(4), cached_input_usd_per_mtok=D(1)),)
    assert price(windows=windows).rates().cached_input_usd_per_mtok is None
