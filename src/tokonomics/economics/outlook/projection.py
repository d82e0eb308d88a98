"""Cost by year from what changes: the yield of an hour, the price of an hour, or both.

cost(year) = base x (price of an hour relative to the base) / (yield of an hour relative to the base)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tokonomics.economics.figures.assumptions import read_table
from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class YearFactor:
    """One year relative to the base year: how many times more tokens an hour yields, and what the hour costs."""

    year: int
    yield_factor: float
    hour_price_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectedCost:
    """A projected year: with the hour's price as it moves, and as if it stood still."""

    year: int
    projected_usd_per_mtok: float
    steady_hour_usd_per_mtok: float
    cheaper_factor: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleYear:
    """One row of the article's projection: a stated cost and a stated volume, neither derived there."""

    year: int
    hardware: str
    stated_usd_per_mtok: float
    volume_ratio: float


def project_cost(base_usd_per_mtok: float, years: Sequence[YearFactor]) -> tuple[ProjectedCost, ...]:
    """Project a cost over years, with and without a change in the price of an hour.

    >>> (row,) = project_cost(1.20, [YearFactor(year=2024, yield_factor=2.0, hour_price_ratio=0.5)])
    >>> row.projected_usd_per_mtok, row.steady_hour_usd_per_mtok
    (0.3, 0.6)
    """
    checks = Checks().positive(base_usd_per_mtok=base_usd_per_mtok)
    for each in years:
        checks.positive(
            **{
                f"yield_factor of {each.year}": each.yield_factor,
                f"hour_price_ratio of {each.year}": each.hour_price_ratio,
            }
        )
    checks.done()
    return tuple(
        ProjectedCost(
            year=each.year,
            projected_usd_per_mtok=base_usd_per_mtok * each.hour_price_ratio / each.yield_factor,
            steady_hour_usd_per_mtok=base_usd_per_mtok / each.yield_factor,
            cheaper_factor=each.yield_factor / each.hour_price_ratio,
        )
        for each in years
    )


def article_projection() -> tuple[ArticleYear, ...]:
    """The article's table of section 8, as stated."""
    return tuple(
        ArticleYear(
            year=int(row["year"]),
            hardware=row["hardware"],
            stated_usd_per_mtok=float(row["usd_per_mtok"]),
            volume_ratio=float(row["volume_ratio"]),
        )
        for row in read_table("projection")
    )
