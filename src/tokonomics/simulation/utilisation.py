"""How full a fleet was: what it served, over what it could have served.

A replica runs steps for one sequence as it does for a thousand, so the share of time with a step running says nothing
of what is left. `tok quote` reckons the rate that a replica sustains within the SLO, or without one at the largest
batch that fits; the same rate is the measure here.
"""

from dataclasses import dataclass

import numpy as np

from tokonomics.economics.quoting.demand import demand_of
from tokonomics.economics.quoting.fleet_size import size_fleets
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.step import stack_step_models
from tokonomics.simulation.deploy import Deployed
from tokonomics.simulation.work import Work
from tokonomics.workload.arrivals import gap_cv
from tokonomics.workload.record import Traffic
from tokonomics.workload.slo import Slo
from tokonomics.workload.trace import Trace

_MOST_LENGTHS = 100_000
"""Lengths that stand for all: enough for their 99th percentile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Utilisation:
    """Two shares of the leased time of a fleet, by replicas.

    stepping_frac: time with a step running, be its batch ever so small.
    utilisation_frac: requests served, over those that the leased replicas would have served at
    `capacity_requests_per_s` each: the rate that a replica sustains within the SLO, or at the largest batch that fits
    where no SLO is stated or none can be met. Above 1 the SLO is missed, or the queue grows. None where nothing was
    served.
    """

    stepping_frac: float
    utilisation_frac: float | None
    capacity_requests_per_s: float | None

    @property
    def used_frac(self) -> float:
        """Share of the leases that the basis `usage` pays for, as in a quote: utilisation, at most all of them."""
        return 0.0 if self.utilisation_frac is None else min(self.utilisation_frac, 1.0)


def utilisation(
    work: Work, trace: Trace, deployed: Deployed, slo: Slo, *, max_output_tokens: int | None
) -> Utilisation:
    """How full the fleet was that did `work`, asked for requests like those of `trace`."""
    stepping_frac = min(work.busy_s / work.leased_s, 1.0) if work.leased_s > 0 else 0.0  # sums of steps round
    if not (work.num_served and work.leased_s > 0):
        return Utilisation(stepping_frac=stepping_frac, utilisation_frac=None, capacity_requests_per_s=None)
    served_requests_per_s = work.num_served / work.leased_s
    demand = demand_of(
        _traffic(work, trace, served_requests_per_s, max_output_tokens),
        slo,
        step_budget_tokens=float(deployed.deployment.step_budget_tokens),
    )
    most = float(memory_box(deployed.deployment).max_batch(demand.shape.context_tokens))
    sizes = size_fleets(stack_step_models([deployed.step_model]), np.array([most]), demand)
    capacity = float(sizes.capacity_requests_per_s[0])
    return Utilisation(
        stepping_frac=stepping_frac,
        utilisation_frac=served_requests_per_s / capacity if capacity > 0 else None,
        capacity_requests_per_s=capacity or None,
    )


def _traffic(work: Work, trace: Trace, requests_per_s: float, max_output_tokens: int | None) -> Traffic:
    """The lengths that were asked for, with the share of prompts that was found in a cache."""
    every = -(-trace.num_requests // _MOST_LENGTHS)
    outputs = trace.output_tokens[::every]
    cv = None if trace.arrivals_s is None or trace.is_quantised else gap_cv(trace.arrivals_s)
    return Traffic(
        name=trace.name,
        requests_per_s=requests_per_s,
        peak_requests_per_s=requests_per_s,
        input_tokens=trace.input_tokens[::every],
        output_tokens=outputs if max_output_tokens is None else np.minimum(outputs, max_output_tokens),
        arrival_cv=1.0 if cv is None else cv,
        cached_input_frac=1.0 - work.prompt_tokens / work.input_tokens,
        source=trace.name,
    )
