"""Cost against load: what a million tokens costs as the request rate moves, replicas staying whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokonomics.economics.quoting.demand import Demand
from tokonomics.economics.quoting.options import Option
from tokonomics.units import HOURS_PER_MONTH, MTOK, SECONDS_PER_MONTH

_DECADES_EITHER_SIDE = 1.5
_NUM_POINTS = 121


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadCurve:
    """Blended allocation cost of one option over mean request rates, and the user's own point on it."""

    name: str
    requests_per_s: NDArray[np.float64]
    blended_usd_per_mtok: NDArray[np.float64]
    own_requests_per_s: float
    own_blended_usd_per_mtok: float


def load_curve(option: Option, demand: Demand) -> LoadCurve | None:
    """Sweep the rate 1.5 decades either side of the user's; None for an option without a price.

    A self-hosted fleet pays for ceil(peak rate / capacity of a replica) replicas in whole boxes, at every rate
    with the peak-to-mean of the traffic: a falling line broken by steps. An API costs the same at any rate.
    """
    if option.usd_per_mtok is None:
        return None
    own = demand.requests_per_s
    rates = own * np.logspace(-_DECADES_EITHER_SIDE, _DECADES_EITHER_SIDE, _NUM_POINTS)
    return LoadCurve(
        name=option.name,
        requests_per_s=rates,
        blended_usd_per_mtok=_self_host_cost(option, demand, rates)
        if option.operation
        else np.full(_NUM_POINTS, option.usd_per_mtok.allocation.blended_usd_per_mtok),
        own_requests_per_s=own,
        own_blended_usd_per_mtok=option.usd_per_mtok.allocation.blended_usd_per_mtok,
    )


def _self_host_cost(option: Option, demand: Demand, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    run, price = option.operation, option.price
    assert run is not None
    assert price.usd_per_hour is not None
    peak = rates * demand.peak_requests_per_s / demand.requests_per_s
    spare = run.num_replicas - np.ceil(demand.peak_requests_per_s / run.capacity_requests_per_s - 1e-9)
    replicas = np.maximum(np.ceil(peak / run.capacity_requests_per_s - 1e-9), 1.0) + max(spare, 0.0)
    boxes = np.ceil(replicas / (price.num_gpus // run.gpus_per_replica))
    tokens = rates * SECONDS_PER_MONTH * demand.month.total_tokens / (demand.requests_per_s * SECONDS_PER_MONTH)
    return np.asarray(boxes * price.usd_per_hour * HOURS_PER_MONTH / tokens * MTOK)
