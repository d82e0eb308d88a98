"""ApiPrice back to rows of the API price table, so that a snapshot can be written and written again unchanged."""

from collections.abc import Iterable
from decimal import Decimal

from tokonomics.catalog.api_price import ApiPrice, SecondOpinion
from tokonomics.catalog.api_price_table import COLUMNS
from tokonomics.catalog.rates import STANDARD, Rates
from tokonomics.catalog.tables import write_rows

_KEY = ("provider", "model", "variant", "effective_from", "above_input_tokens", "utc_from", "utc_to")
_PRICES = (
    "input_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "cache_write_5m_usd_per_mtok",
    "cache_write_1h_usd_per_mtok",
    "output_usd_per_mtok",
)


def api_prices_csv(prices: Iterable[ApiPrice]) -> str:
    """The text of a snapshot's api_prices.csv; a variant shared by several dated prices is written once."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in (row for price in prices for row in api_price_rows(price)):
        rows.setdefault(tuple(row[column] for column in _KEY), row)
    return write_rows(rows.values(), COLUMNS)


def api_price_rows(price: ApiPrice) -> list[dict[str, str]]:
    """The rate-card rows of one dated price: base first, then tiers, windows and variants."""
    common = {
        "provider": price.provider,
        "model": price.model,
        "model_id": price.model_id,
        "status": price.status,
        "as_of": price.as_of,
        "source": price.source,
    }
    base = {**common, **_card_cells(price.base), **_second_cells(price.second), "notes": price.notes}
    return [base, *({**common, **_card_cells(card)} for card in (*price.tiers, *price.windows, *price.variants))]


def _card_cells(card: Rates) -> dict[str, str]:
    return {
        "effective_from": card.effective_from.isoformat() if card.effective_from else "",
        "variant": card.variant or STANDARD,
        "above_input_tokens": str(card.above_input_tokens) if card.above_input_tokens else "",
        "utc_from": card.utc_from.strftime("%H:%M") if card.utc_from else "",
        "utc_to": card.utc_to.strftime("%H:%M") if card.utc_to else "",
        **{column: _money(getattr(card, column)) for column in _PRICES},
    }


def _second_cells(second: SecondOpinion | None) -> dict[str, str]:
    if second is None:
        return {}
    agree = {True: "yes", False: "no", None: ""}[second.agrees]
    return {
        "second_input_usd_per_mtok": _money(second.input_usd_per_mtok),
        "second_cached_input_usd_per_mtok": _money(second.cached_input_usd_per_mtok),
        "second_output_usd_per_mtok": _money(second.output_usd_per_mtok),
        "second_as_of": second.as_of,
        "second_source": second.source,
        "sources_agree": agree,
    }


def _money(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")
