"""What is for sale: every offer that the scenario admits, in every way it can be bought, and hardware of one's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from tokonomics.catalog.load import Catalog
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.offer_choice import listed_offers
from tokonomics.economics.hardware.owned import ANY_SIZE, owned_offers
from tokonomics.economics.hardware.spot import spot_rate
from tokonomics.workload.scenario import Scenario
from tokonomics.workload.scenario_plan import PlanSpec, plan_defaults

RENTED = ("on_demand", "spot", "reserved_1yr", "prepaid")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sale:
    """An offer bought in one way; `gpu_usd_per_hour` is the price of one accelerator of a full box.

    A spot price is the middle of the range that was seen, whose ends are `low_ratio` and `high_ratio` times it.
    """

    offer: Offer
    purchase: str
    gpu_usd_per_hour: float
    low_ratio: float = 1.0
    high_ratio: float = 1.0

    @property
    def is_owned(self) -> bool:
        """Whether the accelerators are bought, not rented."""
        return self.purchase == "owned"

    @property
    def most_gpus_per_replica(self) -> int | None:
        """Accelerators of its box, which no replica leaves; None where any number is sold."""
        return None if self.offer.instance == ANY_SIZE else self.offer.num_gpus

    def gpus_per_box(self, gpus_per_replica: int) -> int:
        """Accelerators that are bought together for replicas of this size."""
        return self.most_gpus_per_replica or gpus_per_replica

    @property
    def name(self) -> str:
        """Seller, place and way to buy."""
        place = f" {self.offer.region}" if self.offer.region else ""
        return f"{self.offer.provider}{place} {self.purchase}"


def sales(catalog: Catalog, scenario: Scenario, *, today: date) -> tuple[Sale, ...]:
    """Everything that `scenario` may buy, in catalogue order, one's own hardware first.

    Raises: InputError for owned hardware that lacks a fact.
    """
    spec = scenario.plan or plan_defaults()
    own = [
        Sale(offer=one, purchase="owned", gpu_usd_per_hour=one.on_demand_usd_per_hour or 0.0)
        for one in owned_offers(catalog, scenario.owned, today=today)
    ]
    parts = {catalog.accelerator(name).id for name in scenario.gpus}
    admitted = [
        one
        for one in listed_offers(catalog.offers, providers=scenario.providers)
        if (not scenario.regions or one.region in scenario.regions) and (not parts or one.accelerator_id in parts)
    ]
    return (*own, *(sale for one in admitted for sale in _rented(one, scenario, spec)))


def sellers_of(offered: Sequence[Sale], part_id: str) -> list[Sale]:
    """Those of `offered` that sell accelerator `part_id`."""
    return [one for one in offered if one.offer.accelerator_id == part_id]


def most_gpus_of(offered: Sequence[Sale], *, unbounded: int) -> dict[str, int]:
    """The largest replica of each accelerator for sale; `unbounded` where any number is sold together.

    >>> most_gpus_of((), unbounded=8)
    {}
    """
    most: dict[str, int] = {}
    for one in offered:
        part = one.offer.accelerator_id
        most[part] = max(most.get(part, 0), one.most_gpus_per_replica or unbounded)
    return most


def _rented(offer: Offer, scenario: Scenario, spec: PlanSpec) -> Iterator[Sale]:
    wanted = RENTED if scenario.purchase == "on_demand" else (scenario.purchase,)
    for purchase in wanted:
        if purchase == "spot":
            yield from () if spec.no_spot else _spot(offer)
        elif (price := offer.usd_per_gpu_hour(purchase)) is not None:
            yield Sale(offer=offer, purchase=purchase, gpu_usd_per_hour=price)


def _spot(offer: Offer) -> Iterator[Sale]:
    seen = spot_rate(low_usd_per_hour=offer.spot_usd_per_hour, high_usd_per_hour=offer.spot_high_usd_per_hour)
    low, middle, high = seen.low_usd_per_hour, seen.midpoint_usd_per_hour, seen.high_usd_per_hour
    if low is not None and middle is not None and high is not None:
        gpu_usd = middle / offer.num_gpus
        yield Sale(
            offer=offer, purchase="spot", gpu_usd_per_hour=gpu_usd, low_ratio=low / middle, high_ratio=high / middle
        )
