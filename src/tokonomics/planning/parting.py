"""How the buckets of a month are parted: what each bears of a commitment, what quality is worth, what deserves a look.

All of it comes from the relaxation on levels of load, in which bundles can be divided.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tokonomics.planning.bundles import pick
from tokonomics.planning.fleet_arrays import FleetArrays, Mask
from tokonomics.planning.fleet_model import FleetModel, fleet_model
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.highs import solve_model
from tokonomics.planning.linear_model import Array
from tokonomics.planning.merge import at_levels, level_of_bucket
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

_NUM_LEVELS: Final = 12
_MOST_KEPT: Final = 20
_BASE_NODES: Final = 200
_BASE_GAP_FRAC: Final = 0.002


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parting:
    """What parts the buckets: (K, B) USD a month of a committed bundle that each bears, and the worth of quality.

    quality_frac: (B,) mean quality that each is to reach, so that the month does.
    is_used: (K, B) choices worth a look in a bucket. num_committed: (K,), the base.
    """

    committed_usd: Floats
    quality_usd_per_request: float
    quality_frac: Floats
    is_used: Mask
    num_committed: Counts


def parting_of(fleet: FleetArrays) -> Parting | None:
    """The parts that the relaxation on levels implies; None where even it cannot be served."""
    level = level_of_bucket(fleet, _NUM_LEVELS)
    at_level = at_levels(fleet, level)
    relaxed = fleet_model(at_level, whole="none")
    result = solve_model(relaxed.model)
    if result.values is None:
        return None
    used = _worth_a_look(at_level, relaxed, result.row_duals)
    base = _base(at_level, np.asarray(used.any(axis=1)))
    near = used | (base > 0)[:, None]
    hours = at_level.hours[level]
    share = np.divide(fleet.hours, hours, out=np.zeros_like(hours), where=hours > 0)
    return Parting(
        committed_usd=_borne_usd(at_level, relaxed, result.row_duals)[:, level] * share,
        quality_usd_per_request=_quality_worth(fleet, relaxed, result.row_duals),
        quality_frac=_bucket_quality_frac(fleet, pick(result.values, relaxed.routed)[level]),
        is_used=near[:, level],
        num_committed=base,
    )


def _worth_a_look(at_level: FleetArrays, relaxed: FleetModel, row_duals: Array) -> Mask:
    """(K, levels) the choices whose bundle costs least for the work that it takes off the others, in each level.

    The worth of a bundle is that of the calls it can carry, the dearest for its time first.
    """
    rate = at_level.replica_requests_per_s[:, :, None]
    tier = at_level.choice_tier
    calls = at_level.calls.max(axis=0)[tier]
    worth = (np.where(relaxed.balance >= 0, row_duals[relaxed.balance], 0.0)[:, :, tier].transpose(2, 1, 0)) * calls[
        :, None, None
    ]
    load = (
        np.divide(at_level.demand_requests_per_s.T, rate, out=np.zeros(worth.shape), where=rate > 0)
        * calls[:, None, None]
    )
    per_load = np.divide(worth, load, out=np.zeros_like(worth), where=load > 0)
    order = np.argsort(-per_load, axis=1, kind="stable")
    load, per_load = np.take_along_axis(load, order, axis=1), np.take_along_axis(per_load, order, axis=1)
    before = np.cumsum(load, axis=1) - load
    held = at_level.num_per_bundle[:, None, None]
    bundle_worth = (np.clip(held - before, 0.0, load) * per_load).sum(axis=1)
    hours = at_level.hours
    price = np.minimum.reduce(
        [
            at_level.on_demand_usd_per_hour,
            at_level.committed_usd_per_hour,
            at_level.spot_usd_per_hour / np.maximum(at_level.spot_availability_frac, 1e-9),
        ]
    )
    dearness = np.divide(
        price[:, None] * hours, bundle_worth, out=np.full(bundle_worth.shape, np.inf), where=bundle_worth > 0
    )
    rank = np.argsort(np.argsort(dearness, axis=0, kind="stable"), axis=0, kind="stable")
    seen: Mask = (rank < _MOST_KEPT) & np.isfinite(dearness)
    return seen


def _base(at_level: FleetArrays, is_used: Mask) -> Counts:
    """(K,) what to commit: whole bundles of it, while what runs by the hour may be divided."""
    model = fleet_model(at_level.with_choices(is_used), whole="committed")
    result = solve_model(model.model, max_gap_frac=_BASE_GAP_FRAC, max_nodes=_BASE_NODES)
    base = np.zeros(at_level.num_choices, dtype=np.int64)
    if result.values is not None:
        base[is_used] = np.rint(pick(result.values, model.committed))
    return base


def _borne_usd(at_level: FleetArrays, relaxed: FleetModel, row_duals: Array) -> Floats:
    """(K, levels) of the price of a committed bundle, by the worth of its rows in each; a rest is spread."""
    price = (
        np.where(np.isfinite(at_level.committed_usd_per_hour), at_level.committed_usd_per_hour, 0.0) * HOURS_PER_MONTH
    )
    choice, level, worth = _committed_entries(relaxed, row_duals)
    borne = np.zeros((at_level.num_choices, at_level.hours.size))
    np.add.at(borne, (choice, level), worth)
    borne = np.maximum(borne, 0.0)
    total = borne.sum(axis=1)
    borne *= np.minimum(1.0, np.divide(price, total, out=np.ones_like(price), where=total > 0))[:, None]
    rest = np.maximum(price - borne.sum(axis=1), 0.0)
    share = at_level.hours / max(at_level.hours.sum(), 1e-300)
    whole: Floats = borne + rest[:, None] * share
    return whole


def _committed_entries(relaxed: FleetModel, row_duals: Array) -> tuple[Array, Array, Array]:
    """Choice, level and worth of each coefficient of the committed columns; a row is of the level of its others."""
    model = relaxed.model
    level_of_column = np.full(model.cost.size, -1)
    for block, axis in ((relaxed.on_demand, 1), (relaxed.spot, 1), (relaxed.sent, 0)):
        level = np.arange(block.shape[axis]).reshape([-1 if one == axis else 1 for one in range(block.ndim)])
        level_of_column[block[block >= 0]] = np.broadcast_to(level, block.shape)[block >= 0]
    choice_of_column = np.full(model.cost.size, -1)
    choice_of_column[relaxed.committed[relaxed.committed >= 0]] = np.flatnonzero(relaxed.committed >= 0)
    row = np.repeat(np.arange(model.row_lower.size), np.diff(np.append(model.row_start, model.coefficient.size)))
    level_of_row = np.full(model.row_lower.size, -1)
    np.maximum.at(level_of_row, row, level_of_column[model.column_index])
    choice = choice_of_column[model.column_index]
    is_ours = (choice >= 0) & (level_of_row[row] >= 0)
    worth = (model.coefficient * row_duals[row])[is_ours]
    return choice[is_ours], level_of_row[row[is_ours]], worth


def _quality_worth(fleet: FleetArrays, relaxed: FleetModel, row_duals: Array) -> float:
    requests = (fleet.hours[:, None] * fleet.demand_requests_per_s).sum() * SECONDS_PER_HOUR
    return float(row_duals[relaxed.quality] / requests) if relaxed.quality >= 0 and requests > 0 else 0.0


def _bucket_quality_frac(fleet: FleetArrays, routed: Floats) -> Floats:
    """(B,) mean quality of each bucket under the shares of its level; 0 where none is asked."""
    if fleet.min_quality_frac is None:
        return np.zeros(fleet.hours.size)
    quality = (fleet.demand_requests_per_s * (routed @ fleet.quality_frac)).sum(axis=1)
    total = fleet.demand_requests_per_s.sum(axis=1)
    mean: Floats = np.divide(quality, total, out=np.zeros_like(total), where=total > 0)
    return mean
