"""Where machines begin to be cheaper than a hosted model, as the load grows: in closed form, and by the optimiser."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokonomics.planning.hosted import Hosted
from tokonomics.planning.search import Searched
from tokonomics.planning.shortlist import Item
from tokonomics.units import SECONDS_PER_HOUR

_MOST_MONTHS: Final = 120


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Crossing:
    """The least mean load at which `item`, one bundle of it, costs no more than sending everything to `hosted`."""

    requests_per_s: float
    item: Item
    hosted: Hosted


def crossing(searched: Searched) -> Crossing | None:
    """The crossing of what is rented on demand; None where no load makes it cheaper, or one of the two is missing."""
    rented = [one for one in searched.market.items if one.sale.purchase == "on_demand"]
    traffic = searched.asked.demand.traffic
    return crossing_of(rented, searched.market.hosted, peak_ratio=traffic.peak_ratio)


def crossing_of(items: Sequence[Item], endpoints: Sequence[Hosted], *, peak_ratio: float) -> Crossing | None:
    """A bundle of B USD an hour against c USD a request: from B / c requests/s on, if the bundle then holds the peak.

    The next bundle is bought when the first is full, and costs as much again, so the first crossing is that of one.
    """
    if not endpoints:
        return None
    cheapest = min(endpoints, key=lambda one: (one.usd_per_request, one.name))
    met = []
    for item in items:
        even = item.bundle_usd_per_hour / (cheapest.usd_per_request * SECONDS_PER_HOUR)
        if even * peak_ratio <= item.requests_per_s * item.replicas_per_bundle:
            met.append(Crossing(requests_per_s=even, item=item, hosted=cheapest))
    return min(met, key=lambda one: (one.requests_per_s, one.item.name), default=None)


def months_until(even_requests_per_s: float, now_requests_per_s: float, monthly_growth_frac: float) -> int | None:
    """Months of growth until the load reaches the crossing; None where it never does, or not within ten years.

    >>> months_until(20.0, 10.0, 0.1), months_until(5.0, 10.0, 0.0), months_until(20.0, 10.0, 0.0)
    (8, 0, None)
    """
    load = now_requests_per_s
    for month in range(_MOST_MONTHS + 1):
        if load >= even_requests_per_s:
            return month
        load *= 1.0 + monthly_growth_frac
    return None
