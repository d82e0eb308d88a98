"""What the next hardware and better algorithms do to the cost of a token, each generation against the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tokonomics.catalog.load import Catalog
from tokonomics.economics.hardware.list_prices import cheapest_hour
from tokonomics.economics.outlook.decline import compound
from tokonomics.economics.outlook.projection import ProjectedCost, YearFactor, project_cost
from tokonomics.errors import MissingFact


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """An accelerator against the first one: bandwidth, price of an hour (None: unpriced), and the cost they give."""

    name: str
    launch_year: int | None
    bandwidth_factor: float
    total_factor: float
    hour_price_ratio: float | None
    cost: ProjectedCost


def compare_generations(
    catalog: Catalog, names: Sequence[str], factors: Mapping[str, float], *, base_usd_per_mtok: float
) -> tuple[Generation, ...]:
    """Each accelerator against the first: what its bandwidth, the price of its hour and the factors give.

    The factors multiply the yield of all but the first, which costs `base_usd_per_mtok`.
    Raises: UnknownName for an accelerator, MissingFact where its bandwidth is not known.
    """
    parts = [catalog.accelerator(name) for name in names]
    unknown = [part.id for part in parts if part.memory_bandwidth_bytes_per_s is None]
    if unknown:
        raise MissingFact(f"no memory bandwidth of {', '.join(unknown)} is known; name another --generation")
    hours = [_hour(catalog, part.id) for part in parts]
    algorithms = compound(factors).total_factor if factors else 1.0
    found = []
    for index, (part, hour) in enumerate(zip(parts, hours)):
        bandwidth = (part.memory_bandwidth_bytes_per_s or 0.0) / (parts[0].memory_bandwidth_bytes_per_s or 1.0)
        total = bandwidth * (algorithms if index else 1.0)
        ratio = hour / hours[0] if hour is not None and hours[0] is not None else None
        year = YearFactor(
            year=part.launch_year or 0, yield_factor=total, hour_price_ratio=1.0 if ratio is None else ratio
        )
        (cost,) = project_cost(base_usd_per_mtok, [year])
        found.append(
            Generation(
                name=part.id,
                launch_year=part.launch_year,
                bandwidth_factor=bandwidth,
                total_factor=total,
                hour_price_ratio=ratio,
                cost=cost,
            )
        )
    return tuple(found)


def _hour(catalog: Catalog, gpu: str) -> float | None:
    """The least on-demand price of its hour; None where nobody in good standing lists one."""
    try:
        return cheapest_hour(catalog, gpu).gpu_usd_per_hour
    except MissingFact:
        return None
