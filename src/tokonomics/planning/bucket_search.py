"""One bucket on its own: the cheapest whole bundles for its load, and a bound that nothing beats, among many choices.

A linear programme over a few choices prices the calls of each tier. At those prices every choice that was left out is
weighed by what its first bundle costs less what that bundle can carry: what is dearer than the bucket's own slack is
proven useless, so that the whole numbers are searched among a few.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tokonomics.planning.bundles import cost_usd_per_month, fixed, fleet_of, mean_quality_frac
from tokonomics.planning.fleet_arrays import FleetArrays, Mask
from tokonomics.planning.fleet_model import FleetModel, Whole, can_serve, fleet_model, replica_load, usd_by_bucket
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.highs import ModelResult, solve_model
from tokonomics.planning.linear_model import Indices
from tokonomics.planning.merge import some_buckets
from tokonomics.units import SECONDS_PER_HOUR

_FEW: Final = 14
_MORE: Final = 10
_GAP_FRAC: Final = 0.002
_NODES: Final = 50
_MOST_ROUNDS: Final = 4
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pattern:
    """What runs in a bucket.

    num_running: (K,) bundles, committed or by the hour; num_spot: (K,).  other_usd: a month of spot and endpoints.
    num_surplus_requests: quality above the least, times requests a month.  bound_usd: nothing costs less at the prices
    it was found at.
    """

    bucket: int
    num_running: Counts
    num_spot: Counts
    other_usd: float
    num_surplus_requests: float
    bound_usd: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Alone:
    """A bucket as a month of its own: what a running bundle costs (K, 1), what is there for nothing (K,)."""

    fleet: FleetArrays
    running_usd: Floats
    base: Counts
    quality_usd_per_request: float | None
    least_quality_frac: float | None


def priced_pattern(
    fleet: FleetArrays, bucket: int, borne_usd: Floats, quality_usd_per_request: float | None, looked_at: Mask
) -> Pattern | None:
    """The cheapest pattern where a committed bundle costs `borne_usd` (K,), inf: none is sold; None: nothing serves.

    looked_at: (K,) choices that the search begins with; it costs time, never truth, where they are the wrong ones.
    """
    one = some_buckets(fleet, slice(bucket, bucket + 1))
    only_committed = np.isfinite(borne_usd) & np.isinf(fleet.on_demand_usd_per_hour)
    rented = replace(
        one,
        committed_usd_per_hour=np.full(fleet.num_choices, np.inf),
        on_demand_usd_per_hour=np.where(only_committed, 0.0, fleet.on_demand_usd_per_hour),  # sold, at `usd` below
    )
    usd = np.minimum(usd_by_bucket(fleet.on_demand_usd_per_hour, one.hours), borne_usd[:, None])
    base = np.zeros(fleet.num_choices, dtype=np.int64)
    alone = _Alone(
        fleet=rented,
        running_usd=usd,
        base=base,
        quality_usd_per_request=quality_usd_per_request,
        least_quality_frac=fleet.min_quality_frac,
    )
    return _pattern(alone, bucket, looked_at)


def burst_pattern(
    fleet: FleetArrays,
    bucket: int,
    base: Counts,
    quality_usd_per_request: float | None,
    looked_at: Mask,
    *,
    aim_frac: float | None = None,
) -> Pattern | None:
    """The cheapest pattern where `base` (K,) committed bundles are there, paid already; None: nothing serves.

    aim_frac: the mean quality that the bucket is to reach, in place of a price of quality.
    """
    one = some_buckets(fleet, slice(bucket, bucket + 1))
    free = replace(
        one, committed_usd_per_hour=np.where(base > 0, 0.0, np.inf), min_quality_frac=aim_frac or fleet.min_quality_frac
    )
    usd = usd_by_bucket(fleet.on_demand_usd_per_hour, one.hours)
    alone = _Alone(
        fleet=free,
        running_usd=usd,
        base=base,
        quality_usd_per_request=quality_usd_per_request,
        least_quality_frac=fleet.min_quality_frac,
    )
    return _pattern(alone, bucket, looked_at)


def _pattern(alone: _Alone, bucket: int, looked_at: Mask) -> Pattern | None:
    priced = _priced(alone, looked_at)
    if priced is None:
        return None
    divided_usd, excess_usd = priced
    order = np.argsort(excess_usd, kind="stable")
    num = _FEW + int((alone.base > 0).sum())
    while True:
        kept = np.sort(order[:num])
        model, result = _solved(alone, kept, "all")
        left_out = divided_usd + float(excess_usd[order[num]]) if num < order.size else np.inf
        is_sure = result.values is not None and left_out >= result.cost_usd * (1.0 - _GAP_FRAC)
        if is_sure or num >= order.size:
            break
        num += _MORE
    if result.values is None:
        return None
    bound = max(min(result.bound_usd, left_out), divided_usd)
    return _read(alone, kept, model, result, bucket, bound)


def _priced(alone: _Alone, looked_at: Mask) -> tuple[float, Floats] | None:
    """Least cost, bundles divided, over all choices; and (K,) the least that any use of each adds to it."""
    seen = _covering(alone.fleet, looked_at | (alone.base > 0))
    for _ in range(_MOST_ROUNDS):
        model, result = _solved(alone, np.flatnonzero(seen), "none")
        excess = None if result.values is None else _excess_usd(alone, model, result)
        missing = ~seen if excess is None else ~seen & (excess < -_ROUNDING)
        if not missing.any():
            break
        seen = seen | missing
    else:
        model, result = _solved(alone, np.arange(seen.size), "none")
        excess = None if result.values is None else _excess_usd(alone, model, result)
    if excess is None:
        return None
    return result.cost_usd, np.where(alone.base > 0, 0.0, np.maximum(excess, 0.0))


def _covering(fleet: FleetArrays, seen: Mask) -> Mask:
    """`seen`, and all choices of the tiers that would be without one for a class: their calls would have no price."""
    lost = (can_serve(fleet) & ~can_serve(fleet.with_choices(seen))).any(axis=0)
    tiers = (fleet.calls[lost] > 0).any(axis=0)
    covering: Mask = seen | np.append(tiers, False)[fleet.choice_tier]
    return covering


def _solved(alone: _Alone, kept: Counts, whole: Whole) -> tuple[FleetModel, ModelResult]:
    model = fleet_model(
        alone.fleet.with_choices(kept),
        quality_usd_per_request=alone.quality_usd_per_request,
        on_demand_usd=alone.running_usd[kept],
        whole=whole,
    )
    held = fixed(model.model, (model.committed, alone.base[kept]))
    return model, solve_model(held, max_gap_frac=_GAP_FRAC / 2, max_nodes=_NODES)


def _excess_usd(alone: _Alone, model: FleetModel, result: ModelResult) -> Floats:
    """(K,) cost of the first bundle of each choice, less the worth of the calls it can carry, dearest first.

    Worth is concave in bundles, so where the first does not pay, no number does. Spares, limits and what spot loses are
    left out, which makes a choice look no worse than it is.
    """
    fleet = alone.fleet
    calls = fleet.calls.max(axis=0)[fleet.choice_tier][:, None]
    worth = _worth_of_calls(fleet, model.balance, result) * calls
    load = replica_load(fleet)[:, :, 0] * calls
    worth = np.where(load > 0, np.maximum(worth, 0.0), 0.0)
    per_load = np.divide(worth, load, out=np.zeros_like(worth), where=load > 0)
    order = np.argsort(-per_load, axis=1, kind="stable")
    load, per_load = np.take_along_axis(load, order, axis=1), np.take_along_axis(per_load, order, axis=1)
    before = np.cumsum(load, axis=1) - load
    carried = np.clip(fleet.num_per_bundle[:, None] - before, 0.0, load)
    price = np.minimum(alone.running_usd, usd_by_bucket(fleet.spot_usd_per_hour, fleet.hours))[:, 0]
    excess: Floats = price - (carried * per_load).sum(axis=1)
    return excess


def _worth_of_calls(fleet: FleetArrays, balance: Indices, result: ModelResult) -> Floats:
    """(K, C) USD a month that all calls of a class are worth in the tier of each choice."""
    duals = result.row_duals if result.row_duals.size else np.zeros(1)  # where nothing is asked there are no rows
    per_tier = np.where(balance >= 0, duals[balance], 0.0)[0]
    return np.asarray(per_tier[:, fleet.choice_tier].T)


def _read(
    alone: _Alone, kept: Counts, model: FleetModel, result: ModelResult, bucket: int, bound_usd: float
) -> Pattern:
    assert result.values is not None
    part, found = alone.fleet.with_choices(kept), fleet_of(model, result.values)
    by_mode, by_api = cost_usd_per_month(part, found)
    requests = float(part.hours @ part.demand_requests_per_s.sum(axis=1)) * SECONDS_PER_HOUR
    quality = mean_quality_frac(part, found)
    surplus = (quality - (alone.least_quality_frac or 0.0)) * requests if quality is not None else 0.0
    running, spot = alone.base.copy(), np.zeros_like(alone.base)
    running[kept] += found.num_on_demand[:, 0]
    spot[kept] = found.num_spot[:, 0]
    return Pattern(
        bucket=bucket,
        num_running=running,
        num_spot=spot,
        other_usd=float(by_mode[:, 2].sum() + by_api.sum()),
        num_surplus_requests=surplus if alone.least_quality_frac is not None else 0.0,
        bound_usd=bound_usd,
    )
