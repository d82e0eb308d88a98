"""Validators of offers: what a fresh price must pass before it enters a snapshot.

Each check has one shape: a row in, a reason or None out. The traps are those met in published price files: a
placeholder instead of a price, on-demand below spot, on-demand repeated as spot, a unit mistake, a jump.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Generic, TypeVar

from tokonomics.catalog.offer import Offer
from tokonomics.catalog.rejected import Rejected
from tokonomics.catalog.tables import read_rows

T = TypeVar("T")
OfferCheck = Callable[[Offer], str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked(Generic[T]):
    """Rows that passed, and what was refused."""

    kept: tuple[T, ...]
    rejected: tuple[Rejected, ...]


def is_placeholder(offer: Offer) -> str | None:
    """An on-demand price that is no price: too low (0.00, 0.01, -1) or too high (700.0) for one accelerator-hour."""
    return _placeholder("on-demand", offer.usd_per_gpu_hour("on_demand"))


def is_below_spot(offer: Offer) -> str | None:
    """On-demand below spot: a different product leaked into the on-demand column."""
    on_demand, spot = offer.on_demand_usd_per_hour, offer.spot_usd_per_hour
    if on_demand is not None and spot is not None and on_demand < spot:
        return f"on-demand {on_demand:g} is below spot {spot:g} USD per hour, so it is not an on-demand price"
    return None


def is_unpriced(offer: Offer) -> str | None:
    """No price of any kind."""
    return None if any((offer.on_demand_usd_per_hour, offer.spot_usd_per_hour)) else "no price in any column"


OFFER_CHECKS: tuple[OfferCheck, ...] = (is_placeholder, is_below_spot, is_unpriced)


def check_offers(
    offers: Sequence[Offer], before: Mapping[tuple[str, str, str, str], Offer], *, accept_jumps: bool
) -> Checked[Offer]:
    """Hold fresh offers to every check, and to the offers `before` them; a bad spot price is cut off, and listed."""
    kept: list[Offer] = []
    rejected: list[Rejected] = []
    for offer in offers:
        spot_reason = spot_problem(offer)
        trimmed = replace(offer, spot_usd_per_hour=None, spot_high_usd_per_hour=None) if spot_reason else offer
        reason = next((why for check in OFFER_CHECKS if (why := check(trimmed))), None)
        reason = reason or (None if accept_jumps else _offer_jump(trimmed, before.get(offer.key)))
        if reason:
            rejected.append(_rejected_offer(offer, reason))
            continue
        if spot_reason:
            rejected.append(_rejected_offer(offer, f"spot price dropped: {spot_reason}"))
        kept.append(trimmed)
    return Checked(kept=tuple(kept), rejected=tuple(rejected))


def spot_problem(offer: Offer) -> str | None:
    """Why the spot price of an otherwise good row is not taken: a placeholder, or on-demand repeated."""
    if offer.spot_usd_per_hour is not None and offer.spot_usd_per_hour == offer.on_demand_usd_per_hour:
        return "the source repeats the on-demand price as spot"
    return _placeholder("spot", offer.usd_per_gpu_hour("spot"))


def _offer_jump(offer: Offer, before: Offer | None) -> str | None:
    """A move of the on-demand price beyond the limit; spot prices may move as they like."""
    if before is None:
        return None
    return jump(before.on_demand_usd_per_hour, offer.on_demand_usd_per_hour)


def _placeholder(purchase: str, usd_per_gpu_hour: float | None) -> str | None:
    low, high = limit("min_usd_per_gpu_hour"), limit("max_usd_per_gpu_hour")
    if usd_per_gpu_hour is None or low <= usd_per_gpu_hour <= high:
        return None
    return f"{purchase} is a placeholder: {usd_per_gpu_hour:g} USD per accelerator-hour; limits={low:g} to {high:g}"


def _rejected_offer(offer: Offer, reason: str) -> Rejected:
    values = f"on_demand={offer.on_demand_usd_per_hour} spot={offer.spot_usd_per_hour} num_gpus={offer.num_gpus}"
    return Rejected(table="offers", key=" ".join(offer.key), reason=reason, values=values, source=offer.source)


def jump(before_usd: float | None, after_usd: float | None) -> str | None:
    """Why a move from one price to another is refused; None within the limit.

    >>> jump(1.0, 4.9), jump(None, 4.9)
    (None, None)
    >>> jump(1.0, 6.0)
    'moved 6x, from 1 to 6 USD; limit=5x; check it and repeat with --accept'
    """
    if not before_usd or not after_usd:
        return None
    ratio = max(after_usd / before_usd, before_usd / after_usd)
    if ratio <= limit("max_move_ratio"):
        return None
    return (
        f"moved {ratio:.3g}x, from {before_usd:g} to {after_usd:g} USD; "
        f"limit={limit('max_move_ratio'):g}x; check it and repeat with --accept"
    )


def limit(name: str) -> float:
    """A limit by name, from data/validators.csv."""
    return _limits()[name]


@lru_cache(maxsize=1)
def _limits() -> Mapping[str, float]:
    text = resources.files("tokonomics.catalog").joinpath("data/validators.csv").read_text("utf-8")
    rows = read_rows(text, where="validators.csv", columns=("name", "value", "why"), problems=[])
    return {row.text("name"): float(row.text("value")) for row in rows}
