"""Section 2: prices of accelerators by the hour, and what an owned one costs."""

from dataclasses import replace

from tokonomics.catalog.offer_choice import listed_offers
from tokonomics.economics.figures.assumptions import assumed_values
from tokonomics.economics.hardware.bundle_tax import Box, bundle_tax
from tokonomics.economics.hardware.hourly_rates import PriceSpread, per_gpu_usd_per_hour, price_spread
from tokonomics.economics.hardware.hourly_rates import reserved_saving as saving_of
from tokonomics.economics.hardware.on_prem import OnPrem, on_prem_cost
from tokonomics.economics.hardware.spot import spot_rate
from tools.article.values import Range
from tools.article.world import catalogue, offer_of, usd_per_hour


def price(offer: str, purchase: str) -> float:
    """An hour of the instance."""
    return usd_per_hour(offer, purchase)


def per_gpu(offer: str, purchase: str) -> float:
    """An hour of one accelerator of the instance."""
    return per_gpu_usd_per_hour(usd_per_hour(offer, purchase), num_gpus=offer_of(offer).num_gpus)


def card(offer: str) -> str:
    """The price on demand and the card that it really buys."""
    row = offer_of(offer)
    part = catalogue().accelerator(row.accelerator_id)
    return f"{usd_per_hour(offer, 'on_demand'):.2f} for {row.num_gpus} x {part.name}"


def reserved_saving(offer: str) -> float:
    """Saving of a one-year reservation, percent."""
    on_demand, reserved = (usd_per_hour(offer, purchase) for purchase in ("on_demand", "reserved_1yr"))
    saving = saving_of(on_demand_usd_per_hour=on_demand, reserved_usd_per_hour=reserved)
    return 100.0 * saving.saving_frac


def reserved_range() -> Range:
    """The least and the largest of those savings over the table, percent."""
    rows = [row for row in catalogue().offers if row.reserved_1yr_usd_per_hour is not None]
    savings = [reserved_saving(f"{row.provider}/{row.accelerator_id}") for row in rows]
    return min(savings), max(savings)


def spread() -> float:
    """Dearest over cheapest H100 on demand."""
    return _h100_spread().spread_ratio


def spread_saving() -> float:
    """What moving from one to the other saves, percent."""
    return 100.0 * _h100_spread().saving_frac


def cards(offers: tuple[str, ...]) -> str:
    """The cards that several rows sell."""
    rows = [offer_of(offer) for offer in offers]
    return ", ".join(f"{row.num_gpus} x {catalogue().accelerator(row.accelerator_id).id}" for row in rows)


def bundle(offer: str, used: float) -> float:
    """An hour of a used accelerator of a box."""
    box = Box(name=offer, num_gpus=offer_of(offer).num_gpus, usd_per_hour=usd_per_hour(offer, "on_demand"))
    return bundle_tax(box, num_replicas=1, gpus_per_replica=int(used)).effective_usd_per_hour


def largest_box(provider: str) -> float:
    """Accelerators in the largest instance of a seller in the table."""
    return float(
        max(
            row.num_gpus for row in listed_offers(catalogue().offers, providers=(provider,)) if row.provider == provider
        )
    )


def spot_middle(offer: str) -> float:
    """Middle of a spot range, per accelerator."""
    row = offer_of(offer)
    rate = spot_rate(low_usd_per_hour=row.spot_usd_per_hour, high_usd_per_hour=row.spot_high_usd_per_hour)
    return per_gpu_usd_per_hour(rate.midpoint_usd_per_hour or 0.0, num_gpus=row.num_gpus)


def on_prem(field: str, watts: float | None = None) -> float:
    """A term of the cost of the article's owned H100, at its own power draw or another."""
    machine = OnPrem(**assumed_values("on_prem"))
    return float(getattr(on_prem_cost(machine if watts is None else replace(machine, device_watts=watts)), field))


def _h100_spread() -> PriceSpread:
    rows = [row for row in catalogue().offers if row.accelerator_id.startswith("h100")]
    return price_spread({row.provider: per_gpu(f"{row.provider}/{row.accelerator_id}", "on_demand") for row in rows})
