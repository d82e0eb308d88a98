"""Cost and quality as a curve: the upper hull of points, the area under it, and the price of a quality.

Two points can be mixed at random, so every point on the line between them can be had as well: the hull, not
the set of points, is what a choice of models or thresholds offers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tokonomics.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hull:
    """The cost-quality hull: costs (USD a request) and qualities (0..1) rise together; both of shape (points,).

    Between neighbours the gain in quality per dollar never rises.
    """

    cost_usd: Array
    quality_frac: Array


def upper_hull(cost_usd_per_request: ArrayLike, quality_frac: ArrayLike) -> Hull:
    """The hull of points, each of shape (points,): the best quality for at most a cost, random mixing allowed.

    >>> hull = upper_hull([1.0, 2.0, 3.0, 4.0], [0.5, 0.5, 0.9, 0.8])
    >>> hull.cost_usd.tolist(), hull.quality_frac.tolist()
    ([1.0, 3.0], [0.5, 0.9])
    """
    cost, quality = as_pair(cost_usd_per_request, quality_frac)
    order = np.lexsort((-quality, cost))
    kept: list[tuple[float, float]] = []
    for point in zip(cost[order].tolist(), quality[order].tolist()):
        if kept and point[1] <= kept[-1][1]:
            continue
        while len(kept) > 1 and _is_below(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return Hull(cost_usd=np.array([each[0] for each in kept]), quality_frac=np.array([each[1] for each in kept]))


def hull_area_frac(hull: Hull, *, span_usd_per_request: tuple[float, float]) -> float:
    """The mean quality under a hull over a range of costs, each cost weighted alike.

    Left of the hull its first quality stands in, right of it the last. Compare areas only over the same
    range.

    >>> round(hull_area_frac(upper_hull([0.0, 1.0], [0.5, 0.9]), span_usd_per_request=(0.0, 2.0)), 3)
    0.8
    """
    low, high = span_usd_per_request
    if not (np.isfinite([low, high]).all() and 0 <= low < high):
        raise InputError(f"span_usd_per_request=({low:g}, {high:g}); give two costs, the lower first")
    inside = hull.cost_usd[(hull.cost_usd > low) & (hull.cost_usd < high)]
    grid = np.concatenate(([low], inside, [high]))
    return float(np.trapezoid(np.interp(grid, hull.cost_usd, hull.quality_frac), grid) / (high - low))


def cost_at_quality_usd_per_request(hull: Hull, *, target_frac: float) -> float | None:
    """The least cost on a hull that reaches a quality; None where no point does.

    >>> round(cost_at_quality_usd_per_request(upper_hull([1.0, 3.0], [0.5, 0.9]), target_frac=0.7), 6)
    2.0
    """
    if target_frac > hull.quality_frac[-1] + 1e-12:
        return None
    if target_frac <= hull.quality_frac[0]:
        return float(hull.cost_usd[0])
    return float(np.interp(target_frac, hull.quality_frac, hull.cost_usd))


def as_pair(cost: ArrayLike, quality: ArrayLike) -> tuple[Array, Array]:
    """Costs (0 or more) and qualities (0..1) as two vectors of the same length; InputError otherwise."""
    costs, qualities = np.asarray(cost, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    if costs.ndim != 1 or costs.shape != qualities.shape or not costs.size:
        raise InputError(f"costs have shape {costs.shape}, qualities {qualities.shape}; give one each a point")
    if not (np.isfinite(costs).all() and costs.min() >= 0):
        raise InputError("a cost is negative or not finite; remove or repair it")
    if not (np.isfinite(qualities).all() and qualities.min() >= 0 and qualities.max() <= 1):
        raise InputError("a quality lies outside 0..1; divide scores by their maximum")
    return costs, qualities


def _is_below(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    """Whether the middle point lies on or under the line from left to right."""
    rise = (middle[1] - left[1]) * (right[0] - left[0])
    return rise <= (right[1] - left[1]) * (middle[0] - left[0])
