"""Take away what no cheapest plan needs: modes, choices and ways; every step is exact, whatever the demand.

A choice is dominated where another of its tier can stand in for each of its bundles at no higher cost. The other
must have no limit of its own, no lower rate for any class, no more spares, and for every mode in which the first is
sold a mode that is as available and, for the bundles that hold as many replicas, no dearer.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.fleet_arrays import FleetArrays, Mask
from tokonomics.planning.fleet_problem import Floats


def prune_modes(fleet: FleetArrays) -> FleetArrays:
    """Without the modes that another mode of the same choice makes useless.

    On demand stands in for a commitment or for spot that is no cheaper. Spot that is never up, or that may not be
    used alone where nothing else is sold, cannot be used.
    """
    on_demand, spot = fleet.on_demand_usd_per_hour, fleet.spot_usd_per_hour
    committed = np.where(on_demand <= fleet.committed_usd_per_hour, np.inf, fleet.committed_usd_per_hour)
    is_alone = np.isinf(committed) & np.isinf(on_demand)
    useless = (on_demand <= spot) | (fleet.spot_availability_frac <= 0)
    useless |= is_alone & (fleet.spot_availability_frac < fleet.min_availability_frac)
    return replace(fleet, committed_usd_per_hour=committed, spot_usd_per_hour=np.where(useless, np.inf, spot))


def prune_ways(fleet: FleetArrays) -> FleetArrays:
    """Without the ways of unknown quality, where a quality is asked."""
    if fleet.min_quality_frac is None:
        return fleet
    return fleet.with_ways(np.isfinite(fleet.quality_frac))


def prune_choices(fleet: FleetArrays) -> FleetArrays:
    """Without the choices that are sold in no mode, serve no class, or that no way calls."""
    prices = (fleet.committed_usd_per_hour, fleet.on_demand_usd_per_hour, fleet.spot_usd_per_hour)
    is_called = np.append(fleet.calls.max(axis=0, initial=0.0) > 0, False)[fleet.choice_tier]
    serves = ((fleet.replica_requests_per_s > 0) & (fleet.demand_requests_per_s.max(axis=0) > 0)).any(axis=1)
    return fleet.with_choices(np.isfinite(np.minimum.reduce(prices)) & is_called & serves)


def prune_dominated(fleet: FleetArrays) -> FleetArrays:
    """Without the choices that another dominates; of equals the first stays."""
    kept = np.ones(fleet.num_choices, dtype=bool)
    for tier in np.unique(fleet.choice_tier):
        members = np.flatnonzero(fleet.choice_tier == tier)
        kept[members] = not_dominated(fleet.with_choices(members))
    return fleet.with_choices(kept)


def not_dominated(fleet: FleetArrays) -> Mask:
    """(K,) which choices of one tier no other dominates.

    Choices are taken in an order in which none is dominated by a later one, save through equal figures, and each
    takes out what it dominates: time goes with choices x survivors.
    """
    table, is_limited = _Table(fleet), fleet.is_limited
    kept = np.zeros(fleet.num_choices, dtype=bool)
    waiting = table.order()
    while waiting.size:
        first, waiting = waiting[0], waiting[1:]
        kept[first] = True
        if not is_limited[first]:
            waiting = waiting[~table.dominates(first, waiting)]
    return kept


class _Table:
    """The figures of the choices of one tier that dominance compares."""

    def __init__(self, fleet: FleetArrays) -> None:
        self.fleet = fleet
        self.rates = np.ascontiguousarray(fleet.replica_requests_per_s)
        self.committed = np.minimum(fleet.committed_usd_per_hour, fleet.on_demand_usd_per_hour)
        self.on_demand, self.spot = fleet.on_demand_usd_per_hour, fleet.spot_usd_per_hour

    def order(self) -> NDArray[np.intp]:
        """Best first: what dominates is no later by any of the keys."""
        fleet = self.fleet
        spot = np.minimum(self.spot, self.on_demand)
        prices = [one / fleet.num_per_bundle for one in (self.committed, self.on_demand, spot)]
        limits = [~fleet.is_limited, -fleet.num_per_bundle, -fleet.num_spares]
        keys = [-self.rates.sum(axis=1), *prices, *(-np.asarray(one, dtype=float) for one in limits)]
        return np.lexsort(keys[::-1])

    def dominates(self, best: int, others: NDArray[np.intp]) -> Mask:
        """Which of `others` the choice `best`, which has no limit, can stand in for.

        Its bundles that hold as many replicas as one of theirs must cost no more, and be no more of a loss.
        """
        fleet = self.fleet
        num = np.ceil(fleet.num_per_bundle[others] / fleet.num_per_bundle[best])
        on_demand = self._costs(self.on_demand[best], num)
        is_cheaper = on_demand <= self.on_demand[others]
        is_cheaper &= self._costs(self.committed[best], num) <= fleet.committed_usd_per_hour[others]
        up = fleet.spot_availability_frac
        spot = (self._costs(self.spot[best], num) <= self.spot[others]) & (up[best] >= up[others])
        is_cheaper &= spot | (on_demand <= self.spot[others])
        is_cheaper &= fleet.num_spares[best] <= fleet.num_spares[others]
        index = others[is_cheaper]
        is_cheaper[is_cheaper] = (self.rates[best] >= self.rates[index]).all(axis=1)
        return is_cheaper

    def _costs(self, usd_per_hour: float, num: Floats) -> Floats:
        return np.full(num.shape, np.inf) if np.isinf(usd_per_hour) else usd_per_hour * num
