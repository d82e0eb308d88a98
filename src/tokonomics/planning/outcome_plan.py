"""The outcome that a plan file expects."""

from datetime import date

from tokonomics.planning.outcome import Outcome
from tokonomics.planning.price_age import price_level, worst_level
from tokonomics.policy.plan import Plan


def plan_outcome(plan: Plan) -> Outcome:
    """What `plan` expects of itself; its prices are judged as of the day it was made."""
    expected = plan.expected
    return Outcome(
        option=plan.family,
        usd_per_month=expected.month.expected_usd,
        allocation_usd_per_mtok=expected.allocation.expected_usd,
        usage_usd_per_mtok=expected.usage.expected_usd,
        ttft_p95_s=expected.ttft_p95_s,
        itl_p95_s=expected.itl_p95_s,
        e2e_p95_s=expected.e2e_p95_s,
        slo_probability=expected.slo_probability,
        num_gpus=expected.num_gpus,
        freshness=plan_freshness(plan, today=plan.planned_on),
    )


def plan_freshness(plan: Plan, *, today: date) -> str:
    """The worst standing of the prices that `plan` rests on; what is owned has none."""
    rented = [one for one in plan.fleets if one.purchase != "owned"]
    levels = [price_level(one.price_as_of, purchase=one.purchase, today=today) for one in rented]
    levels += [price_level(one.price_as_of, purchase="per token", today=today) for one in plan.apis]
    return worst_level(levels)
