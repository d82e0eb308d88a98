"""From sightings (one price of one product, as a file lists it) to offers (one row a product and region)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokonomics.catalog.feeds.gpu_names import accelerator_id
from tokonomics.catalog.offer import Offer
from tokonomics.catalog.rejected import Rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One row of a price file: on-demand, spot or both, of an instance in a region or one of its zones."""

    provider: str
    instance: str
    gpu_name: str
    memory_gib: float | None
    num_gpus: int
    region: str
    on_demand_usd_per_hour: float | None
    spot_usd_per_hour: float | None
    num_vcpus: int | None
    memory_gb: float | None
    as_of: str
    source: str
    notes: str = ""

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """What the sightings of one offer share."""
        return (self.provider, self.instance, self.gpu_name, self.num_gpus, self.region)


def gather(feed: str, sightings: Iterable[Sighting]) -> tuple[tuple[Offer, ...], tuple[Rejected, ...]]:
    """One offer per product and region: lowest on-demand, lowest and highest spot; unknown accelerators are refused."""
    groups: dict[tuple[str, str, str, int, str], list[Sighting]] = {}
    for one in sightings:
        groups.setdefault(one.key, []).append(one)
    offers: list[Offer] = []
    rejected: list[Rejected] = []
    for group in groups.values():
        first = group[0]
        part = accelerator_id(
            feed=feed,
            provider=first.provider,
            gpu_name=first.gpu_name,
            memory_gib=first.memory_gib,
            instance=first.instance,
        )
        if part is None:
            rejected.append(_unknown(first))
        else:
            offers.append(_offer(part, group))
    return tuple(offers), tuple(rejected)


def _offer(part: str, group: Sequence[Sighting]) -> Offer:
    first = group[0]
    on_demand = [one.on_demand_usd_per_hour for one in group if one.on_demand_usd_per_hour is not None]
    spot = sorted(one.spot_usd_per_hour for one in group if one.spot_usd_per_hour is not None)
    return Offer(
        provider=first.provider,
        instance=first.instance,
        accelerator_id=part,
        num_gpus=first.num_gpus,
        region=first.region,
        on_demand_usd_per_hour=min(on_demand, default=None),
        spot_usd_per_hour=spot[0] if spot else None,
        spot_high_usd_per_hour=spot[-1] if spot and spot[-1] != spot[0] else None,
        reserved_1yr_usd_per_hour=None,
        as_of=first.as_of,
        source=first.source,
        notes=first.notes,
        num_vcpus=first.num_vcpus,
        memory_gb=first.memory_gb if first.memory_gb and first.memory_gb > 0 else None,
    )


def _unknown(one: Sighting) -> Rejected:
    memory = f"{one.memory_gib:g} GiB" if one.memory_gib else "unknown memory"
    return Rejected(
        table="offers",
        key=f"{one.provider} {one.instance} {one.region}",
        reason=f"accelerator {one.gpu_name!r} with {memory} is no part we know, or its form factor is not stated",
        values=f"on_demand={one.on_demand_usd_per_hour} spot={one.spot_usd_per_hour} num_gpus={one.num_gpus}",
        source=one.source,
    )
