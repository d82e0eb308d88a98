"""API prices as people read them: one row an endpoint, or one with every card, date and opinion."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from tokonomics.catalog.api_price import ApiPrice, SecondOpinion
from tokonomics.catalog.rates import STANDARD, Rates
from tokonomics.report.facts import UNPRICED, Facts, described
from tokonomics.report.view import Cell, Column, Table, View

_MTOK = "USD/Mtok"
_LIST = (
    Column(title="endpoint", key="name"),
    Column(title="input", key="input_usd_per_mtok", unit=_MTOK),
    Column(title="cached", key="cached_input_usd_per_mtok", unit=_MTOK, priority=2),
    Column(title="output", key="output_usd_per_mtok", unit=_MTOK),
    Column(title="batch in", key="batch_input_usd_per_mtok", unit=_MTOK, priority=6),
    Column(title="batch out", key="batch_output_usd_per_mtok", unit=_MTOK, priority=6),
    Column(title="also", key="conditions", priority=4),
    Column(title="weights", key="model_id", priority=5, missing=""),
    Column(title="other list", key="second_opinion", priority=3),
    Column(title="price of", key="as_of", priority=1),
    Column(title="standing", key="status", priority=2),
)
_CARDS = (
    Column(title="from", key="effective_from", missing="always"),
    Column(title="kind", key="variant"),
    Column(title="condition", key="condition", missing="any"),
    Column(title="input", key="input_usd_per_mtok", unit=_MTOK),
    Column(title="cached", key="cached_input_usd_per_mtok", unit=_MTOK),
    Column(title="write 5 min", key="cache_write_5m_usd_per_mtok", unit=_MTOK, priority=2),
    Column(title="write 1 h", key="cache_write_1h_usd_per_mtok", unit=_MTOK, priority=3),
    Column(title="output", key="output_usd_per_mtok", unit=_MTOK),
    Column(title="in force", key="is_in_force", priority=1),
)


def prices_document(facts: Facts, prices: Sequence[ApiPrice]) -> dict[str, Any]:
    """The body of the document of a list: the prices in force."""
    return {**facts.envelope(), "prices": [price_dict(facts, price) for price in prices]}


def prices_view(facts: Facts, prices: Sequence[ApiPrice]) -> View:
    """One row an endpoint: the prices in force for a small standard request."""
    num_disputed = sum(_disagrees(price) for price in prices)
    notes = ["standard price of a small request; `tok prices show NAME` has tiers, windows, batch and history"]
    if num_disputed:
        notes.append(f"{num_disputed} of {len(prices)} differ from another public list: both are shown (input/output)")
    rows = [_row(facts, price) for price in prices]
    as_ofs = [price.as_of for price in prices]
    return View(tables=(Table(columns=_LIST, rows=rows),), notes=(*notes, *facts.notes(as_ofs, "api_price")))


def price_document(facts: Facts, rows: Sequence[ApiPrice], current: ApiPrice | None) -> dict[str, Any]:
    """Every dated price of one endpoint; `current` is the one in force, null when it is unpriced on the date."""
    return {
        **facts.envelope(),
        "name": rows[0].name,
        "current": price_dict(facts, current) if current else None,
        "history": [price_dict(facts, row) for row in rows],
        "source": described(facts.catalog, rows[0].source),
    }


def price_view(facts: Facts, rows: Sequence[ApiPrice], current: ApiPrice | None) -> View:
    """Every card of one endpoint, oldest first."""
    shown = current or rows[0]
    state = _sentence(current) if current else f"{UNPRICED} on {facts.today}"
    notes = [f"source: {described(facts.catalog, shown.source)}"]
    notes += [_opinion(shown.second)] if shown.second else []
    notes += [shown.notes] if shown.notes else []
    notes += ["a size tier moves the whole request; cached tokens without a price of their own cost the input price"]
    cards = dict.fromkeys((card, row == current) for row in rows for card in _cards(row))
    table = Table(columns=_CARDS, rows=[_card_row(card, in_force) for card, in_force in _kept(list(cards))])
    headline = f"{shown.name}: {state}"
    return View(headline=(headline,), tables=(table,), notes=(*notes, *facts.notes([shown.as_of], "api_price")))


def price_dict(facts: Facts, price: ApiPrice) -> dict[str, Any]:
    """One dated price as a document; money is in USD per million tokens, null when not listed."""
    second = price.second
    return {
        "name": price.name,
        "model_id": price.model_id or None,
        "effective_from": price.effective_from,
        **_money_dict(price.base),
        "cards": [_card_dict(card) for card in (*price.tiers, *price.windows, *price.variants)],
        "second_opinion": None if second is None else _opinion_dict(second),
        "status": price.status,
        "as_of": price.as_of,
        "freshness": facts.level(price.as_of, "api_price"),
        "source": price.source,
        "notes": price.notes,
    }


def _row(facts: Facts, price: ApiPrice) -> tuple[Cell, ...]:
    return (
        price.name,
        _money(price.input_usd_per_mtok),
        _plain(price.cached_input_usd_per_mtok),
        _money(price.output_usd_per_mtok),
        _plain(price.batch_input_usd_per_mtok),
        _plain(price.batch_output_usd_per_mtok),
        ", ".join(_conditions(price)),
        price.model_id,
        _other(price),
        facts.dated(price.as_of, "api_price"),
        price.status,
    )


def _conditions(price: ApiPrice) -> Iterator[str]:
    if price.tiers:
        yield f">{price.tiers[0].above_input_tokens // 1000}k"
    if price.windows:
        yield "hours"


def _other(price: ApiPrice) -> str:
    if price.second is None:
        return ""
    if price.second.agrees:
        return "agrees"
    return f"{_money(price.second.input_usd_per_mtok)}/{_money(price.second.output_usd_per_mtok)}"


def _disagrees(price: ApiPrice) -> bool:
    return price.second is not None and price.second.agrees is False


def _sentence(price: ApiPrice) -> str:
    return (
        f"{_money(price.input_usd_per_mtok)} in, {_money(price.output_usd_per_mtok)} out, USD per million tokens, "
        f"{price.status}"
    )


def _opinion(second: SecondOpinion) -> str:
    verdict = {True: "agrees", False: "disagrees", None: "is not comparable"}[second.agrees]
    figures = f"{_money(second.input_usd_per_mtok)} in, {_money(second.output_usd_per_mtok)} out"
    return f"another list {verdict}: {figures} as of {second.as_of or 'unknown'} ({second.source})"


def _cards(price: ApiPrice) -> tuple[Rates, ...]:
    return (price.base, *price.tiers, *price.windows, *price.variants)


def _kept(cards: list[tuple[Rates, bool]]) -> list[tuple[Rates, bool]]:
    """Each card once: a variant that several dated prices share is in force if it is in one of them."""
    in_force = {card for card, is_in_force in cards if is_in_force}
    return [(card, card in in_force) for card in dict.fromkeys(card for card, _ in cards)]


def _card_row(card: Rates, is_in_force: bool) -> tuple[Cell, ...]:
    return (
        card.effective_from,
        card.variant,
        _condition(card),
        _money(card.input_usd_per_mtok),
        _plain(card.cached_input_usd_per_mtok),
        _plain(card.cache_write_5m_usd_per_mtok),
        _plain(card.cache_write_1h_usd_per_mtok),
        _money(card.output_usd_per_mtok),
        is_in_force,
    )


def _condition(card: Rates) -> str:
    parts = [f"over {card.above_input_tokens:,} input tokens"] if card.above_input_tokens else []
    if card.utc_from is not None and card.utc_to is not None:
        parts.append(f"{card.utc_from:%H:%M}-{card.utc_to:%H:%M} UTC")
    return ", ".join(parts)


def _card_dict(card: Rates) -> dict[str, Any]:
    return {
        "variant": card.variant or STANDARD,
        "effective_from": card.effective_from,
        "above_input_tokens": card.above_input_tokens,
        "utc_from": card.utc_from.strftime("%H:%M") if card.utc_from else None,
        "utc_to": card.utc_to.strftime("%H:%M") if card.utc_to else None,
        **_money_dict(card),
    }


def _money_dict(card: Rates) -> dict[str, Decimal | None]:
    return {
        "input_usd_per_mtok": card.input_usd_per_mtok,
        "cached_input_usd_per_mtok": card.cached_input_usd_per_mtok,
        "cache_write_5m_usd_per_mtok": card.cache_write_5m_usd_per_mtok,
        "cache_write_1h_usd_per_mtok": card.cache_write_1h_usd_per_mtok,
        "output_usd_per_mtok": card.output_usd_per_mtok,
    }


def _opinion_dict(second: SecondOpinion) -> dict[str, Any]:
    names = ("input_usd_per_mtok", "cached_input_usd_per_mtok", "output_usd_per_mtok", "as_of", "source", "agrees")
    return {name: getattr(second, name) for name in names}


def _money(value: Decimal | None) -> str:
    """A list price with its own digits: rounding would make it another price."""
    return UNPRICED if value is None else format(value, "f")


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
