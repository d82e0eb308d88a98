"""What a plan costs on both bases, and how busy it is."""

from dataclasses import dataclass

from tokonomics.economics.demand import Demand
from tokonomics.planning.draft import Draft
from tokonomics.units import MTOK


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanCost:
    """USD of a month, and of a million tokens, input and output together.

    `allocation` is all that is paid; `usage` the share of the machines that worked, and the endpoint.
    """

    usd_per_month: float
    allocation_usd_per_mtok: float
    usage_usd_per_mtok: float
    utilisation_frac: float


def plan_cost(draft: Draft, demand: Demand) -> PlanCost:
    """The cost of `draft` for `demand`. Machines work in the share of their capacity within the SLO that is asked."""
    mtok = demand.month.total_tokens / MTOK
    own_requests_per_s = demand.requests_per_s * (1.0 - draft.api_frac)
    capacity = draft.mean_capacity_requests_per_s
    used_frac = min(own_requests_per_s / capacity, 1.0) if capacity > 0.0 else 0.0
    return PlanCost(
        usd_per_month=draft.usd_per_month,
        allocation_usd_per_mtok=draft.usd_per_month / mtok,
        usage_usd_per_mtok=(draft.fleet_usd_per_month * used_frac + draft.api_usd_per_month) / mtok,
        utilisation_frac=used_frac,
    )
