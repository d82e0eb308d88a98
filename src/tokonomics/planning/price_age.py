"""The standing of the prices that an outcome rests on: the worst of them speaks for all."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from tokonomics.catalog.freshness import freshness_of

STATED: Final = "stated"
"""The standing of a price that the user gave: it does not age here."""

_WORST_FIRST: Final = ("unknown", "stale", "aging", STATED, "fresh")


def price_level(as_of: str, *, purchase: str, today: date, status: str = "") -> str:
    """The standing of one price; `purchase` is how it is bought, "per token" for a hosted model.

    >>> price_level("2026-01", purchase="per token", today=date(2026, 11, 23))
    'stale'
    """
    if status == STATED:
        return STATED
    kind = {"per token": "api_price", "spot": "spot"}.get(purchase, "on_demand")
    return freshness_of(as_of, kind=kind, today=today).level


def worst_level(levels: Iterable[str]) -> str:
    """The worst of `levels`; "" where there is none.

    >>> worst_level(["fresh", "stale", "aging"])
    'stale'
    """
    found = set(levels)
    return next((level for level in _WORST_FIRST if level in found), "")
