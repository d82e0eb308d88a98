"""Which offers may be a default, and the cheapest of them."""

from collections.abc import Iterable, Sequence

from tokonomics.catalog.offer import Offer


def listed_offers(offers: Iterable[Offer], *, providers: Sequence[str] = ()) -> tuple[Offer, ...]:
    """Offers in good standing, or every offer of the `providers` that were named."""
    if providers:
        return tuple(offer for offer in offers if offer.provider in providers)
    return tuple(offer for offer in offers if offer.status == "listed")


def cheapest_offer(offers: Iterable[Offer], purchase: str = "on_demand") -> Offer | None:
    """The offer with the lowest price per accelerator-hour; None when none has a price for `purchase`."""
    priced = [(price, offer) for offer in offers if (price := offer.usd_per_gpu_hour(purchase)) is not None]
    return min(priced, key=lambda pair: pair[0])[1] if priced else None
