"""Fewer buckets: equal ones are one with their hours together (exact), and near ones a level of load (for a start)."""

from dataclasses import replace

import numpy as np

from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_problem import Counts, Floats


def merge_equal_buckets(fleet: FleetArrays) -> FleetArrays:
    """The same month with each load once, heaviest last; no cheapest plan is lost, for equal loads want equal fleets.

    Where the quality of the month is limited they may not: in whole bundles one of two equal buckets can make up for
    the other. Then a plan of merged buckets is a plan, and a bound by prices holds, but not the bound of a search.
    Buckets without hours cost nothing, but what is committed must carry them, so that they stay.
    """
    demand, place = np.unique(fleet.demand_requests_per_s, axis=0, return_inverse=True)
    place = place.reshape(-1)
    hours: Floats = np.bincount(place, weights=fleet.hours, minlength=len(demand)).astype(float)
    return replace(fleet, hours=hours, demand_requests_per_s=demand, bucket_index=place[fleet.bucket_index])


def level_of_bucket(fleet: FleetArrays, num_levels: int) -> Counts:
    """(B,) which level each bucket falls in: buckets in order of size, cut into runs of about equal rise.

    Size is what the bucket would cost at the cheapest replica or endpoint of each class.
    """
    size = fleet.demand_requests_per_s @ _class_weight(fleet)
    order = np.argsort(size, kind="stable")
    rise = np.cumsum(np.r_[0.0, np.diff(size[order])])
    even = np.arange(size.size) / max(size.size - 1, 1)
    place = 0.5 * (rise / rise[-1] if rise[-1] > 0 else even) + 0.5 * even
    level = np.empty(size.size, dtype=np.int64)
    level[order] = np.unique(np.minimum((place * num_levels).astype(np.int64), num_levels - 1), return_inverse=True)[1]
    return level


def at_levels(fleet: FleetArrays, level: Counts, *, is_peak: bool = False) -> FleetArrays:
    """The month with one bucket a level, its demand the mean over its hours, or the most of each class."""
    num = int(level.max()) + 1
    hours: Floats = np.bincount(level, weights=fleet.hours, minlength=num).astype(float)
    weight = np.where(hours[level] > 0, fleet.hours / np.where(hours[level] > 0, hours[level], 1.0), 0.0)
    demand = np.zeros((num, fleet.demand_requests_per_s.shape[1]))
    if is_peak:
        np.maximum.at(demand, level, fleet.demand_requests_per_s)
    else:
        np.add.at(demand, level, fleet.demand_requests_per_s * weight[:, None])
    return replace(fleet, hours=hours, demand_requests_per_s=demand, bucket_index=level[fleet.bucket_index])


def some_buckets(fleet: FleetArrays, buckets: slice) -> FleetArrays:
    """A part of the month, as if there were no other."""
    hours = fleet.hours[buckets]
    demand = fleet.demand_requests_per_s[buckets]
    return replace(fleet, hours=hours, demand_requests_per_s=demand, bucket_index=np.arange(hours.size))


def _class_weight(fleet: FleetArrays) -> Floats:
    """(C,) a scale of what a request of each class takes: one over the best rate, else its share alike."""
    best = fleet.replica_requests_per_s.max(axis=0, initial=0.0)
    return np.where(best > 0, 1.0 / np.where(best > 0, best, 1.0), 1.0)
