"""How fresh rows join the rows already held: what is new replaces what is the same product, the rest keeps its date."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from tokonomics.catalog.api_price import ApiPrice
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.price_book import in_force
from tokonomics.catalog.rates import Rates
from tokonomics.catalog.source import source_id


def merge_offers(before: Sequence[Offer], fresh: Sequence[Offer]) -> tuple[Offer, ...]:
    """`fresh` in place of the same products; a row of the same feed and provider that the feed no longer has goes."""
    by_key = {offer.key: offer for offer in fresh}
    covered = {(offer.provider, source_id(offer.source)) for offer in fresh}
    kept = [by_key.pop(offer.key, offer) for offer in before if offer.key in by_key or not _is_gone(offer, covered)]
    return (*kept, *by_key.values())


def _is_gone(offer: Offer, covered: set[tuple[str, str]]) -> bool:
    return (offer.provider, source_id(offer.source)) in covered


def merge_api_prices(before: Sequence[ApiPrice], fresh: Sequence[ApiPrice], *, today: date) -> tuple[ApiPrice, ...]:
    """`fresh` in place of the same endpoints, with what only we know of them: the open weights, the second opinion.

    Past prices stay: when a list that keeps no history shows a new price, it is taken as beginning `today`, after
    the rows held so far.
    """
    old, new = by_name(before), by_name(fresh)
    merged = [_merge_endpoint(old.get(name, ()), new.get(name, ()), today) for name in dict.fromkeys([*old, *new])]
    return tuple(price for rows in merged for price in rows)


def by_name(prices: Iterable[ApiPrice]) -> dict[str, tuple[ApiPrice, ...]]:
    """Prices grouped by endpoint, in their order."""
    groups: dict[str, list[ApiPrice]] = {}
    for price in prices:
        groups.setdefault(price.name, []).append(price)
    return {name: tuple(rows) for name, rows in groups.items()}


def is_same_price(one: ApiPrice, other: ApiPrice) -> bool:
    """Whether two prices charge the same under all conditions, whoever reports them and when."""
    return _undated(one) == _undated(other)


def _undated(price: ApiPrice) -> list[Rates]:
    """The standard cards without their dates, in an order that does not depend on the file's."""
    cards = [replace(card, effective_from=None) for card in (price.base, *price.tiers, *price.windows)]
    return sorted(cards, key=repr)


def _merge_endpoint(old: Sequence[ApiPrice], new: Sequence[ApiPrice], today: date) -> list[ApiPrice]:
    current = in_force(old, today)
    if not new or current is None:
        return list(new or old)
    fresh = [_with_our_links(price, current) for price in new]
    if len(fresh) > 1 or fresh[0].effective_from is not None:
        return fresh
    if is_same_price(current, fresh[0]):
        start, tiers, windows = current.effective_from, current.tiers, current.windows
        confirmed = replace(fresh[0], effective_from=start, tiers=tiers, windows=windows)
        return [confirmed if price is current else price for price in old]
    return [*(price for price in old if (price.effective_from or date.min) < today), _beginning(fresh[0], today)]


def _with_our_links(price: ApiPrice, current: ApiPrice) -> ApiPrice:
    """`price` with what a feed does not say: the weights, a still valid opinion, and batch prices if it has none."""
    second = current.second if is_same_price(price, current) else None
    is_still_disputed = second is not None and price.status == "listed"
    return replace(
        price,
        model_id=price.model_id or current.model_id,
        second=price.second or second,
        variants=price.variants or current.variants,
        status=current.status if is_still_disputed else price.status,
    )


def _beginning(price: ApiPrice, today: date) -> ApiPrice:
    note = f"first seen {today}; it may have begun earlier"
    return replace(
        price,
        effective_from=today,
        tiers=_dated(price.tiers, today),
        windows=_dated(price.windows, today),
        notes="; ".join(part for part in (price.notes, note) if part),
    )


def _dated(cards: Sequence[Rates], today: date) -> tuple[Rates, ...]:
    return tuple(replace(card, effective_from=today) for card in cards)
