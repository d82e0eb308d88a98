"""A plan over other loads, and the load itself sorted: what the charts of a plan show."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.ask import Planned
from tokonomics.planning.draft import Draft
from tokonomics.planning.race import FamilyPlan
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_MONTH

Floats = NDArray[np.float64]

_NUM_POINTS: Final = 120
_SPAN_RATIO: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LoadCost:
    """A family's cost over mean loads, both of shape (points,), with the machines and endpoints of its plan."""

    name: str
    requests_per_s: Floats
    usd_per_month: Floats


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LoadDuration:
    """For what share of the time the load is at least so high; shape (points,); and what the own machines carry."""

    exceeded_frac: Floats
    requests_per_s: Floats
    capacity_requests_per_s: float


def load_costs(planned: Planned) -> tuple[LoadCost, ...]:
    """Cost against load of each family that is machines alone (a staircase) or endpoints alone (a line)."""
    traffic = planned.asked.demand.traffic
    loads = np.geomspace(traffic.requests_per_s / _SPAN_RATIO, traffic.requests_per_s * _SPAN_RATIO, _NUM_POINTS)
    return tuple(
        LoadCost(
            name=one.draft.family.title, requests_per_s=loads, usd_per_month=_costs(one, loads, traffic.peak_ratio)
        )
        for one in planned.plans
        if bool(one.draft.purchases) != bool(one.draft.calls)
    )


def load_duration(planned: Planned) -> LoadDuration:
    """The buckets of the load from the busiest on, and the capacity of the recommended plan's machines."""
    buckets = planned.asked.buckets
    order = np.argsort(-buckets.requests_per_s, kind="stable")
    until = np.cumsum(buckets.hours[order]) / buckets.hours.sum()
    begins = np.concatenate(([0.0], until[:-1]))
    return LoadDuration(
        exceeded_frac=np.ravel(np.column_stack((begins, until))),
        requests_per_s=np.repeat(buckets.requests_per_s[order], 2),
        capacity_requests_per_s=planned.best.draft.capacity_requests_per_s,
    )


def _costs(one: FamilyPlan, loads: Floats, peak_ratio: float) -> Floats:
    if one.draft.calls:
        per_request = sum(call.calls_ratio * call.hosted.usd_per_request for call in one.draft.calls)
        return np.asarray(loads * SECONDS_PER_MONTH * per_request)
    return _staircase(one.draft, loads * peak_ratio)


def _staircase(made: Draft, peaks: Floats) -> Floats:
    """Whole bundles of what the plan has most of, in each tier, as many as carry its calls at each peak."""
    total = np.zeros(peaks.shape)
    for tier, calls in made.way.calls:
        bought = [one for one in made.purchases if one.item.tier == tier]
        main = max(bought, key=lambda one: one.item.requests_per_s * one.most_replicas).item
        bundles = np.ceil(peaks * calls / (main.requests_per_s * main.replicas_per_bundle) - 1e-9)
        total += np.maximum(bundles, 1.0) * main.bundle_usd_per_hour * HOURS_PER_MONTH
    return total
