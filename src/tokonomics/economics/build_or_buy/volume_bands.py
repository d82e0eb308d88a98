"""Which way to pay is cheapest at which volume: the lower envelope of cost curves, derived, never fixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from tokonomics.economics.build_or_buy.cost_curve import CostCurve, monthly_cost
from tokonomics.economics.figures.checks import Checks
from tokonomics.errors import InputError

# Beyond this many replica steps below the limit the bands say nothing that a smaller limit does not.
MAX_STEPS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeBand:
    """A range of volumes in which one curve is cheapest; a shared end belongs to the band on its left."""

    name: str
    low_tokens_per_day: float
    high_tokens_per_day: float


def volume_bands(curves: Sequence[CostCurve], *, up_to_tokens_per_day: float) -> tuple[VolumeBand, ...]:
    """The cheapest curve at every volume up to a limit, as bands from left to right.

    Between two steps all curves are lines, so the envelope is exact. A tie goes to the curve named first.
    """
    _check(curves, up_to_tokens_per_day)
    bands: list[VolumeBand] = []
    for low, high in pairwise(_edges(curves, up_to_tokens_per_day)):
        for start, end in pairwise(_crossings(curves, low, high)):
            _extend(bands, _cheapest(curves, (start + end) / 2.0).name, start, end)
    return tuple(bands)


def _check(curves: Sequence[CostCurve], limit: float) -> None:
    checks = Checks().positive(up_to_tokens_per_day=limit)
    checks.that(len(curves) > 0, "no curve to compare; give at least one way to pay")
    checks.that(len({curve.name for curve in curves}) == len(curves), "two curves share a name; rename one")
    checks.that(len({curve.days_per_month for curve in curves}) <= 1, "days_per_month differ; give one month to all")
    checks.done()
    steps = sum(limit / _step(curve) for curve in curves if curve.replica_tokens_per_day)
    if steps > MAX_STEPS:
        raise InputError(
            f"up_to_tokens_per_day={limit:g} spans {steps:,.0f} replica steps; at most {MAX_STEPS:,}; lower the limit"
        )


def _step(curve: CostCurve) -> float:
    """Tokens per day that one more replica allows."""
    assert curve.replica_tokens_per_day is not None
    return curve.replica_tokens_per_day / curve.peak_ratio


def _edges(curves: Sequence[CostCurve], limit: float) -> list[float]:
    """0, every volume at which some curve hires a replica, and the limit."""
    edges = {0.0, limit}
    for curve in curves:
        if curve.replica_tokens_per_day is not None:
            step = _step(curve)
            edges.update(step * count for count in range(1, int(limit / step) + 1))
    return sorted(edge for edge in edges if edge <= limit)


def _crossings(curves: Sequence[CostCurve], low: float, high: float) -> list[float]:
    """The ends of a segment and every volume inside at which two curves cost the same."""
    lines = [_line(curve, low, high) for curve in curves]
    inside = {low, high}
    for (fixed, slope), (other_fixed, other_slope) in combinations(lines, 2):
        if slope != other_slope:
            inside.add((other_fixed - fixed) / (slope - other_slope))
    return sorted(volume for volume in inside if low <= volume <= high)


def _line(curve: CostCurve, low: float, high: float) -> tuple[float, float]:
    """Intercept and slope of a curve inside a segment without steps."""
    left, right = (low + (high - low) * share for share in (0.25, 0.75))
    at_left, at_right = (
        monthly_cost(curve, volume_tokens_per_day=volume).total_usd_per_month for volume in (left, right)
    )
    slope = (at_right - at_left) / (right - left)
    return at_left - slope * left, slope


def _cheapest(curves: Sequence[CostCurve], volume: float) -> CostCurve:
    return min(curves, key=lambda curve: monthly_cost(curve, volume_tokens_per_day=volume).total_usd_per_month)


def _extend(bands: list[VolumeBand], name: str, low: float, high: float) -> None:
    """Add a band, or lengthen the last one where it is the same curve."""
    if bands and bands[-1].name == name:
        low = bands.pop().low_tokens_per_day
    if high > low:
        bands.append(VolumeBand(name=name, low_tokens_per_day=low, high_tokens_per_day=high))
