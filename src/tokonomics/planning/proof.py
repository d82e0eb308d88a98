"""The proof of a draft: its fleet and its policy under the traffic, request by request, in the simulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from tokonomics.errors import InputError
from tokonomics.physics.capacity import memory_box
from tokonomics.physics.deployment import Deployment
from tokonomics.physics.step import StepModel, step_model
from tokonomics.planning.cascade_proof import cascade_latency, is_cascade, run_cascade
from tokonomics.planning.draft import Draft, Purchase
from tokonomics.policy.overflow import OverflowPolicy
from tokonomics.policy.route import RoutePolicy
from tokonomics.simulation.cascade import ApiTier
from tokonomics.simulation.deploy import Deployed, engine_options, num_kv_blocks
from tokonomics.simulation.fleet import FleetResult, simulate_fleet
from tokonomics.simulation.fleet_spec import FleetSpec, ReplicaSpec
from tokonomics.simulation.proof_traffic import ProofTraffic
from tokonomics.simulation.spot_life import SpotLife, stressed_life_hours
from tokonomics.simulation.state import OVERFLOWED
from tokonomics.simulation.summary import SloCheck, Summary, request_latency, summarise
from tokonomics.simulation.weekly import capacity_plan, replicas_at
from tokonomics.workload.scenario_simulation import SimulationSpec
from tokonomics.workload.slo import Slo

ROUTER: Final = "least_outstanding_tokens"
_OVERFLOW_AT_FRAC: Final = 0.7
"""Share of the limit on the first token at which requests begin to overflow, before any repair."""
_LEAVE_FRAC: Final = 0.5
_QUEUE_TOKENS: Final = 16_384
"""Waiting tokens at which requests overflow where no limit on the first token is set: two full steps."""
_MOST_REPLICAS: Final = 10_000
"""Of one purchase: what the simulator replays and a plan file holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setup:
    """How drafts are run: the SLO, the block `simulation` of the scenario, and the life of spot replicas.

    most_hosted_frac: of the requests, that may overflow; beyond it nobody knows the latency that is limited.
    """

    slo: Slo
    spec: SimulationSpec
    life: SpotLife
    most_hosted_frac: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Proof:
    """A replay of a draft. `api_frac` is the share of the endpoint's bill for everything that it was really sent.

    others: replays of hours in which machines run that the stretch of this one never saw, by the hour of the week; the
    limits must hold there too, the figures of a plan are those of its busiest stretch.
    """

    fleet: FleetSpec
    result: FleetResult
    summary: Summary
    api_frac: float
    most_hosted_frac: float = 1.0
    others: Mapping[int, "Proof"] = field(default_factory=dict)

    @property
    def checks(self) -> tuple[SloCheck, ...]:
        """The limits against what was simulated."""
        return self.summary.slo_checks

    @property
    def overflows_too_much(self) -> bool:
        """Whether more requests overflow than leave the limits known."""
        return self.summary.overflow_frac > self.most_hosted_frac

    @property
    def misses(self) -> tuple[str, ...]:
        """The limits that are missed, and requests that nobody answered, in words."""
        late = [
            f"{one.limit.name} {one.measured_s:.3g} s > {one.limit.limit_s:g} s" for one in self.checks if _is_late(one)
        ]
        unserved = {
            name: num for name, num in self.summary.num_by_status.items() if name in ("rejected", "lost") and num
        }
        hidden = (
            [f"{self.summary.overflow_frac:.1%} of the requests overflow > {self.most_hosted_frac:.1%}"]
            if self.overflows_too_much
            else []
        )
        elsewhere = (f"{words} in hour {hour} of the week" for hour, one in self.others.items() for words in one.misses)
        return (*late, *(f"{num:,} requests {name}" for name, num in unserved.items()), *hidden, *elsewhere)


def _is_late(check: SloCheck) -> bool:
    return check.is_met is False


def overflow_policy(name: str, slo: Slo, threshold_ratio: float = 1.0) -> OverflowPolicy:
    """When requests go to the API called `name`: at a share of the limit on the first token, else at a queue.

    `threshold_ratio` lowers the threshold in a repair.
    """
    limits_s = [limit.limit_s for limit in slo.limits_of("ttft")]
    if limits_s:
        enter_s = min(limits_s) * _OVERFLOW_AT_FRAC * threshold_ratio
        return OverflowPolicy(backend=name, enter_ttft_s=enter_s, leave_ttft_s=enter_s * _LEAVE_FRAC)
    enter = max(int(_QUEUE_TOKENS * threshold_ratio), 1)
    return OverflowPolicy(backend=name, enter_queue_tokens=enter, leave_queue_tokens=int(enter * _LEAVE_FRAC))


def prove(
    draft: Draft,
    traffic: ProofTraffic,
    setup: Setup,
    *,
    seed: int,
    overflow: OverflowPolicy | None,
    slower_ratio: float = 1.0,
) -> Proof:
    """Replay `traffic` on the fleet of `draft`; `slower_ratio` stretches every step of every replica."""
    specs = [_replicas(one, draft, traffic, setup, is_bounded=overflow is not None) for one in draft.purchases]
    if slower_ratio != 1.0:
        specs = [replace(one, step_model=slower(one.step_model, slower_ratio)) for one in specs]
    rng = np.random.default_rng([seed, 0])  # as `tok simulate` draws
    if is_cascade(draft):
        return _prove_cascade(draft, specs, traffic, setup, rng)
    fleet = _fleet(specs, overflow)
    result = simulate_fleet(traffic.requests, fleet, rng=rng)
    latency = request_latency(
        traffic.requests, result, api_ttft_s=setup.spec.api_ttft_s, api_itl_s=setup.spec.api_itl_s
    )
    return Proof(
        fleet=fleet,
        result=result,
        summary=summarise(traffic.requests, result, latency, setup.slo),
        api_frac=_api_frac(draft, traffic, result),
        most_hosted_frac=setup.most_hosted_frac,
    )


def _fleet(specs: Sequence[ReplicaSpec], overflow: OverflowPolicy | None) -> FleetSpec:
    return FleetSpec(replicas=tuple(specs), route=RoutePolicy(router=ROUTER), overflow=overflow, keep_tokens=True)


def _prove_cascade(
    draft: Draft, specs: Sequence[ReplicaSpec], traffic: ProofTraffic, setup: Setup, rng: np.random.Generator
) -> Proof:
    """Both tiers in replay; the counts of the summary are those of the first, which is asked everything."""
    tiers = [one.item.tier for one in draft.purchases]
    pairs = list(zip(tiers, specs, strict=True))
    fleets = {
        tier: _fleet([spec for its_tier, spec in pairs if its_tier == tier], None) for tier in dict.fromkeys(tiers)
    }
    hosted = ApiTier(ttft_s=setup.spec.api_ttft_s, itl_s=setup.spec.api_itl_s)
    run = run_cascade(draft, traffic.requests, fleets, hosted, rng)
    result = run.tiers[0].result
    assert result is not None
    latency = cascade_latency(traffic.requests, run, api_itl_s=setup.spec.api_itl_s)
    return Proof(
        fleet=fleets[tiers[0]],
        result=result,
        summary=summarise(traffic.requests, result, latency, setup.slo),
        api_frac=draft.api_frac,
    )


def _api_frac(draft: Draft, traffic: ProofTraffic, result: FleetResult) -> float:
    if draft.api is None:
        return 0.0
    requests = traffic.requests
    usd = requests.input_tokens * draft.api.input_usd_per_mtok + requests.output_tokens * draft.api.output_usd_per_mtok
    return float(usd[result.status == OVERFLOWED].sum() / usd.sum())


def slower(model: StepModel, ratio: float) -> StepModel:
    """Coefficients of a deployment whose every step takes `ratio` times as long."""
    times = ("overhead_s", "sequence_overhead_s", "prompt_overhead_s", "collective_s")
    rates = ("memory_bytes_per_s", "gemm_flop_per_s", "kv_bytes_per_s", "attention_flop_per_s", "link_bytes_per_s")
    longer = {name: getattr(model, name) * ratio for name in times}
    return replace(model, **longer, **{name: getattr(model, name) / ratio for name in rates})


def hours_of_replicas(purchase: Purchase, draft: Draft) -> Mapping[int, int]:
    """Replicas from each hour of the week on, where that changes; empty where they stand as they are."""
    if draft.buckets.bucket_of_hour is None or purchase.num_replicas.min() == purchase.num_replicas.max():
        return {}
    by_hour = purchase.num_replicas[draft.buckets.bucket_of_hour]
    return {hour: int(num) for hour, num in enumerate(by_hour) if hour == 0 or num != by_hour[hour - 1]}


def _replicas(
    purchase: Purchase, draft: Draft, traffic: ProofTraffic, setup: Setup, *, is_bounded: bool
) -> ReplicaSpec:
    """The replicas of a purchase; where requests may overflow, none runs a batch that would break the SLO."""
    item = purchase.item
    if purchase.most_replicas > _MOST_REPLICAS:
        raise InputError(
            f"the load takes {purchase.most_replicas:,} replicas of {item.name}; limit={_MOST_REPLICAS:,} in one plan;"
            " plan for a part of the load"
        )
    dep = replace(item.deployment, max_sequences=item.max_sequences) if is_bounded else item.deployment
    is_spot = purchase.item.sale.purchase == "spot"
    hours = hours_of_replicas(purchase, draft)
    span_s = float(traffic.requests.arrival_s[-1])
    life_hours = stressed_life_hours(setup.life.mean_life_hours, num_replicas=purchase.most_replicas, span_s=span_s)
    return ReplicaSpec(
        name=purchase.item.name,
        step_model=step_model(dep),
        options=engine_options(
            _deployed(dep, traffic), setup.spec, cached_input_frac=traffic.cached_input_frac, hashed=traffic.is_hashed
        ),
        num_replicas=replicas_at(hours, traffic.begin_s) if hours else purchase.most_replicas,
        capacity_plan=capacity_plan(hours, begin_s=traffic.begin_s, span_s=span_s),
        load_s=setup.life.load_s if is_spot else 0.0,
        mean_spot_life_hours=life_hours if is_spot else None,
    )


def _deployed(dep: Deployment, traffic: ProofTraffic) -> Deployed:
    blocks = num_kv_blocks(memory_box(dep), traffic.mean_context_tokens)
    return Deployed(deployment=dep, step_model=step_model(dep), num_kv_blocks=blocks)
