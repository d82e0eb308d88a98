"""Cheaper tokens, more tokens: elasticity of volume, and whether spending rises as the price falls (Jevons).

volume ratio = (price before / price after) ^ elasticity; spending rises exactly when the elasticity exceeds
1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tokonomics.economics.figures.checks import Checks
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class DemandPoint:
    """A price and the volume bought at it, relative to any base."""

    demand_usd_per_mtok: float
    volume_ratio: float

    def __post_init__(self) -> None:
        Checks().positive(demand_usd_per_mtok=self.demand_usd_per_mtok, volume_ratio=self.volume_ratio).done()


@dataclass(frozen=True, kw_only=True, slots=True)
class Elasticity:
    """The elasticity of a series: from its two ends, and step by step.

    `halving_ratio` and `tenfold_ratio` are the growth of volume when the price halves, or falls to a tenth.
    `spend_ratios` is the spending at every point relative to the first; `spend_rises` when the last exceeds
    it.
    """

    overall_exponent: float
    step_exponents: tuple[float, ...]
    halving_ratio: float
    tenfold_ratio: float
    spend_ratios: tuple[float, ...]
    spend_rises: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendPoint:
    """One point of a forecast."""

    spend_usd_per_mtok: float
    volume_tokens_per_month: float
    spend_usd_per_month: float
    spend_ratio: float


def elasticity_exponent(before: DemandPoint, after: DemandPoint) -> float:
    """The elasticity between two points: log of the volume ratio over log of the price fall.

    Source: the article, section 8: 60 times cheaper and 500 times the volume is 1.52.

    >>> round(elasticity_exponent(DemandPoint(demand_usd_per_mtok=1.20, volume_ratio=1),
    ...                           DemandPoint(demand_usd_per_mtok=0.02, volume_ratio=500)), 2)
    1.52
    """
    fall = math.log(before.demand_usd_per_mtok / after.demand_usd_per_mtok)
    Checks().that(abs(fall) > 1e-12, "both prices are the same; elasticity needs a change of price").done()
    return math.log(after.volume_ratio / before.volume_ratio) / fall


def measure_elasticity(points: Sequence[DemandPoint]) -> Elasticity:
    """The elasticity of a series of prices and volumes, in the order given."""
    Checks().that(len(points) > 1, f"{len(points)} point(s) of demand; give at least two").done()
    overall = elasticity_exponent(points[0], points[-1])
    first = points[0].demand_usd_per_mtok * points[0].volume_ratio
    spends = tuple(point.demand_usd_per_mtok * point.volume_ratio / first for point in points)
    return Elasticity(
        overall_exponent=overall,
        step_exponents=tuple(elasticity_exponent(before, after) for before, after in pairwise(points)),
        halving_ratio=volume_growth_ratio(price_ratio=0.5, elasticity=overall),
        tenfold_ratio=volume_growth_ratio(price_ratio=0.1, elasticity=overall),
        spend_ratios=spends,
        spend_rises=spends[-1] > 1.0,
    )


def volume_growth_ratio(*, price_ratio: float, elasticity: float) -> float:
    """How much volume grows when the price moves to `price_ratio` of itself.

    >>> volume_growth_ratio(price_ratio=0.5, elasticity=2.0)
    4.0
    """
    checks = Checks().positive(price_ratio=price_ratio)
    checks.that(abs(elasticity) <= 100, f"elasticity={elasticity:g}; measured ones lie between 0 and 5").done()
    return math.pow(1.0 / price_ratio, elasticity)


def forecast_spend(
    prices_usd_per_mtok: Sequence[float], *, elasticity: float, base_tokens_per_month: float
) -> tuple[SpendPoint, ...]:
    """Volume and spending along a path of prices; the first price is today's, at the base volume."""
    checks = Checks().positive(base_tokens_per_month=base_tokens_per_month)
    checks.that(len(prices_usd_per_mtok) > 0, "no price; give at least today's")
    checks.positive(**{f"price[{index}]": price for index, price in enumerate(prices_usd_per_mtok)}).done()
    first = prices_usd_per_mtok[0]
    base_usd = base_tokens_per_month / MTOK * first
    return tuple(_spend(price, first, elasticity, base_tokens_per_month, base_usd) for price in prices_usd_per_mtok)


def _spend(price: float, first: float, elasticity: float, base_tokens: float, base_usd: float) -> SpendPoint:
    tokens = base_tokens * volume_growth_ratio(price_ratio=price / first, elasticity=elasticity)
    usd = tokens / MTOK * price
    return SpendPoint(
        spend_usd_per_mtok=price,
        volume_tokens_per_month=tokens,
        spend_usd_per_month=usd,
        spend_ratio=usd / base_usd,
    )
