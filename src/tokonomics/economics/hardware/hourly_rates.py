"""Hourly prices made comparable: per accelerator, across providers and across ways to buy."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceSpread:
    """The cheapest and the dearest of several prices for one accelerator.

    `saving_frac` is what moving from the dearest to the cheapest saves.
    """

    low_name: str
    high_name: str
    low_usd_per_hour: float
    high_usd_per_hour: float
    spread_ratio: float
    saving_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ReservedSaving:
    """A reserved price against on-demand.

    A reservation is paid whether used or not: it is worth taking when the share of its hours that is used
    exceeds `worthwhile_use_frac`, the ratio of the two prices.
    """

    on_demand_usd_per_hour: float
    reserved_usd_per_hour: float
    saving_frac: float
    worthwhile_use_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedRate:
    """One way to obtain an accelerator-hour, its price, and its multiple of the cheapest."""

    name: str
    usd_per_hour: float
    dearer_ratio: float


def per_gpu_usd_per_hour(instance_usd_per_hour: float, *, num_gpus: int) -> float:
    """The price of an instance shared among its accelerators.

    >>> per_gpu_usd_per_hour(98.32, num_gpus=8)
    12.29
    """
    checks = Checks().positive(instance_usd_per_hour=instance_usd_per_hour)
    checks.count(1, num_gpus=num_gpus).done()
    return instance_usd_per_hour / num_gpus


def price_spread(rates_usd_per_hour: Mapping[str, float]) -> PriceSpread:
    """The spread of per-accelerator prices, each under the name of its seller.

    Source: the article, section 2: 12.29 against 2.23 USD for an H100, a ratio of 5.5.

    >>> spread = price_spread({"aws": 12.29, "coreweave": 2.23, "lambda": 2.49})
    >>> spread.low_name, round(spread.spread_ratio, 2), round(spread.saving_frac, 3)
    ('coreweave', 5.51, 0.819)
    """
    ranked = rank_rates(rates_usd_per_hour)
    low, high = ranked[0], ranked[-1]
    return PriceSpread(
        low_name=low.name,
        high_name=high.name,
        low_usd_per_hour=low.usd_per_hour,
        high_usd_per_hour=high.usd_per_hour,
        spread_ratio=high.dearer_ratio,
        saving_frac=1.0 - low.usd_per_hour / high.usd_per_hour,
    )


def rank_rates(rates_usd_per_hour: Mapping[str, float]) -> tuple[RankedRate, ...]:
    """Every way to obtain an accelerator-hour (on-demand, spot, reserved, owned), cheapest first."""
    checks = Checks().that(bool(rates_usd_per_hour), "no price to compare; give at least one name and price")
    checks.positive(**{f"usd_per_hour of {name}": rate for name, rate in rates_usd_per_hour.items()}).done()
    ranked = sorted(rates_usd_per_hour.items(), key=lambda pair: (pair[1], pair[0]))
    lowest = ranked[0][1]
    return tuple(RankedRate(name=name, usd_per_hour=rate, dearer_ratio=rate / lowest) for name, rate in ranked)


def reserved_saving(*, on_demand_usd_per_hour: float, reserved_usd_per_hour: float) -> ReservedSaving:
    """What a reservation saves against on-demand, and how much of it must be used; negative if it is dearer.

    Source: the article, section 2; its own rows save 19.7 to 31.6 %, not the 30 to 40 % of its section 9.

    >>> round(reserved_saving(on_demand_usd_per_hour=32.77, reserved_usd_per_hour=22.40).saving_frac, 3)
    0.316
    """
    Checks().positive(on_demand_usd_per_hour=on_demand_usd_per_hour, reserved_usd_per_hour=reserved_usd_per_hour).done()
    ratio = reserved_usd_per_hour / on_demand_usd_per_hour
    return ReservedSaving(
        on_demand_usd_per_hour=on_demand_usd_per_hour,
        reserved_usd_per_hour=reserved_usd_per_hour,
        saving_frac=1.0 - ratio,
        worthwhile_use_frac=ratio,
    )
