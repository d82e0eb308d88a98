"""Spot capacity: a range of prices, whether it is sold at all, and the work that interruptions undo."""

from dataclasses import dataclass

from tokonomics.economics.figures.checks import Checks


@dataclass(frozen=True, kw_only=True, slots=True)
class SpotRate:
    """A spot price: the middle of its range, and what an hour of work that survives costs.

    `is_available` is False where the provider sells no spot; then every price is None. `rework_frac` is the
    share of hours lost to interruptions and done again.
    """

    is_available: bool
    low_usd_per_hour: float | None
    high_usd_per_hour: float | None
    midpoint_usd_per_hour: float | None
    rework_frac: float
    effective_usd_per_hour: float | None


def spot_rate(
    *, low_usd_per_hour: float | None, high_usd_per_hour: float | None = None, rework_frac: float = 0.0
) -> SpotRate:
    """A spot price from its range; None where no spot is sold, which is a fact and not a free hour.

    effective = midpoint / (1 - rework share). A single price is its own range.

    >>> spot_rate(low_usd_per_hour=3.50, high_usd_per_hour=5.00).midpoint_usd_per_hour
    4.25
    """
    high = low_usd_per_hour if high_usd_per_hour is None else high_usd_per_hour
    checks = Checks().positive(low_usd_per_hour=low_usd_per_hour, high_usd_per_hour=high)
    checks.fraction(rework_frac=rework_frac).that(rework_frac < 1, "rework_frac=1; work would never finish")
    checks.that(
        low_usd_per_hour is None or high is None or low_usd_per_hour <= high,
        f"low_usd_per_hour={low_usd_per_hour} exceeds high_usd_per_hour={high}; swap them",
    )
    checks.that(
        low_usd_per_hour is not None or high is None,
        f"high_usd_per_hour={high} without low_usd_per_hour; give both",
    ).done()
    midpoint = None if low_usd_per_hour is None or high is None else (low_usd_per_hour + high) / 2
    return SpotRate(
        is_available=midpoint is not None,
        low_usd_per_hour=low_usd_per_hour,
        high_usd_per_hour=high,
        midpoint_usd_per_hour=midpoint,
        rework_frac=rework_frac,
        effective_usd_per_hour=None if midpoint is None else midpoint / (1.0 - rework_frac),
    )
