"""The burst: beside the base, which whole bundles to rent in each bucket, each found on its own.

Where a mean quality is asked, a bucket is solved for several worths of quality, and one answer is chosen for each so
that the month reaches it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.planning.bundles import Fleet, cost_usd_per_month, fixed, fleet_of, mean_quality_frac
from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_model import FleetModel, fleet_model
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.highs import solve_model
from tokonomics.planning.linear_model import ModelBuilder
from tokonomics.planning.merge import at_levels, level_of_bucket, some_buckets
from tokonomics.planning.parting import Parting

MOST_SHARED: Final = 32
_MOST_ITERATIONS: Final = 6_000
_GAP_FRAC: Final = 0.01
_NODES: Final = 1
_WORTHS: Final = (1.0, 0.8, 1.25, 0.5, 2.0)
_FEW_WORTHS: Final = (1.0, 1.25)
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Rented:
    """Bundles of one bucket (K,), what they and its APIs cost a month, and its quality above the least, in requests."""

    num_on_demand: Counts
    num_spot: Counts
    usd: float
    surplus: float


def shared_burst(fleet: FleetArrays, parting: Parting) -> Fleet:
    """The base, and bundles by bucket; near buckets share those that carry the most of each class among them."""
    level = level_of_bucket(fleet, MOST_SHARED) if fleet.hours.size > MOST_SHARED else np.arange(fleet.hours.size)
    peaks = at_levels(fleet, level, is_peak=True)
    first = np.unique(level, return_index=True)[1]
    offers = [_offers(peaks, parting, bucket, int(place))[0] for bucket, place in enumerate(first)]
    on_demand, spot = _chosen(offers, fleet.num_choices)
    return _bought(parting, on_demand[:, level], spot[:, level])


def own_burst(fleet: FleetArrays, parting: Parting, shared: Fleet) -> Fleet:
    """The base, and for each bucket the cheapest bundles of its own; those of `shared` once the effort is spent."""
    offers: list[list[_Rented]] = [[] for _ in range(fleet.hours.size)]
    effort = 0
    for bucket in np.argsort(-fleet.hours * fleet.demand_requests_per_s.sum(axis=1), kind="stable"):
        if effort > _MOST_ITERATIONS:
            break
        offers[bucket], used = _offers(fleet, parting, int(bucket), int(bucket))
        effort += used
    on_demand, spot = _chosen(offers, fleet.num_choices)
    is_own = np.array([bool(one) for one in offers])
    return _bought(parting, np.where(is_own, on_demand, shared.num_on_demand), np.where(is_own, spot, shared.num_spot))


def _offers(fleet: FleetArrays, parting: Parting, bucket: int, place: int) -> tuple[list[_Rented], int]:
    """What one bucket could rent, among what is worth a look in it, and the iterations that it took to find."""
    kept = np.flatnonzero(parting.is_used[:, place])
    alone = some_buckets(fleet, slice(bucket, bucket + 1)).with_choices(kept)
    worth = parting.quality_usd_per_request
    if fleet.min_quality_frac is None or worth <= 0:
        models = [fleet_model(alone)]
    else:
        aimed = replace(alone, min_quality_frac=float(parting.quality_frac[place]) - _ROUNDING)
        worths = _WORTHS if parting.quality_frac.size <= MOST_SHARED else _FEW_WORTHS
        models = [fleet_model(aimed)] + [fleet_model(alone, quality_usd_per_request=worth * one) for one in worths]
    rented, effort = [], 0
    for model in models:
        one, used = _solved(alone, model, parting.num_committed[kept])
        effort += used
        rented += [_spread(one, kept, fleet.num_choices)] if one else []
    return rented, effort


def _solved(alone: FleetArrays, model: FleetModel, base: Counts) -> tuple[_Rented | None, int]:
    whole = fixed(model.model, (model.committed, base))
    result = solve_model(whole, max_gap_frac=_GAP_FRAC, max_nodes=_NODES)
    if result.values is None:
        return None, result.num_iterations
    found = fleet_of(model, result.values)
    by_mode, by_api = cost_usd_per_month(alone, found)
    requests = float(alone.hours @ alone.demand_requests_per_s.sum(axis=1))
    quality = mean_quality_frac(alone, found)
    surplus = (quality - (alone.min_quality_frac or 0.0)) * requests if quality is not None else 0.0
    rented = _Rented(
        num_on_demand=found.num_on_demand[:, 0],
        num_spot=found.num_spot[:, 0],
        usd=float(by_mode[:, 1:].sum() + by_api.sum()),
        surplus=surplus,
    )
    return rented, result.num_iterations


def _spread(rented: _Rented, kept: Counts, num_choices: int) -> _Rented:
    on_demand, spot = np.zeros((2, num_choices), dtype=np.int64)
    on_demand[kept], spot[kept] = rented.num_on_demand, rented.num_spot
    return replace(rented, num_on_demand=on_demand, num_spot=spot)


def _chosen(offers: list[list[_Rented]], num_choices: int) -> tuple[Counts, Counts]:
    """(K, B) bundles: one offer for each bucket, at the least cost at which their surpluses are no deficit."""
    on_demand, spot = np.zeros((2, num_choices, len(offers)), dtype=np.int64)
    for bucket, one in enumerate(_cheapest_of_each(offers)):
        if one is not None:
            on_demand[:, bucket], spot[:, bucket] = one.num_on_demand, one.num_spot
    return on_demand, spot


def _cheapest_of_each(offers: list[list[_Rented]]) -> list[_Rented | None]:
    if all(len(one) <= 1 for one in offers):
        return [one[0] if one else None for one in offers]
    listed = [(bucket, one) for bucket, some in enumerate(offers) for one in some]
    buckets = np.array([bucket for bucket, _ in listed])
    surplus = np.array([one.surplus for _, one in listed])
    builder = ModelBuilder()
    picked = builder.add_columns([one.usd for _, one in listed], upper=1.0, integer=True)
    rows = builder.add_rows((len(offers),), lower=np.isin(np.arange(len(offers)), buckets), upper=1.0)
    builder.add_entries(rows[buckets], picked, 1.0)
    scale = max(float(np.abs(surplus).max()), 1e-300)
    builder.add_entries(builder.add_rows((1,), lower=0.0), picked, surplus / scale)
    result = solve_model(builder.build(), max_gap_frac=1e-3, max_nodes=100)
    is_picked = np.rint(result.values) > 0 if result.values is not None else _richest(buckets, surplus)
    by_bucket = {bucket: one for (bucket, one), yes in zip(listed, is_picked) if yes}
    return [by_bucket.get(bucket) for bucket in range(len(offers))]


def _richest(buckets: Counts, surplus: Floats) -> Floats:
    """Which offers have the most surplus of their bucket, where no choice of offers reaches the quality."""
    return np.array([one == max(surplus[buckets == bucket]) for bucket, one in zip(buckets, surplus)])


def _bought(parting: Parting, num_on_demand: Counts, num_spot: Counts) -> Fleet:
    """Bundles that nothing is routed to as yet."""
    nothing = np.zeros(0)
    return Fleet(
        num_committed=parting.num_committed,
        num_on_demand=num_on_demand,
        num_spot=num_spot,
        sent=nothing,
        routed=nothing,
    )
