"""How fast a price falls: an exponential decline fitted to dated prices, with an interval.

log(price) = a - slope x years; the yearly factor is exp(slope): 2 means that the price halves every year.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokonomics.economics.figures._student import t_quantile
from tokonomics.economics.figures.checks import Checks

MIN_POINTS_FOR_INTERVAL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Decline:
    """A fitted decline.

    A factor divides the price: `yearly_factor` each year, with its interval; the interval is None for two
    points, which always lie on a line. `halving_years` is None where the price does not fall.
    """

    num_points: int
    yearly_factor: float
    low_yearly_factor: float | None
    high_yearly_factor: float | None
    two_yearly_factor: float
    halving_years: float | None
    residual_factor: float
    confidence_frac: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Compound:
    """Factors that multiply, each with its share of the logarithm (None where they cancel)."""

    total_factor: float
    shares: tuple[tuple[str, float | None], ...]


def fit_decline(years: Sequence[float], usd_per_mtok: Sequence[float], *, confidence_frac: float = 0.95) -> Decline:
    """Fit an exponential decline by least squares on the logarithm of the price.

    Source: the article's table of section 8 falls 7.75 times in two years, not the 10 times it states.

    >>> fit = fit_decline([2023, 2024, 2025, 2026, 2027], [1.20, 0.45, 0.15, 0.06, 0.02])
    >>> round(fit.yearly_factor, 2), round(fit.two_yearly_factor, 2)
    (2.77, 7.7)
    """
    _check(years, usd_per_mtok, confidence_frac)
    when = np.asarray(years, dtype=np.float64)
    logs = np.log(np.asarray(usd_per_mtok, dtype=np.float64))
    centred = when - when.mean()
    spread = float(centred @ centred)
    slope = -float(centred @ logs) / spread
    residuals = logs - logs.mean() + slope * centred
    freedom = len(years) - 2
    deviation = math.sqrt(float(residuals @ residuals) / freedom) if freedom else 0.0
    margin = t_quantile(confidence_frac, freedom) * deviation / math.sqrt(spread) if freedom else None
    return Decline(
        num_points=len(years),
        yearly_factor=math.exp(slope),
        low_yearly_factor=None if margin is None else math.exp(slope - margin),
        high_yearly_factor=None if margin is None else math.exp(slope + margin),
        two_yearly_factor=math.exp(2.0 * slope),
        halving_years=math.log(2.0) / slope if slope > 0 else None,
        residual_factor=math.exp(deviation),
        confidence_frac=confidence_frac,
    )


def decline_factor(*, start_usd_per_mtok: float, end_usd_per_mtok: float, span_years: float, per_years: float) -> float:
    """The factor by which a price falls in `per_years`, from its two ends.

    >>> round(decline_factor(start_usd_per_mtok=1.20, end_usd_per_mtok=0.02, span_years=4, per_years=2), 2)
    7.75
    """
    Checks().positive(
        start_usd_per_mtok=start_usd_per_mtok,
        end_usd_per_mtok=end_usd_per_mtok,
        span_years=span_years,
        per_years=per_years,
    ).done()
    return math.pow(start_usd_per_mtok / end_usd_per_mtok, per_years / span_years)


def compound(factors: Mapping[str, float]) -> Compound:
    """Multiply improvements that act together (hardware, mixture of experts, KV compression), with their shares.

    Whether two of them really act together is the caller's to say: two that save the same bytes do not.

    >>> compound({"bandwidth": 4.0, "experts": 2.0}).total_factor
    8.0
    """
    checks = Checks().that(len(factors) > 0, "no factor to compound; give at least one")
    checks.positive(**{f"factor of {name}": factor for name, factor in factors.items()}).done()
    total = sum(math.log(factor) for factor in factors.values())
    is_none = abs(total) < 1e-12
    shares = tuple((name, None if is_none else math.log(factor) / total) for name, factor in factors.items())
    return Compound(total_factor=math.prod(factors.values()), shares=shares)


def _check(years: Sequence[float], prices: Sequence[float], confidence_frac: float) -> None:
    checks = Checks().that(len(years) == len(prices), f"{len(years)} years for {len(prices)} prices; give one each")
    checks.that(len(set(years)) > 1, "prices of fewer than two dates; a decline needs at least two")
    checks.positive(**{f"usd_per_mtok[{index}]": price for index, price in enumerate(prices)})
    checks.non_negative(**{f"years[{index}]": year for index, year in enumerate(years)})
    checks.share(confidence_frac=confidence_frac).that(confidence_frac < 1, "confidence_frac=1; choose below 1")
    checks.done()
