"""What an hour of a replica costs: as stated, else by the cheapest offer in good standing, else unpriced."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.catalog.accelerator import Accelerator
from tokonomics.catalog.load import Catalog
from tokonomics.economics.figures.checks import Checks
from tokonomics.economics.figures.explanation import Term
from tokonomics.economics.figures.inputs import stated_term
from tokonomics.economics.hardware.list_prices import cheapest_hour
from tokonomics.errors import MissingFact


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaPrice:
    """The price of a replica-hour and where it comes from; None and `reason` where nobody lists one.

    A replica in a larger box pays its share of the box, filled with as many replicas as it holds.
    """

    replica_usd_per_hour: float | None
    term: Term | None
    as_of: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rent:
    """How the hour is rented: a price of one accelerator-hour, or which offers to look at."""

    gpu_usd_per_hour: float | None = None
    providers: Sequence[str] = ()
    purchase: str = "on_demand"


CHEAPEST_LISTED = Rent()
"""On demand, from whoever lists the lowest price."""


def replica_price(catalog: Catalog, part: Accelerator, num_gpus: int, rent: Rent) -> ReplicaPrice:
    """Price a replica of `num_gpus` accelerators; a missing price is no error here, and never 0.

    Raises: InputError for a stated price that is not above 0, or a provider that does not offer the part.
    """
    if rent.gpu_usd_per_hour is not None:
        Checks().positive(usd_per_hour=rent.gpu_usd_per_hour).done()
        term = stated_term("gpu_usd_per_hour", rent.gpu_usd_per_hour)
        return ReplicaPrice(replica_usd_per_hour=rent.gpu_usd_per_hour * num_gpus, term=term, as_of="")
    try:
        hour = cheapest_hour(catalog, part.id, providers=rent.providers, purchase=rent.purchase, num_gpus=num_gpus)
    except MissingFact as gap:
        return ReplicaPrice(replica_usd_per_hour=None, term=None, as_of="", reason="; ".join(gap.violations))
    share_usd = hour.step_usd_per_hour / hour.replicas_per_step
    return ReplicaPrice(replica_usd_per_hour=share_usd, term=hour.term, as_of=hour.offer.as_of)
