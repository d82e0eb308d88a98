"""Offer back to a row of the offer table, so that a snapshot can be written and written again unchanged."""

from collections.abc import Iterable

from tokonomics.catalog.offer import COLUMNS, Offer
from tokonomics.catalog.tables import write_rows


def offers_csv(offers: Iterable[Offer]) -> str:
    """The text of a snapshot's offers.csv."""
    return write_rows((offer_row(offer) for offer in offers), COLUMNS)


def offer_row(offer: Offer) -> dict[str, str]:
    r"""The cells of one offer; None is written empty.

    >>> from tokonomics.catalog.offer import read_offers
    >>> row = "provider,instance,accelerator_id,num_gpus,on_demand_usd_per_hour,source\nx,y,l4,1,0.5,doctest\n"
    >>> offer_row(read_offers(row)[0])["on_demand_usd_per_hour"]
    '0.5'
    """
    return {column: _text(getattr(offer, column)) for column in COLUMNS}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    return str(value)
