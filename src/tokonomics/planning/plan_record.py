"""A proven plan as the record that a file holds: what the gateway runs and what the bill is judged against."""

from tokonomics import __version__
from tokonomics.planning.ask import Planned
from tokonomics.planning.costs import plan_cost
from tokonomics.planning.draft import Draft, Purchase
from tokonomics.planning.hosted import Hosted
from tokonomics.planning.proof import ROUTER, hours_of_replicas
from tokonomics.planning.race import FamilyPlan
from tokonomics.policy.backend import ApiBackend, FleetBackend, ReplicaHour
from tokonomics.policy.cascade import CascadePolicy, CascadeTier
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.plan import CostRange, Expected, Plan, PlannedTraffic
from tokonomics.policy.record import Policy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.summary import Spread


def plan_record(planned: Planned, chosen: FamilyPlan) -> Plan:
    """`chosen`, one of the plans of `planned`, as a record; the same question gives the same record."""
    asked, made = planned.asked, chosen.draft
    scenario = asked.scenario.model_copy(update={"today": asked.today, "snapshot": asked.catalog.snapshot})
    return Plan(
        family=chosen.name,
        policy=_policy(planned, chosen),
        expected=_expected(planned, chosen),
        traffic=_traffic(planned),
        fleets=tuple(_fleet(one, made, asked.scenario.kv_format, chosen) for one in made.purchases),
        apis=tuple(_api(one.hosted, planned) for one in made.calls),
        slo=str(asked.slo),
        reasons=chosen.proven.reasons if chosen.proven else (),
        planned_on=asked.today,
        catalogue_snapshot=asked.catalog.snapshot,
        catalogue_digest=asked.catalog.digest,
        seed=asked.simulation.seed,
        tokonomics_version=__version__,
        scenario=scenario.to_dict(),
    )


def _policy(planned: Planned, chosen: FamilyPlan) -> Policy:
    overflow: OverflowPolicy | None = chosen.proven.overflow if chosen.proven else None
    return Policy(route=RoutePolicy(router=ROUTER), overflow=overflow, cascade=_cascade(chosen.draft, planned))


def _expected(planned: Planned, chosen: FamilyPlan) -> Expected:
    cost = plan_cost(chosen.draft, planned.asked.demand)
    odds = planned.odds_of(chosen)
    summary = chosen.proven.proof.summary if chosen.proven else None
    low, high = odds.low_ratio, odds.high_ratio
    return Expected(
        month=_range(cost.usd_per_month, low, high),
        allocation=_range(cost.allocation_usd_per_mtok, low, high),
        usage=CostRange(expected_usd=cost.usage_usd_per_mtok),
        num_gpus=chosen.draft.num_gpus,
        api_frac=chosen.draft.api_frac,
        is_replayed=summary is not None,
        ttft_p95_s=_p95_s(summary.ttft if summary else None),
        itl_p95_s=_p95_s(summary.itl if summary else None),
        e2e_p95_s=_p95_s(summary.e2e if summary else None),
        slo_probability=odds.slo_probability,
        cheapest_probability=odds.cheapest_probability,
        gap_frac=chosen.draft.gap_frac,
    )


def _range(value_usd: float, low_ratio: float, high_ratio: float) -> CostRange:
    return CostRange(expected_usd=value_usd, p10_usd=value_usd * low_ratio, p90_usd=value_usd * high_ratio)


def _p95_s(spread: Spread | None) -> float | None:
    return spread.p95_s if spread else None


def _traffic(planned: Planned) -> PlannedTraffic:
    traffic = planned.asked.demand.traffic
    return PlannedTraffic(
        name=traffic.name,
        requests_per_s=traffic.requests_per_s,
        peak_requests_per_s=traffic.peak_requests_per_s,
        mean_input_tokens=traffic.mean_input_tokens,
        mean_output_tokens=traffic.mean_output_tokens,
        arrival_cv=traffic.arrival_cv,
        cached_input_frac=traffic.cached_input_frac,
        source=traffic.source,
    )


def _fleet(bought: Purchase, made: Draft, kv_format: str | None, chosen: FamilyPlan) -> FleetBackend:
    item = bought.item
    dep, sale = item.deployment, item.sale
    hours = hours_of_replicas(bought, made)
    is_bounded = chosen.proven is not None and chosen.proven.overflow is not None
    used = item.replicas_per_bundle * dep.num_gpus
    return FleetBackend(
        name=item.name,
        model=dep.model.id,
        precision=dep.precision.id,
        kv_format=kv_format or "bf16",
        engine=dep.constants.engine,
        accelerator=dep.accelerator.id,
        provider=sale.offer.provider,
        instance=sale.offer.instance,
        region=sale.offer.region,
        purchase=sale.purchase,
        tensor_parallel=dep.tensor_parallel,
        pipeline_parallel=dep.pipeline_parallel,
        expert_parallel=dep.expert_parallel,
        num_replicas=bought.most_replicas,
        gpus_per_box=item.gpus_per_bundle,
        max_sequences=item.max_sequences if is_bounded else dep.max_sequences,
        step_budget_tokens=dep.step_budget_tokens,
        usd_per_gpu_hour=item.bundle_usd_per_hour / used,
        price_as_of=sale.offer.as_of,
        price_source=sale.offer.source,
        hours=tuple(ReplicaHour(hour_of_week=hour, num_replicas=num) for hour, num in hours.items()),
    )


def _api(one: Hosted, planned: Planned) -> ApiBackend:
    spec = planned.asked.simulation
    return ApiBackend(
        name=one.name,
        endpoint=one.name,
        model=one.price.model_id,
        input_usd_per_mtok=one.input_usd_per_mtok,
        output_usd_per_mtok=one.output_usd_per_mtok,
        price_as_of=one.price.as_of or "unknown",
        price_source=one.price.source,
        ttft_p95_s=spec.api_ttft_s,
        itl_p95_s=spec.api_itl_s,
    )


def _cascade(made: Draft, planned: Planned) -> CascadePolicy | None:
    """The measured cascade that the plan follows: a backend of its first tier, then one of the next."""
    if len(made.way.calls) == 1:
        return None
    backend_of = {one.item.tier: one.item.name for one in made.purchases}
    backend_of |= {one.hosted.tier: one.hosted.name for one in made.calls if one.hosted.tier not in backend_of}
    (first, _), (following, _) = made.way.calls
    measured = next(one for one in planned.asked.spec.cascades if (one.first, one.next) == (first, following))
    tiers = (
        CascadeTier(backend=backend_of[first], accept_confidence_frac=measured.accept_confidence_frac),
        CascadeTier(backend=backend_of[following]),
    )
    return CascadePolicy(tiers=tiers)
