"""What a plan costs on both bases, and how busy it is."""

from dataclasses import dataclass

from tokonomics.economics.quoting.demand import Demand
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
    used_usd = sum(_used_usd_per_month(draft, tier, demand.requests_per_s) for tier, _ in draft.way.calls)
    return PlanCost(
        usd_per_month=draft.usd_per_month,
        allocation_usd_per_mtok=draft.usd_per_month / mtok,
        usage_usd_per_mtok=(used_usd + draft.api_usd_per_month) / mtok,
        utilisation_frac=used_usd / draft.fleet_usd_per_month if draft.purchases else 0.0,
    )


def _used_usd_per_month(draft: Draft, tier: str, requests_per_s: float) -> float:
    """What the machines of one tier cost in the share of their capacity that their calls take.

    The tiers of a cascade are machines or an endpoint, never both; any other plan sends its endpoint a share.
    """
    bought = [one for one in draft.purchases if one.item.tier == tier]
    if not bought:
        return 0.0
    hosted_frac = draft.api_frac if len(draft.way.calls) == 1 else 0.0
    calls_per_s = requests_per_s * dict(draft.way.calls)[tier] * (1.0 - hosted_frac)
    capacity = sum(one.mean_capacity_requests_per_s(draft.buckets) for one in bought)
    return sum(one.usd_per_month(draft.buckets) for one in bought) * min(calls_per_s / capacity, 1.0)
