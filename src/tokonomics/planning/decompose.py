"""Base and burst: for many buckets, what is committed is chosen on levels of load, then each bucket's rest on its own.

Buckets share only what is committed and the mean quality. Give each bucket a part of the price of every commitment,
and quality a price, and they fall apart (Lagrange): for any such parts the least costs of the buckets add up to no more
than the month's, which is the bound. The parts are those of the relaxation on levels: wrong ones would be valid too.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from tokonomics.planning.bundles import Fleet, settled, total_usd_per_month
from tokonomics.planning.burst import MOST_SHARED, own_burst, shared_burst
from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_model import Whole, fleet_model, usd_by_bucket
from tokonomics.planning.fleet_problem import Floats
from tokonomics.planning.highs import solve_model
from tokonomics.planning.linear_model import LinearModel
from tokonomics.planning.merge import some_buckets
from tokonomics.planning.parting import Parting, parting_of

_CHUNK: Final = 12
_BOUND_GAP_FRAC: Final = 0.0025
_BOUND_NODES: Final = 5
_MOST_ITERATIONS: Final = 6_000


def base_and_burst(fleet: FleetArrays, *, max_gap_frac: float) -> tuple[Fleet | None, float]:
    """A fleet for `fleet` (None: none was found) and a bound, in USD a month, that no fleet can be cheaper than.

    First near buckets share their bundles and the bound divides them; where these are more than `max_gap_frac` apart,
    each bucket gets its own, and then the bound whole ones, as far as a fixed number of the solver's iterations goes.
    """
    parting = parting_of(fleet)
    if parting is None:
        return None, -np.inf
    parts = _bounds(fleet, parting)
    shared = shared_burst(fleet, parting)
    found = settled(fleet, shared)
    if fleet.hours.size > MOST_SHARED and not _is_within(fleet, found, parts, max_gap_frac):
        found = _cheaper(fleet, found, settled(fleet, own_burst(fleet, parting, shared)))
    if not _is_within(fleet, found, parts, max_gap_frac):
        parts = _whole_bounds(fleet, parting, parts)
    return found, float(parts.sum())


def _is_within(fleet: FleetArrays, found: Fleet | None, parts: Floats, max_gap_frac: float) -> bool:
    return found is not None and total_usd_per_month(fleet, found) * (1.0 - max_gap_frac) <= parts.sum()


def _cheaper(fleet: FleetArrays, one: Fleet | None, other: Fleet | None) -> Fleet | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda found: total_usd_per_month(fleet, found))


def _bounds(fleet: FleetArrays, parting: Parting) -> Floats:
    """(chunks of buckets,) least costs, bundles divided; of `_CHUNK` buckets each, the last of fewer."""
    parts = range(0, fleet.hours.size, _CHUNK)
    models = (_parted(fleet, parting, slice(first, first + _CHUNK), "none") for first in parts)
    return np.array([solve_model(model).bound_usd for model in models])


def _whole_bounds(fleet: FleetArrays, parting: Parting, divided: Floats) -> Floats:
    """The same with whole bundles, chunk by chunk from the dearest, until the effort is spent."""
    bounds, effort = divided.copy(), 0
    for chunk in np.argsort(-divided, kind="stable"):
        whole = 0.0
        for bucket in range(int(chunk) * _CHUNK, min((int(chunk) + 1) * _CHUNK, fleet.hours.size)):
            model = _parted(fleet, parting, slice(bucket, bucket + 1), "all")
            result = solve_model(model, max_gap_frac=_BOUND_GAP_FRAC, max_nodes=_BOUND_NODES)
            whole, effort = whole + result.bound_usd, effort + result.num_iterations
        bounds[chunk] = max(bounds[chunk], whole)
        if effort > _MOST_ITERATIONS:
            break
    return bounds


def _parted(fleet: FleetArrays, parting: Parting, part: slice, whole: Whole) -> LinearModel:
    """Some buckets on their own: what is committed is rented in each at the price that it bears."""
    rented = replace(fleet, committed_usd_per_hour=np.full(fleet.num_choices, np.inf))
    is_sold = np.isfinite(fleet.committed_usd_per_hour)[:, None]
    usd = np.minimum(
        usd_by_bucket(fleet.on_demand_usd_per_hour, fleet.hours), np.where(is_sold, parting.committed_usd, np.inf)
    )
    return fleet_model(
        some_buckets(rented, part),
        quality_usd_per_request=parting.quality_usd_per_request,
        on_demand_usd=usd[:, part],
        whole=whole,
    ).model
