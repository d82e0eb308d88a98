"""An offer: what a provider charges for an hour of an instance, on a date, as one source says it."""

from dataclasses import dataclass

from tokonomics.catalog.tables import Row, read_rows
from tokonomics.errors import InputError, raise_all

COLUMNS = (
    "provider", "instance", "accelerator_id", "num_gpus", "num_vcpus", "memory_gb", "region",
    "on_demand_usd_per_hour", "spot_usd_per_hour", "spot_high_usd_per_hour", "reserved_1yr_usd_per_hour",
    "prepaid_usd_per_hour", "status", "as_of", "source", "notes",
)  # fmt: skip
PURCHASES = ("on_demand", "spot", "reserved_1yr", "prepaid")
STATUSES = ("listed", "indicative", "suspect", "partial", "prepaid", "reserved-only")


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One row of an hourly price list. Prices are for the whole instance of `num_gpus` accelerators.

    `spot_usd_per_hour` is the lowest value seen, `spot_high_usd_per_hour` the highest where a range was seen.
    `as_of` is the date as the source gives it, "" when unknown. Only status "listed" is ever chosen by default:
    "indicative" is an average or a teaser price, "suspect" contradicts itself or another source, "partial" lacks a
    part of the bill, "prepaid" is bought ahead for fixed days. None is "not known" or "not sold", never free.
    """

    provider: str
    instance: str
    accelerator_id: str
    num_gpus: int
    region: str
    on_demand_usd_per_hour: float | None
    spot_usd_per_hour: float | None
    reserved_1yr_usd_per_hour: float | None
    as_of: str
    source: str
    status: str = "listed"
    notes: str = ""
    spot_high_usd_per_hour: float | None = None
    prepaid_usd_per_hour: float | None = None
    num_vcpus: int | None = None
    memory_gb: float | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two rows the same product: provider, instance, accelerator, region."""
        return (self.provider, self.instance, self.accelerator_id, self.region)

    def usd_per_hour(self, purchase: str) -> float | None:
        """Price of the instance when bought by `purchase` (one of PURCHASES); None when not known or not sold."""
        if purchase not in PURCHASES:
            raise InputError(f"purchase={purchase!r} is not a way to buy; choose one of {', '.join(PURCHASES)}")
        value: float | None = getattr(self, f"{purchase}_usd_per_hour")
        return value

    def usd_per_gpu_hour(self, purchase: str) -> float | None:
        """Price per accelerator when bought by `purchase`; None when not known or not sold."""
        hourly = self.usd_per_hour(purchase)
        return None if hourly is None else hourly / self.num_gpus


def read_offers(text: str, *, where: str = "offers.csv") -> tuple[Offer, ...]:
    """Offers of CSV `text`, in its order; InputError lists every wrong cell."""
    problems: list[str] = []
    offers = tuple(parse_offer(row) for row in read_rows(text, where=where, columns=COLUMNS, problems=problems))
    raise_all(problems)
    return offers


def parse_offer(row: Row) -> Offer:
    """One offer from the cells of `row`, which collects what is wrong with them."""
    num_gpus = row.count("num_gpus")
    if not num_gpus:
        row.fail("num_gpus", "must be 1 or more")
    return Offer(
        provider=row.text("provider", required=True),
        instance=row.text("instance", required=True),
        accelerator_id=row.text("accelerator_id", required=True),
        num_gpus=num_gpus or 1,
        region=row.text("region"),
        on_demand_usd_per_hour=row.number("on_demand_usd_per_hour"),
        spot_usd_per_hour=row.number("spot_usd_per_hour"),
        reserved_1yr_usd_per_hour=row.number("reserved_1yr_usd_per_hour"),
        as_of=row.text("as_of"),
        source=row.text("source", required=True),
        status=row.choice("status", STATUSES, default="listed"),
        notes=row.text("notes"),
        spot_high_usd_per_hour=row.number("spot_high_usd_per_hour"),
        prepaid_usd_per_hour=row.number("prepaid_usd_per_hour"),
        num_vcpus=row.count("num_vcpus"),
        memory_gb=row.number("memory_gb"),
    )
