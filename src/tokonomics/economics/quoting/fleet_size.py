"""How many replicas carry the traffic within the SLO, for many deployments at once.

For each deployment the batch is swept from 1 to what memory holds; the largest request rate whose latency
percentiles still meet the SLO is the replica's capacity; the fleet is the peak rate over that, rounded up.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.quoting.demand import Demand, limit_percentile
from tokonomics.physics.latency import LatencyEstimate, batch_at_percentile, latency_estimate
from tokonomics.physics.steady import steady_batch
from tokonomics.physics.step import StepModel
from tokonomics.workload.slo import SloLimit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_COARSE_POINTS = 33
_FINE_POINTS = 17
_HEADROOM_PERCENTILE = 95.0
"""The batch that is exceeded 5 % of the time must still fit in memory: no preemption in ordinary hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSizes:
    """Fleets for n deployments; arrays of shape (n,).

    `capacity_requests_per_s` is what one replica carries within the SLO. Where no load at all meets the SLO
    (`can_meet` false) the fleet is sized as if there were none, so that its cost still shows. `batch_sequences` is
    the mean batch of a replica at the peak rate. `num_replicas` is 0 where nothing fits.
    """

    can_meet: Flags
    capacity_requests_per_s: Floats
    num_replicas: NDArray[np.int64]
    batch_sequences: Floats

    def pick(self, index: Flags) -> Self:
        """Select deployments by a mask."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


def size_fleets(model: StepModel, max_batch: Floats, demand: Demand, *, num_spare_replicas: int = 0) -> FleetSizes:
    """Size a fleet of each of the n deployments in `model` (coefficients of shape (n,)) for `demand`."""
    within_slo = _largest_batch(model, max_batch, demand, _meets(demand))
    within_memory = _largest_batch(model, max_batch, demand, lambda _model, batch: np.isfinite(batch))
    can_meet = within_slo > 0.0
    limit = np.where(can_meet, within_slo, within_memory)
    capacity = np.where(limit > 0.0, replica_requests_per_s(model, np.maximum(limit, 1.0), demand), 0.0)
    with np.errstate(divide="ignore"):
        needed = np.ceil(demand.peak_requests_per_s / capacity - 1e-9)
    carries = np.isfinite(needed)
    num_replicas = np.where(carries, np.maximum(needed, 1.0) + num_spare_replicas, 0.0).astype(np.int64)
    return FleetSizes(
        can_meet=can_meet,
        capacity_requests_per_s=capacity,
        num_replicas=num_replicas,
        batch_sequences=running_sequences(
            model, limit, demand, demand.peak_requests_per_s / np.maximum(num_replicas, 1)
        ),
    )


def replica_requests_per_s(model: StepModel, batch: Floats, demand: Demand) -> Floats:
    """What one replica carries at mean batches that broadcast with the coefficients."""
    return steady_batch(model, batch, demand.shape).requests_per_s


def _meets(demand: Demand) -> Callable[[StepModel, Floats], Flags]:
    """Build the test of all SLO limits on a grid of mean batches."""

    def test(model: StepModel, batch: Floats) -> Flags:
        met = np.ones(batch.shape, dtype=bool)
        for limit in demand.slo.limits:
            met &= limited_s(model, batch, demand, limit) <= limit.limit_s
        return met

    return test


def limited_s(model: StepModel, batch: Floats, demand: Demand, limit: SloLimit) -> Floats:
    """The statistic that `limit` limits, in seconds, at mean batches that broadcast with the coefficients."""
    percentile = limit_percentile(limit)
    estimate = latency_estimate(model, batch, demand.shape, demand.spread_at(percentile), percentile)
    return metric_s(estimate, limit.metric)


def metric_s(estimate: LatencyEstimate, metric: str) -> Floats:
    """The named latency of an estimate: `ttft`, `itl` or `e2e`, in seconds."""
    return {"ttft": estimate.ttft_s, "itl": estimate.itl_s, "e2e": estimate.e2e_s}[metric]


def _largest_batch(
    model: StepModel, max_batch: Floats, demand: Demand, test: Callable[[StepModel, Floats], Flags]
) -> Floats:
    """Largest mean batch that passes `test` and leaves room for its own fluctuation; 0 where none does.

    A coarse geometric sweep brackets the edge, a fine one between the last pass and the first fail places it.
    """
    columns = model.column()
    low, high = np.ones_like(max_batch), np.maximum(max_batch, 1.0)
    best = np.zeros_like(max_batch)
    for num_points in (_COARSE_POINTS, _FINE_POINTS):
        grid = np.geomspace(low, high, num_points, axis=-1)
        passes = test(columns, grid) & (headroom_sequences(grid) <= np.maximum(max_batch, 0.0)[:, None])
        last = np.where(passes.any(axis=-1), num_points - 1 - np.argmax(passes[:, ::-1], axis=-1), -1)
        rows = np.arange(len(grid))
        best = np.where(last >= 0, grid[rows, last], best)
        low = np.where(last >= 0, grid[rows, last], low)
        high = np.where(last >= 0, grid[rows, np.minimum(last + 1, num_points - 1)], low)
    return best


def headroom_sequences(batch: Floats) -> Floats:
    """The batch that must fit for a mean of `batch`; a single sequence fluctuates to nothing larger."""
    return np.where(batch <= 1.0, batch, batch_at_percentile(batch, _HEADROOM_PERCENTILE))


def running_sequences(model: StepModel, limit: Floats, demand: Demand, requests_per_s: Floats) -> Floats:
    """Mean batch at which a replica carries `requests_per_s`, by bisection below `limit` (rates rise with batch)."""
    low, high = np.ones_like(limit), np.maximum(limit, 1.0)
    for _ in range(30):
        middle = np.sqrt(low * high)
        above = replica_requests_per_s(model, middle, demand) >= requests_per_s
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high
