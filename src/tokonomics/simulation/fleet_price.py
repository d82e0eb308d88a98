"""What an hour of the fleet costs: as stated, else by the cheapest offer that holds its replicas, else unpriced."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.offer_choice import listed_offers
from tokonomics.economics.hardware.bundle_tax import num_boxes
from tokonomics.economics.hardware.owned import ANY_SIZE, owned_offers
from tokonomics.errors import InputError
from tokonomics.physics.deployment import Deployment
from tokonomics.workload.scenario import Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetPrice:
    """The price of a GPU-hour of a fleet, idle GPUs of its boxes included; None and `reason` where nobody lists one.

    `offer_usd_per_gpu_hour` is the price as listed; the fleet's is more where boxes are not filled.
    """

    usd_per_gpu_hour: float | None
    offer_usd_per_gpu_hour: float | None = None
    provider: str = ""
    item: str = ""
    purchase: str = ""
    as_of: str = ""
    source: str = ""
    status: str = ""
    reason: str = ""


def fleet_price(catalog: Catalog, scenario: Scenario, dep: Deployment, *, num_replicas: int, today: date) -> FleetPrice:
    """Price a GPU-hour of `num_replicas` replicas of `dep`: the user's own figure, hardware, or the cheapest offer.

    A replica never spans boxes, and boxes are rented whole. Raises InputError for owned hardware that lacks a
    fact, or a provider that does not offer the accelerator.
    """
    stated = scenario.simulation.gpu_usd_per_hour if scenario.simulation else None
    if stated is not None:
        return FleetPrice(usd_per_gpu_hour=stated, offer_usd_per_gpu_hour=stated, source="as stated", status="stated")
    _require_sellers(catalog, scenario, dep.accelerator.id)
    priced = list(_priced(catalog, scenario, dep, max(num_replicas, 1), today))
    if not priced:
        reason = f"no {scenario.purchase} price for {dep.num_gpus} x {dep.accelerator.id}; give --usd-per-hour"
        return FleetPrice(usd_per_gpu_hour=None, status="unpriced", reason=reason)
    hourly, offer = min(priced, key=lambda pair: pair[0])
    return FleetPrice(
        usd_per_gpu_hour=hourly,
        offer_usd_per_gpu_hour=offer.usd_per_gpu_hour(_purchase(offer, scenario)),
        provider=offer.provider,
        item=offer.instance,
        purchase=_purchase(offer, scenario),
        as_of=offer.as_of,
        source=offer.source,
        status=offer.status,
    )


def _require_sellers(catalog: Catalog, scenario: Scenario, accelerator_id: str) -> None:
    known = sorted({offer.provider for offer in catalog.offers_of(accelerator_id)})
    unknown = [name for name in scenario.providers if name not in known]
    if unknown:
        listed = ", ".join(known) or "none"
        raise InputError(f"no offer of {accelerator_id} by {', '.join(unknown)}; known: {listed}")


def _priced(
    catalog: Catalog, scenario: Scenario, dep: Deployment, num_replicas: int, today: date
) -> Iterator[tuple[float, Offer]]:
    """The price of a used GPU-hour at each offer that holds a replica."""
    owned = [
        one for one in owned_offers(catalog, scenario.owned, today=today) if one.accelerator_id == dep.accelerator.id
    ]
    listed = listed_offers(catalog.offers_of(dep.accelerator.id), providers=scenario.providers)
    rented = [one for one in listed if not scenario.regions or one.region in scenario.regions]
    for offer in owned or rented:
        hourly = offer.usd_per_gpu_hour(_purchase(offer, scenario))
        box = dep.num_gpus if offer.instance == ANY_SIZE else offer.num_gpus
        if hourly is not None and dep.num_gpus <= box:
            boxes = num_boxes(num_replicas=num_replicas, gpus_per_replica=dep.num_gpus, gpus_per_box=box)
            yield hourly * boxes * box / (num_replicas * dep.num_gpus), offer


def _purchase(offer: Offer, scenario: Scenario) -> str:
    """Owned hardware has one price, whatever the way to rent."""
    return "on_demand" if offer.instance == ANY_SIZE and scenario.owned else scenario.purchase
