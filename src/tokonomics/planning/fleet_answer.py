"""The solution in the words of the problem: every choice, bucket and way in its place, and what the cost is made of."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tokonomics.planning.bundles import (
    Fleet,
    cost_usd_per_month,
    mean_quality_frac,
    sent_requests_per_s,
    total_usd_per_month,
)
from tokonomics.planning.fleet_arrays import FleetArrays
from tokonomics.planning.fleet_problem import Counts, FleetProblem, FleetSolution, FleetTerm, Floats
from tokonomics.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

_LEAST_USD = 1e-12
_Number = TypeVar("_Number", np.float64, np.int64)


def fleet_solution(
    problem: FleetProblem, fleet: FleetArrays, found: Fleet, *, bound_usd_per_month: float, num_nodes: int
) -> FleetSolution:
    """`found`, which is of the pruned and merged `fleet`, as the solution of `problem`."""
    usd = total_usd_per_month(fleet, found)
    bound = max(0.0, min(bound_usd_per_month, usd))
    gap = (usd - bound) / usd if usd > _LEAST_USD else 0.0
    by_mode, by_api = cost_usd_per_month(fleet, found)
    return FleetSolution(
        usd_per_month=usd,
        bound_usd_per_month=bound,
        gap_frac=gap,
        is_optimal=gap <= problem.max_gap_frac + 1e-9,
        num_committed=_placed(found.num_committed, fleet.choice_index, len(problem.choices)),
        num_on_demand=_placed(found.num_on_demand[:, fleet.bucket_index], fleet.choice_index, len(problem.choices)),
        num_spot=_placed(found.num_spot[:, fleet.bucket_index], fleet.choice_index, len(problem.choices)),
        way_requests_per_s=_way_requests_per_s(problem, fleet, found),
        backend_requests_per_s=_backend_requests_per_s(problem, fleet, found),
        backend_usd_per_month=np.concatenate(
            [_placed(by_mode.sum(axis=1), fleet.choice_index, len(problem.choices)), by_api]
        ),
        quality_frac=mean_quality_frac(fleet, found),
        num_nodes=num_nodes,
        terms=tuple(_choice_terms(problem, fleet, found, by_mode) + _api_terms(problem, fleet, found, by_api)),
    )


def _placed(values: NDArray[_Number], place: Counts, size: int) -> NDArray[_Number]:
    """Rows of `values` at their place among `size` rows, zeros elsewhere."""
    out = np.zeros((size, *values.shape[1:]), dtype=values.dtype)
    out[place] = values
    return out


def _way_requests_per_s(problem: FleetProblem, fleet: FleetArrays, found: Fleet) -> Floats:
    rates = found.routed * fleet.demand_requests_per_s[:, :, None]
    out = np.zeros((*rates.shape[:2], len(problem.ways)))
    out[:, :, fleet.way_index] = rates
    spread: Floats = out[fleet.bucket_index]
    return spread


def _backend_requests_per_s(problem: FleetProblem, fleet: FleetArrays, found: Fleet) -> Floats:
    rates = sent_requests_per_s(fleet, found)
    out = np.zeros((*rates.shape[:2], len(problem.choices) + len(problem.apis)))
    out[:, :, fleet.choice_index] = rates[:, :, : fleet.num_choices]
    out[:, :, len(problem.choices) :] = rates[:, :, fleet.num_choices :]
    spread: Floats = out[fleet.bucket_index]
    return spread


def _choice_terms(problem: FleetProblem, fleet: FleetArrays, found: Fleet, by_mode: Floats) -> list[FleetTerm]:
    modes = (
        ("committed", fleet.committed_usd_per_hour, found.num_committed * HOURS_PER_MONTH),
        ("on demand", fleet.on_demand_usd_per_hour, found.num_on_demand @ fleet.hours),
        ("spot", fleet.spot_usd_per_hour, found.num_spot @ fleet.hours),
    )
    terms = []
    for place, index in enumerate(fleet.choice_index):
        for column, (mode, price, bundle_hours) in enumerate(modes):
            if bundle_hours[place] > 0:
                how = f"{bundle_hours[place]:,.1f} bundle-hours a month x {price[place]:,.4f} USD an hour"
                name = f"{problem.choices[int(index)].name}, {mode}"
                terms.append(FleetTerm(name=name, how=how, usd_per_month=float(by_mode[place, column])))
    return terms


def _api_terms(problem: FleetProblem, fleet: FleetArrays, found: Fleet, by_api: Floats) -> list[FleetTerm]:
    calls = sent_requests_per_s(fleet, found)[:, :, fleet.num_choices :].sum(axis=1)
    per_month = calls.T @ fleet.hours * SECONDS_PER_HOUR
    return [
        FleetTerm(
            name=api.name, how=f"{num:,.0f} requests a month at the prices of their classes", usd_per_month=float(usd)
        )
        for api, num, usd in zip(problem.apis, per_month, by_api)
        if num > 0
    ]
