"""Patterns of all buckets put together: what to commit, which pattern where, and what the shared things are worth.

The programme chooses one pattern for each bucket, and what is committed or rented by the hour to run it; quality is a
row over all buckets. Divided, its duals part the price of commitments over the buckets; whole, it is a fleet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokonomics.planning.bucket_search import Pattern
from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_model import usd_by_bucket
from tokonomics.planning.fleet_problem import Counts, Floats
from tokonomics.planning.highs import ModelResult, solve_model
from tokonomics.planning.linear_model import Indices, LinearModel, ModelBuilder
from tokonomics.units import HOURS_PER_MONTH

_WHOLE_GAP_FRAC = 0.002
_WHOLE_NODES = 300


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prices:
    """What parts a month into buckets.

    borne_usd: (K, B) of the month's price of a committed bundle, that a bucket bears; inf: none is sold.
    quality_usd_per_request: worth of quality 1 in a request; None: none is asked.
    """

    borne_usd: Floats
    quality_usd_per_request: float | None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Together:
    """A choice of patterns: the cost, what is committed (K,) and the pattern of each bucket."""

    usd: float
    num_committed: Counts
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Master:
    model: LinearModel
    used: Counts
    committed: Indices
    picked: Indices
    running: Indices
    quality: int
    quality_scale: float


def prices_of(
    fleet: FleetArrays, patterns: Sequence[Pattern], base: Counts | None = None
) -> tuple[Prices, float] | None:
    """The prices at which `patterns` are in balance, and what they cost, divided; None where they cannot be combined.

    base: (K,) what is committed, where that is settled. What a choice that no pattern runs should bear is not known
    from these: nothing.
    """
    if not patterns:
        return None
    master = _master(fleet, patterns, is_whole=False, base=base)
    result = solve_model(master.model)
    if result.values is None:
        return None
    borne = np.where(np.isfinite(fleet.committed_usd_per_hour), 0.0, np.inf)[:, None] + np.zeros(fleet.hours.size)
    sold = np.isfinite(fleet.committed_usd_per_hour[master.used])
    borne[master.used[sold]] = _within_price(fleet, master.used[sold], result.row_duals[master.running[sold]])
    return Prices(borne_usd=borne, quality_usd_per_request=_quality_worth(master, result)), result.cost_usd


def together(fleet: FleetArrays, patterns: Sequence[Pattern], base: Counts | None = None) -> Together | None:
    """The cheapest choice of whole patterns found, with `base` (K,) committed where given; None: there is none."""
    if not patterns:
        return None
    master = _master(fleet, patterns, is_whole=True, base=base)
    result = solve_model(master.model, max_gap_frac=_WHOLE_GAP_FRAC, max_nodes=_WHOLE_NODES)
    if result.values is None:
        return None
    committed = np.zeros(fleet.num_choices, dtype=np.int64)
    committed[master.used] = np.rint(result.values[master.committed])
    chosen = {one.bucket: one for one, share in zip(patterns, result.values[master.picked]) if share > 0.5}
    in_order = tuple(chosen[bucket] for bucket in range(fleet.hours.size))
    return Together(usd=result.cost_usd, num_committed=committed, patterns=in_order)


def _within_price(fleet: FleetArrays, choices: Counts, worth: Floats) -> Floats:
    """(choices, B) what each bucket bears: its worth, cut where the buckets together would bear more than the price.

    They would where a limit binds what is committed; a bound from such parts would be none.
    """
    borne = np.maximum(worth, 0.0)
    price, total = fleet.committed_usd_per_hour[choices] * HOURS_PER_MONTH, borne.sum(axis=1)
    cut: Floats = borne * np.minimum(1.0, price / np.where(total > 0, total, 1.0))[:, None]
    return cut


def _quality_worth(master: _Master, result: ModelResult) -> float | None:
    if master.quality < 0:
        return None
    return max(float(result.row_duals[master.quality]), 0.0) / master.quality_scale


def _master(fleet: FleetArrays, patterns: Sequence[Pattern], *, is_whole: bool, base: Counts | None = None) -> _Master:
    running = np.array([one.num_running for one in patterns]).T
    used = np.flatnonzero(np.maximum(running.max(axis=1), 0 if base is None else base) > 0)
    running, bucket = running[used].astype(float), np.array([one.bucket for one in patterns])
    out = ModelBuilder()
    committed = _committed(out, fleet, used, base, is_whole=is_whole)
    rented_usd = usd_by_bucket(fleet.on_demand_usd_per_hour, fleet.hours)[used]
    is_sold = np.isfinite(rented_usd)
    rented = out.add_columns(np.where(is_sold, rented_usd, 0.0), upper=np.where(is_sold, np.inf, 0.0))
    picked = out.add_columns([one.other_usd for one in patterns], upper=1.0 if is_whole else np.inf, integer=is_whole)
    out.add_entries(out.add_rows((fleet.hours.size,), lower=1.0, upper=1.0)[bucket], picked, 1.0)
    rows = out.add_rows((used.size, fleet.hours.size), lower=0.0)
    out.add_entries(rows, committed[:, None], 1.0)
    out.add_entries(rows, rented, 1.0)
    out.add_entries(rows[:, bucket], picked, -running)
    surplus = np.array([one.num_surplus_requests for one in patterns])
    scale = 1.0 / max(float(np.abs(surplus).max(initial=0.0)), 1.0)
    quality = -1
    if fleet.min_quality_frac is not None:
        quality = int(out.add_rows((1,), lower=0.0)[0])
        out.add_entries(quality, picked, surplus * scale)
    return _Master(
        model=out.build(),
        used=used,
        committed=committed,
        picked=picked,
        running=rows,
        quality=quality,
        quality_scale=1.0 / scale,
    )


def _committed(out: ModelBuilder, fleet: FleetArrays, used: Counts, base: Counts | None, *, is_whole: bool) -> Indices:
    """Columns of what is committed of the choices `used`, within the limits on it."""
    price = fleet.committed_usd_per_hour[used]
    is_sold = np.isfinite(price)
    most = np.where(is_sold, np.floor(fleet.num_most_replicas[used] / fleet.num_per_bundle[used] + 1e-9), 0.0)
    lower, upper = (0.0, most) if base is None else (base[used], base[used])
    usd = np.where(is_sold, price, 0.0) * HOURS_PER_MONTH
    columns = out.add_columns(usd, lower=lower, upper=upper, integer=is_whole)
    limits = out.add_rows((fleet.most_gpus.size,), upper=fleet.most_gpus)
    out.add_entries(limits[:, None], columns, fleet.bundle_gpus[:, used])
    return columns
