"""A fleet with its whole bundles decided: what the rest costs at best, and a check that owes nothing to the solver."""

from dataclasses import dataclass, replace

import numpy as np

from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_model import FleetModel, fleet_model
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.highs import solve_model
from tokonomics.planning.linear_model import Array, Indices, LinearModel
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

_TOLERANCE = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Fleet:
    """Bundles by choice (K,) or choice and bucket (K, B), and `sent`, `routed` as in `FleetModel`."""

    num_committed: Counts
    num_on_demand: Counts
    num_spot: Counts
    sent: Floats
    routed: Floats


def fleet_of(model: FleetModel, values: Array) -> Fleet:
    """The fleet that a solution of the programme means; bundles are rounded to the whole numbers that they are."""
    return Fleet(
        num_committed=np.rint(pick(values, model.committed)).astype(np.int64),
        num_on_demand=np.rint(pick(values, model.on_demand)).astype(np.int64),
        num_spot=np.rint(pick(values, model.spot)).astype(np.int64),
        sent=np.maximum(pick(values, model.sent), 0.0),
        routed=np.clip(pick(values, model.routed), 0.0, 1.0),
    )


def settled(fleet: FleetArrays, found: Fleet) -> Fleet | None:
    """The cheapest routing with the bundles of `found` fixed; None where they cannot serve the demand."""
    model = fleet_model(fleet)
    blocks = (
        (model.committed, found.num_committed),
        (model.on_demand, found.num_on_demand),
        (model.spot, found.num_spot),
    )
    result = solve_model(fixed(model.model, *blocks))
    return None if result.values is None else fleet_of(model, result.values)


def fixed(model: LinearModel, *blocks: tuple[Indices, Array]) -> LinearModel:
    """The same programme with blocks of columns, where they exist, fixed at values."""
    lower, upper = model.lower.copy(), model.upper.copy()
    for columns, values in blocks:
        exists = columns >= 0
        lower[columns[exists]] = upper[columns[exists]] = values[exists]
    return replace(model, lower=lower, upper=upper)


def cost_usd_per_month(fleet: FleetArrays, found: Fleet) -> tuple[Floats, Floats]:
    """What each choice costs a month by mode (K, 3), committed, on demand and spot; and each API (A,)."""
    hours = fleet.hours
    modes = (
        _paid(found.num_committed, fleet.committed_usd_per_hour) * HOURS_PER_MONTH,
        _paid(found.num_on_demand @ hours, fleet.on_demand_usd_per_hour),
        _paid(found.num_spot @ hours, fleet.spot_usd_per_hour),
    )
    calls = sent_requests_per_s(fleet, found)[:, :, fleet.num_choices :] * hours[:, None, None] * SECONDS_PER_HOUR
    return np.stack(modes, axis=1), _paid(calls.sum(axis=0).T, fleet.api_usd_per_request).sum(axis=1)


def total_usd_per_month(fleet: FleetArrays, found: Fleet) -> float:
    """What a fleet costs a month, all modes and APIs together."""
    by_mode, by_api = cost_usd_per_month(fleet, found)
    return float(by_mode.sum() + by_api.sum())


def sent_requests_per_s(fleet: FleetArrays, found: Fleet) -> Floats:
    """(B, C, K + A) calls a second of each backend."""
    return found.sent * fleet.demand_requests_per_s[:, :, None]


def violations(fleet: FleetArrays, found: Fleet) -> list[str]:
    """What a fleet fails to satisfy, by name; computed from the arrays alone."""
    checks = {
        "demand": _demand_excess(fleet, found),
        "calls": _calls_excess(fleet, found),
        "capacity": _capacity_excess(fleet, found),
        "max_replicas": _running(fleet, found).max(axis=1, initial=0.0) - fleet.num_most_replicas,
        "max_gpus": _gpus_excess(fleet, found),
        "availability": _availability_excess(fleet, found),
        "quota": _quota_excess(fleet, found),
        "quality": np.array([(fleet.min_quality_frac or 0.0) - (mean_quality_frac(fleet, found) or 0.0)]),
    }
    if fleet.min_quality_frac is None or not found.routed.any():
        del checks["quality"]
    return [
        f"{name} is short by {excess.max():g}"
        for name, excess in checks.items()
        if excess.max(initial=0.0) > _TOLERANCE
    ]


def mean_quality_frac(fleet: FleetArrays, found: Fleet) -> float | None:
    """Mean quality over the requests of a month; None where a way in use has none, or nothing is asked."""
    requests = found.routed * (fleet.hours[:, None] * fleet.demand_requests_per_s)[:, :, None]
    by_way = requests.sum(axis=(0, 1))
    used = by_way > 0
    if not used.any() or np.isnan(fleet.quality_frac[used]).any():
        return None
    return float(by_way[used] @ fleet.quality_frac[used] / by_way.sum())


def _demand_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    return np.where(fleet.demand_requests_per_s > 0, np.abs(found.routed.sum(axis=2) - 1.0), 0.0)


def _calls_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    wanted = found.routed @ fleet.calls
    for tier in range(fleet.calls.shape[1]):
        members = np.concatenate([fleet.choice_tier, fleet.api_tier]) == tier
        wanted[:, :, tier] -= found.sent[:, :, members].sum(axis=2)
    excess: Floats = np.abs(wanted)
    return excess


def _work(fleet: FleetArrays, found: Fleet) -> Floats:
    """(K, B) replicas' worth of work."""
    calls = sent_requests_per_s(fleet, found)[:, :, : fleet.num_choices].transpose(2, 1, 0)
    rate = fleet.replica_requests_per_s[:, :, None]
    impossible = np.where(calls > _TOLERANCE, np.inf, 0.0)
    work: Floats = np.where(rate > 0, calls / np.where(rate > 0, rate, 1.0), impossible).sum(axis=1)
    return work


def _running(fleet: FleetArrays, found: Fleet) -> Floats:
    num = found.num_committed[:, None] + found.num_on_demand + found.num_spot
    return (num * fleet.num_per_bundle[:, None]).astype(float)


def _capacity_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    work = _work(fleet, found)
    lost = found.num_spot * (1.0 - fleet.spot_availability_frac)[:, None] * fleet.num_per_bundle[:, None]
    spares = fleet.num_spares[:, None] * (work > _TOLERANCE)
    excess: Floats = work + spares - (_running(fleet, found) - lost)
    return excess / np.maximum(work, 1.0)


def _gpus_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    bundles = found.num_committed[:, None] + found.num_on_demand + found.num_spot
    excess: Floats = fleet.bundle_gpus @ bundles - fleet.most_gpus[:, None]
    return excess


def _availability_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    running = found.num_committed[:, None] + found.num_on_demand + found.num_spot
    lost = found.num_spot * (1.0 - fleet.spot_availability_frac)[:, None]
    return np.where(found.num_spot > 0, lost - (1.0 - fleet.min_availability_frac) * running, 0.0)


def _quota_excess(fleet: FleetArrays, found: Fleet) -> Floats:
    calls = sent_requests_per_s(fleet, found)[:, :, fleet.num_choices :].sum(axis=1)
    excess: Floats = (calls - fleet.quota_requests_per_s) / np.maximum(1.0, np.where(calls > 0, calls, 1.0))
    return excess


def _paid(amount: Array, price: Floats) -> Floats:
    return np.where(amount > 0, amount * np.where(np.isfinite(price), price, 0.0), 0.0)


def pick(values: Array, columns: Indices) -> Array:
    """The values of a block of columns; 0 where a column does not exist."""
    return np.where(columns >= 0, values[columns], 0.0) if values.size else np.zeros(columns.shape)
